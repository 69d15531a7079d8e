#include "progress.hpp"

#include <cmath>
#include <cstdio>
#include <string>

#if defined(_WIN32)
#include <io.h>
#define isatty _isatty
#define STDERR_FILENO 2
#else
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

}  // namespace

Progress::Progress(std::optional<std::size_t> total, bool quiet)
    : total_(total), visible_(!quiet && total.value_or(2) > 1 && isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    clear();
}

void Progress::clear() {
    if (visible_) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(std::size_t done) {
    if (!visible_) return;
    constexpr std::size_t kWidth = 30;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    const double rate = static_cast<double>(done) / elapsed.count();
    if (total_) {
        const std::size_t filled = done * kWidth / *total_;
        const double left = static_cast<double>(*total_ - done) / rate;
        std::fprintf(stderr, "\r[%s%s] %zu/%zu  %.1f a second, %s left\x1b[K", std::string(filled, '#').c_str(),
                     std::string(kWidth - filled, '.').c_str(), done, *total_, rate, duration(left).c_str());
    } else {
        std::fprintf(stderr, "\r%zu done, %.1f a second\x1b[K", done, rate);
    }
    std::fflush(stderr);
}
