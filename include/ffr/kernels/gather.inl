// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}
