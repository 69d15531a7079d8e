#include "show/tables.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <set>
#include <tuple>
#include <unordered_map>

#include "ffr/base/file.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "run/file_id.hpp"
#include "show/csv.hpp"
#include "show/report.hpp"

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, std::size_t row, const std::string& reason) {
    throw ffr::FormatError(path.u8string() + ": row " + std::to_string(row + 1) + " " + reason);
}

/// A number, blanks around it allowed; NaN for anything else.
float number(const std::string& text) {
    char* end = nullptr;
    const float value = std::strtof(text.c_str(), &end);
    const bool has_digits = end != text.c_str();
    end += std::strspn(end, " ");
    return has_digits && end == text.c_str() + text.size() ? value : std::nanf("");
}

bool is_blank(const std::string& text) {
    return text.find_first_not_of(' ') == std::string::npos;
}

/// A whole number from 0 on, blanks around it allowed; -1 for anything else.
long long whole_number(const std::string& text) {
    const float value = number(text);
    const bool fits = value >= 0 && value < 1e7f && value == std::floor(value);
    return fits ? static_cast<long long>(value) : -1;
}

using Fields = std::vector<std::string>;

/// In the order in which they're written; the last one says that the others are ours.
constexpr std::array kTableFiles{"labels.csv", "reps.csv", "photos.csv", "source.json"};

constexpr std::size_t kNumbers = std::tuple_size_v<ffr::Embedding>;

/// Of a first row without numbers, or of those that count columns.
bool is_header_of_numbers(const Fields& fields) {
    const auto is_name = [](const std::string& field) { return !is_blank(field) && std::isnan(number(field)); };
    if (static_cast<std::size_t>(std::count_if(fields.begin(), fields.end(), is_name)) >= kNumbers) return true;
    if (fields.size() < kNumbers) return false;
    const auto first = fields.end() - static_cast<std::ptrdiff_t>(kNumbers);
    const long long start = whole_number(*first);
    for (std::size_t i = 0; i < kNumbers; ++i) {
        if (start < 0 || whole_number(first[static_cast<std::ptrdiff_t>(i)]) != start + static_cast<long long>(i))
            return false;
    }
    return true;
}

/// True when each row begins with its number, before its 128 numbers. \param first  row that isn't a header
bool has_row_numbers(const std::vector<Fields>& rows, std::size_t first) {
    const long long start = first < rows.size() ? whole_number(rows[first][0]) : -1;
    if (start != 0 && start != 1) return false;
    for (std::size_t row = first; row < rows.size(); ++row) {
        const bool fits = rows[row].size() == kNumbers + 1 && !is_blank(rows[row].back());
        if (!fits || whole_number(rows[row][0]) != start + static_cast<long long>(row - first)) return false;
    }
    return true;
}

void require_commas(const std::vector<Fields>& rows, const fs::path& path) {
    if (rows.empty() || rows[0].size() > 1 || rows[0][0].find(';') == std::string::npos) return;
    throw ffr::FormatError(path.u8string() + ": has ';' between its fields: save it with commas");
}

/// The 128 numbers of a row, the first of which is field `first`.
ffr::Embedding read_numbers(const Fields& fields, std::size_t first, const fs::path& path, std::size_t row) {
    ffr::Embedding embedding{};
    const bool has_empty_end = fields.size() == first + kNumbers + 1 && is_blank(fields.back());
    if (fields.size() != first + kNumbers && !has_empty_end) {
        fail(path, row,
             "should have 128 numbers, not " + std::to_string(fields.size() - std::min(first, fields.size())));
    }
    for (std::size_t i = 0; i < kNumbers; ++i) {
        embedding[i] = number(fields[first + i]);
        if (!std::isfinite(embedding[i])) fail(path, row, "has '" + fields[first + i] + "', not a number");
    }
    return embedding;
}

/// \param is_plain  set to false for a header or row numbers
std::vector<ffr::Embedding> read_embeddings(const fs::path& path, bool& is_plain) {
    const std::vector<Fields> rows = read_csv(path);
    require_commas(rows, path);
    const std::size_t first_row = !rows.empty() && is_header_of_numbers(rows[0]) ? 1 : 0;
    const std::size_t first_field = has_row_numbers(rows, first_row) ? 1 : 0;
    is_plain = is_plain && first_row == 0 && first_field == 0;
    std::vector<ffr::Embedding> embeddings;
    for (std::size_t row = first_row; row < rows.size(); ++row) {
        embeddings.push_back(read_numbers(rows[row], first_field, path, row));
    }
    return embeddings;
}

/// The name of the folder in a path of Windows, with either sign between folders.
std::string person_on_windows(const std::string& path) {
    const std::size_t end = path.find_last_of("/\\");
    if (end == std::string::npos || end == 0) return "";
    const std::string folder = path.substr(0, end);
    const std::size_t last = folder.find_last_of("/\\");
    const std::string person = last == std::string::npos ? folder : folder.substr(last + 1);
    return person.size() == 2 && person[1] == ':' ? "" : person;
}

/// Which column of labels.csv holds paths, by its header.
std::size_t path_column(const Fields& header) {
    for (std::size_t i = 0; i < header.size(); ++i) {
        std::string name = header[i];
        for (char& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        for (const char* const known : {"path", "file", "filename", "image", "photo"}) {
            if (name == known) return i;
        }
    }
    return 1;
}

/// Paths and people of labels.csv.
/// \param is_plain  set to false for a header or further columns
std::vector<TableRow> read_labels(const fs::path& path, bool& is_plain) {
    const std::vector<Fields> rows = read_csv(path);
    require_commas(rows, path);
    const bool has_header = !rows.empty() && std::isnan(number(rows[0][0]));
    const std::size_t column = has_header ? path_column(rows[0]) : 1;
    const std::size_t first = has_header ? 1 : 0;
    for (std::size_t row = first; row < rows.size(); ++row) {
        if (rows[row].size() <= column || rows[row].size() < 2) fail(path, row, "should have a number and a path");
        is_plain = is_plain && !has_header && rows[row].size() == 2;
    }
    // A folder that was named with '/' on Windows has both between its folders; elsewhere a name may have one '\\'.
    const bool is_windows =
        std::all_of(rows.begin() + static_cast<std::ptrdiff_t>(first), rows.end(), [&](const Fields& row) {
            const std::size_t last = row[column].find_last_of("/\\");
            return last != std::string::npos && row[column][last] == '\\';
        });
    std::vector<TableRow> labels;
    for (std::size_t row = first; row < rows.size(); ++row) {
        const std::string& file = rows[row][column];
        const std::string person = is_windows ? person_on_windows(file) : person_of(file);
        if (person.empty()) fail(path, row, "has '" + file + "', a path without a person's folder");
        labels.push_back({file, person, {}, {}});
    }
    return labels;
}

bool is_windows_path(const std::string& path) {
    const bool has_drive = path.size() > 2 && std::isalpha(static_cast<unsigned char>(path[0])) != 0 &&
                           path[1] == ':' && (path[2] == '\\' || path[2] == '/');
    // Elsewhere a backslash is a letter like others, and a path with '/' isn't of Windows.
    return has_drive || path.compare(0, 2, "\\\\") == 0 ||
           (path.find('\\') != std::string::npos && path.find('/') == std::string::npos);
}

/// The lines of photos.csv, if there's one. \throws ffr::FormatError naming the row
std::vector<std::pair<std::string, PhotoState>> read_photos(const fs::path& path) {
    std::vector<std::pair<std::string, PhotoState>> photos;
    std::error_code code;
    if (!fs::exists(path, code)) return photos;
    const auto reads = [](const std::string& text, auto& value, int base) {
        const char* const end = text.data() + text.size();
        const std::from_chars_result result = std::from_chars(text.data(), end, value, base);
        return result.ec == std::errc() && result.ptr == end;
    };
    const std::vector<Fields> lines = read_csv(path);
    for (std::size_t row = 0; row < lines.size(); ++row) {
        const Fields& fields = lines[row];
        PhotoState state;
        const bool fits = fields.size() == 5 && reads(fields[2], state.bytes, 10) &&
                          reads(fields[3], state.xxh64, 16) && reads(fields[4], state.modified, 10);
        if (!fits) fail(path, row, "isn't as ffr wrote it: delete the file to take all photos for unchanged");
        state.place = fields[1];
        photos.emplace_back(fields[0], state);
    }
    return photos;
}

/// Between the first table and the last that a run puts in its place, rows of one and the other don't belong together.
void require_whole_tables(const fs::path& folder) {
    const std::string end = kTablesBegun;
    std::string last(end.size(), '\0');
    std::ifstream journal(folder / kJournalName, std::ios::binary);
    journal.seekg(-static_cast<std::streamoff>(end.size()), std::ios::end);
    if (!journal.read(last.data(), static_cast<std::streamsize>(last.size())) || last != end) return;
    throw ffr::FileError(folder.u8string() +
                         ": its tables are being written, or a run was killed when it wrote them: "
                         "wait for its end, or complete them by `ffr represent` with --resume");
}

/// The files that tables are read from, as long as nobody replaces them.
using TableIds = std::pair<std::optional<FileId>, std::optional<FileId>>;

TableIds ids_of_tables(const fs::path& folder) {
    return {file_id(folder / "labels.csv"), file_id(folder / "reps.csv")};
}

/// What made the numbers, and all options that stand beside it.
std::pair<ffr::EmbeddingSource, Json> read_source(const fs::path& path) {
    constexpr std::uintmax_t kMostBytes = 1 << 20;
    const std::vector<std::uint8_t> bytes = ffr::detail::read_file(path, kMostBytes);
    try {
        Json json = Json::parse(bytes.begin(), bytes.end());
        const std::string embedder = json.at("embedder");
        const ffr::EmbeddingSource source{embedder, json.at("weights"), json.at("alignment"),
                                          ffr::same_person_distance(embedder), json.value("precision", "float32")};
        for (const char* const name : {"embedder", "weights", "alignment", "precision"}) json.erase(name);
        return {source, json};
    } catch (const Json::exception& error) {
        throw ffr::FormatError(path.u8string() + ": " + error.what());
    } catch (const ffr::InvalidArgument& error) {
        throw ffr::FormatError(path.u8string() + ": " + error.what());
    }
}

}  // namespace

std::string person_of(const std::string& path) {
    return is_windows_path(path) ? person_on_windows(path) : fs::u8path(path).parent_path().filename().u8string();
}

bool has_tables(const fs::path& folder) {
    std::error_code code;
    return fs::exists(folder / "labels.csv", code) || fs::exists(folder / "reps.csv", code);
}

void require_own_tables(const fs::path& folder, Force force) {
    bool is_own = force == Force::given, is_there = false;
    for (const char* const name : kTableFiles) {
        std::error_code code;
        if (!fs::exists(folder / name, code)) continue;
        is_there = true;
        ffr::detail::PendingFile(folder / name);  // throws for what can't be replaced at all
    }
    if (!is_there || is_own) return;
    try {
        read_source(folder / "source.json");
        read_photos(folder / "photos.csv");
        is_own = true;
    } catch (const ffr::Error&) {
    }
    if (is_own) return;
    throw ffr::FileError(folder.u8string() +
                         ": holds tables or other files of their names that ffr didn't write: choose "
                         "another folder, or replace them with --force");
}

void write_tables(const Tables& tables, const fs::path& folder, unsigned mode,
                  const std::function<void()>& before_put) {
    std::set<std::string> people;
    for (const TableRow& row : tables.rows) people.insert(row.person);
    std::string labels, numbers, photos;
    for (const TableRow& row : tables.rows) {
        const auto person = std::distance(people.begin(), people.find(row.person)) + 1;
        labels += std::to_string(person) + "," + csv_field(row.path) + "\n";
        for (std::size_t i = 0; i < row.embedding.size(); ++i) {
            numbers += (i == 0 ? "" : ",") + to_decimal(row.embedding[i]);
        }
        numbers += "\n";
        const PhotoState& state = row.state;
        photos += csv_field(row.path) + "," + csv_field(state.place) + "," + std::to_string(state.bytes) + "," +
                  ffr::hexadecimal(state.xxh64) + "," + std::to_string(state.modified) + "\n";
    }
    Json source{{"embedder", tables.source.embedder},
                {"weights", tables.source.weights},
                {"alignment", tables.source.alignment},
                {"precision", tables.source.precision}};
    source.update(tables.options);
    const std::array<std::string, 4> texts{labels, numbers, photos, source.dump(2) + "\n"};
    std::deque<OutputFile> files;
    std::vector<bool> are_there;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        std::error_code code;
        are_there.push_back(fs::exists(folder / kTableFiles[i], code));
        files.emplace_back(folder / kTableFiles[i], texts[i].data(), texts[i].size(), mode,
                           ffr::detail::Durability::on_disk);
    }
    before_put();
    for (std::size_t i = 0; i < texts.size(); ++i) are_there[i] ? files[i].put() : files[i].put_new();
}

Tables read_tables(const fs::path& folder, const SharedOptions& options) {
    const std::string& embedder = options.embedder;
    require_whole_tables(folder);
    const TableIds before = ids_of_tables(folder);
    Tables tables;
    bool is_plain = true;
    tables.rows = read_labels(folder / "labels.csv", is_plain);
    const std::vector<ffr::Embedding> embeddings = read_embeddings(folder / "reps.csv", is_plain);
    if (ids_of_tables(folder) != before) throw ffr::FileError(folder.u8string() + ": its tables changed: try again");
    if (embeddings.size() != tables.rows.size()) {
        throw ffr::FormatError((folder / "reps.csv").u8string() + ": has " + count_of(embeddings.size(), "row") +
                               ", but labels.csv has " + std::to_string(tables.rows.size()));
    }
    for (std::size_t row = 0; row < embeddings.size(); ++row) tables.rows[row].embedding = embeddings[row];
    std::error_code code;
    const fs::path source_path = folder / "source.json";
    if (fs::exists(source_path, code)) {
        std::tie(tables.source, tables.options) = read_source(source_path);
        tables.is_own = is_plain;
        if (!embedder.empty() && tables.source.embedder != embedder) {
            throw ffr::FormatError(source_path.u8string() + ": the numbers are of " + tables.source.embedder +
                                   ", not of " + embedder);
        }
        if (!options.precision.empty() && tables.source.precision != options.precision) {
            throw ffr::FormatError(source_path.u8string() + ": the numbers are of precision " +
                                   tables.source.precision + ", not " + options.precision);
        }
    } else if (embedder.empty()) {
        throw ffr::FormatError(folder.u8string() +
                               ": has no source.json, so say which network the numbers come from: " +
                               "--embedder nn4.small2 for OpenFace's");
    } else {
        tables.source = {embedder, "", "", ffr::same_person_distance(embedder),
                         options.precision.empty() ? "float32" : options.precision};
    }
    return tables;
}

void read_states(const fs::path& folder, std::vector<TableRow>& rows) {
    // Two trees may have the same paths: the first row of a path has the path's first state, and so on.
    std::unordered_map<std::string, std::deque<PhotoState>> states;
    for (auto& [path, state] : read_photos(folder / "photos.csv")) states[path].push_back(state);
    for (TableRow& row : rows) {
        const auto found = states.find(row.path);
        if (found == states.end() || found->second.empty()) continue;
        row.state = found->second.front();
        found->second.pop_front();
    }
}
