#pragma once
/// \file
/// dlib's object_detector<scan_fhog_pyramid<pyramid_down<6>>>, as detector.save("x.svm") writes it, to a file of kind
/// "hog_detector".

#include <Eigen/SVD>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dlib_stream.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/detect/hog.hpp"

namespace convert {

/// The filters of a detector: 31 planes of 10 x 10 weights each, and a threshold.
struct HogDetector {
    static constexpr std::size_t kSide = 10, kPlaneSize = kSide * kSide, kWeights = ffr::kHogPlanes * kPlaneSize;
    double largest_ratio = 0;
    double largest_cover = 0;
    std::vector<double> thresholds;
    std::vector<double> weights;  // [filter][plane][row][column]
};

inline HogDetector read_hog_detector(DlibStream& in) {
    HogDetector detector;
    in.expect_integer(2, "version");
    in.expect_integer(1, "scanner version");
    in.expect_integer(0, "cached pyramid, capacity");
    in.expect_integer(0, "cached pyramid, size");
    in.expect_integer(ffr::kHogCell, "cell size");
    in.expect_integer(0, "padding");
    in.expect_integer(80, "window width");
    in.expect_integer(80, "window height");
    in.expect_integer(1000, "most pyramid levels");
    in.expect_integer(64, "least level width");
    in.expect_integer(64, "least level height");
    in.number("nuclear norm strength");
    in.expect_integer(HogDetector::kWeights, "dimensions");
    detector.largest_ratio = in.number("overlap ratio");
    detector.largest_cover = in.number("overlap cover");
    const std::size_t filters = in.count(HogDetector::kWeights, "number of filters");
    in.require(filters >= 1, "number of filters", "is 0");
    in.require(filters <= ffr::FaceDetector::kMaxFilters, "number of filters", "is above 64");
    for (std::size_t i = 0; i < filters; ++i) {
        const Matrix values = in.matrix("filter");
        in.require(values.rows == HogDetector::kWeights + 1 && values.columns == 1, "filter", "has an odd size");
        detector.weights.insert(detector.weights.end(), values.values.begin(), values.values.end() - 1);
        detector.thresholds.push_back(values.values.back());
    }
    in.expect_end();
    return detector;
}

/// Takes a plane apart into column times row, strongest first. Terms of less than a thousandth of the strongest are
/// numerical noise: the filters were trained to have a low rank.
inline void add_separable_pairs(const double* plane, std::vector<float>& columns, std::vector<float>& rows) {
    using Plane = Eigen::Matrix<double, HogDetector::kSide, HogDetector::kSide, Eigen::RowMajor>;
    const Eigen::JacobiSVD<Plane> svd(Eigen::Map<const Plane>(plane), Eigen::ComputeFullU | Eigen::ComputeFullV);
    const auto& strengths = svd.singularValues();
    for (Eigen::Index i = 0; i < strengths.size() && strengths[i] >= std::max(1e-4, strengths[0] / 1000); ++i) {
        const double root = std::sqrt(strengths[i]);
        for (Eigen::Index k = 0; k < strengths.size(); ++k) {
            columns.push_back(static_cast<float>(svd.matrixU()(k, i) * root));
            rows.push_back(static_cast<float>(svd.matrixV()(k, i) * root));
        }
    }
}

inline void write_hog_detector(const HogDetector& detector, ffr::WeightsWriter& out) {
    const std::size_t filters = detector.thresholds.size();
    std::vector<std::uint16_t> pair_filter, pair_plane;
    std::vector<float> columns, rows;
    for (std::size_t k = 0; k < filters; ++k) {
        for (std::size_t p = 0; p < ffr::kHogPlanes; ++p) {
            const double* const plane =
                detector.weights.data() + k * HogDetector::kWeights + p * HogDetector::kPlaneSize;
            add_separable_pairs(plane, columns, rows);
            pair_filter.resize(columns.size() / HogDetector::kSide, static_cast<std::uint16_t>(k));
            pair_plane.resize(columns.size() / HogDetector::kSide, static_cast<std::uint16_t>(p));
        }
    }
    out.add("filters", {filters, ffr::kHogPlanes, HogDetector::kSide, HogDetector::kSide}, detector.weights);
    out.add("thresholds", {filters}, detector.thresholds);
    out.add<double>("overlap", {2}, {detector.largest_ratio, detector.largest_cover});
    out.add("pairs/filter", {pair_filter.size()}, pair_filter);
    out.add("pairs/plane", {pair_plane.size()}, pair_plane);
    out.add("pairs/column", {pair_filter.size(), HogDetector::kSide}, columns);
    out.add("pairs/row", {pair_filter.size(), HogDetector::kSide}, rows);
}

}  // namespace convert
