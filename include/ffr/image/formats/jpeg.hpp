#pragma once
/// \file
/// The segments of a JPEG file (ITU-T T.81, annex B): what stands between the markers.
///
///     FFD8 | FFE1 size data | FFC4 size data | ... | FFDA size data, coded pixels | FFD9
///     start   a marker, two bytes of size, data      start of a scan                end

#include <cstddef>
#include <cstdint>
#include <string>

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// A segment without its marker and length.
struct JpegSegment {
    std::uint8_t marker;
    const std::uint8_t* data;
    std::size_t size;
    bool cut_off;  // the file ends before the segment does
};

constexpr std::uint8_t kJpegHuffmanTables = 0xC4, kJpegEndOfImage = 0xD9, kJpegStartOfScan = 0xDA, kJpegApp1 = 0xE1;

/// Position of the next marker's 0xFF after the coded pixels of a scan; `size` when there's none.
inline std::size_t skip_scan(const std::uint8_t* bytes, std::size_t size, std::size_t position) {
    for (; position + 1 < size; ++position) {
        // 0xFF 0x00 stands for a byte 0xFF, and 0xD0 to 0xD7 only restart the coder.
        const std::uint8_t next = bytes[position + 1];
        if (bytes[position] == 0xFF && next != 0 && (next < 0xD0 || next > 0xD7)) return position;
    }
    return size;
}

/// Calls visit(segment) for the segments in order until it returns false. Ends with one that's cut off, and at
/// once when the bytes aren't a JPEG's. Never reads outside of them.
template <typename Visit>
void for_each_jpeg_segment(const std::uint8_t* bytes, std::size_t size, Visit visit) {
    std::size_t position = 1;
    while (position < size && bytes[position] == 0xFF) ++position;  // fill bytes, before the first marker, too
    if (position >= size || bytes[0] != 0xFF || bytes[position++] != 0xD8) return;
    while (size - position >= 4) {
        const std::uint8_t marker = bytes[position + 1];
        // Decoders pass over rubbish and fill bytes before a marker, and take 0xFF 0xFF 0x00 for a coded 0xFF.
        if (bytes[position] != 0xFF || marker == 0xFF || marker == 0) {
            ++position;
            continue;
        }
        if (marker == kJpegEndOfImage) return;
        position += 2;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;  // markers without a segment
        const std::size_t length = static_cast<std::size_t>(bytes[position]) << 8 | bytes[position + 1];
        const bool cut_off = length > size - position;
        if (length < 2) return;
        if (!visit(JpegSegment{marker, bytes + position + 2, (cut_off ? size - position : length) - 2, cut_off}))
            return;
        if (cut_off) return;
        position += length;
        if (marker == kJpegStartOfScan) position = skip_scan(bytes, size, position);
    }
}

/// False when a Huffman table has more codes than there are symbols, 256, or the segment ends within one.
inline bool are_huffman_tables(const JpegSegment& segment) {
    constexpr std::size_t kTableHeader = 17;  // class and number, then how many codes have 1, 2, ..., 16 bits
    for (std::size_t position = 0; position < segment.size;) {
        if (segment.size - position < kTableHeader) return false;
        std::size_t codes = 0;
        for (std::size_t bits = 1; bits < kTableHeader; ++bits) codes += segment.data[position + bits];
        if (codes > 256 || codes > segment.size - position - kTableHeader) return false;
        position += kTableHeader + codes;
    }
    return true;
}

/// What's wrong with a JPEG that a decoder can't be trusted to notice; empty when nothing is, or when it's none.
///
/// Decoders are known to write past the end of their Huffman tables when there are more codes than symbols. And each
/// scan makes them go over the whole picture again, though it may be ten bytes: images in use have a dozen at the most.
inline std::string jpeg_defect(const std::uint8_t* bytes, std::size_t size) {
    constexpr int kMostScans = 100;
    int scans = 0;
    std::string defect;
    for_each_jpeg_segment(bytes, size, [&](const JpegSegment& segment) {
        if (segment.marker == kJpegHuffmanTables && !segment.cut_off && !are_huffman_tables(segment)) {
            defect = "a Huffman table doesn't fit its segment";
        }
        if (segment.marker == kJpegHuffmanTables && segment.cut_off) defect = "it ends within a Huffman table";
        if (segment.marker == kJpegStartOfScan && ++scans > kMostScans) defect = "it has more than 100 scans";
        return defect.empty();
    });
    return defect;
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
