#include "run/standard_input.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "ffr/base/error.hpp"
#include "run/interrupt.hpp"

#if defined(_WIN32)
#include <io.h>
#define read _read
#else
#include <unistd.h>
#endif

namespace {

/// True for the first bytes of a picture, which are no path.
bool is_picture(const std::string& bytes) {
    for (const char* const begin :
         {"\xFF\xD8\xFF", "\x89PNG\r\n", "GIF87a", "GIF89a", "P4\n", "P5\n", "P6\n", "P5 ", "P6 "}) {
        if (bytes.compare(0, std::strlen(begin), begin) == 0) return true;
    }
    // A path may begin as these do, but it has no byte that is 0. HEIF and AVIF have "ftyp" behind their first size.
    if (bytes.find('\0') == std::string::npos) return false;
    for (const char* const begin : {"BM", "8BPS", "RIFF", "II*", "MM"}) {
        if (bytes.compare(0, std::strlen(begin), begin) == 0) return true;
    }
    return bytes.size() > 8 && bytes.compare(4, 4, "ftyp") == 0;
}

}  // namespace

std::optional<std::string> StandardInput::next_line() {
    std::size_t end = buffered_.find('\n', start_);
    while (end == std::string::npos) {
        buffered_.erase(0, start_);
        start_ = 0;
        if (!read_more()) {
            if (buffered_.empty()) return std::nullopt;
            buffered_ += '\n';  // the last line has no end of its own
        }
        end = buffered_.find('\n');
    }
    std::string line = buffered_.substr(start_, end - start_);
    start_ = end + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find('\0') != std::string::npos) {
        throw ffr::FormatError("standard input: there's a byte 0 in a path: paths come one a line");
    }
    return line;
}

bool StandardInput::read_more() {
    constexpr int kStandardInput = 0;
    char block[65536];
    if (!wait_for_input(kStandardInput)) return false;
    auto count = read(kStandardInput, block, sizeof block);
    while (count < 0 && errno == EINTR) count = read(kStandardInput, block, sizeof block);
    if (count < 0) throw ffr::FileError("standard input: can't read: " + std::generic_category().message(errno));
    if (count > 0) buffered_.append(block, static_cast<std::size_t>(count));
    if (is_first_ && is_picture(buffered_)) {
        throw ffr::FormatError(
            "standard input: holds a picture where paths are expected, one a line: to read it, give "
            "/dev/stdin in place of -");
    }
    is_first_ = false;
    return count > 0;
}
