#include "ffr/base/threads.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "ffr/base/workspace.hpp"

using namespace ffr;

TEST_CASE("each task is done once, whatever the number of threads and tasks") {
    for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        CHECK(pool.size() == threads);
        for (const int tasks : {0, 1, 2, 7, 1000}) {
            std::vector<std::atomic<int>> done(static_cast<std::size_t>(tasks));
            std::atomic<bool> known_thread{true};
            pool.run(tasks, [&](int task, int thread) {
                ++done[static_cast<std::size_t>(task)];
                if (thread < 0 || thread >= threads) known_thread = false;
            });
            for (const std::atomic<int>& count : done) CHECK(count == 1);
            CHECK(known_thread);
        }
        pool.run(-3, [](int, int) { FAIL("there's nothing to do"); });
    }
}

TEST_CASE("no two tasks at one time have the same thread's number, call after call") {
    ThreadPool pool(4);
    std::vector<std::atomic<int>> busy(4);
    std::atomic<bool> alone{true};
    for (int call = 0; call < 300; ++call) {
        pool.run(8, [&](int, int thread) {
            if (busy[static_cast<std::size_t>(thread)]++ != 0) alone = false;
            std::this_thread::yield();
            --busy[static_cast<std::size_t>(thread)];
        });
    }
    CHECK(alone);
}

TEST_CASE("a task's exception comes out, and the pool goes on") {
    for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        CHECK_THROWS_WITH_AS(pool.run(20,
                                      [](int task, int) {
                                          if (task == 5) throw std::runtime_error("five");
                                      }),
                             "five", std::runtime_error);
        std::atomic<int> count{0};
        pool.run(20, [&](int, int) { ++count; });
        CHECK(count == 20);
    }
}

TEST_CASE("a workspace hands out the smallest piece that's free and large enough") {
    Workspace workspace;
    CHECK(workspace.threads().size() == 1);
    CHECK(workspace.bytes() == 0);
    float* large = nullptr;
    {
        const Workspace::Floats a(workspace, 100), b(workspace, 10);
        CHECK(a.data() != b.data());
        large = a.data();
        CHECK(workspace.bytes() == 440);
    }
    const Workspace::Floats c(workspace, 11);
    CHECK(c.data() == large);
    Workspace::Floats d(workspace, 10);
    CHECK(workspace.bytes() == 440);
    const Workspace::Floats moved = std::move(d);
    CHECK(d.data() == nullptr);
    const Workspace::Floats e(workspace, 10);
    CHECK(e.data() != moved.data());
    CHECK(workspace.bytes() == 480);
}

TEST_CASE("ranges are all indices, each once, on any number of threads") {
    for (const int threads : {1, 2, 5}) {
        ffr::ThreadPool pool(threads);
        for (const int count : {0, 1, 3, 19, 20, 1000}) {
            std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
            pool.run_ranges(count, 4, [&](int begin, int end, int thread) {
                CHECK(thread >= 0);
                CHECK(thread < threads);
                for (int i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
            });
            for (const std::atomic<int>& visit : visits) CHECK(visit == 1);
        }
        CHECK_THROWS_AS(pool.run_ranges(9, 1, [](int, int, int) { throw std::runtime_error("no"); }),
                        std::runtime_error);
    }
}
