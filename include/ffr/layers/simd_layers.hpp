#pragma once
/// \file
/// The layers at full speed: what layers.hpp says in plain loops, of many faces at once, by the SIMD kernels of the
/// machine that the program runs on. Bias, activation (relu) and shortcut are added where a convolution stores its
/// sums.
///
///     faces --look--> BlockedMaps: blocks x faces x h x w x 16 --convolve_relu, pool--> ... --> 128 floats a face

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "../base/error.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../kernels/simd.hpp"
#include "blocked_maps.hpp"
#include "plain_layers.hpp"
#include "simd_convolution.hpp"

namespace ffr {
inline namespace v0_1 {

/// The layers as networks call them: see PlainLayers.
class SimdLayers {
  public:
    /// What flows between layers: floats of all faces of a call, in blocks of 16 channels.
    using Maps = BlockedMaps;
    /// What a convolution keeps.
    using Convolution = SimdConvolution;
    /// What a fully connected layer keeps.
    using Connection = SimdConvolution;
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = 16;

    /// Maps come from the workspace and are worked on by its threads.
    explicit SimdLayers(Workspace& workspace, kernels::SimdPath path = kernels::simd_path())
        : workspace_(&workspace), kernels_(&kernels::kernels_of(path)) {}

    /// See PlainLayers. All faces; their size is the one that the layer was loaded for.
    Maps look(const Convolution& layer, const std::vector<ImageView>& faces, int, const std::array<float, 3>& mean,
              float range) const {
        return layer.apply(faces, mean, range, *workspace_);
    }
    /// See PlainLayers. The maps have to be of the size that the layer was loaded for.
    Maps convolve_relu(const Convolution& layer, const Maps& in) const {
        return layer.apply(in, nullptr, true, *workspace_);
    }
    /// See PlainLayers.
    Maps connect(const Convolution& layer, const Maps& in) const {
        return layer.apply(in, nullptr, false, *workspace_);
    }
    /// See PlainLayers. A shortcut that fits is added while the sums are stored.
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        const bool fits = shortcut.height() == layer.shape().output_height() &&
                          shortcut.width() == layer.shape().output_width() &&
                          shortcut.channels() <= layer.shape().outputs;
        if (fits) return layer.apply(in, &shortcut, true, *workspace_);
        return add_relu(layer.apply(in, nullptr, false, *workspace_), shortcut);
    }

    /// See PlainLayers.
    Maps max_pool(const Maps& in, const PoolWindow& window) const { return pool(in, window, kernels_->max_pool); }
    /// See PlainLayers.
    Maps average_pool(const Maps& in, const PoolWindow& window) const {
        return pool(in, window, kernels_->average_pool);
    }
    /// See PlainLayers.
    Maps l2_pool(const Maps& in, const PoolWindow& window) const { return pool(in, window, kernels_->l2_pool); }
    /// See PlainLayers.
    Maps global_mean(const Maps& in) const { return average_pool(in, {in.height(), 1}); }

    /// See PlainLayers.
    Maps normalise_across_channels(const Maps& in) const {
        const ChannelNormalisation how;
        Maps out(*workspace_, in.faces(), in.channels(), in.height(), in.width());
        const auto count = static_cast<std::size_t>(in.blocks() + 2) * kernels::kBlock;
        const Workspace::Floats squares(*workspace_, count);
        std::fill_n(squares.data(), count, 0.0f);
        kernels_->normalise_across_channels(in.blocks(), in.pixels(), how.alpha, how.k, in.data(), out.data(),
                                            squares.data());
        return out;
    }

    /// See PlainLayers.
    /// \throws InvalidArgument when a branch but the last hasn't got whole blocks of channels, or branches have different
    /// numbers of faces
    Maps concatenate(const std::vector<Maps>& branches) const {
        int channels = 0, height = 0, width = 0;
        for (const Maps& branch : branches) {
            if (channels % kernels::kBlock != 0) throw InvalidArgument("branches of a network have blocks of 16 maps");
            if (branch.faces() != branches[0].faces())
                throw InvalidArgument("branches of a network have the same faces");
            channels += branch.channels();
            height = std::max(height, branch.height());
            width = std::max(width, branch.width());
        }
        Maps out(*workspace_, branches.at(0).faces(), channels, height, width);
        int block = 0;
        for (const Maps& branch : branches) {
            place(branch, (height - branch.height()) / 2, (width - branch.width()) / 2, block, out);
            block += branch.blocks();
        }
        return out;
    }

    /// relu(a + b) of maps of different sizes, which happens on the smallest ones: see add() in layers.hpp.
    Maps add_relu(const Maps& a, const Maps& b) const {
        Maps sum(*workspace_, a.faces(), std::max(a.channels(), b.channels()), std::max(a.height(), b.height()),
                 std::max(a.width(), b.width()));
        std::fill_n(sum.data(), sum.count(), 0.0f);
        for (const Maps* maps : {&a, &b}) {
            for (int block = 0; block < maps->blocks(); ++block) {
                for (int face = 0; face < maps->faces(); ++face) {
                    for (int y = 0; y < maps->height(); ++y) {
                        const float* const from = maps->at(block, face, y, 0);
                        float* const to = sum.at(block, face, y, 0);
                        for (int i = 0; i < maps->width() * kernels::kBlock; ++i) to[i] += from[i];
                    }
                }
            }
        }
        for (std::size_t i = 0; i < sum.count(); ++i) sum.data()[i] = std::max(sum.data()[i], 0.0f);
        return sum;
    }

    /// See PlainLayers. 0 <= face < maps.faces().
    FeatureMaps plain(const Maps& maps, std::size_t face) const { return maps.plain(static_cast<int>(face)); }

  private:
    using Pool = void (*)(const kernels::PoolShape&, const float* in, float* out);

    Maps pool(const Maps& in, const PoolWindow& window, Pool kernel) const {
        const PoolSize size = pool_size(window, in.height(), in.width());
        Maps out(*workspace_, in.faces(), in.channels(), size.height, size.width);
        // A task is a block's maps of one face.
        workspace_->threads().run(in.blocks() * in.faces(), [&](int map, int) {
            const kernels::PoolShape shape{1,          in.height(), in.width(),    size.height,
                                           size.width, window.side, window.stride, window.padding};
            kernel(shape, in.data() + std::ptrdiff_t{map} * in.height() * in.width() * kernels::kBlock,
                   out.data() + std::ptrdiff_t{map} * size.height * size.width * kernels::kBlock);
        });
        return out;
    }

    /// Copies maps into larger ones, from `block` on, between zeros.
    static void place(const Maps& from, int top, int left, int block, Maps& to) {
        for (int b = 0; b < from.blocks(); ++b) {
            if (from.height() == to.height() && from.width() == to.width()) {
                std::copy_n(from.data() + b * from.plane(), from.plane(), to.data() + (block + b) * to.plane());
                continue;
            }
            std::fill_n(to.data() + (block + b) * to.plane(), to.plane(), 0.0f);
            for (int face = 0; face < from.faces(); ++face) {
                for (int y = 0; y < from.height(); ++y) {
                    std::copy_n(from.at(b, face, y, 0), from.width() * kernels::kBlock,
                                to.at(block + b, face, top + y, left));
                }
            }
        }
    }

    Workspace* workspace_;
    const kernels::Kernels* kernels_;
};

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
/// The layers that networks are made of unless they say otherwise.
using DefaultLayers = PlainLayers;
#else
/// The layers that networks are made of unless they say otherwise.
using DefaultLayers = SimdLayers;
#endif

}  // namespace v0_1
}  // namespace ffr
