#pragma once
/// \file
/// Boxes, points, lines and text into an RGB image, to show results.
///
///     to_rgb: gray or RGB  -->  h x w x 3  -->  draw_box, draw_landmarks, draw_text, paste: the same image, changed
///
/// Everything is clipped at the image's borders: any coordinates will do, what lies outside isn't drawn. All functions
/// that draw take an image of 3 channels (see to_rgb) and throw InvalidArgument for a gray one; an empty one stays
/// empty.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../base/xxhash.hpp"
#include "font.hpp"
#include "image.hpp"

namespace ffr {
inline namespace v0_1 {

/// A colour, 0 to 255 a channel.
struct Color {
    std::uint8_t r = 0;  ///< red
    std::uint8_t g = 0;  ///< green
    std::uint8_t b = 0;  ///< blue

    /// Same colour.
    friend bool operator==(Color one, Color other) { return one.r == other.r && one.g == other.g && one.b == other.b; }
    /// Another colour.
    friend bool operator!=(Color one, Color other) { return !(one == other); }
};

namespace detail {

/// Larger thicknesses, radii and scales are mistakes.
constexpr int kMaxDrawSize = 4096;

inline void require_drawable(const Image& image) {
    if (image.channels() == 1) throw InvalidArgument("drawing needs an RGB image, see to_rgb");
}

inline void require_draw_size(const char* what, int value, int least) {
    if (value < least || value > kMaxDrawSize) {
        throw InvalidArgument(std::string(what) + " has to be " + std::to_string(least) + " to " +
                              std::to_string(kMaxDrawSize) + ", not " + std::to_string(value));
    }
}

/// Fills the part of left..right, top..bottom (inclusive) that's inside of the image.
inline void fill_box(Image& image, std::int64_t left, std::int64_t top, std::int64_t right, std::int64_t bottom,
                     Color color) {
    left = std::max<std::int64_t>(left, 0);
    top = std::max<std::int64_t>(top, 0);
    right = std::min<std::int64_t>(right, image.width() - 1);
    bottom = std::min<std::int64_t>(bottom, image.height() - 1);
    for (std::int64_t y = top; y <= bottom; ++y) {
        std::uint8_t* pixel = image.row(static_cast<int>(y)) + left * 3;
        for (std::int64_t x = left; x <= right; ++x, pixel += 3) {
            pixel[0] = color.r;
            pixel[1] = color.g;
            pixel[2] = color.b;
        }
    }
}

/// Bytes of the UTF-8 character at the start of a text that isn't empty; 1 for a byte that begins none.
inline std::size_t utf8_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
    if (length > text.size()) return 1;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 1;
    }
    return length;
}

/// A row of the sign for a character that the font doesn't have: a box, leftmost pixel in the highest bit.
inline std::uint8_t missing_glyph_row(int row) {
    constexpr int kTop = 2, kBottom = kFontHeight - 3;
    if (row < kTop || row > kBottom) return 0;
    return row == kTop || row == kBottom ? 0x7C : 0x44;
}

}  // namespace detail

/// A copy in RGB; gray becomes three equal channels. \param image  gray or RGB, may be empty
/// \throws InvalidArgument for another number of channels when there are pixels
inline Image to_rgb(ImageView image) {
    if (image.empty()) return Image(std::max(image.width, 0), std::max(image.height, 0), 3);
    require_pixels(image);
    Image rgb(image.width, image.height, 3);
    for (int y = 0; y < image.height; ++y) {
        const std::uint8_t* from = image.row(y);
        std::uint8_t* to = rgb.row(y);
        for (int x = 0; x < image.width; ++x, from += image.channels, to += 3) {
            for (int c = 0; c < 3; ++c) to[c] = from[image.channels == 3 ? c : 0];
        }
    }
    return rgb;
}

/// A straight line with both ends in it.
/// \param from, to   any points, in pixels
/// \param thickness  side of the square pen in pixels, 1 to 4096; an even pen's extra pixel is right of and below the
/// line
inline void draw_line(Image& image, Point from, Point to, Color color, int thickness = 1) {
    detail::with_default_floats([&] {
        detail::require_drawable(image);
        detail::require_draw_size("a line's thickness", thickness, 1);
        if (image.empty()) return;
        const std::int64_t dx = std::int64_t{to.x} - from.x, dy = std::int64_t{to.y} - from.y;
        const bool along_x = std::abs(dx) >= std::abs(dy);
        if (along_x ? dx < 0 : dy < 0) return draw_line(image, to, from, color, thickness);
        const std::int64_t start = along_x ? from.x : from.y, end = along_x ? to.x : to.y;
        const std::int64_t limit = along_x ? image.width() : image.height();
        const double slope =
            start == end ? 0 : static_cast<double>(along_x ? dy : dx) / static_cast<double>(end - start);
        const std::int64_t before = (thickness - 1) / 2;
        // A step a pixel along the longer axis, from and to where the pen just can't be seen any more.
        for (std::int64_t i = std::max(start, -std::int64_t{thickness}); i <= std::min(end, limit + thickness); ++i) {
            const double across = (along_x ? from.y : from.x) + slope * static_cast<double>(i - start);
            const auto j = static_cast<std::int64_t>(std::floor(across + 0.5));
            const std::int64_t left = (along_x ? i : j) - before, top = (along_x ? j : i) - before;
            detail::fill_box(image, left, top, left + thickness - 1, top + thickness - 1, color);
        }
    });
}

/// The outline of a box; an empty box draws nothing.
/// \param box        in pixels; at thickness 1 exactly its outermost pixels are coloured
/// \param thickness  of the frame in pixels, 1 to 4096: it grows inwards and outwards in turn, inwards first
inline void draw_box(Image& image, const Rect& box, Color color, int thickness = 1) {
    detail::require_drawable(image);
    detail::require_draw_size("a box's thickness", thickness, 1);
    if (box.width() == 0 || box.height() == 0) return;
    const std::int64_t outwards = (thickness - 1) / 2, inwards = thickness - 1;
    const std::int64_t left = box.left - outwards, right = box.right + outwards;
    const std::int64_t top = box.top - outwards, bottom = box.bottom + outwards;
    detail::fill_box(image, left, top, right, std::min(top + inwards, bottom), color);
    detail::fill_box(image, left, std::max(bottom - inwards, top), right, bottom, color);
    detail::fill_box(image, left, top, std::min(left + inwards, right), bottom, color);
    detail::fill_box(image, std::max(right - inwards, left), top, right, bottom, color);
}

/// A filled disc.
/// \param radius  in pixels, 0 to 4096: the disc is 2 radius + 1 wide, a single pixel for 0
inline void draw_point(Image& image, Point center, Color color, int radius = 1) {
    detail::require_drawable(image);
    detail::require_draw_size("a point's radius", radius, 0);
    const std::int64_t x = center.x, y = center.y;
    std::int64_t half = radius;
    for (std::int64_t row = 0; row <= radius; ++row) {
        while (half * half + row * row > std::int64_t{radius} * radius + radius) --half;
        detail::fill_box(image, x - half, y - row, x + half, y - row, color);
        detail::fill_box(image, x - half, y + row, x + half, y + row, color);
    }
}

/// Width that draw_text fills, in pixels: 7 scale a character, a character being a code point of UTF-8 (or a byte that
/// belongs to none). \throws InvalidArgument for a scale that isn't 1 to 4096
inline int text_width(std::string_view text, int scale = 1) {
    detail::require_draw_size("a text's scale", scale, 1);
    std::int64_t characters = 0;
    for (; !text.empty(); text.remove_prefix(detail::utf8_length(text))) ++characters;
    return static_cast<int>(std::min<std::int64_t>(characters * detail::kFontWidth * scale, 2147483647));
}

/// Height that draw_text fills, in pixels: 13 scale. \throws InvalidArgument for a scale that isn't 1 to 4096
inline int text_height(int scale = 1) {
    detail::require_draw_size("a text's scale", scale, 1);
    return detail::kFontHeight * scale;
}

/// One line of text on a filled background.
///
/// The built-in font has the printable characters of ASCII; any other code point is drawn as a box.
///
/// \param top_left    of the background, in pixels; it's text_width(text, scale) x text_height(scale) pixels large
/// \param text        UTF-8; bytes that aren't are drawn as a box each
/// \param scale       size of the font's pixels, 1 to 4096
inline void draw_text(Image& image, Point top_left, std::string_view text, Color color, Color background,
                      int scale = 1) {
    detail::require_drawable(image);
    detail::require_draw_size("a text's scale", scale, 1);
    std::int64_t left = top_left.x;
    for (; !text.empty() && left < image.width(); text.remove_prefix(detail::utf8_length(text))) {
        const std::int64_t right = left + detail::kFontWidth * scale - 1;
        detail::fill_box(image, left, top_left.y, right, top_left.y + std::int64_t{text_height(scale)} - 1, background);
        const auto code = static_cast<unsigned char>(text[0]);
        const bool known = code >= detail::kFontFirst && code <= detail::kFontLast;
        for (int row = 0; row < detail::kFontHeight; ++row) {
            const std::uint8_t bits =
                known ? detail::kFont[code - detail::kFontFirst][row] : detail::missing_glyph_row(row);
            const std::int64_t y = top_left.y + std::int64_t{row} * scale;
            for (int column = 0; column < detail::kFontWidth; ++column) {
                if ((bits & 0x80 >> column) == 0) continue;
                const std::int64_t x = left + std::int64_t{column} * scale;
                detail::fill_box(image, x, y, x + scale - 1, y + scale - 1, color);
            }
        }
        left = right + 1;
    }
}

/// Landmarks of a face.
///
/// 68 points in the order of the iBUG 300-W annotation are joined to jaw, brows, nose, eyes and lips; any other number
/// is drawn as discs.
///
/// \param thickness  of the lines and radius of the discs in pixels, 1 to 4096
inline void draw_landmarks(Image& image, const std::vector<Point>& points, Color color, int thickness = 1) {
    struct Part {
        std::size_t first, last;
        bool closed;
    };
    constexpr Part kParts[] = {{0, 16, false}, {17, 21, false}, {22, 26, false}, {27, 30, false}, {31, 35, false},
                               {36, 41, true}, {42, 47, true},  {48, 59, true},  {60, 67, true}};
    detail::require_drawable(image);
    detail::require_draw_size("the landmarks' thickness", thickness, 1);
    if (points.size() != 68) {
        for (const Point point : points) draw_point(image, point, color, thickness);
        return;
    }
    for (const Part& part : kParts) {
        for (std::size_t i = part.first; i < part.last; ++i) {
            draw_line(image, points[i], points[i + 1], color, thickness);
        }
        if (part.closed) draw_line(image, points[part.last], points[part.first], color, thickness);
    }
}

/// Copies an image into another one; what would lie outside of it is left out.
/// \param image     gray or RGB, may be empty; not a view of `onto`
/// \param top_left  where its first pixel goes, in pixels of `onto`
inline void paste(Image& onto, ImageView image, Point top_left) {
    detail::require_drawable(onto);
    if (image.empty() || onto.empty()) return;
    require_pixels(image);
    const std::int64_t left = std::max<std::int64_t>(0, -std::int64_t{top_left.x});
    const std::int64_t right = std::min<std::int64_t>(image.width, std::int64_t{onto.width()} - top_left.x);
    const std::int64_t top = std::max<std::int64_t>(0, -std::int64_t{top_left.y});
    const std::int64_t bottom = std::min<std::int64_t>(image.height, std::int64_t{onto.height()} - top_left.y);
    for (std::int64_t y = top; y < bottom; ++y) {
        const std::uint8_t* const from = image.row(static_cast<int>(y));
        std::uint8_t* const to = onto.row(static_cast<int>(y + top_left.y));
        for (std::int64_t x = left; x < right; ++x) {
            for (int c = 0; c < 3; ++c) {
                to[(x + top_left.x) * 3 + c] = from[x * image.channels + (image.channels == 3 ? c : 0)];
            }
        }
    }
}

/// Colours for the people of one picture, the more easily told apart the fewer of them are used, from the first on.
///
/// Any two lie at least 18 apart in CIELAB (the first eight 32), and each 32 from white and from the gray (170, 170, 170).
/// Chosen one after the other, each as far as can be from those before and from the tones of skin. All are bright enough
/// to be read on black and for black to be read on them.
inline constexpr std::array<Color, 20> kPersonColors{{
    {255, 221, 0},  {238, 51, 255},  {0, 238, 85},    {85, 136, 255},  {0, 238, 238},
    {136, 153, 51}, {255, 85, 119},  {68, 170, 136},  {34, 170, 204},  {255, 153, 221},
    {255, 85, 34},  {187, 136, 0},   {204, 255, 34},  {187, 153, 255}, {153, 204, 255},
    {255, 136, 0},  {255, 204, 136}, {153, 255, 204}, {204, 102, 170}, {170, 204, 102},
}};

/// A colour for a name: always the same for it, most likely another one for another name, and bright enough to be read
/// on black and for black to be read on it. Two of many names may get nearly the same: kPersonColors are told apart.
inline Color person_color(std::string_view name) {
    constexpr int kLeastLuma = 130;
    const std::uint64_t hash = detail::xxh64(name.data(), name.size());
    const auto hue = static_cast<int>(hash % 1536);  // six edges of the colour wheel, 256 steps each
    const auto paleness = static_cast<int>((hash >> 32) % 3) * 48;
    const int rising = hue % 256, falling = 255 - rising;
    constexpr int kFull = 255;
    const std::array<std::array<int, 3>, 6> edges = {{{kFull, rising, 0},
                                                      {falling, kFull, 0},
                                                      {0, kFull, rising},
                                                      {0, falling, kFull},
                                                      {rising, 0, kFull},
                                                      {kFull, 0, falling}}};
    std::array<int, 3> rgb = edges[static_cast<std::size_t>(hue / 256)];
    for (int& channel : rgb) channel += (kFull - channel) * paleness / 255;
    // Luma by ITU-R BT.601; mixing in white raises it in proportion.
    const int luma = (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000;
    if (luma < kLeastLuma) {
        const int white = kLeastLuma - luma, whole = kFull - luma;
        for (int& channel : rgb) channel += ((kFull - channel) * white + whole - 1) / whole;
    }
    return {static_cast<std::uint8_t>(rgb[0]), static_cast<std::uint8_t>(rgb[1]), static_cast<std::uint8_t>(rgb[2])};
}

}  // namespace v0_1
}  // namespace ffr
