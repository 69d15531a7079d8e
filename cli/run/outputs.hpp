#pragma once
/// \file
/// Where outputs go: the inputs' tree of folders under another one, never over an input, over another's output or over a
/// file that isn't the program's.

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "run/file_id.hpp"
#include "run/inputs.hpp"
#include "run/output_file.hpp"
#include "run/photo_file.hpp"

/// The files that a run may write, each claimed once.
class Outputs {
  public:
    /// Claims for each of all inputs its path() under `folder`. An input whose output would overwrite an input, or a file
    /// without the mark of `kind`, gets an error.
    /// \throws CLI::ValidationError when two inputs would have the same output, naming both
    Outputs(const std::filesystem::path& folder, const std::string& extension, Kind kind, Inputs& inputs);

    /// Where an input's output goes: the same tree, with another extension. Where a.jpg and a.png lie in one folder, both
    /// keep theirs before it, as a.jpg.png and a.png.png.
    std::filesystem::path path(const Input& input) const;

    /// Claims one more file for an input. \throws ffr::FileError when it's taken
    void claim(const std::filesystem::path& file, const Input& input);

    /// Writes a picture to a claimed file. \param details  of its mark. \throws ffr::FileError
    void write(const std::filesystem::path& file, ffr::ImageView picture, const std::string& details = "");

  private:
    std::filesystem::path folder_;
    std::string extension_;
    Kind kind_;
    std::set<std::filesystem::path> alike_;     // inputs that differ by their extension only
    std::map<std::string, std::string> taken_;  // by whom
    std::set<FileId> written_;  // two names may be one file: by a link, or where small letters are taken for capitals
};
