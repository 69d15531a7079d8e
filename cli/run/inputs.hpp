#pragma once
/// \file
/// From what stands on the command line to image files, one after the other.

#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "run/folder_search.hpp"
#include "run/shard.hpp"
#include "run/standard_input.hpp"

/// An image to read.
struct Input {
    std::filesystem::path path;
    std::filesystem::path relative;  // below the folder that it was found in; else its file name
    std::string error;               // not empty: it can't be read, and this says why
};

/// Files stay as they are, folders are searched recursively for image files in the order of their paths, each file once,
/// "-" stands for paths on standard input, one a line, each taken when it comes. What can't be found or searched becomes an Input with
/// an error.
class Inputs {
  public:
    /// \param shard  only these: by the path below the folder that's searched, or else by the path as it's given
    explicit Inputs(const std::vector<std::string>& arguments, const Shard& shard = {});

    /// One image.
    explicit Inputs(Input input);

    /// The next one; nothing at the end. Waits for standard input where that's to tell.
    std::optional<Input> next();

    /// Leaves out some of those to come. \param unwanted  called once for each, in their order
    void leave_out(std::function<bool(const Input&)> unwanted);

    /// All to come, after the end of standard input.
    std::deque<Input>& all();

    /// How many are to come; nothing as long as standard input may have more.
    std::optional<std::size_t> count() const;

  private:
    bool look_further();
    void add_path(const std::filesystem::path& path);
    void add_folder(const std::filesystem::path& folder);
    void add(Input input, const std::filesystem::path& key);

    std::deque<std::string> arguments_;  // not looked at yet
    Shard shard_;
    FolderSearch search_;
    StandardInput standard_input_;
    std::deque<Input> found_;
    std::function<bool(const Input&)> unwanted_ = [](const Input&) { return false; };
};

/// The name of the folder that a file lies in: the person, where there's a folder for each.
std::string folder_name(const std::filesystem::path& file);
