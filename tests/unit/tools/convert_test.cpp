// The readers of dlib's files, fed by a small writer of the same primitives.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dlib_files.hpp"
#include "dlib_stream.hpp"
#include "dlib_writer.hpp"
#include "ffr/align/landmarks.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "ffr/embed/resnet29.hpp"
#include "half.hpp"
#include "hog_detector.hpp"
#include "resnet29.hpp"
#include "shape_predictor.hpp"

namespace {

const auto kInteger = [](convert::DlibStream& in) { in.integer("field"); };
const auto kNumber = [](convert::DlibStream& in) { in.number("field"); };
const auto kText = [](convert::DlibStream& in) { in.text("field"); };
const auto kMatrix = [](convert::DlibStream& in) { in.matrix("field"); };
const auto kTensor = [](convert::DlibStream& in) {
    convert::TensorShape shape{};
    in.tensor("field", shape);
};

double number(std::int64_t mantissa, std::int64_t exponent) {
    Writer out;
    out.integers({mantissa, exponent});
    return stream(out.bytes).number("field");
}

std::string number_error(std::int64_t mantissa, std::int64_t exponent) {
    Writer out;
    out.integers({mantissa, exponent});
    return error(out.bytes, kNumber);
}

// ------------------------------------------------------------------------------------------------ shape predictor

const auto kPredictor = [](convert::DlibStream& in) { convert::read_shape_predictor(in); };

/// Converts, loads and asks for the landmarks of a 9 x 9 image with two halves of these brightnesses.
ffr::Landmarks predict(const convert::ShapePredictor& model, bool compact, int left, int right) {
    ffr::WeightsWriter out("landmarks");
    compact ? convert::write_compact(model, out) : convert::write_exact(model, out);
    const std::vector<unsigned char> bytes = out.bytes();
    ffr::Image image(9, 9, 1);
    for (int y = 0; y < 9; ++y) {
        for (int x = 0; x < 9; ++x) image.row(y)[x] = static_cast<std::uint8_t>(x < 5 ? left : right);
    }
    return ffr::LandmarkPredictor::load(ffr::WeightsFile::from_memory(bytes.data(), bytes.size(), "memory"))
        .predict(image, {0, 0, 8, 8});
}

std::string predictor_error(const std::function<void(TinyPredictor&)>& alter) {
    TinyPredictor model;
    alter(model);
    const std::string text = error(model.bytes(), kPredictor);
    CHECK(text.rfind("file.dat: byte ", 0) == 0);
    return text;
}

// --------------------------------------------------------------------------------------------------- HOG detector

const auto kDetector = [](convert::DlibStream& in) { convert::read_hog_detector(in); };

std::vector<unsigned char> converted(const convert::HogDetector& detector) {
    ffr::WeightsWriter out("hog_detector");
    convert::write_hog_detector(detector, out);
    return out.bytes();
}

// ------------------------------------------------------------------------------------------------------- ResNet-29

const auto kPreamble = [](convert::DlibStream& in) {
    convert::ResNet29 net;
    convert::read_preamble(in, net);
};

const auto kNetwork = [](convert::DlibStream& in) { convert::read_resnet29(in); };

ffr::Embedding embed_with(const convert::ResNet29& net, bool compact) {
    ffr::WeightsWriter out("resnet29");
    convert::write_resnet29(net, compact, out);
    const std::vector<unsigned char> bytes = out.bytes();
    ffr::Image chip(150, 150, 1);
    for (std::size_t i = 0; i < chip.pixels().size(); ++i) chip.pixels()[i] = static_cast<std::uint8_t>(i * 7);
    return ffr::FaceEmbedder::load(ffr::WeightsFile::from_memory(bytes.data(), bytes.size(), "memory")).embed(chip);
}

}  // namespace

TEST_CASE("dlib's integers of every length are read, with their sign") {
    std::uint64_t expected = 0;
    Bytes bytes{0};
    for (unsigned length = 1; length <= 8; ++length) {
        bytes[0] = static_cast<std::uint8_t>(length);
        bytes.push_back(static_cast<std::uint8_t>(0x10 + length));
        expected |= std::uint64_t{0x10 + length} << 8 * (length - 1);
        CHECK(stream(bytes).integer("field") == static_cast<std::int64_t>(expected));
        bytes[0] |= 0x80;
        CHECK(stream(bytes).integer("field") == -static_cast<std::int64_t>(expected));
        CHECK(error(first(bytes, length), kInteger) ==
              "file.dat: byte " + std::to_string(length) + ", field: the file ends here");
    }
    CHECK(stream({1, 0}).integer("field") == 0);
    CHECK(stream({0x81, 0}).integer("field") == 0);
    CHECK(stream({3, 5, 0, 0}).integer("field") == 5);  // longer than it needs to be
    CHECK(error({}, kInteger) == "file.dat: byte 0, field: the file ends here");
}

TEST_CASE("what isn't an integer of dlib's is refused") {
    const Bytes tail(15, 1);
    for (unsigned control = 0; control < 256; ++control) {
        Bytes bytes{static_cast<std::uint8_t>(control)};
        bytes.insert(bytes.end(), tail.begin(), tail.end());
        const bool fine = (control & 0x70) == 0 && (control & 0x0F) >= 1 && (control & 0x0F) <= 8;
        CAPTURE(control);
        CHECK((error(bytes, kInteger) == "") == fine);
    }
    Bytes largest{8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F};
    CHECK(stream(largest).integer("field") == std::numeric_limits<std::int64_t>::max());
    largest[0] = 0x88;
    CHECK(stream(largest).integer("field") == -std::numeric_limits<std::int64_t>::max());
    for (const int control : {0x08, 0x88}) {
        Bytes over{static_cast<std::uint8_t>(control), 0, 0, 0, 0, 0, 0, 0, 0x80};
        CHECK(contains(error(over, kInteger), "out of range"));
    }
    Writer seven;
    seven.integer(7);
    CHECK(error(seven.bytes, [](convert::DlibStream& in) { in.expect_integer(8, "size"); }) ==
          "file.dat: byte 2, size: is 7, expected 8");
}

TEST_CASE("dlib's numbers are mantissa times a power of two, and finite") {
    CHECK(number(0, 0) == 0);
    CHECK_FALSE(std::signbit(number(0, -7)));
    CHECK(number(3, -2) == 0.75);
    CHECK(number(-5, 3) == -40);
    CHECK(number(16777215, -24) == 16777215 / 16777216.0);
    CHECK(number(1, -1999) == 0);  // less than the least double
    CHECK(number(1, -1074) > 0);
    CHECK(number((std::int64_t{1} << 53) - 1, 0) == 9007199254740991.0);
    for (const std::int64_t code : {32000, 32001, 32002, 2000, -2000, 1 << 30}) {  // infinity, -infinity, NaN, ...
        CAPTURE(code);
        CHECK(contains(number_error(1, code), "field: isn't a finite number"));
        CHECK(contains(number_error(0, code), "field: isn't a finite number"));
    }
    CHECK(contains(number_error(1, 1999), "is out of range"));
    CHECK(contains(number_error(-1, 1023), "is out of range"));
    CHECK(contains(number_error(1, 100), "is out of range"));
    CHECK(number(1, 99) == std::ldexp(1.0, 99));
    CHECK(contains(error({1}, kNumber), "the file ends here"));
    CHECK(contains(error({1, 5}, kNumber), "the file ends here"));
}

TEST_CASE("truth values are letters, texts have a length before them") {
    CHECK(stream({'1'}).boolean("field"));
    CHECK_FALSE(stream({'0'}).boolean("field"));
    for (const int wrong : {0, 1, 0x2F, 0x32, 0x74, 255}) {
        CHECK_THROWS_AS(stream({static_cast<std::uint8_t>(wrong)}).boolean("field"), ffr::FormatError);
    }
    CHECK(stream({1, 3, 'a', 'b', 'c', 'd'}).text("field") == "abc");
    CHECK(stream({1, 0}).text("field").empty());
    CHECK(contains(error({1, 4, 'a', 'b', 'c'}, kText), "a count of 4 doesn't fit into the file"));
    CHECK(contains(error({0x81, 1, 'a', 'b'}, kText), "a count of -1 doesn't fit into the file"));
    CHECK(contains(error({1, 1, 'a'}, [](convert::DlibStream& in) { in.expect_text("b", "layer"); }),
                   "layer: is 'a', expected 'b'"));
}

TEST_CASE("matrices are read with sizes negated, and as they are") {
    for (const std::int64_t sign : {-1, 1}) {
        Writer out;
        out.integers({2 * sign, 3 * sign});
        out.numbers({1, 2, 3, 4, 5, -6.5});
        const convert::Matrix matrix = stream(out.bytes).matrix("field");
        CHECK(matrix.rows == 2);
        CHECK(matrix.columns == 3);
        CHECK(matrix.values == std::vector<double>{1, 2, 3, 4, 5, -6.5});
    }
    Writer empty;
    empty.integers({0, 0});
    CHECK(stream(empty.bytes).matrix("field").values.empty());
}

TEST_CASE("tensors are read as they lie, and only finite ones") {
    Writer out;
    out.tensor({1, 2, 1, 3}, {1, 2, 3, 4, 5, -6.5f});
    convert::TensorShape shape{};
    convert::DlibStream in = stream(out.bytes);
    CHECK(in.tensor("field", shape) == std::vector<float>{1, 2, 3, 4, 5, -6.5f});
    CHECK((shape == convert::TensorShape{1, 2, 1, 3}));
    CHECK_NOTHROW(in.expect_end());
    for (std::size_t size = 0; size < out.bytes.size(); ++size) CHECK(error(first(out.bytes, size), kTensor) != "");
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        Writer wrong;
        wrong.tensor({1, 1, 1, 1}, {bad});
        CHECK(contains(error(wrong.bytes, kTensor), "isn't finite"));
    }
    Writer version;
    version.shape(1, {0, 0, 0, 0});
    CHECK(contains(error(version.bytes, kTensor), "field version: is 1, expected 2"));
    Writer negative;
    negative.shape(2, {1, -1, 1, 1});
    CHECK(contains(error(negative.bytes, kTensor), "has an odd extent"));
}

TEST_CASE("sizes that lie are refused before anything is allocated") {
    for (const int bits : {16, 31, 32, 40, 62}) {
        CAPTURE(bits);
        const std::int64_t huge = std::int64_t{1} << bits;
        Writer count;
        count.integer(huge);
        count.bytes.resize(100, 1);
        CHECK(contains(error(count.bytes, kText), "doesn't fit into the file"));
        CHECK(contains(error(count.bytes, [](convert::DlibStream& in) { in.count(8, "splits"); }),
                       "splits: a count of " + std::to_string(huge) + " doesn't fit into the file"));
        for (const auto& [rows, columns] :
             {std::pair{huge, std::int64_t{1}}, std::pair{std::int64_t{1}, huge}, std::pair{huge, huge},
              std::pair{-huge, -huge}, std::pair{huge, std::int64_t{0}}, std::pair{std::int64_t{0}, huge}}) {
            Writer matrix;
            matrix.integers({rows, columns});
            matrix.bytes.resize(100, 1);
            CHECK(contains(error(matrix.bytes, kMatrix), "doesn't fit into the file"));
        }
        for (std::size_t place = 0; place < 4; ++place) {
            std::vector<std::int64_t> extents(4, 1);
            extents[place] = huge;
            Writer tensor;
            tensor.shape(2, extents);
            tensor.bytes.resize(100, 1);
            CHECK(error(tensor.bytes, kTensor) != "");
        }
        Writer cube;
        cube.shape(2, {65536, 65536, 65536, 65536});  // a product of 2^64
        cube.bytes.resize(100, 1);
        CHECK(contains(error(cube.bytes, kTensor), "doesn't fit into the file"));
    }
}

TEST_CASE("a file that's still compressed is said to be") {
    CHECK_THROWS_WITH_AS(stream({'B', 'Z', 'h', '9', 1, 2, 3}),
                         "file.dat: is still compressed; unpack it with bunzip2 first", ffr::FormatError);
    CHECK_NOTHROW(stream({'B', 'Z', 'h'}));
    CHECK_NOTHROW(stream({}));
}

TEST_CASE("bytes behind the end are refused") {
    convert::DlibStream in = stream({1, 5, 9, 9});
    CHECK(in.integer("field") == 5);
    CHECK(in.bytes_left() == 2);
    CHECK_THROWS_WITH_AS(in.expect_end(), "file.dat: byte 2, end: 2 bytes too many", ffr::FormatError);
}

TEST_CASE("every half is its own nearest half") {
    int different = 0;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        if ((bits & 0x7C00) == 0x7C00) continue;  // infinity and NaN
        const ffr::Half half{static_cast<std::uint16_t>(bits)};
        if (convert::to_half(ffr::to_float(half)).bits != bits) ++different;
    }
    CHECK(different == 0);
}

TEST_CASE("between two halves the nearer one is taken, of two as near the even one") {
    const auto bits = [](double value) { return convert::to_half(static_cast<float>(value)).bits; };
    int wrong = 0;
    for (unsigned low = 0; low < 0x7BFF; ++low) {
        const float below = ffr::to_float({static_cast<std::uint16_t>(low)});
        const float above = ffr::to_float({static_cast<std::uint16_t>(low + 1)});
        const float middle = below + (above - below) / 2;  // exact
        if (convert::to_half(middle).bits != (low % 2 == 0 ? low : low + 1)) ++wrong;
        if (convert::to_half(std::nextafter(middle, 0.0f)).bits != low) ++wrong;
        if (convert::to_half(-std::nextafter(middle, 1e9f)).bits != (0x8000 | (low + 1))) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(bits(1 + std::ldexp(1, -11)) == 0x3C00);
    CHECK(bits(1 + 3 * std::ldexp(1, -11)) == 0x3C02);
    CHECK(bits(2 - std::ldexp(1, -11)) == 0x4000);   // carries into the exponent
    CHECK(bits(std::ldexp(1023.5, -24)) == 0x0400);  // from the subnormals into the normals
    CHECK(bits(std::ldexp(1, -25)) == 0);            // half of the least one
    CHECK(bits(std::ldexp(3, -25)) == 2);
    CHECK(bits(1e-40) == 0);
    CHECK(bits(0.0) == 0);
    CHECK(bits(-0.0) == 0x8000);
    CHECK(bits(65504) == 0x7BFF);
    CHECK(bits(-65504) == 0xFBFF);
    for (const float large : {std::nextafter(65504.0f, 1e9f), 65520.0f, 1e30f, std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
        CHECK_THROWS_AS(convert::to_half(large), ffr::InvalidArgument);
        CHECK_THROWS_AS(convert::to_half(-large), ffr::InvalidArgument);
    }
}

TEST_CASE("a shape predictor is converted, exactly and compactly, and finds its points") {
    convert::DlibStream in = stream(TinyPredictor{}.bytes());
    const convert::ShapePredictor model = convert::read_shape_predictor(in);
    CHECK(model.cascades == 2);
    CHECK(model.trees == 2);
    CHECK(model.splits == 1);
    CHECK(model.pixels == 2);
    CHECK(model.thresholds == std::vector<std::int16_t>(4, 10));
    CHECK(model.shifts.size() == 2 * 2 * 2 * 4);
    // Four trees of the same shifts, in a box whose sides are 8 long; the points begin at (2, 4) and (6, 4).
    const ffr::Landmarks bright = predict(model, false, 111, 100);
    CHECK(bright.subpixel[0].x == 2 + 8 * 4 * 0.0625);
    CHECK(bright.subpixel[0].y == 4);
    CHECK(bright.subpixel[1].x == 6);
    CHECK(bright.subpixel[1].y == 4 - 8 * 4 * 0.125);
    // Compact: the first cascade in 8 bits, the second in 4.
    const ffr::Landmarks compact = predict(model, true, 111, 100);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(std::fabs(compact.subpixel[i].x - bright.subpixel[i].x) < 0.2);
        CHECK(std::fabs(compact.subpixel[i].y - bright.subpixel[i].y) < 0.2);
    }
    // A difference of 10 isn't more than 10.5, nor than its whole part.
    const ffr::Landmarks even = predict(model, false, 110, 100);
    CHECK(even.subpixel[0].x == 2);
    CHECK(even.subpixel[0].y == 4 + 8 * 4 * 0.125);
}

TEST_CASE("thresholds are rounded down, and far ones kept apart from all differences of pixels") {
    for (const auto& [threshold, expected] : {std::pair{-0.5, -1}, std::pair{-3.0, -3}, std::pair{254.75, 254},
                                              std::pair{1e9, 256}, std::pair{-1e9, -256}}) {
        TinyPredictor model;
        model.threshold = threshold;
        convert::DlibStream in = stream(model.bytes());
        CHECK(convert::read_shape_predictor(in).thresholds[0] == expected);
    }
}

TEST_CASE("leaves of zeros and leaves of one large value can be made compact") {
    for (const double value : {0.0, 1.0, -1.0, 1e-30}) {
        TinyPredictor tiny;
        tiny.shifts = {{value, 0, 0, 0}, {0, 0, 0, 0}};
        convert::DlibStream in = stream(tiny.bytes());
        const convert::ShapePredictor model = convert::read_shape_predictor(in);
        const ffr::Landmarks exact = predict(model, false, 200, 0), compact = predict(model, true, 200, 0);
        CHECK(compact.subpixel[0].x == doctest::Approx(exact.subpixel[0].x));
        CHECK(compact.subpixel[1].y == 4);
    }
}

TEST_CASE("steps are packed two to a byte, the first in the low bits") {
    CHECK(convert::pack_nibbles({-8, -8, 7, 7, 0, -8, -8, 0}) ==
          std::vector<std::int8_t>{0, -1, 8, static_cast<std::int8_t>(-128)});
    const float leaf[] = {-0.5f, 0.25f, 0, 0.5f};
    const convert::SteppedLeaves stepped = convert::step_leaves(leaf, 1, 4, 127);
    REQUIRE(stepped.sizes.size() == 1);
    REQUIRE(stepped.steps.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(std::fabs(stepped.sizes[0] * static_cast<float>(stepped.steps[i]) - leaf[i]) <= stepped.sizes[0]);
    }
}

TEST_CASE("a shape predictor cut off at any length, or with a byte more, is refused") {
    const Bytes whole = TinyPredictor{}.bytes();
    CHECK(error(whole, kPredictor) == "");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        REQUIRE(error(first(whole, size), kPredictor) != "");
    }
    Bytes longer = whole;
    longer.push_back(0);
    CHECK(contains(error(longer, kPredictor), "end: 1 bytes too many"));
}

TEST_CASE("a shape predictor with a byte altered is refused or read, converted and used") {
    const Bytes whole = TinyPredictor{}.bytes();
    int refused = 0, used = 0;
    for (std::size_t place = 0; place < whole.size(); ++place) {
        for (const Bytes& bytes : altered(whole, place)) {
            try {
                convert::DlibStream in = stream(bytes);
                const convert::ShapePredictor model = convert::read_shape_predictor(in);
                for (const bool compact : {false, true}) predict(model, compact, 111, 100);
                ++used;
            } catch (const ffr::Error&) {
                ++refused;
            }
        }
    }
    CHECK(refused > 1000);
    CHECK(used > 100);
}

TEST_CASE("a shape predictor whose parts don't fit is refused with the place and the part") {
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.mean.pop_back(); }), "mean shape: isn't a column"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.mean.clear(); }), "mean shape: isn't a column"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.shifts[1].pop_back(); }), "leaf: isn't a shift"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.shifts[1][2] = 1.5; }), "leaf: is out of range"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.splits = 2; }), "aren't a full binary tree"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.splits = 0; }), "number of splits"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.leaves = 3; }), "don't fit the number of splits"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.first_pixel = 2; }), "name a pixel that doesn't exist"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.first_pixel = -1; }), "split pixel: is out of range"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.first_pixel = 65536; }), "split pixel: is out of range"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.anchors[0] = 2; }), "name a point that doesn't exist"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.anchors.clear(); }), "number of pixels"));
    CHECK(contains(predictor_error([](TinyPredictor& m) { m.offsets.resize(6); }), "number of pixels"));
}

TEST_CASE("a HOG detector is converted: planes of rank 1 become one pair, of rank 2 two, of zeros none") {
    const std::vector<double> filter = small_filter();
    convert::DlibStream in = stream(hog_file({filter}));
    const convert::HogDetector detector = convert::read_hog_detector(in);
    CHECK(detector.thresholds == std::vector<double>{0.5});
    CHECK(detector.largest_ratio == 0.25);
    CHECK(detector.largest_cover == 0.75);
    const std::vector<unsigned char> bytes = converted(detector);
    const ffr::WeightsFile file = ffr::WeightsFile::from_memory(bytes.data(), bytes.size(), "memory");
    const auto planes = file.tensor<std::uint16_t>("pairs/plane", {3});
    CHECK(std::vector<std::uint16_t>(planes.begin(), planes.end()) == std::vector<std::uint16_t>{3, 7, 7});
    const auto columns = file.tensor<float>("pairs/column", {3, 10}), rows = file.tensor<float>("pairs/row", {3, 10});
    const auto weights = file.tensor<double>("filters", {1, 31, 10, 10});
    for (std::size_t p = 0; p < 31; ++p) {
        for (std::size_t i = 0; i < 100; ++i) {
            double sum = 0;
            for (std::size_t k = 0; k < 3; ++k) {
                if (planes[k] == p) sum += double{columns[10 * k + i / 10]} * double{rows[10 * k + i % 10]};
            }
            REQUIRE(weights[100 * p + i] == filter[100 * p + i]);
            REQUIRE(std::fabs(sum - filter[100 * p + i]) < 1e-6);
        }
    }
    CHECK(ffr::FaceDetector::load(file).detect(ffr::Image(100, 100, 3)).empty());  // 0 is under the threshold
}

TEST_CASE("a HOG detector of five filters keeps their order") {
    std::vector<std::vector<double>> filters(5, std::vector<double>(kFilter + 1));
    for (std::size_t i = 0; i < 5; ++i) {
        filters[i][100 * i] = 0.5;
        filters[i].back() = static_cast<double>(i) - 2;
    }
    convert::DlibStream in = stream(hog_file(filters));
    const std::vector<unsigned char> bytes = converted(convert::read_hog_detector(in));
    const ffr::WeightsFile file = ffr::WeightsFile::from_memory(bytes.data(), bytes.size(), "memory");
    const auto thresholds = file.tensor<double>("thresholds", {5});
    CHECK(std::vector<double>(thresholds.begin(), thresholds.end()) == std::vector<double>{-2, -1, 0, 1, 2});
    const auto filter = file.tensor<std::uint16_t>("pairs/filter", {5});
    CHECK(std::vector<std::uint16_t>(filter.begin(), filter.end()) == std::vector<std::uint16_t>{0, 1, 2, 3, 4});
    const std::vector<ffr::Detection> faces = ffr::FaceDetector::load(file).detect(ffr::Image(100, 100, 1));
    REQUIRE(!faces.empty());
    CHECK(faces[0].view == 0);
    CHECK(faces[0].score == 2);
}

TEST_CASE("a HOG detector cut off at any length, with a byte more, or of another kind is refused") {
    const Bytes whole = hog_file({small_filter()});
    CHECK(error(whole, kDetector) == "");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        REQUIRE(error(first(whole, size), kDetector) != "");
    }
    Bytes longer = whole;
    longer.push_back(0);
    CHECK(contains(error(longer, kDetector), "end: 1 bytes too many"));
    CHECK(contains(error(hog_file({small_filter()}, 6), kDetector), "cell size: is 6, expected 8"));
    CHECK(contains(error(hog_file({}), kDetector), "number of filters: is 0"));
    CHECK(contains(error(hog_file(std::vector(65, small_filter())), kDetector), "number of filters: is above 64"));
    CHECK(contains(error(hog_file({std::vector<double>(kFilter)}), kDetector), "filter: has an odd size"));
    CHECK(contains(error(TinyPredictor{}.bytes(), kDetector), "version: is 1, expected 2"));
    CHECK(contains(error(whole, kPredictor), "version: is 2, expected 1"));
}

TEST_CASE("a HOG detector with a byte altered is refused or read and converted") {
    const Bytes whole = hog_file({small_filter()});
    int refused = 0, used = 0;
    for (std::size_t place = 0; place < whole.size(); place += place < 80 ? 1 : 211) {
        for (const Bytes& bytes : altered(whole, place)) {
            try {
                convert::DlibStream in = stream(bytes);
                const convert::HogDetector detector = convert::read_hog_detector(in);
                if (place % 5 != 0) continue;
                const std::vector<unsigned char> file = converted(detector);
                ffr::FaceDetector::load(ffr::WeightsFile::from_memory(file.data(), file.size(), "memory"));
                ++used;
            } catch (const ffr::Error&) {
                ++refused;
            }
        }
    }
    CHECK(refused > 500);
    CHECK(used > 10);
}

TEST_CASE("a network's preamble is read, and refused when it's another network's") {
    const auto preamble_error = [](const std::function<void(Preamble&)>& alter) {
        Preamble preamble;
        alter(preamble);
        return error(preamble.write().bytes, kPreamble);
    };
    CHECK(preamble_error([](Preamble&) {}) == "");
    CHECK(preamble_error([](Preamble& p) { p.loss = "loss_metric_"; }) == "");
    CHECK(preamble_error([](Preamble& p) { p.node_version = 1; }) == "");
    CHECK(contains(preamble_error([](Preamble& p) { p.loss = "loss_mmod"; }),
                   "loss: is 'loss_mmod', not a face network's"));
    CHECK(contains(preamble_error([](Preamble& p) { p.node_version = 0; }), "node version: isn't one"));
    CHECK(contains(preamble_error([](Preamble& p) { p.node_version = 4; }), "node version: isn't one"));
    CHECK(contains(preamble_error([](Preamble& p) { p.input = "input_rgb_image"; }),
                   "input layer: is 'input_rgb_image', expected 'input_rgb_image_sized'"));
    CHECK(contains(preamble_error([](Preamble& p) { p.mean = -1; }), "pixel mean: is out of range"));
    CHECK(contains(preamble_error([](Preamble& p) { p.mean = 256; }), "pixel mean: is out of range"));
    CHECK(contains(preamble_error([](Preamble& p) { p.side = 151; }), "input rows: is 151, expected 150"));
    const Bytes whole = Preamble{}.write().bytes;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        REQUIRE(error(first(whole, size), kPreamble) != "");
        for (const Bytes& bytes : altered(whole, size)) error(bytes, kPreamble);
    }
}

TEST_CASE("a network in training or of other layers is refused") {
    const auto unit_error = [](std::int64_t inputs, std::int64_t outputs, int side, const std::string& affine) {
        NetworkWriter writer(Preamble{}.write(), false);
        writer.unit(inputs, outputs, side, 2, affine);
        return error(writer.out.bytes, kNetwork);
    };
    CHECK(contains(unit_error(3, 32, 7, ""), "the file ends here"));  // all of it was fine
    CHECK(contains(unit_error(3, 32, 7, "bn_con2"), "is batch normalisation: this is a network in training"));
    CHECK(contains(unit_error(3, 32, 7, "relu_"), "is 'relu_', expected an affine layer"));
    CHECK(contains(unit_error(3, 16, 7, ""), "parameters: have an unexpected shape"));
    CHECK(contains(unit_error(3, 32, 5, ""), "parameters: have an unexpected shape"));
    NetworkWriter other(Preamble{}.write(), false);
    other.plain("fc_2");
    CHECK(contains(error(other.out.bytes, kNetwork), "is 'fc_2', expected a convolution"));
}

TEST_CASE("a whole network is converted, exactly and compactly, in both codings") {
    std::vector<ffr::Embedding> embeddings;
    for (const bool newer : {false, true}) {
        convert::DlibStream in = stream(NetworkWriter(Preamble{}.write(), newer).whole());
        const convert::ResNet29 net = convert::read_resnet29(in);
        REQUIRE(net.convolutions.size() == 29);
        CHECK(net.pixel_mean == std::vector<float>{122.5f, 117, 104});
        for (const convert::FoldedConvolution& layer : net.convolutions) {
            CHECK(layer.weights.front() == 2 / 4096.0f);
            CHECK(layer.weights.back() == 2 / 4096.0f);
            CHECK(layer.bias.back() == 2 * 0.25f - 0.125f);
        }
        CHECK(net.projection[0] == 0);
        CHECK(net.projection[1] == 1 / 1024.0f);    // output 0, input 1
        CHECK(net.projection[256] == 2 / 1024.0f);  // output 1, input 0
        CHECK(net.projection.back() == (255 + 2 * 127) / 1024.0f);
        if (!newer) embeddings.push_back(embed_with(net, false));
        embeddings.push_back(embed_with(net, true));
    }
    // All weights are halves already, so nothing is lost.
    CHECK((embeddings[0] == embeddings[1]));
    CHECK((embeddings[0] == embeddings[2]));
    CHECK(embeddings[0][0] > 0);
    CHECK(std::isfinite(embeddings[0][127]));
}

TEST_CASE("a network cut off anywhere, or with a byte more, is refused") {
    Bytes whole = NetworkWriter(Preamble{}.write(), false).whole();
    for (std::size_t i = 0; i < 60; ++i) {
        // More places where there are more small layers: near the beginning.
        const double part = static_cast<double>(i) / 60;
        const auto size = static_cast<std::size_t>(static_cast<double>(whole.size()) * part * part * part);
        CAPTURE(size);
        REQUIRE(error(first(whole, size), kNetwork) != "");
    }
    CHECK(error(first(whole, whole.size() - 1), kNetwork) != "");
    whole.push_back('0');
    CHECK(contains(error(whole, kNetwork), "end: 1 bytes too many"));
}
