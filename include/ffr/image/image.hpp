#pragma once
/// \file
/// Pixels and plane geometry: what every stage takes in or hands on.
///
///     Image:  height rows x width columns x channels bytes, row-major, channels interleaved
///
///             x ->                     pixel (x, y) starts at pixels[(y * width + x) * channels];
///          y  RGB RGB RGB ...          the centre of the first pixel is the point (0, 0),
///          |  RGB RGB RGB ...          x grows to the right, y downwards
///          v

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "../base/error.hpp"

namespace ffr {
inline namespace v0_1 {

/// A pixel position or a rounded point; x to the right, y down, in pixels.
struct Point {
    int x = 0;  ///< pixels to the right of the first pixel's centre
    int y = 0;  ///< pixels below it

    /// Same place.
    friend bool operator==(Point a, Point b) { return a.x == b.x && a.y == b.y; }
    /// Another place.
    friend bool operator!=(Point a, Point b) { return !(a == b); }
};

/// A point between pixels; same axes as Point.
struct PointF {
    double x = 0;  ///< to the right
    double y = 0;  ///< down
};

/// A box of whole pixels with all four edges inside of it: width = right - left + 1. It may reach outside of an image.
struct Rect {
    int left = 0;     ///< x of the first column
    int top = 0;      ///< y of the first row
    int right = -1;   ///< x of the last column; less than `left` in an empty box
    int bottom = -1;  ///< y of the last row; less than `top` in an empty box

    /// Pixels from left to right edge, both counted; 0 when the box is empty.
    std::int64_t width() const { return right < left ? 0 : std::int64_t{right} - left + 1; }
    /// Pixels from top to bottom edge, both counted; 0 when the box is empty.
    std::int64_t height() const { return bottom < top ? 0 : std::int64_t{bottom} - top + 1; }
    /// Number of pixels in the box; 0 when it's empty.
    std::int64_t area() const { return width() * height(); }

    /// Same four edges.
    friend bool operator==(const Rect& a, const Rect& b) {
        return a.left == b.left && a.top == b.top && a.right == b.right && a.bottom == b.bottom;
    }
    /// At least one edge differs.
    friend bool operator!=(const Rect& a, const Rect& b) { return !(a == b); }
};

/// Writes `[left top right bottom]`.
inline std::ostream& operator<<(std::ostream& out, const Rect& box) {
    return out << '[' << box.left << ' ' << box.top << ' ' << box.right << ' ' << box.bottom << ']';
}

/// A look at somebody else's pixels: 8 bits a channel, 1 (gray) or 3 (RGB) channels, `stride` bytes from one row to the
/// next. It owns nothing and is valid as long as the pixels it points at.
struct ImageView {
    const std::uint8_t* pixels = nullptr;  ///< first byte of the first row
    int width = 0;                         ///< pixels a row
    int height = 0;                        ///< rows
    int channels = 0;                      ///< 1 for gray, 3 for RGB; bytes a pixel
    std::ptrdiff_t stride = 0;             ///< bytes from a row to the next, width * channels where there's no gap

    /// First byte of row y, 0 <= y < height.
    const std::uint8_t* row(int y) const { return pixels + y * stride; }
    /// True when there's no pixel.
    bool empty() const { return width <= 0 || height <= 0; }
};

/// An image that owns its pixels: 8 bits a channel, 1 (gray) or 3 (RGB) channels, rows without gaps.
class Image {
  public:
    /// No pixels.
    Image() = default;

    /// A black image. \throws InvalidArgument for a negative size or a number of channels other than 1 and 3
    Image(int width, int height, int channels) : width_(width), height_(height), channels_(channels) {
        if (width < 0 || height < 0 || (channels != 1 && channels != 3)) {
            throw InvalidArgument("an image needs sizes of at least 0 and 1 or 3 channels, not " +
                                  std::to_string(width) + " x " + std::to_string(height) + " x " +
                                  std::to_string(channels));
        }
        pixels_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                       static_cast<std::size_t>(channels));
    }

    /// Pixels a row.
    int width() const { return width_; }
    /// Rows.
    int height() const { return height_; }
    /// 1 for gray, 3 for RGB; 0 for an image without anything.
    int channels() const { return channels_; }
    /// True when there's no pixel.
    bool empty() const { return pixels_.empty(); }

    /// All bytes, row after row.
    std::vector<std::uint8_t>& pixels() { return pixels_; }
    /// \overload
    const std::vector<std::uint8_t>& pixels() const { return pixels_; }

    /// First byte of row y, 0 <= y < height().
    std::uint8_t* row(int y) { return pixels_.data() + row_offset(y); }
    /// \overload
    const std::uint8_t* row(int y) const { return pixels_.data() + row_offset(y); }

    /// The image as a view; valid while the image lives and keeps its size.
    ImageView view() const {
        return {pixels_.data(), width_, height_, channels_, static_cast<std::ptrdiff_t>(width_) * channels_};
    }
    /// The same, so that an Image can be passed where a view is wanted.
    operator ImageView() const { return view(); }

    /// Same size, same channels, same pixels.
    friend bool operator==(const Image& a, const Image& b) {
        return a.width_ == b.width_ && a.height_ == b.height_ && a.channels_ == b.channels_ && a.pixels_ == b.pixels_;
    }
    /// Size, channels or a pixel differ.
    friend bool operator!=(const Image& a, const Image& b) { return !(a == b); }

  private:
    std::size_t row_offset(int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) * static_cast<std::size_t>(channels_);
    }

    int width_ = 0;
    int height_ = 0;
    int channels_ = 0;
    std::vector<std::uint8_t> pixels_;
};

/// Refuses what no stage can work with.
/// \throws InvalidArgument for no pixels, channels other than 1 and 3, or a row of more than 2^31 - 1 bytes
inline void require_pixels(ImageView image) {
    if (image.empty() || image.pixels == nullptr) throw InvalidArgument("the image has no pixels");
    if (image.channels != 1 && image.channels != 3) {
        throw InvalidArgument("an image has 1 or 3 channels, not " + std::to_string(image.channels));
    }
    if (image.width > 2147483647 / image.channels) {
        throw InvalidArgument("an image's row has at most 2147483647 bytes, not " + std::to_string(image.width) +
                              " x " + std::to_string(image.channels));
    }
}

/// The nearest whole number, halves upwards, clamped to the range of int: how landmarks and chips are rounded.
inline int round_half_up(double value) {
    const double rounded = std::floor(value + 0.5);
    if (!(rounded > -2147483648.0)) return -2147483647 - 1;
    return rounded < 2147483647.0 ? static_cast<int>(rounded) : 2147483647;
}

}  // namespace v0_1
}  // namespace ffr
