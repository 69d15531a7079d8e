// Sums of regression trees' leaves, one text for all CPUs (see leaves.hpp).

/// As many shifts as a register holds. \param from  the first one's byte
template <LeafCoding kCoding>
inline typename Vector::Register read_shifts(const char* from, float step_size) {
    if constexpr (kCoding == LeafCoding::exact) {
        static_cast<void>(step_size);
        return Vector::load(reinterpret_cast<const float*>(from));
    } else if constexpr (kCoding == LeafCoding::int16) {
        return Vector::broadcast(step_size) * Vector::from_int16(from);
    } else if constexpr (kCoding == LeafCoding::int8) {
        return Vector::broadcast(step_size) * Vector::from_int8(from);
    } else {
        return Vector::broadcast(step_size) * Vector::from_nibbles(from);
    }
}

/// Adds to the coordinates from `first` on, which stay in kRegisters registers while all leaves go by.
template <LeafCoding kCoding, std::size_t kRegisters>
inline void add_to_registers(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                             float* shape) {
    constexpr std::size_t kBits = bits_of_a_shift(kCoding);
    typename Vector::Register sums[kRegisters];
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) sums[r] = Vector::load(shape + first + r * Vector::kLanes);
    for (std::size_t n = 0; n < count; ++n) {
        const char* const shifts = table.shifts + (leaves[n] * table.coordinates + first) * kBits / 8;
        const float step_size = kCoding == LeafCoding::exact ? 1 : table.step_sizes[leaves[n]];
        FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) {
            sums[r] = sums[r] + read_shifts<kCoding>(shifts + r * Vector::kLanes * kBits / 8, step_size);
        }
    }
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) Vector::store(shape + first + r * Vector::kLanes, sums[r]);
}

/// Adds to the coordinates from `first` on, as many as fill registers. \returns the first of those that are left
template <LeafCoding kCoding>
inline std::size_t add_leaves(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                              float* shape) {
    constexpr std::size_t kMost = 8;  // half of the registers that most CPUs have; the steps go through the others
    for (; first + kMost * Vector::kLanes <= table.coordinates; first += kMost * Vector::kLanes) {
        add_to_registers<kCoding, kMost>(table, leaves, count, first, shape);
    }
    for (; first + Vector::kLanes <= table.coordinates; first += Vector::kLanes) {
        add_to_registers<kCoding, 1>(table, leaves, count, first, shape);
    }
    return first;
}

inline constexpr LeafKernels kLeafKernels{{add_leaves<LeafCoding::exact>, add_leaves<LeafCoding::int16>,
                                           add_leaves<LeafCoding::int8>, add_leaves<LeafCoding::nibbles>}};
