#pragma once
/// \file
/// Embeddings as OpenFace keeps them: labels.csv and reps.csv, the same rows in both. Beside them we put source.json,
/// which says what made the numbers; OpenFace ignores it, and tables without it are read all the same.

#include <filesystem>
#include <string>
#include <vector>

#include "ffr/distance.hpp"
#include "options.hpp"

/// A row of both tables.
struct TableRow {
    std::string path;    // of the picture
    std::string person;  // the name of the folder that it lies in
    ffr::Embedding embedding{};
};

/// What a folder of tables holds.
struct Tables {
    std::vector<TableRow> rows;
    ffr::EmbeddingSource source;
};

/// Whose picture a path of a table is: the name of its folder; empty when it has none.
std::string person_of(const std::string& path);

/// True when a folder has one of the tables.
bool has_tables(const std::filesystem::path& folder);

/// Writes labels.csv (number of the person, from 1 in the order of names; path), reps.csv (128 numbers, so many digits
/// that they read back as the same floats) and source.json. \throws ffr::FileError
void write_tables(const Tables& tables, const std::filesystem::path& folder);

/// Reads what write_tables or OpenFace's batch-represent wrote.
/// \param options  the network and the precision that the numbers come from, where source.json shall not tell
/// \throws ffr::FileError, ffr::FormatError naming the file and the row, or when nothing tells the network or
/// source.json names another one, or another precision
Tables read_tables(const std::filesystem::path& folder, const SharedOptions& options);
