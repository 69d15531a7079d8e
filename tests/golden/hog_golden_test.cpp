// HOG features against extract_fhog_features of dlib 19.24 (headers, -O2 -mavx -ffp-contract=off), float32.
// The tolerance of 1e-6 lets sums be ordered differently (dlib's own builds differ by 3e-8); a wrong choice of channel
// or bin shows up as 0.01 to 0.4.

#include "ffr/detect/hog.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "golden.hpp"

namespace {

constexpr float kTolerance = 1e-6f;

std::vector<float> read_floats(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE_MESSAGE(in, "can't read " << path.string());
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    std::vector<float> values(bytes.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
}

/// A part of an image, in place: its rows have gaps.
ffr::ImageView part(const ffr::Image& image, int left, int top, int width, int height) {
    REQUIRE(left + width <= image.width());
    REQUIRE(top + height <= image.height());
    ffr::ImageView view = image;
    view.pixels = view.row(top) + left * view.channels;
    view.width = width;
    view.height = height;
    return view;
}

}  // namespace

TEST_CASE("HOG features are dlib's within 1e-6") {
    const std::vector<float> values = read_floats(golden::folder() / "data" / "hog.bin");
    for (const golden::Json& record : golden::records("hog.json")) {
        CAPTURE(golden::title(record));
        const ffr::Image image = golden::image_of(record);
        const ffr::HogFeatures features =
            ffr::extract_hog(part(image, record.at("left").get<int>(), record.at("top").get<int>(),
                                  record.at("width").get<int>(), record.at("height").get<int>()));
        REQUIRE(features.rows() == record.at("rows").get<int>());
        REQUIRE(features.columns() == record.at("columns").get<int>());
        auto next = record.at("first_value").get<std::size_t>();
        REQUIRE(next + static_cast<std::size_t>(31 * features.rows() * features.columns()) <= values.size());
        float worst = 0;
        for (int plane = 0; plane < 31; ++plane) {
            for (int row = 0; row < features.rows(); ++row) {
                for (int column = 0; column < features.columns(); ++column) {
                    const float difference = std::fabs(features.at(plane, row, column) - values[next++]);
                    if (!(difference <= worst)) worst = difference;  // so that a NaN stays
                }
            }
        }
        CHECK(worst <= kTolerance);
    }
}

// Read from dlib 19.24's output by hand, seven digits, so this one stands without any data file.
TEST_CASE("a cell of the synthetic image has known features") {
    constexpr float kRgb[31] = {
        0.4f,         0.0f,         0.09349617f, 0.1412907f, 0.1449214f, 0.0f,       0.0f,       0.0f,
        0.00151209f,  0.1646868f,   0.0353077f,  0.2431564f, 0.1052222f, 0.0f,       0.3245512f, 0.01786458f,
        0.005963892f, 0.05176362f,  0.4f,        0.0353077f, 0.3366526f, 0.2465129f, 0.1449214f, 0.3245512f,
        0.01786458f,  0.005963892f, 0.05327571f, 0.2068068f, 0.2065787f, 0.2032722f, 0.1987402f};
    constexpr float kGray[31] = {
        0.4f,         0.0008467941f, 0.1222184f, 0.195935f,  0.0f,         0.0f,       0.0f,      0.0006693997f,
        0.05620001f,  0.3057338f,    0.372414f,  0.1088232f, 0.003444727f, 0.0f,       0.0f,      0.02335263f,
        0.007796016f, 0.08840127f,   0.4f,       0.3729913f, 0.2310416f,   0.1993797f, 0.0f,      0.0f,
        0.02335263f,  0.008465415f,  0.1446013f, 0.2313516f, 0.1913231f,   0.1998398f, 0.1721883f};
    for (const bool gray : {false, true}) {
        CAPTURE(gray);
        const ffr::HogFeatures features = ffr::extract_hog(golden::synthetic(gray));
        REQUIRE(features.rows() == 6);
        REQUIRE(features.columns() == 8);
        for (int plane = 0; plane < 31; ++plane) {
            CAPTURE(plane);
            CHECK(std::fabs(features.at(plane, 2, 3) - (gray ? kGray : kRgb)[plane]) <= kTolerance);
        }
    }
}
