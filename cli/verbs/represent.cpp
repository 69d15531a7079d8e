// represent: faces as 128 numbers, as JSON or as OpenFace's pair of tables.

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "run/folder_lock.hpp"
#include "run/journal.hpp"
#include "run/measure.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::string output;
    bool aligned = false;
    bool resume = false;
    bool prune = false;
    Force force = Force::unavailable;
    unsigned mode = 0;
};

struct Represented {
    Json record;
    ffr::Embedding embedding{};  // of the largest face
};

Represented represent(const std::vector<std::uint8_t>& file, const Input& input, const ffr::Pipeline& pipeline,
                      const Options& options) {
    const ffr::ReducedImage image = decode_input(file, input, options.shared);
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
    return (shows ? path : std::filesystem::absolute(path).lexically_normal()).generic_u8string();
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
            {"--detector", shared.detector},
            {"--aligned", options.aligned},
            {"--no-exif", shared.no_exif},
            {"--max-pixels", shared.max_pixels},
            {"--upsample", shared.upsample},
            {"--threshold", shared.threshold},
            {"--shard", std::to_string(shared.shard.number) + "/" + std::to_string(shared.shard.count)}};
}

/// The same without what concerns one run alone: what the rows of finished tables have in common.
Json kept_options(const Json& made_by) {
    Json options = made_by;
    for (const char* const name : {"embedder", "weights", "precision", "alignment", "--shard"}) options.erase(name);
    return options;
}

/// The rows of the tables that a run shall complete, if there are any.
std::vector<TableRow> rows_of_tables(const ffr::EmbeddingSource& source, const Options& options) {
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    if (!options.resume || !has_tables(folder)) return {};
    Tables tables = read_tables(folder, options.shared);
    const std::string reason = ffr::difference(tables.source, source);
    if (!reason.empty()) throw ffr::FormatError(options.output + ": the numbers there are of " + reason);
    if (!tables.is_own && options.force != Force::given) {
        throw ffr::FileError(options.output +
                             ": its tables have a header, further columns or no source.json, which ffr would "
                             "not keep: complete a copy of them, or these with --force");
    }
    const Json wanted = kept_options(made_by(source, options));
    for (const auto& [name, value] : wanted.items()) {
        const Json before = tables.options.value(name, value);
        if (before == value) continue;
        throw ffr::FormatError(options.output + ": the numbers there were made with " + name + " " + before.dump() +
                               ", not " + value.dump());
    }
    read_states(folder, tables.rows);
    return std::move(tables.rows);
}

/// Begins a journal, if none was left. \throws ffr::FileError where it would take the place of what isn't to be replaced
void begin_journal(const ffr::EmbeddingSource& source, const Options& options) {
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    const std::filesystem::path path = Journal::path_in(folder);
    std::error_code code;
    if (!std::filesystem::exists(path, code)) {
        // Tables that are to be completed are looked at when they're read.
        require_own_tables(folder, options.resume && has_tables(folder) ? Force::given : options.force);
        Journal::begin(folder, made_by(source, options), rows_of_tables(source, options), options.mode);
    } else if (!options.resume) {
        throw ffr::FileError(path.u8string() +
                             ": is of a run that didn't end: go on with --resume, or delete it to begin anew");
    }
}

bool is_gone(const TableRow& row) {
    std::error_code code;
    return !row.state.place.empty() && !std::filesystem::exists(std::filesystem::u8path(row.state.place), code) &&
           !code;
}

/// Names the photos that are gone and, if it's asked for, takes out their rows. Where a table doesn't tell what a photo
/// was, nobody knows whether it's gone or only the folder another one.
void look_for_gone(Journal& journal, const Options& options) {
    const std::vector<TableRow> rows = journal.rows();
    std::vector<const TableRow*> gone;
    for (const TableRow& row : rows) {
        if (is_gone(row)) gone.push_back(&row);
    }
    const bool is_disk_gone = options.prune && gone.size() == rows.size() && rows.size() > 1;
    for (const TableRow* const row : gone) {
        if (options.prune && !is_disk_gone) journal.take_out(*row);
        std::cerr << "ffr: " << row->path << ": isn't there any more; its row "
                  << (options.prune && !is_disk_gone ? "is taken out" : "stays, until --prune takes it out") << '\n';
    }
    if (is_disk_gone)
        throw ffr::FileError(options.output +
                             ": none of its photos is there, so --prune takes out none: is their disk missing?");
}

/// Gives a photo that lies elsewhere now the row that it had: one whose path is spelled the same, and whose photo is gone
/// from where it was. With other content, the row is taken out; tables that don't tell it are believed.
void take_over(const Input& input, const std::string& place, Journal& journal) {
    for (TableRow row : journal.spelled(table_path(input.path))) {
        const bool is_unknown = row.state.place.empty();
        if (!is_unknown && !is_gone(row)) continue;
        journal.take_out(row);
        row.state.place = place;
        if (is_unknown) {
            row.state = read_photo_and_state(input.path).state;
        } else if (change_since(row.state) != Change::none) {
            return;
        }
        return journal.note(row);
    }
}

/// True for a photo whose row is still right. Takes out the row of one that has changed since.
bool is_done(const Input& input, const std::string& place, Journal& journal) {
    if (!input.error.empty()) return false;
    try {
        std::optional<TableRow> row = journal.find(place);
        if (!row) {
            take_over(input, place, journal);
            return journal.find(place).has_value();
        }
        if (row->state.place.empty()) return true;
        const std::int64_t modified = row->state.modified;
        const Change change = change_since(row->state);
        if (change == Change::changed) journal.take_out(*row);
        if (change != Change::none) return false;
        if (row->state.modified != modified) journal.note(*row);
        return true;
    } catch (const FatalError&) {
        throw;
    } catch (const ffr::FileError&) {
        return false;  // it can't be read: that's said when it's tried again, and its row stays
    }
}

/// First the rows of photos that aren't among these, as they stand; then those that are, in their order.
std::vector<TableRow> ordered(std::vector<TableRow> rows, const std::vector<std::string>& photos) {
    std::unordered_map<std::string, std::size_t> numbers;
    for (const std::string& photo : photos) numbers.emplace(photo, numbers.size() + 1);
    const auto number_of = [&](const TableRow& row) {
        const auto number = numbers.find(place_of(row));
        return number == numbers.end() ? 0 : number->second;
    };
    std::vector<std::pair<std::size_t, std::size_t>> order;
    for (std::size_t i = 0; i < rows.size(); ++i) order.emplace_back(number_of(rows[i]), i);
    std::sort(order.begin(), order.end());
    std::vector<TableRow> result;
    for (const auto& [number, i] : order) result.push_back(std::move(rows[i]));
    return result;
}

/// Measures the photos that have no row yet. A row is written when its photo is done; the tables are made of them at the
/// end, since they number the people in the order of their names.
Status run_to_tables(const Options& options) {
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    const InterruptGuard guard;     // to the end: tables that are begun are finished
    const FolderLock lock(folder);  // first of all: a second run is refused before it costs time
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Inputs inputs(options.inputs, options.shared.shard);
    ffr::EmbeddingSource source = pipeline.embedder().source(pipeline.landmarks().point_count());
    if (options.aligned) source.alignment.clear();  // who aligned them knows how, we don't
    const bool replaces = has_tables(folder) && !options.resume;
    begin_journal(source, options);
    Journal journal(folder, made_by(source, options));
    std::unordered_set<std::string> seen;
    std::vector<std::string> photos;
    inputs.leave_out([&](const Input& input) {
        photos.push_back(place_of(input.path));
        return !seen.insert(photos.back()).second ||
               (interrupting_signal() == 0 && is_done(input, photos.back(), journal));
    });
    const auto write = [&] {
        if (journal.size() == 0 && !has_tables(folder)) return;
        const Tables tables{ordered(journal.rows(), photos), source, kept_options(made_by(source, options)), true};
        write_tables(tables, folder, options.mode, [&] { journal.tables_begun(); });
    };
    Status status = kDone;
    try {
        status = run_batch<Represented>(
            inputs, options.shared,
            [&](const Input& input) {
                const PhotoFile file = read_photo_and_state(input.path);
                Represented result = represent(file.bytes, input, pipeline, options);
                if (result.record["faces"].empty()) throw ffr::Error("there's no face in the image");
                journal.append({table_path(input.path), folder_name(input.path), result.embedding, file.state});
                return result;
            },
            [&](const Input& input, Represented& result) { print(input, result, options); });
        look_for_gone(journal, options);
    } catch (const Interrupted& stopped) {
        std::string message = std::string(stopped.what()) + "; " + count_of(journal.size(), "row") + " kept in " +
                              Journal::path_in(folder).u8string() + ": the same command with --resume goes on";
        try {
            if (!replaces) write();  // finished tables aren't given up for a part of new ones
            journal.tables_written();
        } catch (const ffr::Error& error) {
            message += " (" + std::string(error.what()) + ")";
        }
        throw Interrupted(stopped.signal, message);
    }
    write();
    journal.remove();
    if (interrupting_signal() != 0) throw Interrupted(interrupting_signal(), "stopped when all was written");
    return status;
}

Status run(const Options& options) {
    if (options.resume && (options.output.empty() || options.shared.json)) {
        throw CLI::ValidationError("--resume", "goes with -o and without --json: what was printed can't be read again");
    }
    if (options.prune && !options.resume) throw CLI::ValidationError("--prune", "goes with --resume");
    if (!options.output.empty()) return run_to_tables(options);
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Inputs inputs(options.inputs, options.shared.shard);
    return run_batch<Represented>(
        inputs, options.shared,
        [&](const Input& input) { return represent(read_photo(input.path), input, pipeline, options); },
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
    verb->add_flag(
        "--resume", options->resume,
        "go on where a run into the same folder was ended, or measure what its tables don't have: new photos "
        "and those that changed");
    verb->add_flag("--prune", options->prune, "with --resume: take out the rows of photos that aren't there any more");
    add_force(*verb, options->force);
    add_mode(*verb, options->mode);
    add_shard(*verb, options->shared.shard);
    verb->add_flag("--aligned", options->aligned, "the images are straightened faces already");
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] { status = run(*options); });
}
