#pragma once
/// \file
/// From what stands on the command line to a list of image files.

#include <filesystem>
#include <string>
#include <vector>

/// An image to read.
struct Input {
    std::filesystem::path path;
    std::filesystem::path relative;  // below the folder that it was found in; else its file name
    std::string error;               // not empty: it can't be read, and this says why
};

/// Files stay as they are, folders are searched recursively for image files in the order of their paths, "-" stands for
/// paths on standard input, one a line. What can't be found or searched becomes an Input with an error.
std::vector<Input> collect_inputs(const std::vector<std::string>& arguments);

/// True when the extension is one of an image format that ffr reads.
bool is_image_path(const std::filesystem::path& path);

/// The name of the folder that a file lies in: the person, where there's a folder for each.
std::string folder_name(const std::filesystem::path& file);
