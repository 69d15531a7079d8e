#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ffr/align/affine.hpp"
#include "noise.hpp"

using namespace ffr;

namespace {

constexpr Triangle kUnit{PointF{0, 0}, PointF{1, 0}, PointF{0, 1}};

bool near(PointF a, PointF b, double tolerance = 1e-9) {
    return std::fabs(a.x - b.x) <= tolerance && std::fabs(a.y - b.y) <= tolerance;
}

Landmarks spread_landmarks(std::size_t count) {
    Landmarks landmarks;
    for (std::size_t i = 0; i < count; ++i) {
        const int k = static_cast<int>(i);
        landmarks.points.push_back({37 * k % 101, 53 * k % 97});
    }
    return landmarks;
}

}  // namespace

TEST_CASE("an affine map brings the corners of one triangle to those of another") {
    const Triangle from{PointF{3, -7}, PointF{120.5, 14}, PointF{55, 90}};
    const Triangle to{PointF{-1, 2}, PointF{0.25, 17}, PointF{1000, -3}};
    const AffineMap map = affine_map(from, to);
    for (std::size_t i = 0; i < 3; ++i) CHECK(near(map(from[i]), to[i]));
    // Lines stay lines: the middle goes to the middle.
    const PointF middle{(from[0].x + from[1].x) / 2, (from[0].y + from[1].y) / 2};
    CHECK(near(map(middle), {(to[0].x + to[1].x) / 2, (to[0].y + to[1].y) / 2}));
}

TEST_CASE("three points on a line, or that aren't finite, are refused") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const Triangle line{PointF{0, 0}, PointF{1, 1}, PointF{3, 3}}, spot{PointF{5, 5}, PointF{5, 5}, PointF{5, 5}};
    const Triangle hole{PointF{0, 0}, PointF{nan, 1}, PointF{3, 3}};
    const Triangle far{PointF{1e9, 1e9}, PointF{1e9 + 1, 1e9}, PointF{1e9, 1e9 + 1}};
    CHECK_THROWS_WITH_AS(affine_map(line, kUnit), "the three points lie on a line: they don't fix an affine map",
                         InvalidArgument);
    CHECK_THROWS_AS(affine_map(spot, kUnit), InvalidArgument);
    CHECK_THROWS_WITH_AS(affine_map(hole, kUnit), "the points have to be finite", InvalidArgument);
    CHECK_THROWS_AS(affine_map(kUnit, hole), InvalidArgument);
    CHECK_NOTHROW(affine_map(far, kUnit));
}

TEST_CASE("the map that changes nothing copies, a shift by whole pixels shifts, and outside is black") {
    for (const int channels : {1, 3}) {
        const Image image = noise(9, 7, channels, 1);
        CHECK(warp_affine(image, AffineMap(), 9, 7) == image);
        AffineMap shift;
        shift.x0 = 2;
        shift.y0 = -1;
        const Image shifted = warp_affine(image, shift, 9, 7);
        for (int y = 0; y < 7; ++y) {
            for (int x = 0; x < 9; ++x) {
                for (int c = 0; c < channels; ++c) {
                    const int expected = x >= 2 && y + 1 < 7 ? image.row(y + 1)[(x - 2) * channels + c] : 0;
                    CHECK(shifted.row(y)[x * channels + c] == expected);
                }
            }
        }
    }
}

TEST_CASE("between pixels the neighbours are blended, at the border with black") {
    Image image(2, 1, 1);
    image.row(0)[0] = 100;
    image.row(0)[1] = 200;
    AffineMap half;
    half.x0 = 0.5;
    // Looked back: -0.5, 0.5, 1.5.
    const Image warped = warp_affine(image, half, 3, 1);
    CHECK(warped.pixels() == std::vector<std::uint8_t>{50, 150, 100});
}

TEST_CASE("a view with gaps gives what a dense copy gives") {
    const Image whole = noise(30, 20, 3, 2);
    const ImageView part{whole.row(3) + 3 * 4, 12, 9, 3, 3 * 30};
    Image dense(12, 9, 3);
    for (int y = 0; y < 9; ++y) std::copy_n(part.row(y), 36, dense.row(y));
    const AffineMap turn{0.8, -0.6, 5, 0.6, 0.8, -2};
    CHECK(warp_affine(part, turn, 17, 13) == warp_affine(dense, turn, 17, 13));
}

TEST_CASE("empty results, one pixel, and coordinates beyond all numbers") {
    const Image pixel = noise(1, 1, 3, 3);
    CHECK(warp_affine(pixel, AffineMap(), 0, 5).empty());
    CHECK(warp_affine(pixel, AffineMap(), 1, 1) == pixel);
    for (const double far : {1e8, 1e300, -1e300}) {
        AffineMap away;
        away.x0 = far;
        CHECK(warp_affine(pixel, away, 4, 4) == Image(4, 4, 3));
    }
    AffineMap tiny{1e-300, 0, 0, 0, 1, 0};
    CHECK_THROWS_WITH_AS(warp_affine(pixel, AffineMap{1, 2, 0, 2, 4, 0}, 4, 4), "the affine map can't be inverted",
                         InvalidArgument);
    CHECK_NOTHROW(warp_affine(pixel, tiny, 4, 4));
    CHECK_THROWS_AS(warp_affine(Image(), AffineMap(), 4, 4), InvalidArgument);
    CHECK_THROWS_AS(warp_affine(pixel, AffineMap(), -1, 4), InvalidArgument);
    CHECK_THROWS_AS(warp_affine(pixel, AffineMap(), 4, 32768), InvalidArgument);
}

TEST_CASE("eyes and nose come to lie where OpenFace has them") {
    const Landmarks landmarks = spread_landmarks(68);
    const auto point = [&](std::size_t i) {
        return PointF{double(landmarks.points[i].x), double(landmarks.points[i].y)};
    };
    const AffineMap outer = face_alignment(landmarks);
    CHECK(near(outer(point(36)), {96 * 0.194157, 96 * 0.169267}, 1e-4));
    CHECK(near(outer(point(45)), {96 * 0.788859, 96 * 0.158171}, 1e-4));
    CHECK(near(outer(point(33)), {96 * 0.494951, 96 * 0.514441}, 1e-4));
    const AffineMap inner = face_alignment(landmarks, 200, AlignmentLandmarks::inner_eyes_and_bottom_lip);
    CHECK(near(inner(point(39)), {200 * 0.363785, 200 * 0.177947}, 1e-4));
    CHECK(near(inner(point(42)), {200 * 0.618963, 200 * 0.172778}, 1e-4));
    CHECK(near(inner(point(57)), {200 * 0.500204, 200 * 0.750584}, 1e-4));
}

TEST_CASE("5 landmarks align by the eyes and the nose, but have no lip") {
    const Landmarks all = spread_landmarks(68);
    Landmarks five;
    for (const std::size_t index : {45u, 42u, 36u, 39u, 33u}) five.points.push_back(all.points[index]);
    const Image image = noise(110, 100, 3, 4);
    CHECK(align_face(image, five) == align_face(image, all));
    CHECK_THROWS_WITH_AS(face_alignment(five, 96, AlignmentLandmarks::inner_eyes_and_bottom_lip),
                         "the bottom lip isn't among 5 landmarks: this alignment needs 68", InvalidArgument);
}

TEST_CASE("other numbers of landmarks and sizes out of range are refused") {
    for (const std::size_t count : {0u, 1u, 67u, 69u}) {
        CHECK_THROWS_AS(face_alignment(spread_landmarks(count)), InvalidArgument);
    }
    for (const int size : {-96, 0, 1, 4097}) {
        CHECK_THROWS_WITH_AS(face_alignment(spread_landmarks(68), size), "an aligned face has 2..4096 pixels a side",
                             InvalidArgument);
    }
    Landmarks spot;
    spot.points.resize(68);
    CHECK_THROWS_AS(face_alignment(spot), InvalidArgument);
}
