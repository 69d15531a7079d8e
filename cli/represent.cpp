// represent: faces as 128 numbers, as JSON or as OpenFace's pair of tables.

#include <memory>

#include "measure.hpp"
#include "tables.hpp"
#include "verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::string output;
    bool aligned = false;
};

struct Represented {
    Json record;
    ffr::Embedding embedding{};  // of the largest face
};

Represented represent(const Input& input, const ffr::Pipeline& pipeline, const Options& options) {
    const ffr::Image image = read_input(input, options.shared);
    Represented result{image_record(input.path, image), {}};
    if (options.aligned) {
        result.embedding = pipeline.embedder().embed(image);
        result.record["faces"].push_back({{"embedding", embedding_record(result.embedding)}});
        return result;
    }
    std::vector<ffr::Detection> detections;
    const std::vector<ffr::Face> faces = pipeline.faces(image, detect_options(options.shared));
    for (const ffr::Face& face : faces) {
        result.record["faces"].push_back(face_record(face));
        detections.push_back(face.detection);
    }
    if (!faces.empty()) result.embedding = faces[largest_face(detections)].embedding;
    return result;
}

/// The path as it was given or, where that doesn't show the folder's name, as a whole: the folder is the person.
std::string table_path(const std::filesystem::path& path) {
    const bool shows = path.parent_path().filename().u8string() == folder_name(path);
    return (shows ? path : std::filesystem::absolute(path).lexically_normal()).u8string();
}

void print_summary(const Input& input, const Represented& result) {
    std::cout << input.path.u8string() << ": " << count_of(result.record["faces"].size(), "face") << '\n';
    for (const Json& face : result.record["faces"]) {
        std::cout << " ";
        for (std::size_t i = 0; i < 8; ++i) std::cout << ' ' << fixed(face["embedding"][i].get<double>(), 4);
        std::cout << " ... (128 numbers)\n";
    }
}

Status run(const Options& options) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Tables tables;
    const Status status = run_batch<Represented>(
        collect_inputs(options.inputs), options.shared,
        [&](const Input& input) { return represent(input, pipeline, options); },
        [&](const Input& input, Represented& result) {
            if (!options.output.empty()) {
                if (result.record["faces"].empty()) throw ffr::Error("there's no face in the image");
                tables.rows.push_back({table_path(input.path), folder_name(input.path), result.embedding});
            }
            if (options.shared.json) {
                print_record(result.record);
            } else if (options.output.empty()) {
                print_summary(input, result);
            }
        });
    if (tables.rows.empty()) return status;
    tables.source = pipeline.embedder().source(pipeline.landmarks().point_count());
    if (options.aligned) tables.source.alignment.clear();  // who aligned them knows how, we don't
    write_tables(tables, std::filesystem::u8path(options.output));
    return status;
}

}  // namespace

void add_represent(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(app, "represent", "Measures faces: 128 numbers each",
                                    "ffr represent photos -o reps   (writes reps/labels.csv and reps/reps.csv)");
    add_inputs(*verb, options->inputs);
    verb->add_option("-o,--output", options->output,
                     "folder for labels.csv and reps.csv: a row an image, the largest face's");
    verb->add_flag("--aligned", options->aligned, "the images are straightened faces already");
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] { status = run(*options); });
}
