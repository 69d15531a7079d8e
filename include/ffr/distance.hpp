#pragma once
/// \file
/// What a face becomes, and how far two of them are apart.

#include <array>
#include <cmath>
#include <cstddef>

#include "detail/ieee.hpp"

namespace ffr {

/// A face as a point in 128 dimensions: near to the same person's other faces, far from everybody else's.
using Embedding = std::array<float, 128>;

/// Euclidean distance of two embeddings, summed in double: at least 0, without a unit.
///
/// For the ResNet-29 two pictures of one person are mostly less than 0.6 apart, of two people more.
/// Cost: 0.07 us. Thread-safe.
inline double distance(const Embedding& a, const Embedding& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = double{a[i]} - double{b[i]};
        sum += difference * difference;
    }
    return std::sqrt(sum);
}

}  // namespace ffr
