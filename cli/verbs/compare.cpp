// compare: are these the same person?

#include <algorithm>
#include <memory>

#include "run/measure.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::optional<double> distance;  // by default what suits the network
};

struct Measured {
    std::string path;
    ffr::Embedding embedding;
};

void print_pair(const Measured& a, const Measured& b, double limit, bool json) {
    const double distance = ffr::distance(a.embedding, b.embedding);
    const bool same = distance < limit;
    if (json) {
        print_record({{"a", a.path}, {"b", b.path}, {"distance", distance}, {"same", same}});
    } else {
        std::cout << a.path << " - " << b.path << ": distance " << fixed(distance, 3) << ", "
                  << (same ? "the same person" : "different people") << '\n';
    }
}

Status run(const Options& options) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Inputs inputs(options.inputs);
    const std::deque<Input>& all = inputs.all();
    const bool all_found = std::all_of(all.begin(), all.end(), [](const Input& input) { return input.error.empty(); });
    if (all.size() < 2 && all_found) throw CLI::ValidationError("compare", "needs at least two images");
    const double limit = options.distance.value_or(ffr::same_person_distance(pipeline.embedder().name()));
    std::vector<Measured> measured;
    const Status status = run_batch<ffr::Face>(
        inputs, options.shared,
        [&](const Input& input) {
            return measure_largest(pipeline, read_input(input, options.shared).image, options.shared);
        },
        [&](const Input& input, ffr::Face& face) {
            measured.push_back({input.path.u8string(), face.embedding});
        });
    for (std::size_t i = 0; i < measured.size(); ++i) {
        for (std::size_t j = i + 1; j < measured.size(); ++j) {
            print_pair(measured[i], measured[j], limit, options.shared.json);
        }
    }
    return status;
}

}  // namespace

void add_compare(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        add_verb(app, "compare", "Tells whether photos show the same person, by the largest face of each",
                 "ffr compare photos/people/barack_obama photos/unseen/obama2.jpg");
    add_inputs(*verb, options->inputs);
    verb->add_option("--distance", options->distance,
                     "nearer than this is the same person; by default 0.6, for nn4.small2 0.995")
        ->check(finite_number() & CLI::NonNegativeNumber);
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] { status = run(*options); });
}
