#include "run/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <system_error>

#include "run/batch.hpp"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#else
#include <fcntl.h>
#endif

namespace fs = std::filesystem;
namespace sys = ffr::detail::sys;
using ffr::detail::Durability;

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
    Json line{{"path", path_record(row.path)}, {"person", path_record(row.person)}, {"embedding", row.embedding}};
    if (!row.state.place.empty()) {
        line["place"] = path_record(row.state.place);
        line["bytes"] = row.state.bytes;
        line["xxh64"] = row.state.xxh64;
        line["modified"] = row.state.modified;
    }
    return line.dump() + '\n';
}

TableRow row_of(const Json& record) {
    TableRow row;
    row.path = path_of(record.at("path"));
    row.person = record.contains("person") ? path_of(record["person"]) : person_of(row.path);
    const Json& numbers = record.at("embedding");
    row.embedding = numbers.get<ffr::Embedding>();
    const bool finite =
        std::all_of(row.embedding.begin(), row.embedding.end(), [](float value) { return std::isfinite(value); });
    if (numbers.size() != row.embedding.size() || !finite)
        throw ffr::InvalidArgument("its embedding isn't 128 finite numbers");
    if (record.contains("place")) {
        row.state = {path_of(record.at("place")), record.at("bytes"), record.at("xxh64"), record.at("modified")};
    }
    return row;
}

/// What's measured from now on would be lost, so the run ends.
[[noreturn]] void fail_to_write(const fs::path& path, int reason) {
    throw FatalError(path.u8string() + ": can't write the file: " + std::generic_category().message(reason));
}

void require_same(const Json& found, const Json& wanted, const fs::path& path) {
    for (const auto& [name, value] : wanted.items()) {
        const Json before = found.value(name, Json());
        if (before == value || before.is_null()) continue;  // an earlier version didn't know all of them
        throw ffr::FormatError(path.u8string() + ": was begun with " + name + " " + before.dump() + ", not " +
                               value.dump() + ": go on with that, or delete the file to begin anew");
    }
}

int open_to_append(const fs::path& path) {
#if defined(_WIN32)
    return _wopen(path.c_str(), _O_WRONLY | _O_APPEND | _O_BINARY | _O_NOINHERIT);
#else
    return open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
#endif
}

}  // namespace

std::string place_of(const TableRow& row) {
    return row.state.place.empty() ? place_of(fs::u8path(row.path)) : row.state.place;
}

fs::path Journal::path_in(const fs::path& folder) {
    return folder / kJournalName;
}

void Journal::begin(const fs::path& folder, const Json& made_by, const std::vector<TableRow>& rows, unsigned mode) {
    std::string text = made_by.dump() + '\n';
    for (const TableRow& row : rows) text += line_of(row);
    OutputFile(path_in(folder), text.data(), text.size(), mode, Durability::on_disk).put();
}

Journal::Journal(const fs::path& folder, const Json& made_by) : path_(path_in(folder)) {
    read(made_by);
    file_ = open_to_append(path_);
    if (file_ < 0) fail_to_write(path_, errno);
}

Journal::~Journal() {
    if (file_ >= 0) sys::close(file_);
}

/// Reads all lines that have their end, and cuts off the one that hasn't.
void Journal::read(const Json& made_by) {
    std::ifstream in(path_, std::ios::binary);
    std::uintmax_t whole = 0;
    std::size_t number = 1;
    for (std::string line; std::getline(in, line) && !in.eof(); ++number) {
        const auto fail = [&](const std::exception& error) {
            throw ffr::FormatError(path_.u8string() + ": line " + std::to_string(number) + ": " + error.what());
        };
        try {
            const Json record = Json::parse(line);
            number == 1 ? require_same(record, made_by, path_) : apply(record);
        } catch (const Json::exception& error) {
            fail(error);
        } catch (const ffr::InvalidArgument& error) {
            fail(error);
        }
        whole += line.size() + 1;
    }
    if (in.bad()) throw ffr::FileError(path_.u8string() + ": can't be read");  // what wasn't read isn't cut off
    if (number == 1) throw ffr::FormatError(path_.u8string() + ": its first line can't be read");
    std::error_code code;
    if (fs::file_size(path_, code) != whole) fs::resize_file(path_, whole, code);
    if (code) fail_to_write(path_, code.value());
}

void Journal::apply(const Json& line) {
    if (line.contains("gone")) {
        rows_.erase(path_of(line["gone"]));
    } else if (!line.contains("tables")) {
        insert(row_of(line));
    }
}

void Journal::insert(const TableRow& row) {
    const std::string place = place_of(row);
    const auto [entry, is_new] = rows_.try_emplace(place, Entry{next_number_, row});
    if (is_new) {
        ++next_number_;
        spelled_.emplace(row.path, place);
    } else {
        entry->second.row = row;
    }
}

std::vector<TableRow> Journal::rows() const {
    const std::lock_guard lock(mutex_);
    std::vector<const Entry*> entries;
    for (const auto& [place, entry] : rows_) entries.push_back(&entry);
    std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) { return a->number < b->number; });
    std::vector<TableRow> rows;
    for (const Entry* const entry : entries) rows.push_back(entry->row);
    return rows;
}

std::size_t Journal::size() const {
    const std::lock_guard lock(mutex_);
    return rows_.size();
}

std::optional<TableRow> Journal::find(const std::string& place) const {
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(place);
    return found == rows_.end() ? std::nullopt : std::optional(found->second.row);
}

std::vector<TableRow> Journal::spelled(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    std::vector<TableRow> rows;
    const auto [begin, end] = spelled_.equal_range(path);
    for (auto it = begin; it != end; ++it) {
        const auto found = rows_.find(it->second);
        if (found != rows_.end() && found->second.row.path == path) rows.push_back(found->second.row);
    }
    return rows;
}

void Journal::append(const TableRow& row) {
    write_line(line_of(row), Durability::on_disk);
    const std::lock_guard lock(mutex_);
    insert(row);
}

void Journal::note(const TableRow& row) {
    write_line(line_of(row), Durability::in_system);
    const std::lock_guard lock(mutex_);
    insert(row);
}

void Journal::take_out(const TableRow& row) {
    const std::string place = place_of(row);
    write_line(Json{{"gone", path_record(place)}}.dump() + '\n', Durability::in_system);
    const std::lock_guard lock(mutex_);
    rows_.erase(place);
}

void Journal::tables_begun() {
    write_line(kTablesBegun, Durability::on_disk);
}

void Journal::tables_written() {
    write_line("{\"tables\":\"written\"}\n", Durability::on_disk);
}

/// One thread waits for the disk at a time, for all lines that were written before; those written meanwhile are the next
/// one's.
void Journal::write_line(const std::string& line, Durability durability) {
    std::unique_lock lock(mutex_);
    // After a failure the file takes no more: nothing comes behind half a line.
    if (failure_ == 0 && !sys::write_all(file_, line.data(), line.size())) failure_ = errno;
    const std::size_t mine = durability == Durability::on_disk ? ++written_ : 0;
    while (failure_ == 0 && synced_ < mine) {
        if (is_syncing_) {
            synced_more_.wait(lock);
            continue;
        }
        is_syncing_ = true;
        const std::size_t up_to = written_;
        lock.unlock();
        const int failure = sys::sync(file_) ? 0 : errno;
        lock.lock();
        is_syncing_ = false;
        synced_ = up_to;
        if (failure_ == 0) failure_ = failure;
        synced_more_.notify_all();
    }
    if (failure_ != 0) fail_to_write(path_, failure_);
}

void Journal::remove() {
    sys::close(file_);
    file_ = -1;
    std::error_code code;
    fs::remove(path_, code);
    if (code) throw ffr::FileError(path_.u8string() + ": can't delete the file: " + code.message());
}
