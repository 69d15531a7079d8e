#include "run/mark.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <string_view>

#include "ffr/base/weights_file.hpp"

namespace {

constexpr std::string_view kBegin = "ffr: ";
constexpr std::string_view kPngBegin("\x89PNG\r\n\x1a\n", 8), kJpegBegin("\xFF\xD8\xFF\xE0", 4);
constexpr std::string_view kWeightsBegin(
    "\x89"
    "FFR\r\n\x1a\n",
    8);
/// How a timeline and a page begin, up to their marks.
constexpr std::string_view kTimelineBegin = "{\n  \"made_by\": \"";
constexpr std::string_view kPageBegin =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"";
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
    for (std::size_t i = 1; i <= count; ++i) bytes += static_cast<char>(value >> 8 * (count - i) & 0xFF);
    return bytes;
}

/// The CRC of PNG's chunks, ISO 3309.
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

bool begins_with(std::string_view text, std::string_view begin) {
    return text.substr(0, begin.size()) == begin;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Where a picture's mark stands, with all that belongs to it, and what it says.
struct Chunk {
    std::size_t place = 0, size = 0;
    std::string_view text;
};

/// A PNG's first chunk after its header, where that has our keyword.
Chunk png_chunk(std::string_view file) {
    if (file.size() < kPngPlace + 12) return {};
    const std::size_t size = big_endian(file.substr(kPngPlace), 4);
    const std::string_view data = file.substr(kPngPlace + 8);
    if (size < kKeyword.size() || size + 4 > data.size() || file.substr(kPngPlace + 4, 4) != "iTXt") return {};
    if (!begins_with(data, kKeyword)) return {};
    return {kPngPlace, size + 12, data.substr(kKeyword.size(), size - kKeyword.size())};
}

/// A JPEG's first segment after its header, where that's a comment.
Chunk jpeg_chunk(std::string_view file) {
    if (file.size() < kJpegPlace + 4 || big_endian(file.substr(kJpegPlace), 2) != 0xFFFE) return {};
    const std::size_t size = big_endian(file.substr(kJpegPlace + 2), 2);
    if (size < 2 || size + 2 > file.size() - kJpegPlace) return {};
    return {kJpegPlace, size + 2, file.substr(kJpegPlace + 4, size - 2)};
}

std::string checksum_of(std::string_view bytes) {
    return "; " + ffr::hexadecimal(ffr::detail::xxh64(bytes.data(), bytes.size()));
}

/// A picture's mark, when the rest of it is as it was written.
std::string picture_mark(std::string_view file, const Chunk& chunk) {
    std::string rest(file.substr(0, chunk.place));
    rest += file.substr(chunk.place + chunk.size);
    const std::string checksum = checksum_of(rest);
    if (!begins_with(chunk.text, kBegin) || !ends_with(chunk.text, checksum)) return "";
    return std::string(chunk.text.substr(0, chunk.text.size() - checksum.size()));
}

/// A mark in quotes behind what a file has to begin with.
std::string quoted_mark(std::string_view file, std::string_view begin) {
    if (!begins_with(file, begin) || !begins_with(file.substr(begin.size()), kBegin)) return "";
    const std::string_view mark = file.substr(begin.size());
    return std::string(mark.substr(0, mark.find('"')));
}

/// Of pictures all, of others the first bytes.
std::string read_marked(const std::filesystem::path& file) {
    std::string content(4096, '\0');
    std::ifstream in(file, std::ios::binary);
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(in.gcount()));
    if (begins_with(content, kPngBegin) || begins_with(content, kJpegBegin)) {
        content.append(std::istreambuf_iterator<char>(in), {});
    }
    return content;
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
    const std::string plain(picture.begin(), picture.end());
    const bool is_png = begins_with(plain, kPngBegin);
    std::string text = (is_png ? "iTXt" + std::string(kKeyword) : "") + mark + checksum_of(plain);
    if (is_png) {
        const auto size = static_cast<std::uint32_t>(text.size() - 4);
        text = big_endian_bytes(size, 4) + text + big_endian_bytes(crc32(text), 4);
    } else {
        text = "\xFF\xFE" + big_endian_bytes(static_cast<std::uint32_t>(text.size() + 2), 2) + text;
    }
    std::vector<std::uint8_t> result = picture;
    const auto place = static_cast<std::ptrdiff_t>(is_png ? kPngPlace : kJpegPlace);
    result.insert(result.begin() + place, text.begin(), text.end());
    return result;
}

std::string mark_of(const std::filesystem::path& file) {
    std::error_code code;
    if (!std::filesystem::is_regular_file(file, code)) return "";
    const std::string content = read_marked(file);
    if (begins_with(content, kPngBegin)) return picture_mark(content, png_chunk(content));
    if (begins_with(content, kJpegBegin)) return picture_mark(content, jpeg_chunk(content));
    if (begins_with(content, kWeightsBegin)) {
        const bool is_model = content.size() > 43 && content.compare(32, 11, std::string("identifier\0", 11)) == 0;
        return is_model ? mark_text(Kind::model) : "";
    }
    const std::string timeline = quoted_mark(content, kTimelineBegin);
    return timeline.empty() ? quoted_mark(content, kPageBegin) : timeline;
}
