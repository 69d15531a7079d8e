#pragma once
/// \file
/// What a long run has done so far, in DIR/represent.partial.jsonl: written a line at a time, so that nothing that was
/// done is lost however the run ends, and read when it's resumed.
///
/// The first line tells what made the numbers. A line cut off at the end counts as not written.

#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "report.hpp"
#include "tables.hpp"

/// The journal of one run; gone when the tables are written.
class Journal {
  public:
    /// Where the journal of a folder lies.
    static std::filesystem::path path_in(const std::filesystem::path& folder);

    /// Begins a journal in a folder. \param rows  what's known already. \throws ffr::FileError, FatalError
    static void begin(const std::filesystem::path& folder, const Json& made_by, const std::vector<TableRow>& rows);

    /// Opens a journal to go on with it.
    /// \param made_by  an object without objects in it: what the rows have to be made by, as begin() was told
    /// \throws FatalError, ffr::FormatError naming what differs, or the line that can't be read
    Journal(const std::filesystem::path& folder, const Json& made_by);

    /// What was in it when it was opened, and what came since.
    const std::vector<TableRow>& rows() const { return rows_; }

    /// Adds a row, on disk when this returns. For many threads. \throws FatalError
    void append(TableRow row);

    /// Deletes the file.
    void remove();

  private:
    std::filesystem::path path_;
    std::vector<TableRow> rows_;
    std::ofstream out_;
    int failure_ = 0;  // errno of the row that couldn't be written
    std::mutex mutex_;
};
