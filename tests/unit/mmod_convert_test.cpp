// The reader of dlib's CNN face detector, fed by a small writer of the same layout.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dlib_stream.hpp"
#include "dlib_writer.hpp"
#include "ffr/mmod_detector.hpp"
#include "ffr/mmod_network.hpp"
#include "mmod.hpp"

namespace {

/// What a detector's file can say otherwise, in any of the versions of its options.
struct DetectorFile {
    std::int64_t options = 1, width = 80, height = 80, windows = 1, window_form = 2, last_node = 3, gap = 10;
    double ratio = 0.34, mean = 122.5, variance = 3, eps = 1;
    bool regression = false, newer_input = false;
    std::string loss = "loss_mmod_", input = "input_rgb_image_pyramid", normalisation = "bn_con2";
    int side = 5;

    Bytes bytes() const {
        Writer out;
        write_options(out);
        for (int i = 0; i < 18; ++i) out.integer(2);
        out.integer(last_node);
        out.text(newer_input ? input + "2" : input);
        out.numbers({mean, 117, 104});
        if (newer_input) out.integers({gap, 11});
        for (const ffr::ConvolutionShape& shape : ffr::kMmodLayers) write_layer(out, shape);
        return out.bytes;
    }

  private:
    void write_options(Writer& out) const {
        out.integer(1);
        out.text(loss);
        out.integer(options);
        if (options >= 2) out.integers({windows, window_form});
        out.integers({width, height});
        if (options >= 2 && window_form == 2) out.text("face");
        out.numbers({1, 1, 0.5, ratio, 1, 0.5, 0.95});
        if (options >= 3) out.bytes.push_back(5);
        if (options >= 4) {
            out.boolean(regression);
            out.number(100);
        }
    }

    static void write_state(Writer& out) {
        for (int i = 0; i < 3; ++i) out.boolean(i == 0);
        for (int i = 0; i < 3; ++i) out.tensor({0, 0, 0, 0}, {});
    }

    /// Weights 2^-12 and biases 1/4, whose mean is 1/8: divided by 2, multiplied by gamma 2 and shifted by beta -1.
    void write_layer(Writer& out, ffr::ConvolutionShape shape) const {
        const bool last = shape.outputs == 1;
        if (!last) shape.side = side;
        const auto n = static_cast<std::size_t>(shape.outputs);
        std::vector<float> values(n * static_cast<std::size_t>(shape.taps()) + n, 1 / 4096.0f);
        std::fill(values.end() - shape.outputs, values.end(), 0.25f);
        out.text("con_4");
        out.tensor({static_cast<std::int64_t>(values.size()), 1, 1, 1}, values);
        out.integers({shape.outputs, shape.side, shape.side, shape.stride, shape.stride, shape.padding, shape.padding});
        out.shape(1, {shape.outputs, shape.inputs, shape.side, shape.side});
        out.shape(1, {1, shape.outputs, 1, 1});
        out.numbers({1, 1, 1, 0});
        write_state(out);
        if (shape.inputs == 3) out.integer(1);
        if (last) return;
        write_normalisation(out, shape.outputs);
        write_state(out);
        out.text("relu_");
        write_state(out);
    }

    void write_normalisation(Writer& out, int channels) const {
        const auto n = static_cast<std::size_t>(channels);
        std::vector<float> gamma_beta(2 * n, 2.0f);
        std::fill(gamma_beta.begin() + channels, gamma_beta.end(), -1.0f);
        out.text(normalisation);
        out.tensor({2 * channels, 1, 1, 1}, gamma_beta);
        for (int i = 0; i < 2; ++i) out.shape(1, {1, channels, 1, 1});
        for (int i = 0; i < 2; ++i) out.tensor({0, 0, 0, 0}, {});
        out.tensor({1, channels, 1, 1}, std::vector<float>(n, 0.125f));
        out.tensor({1, channels, 1, 1}, std::vector<float>(n, static_cast<float>(variance)));
        out.integers({100, 100});
        out.numbers({1, 0, 1, 0});
        out.number(eps);
    }
};

const auto kMmod = [](convert::DlibStream& in) { convert::read_mmod(in); };

std::string file_error(const std::function<void(DetectorFile&)>& alter) {
    DetectorFile file;
    alter(file);
    return error(file.bytes(), kMmod);
}

}  // namespace

TEST_CASE("a CNN detector is converted, its normalisation folded in, in each version of its options") {
    for (std::int64_t version = 1; version <= 4; ++version) {
        for (const std::int64_t form : {1, 2}) {
            CAPTURE(version);
            DetectorFile file;
            file.options = version;
            file.window_form = form;
            file.newer_input = version > 2;
            convert::DlibStream in = stream(file.bytes());
            const convert::Mmod net = convert::read_mmod(in);
            CHECK(net.window == 80);
            CHECK(std::fabs(net.largest_ratio - 0.34) < 1e-9);
            CHECK(net.largest_cover == 1);
            CHECK(net.pixel_mean == std::vector<float>{122.5f, 117, 104});
            REQUIRE(net.convolutions.size() == 7);
            for (std::size_t i = 0; i < 6; ++i) {
                CHECK(net.convolutions[i].weights.front() == 1 / 4096.0f);
                CHECK(net.convolutions[i].weights.back() == 1 / 4096.0f);
                CHECK(net.convolutions[i].bias.back() == 0.25f - 0.125f - 1);
            }
            CHECK(net.convolutions[6].bias == std::vector<float>{0.25f});
            ffr::WeightsWriter out("mmod");
            convert::write_mmod(net, out);
            const std::vector<unsigned char> bytes = out.bytes();
            const auto weights = ffr::WeightsFile::from_memory(bytes.data(), bytes.size(), "memory");
            // All biases but the last are below 0, so that nothing passes the relus: 1/4 everywhere, and 0.25 > 0.25 isn't.
            ffr::DetectOptions options;
            options.threshold = 0.25;
            const auto detector = ffr::MmodDetector::load(weights);
            CHECK(detector.detect(ffr::Image(100, 100, 3), options).empty());
            options.threshold = 0.2;
            CHECK(!detector.detect(ffr::Image(100, 100, 3), options).empty());
        }
    }
}

TEST_CASE("a CNN detector that says something else than it should is refused with the place and the part") {
    CHECK(file_error([](DetectorFile&) {}) == "");
    CHECK(contains(file_error([](DetectorFile& f) { f.loss = "loss_metric_2"; }), "expected 'loss_mmod_'"));
    CHECK(contains(file_error([](DetectorFile& f) { f.options = 0; }), "options version: is 0"));
    CHECK(contains(file_error([](DetectorFile& f) { f.options = 5; }), "options version: is 5"));
    CHECK(contains(file_error([](DetectorFile& f) { f.width = 81; }), "window: isn't a square"));
    CHECK(contains(file_error([](DetectorFile& f) { f.width = f.height = 0; }), "window: isn't a square"));
    CHECK(contains(file_error([](DetectorFile& f) { f.options = f.windows = 2; }), "number of windows: is 2"));
    CHECK(contains(file_error([](DetectorFile& f) { f.options = f.window_form = 3; }), "window version: is 3"));
    CHECK(contains(file_error([](DetectorFile& f) { f.ratio = 1.5; }), "suppression: is out of range"));
    CHECK(contains(file_error([](DetectorFile& f) { f.ratio = -0.5; }), "suppression: is out of range"));
    CHECK(contains(file_error([](DetectorFile& f) {
                       f.options = 4;
                       f.regression = true;
                   }),
                   "box regression: is switched on"));
    CHECK(contains(file_error([](DetectorFile& f) { f.last_node = 2; }), "node version: is 2, expected 3"));
    CHECK(contains(file_error([](DetectorFile& f) { f.input = "input_rgb_image"; }), "expected a pyramid"));
    CHECK(contains(file_error([](DetectorFile& f) {
                       f.newer_input = true;
                       f.gap = 9;
                   }),
                   "pyramid padding: is 9, expected 10"));
    CHECK(contains(file_error([](DetectorFile& f) { f.mean = 256; }), "pixel mean: is out of range"));
    CHECK(contains(file_error([](DetectorFile& f) { f.side = 3; }), "parameters: have an unexpected shape"));
    CHECK(contains(file_error([](DetectorFile& f) { f.normalisation = "affine_"; }), "expected 'bn_con2'"));
    CHECK(contains(file_error([](DetectorFile& f) { f.variance = -1; }), "running variances: has one below 0"));
    CHECK(contains(file_error([](DetectorFile& f) { f.variance = HUGE_VAL; }), "has a value that isn't finite"));
    CHECK(contains(file_error([](DetectorFile& f) { f.eps = 0; }), "epsilon: isn't above 0"));
}

TEST_CASE("a CNN detector cut off anywhere, with a byte altered or one more, is refused or read") {
    Bytes whole = DetectorFile{}.bytes();
    for (std::size_t size = 0; size < whole.size(); size += size < 600 ? 1 : 4099) {
        CAPTURE(size);
        REQUIRE(error(first(whole, size), kMmod) != "");
    }
    CHECK(error(first(whole, whole.size() - 1), kMmod) != "");
    for (std::size_t place = 0; place < 300; ++place) {
        for (const Bytes& bytes : altered(whole, place)) error(bytes, kMmod);
    }
    whole.push_back('0');
    CHECK(contains(error(whole, kMmod), "end: 1 bytes too many"));
}
