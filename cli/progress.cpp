#include "progress.hpp"

#include <cstdio>
#include <string>

#if defined(_WIN32)
#include <io.h>
#define isatty _isatty
#define STDERR_FILENO 2
#else
#include <unistd.h>
#endif

Progress::Progress(std::optional<std::size_t> total, bool quiet)
    : total_(total), visible_(!quiet && (!total || *total > 1) && isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    clear();
}

void Progress::clear() {
    if (visible_) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(std::size_t done) {
    if (!visible_) return;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    const double rate = static_cast<double>(done) / elapsed.count();
    if (total_) {
        constexpr std::size_t kWidth = 30;
        const std::size_t filled = done * kWidth / *total_;
        const double left = static_cast<double>(*total_ - done) / rate;
        std::fprintf(stderr, "\r[%s%s] %zu/%zu  %.1f a second, %.0f s left\x1b[K", std::string(filled, '#').c_str(),
                     std::string(kWidth - filled, '.').c_str(), done, *total_, rate, left);
    } else {
        std::fprintf(stderr, "\r%zu  %.1f a second\x1b[K", done, rate);
    }
    std::fflush(stderr);
}
