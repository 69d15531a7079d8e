#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "ffr/image/exif.hpp"

using namespace ffr;

namespace {

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& bytes, std::initializer_list<int> more) {
    for (const int byte : more) bytes.push_back(static_cast<std::uint8_t>(byte));
}

/// A number of 2 or 4 bytes in a byte order.
void append_number(Bytes& bytes, unsigned value, unsigned size, bool big_endian) {
    for (unsigned i = 0; i < size; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(value >> 8 * (big_endian ? size - 1 - i : i)));
    }
}

struct Entry {
    unsigned tag, type, count, value;
};

/// The head of a JPEG with an Exif segment of these entries, without picture data.
Bytes jpeg_with_exif(bool big_endian, const std::vector<Entry>& entries, unsigned directory_offset = 8) {
    Bytes tiff;
    append(tiff, {big_endian ? 'M' : 'I', big_endian ? 'M' : 'I'});
    append_number(tiff, 42, 2, big_endian);
    append_number(tiff, directory_offset, 4, big_endian);
    tiff.resize(directory_offset < 1000 ? directory_offset : 8);
    append_number(tiff, static_cast<unsigned>(entries.size()), 2, big_endian);
    for (const Entry& entry : entries) {
        append_number(tiff, entry.tag, 2, big_endian);
        append_number(tiff, entry.type, 2, big_endian);
        append_number(tiff, entry.count, 4, big_endian);
        append_number(tiff, entry.value, 2, big_endian);
        append_number(tiff, 0, 2, big_endian);
    }
    append_number(tiff, 0, 4, big_endian);
    Bytes jpeg;
    append(jpeg, {0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 'J', 'F', 0xFF, 0xFF, 0xE1});
    append_number(jpeg, static_cast<unsigned>(tiff.size() + 8), 2, true);
    append(jpeg, {'E', 'x', 'i', 'f', 0, 0});
    jpeg.insert(jpeg.end(), tiff.begin(), tiff.end());
    append(jpeg, {0xFF, 0xDA});
    return jpeg;
}

int orientation(const Bytes& bytes) {
    // A copy of exactly that size, so that a sanitizer sees any step outside of it.
    const Bytes copy(bytes);
    return exif_orientation(copy.data(), copy.size());
}

/// A gray image from rows of digits.
Image picture(const std::vector<std::string>& rows) {
    Image image(static_cast<int>(rows[0].size()), static_cast<int>(rows.size()), 1);
    std::size_t i = 0;
    for (const std::string& row : rows) {
        for (const char pixel : row) image.pixels()[i++] = static_cast<std::uint8_t>(pixel);
    }
    return image;
}

}  // namespace

TEST_CASE("the orientation is found in both byte orders, after other tags") {
    for (unsigned value = 1; value <= 8; ++value) {
        for (const bool big_endian : {false, true}) {
            CAPTURE(value);
            CAPTURE(big_endian);
            CHECK(orientation(jpeg_with_exif(big_endian, {{0x010F, 2, 4, 0}, {0x0112, 3, 1, value}})) ==
                  static_cast<int>(value));
            CHECK(orientation(jpeg_with_exif(big_endian, {{0x0112, 3, 1, value}}, 20)) == static_cast<int>(value));
        }
    }
}

TEST_CASE("without an orientation that makes sense an image is upright") {
    CHECK(orientation(jpeg_with_exif(true, {})) == 1);
    CHECK(orientation(jpeg_with_exif(true, {{0x0111, 3, 1, 6}})) == 1);
    CHECK(orientation(jpeg_with_exif(true, {{0x0112, 3, 1, 0}})) == 1);
    CHECK(orientation(jpeg_with_exif(true, {{0x0112, 3, 1, 9}})) == 1);
    CHECK(orientation(jpeg_with_exif(true, {{0x0112, 4, 1, 6}})) == 1);
    CHECK(orientation(jpeg_with_exif(true, {{0x0112, 3, 0, 6}})) == 1);
    CHECK(exif_orientation(nullptr, 0) == 1);
    CHECK(orientation({0xFF, 0xD8}) == 1);
    CHECK(orientation({0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'}) == 1);
}

TEST_CASE("a directory that lies outside of its segment counts as none") {
    for (const unsigned offset : {1001u, 0x7FFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFF0u}) {
        CHECK(orientation(jpeg_with_exif(false, {{0x0112, 3, 1, 6}}, offset)) == 1);
        CHECK(orientation(jpeg_with_exif(true, {{0x0112, 3, 1, 6}}, offset)) == 1);
    }
}

TEST_CASE("the orientation of a JPEG cut off anywhere is the right one or none") {
    const Bytes whole = jpeg_with_exif(true, {{0x010F, 2, 4, 0}, {0x0112, 3, 1, 6}});
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const int found = orientation(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
        CHECK((found == 1 || found == 6));
    }
}

TEST_CASE("no bytes whatever make the reader leave 1 to 8") {
    std::mt19937 random(1);
    const Bytes whole = jpeg_with_exif(false, {{0x010F, 2, 4, 0}, {0x0112, 3, 1, 6}});
    for (int trial = 0; trial < 20000; ++trial) {
        Bytes bytes = whole;
        for (int i = 0; i < 3; ++i) bytes[2 + random() % (bytes.size() - 2)] = static_cast<std::uint8_t>(random());
        const int found = orientation(bytes);
        REQUIRE(found >= 1);
        REQUIRE(found <= 8);
    }
    for (int trial = 0; trial < 2000; ++trial) {
        Bytes bytes(random() % 60);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
        REQUIRE(orientation(bytes) == 1);
    }
}

TEST_CASE("each of the eight orientations turns a picture as Exif says") {
    const Image stored = picture({"123", "456"});
    CHECK(apply_orientation(stored, 1) == picture({"123", "456"}));
    CHECK(apply_orientation(stored, 2) == picture({"321", "654"}));
    CHECK(apply_orientation(stored, 3) == picture({"654", "321"}));
    CHECK(apply_orientation(stored, 4) == picture({"456", "123"}));
    CHECK(apply_orientation(stored, 5) == picture({"14", "25", "36"}));
    CHECK(apply_orientation(stored, 6) == picture({"41", "52", "63"}));
    CHECK(apply_orientation(stored, 7) == picture({"63", "52", "41"}));
    CHECK(apply_orientation(stored, 8) == picture({"36", "25", "14"}));
}

TEST_CASE("turning keeps the three bytes of a pixel together") {
    Image stored(2, 1, 3);
    stored.pixels() = {1, 2, 3, 4, 5, 6};
    Image expected(1, 2, 3);
    expected.pixels() = {4, 5, 6, 1, 2, 3};
    CHECK(apply_orientation(stored, 8) == expected);
    expected.pixels() = {1, 2, 3, 4, 5, 6};
    CHECK(apply_orientation(stored, 6) == expected);
}

TEST_CASE("a single pixel and an empty image stay what they are") {
    for (int value = 1; value <= 8; ++value) {
        CHECK(apply_orientation(picture({"7"}), value) == picture({"7"}));
        CHECK(apply_orientation(Image(), value).empty());
    }
}

TEST_CASE("an orientation that isn't 1 to 8 is refused") {
    CHECK_THROWS_WITH_AS(apply_orientation(Image(1, 1, 1), 0), "an Exif orientation is 1 to 8, not 0", InvalidArgument);
    CHECK_THROWS_AS(apply_orientation(Image(1, 1, 1), 9), InvalidArgument);
}
