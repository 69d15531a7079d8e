#pragma once
/// \file
/// The layers that networks are built from. What flows between them is a stack of maps:
///
///     FeatureMaps: channels x height x width floats
///
///     input_maps    h x w x 3 -> 3 x h x w: pixels become numbers around 0
///     convolve      C x h x w -> D x h' x w': every output map is a weighted sum over all input maps' neighbourhoods,
///                   plus a number of its own, the bias; h' = (h + 2 padding - side) / stride + 1, where a filter has
///                   side x side pixels, is applied every `stride` pixels, and sees `padding` zeros around the maps
///     relu          what's negative becomes 0: without it, two layers would be no more than one
///     max_pool      C x h x w -> C x h' x w', the largest value of each window: a smaller map, what it found stays
///     average_pool  of each window the mean
///     l2_pool       of each window the length as a vector
///     normalise_across_channels   what's strong in neighbouring maps is damped
///     add           a shortcut around other layers comes back in
///     concatenate   branches that went different ways are stacked on each other: C1 + C2 + ... maps
///
/// At a network's end, an average_pool over whole maps makes a number of each, and a convolution of those maps of one
/// pixel is what's called a fully connected layer.
///
/// This is the plain version, to be read, and what the fast one in simd_layers.hpp is tested against. Its convolution
/// is the formula itself (kernels/reference.hpp) or, with FFR_USE_EIGEN or FFR_USE_OPENBLAS defined, a library's matrix
/// product.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../kernels/convolution.hpp"
#include "../kernels/dispatch.hpp"

namespace ffr {
inline namespace v0_1 {

/// A stack of maps of one size; values[(channel * height + y) * width + x].
struct FeatureMaps {
    int channels = 0;           ///< how many maps
    int height = 0;             ///< rows of a map
    int width = 0;              ///< pixels a row
    std::vector<float> values;  ///< channels * height * width of them

    /// `c` maps of `h` x `w` pixels, all zero.
    FeatureMaps(int c, int h, int w)
        : channels(c),
          height(h),
          width(w),
          values(static_cast<std::size_t>(c) * static_cast<std::size_t>(h) * static_cast<std::size_t>(w), 0.0f) {}

    /// First value of a map, 0 <= channel < channels.
    float* map(int channel) { return values.data() + std::ptrdiff_t{channel} * height * width; }
    /// \overload
    const float* map(int channel) const { return values.data() + std::ptrdiff_t{channel} * height * width; }
};

/// Refuses a call without faces or with too many.
/// \throws InvalidArgument when there's no face, or more than a network takes at once
inline void require_batch(std::size_t faces, std::size_t most) {
    if (faces == 0 || faces > most) {
        throw InvalidArgument("the network takes 1 to " + std::to_string(most) + " faces at once, not " +
                              std::to_string(faces));
    }
}

/// Refuses a face of another size. \throws InvalidArgument when a face isn't size x size pixels
inline void require_face_size(ImageView face, int size) {
    require_pixels(face);
    if (face.width != size || face.height != size) {
        const std::string side = std::to_string(size);
        throw InvalidArgument("the network takes a face of " + side + " x " + side + " pixels, not " +
                              std::to_string(face.width) + " x " + std::to_string(face.height));
    }
}

/// The pixels of a face as a network takes them: (value - mean of the channel) / range, planes R, G, B; of a gray image
/// three times the same. \throws InvalidArgument when the image isn't size x size pixels
inline FeatureMaps input_maps(ImageView face, int size, const std::array<float, 3>& mean, float range) {
    require_face_size(face, size);
    FeatureMaps maps(3, size, size);
    float* out = maps.values.data();
    for (int c = 0; c < 3; ++c) {
        const int channel = face.channels == 1 ? 0 : c;
        for (int y = 0; y < size; ++y) {
            const std::uint8_t* const row = face.row(y) + channel;
            for (int x = 0; x < size; ++x) {
                *out++ = (static_cast<float>(row[x * face.channels]) - mean[static_cast<std::size_t>(c)]) / range;
            }
        }
    }
    return maps;
}

/// The sizes of a convolution and of the maps that it's given.
using ConvolutionShape = kernels::ConvolutionShape;

/// The extents of a convolution's weights: [output][input][row][column].
inline std::vector<std::size_t> weight_extents(const ConvolutionShape& shape) {
    const auto size = [](int n) { return static_cast<std::size_t>(n); };
    return {size(shape.outputs), size(shape.inputs), size(shape.side), size(shape.side)};
}

/// A layer of square filters with a bias.
struct Convolution {
    int inputs = 0;              ///< maps it takes
    int outputs = 0;             ///< maps it puts out, each by a filter of its own
    int side = 0;                ///< of a filter, in pixels
    int stride = 1;              ///< pixels from where a filter is applied to the next place
    int padding = 0;             ///< zeros around the input, in pixels
    std::vector<float> weights;  ///< [output][input][row][column]
    std::vector<float> bias;     ///< [output]

    /// A layer of the given sizes. The maps that it's given may have others.
    static Convolution from(const ConvolutionShape& shape, std::vector<float> weights, std::vector<float> bias,
                            kernels::SimdPath = kernels::SimdPath::scalar) {
        return {shape.inputs,  shape.outputs,      shape.side,     shape.stride,
                shape.padding, std::move(weights), std::move(bias)};
    }

    /// Reads the tensors NAME/weights (float32 or float16) and NAME/bias.
    /// \throws FormatError when one is missing, of another shape or has a value that isn't finite
    static Convolution load(const WeightsFile& file, const std::string& name, const ConvolutionShape& shape,
                            kernels::SimdPath = kernels::SimdPath::scalar) {
        std::vector<float> weights = file.floats(name + "/weights", weight_extents(shape));
        return from(shape, std::move(weights), file.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)}));
    }
};

/// What's wrong with maps that a convolution can't take.
inline std::string wrong_maps(int inputs, int channels, int height, int width) {
    return "a convolution of " + std::to_string(inputs) + " maps can't take " + std::to_string(channels) + " x " +
           std::to_string(height) + " x " + std::to_string(width);
}

/// Refuses a shape that leaves no output.
/// \throws InvalidArgument when filters are larger than the maps that a shape says they're given
inline void require_filters_fit(const ConvolutionShape& shape) {
    if (std::min(shape.height, shape.width) + 2 * shape.padding < shape.side) {
        throw InvalidArgument(wrong_maps(shape.inputs, shape.inputs, shape.height, shape.width));
    }
}

/// Refuses a layer with gaps.
/// \throws InvalidArgument when there aren't as many weights and biases as a shape has
inline void require_whole(const ConvolutionShape& shape, std::size_t weights, std::size_t bias) {
    const auto outputs = static_cast<std::size_t>(shape.outputs);
    if (weights != outputs * static_cast<std::size_t>(shape.taps()) || bias != outputs) {
        throw InvalidArgument("a convolution with " + std::to_string(weights) + " weights and " + std::to_string(bias) +
                              " biases isn't of its shape");
    }
}

/// Applies a convolution.
/// \throws InvalidArgument when the maps aren't as many as the layer takes, or are smaller than its filters
inline FeatureMaps convolve(const Convolution& layer, const FeatureMaps& in) {
    const ConvolutionShape shape{in.channels, in.height,    in.width,     layer.outputs,
                                 layer.side,  layer.stride, layer.padding};
    if (in.channels != layer.inputs || std::min(in.height, in.width) + 2 * layer.padding < layer.side) {
        throw InvalidArgument(wrong_maps(layer.inputs, in.channels, in.height, in.width));
    }
    FeatureMaps out(layer.outputs, shape.output_height(), shape.output_width());
    kernels::convolve(shape, layer.weights.data(), layer.bias.data(), in.values.data(), out.values.data());
    return out;
}

/// max(value, 0).
inline FeatureMaps relu(FeatureMaps maps) {
    for (float& value : maps.values) value = std::max(value, 0.0f);
    return maps;
}

/// How a pooling layer's windows lie on a map: side x side pixels, `stride` apart, the first one `padding` pixels outside
/// of the map's upper left corner. As many windows as fit into the padded map.
struct PoolWindow {
    int side = 1;     ///< pixels
    int stride = 1;   ///< pixels from a window to the next
    int padding = 0;  ///< pixels, at most half of the side
};

/// Extents of what a pooling layer puts out.
struct PoolSize {
    int height;  ///< rows of windows
    int width;   ///< windows a row
};

/// How many windows fit on maps of `height` x `width` pixels, padding included.
/// \throws InvalidArgument when no window fits on maps of that size, or the padding is more than half of it
inline PoolSize pool_size(const PoolWindow& window, int height, int width) {
    const auto windows = [&](int extent) { return (extent + 2 * window.padding - window.side) / window.stride + 1; };
    if (2 * window.padding > window.side || std::min(height, width) + 2 * window.padding < window.side) {
        throw InvalidArgument("a window of " + std::to_string(window.side) + " pixels doesn't fit on maps of " +
                              std::to_string(height) + " x " + std::to_string(width));
    }
    return {windows(height), windows(width)};
}

namespace detail {

/// Makes one value of each window: `reduce(row, begin, end, so_far)` takes in the pixels of a row that the window has
/// within the map, starting from `start`; `finish` turns the last `so_far` into the value.
template <typename Reduce, typename Finish>
FeatureMaps pool(const FeatureMaps& in, const PoolWindow& window, float start, Reduce reduce, Finish finish) {
    const PoolSize size = pool_size(window, in.height, in.width);
    FeatureMaps out(in.channels, size.height, size.width);
    float* value = out.values.data();
    for (int channel = 0; channel < in.channels; ++channel) {
        for (int y = 0; y < out.height; ++y) {
            const int top = y * window.stride - window.padding;
            const int first_row = std::max(top, 0), end_row = std::min(top + window.side, in.height);
            for (int x = 0; x < out.width; ++x) {
                const int left = x * window.stride - window.padding;
                const int first = std::max(left, 0), end = std::min(left + window.side, in.width);
                float so_far = start;
                for (int row = first_row; row < end_row; ++row) {
                    const float* const pixels = in.map(channel) + std::ptrdiff_t{row} * in.width;
                    so_far = reduce(pixels + first, pixels + end, so_far);
                }
                *value++ = finish(so_far);
            }
        }
    }
    return out;
}

}  // namespace detail

/// The largest value of each window; what the padding adds never counts.
/// \throws InvalidArgument when no window fits, or the padding is more than half of it
inline FeatureMaps max_pool(const FeatureMaps& in, const PoolWindow& window) {
    return detail::pool(
        in, window, -std::numeric_limits<float>::infinity(),
        [](const float* begin, const float* end, float largest) {
            for (; begin != end; ++begin) largest = std::max(largest, *begin);
            return largest;
        },
        [](float largest) { return largest; });
}

/// The mean of each window, padding counted as zeros. \throws InvalidArgument as max_pool does
inline FeatureMaps average_pool(const FeatureMaps& in, const PoolWindow& window) {
    const auto pixels = static_cast<float>(window.side * window.side);
    return detail::pool(
        in, window, 0.0f,
        [](const float* begin, const float* end, float sum) {
            for (; begin != end; ++begin) sum += *begin;
            return sum;
        },
        [pixels](float sum) { return sum / pixels; });
}

/// The length of each window as a vector: the root of its sum of squares. \throws InvalidArgument as max_pool does
inline FeatureMaps l2_pool(const FeatureMaps& in, const PoolWindow& window) {
    return detail::pool(
        in, window, 0.0f,
        [](const float* begin, const float* end, float sum) {
            for (; begin != end; ++begin) sum += *begin * *begin;
            return sum;
        },
        [](float sum) { return std::sqrt(sum); });
}

/// How normalise_across_channels damps; the names are those of its formula.
struct ChannelNormalisation {
    int size = 5;         ///< maps that count, the damped one in their middle: an odd number
    float alpha = 1e-4f;  ///< weight of their mean square
    float beta = 0.75f;   ///< how much is damped: not at all by 0
    float k = 1.0f;       ///< keeps the divisor above 0 where all maps are 0
};

/// Damps a pixel that's strong in neighbouring maps: x / (k + alpha / size * sum of x^2 over the `size` maps around it)
/// ^ beta. Maps that don't exist count as zero. (Krizhevsky, Sutskever & Hinton 2012, "local response normalisation".)
inline FeatureMaps normalise_across_channels(const FeatureMaps& in, const ChannelNormalisation& how = {}) {
    FeatureMaps out(in.channels, in.height, in.width);
    const std::ptrdiff_t pixels = std::ptrdiff_t{in.height} * in.width;
    std::vector<float> energy(static_cast<std::size_t>(pixels));
    for (int channel = 0; channel < in.channels; ++channel) {
        std::fill(energy.begin(), energy.end(), 0.0f);
        const int first = std::max(channel - how.size / 2, 0), last = std::min(channel + how.size / 2, in.channels - 1);
        for (int neighbour = first; neighbour <= last; ++neighbour) {
            const float* const map = in.map(neighbour);
            for (std::size_t i = 0; i < energy.size(); ++i) energy[i] += map[i] * map[i];
        }
        const float* const from = in.map(channel);
        float* const to = out.map(channel);
        const float share = how.alpha / static_cast<float>(how.size);
        for (std::size_t i = 0; i < energy.size(); ++i) {
            to[i] = from[i] / std::pow(how.k + share * energy[i], how.beta);
        }
    }
    return out;
}

/// Stacks the maps of several branches on each other. Where branches differ in size, the result has the largest height
/// and width, and a smaller map lies in the middle of zeros, by half a pixel nearer to the upper left where it can't be
/// in the middle.
inline FeatureMaps concatenate(const std::vector<FeatureMaps>& branches) {
    int channels = 0, height = 0, width = 0;
    for (const FeatureMaps& branch : branches) {
        channels += branch.channels;
        height = std::max(height, branch.height);
        width = std::max(width, branch.width);
    }
    FeatureMaps out(channels, height, width);
    int channel = 0;
    for (const FeatureMaps& branch : branches) {
        const int top = (height - branch.height) / 2, left = (width - branch.width) / 2;
        for (int c = 0; c < branch.channels; ++c, ++channel) {
            for (int y = 0; y < branch.height; ++y) {
                const float* const from = branch.map(c) + std::ptrdiff_t{y} * branch.width;
                std::copy_n(from, branch.width, out.map(channel) + std::ptrdiff_t{top + y} * width + left);
            }
        }
    }
    return out;
}

/// The sum of two stacks of maps that needn't have the same size: the result has the larger extents of both, and what a
/// stack doesn't have counts as 0. Both start at channel 0, row 0, column 0.
inline FeatureMaps add(FeatureMaps a, const FeatureMaps& b) {
    FeatureMaps sum(std::max(a.channels, b.channels), std::max(a.height, b.height), std::max(a.width, b.width));
    const bool fits = a.values.size() == sum.values.size();
    if (fits) std::swap(sum, a);
    const auto add_in = [&sum](const FeatureMaps& maps) {
        for (int channel = 0; channel < maps.channels; ++channel) {
            for (int y = 0; y < maps.height; ++y) {
                const float* const in = maps.map(channel) + std::ptrdiff_t{y} * maps.width;
                float* const out = sum.map(channel) + std::ptrdiff_t{y} * sum.width;
                for (int x = 0; x < maps.width; ++x) out[x] += in[x];
            }
        }
    };
    if (!fits) add_in(a);
    add_in(b);
    return sum;
}

/// The layers as networks call them, in plain loops and of one face at a time. SimdLayers offers the same.
class PlainLayers {
  public:
    /// What flows between layers: channels x height x width floats.
    using Maps = FeatureMaps;
    /// What a convolution keeps.
    using Convolution = ffr::Convolution;
    /// What a fully connected layer keeps.
    using Connection = ffr::Convolution;
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = 1;

    /// Needs nothing of the workspace, and of all paths takes none.
    explicit PlainLayers(Workspace&, kernels::SimdPath = kernels::SimdPath::scalar) {}

    /// The first layer: relu(convolution) of a face's pixels, (value - mean) / range, as input_maps makes them.
    /// \param layer  of 3 input maps
    /// \param faces  `size` x `size` pixels each, gray or RGB; here the first one counts
    /// \param mean   of the channels R, G, B
    /// \throws InvalidArgument when a face is of another size
    Maps look(const Convolution& layer, const std::vector<ImageView>& faces, int size, const std::array<float, 3>& mean,
              float range) const {
        return relu(convolve(layer, input_maps(faces.at(0), size, mean, range)));
    }
    /// relu(convolution): layer.outputs maps, of (extent + 2 * padding - side) / stride + 1 pixels each way.
    /// \throws InvalidArgument as convolve does
    Maps convolve_relu(const Convolution& layer, const Maps& in) const { return relu(convolve(layer, in)); }
    /// relu(convolution + shortcut). The shortcut may be of any size: see add().
    /// \throws InvalidArgument as convolve does
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        return relu(add(convolve(layer, in), shortcut));
    }
    /// A fully connected layer: a convolution of maps of one pixel, which gives layer.outputs such maps. No relu.
    /// \throws InvalidArgument as convolve does
    Maps connect(const Convolution& layer, const Maps& in) const { return convolve(layer, in); }
    /// The largest value of each window: as many maps, of the extents that pool_size gives.
    /// \throws InvalidArgument when no window fits, or the padding is more than half of it
    Maps max_pool(const Maps& in, const PoolWindow& window) const { return ffr::max_pool(in, window); }
    /// The mean of each window, padding counted as zeros; extents and errors as of max_pool.
    Maps average_pool(const Maps& in, const PoolWindow& window) const { return ffr::average_pool(in, window); }
    /// The root of each window's sum of squares; extents and errors as of max_pool.
    Maps l2_pool(const Maps& in, const PoolWindow& window) const { return ffr::l2_pool(in, window); }
    /// What's strong in neighbouring maps is damped, by ChannelNormalisation's defaults; the same extents.
    Maps normalise_across_channels(const Maps& in) const { return ffr::normalise_across_channels(in); }
    /// Stacks the maps of branches on each other, smaller ones in the middle of zeros: the sum of the channels, the
    /// largest height and width.
    Maps concatenate(const std::vector<Maps>& branches) const { return ffr::concatenate(branches); }
    /// The mean of each map, which has to be square: as many maps of one pixel.
    Maps global_mean(const Maps& in) const { return ffr::average_pool(in, {in.height, 1}); }
    /// A face's maps, whatever form and batch the layers keep them in.
    FeatureMaps plain(const Maps& maps, std::size_t) const { return maps; }
};

}  // namespace v0_1
}  // namespace ffr
