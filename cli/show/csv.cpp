#include "show/csv.hpp"

#include <cstring>
#include <string_view>
#include <utility>

#include "ffr/base/file.hpp"

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char letter : text) quoted += letter == '"' ? std::string("\"\"") : std::string(1, letter);
    return quoted + '"';
}

namespace {

constexpr std::size_t kMostFields = 1000;

/// The byte order mark that some programs put before UTF-8.
constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

bool begins_with(const std::vector<std::uint8_t>& bytes, std::string_view begin) {
    return bytes.size() >= begin.size() && std::memcmp(bytes.data(), begin.data(), begin.size()) == 0;
}

}  // namespace

std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& path) {
    const std::vector<std::uint8_t> bytes = ffr::detail::read_file(path);
    if (begins_with(bytes, "\xFF\xFE") || begins_with(bytes, "\xFE\xFF")) {
        throw ffr::FormatError(path.u8string() + ": is UTF-16 text: save it as CSV in UTF-8");
    }
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> row(1);
    bool quoted = false, started = false;
    const auto end_row = [&] {
        if (started) rows.push_back(std::move(row));
        row.assign(1, "");
        started = false;
    };
    for (std::size_t i = begins_with(bytes, kUtf8Mark) ? kUtf8Mark.size() : 0; i < bytes.size(); ++i) {
        const char letter = static_cast<char>(bytes[i]);
        if (quoted) {
            const bool doubled = letter == '"' && i + 1 < bytes.size() && bytes[i + 1] == '"';
            if (letter == '"' && !doubled) {
                quoted = false;
            } else {
                row.back() += letter;
                i += doubled ? 1 : 0;
            }
        } else if (letter == '\n' || letter == '\r') {
            end_row();
        } else if (letter == ',') {
            if (row.size() == kMostFields) {
                throw ffr::FormatError(path.u8string() + ": row " + std::to_string(rows.size() + 1) +
                                       " has more than 1000 fields");
            }
            row.emplace_back();
            started = true;
        } else {
            started = true;
            if (letter == '"' && row.back().empty()) {
                quoted = true;
            } else {
                row.back() += letter;
            }
        }
    }
    if (quoted) {
        throw ffr::FormatError(path.u8string() + ": row " + std::to_string(rows.size() + 1) +
                               " has a quote that isn't closed");
    }
    end_row();
    return rows;
}
