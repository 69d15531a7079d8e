// Convolutions of large maps, a line of the output at a time, one text for all CPUs (see simd.hpp).
//
//     in:  line y      [block][x][16]      out: line y   [block][x][16]      The lines that the filters' rows see are
//          line y + 1  ...                                                   named one by one, so that they needn't lie
//          line y + 2  ...                                                   beside each other, and zeros may be shared.
//
// What a row of a filter sees of a block are numbers that lie beside each other, and the next pixel's begin a fixed number
// of floats further: the matrix product of product.inl reads them where they are, and nothing is gathered.

/// Columns of sums at once: all of a panel's in AVX-512's registers, 16 channels in others.
template <int kPitch>
constexpr int kLineColumns = Vector::kLanes == kBlock ? line_panel(static_cast<LinePitch>(kPitch)) / kBlock
                                                      : Vector::kColumns;

/// Pixels at once, as product_block's registers allow: on AVX-512 28 x 1, 14 x 2 or 9 x 3 sums.
template <int kPitch>
constexpr int kLineRows = Vector::kRows* Vector::kColumns / kLineColumns<kPitch>;

/// relu(sum + bias) of some pixels from `x` on and some channels from `channel` of a panel on.
template <int kRows, int kPitch>
inline void line_block(const LineJob& job, int x, int panel, int channel) {
    constexpr int kColumns = kLineColumns<kPitch>, kLanes = Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    using Register = typename Vector::Register;
    const std::ptrdiff_t taps = std::ptrdiff_t{job.side} * job.blocks * job.run;
    const float* weights = job.weights + panel * taps * kPanelSize + channel;
    const int first = panel * kPanelSize + channel;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(job.bias + first + v * kLanes);
    }
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kPitch;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; ++i, weights += kPanelSize) {
                Register weight[kColumns];
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
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
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = first + v * kLanes;
        if (c / kBlock >= job.out_blocks) return;
        float* const out = job.out + c / kBlock * job.out_plane + std::ptrdiff_t{x} * kBlock + c % kBlock;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            Vector::store(out + r * kBlock, Vector::maximum(sums[r][v], Vector::broadcast(0)));
        }
    }
}

/// Finds the kernel for this number of pixels.
template <int kRows, int kPitch>
inline void line_rows(const LineJob& job, int x, int count, int panel, int channel) {
    if (count == kRows) {
        line_block<kRows, kPitch>(job, x, panel, channel);
    } else if constexpr (kRows > 1) {
        line_rows<kRows - 1, kPitch>(job, x, count, panel, channel);
    }
}

/// All pixels and channels, in blocks of about the same size.
template <int kPitch>
inline void line_of(const LineJob& job) {
    constexpr int kRows = kLineRows<kPitch>, kStep = kLineColumns<kPitch> * Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    const int blocks = (job.count + kRows - 1) / kRows;
    for (int first = 0; first < job.out_blocks * kBlock; first += kStep) {
        for (int block = 0; block < blocks; ++block) {
            const int x = static_cast<int>(std::int64_t{job.count} * block / blocks);
            const int end = static_cast<int>(std::int64_t{job.count} * (block + 1) / blocks);
            line_rows<kRows, kPitch>(job, x, end - x, first / kPanelSize, first % kPanelSize);
        }
    }
}

/// A line of relu(convolution).
inline void convolve_line_relu(LinePitch pitch, const LineJob& job) {
    switch (pitch) {
        case LinePitch::colours:
            return line_of<static_cast<int>(LinePitch::colours)>(job);
        case LinePitch::channels:
            return line_of<static_cast<int>(LinePitch::channels)>(job);
        case LinePitch::halving:
            return line_of<static_cast<int>(LinePitch::halving)>(job);
    }
}

/// Some pixels of a convolution with one output channel: lanes are input channels here, whose sums come together at the end.
template <int kRows>
inline void line_to_one(const LineJob& job, int x) {
    using Register = typename Vector::Register;
    const float* weights = job.weights;
    Register sums[kRows];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Vector::broadcast(0);
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kBlock;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; i += Vector::kLanes, weights += Vector::kLanes) {
                const Register weight = Vector::load(weights);
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    sums[r] = Vector::multiply_add(Vector::load(left + r * kBlock + i), weight, sums[r]);
                }
            }
        }
    }
    for (int r = 0; r < kRows; ++r) {
        float lanes[Vector::kLanes], sum = job.bias[0];
        Vector::store(lanes, sums[r]);
        for (const float lane : lanes) sum += lane;
        job.out[x + r] = sum;
    }
}

/// A line of a convolution with one output channel, whose pixels then lie beside each other. No relu.
/// Weights lie as [row][block][number of the run].
inline void convolve_line_to_one(const LineJob& job) {
    constexpr int kRows = Vector::kRows;
    int x = 0;
    for (; x + kRows <= job.count; x += kRows) line_to_one<kRows>(job, x);
    for (; x < job.count; ++x) line_to_one<1>(job, x);
}
