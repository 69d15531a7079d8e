#pragma once
/// \file
/// Where outputs go: the inputs' tree of folders under another one, never over an input or over another's output.

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "inputs.hpp"

/// The files that a run may write, each claimed once.
class Outputs {
  public:
    /// Claims for each of all inputs its path() under `folder`. An input whose output would overwrite an input, or the output of
    /// an earlier input, gets an error.
    Outputs(const std::filesystem::path& folder, const std::string& extension, Inputs& inputs);

    /// Where an input's output goes: the same tree, with another extension. Where a.jpg and a.png lie in one folder, both
    /// keep theirs before it, as a.jpg.png and a.png.png.
    std::filesystem::path path(const Input& input) const;

    /// Claims one more file for an input. \throws ffr::FileError when it's taken
    void claim(const std::filesystem::path& file, const Input& input);

  private:
    std::filesystem::path folder_;
    std::string extension_;
    std::set<std::filesystem::path> alike_;               // inputs that differ by their extension only
    std::map<std::filesystem::path, std::string> taken_;  // by whom
};
