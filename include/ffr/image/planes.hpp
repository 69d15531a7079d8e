#pragma once
/// \file
/// An image with its channels apart: what the detector works on. A CPU's registers hold 16 or more bytes beside each
/// other and calculate with all of them at once; with the channels apart, neighbours in a register are neighbours in
/// the picture. Loops that work so are called kernels here; they're in kernels/, and may be read later.
///
///     image h x w x 3             planes 3 x h x w
///
///     RGBRGBRGB...  ->  RRR...   one plane after the other,
///                       GGG...   a plane row by row without gaps
///                       BBB...

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../base/workspace.hpp"
#include "../kernels/exact.hpp"
#include "image.hpp"

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Planes of bytes in a workspace's memory.
class Planes {
  public:
    /// Any pixels.
    Planes(int width, int height, int channels, Workspace& workspace)
        : width_(width),
          height_(height),
          channels_(channels),
          memory_(workspace, (static_cast<std::size_t>(channels) * plane() + kSlack) / sizeof(float) + 1) {}

    int width() const { return width_; }
    int height() const { return height_; }
    int channels() const { return channels_; }
    bool empty() const { return width_ == 0 || height_ == 0; }

    /// First byte of a channel's row. Two registers' bytes behind each row may be read, those of the next row or any:
    /// resizing and gradients read up to one register less a byte too many.
    const std::uint8_t* row(int channel, int y) const {
        return reinterpret_cast<const std::uint8_t*>(memory_.data()) + offset(channel, y);
    }
    std::uint8_t* row(int channel, int y) {
        return reinterpret_cast<std::uint8_t*>(memory_.data()) + offset(channel, y);
    }

  private:
    static constexpr std::size_t kSlack = 2 * kernels::kMostLanes;

    std::size_t plane() const { return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_); }
    std::size_t offset(int channel, int y) const {
        return static_cast<std::size_t>(channel) * plane() +
               static_cast<std::size_t>(y) * static_cast<std::size_t>(width_);
    }

    int width_, height_, channels_;
    Workspace::Floats memory_;
};

/// Parts an image's channels.
inline Planes split_channels(ImageView image, Workspace& workspace) {
    Planes planes(image.width, image.height, image.channels, workspace);
    const auto split_row = kernels::exact_kernels_of(kernels::simd_path()).split_row;
    workspace.threads().run_ranges(image.height, 4, [&](int begin, int end, int) {
        for (int y = begin; y < end; ++y) {
            if (image.channels == 1) {
                std::copy_n(image.row(y), image.width, planes.row(0, y));
            } else {
                split_row(image.row(y), image.width, planes.row(0, y), planes.row(1, y), planes.row(2, y));
            }
        }
    });
    return planes;
}

/// Puts them together again.
inline Image merge_channels(const Planes& planes) {
    Image image(planes.width(), planes.height(), planes.channels());
    for (int y = 0; y < planes.height(); ++y) {
        if (planes.channels() == 1) {
            std::copy_n(planes.row(0, y), planes.width(), image.row(y));
            continue;
        }
        const std::uint8_t *const red = planes.row(0, y), *const green = planes.row(1, y),
                                  *const blue = planes.row(2, y);
        std::uint8_t* to = image.row(y);
        for (int x = 0; x < planes.width(); ++x) {
            *to++ = red[x];
            *to++ = green[x];
            *to++ = blue[x];
        }
    }
    return image;
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
