// train: a model that knows people, from a folder of photos for each or from tables of embeddings.

#include <cstdlib>
#include <cstring>
#include <memory>

#include "csv.hpp"
#include "ffr/identify.hpp"
#include "measure.hpp"
#include "verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::string input;
    std::string output;
};

/// Rows of labels.csv and reps.csv, as represent writes them.
std::vector<ffr::LabelledEmbedding> read_tables(const std::filesystem::path& folder) {
    const std::filesystem::path labels_path = folder / "labels.csv", numbers_path = folder / "reps.csv";
    const auto labels = read_csv(labels_path), numbers = read_csv(numbers_path);
    const auto fail = [](const std::filesystem::path& path, std::size_t row, const std::string& reason) {
        throw ffr::FormatError(path.u8string() + ": row " + std::to_string(row + 1) + " " + reason);
    };
    if (labels.size() != numbers.size()) {
        throw ffr::FormatError(numbers_path.u8string() + ": has " + count_of(numbers.size(), "row") +
                               ", but labels.csv has " + std::to_string(labels.size()));
    }
    std::vector<ffr::LabelledEmbedding> samples;
    for (std::size_t row = 0; row < labels.size(); ++row) {
        if (labels[row].size() != 2) fail(labels_path, row, "should have 2 fields");
        ffr::LabelledEmbedding sample{std::filesystem::u8path(labels[row][1]).parent_path().filename().u8string(), {}};
        if (sample.name.empty())
            fail(labels_path, row, "has '" + labels[row][1] + "', a path without a person's folder");
        if (numbers[row].size() != sample.embedding.size()) fail(numbers_path, row, "should have 128 numbers");
        for (std::size_t i = 0; i < sample.embedding.size(); ++i) {
            const std::string& text = numbers[row][i];
            char* end = nullptr;
            sample.embedding[i] = std::strtof(text.c_str(), &end);
            end += std::strspn(end, " ");
            if (text.empty() || *end != '\0' || !std::isfinite(sample.embedding[i])) {
                fail(numbers_path, row, "has '" + text + "', not a number");
            }
        }
        samples.push_back(sample);
    }
    return samples;
}

std::vector<ffr::LabelledEmbedding> measure_photos(const Options& options, Status& status) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    std::vector<Input> inputs = collect_inputs({options.input});
    for (Input& input : inputs) {
        const bool in_root = input.error.empty() && !input.relative.has_parent_path();
        if (in_root) input.error = "lies in no person's folder";
    }
    std::vector<ffr::LabelledEmbedding> samples;
    status = run_batch<ffr::Face>(
        inputs, options.shared,
        [&](const Input& input) {
            return measure_largest(pipeline, read_input(input, options.shared), options.shared);
        },
        [&](const Input& input, ffr::Face& face) {
            samples.push_back({folder_name(input.path), face.embedding});
        });
    return samples;
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
    const std::filesystem::path folder = options.input;
    const bool has_tables =
        std::filesystem::exists(folder / "labels.csv", code) || std::filesystem::exists(folder / "reps.csv", code);
    make_parent(options.output);
    Status status = kDone;
    const std::vector<ffr::LabelledEmbedding> samples =
        has_tables ? read_tables(folder) : measure_photos(options, status);
    if (samples.empty())
        throw ffr::Error(options.input + ": no face found in any person's folder, nothing to train on");
    ffr::TrainOptions train;
    train.embedder = options.shared.embedder;
    const ffr::Identifier people = ffr::Identifier::train(samples, train);
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
    verb->callback([options, &status] { status = run(*options); });
}
