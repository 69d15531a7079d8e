// train: a model that knows people, from a folder of photos for each or from tables of embeddings.

#include <memory>
#include <set>

#include "run/measure.hpp"
#include "show/enrolment.hpp"
#include "show/tables.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::string input;
    std::string output;
    std::string extend;
    Force force = Force::unavailable;
    unsigned mode = 0;
};

/// The face of a photo that shall teach who somebody is: there's one face, and it's large enough to tell.
/// \throws ffr::Error saying why there's no such face
ffr::Face measure_only_face(const ffr::Pipeline& pipeline, const ffr::Image& image, const Options& options) {
    constexpr int kLeastWidth = 50;  // a third of the chip's 150 pixels: what's smaller is blurred
    const std::vector<ffr::Detection> faces = pipeline.detector().detect(image, detect_options(options.shared));
    if (faces.empty()) throw ffr::Error("there's no face in the image");
    if (faces.size() > 1) {
        throw ffr::Error("there are " + count_of(faces.size(), "face") +
                         " in the image, and nothing tells whose is meant");
    }
    const std::int64_t width = faces[0].box.width();
    if (width < kLeastWidth) {
        throw ffr::Error("the face is only " + std::to_string(width) + " pixels wide, less than " +
                         std::to_string(kLeastWidth));
    }
    return pipeline.measure(image, faces[0]);
}

void add_tables(const Options& options, Enrolment& enrolment) {
    const Tables tables = read_tables(std::filesystem::u8path(options.input), options.shared);
    enrolment.source = tables.source;
    for (const TableRow& row : tables.rows)
        enrolment.add({row.person, row.embedding}, std::filesystem::u8path(row.path));
}

Status add_photos(const Options& options, Enrolment& enrolment) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    enrolment.source = pipeline.embedder().source(pipeline.landmarks().point_count());
    Inputs inputs(std::vector<std::string>{options.input});
    for (Input& input : inputs.all()) {
        const bool in_root = input.error.empty() && !input.relative.has_parent_path();
        if (in_root) input.error = "lies in no person's folder";
    }
    struct Measured {
        std::optional<ffr::Face> face;
        std::string reason;  // why there's none
    };
    return run_batch<Measured>(
        inputs, options.shared,
        [&](const Input& input) -> Measured {
            try {
                return {measure_only_face(pipeline, read_input(input, options.shared).image, options), ""};
            } catch (const ffr::Error& error) {
                return {std::nullopt, error.what()};
            }
        },
        [&](const Input& input, Measured& measured) {
            const std::string person = folder_name(input.path);
            if (measured.face) {
                enrolment.add({person, measured.face->embedding}, input.path);
            } else {
                enrolment.skipped.push_back({input.path, person, measured.reason});
                throw ffr::Error(measured.reason);
            }
        });
}

/// People of another model, whose photos need not be there any more.
void add_known_people(const Options& options, Enrolment& enrolment) {
    const ffr::Identifier known = load_people(options.extend);
    const std::string reason = ffr::difference(known.source(), enrolment.source);
    if (!reason.empty()) throw ffr::FormatError(options.extend + ": was trained with " + reason);
    std::set<std::pair<std::string, ffr::Embedding>> there;  // a photo that both have counts once
    for (const ffr::LabelledEmbedding& sample : enrolment.samples) there.emplace(sample.name, sample.embedding);
    const ffr::Gallery& gallery = known.gallery();
    for (std::size_t i = 0; i < gallery.embeddings.size(); ++i) {
        const std::string& name = gallery.names[static_cast<std::size_t>(gallery.labels[i])];
        if (there.count({name, gallery.embeddings[i]}) == 0) enrolment.add({name, gallery.embeddings[i]}, {});
    }
}

Status run(const Options& options) {
    const std::filesystem::path input = std::filesystem::u8path(options.input);
    const std::filesystem::path output = std::filesystem::u8path(options.output);
    std::error_code code;
    if (!std::filesystem::is_directory(input, code)) {
        throw ffr::FileError(options.input + ": isn't a folder that can be read");
    }
    const Writing how{Kind::model, "", options.force, options.mode};
    require_replaceable(output, how);
    make_parent(output);
    Status status = kDone;
    Enrolment enrolment;
    if (has_tables(input)) {
        add_tables(options, enrolment);
    } else {
        status = add_photos(options, enrolment);
    }
    if (enrolment.samples.empty()) {
        throw ffr::Error(options.input + ": no face found in any person's folder, nothing to train on");
    }
    if (!options.extend.empty()) add_known_people(options, enrolment);
    for (const Skipped& stranger : enrolment.skip_strangers()) {
        report_failure(stranger.path, stranger.reason, options.shared);
        status = kSomeFailed;
    }
    ffr::TrainOptions train;
    train.source = enrolment.source;
    const std::vector<unsigned char> model = ffr::Identifier::train(enrolment.samples, train).bytes();
    write_bytes(output, model.data(), model.size(), how);
    report_enrolment(enrolment, options.output, options.shared);
    return status;
}

}  // namespace

void add_train(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(app, "train", "Learns people from photos",
                                    "ffr train photos/people -o people.ffr   (a folder for each person, named so)");
    verb->add_option("input", options->input,
                     "a folder with a folder of photos for each person, or one with labels.csv and reps.csv")
        ->required();
    verb->add_option("-o,--output", options->output, "the model to write")->required();
    add_force(*verb, options->force);
    add_mode(*verb, options->mode);
    verb->add_option("--extend", options->extend, "a model whose people are learned too, without their photos");
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, verb, &status] {
        if (verb->count("--points") > 0 && has_tables(std::filesystem::u8path(options->input))) {
            throw CLI::ValidationError("--points", "goes with photos; tables are of faces that were aligned before");
        }
        status = run(*options);
    });
}
