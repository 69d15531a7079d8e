// Kernels of the HOG features, one text for all CPUs (see exact.hpp). hog_cells.hpp has the plain version; each lane
// does what that does, in the same order. Counts of pixels and cells are rounded up to whole registers: what lies
// behind the last is read and written as well, whatever it is, so there has to be room.
//
//     three rows of bytes --orient--> a vote a pixel --cast_votes--> two rows of cells --take_cells--> 18 bins a cell
//     18 bins a cell --energies--> a number a cell --blocks--> cut and scale of each block --normalise--> 31 a cell

/// A row's gradients as votes: how long each is, and the place of its direction's bin, which is bin * stride.
///
/// Of a colour pixel's gradients the longest counts. All numbers up to the square root are whole and below 2^24, so that
/// float knows them exactly; so it does the places, since the stride is a multiple of 32.
template <int kChannels, bool kLaterWins>
inline void orient_row(const PixelRows& rows, int count, std::ptrdiff_t stride, float* length, std::int32_t* place) {
    using Register = typename Vector::Register;
    const Register zero = Vector::broadcast(0), half_turn = Vector::broadcast(9);
    for (int i = 0; i < count; i += Vector::kLanes) {
        Register x = zero, y = zero, square = Vector::broadcast(-1);
        FFR_UNROLL for (int c = 0; c < kChannels; ++c) {
            const std::uint8_t* const here = rows.here[c] + i;
            const Register cx = Vector::difference(Vector::load_bytes(here + 1), Vector::load_bytes(here - 1));
            const Register cy =
                Vector::difference(Vector::load_bytes(rows.below[c] + i), Vector::load_bytes(rows.above[c] + i));
            const Register other = cx * cx + cy * cy;
            if (kLaterWins) {
                x = Vector::choose_less(other, square, x, cx);
                y = Vector::choose_less(other, square, y, cy);
                square = Vector::choose_less(other, square, square, other);
            } else {
                x = Vector::choose_less(square, other, cx, x);
                y = Vector::choose_less(square, other, cy, y);
                square = Vector::choose_less(square, other, other, square);
            }
        }
        // Turned by half a turn if it points upwards, mirrored if it then points left, a gradient lies between 0 and 90
        // degrees. Direction k + 1 fits it better than k if x (dx[k] - dx[k + 1]) < y (dy[k + 1] - dy[k]).
        const Register turned_x = Vector::flip_by_sign(x, y);
        const Register right = Vector::absolute(x), down = Vector::absolute(y);
        Register bin = zero;
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            bin = Vector::choose_less(right * Vector::broadcast(kSectorX[k]), down * Vector::broadcast(kSectorY[k]),
                                      bin + Vector::broadcast(1), bin);
        }
        bin = Vector::choose_less(turned_x, zero, half_turn - bin, bin);
        bin = Vector::choose_less(y, zero, bin + half_turn, bin);
        bin = Vector::choose_less(bin, Vector::broadcast(18), bin, zero);
        Vector::store_integers(place + i, Vector::truncate(bin * Vector::broadcast(static_cast<float>(stride))));
        Vector::store(length + i, Vector::square_root(square));
    }
}

inline void orient(const PixelRows& rows, int channels, bool later_wins, int count, std::ptrdiff_t stride,
                   float* length, std::int32_t* place) {
    if (channels == 1) {
        orient_row<1, true>(rows, count, stride, length, place);
    } else if (later_wins) {
        orient_row<3, true>(rows, count, stride, length, place);
    } else {
        orient_row<3, false>(rows, count, stride, length, place);
    }
}

/// How much of a vote goes to the four cells around it, for eight pixels between two columns of cells.
struct Across {
    typename Vector::Four phases[8];

    explicit Across(const float (&shares)[8][4]) {
        FFR_UNROLL for (int phase = 0; phase < 8; ++phase) phases[phase] = Vector::load_four(shares[phase]);
    }
};

/// Adds the votes of eight pixels.
inline void cast_eight(const std::int32_t* place, const float* length, const Across& across, typename Vector::Four down,
                       float* cells) {
    FFR_UNROLL for (int phase = 0; phase < 8; ++phase) {
        Vector::add_vote(cells + place[phase], across.phases[phase], down, length[phase]);
    }
}

/// Adds the votes of pixels begin .. end - 1, one by one.
inline void cast_some(const std::int32_t* place, const float* length, int begin, int end, const VoteShares& shares,
                      float* cells) {
    const typename Vector::Four down = Vector::load_four(shares.down);
    for (int x = begin; x < end; ++x) {
        const typename Vector::Four across = Vector::load_four(shares.across[(x + 4) % 8]);
        Vector::add_vote(cells + (x + 4) / 8 * 2 + place[x], across, down, length[x]);
    }
}

/// Adds the votes of pixels 1 .. end - 1 of a row to the cells around them.
///
/// A vote can't be added before the one for the same bin that came before it, which often is the pixel to the left. So
/// that the CPU needn't wait, the row's two halves are done together. Only the cells on the border of the two could tell:
/// the first eight pixels of the second half vote for those at their right first, and for those at their left when the
/// first half is done.
/// \param cells  for each bin: of each column of cells, from the one left of the image on, the histograms of two rows of
///               cells beside each other. So the four cells around a pixel are four floats in a row.
/// \param shares  how much of a vote goes to each of these four by the pixel's column, of eight columns, and by its row
inline void cast_votes(const std::int32_t* place, const float* length, int end, const VoteShares& shares,
                       float* cells) {
    constexpr int kFirst = 4;  // the pixel behind the centre of the first column of cells
    const int eights = end > kFirst ? (end - kFirst) / 8 : 0, half = eights / 2;
    const Across across(shares.across);
    const typename Vector::Four down = Vector::load_four(shares.down);
    const std::int32_t* const places = place + kFirst;
    const float* const lengths = length + kFirst;
    float* const first = cells + 2;  // of the first eight: one column further for each

    cast_some(place, length, 1, end < kFirst ? end : kFirst, shares, cells);
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.right), down, first + 2 * half);
    for (int i = 0; i < half; ++i) {
        const int k = half + 1 + i;
        cast_eight(places + 8 * i, lengths + 8 * i, across, down, first + 2 * i);
        if (k < eights) cast_eight(places + 8 * k, lengths + 8 * k, across, down, first + 2 * k);
    }
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.left), down, first + 2 * half);
    cast_some(place, length, kFirst + 8 * eights, end, shares, cells);
}

/// Takes one of the two rows of cells out, and leaves zeros in its place.
inline void take_cells(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row) {
    for (int bin = 0; bin < 18; ++bin) {
        float* const from = cells + bin * stride;
        float* const to = histograms + bin * row;
        for (int x = 0; x < count; ++x) {
            to[x] = from[2 * x];
            from[2 * x] = 0;
        }
    }
}

/// Energies of a row of cells: the squared lengths of their histograms over unsigned directions.
inline void energies(const float* histograms, std::ptrdiff_t row, int count, float* energy) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register sum = Vector::broadcast(0);
        FFR_UNROLL for (int o = 0; o < 9; ++o) {
            const Register both = Vector::load(histograms + o * row + x) + Vector::load(histograms + (o + 9) * row + x);
            sum = sum + both * both;
        }
        Vector::store(energy + x, sum);
    }
}

/// Where a row of blocks of 2 x 2 cells cuts values off, and what it divides them by.
inline void blocks(const float* energy, const float* energy_below, int count, float* cut, float* scale) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        const Register above = Vector::load(energy + x) + Vector::load(energy + x + 1);
        const Register all = (above + Vector::load(energy_below + x)) + Vector::load(energy_below + x + 1);
        const Register most = Vector::broadcast(0.2f) * Vector::square_root(all + Vector::broadcast(kBlockEpsilon));
        Vector::store(cut + x, most);
        Vector::store(scale + x, Vector::broadcast(0.1f) / most);
    }
}

/// The 31 features of a row of cells.
///
/// \param histograms  of the row's first cell
/// \param around  the four blocks that the first cell belongs to
/// \param features  of the first cell in plane 0; the others are `plane` floats away from each other
inline void normalise(const float* histograms, std::ptrdiff_t row, const CellBlocks& around, int count, float* features,
                      std::ptrdiff_t plane) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register cut[4], scale[4], texture[4], part[4];
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            cut[k] = Vector::load(around.cut[k] + x);
            scale[k] = Vector::load(around.scale[k] + x);
            texture[k] = Vector::broadcast(0);
            part[k] = Vector::broadcast(0);
        }
        const float* const histogram = histograms + x;
        float* const out = features + x;
        for (int o = 0; o < 18; o += 3) {
            FFR_UNROLL for (int i = 0; i < 3; ++i) {
                const Register value = Vector::load(histogram + (o + i) * row);
                Register share[4];
                FFR_UNROLL for (int k = 0; k < 4; ++k) {
                    share[k] = Vector::minimum(value, cut[k]) * scale[k];
                    part[k] = i == 0 ? share[k] : part[k] + share[k];
                }
                Vector::store(out + (o + i) * plane, (share[0] + share[1]) + (share[2] + share[3]));
            }
            FFR_UNROLL for (int k = 0; k < 4; ++k) texture[k] = texture[k] + part[k];
        }
        for (int o = 0; o < 9; ++o) {
            const Register value = Vector::load(histogram + o * row) + Vector::load(histogram + (o + 9) * row);
            Register share[4];
            FFR_UNROLL for (int k = 0; k < 4; ++k) share[k] = Vector::minimum(value, cut[k]) * scale[k];
            Vector::store(out + (18 + o) * plane, (share[0] + share[1]) + (share[2] + share[3]));
        }
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            Vector::store(out + (27 + k) * plane, texture[k] * Vector::broadcast(kTextureScale));
        }
    }
}
