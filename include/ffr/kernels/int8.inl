// Kernels of the int8 network, one text for all CPUs (see int8.hpp). Maps are bytes, q * scale being the value; weights
// are bytes with a sign; their products are added up in 32 bits without any rounding.

/// Stores the sums of neighbouring channels for a row.
inline void store(typename Vector::Register sums, const ByteFinish& finish, int channel, int row) {
    typename Vector::Register value =
        Vector::multiply_add(sums, Vector::load(finish.scale + channel), Vector::load(finish.bias + channel));
    if (finish.floats != nullptr) {
        const int block = channel / kBlock;
        if (block >= finish.float_blocks) return;
        return Vector::store(finish.floats + block * finish.float_plane + row * kBlock + channel % kBlock, value);
    }
    const std::ptrdiff_t offset = std::ptrdiff_t{row} * kPanel + channel;
    if (finish.shortcut != nullptr) {
        value = Vector::multiply_add(Vector::load(finish.shortcut + offset), Vector::broadcast(finish.shortcut_scale),
                                     value);
    }
    Vector::store_bytes(finish.out + offset, Vector::maximum(value, Vector::broadcast(0)));
}

/// Register budget: as in product.inl. A register of sums takes in 4 neighbouring inputs of a row at a time.
template <int kRows, int kPitch>
inline void product_block(const ByteRows& rows, const std::int8_t* weights, int column, const ByteFinish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    typename Vector::Sums sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::start(finish.weights + column + v * kLanes);
    }
    const std::uint8_t* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel * 4) {
            typename Vector::Sums weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) weight[v] = Vector::load_weights(weights + v * kLanes * 4);
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                std::uint32_t four;
                std::memcpy(&four, left + r * kPitch + i * 4, sizeof four);
                const typename Vector::Sums inputs = Vector::broadcast_inputs(four);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::dot(sums[r][v], inputs, weight[v]);
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int channel = column + v * kLanes;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            store(Vector::to_floats(sums[r][v]), finish, channel, r);
        }
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch>
inline void product_rows(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c * 4, c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows>
inline void product_of(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kPanel>(rows, panel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, finish);
    }
}

/// Up to Vector::kRows rows, 32 bytes from each other, times a panel of weights.
inline void product(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    product_of<Vector::kRows>(rows, panel, finish);
}

/// The same for a whole line of pixels of an interleaved colour image: see product.inl.
inline void product_of_pixels(const ByteRows& line, const std::int8_t* panel, const ByteFinish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ByteRows rows = line;
    ByteFinish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kPanel;
    }
}

/// Rows for product: see gather.inl.
inline void gather_bytes(const ConvolutionShape& shape, int faces, const std::uint8_t* in, int first, int count,
                         std::uint8_t* out) {
    gather<kPanel>(shape, panels_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first, count,
                   reinterpret_cast<char*>(out));
}

/// The largest byte of each window. Windows lie within the maps.
inline void max_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::uint8_t largest[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) {
                            const std::uint8_t value = pixels[column * kPanel + c];
                            largest[c] = largest[c] < value ? value : largest[c];
                        }
                    }
                }
                std::memcpy(out, largest, kPanel);
            }
        }
    }
}

/// The rounded mean of each window. Windows lie within the maps.
inline void average_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    constexpr std::int32_t kOne = 1 << 16;  // in whole numbers, which round alike everywhere
    const std::int32_t pixels_of_window = shape.side * shape.side;
    const std::int32_t share = (kOne + pixels_of_window / 2) / pixels_of_window;
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::int32_t sums[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) sums[c] += pixels[column * kPanel + c];
                    }
                }
                for (int c = 0; c < kPanel; ++c) {
                    out[c] = static_cast<std::uint8_t>((sums[c] * share + kOne / 2) / kOne);
                }
            }
        }
    }
}

inline constexpr Int8Kernels kInt8Kernels{Vector::kRows, product,  product_of_pixels,
                                          gather_bytes,  max_pool, average_pool};
