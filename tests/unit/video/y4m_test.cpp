#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "ffr/image/draw.hpp"
#include "ffr/video/y4m.hpp"

using namespace ffr;

namespace {

Y4mFormat format_of(const std::string& parameters) {
    std::istringstream in("YUV4MPEG2 " + parameters + "\n");
    return Y4mReader(in, "a.y4m").format();
}

/// A frame with other bytes in each place.
Y4mFrame some_frame(const Y4mFormat& format) {
    Y4mFrame frame{"FRAME", std::vector<std::uint8_t>(format.frame_bytes())};
    for (std::size_t i = 0; i < frame.bytes.size(); ++i) frame.bytes[i] = static_cast<std::uint8_t>(i * 89 + 7);
    return frame;
}

/// The whole stream read and written again.
std::string copied(const std::string& stream) {
    std::istringstream in(stream);
    std::ostringstream out;
    Y4mReader video(in, "a.y4m");
    write_y4m_header(out, video.format());
    while (const auto frame = video.next()) write_y4m_frame(out, *frame);
    return out.str();
}

/// Luma by the definition.
double defined_luma(ColorMatrix matrix, const std::vector<int>& rgb) {
    const bool is_hd = matrix == ColorMatrix::bt709;
    const double kr = is_hd ? 0.2126 : 0.299, kb = is_hd ? 0.0722 : 0.114;
    return kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
}

/// The bytes of a colour by the definition, rounded.
std::vector<std::uint8_t> defined_bytes(ColorMatrix matrix, bool is_full_range, const std::vector<int>& rgb) {
    const bool is_hd = matrix == ColorMatrix::bt709;
    const double luma = defined_luma(matrix, rgb), black = is_full_range ? 0 : 16;
    const double cb = (rgb[2] - luma) / (2 - 2 * (is_hd ? 0.0722 : 0.114));
    const double cr = (rgb[0] - luma) / (2 - 2 * (is_hd ? 0.2126 : 0.299));
    const double luma_range = is_full_range ? 1 : 219 / 255.0, chroma_range = is_full_range ? 1 : 224 / 255.0;
    const auto byte = [](double value) { return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L)); };
    return {byte(black + luma_range * luma), byte(128 + chroma_range * cb), byte(128 + chroma_range * cr)};
}

/// One pixel of these bytes in RGB.
std::vector<int> rgb_of(const std::string& parameters, const std::vector<std::uint8_t>& bytes) {
    const Image image = to_rgb({"FRAME", bytes}, format_of("W1 H1 " + parameters));
    return {image.pixels()[0], image.pixels()[1], image.pixels()[2]};
}

}  // namespace

TEST_CASE("a header's parameters come in any order and the unknown ones are kept") {
    const Y4mFormat format = format_of("A1:1 H480 Ib XANY=thing F30000:1001 C422 W640 Q7");
    CHECK(format.width == 640);
    CHECK(format.height == 480);
    CHECK(format.rate_numerator == 30000);
    CHECK(format.rate_denominator == 1001);
    CHECK(format.frame_bytes() == 640 * 480 * 2);
    CHECK_FALSE(format.is_full_range);
    CHECK(format_of("W4 H4 XCOLORRANGE=FULL").is_full_range);
    CHECK(format_of("W4 H4 F0:0").rate_numerator == 0);
    CHECK(format_of("W4 H4").frame_bytes() == 24);  // 420 when nothing is said
}

TEST_CASE("a frame rate is read up to what an int holds") {
    const Y4mFormat film = format_of("W4 H4 F30000000:1001000");
    CHECK(film.rate_numerator == 30000000);
    CHECK(film.rate_denominator == 1001000);
    const Y4mFormat most = format_of("W4 H4 F2147483647:2147483646");
    CHECK(most.rate_numerator == 2147483647);
    CHECK(most.rate_denominator == 2147483646);
    CHECK(format_of("W4 H4 F0000000000025:1").rate_numerator == 25);
}

TEST_CASE("the colour matrix is what the header tells, else what's usual for the height") {
    CHECK(format_of("W1280 H720").matrix() == ColorMatrix::bt709);
    CHECK(format_of("W1920 H1080").matrix() == ColorMatrix::bt709);
    CHECK(format_of("W720 H719").matrix() == ColorMatrix::bt601);
    CHECK(format_of("W720 H480").matrix() == ColorMatrix::bt601);
    CHECK(format_of("W1920 H1080 XCOLORMATRIX=BT601").matrix() == ColorMatrix::bt601);
    CHECK(format_of("XCOLORMATRIX=BT709 W720 H480").matrix() == ColorMatrix::bt709);
    CHECK_FALSE(format_of("W1920 H1080").told_matrix);
    CHECK_FALSE(format_of("W4 H4 XCOLORMATRIX").told_matrix);  // something else's
}

TEST_CASE("odd sizes have a colour for the last pixels too") {
    CHECK(format_of("W5 H3 C420jpeg").frame_bytes() == 15 + 2 * 3 * 2);
    CHECK(format_of("W5 H3 C420mpeg2").frame_bytes() == 15 + 2 * 3 * 2);
    CHECK(format_of("W5 H3 C420paldv").frame_bytes() == 15 + 2 * 3 * 2);
    CHECK(format_of("W5 H3 C420").frame_bytes() == 15 + 2 * 3 * 2);
    CHECK(format_of("W5 H3 C422").frame_bytes() == 15 + 2 * 3 * 3);
    CHECK(format_of("W5 H3 C444").frame_bytes() == 15 * 3);
    CHECK(format_of("W5 H3 Cmono").frame_bytes() == 15);
    CHECK(format_of("W1 H1 C420").frame_bytes() == 3);
}

TEST_CASE("what's read is written again byte by byte") {
    for (const std::string chroma : {"420jpeg", "420mpeg2", "422", "444", "mono"}) {
        const std::string header = "YUV4MPEG2 W5 H3 F25:1 It A4:3 C" + chroma + " XFOO=BAR";
        std::istringstream in(header + "\n");
        const std::size_t size = Y4mReader(in, "a.y4m").format().frame_bytes();
        std::string pixels(size, '\0');
        for (std::size_t i = 0; i < size; ++i) pixels[i] = static_cast<char>(i % 7 == 0 ? '\n' : 255 - i);
        CHECK(copied(header + "\n") == header + "\n");
        const std::string stream = header + "\nFRAME\n" + pixels + "FRAME Itff XBAR\n" + pixels;
        CHECK(copied(stream) == stream);
    }
}

TEST_CASE("bad headers are refused with the stream's name and the reason") {
    const auto refused = [](const std::string& stream, const std::string& reason) {
        std::istringstream in(stream);
        CHECK_THROWS_WITH_AS(Y4mReader(in, "a.y4m"), doctest::Contains(reason.c_str()), FormatError);
    };
    refused("", "a.y4m: is empty");
    refused("RIFF....AVI \n", "a.y4m: isn't YUV4MPEG2");
    refused("YUV4MPEG2X W4 H4\n", "isn't YUV4MPEG2");
    refused("YUV4MPEG2 W4 H4", "cut off in its first line");
    refused("YUV4MPEG2 W4\n", "no width W or height H");
    refused("YUV4MPEG2 W0 H4\n", "no width W or height H");
    refused("YUV4MPEG2 W-4 H4\n", "no width W or height H");
    refused("YUV4MPEG2 W4x H4\n", "no width W or height H");
    refused("YUV4MPEG2 W4294967300 H4\n", "no width W or height H");
    refused("YUV4MPEG2 W999999999 H999999999\n", "999999999 x 999999999 pixels, more than the limit of 67108864");
    refused("YUV4MPEG2 W8193 H8192\n", "more than the limit");
    refused("YUV4MPEG2 W4 H4 F30\n", "'F30' isn't of the form F30:1");
    refused("YUV4MPEG2 W4 H4 F30:0\n", "'F30:0' isn't");
    refused("YUV4MPEG2 W4 H4 F30:x\n", "'F30:x' isn't");
    refused("YUV4MPEG2 W4 H4 F2147483648:1\n", "'F2147483648:1' isn't");
    refused("YUV4MPEG2 W4 H4 F1:99999999999999999999\n", "'F1:99999999999999999999' isn't");
    refused("YUV4MPEG2 W4 H4 F:1\n", "'F:1' isn't");
    refused("YUV4MPEG2 W4 H4 XCOLORMATRIX=BT2020\n", "'XCOLORMATRIX=BT2020'; what's read is XCOLORMATRIX=BT601 and");
    refused("YUV4MPEG2 W4 H4 XCOLORMATRIX=bt709\n", "'XCOLORMATRIX=bt709'");
    refused("YUV4MPEG2 W4 H4 C420p10 XYSCSS=420P10\n", "'C420p10'; what's read is 420, 422, 444 and mono with 8 bits");
    refused("YUV4MPEG2 W4 H4 Cmono16\n", "'Cmono16'");
    refused("YUV4MPEG2 W4 H4 C444alpha\n", "'C444alpha'");
    refused("YUV4MPEG2 W4 H4 C411\n", "'C411'");
    refused("YUV4MPEG2 " + std::string(1 << 20, 'X'), "line of more than 4096 bytes");
}

TEST_CASE("frames before a bad one are read, and that one is named") {
    const std::string good = "YUV4MPEG2 W2 H2 C444\nFRAME\n" + std::string(12, 'a');
    const auto refused = [&](const std::string& rest, const std::string& reason) {
        std::istringstream in(good + rest);
        Y4mReader video(in, "a.y4m");
        const auto first = video.next();
        REQUIRE(first);
        CHECK(first->bytes == std::vector<std::uint8_t>(12, 'a'));
        CHECK_THROWS_WITH_AS(video.next(), doctest::Contains(reason.c_str()), FormatError);
        CHECK_FALSE(video.next());  // what was read of it is no frame
    };
    refused("FRAME\nabcde", "a.y4m: frame 1 is cut off after 5 of 12 bytes");
    refused("FRAME\n", "frame 1 is cut off after 0 of 12 bytes");
    refused("FRA", "frame 1 is cut off in its first line");
    refused("FRAMES\n" + std::string(12, 'b'), "frame 1 doesn't begin with FRAME");
    refused("\n" + std::string(12, 'b'), "frame 1 doesn't begin with FRAME");
    refused("FRAME " + std::string(5000, 'b'), "frame 1 has a line of more than 4096 bytes");
    std::istringstream in(good);
    Y4mReader video(in, "a.y4m");
    CHECK(video.next());
    CHECK_FALSE(video.next());
    CHECK_FALSE(video.next());
}

TEST_CASE("colours are those of BT.601") {
    CHECK((rgb_of("C444", {16, 128, 128}) == std::vector{0, 0, 0}));
    CHECK((rgb_of("C444", {235, 128, 128}) == std::vector{255, 255, 255}));
    CHECK((rgb_of("C444", {126, 128, 128}) == std::vector{128, 128, 128}));
    CHECK((rgb_of("C444", {81, 90, 240}) == std::vector{254, 0, 0}));  // the bytes of pure colours, rounded, and back
    CHECK((rgb_of("C444", {145, 54, 34}) == std::vector{0, 255, 1}));
    CHECK((rgb_of("C444", {41, 240, 110}) == std::vector{0, 0, 255}));
    CHECK((rgb_of("C444", {0, 128, 128}) == std::vector{0, 0, 0}));  // blacker than black
    CHECK((rgb_of("C444", {255, 255, 255}) == std::vector{255, 125, 255}));
    CHECK((rgb_of("Cmono", {126}) == std::vector{128, 128, 128}));
    CHECK((rgb_of("C444 XCOLORRANGE=FULL", {0, 128, 128}) == std::vector{0, 0, 0}));
    CHECK((rgb_of("C444 XCOLORRANGE=FULL", {76, 85, 255}) == std::vector{254, 0, 0}));
    CHECK((rgb_of("Cmono XCOLORRANGE=FULL", {77}) == std::vector{77, 77, 77}));
}

TEST_CASE("colours of HD are those of BT.709") {
    CHECK((rgb_of("C444 XCOLORMATRIX=BT709", {16, 128, 128}) == std::vector{0, 0, 0}));
    CHECK((rgb_of("C444 XCOLORMATRIX=BT709", {235, 128, 128}) == std::vector{255, 255, 255}));
    CHECK((rgb_of("C444 XCOLORMATRIX=BT709", {63, 102, 240}) == std::vector{255, 1, 0}));  // as in the recommendation
    CHECK((rgb_of("C444 XCOLORMATRIX=BT709", {173, 42, 26}) == std::vector{0, 255, 1}));
    CHECK((rgb_of("C444 XCOLORMATRIX=BT709", {32, 240, 118}) == std::vector{1, 0, 255}));
    CHECK((rgb_of("C444 XCOLORMATRIX=BT601", {81, 90, 240}) == std::vector{254, 0, 0}));
    // The same without a parameter, by the height.
    const Y4mFormat hd = format_of("W1 H720 C444");
    Y4mFrame red{"FRAME", std::vector<std::uint8_t>(720, 63)};
    red.bytes.insert(red.bytes.end(), 720, 102);
    red.bytes.insert(red.bytes.end(), 720, 240);
    const Image picture = to_rgb(red, hd);
    CHECK(picture.row(719)[0] == 255);
    CHECK(picture.row(719)[1] == 1);
    CHECK(picture.row(719)[2] == 0);
}

TEST_CASE("the bytes of a colour by the definition give that colour, to what rounding them costs") {
    for (const ColorMatrix matrix : {ColorMatrix::bt601, ColorMatrix::bt709}) {
        for (const bool is_full_range : {false, true}) {
            const std::string parameters = std::string("C444 XCOLORMATRIX=") +
                                           (matrix == ColorMatrix::bt709 ? "BT709" : "BT601") +
                                           (is_full_range ? " XCOLORRANGE=FULL" : "");
            for (int code = 0; code < 512; ++code) {
                const std::vector<int> rgb{(code & 7) * 255 / 7, (code >> 3 & 7) * 255 / 7, (code >> 6) * 255 / 7};
                const std::vector<int> found = rgb_of(parameters, defined_bytes(matrix, is_full_range, rgb));
                for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(found[c] - rgb[c]) <= 2);
            }
        }
    }
}

TEST_CASE("a colour that's drawn comes back") {
    for (const std::string parameters :
         {"W1 H1 C444", "W1 H1 C420", "W1 H1 C444 XCOLORRANGE=FULL", "W1 H1 C444 XCOLORMATRIX=BT709",
          "W1 H1 C420 XCOLORMATRIX=BT709", "W1 H1 C444 XCOLORRANGE=FULL XCOLORMATRIX=BT709"}) {
        const Y4mFormat format = format_of(parameters);
        for (int code = 0; code < 512; ++code) {
            const auto part = [code](int shift) { return static_cast<std::uint8_t>((code >> shift & 7) * 255 / 7); };
            Y4mFrame frame{"FRAME", {100, 100, 100}};
            const Image before = to_rgb(frame, format);
            Image after = before;
            after.pixels() = {part(0), part(3), part(6)};
            put_drawing(frame, format, before, after);
            if (!format.is_full_range) {
                const double luma = defined_luma(format.matrix(), {part(0), part(3), part(6)});
                CHECK(std::abs(frame.bytes[0] - (16 + 219 / 255.0 * luma)) <= 0.51);
            }
            const Image back = to_rgb(frame, format);
            for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(back.pixels()[c] - after.pixels()[c]) <= 2);
        }
    }
}

TEST_CASE("bytes that the drawing doesn't touch stay") {
    for (const std::string chroma : {"420", "422", "444", "mono"}) {
        const Y4mFormat format = format_of("W7 H5 C" + chroma);
        const Y4mFrame original = some_frame(format);
        const Image picture = to_rgb(original, format);
        Y4mFrame frame = original;
        put_drawing(frame, format, picture, picture);
        CHECK(frame.bytes == original.bytes);

        // One pixel in the last column and row, where 420 has fewer of them; another in the second row of a colour.
        for (const Point place : {Point{6, 4}, Point{3, 1}}) {
            Image drawn = picture;
            draw_line(drawn, place, place, Color{10, 250, 10});
            frame = original;
            put_drawing(frame, format, picture, drawn);
            const int luma = place.y * 7 + place.x;
            const int cb = format.has_chroma() ? 35 + place.y / format.chroma_step_y * format.chroma_width() +
                                                     place.x / format.chroma_step_x
                                               : luma;
            const int cr = format.has_chroma() ? cb + static_cast<int>(format.chroma_bytes()) : luma;
            for (int i = 0; i < static_cast<int>(frame.bytes.size()); ++i) {
                const auto byte = static_cast<std::size_t>(i);
                CHECK((frame.bytes[byte] != original.bytes[byte]) == (i == luma || i == cb || i == cr));
            }
        }
    }
}

TEST_CASE("a colour shared with pixels that weren't drawn on is the mean") {
    const Y4mFormat format = format_of("W2 H2 C420");
    Y4mFrame frame{"FRAME", {50, 60, 70, 80, 128, 128}};
    const Image before = to_rgb(frame, format);
    Image after = before;
    draw_line(after, {0, 0}, {1, 0}, Color{0, 0, 255});
    put_drawing(frame, format, before, after);
    CHECK(frame.bytes == std::vector<std::uint8_t>{41, 41, 70, 80, 184, 119});  // Cb (240 + 128) / 2
}

TEST_CASE("a picture of another size isn't put into a frame") {
    const Y4mFormat format = format_of("W2 H2 C444");
    Y4mFrame frame = some_frame(format);
    const Image right(2, 2, 3);
    CHECK_THROWS_AS(put_drawing(frame, format, right, Image(2, 3, 3)), InvalidArgument);
    CHECK_THROWS_AS(put_drawing(frame, format, Image(2, 2, 1), right), InvalidArgument);
    frame.bytes.pop_back();
    CHECK_THROWS_AS(put_drawing(frame, format, right, right), InvalidArgument);
    CHECK_THROWS_AS(to_rgb(frame, format), InvalidArgument);
}
