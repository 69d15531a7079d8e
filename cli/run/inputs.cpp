#include "run/inputs.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace fs = std::filesystem;

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
    const bool is_new = search_.add(path);
    // A line of standard input is answered each time.
    if (!is_new && arguments_.front() != "-") return;
    add({path, path.filename(), ""}, path);
}

void Inputs::add_folder(const fs::path& folder) {
    try {
        for (FoundFile& file : search_.search(folder)) {
            const fs::path relative = file.path.lexically_relative(folder);
            add({std::move(file.path), relative, std::move(file.error)}, relative);
        }
    } catch (const fs::filesystem_error& error) {
        return add({folder, folder, "can't search the folder: " + error.code().message()}, ".");
    }
    if (!search_.has_seen_images()) add({folder, folder, "there are no images in the folder"}, ".");
}

void Inputs::add(Input input, const fs::path& key) {
    if (shard_.holds(key.generic_u8string()) && !unwanted_(input)) found_.push_back(std::move(input));
}
