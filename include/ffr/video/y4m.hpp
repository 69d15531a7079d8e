#pragma once
/// \file
/// Uncompressed video through a pipe: YUV4MPEG2, which ffmpeg and GStreamer read and write.
///
///     YUV4MPEG2 W640 H480 F30:1 C420jpeg\n     the header: parameters, each with a letter before it
///     FRAME\n                                  a frame's header, which may have parameters too
///     Y: height rows x width columns           brightness, a byte a pixel
///     Cb, Cr: the same in colour               one for each 1, 2 or 2 x 2 pixels, the last ones for fewer
///     FRAME\n ...
///
///     Y4mFrame --to_rgb--> Image h x w x 3 --draw on a copy, put_drawing--> the frame, where something was drawn
///
/// Y goes from 16 (black) to 235, Cb and Cr (how much bluer and redder than gray) from 16 to 240 with 128 for gray; after
/// ffmpeg's parameter XCOLORRANGE=FULL all from 0 to 255. How much of red, green and blue is in Y is told by ITU-R BT.601
/// or BT.709 (ColorMatrix). Programs write no parameter for it, and so it goes by the height, as with players: BT.709 from
/// 720 rows on. Who knows better can put XCOLORMATRIX=BT601 or XCOLORMATRIX=BT709 into the header. Whatever else the
/// headers say (interlacing, pixels that aren't square, comments) is handed on as it came.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../image/image.hpp"

namespace ffr {
inline namespace v0_1 {

/// How much of red, green and blue is in the brightness Y.
enum class ColorMatrix {
    bt601,  ///< ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, for what was once television
    bt709   ///< ITU-R BT.709: 0.2126 R + 0.7152 G + 0.0722 B, for HD
};

/// What a stream's header says.
struct Y4mFormat {
    std::string header;          ///< the whole line, without its end
    int width = 0;               ///< pixels a row
    int height = 0;              ///< rows
    int rate_numerator = 0;      ///< frames a second are numerator / denominator; 0 when the stream doesn't tell
    int rate_denominator = 0;    ///< see rate_numerator
    int chroma_step_x = 2;       ///< pixels of a row that share a Cb and a Cr: 1 or 2; 0 when there's no colour
    int chroma_step_y = 2;       ///< rows that do
    bool is_full_range = false;  ///< bytes from 0 to 255 and not the limited range
    std::optional<ColorMatrix> told_matrix;  ///< by XCOLORMATRIX; none when the stream doesn't tell

    /// Rows of the lowest video that's taken for HD.
    static constexpr int kHdHeight = 720;
    /// The matrix that the stream tells or, where it doesn't, what's usual for its height.
    ColorMatrix matrix() const {
        return told_matrix.value_or(height >= kHdHeight ? ColorMatrix::bt709 : ColorMatrix::bt601);
    }
    /// False for brightness alone.
    bool has_chroma() const { return chroma_step_x > 0; }
    /// Columns of Cb and of Cr; 0 without.
    int chroma_width() const { return has_chroma() ? (width + chroma_step_x - 1) / chroma_step_x : 0; }
    /// Rows of Cb and of Cr; 0 without.
    int chroma_height() const { return has_chroma() ? (height + chroma_step_y - 1) / chroma_step_y : 0; }
    /// Bytes of Y, which are also the place of Cb in a frame.
    std::size_t luma_bytes() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height); }
    /// Bytes of Cb, and of Cr, which follows it.
    std::size_t chroma_bytes() const {
        return static_cast<std::size_t>(chroma_width()) * static_cast<std::size_t>(chroma_height());
    }
    /// Bytes of a frame without its header.
    std::size_t frame_bytes() const { return luma_bytes() + 2 * chroma_bytes(); }
};

/// A frame as the stream has it.
struct Y4mFrame {
    std::string header;               ///< its line, without its end: "FRAME", mostly
    std::vector<std::uint8_t> bytes;  ///< Y, Cb, Cr: Y4mFormat tells their sizes
};

namespace detail {

/// Of a header line; ffmpeg reads 128.
constexpr std::size_t kMaxY4mLine = 4096;
/// Of a frame: twice what 8K has.
constexpr std::int64_t kMaxY4mPixels = std::int64_t{8192} * 8192;

/// The number that a text consists of, or -1 when it isn't one or is above 2^31 - 1.
inline int digits_value(const std::string& text) {
    std::int64_t value = text.empty() ? -1 : 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
        if (value > INT32_MAX) return -1;
    }
    return static_cast<int>(value);
}

/// How pixels share colours, by the names of the parameter C.
struct Y4mChroma {
    const char* name;
    int step_x, step_y;
};
constexpr std::array<Y4mChroma, 7> kY4mChromas{{{"420", 2, 2},
                                                {"420jpeg", 2, 2},
                                                {"420mpeg2", 2, 2},
                                                {"420paldv", 2, 2},
                                                {"422", 2, 1},
                                                {"444", 1, 1},
                                                {"mono", 0, 0}}};

/// Reads one parameter of a stream's header into its format. \returns why it can't, or an empty text
inline std::string read_y4m_parameter(const std::string& parameter, Y4mFormat& format) {
    const std::string value = parameter.substr(1);
    if (parameter[0] == 'W') format.width = digits_value(value);
    if (parameter[0] == 'H') format.height = digits_value(value);
    if (parameter == "XCOLORRANGE=FULL") format.is_full_range = true;
    if (parameter.rfind("XCOLORMATRIX=", 0) == 0) {
        const bool is_bt709 = parameter == "XCOLORMATRIX=BT709";
        if (!is_bt709 && parameter != "XCOLORMATRIX=BT601") {
            return "its parameter is '" + parameter + "'; what's read is XCOLORMATRIX=BT601 and XCOLORMATRIX=BT709";
        }
        format.told_matrix = is_bt709 ? ColorMatrix::bt709 : ColorMatrix::bt601;
    }
    if (parameter[0] == 'F') {
        const std::size_t colon = std::min(value.find(':'), value.size());
        format.rate_numerator = digits_value(value.substr(0, colon));
        format.rate_denominator = digits_value(colon < value.size() ? value.substr(colon + 1) : "");
        const bool fine = format.rate_numerator >= 0 && format.rate_denominator >= 0 &&
                          (format.rate_numerator == 0 || format.rate_denominator > 0);
        if (!fine) return "its frame rate '" + parameter + "' isn't of the form F30:1";
    }
    if (parameter[0] == 'C') {
        const auto chroma = std::find_if(kY4mChromas.begin(), kY4mChromas.end(),
                                         [&](const Y4mChroma& known) { return value == known.name; });
        if (chroma == kY4mChromas.end()) {
            return "its colours are '" + parameter + "'; what's read is 420, 422, 444 and mono with 8 bits";
        }
        format.chroma_step_x = chroma->step_x;
        format.chroma_step_y = chroma->step_y;
    }
    return "";
}

/// From Y, Cb and Cr to R, G and B and back, in whole numbers, so that the bytes are the same on every machine.
///
///     Y = kr R + kg G + kb B with kr + kg + kb = 1      Cb = (B - Y) / (2 - 2 kb)      Cr = (R - Y) / (2 - 2 kr)
class ColorConversion {
  public:
    explicit ColorConversion(const Y4mFormat& format) : ColorConversion(format.matrix(), format.is_full_range) {}

    ColorConversion(ColorMatrix matrix, bool is_full_range) : black_(is_full_range ? 0 : 16) {
        const bool is_bt709 = matrix == ColorMatrix::bt709;
        with_default_floats([&] {
            is_bt709 ? find_factors(0.2126, 0.7152, 0.0722, is_full_range)
                     : find_factors(0.299, 0.587, 0.114, is_full_range);
        });
    }

    /// Writes the R, G and B of a pixel.
    void to_rgb(int y, int cb, int cr, std::uint8_t* rgb) const {
        const int luma = (y - black_) * from_luma_;
        rgb[0] = to_byte(luma + (cr - 128) * red_by_cr_);
        rgb[1] = to_byte(luma - (cb - 128) * green_by_cb_ - (cr - 128) * green_by_cr_);
        rgb[2] = to_byte(luma + (cb - 128) * blue_by_cb_);
    }

    /// Brightness of an RGB pixel.
    std::uint8_t luma(const std::uint8_t* rgb) const {
        return to_byte(black_ * kOne + rgb[0] * luma_by_[0] + rgb[1] * luma_by_[1] + rgb[2] * luma_by_[2]);
    }
    /// Its Cb, times kOne.
    int cb(const std::uint8_t* rgb) const {
        return 128 * kOne - rgb[0] * cb_by_[0] - rgb[1] * cb_by_[1] + rgb[2] * cb_by_[2];
    }
    /// Its Cr, times kOne.
    int cr(const std::uint8_t* rgb) const {
        return 128 * kOne + rgb[0] * cr_by_[0] - rgb[1] * cr_by_[1] - rgb[2] * cr_by_[2];
    }

    static constexpr int kOne = 65536;

    /// The nearest byte to value / kOne.
    static std::uint8_t to_byte(int value) {
        return static_cast<std::uint8_t>(static_cast<unsigned>(std::clamp(value + kOne / 2, 0, 255 * kOne)) / kOne);
    }

  private:
    static int fixed(double value) { return static_cast<int>(value * kOne + 0.5); }

    void find_factors(double kr, double kg, double kb, bool is_full_range) {
        const double luma = is_full_range ? 1 : 219 / 255.0;    // range of Y by that of R, G and B
        const double chroma = is_full_range ? 1 : 224 / 255.0;  // and of Cb and Cr
        const double red = 2 - 2 * kr, blue = 2 - 2 * kb;
        from_luma_ = fixed(1 / luma);
        red_by_cr_ = fixed(red / chroma);
        blue_by_cb_ = fixed(blue / chroma);
        green_by_cb_ = fixed(kb * blue / kg / chroma);
        green_by_cr_ = fixed(kr * red / kg / chroma);
        luma_by_ = {fixed(kr * luma), fixed(kg * luma), fixed(kb * luma)};
        cb_by_ = {fixed(kr / blue * chroma), fixed(kg / blue * chroma), fixed(0.5 * chroma)};
        cr_by_ = {fixed(0.5 * chroma), fixed(kg / red * chroma), fixed(kb / red * chroma)};
    }

    int black_;
    int from_luma_ = 0, red_by_cr_ = 0, blue_by_cb_ = 0, green_by_cb_ = 0, green_by_cr_ = 0;
    std::array<int, 3> luma_by_{}, cb_by_{}, cr_by_{};
};

}  // namespace detail

/// Reads a stream frame by frame. Doesn't own it.
class Y4mReader {
  public:
    /// Reads the header.
    /// \param in    opened as binary; has to outlive the reader
    /// \param name  stands for the file in messages
    /// \throws FormatError when it isn't YUV4MPEG2, has no size, more than 8192 x 8192 pixels, or colours other than 420,
    /// 422, 444 and mono with 8 bits, or another XCOLORMATRIX; FileError when it can't be read
    Y4mReader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {
        if (!read_line(format_.header, "the header")) fail("is empty, and not YUV4MPEG2");
        std::istringstream words(format_.header);
        words.exceptions(std::ios::badbit);  // otherwise a word that there's no memory for would end the line
        std::string word;
        words >> word;
        if (word != "YUV4MPEG2") fail("isn't YUV4MPEG2: its first line doesn't begin so");
        while (words >> word) {
            const std::string reason = detail::read_y4m_parameter(word, format_);
            if (!reason.empty()) fail(reason);
        }
        if (format_.width < 1 || format_.height < 1) fail("its header has no width W or height H of at least 1");
        if (std::int64_t{format_.width} * format_.height > detail::kMaxY4mPixels) {
            fail("its frames have " + std::to_string(format_.width) + " x " + std::to_string(format_.height) +
                 " pixels, more than the limit of " + std::to_string(detail::kMaxY4mPixels));
        }
    }

    /// What the header says.
    const Y4mFormat& format() const { return format_; }

    /// The next frame, or none at the stream's end.
    /// \throws FormatError naming the frame, of which the first is 0, when it's cut off or something else stands in its
    /// place; FileError when it can't be read. After these there are no more frames; after std::bad_alloc the call can be
    /// made again
    std::optional<Y4mFrame> next() {
        if (failed_) return std::nullopt;
        const std::string what = "frame " + std::to_string(number_);
        if (coming_.header.empty() && !read_line(coming_.header, what)) return std::nullopt;
        if (coming_.header != "FRAME" && coming_.header.rfind("FRAME ", 0) != 0) {
            fail(what + " doesn't begin with FRAME");
        }
        read_bytes(what);
        ++number_;
        return std::exchange(coming_, {});
    }

  private:
    /// The rest of the frame that's coming. Memory grows with what's there, whatever size the header tells.
    void read_bytes(const std::string& what) {
        constexpr std::size_t kBlock = 1 << 20;
        const std::size_t count = format_.frame_bytes();
        for (std::vector<std::uint8_t>& bytes = coming_.bytes; bytes.size() < count;) {
            const std::size_t before = bytes.size(), more = std::min(count - before, std::max(before, kBlock));
            bytes.resize(before + more);
            in_.read(reinterpret_cast<char*>(bytes.data() + before), static_cast<std::streamsize>(more));
            if (!in_) {
                fail(what + " is cut off after " + std::to_string(before + static_cast<std::size_t>(in_.gcount())) +
                     " of " + std::to_string(count) + " bytes");
            }
        }
    }

    /// Reads a line without its end. \returns false where the stream ends before it
    bool read_line(std::string& line, const std::string& what) {
        line.reserve(detail::kMaxY4mLine);  // before anything's read, so that nothing of it is lost
        for (char c = 0; in_.get(c);) {
            if (c == '\n') return true;
            if (line.size() == detail::kMaxY4mLine) {
                fail(what + " has a line of more than " + std::to_string(detail::kMaxY4mLine) + " bytes");
            }
            line += c;
        }
        if (in_.bad()) fail(what);
        if (!line.empty()) fail(what + " is cut off in its first line");
        return false;
    }

    [[noreturn]] void fail(const std::string& reason) {
        failed_ = true;
        if (in_.bad()) throw FileError(name_ + ": can't be read any more");
        throw FormatError(name_ + ": " + reason);
    }

    std::istream& in_;
    std::string name_;
    Y4mFormat format_;
    Y4mFrame coming_;  // what's read of it, where there was no memory for the rest: the next call goes on there
    std::int64_t number_ = 0;
    bool failed_ = false;
};

/// Writes a stream's header, as it was read. The stream's state tells when it can't be written.
inline void write_y4m_header(std::ostream& out, const Y4mFormat& format) {
    out << format.header << '\n';
}

/// Writes a frame behind the header or another frame. The stream's state tells when it can't be written.
inline void write_y4m_frame(std::ostream& out, const Y4mFrame& frame) {
    out << frame.header << '\n';
    out.write(reinterpret_cast<const char*>(frame.bytes.data()), static_cast<std::streamsize>(frame.bytes.size()));
}

namespace detail {

/// A picture before and after something was drawn on it.
struct Drawing {
    ImageView before, after;

    const std::uint8_t* pixel(int x, int y) const { return after.row(y) + std::ptrdiff_t{x} * 3; }
    /// True when one of `count` pixels from this one on was changed.
    bool changed(int x, int y, int count = 1) const {
        const std::ptrdiff_t offset = std::ptrdiff_t{x} * 3;
        return std::memcmp(before.row(y) + offset, pixel(x, y), static_cast<std::size_t>(count) * 3) != 0;
    }
};

inline void put_luma(const Drawing& drawing, const ColorConversion& convert, std::uint8_t* luma) {
    const int width = drawing.after.width;
    for (int y = 0; y < drawing.after.height; ++y, luma += width) {
        if (!drawing.changed(0, y, width)) continue;
        for (int x = 0; x < width; ++x) {
            if (drawing.changed(x, y)) luma[x] = convert.luma(drawing.pixel(x, y));
        }
    }
}

/// A colour becomes the mean of its pixels', of which those that weren't changed keep the one that was.
inline void put_chroma(const Drawing& drawing, const ColorConversion& convert, const Y4mFormat& format,
                       std::uint8_t* chroma) {
    for (int row = 0; row < format.chroma_height(); ++row) {
        const int top = row * format.chroma_step_y, bottom = std::min(top + format.chroma_step_y, format.height);
        if (!drawing.changed(0, top, format.width) && !drawing.changed(0, bottom - 1, format.width)) continue;
        std::uint8_t* cb = chroma + std::ptrdiff_t{row} * format.chroma_width();
        std::uint8_t* cr = cb + format.chroma_bytes();
        for (int left = 0; left < format.width; left += format.chroma_step_x, ++cb, ++cr) {
            const int right = std::min(left + format.chroma_step_x, format.width);
            int cb_sum = 0, cr_sum = 0;
            for (int y = top; y < bottom; ++y) {
                for (int x = left; x < right; ++x) {
                    const bool changed = drawing.changed(x, y);
                    cb_sum += changed ? convert.cb(drawing.pixel(x, y)) : *cb * ColorConversion::kOne;
                    cr_sum += changed ? convert.cr(drawing.pixel(x, y)) : *cr * ColorConversion::kOne;
                }
            }
            const int count = (bottom - top) * (right - left);
            *cb = ColorConversion::to_byte(cb_sum / count);
            *cr = ColorConversion::to_byte(cr_sum / count);
        }
    }
}

inline void require_frame_size(const Y4mFrame& frame, const Y4mFormat& format) {
    if (frame.bytes.size() != format.frame_bytes()) {
        throw InvalidArgument("a frame of this format has " + std::to_string(format.frame_bytes()) + " bytes, not " +
                              std::to_string(frame.bytes.size()));
    }
}

}  // namespace detail

/// A frame in RGB; pixels that share a colour get the same.
/// \param frame  of a stream of this format. \throws InvalidArgument when it has another size
inline Image to_rgb(const Y4mFrame& frame, const Y4mFormat& format) {
    detail::require_frame_size(frame, format);
    const detail::ColorConversion convert(format);
    Image image(format.width, format.height, 3);
    const std::uint8_t* luma = frame.bytes.data();
    const std::vector<std::uint8_t> gray(static_cast<std::size_t>(format.width), 128);
    const int shift = format.chroma_step_x == 2 ? 1 : 0;  // in place of a division for each pixel
    for (int y = 0; y < format.height; ++y) {
        const std::uint8_t *cb = gray.data(), *cr = gray.data();
        if (format.has_chroma()) {
            const std::ptrdiff_t row = y / format.chroma_step_y;
            cb = frame.bytes.data() + format.luma_bytes() + row * format.chroma_width();
            cr = cb + format.chroma_bytes();
        }
        std::uint8_t* rgb = image.row(y);
        for (int x = 0; x < format.width; ++x, ++luma, rgb += 3) {
            convert.to_rgb(*luma, cb[x >> shift], cr[x >> shift], rgb);
        }
    }
    return image;
}

/// Puts what was drawn on a frame's picture into the frame. Pixels that weren't changed keep their bytes, but for a colour
/// that they share with one that was.
/// \param frame   of a stream of this format
/// \param before  to_rgb(frame, format)
/// \param after   the same with something drawn on it
/// \throws InvalidArgument when frame or pictures have another size
inline void put_drawing(Y4mFrame& frame, const Y4mFormat& format, ImageView before, ImageView after) {
    detail::require_frame_size(frame, format);
    for (const ImageView& image : {before, after}) {
        if (image.width != format.width || image.height != format.height || image.channels != 3) {
            throw InvalidArgument("the picture isn't in RGB and of the frame's size");
        }
    }
    const detail::ColorConversion convert(format);
    detail::put_luma({before, after}, convert, frame.bytes.data());
    if (format.has_chroma()) {
        detail::put_chroma({before, after}, convert, format, frame.bytes.data() + format.luma_bytes());
    }
}

}  // namespace v0_1
}  // namespace ffr
