// The kernels that add leaves, on every path that the machine has: the same bits as the formula.

#include "ffr/kernels/leaves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;
using kernels::LeafCoding;

FFR_EXACT_FLOAT_BEGIN

namespace {

template <typename Number>
Number number_at(const kernels::LeafTable& table, std::size_t index) {
    Number number;
    std::memcpy(&number, table.shifts + index * sizeof number, sizeof number);
    return number;
}

/// What a leaf shifts a coordinate by, as the format's description says.
float shift(const kernels::LeafTable& table, std::size_t leaf, std::size_t coordinate) {
    const std::size_t index = leaf * table.coordinates + coordinate;
    switch (table.coding) {
        case LeafCoding::exact:
            return number_at<float>(table, index);
        case LeafCoding::int16:
            return table.step_sizes[leaf] * static_cast<float>(number_at<std::int16_t>(table, index));
        case LeafCoding::int8:
            return table.step_sizes[leaf] * static_cast<float>(number_at<std::int8_t>(table, index));
        case LeafCoding::nibbles:
            break;
    }
    const int point = number_at<std::uint8_t>(table, index / 2);
    return table.step_sizes[leaf] * static_cast<float>((coordinate % 2 == 0 ? point & 15 : point >> 4) - 8);
}

/// Bytes of `leaves` leaves: random floats where the coding is exact, or else random bits.
std::vector<char> random_shifts(LeafCoding coding, std::size_t leaves, std::size_t coordinates) {
    std::vector<char> bytes(leaves * coordinates * kernels::bits_of_a_shift(coding) / 8);
    if (coding == LeafCoding::exact) {
        const std::vector<float> values = numbers(leaves * coordinates, 5);
        std::memcpy(bytes.data(), values.data(), bytes.size());
    } else {
        const Image bits = noise(static_cast<int>(bytes.size()), 1, 1, 5);
        std::memcpy(bytes.data(), bits.pixels().data(), bytes.size());
    }
    return bytes;
}

}  // namespace

TEST_CASE("leaves are added as the formula adds them, in every coding, for any number of points and leaves") {
    constexpr std::size_t kLeaves = 37;
    const std::vector<float> step_sizes = numbers(kLeaves, 7);
    for (const LeafCoding coding : {LeafCoding::exact, LeafCoding::int16, LeafCoding::int8, LeafCoding::nibbles}) {
        CAPTURE(static_cast<int>(coding));
        for (const std::size_t points : std::vector<std::size_t>{1, 2, 3, 4, 5, 7, 8, 15, 31, 32, 33, 67, 68, 69}) {
            CAPTURE(points);
            const std::vector<char> shifts = random_shifts(coding, kLeaves, 2 * points);
            const kernels::LeafTable table{coding, shifts.data(), step_sizes.data(), 2 * points};
            for (const std::size_t count : std::vector<std::size_t>{0, 1, 2, 25}) {
                std::vector<std::size_t> leaves;
                for (std::size_t i = 0; i < count; ++i) leaves.push_back(kLeaves - 1 - i * 11 % kLeaves);
                const std::vector<float> before = numbers(2 * points, 9);
                std::vector<float> expected = before;
                for (const std::size_t leaf : leaves) {
                    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += shift(table, leaf, i);
                }
                for (const kernels::SimdPath path : simd_paths()) {
                    CAPTURE(std::string(kernels::simd_name(path)));
                    std::vector<float> shape = before;
                    kernels::add_leaves(path, table, leaves.data(), count, shape.data());
                    CHECK(shape == expected);
                }
            }
        }
    }
}

TEST_CASE("a leaf's bits are those that its coding says, from the lowest to the highest") {
    const std::vector<float> ones(2, 1.0f);
    for (const kernels::SimdPath path : simd_paths()) {
        CAPTURE(std::string(kernels::simd_name(path)));
        for (const int byte : {0, 1, 127, 128, 255}) {
            const std::vector<char> bytes(16, static_cast<char>(byte));
            const std::size_t leaf = 0;
            const auto added = [&](LeafCoding coding) {
                std::vector<float> shape(8);
                kernels::add_leaves(path, {coding, bytes.data(), ones.data(), 8}, &leaf, 1, shape.data());
                return shape;
            };
            const float as_int8 = static_cast<float>(byte < 128 ? byte : byte - 256);
            const float as_int16 = static_cast<float>(byte < 128 ? byte * 257 : byte * 257 - 65536);
            const float x = static_cast<float>((byte & 15) - 8), y = static_cast<float>((byte >> 4) - 8);
            CHECK(added(LeafCoding::int8) == std::vector<float>(8, as_int8));
            CHECK(added(LeafCoding::int16) == std::vector<float>(8, as_int16));
            CHECK(added(LeafCoding::nibbles) == std::vector<float>{x, y, x, y, x, y, x, y});
        }
    }
}

FFR_EXACT_FLOAT_END
