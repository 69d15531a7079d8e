// Kernels of the pyramid, one text for all CPUs (see exact.hpp). blend_plain in resize.hpp is the plain version.

/// Parts pixels' channels: 3 * count interleaved bytes into three rows of bytes.
inline void split_row(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue) {
    int x = 0;
    for (; x + 16 <= count; x += 16, pixels += 48) Vector::split(pixels, red + x, green + x, blue + x);
    for (; x < count; ++x, pixels += 3) {
        red[x] = pixels[0];
        green[x] = pixels[1];
        blue[x] = pixels[2];
    }
}

/// Output columns first .. first + count - 1 of a resized row, in the order of blend_plain in resize.hpp; `count` is a
/// multiple of 16.
/// \param top, bottom  the two input rows; 17 bytes from each eight's first sample on are read
/// \param above, below  their weights
inline void blend_row(const std::uint8_t* top, const std::uint8_t* bottom, const Samples& samples, int first, int count,
                      float above, float below, bool round, std::uint8_t* out) {
    using Register = typename Vector::Register;
    for (int x = first; x < first + count; x += Vector::kLanes) {
        const Register right = Vector::load(samples.fraction + x), left = Vector::broadcast(1.0f) - right;
        const Register upper = Vector::broadcast(above), lower = Vector::broadcast(below);
        Register value = (upper * left) * Vector::to_float(Vector::pick(top, samples, x));
        value = value + (upper * right) * Vector::to_float(Vector::pick(top + 1, samples, x));
        value = value + (lower * left) * Vector::to_float(Vector::pick(bottom, samples, x));
        value = value + (lower * right) * Vector::to_float(Vector::pick(bottom + 1, samples, x));
        typename Vector::Integers whole = Vector::truncate(value);
        if (round) {
            const Register floor = Vector::to_float(whole);
            const Register up = floor + Vector::broadcast(1.0f);
            whole = Vector::truncate(Vector::choose_less(value - floor, Vector::broadcast(0.5f), floor, up));
        }
        Vector::store_bytes(out + (x - first), whole);
    }
}
