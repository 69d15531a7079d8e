#pragma once
/// \file
/// Standard input and output as they are: closed, or stalled when a signal comes.

#include <memory>
#include <streambuf>

/// Stands behind std::cin and std::cout while it lives, which is the whole run of the program. Made before any file is
/// opened.
///
/// * Streams that are closed get something in their place, so that no file or pipe of ours takes their numbers. Reading
///   from such a one, or writing to it, fails.
/// * A signal ends std::cin where it waits.
/// * What's written to std::cout fails when nobody takes it for two seconds after a signal.
class StandardStreams {
  public:
    StandardStreams();
    ~StandardStreams();
    StandardStreams(const StandardStreams&) = delete;
    StandardStreams& operator=(const StandardStreams&) = delete;

  private:
    std::unique_ptr<std::streambuf> input_, output_;
    std::streambuf *input_before_, *output_before_;
};
