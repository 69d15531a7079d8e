// train: a model that knows people, from a folder of photos for each or from tables of embeddings.

#include <memory>

#include "ffr/identify.hpp"
#include "measure.hpp"
#include "tables.hpp"
#include "verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::string input;
    std::string output;
};

struct TrainingSet {
    std::vector<ffr::LabelledEmbedding> samples;
    ffr::EmbeddingSource source;
};

TrainingSet load_tables(const Options& options) {
    const Tables tables = read_tables(options.input, options.shared);
    TrainingSet set{{}, tables.source};
    for (const TableRow& row : tables.rows) set.samples.push_back({row.person, row.embedding});
    return set;
}

TrainingSet measure_photos(const Options& options, Status& status) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Inputs inputs({options.input});
    for (Input& input : inputs.all()) {
        const bool in_root = input.error.empty() && !input.relative.has_parent_path();
        if (in_root) input.error = "lies in no person's folder";
    }
    TrainingSet set{{}, pipeline.embedder().source(pipeline.landmarks().point_count())};
    status = run_batch<ffr::Face>(
        inputs, options.shared,
        [&](const Input& input) {
            return measure_largest(pipeline, read_input(input, options.shared).image, options.shared);
        },
        [&](const Input& input, ffr::Face& face) {
            set.samples.push_back({folder_name(input.path), face.embedding});
        });
    return set;
}

void print_summary(const ffr::Identifier& people, const Options& options) {
    if (options.shared.json) {
        print_record({{"model", options.output}, {"people", people.names()}, {"faces", people.embedding_count()}});
        return;
    }
    std::cout << options.output << ": knows " << count_of(people.names().size(), "name") << " by "
              << count_of(people.embedding_count(), "face") << '\n';
    for (const std::string& name : people.names()) std::cout << "  " << name << '\n';
}

Status run(const Options& options) {
    std::error_code code;
    if (!std::filesystem::is_directory(options.input, code)) {
        throw ffr::FileError(options.input + ": isn't a folder that can be read");
    }
    make_parent(options.output);
    Status status = kDone;
    const TrainingSet set = has_tables(options.input) ? load_tables(options) : measure_photos(options, status);
    if (set.samples.empty()) {
        throw ffr::Error(options.input + ": no face found in any person's folder, nothing to train on");
    }
    ffr::TrainOptions train;
    train.source = set.source;
    const ffr::Identifier people = ffr::Identifier::train(set.samples, train);
    people.save(options.output);
    print_summary(people, options);
    return status;
}

}  // namespace

void add_train(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(app, "train", "Learns people from photos",
                                    "ffr train people -o people.ffr   (people/anna/1.jpg, people/ben/1.jpg, ...)");
    verb->add_option("input", options->input,
                     "a folder with a folder of photos for each person, or one with labels.csv and reps.csv")
        ->required();
    verb->add_option("-o,--output", options->output, "the model to write")->required();
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, verb, &status] {
        if (verb->count("--points") > 0 && has_tables(options->input)) {
            throw CLI::ValidationError("--points", "goes with photos; tables are of faces that were aligned before");
        }
        status = run(*options);
    });
}
