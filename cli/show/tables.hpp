#pragma once
/// \file
/// Embeddings as OpenFace keeps them: labels.csv and reps.csv, the same rows in both. Beside them we put source.json,
/// which says what made the numbers, and photos.csv, which says what the photos were then; OpenFace ignores both, and
/// tables without them are read all the same.
///
///     labels.csv    number of the person, from 1 in the order of names; path
///     reps.csv      128 numbers, so many digits that they read back as the same floats
///     photos.csv    path; whole path without links; bytes; XXH64 of the bytes; time of change in nanoseconds, or 0.
///                   Where that isn't known, the whole path is empty
///
/// The first three are the same bytes on every system. Paths have '/' between folders.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ffr/embed/embedding.hpp"
#include "load/options.hpp"
#include "run/photo_file.hpp"
#include "show/report.hpp"

/// The journal of a run that writes tables, see journal.hpp, and the line that ends it while they're put in their places.
inline constexpr const char* kJournalName = "represent.partial.jsonl";
inline constexpr const char* kTablesBegun = "{\"tables\":\"begun\"}\n";

/// A row of the tables.
struct TableRow {
    std::string path;    // of the picture
    std::string person;  // the name of the folder that it lies in
    ffr::Embedding embedding{};
    PhotoState state;  // when it was measured; without a place where that isn't known
};

/// What a folder of tables holds.
struct Tables {
    std::vector<TableRow> rows;
    ffr::EmbeddingSource source;
    Json options = Json::object();  // with which the photos were measured, besides
    bool is_own = false;            // as ffr writes them: with source.json, without headers and further columns
};

/// Whose picture a path of a table is: the name of its folder; empty when it has none. Takes paths of Windows, too.
std::string person_of(const std::string& path);

/// True when a folder has one of the tables.
bool has_tables(const std::filesystem::path& folder);

/// Refuses to write tables where one of the four files is somebody else's, or read-only. \throws ffr::FileError
void require_own_tables(const std::filesystem::path& folder, Force force);

/// Writes the four files. All are on the disk before the first takes its place.
/// \param mode        of new files
/// \param before_put  called when they're on the disk under temporary names. \throws ffr::FileError
void write_tables(const Tables& tables, const std::filesystem::path& folder, unsigned mode,
                  const std::function<void()>& before_put);

/// Reads what write_tables or OpenFace's batch-represent wrote, perhaps saved by a spreadsheet since: with a byte order
/// mark, a header row, \r\n, quotes, further columns behind those of labels.csv, row numbers before those of reps.csv.
/// Rows have no states.
/// \param options  the network and the precision that the numbers come from, where source.json shall not tell
/// \throws ffr::FileError, ffr::FormatError naming the file, the row and the reason; when nothing tells the network or
/// source.json names another one, or another precision; when some of the tables are old and some new, since a run is
/// putting them in their places or was killed then
Tables read_tables(const std::filesystem::path& folder, const SharedOptions& options);

/// Gives rows the states that photos.csv has for their paths. \throws ffr::FileError, ffr::FormatError naming the row
void read_states(const std::filesystem::path& folder, std::vector<TableRow>& rows);
