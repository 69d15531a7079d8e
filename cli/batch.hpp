#pragma once
/// \file
/// Runs a verb over many images: some at once, reported in the order of the inputs, none lost because another failed.

#include <algorithm>
#include <condition_variable>
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

#include "ffr/image_io.hpp"
#include "inputs.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "report.hpp"

/// Exit status of the program.
enum Status { kDone = 0, kSomeFailed = 1, kWrongUsage = 2 };

/// Names a failed input on standard error and, with --json, on standard output.
void report_failure(const std::filesystem::path& path, const std::string& reason, const SharedOptions& options);

/// Prints one JSON object as a line, at once.
void print_record(const Json& record);

/// The image of an input. \throws ffr::FileError, ffr::FormatError
inline ffr::Image read_input(const Input& input, const SharedOptions& options) {
    ffr::ReadOptions read;
    read.apply_exif = !options.no_exif;
    return ffr::read_image(input.path, read);
}

/// What a worker made of an input: a result or the reason why there's none.
template <typename Result>
struct Outcome {
    std::optional<Result> result;
    std::string error;
};

/// Calls `work(input)` for each input on several threads and, in the order of the inputs and on this thread,
/// `emit(input, result)`. An input for which either throws is reported as failed and the others go on.
/// \returns kDone or kSomeFailed
template <typename Result>
Status run_batch(const std::vector<Input>& inputs, const SharedOptions& options,
                 const std::function<Result(const Input&)>& work,
                 const std::function<void(const Input&, Result&)>& emit) {
    const std::size_t wanted =
        options.threads > 0 ? static_cast<std::size_t>(options.threads) : std::thread::hardware_concurrency();
    const std::size_t thread_count = std::max<std::size_t>(1, std::min(wanted, inputs.size()));
    const std::size_t ahead = 4 * thread_count;  // results that may wait for a slower one before them
    std::vector<std::optional<Outcome<Result>>> outcomes(inputs.size());
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t next = 0, emitted = 0;

    const auto attempt = [&](const Input& input) -> Outcome<Result> {
        if (!input.error.empty()) return {std::nullopt, input.error};
        try {
            return {work(input), ""};
        } catch (const std::bad_alloc&) {
            return {std::nullopt, "not enough memory for this image"};
        } catch (const std::exception& error) {
            return {std::nullopt, error.what()};
        }
    };
    const auto worker = [&] {
        for (std::unique_lock lock(mutex);;) {
            changed.wait(lock, [&] { return next >= inputs.size() || next < emitted + ahead; });
            if (next >= inputs.size()) return;
            const std::size_t mine = next++;
            lock.unlock();
            Outcome<Result> outcome = attempt(inputs[mine]);
            lock.lock();
            outcomes[mine] = std::move(outcome);
            changed.notify_all();
        }
    };
    // However this function is left, no worker takes another input and all are waited for.
    struct Workers {
        std::function<void()> stop;
        std::vector<std::thread> threads;
        ~Workers() {
            stop();
            for (std::thread& thread : threads) thread.join();
        }
    } workers{[&] {
                  const std::lock_guard lock(mutex);
                  next = inputs.size();
                  changed.notify_all();
              },
              {}};
    for (std::size_t i = 0; i < thread_count; ++i) {
        try {
            workers.threads.emplace_back(worker);
        } catch (const std::system_error&) {
            // The system gives no more threads: fewer do the same.
            if (workers.threads.empty()) throw;
            break;
        }
    }

    Status status = kDone;
    Progress progress(inputs.size(), options.quiet);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return outcomes[i].has_value(); });
        Outcome<Result> outcome = std::move(*outcomes[i]);
        outcomes[i].reset();
        emitted = i + 1;
        changed.notify_all();
        lock.unlock();
        progress.clear();
        if (outcome.result) {
            try {
                emit(inputs[i], *outcome.result);
            } catch (const std::exception& error) {
                outcome.error = error.what();
            }
        }
        if (!outcome.error.empty()) {
            report_failure(inputs[i].path, outcome.error, options);
            status = kSomeFailed;
        }
        std::cout.flush();
        progress.show(i + 1);
    }
    return status;
}
