#include "run/photo_file.hpp"

#include <cerrno>
#include <chrono>
#include <system_error>

#include "ffr/base/xxhash.hpp"
#include "ffr/image/image_io.hpp"
#include "run/interrupt.hpp"

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace fs = std::filesystem;

namespace {

/// When a file was changed; 0 where it's not known, or so short a time ago that the clock of its file system may give the
/// same time to a further change. FAT counts by two seconds.
std::int64_t settled_time(const fs::path& path) {
    using std::chrono::nanoseconds, std::chrono::duration_cast;
    constexpr std::int64_t kCoarsest = 2'000'000'000;
#if defined(_WIN32)
    std::error_code code;
    const auto written = fs::last_write_time(path, code);
    if (code) return 0;
    const auto age = duration_cast<nanoseconds>(fs::file_time_type::clock::now() - written).count();
    const auto time = duration_cast<nanoseconds>(written.time_since_epoch()).count();
#else
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) return 0;
#if defined(__APPLE__)
    const timespec written = found.st_mtimespec;
#else
    const timespec written = found.st_mtim;
#endif
    const std::int64_t time = std::int64_t{written.tv_sec} * 1'000'000'000 + written.tv_nsec;
    const auto age = duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count() - time;
#endif
    return age > kCoarsest ? time : 0;
}

std::uint64_t hash_of(const std::vector<std::uint8_t>& bytes) {
    return ffr::detail::xxh64(bytes.data(), bytes.size());
}

#if defined(_WIN32)
bool is_pipe(const fs::path&) {
    return false;
}
std::vector<std::uint8_t> read_pipe(const fs::path&) {
    return {};
}
#else
bool is_pipe(const fs::path& path) {
    std::error_code code;
    const fs::file_status status = fs::status(path, code);
    return fs::is_fifo(status) || (fs::is_socket(status) && path == "/dev/stdin");
}

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
    throw ffr::FileError(path.u8string() + ": can't read the pipe: " + reason);
}

/// A descriptor, closed at the end.
struct Opened {
    int descriptor;
    ~Opened() {
        if (descriptor >= 0) close(descriptor);
    }
};

/// Opened without waiting for a writer, since a signal has to end that wait, too.
std::vector<std::uint8_t> read_pipe(const fs::path& path) {
    int descriptor = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0 && path == "/dev/stdin") descriptor = dup(0);  // a socket can't be opened by a name
    const Opened pipe{descriptor};
    if (pipe.descriptor < 0) fail(path, std::generic_category().message(errno));
    std::vector<std::uint8_t> bytes, block(65536);
    for (;;) {
        if (!wait_for_input(pipe.descriptor)) fail(path, "a signal came first");
        const ssize_t count = read(pipe.descriptor, block.data(), block.size());
        if (count == 0) return bytes;
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count < 0) fail(path, std::generic_category().message(errno));
        bytes.insert(bytes.end(), block.begin(), block.begin() + count);
        if (bytes.size() > ffr::detail::kMaxImageFile) {
            fail(path, "more than " + std::to_string(ffr::detail::kMaxImageFile) + " bytes come");
        }
    }
}
#endif

}  // namespace

std::vector<std::uint8_t> read_photo(const fs::path& path) {
    return is_pipe(path) ? read_pipe(path) : ffr::detail::read_file(path, ffr::detail::kMaxImageFile);
}

PhotoFile read_photo_and_state(const fs::path& path) {
    if (is_pipe(path)) return {read_pipe(path), {}};
    const std::int64_t modified = settled_time(path);  // before it's read, so that a later change shows
    std::vector<std::uint8_t> bytes = read_photo(path);
    const PhotoState state{place_of(path), bytes.size(), hash_of(bytes), modified};
    return {std::move(bytes), state};
}

std::string place_of(const fs::path& path) {
    std::error_code code;
    const fs::path absolute = fs::absolute(path, code);
    const fs::path place = fs::weakly_canonical(absolute, code);
    return (code ? absolute.lexically_normal() : place).generic_u8string();
}

Change change_since(PhotoState& state) {
    const fs::path path = fs::u8path(state.place);
    std::error_code code;
    if (!fs::exists(path, code)) return code ? Change::none : Change::gone;  // what can't be looked at isn't gone
    if (fs::file_size(path, code) != state.bytes) return Change::changed;
    const std::int64_t modified = settled_time(path);
    if (modified != 0 && modified == state.modified) return Change::none;
    if (hash_of(ffr::detail::read_file(path, ffr::detail::kMaxImageFile)) != state.xxh64) return Change::changed;
    state.modified = modified;
    return Change::none;
}
