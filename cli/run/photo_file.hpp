#pragma once
/// \file
/// A photo as a file: its bytes, and what tells later whether it's still the same photo.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What a photo was when it was read.
struct PhotoState {
    std::string place;          // its whole path without links: one for a photo, however it's called; empty for a pipe
    std::uint64_t bytes = 0;    // its size
    std::uint64_t xxh64 = 0;    // of its bytes
    std::int64_t modified = 0;  // nanoseconds since 1970; 0 where it was so new that a change would not show
};

/// A photo's bytes and state.
struct PhotoFile {
    std::vector<std::uint8_t> bytes;
    PhotoState state;
};

/// Reads a photo: a file or, where that's given by name, a pipe up to its end.
/// \throws ffr::FileError naming the file and the reason
std::vector<std::uint8_t> read_photo(const std::filesystem::path& path);

/// The same, with its state. \throws ffr::FileError
PhotoFile read_photo_and_state(const std::filesystem::path& path);

/// The whole path of a file without links; as it is where there's no such file.
std::string place_of(const std::filesystem::path& path);

/// What became of a photo.
enum class Change { none, changed, gone };

/// Compares a photo with what it was. Its bytes are read only where size and time can't tell.
/// \param state  its time is set anew where only that has changed
Change change_since(PhotoState& state);
