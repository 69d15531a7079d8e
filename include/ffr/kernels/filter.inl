// The sliding filter's kernel, one text for all CPUs (see exact.hpp). plain_score in sliding_filter.hpp is the same in
// plain loops.
//
//     a plane's strip --the row's ten taps--> filtered --the column's ten taps--> added to scores
//     rows x (kStrip + 9)                     rows x kStrip, between zeros        rows x kStrip

/// Ten values times ten taps, in the order of ten_taps (or ten_taps_in_order) in sliding_filter.hpp.
template <bool kInOrder>
inline typename Vector::Register ten_taps(const typename Vector::Register (&values)[10],
                                          const typename Vector::Register (&taps)[10]) {
    typename Vector::Register sums[3];
    FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
        const typename Vector::Register product = values[tap] * taps[tap];
        const int sum = kInOrder ? 0 : tap % 3;
        sums[sum] = tap < (kInOrder ? 1 : 3) ? product : sums[sum] + product;
    }
    return kInOrder ? sums[0] : sums[0] + (sums[1] + sums[2]);
}

template <bool kInOrder>
inline void filter_columns(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, float* filtered,
                           float* scores) {
    typename Vector::Register tap[10], values[10];
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.row[i]);
    for (int row = 0; row < rows; ++row) {
        Vector::load_ten(in + row * stride, values);
        Vector::store(filtered + (row + 4) * kStrip, ten_taps<kInOrder>(values, tap));
    }
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.column[i]);
    for (int row = 0; row < rows; ++row) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) values[i] = Vector::load(filtered + (row + i) * kStrip);
        float* const score = scores + row * kStrip;
        Vector::store(score, Vector::load(score) + ten_taps<kInOrder>(values, tap));
    }
}

/// Adds the response of a column times a row of taps to the scores of a strip of kStrip columns.
///
/// \param in  the strip's plane: `rows` rows, each of which starts 4 cells left of the strip; up to 16 more than it has
///            columns are read
/// \param in_order  whether its columns are the last ones mod 8 of their map, whose taps are added in order
/// \param filtered  room for rows + 9 rows of kStrip, the first 4 and the last 5 of them 0
/// \param scores  rows * kStrip floats
inline void filter_strip(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores) {
    for (int x = 0; x < kStrip; x += Vector::kLanes) {
        if (in_order) {
            filter_columns<true>(taps, in + x, stride, rows, filtered + x, scores + x);
        } else {
            filter_columns<false>(taps, in + x, stride, rows, filtered + x, scores + x);
        }
    }
}
