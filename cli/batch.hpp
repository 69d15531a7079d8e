#pragma once
/// \file
/// Runs a verb over many images: some at once, reported in the order of the inputs, none lost because another failed.

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <iostream>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "ffr/image_io.hpp"
#include "ffr/reduce.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "report.hpp"

/// Exit status of the program.
enum Status { kDone = 0, kSomeFailed = 1, kWrongUsage = 2 };

/// Names a failed input on standard error and, with --json, on standard output.
void report_failure(const std::filesystem::path& path, const std::string& reason, const SharedOptions& options);

/// Prints one JSON object as a line, at once.
void print_record(const Json& record);

/// The image of an input, of no more pixels than the options allow. \throws ffr::FileError, ffr::FormatError
inline ffr::ReducedImage read_input(const Input& input, const SharedOptions& options) {
    ffr::ReadOptions read;
    read.apply_exif = !options.no_exif;
    constexpr std::int64_t kNoLimit = INT64_MAX;
    return ffr::reduce_to(ffr::read_image(input.path, read), options.max_pixels > 0 ? options.max_pixels : kNoLimit);
}

/// Ends a run at once, where any other error concerns only the input in hand.
struct FatalError : ffr::Error {
    using ffr::Error::Error;
};

/// An input on its way through a Batch.
template <typename Result>
struct Outcome {
    Input input;
    bool done = false;
    std::optional<Result> result;  // when done: this, or
    std::string error;             // the reason why there's none
    bool is_fatal = false;
};

/// Inputs that several threads work on; results come out in the order of the inputs. However it's left, no worker takes
/// another input and all are waited for.
template <typename Result>
class Batch {
  public:
    using Work = std::function<Result(const Input&)>;

    Batch(Inputs& inputs, Work work, std::size_t thread_count)
        : inputs_(inputs), work_(std::move(work)), most_taken_(4 * thread_count) {
        for (std::size_t i = 0; i < thread_count; ++i) {
            try {
                threads_.emplace_back([this] { run_worker(); });
            } catch (const std::system_error&) {
                // The system gives no more threads: fewer do the same.
                if (threads_.empty()) throw;
                break;
            }
        }
    }

    ~Batch() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_all();
        end_waiting();
        for (std::thread& thread : threads_) thread.join();
    }

    /// Waits for the oldest input that's taken; nothing at the end.
    std::optional<Outcome<Result>> next() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return taken_.empty() ? ended_ : taken_.front().done; });
        if (taken_.empty()) return std::nullopt;
        Outcome<Result> outcome = std::move(taken_.front());
        taken_.pop_front();
        changed_.notify_all();
        return outcome;
    }

  private:
    void run_worker() {
        while (Outcome<Result>* const mine = take()) {
            Outcome<Result> outcome;
            attempt(mine->input, outcome);
            const std::lock_guard lock(mutex_);
            outcome.input = std::move(mine->input);
            outcome.done = true;
            *mine = std::move(outcome);
            changed_.notify_all();
        }
    }

    /// One worker at a time takes an input: only so they stand in their order.
    Outcome<Result>* take() {
        const std::lock_guard taking(inputs_mutex_);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ended_ || taken_.size() < most_taken_; });
        if (ended_) return nullptr;
        lock.unlock();  // the next input may be long in coming
        std::optional<Input> input = inputs_.next();
        lock.lock();
        if (!input || ended_ || interrupting_signal() != 0) {
            ended_ = true;
            changed_.notify_all();
            return nullptr;
        }
        taken_.emplace_back();
        taken_.back().input = std::move(*input);
        return &taken_.back();  // a deque moves nothing when its ends change
    }

    void attempt(const Input& input, Outcome<Result>& outcome) {
        outcome.error = input.error;
        if (!input.error.empty()) return;
        try {
            outcome.result = work_(input);
        } catch (const std::bad_alloc&) {
            outcome.error = "not enough memory for this image";
        } catch (const FatalError& error) {
            outcome.error = error.what();
            outcome.is_fatal = true;
        } catch (const std::exception& error) {
            outcome.error = error.what();
        }
    }

    Inputs& inputs_;
    Work work_;
    std::size_t most_taken_;  // results that wait for a slower one before them among them
    std::mutex inputs_mutex_, mutex_;
    std::condition_variable changed_;
    std::deque<Outcome<Result>> taken_;
    bool ended_ = false;
    std::vector<std::thread> threads_;
};

/// Calls `work(input)` for each input on several threads and, in the order of the inputs and on this thread,
/// `emit(input, result)`. An input for which either throws is reported as failed and the others go on.
/// \returns kDone or kSomeFailed. \throws FatalError as work does; Interrupted when a signal came, after those in hand
template <typename Result>
Status run_batch(Inputs& inputs, const SharedOptions& options, const std::function<Result(const Input&)>& work,
                 const std::function<void(const Input&, Result&)>& emit) {
    const std::size_t wanted =
        options.threads > 0 ? static_cast<std::size_t>(options.threads) : std::thread::hardware_concurrency();
    const std::optional<std::size_t> total = inputs.count();
    const InterruptGuard guard;
    Batch<Result> batch(inputs, work, std::max<std::size_t>(1, std::min(wanted, total.value_or(wanted))));
    Progress progress(total, options.quiet);
    Status status = kDone;
    std::size_t done = 0;
    while (std::optional<Outcome<Result>> outcome = batch.next()) {
        progress.clear();
        if (outcome->is_fatal) throw FatalError(outcome->error);
        if (outcome->result) {
            try {
                emit(outcome->input, *outcome->result);
            } catch (const std::exception& error) {
                outcome->error = error.what();
            }
        }
        if (!outcome->error.empty()) {
            report_failure(outcome->input.path, outcome->error, options);
            status = kSomeFailed;
        }
        std::cout.flush();
        progress.show(++done);
    }
    const bool all_done = total && done == *total;
    if (interrupting_signal() != 0 && !all_done) {
        throw Interrupted(interrupting_signal(), "stopped after " + count_of(done, "input"));
    }
    return status;
}
