#include "run/outputs.hpp"

#include <CLI/CLI.hpp>

#include "ffr/base/error.hpp"

namespace fs = std::filesystem;

namespace {

/// One name for a file, however it's written, through links, and whether it exists or not.
std::string one_name_of(const fs::path& file) {
    return place_of(ffr::detail::behind_links(file));
}

/// Files that have their names in common with others of their folder, but for the extension.
std::set<fs::path> alike(const std::deque<Input>& inputs) {
    std::map<fs::path, std::set<fs::path>> by_stem;
    for (const Input& input : inputs) {
        if (input.error.empty()) by_stem[fs::path(input.relative).replace_extension()].insert(input.relative);
    }
    std::set<fs::path> found;
    for (auto& [stem, files] : by_stem) {
        if (files.size() > 1) found.merge(files);
    }
    return found;
}

}  // namespace

Outputs::Outputs(const fs::path& folder, const std::string& extension, Kind kind, Inputs& inputs)
    : folder_(folder), extension_(extension), kind_(kind), alike_(alike(inputs.all())) {
    std::map<std::string, const Input*> by_output;
    for (const Input& input : inputs.all()) {
        if (!input.error.empty()) continue;
        const auto [other, is_new] = by_output.emplace(one_name_of(path(input)), &input);
        if (is_new) continue;
        throw CLI::ValidationError(other->second->path.u8string() + " and " + input.path.u8string(),
                                   "would both become " + path(input).u8string() +
                                       ": give them in two runs, or name the folder that both lie in");
    }
    // Also where this run finds nothing to write.
    std::set<fs::path> folders;
    for (const Input& input : inputs.all()) folders.insert(path(input).parent_path());
    for (const fs::path& parent : folders) clean_once(parent);
    for (const Input& input : inputs.all())
        taken_.emplace(one_name_of(input.path), "the input " + input.path.u8string());
    for (Input& input : inputs.all()) {
        try {
            if (input.error.empty()) claim(path(input), input);
        } catch (const ffr::FileError& error) {
            input.error = error.what();
        }
    }
}

fs::path Outputs::path(const Input& input) const {
    fs::path path = folder_ / input.relative;
    return alike_.count(input.relative) > 0 ? path += extension_ : path.replace_extension(extension_);
}

void Outputs::claim(const fs::path& file, const Input& input) {
    const auto [place, is_new] = taken_.emplace(one_name_of(file), "the output of " + input.path.u8string());
    if (!is_new) throw ffr::FileError("its output " + file.u8string() + " would overwrite " + place->second);
    try {
        require_replaceable(file, {kind_});
    } catch (const ffr::FileError& error) {
        throw ffr::FileError("its output " + std::string(error.what()));
    }
}

void Outputs::write(const fs::path& file, ffr::ImageView picture, const std::string& details) {
    const std::optional<FileId> before = file_id(file);
    if (before && written_.count(*before) > 0) {
        throw ffr::FileError("its output " + file.u8string() + " is the same file as another input's");
    }
    write_picture(file, picture, {kind_, details});
    if (const std::optional<FileId> id = file_id(file)) written_.insert(*id);
}
