#pragma once
/// \file
/// What kernels are called with: plain pointers and sizes, since nothing of the standard library may be compiled for one
/// CPU only (see simd.hpp).
///
/// Maps lie in blocks of 16 channels, a pixel's 16 beside each other. That's one AVX-512 register, and also what makes
/// the kernels' addresses simple: the next pixel is always 16 floats further.
///
///     value of (channel, pixel) = maps[(channel / 16 * pixels + pixel) * 16 + channel % 16]
///
/// `pixel` counts through all pixels of all faces of a batch. Channels that fill up the last block are 0.

#include <cstddef>
#include <cstdint>

namespace ffr {
inline namespace v0_1 {
namespace kernels {

constexpr int kBlock = 16;  // channels that lie beside each other
constexpr int kPanel = 32;  // output channels whose weights lie beside each other

/// Blocks of 16 that so many channels take.
constexpr int blocks_of(int channels) {
    return (channels + kBlock - 1) / kBlock;
}

/// Panels of 32 that so many output channels take.
constexpr int panels_of(int channels) {
    return (channels + kPanel - 1) / kPanel;
}

/// The left side of a matrix product: `count` rows, each made of `runs` runs of `run` numbers. Number i of run k of row r
/// is at values[k * stride + r * pitch + i], where the pitch is the kernel's own.
struct ProductRows {
    const float* values;
    int count;
    std::ptrdiff_t runs, run, stride;
};

/// What's done with sums before they're stored, and where: out = relu(sum + bias + shortcut), as blocks of maps.
struct Finish {
    float* out;             // of the first row's pixel in block 0
    std::ptrdiff_t plane;   // floats from a block to the next
    int blocks;             // that are stored
    const float* bias;      // of whole panels
    const float* shortcut;  // maps that are added, which lie as `out` does, or null
    int shortcut_blocks;    // how many there are; none is added to the others
    bool relu;              // negative sums become 0
};

/// How many numbers lie from where one output pixel's filters begin to see to where the next one's do: the ways in which
/// convolve_line reads its input.
enum class LinePitch {
    colours = 6,    // every second pixel of an interleaved colour image
    channels = 16,  // every pixel of a block of channels
    halving = 32    // every second one
};

/// Output channels whose weights lie beside each other for convolve_line: as many as AVX-512's registers have sums for.
constexpr int line_panel(LinePitch pitch) {
    return pitch == LinePitch::colours ? kBlock : pitch == LinePitch::halving ? 2 * kBlock : 3 * kBlock;
}

/// A line of a convolution's output.
struct LineJob {
    const float* const* lines;  // for each row of the filters the line of the input that it sees, from the first tap on
    int side;                   // rows of the filters
    int blocks;                 // of input channels that a line has; 1 for colours
    std::ptrdiff_t plane;       // floats from one of them to the next
    int run;                    // numbers that a row of the filters sees in a block
    int count;                  // pixels of the output
    const float* weights;       // [panel][row][block][number of the run][output of the panel]
    const float* bias;          // of whole panels
    float* out;                 // the first pixel, of block 0
    std::ptrdiff_t out_plane;   // floats from a block to the next
    int out_blocks;             // how many there are
};

/// How maps are divided for Winograd's method: into squares of output pixels.
struct TileGrid {
    int height, width;   // of a map
    int lines, columns;  // of tiles on it

    int tiles() const { return lines * columns; }
};

/// A pooling layer's way over maps.
struct PoolShape {
    int maps;                   // blocks times faces
    int height, width;          // in
    int out_height, out_width;  // out
    int side, stride, padding;  // of the window
};

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
