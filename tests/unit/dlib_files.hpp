#pragma once
/// \file
/// Small files as dlib writes them, of each kind that convert_weights reads, and the lies that they can be made to tell.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dlib_writer.hpp"
#include "ffr/detect/mmod_network.hpp"
#include "ffr/embed/resnet29.hpp"
#include "ffr/layers/plain_layers.hpp"

/// Two points, two cascades of two trees with one question each. Its lies are made by altering the members.
struct TinyPredictor {
    std::vector<double> mean{0.25, 0.5, 0.75, 0.5};
    std::vector<std::int64_t> anchors{0, 1};
    std::vector<double> offsets{0, 0, 0, 0};
    std::int64_t first_pixel = 0;
    double threshold = 10.5;
    std::size_t splits = 1, leaves = 2;
    // Shifts of a cascade's trees: when the first pixel is brighter by more than the threshold, and when it isn't.
    std::vector<std::vector<double>> shifts{{0.0625, 0, 0, -0.125}, {0, 0.125, -0.25, 0}};

    Bytes bytes() const {
        Writer out;
        out.integer(1);
        out.column(mean);
        out.integer(2);
        for (int cascade = 0; cascade < 2; ++cascade) {
            out.integer(2);
            for (int tree = 0; tree < 2; ++tree) {
                out.integer(static_cast<std::int64_t>(splits));
                for (std::size_t i = 0; i < splits; ++i) {
                    out.integers({first_pixel, 1});
                    out.number(threshold);
                }
                out.integer(static_cast<std::int64_t>(leaves));
                for (std::size_t i = 0; i < leaves; ++i) out.column(shifts[i % 2]);
            }
        }
        out.integer(2);
        for (int cascade = 0; cascade < 2; ++cascade) {
            out.integer(static_cast<std::int64_t>(anchors.size()));
            out.integers(anchors);
        }
        out.integer(2);
        for (int cascade = 0; cascade < 2; ++cascade) {
            out.integer(static_cast<std::int64_t>(offsets.size() / 2));
            out.numbers(offsets);
        }
        return out.bytes;
    }
};

constexpr std::size_t kPlane = 100, kFilter = 3100;

/// A detector file of these filters, weights and threshold each.
inline Bytes hog_file(const std::vector<std::vector<double>>& filters, std::int64_t cell_size = 8) {
    Writer out;
    out.integers({2, 1, 0, 0, cell_size, 0, 80, 80, 1000, 64, 64});
    out.number(9);
    out.integer(kFilter);
    out.numbers({0.25, 0.75});
    out.integer(static_cast<std::int64_t>(filters.size()));
    for (const std::vector<double>& filter : filters) out.column(filter);
    return out.bytes;
}

/// Zeros but for plane 3, of rank 1, and plane 7, of rank 2; threshold 0.5.
inline std::vector<double> small_filter() {
    std::vector<double> filter(kFilter + 1);
    for (std::size_t r = 0; r < 10; ++r) {
        for (std::size_t c = 0; c < 10; ++c) {
            const auto y = static_cast<double>(r), x = static_cast<double>(c);
            filter[3 * kPlane + 10 * r + c] = (y - 4) * (x + 1) / 64;
            filter[7 * kPlane + 10 * r + c] = (y + 1) / 16 + x / 8;
        }
    }
    filter.back() = 0.5;
    return filter;
}

/// What a network's file can say otherwise.
struct Preamble {
    std::string loss = "loss_metric_2", input = "input_rgb_image_sized";
    std::int64_t node_version = 3, side = 150;
    double mean = 122.5;

    Writer write() const {
        Writer out;
        out.integer(1);
        out.text(loss);
        if (loss == "loss_metric_2") out.numbers({0.04, 0.6});
        for (int i = 0; i < 130; ++i) out.integer(node_version);
        out.text(input);
        out.numbers({mean, 117, 104});
        out.integers({side, side});
        return out;
    }
};

/// Writes layers in the older coding (con_4, affine_, fc_2) or the newer one, whose truth values stand behind them.
struct NetworkWriter {
    Writer out;
    bool newer;

    NetworkWriter(Writer preamble, bool newer_coding) : out(std::move(preamble)), newer(newer_coding) {}

    void state() {
        for (int i = 0; i < 3; ++i) out.boolean(i == 0);
        for (int i = 0; i < 3; ++i) out.tensor({0, 0, 0, 0}, {});
    }
    void plain(const std::string& tag, const std::vector<std::int64_t>& fields = {}) {
        out.text(tag);
        out.integers(fields);
        state();
    }
    /// Weights 2^-12 and biases 1/4, doubled by gamma and shifted by beta = -1/8.
    void unit(std::int64_t inputs, std::int64_t outputs, int side, int stride, const std::string& affine = "") {
        const auto weights = static_cast<std::size_t>(inputs * outputs * side * side);
        const auto n = static_cast<std::size_t>(outputs);
        std::vector<float> values(weights + n, 1 / 4096.0f);
        std::fill(values.end() - outputs, values.end(), 0.25f);
        out.text(newer ? "con_5" : "con_4");
        out.tensor({static_cast<std::int64_t>(values.size()), 1, 1, 1}, values);
        const int padding = stride == 1 ? side / 2 : 0;
        out.integers({outputs, side, side, stride, stride, padding, padding});
        out.shape(1, {outputs, inputs, side, side});
        out.shape(1, {1, outputs, 1, 1});
        out.numbers({1, 1, 1, 0});
        if (newer) out.boolean(true);
        state();
        if (side == 7) out.integer(1);
        std::vector<float> gamma_beta(2 * n, 2.0f);
        std::fill(gamma_beta.begin() + outputs, gamma_beta.end(), -0.125f);
        out.text(affine.empty() ? (newer ? "affine_2" : "affine_") : affine);
        out.tensor({2 * outputs, 1, 1, 1}, gamma_beta);
        out.shape(1, {1, outputs, 1, 1});
        out.shape(1, {1, outputs, 1, 1});
        out.integer(0);
        if (newer) out.boolean(false);
        state();
    }
    void projection() {
        std::vector<float> values;
        for (int input = 0; input < 256; ++input) {
            for (int output = 0; output < 128; ++output) {
                values.push_back(static_cast<float>(input + 2 * output) / 1024.0f);
            }
        }
        out.text(newer ? "fc_3" : "fc_2");
        out.integers({128, 256});
        out.tensor({256, 128, 1, 1}, values);
        out.shape(1, {256, 128, 1, 1});
        out.shape(1, {0, 0, 0, 0});
        out.integer(1);
        out.numbers({1, 1, 1, 0});
        if (newer) out.boolean(false);
        state();
    }
    Bytes whole() {
        unit(3, 32, 7, 2);
        plain("relu_");
        plain("max_pool_2", {3, 3, 2, 2, 0, 0});
        std::int64_t inputs = 32;
        for (const ffr::ResidualBlockShape& block : ffr::kResNet29Blocks) {
            unit(inputs, block.channels, 3, block.stride);
            plain("relu_");
            unit(block.channels, block.channels, 3, 1);
            if (block.stride == 2) plain("avg_pool_2", {2, 2, 2, 2, 0, 0});
            plain("add_prev_");
            plain("relu_");
            inputs = block.channels;
        }
        plain("avg_pool_2", {0, 0, 1, 1, 0, 0});
        projection();
        return std::move(out.bytes);
    }
};

/// What a CNN detector's file can say otherwise, in any of the versions of its options.
struct CnnDetectorFile {
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
