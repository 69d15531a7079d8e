// The matrix product under all convolutions, one text for all CPUs (see simd.hpp).
//
//     row r, channel c:   finish(sum over k of left[r][k] * weights[k][c])
//
// The weights lie as the loop reads them: for each k the 32 channels of a panel. A block of sums stays in registers while
// k goes by once. In each step a number of each row is multiplied by all columns: with R rows and C columns of registers,
// R * C multiply-adds for R + C loads.

// All weights of a network don't fit into the second-level cache, and the processor's own prefetching ends at each page of
// 4096 bytes. So a panel's weights are asked for so many steps before they're needed; a little behind the last ones, too,
// which does no harm. ResNet-29 with float32 weights, batch of 1: 1.8 ms without, 1.5 ms with it; 64 to 256 are alike.
constexpr int kAhead = 96;

/// Register budget: kRows x kColumns sums, kColumns weights and one number of the left side.
///     AVX-512: 14 x 2 + 2 + 1 of 32     AVX2, SSE2: 6 x 2 + 2 + 1 of 16     NEON: 6 x 4 + 4 + 1 of 32
template <int kRows, int kPitch, typename Weight>
inline void product_block(const ProductRows& rows, const Weight* weights, int channel, const Finish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    using Register = typename Vector::Register;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(finish.bias + channel + v * kLanes);
    }
    const float* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel) {
            Register weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                prefetch(weights + kAhead * kPanel + v * kLanes);
                weight[v] = Vector::load(weights + v * kLanes);
            }
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                const Register number = Vector::broadcast(left[r * kPitch + i]);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = channel + v * kLanes, block = c / kBlock;
        if (block >= finish.blocks) return;
        const std::ptrdiff_t offset = block * finish.plane + c % kBlock;
        if (finish.shortcut != nullptr && block < finish.shortcut_blocks) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = sums[r][v] + Vector::load(finish.shortcut + offset + r * kBlock);
            }
        }
        if (finish.relu) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = Vector::maximum(sums[r][v], Vector::broadcast(0));
            }
        }
        FFR_UNROLL for (int r = 0; r < kRows; ++r) Vector::store(finish.out + offset + r * kBlock, sums[r][v]);
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch, typename Weight>
inline void product_rows(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c, first_channel + c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows, typename Weight>
inline void product_of(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kBlock>(rows, panel, first_channel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, first_channel, finish);
    }
}

/// Up to Vector::kRows rows, 16 floats from each other, times a panel of weights.
inline void product(const ProductRows& rows, const float* panel, int first_channel, const Finish& finish) {
    product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for weights that are kept in 16 bits, which are half as much to read.
inline void product_of_halves(const ProductRows& rows, const std::uint16_t* panel, int first_channel,
                              const Finish& finish) {
    if constexpr (Vector::kWidens) product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for a whole line of rows that are pixels of an interleaved colour image, every second one: 6 floats from each
/// other. The networks' lines of 72 and 48 pixels leave none over.
inline void product_of_pixels(const ProductRows& line, const float* panel, int first_channel, const Finish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ProductRows rows = line;
    Finish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, first_channel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, first_channel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kBlock;
    }
}

/// Rows for product: see gather.inl.
inline void gather_floats(const ConvolutionShape& shape, int faces, const float* in, int first, int count, float* out) {
    gather<kBlock * sizeof(float)>(shape, blocks_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first,
                                   count, reinterpret_cast<char*>(out));
}
