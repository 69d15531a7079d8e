#pragma once
/// \file
/// Standard input a line at a time, each as soon as it's there: for a program that stands behind a slow one.

#include <cstddef>
#include <optional>
#include <string>

/// Reads standard input; std::cin can't be woken by a signal.
class StandardInput {
  public:
    /// The next line without its end, \n or \r\n; nothing at the end of input or when a signal ends the run.
    /// \throws ffr::FileError when it can't be read, ffr::FormatError when it's a picture and not paths
    std::optional<std::string> next_line();

  private:
    bool read_more();

    std::string buffered_;
    std::size_t start_ = 0;  // of the next line
    bool is_first_ = true;   // nothing was read yet
};
