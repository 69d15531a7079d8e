// represent: faces as 128 numbers, as JSON or as OpenFace's pair of tables.

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "journal.hpp"
#include "measure.hpp"
#include "verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::string output;
    bool aligned = false;
    bool resume = false;
};

struct Represented {
    Json record;
    ffr::Embedding embedding{};  // of the largest face
};

Represented represent(const Input& input, const ffr::Pipeline& pipeline, const Options& options) {
    const ffr::ReducedImage image = read_input(input, options.shared);
    Represented result{image_record(input.path, image.width, image.height), {}};
    if (options.aligned) {
        result.embedding = pipeline.embedder().embed(image.image);
        result.record["faces"].push_back({{"embedding", embedding_record(result.embedding)}});
        return result;
    }
    std::vector<ffr::Detection> detections;
    const std::vector<ffr::Face> faces = pipeline.faces(image.image, detect_options(options.shared));
    for (const ffr::Face& face : faces) {
        result.record["faces"].push_back(face_record(in_original(image, face)));
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

void print(const Input& input, const Represented& result, const Options& options) {
    if (options.shared.json) {
        print_record(result.record);
    } else if (options.output.empty()) {
        print_summary(input, result);
    }
}

/// All that decides what's measured of a photo: rows that were made otherwise don't go into one table.
Json made_by(const ffr::EmbeddingSource& source, const Options& options) {
    const SharedOptions& shared = options.shared;
    return {{"embedder", source.embedder},
            {"weights", source.weights},
            {"precision", source.precision},
            {"alignment", source.alignment},
            {"--aligned", options.aligned},
            {"--no-exif", shared.no_exif},
            {"--max-pixels", shared.max_pixels},
            {"--upsample", shared.upsample},
            {"--threshold", shared.threshold},
            {"--shard", std::to_string(shared.shard.number) + "/" + std::to_string(shared.shard.count)}};
}

/// The rows of the tables that a run shall complete, if there are any.
std::vector<TableRow> rows_of_tables(const ffr::EmbeddingSource& source, const Options& options) {
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    if (!options.resume || !has_tables(folder)) return {};
    Tables tables = read_tables(folder, options.shared);
    const std::string reason = ffr::difference(tables.source, source);
    if (!reason.empty()) throw ffr::FormatError(options.output + ": the numbers there are of " + reason);
    return std::move(tables.rows);
}

/// The journal that was left, or a new one.
Journal open_journal(const ffr::EmbeddingSource& source, const Options& options) {
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    const std::filesystem::path path = Journal::path_in(folder);
    std::error_code code;
    if (!std::filesystem::exists(path, code)) {
        Journal::begin(folder, made_by(source, options), rows_of_tables(source, options));
    } else if (!options.resume) {
        throw ffr::FileError(path.u8string() +
                             ": is of a run that didn't end: go on with --resume, or delete it to begin anew");
    }
    return {folder, made_by(source, options)};
}

/// First what's not among these paths, as it stands; then what is, in their order.
std::vector<TableRow> ordered(std::vector<TableRow> rows, const std::vector<std::string>& paths) {
    std::unordered_map<std::string, std::size_t> places;
    for (const std::string& path : paths) places.emplace(path, places.size() + 1);
    std::vector<std::pair<std::size_t, TableRow*>> order;
    for (TableRow& row : rows) {
        const auto place = places.find(row.path);
        order.emplace_back(place == places.end() ? 0 : place->second, &row);
    }
    std::sort(order.begin(), order.end());
    std::vector<TableRow> result;
    for (const auto& [place, row] : order) result.push_back(std::move(*row));
    return result;
}

/// Measures the photos that have no row yet. A row is written when its photo is done; the tables are made of them at the
/// end, since they number the people in the order of their names.
Status run_to_tables(const ffr::Pipeline& pipeline, Inputs& inputs, const Options& options) {
    ffr::EmbeddingSource source = pipeline.embedder().source(pipeline.landmarks().point_count());
    if (options.aligned) source.alignment.clear();  // who aligned them knows how, we don't
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    Journal journal = open_journal(source, options);
    std::unordered_set<std::string> taken;
    for (const TableRow& row : journal.rows()) taken.insert(row.path);
    std::vector<std::string> paths;
    inputs.leave_out([&](const Input& input) {
        paths.push_back(table_path(input.path));
        return !taken.insert(paths.back()).second;
    });
    Status status = kDone;
    try {
        status = run_batch<Represented>(
            inputs, options.shared,
            [&](const Input& input) {
                Represented result = represent(input, pipeline, options);
                if (result.record["faces"].empty()) throw ffr::Error("there's no face in the image");
                journal.append({table_path(input.path), folder_name(input.path), result.embedding});
                return result;
            },
            [&](const Input& input, Represented& result) { print(input, result, options); });
    } catch (const Interrupted& stopped) {
        throw Interrupted(stopped.signal, std::string(stopped.what()) + "; " + count_of(journal.rows().size(), "row") +
                                              " kept in " + Journal::path_in(folder).u8string() +
                                              ": the same command with --resume goes on");
    }
    if (!journal.rows().empty()) write_tables({ordered(journal.rows(), paths), source}, folder);
    journal.remove();
    return status;
}

Status run(const Options& options) {
    if (options.resume && (options.output.empty() || options.shared.json)) {
        throw CLI::ValidationError("--resume", "goes with -o and without --json: what was printed can't be read again");
    }
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Inputs inputs(options.inputs, options.shared.shard);
    if (!options.output.empty()) return run_to_tables(pipeline, inputs, options);
    return run_batch<Represented>(
        inputs, options.shared, [&](const Input& input) { return represent(input, pipeline, options); },
        [&](const Input& input, Represented& result) { print(input, result, options); });
}

}  // namespace

void add_represent(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(app, "represent", "Measures faces: 128 numbers each",
                                    "ffr represent photos -o reps   (writes reps/labels.csv and reps/reps.csv)");
    add_inputs(*verb, options->inputs);
    verb->add_option("-o,--output", options->output,
                     "folder for labels.csv and reps.csv: a row an image, the largest face's");
    verb->add_flag("--resume", options->resume,
                   "go on where a run into the same folder was ended, or add the photos that its tables don't have");
    add_shard(*verb, options->shared.shard);
    verb->add_flag("--aligned", options->aligned, "the images are straightened faces already");
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] { status = run(*options); });
}
