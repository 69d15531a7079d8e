#pragma once
/// \file
/// Signals end a run in good order: what's in hand is finished, nothing new is begun. And whatever signal ends the program
/// at once, no temporary file stays.

#include <stdexcept>
#include <string>

/// A run that a signal ended before all inputs were done.
struct Interrupted : std::runtime_error {
    int signal;
    Interrupted(int by, const std::string& message) : std::runtime_error(message), signal(by) {}
};

/// Takes the signals over, for the whole run of the program. SIGINT, SIGTERM and SIGHUP end it with 128 + their number,
/// others as ever, all after the temporary files are deleted. A signal that's ignored stays so: nohup and `&` ask for it.
void handle_signals();

/// While there's one, or several one within the other, the first SIGINT, SIGTERM or SIGHUP only sets interrupting_signal(); a second one, of whatever kind,
/// ends the program at once.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// The signal that came while there was an InterruptGuard; 0 for none.
int interrupting_signal();

/// Waits until a file descriptor has something to read, or its end. \returns false when a signal or end_waiting() came
/// first
bool wait_for_input(int descriptor);

/// Waits until something can be written. \returns false when a signal came and for two seconds after it nothing could be
bool wait_for_output(int descriptor);

/// Makes all calls of wait_for_input() return false.
void end_waiting();
