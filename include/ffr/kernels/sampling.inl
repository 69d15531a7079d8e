// Bilinear samples, one text for all CPUs (see sampling.hpp).

/// A sample's four neighbours mixed. \param stride  bytes from a row of the sampled image to the next
template <typename Pixel>
inline Pixel mix(const Sample& sample, std::ptrdiff_t stride) {
    const typename Pixel::Share x = Pixel::share(sample.x), y = Pixel::share(sample.y), whole = Pixel::share(kWhole);
    const std::uint8_t* const above = sample.neighbours;
    const std::uint8_t* const below = above + stride;
    const Pixel upper = (whole - x) * Pixel::left(above) + x * Pixel::right(above);
    const Pixel lower = (whole - x) * Pixel::left(below) + x * Pixel::right(below);
    return (whole - y) * upper + y * lower;
}

/// Mixes `count` samples, which become pixels beside each other. Storing a pixel may spoil the byte behind it, where
/// the next one goes; behind the last nothing may be touched.
template <typename Pixel>
inline void mix_samples(const Sample* samples, int count, std::ptrdiff_t stride, std::uint8_t* out) {
    for (; count > 1; --count, ++samples, out += Pixel::kChannels) mix<Pixel>(*samples, stride).store(out);
    if (count == 0) return;
    std::uint8_t last[4];
    mix<Pixel>(*samples, stride).store(last);
    std::memcpy(out, last, Pixel::kChannels);
}
