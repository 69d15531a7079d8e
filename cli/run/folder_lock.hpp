#pragma once
/// \file
/// One writer for a folder of tables.
///
/// The lock is a file, DIR/.represent.lock, that names the process, and a lock of the system's on it (flock), which ends
/// with the process however it ends. On one machine that's always so. On a folder that two machines share it depends on
/// the file system: NFS and SMB as Linux mounts them by default hand such locks to the server, mounted with `nolock` or
/// `local_lock=flock` they don't, and then a second machine isn't refused. Where a file system knows no locks at all, the
/// name in the file counts: a process of this machine that's gone has none any more, one of another machine has it until
/// somebody deletes the file.

#include <filesystem>

#include "run/output_file.hpp"

/// Holds a folder's lock while it lives.
class FolderLock {
  public:
    /// Makes the folder if it isn't there.
    /// \throws ffr::FileError when another process holds the lock, naming it, or the lock can't be had
    explicit FolderLock(const std::filesystem::path& folder);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

  private:
    std::filesystem::path path_;
    DeletedBySignal listed_;
    int file_ = -1;
};
