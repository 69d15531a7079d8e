#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "ffr/embed/resnet29.hpp"
#include "noise.hpp"

using namespace ffr;

namespace {

WeightsFile shipped() {
    return WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / "resnet29.ffr");
}

Embedding forward(const ResNet29& network, ImageView chip) {
    Workspace workspace;
    return network.forward({chip}, workspace).at(0);
}

/// A file of small weights in which one tensor is left out, has another shape or a value that isn't finite.
std::string load_error(const std::string& wrong, const std::string& how) {
    WeightsWriter out("resnet29");
    const auto add = [&](const std::string& name, std::vector<std::size_t> shape) {
        std::size_t count = 1;
        for (const std::size_t extent : shape) count *= extent;
        std::vector<Half> values(count, Half{0x0400});
        if (name == wrong && how == "missing") return;
        if (name == wrong && how == "infinite") values.back() = Half{0x7C00};
        if (name == wrong && how == "misshaped") shape.push_back(1);
        if (shape.size() > 4) shape = {count};
        out.add(name, shape, values);
    };
    add("pixel_mean", {3});
    std::size_t index = 0, inputs = 32;
    const auto add_layer = [&](std::size_t in, std::size_t outputs, std::size_t side) {
        const std::string name = resnet29_convolution_name(index++);
        add(name + "/weights", {outputs, in, side, side});
        add(name + "/bias", {outputs});
    };
    add_layer(3, 32, 7);
    for (const ResidualBlockShape& block : kResNet29Blocks) {
        const auto outputs = static_cast<std::size_t>(block.channels);
        add_layer(inputs, outputs, 3);
        add_layer(outputs, outputs, 3);
        inputs = outputs;
    }
    add("projection/weights", {128, 256});
    const std::vector<unsigned char> bytes = out.bytes();
    try {
        ResNet29::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "net.ffr"));
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a network has 29 convolutions, named in order") {
    CHECK(resnet29_convolution_name(0) == "conv01");
    CHECK(resnet29_convolution_name(9) == "conv10");
    CHECK(resnet29_convolution_name(28) == "conv29");
    const WeightsFile file = shipped();
    CHECK(file.contains("conv29/weights"));
    CHECK_FALSE(file.contains("conv30/weights"));
}

TEST_CASE("a chip of another size, or none, is refused") {
    const FaceEmbedder embedder = FaceEmbedder::load(shipped());
    CHECK(embedder.name() == "resnet29");
    CHECK(embedder.face_size() == 150);
    for (const auto& [width, height] :
         {std::pair{149, 150}, std::pair{150, 151}, std::pair{1, 1}, std::pair{300, 75}}) {
        CHECK_THROWS_WITH_AS(embedder.embed(Image(width, height, 3)),
                             ("the network takes a face of 150 x 150 pixels, not " + std::to_string(width) + " x " +
                              std::to_string(height))
                                 .c_str(),
                             InvalidArgument);
    }
    CHECK_THROWS_AS(embedder.embed(Image()), InvalidArgument);
}

TEST_CASE("gray is colour with equal channels, gaps between rows don't matter, and any chip gives finite numbers") {
    const ResNet29 network = ResNet29::load(shipped());
    const Image gray = noise(150, 150, 1, 5);
    Image rgb(150, 150, 3), framed(160, 155, 1);
    for (std::size_t i = 0; i < rgb.pixels().size(); ++i) rgb.pixels()[i] = gray.pixels()[i / 3];
    for (int y = 0; y < 150; ++y) {
        for (int x = 0; x < 150; ++x) framed.row(y + 2)[x + 9] = gray.row(y)[x];
    }
    const Embedding expected = forward(network, gray);
    CHECK((forward(network, rgb) == expected));
    CHECK((forward(network, ImageView{framed.row(2) + 9, 150, 150, 1, 160}) == expected));
    for (const float value : expected) CHECK(std::isfinite(value));
    for (const float value : forward(network, Image(150, 150, 3))) CHECK(std::isfinite(value));
    CHECK(distance(expected, forward(network, noise(150, 150, 3, 5))) > 0);
}

TEST_CASE("many threads on one network give the same bits as one, again and again") {
    const FaceEmbedder embedder = FaceEmbedder::load(shipped());
    const std::vector<Image> chips{noise(150, 150, 3, 1), noise(150, 150, 3, 2)};
    const std::vector<Embedding> expected{embedder.embed(chips[0]), embedder.embed(chips[1])};
    CHECK((embedder.embed(chips[0]) == expected[0]));
    CHECK((expected[0] != expected[1]));
    std::vector<Embedding> found(6);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < found.size(); ++i) {
        threads.emplace_back([&, i] { found[i] = embedder.embed(chips[i % 2]); });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < found.size(); ++i) CHECK((found[i] == expected[i % 2]));
}

TEST_CASE("a network with a tensor missing, misshaped or not finite is refused by name") {
    CHECK(load_error("", "") == "");
    for (const std::string name :
         {"pixel_mean", "conv01/weights", "conv01/bias", "conv17/weights", "conv29/bias", "projection/weights"}) {
        CAPTURE(name);
        CHECK(load_error(name, "missing") == "net.ffr: has no tensor '" + name + "'");
        CHECK(load_error(name, "infinite") == "net.ffr: tensor '" + name + "' has a value that isn't finite");
        CHECK(load_error(name, "misshaped").rfind("net.ffr: tensor '" + name + "' has shape", 0) == 0);
    }
    const std::vector<unsigned char> bytes = WeightsWriter("landmarks").bytes();
    CHECK_THROWS_WITH_AS(FaceEmbedder::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "net.ffr")),
                         "net.ffr: holds 'landmarks', not 'resnet29'", FormatError);
}
