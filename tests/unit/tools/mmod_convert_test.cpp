// The reader of dlib's CNN face detector, fed by a small writer of the same layout.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dlib_files.hpp"
#include "dlib_stream.hpp"
#include "dlib_writer.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/detect/mmod_network.hpp"
#include "mmod.hpp"

namespace {

const auto kMmod = [](convert::DlibStream& in) { convert::read_mmod(in); };

std::string file_error(const std::function<void(CnnDetectorFile&)>& alter) {
    CnnDetectorFile file;
    alter(file);
    return error(file.bytes(), kMmod);
}

}  // namespace

TEST_CASE("a CNN detector is converted, its normalisation folded in, in each version of its options") {
    for (std::int64_t version = 1; version <= 4; ++version) {
        for (const std::int64_t form : {1, 2}) {
            CAPTURE(version);
            CnnDetectorFile file;
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
    CHECK(file_error([](CnnDetectorFile&) {}) == "");
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.loss = "loss_metric_2"; }), "expected 'loss_mmod_'"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.options = 0; }), "options version: is 0"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.options = 5; }), "options version: is 5"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.width = 81; }), "window: isn't a square"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.width = f.height = 0; }), "window: isn't a square"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.options = f.windows = 2; }), "number of windows: is 2"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.options = f.window_form = 3; }), "window version: is 3"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.ratio = 1.5; }), "suppression: is out of range"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.ratio = -0.5; }), "suppression: is out of range"));
    CHECK(contains(file_error([](CnnDetectorFile& f) {
                       f.options = 4;
                       f.regression = true;
                   }),
                   "box regression: is switched on"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.last_node = 2; }), "node version: is 2, expected 3"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.input = "input_rgb_image"; }), "expected a pyramid"));
    CHECK(contains(file_error([](CnnDetectorFile& f) {
                       f.newer_input = true;
                       f.gap = 9;
                   }),
                   "pyramid padding: is 9, expected 10"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.mean = 256; }), "pixel mean: is out of range"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.side = 3; }), "parameters: have an unexpected shape"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.normalisation = "affine_"; }), "expected 'bn_con2'"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.variance = -1; }), "running variances: has one below 0"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.variance = HUGE_VAL; }), "has a value that isn't finite"));
    CHECK(contains(file_error([](CnnDetectorFile& f) { f.eps = 0; }), "epsilon: isn't above 0"));
}

TEST_CASE("a CNN detector cut off anywhere, with a byte altered or one more, is refused or read") {
    Bytes whole = CnnDetectorFile{}.bytes();
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
