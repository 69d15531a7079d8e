// A full-size network in Torch's format (make_t7.py wrote it when the tests were built), altered and cut off.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "ffr/base/file.hpp"
#include "nn4_small2.hpp"
#include "torch_file.hpp"

using namespace convert;

namespace {

using Bytes = std::vector<std::uint8_t>;

const Bytes& network() {
    static const Bytes bytes = ffr::detail::read_file(std::string(FFR_T7_DIR) + "/published.t7");
    return bytes;
}

/// What's wrong with a network; empty when nothing is.
std::string complaint(const Bytes& bytes, std::size_t size) {
    try {
        read_nn4_small2(TorchFile("net.t7", bytes.data(), size));
    } catch (const ffr::FormatError& error) {
        const std::string what = error.what();
        REQUIRE(what.rfind("net.t7: ", 0) == 0);
        return what.substr(8);
    }
    return "";
}

std::string complaint(const Bytes& bytes) {
    return complaint(bytes, bytes.size());
}

/// Where the n-th text of this content (tag, length, letters) ends; n from 0.
std::size_t end_of_text(const Bytes& bytes, const std::string& text, int n) {
    std::string pattern("\2\0\0\0", 4);
    const auto length = static_cast<std::uint32_t>(text.size());
    pattern.append(reinterpret_cast<const char*>(&length), 4);
    pattern += text;
    auto at = bytes.begin();
    for (;; ++at) {
        at = std::search(at, bytes.end(), pattern.begin(), pattern.end());
        REQUIRE(at != bytes.end());
        if (n-- == 0) break;
    }
    return static_cast<std::size_t>(at - bytes.begin()) + pattern.size();
}

/// The network with another number in the n-th field of this name.
Bytes with_number(const std::string& field, int n, double value) {
    Bytes bytes = network();
    std::memcpy(&bytes[end_of_text(bytes, field, n) + 4], &value, sizeof value);
    return bytes;
}

/// The network with one text or class name exchanged for another of the same length, in its n-th place.
Bytes with_text(const std::string& from, const std::string& to, int n) {
    REQUIRE(from.size() == to.size());
    Bytes bytes = network();
    auto at = bytes.begin();
    for (;; ++at) {
        at = std::search(at, bytes.end(), from.begin(), from.end());
        REQUIRE(at != bytes.end());
        if (n-- == 0) break;
    }
    std::copy(to.begin(), to.end(), at);
    return bytes;
}

}  // namespace

TEST_CASE("a network is read with the windows that the file has") {
    const TorchFile file("net.t7", network().data(), network().size());
    const Nn4Small2 net = read_nn4_small2(file);
    const std::vector<std::pair<int, int>> expected{{2, 0}, {3, 0}, {2, 0}, {3, 0}, {2, 0}, {3, 0}, {2, 0}};
    REQUIRE(net.modules.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(net.modules[i].window.stride == expected[i].first);
        CHECK(net.modules[i].window.padding == expected[i].second);
    }
    CHECK(net.conv1.weights.size() == 64 * 3 * 49);
    CHECK(net.linear_weights.size() == 128 * 736);
}

TEST_CASE("a network cut off at every 1,000th byte, and all around its end, is refused") {
    for (std::size_t size = 0; size < network().size(); size += 1000) {
        CAPTURE(size);
        CHECK(complaint(network(), size) != "");
    }
    for (std::size_t less = 1; less < 1000; ++less) CHECK(complaint(network(), network().size() - less) != "");
    Bytes longer = network();
    longer.push_back(0);
    CHECK(complaint(longer) == "byte " + std::to_string(network().size()) + ": 1 bytes too many");
}

TEST_CASE("sizes, strides and paddings that nn4.small2 hasn't got are refused with their place") {
    CHECK(complaint(with_number("kW", 0, 5)) == "modules[1]: kW is 5, expected 7");
    CHECK(complaint(with_number("dH", 0, 1)) == "modules[1]: dH is 1, expected 2");
    CHECK(complaint(with_number("padW", 0, 2)) == "modules[1]: padW is 2, expected 3");
    CHECK(complaint(with_number("nOutputPlane", 1, 65)) == "modules[6]: nOutputPlane is 65, expected 64");
    CHECK(complaint(with_number("nInputPlane", 2, -64)) == "modules[9]: nInputPlane is -64, expected 64");
    CHECK(complaint(with_number("dW", 1, 4)) == "modules[4]: dW isn't 1, 2 or 3");
    CHECK(complaint(with_number("dW", 1, 3)) == "modules[4]: dH is 2, expected 3");
    CHECK(complaint(with_number("padW", 1, 2)) == "modules[4]: padW isn't 0 or 1");
    CHECK(complaint(with_number("size", 0, 7)) == "modules[5]: size is 7, expected 5");
    CHECK(complaint(with_number("beta", 1, 0.5)) == "modules[12]: beta is 0.5, expected 0.75");
    CHECK(complaint(with_number("dimension", 0, 1)) == "modules[14].modules[1]: dimension is 1, expected 2");
    CHECK(complaint(with_number("constant_scalar", 0, 8)) ==
          "modules[15].modules[1].modules[3].modules[1].modules[3]: constant_scalar is 8, expected 9");
    CHECK(complaint(with_number("numElements", 0, 735)) == "modules[22]: numElements is 735, expected 736");
    CHECK(complaint(with_number("p", 0, 1)) == "modules[24]: p is 1, expected 2");
    // The last field of all. 5 is 0x4014000000000000.
    Bytes eps(network().begin(), network().end() - 8);
    for (const int byte : {0, 0, 0, 0, 0, 0, 0x14, 0x40}) eps.push_back(static_cast<std::uint8_t>(byte));
    CHECK(complaint(eps) == "modules[24]: eps is 5, expected 1e-10");
    CHECK(complaint(with_number("eps", 0, std::nan(""))) == "modules[2]: eps isn't a number");
    CHECK(complaint(with_number("eps", 0, -100)) == "modules[2]: channel 0 has no variance");
}

TEST_CASE("missing and wrong fields, modules of another class and values that aren't finite are refused") {
    CHECK(complaint(with_text("weight", "wEight", 0)) == "modules[1]: has no weight");
    CHECK(complaint(with_text("running_mean", "running_meen", 1)) == "modules[7]: has no running_mean");
    CHECK(complaint(with_text("nn.ReLU", "nn.Tanh", 0)) == "modules[3]: is a nn.Tanh, expected a ReLU");
    CHECK(complaint(with_text("nn.Linear", "nn.Maxout", 0)) == "modules[23]: is a nn.Maxout, expected a Linear");
    CHECK(complaint(with_text("nn.Square", "nn.Scuare", 0)) ==
          "modules[15].modules[1].modules[3].modules[1].modules[1]: is a nn.Scuare, expected a Power");
    CHECK(complaint(with_text("modules", "Modules", 0)) == "network: has no modules");
    Bytes bytes = network();
    bytes[end_of_text(bytes, "eps", 0)] = 0;  // nil instead of a number: what follows makes no sense any more
    CHECK(complaint(bytes) != "");
    // The first weight of the first convolution: behind two objects' heads with 4 and 1 extents.
    bytes = network();
    const std::string storage = "torch.FloatStorage";
    const auto found = std::search(bytes.begin(), bytes.end(), storage.begin(), storage.end());
    const float infinity = std::numeric_limits<float>::infinity();
    std::memcpy(&*found + storage.size() + 8, &infinity, sizeof infinity);
    CHECK(complaint(bytes) == "modules[1]: weight has a value that isn't finite");
    CHECK(complaint(with_number("threshold", 3, 0.5)) ==
          "modules[14].modules[1].modules[1].modules[3]: threshold is 0.5, expected 0");
}

TEST_CASE("what follows a convolution is folded in, unless a weight gets too large by it") {
    FoldedConvolution convolution{2, 1, 1, {1, 9e29f}, {1, 1}};
    CHECK(convolution.fold(0, 3, 0.5));
    CHECK(convolution.weights[0] == 3);
    CHECK(convolution.bias[0] == 3.5f);
    CHECK_FALSE(convolution.fold(1, 2, 0));
    CHECK_FALSE(FoldedConvolution{1, 1, 1, {1}, {1}}.fold(0, 1, 1e31));
}

TEST_CASE("a tensor of another shape is refused, one with other strides is read by them") {
    // The first tensor: its 2 sizes stand behind the class name and the number of dimensions.
    const std::string name = std::string("V 1\x11\0\0\0", 7) + "torch.FloatTensor";  // the version tells it from a text
    const auto resized = [&](std::int64_t rows, std::int64_t columns, std::int64_t row_stride) {
        Bytes bytes = network();
        const auto found = std::search(bytes.begin(), bytes.end(), name.begin(), name.end());
        const std::int64_t extents[4] = {rows, columns, row_stride, 1};
        std::memcpy(&*found + name.size() + 4, extents, sizeof extents);
        return complaint(bytes);
    };
    CHECK(resized(64, 147, 147) == "");
    CHECK(resized(32, 147, 147) == "modules[1]: weight has shape 32 x 147, expected 64 x 3 x 7 x 7");
    CHECK(resized(64, 146, 147) == "modules[1]: weight has shape 64 x 146, expected 64 x 3 x 7 x 7");
    CHECK(resized(64, 147, 0) == "");  // every filter the first one's
    CHECK(resized(64, 147, 148).find("a tensor reaches over the end of its storage") != std::string::npos);
    CHECK(resized(64, -1, 147).find("a tensor's size or stride of -1") != std::string::npos);
}

TEST_CASE("classes of cudnn mean the same") {
    Bytes bytes;
    const std::string from = "nn.ReLU", to = "cudnn.ReLU";
    for (auto at = network().begin();;) {
        const auto next = std::search(at, network().end(), from.begin(), from.end());
        bytes.insert(bytes.end(), at, next);
        if (next == network().end()) break;
        bytes[bytes.size() - 4] = static_cast<std::uint8_t>(to.size());  // the length before the name
        bytes.insert(bytes.end(), to.begin(), to.end());
        at = next + static_cast<std::ptrdiff_t>(from.size());
    }
    CHECK(bytes.size() > network().size());
    CHECK(complaint(bytes) == "");
}

TEST_CASE("a file with a byte altered is refused or read") {
    std::uint32_t state = 1;
    const auto random = [&](std::size_t below) {
        state = state * 1664525u + 1013904223u;
        return static_cast<std::size_t>(state >> 4) % below;
    };
    // Most of a file is weights: what's altered is the structure, before and behind them.
    std::vector<std::size_t> places;
    const Bytes& bytes = network();
    for (std::size_t i = 0; i + 4 < bytes.size(); ++i) {
        if (bytes[i] == 'n' && bytes[i + 1] == 'n' && bytes[i + 2] == '.') places.push_back(i);
    }
    int refused = 0, read = 0;
    for (int trial = 0; trial < 300; ++trial) {
        Bytes altered(bytes.begin(), bytes.end());
        const std::size_t at = places[random(places.size())] + random(300);
        if (at >= altered.size()) continue;
        altered[at] = static_cast<std::uint8_t>(random(256));
        ++(complaint(altered).empty() ? read : refused);
    }
    CHECK(refused > 50);  // lengths, indices, names
    CHECK(read > 50);     // weights, and fields that don't count
}

TEST_CASE("anything else than a network is refused") {
    const auto of = [](const std::string& text) { return complaint(Bytes(text.begin(), text.end())); };
    CHECK(of(std::string("\1\0\0\0\0\0\0\0\0\0\0\0", 12)) == "network: isn't a module");
    CHECK(of("0\n") == "network: isn't a module");
    CHECK(of("4\n1\n3\nV 1\n7\nnn.ReLU\n3\n2\n0\n") == "network: is a nn.ReLU, expected a Sequential");
    CHECK(of("4\n1\n3\nV 1\n13\nnn.Sequential\n3\n2\n0\n") == "network: has no modules");
    CHECK(of("4\n1\n3\nV 1\n13\nnn.Sequential\n3\n2\n1\n2\n7\nmodules\n3\n3\n0\n") == "network: has only 0 modules");
}
