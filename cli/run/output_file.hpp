#pragma once
/// \file
/// Each file that the program writes: whole or not at all, never over what isn't its own, and nothing left beside it.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ffr/base/pending_file.hpp"
#include "ffr/image/image.hpp"
#include "run/mark.hpp"

/// Whether a verb's outputs may replace files that aren't the program's own: where many files are written at once that's
/// no sane wish, so there's no option for it.
enum class Force { unavailable, possible, given };

/// How a file is written.
struct Writing {
    Kind kind;
    std::string details = {};                  // of its mark
    Force force = Force::unavailable;          // given: any file is replaced
    unsigned mode = ffr::detail::kSharedMode;  // permissions of a new file
};

/// Refuses to write where a file is that the program may not replace: one without the kind's mark that isn't empty. For
/// the beginning of a run, so that it fails before it has cost time.
/// \returns whether there is a file. \throws ffr::FileError naming the file, the reason and the way out
bool require_replaceable(const std::filesystem::path& file, const Writing& how);

/// Deletes what killed runs left in a folder, the first time that this run asks for it.
void clean_once(const std::filesystem::path& folder);

/// Makes the folder that a file shall lie in. \throws ffr::FileError
void make_parent(const std::filesystem::path& file);

/// Writes a file whole or not at all; makes its folder. A file that is there is replaced if require_replaceable() lets it.
/// \throws ffr::FileError
void write_bytes(const std::filesystem::path& file, const void* data, std::size_t size, const Writing& how);
void write_text(const std::filesystem::path& file, const std::string& text, const Writing& how);

/// Writes an image as the .png or .jpg that the name says, with a mark in it. \throws ffr::FileError,
/// ffr::InvalidArgument
void write_picture(const std::filesystem::path& file, ffr::ImageView image, const Writing& how);

/// Lists a file to be deleted when a signal ends the program while this lives.
class DeletedBySignal {
  public:
    DeletedBySignal() = default;
    ~DeletedBySignal() { unlist(); }
    DeletedBySignal(const DeletedBySignal&) = delete;
    DeletedBySignal& operator=(const DeletedBySignal&) = delete;

    /// Lists a file, which need not be there yet. To be called once.
    void list(const std::filesystem::path& file);
    /// Takes it off the list.
    void unlist();

  private:
    int place_ = -1;  // in the list
};

/// A file on its way to its place that's gone when a signal ends the program meanwhile.
class OutputFile {
  public:
    /// Writes the file under a temporary name; makes its folder. \throws ffr::FileError
    OutputFile(const std::filesystem::path& file, const void* data, std::size_t size, unsigned mode,
               ffr::detail::Durability durability);

    /// Puts it in its place, in place of what is there. \throws ffr::FileError
    void put() { pending_.put(); }
    /// The same where nothing may be. \throws ffr::FileError
    void put_new() { pending_.put_new(); }

  private:
    DeletedBySignal listed_;  // before pending_, so that the file is listed until it's gone
    ffr::detail::PendingFile pending_;
};

/// Deletes the files that are listed. For signal handlers: it allocates nothing and locks nothing.
void delete_listed_files();
