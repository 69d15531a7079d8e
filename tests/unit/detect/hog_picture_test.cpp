#include "ffr/detect/hog_picture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ffr/detect/hog.hpp"

using namespace ffr;

namespace {

constexpr double kPi = 3.14159265358979323846;

/// Half dark, half light, with an edge through the middle that runs at an angle: 0 lies flat, 90 stands upright, and in
/// between it rises to the right.
Image edge(int degrees) {
    constexpr int kSize = 64;
    const double x_part = std::cos(degrees * kPi / 180), y_part = -std::sin(degrees * kPi / 180);
    Image image(kSize, kSize, 1);
    for (int y = 0; y < kSize; ++y) {
        for (int x = 0; x < kSize; ++x) {
            const double side = (x - kSize / 2 + 0.5) * y_part - (y - kSize / 2 + 0.5) * x_part;
            image.row(y)[x] = side > 0 ? 220 : 30;
        }
    }
    return image;
}

/// The angle of the bright pixels in the middle cell, by their second moments about its centre, as in edge(): 0..179.
double angle_of_strokes(const Image& picture, int row, int column, int cell) {
    double xx = 0, xy = 0, yy = 0;
    for (int y = 0; y < cell; ++y) {
        for (int x = 0; x < cell; ++x) {
            const double light = picture.row(row * cell + y)[column * cell + x];
            const double dx = x + 0.5 - cell / 2.0, dy = y + 0.5 - cell / 2.0;
            xx += light * dx * dx;
            xy += light * dx * dy;
            yy += light * dy * dy;
        }
    }
    const double angle = std::atan2(-2 * xy, xx - yy) / 2 * 180 / kPi;
    return angle < 0 ? angle + 180 : angle;
}

/// How far two lines are turned against each other: 0..90.
double turn_between(double a, double b) {
    const double turn = std::fabs(a - b);
    return std::min(turn, 180 - turn);
}

}  // namespace

TEST_CASE("strokes run along the edges") {
    for (const int degrees : {0, 20, 45, 70, 90, 110, 135, 160}) {
        CAPTURE(degrees);
        const Image picture = hog_picture(extract_hog(edge(degrees)), 24);
        CHECK(picture.width() == 6 * 24);
        CHECK(picture.height() == 6 * 24);
        CHECK(picture.channels() == 1);
        // The edge runs through the corner of the four middle cells; a bin is 20 degrees wide.
        CHECK(turn_between(angle_of_strokes(picture, degrees == 0 ? 2 : 3, 2, 24), degrees) < 16);
    }
}

TEST_CASE("a stroke is as bright as its weight, and the strongest is white") {
    HogFeatures features(1, 12);
    for (int i = 3; i < 12; ++i) features.plane(2)[i] = 0.4f;
    features.plane(0)[0] = 0.4f;   // one direction,
    features.plane(9)[1] = 0.1f;   // its opposite
    features.plane(18)[2] = 0.2f;  // and without sign: all of them upright strokes
    features.plane(2)[3] = 0;
    features.plane(27)[3] = 0.4f;  // texture has no direction
    const Image picture = hog_picture(features, 17);
    for (const int y : {4, 8, 12}) {
        CHECK(int{picture.row(y)[8]} == 255);
        CHECK(int{picture.row(y)[17 + 8]} == 64);
        CHECK(int{picture.row(y)[34 + 8]} == 128);
    }
    for (int x = 0; x < 17; ++x) CHECK(int{picture.row(8)[51 + x]} == 0);
    CHECK(int{picture.row(8)[3]} == 0);
    CHECK(int{picture.row(0)[8]} < 255);  // neighbours' strokes don't touch
}

TEST_CASE("one stroke far stronger than all others doesn't leave them in the dark") {
    HogFeatures features(10, 10);
    for (int i = 0; i < 100; ++i) features.plane(0)[i] = i == 37 ? 1.0f : 0.1f;
    const Image picture = hog_picture(features, 17);
    CHECK(int{picture.row(3 * 17 + 8)[7 * 17 + 8]} == 255);
    const int other = picture.row(8)[8];
    CHECK((other > 100 && other < 200));
}

TEST_CASE("what speaks against an edge isn't drawn") {
    HogFeatures filter(1, 2);
    filter.plane(4)[0] = -1;
    filter.plane(5)[1] = -1;
    CHECK(hog_picture(filter) == Image(32, 16, 1));
    filter.plane(5)[1] = 0.001f;
    filter.plane(14)[1] = 0.0005f;
    const Image picture = hog_picture(filter);
    bool white = false;
    for (int y = 0; y < 16; ++y) {
        for (int x = 0; x < 16; ++x) {
            CHECK(int{picture.row(y)[x]} == 0);
            white = white || picture.row(y)[16 + x] == 255;
        }
    }
    CHECK(white);
}

TEST_CASE("pictures have any size but none that can't be") {
    CHECK(hog_picture(HogFeatures(0, 0)).empty());
    CHECK(hog_picture(HogFeatures(0, 7)).empty());
    CHECK(hog_picture(extract_hog(Image(300, 20, 3)), 2) == Image(72, 2, 1));
    CHECK(hog_picture(HogFeatures(1, 1), 256).width() == 256);
    for (const int cell : {-1, 0, 1, 257}) CHECK_THROWS_AS(hog_picture(HogFeatures(1, 1), cell), InvalidArgument);
    CHECK_THROWS_AS(hog_picture(HogFeatures(1, 40000), 256), InvalidArgument);
}
