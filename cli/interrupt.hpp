#pragma once
/// \file
/// Ctrl-C and SIGTERM end a run in good order: what's in hand is finished, nothing new is begun.

#include <stdexcept>
#include <string>

/// A run that a signal ended before all inputs were done.
struct Interrupted : std::runtime_error {
    int signal;
    Interrupted(int by, const std::string& message) : std::runtime_error(message), signal(by) {}
};

/// While there's one, the first SIGINT or SIGTERM only sets interrupting_signal(); a second one ends the program at once.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// The signal that came since the last InterruptGuard was made; 0 for none.
int interrupting_signal();

/// Waits until a file descriptor has something to read, or its end. \returns false when a signal or end_waiting() came
/// first
bool wait_for_input(int descriptor);

/// Makes all calls of wait_for_input() return false.
void end_waiting();
