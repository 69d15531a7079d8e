#pragma once
/// \file
/// The formats that stb decodes and encodes: all of ffr's dealings with it.
///
///     bytes of a JPEG, PNG, BMP, GIF, TGA, PSD --stb_image--> Image h x w x 1 or 3 --stb_image_write--> PNG, JPEG, BMP
///
/// stb takes a compiler about 2 s, so that a program of many files may have it compiled in one of them: see
/// docs/macros.md.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "../../base/compiled.hpp"
#include "../../base/error.hpp"
#include "../image.hpp"

#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)
#include "stb.hpp"
#endif

namespace ffr {
inline namespace v0_1 {

namespace detail {

[[noreturn]] inline void fail_not_an_image(const std::string& name, const std::string& reason) {
    throw FormatError(name +
                      ": isn't an image in a format that ffr reads (JPEG, PNG, BMP, GIF, TGA, PSD, PNM): " + reason);
}

[[noreturn]] inline void fail_damaged(const std::string& name, const std::string& reason) {
    throw FormatError(name + ": the image is damaged: " + reason);
}

[[noreturn]] inline void fail_cut_off(const std::string& name, std::size_t size) {
    throw FormatError(name + ": the file is cut off: its image goes on after the last of " + std::to_string(size) +
                      " bytes");
}

inline bool starts_with(const std::uint8_t* bytes, std::size_t size, const char* magic, std::size_t magic_size) {
    return size >= magic_size && std::memcmp(bytes, magic, magic_size) == 0;
}

inline void check_dimensions(std::int64_t width, std::int64_t height, const std::string& name,
                             std::int64_t max_pixels) {
    if (width < 1 || height < 1) fail_damaged(name, "it has no pixels");
    if (width > max_pixels / height) {
        throw FormatError(name + ": has " + std::to_string(width) + " x " + std::to_string(height) +
                          " pixels, more than the limit of " + std::to_string(max_pixels));
    }
}

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

Image decode_with_stb(const std::uint8_t* bytes, std::size_t size, const std::string& name, std::int64_t max_pixels);
void encode_png_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded);
void encode_jpeg_with_stb(ImageView packed, int quality, std::vector<std::uint8_t>& encoded);
void encode_bmp_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded);

#else

/// A file in memory, read by stb through callbacks and not directly so that reading on after the end is noticed: stb
/// itself takes zeros from there, and for some formats leaves pixels unset.
struct StbSource {
    const std::uint8_t* bytes;
    std::size_t size;
    std::size_t position = 0;
    char* block = nullptr;  // stb's own read-ahead buffer: where its first read goes
    bool ran_out = false;

    static int read(void* user, char* to, int wanted) {
        StbSource& source = *static_cast<StbSource*>(user);
        if (source.block == nullptr) source.block = to;
        const std::size_t left = source.size - source.position;
        const std::size_t count = left < static_cast<std::size_t>(wanted) ? left : static_cast<std::size_t>(wanted);
        std::memcpy(to, source.bytes + source.position, count);
        source.position += count;
        // Reading ahead may fall short as long as there's something; a read into the image itself may not.
        if (count == 0 || (to != source.block && count < static_cast<std::size_t>(wanted))) source.ran_out = true;
        return static_cast<int>(count);
    }
    static void skip(void* user, int count) {
        StbSource& source = *static_cast<StbSource*>(user);
        const std::size_t left = source.size - source.position;
        source.position += left < static_cast<std::size_t>(count) ? left : static_cast<std::size_t>(count);
    }
    static int eof(void* user) {
        const StbSource& source = *static_cast<StbSource*>(user);
        return source.position >= source.size ? 1 : 0;
    }
};

/// stb's pixels as an Image: 2 and 4 channels lose the last one.
inline Image image_from_stb(const std::uint8_t* pixels, int width, int height, int channels) {
    Image image(width, height, channels <= 2 ? 1 : 3);
    const auto from_channels = static_cast<std::size_t>(channels);
    const auto to_channels = static_cast<std::size_t>(image.channels());
    if (from_channels == to_channels) {
        std::memcpy(image.pixels().data(), pixels, image.pixels().size());
        return image;
    }
    std::uint8_t* to = image.pixels().data();
    std::uint8_t* const end = to + image.pixels().size();
    for (; to != end; to += to_channels, pixels += from_channels) {
        for (std::size_t c = 0; c < to_channels; ++c) to[c] = pixels[c];
    }
    return image;
}

/// The largest piece of memory that stb needs: twice a file, since it collects PNG's data in memory that it doubles; what's
/// unpacked of them, 16-bit RGBA and half of it unused; or a plane of a progressive JPEG, in blocks of up to 32 x 32.
inline std::size_t decoding_allowance(std::size_t file_size, std::int64_t width, std::int64_t height) {
    const double bytes = 65536 + 2.0 * static_cast<double>(file_size) +
                         16.0 * static_cast<double>(width) * static_cast<double>(height) +
                         2.0 * static_cast<double>(width + 64) * static_cast<double>(height + 64);
    constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max() / 2;
    return bytes < static_cast<double>(kMost) ? static_cast<std::size_t>(bytes) : kMost;
}

/// One function from stb's calls to its reasons, see stb.hpp. \throws std::bad_alloc, too, when memory runs out
inline Image decode_in_memory(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                              std::int64_t max_pixels) {
    StbMemory memory;
    int width = 0, height = 0, channels = 0;
    if (stb::stbi_info_from_memory(bytes, static_cast<int>(size), &width, &height, &channels) == 0) {
        const bool known = starts_with(bytes, size, "\xFF\xD8\xFF", 3) ||
                           starts_with(bytes, size, "\x89PNG\r\n\x1A\n", 8) || starts_with(bytes, size, "GIF8", 4) ||
                           starts_with(bytes, size, "8BPS", 4);
        if (known) fail_damaged(name, "its header is cut off, damaged or of a kind that isn't read");
        fail_not_an_image(name, stb::stbi_failure_reason());
    }
    // A BMP whose first row is the top one has a negative height.
    const std::int64_t rows = height < 0 ? -std::int64_t{height} : height;
    check_dimensions(width, rows, name, max_pixels);

    memory.limit(decoding_allowance(size, width, rows));
    StbSource source{bytes, size};
    const stb::stbi_io_callbacks callbacks{&StbSource::read, &StbSource::skip, &StbSource::eof};
    const stb::stbi_uc* const pixels =
        stb::stbi_load_from_callbacks(&callbacks, &source, &width, &height, &channels, 0);
    if (source.ran_out) fail_cut_off(name, size);
    if (pixels == nullptr) {
        const std::string reason = stb::stbi_failure_reason();
        if (reason == "outofmem") throw std::bad_alloc();  // a size that overflowed
        fail_damaged(name, reason == "bad png sig" ? "no picture in it" : reason);
    }
    return image_from_stb(pixels, width, height, channels);
}

/// JPEG, PNG, BMP, GIF, TGA, PSD.
FFR_COMPILED_INLINE Image decode_with_stb(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                                          std::int64_t max_pixels) {
    try {
        return decode_in_memory(bytes, size, name, max_pixels);
    } catch (const StbMemory::BeyondLimit&) {
        fail_damaged(name, "its data claim more memory than an image of its size takes");
    } catch (const std::bad_alloc&) {
        throw Error(name + ": there isn't enough memory to decode the image");
    }
}

inline void append_encoded(void* user, void* data, int size) {
    auto& encoded = *static_cast<std::vector<std::uint8_t>*>(user);
    const auto* const first = static_cast<const std::uint8_t*>(data);
    encoded.insert(encoded.end(), first, first + size);
}

/// The encoders take pixels without gaps between rows.
FFR_COMPILED_INLINE void encode_png_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded) {
    const StbMemory memory;
    stb::stbi_write_png_to_func(append_encoded, &encoded, packed.width, packed.height, packed.channels, packed.pixels,
                                packed.width * packed.channels);
}

FFR_COMPILED_INLINE void encode_jpeg_with_stb(ImageView packed, int quality, std::vector<std::uint8_t>& encoded) {
    const StbMemory memory;
    stb::stbi_write_jpg_to_func(append_encoded, &encoded, packed.width, packed.height, packed.channels, packed.pixels,
                                quality);
}

FFR_COMPILED_INLINE void encode_bmp_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded) {
    const StbMemory memory;
    stb::stbi_write_bmp_to_func(append_encoded, &encoded, packed.width, packed.height, packed.channels, packed.pixels);
}

#endif

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
