#pragma once
/// \file
/// dlib's shape_predictor to a file of kind "landmarks".

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "dlib_stream.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"

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
    const std::size_t size = model.shifts.size() / model.cascades;
    for (std::size_t c = 0; c < model.cascades; ++c) {
        const auto first = model.shifts.begin() + static_cast<std::ptrdiff_t>(c * size);
        out.add("leaves/" + std::to_string(c) + "/float32", {model.trees, model.splits + 1, model.mean_shape.size()},
                std::vector<float>(first, first + static_cast<std::ptrdiff_t>(size)));
    }
}

/// Leaves as whole steps of -limit - 1 .. limit, each leaf with a step size of its own.
struct SteppedLeaves {
    std::vector<int> steps;
    std::vector<float> sizes;
};

/// The steps that come nearest to a leaf's values, and how far off they are.
inline double quantise(const float* leaf, std::size_t count, float size, int limit, std::vector<int>& steps) {
    double error = 0;
    steps.clear();
    for (std::size_t i = 0; i < count; ++i) {
        const double wanted = size > 0 ? std::round(leaf[i] / size) : 0;
        steps.push_back(static_cast<int>(std::clamp<double>(wanted, -limit - 1, limit)));
        error += std::pow(leaf[i] - size * static_cast<float>(steps.back()), 2);
    }
    return error;
}

/// Gives every leaf of a cascade the step size with the least squared error: the one at which the largest value takes
/// all steps, or a smaller one that cuts off a few large values and renders the many small ones better.
inline SteppedLeaves step_leaves(const float* shifts, std::size_t leaves, std::size_t coordinates, int limit) {
    SteppedLeaves result;
    std::vector<int> steps, best_steps;
    for (const float* leaf = shifts; leaf != shifts + leaves * coordinates; leaf += coordinates) {
        float largest = 0;
        for (std::size_t i = 0; i < coordinates; ++i) largest = std::max(largest, std::fabs(leaf[i]));
        double least = std::numeric_limits<double>::infinity();
        float best_size = 0;
        for (int part = 50; part <= 100; part += 2) {
            const float size = largest / static_cast<float>(limit) * static_cast<float>(part) / 100;
            const double error = quantise(leaf, coordinates, size, limit, steps);
            if (error >= least) continue;
            least = error;
            best_size = size;
            best_steps = steps;
        }
        result.sizes.push_back(best_size);
        result.steps.insert(result.steps.end(), best_steps.begin(), best_steps.end());
    }
    return result;
}

/// One byte a point: x in the low four bits, y in the high ones, 0..15 standing for -8..7.
inline std::vector<std::int8_t> pack_nibbles(const std::vector<int>& steps) {
    std::vector<std::int8_t> packed;
    for (std::size_t i = 0; i + 1 < steps.size(); i += 2) {
        packed.push_back(static_cast<std::int8_t>(static_cast<std::uint8_t>((steps[i] + 8) | (steps[i + 1] + 8) << 4)));
    }
    return packed;
}

/// Leaves as steps: 16 bits in the first third of the cascades, 8 in the next quarter, 4 in the rest. An error in an
/// early cascade makes all later ones read other pixels, one in the last cascade is just itself.
inline void write_compact(const ShapePredictor& model, ffr::WeightsWriter& out) {
    write_tables(model, out);
    const std::size_t coordinates = model.mean_shape.size(), leaves = model.trees * (model.splits + 1);
    const std::vector<std::size_t> shape{model.trees, model.splits + 1, coordinates};
    for (std::size_t c = 0; c < model.cascades; ++c) {
        const std::string name = "leaves/" + std::to_string(c) + "/";
        const bool early = c < model.cascades / 3, middle = !early && c < model.cascades * 3 / 5;
        const int limit = early ? 32767 : middle ? 127 : 7;
        const SteppedLeaves stepped =
            step_leaves(model.shifts.data() + c * leaves * coordinates, leaves, coordinates, limit);
        out.add(name + "step_size", {model.trees, model.splits + 1}, stepped.sizes);
        if (early) {
            out.add(name + "int16", shape, std::vector<std::int16_t>(stepped.steps.begin(), stepped.steps.end()));
        } else if (middle) {
            out.add(name + "int8", shape, std::vector<std::int8_t>(stepped.steps.begin(), stepped.steps.end()));
        } else {
            out.add(name + "nibbles", {model.trees, model.splits + 1, coordinates / 2}, pack_nibbles(stepped.steps));
        }
    }
}

}  // namespace convert
