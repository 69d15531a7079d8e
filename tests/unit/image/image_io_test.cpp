#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ffr/image/image_io.hpp"

using namespace ffr;
namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::uint8_t>;

fs::path data(const std::string& name) {
    return fs::path(FFR_TEST_DIR) / "unit" / "data" / name;
}

Bytes file(const std::string& name) {
    return detail::read_file(data(name));
}

Image decode(const Bytes& bytes, const ReadOptions& options = {}) {
    return decode_image(bytes.data(), bytes.size(), "memory", options);
}

/// The message of the error that decoding ends in; empty when it succeeds.
std::string decode_error(const Bytes& bytes, const ReadOptions& options = {}) {
    try {
        decode(bytes, options);
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

Bytes text(const std::string& characters) {
    return {characters.begin(), characters.end()};
}

bool contains(const std::string& whole, const std::string& part) {
    return whole.find(part) != std::string::npos;
}

/// The picture of rgb_3x2.*, see make_files.py.
Image small_rgb() {
    Image image(3, 2, 3);
    image.pixels() = {1, 2, 3, 11, 2, 3, 21, 2, 3, 1, 22, 3, 11, 22, 3, 21, 22, 3};
    return image;
}

Image noise(int width, int height, int channels) {
    std::mt19937 random(7);
    Image image(width, height, channels);
    for (std::uint8_t& byte : image.pixels()) byte = static_cast<std::uint8_t>(random());
    return image;
}

/// Largest difference to the gradient of make_files.py.
int gradient_error(const Image& image) {
    int worst = 0;
    for (int y = 0; y < 24; ++y) {
        for (int x = 0; x < 40; ++x) {
            const std::uint8_t* const pixel = image.row(y) + x * 3;
            const int expected[] = {255 * x / 39, 255 * y / 23, 128};
            for (int c = 0; c < 3; ++c) worst = std::max(worst, std::abs(pixel[c] - expected[c]));
        }
    }
    return worst;
}

/// A folder that's gone when the test ends.
struct TemporaryFolder {
    fs::path path;
    explicit TemporaryFolder(const std::string& name) : path(fs::temp_directory_path() / ("ffr_image_io_" + name)) {
        fs::remove_all(path);
        fs::create_directories(path);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
    }
};

}  // namespace

TEST_CASE("lossless files give their exact pixels") {
    for (const char* const name : {"rgb_3x2.png", "rgb_3x2.bmp", "rgb_3x2.tga", "rgb_3x2_rle.tga", "rgb_3x2.ppm",
                                   "palette_3x2.png", "palette_3x2.gif"}) {
        CAPTURE(name);
        CHECK(read_image(data(name)) == small_rgb());
    }
}

TEST_CASE("gray files have one channel") {
    const Image image = read_image(data("gray_3x2.png"));
    CHECK(image.channels() == 1);
    CHECK(read_image(data("gray_3x2.tga")) == image);
    CHECK(read_image(data("gray_40x24.jpg")).channels() == 1);
}

TEST_CASE("alpha is dropped, not blended") {
    CHECK(read_image(data("rgba_3x2.png")) == small_rgb());
    const Image gray = read_image(data("gray_alpha_2x1.png"));
    CHECK(gray.channels() == 1);
    CHECK(gray.pixels() == Bytes{100, 200});
}

TEST_CASE("16 bits a channel become their high byte") {
    CHECK(read_image(data("rgb16_2x1.png")).pixels() == Bytes{0x01, 0x02, 0x03, 0xFF, 0x00, 0x80});
    CHECK(read_image(data("gray16_2x1.png")).pixels() == Bytes{0x12, 0xFE});
}

TEST_CASE("one bit a pixel becomes black and white") {
    CHECK(read_image(data("bits1_3x1.png")).pixels() == Bytes{255, 0, 255});
}

TEST_CASE("an animated GIF gives its first frame") {
    const Image image = read_image(data("two_frames.gif"));
    CHECK(image.width() == 4);
    CHECK(image.height() == 3);
    CHECK(image.channels() == 3);
    CHECK(image.pixels()[0] == 255);
    CHECK(image.pixels()[2] == 0);
}

TEST_CASE("JPEGs of each kind give their picture") {
    for (const char* const name : {"baseline_40x24.jpg", "progressive_40x24.jpg", "restart_40x24.jpg"}) {
        CAPTURE(name);
        const Image image = read_image(data(name));
        REQUIRE(image.width() == 40);
        REQUIRE(image.height() == 24);
        REQUIRE(image.channels() == 3);
        // Quality 90 with halved colour resolution loses most at the borders.
        CHECK(gradient_error(image) < 24);
    }
}

TEST_CASE("a CMYK JPEG becomes RGB") {
    const Image image = read_image(data("cmyk_40x24.jpg"));
    REQUIRE(image.channels() == 3);
    CHECK(gradient_error(image) < 24);
}

TEST_CASE("a progressive CMYK JPEG with all four inks has the colours that Pillow gives it") {
    const Image image = read_image(data("cmyk_progressive_40x24.jpg"));
    const Image expected = read_image(data("cmyk_progressive_40x24.png"));
    REQUIRE(image.pixels().size() == expected.pixels().size());
    int worst = 0;
    for (std::size_t i = 0; i < image.pixels().size(); ++i) {
        worst = std::max(worst, std::abs(image.pixels()[i] - expected.pixels()[i]));
    }
    CHECK(worst <= 2);
}

TEST_CASE("each of the eight orientations turns a baseline and a progressive JPEG") {
    for (const char* const name : {"baseline_40x24.jpg", "progressive_40x24.jpg"}) {
        const Bytes stored = file(name);
        for (std::uint8_t orientation = 1; orientation <= 8; ++orientation) {
            CAPTURE(name);
            CAPTURE(orientation);
            // APP1 of 34 bytes: "Exif", a TIFF header, one entry: 0x0112, short, 1 value.
            const Bytes segment{0xFF, 0xE1, 0,    34, 'E', 'x', 'i', 'f', 0, 0, 'I',         'I', 42, 0, 8, 0, 0, 0,
                                1,    0,    0x12, 1,  3,   0,   1,   0,   0, 0, orientation, 0,   0,  0, 0, 0, 0, 0};
            Bytes turned(stored.begin(), stored.begin() + 2);
            turned.insert(turned.end(), segment.begin(), segment.end());
            turned.insert(turned.end(), stored.begin() + 2, stored.end());
            CHECK(decode(turned) == apply_orientation(decode(stored), orientation));
            // Where Exif says that the stored top left pixel belongs.
            const Image upright = decode(turned);
            const bool right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
            const bool bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
            const int x = right ? upright.width() - 1 : 0, y = bottom ? upright.height() - 1 : 0;
            const Image plain = decode(stored);
            CHECK(std::equal(plain.row(0), plain.row(0) + 3, upright.row(y) + x * 3));
        }
    }
}

TEST_CASE("a JPEG is turned by its Exif orientation unless that's switched off") {
    ReadOptions as_stored;
    as_stored.apply_exif = false;
    const Image plain = read_image(data("baseline_40x24.jpg"));
    for (const int orientation : {6, 8}) {
        const fs::path path = data("orientation" + std::to_string(orientation) + "_40x24.jpg");
        CHECK(read_image(path, as_stored) == plain);
        CHECK(read_image(path) == apply_orientation(plain, orientation));
        CHECK(read_image(path).width() == 24);
    }
}

TEST_CASE("binary PNM is read with any maximum, comments and 16 bits") {
    CHECK(decode(text("P5 3 1 255\n\x01\x02\x03")).pixels() == Bytes{1, 2, 3});
    CHECK(decode(text("P5#a\n 2\t# b 7\r1\n15\n\x0F\x05")).pixels() == Bytes{255, 85});
    Bytes wide = text("P5 3 1 65535\n");
    wide.insert(wide.end(), {0x12, 0xFF, 0xFE, 0x01, 0x00, 0x80});
    CHECK(decode(wide).pixels() == Bytes{0x12, 0xFE, 0x00});
    Bytes middle = text("P5 2 1 1023\n");
    middle.insert(middle.end(), {0x03, 0xFF, 0x02, 0x00});
    CHECK(decode(middle).pixels() == Bytes{255, 128});
}

TEST_CASE("a PNM header that lies is refused") {
    for (const char* const bytes :
         {"P5 0 1 255\n", "P5 1 1 0\nx", "P5 1 1 65536\nxx", "P5 99999999999999999999 1 255\nx", "P5 -1 1 255\nx",
          "P5 1 1 255x", "P6 2000000000 2000000000 255\nx", "P5 1 1 100\n\x7F", "P5 x"}) {
        CAPTURE(bytes);
        CHECK(decode_error(text(bytes)) != "");
    }
}

TEST_CASE("a file that's no image is refused with the formats and the reason") {
    CHECK(decode_error(text("hello, world")) ==
          "memory: isn't an image in a format that ffr reads (JPEG, PNG, BMP, GIF, TGA, PSD, PNM): unknown image type");
    CHECK(decode_error({}) == "memory: the file is empty");
    CHECK(contains(decode_error(text("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n")), "floating point"));
    CHECK(contains(decode_error(text("<svg/>")), "isn't an image"));
}

TEST_CASE("Apple's variant of PNG is refused rather than read with red and blue exchanged") {
    Bytes bytes = file("rgb_3x2.png");
    const Bytes chunk = {0, 0, 0, 4, 'C', 'g', 'B', 'I', 0x50, 0, 0x20, 2, 0x2B, 0xD5, 0xB3, 0x7F};
    bytes.insert(bytes.begin() + 8, chunk.begin(), chunk.end());
    CHECK(contains(decode_error(bytes), "CgBI"));
}

TEST_CASE("a file cut off at any length is refused, never read with made-up pixels") {
    for (const char* const name : {"rgb_3x2.png", "palette_3x2.png", "rgb16_2x1.png", "baseline_40x24.jpg",
                                   "progressive_40x24.jpg", "restart_40x24.jpg", "cmyk_40x24.jpg", "gray_40x24.jpg",
                                   "orientation6_40x24.jpg", "rgb_3x2.tga", "rgb_3x2_rle.tga", "rgb_3x2.ppm"}) {
        CAPTURE(name);
        const Bytes whole = file(name);
        std::size_t accepted = 0;
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            const std::string message = decode_error(part);
            if (message.empty()) ++accepted;
        }
        // TGA writers append a footer of 26 bytes that isn't part of the image.
        CHECK(accepted ==
              (fs::path(name).extension() == ".tga" ? whole.size() - 18 - (contains(name, "rle") ? 20 : 18) : 0));
    }
}

TEST_CASE("a BMP and a GIF without their last bytes are whole only if their pixels are") {
    for (const char* const name : {"rgb_3x2.bmp", "palette_3x2.gif"}) {
        CAPTURE(name);
        const Bytes whole = file(name);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            if (decode_error(part).empty()) CHECK(decode(part) == small_rgb());
        }
    }
}

TEST_CASE("what's cut off says so") {
    for (const char* const name : {"baseline_40x24.jpg", "progressive_40x24.jpg", "rgb_3x2.png", "rgb_3x2.bmp"}) {
        Bytes bytes = file(name);
        bytes.resize(bytes.size() - 4);
        CAPTURE(name);
        CHECK(decode_error(bytes) == "memory: the file is cut off: its image goes on after the last of " +
                                         std::to_string(bytes.size()) + " bytes");
    }
}

TEST_CASE("bytes after the end of an image don't matter") {
    for (const char* const name : {"baseline_40x24.jpg", "progressive_40x24.jpg", "rgb_3x2.png", "rgb_3x2.bmp",
                                   "palette_3x2.gif", "rgb_3x2.ppm"}) {
        CAPTURE(name);
        Bytes bytes = file(name);
        const Image image = decode(bytes);
        bytes.insert(bytes.end(), 300, std::uint8_t{0xFF});
        CHECK(decode(bytes) == image);
    }
}

TEST_CASE("an image larger than the limit is refused by its header") {
    CHECK(decode_error(file("huge_header.png")) ==
          "memory: has 15000 x 15000 pixels, more than the limit of 200000000");
    ReadOptions options;
    options.max_pixels = 5;
    CHECK(decode_error(file("rgb_3x2.png"), options) == "memory: has 3 x 2 pixels, more than the limit of 5");
    CHECK(decode_error(file("rgb_3x2.ppm"), options) == "memory: has 3 x 2 pixels, more than the limit of 5");
    options.max_pixels = 6;
    CHECK(decode_error(file("rgb_3x2.png"), options) == "");
    options.max_pixels = INT64_MAX;
    CHECK(decode_error(file("huge_header.png"), options) != "");
}

/// A PNG of 8 x 8 gray pixels with this IDAT chunk, which may claim more bytes than it has. Checksums are zeros, which stb
/// doesn't look at.
Bytes png_with(const Bytes& data, std::uint32_t claimed) {
    Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0,
              0,    0,   8,   0,   0,    0,    8,    8,    0, 0, 0, 0,  0,   0,   0,   0};
    for (int shift = 24; shift >= 0; shift -= 8) png.push_back(static_cast<std::uint8_t>(claimed >> shift));
    for (const char letter : {'I', 'D', 'A', 'T'}) png.push_back(static_cast<std::uint8_t>(letter));
    png.insert(png.end(), data.begin(), data.end());
    for (const char letter : std::string("\0\0\0\0\0\0\0\0IEND\0\0\0\0", 16)) {
        png.push_back(static_cast<std::uint8_t>(letter));
    }
    return png;
}

/// A zlib stream that unpacks to a zero and `times` repetitions of it, 258 zeros each: fixed Huffman codes (RFC 1951).
Bytes packed_zeros(int times) {
    std::string bits =
        "110"
        "00110000";  // the last block, fixed codes; literal 0
    for (int i = 0; i < times; ++i)
        bits +=
            "11000101"
            "00000";    // length 258, distance 1
    bits += "0000000";  // end of the block
    Bytes packed{0x78, 0x01};
    for (std::size_t i = 0; i < bits.size(); ++i) {
        if (i % 8 == 0) packed.push_back(0);
        if (bits[i] == '1') packed.back() = static_cast<std::uint8_t>(packed.back() | 1 << i % 8);
    }
    packed.insert(packed.end(), 4, 0);  // a checksum that stb doesn't look at
    return packed;
}

TEST_CASE("a PNG gets no more memory than an image of its size takes, whatever its data claim or unpack to") {
    const Bytes zeros = packed_zeros(1);
    CHECK(decode(png_with(zeros, static_cast<std::uint32_t>(zeros.size()))).pixels() == Image(8, 8, 1).pixels());
    CHECK(decode_error(png_with(zeros, 1 << 29)).find("its data claim more memory") != std::string::npos);
    const Bytes bomb = packed_zeros(400'000);  // 650 kB, 103 MB unpacked
    CHECK(decode_error(png_with(bomb, static_cast<std::uint32_t>(bomb.size()))).find("its data claim more memory") !=
          std::string::npos);
}

TEST_CASE("a size that the caller gives wrongly is refused before anything is read") {
    const std::uint8_t byte = 0xFF;
    CHECK_THROWS_AS(decode_image(&byte, std::size_t{1} << 31, "memory"), FormatError);
}

TEST_CASE("damaged files end in an error or in an image, not in a crash") {
    std::mt19937 random(3);
    for (const char* const name :
         {"baseline_40x24.jpg", "progressive_40x24.jpg", "restart_40x24.jpg", "rgb_3x2.png", "palette_3x2.png",
          "two_frames.gif", "rgb_3x2.bmp", "rgb_3x2_rle.tga", "rgb_3x2.ppm"}) {
        const Bytes whole = file(name);
        ReadOptions options;
        options.max_pixels = 10000;
        for (int trial = 0; trial < 400; ++trial) {
            Bytes bytes = whole;
            for (int i = 0; i < 4; ++i) bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
            decode_error(bytes, options);
        }
    }
    for (int trial = 0; trial < 5000; ++trial) {
        Bytes bytes(random() % 100);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
        decode_error(bytes);
    }
}

TEST_CASE("PNG and BMP give back what was written") {
    const TemporaryFolder folder("round_trip");
    for (const int channels : {1, 3}) {
        for (const auto& [width, height] : {std::pair{1, 1}, {1, 7}, {7, 1}, {13, 9}, {64, 33}}) {
            const Image image = noise(width, height, channels);
            write_image(folder.path / "a.png", image);
            CHECK(read_image(folder.path / "a.png") == image);
            CHECK(decode(encode_png(image)) == image);
            write_image(folder.path / "a.BMP", image);
            const Image bmp = read_image(folder.path / "a.BMP");
            CHECK(bmp.channels() == 3);
            CHECK(bmp.pixels()[bmp.pixels().size() - 1] == image.pixels()[image.pixels().size() - 1]);
        }
    }
}

TEST_CASE("JPEG gives back nearly what was written") {
    const TemporaryFolder folder("jpeg");
    const Image image = read_image(data("baseline_40x24.jpg"));
    for (const char* const name : {"a.jpg", "a.JPEG"}) {
        write_image(folder.path / name, image);
        const Image again = read_image(folder.path / name);
        REQUIRE(again.pixels().size() == image.pixels().size());
        for (std::size_t i = 0; i < image.pixels().size(); ++i) {
            REQUIRE(std::abs(again.pixels()[i] - image.pixels()[i]) < 16);
        }
    }
}

TEST_CASE("a view into a larger image is written alone") {
    const Image image = noise(9, 6, 3);
    const ImageView part{image.row(2) + 3 * 3, 4, 3, 3, 27};
    const Image written = decode(encode_png(part));
    REQUIRE(written.width() == 4);
    REQUIRE(written.height() == 3);
    for (int y = 0; y < 3; ++y) {
        CHECK(Bytes(written.row(y), written.row(y) + 12) == Bytes(part.row(y), part.row(y) + 12));
    }
}

TEST_CASE("what can't be written is refused before a file appears") {
    const TemporaryFolder folder("refused");
    const Image image(2, 2, 3);
    CHECK_THROWS_AS(write_image(folder.path / "a.gif", image), InvalidArgument);
    CHECK_THROWS_AS(write_image(folder.path / "png", image), InvalidArgument);
    CHECK_THROWS_AS(write_image(folder.path / "a.png", Image()), InvalidArgument);
    CHECK_THROWS_AS(write_image(folder.path / "a.jpg", Image(70000, 1, 1)), InvalidArgument);
    const std::uint8_t byte = 0;
    CHECK_THROWS_AS(encode_png(ImageView{&byte, 100000, 100000, 3, 300000}), InvalidArgument);
    CHECK_THROWS_AS(write_image(folder.path / "missing" / "a.png", image), FileError);
    CHECK(folder.files() == 0);
}

TEST_CASE("writing replaces a file and leaves nothing else behind") {
    const TemporaryFolder folder("replace");
    write_image(folder.path / "a.png", Image(2, 2, 3));
    write_image(folder.path / "a.png", Image(1, 1, 1));
    CHECK(read_image(folder.path / "a.png") == Image(1, 1, 1));
    CHECK(folder.files() == 1);
    fs::create_directories(folder.path / "b.png" / "c");
    CHECK_THROWS_AS(write_image(folder.path / "b.png", Image(1, 1, 1)), FileError);
    CHECK(folder.files() == 2);
}

TEST_CASE("paths may have letters of any language") {
    const TemporaryFolder folder("letters");
    const fs::path path = folder.path / fs::u8path("\xC3\x84rger \xE6\xBC\xA2.png");
    write_image(path, small_rgb());
    CHECK(read_image(path) == small_rgb());
    const fs::path missing = folder.path / fs::u8path("\xC3\x84.png");
    try {
        read_image(missing);
        FAIL("a missing file was read");
    } catch (const FileError& error) {
        CHECK(contains(error.what(), "\xC3\x84.png: can't open the file"));
    }
}

TEST_CASE("a missing file and a folder are named in the error") {
    CHECK_THROWS_AS(read_image(data("no such file.png")), FileError);
    CHECK_THROWS_AS(read_image(data("")), FileError);
    CHECK_THROWS_AS(read_image(""), FileError);
}

TEST_CASE("many threads decode at once, each with its own reasons for failure") {
    const Bytes good = file("baseline_40x24.jpg");
    Bytes bad = file("rgb_3x2.png");
    bad[44] ^= 0xFF;  // in the compressed pixels
    const Image expected = decode(good);
    const std::string reason = decode_error(bad);
    REQUIRE(reason != "");
    std::vector<int> failures(4, 0);
    std::vector<std::thread> threads;
    for (int& failed : failures) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i)
                failed += (decode(good) == expected ? 0 : 1) + (decode_error(bad) == reason ? 0 : 1);
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(failures == std::vector<int>(4, 0));
}

TEST_CASE("a file with a name as long as names can be is written") {
    const fs::path path = fs::temp_directory_path() / (std::string(251, 'n') + ".png");
    write_image(path, Image(2, 2, 1));
    CHECK(read_image(path) == Image(2, 2, 1));
    fs::remove(path);
}

TEST_CASE("a file larger than its limit is refused before it's read") {
    const fs::path path = data("baseline_40x24.jpg");
    const std::uintmax_t size = fs::file_size(path);
    CHECK(detail::read_file(path, size).size() == size);
    CHECK_THROWS_WITH_AS(
        detail::read_file(path, size - 1),
        (path.string() + ": has " + std::to_string(size) + " bytes, more than the limit of " + std::to_string(size - 1))
            .c_str(),
        FileError);
}
