#pragma once
/// \file
/// Files as bytes: read whole, mapped (their bytes come into memory when they're looked at), or written so that nobody
/// ever sees half a file.
///
///     path --read_file--> vector of bytes         path --map_file--> SharedBytes: a pointer to the file's own bytes
///     bytes --write_file--> a temporary file beside the path --renamed--> path

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#elif defined(_WIN32)
#include <process.h>
#endif

#include "../error.hpp"

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Bytes that stay valid as long as `owner` lives.
struct SharedBytes {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    std::shared_ptr<const void> owner;
};

/// A path as UTF-8 for messages; std::filesystem's own u8string() isn't a std::string any more in C++20.
inline std::string path_text(const std::filesystem::path& path) {
    const auto text = path.u8string();
    return {text.begin(), text.end()};
}

inline std::string errno_text() {
    return std::strerror(errno);
}

/// ": has N bytes, more than ..." for messages.
inline std::string too_large_text(std::uintmax_t size, std::uintmax_t limit) {
    return ": has " + std::to_string(size) + " bytes, more than the limit of " + std::to_string(limit);
}

/// The whole file. \param limit  of its size in bytes
/// \throws FileError naming the file and the reason; a folder, a pipe or a device isn't a file
inline std::vector<std::uint8_t> read_file(const std::filesystem::path& path,
                                           std::uintmax_t limit = std::numeric_limits<std::uintmax_t>::max()) {
    std::error_code code;
    const std::filesystem::file_status status = std::filesystem::status(path, code);
    if (std::filesystem::is_directory(status)) throw FileError(path_text(path) + ": is a folder, not a file");
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        throw FileError(path_text(path) + ": isn't a regular file");
    }
    const std::uintmax_t expected = std::filesystem::file_size(path, code);
    if (!code && expected > limit) throw FileError(path_text(path) + too_large_text(expected, limit));
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in) throw FileError(path_text(path) + ": can't open the file: " + errno_text());
    std::vector<std::uint8_t> bytes;
    char block[65536];
    if (!code) bytes.reserve(static_cast<std::size_t>(expected));
    while (in.read(block, sizeof block) || in.gcount() > 0) {
        bytes.insert(bytes.end(), block, block + in.gcount());
        if (bytes.size() > limit) throw FileError(path_text(path) + too_large_text(bytes.size(), limit));  // it grew
    }
    if (in.bad()) throw FileError(path_text(path) + ": can't read the file: " + errno_text());
    return bytes;
}

/// Maps a file for reading; where there's no mmap, reads it. \throws FileError naming the file and the reason
inline SharedBytes map_file(const std::filesystem::path& path) {
#if defined(__unix__) || defined(__APPLE__)
    struct Descriptor {
        int number;
        ~Descriptor() {
            if (number >= 0) ::close(number);
        }
    };
    const Descriptor descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (descriptor.number < 0) throw FileError(path_text(path) + ": can't open the file: " + errno_text());
    struct stat status {};
    const bool is_file = ::fstat(descriptor.number, &status) == 0 && S_ISREG(status.st_mode);
    if (!is_file) throw FileError(path_text(path) + ": isn't a regular file");
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) return {};
    void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.number, 0);
    if (start == MAP_FAILED) throw FileError(path_text(path) + ": can't map the file: " + errno_text());
    std::shared_ptr<const void> owner(start, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
    return {static_cast<const unsigned char*>(start), size, std::move(owner)};
#else
    auto bytes = std::make_shared<const std::vector<std::uint8_t> >(read_file(path));
    return {bytes->data(), bytes->size(), bytes};
#endif
}

/// A name for a file that's still being written, in the same folder. Not a longer one than the file's own, which may be
/// as long as names can be.
inline std::filesystem::path temporary_beside(const std::filesystem::path& path) {
#if defined(__unix__) || defined(__APPLE__)
    const long process = ::getpid();
#elif defined(_WIN32)
    const long process = ::_getpid();
#else
    const long process = 0;
#endif
    const std::size_t thread = std::hash<std::thread::id>()(std::this_thread::get_id());
    return path.parent_path() / (".ffr-" + std::to_string(process) + "-" + std::to_string(thread) + ".tmp");
}

/// Writes a file under a temporary name beside it and renames it when it's complete, so that an interrupted or failed
/// write leaves what was there before. \throws FileError naming the file and the reason; a folder, a pipe or a device,
/// whose place it would take, can't be written
inline void write_file(const std::filesystem::path& path, const void* data, std::size_t size) {
    std::error_code code;
    const std::filesystem::file_status status = std::filesystem::status(path, code);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        throw FileError(path_text(path) + ": can't write the file: it isn't a regular file");
    }
    const std::filesystem::path temporary = temporary_beside(path);
    errno = 0;
    std::ofstream out(temporary, std::ios::binary);
    if (!out) throw FileError(path_text(path) + ": can't write the file: " + errno_text());
    out.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    out.close();
    code.assign(out ? 0 : errno, std::generic_category());
    if (!code) std::filesystem::rename(temporary, path, code);
    if (!code) return;
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw FileError(path_text(path) + ": can't write the file: " + code.message());
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
