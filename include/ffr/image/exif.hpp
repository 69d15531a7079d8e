#pragma once
/// \file
/// How a camera was held: the orientation in a JPEG's Exif block, and turning an image upright by it.
///
///     FFD8 | FFE1 "Exif" | TIFF header | IFD0: tag 0x0112 = 1..8 | ...     the first bytes of a JPEG file
///                                                           |
///     stored image h x w x channels ---apply_orientation----+--> upright image h x w, or w x h for 5 to 8
///
/// Cameras store the sensor's rows as they come and note in IFD0 of the Exif block (a list of tags with values; this
/// one is 0x0112, Exif 2.32, 4.6.4) how to turn them: 3 by half a turn, 6 and 8 by a quarter, 2, 4, 5 and 7 mirrored as
/// well. A face detector for upright faces needs that turn.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "../base/error.hpp"
#include "formats/jpeg.hpp"
#include "image.hpp"

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// Bytes of a TIFF structure in its own byte order; reading outside of it gives 0, which no field below accepts.
struct TiffReader {
    const std::uint8_t* data;
    std::size_t size;
    bool big_endian;

    std::uint32_t read(std::size_t offset, std::size_t count) const {
        if (offset > size || count > size - offset) return 0;
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < count; ++i) value = value << 8 | data[offset + (big_endian ? i : count - 1 - i)];
        return value;
    }
};

/// Orientation in a TIFF structure, 1 where there's none.
inline int tiff_orientation(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint32_t kOrientationTag = 0x0112, kShort = 3;
    constexpr std::size_t kEntryBytes = 12;
    if (size < 8) return 1;
    const bool big_endian = data[0] == 'M' && data[1] == 'M';
    if (!big_endian && !(data[0] == 'I' && data[1] == 'I')) return 1;
    const TiffReader tiff{data, size, big_endian};
    if (tiff.read(2, 2) != 42) return 1;
    const std::size_t directory = tiff.read(4, 4);
    const std::size_t count = tiff.read(directory, 2);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = directory + 2 + i * kEntryBytes;
        if (tiff.read(entry, 2) != kOrientationTag) continue;
        const std::uint32_t value = tiff.read(entry + 8, 2);
        const bool valid =
            tiff.read(entry + 2, 2) == kShort && tiff.read(entry + 4, 4) >= 1 && value >= 1 && value <= 8;
        return valid ? static_cast<int>(value) : 1;
    }
    return 1;
}

}  // namespace detail

/// The Exif orientation of a JPEG file.
///
/// Looks at the first APP1 segment with an Exif block before the picture data. Never reads outside of the bytes,
/// whatever they are.
///
/// \param bytes  the file's content, or the beginning of it
/// \param size   number of bytes
/// \returns 1 to 8 as apply_orientation takes it; 1 (upright) when it isn't a JPEG, has no such block or a damaged one
inline int exif_orientation(const std::uint8_t* bytes, std::size_t size) {
    constexpr std::uint8_t kExif[6] = {'E', 'x', 'i', 'f', 0, 0};
    int orientation = 1;
    detail::for_each_jpeg_segment(bytes, size, [&](const detail::JpegSegment& segment) {
        const bool is_exif = segment.marker == detail::kJpegApp1 && !segment.cut_off && segment.size >= sizeof kExif &&
                             std::memcmp(segment.data, kExif, sizeof kExif) == 0;
        if (is_exif) orientation = detail::tiff_orientation(segment.data + sizeof kExif, segment.size - sizeof kExif);
        return !is_exif && segment.marker != detail::kJpegStartOfScan;
    });
    return orientation;
}

/// Turns an image upright.
///
///     1  as it is                       5  mirrored along the main diagonal (rows become columns)
///     2  mirrored left to right         6  turned by 90 degrees clockwise
///     3  turned by 180 degrees          7  mirrored along the other diagonal
///     4  mirrored top to bottom         8  turned by 90 degrees counter-clockwise
///
/// \param image        any size, empty too, gray or RGB
/// \param orientation  1 to 8: what has to be done to the stored image (the table above) to see it upright
/// \returns the same pixels in their new places; width and height are exchanged for 5 to 8
/// \throws InvalidArgument for an orientation that isn't 1 to 8
inline Image apply_orientation(Image image, int orientation) {
    if (orientation < 1 || orientation > 8) {
        throw InvalidArgument("an Exif orientation is 1 to 8, not " + std::to_string(orientation));
    }
    if (orientation == 1 || image.empty()) return image;
    const bool swaps_axes = orientation >= 5;
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const int width = swaps_axes ? image.height() : image.width();
    const int height = swaps_axes ? image.width() : image.height();
    const auto channels = static_cast<std::size_t>(image.channels());
    Image upright(width, height, image.channels());
    for (int y = 0; y < height; ++y) {
        std::uint8_t* to = upright.row(y);
        for (int x = 0; x < width; ++x) {
            const int column = swaps_axes ? y : x;
            const int row = swaps_axes ? x : y;
            const int source_x = from_right ? image.width() - 1 - column : column;
            const int source_y = from_bottom ? image.height() - 1 - row : row;
            const std::uint8_t* const from = image.row(source_y) + static_cast<std::size_t>(source_x) * channels;
            for (std::size_t c = 0; c < channels; ++c) *to++ = from[c];
        }
    }
    return upright;
}

}  // namespace v0_1
}  // namespace ffr
