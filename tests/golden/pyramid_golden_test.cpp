// Pyramid levels and doubling against dlib 19.24 (headers, -O2 -mavx -ffp-contract=off), which make_golden.py found to
// agree with the wheel dlib-bin 20.0.1. No tolerance: one gray level in a flat area is a gradient to the detector and
// moves scores by 0.02 and more.

#include "ffr/image/resize.hpp"

#include <vector>

#include "golden.hpp"

namespace {

void check_pixels(const ffr::Image& image, const golden::Json& expected) {
    CHECK(image.width() == expected.at("width").get<int>());
    CHECK(image.height() == expected.at("height").get<int>());
    CHECK(golden::hash(image) == expected.at("xxh64").get<std::string>());
}

std::vector<int> pixel(const ffr::Image& image, int row, int column) {
    const std::uint8_t* const first = image.row(row) + column * image.channels();
    return {first, first + image.channels()};
}

}  // namespace

TEST_CASE("an image has as many pyramid levels as in dlib") {
    for (const golden::Json& record : golden::records("pyramid.json")) {
        CAPTURE(golden::title(record));
        const ffr::Image image = golden::image_of(record);
        CHECK(ffr::pyramid_levels(image.width(), image.height()) == record.at("level_count").get<int>());
    }
}

TEST_CASE("the first three pyramid levels and the deepest have dlib's pixels") {
    int compared = 0;
    for (const golden::Json& record : golden::records("pyramid.json")) {
        CAPTURE(golden::title(record));
        ffr::Image image = golden::image_of(record);
        int level = 0;
        for (const golden::Json& expected : record.at("levels")) {
            for (; level < expected.at("level").get<int>(); ++level) image = ffr::pyramid_down(image);
            CAPTURE(level);
            check_pixels(image, expected);
            ++compared;
        }
    }
    CHECK(compared > 100);
}

TEST_CASE("a doubled image has dlib's pixels") {
    for (const golden::Json& record : golden::records("pyramid.json")) {
        CAPTURE(golden::title(record));
        check_pixels(ffr::pyramid_up(golden::image_of(record)), record.at("upsampled"));
    }
}

// The pixels were read from dlib 19.24's output by hand, so this one stands without any data file.
TEST_CASE("the synthetic image keeps known pixels when it's reduced and doubled") {
    using Pixel = std::vector<int>;
    const ffr::Image rgb = ffr::pyramid_down(golden::synthetic(false)),
                     gray = ffr::pyramid_down(golden::synthetic(true));
    REQUIRE(rgb.width() == 69);
    REQUIRE(rgb.height() == 53);
    CHECK(pixel(rgb, 0, 0) == Pixel{0, 0, 0});
    CHECK(pixel(rgb, 26, 34) == Pixel{91, 46, 163});
    CHECK(pixel(rgb, 52, 68) == Pixel{250, 126, 7});
    CHECK(pixel(gray, 26, 34) == Pixel{91});
    CHECK(pixel(gray, 52, 68) == Pixel{251});

    const ffr::Image rgb_up = ffr::pyramid_up(golden::synthetic(false)),
                     gray_up = ffr::pyramid_up(golden::synthetic(true));
    REQUIRE(rgb_up.width() == 168);
    REQUIRE(rgb_up.height() == 129);
    CHECK(pixel(rgb_up, 1, 1) == Pixel{10, 2, 5});
    CHECK(pixel(rgb_up, 64, 80) == Pixel{136, 164, 144});
    CHECK(pixel(rgb_up, 128, 167) == Pixel{251, 127, 7});
    CHECK(pixel(gray_up, 1, 1) == Pixel{11});
    CHECK(pixel(gray_up, 64, 80) == Pixel{137});
    CHECK(pixel(gray_up, 128, 167) == Pixel{251});
}

TEST_CASE("the synthetic image's next level has dlib's pixels") {
    int compared = 0;
    for (const golden::Json& record : golden::records("pyramid.json")) {
        if (!record.contains("down")) continue;
        check_pixels(ffr::pyramid_down(golden::image_of(record)), record.at("down"));
        ++compared;
    }
    CHECK(compared == 2);
}
