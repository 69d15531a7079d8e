// The kernels that mix samples, on every path that the machine has: the same bytes as the formula.

#include "ffr/kernels/sampling.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

FFR_EXACT_FLOAT_BEGIN

namespace {

/// Samples all over an image of 2 x 2 pixels at least, the first at its first pixel and the last between its last four.
std::vector<kernels::Sample> scatter(const Image& image, std::size_t count) {
    const std::vector<float> random = numbers(4 * count, 3);
    const auto share = [&](std::size_t i) { return (static_cast<double>(random[i]) + 1) / 2; };
    std::vector<kernels::Sample> samples;
    for (std::size_t i = 0; i < count; ++i) {
        const bool last = i + 1 == count;
        const int x = last ? image.width() - 2 : static_cast<int>(share(4 * i) * (image.width() - 2));
        const int y = last ? image.height() - 2 : static_cast<int>(share(4 * i + 1) * (image.height() - 2));
        samples.push_back({image.row(y) + x * image.channels(), share(4 * i + 2), share(4 * i + 3)});
    }
    if (count > 1) samples[0] = {image.row(0), 0, 0};
    return samples;
}

std::uint8_t mixed(const kernels::Sample& sample, int channels, std::ptrdiff_t stride, int channel) {
    const std::uint8_t* const above = sample.neighbours + channel;
    const std::uint8_t* const below = above + stride;
    const double x = sample.x, y = sample.y;
    return static_cast<std::uint8_t>((1 - y) * ((1 - x) * above[0] + x * above[channels]) +
                                     y * ((1 - x) * below[0] + x * below[channels]));
}

}  // namespace

TEST_CASE("samples are mixed as the formula mixes them, also in the image's last corner") {
    for (const int channels : {1, 3}) {
        CAPTURE(channels);
        for (const int side : {2, 3, 50}) {
            const Image image = noise(side, side, channels, 11);
            const std::ptrdiff_t stride = image.view().stride;
            for (const std::size_t count : std::vector<std::size_t>{0, 1, 2, 3, 5, 150, 10000}) {
                const std::vector<kernels::Sample> samples = scatter(image, count);
                std::vector<std::uint8_t> expected;
                for (const kernels::Sample& sample : samples) {
                    for (int c = 0; c < channels; ++c) expected.push_back(mixed(sample, channels, stride, c));
                }
                for (const kernels::SimdPath path : simd_paths()) {
                    CAPTURE(std::string(kernels::simd_name(path)));
                    std::vector<std::uint8_t> out(expected.size());
                    kernels::mix_samples_of(path, channels)(samples.data(), static_cast<int>(count), stride,
                                                            out.data());
                    CHECK(out == expected);
                }
            }
        }
    }
}

FFR_EXACT_FLOAT_END
