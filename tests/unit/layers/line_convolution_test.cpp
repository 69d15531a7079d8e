// Convolutions by lines against the plain ones, on every path that the machine has.

#include "ffr/layers/line_convolution.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

namespace {

FeatureMaps some_maps(const ConvolutionShape& shape) {
    FeatureMaps maps(shape.inputs, shape.height, shape.width);
    maps.values = numbers(maps.values.size(), 7);
    return maps;
}

/// Maps as lines that are all kept.
LineRing ring_of(const FeatureMaps& maps, int padding, Workspace& workspace) {
    LineRing ring(workspace, maps.channels, maps.height, maps.width, padding, maps.height);
    for (int c = 0; c < maps.channels; ++c) {
        for (int y = 0; y < maps.height; ++y) {
            float* const line = ring.line(y) + c / 16 * ring.plane() + c % 16;
            for (int x = 0; x < maps.width; ++x) line[16 * x] = maps.map(c)[y * maps.width + x];
        }
    }
    return ring;
}

/// A picture's rows as they are, colours beside each other.
std::vector<float> interleaved(const FeatureMaps& maps) {
    std::vector<float> pixels;
    for (int i = 0; i < maps.height * maps.width; ++i) {
        for (int c = 0; c < 3; ++c) pixels.push_back(maps.map(c)[i]);
    }
    return pixels;
}

/// All lines of a layer's output by lines, as plain maps.
FeatureMaps by_lines(const LineConvolution& layer, const FeatureMaps& in, Workspace& workspace) {
    const ConvolutionShape& shape = layer.shape();
    FeatureMaps out(shape.outputs, shape.output_height(), shape.output_width());
    const LineRing from = ring_of(in, shape.padding, workspace);
    const std::vector<float> pixels = shape.inputs == 3 ? interleaved(in) : std::vector<float>();
    LineRing to(workspace, shape.outputs, out.height, out.width, 0, 1);
    for (int y = 0; y < out.height; ++y) {
        LineConvolution::Lines lines{};
        for (int row = 0; row < shape.side; ++row) {
            const int at = y * shape.stride - shape.padding + row;
            lines[static_cast<std::size_t>(row)] =
                pixels.empty() ? from.padded_line(at) : pixels.data() + 3 * at * in.width;
        }
        layer.apply(lines, from.plane(), to.line(0), to.plane(), out.width);
        for (int c = 0; c < shape.outputs; ++c) {
            for (int x = 0; x < out.width; ++x) {
                const float* const line = to.line(0);
                out.map(c)[y * out.width + x] =
                    shape.outputs == 1 ? line[x] : line[c / 16 * to.plane() + c % 16 + 16 * x];
            }
        }
    }
    return out;
}

double largest_difference(const FeatureMaps& found, const FeatureMaps& expected) {
    REQUIRE(found.values.size() == expected.values.size());
    double largest = 0;
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const double off = std::fabs(double{found.values[i]} - double{expected.values[i]});
        if (!(off <= largest)) largest = off;  // so that a NaN stays
    }
    return largest;
}

}  // namespace

TEST_CASE("a convolution by lines gives what the plain one gives, on every path, for lines of any length") {
    std::vector<ConvolutionShape> shapes;
    for (int width = 1; width <= 60; width += width < 32 ? 1 : 7) {
        shapes.push_back({3, 7, 2 * width + 3, 16, 5, 2, 0});   // colours
        shapes.push_back({16, 9, 2 * width + 4, 32, 5, 2, 0});  // halving, a column too many
        shapes.push_back({45, 4, width, 45, 5, 1, 2});          // channels that fill no block
        shapes.push_back({45, 3, width, 1, 9, 1, 4});           // to one
    }
    shapes.push_back({3, 9, 21, 33, 3, 2, 0});  // more outputs than a panel, other sides, and paddings
    shapes.push_back({17, 9, 21, 70, 3, 2, 1});
    shapes.push_back({64, 5, 11, 100, 1, 1, 0});
    shapes.push_back({5, 5, 11, 1, 3, 1, 0});
    for (const kernels::SimdPath path : simd_paths()) {
        for (const ConvolutionShape& shape : shapes) {
            CAPTURE(std::string(kernels::simd_name(path)));
            CAPTURE(shape.inputs);
            CAPTURE(shape.width);
            CAPTURE(shape.outputs);
            const auto count = static_cast<std::size_t>(shape.outputs * shape.taps());
            const std::vector<float> weights = numbers(count, 3);
            const std::vector<float> bias = numbers(static_cast<std::size_t>(shape.outputs), 5);
            const FeatureMaps in = some_maps(shape);
            Workspace workspace;
            FeatureMaps expected = convolve(Convolution::from(shape, weights, bias), in);
            if (shape.outputs > 1) expected = relu(std::move(expected));
            const FeatureMaps found = by_lines({shape, weights, bias, path}, in, workspace);
            CHECK(largest_difference(found, expected) < 1e-4);
        }
    }
}

TEST_CASE("a ring keeps its last lines, and gives zeros above and below the maps") {
    Workspace workspace;
    LineRing ring(workspace, 1, 10, 2, 3, 4);
    for (int y = 0; y < 10; ++y) ring.line(y)[0] = static_cast<float>(y + 1);
    for (int y = 6; y < 10; ++y) {
        CHECK(ring.padded_line(y)[3 * 16] == static_cast<float>(y + 1));
        CHECK(ring.padded_line(y)[2 * 16] == 0);
        CHECK(ring.padded_line(y)[7 * 16] == 0);
    }
    for (const int y : {-4, -1, 10, 13}) CHECK(ring.padded_line(y)[3 * 16] == 0);
}

TEST_CASE("layers that there's no kernel for, or that haven't got all their weights, are refused") {
    const auto refused = [](const ConvolutionShape& shape, std::size_t missing) {
        const auto count = static_cast<std::size_t>(shape.outputs * shape.taps()) - missing;
        const std::vector<float> bias(static_cast<std::size_t>(shape.outputs));
        try {
            const LineConvolution layer(shape, std::vector<float>(count), bias);
        } catch (const InvalidArgument&) {
            return true;
        }
        return false;
    };
    CHECK(!refused({16, 0, 0, 16, 5, 1, 2}, 0));
    CHECK(refused({16, 0, 0, 16, 5, 1, 2}, 1));
    CHECK(refused({16, 0, 0, 16, 5, 3, 2}, 0));
    CHECK(refused({16, 0, 0, 16, 11, 1, 2}, 0));
    CHECK(refused({3, 0, 0, 16, 5, 1, 0}, 0));
    CHECK(refused({16, 0, 0, 1, 5, 2, 0}, 0));
}
