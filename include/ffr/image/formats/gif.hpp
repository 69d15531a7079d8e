#pragma once
/// \file
/// The first picture of a GIF file, as far as it tells how long decoding takes.
///
///     "GIF89a" width height flags.. | colours | 21 extension | 2C place flags | colours | LZW: blocks of bytes | 3B
///
/// LZW's codes stand for runs of pixels, and a code may be a run of 4096. Decoders unpack all of them, also when the picture
/// is full: a megabyte can keep one busy for ten seconds over a single pixel.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Bytes from a place on; behind the end there are zeros.
class GifBytes {
  public:
    GifBytes(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

    bool at_end() const { return position_ >= size_; }
    unsigned byte() { return at_end() ? 0u : bytes_[position_++]; }
    unsigned word() {
        const unsigned low = byte();
        return low | byte() << 8;
    }
    void skip(std::size_t count) { position_ += count < size_ - position_ ? count : size_ - position_; }
    void skip_colours(unsigned flags) {
        if ((flags & 0x80) != 0) skip(std::size_t{3} << ((flags & 7) + 1));
    }
    void skip_blocks() {
        for (unsigned length = byte(); length != 0; length = byte()) skip(length);
    }

  private:
    const std::uint8_t* bytes_;
    std::size_t size_, position_ = 0;
};

/// The codes of a picture, one by one, out of its blocks.
class GifCodes {
  public:
    explicit GifCodes(GifBytes& bytes) : bytes_(bytes) {}

    /// The next code of that many bits; -1 behind the last.
    int next(int bits) {
        for (; count_ < bits; count_ += 8) {
            if (left_ == 0) left_ = bytes_.byte();
            if (left_ == 0) return -1;
            --left_;
            held_ |= bytes_.byte() << count_;
        }
        const unsigned code = held_ & ((1u << bits) - 1);
        held_ >>= bits;
        count_ -= bits;
        return static_cast<int>(code);
    }

  private:
    GifBytes& bytes_;
    unsigned left_ = 0, held_ = 0;  // bytes of the block, bits of the next codes
    int count_ = 0;                 // of those bits
};

/// How many pixels the codes stand for; stops counting above `most`, and where they aren't LZW any more.
inline std::uint64_t unpacked_pixels(GifBytes& bytes, std::uint64_t most) {
    constexpr int kMostBits = 12, kTable = 8192;
    const int literal_bits = static_cast<int>(bytes.byte());
    if (literal_bits > kMostBits) return 0;
    const int clear = 1 << literal_bits;
    std::array<std::uint16_t, kTable> length;
    length.fill(1);
    std::uint64_t pixels = 0;
    int bits = literal_bits + 1, known = clear + 2, last = -1;
    GifCodes codes(bytes);
    for (int code = codes.next(bits); code >= 0 && code != clear + 1 && pixels <= most; code = codes.next(bits)) {
        if (code == clear) {
            bits = literal_bits + 1, known = clear + 2, last = -1;
            continue;
        }
        if (code > known || (code == known && last < 0) || known == kTable) break;
        if (last >= 0) {
            length[static_cast<std::size_t>(known)] =
                static_cast<std::uint16_t>(length[static_cast<std::size_t>(last)] + 1);
            ++known;
        }
        pixels += length[static_cast<std::size_t>(code)];
        if ((known & ((1 << bits) - 1)) == 0 && known < 1 << kMostBits) ++bits;
        last = code;
    }
    return pixels;
}

/// What's wrong with a GIF that would keep a decoder busy; empty when nothing is, or when it's none.
inline std::string gif_defect(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t kSpare = 65536;
    constexpr unsigned kExtension = 0x21, kPicture = 0x2C;
    GifBytes bytes(data, size);
    if (size < 13 || data[0] != 'G' || data[1] != 'I' || data[2] != 'F') return "";
    bytes.skip(10);
    const unsigned flags = bytes.byte();
    bytes.skip(2);
    bytes.skip_colours(flags);
    unsigned tag = bytes.byte();
    for (; tag == kExtension && !bytes.at_end(); tag = bytes.byte()) {
        bytes.skip(1);
        bytes.skip_blocks();
    }
    if (tag != kPicture) return "";
    bytes.skip(4);
    const std::uint64_t width = bytes.word(), pixels = width * bytes.word();
    bytes.skip_colours(bytes.byte());
    const std::uint64_t most = 2 * pixels + kSpare;
    return unpacked_pixels(bytes, most) > most ? "it unpacks to more pixels than it has" : "";
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
