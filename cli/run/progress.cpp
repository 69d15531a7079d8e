#include "run/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "show/report.hpp"

#if defined(_WIN32)
#include <io.h>
#define isatty _isatty
#define STDERR_FILENO 2
#else
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace {

/// "42 s", "12 min 3 s" or "7 h 12 min".
std::string duration(double seconds) {
    const auto whole = std::llround(seconds);
    const auto text = [](long long large, const char* unit, long long small, const char* unit_of_small) {
        return std::to_string(large) + unit + std::to_string(small) + unit_of_small;
    };
    if (whole < 60) return std::to_string(whole) + " s";
    return whole < 3600 ? text(whole / 60, " min ", whole % 60, " s")
                        : text(whole / 3600, " h ", whole % 3600 / 60, " min");
}

/// True when standard error is a terminal that can take a line back.
bool is_terminal() {
    const char* const kind = std::getenv("TERM");
    return isatty(STDERR_FILENO) != 0 && kind != nullptr && std::string(kind) != "dumb";
}

/// How many letters a line of the terminal has now; it may change at any time.
std::size_t line_width() {
    constexpr std::size_t kUsual = 80;
#if defined(_WIN32)
    return kUsual;
#else
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
#endif
}

}  // namespace

std::string progress_line(const ProgressState& state, std::size_t width) {
    const double rate = static_cast<double>(state.done) / state.seconds;
    const std::string done = std::to_string(state.done), speed = fixed(rate, 1) + " a second";
    // The last column stays free: a letter there moves some terminals on to the next line.
    const std::size_t room = width > 0 ? width - 1 : 0;
    if (!state.total) return (done + " done, " + speed).substr(0, room);
    const double left = static_cast<double>(*state.total - state.done) / rate;
    const std::string text = done + "/" + std::to_string(*state.total) + "  " + speed + ", " + duration(left) + " left";
    constexpr std::size_t kLongest = 30, kShortest = 5, kAround = 3;  // of the bar; brackets and a space around it
    if (room < text.size() + kShortest + kAround) return text.substr(0, room);
    const std::size_t length = std::min(kLongest, room - text.size() - kAround);
    const std::size_t filled = state.done * length / *state.total;
    return "[" + std::string(filled, '#') + std::string(length - filled, '.') + "] " + text;
}

Progress::Progress(std::optional<std::size_t> total, bool quiet)
    : total_(total), visible_(!quiet && total.value_or(2) > 1 && is_terminal()) {}

Progress::~Progress() {
    clear();
}

void Progress::clear() {
    if (visible_) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(std::size_t done) {
    if (!visible_) return;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    const std::string line = progress_line({done, total_, elapsed.count()}, line_width());
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
    std::fflush(stderr);
}
