// What networks do besides convolutions, one text for all CPUs (see simd.hpp). layers.hpp has the plain version. Each
// lane is a channel of its own.
//
//     maps x h x w x 16 channels  -->  maps x out_height x out_width x 16 channels, a value for each window

/// The kinds of pools: how a pixel is taken in, and what becomes of the last sum of `pixels` pixels.
struct LargestOf {
    static typename Vector::Register start() { return Vector::broadcast(-3.4028235e38f); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::maximum(so_far, pixel);
    }
    static typename Vector::Register finish(typename Vector::Register largest, float) { return largest; }
};

struct MeanOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return so_far + pixel;
    }
    static typename Vector::Register finish(typename Vector::Register sum, float pixels) {
        return sum / Vector::broadcast(pixels);
    }
};

struct LengthOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::multiply_add(pixel, pixel, so_far);
    }
    static typename Vector::Register finish(typename Vector::Register squares, float) {
        return Vector::square_root(squares);
    }
};

/// One value of each window; what the padding adds isn't taken in.
template <typename Kind>
inline void pool(const PoolShape& shape, const float* in, float* out) {
    const auto pixels = static_cast<float>(shape.side * shape.side);
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kBlock) {
        for (int y = 0; y < shape.out_height; ++y) {
            const int top = y * shape.stride - shape.padding;
            const int first_row = top < 0 ? 0 : top;
            const int end_row = top + shape.side < shape.height ? top + shape.side : shape.height;
            for (int x = 0; x < shape.out_width; ++x, out += kBlock) {
                const int left = x * shape.stride - shape.padding;
                const int first = left < 0 ? 0 : left;
                const int end = left + shape.side < shape.width ? left + shape.side : shape.width;
                for (int c = 0; c < kBlock; c += Vector::kLanes) {
                    typename Vector::Register so_far = Kind::start();
                    for (int row = first_row; row < end_row; ++row) {
                        const float* pixel = in + (std::ptrdiff_t{row} * shape.width + first) * kBlock + c;
                        for (int column = first; column < end; ++column, pixel += kBlock) {
                            so_far = Kind::take(so_far, Vector::load(pixel));
                        }
                    }
                    Vector::store(out + c, Kind::finish(so_far, pixels));
                }
            }
        }
    }
}

inline void max_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LargestOf>(shape, in, out);
}

inline void average_pool(const PoolShape& shape, const float* in, float* out) {
    pool<MeanOf>(shape, in, out);
}

inline void l2_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LengthOf>(shape, in, out);
}

/// Pixels as numbers: out[i] = (bytes[i] - mean[i % 48]) / range, for `count` numbers and as many more as complete 48, of
/// which red, green and blue are a third each.
inline void normalise_pixels(const std::uint8_t* bytes, int count, const float* mean, float range, float* out) {
    const typename Vector::Register divisor = Vector::broadcast(range);
    for (int first = 0; first < count; first += 48) {
        for (int i = 0; i < 48; i += Vector::kLanes) {
            Vector::store(out + first + i, (Vector::load(bytes + first + i) - Vector::load(mean + i)) / divisor);
        }
    }
}

/// Divides each value by (k + alpha / 5 * the sum of squares of the 5 channels around it) ^ 3/4.
/// \param squares  (16 * blocks + 32) floats to work in, of which the first 16 and the last 16 are 0
inline void normalise_across_channels(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares) {
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel, in += kBlock, out += kBlock) {
        const std::ptrdiff_t plane = pixels * kBlock;
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const typename Vector::Register value = Vector::load(in + block * plane + c);
                Vector::store(squares + (block + 1) * kBlock + c, value * value);
            }
        }
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const float* const around = squares + (block + 1) * kBlock + c;
                typename Vector::Register energy = Vector::load(around - 2);
                for (int channel = -1; channel <= 2; ++channel) energy = energy + Vector::load(around + channel);
                const typename Vector::Register damping =
                    Vector::multiply_add(Vector::broadcast(alpha / 5), energy, Vector::broadcast(k));
                const typename Vector::Register root = Vector::square_root(damping);  // ^ 1/2, and its root ^ 1/4
                Vector::store(out + block * plane + c,
                              Vector::load(in + block * plane + c) / (root * Vector::square_root(root)));
            }
        }
    }
}
