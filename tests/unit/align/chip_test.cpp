#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "ffr/align/chip.hpp"
#include "noise.hpp"

using namespace ffr;

FFR_EXACT_FLOAT_BEGIN

namespace {

constexpr int kLow = std::numeric_limits<int>::min(), kHigh = std::numeric_limits<int>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

/// The points of a face that lies upright and exactly as a chip wants it, scaled and shifted.
Landmarks ideal_face(double scale, double x, double y) {
    Landmarks face;
    for (const detail::ChipTarget& target : detail::kChipTargets5) {
        face.points.push_back({round_half_up(x + scale * target.x), round_half_up(y + scale * target.y)});
    }
    return face;
}

/// Five or 68 points on one spot.
Landmarks spot(std::size_t count, Point where) {
    Landmarks face;
    face.points.assign(count, where);
    return face;
}

bool black(const Image& image) {
    return std::all_of(image.pixels().begin(), image.pixels().end(), [](std::uint8_t v) { return v == 0; });
}

/// A box of `size` pixels a side.
ChipGeometry square(double left, double top, double side, int size) {
    return {{left, top, left + side - 1, top + side - 1}, 0, size};
}

/// Bilinear samples as the formula says.
Image sample_one_by_one(const Image& image, const RectF& box, double angle, int size) {
    const detail::Corners corners(box, angle);
    const PointF first = corners.top_left;
    const double steps = size - 1;
    const PointF right{(corners.top_right.x - first.x) / steps, (corners.top_right.y - first.y) / steps};
    const PointF down{(corners.bottom_left.x - first.x) / steps, (corners.bottom_left.y - first.y) / steps};
    Image samples(size, size, image.channels());
    for (int pixel = 0; pixel < size * size; ++pixel) {
        const int row = pixel / size, column = pixel % size;
        const double x = first.x + column * right.x + row * down.x, y = first.y + column * right.y + row * down.y;
        const double l = std::floor(x), t = std::floor(y), fx = x - l, fy = y - t;
        if (!(l >= 0 && t >= 0 && l + 1 < image.width() && t + 1 < image.height())) continue;
        for (int c = 0; c < image.channels(); ++c) {
            const auto at = [&](double in_row, double in_column) {
                return image.row(static_cast<int>(in_row))[static_cast<int>(in_column) * image.channels() + c];
            };
            const double upper = (1 - fx) * at(t, l) + fx * at(t, l + 1);
            const double lower = (1 - fx) * at(t + 1, l) + fx * at(t + 1, l + 1);
            samples.row(row)[column * image.channels() + c] = static_cast<std::uint8_t>((1 - fy) * upper + fy * lower);
        }
    }
    return samples;
}

}  // namespace

TEST_CASE("a chip of an unturned box of its own size is that box's pixels") {
    for (const int channels : {1, 3}) {
        const Image image = noise(60, 50, channels, 31337);
        const Image chip = extract_chip(image, square(7, 11, 20, 20));
        REQUIRE(chip.width() == 20);
        REQUIRE(chip.height() == 20);
        REQUIRE(chip.channels() == channels);
        for (int y = 0; y < 20; ++y) {
            for (int i = 0; i < 20 * channels; ++i) {
                REQUIRE(chip.row(y)[i] == image.row(y + 11)[7 * channels + i]);
            }
        }
    }
}

TEST_CASE("a chip turned by half a turn is the box's pixels upside down and backwards") {
    const Image image = noise(60, 50, 1, 31337);
    ChipGeometry geometry = square(10, 12, 20, 20);
    geometry.angle = 3.14159265358979323846;
    const Image chip = extract_chip(image, geometry);
    for (int y = 0; y < 20; ++y) {
        for (int x = 0; x < 20; ++x) {
            REQUIRE(std::abs(int{chip.row(y)[x]} - int{image.row(31 - y)[29 - x]}) <= 1);
        }
    }
}

TEST_CASE("a chip undoes the turn of the face") {
    // A smooth pattern, once upright and once turned by 30 degrees about (150, 140).
    const auto pattern = [](double x, double y) { return 128 + 60 * std::sin(x / 17) + 50 * std::cos(y / 13); };
    constexpr double kAngle = 0.5235987755982988;
    Image upright(300, 280, 1), turned(300, 280, 1);
    for (int y = 0; y < 280; ++y) {
        for (int x = 0; x < 300; ++x) {
            const double dx = x - 150, dy = y - 140;
            upright.row(y)[x] = static_cast<std::uint8_t>(pattern(x, y));
            turned.row(y)[x] = static_cast<std::uint8_t>(pattern(150 + std::cos(kAngle) * dx + std::sin(kAngle) * dy,
                                                                 140 - std::sin(kAngle) * dx + std::cos(kAngle) * dy));
        }
    }
    Landmarks face = ideal_face(100, 100, 90), turned_face;
    for (const Point point : face.points) {
        const double dx = point.x - 150, dy = point.y - 140;
        turned_face.points.push_back({round_half_up(150 + std::cos(kAngle) * dx - std::sin(kAngle) * dy),
                                      round_half_up(140 + std::sin(kAngle) * dx + std::cos(kAngle) * dy)});
    }
    const ChipGeometry geometry = face_chip_geometry(turned_face);
    CHECK(geometry.angle == doctest::Approx(kAngle).epsilon(0.03));
    const Image a = extract_chip(upright, face_chip_geometry(face)), b = extract_chip(turned, geometry);
    double sum = 0;
    for (std::size_t i = 0; i < a.pixels().size(); ++i) sum += std::abs(int{a.pixels()[i]} - int{b.pixels()[i]});
    CHECK(sum / static_cast<double>(a.pixels().size()) < 4);  // landmarks are rounded to whole pixels
}

TEST_CASE("an ideal face gives an upright square around it") {
    // With padding 0.25 a face of side 100 is cut by a square of side 150.
    const ChipGeometry geometry = face_chip_geometry(ideal_face(100, 300, 200), 150, 0.25);
    CHECK(geometry.size == 150);
    CHECK(std::fabs(geometry.angle) < 0.02);
    CHECK(geometry.box.width() == doctest::Approx(150).epsilon(0.02));
    CHECK(geometry.box.height() == doctest::Approx(geometry.box.width()));
    CHECK(std::fabs(geometry.box.left - 275) < 2);
    CHECK(std::fabs(geometry.box.top - 175) < 2);
    CHECK(face_chip_geometry(ideal_face(100, 300, 200), 40, 0).box.width() == doctest::Approx(100).epsilon(0.02));
}

TEST_CASE("a box outside of the image is black, one over the border is black outside") {
    for (const int channels : {1, 3}) {
        Image image(40, 40, channels);
        for (std::uint8_t& byte : image.pixels()) byte = 200;
        for (const ChipGeometry& chip :
             {square(100, 0, 20, 20), square(0, 100, 20, 20), square(-50, 5, 20, 20), square(5, -50, 20, 20),
              square(1e12, 1e12, 20, 20), square(-1e12, -1e12, 20, 20), square(1e14, 0, 1e9, 20)}) {
            CHECK(extract_chip(image, chip) == Image(20, 20, channels));
        }
        const Image half = extract_chip(image, square(-10, 0, 20, 20));
        for (int y = 0; y < 20; ++y) {
            for (int x = 0; x < 20; ++x) REQUIRE(int{half.row(y)[x * channels]} == (x < 10 ? 0 : 200));
        }
    }
}

TEST_CASE("each sample of a turned box is what it would be by itself, over any border") {
    for (const int channels : {1, 3}) {
        const Image image = noise(31, 23, channels, 31337);
        for (int i = 0; i < 200; ++i) {
            CAPTURE(i);
            const double angle = i * 0.37, left = i % 17 * 3 - 20, top = i % 13 * 3 - 18, side = 1 + i % 9 * 4;
            const RectF box{left, top, left + side, top + side};
            const int size = 2 + i % 7 * 5;
            CHECK(detail::sample(image, box, angle, size) == sample_one_by_one(image, box, angle, size));
        }
    }
}

TEST_CASE("points on one spot and other numbers of points are refused") {
    for (const std::size_t count : {std::size_t{5}, std::size_t{68}}) {
        for (const Point where : {Point{0, 0}, Point{50, 60}, Point{kHigh, kLow}, Point{kLow, kLow}}) {
            CHECK_THROWS_WITH_AS(face_chip_geometry(spot(count, where)),
                                 "the landmarks lie on one spot: no chip can be cut", InvalidArgument);
        }
    }
    for (const int count : {0, 1, 4, 6, 67, 69}) {
        CHECK_THROWS_AS(face_chip_geometry(spot(static_cast<std::size_t>(count), {1, 1})), InvalidArgument);
    }
    CHECK_THROWS_WITH_AS(face_chip_geometry(Landmarks{}), "a chip is cut by 68 or 5 landmarks, not 0", InvalidArgument);
}

TEST_CASE("size and padding have limits") {
    const Landmarks face = ideal_face(100, 0, 0);
    CHECK_NOTHROW(face_chip_geometry(face, 2, 0));
    CHECK_NOTHROW(face_chip_geometry(face, 4096, 100));
    for (const int size : {1, 0, -150, 4097, kHigh, kLow}) {
        CHECK_THROWS_AS(face_chip_geometry(face, size), InvalidArgument);
        CHECK_THROWS_AS(extract_chip(Image(9, 9, 1), square(0, 0, 5, size)), InvalidArgument);
    }
    for (const double padding : {-0.01, 100.5, kInfinity, -kInfinity, kNan}) {
        CHECK_THROWS_AS(face_chip_geometry(face, 150, padding), InvalidArgument);
    }
    CHECK(extract_chip(noise(9, 9, 3, 31337), square(0, 0, 9, 2)).width() == 2);
    CHECK_THROWS_AS(extract_chip(Image(), square(0, 0, 5, 5)), InvalidArgument);
}

TEST_CASE("a box is halved while a half of it has more pixels than the chip") {
    CHECK(detail::halvings(square(0, 0, 150, 150).box, 150) == 0);
    CHECK(detail::halvings(square(0, 0, 299, 299).box, 150) == 0);
    CHECK(detail::halvings(square(0, 0, 300, 300).box, 150) == 1);
    CHECK(detail::halvings(square(0, 0, 597, 597).box, 150) == 1);
    CHECK(detail::halvings(square(0, 0, 598, 598).box, 150) == 2);
    CHECK(detail::halvings({5, 5, 4, 4}, 150) == 0);
}

TEST_CASE("halving loses the border that the filter can't reach, and nothing is left of 8 pixels") {
    const Image constant = [] {
        Image image(21, 14, 3);
        for (std::uint8_t& byte : image.pixels()) byte = 99;
        return image;
    }();
    const Image half = detail::halve(constant);
    CHECK(half.width() == 9);
    CHECK(half.height() == 5);
    CHECK(std::all_of(half.pixels().begin(), half.pixels().end(), [](std::uint8_t v) { return v == 99; }));
    CHECK(detail::halve(noise(8, 100, 1, 31337)).empty());
    CHECK(detail::halve(noise(100, 8, 3, 31337)).empty());
    CHECK(detail::halve(noise(9, 9, 3, 31337)).width() == 3);
    CHECK(detail::halve(Image(0, 0, 1)).empty());
    // A single white pixel becomes the filter's weight at it.
    Image dot(9, 9, 1);
    dot.row(4)[4] = 255;
    CHECK(int{detail::halve(dot).row(1)[1]} == 255 * 36 / 256);
    CHECK(int{detail::halve(dot).row(0)[1]} == 255 * 6 / 256);
    CHECK(int{detail::halve(dot).row(0)[0]} == 255 / 256);
}

TEST_CASE("a face much larger than the chip is smoothed, not picked from") {
    // Black and white columns: picking would give black or white, means give gray.
    Image stripes(700, 700, 1);
    for (int y = 0; y < 700; ++y) {
        for (int x = 0; x < 700; ++x) stripes.row(y)[x] = x % 2 == 0 ? 0 : 255;
    }
    const Image chip = extract_chip(stripes, square(100, 100, 500, 20));
    for (const std::uint8_t value : chip.pixels()) REQUIRE((value > 120 && value < 135));
}

TEST_CASE("inverted and tiny boxes, and boxes larger than the image, give a chip") {
    const Image image = noise(30, 30, 3, 31337);
    CHECK(extract_chip(image, {{20, 20, 10, 10}, 0.3, 16}).width() == 16);
    CHECK(extract_chip(image, {{5, 5, 5, 5}, 0, 16}).width() == 16);
    CHECK(extract_chip(noise(1, 1, 1, 31337), square(0, 0, 1, 16)) ==
          Image(16, 16, 1));  // no pixel has four neighbours
    for (const double side : {1e3, 1e6, 1e9, 1e14}) {
        CHECK(extract_chip(image, {{-side, -side, side, side}, 0.7, 16}).width() == 16);
    }
    CHECK(black(extract_chip(image, {{-1e15, -1e15, 1e15, 1e15}, 0, 16})));
}

// A NaN once became a crop at the lowest int, and an infinite box was halved for ever.
TEST_CASE("a box or an angle that isn't finite is refused") {
    const Image image = noise(30, 30, 1, 31337);
    for (const double bad : {kNan, kInfinity, -kInfinity, 1e16, -1e300}) {
        CAPTURE(bad);
        for (int field = 0; field < 5; ++field) {
            ChipGeometry chip = square(5, 5, 10, 10);
            double* const fields[] = {&chip.box.left, &chip.box.top, &chip.box.right, &chip.box.bottom, &chip.angle};
            *fields[field] = bad;
            CHECK_THROWS_WITH_AS(extract_chip(image, chip), "the chip's box and angle have to be finite",
                                 InvalidArgument);
        }
    }
    CHECK_THROWS_AS(extract_chip(image, {{-kInfinity, -kInfinity, kInfinity, kInfinity}, 0, 150}), InvalidArgument);
}

TEST_CASE("landmarks at the ends of int give a chip or a reason, never a crash") {
    const Image image = noise(30, 30, 3, 31337);
    for (const std::size_t count : {std::size_t{5}, std::size_t{68}}) {
        for (std::size_t step = 1; step < 6; ++step) {
            Landmarks face;
            for (std::size_t i = 0; i < count; ++i) {
                face.points.push_back({i * step % 3 == 0 ? kLow : kHigh, i * step % 4 < 2 ? kHigh : kLow});
            }
            try {
                CHECK(extract_chip(image, face_chip_geometry(face, 150, 100)).width() == 150);
            } catch (const InvalidArgument& error) {
                CHECK(std::string(error.what()) == "the landmarks lie on one spot: no chip can be cut");
            }
        }
    }
}

FFR_EXACT_FLOAT_END
