#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "ffr/image/formats/jpeg.hpp"

using namespace ffr::detail;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes segment(int marker, const Bytes& content) {
    const std::size_t length = content.size() + 2;
    Bytes bytes{0xFF, static_cast<std::uint8_t>(marker), static_cast<std::uint8_t>(length >> 8),
                static_cast<std::uint8_t>(length)};
    for (const std::uint8_t byte : content) bytes.push_back(byte);
    return bytes;
}

Bytes jpeg(std::initializer_list<Bytes> parts) {
    Bytes bytes{0xFF, 0xD8};
    for (const Bytes& part : parts) {
        for (const std::uint8_t byte : part) bytes.push_back(byte);
    }
    return bytes;
}

/// Class and number, how many codes have each length, and as many symbols.
Bytes table(const std::vector<std::uint8_t>& counts) {
    Bytes bytes{0};
    std::size_t codes = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        bytes.push_back(i < counts.size() ? counts[i] : std::uint8_t{0});
        codes += bytes.back();
    }
    bytes.resize(bytes.size() + codes);
    return bytes;
}

std::vector<int> markers(const Bytes& bytes) {
    std::vector<int> found;
    for_each_jpeg_segment(bytes.data(), bytes.size(), [&](const JpegSegment& segment) {
        found.push_back(segment.marker);
        return true;
    });
    return found;
}

bool sound(const Bytes& bytes) {
    return jpeg_defect(bytes.data(), bytes.size()).empty();
}

}  // namespace

TEST_CASE("segments are found in order, over rubbish, fill bytes and the pixels of a scan") {
    const Bytes scan{0x12, 0xFF, 0x00, 0xC4, 0xFF, 0xD3, 0x34, 0xFF};
    const Bytes bytes = jpeg({segment(0xE1, {1, 2}),
                              {0x00, 0x77, 0xFF, 0xFF},
                              segment(0xC4, {}),
                              {0xFF, 0x01},
                              segment(kJpegStartOfScan, {5}),
                              scan,
                              segment(0xDB, {}),
                              {0xFF, 0xD9},
                              segment(0xE2, {})});
    CHECK(markers(bytes) == std::vector<int>{0xE1, 0xC4, 0xDA, 0xDB});
    for (std::size_t size = 0; size < bytes.size(); ++size)
        markers({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    CHECK(markers({}).empty());
    CHECK(markers({0xFF, 0xD9, 0xFF, 0xE1, 0, 2}).empty());
    CHECK(markers(jpeg({{0xFF, 0xE1, 0, 1}})).empty());
    CHECK(markers(jpeg({{0xFF, 0xE1, 0, 9, 1, 2}})) == std::vector<int>{0xE1});
}

TEST_CASE("a Huffman table may have 256 codes and no more, in any segment") {
    CHECK(sound(jpeg({segment(0xC4, table({}))})));
    CHECK(sound(jpeg({segment(0xC4, table({0, 128, 128}))})));
    CHECK(!sound(jpeg({segment(0xC4, table({0, 128, 129}))})));
    CHECK(!sound(jpeg({segment(kJpegStartOfScan, {}), {1, 2, 3}, segment(0xC4, table({255, 255}))})));
    CHECK(sound({}));
    CHECK(sound({'P', '5'}));
}

TEST_CASE("a Huffman table is found wherever a decoder would come upon it") {
    const Bytes too_large = segment(0xC4, table({255, 2}));
    const Bytes plain = jpeg({segment(0xE1, {1, 2}), too_large});
    CHECK(!sound(plain));
    Bytes filled(5, 0xFF);  // before the first marker
    filled.insert(filled.end(), plain.begin(), plain.end());
    CHECK(!sound(filled));
    // Within a scan a 0xFF, a fill byte and 0 are one coded byte, and no marker with a segment.
    CHECK(!sound(jpeg({segment(0xDA, {}), {0x12, 0xFF, 0xFF, 0x00, 0x7F, 0xFF}, too_large})));
}

TEST_CASE("a JPEG has at most a hundred scans") {
    Bytes bytes = jpeg({segment(0xE1, {1, 2})});
    const Bytes scan = segment(kJpegStartOfScan, {5});
    for (int i = 0; i < 100; ++i) bytes.insert(bytes.end(), scan.begin(), scan.end());
    CHECK(jpeg_defect(bytes.data(), bytes.size()) == "");
    bytes.insert(bytes.end(), scan.begin(), scan.end());
    CHECK(jpeg_defect(bytes.data(), bytes.size()) == "it has more than 100 scans");
}

TEST_CASE("Huffman tables have to fill their segment exactly") {
    Bytes two = table({1, 2});
    const Bytes second = table({3});
    two.insert(two.end(), second.begin(), second.end());
    CHECK(sound(jpeg({segment(0xC4, two)})));
    two.push_back(0);
    CHECK(!sound(jpeg({segment(0xC4, two)})));
    Bytes cut = jpeg({segment(0xC4, table({}))});
    CHECK(sound(cut));
    cut.pop_back();
    CHECK(jpeg_defect(cut.data(), cut.size()) == "it ends within a Huffman table");
    two.resize(two.size() - 2);
    CHECK(!sound(jpeg({segment(0xC4, two)})));
}
