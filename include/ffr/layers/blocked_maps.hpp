#pragma once
/// \file
/// Maps as the SIMD kernels take them ("single instruction, multiple data": loops in which an instruction calculates
/// with a whole register of numbers): of many faces at once, and channels in blocks of 16 (kernels/jobs.hpp).
///
///     plain maps of a face      channel 0: h x w,  channel 1: h x w,  ...
///     blocked maps of faces     block 0: face 0: h x w pixels of 16 channels, face 1: ..., then block 1: ...

#include <cstddef>

#include "../base/workspace.hpp"
#include "../kernels/jobs.hpp"
#include "plain_layers.hpp"

namespace ffr {
inline namespace v0_1 {

/// Maps of a batch of faces; the channels that fill up the last block are 0. Its memory is a workspace's.
class BlockedMaps {
  public:
    /// Maps of the given sizes; values are anything at first.
    BlockedMaps(Workspace& workspace, int faces, int channels, int height, int width)
        : faces_(faces), channels_(channels), height_(height), width_(width), values_(workspace, count()) {}

    /// Faces of the batch.
    int faces() const { return faces_; }
    /// Maps of a face, without those that fill up the last block.
    int channels() const { return channels_; }
    /// Rows of a map.
    int height() const { return height_; }
    /// Pixels a row.
    int width() const { return width_; }
    /// Blocks of 16 channels.
    int blocks() const { return kernels::blocks_of(channels_); }
    /// Pixels of all faces.
    int pixels() const { return faces_ * height_ * width_; }
    /// Floats from a block to the next.
    std::ptrdiff_t plane() const { return std::ptrdiff_t{pixels()} * kernels::kBlock; }
    /// All floats.
    std::size_t count() const { return static_cast<std::size_t>(plane()) * static_cast<std::size_t>(blocks()); }

    /// The first value.
    float* data() { return values_.data(); }
    /// \overload
    const float* data() const { return values_.data(); }
    /// The 16 values of a pixel, of channels 16 * block to 16 * block + 15. The next pixel's are 16 floats further.
    float* at(int block, int face, int y, int x) {
        return data() + block * plane() +
               (std::ptrdiff_t{face} * height_ * width_ + std::ptrdiff_t{y} * width_ + x) * kernels::kBlock;
    }
    /// \overload
    const float* at(int block, int face, int y, int x) const {
        return const_cast<BlockedMaps*>(this)->at(block, face, y, x);
    }

    /// A face's maps in the plain order.
    FeatureMaps plain(int face) const {
        FeatureMaps maps(channels_, height_, width_);
        float* out = maps.values.data();
        for (int channel = 0; channel < channels_; ++channel) {
            for (int y = 0; y < height_; ++y) {
                for (int x = 0; x < width_; ++x) {
                    *out++ = at(channel / kernels::kBlock, face, y, x)[channel % kernels::kBlock];
                }
            }
        }
        return maps;
    }

  private:
    int faces_, channels_, height_, width_;
    Workspace::Floats values_;
};

/// True when maps of any kind can be added to `out` as a shortcut: of the same faces and size, and not more channels.
template <typename Maps>
bool can_add(const Maps& shortcut, const Maps& out) {
    return shortcut.faces() == out.faces() && shortcut.height() == out.height() && shortcut.width() == out.width() &&
           shortcut.channels() <= out.channels();
}

}  // namespace v0_1
}  // namespace ffr
