#include "run/folder_lock.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "run/file_id.hpp"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <share.h>
#include <sys/stat.h>
#else
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, int reason) {
    throw ffr::FileError(path.u8string() + ": can't write the file: " + std::generic_category().message(reason));
}

[[noreturn]] void refuse(const fs::path& path, const std::string& holder, const std::string& way_out) {
    throw ffr::FileError(path.parent_path().u8string() + ": " + (holder.empty() ? "another process" : holder) +
                         " writes there: " + way_out);
}

constexpr const char* kWait = "wait until it has ended, or choose another folder";

#if defined(_WIN32)

/// Nobody else can open the file as long as it's open.
int take(const fs::path& path) {
    int file = -1;
    const errno_t reason =
        _wsopen_s(&file, path.c_str(), _O_CREAT | _O_RDWR | _O_NOINHERIT, _SH_DENYRW, _S_IREAD | _S_IWRITE);
    if (reason == EACCES) refuse(path, "", kWait);
    if (reason != 0) fail(path, reason);
    return file;
}

void release(int file, const fs::path& path) {
    _close(file);
    std::error_code ignored;
    fs::remove(path, ignored);
}

#else

std::string host_name() {
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    return name;
}

/// "process 12 on host", as it stands in the file.
std::string read_holder(int file) {
    char text[512];
    const ssize_t count = pread(file, text, sizeof text, 0);
    const std::string holder(text, count > 0 ? static_cast<std::size_t>(count) : 0);
    return holder.substr(0, holder.find('\n'));
}

void write_holder(int file, const fs::path& path) {
    const std::string holder = "process " + std::to_string(getpid()) + " on " + host_name() + "\n";
    const bool written = ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0 &&
                         ffr::detail::sys::write_all(file, holder.data(), holder.size());
    if (written) return;
    const int reason = errno;
    std::error_code ignored;
    fs::remove(path, ignored);
    close(file);
    fail(path, reason);
}

/// True when the holder's name is of this machine and its process is gone.
bool is_gone(const std::string& holder) {
    const std::string before = "process ", after = " on " + host_name();
    if (holder.compare(0, before.size(), before) != 0) return holder.empty();
    char* end = nullptr;
    const long process = std::strtol(holder.c_str() + before.size(), &end, 10);
    return end == after && process > 0 && kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
}

/// Locks the open file. \returns false when it was deleted meanwhile, by who held it before
bool lock(int file, const fs::path& path) {
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        const int reason = errno;
        const std::string holder = read_holder(file);
        if (reason != EWOULDBLOCK && is_gone(holder)) return true;
        close(file);
        if (reason == EWOULDBLOCK) refuse(path, holder, kWait);
        refuse(path, holder, "if it has ended, delete " + path.u8string() + "; otherwise " + kWait);
    }
    struct stat found {};
    const std::optional<FileId> named = file_id(path);
    return fstat(file, &found) == 0 && named && *named == FileId{found.st_dev, found.st_ino};
}

int take(const fs::path& path) {
    for (;;) {
        const int file = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, ffr::detail::kSharedMode);
        if (file < 0) fail(path, errno);
        if (lock(file, path)) {
            write_holder(file, path);
            return file;
        }
        close(file);
    }
}

void release(int file, const fs::path& path) {
    std::error_code ignored;
    fs::remove(path, ignored);  // while it's still locked, so that it's nobody else's
    close(file);
}

#endif

}  // namespace

FolderLock::FolderLock(const fs::path& folder) : path_(folder / ".represent.lock") {
    make_parent(path_);
    clean_once(folder);
    file_ = take(path_);
    listed_.list(path_);
}

FolderLock::~FolderLock() {
    listed_.unlist();  // from now on the file may be another process's
    release(file_, path_);
}
