#pragma once
/// \file
/// What a long run has done so far, in DIR/represent.partial.jsonl: written a line at a time, so that nothing that was
/// done is lost however the run ends, and read when it's resumed.
///
/// The first line tells what made the numbers. Each other one adds a row, in place of an older one of the same photo, or
/// takes one out, or says that the tables are being put into their places. A line cut off at the end counts as not
/// written.

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "show/report.hpp"
#include "show/tables.hpp"

/// A photo's place, also where a table doesn't tell it.
std::string place_of(const TableRow& row);

/// The journal of one run; gone when the tables are written.
class Journal {
  public:
    /// Where the journal of a folder lies.
    static std::filesystem::path path_in(const std::filesystem::path& folder);

    /// Begins a journal in a folder. \param rows  what's known already. \param mode  of the new file
    /// \throws ffr::FileError
    static void begin(const std::filesystem::path& folder, const Json& made_by, const std::vector<TableRow>& rows,
                      unsigned mode);

    /// Opens a journal to go on with it.
    /// \param made_by  an object without objects in it: what the rows have to be made by, as begin() was told
    /// \throws FatalError, ffr::FormatError naming what differs, or the line that can't be read
    Journal(const std::filesystem::path& folder, const Json& made_by);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// One row for each photo: what was in it when it was opened, what came since, without what was taken out.
    std::vector<TableRow> rows() const;
    /// How many they are.
    std::size_t size() const;
    /// The row of a photo by its place.
    std::optional<TableRow> find(const std::string& place) const;
    /// The rows whose path is spelled so.
    std::vector<TableRow> spelled(const std::string& path) const;

    /// Adds a row, or puts it in the place of the photo's older one; on the disk when this returns, together with those
    /// that other threads add meanwhile. For many threads. \throws FatalError
    void append(const TableRow& row);
    /// The same for what's done in a moment when it's lost: on the disk with the next row. \throws FatalError
    void note(const TableRow& row);
    /// Takes out a row; on the disk with the next one. \throws FatalError
    void take_out(const TableRow& row);
    /// Says that the tables are about to be put into their places, or are there. \throws FatalError
    void tables_begun();
    void tables_written();

    /// Deletes the file. \throws ffr::FileError
    void remove();

  private:
    struct Entry {
        std::size_t number;  // in the order in which photos came
        TableRow row;
    };

    void read(const Json& made_by);
    void apply(const Json& line);
    void insert(const TableRow& row);
    void write_line(const std::string& line, ffr::detail::Durability durability);

    std::filesystem::path path_;
    std::unordered_map<std::string, Entry> rows_;                // by place
    std::unordered_multimap<std::string, std::string> spelled_;  // places by path
    std::size_t next_number_ = 0;
    int file_ = -1;
    mutable std::mutex mutex_;
    std::condition_variable synced_more_;
    std::size_t written_ = 0, synced_ = 0;  // lines
    bool is_syncing_ = false;
    int failure_ = 0;  // errno of the line that couldn't be written
};
