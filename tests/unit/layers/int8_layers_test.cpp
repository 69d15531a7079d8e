// The layers in bytes against the plain ones, on every path that the machine has. Weights are multiples of their scale and
// inputs whole steps, so that only an output's own rounding is between the two.

#include "ffr/layers/int8_layers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "ffr/identify/identify.hpp"
#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

namespace {

std::vector<kernels::Int8Path> int8_paths() {
    std::vector<kernels::Int8Path> paths;
    for (const kernels::SimdPath simd : simd_paths()) {
        const kernels::Int8Path path = kernels::int8_path(simd);
        if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
    return paths;
}

struct Random {
    std::uint32_t state;
    int below(int limit) {
        state = state * 1664525u + 1013904223u;
        return static_cast<int>((state >> 8) % static_cast<std::uint32_t>(limit));
    }
};

/// Weights whose largest in each filter is 127 steps of 1/127.
std::vector<float> whole_weights(const ConvolutionShape& shape, std::uint32_t seed) {
    Random random{seed};
    std::vector<float> weights(static_cast<std::size_t>(shape.outputs) * static_cast<std::size_t>(shape.taps()));
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const bool first = i % static_cast<std::size_t>(shape.taps()) == 0;
        weights[i] = static_cast<float>(first ? 127 : random.below(255) - 127) / 127;
    }
    return weights;
}

/// A face's maps of whole steps in both forms.
struct Input {
    FeatureMaps plain;
    ByteMaps bytes;

    Input(Workspace& workspace, int channels, int height, int width, float scale, std::uint32_t seed)
        : plain(channels, height, width), bytes(workspace, 1, channels, height, width, scale) {
        std::fill_n(bytes.data(), bytes.plane() * bytes.blocks(), std::uint8_t{0});
        Random random{seed};
        for (int c = 0; c < channels; ++c) {
            for (int y = 0; y < height; ++y) {
                for (int x = 0; x < width; ++x) {
                    const int q = random.below(256);
                    bytes.at(c / 32, 0, y, x)[c % 32] = static_cast<std::uint8_t>(q);
                    plain.map(c)[y * width + x] = static_cast<float>(q) * scale;
                }
            }
        }
    }
};

/// The largest distance of bytes from what they should be, in steps; cut off as they are.
double steps_off(const ByteMaps& found, const FeatureMaps& expected) {
    const bool same =
        found.channels() == expected.channels && found.height() == expected.height && found.width() == expected.width;
    if (!same) return 1e9;
    double largest = 0;
    for (int c = 0; c < expected.channels; ++c) {
        for (int y = 0; y < expected.height; ++y) {
            for (int x = 0; x < expected.width; ++x) {
                const double wanted =
                    std::min(255.0, double{expected.map(c)[y * expected.width + x]} / double{found.scale()});
                largest = std::max(largest, std::fabs(found.at(c / 32, 0, y, x)[c % 32] - wanted));
            }
        }
    }
    return largest;
}

}  // namespace

TEST_CASE("a convolution of bytes is the plain one, rounded, over sizes, strides, paddings and numbers of maps") {
    Workspace workspace;
    for (const kernels::Int8Path path : int8_paths()) {
        CAPTURE(std::string(kernels::int8_name(path)));
        for (const ConvolutionShape& shape :
             {ConvolutionShape{32, 7, 7, 32, 3, 1, 1}, ConvolutionShape{32, 9, 5, 64, 3, 2, 0},
              ConvolutionShape{64, 4, 4, 33, 1, 1, 0}, ConvolutionShape{5, 3, 3, 40, 3, 1, 1},
              ConvolutionShape{96, 1, 1, 32, 3, 1, 1}, ConvolutionShape{33, 1, 17, 1, 1, 1, 0},
              ConvolutionShape{256, 4, 4, 64, 3, 1, 1}}) {
            const std::vector<float> weights = whole_weights(shape, 1);
            std::vector<float> bias(static_cast<std::size_t>(shape.outputs));
            for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i) - 10;
            const Input in(workspace, shape.inputs, shape.height, shape.width, 0.5f, 2);
            const auto layer = Int8Convolution::from(shape, weights, bias, 900, path);
            const ByteMaps out = layer.apply(in.bytes, nullptr, workspace);
            const FeatureMaps plain = convolve(Convolution::from(shape, weights, bias), in.plain);
            CHECK(steps_off(out, relu(plain)) <= 0.501);
            const BlockedMaps floats = layer.apply_to_floats(in.bytes, workspace);
            const FeatureMaps found = floats.plain(0);
            for (std::size_t i = 0; i < plain.values.size(); ++i) {
                REQUIRE(std::fabs(found.values[i] - plain.values[i]) <= 0.01);
            }
        }
    }
}

TEST_CASE("a shortcut in bytes is added in its own scale, also one of another size") {
    Workspace workspace;
    for (const kernels::SimdPath path : simd_paths()) {
        const Int8Layers layers(workspace, path);
        const PlainLayers plain(workspace);
        const ConvolutionShape shape{32, 3, 3, 64, 3, 1, 1};
        const std::vector<float> weights = whole_weights(shape, 1), bias(64, 3.0f);
        const Input in(workspace, 32, 3, 3, 0.25f, 2);
        const auto layer = Int8Convolution::from(shape, weights, bias, 500, kernels::int8_path(path));
        for (const auto& [channels, size] : {std::pair{64, 3}, std::pair{32, 3}, std::pair{32, 4}, std::pair{64, 2}}) {
            const Input shortcut(workspace, channels, size, size, 0.75f, 3);
            CHECK(steps_off(layers.convolve_add_relu(layer, in.bytes, shortcut.bytes),
                            plain.convolve_add_relu(Convolution::from(shape, weights, bias), in.plain,
                                                    shortcut.plain)) <= 0.501);
        }
    }
}

TEST_CASE("maps that don't fill their last block come out with zeros there, whatever the memory held") {
    Workspace workspace;
    const Int8Layers layers(workspace);
    {
        const Workspace::Floats dirt(workspace, 1000);
        std::fill_n(dirt.data(), 1000, 1e9f);
    }
    const ConvolutionShape shape{32, 2, 2, 20, 1, 1, 0};
    const std::vector<float> weights = whole_weights(shape, 1), bias(20, 3.0f);
    const Input in(workspace, 32, 2, 2, 0.25f, 2), shortcut(workspace, 7, 3, 3, 0.5f, 3);
    const auto layer = Int8Convolution::from(shape, weights, bias, 500, kernels::int8_path());
    const ByteMaps out = layers.convolve_add_relu(layer, in.bytes, shortcut.bytes);
    CHECK(steps_off(out, PlainLayers(workspace).convolve_add_relu(Convolution::from(shape, weights, bias), in.plain,
                                                                  shortcut.plain)) <= 0.501);
    for (int c = 20; c < 32; ++c) CHECK(out.at(0, 0, 1, 1)[c] == 0);
}

TEST_CASE("what doesn't belong to an int8 layer is refused") {
    Workspace workspace;
    const ConvolutionShape eyes{3, 9, 9, 32, 7, 2, 0}, inner{3, 9, 9, 32, 3, 1, 1};
    const auto layer = [](const ConvolutionShape& shape) {
        return Int8Convolution::from(shape, whole_weights(shape, 1), std::vector<float>(32), 1, kernels::int8_path());
    };
    const Input maps(workspace, 3, 9, 9, 1, 1), wide(workspace, 32, 9, 8, 1, 1);
    CHECK_THROWS_AS(layer(eyes).apply(maps.bytes, nullptr, workspace), InvalidArgument);
    CHECK_THROWS_AS(layer(inner).apply({noise(9, 9, 3, 1)}, {0, 0, 0}, 256, workspace), InvalidArgument);
    CHECK_THROWS_AS(layer(inner).apply(maps.bytes, &wide.bytes, workspace), InvalidArgument);
    CHECK_THROWS_AS(layer({32, 2, 2, 32, 5, 2, 0}), InvalidArgument);
    CHECK_THROWS_AS(Int8Convolution::from(inner, {}, {}, 1, kernels::int8_path()), InvalidArgument);
    const auto tiny = Int8Convolution::from({32, 1, 1, 32, 1, 1, 0}, std::vector<float>(1024, 1e-40f),
                                            std::vector<float>(32, 1), 255, kernels::int8_path());
    const Input one(workspace, 32, 1, 1, 1, 1);
    CHECK(tiny.apply(one.bytes, nullptr, workspace).data()[31] == 1);
}

TEST_CASE("a first layer takes pixels as they are, in colour and in gray") {
    Workspace workspace;
    const std::array<float, 3> mean{120, 110, 100};
    for (const kernels::SimdPath path : simd_paths()) {
        for (const int size : {7, 8, 41, 150}) {
            const ConvolutionShape shape{3, size, size, 32, 7, 2, 0};
            const std::vector<float> weights = whole_weights(shape, 1), bias(32, 1.0f);
            const auto layer = Int8Convolution::from(shape, weights, bias, 30, kernels::int8_path(path));
            for (const int channels : {1, 3}) {
                const Image face = noise(size, size, channels, 4);
                const ByteMaps out = Int8Layers(workspace, path).look(layer, {face}, size, mean, 256);
                const FeatureMaps expected =
                    PlainLayers(workspace).look(Convolution::from(shape, weights, bias), {face}, size, mean, 256);
                CHECK(steps_off(out, expected) <= 0.501);
            }
        }
    }
}

TEST_CASE("pools of bytes are the plain ones, rounded") {
    Workspace workspace(2);
    for (const kernels::SimdPath path : simd_paths()) {
        const Int8Layers layers(workspace, path);
        for (const auto& [channels, height, width] :
             {std::tuple{32, 5, 5}, std::tuple{70, 6, 9}, std::tuple{3, 3, 3}}) {
            const Input in(workspace, channels, height, width, 0.1f, 5);
            for (const PoolWindow window : {PoolWindow{3, 2, 0}, PoolWindow{2, 2, 0}, PoolWindow{1, 1, 0}}) {
                CHECK(steps_off(layers.max_pool(in.bytes, window), max_pool(in.plain, window)) <= 1e-3);
                CHECK(steps_off(layers.average_pool(in.bytes, window), average_pool(in.plain, window)) <= 0.501);
            }
            CHECK_THROWS_AS(layers.max_pool(in.bytes, {10, 1, 0}), InvalidArgument);
            CHECK_THROWS_AS(layers.max_pool(in.bytes, {3, 1, 1}), InvalidArgument);
        }
    }
}

TEST_CASE("filters of zeros give the bias, and maps of another shape are refused") {
    Workspace workspace;
    const ConvolutionShape shape{32, 2, 2, 32, 1, 1, 0};
    const auto layer =
        Int8Convolution::from(shape, std::vector<float>(1024), std::vector<float>(32, 2), 255, kernels::int8_path());
    const Input in(workspace, 32, 2, 2, 1, 1), other(workspace, 32, 2, 3, 1, 1);
    const ByteMaps out = layer.apply(in.bytes, nullptr, workspace);
    CHECK(std::count(out.data(), out.data() + out.plane(), std::uint8_t{2}) == 128);
    CHECK_THROWS_AS(layer.apply(other.bytes, nullptr, workspace), InvalidArgument);
}

TEST_CASE("an int8 layer needs a range above 0") {
    const auto error = [](const std::vector<float>& range) -> std::string {
        WeightsWriter out("layer");
        out.add<float>("conv/weights", {2, 1, 1, 1}, {1, 2});
        out.add<float>("conv/bias", {2}, {1, 2});
        if (!range.empty()) out.add<float>("conv/range", {range.size()}, range);
        const std::vector<unsigned char> bytes = out.bytes();
        try {
            Int8Convolution::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "layer.ffr"), "conv",
                                  {1, 1, 1, 2, 1, 1, 0});
        } catch (const FormatError& refused) {
            return refused.what();
        }
        return "";
    };
    CHECK(error({1}) == "");
    CHECK(error({}) == "layer.ffr: has no tensor 'conv/range'");
    CHECK(error({0}) == "layer.ffr: tensor 'conv/range' isn't above 0");
    CHECK(error({-1}) == "layer.ffr: tensor 'conv/range' isn't above 0");
    CHECK(error({NAN}) == "layer.ffr: tensor 'conv/range' has a value that isn't finite");
    CHECK(error({1, 1}) == "layer.ffr: tensor 'conv/range' has shape [2], not [1]");
}

TEST_CASE("an int8 network says so, gives the same bits in batches and on threads, and needs no more memory again") {
    const WeightsFile file = WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / "resnet29.ffr");
    const FaceEmbedder network = FaceEmbedder::load(file, Precision::int8), floats = FaceEmbedder::load(file);
    CHECK(network.name() == "resnet29");
    CHECK(network.precision() == Precision::int8);
    CHECK(floats.precision() == Precision::float32);
    CHECK(network.source(68).precision == "int8");
    CHECK(difference(network.source(68), floats.source(68)) == "precision int8, not float32");
    std::vector<Image> chips;
    for (std::uint32_t seed = 0; seed < 5; ++seed) chips.push_back(noise(150, 150, 3, seed));
    const std::vector<ImageView> views(chips.begin(), chips.end());
    Workspace one, two(2);
    const std::vector<Embedding> together = network.embed(views, one);
    const std::size_t bytes = one.bytes();
    CHECK((network.embed(views, one) == together));
    CHECK(one.bytes() == bytes);
    CHECK((network.embed(views, two) == together));
    for (std::size_t i = 0; i < views.size(); ++i) CHECK((network.embed(views[i]) == together[i]));
    CHECK_THROWS_AS(network.embed(Image(149, 150, 3)), InvalidArgument);
    CHECK(network.embed(std::vector<ImageView>{}, one).empty());
}

TEST_CASE("a model remembers the precision of its embeddings; one from before there was a choice has float32") {
    std::vector<LabelledEmbedding> samples;
    for (int i = 0; i < 8; ++i) {
        Embedding embedding{};
        embedding[static_cast<std::size_t>(i % 2)] = 1 + 0.01f * static_cast<float>(i);
        samples.push_back({i % 2 == 0 ? "a" : "b", embedding});
    }
    TrainOptions options;
    options.source.precision = "int8";
    const std::vector<unsigned char> bytes = Identifier::train(samples, options).bytes();
    const auto file = WeightsFile::from_memory(bytes.data(), bytes.size(), "people.ffr");
    CHECK(Identifier::load(file).source().precision == "int8");

    // The same file without that tensor.
    std::vector<unsigned char> old = bytes;
    const std::string name = "embedder/precision";
    const auto place = std::search(old.begin(), old.end(), name.begin(), name.end());
    REQUIRE(place != old.end());
    *place = 'E';
    const std::uint64_t checksum = detail::xxh64(old.data() + 32, old.size() - 32);
    for (std::size_t i = 0; i < 8; ++i) old[24 + i] = static_cast<unsigned char>(checksum >> (8 * i));
    const auto old_file = WeightsFile::from_memory(old.data(), old.size(), "old.ffr");
    CHECK(Identifier::load(old_file).source().precision == "float32");
}
