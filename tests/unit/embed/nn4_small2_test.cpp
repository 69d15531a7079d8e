#include "ffr/embed/nn4_small2.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "nn4_small2.hpp"
#include "noise.hpp"

using namespace ffr;

namespace {

/// A network of zeros but for the last layer's bias, with parts to spoil.
struct Parts {
    convert::Nn4Small2 net;

    Parts() {
        const auto filters = [](int inputs, int outputs, int side) {
            const auto in = static_cast<std::size_t>(inputs), out = static_cast<std::size_t>(outputs);
            const auto k = static_cast<std::size_t>(side);
            return convert::FoldedConvolution{out, in, k, std::vector<float>(out * in * k * k),
                                              std::vector<float>(out)};
        };
        net.conv1 = filters(3, 64, 7);
        net.conv2 = filters(64, 64, 1);
        net.conv3 = filters(64, 192, 3);
        int inputs = 192;
        for (const InceptionShape& shape : kNn4Small2Modules) {
            net.modules.push_back({{3, shape.stride, 1},
                                   filters(inputs, shape.reduce_3x3, 1),
                                   filters(shape.reduce_3x3, shape.out_3x3, 3),
                                   filters(inputs, shape.reduce_5x5, 1),
                                   filters(shape.reduce_5x5, shape.out_5x5, 5),
                                   filters(inputs, shape.out_pool, 1),
                                   filters(inputs, shape.out_1x1, 1)});
            inputs = inception_outputs(shape, inputs);
        }
        net.linear_weights.assign(128 * 736, 0.0f);
        net.linear_bias.assign(128, 0.0f);
        net.linear_bias[5] = -3;
        net.linear_bias[7] = 4;
    }

    std::vector<unsigned char> bytes() const {
        WeightsWriter out("nn4.small2");
        convert::write_nn4_small2(net, out);
        return out.bytes();
    }
};

std::string load_error(const std::vector<unsigned char>& bytes) {
    try {
        Nn4Small2::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "net.ffr"));
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

FaceEmbedder embedder(const Parts& parts) {
    const std::vector<unsigned char> bytes = parts.bytes();
    return FaceEmbedder::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "net.ffr"));
}

}  // namespace

TEST_CASE("without weights, the last bias alone is the answer, scaled to length 1") {
    const FaceEmbedder network = embedder(Parts());
    CHECK(network.name() == "nn4.small2");
    CHECK(network.face_size() == 96);
    const Embedding embedding = network.embed(noise(96, 96, 3, 1));
    for (std::size_t i = 0; i < embedding.size(); ++i) {
        CHECK(embedding[i] == doctest::Approx(i == 5 ? -0.6 : i == 7 ? 0.8 : 0.0));
    }
}

TEST_CASE("a vector of zeros stays one") {
    Parts parts;
    parts.net.linear_bias.assign(128, 0.0f);
    CHECK((embedder(parts).embed(noise(96, 96, 3, 1)) == Embedding{}));
}

TEST_CASE("a face of another size, or none, is refused") {
    const FaceEmbedder network = embedder(Parts());
    for (const int size : {1, 95, 97, 150}) CHECK_THROWS_AS(network.embed(noise(size, size, 3, 1)), InvalidArgument);
    CHECK_THROWS_WITH_AS(network.embed(noise(96, 95, 1, 1)), "the network takes a face of 96 x 96 pixels, not 96 x 95",
                         InvalidArgument);
    CHECK_THROWS_AS(network.embed(Image()), InvalidArgument);
}

TEST_CASE("the embedder says where its numbers come from, and aligns faces for its network") {
    Parts parts;
    const EmbeddingSource one = embedder(parts).source(68);
    CHECK(one.embedder == "nn4.small2");
    CHECK(one.weights.size() == 16);
    CHECK(one.alignment == "outer eyes and nose at 96 pixels by 68 landmarks");
    CHECK(one.same_person_distance == 0.995);
    CHECK(difference(one, embedder(parts).source(68)) == "");
    CHECK(difference(one, embedder(parts).source(5)) ==
          "alignment 'outer eyes and nose at 96 pixels by 68 landmarks', not "
          "'outer eyes and nose at 96 pixels by 5 landmarks'");
    parts.net.linear_bias[0] = 1;
    const EmbeddingSource other = embedder(parts).source(68);
    CHECK(difference(one, other) == "weights with checksum " + one.weights + ", not " + other.weights);
    CHECK(difference(one, {"resnet29", "", "", 0.6}) == "network nn4.small2, not resnet29");
    CHECK(difference(one, {"nn4.small2", "", "", 0.995}) == "");

    Landmarks landmarks;
    landmarks.points = {{80, 40}, {65, 42}, {20, 41}, {38, 43}, {50, 70}};
    const Image photo = noise(100, 100, 3, 2);
    CHECK(embedder(parts).align(photo, landmarks) == align_face(photo, landmarks, 96));
    CHECK_THROWS_AS(same_person_distance("nn4"), InvalidArgument);
}

TEST_CASE("a file that lies is refused by name") {
    CHECK(load_error(Parts().bytes()) == "");
    CHECK(load_error(WeightsWriter("resnet29").bytes()) == "net.ffr: holds 'resnet29', not 'nn4.small2'");
    CHECK(load_error(WeightsWriter("nn4.small2").bytes()) == "net.ffr: has no tensor 'conv1/weights'");
    Parts parts;
    parts.net.modules[2].conv_5x5.bias.pop_back();
    parts.net.modules[2].conv_5x5.outputs = 63;
    parts.net.modules[2].conv_5x5.weights.resize(63 * 32 * 25);
    CHECK(load_error(parts.bytes()) ==
          "net.ffr: tensor '3c/5x5/weights' has shape [63 x 32 x 5 x 5], not [64 x 32 x 5 x 5]");
    parts = Parts();
    parts.net.linear_weights[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK(load_error(parts.bytes()) == "net.ffr: tensor 'linear/weights' has a value that isn't finite");
    for (const PoolWindow& window : {PoolWindow{2, 1, 1}, PoolWindow{3, 0, 1}, PoolWindow{3, 4, 1}, PoolWindow{3, 1, 2},
                                     PoolWindow{3, 1, -1}, PoolWindow{0, 0, 0}}) {
        parts = Parts();
        parts.net.modules[4].window = window;
        CHECK(load_error(parts.bytes()) ==
              "net.ffr: tensor '4e/pool/window' isn't a window of 3 pixels, 1 to 3 apart, with at most 1 of padding");
    }
}

TEST_CASE("whatever windows a file has, there are 128 finite numbers") {
    Parts parts;
    for (const int stride : {1, 2, 3}) {
        for (const int padding : {0, 1}) {
            for (convert::TorchInception& module : parts.net.modules) module.window = {3, stride, padding};
            CAPTURE(stride);
            CAPTURE(padding);
            for (const float value : embedder(parts).embed(noise(96, 96, 1, 3))) CHECK(std::isfinite(value));
        }
    }
}
