// The filter (1 4 6 4 1) in one direction, one text for all CPUs (see halving.hpp). A row's last register may overlap
// the one before: what's in both comes out the same.

/// The weighted sum: of bytes, or of sums of bytes, it's less than 65536.
inline typename Vector::Words weigh(typename Vector::Words a, typename Vector::Words b, typename Vector::Words c,
                                    typename Vector::Words d, typename Vector::Words e) {
    return static_cast<typename Vector::Words>(a + 4 * b + 6 * c + 4 * d + e);
}

/// sums[i] = the weighted sum of rows[0][i] .. rows[4][i] for `count` numbers, at least Vector::kLanes.
inline void filter_down(const std::uint8_t* const* rows, int count, std::uint16_t* sums) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        Vector::store(sums + i,
                      weigh(Vector::widen(rows[0] + i), Vector::widen(rows[1] + i), Vector::widen(rows[2] + i),
                            Vector::widen(rows[3] + i), Vector::widen(rows[4] + i)));
    }
}

/// out[i] = the weighted sum of sums[i], sums[i + step] .. sums[i + 4 * step] by 256, for `count` numbers, at least
/// Vector::kLanes.
inline void filter_across(const std::uint16_t* sums, int step, int count, std::uint8_t* out) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        const std::uint16_t* const from = sums + i;
        Vector::store_high_bytes(out + i,
                                 weigh(Vector::load(from), Vector::load(from + step), Vector::load(from + 2 * step),
                                       Vector::load(from + 3 * step), Vector::load(from + 4 * step)));
    }
}

inline constexpr HalvingKernels kHalvingKernels{filter_down, filter_across};
