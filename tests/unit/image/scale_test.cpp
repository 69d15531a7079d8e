#include <doctest/doctest.h>

#include <cstdint>

#include "ffr/image/scale.hpp"
#include "ffr/pipeline.hpp"

using namespace ffr;

namespace {

/// Red grows to the right, so that a mean tells where it comes from.
Image ramp(int width, int height) {
    Image image(width, height, 3);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) image.row(y)[3 * x] = static_cast<std::uint8_t>(x);
    }
    return image;
}

ReducedImage half() {
    return reduce_to(ramp(200, 100), 5000);
}

}  // namespace

TEST_CASE("an image within the limit stays as it is, and so does what's found in it") {
    for (const int limit : {600, 601, 1000000}) {
        const ReducedImage same = reduce_to(ramp(30, 20), limit);
        CHECK(same.image == ramp(30, 20));
        CHECK_FALSE(same.is_smaller());
        CHECK(in_original(same, Rect{-3, 4, 50, 6}) == Rect{-3, 4, 50, 6});
        const Landmarks landmarks{{{7, -2}}, {{6.5, -2.5}}};
        CHECK(in_original(same, landmarks).points == landmarks.points);
    }
    CHECK(reduce_to(Image(), 1).image.empty());
}

TEST_CASE("a larger image becomes the mean of its areas") {
    const ReducedImage reduced = half();
    CHECK(reduced.is_smaller());
    CHECK(reduced.width == 200);
    CHECK(reduced.height == 100);
    REQUIRE(reduced.image.width() == 100);
    REQUIRE(reduced.image.height() == 50);
    CHECK(reduced.image.row(7)[3 * 30] == 61);  // the mean of 60 and 61, halves upwards
}

TEST_CASE("no limit is exceeded, whatever the shape") {
    for (const Point size : {Point{641, 479}, {1, 5000}, {5000, 1}, {3, 4000}, {4000, 3}, {255, 255}}) {
        for (const int limit : {1, 2, 3, 10, 100, 1999}) {
            CAPTURE(size.x);
            CAPTURE(size.y);
            CAPTURE(limit);
            const ReducedImage reduced = reduce_to(ramp(size.x, size.y), limit);
            CHECK(std::int64_t{reduced.image.width()} * reduced.image.height() <= limit);
            CHECK(reduced.image.width() >= 1);
            CHECK(reduced.image.height() >= 1);
        }
    }
    CHECK_THROWS_AS(reduce_to(ramp(2, 2), 0), InvalidArgument);
}

TEST_CASE("boxes keep their outer edges") {
    CHECK(in_original(half(), Rect{0, 0, 99, 49}) == Rect{0, 0, 199, 99});
    CHECK(in_original(half(), Rect{10, 20, 19, 29}) == Rect{20, 40, 39, 59});
    CHECK(in_original(half(), Rect{-5, -1, 3, 60}) == Rect{-10, -2, 7, 121});
    const ReducedImage third = reduce_to(ramp(100, 100), 1200);  // 34 x 34
    CHECK(third.image.width() == 34);
    // 5 * 100 / 34 = 14.7 and 9 * 100 / 34 = 26.5
    CHECK(in_original(third, Rect{5, 5, 8, 8}) == Rect{15, 15, 25, 25});
}

TEST_CASE("landmarks are scaled before they're rounded") {
    const Landmarks found{{{10, 20}, {-1, 0}}, {{10.2, 19.6}, {-0.6, 0.0}}};
    const Landmarks original = in_original(half(), found);
    CHECK(original.points[0] == Point{21, 40});  // 20.9 and 39.7
    CHECK(original.points[1] == Point{-1, 1});   // -0.7 and 0.5
    CHECK(original.subpixel[0].x == doctest::Approx(20.9));
    Face face;
    face.detection.box = {0, 0, 9, 9};
    face.landmarks = found;
    CHECK(in_original(half(), face).detection.box == Rect{0, 0, 19, 19});
    CHECK(in_original(half(), face).landmarks.points == original.points);
}
