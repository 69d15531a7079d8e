#pragma once
/// \file
/// A convolution in bytes: four multiply-adds where a float takes one, at the price of rounding.
///
///     ByteMaps: blocks x faces x h x w x 32 bytes, a scale  -->  ByteMaps of the outputs, another scale
///
///     value of an input  = q * scale of its maps,           q = 0..255   (maps come out of a relu: none is negative)
///     value of a weight  = w * scale of its output channel, w = -127..127
///     output = relu(sum of q * w, exact in 32 bits, * both scales + bias + shortcut), rounded to its own scale
///
/// An output's scale is fixed by the largest value that it has to hold, which was measured on photos and stands in the
/// weight file; what's larger is cut off. There's a matrix product under it as in simd_convolution.hpp, by the ways
/// that are called direct and pixels there.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "../base/error.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../kernels/int8.hpp"
#include "blocked_maps.hpp"
#include "plain_layers.hpp"
#include "row_chunks.hpp"

namespace ffr {
inline namespace v0_1 {

/// Maps of a batch of faces in bytes, in blocks of 32 channels; channels that fill up the last block are 0.
class ByteMaps {
  public:
    /// Maps of the given sizes; bytes are anything at first. \param scale  what a step of a byte means
    ByteMaps(Workspace& workspace, int faces, int channels, int height, int width, float scale)
        : faces_(faces),
          channels_(channels),
          height_(height),
          width_(width),
          scale_(scale),
          memory_(workspace, static_cast<std::size_t>(plane()) * static_cast<std::size_t>(blocks()) / sizeof(float)) {}

    /// Faces of the batch.
    int faces() const { return faces_; }
    /// Maps of a face, without those that fill up the last block.
    int channels() const { return channels_; }
    /// Rows of a map.
    int height() const { return height_; }
    /// Pixels a row.
    int width() const { return width_; }
    /// What a step of a byte means.
    float scale() const { return scale_; }
    /// Blocks of 32 channels.
    int blocks() const { return kernels::panels_of(channels_); }
    /// Bytes from a block to the next.
    std::ptrdiff_t plane() const { return std::ptrdiff_t{faces_} * height_ * width_ * kernels::kPanel; }
    /// The first byte.
    std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(memory_.data()); }
    /// \overload
    const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(memory_.data()); }
    /// The 32 bytes of a pixel, of channels 32 * block to 32 * block + 31. The next pixel's are 32 bytes further.
    std::uint8_t* at(int block, int face, int y, int x) {
        return data() + block * plane() +
               ((std::ptrdiff_t{face} * height_ + y) * std::ptrdiff_t{width_} + x) * kernels::kPanel;
    }
    /// \overload
    const std::uint8_t* at(int block, int face, int y, int x) const {
        return const_cast<ByteMaps*>(this)->at(block, face, y, x);
    }

  private:
    int faces_, channels_, height_, width_;
    float scale_;
    Workspace::Floats memory_;
};

/// A layer of square filters in bytes. Immutable, safe for many threads.
class Int8Convolution {
  public:
    /// No layer.
    Int8Convolution() = default;

    /// Reads NAME/weights, NAME/bias and NAME/range, the largest value that comes out of the layer's activation.
    /// \param shape  of the layer, and of the maps that it will be given
    /// \throws FormatError when one is missing, of another shape or has a value that isn't finite, or for a range that
    /// isn't above 0
    static Int8Convolution load(const WeightsFile& file, const std::string& name, const ConvolutionShape& shape,
                                kernels::SimdPath path = kernels::simd_path()) {
        const std::vector<float> weights = file.floats(name + "/weights", weight_extents(shape));
        const std::vector<float> bias = file.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)});
        const float range = file.floats(name + "/range", {1}).at(0);
        if (!(range >= 255 * std::numeric_limits<float>::min())) {
            throw FormatError(file.name() + ": tensor '" + name + "/range' isn't above 0");
        }
        return from(shape, weights, bias, range, kernels::int8_path(path));
    }

    /// The same of weights [output][input][row][column] and bias [output] in memory.
    static Int8Convolution from(const ConvolutionShape& shape, const std::vector<float>& weights,
                                const std::vector<float>& bias, float range, kernels::Int8Path path) {
        return Int8Convolution(shape, weights, bias, range, path);
    }

    /// The layer's sizes.
    const ConvolutionShape& shape() const { return shape_; }
    /// The scale of its outputs.
    float output_scale() const { return range_ / 255; }

    /// relu(convolution + shortcut). The shortcut is maps of the result's size and as many channels or fewer, or null.
    /// \throws InvalidArgument when the maps aren't of the layer's shape
    ByteMaps apply(const ByteMaps& in, const ByteMaps* shortcut, Workspace& workspace) const {
        ByteMaps out(workspace, in.faces(), shape_.outputs, shape_.output_height(), shape_.output_width(),
                     output_scale());
        if (shortcut != nullptr && !can_add(*shortcut, out)) throw InvalidArgument("a shortcut of another size");
        multiply(in, out.scale(), workspace, [&](int panel, int pixel, kernels::ByteFinish finish) {
            const std::ptrdiff_t offset = panel * out.plane() + std::ptrdiff_t{pixel} * kernels::kPanel;
            finish.out = out.data() + offset;
            if (shortcut != nullptr && panel < shortcut->blocks()) {
                finish.shortcut = shortcut->data() + offset;
                finish.shortcut_scale = shortcut->scale() / out.scale();
            }
            return finish;
        });
        return out;
    }

    /// The convolution alone, as floats. \throws InvalidArgument when the maps aren't of the layer's shape
    BlockedMaps apply_to_floats(const ByteMaps& in, Workspace& workspace) const {
        BlockedMaps out(workspace, in.faces(), shape_.outputs, shape_.output_height(), shape_.output_width());
        multiply(in, 1, workspace, [&](int panel, int pixel, kernels::ByteFinish finish) {
            finish.floats = out.at(2 * panel, 0, 0, 0) + std::ptrdiff_t{pixel} * kernels::kBlock;
            finish.float_plane = out.plane();
            finish.float_blocks = out.blocks() - 2 * panel;
            return finish;
        });
        return out;
    }

    /// relu(convolution) of faces' pixels (value - mean) / range, for a layer of 3 inputs, stride 2 and no padding, which
    /// sees the pixels as they are. \throws InvalidArgument when a face isn't of the layer's size
    ByteMaps apply(const std::vector<ImageView>& faces, const std::array<float, 3>& mean, float range,
                   Workspace& workspace) const {
        if (!sees_pixels()) throw InvalidArgument("this layer doesn't take pixels");
        ByteMaps out(workspace, static_cast<int>(faces.size()), shape_.outputs, shape_.output_height(),
                     shape_.output_width(), output_scale());
        const Scales scales = scales_of(1 / range, out.scale(), mean);
        const std::ptrdiff_t line = 3 * std::ptrdiff_t{shape_.width};
        const Workspace::Floats memory(workspace,
                                       static_cast<std::size_t>(line * shape_.height + 4) / sizeof(float) + 1);
        auto* const image = reinterpret_cast<std::uint8_t*>(memory.data());
        for (std::size_t face = 0; face < faces.size(); ++face) {
            read_pixels(faces[face], image);
            workspace.threads().run(out.height(), [&](int y, int) {
                const kernels::ByteRows rows{image + y * shape_.stride * line, out.width(), shape_.side, groups(),
                                             line};
                for (int panel = 0; panel < panels(); ++panel) {
                    kernels::ByteFinish finish = finish_of(panel, scales);
                    finish.out = out.at(panel, static_cast<int>(face), y, 0);
                    kernels_->product_of_pixels(rows, panel_of(panel), finish);
                }
            });
        }
        return out;
    }

  private:
    struct Scales {
        std::vector<float> scale, bias;
    };

    Int8Convolution(const ConvolutionShape& shape, const std::vector<float>& weights, const std::vector<float>& bias,
                    float range, kernels::Int8Path path)
        : shape_(shape), range_(range), kernels_(&kernels::int8_kernels_of(path)) {
        require_whole(shape, weights.size(), bias.size());
        require_filters_fit(shape);
        const auto channels = static_cast<std::size_t>(panels() * kernels::kPanel);
        scale_.assign(channels, 1.0f);
        bias_.assign(channels, 0.0f);
        std::copy(bias.begin(), bias.end(), bias_.begin());
        weight_sums_.assign(channels, 0);
        colour_sums_.assign(channels, {});
        weights_.assign(static_cast<std::size_t>(panels() * panel_size()), 0);
        for (int output = 0; output < shape.outputs; ++output) pack(output, weights.data() + output * shape.taps());
    }

    /// True for the first layer, whose shape is that of a colour image.
    bool sees_pixels() const {
        return shape_.inputs == 3 && shape_.stride == 2 && shape_.padding == 0 && shape_.height == shape_.width;
    }
    int panels() const { return kernels::panels_of(shape_.outputs); }
    int input_blocks() const { return kernels::panels_of(shape_.inputs); }
    /// Groups of 4 inputs in a run: a pixel's block of channels or, in the first layer, a line of a filter, filled up.
    int groups() const { return sees_pixels() ? (3 * shape_.side + 3) / 4 : kernels::kPanel / 4; }
    int runs() const { return sees_pixels() ? shape_.side : input_blocks() * shape_.side * shape_.side; }
    std::ptrdiff_t panel_size() const { return std::ptrdiff_t{runs()} * groups() * 4 * kernels::kPanel; }
    const std::int8_t* panel_of(int panel) const { return weights_.data() + panel * panel_size(); }

    /// Rounds a filter [input][tap] and puts it where the kernel reads it: [run][group of 4 inputs][output][input].
    void pack(int output, const float* filter) {
        float largest = 0;
        for (std::ptrdiff_t i = 0; i < shape_.taps(); ++i) largest = std::max(largest, std::fabs(filter[i]));
        const auto channel = static_cast<std::size_t>(output);
        if (largest >= 127 * std::numeric_limits<float>::min()) scale_[channel] = largest / 127;  // else all round to 0
        const float inverse = 1 / scale_[channel];
        std::int8_t* const panel = weights_.data() + output / kernels::kPanel * panel_size();
        const int taps = shape_.side * shape_.side;
        for (int input = 0; input < shape_.inputs; ++input) {
            for (int tap = 0; tap < taps; ++tap) {
                const float scaled = *filter++ * inverse;
                const int rounded = static_cast<int>(scaled + std::copysign(0.5f, scaled));
                const int run = sees_pixels() ? tap / shape_.side : input / kernels::kPanel * taps + tap;
                const int place = sees_pixels() ? tap % shape_.side * 3 + input : input % kernels::kPanel;
                const std::ptrdiff_t group = std::ptrdiff_t{run} * groups() + place / 4;
                panel[(group * kernels::kPanel + output % kernels::kPanel) * 4 + place % 4] =
                    static_cast<std::int8_t>(rounded);
                weight_sums_[channel] += rounded;
                if (sees_pixels()) colour_sums_[channel][static_cast<std::size_t>(input)] += rounded;
            }
        }
    }

    /// What sums are multiplied by and what's added, in steps of the output.
    /// \param mean  of the colours, which are taken off here and not from the pixels
    Scales scales_of(float input_scale, float output_scale, const std::array<float, 3>& mean = {}) const {
        Scales scales{scale_, bias_};
        for (std::size_t channel = 0; channel < scale_.size(); ++channel) {
            scales.scale[channel] *= input_scale;
            for (std::size_t c = 0; c < 3; ++c) {
                scales.bias[channel] -= scales.scale[channel] * mean[c] * static_cast<float>(colour_sums_[channel][c]);
            }
            scales.scale[channel] /= output_scale;
            scales.bias[channel] /= output_scale;
        }
        return scales;
    }

    kernels::ByteFinish finish_of(int panel, const Scales& scales) const {
        const auto first = static_cast<std::size_t>(panel * kernels::kPanel);
        kernels::ByteFinish finish{};
        finish.weights = &weight_sums_[first];
        finish.scale = &scales.scale[first];
        finish.bias = &scales.bias[first];
        return finish;
    }

    /// The product of all rows and panels; place(panel, pixel, finish) says where sums go.
    template <typename Place>
    void multiply(const ByteMaps& in, float output_scale, Workspace& workspace, Place place) const {
        if (sees_pixels() || in.channels() != shape_.inputs || in.height() != shape_.height ||
            in.width() != shape_.width) {
            throw InvalidArgument(wrong_maps(shape_.inputs, in.channels(), in.height(), in.width()));
        }
        const Scales scales = scales_of(in.scale(), output_scale);
        const std::size_t row = static_cast<std::size_t>(runs()) * kernels::kPanel;
        const RowChunks chunks(in.faces() * shape_.output_height() * shape_.output_width(), kernels_->rows, row,
                               panels(), workspace.threads().size());
        const std::size_t scratch = chunks.scratch() / sizeof(float);
        const Workspace::Floats memory(workspace, scratch * static_cast<std::size_t>(workspace.threads().size()));
        const auto gathered = [&](const RowChunks::Block& block) {
            return reinterpret_cast<std::uint8_t*>(memory.data() + static_cast<std::size_t>(block.thread) * scratch) +
                   block.place * static_cast<std::ptrdiff_t>(row);
        };
        chunks.run(
            workspace.threads(),
            [&](const RowChunks::Block& block) {
                kernels_->gather(shape_, in.faces(), in.data(), block.first, block.count, gathered(block));
            },
            [&](const RowChunks::Block& block, int panel) {
                const kernels::ByteRows rows{gathered(block), block.count, runs(), groups(),
                                             std::ptrdiff_t{block.count} * kernels::kPanel};
                kernels_->product(rows, panel_of(panel), place(panel, block.first, finish_of(panel, scales)));
            });
    }

    /// A face's pixels, interleaved without gaps.
    void read_pixels(ImageView face, std::uint8_t* image) const {
        require_face_size(face, shape_.height);
        for (int y = 0; y < face.height; ++y) {
            const std::uint8_t* const from = face.row(y);
            if (face.channels == 3) {
                image = std::copy_n(from, 3 * face.width, image);
            } else {
                for (int x = 0; x < face.width; ++x) image = std::fill_n(image, 3, from[x]);
            }
        }
        std::fill_n(image, 4, std::uint8_t{0});  // the last line's filters see that far, with weights of 0
    }

    ConvolutionShape shape_{};
    float range_ = 0;
    const kernels::Int8Kernels* kernels_ = nullptr;
    std::vector<std::int8_t> weights_;
    std::vector<float> scale_, bias_;                       // of whole panels
    std::vector<std::int32_t> weight_sums_;                 // of each output's weights
    std::vector<std::array<std::int32_t, 3>> colour_sums_;  // the same for each colour, in the first layer
};

}  // namespace v0_1
}  // namespace ffr
