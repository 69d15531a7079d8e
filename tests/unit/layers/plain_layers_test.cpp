#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/layers/plain_layers.hpp"

using namespace ffr;

namespace {

/// Maps with the values given.
FeatureMaps maps(int channels, int height, int width, const std::vector<float>& values) {
    FeatureMaps result(channels, height, width);
    REQUIRE(result.values.size() == values.size());
    result.values = values;
    return result;
}

std::string load_error(const std::vector<unsigned char>& bytes) {
    try {
        Convolution::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "layer.ffr"), "conv",
                          {1, 1, 1, 2, 1, 1, 0});
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("new maps are all zero and lie one after the other") {
    FeatureMaps zero(2, 3, 4);
    CHECK(zero.values == std::vector<float>(24, 0.0f));
    CHECK(zero.map(1) == zero.values.data() + 12);
}

TEST_CASE("a convolution by a filter of one number scales and shifts") {
    const Convolution layer{1, 2, 1, 1, 0, {2, -1}, {0.5f, 10}};
    const FeatureMaps out = convolve(layer, maps(1, 1, 3, {1, 2, 3}));
    CHECK(out.channels == 2);
    CHECK(out.values == std::vector<float>{2.5f, 4.5f, 6.5f, 9, 8, 7});
}

TEST_CASE("a convolution refuses other numbers of maps and maps smaller than its filters") {
    const Convolution layer{2, 1, 3, 1, 0, std::vector<float>(18), {0}};
    CHECK(convolve(layer, FeatureMaps(2, 3, 3)).values.size() == 1);
    CHECK_THROWS_WITH_AS(convolve(layer, FeatureMaps(1, 9, 8)), "a convolution of 2 maps can't take 1 x 9 x 8",
                         InvalidArgument);
    CHECK_THROWS_AS(convolve(layer, FeatureMaps(3, 9, 9)), InvalidArgument);
    CHECK_THROWS_AS(convolve(layer, FeatureMaps(2, 2, 9)), InvalidArgument);
    CHECK_THROWS_AS(convolve(layer, FeatureMaps(2, 9, 2)), InvalidArgument);
    CHECK_THROWS_AS(convolve(layer, FeatureMaps(2, 0, 0)), InvalidArgument);
    Convolution padded = layer;
    padded.padding = 1;
    CHECK(convolve(padded, FeatureMaps(2, 1, 1)).values.size() == 1);
}

TEST_CASE("relu keeps what's positive") {
    CHECK(relu(maps(1, 1, 5, {-1, 0, 2, -0.0f, 1e30f})).values == std::vector<float>{0, 0, 2, 0, 1e30f});
    CHECK(relu(FeatureMaps(0, 0, 0)).values.empty());
}

TEST_CASE("pools take the largest value or the mean of each window, and leave out windows that hang over") {
    const FeatureMaps in = maps(2, 3, 5, {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,  //
                                          -1, -2, -3, -4, -5, -6, -7, -8, -9, -1, -2, -3, -4, -5, -6});
    const FeatureMaps largest = max_pool(in, {2, 2});
    CHECK(largest.channels == 2);
    CHECK(largest.height == 1);
    CHECK(largest.width == 2);
    CHECK(largest.values == std::vector<float>{7, 9, -1, -3});
    CHECK(average_pool(in, {2, 2}).values == std::vector<float>{4, 6, -4, -6});
    const FeatureMaps wide = max_pool(in, {3, 2});
    CHECK(wide.height == 1);
    CHECK(wide.width == 2);
    CHECK(wide.values == std::vector<float>{13, 15, -1, -1});
    CHECK(max_pool(in, {1, 1}).values == in.values);
    CHECK(average_pool(in, {1, 2}).values == std::vector<float>{1, 3, 5, 11, 13, 15, -1, -3, -5, -2, -4, -6});
    CHECK(average_pool(in, {3, 1}).values.size() == 6);
}

TEST_CASE("padding adds windows, but nothing to a maximum and zeros to a sum") {
    const FeatureMaps in = maps(1, 2, 3,
                                {-1, -2, -3,  //
                                 -4, -5, -6});
    const FeatureMaps largest = max_pool(in, {3, 2, 1});
    CHECK(largest.height == 1);
    CHECK(largest.width == 2);
    CHECK(largest.values == std::vector<float>{-1, -2});
    CHECK(average_pool(in, {2, 2, 1}).values == std::vector<float>{-0.25f, -1.25f, -1, -2.75f});
    CHECK(l2_pool(maps(1, 2, 2, {3, 0, 0, 4}), {2, 1}).values == std::vector<float>{5});
    CHECK(l2_pool(maps(1, 2, 2, {3, 0, 0, 4}), {2, 2, 1}).values == std::vector<float>{3, 0, 0, 4});
}

TEST_CASE("a window that fits nowhere, or is mostly padding, is refused") {
    const FeatureMaps in(1, 2, 5);
    CHECK_THROWS_WITH_AS(max_pool(in, {3, 1}), "a window of 3 pixels doesn't fit on maps of 2 x 5", InvalidArgument);
    CHECK_THROWS_AS(average_pool(in, {5, 1, 1}), InvalidArgument);
    CHECK_THROWS_AS(l2_pool(in, {3, 1, 2}), InvalidArgument);
    CHECK_NOTHROW(max_pool(in, {3, 1, 1}));
    CHECK(max_pool(FeatureMaps(0, 3, 3), {3, 1}).values.empty());
}

TEST_CASE("a map is damped by its neighbours and by itself") {
    // Sizes of 3: the neighbours on each side.
    const ChannelNormalisation how{3, 3.0f, 1.0f, 1.0f};
    CHECK(normalise_across_channels(maps(4, 1, 1, {1, 2, 0, 3}), how).values ==
          std::vector<float>{1.0f / 6, 2.0f / 6, 0, 3.0f / 10});
    CHECK(normalise_across_channels(maps(1, 1, 2, {1, 0}), how).values == std::vector<float>{0.5f, 0});
    const FeatureMaps weak = normalise_across_channels(maps(1, 1, 1, {2}));
    CHECK(weak.values[0] == doctest::Approx(2 / std::pow(1 + 1e-4 / 5 * 4, 0.75)));
    CHECK(normalise_across_channels(FeatureMaps(0, 3, 3)).values.empty());
}

TEST_CASE("branches are stacked, smaller ones in the middle of zeros") {
    const FeatureMaps large = maps(1, 3, 4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), small = maps(2, 1, 1, {20, 30});
    const FeatureMaps both = concatenate({large, small});
    CHECK(both.channels == 3);
    CHECK(both.height == 3);
    CHECK(both.width == 4);
    CHECK(both.values == std::vector<float>{1, 2, 3, 4, 5, 6,  7, 8, 9, 10, 11, 12,  //
                                            0, 0, 0, 0, 0, 20, 0, 0, 0, 0,  0,  0,   //
                                            0, 0, 0, 0, 0, 30, 0, 0, 0, 0,  0,  0});
    const FeatureMaps turned = concatenate({maps(1, 1, 2, {1, 2}), maps(1, 2, 1, {3, 4})});
    CHECK(turned.values == std::vector<float>{1, 2, 0, 0, 3, 0, 4, 0});
    CHECK(concatenate({}).values.empty());
}

TEST_CASE("pixels become numbers plane by plane, gray ones three times") {
    Image pixel(1, 1, 3);
    pixel.pixels() = {10, 20, 30};
    CHECK(input_maps(pixel, 1, {0, 10, 40}, 10).values == std::vector<float>{1, 1, -1});
    Image gray(1, 1, 1);
    gray.pixels() = {255};
    CHECK(input_maps(gray, 1, {0, 0, 0}, 255).values == std::vector<float>{1, 1, 1});
    CHECK_THROWS_WITH_AS(input_maps(gray, 2, {0, 0, 0}, 1), "the network takes a face of 2 x 2 pixels, not 1 x 1",
                         InvalidArgument);
    CHECK_THROWS_AS(input_maps(Image(), 0, {0, 0, 0}, 1), InvalidArgument);
}

TEST_CASE("a sum of unequal stacks has the larger extents, with both at the top left on zeros") {
    const FeatureMaps a = maps(1, 2, 2, {1, 2, 3, 4}), b = maps(2, 1, 3, {10, 20, 30, 40, 50, 60});
    const std::vector<float> expected{11, 22, 30, 3, 4, 0, 40, 50, 60, 0, 0, 0};
    for (const FeatureMaps& sum : {add(a, b), add(b, a)}) {
        CHECK(sum.channels == 2);
        CHECK(sum.height == 2);
        CHECK(sum.width == 3);
        CHECK(sum.values == expected);
    }
    CHECK(add(a, a).values == std::vector<float>{2, 4, 6, 8});
    // As many values, another shape.
    const FeatureMaps row = maps(1, 1, 4, {1, 2, 3, 4});
    CHECK(add(row, a).values == std::vector<float>{2, 4, 3, 4, 3, 4, 0, 0});
    // One fits into the other, in both orders.
    const FeatureMaps small = maps(1, 1, 1, {100});
    CHECK(add(a, small).values == std::vector<float>{101, 2, 3, 4});
    CHECK(add(small, a).values == std::vector<float>{101, 2, 3, 4});
    CHECK(add(FeatureMaps(0, 0, 0), a).values == a.values);
}

TEST_CASE("at a network's end, a map becomes a number, and numbers are connected") {
    Workspace workspace;
    const PlainLayers layers(workspace);
    const FeatureMaps mean = layers.global_mean(maps(2, 2, 2, {1, 2, 3, 6, -1, -1, -1, -1}));
    CHECK(mean.values == std::vector<float>{3, -1});
    CHECK(layers.global_mean(maps(1, 1, 1, {7})).values == std::vector<float>{7});
    const Convolution layer = Convolution::from({2, 1, 1, 3, 1, 1, 0}, {1, 2, 3, 4, 5, 6}, {10, 20, 0});
    CHECK(layers.connect(layer, mean).values == std::vector<float>{11, 25, 9});
    CHECK_THROWS_AS(layers.connect(layer, maps(1, 1, 1, {7})), InvalidArgument);
}

TEST_CASE("a layer is loaded from either precision, and a wrong tensor is refused by name") {
    const std::vector<float> bias{1, 2};
    const auto file = [&](const std::vector<std::size_t>& shape, const std::vector<float>& weights) {
        WeightsWriter out("layer");
        out.add("conv/weights", shape, weights);
        out.add("conv/bias", {2}, bias);
        return out.bytes();
    };
    CHECK(load_error(file({2, 1, 1, 1}, {3, 4})) == "");
    CHECK(load_error(file({1, 2, 1, 1}, {3, 4})) ==
          "layer.ffr: tensor 'conv/weights' has shape [1 x 2 x 1 x 1], not [2 x 1 x 1 x 1]");
    CHECK(load_error(file({2, 1, 1, 1}, {3, std::numeric_limits<float>::infinity()})) ==
          "layer.ffr: tensor 'conv/weights' has a value that isn't finite");
    CHECK(load_error(WeightsWriter("layer").bytes()) == "layer.ffr: has no tensor 'conv/weights'");
    WeightsWriter out("layer");
    out.add<Half>("conv/weights", {2, 1, 1, 1}, {{0x3C00}, {0xC000}});
    out.add("conv/bias", {2}, bias);
    const std::vector<unsigned char> bytes = out.bytes();
    const Convolution layer = Convolution::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "layer.ffr"),
                                                "conv", {1, 1, 1, 2, 1, 1, 0});
    CHECK(layer.weights == std::vector<float>{1, -2});
    CHECK(layer.bias == bias);
}
