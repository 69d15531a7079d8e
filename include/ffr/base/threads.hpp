#pragma once
/// \file
/// Threads that share the work of one call. None is started but those that the caller asks for.
///
///     run(5 tasks):   thread 0 (the caller's)   task 0   task 2   task 4      each takes the next one that's left
///                     thread 1                  task 1   task 3

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "float_environment.hpp"

namespace ffr {
inline namespace v0_1 {

/// A fixed number of threads that work through the tasks of one call after the other.
///
/// The calling thread is one of them, so that a pool of 1 starts none. One call at a time: two threads mustn't use a pool
/// at once.
class ThreadPool {
  public:
    /// Starts the threads, all but the calling one.
    /// \param threads  how many work on a call; less than 1 is 1. \throws std::system_error when the system has no more
    explicit ThreadPool(int threads = 1) {
        try {
            for (int i = 1; i < threads; ++i) helpers_.emplace_back([this, i] { help(i); });
        } catch (...) {
            stop();
            throw;
        }
    }
    ~ThreadPool() { stop(); }
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    /// How many threads work on a call.
    int size() const { return static_cast<int>(helpers_.size()) + 1; }

    /// Calls work(task, thread) for each task 0..tasks-1, on whichever thread is free; `thread` is 0..size()-1, and no
    /// two calls at one time have the same. Returns when all are done. A task's exception is thrown here, and tasks that
    /// weren't begun before it are left out.
    template <typename Work>
    void run(int tasks, const Work& work) {
        if (tasks <= 0) return;
        if (helpers_.empty() || tasks == 1) {
            for (int task = 0; task < tasks; ++task) work(task, 0);
            return;
        }
        run_with_helpers(tasks, &work, [](const void* function, int task, int thread) {
            (*static_cast<const Work*>(function))(task, thread);
        });
    }

    /// Calls work(begin, end, thread) for ranges that make up 0..count-1: one on a pool of 1, else `each` for each thread.
    /// More of them share uneven work better.
    template <typename Work>
    void run_ranges(int count, int each, const Work& work) {
        const int ranges = size() == 1 ? 1 : std::min(count, each * size());
        run(ranges, [&](int range, int thread) {
            const auto edge = [&](int i) { return static_cast<int>(std::int64_t{count} * i / ranges); };
            work(edge(range), edge(range + 1), thread);
        });
    }

  private:
    using Call = void (*)(const void* work, int task, int thread);

    // Knows nothing of the work's type, so that a compiler translates it once.
    void run_with_helpers(int tasks, const void* work, Call call) {
        call_ = call;
        work_ = work;
        tasks_ = tasks;
        next_.store(0, std::memory_order_relaxed);
        busy_.store(static_cast<int>(helpers_.size()), std::memory_order_relaxed);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        take_tasks(0);
        while (busy_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

    void take_tasks(int thread) {
        for (int task = next_.fetch_add(1); task < tasks_; task = next_.fetch_add(1)) {
            try {
                call_(work_, task, thread);
            } catch (...) {
                const std::lock_guard<std::mutex> lock(mutex_);
                if (!error_) error_ = std::current_exception();
                next_.store(tasks_);
            }
        }
    }

    void help(int thread) {
        const detail::DefaultFloats floats;  // not those of the thread that started this one
        for (unsigned seen = 0;;) {
            // A network's next layer comes within microseconds: going to sleep would take longer than waiting for it.
            for (int i = 0; i < kPatience && round_.load(std::memory_order_acquire) == seen; ++i) {
                std::this_thread::yield();
            }
            if (round_.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return round_.load(std::memory_order_relaxed) != seen; });
            }
            ++seen;
            if (stopping_) return;
            take_tasks(thread);
            busy_.fetch_sub(1, std::memory_order_release);
        }
    }

    void stop() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        for (std::thread& helper : helpers_) helper.join();
    }

    static constexpr int kPatience = 200;

    std::vector<std::thread> helpers_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::atomic<unsigned> round_{0};  // calls that were begun
    std::atomic<int> next_{0}, busy_{0};
    bool stopping_ = false;
    int tasks_ = 0;
    const void* work_ = nullptr;
    Call call_ = nullptr;
    std::exception_ptr error_;
};

}  // namespace v0_1
}  // namespace ffr
