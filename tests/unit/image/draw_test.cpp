#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "ffr/image/draw.hpp"
#include "ffr/image/scale.hpp"

using namespace ffr;

namespace {

constexpr Color kRed{255, 0, 0}, kBlue{0, 0, 255};
constexpr int kLow = std::numeric_limits<int>::min(), kHigh = std::numeric_limits<int>::max();

Color at(const Image& image, int x, int y) {
    const std::uint8_t* const pixel = image.row(y) + x * 3;
    return {pixel[0], pixel[1], pixel[2]};
}

/// CIELAB of an sRGB colour, white D65: distances are about what the eye sees.
std::array<double, 3> lab(Color color) {
    const auto linear = [](std::uint8_t value) {
        const double share = value / 255.0;
        return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
    };
    const auto root = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
    const double r = linear(color.r), g = linear(color.g), b = linear(color.b);
    const double x = root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    const double y = root(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const double z = root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double difference_seen(Color one, Color other) {
    const auto a = lab(one), b = lab(other);
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/// The image as rows of text: # where a pixel isn't black.
std::vector<std::string> shape(const Image& image) {
    std::vector<std::string> rows(static_cast<std::size_t>(image.height()));
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x)
            rows[static_cast<std::size_t>(y)] += at(image, x, y) == Color{} ? '.' : '#';
    }
    return rows;
}

using Rows = std::vector<std::string>;

}  // namespace

TEST_CASE("gray becomes three equal channels, RGB stays, nothing stays nothing") {
    Image gray(2, 1, 1);
    gray.pixels() = {7, 9};
    CHECK(to_rgb(gray).pixels() == std::vector<std::uint8_t>{7, 7, 7, 9, 9, 9});
    CHECK(to_rgb(to_rgb(gray)) == to_rgb(gray));
    CHECK(to_rgb(Image()).empty());
    CHECK(to_rgb(Image()).channels() == 3);
}

TEST_CASE("a line has both of its ends, in either direction") {
    Image there(5, 3, 3), back(5, 3, 3);
    draw_line(there, {0, 0}, {4, 2}, kRed);
    draw_line(back, {4, 2}, {0, 0}, kRed);
    CHECK(shape(there) == Rows{"#....", ".##..", "...##"});
    CHECK(there == back);
    Image point(3, 3, 3);
    draw_line(point, {1, 1}, {1, 1}, kRed);
    CHECK(shape(point) == Rows{"...", ".#.", "..."});
}

TEST_CASE("a thick line is drawn with a square pen") {
    Image image(5, 5, 3);
    draw_line(image, {1, 2}, {3, 2}, kRed, 3);
    CHECK(shape(image) == Rows{".....", "#####", "#####", "#####", "....."});
    Image even(4, 4, 3);
    draw_line(even, {1, 1}, {1, 1}, kRed, 2);
    CHECK(shape(even) == Rows{"....", ".##.", ".##.", "...."});
}

TEST_CASE("lines to the ends of int cross the image where they should") {
    Image image(4, 4, 3);
    draw_line(image, {kLow, kLow}, {kHigh, kHigh}, kRed);
    CHECK(shape(image) == Rows{"#...", ".#..", "..#.", "...#"});
    Image across(4, 2, 3);
    draw_line(across, {kHigh, 1}, {kLow, 1}, kRed);
    CHECK(shape(across) == Rows{"....", "####"});
    Image beside(4, 4, 3);
    draw_line(beside, {kLow, -1}, {kHigh, -1}, kRed);
    draw_line(beside, {kHigh, kHigh}, {kHigh - 5, kHigh}, kRed, 4096);
    draw_line(beside, {4, kLow}, {4, kHigh}, kRed);
    CHECK(beside == Image(4, 4, 3));
}

TEST_CASE("a box colours its outermost pixels") {
    Image image(6, 5, 3);
    draw_box(image, {1, 1, 4, 3}, kRed);
    CHECK(shape(image) == Rows{"......", ".####.", ".#..#.", ".####.", "......"});
    CHECK(at(image, 1, 1) == kRed);
}

TEST_CASE("a thicker frame grows inwards, then outwards") {
    Image two(7, 7, 3), three(7, 7, 3);
    draw_box(two, {1, 1, 5, 5}, kRed, 2);
    CHECK(shape(two) == Rows{".......", ".#####.", ".#####.", ".##.##.", ".#####.", ".#####.", "......."});
    draw_box(three, {1, 1, 5, 5}, kRed, 3);
    CHECK(shape(three) == Rows{"#######", "#######", "#######", "###.###", "#######", "#######", "#######"});
    Image pixel(3, 3, 3);
    draw_box(pixel, {1, 1, 1, 1}, kRed, 2);
    CHECK(shape(pixel) == Rows{"...", ".#.", "..."});
}

TEST_CASE("boxes that are empty, huge or far outside are clipped") {
    Image image(4, 4, 3);
    draw_box(image, Rect{}, kRed, 3);
    draw_box(image, {kLow, kLow, kHigh, kHigh}, kRed, 4096);
    draw_box(image, {kHigh - 1, kHigh - 1, kHigh, kHigh}, kRed, 9);
    CHECK(image == Image(4, 4, 3));
    draw_box(image, {-5, 2, kHigh, kHigh}, kRed);
    CHECK(shape(image) == Rows{"....", "....", "####", "...."});
}

TEST_CASE("a point is a disc of its radius") {
    Image image(7, 7, 3);
    draw_point(image, {3, 3}, kRed, 0);
    CHECK(shape(image)[3] == "...#...");
    draw_point(image, {3, 3}, kRed, 3);
    CHECK(shape(image) == Rows{"..###..", ".#####.", "#######", "#######", "#######", ".#####.", "..###.."});
    Image corner(2, 2, 3);
    draw_point(corner, {-1, -1}, kRed, 2);
    CHECK(shape(corner) == Rows{"##", "#."});
    draw_point(corner, {kLow, kHigh}, kRed, 4096);
}

TEST_CASE("text is drawn in the built-in font on its background") {
    Image image(7, 13, 3);
    draw_text(image, {0, 0}, "I", kRed, kBlue);
    CHECK(at(image, 0, 0) == kBlue);
    CHECK(at(image, 3, 5) == kRed);
    CHECK(at(image, 6, 12) == kBlue);
    Image twice(14, 26, 3);
    draw_text(twice, {0, 0}, "I", kRed, kBlue, 2);
    for (int y = 0; y < 26; ++y) {
        for (int x = 0; x < 14; ++x) CHECK(at(twice, x, y) == at(image, x / 2, y / 2));
    }
}

TEST_CASE("every printable character of ASCII has its own picture") {
    std::set<std::vector<std::uint8_t>> pictures;
    for (char letter = 32; letter < 127; ++letter) {
        Image image(7, 13, 3);
        draw_text(image, {0, 0}, std::string(1, letter), kRed, {});
        pictures.insert(image.pixels());
    }
    CHECK(pictures.size() == 95);
}

TEST_CASE("a character that isn't in the font takes one box, whatever its bytes") {
    CHECK(text_width("") == 0);
    CHECK(text_width("ab", 3) == 42);
    CHECK(text_height(2) == 26);
    CHECK(text_width("\xC3\xA9") == 7);          // a letter of two bytes
    CHECK(text_width("\xE6\xBC\xA2") == 7);      // three
    CHECK(text_width("\xF0\x9F\x98\x80") == 7);  // four
    CHECK(text_width("\xC3") == 7);              // cut off
    CHECK(text_width("\xE6\xBC") == 14);         // cut off: a box a byte
    CHECK(text_width("\x80\xFF") == 14);         // no UTF-8
    CHECK(text_width("\n\t") == 14);             // control characters
    CHECK(text_width("a\xC3\xA9z\xF0\x9F\x98\x80") == 28);
    Image one(14, 13, 3), other(14, 13, 3);
    draw_text(one, {0, 0}, "\xC3\xA9!", kRed, {});
    draw_text(other, {0, 0}, "\xF0\x9F\x98\x80!", kRed, {});
    CHECK(one == other);
    CHECK(one != Image(14, 13, 3));
}

TEST_CASE("text is clipped on each side") {
    Image whole(40, 30, 3);
    draw_text(whole, {10, 10}, "Wg", kRed, kBlue);
    for (const Point shift : {Point{-13, 0}, Point{25, 0}, Point{0, -15}, Point{0, 14}}) {
        Image image(40, 30, 3);
        draw_text(image, {10 + shift.x, 10 + shift.y}, "Wg", kRed, kBlue);
        for (int y = 0; y < 30; ++y) {
            for (int x = 0; x < 40; ++x) {
                const int from_x = x - shift.x, from_y = y - shift.y;
                const bool inside = from_x >= 0 && from_x < 40 && from_y >= 0 && from_y < 30;
                if (inside) REQUIRE(at(image, x, y) == at(whole, from_x, from_y));
            }
        }
    }
    Image none(4, 4, 3);
    draw_text(none, {kLow, kLow}, "far", kRed, kBlue, 4096);
    draw_text(none, {kHigh, kHigh}, "far", kRed, kBlue, 4096);
    CHECK(none == Image(4, 4, 3));
}

TEST_CASE("68 landmarks are joined to the parts of a face, others are discs") {
    std::vector<Point> points;
    for (int i = 0; i < 68; ++i) points.push_back({i * 4, 10});
    Image image(272, 21, 3);
    draw_landmarks(image, points, kRed);
    const std::string row = shape(image)[10];
    CHECK(row[4 * 16 - 1] == '#');  // inside of the jaw
    for (const int last : {16, 21, 26, 30, 35, 41, 47, 59}) CHECK(row[static_cast<std::size_t>(last) * 4 + 1] == '.');

    // An eye is closed, a brow is not.
    const auto ring = [](std::size_t first) {
        std::vector<Point> all(68, Point{-100, -100});
        const Point corners[] = {{5, 5}, {15, 5}, {15, 15}, {10, 15}, {5, 15}};
        for (std::size_t i = 0; i < 5; ++i) all[first + i] = corners[i];
        all[first + 5] = {5, 15};
        return all;
    };
    Image eye(20, 20, 3), brow(20, 20, 3);
    draw_landmarks(eye, ring(36), kRed);
    CHECK(at(eye, 5, 10) == kRed);
    draw_landmarks(brow, ring(17), kRed);
    CHECK(at(brow, 5, 10) == Color{});

    Image five(30, 10, 3);
    draw_landmarks(five, {{3, 5}, {9, 5}, {15, 5}, {21, 5}, {27, 5}}, kRed, 1);
    CHECK(shape(five)[5] == "..###...###...###...###...###.");
    draw_landmarks(five, {}, kRed);
    draw_landmarks(five, {{kLow, kHigh}}, kRed);
    draw_landmarks(five, std::vector<Point>(68, Point{kLow, kHigh}), kRed, 3);
}

TEST_CASE("pasting clips on each side and turns gray into RGB") {
    Image gray(2, 2, 1);
    gray.pixels() = {10, 20, 30, 40};
    Image onto(3, 3, 3);
    paste(onto, gray, {-1, -1});
    CHECK(at(onto, 0, 0) == Color{40, 40, 40});
    CHECK(at(onto, 1, 1) == Color{});
    paste(onto, gray, {2, 2});
    CHECK(at(onto, 2, 2) == Color{10, 10, 10});
    const Image before = onto;
    for (const Point far : {Point{3, 0}, Point{0, -2}, Point{kLow, kLow}, Point{kHigh, kHigh}}) paste(onto, gray, far);
    paste(onto, Image(), {0, 0});
    CHECK(onto == before);
}

TEST_CASE("scaling keeps flat areas, averages when it shrinks and blends when it grows") {
    Image image(4, 2, 1);
    image.pixels() = {0, 100, 200, 100, 0, 100, 200, 100};
    CHECK(scale_to(image, 4, 2) == image);
    CHECK(scale_to(image, 2, 1).pixels() == std::vector<std::uint8_t>{50, 150});
    CHECK(scale_to(image, 1, 1).pixels() == std::vector<std::uint8_t>{100});
    const Image larger = scale_to(image, 8, 2);
    CHECK(larger.pixels()[0] == 0);
    CHECK(larger.pixels()[1] == 25);
    CHECK(larger.pixels()[2] == 75);
    Image flat(13, 7, 3);
    flat.pixels().assign(flat.pixels().size(), 201);
    for (const auto& [width, height] : {std::pair{1, 1}, {5, 3}, {12, 6}, {14, 9}, {40, 2}}) {
        const Image scaled = scale_to(flat, width, height);
        CHECK(scaled.width() == width);
        CHECK(scaled.height() == height);
        CHECK(scaled.pixels() == std::vector<std::uint8_t>(scaled.pixels().size(), 201));
    }
    CHECK_THROWS_AS(scale_to(flat, 0, 5), InvalidArgument);
    CHECK_THROWS_AS(scale_to(Image(), 5, 5), InvalidArgument);
}

TEST_CASE("a name keeps its colour, names differ, and all can be read on black") {
    CHECK(person_color("Ann") == person_color("Ann"));
    std::set<std::tuple<int, int, int>> colors;
    for (int i = 0; i < 200; ++i) {
        const Color color = person_color("person " + std::to_string(i));
        colors.insert({color.r, color.g, color.b});
        CHECK((299 * color.r + 587 * color.g + 114 * color.b) / 1000 >= 129);
    }
    CHECK(colors.size() > 180);
    CHECK_NOTHROW(person_color(""));
}

TEST_CASE("the colours of people are told apart from each other, from white and from gray, and can be read on black") {
    for (std::size_t i = 0; i < kPersonColors.size(); ++i) {
        const Color color = kPersonColors[i];
        CAPTURE(i);
        for (std::size_t j = 0; j < i; ++j) CHECK(difference_seen(color, kPersonColors[j]) > (i < 8 ? 32 : 18));
        CHECK(difference_seen(color, {255, 255, 255}) > 32);
        CHECK(difference_seen(color, {170, 170, 170}) > 32);
        CHECK(299 * color.r + 587 * color.g + 114 * color.b >= 130000);
    }
}

TEST_CASE("nothing is drawn into an empty image, and gray ones and odd sizes are refused") {
    Image empty, gray(4, 4, 1), rgb(4, 4, 3);
    draw_line(empty, {0, 0}, {5, 5}, kRed);
    draw_box(empty, {0, 0, 5, 5}, kRed);
    draw_point(empty, {0, 0}, kRed);
    draw_text(empty, {0, 0}, "text", kRed, kBlue);
    paste(empty, rgb, {0, 0});
    CHECK(empty.empty());
    CHECK_THROWS_AS(draw_line(gray, {0, 0}, {1, 1}, kRed), InvalidArgument);
    CHECK_THROWS_AS(draw_box(gray, {0, 0, 1, 1}, kRed), InvalidArgument);
    CHECK_THROWS_AS(draw_point(gray, {0, 0}, kRed), InvalidArgument);
    CHECK_THROWS_AS(draw_text(gray, {0, 0}, "a", kRed, kBlue), InvalidArgument);
    CHECK_THROWS_AS(draw_landmarks(gray, {}, kRed), InvalidArgument);
    CHECK_THROWS_AS(paste(gray, rgb, {0, 0}), InvalidArgument);
    CHECK_THROWS_AS(draw_line(rgb, {0, 0}, {1, 1}, kRed, 0), InvalidArgument);
    CHECK_THROWS_AS(draw_box(rgb, {0, 0, 1, 1}, kRed, -1), InvalidArgument);
    CHECK_THROWS_AS(draw_point(rgb, {0, 0}, kRed, -1), InvalidArgument);
    CHECK_THROWS_AS(draw_text(rgb, {0, 0}, "a", kRed, kBlue, 0), InvalidArgument);
    CHECK_THROWS_AS(text_width("a", 5000), InvalidArgument);
}
