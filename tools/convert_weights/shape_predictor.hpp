#pragma once
/// \file
/// dlib's shape_predictor to a file of kind "landmarks".

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dlib_stream.hpp"
#include "ffr/weights.hpp"
#include "half.hpp"

namespace convert {

/// An ensemble of regression trees; all cascades have the same numbers of trees and pixels, all trees the same depth.
struct ShapePredictor {
    std::size_t cascades = 0, trees = 0, splits = 0, pixels = 0;
    std::vector<float> mean_shape;            // [point][x, y]
    std::vector<std::uint16_t> anchors;       // [cascade][pixel]
    std::vector<float> offsets;               // [cascade][pixel][x, y]
    std::vector<std::uint16_t> split_pixels;  // [cascade][tree][split][first, second]
    std::vector<std::int16_t> thresholds;     // [cascade][tree][split]
    std::vector<float> shifts;                // [cascade][tree][leaf][point][x, y]
};

/// Sets a size at its first reading and holds all later ones against it.
inline void expect_same(DlibStream& in, std::size_t& known, std::size_t found, const std::string& field) {
    if (known == 0) known = found;
    in.require(found == known && found > 0, field, "differs between trees or cascades, or is 0");
}

inline std::uint16_t read_index(DlibStream& in, const std::string& field) {
    const std::int64_t index = in.integer(field);
    in.require(index >= 0 && index < 65536, field, "is out of range");
    return static_cast<std::uint16_t>(index);
}

inline void read_tree(DlibStream& in, ShapePredictor& model) {
    expect_same(in, model.splits, in.count(8, "splits"), "number of splits");
    in.require(((model.splits + 1) & model.splits) == 0 && model.splits < 65536, "splits", "aren't a full binary tree");
    for (std::size_t i = 0; i < model.splits; ++i) {
        model.split_pixels.push_back(read_index(in, "split pixel"));
        model.split_pixels.push_back(read_index(in, "split pixel"));
        // Pixels are whole numbers, so their difference exceeds a threshold just when it exceeds the whole part; and it
        // lies within -255..255.
        const double threshold = std::floor(in.number("split threshold"));
        model.thresholds.push_back(static_cast<std::int16_t>(std::clamp(threshold, -256.0, 256.0)));
    }
    in.require(in.count(4, "leaves") == model.splits + 1, "leaves", "don't fit the number of splits");
    for (std::size_t i = 0; i <= model.splits; ++i) {
        const Matrix leaf = in.matrix("leaf");
        in.require(leaf.columns == 1 && leaf.rows == model.mean_shape.size(), "leaf", "isn't a shift of the shape");
        for (const double value : leaf.values) {
            in.require(std::fabs(value) <= 1, "leaf", "is out of range");
            model.shifts.push_back(static_cast<float>(value));
        }
    }
}

inline ShapePredictor read_shape_predictor(DlibStream& in) {
    ShapePredictor model;
    in.expect_integer(1, "version");
    const Matrix mean = in.matrix("mean shape");
    in.require(mean.columns == 1 && mean.rows >= 2 && mean.rows % 2 == 0 && mean.rows <= 8192, "mean shape",
               "isn't a column of coordinates");
    model.mean_shape.assign(mean.values.begin(), mean.values.end());
    model.cascades = in.count(4, "cascades");
    in.require(model.cascades >= 1, "cascades", "there are none");
    for (std::size_t c = 0; c < model.cascades; ++c) {
        expect_same(in, model.trees, in.count(4, "trees"), "number of trees");
        for (std::size_t t = 0; t < model.trees; ++t) read_tree(in, model);
    }
    in.require(in.count(2, "anchors") == model.cascades, "anchors", "don't fit the number of cascades");
    for (std::size_t c = 0; c < model.cascades; ++c) {
        expect_same(in, model.pixels, in.count(2, "anchors"), "number of pixels");
        for (std::size_t i = 0; i < model.pixels; ++i) model.anchors.push_back(read_index(in, "anchor"));
    }
    in.require(in.count(2, "offsets") == model.cascades, "offsets", "don't fit the number of cascades");
    for (std::size_t c = 0; c < model.cascades; ++c) {
        expect_same(in, model.pixels, in.count(8, "offsets"), "number of pixels");
        for (std::size_t i = 0; i < 2 * model.pixels; ++i) {
            model.offsets.push_back(static_cast<float>(in.number("offset")));
        }
    }
    in.expect_end();
    const auto largest = [](const auto& values) { return *std::max_element(values.begin(), values.end()); };
    in.require(largest(model.anchors) < model.mean_shape.size() / 2, "anchors", "name a point that doesn't exist");
    in.require(largest(model.split_pixels) < model.pixels, "splits", "name a pixel that doesn't exist");
    return model;
}

inline void write_tables(const ShapePredictor& model, ffr::WeightsWriter& out) {
    out.add("mean_shape", {model.mean_shape.size() / 2, 2}, model.mean_shape);
    out.add("pixels/anchor", {model.cascades, model.pixels}, model.anchors);
    out.add("pixels/offset", {model.cascades, model.pixels, 2}, model.offsets);
    out.add("splits/pixels", {model.cascades, model.trees, model.splits, 2}, model.split_pixels);
    out.add("splits/threshold", {model.cascades, model.trees, model.splits}, model.thresholds);
}

/// Leaves as they are, in float32.
inline void write_exact(const ShapePredictor& model, ffr::WeightsWriter& out) {
    write_tables(model, out);
    out.add("leaves/shift", {model.cascades, model.trees, model.splits + 1, model.mean_shape.size()}, model.shifts);
}

/// Leaves as int8 steps of a float16 size that each leaf has for itself: the largest shift takes 127 steps.
inline void write_compact(const ShapePredictor& model, ffr::WeightsWriter& out) {
    write_tables(model, out);
    const std::size_t coordinates = model.mean_shape.size();
    std::vector<std::int8_t> steps;
    std::vector<ffr::Half> sizes;
    for (auto leaf = model.shifts.begin(); leaf != model.shifts.end();
         leaf += static_cast<std::ptrdiff_t>(coordinates)) {
        const auto end = leaf + static_cast<std::ptrdiff_t>(coordinates);
        float largest = 0;
        for (auto it = leaf; it != end; ++it) largest = std::max(largest, std::fabs(*it));
        sizes.push_back(half_not_below(largest / 127));
        const float size = ffr::to_float(sizes.back());
        for (auto it = leaf; it != end; ++it) {
            steps.push_back(static_cast<std::int8_t>(size > 0 ? std::lround(*it / size) : 0));
        }
    }
    out.add("leaves/steps", {model.cascades, model.trees, model.splits + 1, coordinates}, steps);
    out.add("leaves/step_size", {model.cascades, model.trees, model.splits + 1}, sizes);
}

}  // namespace convert
