/* A library that makes the system calls that change files go wrong, one at a time: for a program that's started with
 * LD_PRELOAD set to it, on Linux with glibc. What it shall do is said by the environment:
 *
 *   FFR_FAULT      count       nothing fails
 *                  kill        SIGKILL before the call
 *                  kill-half   SIGKILL when half of the bytes of a write are written; only writes are counted
 *                  nospace     from the call on ENOSPC, after half of the bytes of a write; only calls that need room are
 *                              counted. fsync is one of them: there the file systems tell it that find room late.
 *                  rename      EIO, this once; only renames are counted, and links, by which new files come to their places
 *                  kill-rename SIGKILL before the call; only these are counted
 *                              In the last two no link succeeds, as on a file system without second names, and they count
 *                              no links: what's done instead is.
 *   FFR_FAULT_AT   which call, from 1
 *   FFR_FAULT_LOG  file for lines: "fault CALL FILE" when it comes to that, and "calls N writes N room N renames N" when the
 *                  program ends by itself
 *
 * Calls count also when they'd fail anyway. Standard input, output and error aren't files here, wherever they lead. */

#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* open and open64 are two functions here */
#undef _FORTIFY_SOURCE   /* which would define some of them inline */

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The function that this library stands before, as `next`. ISO C converts no void * to a function's address, so its bytes
 * are copied. */
#define FIND_NEXT(function)                          \
    __typeof__(function)* next = NULL;               \
    void* const found = dlsym(RTLD_NEXT, #function); \
    memcpy(&next, &found, sizeof next)

enum Mode { kCount, kKill, kKillHalf, kNoSpace, kRename, kKillRename };
static const char* const kModeNames[] = {"count", "kill", "kill-half", "nospace", "rename", "kill-rename"};

/* What a call is, besides a change. */
enum Kind { kOther = 0, kWriting = 1, kNeedsRoom = 2, kRenaming = 4, kLinking = 8 };

/* What becomes of it. */
enum Verdict { kGoOn, kFail, kHalf };

static enum Mode mode = kCount;
static long fault_at = 0;
static const char* log_file = NULL;
static atomic_long calls, writes, rooms, renames;

/* Past the functions below. */
static void log_line(const char* line) {
    if (log_file == NULL) return;
    const long file = syscall(SYS_openat, AT_FDCWD, log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return;
    syscall(SYS_write, file, line, strlen(line));
    syscall(SYS_close, file);
}

__attribute__((constructor)) static void begin(void) {
    const char *const wanted = getenv("FFR_FAULT"), *const at = getenv("FFR_FAULT_AT");
    for (int i = kCount; i <= kKillRename; ++i) {
        if (wanted != NULL && strcmp(wanted, kModeNames[i]) == 0) mode = (enum Mode)i;
    }
    fault_at = at != NULL ? strtol(at, NULL, 10) : 0;
    log_file = getenv("FFR_FAULT_LOG");
}

__attribute__((destructor)) static void end(void) {
    char line[160];
    snprintf(line, sizeof line, "calls %ld writes %ld room %ld renames %ld\n", atomic_load(&calls),
             atomic_load(&writes), atomic_load(&rooms), atomic_load(&renames));
    log_line(line);
}

static void log_fault(const char* call, const char* path, int file) {
    char name[64], target[4096] = "", line[4300];
    if (path == NULL) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
        const ssize_t size = readlink(name, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        path = target;
    }
    snprintf(line, sizeof line, "fault %s %s\n", call, path);
    log_line(line);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts a call and says what becomes of it, with errno set where it fails.
 * path: of the file; where it's null, the descriptor tells it */
static enum Verdict begin_call(const char* call, const char* path, int file, unsigned kind) {
    if ((kind & kLinking) != 0 && (mode == kRename || mode == kKillRename)) {
        errno = EPERM;
        return kFail;
    }
    const long of_all = atomic_fetch_add(&calls, 1) + 1;
    const long of_writes = (kind & kWriting) != 0 ? atomic_fetch_add(&writes, 1) + 1 : 0;
    const long of_rooms = (kind & kNeedsRoom) != 0 ? atomic_fetch_add(&rooms, 1) + 1 : 0;
    const long of_renames = (kind & kRenaming) != 0 ? atomic_fetch_add(&renames, 1) + 1 : 0;
    if (fault_at == 0) return kGoOn;
    switch (mode) {
        case kKill:
            if (of_all != fault_at) return kGoOn;
            log_fault(call, path, file);
            die();
            return kGoOn;
        case kKillHalf:
            if (of_writes != fault_at) return kGoOn;
            log_fault(call, path, file);
            return kHalf;
        case kNoSpace:
            if (of_rooms < fault_at) return kGoOn;
            if (of_rooms == fault_at) {
                log_fault(call, path, file);
                if ((kind & kWriting) != 0) return kHalf;
            }
            errno = ENOSPC;
            return kFail;
        case kRename:
            if (of_renames != fault_at) return kGoOn;
            log_fault(call, path, file);
            errno = EIO;
            return kFail;
        case kKillRename:
            if (of_renames != fault_at) return kGoOn;
            log_fault(call, path, file);
            die();
            return kGoOn;
        case kCount:
        default:
            return kGoOn;
    }
}

/* Of half a write that succeeded: the program dies, or learns that less was written. */
static ssize_t after_half(ssize_t written) {
    if (mode == kKillHalf) die();
    if (written > 0) return written;
    errno = ENOSPC; /* half of one byte is none */
    return -1;
}

/* Whether bytes that are written to a descriptor go into a file. */
static bool is_file(int file) {
    struct stat status;
    const int reason = errno;
    const bool is_regular = file > STDERR_FILENO && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    errno = reason;
    return is_regular;
}

static bool is_there(int folder, const char* path) {
    const int reason = errno;
    const bool found = faccessat(folder, path, F_OK, 0) == 0;
    errno = reason;
    return found;
}

/* Opening to write is a change, since it may create or empty a file; a new file needs room. */
static bool changes(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

static bool opens(int folder, const char* path, int flags) {
    if (!changes(flags)) return true;
    const bool is_new = (flags & O_CREAT) != 0 && !is_there(folder, path);
    return begin_call("open", path, -1, is_new ? kNeedsRoom : kOther) == kGoOn;
}

/* The mode that follows the flags of an open, if there is one. */
#define READ_MODE(permissions)                                        \
    mode_t permissions = 0;                                           \
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                                                 \
        va_start(rest, flags);                                        \
        permissions = va_arg(rest, mode_t);                           \
        va_end(rest);                                                 \
    }                                                                 \
    static_assert(sizeof(mode_t) >= sizeof(int), "a mode is passed as it is")

int open(const char* path, int flags, ...) {
    FIND_NEXT(open);
    READ_MODE(permissions);
    return opens(AT_FDCWD, path, flags) ? next(path, flags, permissions) : -1;
}

int open64(const char* path, int flags, ...) {
    FIND_NEXT(open64);
    READ_MODE(permissions);
    return opens(AT_FDCWD, path, flags) ? next(path, flags, permissions) : -1;
}

int openat(int folder, const char* path, int flags, ...) {
    FIND_NEXT(openat);
    READ_MODE(permissions);
    return opens(folder, path, flags) ? next(folder, path, flags, permissions) : -1;
}

int openat64(int folder, const char* path, int flags, ...) {
    FIND_NEXT(openat64);
    READ_MODE(permissions);
    return opens(folder, path, flags) ? next(folder, path, flags, permissions) : -1;
}

int creat(const char* path, mode_t permissions) {
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, permissions);
}

int creat64(const char* path, mode_t permissions) {
    return open64(path, O_CREAT | O_WRONLY | O_TRUNC, permissions);
}

ssize_t write(int file, const void* data, size_t size) {
    FIND_NEXT(write);
    if (!is_file(file)) return next(file, data, size);
    switch (begin_call("write", NULL, file, kWriting | kNeedsRoom)) {
        case kGoOn:
            return next(file, data, size);
        case kHalf:
            return after_half(next(file, data, size / 2));
        case kFail:
        default:
            return -1;
    }
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
    FIND_NEXT(pwrite);
    if (!is_file(file)) return next(file, data, size, at);
    switch (begin_call("pwrite", NULL, file, kWriting | kNeedsRoom)) {
        case kGoOn:
            return next(file, data, size, at);
        case kHalf:
            return after_half(next(file, data, size / 2, at));
        case kFail:
        default:
            return -1;
    }
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
    FIND_NEXT(pwrite64);
    if (!is_file(file)) return next(file, data, size, at);
    switch (begin_call("pwrite", NULL, file, kWriting | kNeedsRoom)) {
        case kGoOn:
            return next(file, data, size, at);
        case kHalf:
            return after_half(next(file, data, size / 2, at));
        case kFail:
        default:
            return -1;
    }
}

/* Half of many blocks is half of the first. */
ssize_t writev(int file, const struct iovec* blocks, int count) {
    FIND_NEXT(writev);
    if (!is_file(file)) return next(file, blocks, count);
    switch (begin_call("writev", NULL, file, kWriting | kNeedsRoom)) {
        case kGoOn:
            return next(file, blocks, count);
        case kHalf:
            if (count > 0) {
                const struct iovec half = {blocks[0].iov_base, blocks[0].iov_len / 2};
                return after_half(next(file, &half, 1));
            }
            return after_half(0);
        case kFail:
        default:
            return -1;
    }
}

/* A function that's one change and takes what it takes, of a file by its path or its descriptor. */
#define CHANGE(function, kind, path, file, parameters, arguments)                      \
    int function parameters {                                                          \
        FIND_NEXT(function);                                                           \
        return begin_call(#function, path, file, kind) == kGoOn ? next arguments : -1; \
    }

CHANGE(truncate, kOther, path, -1, (const char* path, off_t size), (path, size))
CHANGE(truncate64, kOther, path, -1, (const char* path, off64_t size), (path, size))
CHANGE(ftruncate, kOther, NULL, file, (int file, off_t size), (file, size))
CHANGE(ftruncate64, kOther, NULL, file, (int file, off64_t size), (file, size))
CHANGE(fsync, kNeedsRoom, NULL, file, (int file), (file))
CHANGE(fdatasync, kNeedsRoom, NULL, file, (int file), (file))

CHANGE(rename, kRenaming, to, -1, (const char* from, const char* to), (from, to))
CHANGE(renameat, kRenaming, to, -1, (int from_folder, const char* from, int to_folder, const char* to),
       (from_folder, from, to_folder, to))
CHANGE(renameat2, kRenaming, to, -1, (int from_folder, const char* from, int to_folder, const char* to, unsigned flags),
       (from_folder, from, to_folder, to, flags))

/* remove is unlink or, for a folder, rmdir; glibc calls them past this library. */
CHANGE(unlink, kOther, path, -1, (const char* path), (path))
CHANGE(unlinkat, kOther, path, -1, (int folder, const char* path, int flags), (folder, path, flags))
CHANGE(remove, kOther, path, -1, (const char* path), (path))
CHANGE(rmdir, kOther, path, -1, (const char* path), (path))

CHANGE(mkdir, is_there(AT_FDCWD, path) ? kOther : kNeedsRoom, path, -1, (const char* path, mode_t permissions),
       (path, permissions))
CHANGE(mkdirat, is_there(folder, path) ? kOther : kNeedsRoom, path, -1,
       (int folder, const char* path, mode_t permissions), (folder, path, permissions))
CHANGE(link, kNeedsRoom | kRenaming | kLinking, to, -1, (const char* from, const char* to), (from, to))
CHANGE(linkat, kNeedsRoom | kRenaming | kLinking, to, -1,
       (int from_folder, const char* from, int to_folder, const char* to, int flags),
       (from_folder, from, to_folder, to, flags))
CHANGE(symlink, kNeedsRoom, path, -1, (const char* target, const char* path), (target, path))
CHANGE(symlinkat, kNeedsRoom, path, -1, (const char* target, int folder, const char* path), (target, folder, path))

CHANGE(chmod, kOther, path, -1, (const char* path, mode_t permissions), (path, permissions))
CHANGE(fchmod, kOther, NULL, file, (int file, mode_t permissions), (file, permissions))
CHANGE(fchmodat, kOther, path, -1, (int folder, const char* path, mode_t permissions, int flags),
       (folder, path, permissions, flags))
CHANGE(chown, kOther, path, -1, (const char* path, uid_t owner, gid_t group), (path, owner, group))
CHANGE(lchown, kOther, path, -1, (const char* path, uid_t owner, gid_t group), (path, owner, group))
CHANGE(fchown, kOther, NULL, file, (int file, uid_t owner, gid_t group), (file, owner, group))
CHANGE(fchownat, kOther, path, -1, (int folder, const char* path, uid_t owner, gid_t group, int flags),
       (folder, path, owner, group, flags))
