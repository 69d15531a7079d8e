#pragma once
/// \file
/// Image files to Image and back.
///
///     a file's bytes --read_image--> Image h x w x 1 or 3, upright (exif.hpp) --write_image--> a file's bytes
///
/// Reads JPEG, PNG, BMP, GIF, TGA and PSD through stb_image, binary PNM itself; writes PNG, JPEG and BMP through
/// stb_image_write. A file is either decoded whole or refused: one that ends before its image does is an error, never
/// an image with a gray bottom.
///
/// What becomes of pixels that aren't 8-bit gray or RGB:
///
///     gray with alpha         gray; alpha is dropped, not blended
///     RGB with alpha          RGB; alpha is dropped, not blended
///     palette                 RGB
///     16 bits a channel       the high byte
///     PNM, maximum below 255  scaled to 0..255; other maxima above 255 too, but 65535: the high byte
///     CMYK and YCCK JPEG      RGB by the plain product (1 - C) (1 - K), without colour profiles
///     animated GIF            the first frame; what it leaves out is background or black
///     floating point (HDR)    refused

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/file.hpp"
#include "../base/float_environment.hpp"
#include "../base/pending_file.hpp"
#include "exif.hpp"
#include "formats/codecs.hpp"
#include "formats/gif.hpp"
#include "formats/jpeg.hpp"
#include "image.hpp"

namespace ffr {
inline namespace v0_1 {

/// How files are read.
struct ReadOptions {
    bool apply_exif = true;                 ///< turn the image upright by its Exif orientation (JPEG)
    std::int64_t max_pixels = 200'000'000;  ///< refuse larger images, by their headers, before any memory is taken
};

namespace detail {

/// Bytes of an image file: stb counts them in int.
constexpr std::size_t kMaxImageFile = INT_MAX;

/// The three numbers of a PNM header, blanks and comments between them.
class PnmHeader {
  public:
    PnmHeader(const std::uint8_t* bytes, std::size_t size, const std::string& name)
        : bytes_(bytes), size_(size), name_(name) {
        width = next_number();
        height = next_number();
        maximum = next_number();
        if (maximum < 1 || maximum > 65535) fail_damaged(name, "its maximum isn't 1 to 65535");
        if (position_ == size_) fail_cut_off(name, size);
        if (!is_blank(bytes_[position_])) fail_damaged(name, "its header doesn't end with a blank");
        data_offset = position_ + 1;
    }

    std::int64_t width = 0, height = 0, maximum = 0;
    std::size_t data_offset = 0;

  private:
    static bool is_blank(std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }
    static bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }

    std::int64_t next_number() {
        while (position_ < size_ && (is_blank(bytes_[position_]) || bytes_[position_] == '#')) {
            if (bytes_[position_++] != '#') continue;
            while (position_ < size_ && bytes_[position_] != '\n' && bytes_[position_] != '\r') ++position_;
        }
        if (position_ == size_) fail_cut_off(name_, size_);
        if (!is_digit(bytes_[position_])) fail_damaged(name_, "its header has something else where a number should be");
        std::int64_t value = 0;
        for (; position_ < size_ && is_digit(bytes_[position_]); ++position_) {
            value = value * 10 + (bytes_[position_] - '0');
            if (value > INT_MAX) fail_damaged(name_, "a number in its header is too large");
        }
        return value;
    }

    const std::uint8_t* bytes_;
    std::size_t size_;
    const std::string& name_;
    std::size_t position_ = 2;
};

/// Binary PGM (P5) and PPM (P6), 8 and 16 bits, any maximum. stb ignores the maximum and takes 16 bits for the wrong
/// order.
inline Image decode_pnm(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                        const ReadOptions& options) {
    const PnmHeader header(bytes, size, name);
    check_dimensions(header.width, header.height, name, options.max_pixels);
    const int channels = bytes[1] == '6' ? 3 : 1;
    const std::size_t bytes_each = header.maximum > 255 ? 2 : 1;
    const std::uint8_t* from = bytes + header.data_offset;
    const auto values = static_cast<std::uint64_t>(header.width * header.height) * static_cast<std::uint64_t>(channels);
    if (values > (size - header.data_offset) / bytes_each) fail_cut_off(name, size);

    Image image(static_cast<int>(header.width), static_cast<int>(header.height), channels);
    const auto maximum = static_cast<std::uint32_t>(header.maximum);
    for (std::uint8_t& pixel : image.pixels()) {
        const std::uint32_t value = bytes_each == 2 ? static_cast<std::uint32_t>(from[0] << 8 | from[1]) : from[0];
        from += bytes_each;
        if (value > maximum) fail_damaged(name, "a pixel is above the maximum that its header names");
        pixel = static_cast<std::uint8_t>(maximum == 65535 ? value >> 8 : (value * 255 + maximum / 2) / maximum);
    }
    return image;
}

/// Decodes by the kind of file, as stored.
inline Image decode_stored(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                           const ReadOptions& options) {
    if (size == 0) throw FormatError(name + ": the file is empty");
    if (size > kMaxImageFile) throw FormatError(name + too_large_text(size, kMaxImageFile));
    if (starts_with(bytes, size, "#?RADIANCE", 10) || starts_with(bytes, size, "#?RGBE", 6)) {
        fail_not_an_image(name, "floating point (HDR) images aren't read");
    }
    // Apple's variant of PNG has other channels first and other compression; stb would exchange red and blue.
    if (size >= 16 && starts_with(bytes, size, "\x89PNG", 4) && std::memcmp(bytes + 12, "CgBI", 4) == 0) {
        fail_not_an_image(name, "Apple's CgBI variant of PNG isn't read");
    }
    const std::string jpeg_wrong = jpeg_defect(bytes, size), gif_wrong = gif_defect(bytes, size);
    if (!jpeg_wrong.empty()) fail_damaged(name, jpeg_wrong);
    if (!gif_wrong.empty()) fail_damaged(name, gif_wrong);
    if (starts_with(bytes, size, "P5", 2) || starts_with(bytes, size, "P6", 2)) {
        return decode_pnm(bytes, size, name, options);
    }
    return decode_with_stb(bytes, size, name, options.max_pixels);
}

/// stb's writers take signed 32-bit sizes for whole images and their compressed form, which may be larger.
constexpr std::int64_t kMaxWrittenBytes = 900'000'000;

/// Encodes with a function encode(packed, result), which takes pixels without gaps between rows.
template <typename Encode>
std::vector<std::uint8_t> encode_with(ImageView image, const Encode& encode) {
    require_pixels(image);
    const std::int64_t row_bytes = std::int64_t{image.width} * image.channels;
    if (row_bytes > kMaxWrittenBytes / image.height) {
        throw InvalidArgument("an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                              " pixels is too large to be written");
    }
    std::vector<std::uint8_t> packed;
    if (image.stride != row_bytes) {
        for (int y = 0; y < image.height; ++y) packed.insert(packed.end(), image.row(y), image.row(y) + row_bytes);
        image.pixels = packed.data();
        image.stride = row_bytes;
    }
    return with_default_floats([&] {
        std::vector<std::uint8_t> encoded;
        encode(image, encoded);
        return encoded;
    });
}

}  // namespace detail

/// Decodes an image file's bytes.
///
/// \param bytes    the whole content of a file; bytes after the end of the image are ignored
/// \param size     number of bytes, at most 2^31 - 1
/// \param name     stands for the path in messages
/// \param options  see ReadOptions
/// \returns 1 or 3 channels, at least 1 x 1 pixel; conversions as the top of this file lists them
/// \throws FormatError when it's empty, cut off, damaged, of another format or has more pixels than options allow;
/// Error or std::bad_alloc when memory runs out. Thread-safe.
inline Image decode_image(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                          const ReadOptions& options = {}) {
    Image image = detail::with_default_floats([&] { return detail::decode_stored(bytes, size, name, options); });
    return options.apply_exif ? apply_orientation(std::move(image), exif_orientation(bytes, size)) : image;
}

/// Reads an image file.
/// \returns as decode_image does. \throws FileError naming the file when it can't be read, else as decode_image does
inline Image read_image(const std::filesystem::path& path, const ReadOptions& options = {}) {
    const std::vector<std::uint8_t> bytes = detail::read_file(path, detail::kMaxImageFile);
    return decode_image(bytes.data(), bytes.size(), detail::path_text(path), options);
}

/// An image as a PNG file, the pixels exactly.
/// \param image  gray or RGB, at least 1 x 1 pixel, at most 900 million bytes of pixels
/// \throws InvalidArgument for other images
inline std::vector<std::uint8_t> encode_png(ImageView image) {
    return detail::encode_with(image, detail::encode_png_with_stb);
}

/// An image as a JPEG file: baseline, quality 92, colours in full resolution. Gray is stored as RGB.
/// \param image  gray or RGB, at most 65535 pixels a side and 900 million bytes. \throws InvalidArgument for other
/// images
inline std::vector<std::uint8_t> encode_jpeg(ImageView image) {
    constexpr int kQuality = 92, kMaxSide = 65535;
    if (image.width > kMaxSide || image.height > kMaxSide) {
        throw InvalidArgument("a JPEG has at most 65535 pixels a side, not " + std::to_string(image.width) + " x " +
                              std::to_string(image.height));
    }
    return detail::encode_with(image, [](ImageView packed, std::vector<std::uint8_t>& encoded) {
        detail::encode_jpeg_with_stb(packed, kQuality, encoded);
    });
}

/// An image as a BMP file: 24 bits a pixel, gray as RGB.
/// \param image  gray or RGB, at most 900 million bytes of pixels. \throws InvalidArgument for other images
inline std::vector<std::uint8_t> encode_bmp(ImageView image) {
    return detail::encode_with(image, detail::encode_bmp_with_stb);
}

/// Writes an image file in the format that the extension names: .png, .jpg, .jpeg or .bmp, in any case of letters.
///
/// The file appears whole or not at all. \throws InvalidArgument for another extension or an image that the format
/// can't hold (see encode_png, encode_jpeg, encode_bmp), FileError naming the file when it can't be written
inline void write_image(const std::filesystem::path& path, ImageView image) {
    detail::with_default_floats([&] {
        std::string extension = detail::path_text(path.extension());
        for (char& letter : extension) {
            if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
        }
        std::vector<std::uint8_t> bytes;
        if (extension == ".png") {
            bytes = encode_png(image);
        } else if (extension == ".jpg" || extension == ".jpeg") {
            bytes = encode_jpeg(image);
        } else if (extension == ".bmp") {
            bytes = encode_bmp(image);
        } else {
            throw InvalidArgument(detail::path_text(path) +
                                  ": an image is written as .png, .jpg, .jpeg or .bmp, not as '" + extension + "'");
        }
        detail::write_file(path, bytes.data(), bytes.size(), detail::kSharedMode, detail::Durability::in_system);
    });
}

}  // namespace v0_1
}  // namespace ffr
