#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "ffr/image/image.hpp"

using namespace ffr;

TEST_CASE("a box counts both of its edges") {
    const Rect box{2, 3, 4, 3};
    CHECK(box.width() == 3);
    CHECK(box.height() == 1);
    CHECK(box.area() == 3);
}

TEST_CASE("a box without pixels has size 0, however far its edges are apart") {
    CHECK(Rect{}.area() == 0);
    CHECK(Rect{5, 0, 3, 10}.width() == 0);
    CHECK(Rect{5, 0, 3, 10}.area() == 0);
    constexpr int kLow = std::numeric_limits<int>::min(), kHigh = std::numeric_limits<int>::max();
    CHECK(Rect{kHigh, kHigh, kLow, kLow}.area() == 0);
    CHECK(Rect{kLow, 0, kHigh, 0}.width() == std::int64_t{1} << 32);
}

TEST_CASE("boxes and points compare by value, a box prints its edges") {
    CHECK(Rect{1, 2, 3, 4} == Rect{1, 2, 3, 4});
    CHECK(Rect{1, 2, 3, 4} != Rect{1, 2, 3, 5});
    CHECK(Point{1, 2} == Point{1, 2});
    CHECK(Point{1, 2} != Point{2, 1});
    std::ostringstream out;
    out << Rect{-1, 2, 3, 4};
    CHECK(out.str() == "[-1 2 3 4]");
}

TEST_CASE("a new image is black, its rows lie one after the other") {
    Image image(3, 2, 3);
    CHECK(image.pixels() == std::vector<std::uint8_t>(18, 0));
    CHECK(image.row(1) == image.pixels().data() + 9);
    image.row(1)[4] = 77;
    const ImageView view = image;
    CHECK(view.row(1)[4] == 77);
    CHECK(view.stride == 9);
    CHECK(view.width == 3);
    CHECK(view.height == 2);
    CHECK(view.channels == 3);
    CHECK_FALSE(view.empty());
}

TEST_CASE("an image may be empty, of one pixel, or of odd size") {
    CHECK(Image().empty());
    CHECK(Image(0, 5, 1).empty());
    CHECK(Image(5, 0, 3).view().empty());
    CHECK(Image(1, 1, 1).pixels().size() == 1);
    CHECK(Image(7, 5, 3).pixels().size() == 105);
}

TEST_CASE("an image of negative size or another number of channels is refused") {
    CHECK_THROWS_AS(Image(-1, 1, 1), InvalidArgument);
    CHECK_THROWS_AS(Image(1, -1, 1), InvalidArgument);
    CHECK_THROWS_WITH_AS(Image(4, 5, 2), "an image needs sizes of at least 0 and 1 or 3 channels, not 4 x 5 x 2",
                         InvalidArgument);
    CHECK_THROWS_AS(Image(1, 1, 4), InvalidArgument);
}

TEST_CASE("images are equal when sizes and pixels are") {
    Image one(2, 1, 1), other(2, 1, 1);
    CHECK(one == other);
    other.row(0)[1] = 1;
    CHECK(one != other);
    CHECK(Image(2, 1, 1) != Image(1, 2, 1));
}

TEST_CASE("stages refuse views without pixels or with other channels") {
    CHECK_THROWS_AS(require_pixels(Image()), InvalidArgument);
    CHECK_THROWS_AS(require_pixels(ImageView{nullptr, 2, 2, 3, 6}), InvalidArgument);
    const std::uint8_t bytes[8] = {};
    CHECK_THROWS_AS(require_pixels(ImageView{bytes, 1, 2, 4, 4}), InvalidArgument);
    CHECK_NOTHROW(require_pixels(ImageView{bytes, 2, 2, 1, 4}));
}

TEST_CASE("halves are rounded upwards, also below zero") {
    CHECK(round_half_up(2.5) == 3);
    CHECK(round_half_up(-2.5) == -2);
    CHECK(round_half_up(-2.51) == -3);
    CHECK(round_half_up(2.49) == 2);
    CHECK(round_half_up(0.0) == 0);
}

TEST_CASE("rounding stays within int for anything") {
    constexpr int kLow = std::numeric_limits<int>::min(), kHigh = std::numeric_limits<int>::max();
    CHECK(round_half_up(1e300) == kHigh);
    CHECK(round_half_up(-1e300) == kLow);
    CHECK(round_half_up(2147483646.5) == kHigh);
    CHECK(round_half_up(-2147483647.0) == -kHigh);
    CHECK(round_half_up(std::numeric_limits<double>::infinity()) == kHigh);
    CHECK(round_half_up(-std::numeric_limits<double>::infinity()) == kLow);
    CHECK_NOTHROW(round_half_up(std::nan("")));
}
