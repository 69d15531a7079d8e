#pragma once
/// \file
/// Which file a path leads to, whatever it's called: two paths of one file or folder have the same number.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

/// Device and inode or, where there are none, a hash of the path without links and its length.
using FileId = std::pair<std::uint64_t, std::uint64_t>;

/// The number of what a path leads to, through links; nothing when there's no such file or it can't be seen.
std::optional<FileId> file_id(const std::filesystem::path& path);
