// The fast layers against the plain ones, on every path that the machine has.

#include "ffr/layers/simd_layers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/embed/resnet29.hpp"
#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

namespace {

FeatureMaps some_maps(int channels, int height, int width, std::uint32_t seed) {
    FeatureMaps maps(channels, height, width);
    maps.values = numbers(maps.values.size(), seed);
    return maps;
}

/// Faces' maps, all of one size, in blocks; what fills up is 0.
BlockedMaps blocked(const std::vector<FeatureMaps>& faces, Workspace& workspace) {
    const FeatureMaps& first = faces.at(0);
    BlockedMaps maps(workspace, static_cast<int>(faces.size()), first.channels, first.height, first.width);
    std::fill_n(maps.data(), maps.count(), 0.0f);
    for (std::size_t face = 0; face < faces.size(); ++face) {
        for (int c = 0; c < first.channels; ++c) {
            for (int y = 0; y < first.height; ++y) {
                for (int x = 0; x < first.width; ++x) {
                    maps.at(c / 16, static_cast<int>(face), y, x)[c % 16] = faces[face].map(c)[y * first.width + x];
                }
            }
        }
    }
    return maps;
}

double difference(const FeatureMaps& found, const FeatureMaps& expected) {
    if (found.channels != expected.channels || found.height != expected.height || found.width != expected.width) {
        return 1e9;
    }
    double largest = 0;
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const double off = std::fabs(double{found.values[i]} - double{expected.values[i]});
        if (!(off <= largest)) largest = off;  // so that a NaN stays
    }
    return largest;
}

std::size_t weight_count(const ConvolutionShape& shape) {
    return static_cast<std::size_t>(shape.outputs) * static_cast<std::size_t>(shape.taps());
}

/// The largest difference of a convolution of `faces` faces, with a shortcut of `shortcut` maps, measured by the root of
/// the number of terms.
double convolution_difference(kernels::SimdPath path, const ConvolutionShape& shape, int faces, int shortcut,
                              int threads = 1) {
    const auto weights = numbers(weight_count(shape), 1), bias = numbers(static_cast<std::size_t>(shape.outputs), 2);
    const auto plain = Convolution::from(shape, weights, bias);
    const auto layer = SimdConvolution::from(shape, weights, bias, path);
    Workspace workspace(threads);
    const PlainLayers plain_layers(workspace);
    const SimdLayers layers(workspace, path);
    std::vector<FeatureMaps> in, shortcuts;
    for (int face = 0; face < faces; ++face) {
        const auto seed = static_cast<std::uint32_t>(10 * face);
        in.push_back(some_maps(shape.inputs, shape.height, shape.width, seed + 3));
        if (shortcut > 0) {
            shortcuts.push_back(some_maps(shortcut, shape.output_height(), shape.output_width(), seed + 4));
        }
    }
    const BlockedMaps maps = blocked(in, workspace);
    const BlockedMaps out = shortcut > 0 ? layers.convolve_add_relu(layer, maps, blocked(shortcuts, workspace))
                                         : layers.connect(layer, maps);
    double largest = 0;
    for (std::size_t face = 0; face < in.size(); ++face) {
        const FeatureMaps expected = shortcut > 0 ? plain_layers.convolve_add_relu(plain, in[face], shortcuts[face])
                                                  : plain_layers.connect(plain, in[face]);
        largest = std::max(largest, difference(layers.plain(out, face), expected));
    }
    return largest / std::sqrt(static_cast<double>(shape.taps() + 1));
}

}  // namespace

TEST_CASE("the path is one that the machine has, and every path has a name") {
    CHECK(kernels::has_simd(kernels::simd_path()));
    CHECK(kernels::has_simd(kernels::SimdPath::scalar));
    CHECK(std::string(kernels::simd_name(kernels::SimdPath::avx512)) == "avx512");
    CHECK(simd_paths().size() >= 1);
}

TEST_CASE("a fast convolution equals the plain one over odd sizes, strides, paddings and numbers of maps") {
    for (const kernels::SimdPath path : simd_paths()) {
        for (const int side : {1, 2, 3, 5}) {
            for (const int stride : {1, 2, 3}) {
                for (const int padding : {0, 1, 2}) {
                    for (const auto& size : {std::pair{1, 1}, std::pair{1, 9}, std::pair{7, 7}, std::pair{8, 13}}) {
                        const int height = size.first, width = size.second;
                        if (std::min(height, width) + 2 * padding < side) continue;
                        for (const auto& maps : {std::pair{1, 1}, std::pair{17, 33}, std::pair{16, 48}}) {
                            const int inputs = maps.first, outputs = maps.second;
                            CAPTURE(std::string(kernels::simd_name(path)));
                            CAPTURE(side);
                            CAPTURE(stride);
                            CAPTURE(padding);
                            CAPTURE(height);
                            CAPTURE(width);
                            CAPTURE(inputs);
                            const ConvolutionShape shape{inputs, height, width, outputs, side, stride, padding};
                            REQUIRE(convolution_difference(path, shape, 1, 0) < 1e-5);
                        }
                    }
                }
            }
        }
    }
}

TEST_CASE("Winograd's tiles cover maps of every size, of many faces, with bias, shortcut and activation") {
    for (const kernels::SimdPath path : simd_paths()) {
        for (int size = 1; size <= 18; ++size) {
            CAPTURE(std::string(kernels::simd_name(path)));
            CAPTURE(size);
            REQUIRE(convolution_difference(path, {5, size, size, 40, 3, 1, 1}, 3, 40) < 1e-5);
            REQUIRE(convolution_difference(path, {16, size, size + 5, 16, 3, 1, 1}, 1, 16) < 1e-5);
        }
    }
}

TEST_CASE("fast convolutions equal the plain ones in the shapes of the networks, alone and in batches") {
    for (const kernels::SimdPath path : simd_paths()) {
        CAPTURE(std::string(kernels::simd_name(path)));
        CHECK(convolution_difference(path, {32, 35, 35, 32, 3, 1, 1}, 1, 32) < 1e-5);
        CHECK(convolution_difference(path, {64, 17, 17, 128, 3, 2, 0}, 2, 0) < 1e-5);
        CHECK(convolution_difference(path, {128, 8, 8, 128, 3, 1, 1}, 3, 64) < 1e-5);
        CHECK(convolution_difference(path, {256, 4, 4, 64, 3, 1, 1}, 5, 64) < 1e-5);
        CHECK(convolution_difference(path, {256, 1, 1, 64, 3, 1, 1}, 4, 64) < 1e-5);
        CHECK(convolution_difference(path, {32, 12, 12, 64, 5, 1, 2}, 2, 0) < 1e-5);
        CHECK(convolution_difference(path, {192, 12, 12, 96, 1, 1, 0}, 2, 0) < 1e-5);
        CHECK(convolution_difference(path, {736, 1, 1, 128, 1, 1, 0}, 3, 0) < 1e-5);
    }
}

TEST_CASE("threads give the same bits") {
    const ConvolutionShape shapes[] = {{32, 35, 35, 32, 3, 1, 1}, {64, 17, 17, 128, 3, 2, 0}, {256, 4, 4, 96, 3, 1, 1}};
    for (const ConvolutionShape& shape : shapes) {
        const auto layer = SimdConvolution::from(shape, numbers(weight_count(shape), 1),
                                                 numbers(static_cast<std::size_t>(shape.outputs), 2));
        Workspace one(1), three(3);
        const std::vector<FeatureMaps> in{some_maps(shape.inputs, shape.height, shape.width, 3)};
        const FeatureMaps expected = layer.apply(blocked(in, one), nullptr, true, one).plain(0);
        CHECK(layer.apply(blocked(in, three), nullptr, true, three).plain(0).values == expected.values);
    }
}

TEST_CASE("a shortcut of another size is added as plain layers add it") {
    for (const kernels::SimdPath path : simd_paths()) {
        Workspace workspace;
        const SimdLayers layers(workspace, path);
        const PlainLayers plain(workspace);
        for (const auto& [channels, size] : {std::pair{16, 4}, std::pair{48, 3}, std::pair{48, 2}, std::pair{7, 5}}) {
            const ConvolutionShape shape{16, 3, 3, 32, 3, 1, 1};
            const auto weights = numbers(weight_count(shape), 1), bias = numbers(32, 2);
            const FeatureMaps in = some_maps(16, 3, 3, 3), shortcut = some_maps(channels, size, size, 4);
            const BlockedMaps out = layers.convolve_add_relu(SimdConvolution::from(shape, weights, bias, path),
                                                             blocked({in}, workspace), blocked({shortcut}, workspace));
            const FeatureMaps expected = plain.convolve_add_relu(Convolution::from(shape, weights, bias), in, shortcut);
            CHECK(difference(layers.plain(out, 0), expected) < 1e-5);
        }
    }
}

TEST_CASE("a first layer sees pixels as the plain one does, of faces in colour and in gray") {
    for (const kernels::SimdPath path : simd_paths()) {
        Workspace workspace;
        const SimdLayers layers(workspace, path);
        const PlainLayers plain(workspace);
        for (const auto& [size, padding] : {std::pair{7, 0}, std::pair{8, 3}, std::pair{41, 2}, std::pair{96, 3}}) {
            const ConvolutionShape shape{3, size, size, 64, 7, 2, padding};
            const auto weights = numbers(weight_count(shape), 1), bias = numbers(64, 2);
            const Image colour = noise(size, size, 3, 1), gray = noise(size, size, 1, 2);
            const BlockedMaps out = layers.look(SimdConvolution::from(shape, weights, bias, path), {colour, gray}, size,
                                                {120, 110, 100}, 255);
            const auto layer = Convolution::from(shape, weights, bias);
            CHECK(difference(layers.plain(out, 0), plain.look(layer, {colour}, size, {120, 110, 100}, 255)) < 1e-4);
            CHECK(difference(layers.plain(out, 1), plain.look(layer, {gray}, size, {120, 110, 100}, 255)) < 1e-4);
        }
    }
}

TEST_CASE("pools and normalisation equal the plain ones") {
    for (const kernels::SimdPath path : simd_paths()) {
        CAPTURE(std::string(kernels::simd_name(path)));
        Workspace workspace(2);
        const SimdLayers layers(workspace, path);
        const PlainLayers plain(workspace);
        for (const auto& [channels, height, width] :
             {std::tuple{3, 5, 5}, std::tuple{33, 6, 9}, std::tuple{64, 3, 3}}) {
            const std::vector<FeatureMaps> in{some_maps(channels, height, width, 1),
                                              some_maps(channels, height, width, 2)};
            const BlockedMaps maps = blocked(in, workspace);
            for (std::size_t face = 0; face < in.size(); ++face) {
                for (const PoolWindow window :
                     {PoolWindow{3, 2, 0}, PoolWindow{3, 2, 1}, PoolWindow{2, 2, 0}, PoolWindow{3, 3, 1}}) {
                    CHECK(difference(layers.plain(layers.max_pool(maps, window), face),
                                     plain.max_pool(in[face], window)) == 0);
                    CHECK(difference(layers.plain(layers.average_pool(maps, window), face),
                                     plain.average_pool(in[face], window)) < 1e-6);
                    CHECK(difference(layers.plain(layers.l2_pool(maps, window), face),
                                     plain.l2_pool(in[face], window)) < 1e-6);
                }
                CHECK(difference(layers.plain(layers.normalise_across_channels(maps), face),
                                 plain.normalise_across_channels(in[face])) < 1e-6);
            }
            CHECK_THROWS_AS(layers.max_pool(maps, {7, 1, 0}), InvalidArgument);
            CHECK_THROWS_AS(layers.max_pool(maps, {3, 1, 2}), InvalidArgument);
        }
    }
}

TEST_CASE("branches are stacked as plain layers stack them, smaller ones in the middle") {
    Workspace workspace;
    const SimdLayers layers(workspace);
    const PlainLayers plain(workspace);
    const std::vector<FeatureMaps> in{some_maps(32, 4, 4, 1), some_maps(16, 3, 3, 2), some_maps(7, 4, 2, 3)};
    std::vector<BlockedMaps> branches;
    for (const FeatureMaps& branch : in) branches.push_back(blocked({branch}, workspace));
    CHECK(layers.plain(layers.concatenate(branches), 0).values == plain.concatenate(in).values);
    std::swap(branches[0], branches[2]);
    CHECK_THROWS_AS(layers.concatenate(branches), InvalidArgument);
}

TEST_CASE("weights in 16 bits give the same bits as the same numbers in 32, also where they don't fill blocks") {
    for (const kernels::SimdPath path : simd_paths()) {
        for (const ConvolutionShape& shape :
             {ConvolutionShape{17, 4, 5, 33, 1, 1, 0}, ConvolutionShape{5, 9, 9, 40, 3, 2, 0},
              ConvolutionShape{32, 13, 13, 32, 3, 1, 1}}) {
            WeightsWriter out("layer");
            std::vector<Half> halves(weight_count(shape));
            std::uint32_t state = 1;
            for (Half& half : halves) {
                state = state * 1664525u + 1013904223u;
                half.bits = static_cast<std::uint16_t>((state >> 16) & 0xBBFF);  // of at most 1, subnormals too
            }
            const std::vector<float> bias = numbers(static_cast<std::size_t>(shape.outputs), 2);
            out.add("conv/weights", weight_extents(shape), halves);
            out.add("conv/bias", {bias.size()}, bias);
            const std::vector<unsigned char> bytes = out.bytes();
            const auto file = WeightsFile::from_memory(bytes.data(), bytes.size(), "layer.ffr");
            std::vector<float> floats(halves.size());
            std::transform(halves.begin(), halves.end(), floats.begin(), to_float);
            Workspace workspace;
            const BlockedMaps in = blocked({some_maps(shape.inputs, shape.height, shape.width, 3)}, workspace);
            const auto layer = SimdConvolution::load(file, "conv", shape, path);
            const auto same = SimdConvolution::from(shape, floats, bias, path);
            CHECK(layer.apply(in, nullptr, false, workspace).plain(0).values ==
                  same.apply(in, nullptr, false, workspace).plain(0).values);
        }
    }
}

TEST_CASE("what doesn't belong to a layer is refused") {
    Workspace workspace;
    const ConvolutionShape eyes{3, 9, 9, 32, 7, 2, 0}, inner{3, 9, 9, 32, 3, 1, 1};
    const auto layer = [](const ConvolutionShape& shape) {
        return SimdConvolution::from(shape, numbers(weight_count(shape), 1), numbers(32, 2));
    };
    const BlockedMaps maps = blocked({some_maps(3, 9, 9, 1)}, workspace),
                      wide = blocked({some_maps(3, 9, 8, 1)}, workspace);
    CHECK_THROWS_AS(layer(eyes).apply(maps, nullptr, true, workspace), InvalidArgument);
    CHECK_THROWS_AS(layer(inner).apply({noise(9, 9, 3, 1)}, {0, 0, 0}, 256, workspace), InvalidArgument);
    CHECK_THROWS_AS(layer(inner).apply(maps, &wide, true, workspace), InvalidArgument);
    CHECK_THROWS_AS(layer({32, 2, 2, 32, 5, 2, 0}), InvalidArgument);
    CHECK_THROWS_AS(SimdConvolution::from(inner, {}, {}), InvalidArgument);
}

TEST_CASE("maps of another shape are refused") {
    Workspace workspace;
    const ConvolutionShape shape{16, 4, 4, 16, 3, 1, 1};
    const auto layer = SimdConvolution::from(shape, numbers(weight_count(shape), 1), numbers(16, 2));
    CHECK_THROWS_WITH_AS(layer.apply(blocked({some_maps(16, 4, 5, 1)}, workspace), nullptr, true, workspace),
                         "a convolution of 16 maps can't take 16 x 4 x 5", InvalidArgument);
    CHECK_THROWS_AS(layer.apply(blocked({some_maps(17, 4, 4, 1)}, workspace), nullptr, true, workspace),
                    InvalidArgument);
}

TEST_CASE("a network needs no more memory in a second call, and none of many faces changes another's bits") {
    const auto network =
        BasicResNet29<SimdLayers>::load(WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / "resnet29.ffr"));
    std::vector<Image> chips;
    for (std::uint32_t seed = 0; seed < 5; ++seed) chips.push_back(noise(150, 150, 3, seed));
    const std::vector<ImageView> views(chips.begin(), chips.end());
    Workspace workspace;
    const std::vector<Embedding> together = network.forward(views, workspace);
    const std::size_t bytes = workspace.bytes();
    CHECK(bytes < 8 << 20);
    CHECK((network.forward(views, workspace) == together));
    CHECK(workspace.bytes() == bytes);
    Workspace two(2);
    CHECK((network.forward(views, two) == together));
    for (std::size_t i = 0; i < views.size(); ++i) CHECK((network.forward({views[i]}, workspace).at(0) == together[i]));
    CHECK(workspace.bytes() == bytes);

    // Rising demands don't add up, and a face that's refused leaves the workspace as good as it was.
    Workspace rising;
    for (std::size_t count = 1; count <= views.size(); ++count) {
        CHECK((network.forward({views.begin(), views.begin() + static_cast<std::ptrdiff_t>(count)}, rising).back() ==
               together[count - 1]));
    }
    CHECK(rising.bytes() < bytes * 3 / 2);
    const Image small = noise(149, 150, 3, 1);
    CHECK_THROWS_AS(network.forward({views[0], small}, rising), InvalidArgument);
    CHECK((network.forward(views, rising) == together));
    CHECK_THROWS_WITH_AS(network.forward({}, rising), "the network takes 1 to 16 faces at once, not 0",
                         InvalidArgument);
    CHECK_THROWS_AS(network.forward(std::vector<ImageView>(17, views[0]), rising), InvalidArgument);
}
