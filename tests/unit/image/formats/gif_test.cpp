#include "ffr/image/formats/gif.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ffr/base/file.hpp"
#include "ffr/image/image_io.hpp"

using namespace ffr;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// LZW codes of a GIF with two colours, packed into blocks; the reader's table is followed for their lengths in bits.
class Codes {
  public:
    void add(unsigned code) {
        held_ |= static_cast<std::uint32_t>(code) << count_;
        for (count_ += bits_; count_ >= 8; count_ -= 8, held_ >>= 8) data_.push_back(static_cast<std::uint8_t>(held_));
        if (code == kClear) {
            known_ = kClear + 2, bits_ = 3, fresh_ = true;
            return;
        }
        if (!fresh_ && known_ < 4096) ++known_;
        fresh_ = false;
        if (known_ == 1u << bits_ && bits_ < 12) ++bits_;
    }
    unsigned known() const { return known_; }

    /// The whole file.
    Bytes gif(std::uint8_t width, std::uint8_t height) {
        add(kClear + 1);
        data_.push_back(static_cast<std::uint8_t>(held_));
        Bytes bytes{'G', 'I', 'F', '8', '9', 'a', width, 0, height, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255};
        const Bytes before_codes{0x21, 0xF9, 4, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 0, width, 0, height, 0, 0, 2};
        bytes.insert(bytes.end(), before_codes.begin(), before_codes.end());
        for (std::size_t i = 0; i < data_.size(); i += 255) {
            const std::size_t count = std::min<std::size_t>(255, data_.size() - i);
            bytes.push_back(static_cast<std::uint8_t>(count));
            const auto first = data_.begin() + static_cast<std::ptrdiff_t>(i);
            bytes.insert(bytes.end(), first, first + static_cast<std::ptrdiff_t>(count));
        }
        bytes.push_back(0);
        bytes.push_back(0x3B);
        return bytes;
    }

    static constexpr unsigned kClear = 4;

  private:
    Bytes data_;
    std::uint32_t held_ = 0;
    int count_ = 0, bits_ = 3;
    unsigned known_ = kClear + 2;
    bool fresh_ = true;
};

std::string defect(const Bytes& bytes) {
    return detail::gif_defect(bytes.data(), bytes.size());
}

/// One pixel, then runs each longer than the one before by one, as many as there are codes for.
Bytes runs(unsigned count, std::uint8_t width, std::uint8_t height) {
    Codes codes;
    codes.add(Codes::kClear);
    codes.add(1);
    for (unsigned i = 0; i < count; ++i) codes.add(codes.known() < 4096 ? codes.known() : 4095);
    return codes.gif(width, height);
}

}  // namespace

TEST_CASE("runs of pixels are counted as they're decoded") {
    // 1 + 2 + ... + 20 pixels.
    const Image image = decode_image(runs(19, 21, 10).data(), runs(19, 21, 10).size(), "runs.gif");
    CHECK(image.width() == 21);
    for (const std::uint8_t value : image.pixels()) CHECK(value == 255);
    Bytes bytes = runs(19, 21, 10);
    detail::GifBytes at_codes(bytes.data(), bytes.size());
    at_codes.skip(37);
    CHECK(detail::unpacked_pixels(at_codes, 1000) == 210);
}

TEST_CASE("a GIF whose codes stand for many more pixels than it has is refused") {
    CHECK(defect(runs(300, 1, 1)) == "");  // 45,451 pixels: some programs write more than there are
    CHECK(defect(runs(5000, 1, 1)) == "it unpacks to more pixels than it has");
    CHECK_THROWS_WITH_AS(decode_image(runs(5000, 1, 1).data(), runs(5000, 1, 1).size(), "a.gif"),
                         "a.gif: the image is damaged: it unpacks to more pixels than it has", FormatError);
    CHECK(defect(runs(600, 255, 255)) == "");
}

TEST_CASE("what isn't a GIF, or ends anywhere, has no such defect") {
    CHECK(defect({}) == "");
    const Bytes whole = runs(5000, 1, 1);
    for (std::size_t size = 0; size < 300; ++size)
        CHECK(defect({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}) == "");
    for (const char* const name : {"palette_3x2.gif", "two_frames.gif", "rgb_3x2.png"}) {
        const Bytes bytes = detail::read_file(std::filesystem::path(FFR_TEST_DIR) / "unit/data" / name);
        CHECK(defect(bytes) == "");
    }
}
