#include "tables.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <set>

#include "csv.hpp"
#include "ffr/detail/file.hpp"
#include "ffr/embedding.hpp"
#include "report.hpp"

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

ffr::Embedding read_numbers(const std::vector<std::string>& fields, const fs::path& path, std::size_t row) {
    ffr::Embedding embedding{};
    if (fields.size() != embedding.size()) fail(path, row, "should have 128 numbers");
    for (std::size_t i = 0; i < embedding.size(); ++i) {
        embedding[i] = number(fields[i]);
        if (!std::isfinite(embedding[i])) fail(path, row, "has '" + fields[i] + "', not a number");
    }
    return embedding;
}

ffr::EmbeddingSource read_source(const fs::path& path) {
    constexpr std::uintmax_t kMostBytes = 1 << 20;
    const std::vector<std::uint8_t> bytes = ffr::detail::read_file(path, kMostBytes);
    try {
        const Json json = Json::parse(bytes.begin(), bytes.end());
        const std::string embedder = json.at("embedder");
        return {embedder, json.at("weights"), json.at("alignment"), ffr::same_person_distance(embedder),
                json.value("precision", "float32")};
    } catch (const Json::exception& error) {
        throw ffr::FormatError(path.u8string() + ": " + error.what());
    } catch (const ffr::InvalidArgument& error) {
        throw ffr::FormatError(path.u8string() + ": " + error.what());
    }
}

}  // namespace

std::string person_of(const std::string& path) {
    return fs::u8path(path).parent_path().filename().u8string();
}

bool has_tables(const fs::path& folder) {
    std::error_code code;
    return fs::exists(folder / "labels.csv", code) || fs::exists(folder / "reps.csv", code);
}

void write_tables(const Tables& tables, const fs::path& folder) {
    std::set<std::string> people;
    for (const TableRow& row : tables.rows) people.insert(row.person);
    std::string labels, numbers;
    for (const TableRow& row : tables.rows) {
        const auto person = std::distance(people.begin(), people.find(row.person)) + 1;
        labels += std::to_string(person) + "," + csv_field(row.path) + "\n";
        for (std::size_t i = 0; i < row.embedding.size(); ++i) {
            numbers += (i == 0 ? "" : ",") + to_decimal(row.embedding[i]);
        }
        numbers += "\n";
    }
    const Json source{{"embedder", tables.source.embedder},
                      {"weights", tables.source.weights},
                      {"alignment", tables.source.alignment},
                      {"precision", tables.source.precision}};
    write_text_file(folder / "labels.csv", labels);
    write_text_file(folder / "reps.csv", numbers);
    write_text_file(folder / "source.json", source.dump(2) + "\n");
}

Tables read_tables(const fs::path& folder, const SharedOptions& options) {
    const std::string& embedder = options.embedder;
    const fs::path labels_path = folder / "labels.csv", numbers_path = folder / "reps.csv";
    const auto labels = read_csv(labels_path), numbers = read_csv(numbers_path);
    if (labels.size() != numbers.size()) {
        throw ffr::FormatError(numbers_path.u8string() + ": has " + count_of(numbers.size(), "row") +
                               ", but labels.csv has " + std::to_string(labels.size()));
    }
    Tables tables;
    for (std::size_t row = 0; row < labels.size(); ++row) {
        if (labels[row].size() != 2) fail(labels_path, row, "should have 2 fields");
        const std::string& path = labels[row][1];
        const std::string person = person_of(path);
        if (person.empty()) fail(labels_path, row, "has '" + path + "', a path without a person's folder");
        tables.rows.push_back({path, person, read_numbers(numbers[row], numbers_path, row)});
    }
    std::error_code code;
    const fs::path source_path = folder / "source.json";
    if (fs::exists(source_path, code)) {
        tables.source = read_source(source_path);
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
