#include "interrupt.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

#if !defined(_WIN32)
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#endif

namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch no other atomics");

}  // namespace

int interrupting_signal() {
    return received;
}

#if defined(_WIN32)

extern "C" void ffr_on_interrupt(int signal) {
    received = signal;
}

InterruptGuard::InterruptGuard() {
    received = 0;
    std::signal(SIGINT, ffr_on_interrupt);
}

InterruptGuard::~InterruptGuard() {
    std::signal(SIGINT, SIG_DFL);
}

bool wait_for_input(int) {
    return received == 0;
}

void end_waiting() {}

#else

namespace {

/// A byte in this pipe wakes whoever waits for input: unlike a condition variable, a signal handler may write to it.
int wake_read = -1, wake_write = -1;
struct sigaction before_int, before_term;

/// Whoever started the program may have asked for a signal to be ignored: nohup and `&` do.
void handle(int signal, const struct sigaction& action, struct sigaction& before) {
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
}

}  // namespace

extern "C" void ffr_on_interrupt(int signal) {
    const int saved = errno;
    received = signal;
    end_waiting();
    errno = saved;
}

InterruptGuard::InterruptGuard() {
    received = 0;
    int ends[2];
    if (pipe(ends) == 0) {
        wake_read = ends[0];
        wake_write = ends[1];
        for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    struct sigaction action {};
    action.sa_handler = ffr_on_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    handle(SIGINT, action, before_int);
    handle(SIGTERM, action, before_term);
}

InterruptGuard::~InterruptGuard() {
    sigaction(SIGINT, &before_int, nullptr);
    sigaction(SIGTERM, &before_term, nullptr);
    for (int* const end : {&wake_read, &wake_write}) close(std::exchange(*end, -1));
}

bool wait_for_input(int descriptor) {
    pollfd waiting[] = {{descriptor, POLLIN, 0}, {wake_read, POLLIN, 0}};
    while (poll(waiting, 2, -1) < 0 && errno == EINTR) {
    }
    return waiting[1].revents == 0;
}

void end_waiting() {
    [[maybe_unused]] const auto written = write(wake_write, "", 1);
}

#endif
