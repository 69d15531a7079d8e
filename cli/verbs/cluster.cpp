// cluster: photos by person, without names.

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <thread>

#include "ffr/identify/cluster.hpp"
#include "ffr/image/draw.hpp"
#include "ffr/image/scale.hpp"
#include "load/models.hpp"
#include "show/tables.hpp"
#include "verbs/verbs.hpp"

namespace fs = std::filesystem;

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::string output;
    std::optional<double> distance;  // by default what suits the network
};

/// A photo with its faces.
struct Photo {
    fs::path path;
    Json record;  // without faces
    std::vector<ffr::Face> faces;
    std::vector<int> groups;  // of each face, from 1
};

/// All photos that could be read, and how near one person's faces are.
struct Album {
    std::vector<Photo> photos;
    double distance;
    Status status;
};

/// Pictures of groups: so many faces a row and a sheet at most, of so many pixels, and so many groups in the overview.
constexpr std::size_t kSheetColumns = 10, kSheetFaces = 100, kOverviewGroups = 20;
constexpr int kTile = 96, kGap = 4, kTextScale = 2;

/// The whole picture in the middle of a small square.
ffr::Image tile_of(const ffr::Image& picture) {
    const int longer = std::max(picture.width(), picture.height());
    const auto scaled = [&](int length) {
        return std::max(1, static_cast<int>(std::int64_t{length} * kTile / longer));
    };
    const ffr::Image small = ffr::scale_to(picture, scaled(picture.width()), scaled(picture.height()));
    ffr::Image tile(kTile, kTile, 3);
    ffr::paste(tile, small, {(kTile - small.width()) / 2, (kTile - small.height()) / 2});
    return tile;
}

/// Faces keep of their chips only tiles, and these only when they're shown: all faces are in memory at once.
Album measure_photos(const Options& options) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Album album{{}, ffr::same_person_distance(pipeline.embedder().name()), kDone};
    Inputs inputs(options.inputs);
    album.status = run_batch<Photo>(
        inputs, options.shared,
        [&](const Input& input) {
            const ffr::ReducedImage image = read_input(input, options.shared);
            Photo photo{input.path, image_record(input.path, image.width, image.height), {}, {}};
            for (ffr::Face& face : pipeline.faces(image.image, detect_options(options.shared))) {
                photo.faces.push_back(in_original(image, std::move(face)));
                ffr::Image& chip = photo.faces.back().chip;
                chip = options.output.empty() ? ffr::Image() : tile_of(chip);
            }
            return photo;
        },
        [&](const Input&, Photo& photo) { album.photos.push_back(std::move(photo)); });
    return album;
}

/// The rows of tables as photos of one face each, of which only the embedding is known.
Album load_tables(const Options& options) {
    const Tables tables = read_tables(options.inputs[0], options.shared);
    Album album{{}, tables.source.same_person_distance, kDone};
    for (const TableRow& row : tables.rows) {
        album.photos.push_back({fs::u8path(row.path), {{"image", row.path}, {"faces", Json::array()}}, {}, {}});
        album.photos.back().faces.push_back({{}, {}, {}, row.embedding});
    }
    return album;
}

bool is_located(const Photo& photo) {
    return photo.record.contains("width");
}

/// A group with its faces in the order of the photos.
struct Member {
    const Photo* photo;
    const ffr::Face* face;
};
using Group = std::vector<Member>;

/// As many threads as were asked for, but not more than there are cores; one when the system has no more.
std::unique_ptr<ffr::Workspace> make_workspace(const SharedOptions& options) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    try {
        return std::make_unique<ffr::Workspace>(options.threads > 0 ? std::min(options.threads, cores) : cores);
    } catch (const std::system_error&) {
        return std::make_unique<ffr::Workspace>();
    }
}

/// Numbers the faces' groups and lists these, the largest first.
std::vector<Group> group_faces(Album& album, const Options& options) {
    std::vector<ffr::Embedding> embeddings;
    for (const Photo& photo : album.photos) {
        for (const ffr::Face& face : photo.faces) embeddings.push_back(face.embedding);
    }
    const std::vector<int> numbers =
        ffr::cluster_faces(embeddings, options.distance.value_or(album.distance), *make_workspace(options.shared));
    std::vector<Group> groups;
    auto number = numbers.begin();
    for (Photo& photo : album.photos) {
        for (const ffr::Face& face : photo.faces) {
            const auto index = static_cast<std::size_t>(*number);
            if (index >= groups.size()) groups.resize(index + 1);
            groups[index].push_back({&photo, &face});
            photo.groups.push_back(1 + *number++);
        }
    }
    return groups;
}

/// Copies of two runs in one folder would mix, and a new one has nothing to overwrite.
void require_empty(const fs::path& folder) {
    std::error_code code;
    const bool fits = !fs::exists(folder, code) || (fs::is_directory(folder, code) && fs::is_empty(folder, code));
    if (!fits || code) throw ffr::FileError(folder.u8string() + ": isn't a new or an empty folder");
}

/// "group-001" and so on, with as many digits as the last one needs.
std::string group_name(std::size_t number, std::size_t groups) {
    const std::string digits = std::to_string(number);
    const std::size_t width = std::max<std::size_t>(3, std::to_string(groups).size());
    return "group-" + std::string(width - digits.size(), '0') + digits;
}

/// Writes a copy of a photo under its name or, where that's taken, as NAME-2.jpg and so on; `count` has how many were
/// given for it. The disk is asked too, since it may take small letters for capitals.
void write_copy(const fs::path& path, const std::vector<std::uint8_t>& bytes, unsigned mode, int& count) {
    for (;;) {
        const std::string number = ++count == 1 ? "" : "-" + std::to_string(count);
        const fs::path name =
            path.parent_path() / fs::u8path(path.stem().u8string() + number + path.extension().u8string());
        std::error_code code;
        if (fs::exists(fs::symlink_status(name, code))) continue;
        return OutputFile(name, bytes.data(), bytes.size(), mode, ffr::detail::Durability::on_disk).put_new();
    }
}

/// Copies a photo into the folder of each of its groups, or into no-face, and makes tiles where there are none yet.
/// \param copies  how many there are of each name. \throws ffr::Error
void copy_photo(Photo& photo, std::size_t groups, std::map<fs::path, int>& copies, const Options& options) {
    std::error_code code;
    const fs::file_status status = fs::status(photo.path, code);
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        throw ffr::FileError(photo.path.u8string() + ": isn't a file that can be copied");
    }
    const auto mode =
        static_cast<unsigned>(status.permissions() & fs::perms::all);  // a private photo's copy is private
    const std::vector<std::uint8_t> bytes = read_photo(photo.path);
    ffr::ReadOptions read;
    read.apply_exif = !options.shared.no_exif;
    for (ffr::Face& face : photo.faces) {
        if (face.chip.empty()) {
            face.chip = tile_of(ffr::decode_image(bytes.data(), bytes.size(), photo.path.u8string(), read));
        }
    }
    std::set<std::string> folders;
    for (const int group : photo.groups) folders.insert(group_name(static_cast<std::size_t>(group), groups));
    if (folders.empty()) folders.insert("no-face");
    for (const std::string& folder : folders) {
        const fs::path path = fs::u8path(options.output) / folder / photo.path.filename();
        write_copy(path, bytes, mode, copies[path]);
    }
}

/// A title with rows of faces below, at most `most` of them.
ffr::Image contact_sheet(const std::string& title, const Group& group, std::size_t most) {
    constexpr int kStep = kTile + kGap;
    constexpr ffr::Color kInk{225, 225, 225};
    constexpr auto kColumns = static_cast<int>(kSheetColumns);
    const auto count = static_cast<int>(std::min(group.size(), most));
    const int width = std::max(std::min(count, kColumns) * kStep, ffr::text_width(title, kTextScale) + kGap);
    const int top = ffr::text_height(kTextScale) + 2 * kGap;
    ffr::Image sheet(width + kGap, top + (count + kColumns - 1) / kColumns * kStep, 3);
    ffr::draw_text(sheet, {kGap, kGap}, title, kInk, {}, kTextScale);
    for (int i = 0; i < count; ++i) {
        const ffr::Image& tile = group[static_cast<std::size_t>(i)].face->chip;
        ffr::paste(sheet, tile, {kGap + i % kColumns * kStep, top + i / kColumns * kStep});
    }
    return sheet;
}

/// A sheet for each group, and the first row of each of the first groups in groups.jpg.
void write_sheets(const std::vector<Group>& groups, const fs::path& folder) {
    std::vector<ffr::Image> rows;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const std::size_t faces = groups[i].size();
        const std::string title = "group " + std::to_string(i + 1) + ": " + count_of(faces, "face");
        const std::string limit = faces > kSheetFaces ? ", the first " + std::to_string(kSheetFaces) : "";
        write_picture(folder / (group_name(i + 1, groups.size()) + ".jpg"),
                      contact_sheet(title + limit, groups[i], kSheetFaces), {Kind::contact_sheet});
        if (i < kOverviewGroups) rows.push_back(contact_sheet(title, groups[i], kSheetColumns));
    }
    if (groups.size() > kOverviewGroups) {
        rows.push_back(contact_sheet("and " + count_of(groups.size() - kOverviewGroups, "smaller group"), {}, 0));
    }
    if (rows.empty()) return;
    int width = 0, height = 0;
    for (const ffr::Image& row : rows) {
        width = std::max(width, row.width());
        height += row.height();
    }
    ffr::Image overview(width, height, 3);
    int top = 0;
    for (const ffr::Image& row : rows) {
        ffr::paste(overview, row, {0, top});
        top += row.height();
    }
    write_picture(folder / "groups.jpg", overview, {Kind::contact_sheet});
}

void print_json(const Photo& photo) {
    Json record = photo.record;
    for (std::size_t i = 0; i < photo.faces.size(); ++i) {
        Json face = is_located(photo) ? face_record(photo.faces[i])
                                      : Json{{"embedding", embedding_record(photo.faces[i].embedding)}};
        face["group"] = photo.groups[i];
        record["faces"].push_back(std::move(face));
    }
    print_record(record);
}

void print_text(const std::vector<Group>& groups, const std::vector<Photo>& photos) {
    for (std::size_t i = 0; i < groups.size(); ++i) {
        std::cout << "group " << i + 1 << ": " << count_of(groups[i].size(), "face") << '\n';
        for (const Member& member : groups[i]) {
            std::cout << "  " << member.photo->path.u8string();
            if (is_located(*member.photo)) std::cout << "  " << detection_text(member.face->detection);
            std::cout << '\n';
        }
    }
    const auto is_empty = [](const Photo& photo) { return photo.faces.empty(); };
    const auto without = static_cast<std::size_t>(std::count_if(photos.begin(), photos.end(), is_empty));
    if (without == 0) return;
    std::cout << "no face: " << count_of(without, "photo") << '\n';
    for (const Photo& photo : photos) {
        if (is_empty(photo)) std::cout << "  " << photo.path.u8string() << '\n';
    }
}

Status run(const Options& options) {
    if (!options.output.empty()) require_empty(fs::u8path(options.output));
    Album album = has_tables(options.inputs[0]) ? load_tables(options) : measure_photos(options);
    const std::vector<Group> groups = group_faces(album, options);
    std::map<fs::path, int> copies;
    for (Photo& photo : album.photos) {
        try {
            if (!options.output.empty()) copy_photo(photo, groups.size(), copies, options);
            if (options.shared.json) print_json(photo);
        } catch (const std::exception& error) {
            report_failure(photo.path, error.what(), options.shared);
            album.status = kSomeFailed;
        }
    }
    if (!options.shared.json) print_text(groups, album.photos);
    if (!options.output.empty()) write_sheets(groups, fs::u8path(options.output));
    return album.status;
}

/// Tables go alone, since photos may be measured otherwise.
void require_one_kind(const Options& options, bool points_are_given) {
    for (const std::string& input : options.inputs) {
        if (!has_tables(input)) continue;
        if (options.inputs.size() > 1) throw CLI::ValidationError(input, "has tables, which go alone");
        if (points_are_given) {
            throw CLI::ValidationError("--points", "goes with photos; tables are of faces that were aligned before");
        }
    }
}

}  // namespace

void add_cluster(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        add_verb(app, "cluster", "Groups photos by person, without names: all faces of all photos",
                 "ffr cluster photos -o sorted   (writes sorted/group-001/..., sorted/group-001.jpg, ...)");
    verb->add_option("inputs", options->inputs,
                     "image files, folders, - for paths on standard input, or a folder with labels.csv and reps.csv")
        ->required();
    verb->add_option("-o,--output", options->output,
                     "a new folder for copies of the photos, a folder a group, and for sheets of each group's faces, " +
                         std::to_string(kSheetFaces) + " at most");
    verb->add_option("--distance", options->distance,
                     "nearer than this are neighbours; by default 0.6, for nn4.small2 0.995")
        ->check(finite_number() & CLI::NonNegativeNumber);
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, verb, &status] {
        require_one_kind(*options, verb->count("--points") > 0);
        status = run(*options);
    });
}
