#include "journal.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <system_error>

#include "batch.hpp"

namespace fs = std::filesystem;

namespace {

/// A path as JSON: text or, where it isn't UTF-8, its bytes as numbers.
Json path_record(const std::string& path) {
    try {
        const Json record(path);
        static_cast<void>(record.dump());
        return record;
    } catch (const Json::exception&) {
        return std::vector<std::uint8_t>(path.begin(), path.end());
    }
}

std::string path_of(const Json& record) {
    if (record.is_string()) return record.get<std::string>();
    const auto bytes = record.get<std::vector<std::uint8_t>>();
    return {bytes.begin(), bytes.end()};
}

/// The numbers as double, which holds each float exactly.
std::string line_of(const TableRow& row) {
    return Json{{"path", path_record(row.path)}, {"embedding", row.embedding}}.dump() + '\n';
}

TableRow row_of(const Json& record) {
    const std::string path = path_of(record.at("path"));
    const Json& numbers = record.at("embedding");
    const auto embedding = numbers.get<ffr::Embedding>();
    const bool finite =
        std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); });
    if (numbers.size() != embedding.size() || !finite)
        throw ffr::InvalidArgument("its embedding isn't 128 finite numbers");
    return {path, person_of(path), embedding};
}

/// What's measured from now on would be lost, so the run ends.
[[noreturn]] void fail_to_write(const fs::path& path, int reason) {
    throw FatalError(path.u8string() + ": can't write the file: " + std::generic_category().message(reason));
}

void require_same(const Json& found, const Json& wanted, const fs::path& path) {
    for (const auto& [name, value] : wanted.items()) {
        const Json before = found.value(name, Json());
        if (before == value) continue;
        throw ffr::FormatError(path.u8string() + ": was begun with " + name + " " + before.dump() + ", not " +
                               value.dump() + ": go on with that, or delete the file to begin anew");
    }
}

}  // namespace

fs::path Journal::path_in(const fs::path& folder) {
    return folder / "represent.partial.jsonl";
}

void Journal::begin(const fs::path& folder, const Json& made_by, const std::vector<TableRow>& rows) {
    const fs::path path = path_in(folder), temporary = folder / ".represent.partial.tmp";
    make_parent(path);
    errno = 0;
    std::ofstream out(temporary, std::ios::binary);
    out << made_by.dump() << '\n';
    for (const TableRow& row : rows) out << line_of(row);
    out.close();
    std::error_code code(out ? 0 : errno != 0 ? errno : EIO, std::generic_category());
    if (!code) fs::rename(temporary, path, code);
    if (!code) return;
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw FatalError(path.u8string() + ": can't write the file: " + code.message());
}

Journal::Journal(const fs::path& folder, const Json& made_by) : path_(path_in(folder)) {
    std::ifstream in(path_, std::ios::binary);
    std::uintmax_t whole = 0;  // bytes of lines that have their end
    std::size_t number = 1;
    for (std::string line; std::getline(in, line) && !in.eof(); ++number) {
        try {
            const Json record = Json::parse(line);
            if (number == 1) require_same(record, made_by, path_);
            if (number > 1) rows_.push_back(row_of(record));
        } catch (const Json::exception& error) {
            throw ffr::FormatError(path_.u8string() + ": line " + std::to_string(number) + ": " + error.what());
        } catch (const ffr::InvalidArgument& error) {
            throw ffr::FormatError(path_.u8string() + ": line " + std::to_string(number) + ": " + error.what());
        }
        whole += line.size() + 1;
    }
    if (in.bad()) throw ffr::FileError(path_.u8string() + ": can't be read");  // what wasn't read isn't cut off
    if (number == 1) throw ffr::FormatError(path_.u8string() + ": its first line can't be read");
    std::error_code code;
    fs::resize_file(path_, whole, code);
    errno = code.value();
    if (!code) out_.open(path_, std::ios::binary | std::ios::app);
    if (!out_.is_open()) fail_to_write(path_, errno);
}

void Journal::append(TableRow row) {
    const std::string line = line_of(row);
    const std::lock_guard lock(mutex_);
    // After a failure the stream takes no more: nothing comes behind half a line. errno is of this thread alone.
    if (out_ && !(out_ << line << std::flush)) failure_ = errno;
    if (!out_) fail_to_write(path_, failure_);
    rows_.push_back(std::move(row));
}

void Journal::remove() {
    out_.close();
    std::error_code code;
    fs::remove(path_, code);
    if (code) throw ffr::FileError(path_.u8string() + ": can't delete the file: " + code.message());
}
