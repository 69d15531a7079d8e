#pragma once
/// \file
/// The image files below folders, each once: through links that lead to each other, and where two paths lead to one file.

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "run/file_id.hpp"

/// A file found, or a folder that can't be searched.
struct FoundFile {
    std::filesystem::path path;
    std::string error;  // not empty: why it can't be read
};

/// Remembers what it has found, so that folders may overlap. Two hard links are two files, of which each has its own name.
class FolderSearch {
  public:
    /// The image files below a folder that weren't found before, by path. What a folder itself holds comes before what
    /// links in it lead to, so that a file's own path is the one that's told.
    /// \throws std::filesystem::filesystem_error when the folder itself can't be searched
    std::vector<FoundFile> search(const std::filesystem::path& folder);

    /// Takes a file as found. \returns false when a search has found it
    bool add(const std::filesystem::path& file);

    /// True when the last search() came by images, even if only by such as were found before.
    bool has_seen_images() const { return has_seen_images_; }

  private:
    void search_all(const std::filesystem::path& folder);
    void search_one(const std::filesystem::path& folder);
    void look_at(const std::filesystem::directory_entry& entry);
    void take(std::vector<std::filesystem::path> files, bool is_linked);

    std::set<FileId> searched_before_, searched_, found_files_, given_files_;
    std::vector<std::filesystem::path> linked_folders_, own_files_, linked_files_;
    std::vector<std::filesystem::path> to_search_;
    std::vector<FoundFile> found_;
    bool has_seen_images_ = false;
};

/// True when the extension is one of an image format that ffr reads.
bool is_image_path(const std::filesystem::path& path);
