#pragma once
/// \file
/// Runs a verb over many images: some at once, reported in the order of the inputs, none lost because another failed.

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
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

#include "ffr/image/image_io.hpp"
#include "ffr/image/scale.hpp"
#include "load/options.hpp"
#include "run/inputs.hpp"
#include "run/interrupt.hpp"
#include "run/photo_file.hpp"
#include "run/progress.hpp"
#include "show/report.hpp"

/// Exit status of the program.
enum Status { kDone = 0, kSomeFailed = 1, kWrongUsage = 2 };

/// Names a failed input on standard error and, with --json, on standard output.
void report_failure(const std::filesystem::path& path, const std::string& reason, const SharedOptions& options);

/// Prints one JSON object as a line, at once.
void print_record(const Json& record);

/// The image in a file's bytes, of no more pixels than the options allow. \throws ffr::FormatError
inline ffr::ReducedImage decode_input(const std::vector<std::uint8_t>& file, const Input& input,
                                      const SharedOptions& options) {
    ffr::ReadOptions read;
    read.apply_exif = !options.no_exif;
    constexpr std::int64_t kNoLimit = INT64_MAX;
    return ffr::reduce_to(ffr::decode_image(file.data(), file.size(), input.path.u8string(), read),
                          options.max_pixels > 0 ? options.max_pixels : kNoLimit);
}

/// The image of an input, read and decoded. \throws ffr::FileError, ffr::FormatError
inline ffr::ReducedImage read_input(const Input& input, const SharedOptions& options) {
    return decode_input(read_photo(input.path), input, options);
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
        : inputs_(inputs), work_(std::move(work)), slots_(4 * thread_count) {
        for (Outcome<Result>& slot : slots_) slot.error.reserve(sizeof kNoMemory);
        threads_.reserve(thread_count);
        for (std::size_t i = 0; i < thread_count; ++i) {
            try {
                threads_.emplace_back([this] { run_worker(); });
            } catch (const std::exception&) {
                // The system gives no more threads, or no memory for them: fewer do the same.
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
        changed_.wait(lock, [&] { return taken_ == 0 ? ended_ : slot(0).done; });
        if (taken_ == 0) return std::nullopt;
        Outcome<Result> outcome = std::move(slot(0));
        slot(0) = Outcome<Result>();
        slot(0).error.reserve(sizeof kNoMemory);
        ++first_;
        --taken_;
        changed_.notify_all();
        return outcome;
    }

  private:
    void run_worker() {
        while (Outcome<Result>* const mine = take()) {
            attempt(*mine);
            const std::lock_guard lock(mutex_);
            mine->done = true;
            changed_.notify_all();
        }
    }

    /// The oldest slot that's taken, and those behind it.
    Outcome<Result>& slot(std::size_t i) { return slots_[(first_ + i) % slots_.size()]; }

    /// One worker at a time takes an input: only so they stand in their order.
    Outcome<Result>* take() {
        const std::lock_guard taking(inputs_mutex_);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ended_ || taken_ < slots_.size(); });
        if (ended_) return nullptr;
        Outcome<Result>& mine = slot(taken_);
        lock.unlock();  // the next input may be long in coming
        const bool found = find(mine);
        lock.lock();
        const bool goes_on = found && !ended_ && interrupting_signal() == 0;
        if (goes_on || mine.is_fatal) ++taken_;
        if (goes_on) return &mine;
        mine.done = mine.is_fatal;
        ended_ = true;
        changed_.notify_all();
        return nullptr;
    }

    /// Looks for the next input. Without that, the run can't go on.
    bool find(Outcome<Result>& outcome) {
        try {
            std::optional<Input> input = inputs_.next();
            if (input) outcome.input = std::move(*input);
            return input.has_value();
        } catch (const std::bad_alloc&) {
            outcome.error = kNoMemory;
        } catch (const std::exception& error) {
            outcome.error = error.what();
        }
        outcome.is_fatal = true;
        return false;
    }

    void attempt(Outcome<Result>& outcome) {
        try {
            work_on(outcome);
        } catch (const std::bad_alloc&) {
            outcome.error = kNoMemory;
        }
    }

    void work_on(Outcome<Result>& outcome) {
        if (!outcome.input.error.empty()) {
            outcome.error = outcome.input.error;
            return;
        }
        try {
            outcome.result = work_(outcome.input);
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const FatalError& error) {
            outcome.is_fatal = true;
            outcome.error = error.what();
        } catch (const std::exception& error) {
            outcome.error = error.what();
        }
    }

    // Its room is had before it's needed.
    static constexpr char kNoMemory[] = "not enough memory for this image";

    Inputs& inputs_;
    Work work_;
    std::mutex inputs_mutex_, mutex_;
    std::condition_variable changed_;
    std::vector<Outcome<Result>> slots_;  // made before there are threads, which may leave no memory for more
    std::size_t first_ = 0, taken_ = 0;   // those taken, with results that wait for a slower one before them
    bool ended_ = false;
    std::vector<std::thread> threads_;
};

/// Calls `work(input)` for each input on several threads and, in the order of the inputs and on this thread,
/// `emit(input, result)`. An input for which either throws is reported as failed and the others go on.
/// \returns kDone or kSomeFailed. \throws FatalError as work does; Interrupted when a signal came, after those in hand
template <typename Result>
Status run_batch(Inputs& inputs, const SharedOptions& options, const std::function<Result(const Input&)>& work,
                 const std::function<void(const Input&, Result&)>& emit) {
    const auto wanted = static_cast<std::size_t>(thread_count(options));
    const std::optional<std::size_t> total = inputs.count();
    const InterruptGuard guard;
    Batch<Result> batch(inputs, work, std::max<std::size_t>(1, std::min(wanted, total.value_or(wanted))));
    Progress progress(total, options.quiet);
    Status status = kDone;
    std::size_t done = 0;
    while (std::optional<Outcome<Result>> outcome = batch.next()) {
        progress.clear();
        if (outcome->is_fatal) throw FatalError(outcome->error);
        bool is_done = outcome->result.has_value();
        try {
            if (is_done) emit(outcome->input, *outcome->result);
        } catch (const std::exception& error) {
            outcome->error = error.what();
            is_done = false;
        }
        if (!is_done) {
            report_failure(outcome->input.path, outcome->error, options);
            status = kSomeFailed;
        }
        std::cout.flush();
        progress.show(++done);
    }
    if (interrupting_signal() != 0) {
        throw Interrupted(interrupting_signal(), "stopped after " + count_of(done, "input"));
    }
    return status;
}
