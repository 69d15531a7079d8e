#include "mark.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string_view>

namespace {

constexpr std::string_view kBegin = "ffr: ";
constexpr std::string_view kPngBegin("\x89PNG\r\n\x1a\n", 8), kJpegBegin("\xFF\xD8\xFF\xE0", 4);
constexpr std::string_view kPngEnd("IEND\xAE\x42\x60\x82", 8), kJpegEnd("\xFF\xD9", 2);
constexpr std::string_view kWeightsBegin(
    "\x89"
    "FFR\r\n\x1a\n",
    8);
/// Of PNG's international text: keyword, no compression, no language, no translated keyword.
constexpr std::string_view kKeyword("Software\0\0\0\0\0", 13);
/// Where marks go: behind PNG's signature and IHDR, and behind JPEG's start and JFIF header.
constexpr std::size_t kPngPlace = 33, kJpegPlace = 20;

std::uint32_t big_endian(std::string_view bytes, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

std::string big_endian_bytes(std::uint32_t value, std::size_t count) {
    std::string bytes;
    for (std::size_t i = count; i-- > 0;) bytes += static_cast<char>(value >> 8 * i & 0xFF);
    return bytes;
}

/// The CRC of PNG's chunks, ISO 3309.
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xEDB88320 & (0 - (crc & 1)));
    }
    return ~crc;
}

bool begins_with(std::string_view text, std::string_view begin) {
    return text.substr(0, begin.size()) == begin;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// The text of a PNG's first chunk after its header, where that's our keyword's.
std::string_view png_text(std::string_view head) {
    if (head.size() < kPngPlace + 8) return {};
    const std::size_t size = big_endian(head.substr(kPngPlace), 4);
    const std::string_view chunk = head.substr(kPngPlace + 4);
    if (size > head.size() || !begins_with(chunk, "iTXt") || !begins_with(chunk.substr(4), kKeyword)) return {};
    return size < kKeyword.size() ? std::string_view() : chunk.substr(4).substr(0, size).substr(kKeyword.size());
}

std::string_view jpeg_text(std::string_view head) {
    if (head.size() < kJpegPlace + 4 || big_endian(head.substr(kJpegPlace), 2) != 0xFFFE) return {};
    const std::size_t size = big_endian(head.substr(kJpegPlace + 2), 2);
    return size < 2 ? std::string_view() : head.substr(kJpegPlace + 4, size - 2);
}

/// The first and the last bytes of a file.
struct Ends {
    std::string head, tail;
};

Ends read_ends(const std::filesystem::path& file) {
    constexpr std::size_t kHead = 4096, kTail = 8;
    Ends ends{std::string(kHead, '\0'), std::string(kTail, '\0')};
    std::ifstream in(file, std::ios::binary);
    in.read(ends.head.data(), kHead);
    ends.head.resize(static_cast<std::size_t>(in.gcount()));
    in.clear();
    in.seekg(-static_cast<std::streamoff>(kTail), std::ios::end);
    in.read(ends.tail.data(), kTail);
    return ends;
}

/// A text's mark: after a quote, up to the next one.
std::string quoted_mark(std::string_view head) {
    const std::size_t place = head.find('"' + std::string(kBegin));
    if (place == std::string_view::npos) return "";
    const std::string_view mark = head.substr(place + 1);
    return std::string(mark.substr(0, mark.find('"')));
}

}  // namespace

std::string kind_name(Kind kind) {
    constexpr std::array kNames{"an annotated copy", "an aligned face", "a HOG picture", "a contact sheet", "a chart",
                                "a demo picture",    "a demo page",     "a timeline",    "a model",         "a table"};
    return kNames[static_cast<std::size_t>(kind)];
}

std::string mark_text(Kind kind, const std::string& details) {
    const std::string name = kind_name(kind);
    return std::string(kBegin) + name.substr(name.find(' ') + 1) + (details.empty() ? "" : "; " + details);
}

std::vector<std::uint8_t> marked(const std::vector<std::uint8_t>& picture, const std::string& mark) {
    const bool is_png = picture[0] == 0x89;
    std::string chunk;
    if (is_png) {
        const std::string text = "iTXt" + std::string(kKeyword) + mark;
        chunk =
            big_endian_bytes(static_cast<std::uint32_t>(text.size() - 4), 4) + text + big_endian_bytes(crc32(text), 4);
    } else {
        constexpr std::size_t kMost = 65533;  // two bytes tell a comment's size
        const std::string text = mark.substr(0, kMost);
        chunk = "\xFF\xFE" + big_endian_bytes(static_cast<std::uint32_t>(text.size() + 2), 2) + text;
    }
    const auto place = picture.begin() + static_cast<std::ptrdiff_t>(is_png ? kPngPlace : kJpegPlace);
    std::vector<std::uint8_t> result(picture.begin(), place);
    result.insert(result.end(), chunk.begin(), chunk.end());
    result.insert(result.end(), place, picture.end());
    return result;
}

std::string mark_of(const std::filesystem::path& file) {
    const Ends ends = read_ends(file);
    if (begins_with(ends.head, kPngBegin)) {
        const std::string mark(png_text(ends.head));
        return ends_with(ends.tail, kPngEnd) && begins_with(mark, kBegin) ? mark : "";
    }
    if (begins_with(ends.head, kJpegBegin)) {
        const std::string mark(jpeg_text(ends.head));
        return ends_with(ends.tail, kJpegEnd) && begins_with(mark, kBegin) ? mark : "";
    }
    if (begins_with(ends.head, kWeightsBegin)) {
        const bool is_model = ends.head.compare(32, 11, std::string("identifier\0", 11)) == 0;
        return is_model ? mark_text(Kind::model) : "";
    }
    const bool is_text = begins_with(ends.head, "{") || begins_with(ends.head, "<!DOCTYPE html>");
    return is_text ? quoted_mark(ends.head) : "";
}
