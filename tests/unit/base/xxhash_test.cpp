#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/xxhash.hpp"

using ffr::detail::xxh64;

TEST_CASE("XXH64 of known texts is what the reference implementation gives") {
    // Values of the Python package xxhash, which wraps the reference implementation.
    const auto hash = [](const std::string& text) { return xxh64(text.data(), text.size()); };
    CHECK(hash("") == 0xEF46DB3751D8E999);
    CHECK(hash("abc") == 0x44BC2CF5AD770999);
    CHECK(hash("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1);
}

TEST_CASE("XXH64 is right for every way in which a length ends") {
    std::vector<unsigned char> bytes(1000);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i * 7);
    const std::pair<std::size_t, std::uint64_t> expected[] = {
        {1, 0xE934A84ADB052768},  {3, 0x9FF70A635A6209AB},   {4, 0xAE5ACDC00A55AC41},   {7, 0xD734A6B26F3DA63E},
        {8, 0x87116B3365B924EB},  {31, 0x0F187C62B1E722B7},  {32, 0x91B0CB0931A8C629},  {33, 0x931B043CF8D65B94},
        {63, 0x219110BF13E2FA26}, {100, 0x8E2272C08247D5DB}, {1000, 0x25275608A9CFC168}};
    for (const auto& known : expected) {
        CAPTURE(known.first);
        CHECK(xxh64(bytes.data(), known.first) == known.second);
    }
}

TEST_CASE("XXH64 takes bytes at any address") {
    std::vector<unsigned char> bytes(80);
    for (std::size_t shift = 0; shift < 16; ++shift) {
        std::memcpy(bytes.data() + shift, "Nobody inspects the spammish repetition", 39);
        CHECK(xxh64(bytes.data() + shift, 39) == 0xFBCEA83C8A378BF1);
    }
}
