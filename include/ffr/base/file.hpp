#pragma once
/// \file
/// Files read whole, as bytes.
///
///     path --read_file--> vector of bytes         path --read_aligned--> SharedBytes, to be used in place

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#include "error.hpp"

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

/// A file to be read, and how long it's said to be.
struct OpenedFile {
    std::ifstream in;
    std::uintmax_t size;
};

/// \param limit  of its size in bytes
/// \throws FileError naming the file and the reason; a folder, a pipe or a device isn't a file
inline OpenedFile open_file(const std::filesystem::path& path, std::uintmax_t limit) {
    std::error_code code;
    const std::filesystem::file_status status = std::filesystem::status(path, code);
    if (std::filesystem::is_directory(status)) throw FileError(path_text(path) + ": is a folder, not a file");
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        throw FileError(path_text(path) + ": isn't a regular file");
    }
    const std::uintmax_t size = std::filesystem::file_size(path, code);
    if (!code && size > limit) throw FileError(path_text(path) + too_large_text(size, limit));
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in) throw FileError(path_text(path) + ": can't open the file: " + errno_text());
    return {std::move(in), code ? 0 : size};
}

/// The whole file. \param limit  of its size in bytes
/// \throws FileError naming the file and the reason; a folder, a pipe or a device isn't a file
inline std::vector<std::uint8_t> read_file(const std::filesystem::path& path,
                                           std::uintmax_t limit = std::numeric_limits<std::uintmax_t>::max()) {
    constexpr std::size_t kBlock = 65536;
    OpenedFile file = open_file(path, limit);
    std::vector<std::uint8_t> bytes;
    bytes.reserve(static_cast<std::size_t>(file.size) + kBlock);
    while (file.in) {
        const std::size_t before = bytes.size();
        bytes.resize(before + kBlock);  // straight into the vector: stacks of threads may be small
        file.in.read(reinterpret_cast<char*>(bytes.data() + before), kBlock);
        bytes.resize(before + static_cast<std::size_t>(file.in.gcount()));
        if (bytes.size() > limit) throw FileError(path_text(path) + too_large_text(bytes.size(), limit));  // it grew
    }
    if (file.in.bad()) throw FileError(path_text(path) + ": can't read the file: " + errno_text());
    if (bytes.size() < file.size) throw FileError(path_text(path) + ": became shorter while it was read");
    return bytes;
}

/// Memory that begins at a multiple of 64 bytes, which suits every type of number and every vector, and its owner.
///
/// Where there's much of it, Linux is asked for pages of 2 MB: a file of 20 MB is then read in a third of the time, since
/// most of that goes into making 5000 small pages.
struct AlignedMemory {
    explicit AlignedMemory(std::size_t size) {
        constexpr std::size_t kHugePage = std::size_t{1} << 21;
        const std::align_val_t alignment{size < 2 * kHugePage ? 64 : kHugePage};
        data = static_cast<unsigned char*>(::operator new(size, alignment));
        owner = {data, [alignment](const void* p) { ::operator delete(const_cast<void*>(p), alignment); }};
#if defined(MADV_HUGEPAGE)
        if (size >= 2 * kHugePage) ::madvise(data, size, MADV_HUGEPAGE);
#endif
    }

    unsigned char* data = nullptr;
    std::shared_ptr<const void> owner;
};

/// The whole file in aligned memory, each byte moved once. Errors as read_file's, and for a file that shrinks meanwhile.
inline SharedBytes read_aligned(const std::filesystem::path& path, std::uintmax_t limit) {
    OpenedFile file = open_file(path, limit);
    const auto size = static_cast<std::size_t>(file.size);
    AlignedMemory memory(size);
    errno = 0;
    file.in.read(reinterpret_cast<char*>(memory.data), static_cast<std::streamsize>(size));
    if (file.in.bad()) throw FileError(path_text(path) + ": can't read the file: " + errno_text());
    if (!file.in) throw FileError(path_text(path) + ": became shorter while it was read");
    return {memory.data, size, std::move(memory.owner)};
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
