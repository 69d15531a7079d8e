#include "standard_input.hpp"

#include <cerrno>
#include <system_error>

#include "ffr/error.hpp"
#include "interrupt.hpp"

#if defined(_WIN32)
#include <io.h>
#define read _read
#else
#include <unistd.h>
#endif

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
    return count > 0;
}
