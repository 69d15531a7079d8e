#pragma once
/// \file
/// Files written so that nobody ever sees half a file, and nothing is harmed when the writing fails.
///
///     bytes --write--> a temporary file beside the place --fsync--> --rename--> the place --fsync--> its folder
///
/// Pictures, which can be made again, don't wait for the disk (fsync): a power cut may take the last ones.
///
/// A file that is replaced keeps its mode and, where the system lets us, its owner and group. A symbolic link stays; the
/// file that it leads to is replaced. The temporary name holds 128 random bits, is created exclusively and is locked
/// while it is written, so that remove_abandoned() knows those of processes that were killed.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <share.h>
#include <sys/stat.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "error.hpp"
#include "file.hpp"

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Permissions of new files, which the umask narrows: for everybody, and for the owner alone.
constexpr unsigned kSharedMode = 0666, kPrivateMode = 0600;

/// Whether a file counts as written when it's on the disk, or when the system has it.
enum class Durability { on_disk, in_system };

/// The system's calls for files, which POSIX and Windows name differently. All return a negative number or false for a
/// failure, with the reason in errno.
namespace sys {

#if defined(_WIN32)
inline int create(const std::filesystem::path& path, unsigned) {
    int file = -1;  // the umask and modes mean nothing here; a folder's rights are inherited
    errno = _wsopen_s(&file, path.c_str(), _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY | _O_NOINHERIT, _SH_DENYRW,
                      _S_IREAD | _S_IWRITE);
    return file;
}
inline bool lock(int) {
    return true;
}  // nobody else can open it
inline std::ptrdiff_t write(int file, const char* data, std::size_t size) {
    return _write(file, data, static_cast<unsigned>(size));
}
inline bool sync(int file) {
    return _commit(file) == 0;
}
inline bool flush(int) {
    return true;
}
/// Never: there's no call that moves a file only where nothing is, and the caller has another way.
inline bool link_to(const std::filesystem::path&, const std::filesystem::path&) {
    errno = ENOSYS;
    return false;
}
inline bool sync_folder(const std::filesystem::path&) {
    return true;
}
inline bool close(int file) {
    return _close(file) == 0;
}
inline void take_over_owner(int, const std::filesystem::path&) {}
inline bool is_writable(const std::filesystem::path& path) {
    return _waccess(path.c_str(), 2) == 0;
}
#else
inline int create(const std::filesystem::path& path, unsigned mode) {
    return ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, static_cast<mode_t>(mode));
}
inline bool lock(int file) {
    return ::flock(file, LOCK_EX | LOCK_NB) == 0;
}
inline std::ptrdiff_t write(int file, const char* data, std::size_t size) {
    return ::write(file, data, size);
}
/// Some file systems and devices can't sync, which is no failure of the file.
inline bool sync(int file) {
    return ::fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS;
}
inline bool close(int file) {
    return ::close(file) == 0;
}
/// Has a network's file system say what it otherwise says when a file is closed. The file itself stays open and locked.
inline bool flush(int file) {
    const int copy = ::fcntl(file, F_DUPFD_CLOEXEC, 0);
    return copy >= 0 && ::close(copy) == 0;
}
/// Gives a file a second name where nothing is.
inline bool link_to(const std::filesystem::path& file, const std::filesystem::path& name) {
    return ::link(file.c_str(), name.c_str()) == 0;
}
inline bool sync_folder(const std::filesystem::path& folder) {
    const int opened = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) return errno == EACCES;  // a folder may be written but not read
    const bool done = sync(opened);
    const int reason = errno;
    close(opened);
    errno = reason;
    return done;
}
/// Gives a file the mode of another and, where that's allowed, its owner and group.
inline void take_over_owner(int file, const std::filesystem::path& other) {
    struct stat wanted {};
    struct stat own {};
    if (::stat(other.c_str(), &wanted) != 0 || ::fstat(file, &own) != 0) return;
    mode_t mode = wanted.st_mode & 07777;
    const bool same_owner = own.st_uid == wanted.st_uid || ::fchown(file, wanted.st_uid, static_cast<gid_t>(-1)) == 0;
    if (own.st_gid != wanted.st_gid && ::fchown(file, static_cast<uid_t>(-1), wanted.st_gid) != 0) {
        mode = (mode & ~07070u) | (mode & 07u) << 3;  // another group gets no more than everybody
    }
    if (!same_owner) mode &= 01777u;
    [[maybe_unused]] const int changed = ::fchmod(file, mode);  // some file systems have no modes
}
/// Root may write everything, so a mode without any right to write counts for it, too.
inline bool is_writable(const std::filesystem::path& path) {
    struct stat found {};
    errno = EACCES;
    return ::stat(path.c_str(), &found) == 0 && (found.st_mode & 0222) != 0 && ::access(path.c_str(), W_OK) == 0;
}
#endif

/// All bytes, however many are taken at once.
inline bool write_all(int file, const char* next, std::size_t size) {
    constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
    while (size > 0) {
        const std::ptrdiff_t written = write(file, next, size < kMostAtOnce ? size : kMostAtOnce);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        next += written;
        size -= static_cast<std::size_t>(written);
    }
    return true;
}

}  // namespace sys

/// Where a file's bytes are: through symbolic links, whether there's a file at their end or not.
/// \throws FileError when links lead to each other
inline std::filesystem::path behind_links(std::filesystem::path path) {
    constexpr int kMostLinks = 40;  // as Linux follows
    const std::string name = path_text(path);
    std::error_code code;
    for (int i = 0; i < kMostLinks; ++i) {
        if (!std::filesystem::is_symlink(path, code)) return path;
        path = path.parent_path() / std::filesystem::read_symlink(path, code);
    }
    throw FileError(name + ": can't write the file: " + std::generic_category().message(ELOOP));
}

/// 128 random bits as hexadecimal digits.
inline std::string random_digits() {
    std::random_device source;
    std::array<char, 9> text{};
    std::string digits;
    for (int i = 0; i < 4; ++i) {
        std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(source() & 0xFFFFFFFFu));
        digits += text.data();
    }
    return digits;
}

/// True for the names that PendingFile gives.
inline bool is_temporary_name(const std::string& name) {
    constexpr std::size_t kDigits = 32, kBefore = 5, kAfter = 4;
    return name.size() == kBefore + kDigits + kAfter && name.compare(0, kBefore, ".ffr-") == 0 &&
           name.compare(kBefore + kDigits, kAfter, ".tmp") == 0 &&
           name.find_first_not_of("0123456789abcdef", kBefore) == kBefore + kDigits;
}

/// A file on its way to its place. Whatever happens before put() or put_new() has returned leaves the place as it was and
/// no file besides.
class PendingFile {
  public:
    /// Chooses the temporary name; touches nothing yet.
    /// \param path  where the file shall lie; a link is followed
    /// \param mode  permissions of a new file, narrowed by the umask
    /// \param durability  what write() and put() wait for
    /// \throws FileError when there's something that isn't a regular file, or is read-only
    explicit PendingFile(const std::filesystem::path& path, unsigned mode = kSharedMode,
                         Durability durability = Durability::on_disk)
        : name_(path_text(path)), place_(behind_links(path)), mode_(mode), durability_(durability) {
        std::error_code code;
        const std::filesystem::file_status status = std::filesystem::status(place_, code);
        exists_ = std::filesystem::exists(status);
        if (exists_ && !std::filesystem::is_regular_file(status)) fail("it isn't a regular file");
        if (exists_ && !sys::is_writable(place_)) {
            fail(errno == EACCES ? "it's read-only: make it writable first, or choose another name"
                                 : std::generic_category().message(errno));
        }
        temporary_ = place_.parent_path() / (".ffr-" + random_digits() + ".tmp");
    }
    ~PendingFile() {
        close();
        std::error_code ignored;
        if (is_there_) std::filesystem::remove(temporary_, ignored);
    }
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;

    /// The file that is there until it's put in its place, for who cleans up after a signal.
    const std::filesystem::path& temporary() const { return temporary_; }

    /// Writes all bytes of the file. \throws FileError naming the reason
    void write(const void* data, std::size_t size) {
        // Nobody else reads a private file while it's being made; a replaced one's mode comes before its bytes.
        file_ = sys::create(temporary_, exists_ ? kPrivateMode : mode_);
        if (file_ < 0) fail_with_reason();
        is_there_ = true;
        // Where files can't be locked, nobody takes it for abandoned either. Between the two calls somebody may: then
        // put() finds no file and says so, and the place stays as it was.
        sys::lock(file_);
        if (exists_) sys::take_over_owner(file_, place_);
        const bool is_on_disk = durability_ == Durability::on_disk;
        const bool done = sys::write_all(file_, static_cast<const char*>(data), size) &&
                          (is_on_disk ? sys::sync(file_) : sys::flush(file_));
        if (!done) fail_with_reason();
    }

    /// Puts the file into its place, in place of what's there. \throws FileError naming the reason
    void put() {
#if defined(_WIN32)
        close();  // an open file can't be renamed there
#endif
        std::error_code code;
        std::filesystem::rename(temporary_, place_, code);
        if (code) fail(code.message());
        finish();
    }

    /// The same for a place where nothing may be: what came there meanwhile stays.
    /// \throws FileError naming the reason, also when there's a file
    void put_new() {
        if (sys::link_to(temporary_, place_)) {
            std::error_code code;
            std::filesystem::remove(temporary_, code);
            if (code) fail(code.message());
            finish();
        } else if (errno == EEXIST) {
            fail_with_reason();
        } else {
            put_reserved();  // some file systems know no second names
        }
    }

  private:
    void close() {
        if (file_ >= 0) sys::close(file_);  // what could fail about it has, in sync() or flush()
        file_ = -1;
    }

    void finish() {
        is_there_ = false;
        close();
        if (durability_ == Durability::on_disk && !sys::sync_folder(place_.parent_path())) fail_with_reason();
    }

    /// Takes the place by an empty file first, which nobody else can do then.
    void put_reserved() {
        const int reserved = sys::create(place_, mode_);
        if (reserved < 0) fail_with_reason();
        sys::close(reserved);
        try {
            put();
        } catch (const FileError&) {
            std::error_code ignored;
            if (is_there_) std::filesystem::remove(place_, ignored);
            throw;
        }
    }

    [[noreturn]] void fail(const std::string& reason) const {
        throw FileError(name_ + ": can't write the file: " + reason);
    }
    [[noreturn]] void fail_with_reason() const {
        fail(std::generic_category().message(errno != 0 ? errno : EIO));
    }

    std::string name_;
    std::filesystem::path place_, temporary_;
    unsigned mode_;
    Durability durability_;
    bool exists_ = false, is_there_ = false;
    int file_ = -1;
};

/// Writes a file whole or not at all, in place of one that's there, which leaves its mode, owner and group to it.
/// \param mode  permissions of a new file, narrowed by the umask
/// \throws FileError naming the file and the reason; a folder, a pipe or a device, and a read-only file, aren't replaced
inline void write_file(const std::filesystem::path& path, const void* data, std::size_t size,
                       unsigned mode = kSharedMode, Durability durability = Durability::on_disk) {
    PendingFile file(path, mode, durability);
    file.write(data, size);
    file.put();
}

/// Deletes the temporary files that killed processes left in a folder; those that somebody still writes stay. What can't
/// be looked at or deleted stays, too.
inline void remove_abandoned(const std::filesystem::path& folder) {
    std::error_code code;
    for (std::filesystem::directory_iterator it(folder.empty() ? "." : folder, code), end; !code && it != end;
         it.increment(code)) {
        if (!is_temporary_name(path_text(it->path().filename()))) continue;
        std::error_code ignored;
#if defined(_WIN32)
        std::filesystem::remove(it->path(), ignored);  // fails for one that's open
#else
        const int file = ::open(it->path().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file < 0) continue;
        struct stat found {};
        if (::fstat(file, &found) == 0 && S_ISREG(found.st_mode) && sys::lock(file)) {
            std::filesystem::remove(it->path(), ignored);
        }
        sys::close(file);
#endif
    }
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
