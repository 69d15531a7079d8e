#include "run/folder_search.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <utility>

namespace fs = std::filesystem;

bool is_image_path(const fs::path& path) {
    constexpr std::array kExtensions{".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tga", ".psd", ".pnm", ".ppm", ".pgm"};
    std::string extension = path.extension().string();
    for (char& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<FoundFile> FolderSearch::search(const fs::path& folder) {
    const fs::directory_iterator probe(folder);  // throws where it can't be searched
    found_.clear();
    has_seen_images_ = false;
    search_all(folder);
    take(std::exchange(own_files_, {}), false);
    // Folders that only links lead to come after all others, in the order of their paths.
    while (!linked_folders_.empty()) {
        std::sort(linked_folders_.begin(), linked_folders_.end(), std::greater<>());
        const fs::path next = std::move(linked_folders_.back());
        linked_folders_.pop_back();
        search_all(next);
        take(std::exchange(own_files_, {}), false);
    }
    take(std::exchange(linked_files_, {}), true);
    searched_before_.merge(searched_);
    searched_.clear();
    std::sort(found_.begin(), found_.end(), [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
    return std::move(found_);
}

bool FolderSearch::add(const fs::path& file) {
    const std::optional<FileId> id = file_id(file);
    if (!id) return true;
    given_files_.insert(*id);
    return found_files_.count(*id) == 0;
}

/// A folder and those in it that aren't links.
void FolderSearch::search_all(const fs::path& folder) {
    to_search_ = {folder};
    while (!to_search_.empty()) {
        const fs::path next = std::move(to_search_.back());
        to_search_.pop_back();
        const std::optional<FileId> id = file_id(next);
        const bool is_old = id && searched_before_.count(*id) > 0;
        has_seen_images_ = has_seen_images_ || is_old;
        if (!is_old && (!id || searched_.insert(*id).second)) search_one(next);
    }
}

/// A folder that can't be searched is named, and the others are searched all the same.
void FolderSearch::search_one(const fs::path& folder) {
    std::error_code code;
    fs::directory_iterator it(folder, code);
    for (; !code && it != fs::directory_iterator(); it.increment(code)) look_at(*it);
    if (code) found_.push_back({folder, "can't search the folder: " + code.message()});
}

void FolderSearch::look_at(const fs::directory_entry& entry) {
    std::error_code code;
    const bool is_link = entry.is_symlink(code);
    if (entry.is_directory(code)) {
        (is_link ? linked_folders_ : to_search_).push_back(entry.path());
        return;
    }
    if (!is_image_path(entry.path())) return;
    has_seen_images_ = true;
    if (entry.exists(code) && !entry.is_regular_file(code)) {
        found_.push_back({entry.path(), "isn't a regular file"});  // a pipe would keep the whole run waiting
    } else {
        (is_link ? linked_files_ : own_files_).push_back(entry.path());
    }
}

/// Adds those that weren't found before. A folder is searched once, so only links can lead to its files again. A link that
/// leads nowhere is taken, too: reading it gives the reason.
void FolderSearch::take(std::vector<fs::path> files, bool is_linked) {
    std::sort(files.begin(), files.end());
    for (fs::path& file : files) {
        const std::optional<FileId> id = file_id(file);
        const bool was_found = id && !found_files_.insert(*id).second;
        if ((was_found && is_linked) || (id && given_files_.count(*id) > 0)) continue;
        found_.push_back({std::move(file), ""});
    }
}
