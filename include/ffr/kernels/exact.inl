// Kernels of the stages that hang on every rounding, one text for all CPUs (see exact.hpp). Each lane does what the plain
// code does, in the same order.

/// out[x] = sum of in[x + tap * step] * taps[tap] for `count` outputs, a multiple of Vector::kLanes, in the order of
/// ten_taps in face_detector.hpp; added to what `out` holds where `add` says so.
inline void ten_taps_row(const float* in, std::ptrdiff_t step, int count, const float* taps, bool add, float* out) {
    for (int x = 0; x < count; x += Vector::kLanes) {
        typename Vector::Register thirds[3];
        FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
            const typename Vector::Register product =
                Vector::multiply(Vector::load(in + x + tap * step), Vector::broadcast(taps[tap]));
            thirds[tap % 3] = tap < 3 ? product : Vector::add(thirds[tap % 3], product);
        }
        const typename Vector::Register sum = Vector::add(thirds[0], Vector::add(thirds[1], thirds[2]));
        Vector::store(out + x, add ? Vector::add(Vector::load(out + x), sum) : sum);
    }
}

/// The same taps added up one after the other, as ten_taps_in_order does.
inline void ten_taps_in_order_row(const float* in, std::ptrdiff_t step, int count, const float* taps, float* out) {
    for (int x = 0; x < count; x += Vector::kLanes) {
        typename Vector::Register sum = Vector::broadcast(0);
        FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
            sum = Vector::add(sum, Vector::multiply(Vector::load(in + x + tap * step), Vector::broadcast(taps[tap])));
        }
        Vector::store(out + x, sum);
    }
}

/// Bins of gradients and their lengths for `count` pixels, a multiple of Vector::kLanes, in the order of orientation_bin in
/// hog.hpp.
/// \param length  squared lengths, which become lengths
inline void orient_row(const float* x, const float* y, int count, const float* direction_x, const float* direction_y,
                       float* length, std::int32_t* bin) {
    using Register = typename Vector::Register;
    for (int i = 0; i < count; i += Vector::kLanes) {
        const Register gx = Vector::load(x + i), gy = Vector::load(y + i);
        Register longest = Vector::broadcast(0), best = Vector::broadcast(0);
        FFR_UNROLL for (int o = 0; o < 9; ++o) {
            const Register projection = Vector::add(Vector::multiply(gx, Vector::broadcast(direction_x[o])),
                                                    Vector::multiply(gy, Vector::broadcast(direction_y[o])));
            const Register side =
                Vector::choose_less(projection, Vector::broadcast(0), Vector::broadcast(static_cast<float>(o + 9)),
                                    Vector::broadcast(static_cast<float>(o)));
            const Register size = Vector::absolute(projection);
            best = Vector::choose_less(longest, size, side, best);
            longest = Vector::choose_less(longest, size, size, longest);
        }
        Vector::store_integers(bin + i, best);
        Vector::store(length + i, Vector::square_root(Vector::load(length + i)));
    }
}

inline constexpr ExactKernels kExactKernels{Vector::kLanes, ten_taps_row, ten_taps_in_order_row, orient_row};
