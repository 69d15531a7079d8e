// Winograd's way to filter by 3 x 3 taps, one text for all CPUs (see simd.hpp).
//
// A filter's response on a tile of T x T output pixels is a product of polynomials, and those may be multiplied point by
// point: evaluated at T + 2 points, multiplied there, and interpolated again.
//
//     tile of input (T+2)^2  -> B'dB ->  (T+2)^2 numbers d         weights 3x3  -> GgG' ->  (T+2)^2 numbers u
//     sum over the input channels of d * u, for each of the (T+2)^2 points apart: a matrix product tiles x channels
//     A'mA ->  T x T output pixels
//
// 16 outputs by T = 4 cost 36 multiplications in place of 144, 4 outputs by T = 2 cost 16 in place of 36. The weights of
// T = 4 take four times their memory, those of T = 2 1.8 times.
//
// Paper: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". The points are 0, +-1, +-2 and infinity
// for T = 4, and 0, +-1 and infinity for T = 2.

template <int kTile>
struct Winograd;

template <>
struct Winograd<2> {
    static constexpr int kPoints = 4;

    struct Input {  // B'
        static constexpr int kIn = 4, kOut = 4;
        template <typename R>
        static void apply(const R (&d)[4], R (&out)[4]) {
            out[0] = d[0] - d[2];
            out[1] = d[1] + d[2];
            out[2] = d[2] - d[1];
            out[3] = d[1] - d[3];
        }
    };
    struct Filter {  // G
        static constexpr int kIn = 3, kOut = 4;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[4]) {
            const R even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
            out[0] = g[0];
            out[1] = even + odd;
            out[2] = even - odd;
            out[3] = g[2];
        }
    };
    struct Output {  // A'
        static constexpr int kIn = 4, kOut = 2;
        template <typename R>
        static void apply(const R (&m)[4], R (&out)[2]) {
            out[0] = m[0] + m[1] + m[2];
            out[1] = m[1] - m[2] - m[3];
        }
    };
};

template <>
struct Winograd<4> {
    static constexpr int kPoints = 6;

    struct Input {
        static constexpr int kIn = 6, kOut = 6;
        template <typename R>
        static void apply(const R (&d)[6], R (&out)[6]) {
            const R even1 = d[4] - 4.0f * d[2], odd1 = d[3] - 4.0f * d[1];
            const R even2 = d[4] - d[2], odd2 = 2.0f * (d[3] - d[1]);
            out[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
        }
    };
    struct Filter {
        static constexpr int kIn = 3, kOut = 6;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[6]) {
            const R even1 = (-1.0f / 6) * (g[0] + g[2]), odd1 = (-1.0f / 6) * g[1];
            const R even2 = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], odd2 = (1.0f / 12) * g[1];
            out[0] = 0.25f * g[0];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = g[2];
        }
    };
    struct Output {
        static constexpr int kIn = 6, kOut = 4;
        template <typename R>
        static void apply(const R (&m)[6], R (&out)[4]) {
            const R sum1 = m[1] + m[2], difference1 = m[1] - m[2];
            const R sum2 = m[3] + m[4], difference2 = m[3] - m[4];
            out[0] = m[0] + sum1 + sum2;
            out[1] = difference1 + 2.0f * difference2;
            out[2] = sum1 + 4.0f * sum2;
            out[3] = difference1 + 8.0f * difference2 + m[5];
        }
    };
};

/// A step applied to the columns of a square, then to the rows of what comes out: one register of channels at each place.
/// \param in_line, in_column, out_line, out_column  floats from a place to the one below and beside it
template <typename Step>
inline void transform_square(const float* in, std::ptrdiff_t in_line, std::ptrdiff_t in_column, float* out,
                             std::ptrdiff_t out_line, std::ptrdiff_t out_column) {
    typename Vector::Register columns[Step::kOut][Step::kIn];
    for (int x = 0; x < Step::kIn; ++x) {
        typename Vector::Register before[Step::kIn], after[Step::kOut];
        FFR_UNROLL for (int y = 0; y < Step::kIn; ++y) before[y] = Vector::load(in + y * in_line + x * in_column);
        Step::apply(before, after);
        FFR_UNROLL for (int y = 0; y < Step::kOut; ++y) columns[y][x] = after[y];
    }
    for (int y = 0; y < Step::kOut; ++y) {
        typename Vector::Register after[Step::kOut];
        Step::apply(columns[y], after);
        FFR_UNROLL for (int x = 0; x < Step::kOut; ++x) Vector::store(out + y * out_line + x * out_column, after[x]);
    }
}

/// The rows of the products for `count` tiles from `first` on: out[point][block][tile][16].
template <int kTile>
inline void winograd_input(const TileGrid& grid, int faces, int blocks, const float* in, int first, int count,
                           float* out) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{blocks} * count * kBlock;
    for (int tile = first; tile < first + count; ++tile, out += kBlock) {
        const int face = tile / grid.tiles(), at = tile % grid.tiles();
        const int top = at / grid.columns * kTile - 1, left = at % grid.columns * kTile - 1;
        const bool inside = top >= 0 && left >= 0 && top + kPoints <= grid.height && left + kPoints <= grid.width;
        std::ptrdiff_t corner = face * map + top * line + std::ptrdiff_t{left} * kBlock;
        for (int block = 0; block < blocks; ++block, corner += faces * map) {
            float padded[kPoints][kPoints][kBlock];
            const float* square = padded[0][0];
            std::ptrdiff_t square_line = kPoints * kBlock;
            if (inside) {
                square = in + corner;
                square_line = line;
            } else {
                for (int y = 0; y < kPoints; ++y) {
                    for (int x = 0; x < kPoints; ++x) {
                        const bool there =
                            top + y >= 0 && top + y < grid.height && left + x >= 0 && left + x < grid.width;
                        if (there) {
                            std::memcpy(padded[y][x], in + corner + y * line + x * kBlock, sizeof padded[y][x]);
                        } else {
                            std::memset(padded[y][x], 0, sizeof padded[y][x]);
                        }
                    }
                }
            }
            float* const points = out + std::ptrdiff_t{block} * count * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                transform_square<typename Winograd<kTile>::Input>(square + c, square_line, kBlock, points + c,
                                                                  kPoints * point, point);
            }
        }
    }
}

/// The output pixels of `count` tiles from `first` on, of sums[point][block][tile][16].
template <int kTile>
inline void winograd_output(const TileGrid& grid, const float* sums, int first, int count, const Finish& finish) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{finish.blocks} * count * kBlock;
    for (int block = 0; block < finish.blocks; ++block) {
        const bool adds = finish.shortcut != nullptr && block < finish.shortcut_blocks;
        for (int tile = first; tile < first + count; ++tile, sums += kBlock) {
            const int face = tile / grid.tiles(), at = tile % grid.tiles();
            const int top = at / grid.columns * kTile, left = at % grid.columns * kTile;
            const int lines = grid.height - top < kTile ? grid.height - top : kTile;
            const int columns = grid.width - left < kTile ? grid.width - left : kTile;
            const std::ptrdiff_t corner =
                block * finish.plane + face * map + top * line + std::ptrdiff_t{left} * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                float pixels[kTile][kTile][Vector::kLanes];
                transform_square<typename Winograd<kTile>::Output>(sums + c, kPoints * point, point, pixels[0][0],
                                                                   kTile * Vector::kLanes, Vector::kLanes);
                const typename Vector::Register bias = Vector::load(finish.bias + block * kBlock + c);
                for (int y = 0; y < lines; ++y) {
                    for (int x = 0; x < columns; ++x) {
                        const std::ptrdiff_t offset = corner + y * line + x * kBlock + c;
                        typename Vector::Register value = Vector::load(pixels[y][x]) + bias;
                        if (adds) value = value + Vector::load(finish.shortcut + offset);
                        if (finish.relu) value = Vector::maximum(value, Vector::broadcast(0));
                        Vector::store(finish.out + offset, value);
                    }
                }
            }
        }
    }
}

/// Weights of one input channel and a panel of output channels at the points: out[p * point + channel].
/// \param taps  tap t of the 9 is at taps[t * tap + channel]
template <int kTile>
inline void winograd_filter(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    for (int c = 0; c < kPanel; c += Vector::kLanes) {
        transform_square<typename Winograd<kTile>::Filter>(taps + c, 3 * tap, tap, out + c, kPoints * point, point);
    }
}
