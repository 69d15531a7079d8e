#pragma once
/// \file
/// Comma-separated values as in RFC 4180.

#include <filesystem>
#include <string>
#include <vector>

/// A field, in quotes where it needs them.
std::string csv_field(const std::string& text);

/// The rows of a file. Quoted fields may hold commas, quotes and line ends; both kinds of line end are accepted, and a
/// byte order mark of UTF-8. Empty lines are left out.
/// \throws ffr::FileError, ffr::FormatError for UTF-16, or naming the row of a quote that's never closed
std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& path);
