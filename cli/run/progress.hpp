#pragma once
/// \file
/// A progress bar on standard error, when that's a terminal.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

/// How far a run has come.
struct ProgressState {
    std::size_t done;
    std::optional<std::size_t> total;
    double seconds;  // since it began
};

/// A line of text of less than `width` letters: a bar, numbers, speed and time left, as far as they fit.
std::string progress_line(const ProgressState& state, std::size_t width);

/// Shows how many inputs are done, how many a second, and how long the rest will take where it's known.
class Progress {
  public:
    /// Shows nothing when `quiet`, when there's only one input, or when standard error isn't a terminal that can take a
    /// line back (TERM=dumb).
    /// \param total  how many inputs there are; where nobody knows yet, there's no bar and no time left
    Progress(std::optional<std::size_t> total, bool quiet);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Takes the bar away, so that other text can be printed.
    void clear();
    /// Draws the bar.
    void show(std::size_t done);

  private:
    std::optional<std::size_t> total_;
    bool visible_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};
