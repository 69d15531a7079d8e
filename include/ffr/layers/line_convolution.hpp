#pragma once
/// \file
/// Convolutions of maps that are too large to be kept whole: line by line, with no more lines kept than the next layer
/// looks at.
///
///     layer i's LineRing: ... line 7 | line 8 | line 9 | line 10 | line 11     a line: blocks x (padding + width + padding) x 16
///                              |________ a filter of 5 rows ________|
///                                               v
///     layer i + 1's LineRing:                line 9
///
/// A map of 970 x 1968 pixels and 16 channels takes 122 MB; the 23 lines that count take 1.4, and stay in the cache.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "../base/error.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../kernels/simd.hpp"
#include "plain_layers.hpp"

namespace ffr {
inline namespace v0_1 {

/// The last lines of maps, in blocks of 16 channels with zeros on both sides.
class LineRing {
  public:
    /// \param channels, height, width  of the maps
    /// \param padding  zeros on each side, as the layer that reads them wants it
    /// \param lines    how many are kept
    LineRing(Workspace& workspace, int channels, int height, int width, int padding, int lines)
        : height_(height),
          padding_(padding),
          lines_(lines),
          plane_((std::ptrdiff_t{width} + 2 * padding) * kernels::kBlock),
          line_(plane_ * kernels::blocks_of(channels)),
          values_(workspace, static_cast<std::size_t>(line_ * (lines + 1))) {
        std::fill_n(values_.data(), line_ * (lines + 1), 0.0f);
    }

    /// Floats from a block of channels to the next.
    std::ptrdiff_t plane() const { return plane_; }

    /// Where line y is to be stored, 0 <= y < height: its first pixel. It takes the place of line y - lines.
    float* line(int y) { return values_.data() + y % lines_ * line_ + padding_ * kernels::kBlock; }

    /// Where line y is to be read: the first zero before it. Lines outside of the maps are zeros.
    const float* padded_line(int y) const {
        const int place = y < 0 || y >= height_ ? lines_ : y % lines_;
        return values_.data() + place * line_;
    }

  private:
    int height_, padding_, lines_;
    std::ptrdiff_t plane_, line_;
    Workspace::Floats values_;  // the lines, and one of zeros
};

/// A layer of square filters with a bias, with weights in the order in which a line's kernel reads them. Immutable, safe
/// for many threads.
class LineConvolution {
  public:
    /// Most rows of a filter.
    static constexpr int kMostRows = 9;
    /// The lines that the rows of a filter see.
    using Lines = std::array<const float*, kMostRows>;

    /// Reads the tensors NAME/weights (float32 or float16) and NAME/bias.
    /// \param shape  3 inputs, which are the interleaved colours of a picture, at stride 2; or any number at stride 1 or 2.
    ///               Height and width don't count
    /// \throws FormatError when a tensor is missing, of another shape or has a value that isn't finite
    static LineConvolution load(const WeightsFile& file, const std::string& name, const ConvolutionShape& shape,
                                kernels::SimdPath path = kernels::simd_path()) {
        return {shape, file.floats(name + "/weights", weight_extents(shape)),
                file.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)}), path};
    }

    /// \param weights  [output][input][row][column]. \param bias  [output]. \param shape  see load
    /// \throws InvalidArgument when they aren't as many as the shape has, or it's none of those
    LineConvolution(const ConvolutionShape& shape, const std::vector<float>& weights, const std::vector<float>& bias,
                    kernels::SimdPath path = kernels::simd_path())
        : shape_(shape), kernels_(&kernels::kernels_of(path)), pitch_(pitch_of(shape)) {
        require_whole(shape, weights.size(), bias.size());
        const std::ptrdiff_t outputs = std::ptrdiff_t{panel()} * ((shape.outputs + panel() - 1) / panel());
        bias_.assign(static_cast<std::size_t>(outputs), 0.0f);
        std::copy(bias.begin(), bias.end(), bias_.begin());
        weights_ = aligned_zeros(static_cast<std::size_t>(outputs * shape.side * blocks() * run()));
        for (std::size_t i = 0; i < weights.size(); ++i) weights_[place_of(static_cast<int>(i))] = weights[i];
    }

    /// The layer's sizes.
    const ConvolutionShape& shape() const { return shape_; }

    /// A line of relu(convolution), or of the convolution itself where it has one output, whose numbers lie beside each
    /// other.
    /// \param lines  what the rows of the filters see. \param plane  floats from a block of an input line to the next
    /// \param out    the line's first pixel. \param out_plane  floats from a block of it to the next. \param count  pixels
    void apply(const Lines& lines, std::ptrdiff_t plane, float* out, std::ptrdiff_t out_plane, int count) const {
        const kernels::LineJob job{lines.data(),
                                   shape_.side,
                                   blocks(),
                                   plane,
                                   run(),
                                   count,
                                   weights_.get(),
                                   bias_.data(),
                                   out,
                                   out_plane,
                                   kernels::blocks_of(shape_.outputs)};
        if (shape_.outputs == 1) {
            kernels_->convolve_line_to_one(job);
        } else {
            kernels_->convolve_line_relu(pitch_, job);
        }
    }

  private:
    static kernels::LinePitch pitch_of(const ConvolutionShape& shape) {
        const bool colours = shape.inputs == 3;
        if (shape.side > kMostRows || shape.stride < (colours ? 2 : 1) || shape.stride > (shape.outputs == 1 ? 1 : 2)) {
            throw InvalidArgument("there's no way to do a convolution of such filters by lines");
        }
        return colours             ? kernels::LinePitch::colours
               : shape.stride == 1 ? kernels::LinePitch::channels
                                   : kernels::LinePitch::halving;
    }

    /// Weights begin at a multiple of 64 bytes, so that no register full of them lies in two lines of the cache.
    static std::shared_ptr<float[]> aligned_zeros(std::size_t count) {
        constexpr std::align_val_t kAlignment{64};
        std::shared_ptr<float[]> values(new (kAlignment) float[count],
                                        [](float* memory) { ::operator delete[](memory, kAlignment); });
        std::fill_n(values.get(), count, 0.0f);
        return values;
    }

    bool colours() const { return pitch_ == kernels::LinePitch::colours; }
    int block_size() const { return colours() ? shape_.inputs : kernels::kBlock; }
    int blocks() const { return colours() ? 1 : kernels::blocks_of(shape_.inputs); }
    int run() const { return shape_.side * block_size(); }
    int panel() const { return shape_.outputs == 1 ? 1 : kernels::line_panel(pitch_); }

    /// From [output][input][row][column] to [panel][row][block][column][input of the block][output of the panel].
    std::ptrdiff_t place_of(int weight) const {
        const int column = weight % shape_.side, row = weight / shape_.side % shape_.side;
        const int filter = weight / (shape_.side * shape_.side), input = filter % shape_.inputs;
        const int output = filter / shape_.inputs;
        const int line = (output / panel() * shape_.side + row) * blocks() + input / block_size();
        return (std::ptrdiff_t{line} * run() + column * block_size() + input % block_size()) * panel() +
               output % panel();
    }

    ConvolutionShape shape_;
    const kernels::Kernels* kernels_;
    kernels::LinePitch pitch_;
    std::shared_ptr<float[]> weights_;
    std::vector<float> bias_;
};

}  // namespace v0_1
}  // namespace ffr
