#include <doctest/doctest.h>

#include "run/progress.hpp"

TEST_CASE("a line of progress says how far it is, how fast, and how long it takes") {
    CHECK(progress_line({15, 60, 5}, 80) == "[#######.......................] 15/60  3.0 a second, 15 s left");
    CHECK(progress_line({7, std::nullopt, 2}, 80) == "7 done, 3.5 a second");
    CHECK(progress_line({1, 100001, 1}, 80) ==
          "[..............................] 1/100001  1.0 a second, 27 h 46 min left");
}

TEST_CASE("a line of progress is narrower than the terminal, and full at the end") {
    for (std::size_t width = 0; width < 120; ++width) {
        for (const std::size_t done : {1u, 59u, 60u}) {
            const std::string line = progress_line({done, 60, 7}, width);
            CHECK(line.size() < width + (width == 0 ? 1 : 0));
            if (done == 60 && width > 50) CHECK(line.find('.') > line.find(']'));
        }
        CHECK(progress_line({7, std::nullopt, 2}, width).size() <= width);
    }
    CHECK(progress_line({15, 60, 5}, 42) == "[##......] 15/60  3.0 a second, 15 s left");
    CHECK(progress_line({15, 60, 5}, 30) == "15/60  3.0 a second, 15 s lef");
}
