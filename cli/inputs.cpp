#include "inputs.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <iostream>

namespace fs = std::filesystem;

namespace {

/// True for a link to a folder that it lies in itself: following it would never end.
bool leads_back(const fs::path& folder) {
    std::error_code code;
    if (!fs::is_symlink(folder, code)) return false;
    const fs::path target = fs::canonical(folder, code), place = fs::canonical(folder.parent_path(), code);
    return std::mismatch(target.begin(), target.end(), place.begin(), place.end()).first == target.end();
}

void add_folder(const fs::path& folder, std::vector<Input>& inputs) {
    std::error_code code;
    std::vector<Input> found;
    fs::recursive_directory_iterator it(folder, fs::directory_options::follow_directory_symlink, code);
    for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
        std::error_code inner;
        if (it->is_directory(inner)) {
            // Tried here, so that one closed folder is named and the rest is still searched.
            const fs::directory_iterator probe(it->path(), inner);
            const std::string reason = inner                    ? "can't search the folder: " + inner.message()
                                       : leads_back(it->path()) ? "is a link to a folder that it lies in"
                                                                : "";
            if (reason.empty()) continue;
            found.push_back({it->path(), it->path(), reason});
            it.disable_recursion_pending();
        } else if (is_image_path(it->path())) {
            found.push_back({it->path(), it->path().lexically_relative(folder), ""});
        }
    }
    if (code) inputs.push_back({folder, folder, "can't search the folder: " + code.message()});
    if (!code && found.empty()) inputs.push_back({folder, folder, "there are no images in the folder"});
    std::sort(found.begin(), found.end(), [](const Input& a, const Input& b) { return a.path < b.path; });
    inputs.insert(inputs.end(), found.begin(), found.end());
}

void add_path(const fs::path& path, std::vector<Input>& inputs) {
    std::error_code code;
    if (fs::is_directory(path, code)) return add_folder(path, inputs);
    inputs.push_back({path, path.filename(), ""});
}

}  // namespace

bool is_image_path(const fs::path& path) {
    constexpr std::array kExtensions{".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tga", ".psd", ".pnm", ".ppm", ".pgm"};
    std::string extension = path.extension().string();
    for (char& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::string folder_name(const fs::path& file) {
    const fs::path folder = fs::absolute(file).lexically_normal().parent_path();
    return folder.filename().u8string();
}

std::vector<Input> collect_inputs(const std::vector<std::string>& arguments) {
    std::vector<Input> inputs;
    for (const std::string& argument : arguments) {
        if (argument != "-") {
            add_path(fs::u8path(argument), inputs);
            continue;
        }
        for (std::string line; std::getline(std::cin, line);) {
            if (!line.empty() && line.back() == '\r') line.pop_back();
            if (!line.empty()) add_path(fs::u8path(line), inputs);
        }
    }
    return inputs;
}
