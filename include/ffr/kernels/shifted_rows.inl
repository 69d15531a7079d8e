// The one text of the SIMD kernel. simd.hpp includes it several times, each time in another namespace and for another
// CPU, with a type `Vector` of that CPU's registers in scope. Nothing of the standard library is used here: the linker
// could keep a copy of it that was compiled for this CPU, for all.

/// Register budget: kRows x kVectors sums, kVectors inputs and one weight have to fit into the CPU's registers.
template <int kRows, int kVectors>
inline void accumulate_block(const float* weights, std::ptrdiff_t taps, const float* bias, const float* in,
                             const std::ptrdiff_t* offsets, float* out, std::ptrdiff_t out_stride) {
    typename Vector::Register sums[kRows][kVectors];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kVectors; ++v) sums[r][v] = Vector::broadcast(bias[r]);
    }
    for (std::ptrdiff_t tap = 0; tap < taps; ++tap) {
        const float* const shifted = in + offsets[tap];
        typename Vector::Register pixels[kVectors];
        FFR_UNROLL for (int v = 0; v < kVectors; ++v) pixels[v] = Vector::load(shifted + v * Vector::kLanes);
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            const typename Vector::Register weight = Vector::broadcast(weights[r * taps + tap]);
            FFR_UNROLL for (int v = 0; v < kVectors; ++v) sums[r][v] =
                Vector::multiply_add(weight, pixels[v], sums[r][v]);
        }
    }
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kVectors; ++v)
            Vector::store(out + r * out_stride + v * Vector::kLanes, sums[r][v]);
    }
}

/// The rows from `row` on, kRows at a time, for kVectors vectors of pixels. \returns the first row that's left
template <int kRows, int kVectors>
inline int accumulate_rows(int row, int rows, const float* weights, std::ptrdiff_t taps, const float* bias,
                           const float* in, const std::ptrdiff_t* offsets, float* out, std::ptrdiff_t out_stride) {
    for (; row + kRows <= rows; row += kRows) {
        accumulate_block<kRows, kVectors>(weights + row * taps, taps, bias + row, in, offsets, out + row * out_stride,
                                          out_stride);
    }
    return row;
}

template <int kVectors>
inline void accumulate_all_rows(int rows, const float* weights, std::ptrdiff_t taps, const float* bias, const float* in,
                                const std::ptrdiff_t* offsets, float* out, std::ptrdiff_t out_stride) {
    const int row =
        accumulate_rows<Vector::kRows, kVectors>(0, rows, weights, taps, bias, in, offsets, out, out_stride);
    accumulate_rows<1, kVectors>(row, rows, weights, taps, bias, in, offsets, out, out_stride);
}

inline void shifted_rows(int rows, const float* weights, std::ptrdiff_t taps, const float* bias, const float* in,
                         const std::ptrdiff_t* offsets, std::ptrdiff_t pixels, float* out, std::ptrdiff_t out_stride) {
    constexpr int kWide = Vector::kVectors;
    std::ptrdiff_t pixel = 0;
    for (; pixels - pixel > (kWide - 1) * Vector::kLanes; pixel += kWide * Vector::kLanes) {
        accumulate_all_rows<kWide>(rows, weights, taps, bias, in + pixel, offsets, out + pixel, out_stride);
    }
    if (kWide > 2 && pixels - pixel > Vector::kLanes) {
        accumulate_all_rows<2>(rows, weights, taps, bias, in + pixel, offsets, out + pixel, out_stride);
        pixel += 2 * Vector::kLanes;
    }
    for (; pixel < pixels; pixel += Vector::kLanes) {
        accumulate_all_rows<1>(rows, weights, taps, bias, in + pixel, offsets, out + pixel, out_stride);
    }
}
