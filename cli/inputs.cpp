#include "inputs.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace fs = std::filesystem;

namespace {

/// True for a link to a folder that it lies in itself: following it would never end.
bool leads_back(const fs::path& folder) {
    std::error_code code;
    if (!fs::is_symlink(folder, code)) return false;
    const fs::path target = fs::canonical(folder, code), place = fs::canonical(folder.parent_path(), code);
    return std::mismatch(target.begin(), target.end(), place.begin(), place.end()).first == target.end();
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

Inputs::Inputs(const std::vector<std::string>& arguments, const Shard& shard)
    : arguments_(arguments.begin(), arguments.end()), shard_(shard) {
    const bool known = std::find(arguments.begin(), arguments.end(), "-") == arguments.end();
    if (known) all();
}

Inputs::Inputs(Input input) {
    found_.push_back(std::move(input));
}

std::optional<Input> Inputs::next() {
    while (found_.empty()) {
        if (!look_further()) return std::nullopt;
    }
    Input input = std::move(found_.front());
    found_.pop_front();
    return input;
}

void Inputs::leave_out(std::function<bool(const Input&)> unwanted) {
    unwanted_ = std::move(unwanted);
    std::deque<Input> wanted;
    for (Input& input : found_) {
        if (!unwanted_(input)) wanted.push_back(std::move(input));
    }
    found_ = std::move(wanted);
}

std::deque<Input>& Inputs::all() {
    while (look_further()) {
    }
    return found_;
}

std::optional<std::size_t> Inputs::count() const {
    return arguments_.empty() ? std::optional(found_.size()) : std::nullopt;
}

/// Takes one argument more, or one line more of standard input. \returns false at the end
bool Inputs::look_further() {
    if (arguments_.empty()) return false;
    std::optional<std::string> path = arguments_.front();
    if (*path == "-") path = standard_input_.next_line();
    if (path && !path->empty()) add_path(fs::u8path(*path));
    if (!path || arguments_.front() != "-") arguments_.pop_front();
    return true;
}

void Inputs::add_path(const fs::path& path) {
    std::error_code code;
    if (fs::is_directory(path, code)) return add_folder(path);
    add({path, path.filename(), ""}, path);
}

void Inputs::add_folder(const fs::path& folder) {
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
            found.push_back({it->path(), it->path().lexically_relative(folder), reason});
            it.disable_recursion_pending();
        } else if (is_image_path(it->path())) {
            found.push_back({it->path(), it->path().lexically_relative(folder), ""});
        }
    }
    if (code) add({folder, folder, "can't search the folder: " + code.message()}, ".");
    if (!code && found.empty()) add({folder, folder, "there are no images in the folder"}, ".");
    std::sort(found.begin(), found.end(), [](const Input& a, const Input& b) { return a.path < b.path; });
    for (Input& input : found) {
        const fs::path key = input.relative;
        add(std::move(input), key);
    }
}

void Inputs::add(Input input, const fs::path& key) {
    if (shard_.holds(key.generic_u8string()) && !unwanted_(input)) found_.push_back(std::move(input));
}
