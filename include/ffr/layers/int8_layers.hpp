#pragma once
/// \file
/// The layers in bytes: what layers.hpp says in floats, rounded (int8_convolution.hpp tells how). Chosen explicitly,
/// never silently: the embeddings are about as far from the float network's as a shift of the chip by a fraction of a
/// pixel moves them, so that embeddings of both aren't to be mixed.
///
///     faces --look--> ByteMaps, a scale a layer --convolve, pool--> ... --global_mean--> floats --connect--> 128

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../base/error.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "blocked_maps.hpp"
#include "int8_convolution.hpp"
#include "plain_layers.hpp"
#include "simd_layers.hpp"

namespace ffr {
inline namespace v0_1 {

/// The layers as networks call them: see PlainLayers. The last one, which connects numbers, is in floats.
class Int8Layers {
  public:
    /// What flows between layers: bytes of all faces of a call, in blocks of 32 channels.
    using Maps = ByteMaps;
    /// What a convolution keeps.
    using Convolution = Int8Convolution;
    /// What the last layer keeps: it's in floats.
    using Connection = SimdConvolution;
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = 16;

    /// Maps come from the workspace and are worked on by its threads.
    explicit Int8Layers(Workspace& workspace, kernels::SimdPath path = kernels::simd_path())
        : workspace_(&workspace),
          kernels_(&kernels::int8_kernels_of(kernels::int8_path(path))),
          floats_(workspace, path) {}

    /// See PlainLayers. All faces; their size is the one that the layer was loaded for.
    Maps look(const Convolution& layer, const std::vector<ImageView>& faces, int, const std::array<float, 3>& mean,
              float range) const {
        return layer.apply(faces, mean, range, *workspace_);
    }
    /// See PlainLayers. The maps have to be of the size that the layer was loaded for.
    Maps convolve_relu(const Convolution& layer, const Maps& in) const { return layer.apply(in, nullptr, *workspace_); }
    /// See PlainLayers. A shortcut that doesn't fit is added in floats.
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        const bool fits = shortcut.height() == layer.shape().output_height() &&
                          shortcut.width() == layer.shape().output_width() &&
                          shortcut.channels() <= layer.shape().outputs;
        if (fits) return layer.apply(in, &shortcut, *workspace_);
        return rounded(floats_.add_relu(layer.apply_to_floats(in, *workspace_), floats_of(shortcut)),
                       layer.output_scale());
    }
    /// See PlainLayers. In floats.
    BlockedMaps connect(const Connection& layer, const BlockedMaps& in) const { return floats_.connect(layer, in); }

    /// See PlainLayers. \throws InvalidArgument when the window isn't always within the maps
    Maps max_pool(const Maps& in, const PoolWindow& window) const { return pool(in, window, kernels_->max_pool); }
    /// See PlainLayers. Means are rounded to bytes; errors as of max_pool.
    Maps average_pool(const Maps& in, const PoolWindow& window) const {
        return pool(in, window, kernels_->average_pool);
    }
    /// See PlainLayers. In floats from here on.
    BlockedMaps global_mean(const Maps& in) const { return floats_.global_mean(floats_of(in)); }
    /// See PlainLayers. Of the floats that global_mean and connect give; 0 <= face < maps.faces().
    FeatureMaps plain(const BlockedMaps& maps, std::size_t face) const { return floats_.plain(maps, face); }

    /// The values that bytes stand for.
    BlockedMaps floats_of(const Maps& in) const {
        BlockedMaps out(*workspace_, in.faces(), in.channels(), in.height(), in.width());
        for_pixels(in, out, [&](const std::uint8_t* bytes, float* values, int count) {
            for (int c = 0; c < count; ++c) values[c] = static_cast<float>(bytes[c]) * in.scale();
        });
        return out;
    }

    /// Values of at least 0 in steps of `scale`.
    Maps rounded(const BlockedMaps& in, float scale) const {
        Maps out(*workspace_, in.faces(), in.channels(), in.height(), in.width(), scale);
        std::fill_n(out.data(), out.plane() * out.blocks(), std::uint8_t{0});
        for_pixels(out, in, [&](std::uint8_t* bytes, const float* values, int count) {
            for (int c = 0; c < count; ++c) {
                bytes[c] = static_cast<std::uint8_t>(std::lrint(std::min(values[c] / scale, 255.0f)));
            }
        });
        return out;
    }

  private:
    using Pool = void (*)(const kernels::PoolShape&, const std::uint8_t* in, std::uint8_t* out);

    Maps pool(const Maps& in, const PoolWindow& window, Pool kernel) const {
        if (window.padding != 0) throw InvalidArgument("maps of bytes are pooled without padding");
        const PoolSize size = pool_size(window, in.height(), in.width());
        Maps out(*workspace_, in.faces(), in.channels(), size.height, size.width, in.scale());
        workspace_->threads().run(in.blocks() * in.faces(), [&](int map, int) {
            const kernels::PoolShape shape{1,          in.height(), in.width(),    size.height,
                                           size.width, window.side, window.stride, 0};
            kernel(shape, in.data() + std::ptrdiff_t{map} * in.height() * in.width() * kernels::kPanel,
                   out.data() + std::ptrdiff_t{map} * size.height * size.width * kernels::kPanel);
        });
        return out;
    }

    /// Calls work(bytes, floats, count) for the 16 channels of each block of floats and each pixel.
    template <typename Bytes, typename Floats, typename Work>
    static void for_pixels(Bytes& bytes, Floats& floats, Work work) {
        for (int block = 0; block < floats.blocks(); ++block) {
            for (int face = 0; face < floats.faces(); ++face) {
                for (int y = 0; y < floats.height(); ++y) {
                    for (int x = 0; x < floats.width(); ++x) {
                        work(bytes.at(block / 2, face, y, x) + block % 2 * kernels::kBlock,
                             floats.at(block, face, y, x), kernels::kBlock);
                    }
                }
            }
        }
    }

    Workspace* workspace_;
    const kernels::Int8Kernels* kernels_;
    SimdLayers floats_;
};

}  // namespace v0_1
}  // namespace ffr
