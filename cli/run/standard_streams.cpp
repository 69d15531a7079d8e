#include "run/standard_streams.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iostream>
#include <vector>

#include "ffr/base/error.hpp"
#include "run/interrupt.hpp"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#define read _read
#define write _write
#else
#include <fcntl.h>
#include <unistd.h>
#endif

namespace {

constexpr int kInput = 0, kOutput = 1;

class InputBuffer : public std::streambuf {
  protected:
    int_type underflow() override {
        if (!wait_for_input(kInput)) return traits_type::eof();
        auto count = read(kInput, block_.data(), static_cast<unsigned>(block_.size()));
        while (count < 0 && errno == EINTR) count = read(kInput, block_.data(), static_cast<unsigned>(block_.size()));
        if (count < 0) throw ffr::FileError("can't be read");  // an istream then is bad
        if (count == 0) return traits_type::eof();
        setg(block_.data(), block_.data(), block_.data() + count);
        return traits_type::to_int_type(block_[0]);
    }

  private:
    std::vector<char> block_ = std::vector<char>(65536);
};

class OutputBuffer : public std::streambuf {
  public:
    OutputBuffer() { setp(block_.data(), block_.data() + block_.size()); }

  protected:
    int sync() override {
        const bool written = write_all(pbase(), pptr() - pbase());
        setp(block_.data(), block_.data() + block_.size());
        return written ? 0 : -1;
    }

    int_type overflow(int_type letter) override {
        if (sync() != 0) return traits_type::eof();
        if (!traits_type::eq_int_type(letter, traits_type::eof())) sputc(traits_type::to_char_type(letter));
        return traits_type::not_eof(letter);
    }

  private:
    /// No more at once than a pipe takes without waiting when it takes anything.
    static bool write_all(const char* bytes, std::ptrdiff_t size) {
        constexpr std::ptrdiff_t kAtOnce = 4096;
        while (size > 0) {
            if (!wait_for_output(kOutput)) return false;
            const auto written = write(kOutput, bytes, static_cast<unsigned>(std::min(size, kAtOnce)));
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return false;
            bytes += written;
            size -= written;
        }
        return true;
    }

    std::vector<char> block_ = std::vector<char>(65536);
};

void open_closed_streams() {
#if !defined(_WIN32)
    for (int stream = 0; stream <= 2; ++stream) {
        if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is this one. The other direction than it's used in, so that using it fails; but for
        // standard error, whose loss nobody could be told.
        [[maybe_unused]] const int opened = open("/dev/null", stream == kOutput ? O_RDONLY : O_WRONLY);
    }
#endif
}

}  // namespace

StandardStreams::StandardStreams() {
    open_closed_streams();
    std::ios::sync_with_stdio(false);
    input_ = std::make_unique<InputBuffer>();
    output_ = std::make_unique<OutputBuffer>();
    input_before_ = std::cin.rdbuf(input_.get());
    output_before_ = std::cout.rdbuf(output_.get());
}

StandardStreams::~StandardStreams() {
    std::cout.flush();
    std::cin.rdbuf(input_before_);
    std::cout.rdbuf(output_before_);
}
