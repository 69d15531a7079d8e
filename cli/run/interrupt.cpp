#include "run/interrupt.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <utility>

#include "run/output_file.hpp"

#if !defined(_WIN32)
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#endif

namespace {

std::atomic<int> received{0};
std::atomic<int> guards{0};  // how many there are, one within the other
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch no other atomics");

}  // namespace

int interrupting_signal() {
    return received;
}

#if defined(_WIN32)

extern "C" void ffr_on_signal(int signal) {
    int none = 0;
    if (guards > 0 && received.compare_exchange_strong(none, signal)) {
        std::signal(signal, ffr_on_signal);
        return;
    }
    delete_listed_files();
    std::_Exit(128 + signal);
}

void handle_signals() {
    std::signal(SIGINT, ffr_on_signal);
    std::signal(SIGTERM, ffr_on_signal);
}

InterruptGuard::InterruptGuard() {
    ++guards;
}

InterruptGuard::~InterruptGuard() {
    --guards;
}

bool wait_for_input(int) {
    return received == 0;
}

bool wait_for_output(int) {
    return true;
}

void end_waiting() {}

#else

namespace {

/// A byte in this pipe wakes whoever waits for input: unlike a condition variable, a signal handler may write to it.
int wake_read = -1, wake_write = -1;

/// True for signals that end no process, or that can't be handled.
bool is_harmless(int signal) {
    constexpr int kHarmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGKILL};
#if defined(SIGINFO)  // where BSD's signals are
    if (signal == SIGINFO || signal == SIGIO) return true;
#endif
    return std::find(std::begin(kHarmless), std::end(kHarmless), signal) != std::end(kHarmless);
}

bool is_polite(int signal) {
    return signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
}

/// Leaves what somebody else asked for: an ignored signal, a sanitizer's report.
void handle(int signal, const struct sigaction& action) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_DFL) sigaction(signal, &action, nullptr);
}

}  // namespace

extern "C" void ffr_on_signal(int signal) {
    const int saved = errno;
    int none = 0;
    if (is_polite(signal) && guards > 0 && received.compare_exchange_strong(none, signal)) {
        end_waiting();
        errno = saved;
        return;
    }
    delete_listed_files();
    if (is_polite(signal)) _exit(128 + signal);
    std::signal(signal, SIG_DFL);
    raise(signal);  // arrives when this handler returns
    errno = saved;
}

void handle_signals() {
    struct sigaction action {};
    action.sa_handler = ffr_on_signal;
    action.sa_flags = SA_RESTART;
    for (int signal = 1; signal < NSIG; ++signal) {
        if (!is_harmless(signal)) handle(signal, action);
    }
}

InterruptGuard::InterruptGuard() {
    if (guards > 0) {
        ++guards;
        return;
    }
    int ends[2];
    if (pipe(ends) == 0) {
        wake_read = ends[0];
        wake_write = ends[1];
        for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    ++guards;
}

InterruptGuard::~InterruptGuard() {
    if (--guards > 0) return;
    for (int* const end : {&wake_read, &wake_write}) close(std::exchange(*end, -1));
}

bool wait_for_input(int descriptor) {
    pollfd waiting[] = {{descriptor, POLLIN, 0}, {wake_read, POLLIN, 0}};
    while (poll(waiting, 2, -1) < 0 && errno == EINTR) {
    }
    return waiting[1].revents == 0;
}

bool wait_for_output(int descriptor) {
    constexpr int kPatience = 2000;  // milliseconds
    for (;;) {
        const bool is_ending = received != 0;
        pollfd waiting[] = {{descriptor, POLLOUT, 0}, {is_ending ? -1 : wake_read, POLLIN, 0}};
        const int ready = poll(waiting, 2, is_ending ? kPatience : -1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0 || waiting[0].revents != 0) return ready != 0;
    }
}

void end_waiting() {
    [[maybe_unused]] const auto written = write(wake_write, "", 1);
}

#endif
