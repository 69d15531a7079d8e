#pragma once
/// \file
/// What a face becomes, and how far two of them are apart: the Euclidean distance, which is Pythagoras's with 128
/// squares under the root.
///
///     chip --> network (embedding.hpp) --> 128 floats --+
///                                                       +--> root of the summed squares of differences: a distance
///     chip --> network                 --> 128 floats --+

#include <array>
#include <cmath>
#include <cstddef>
#include <string>

#include "../base/float_environment.hpp"
#include "../base/ieee.hpp"

namespace ffr {
inline namespace v0_1 {

/// A face as a point in 128 dimensions: near to the same person's other faces, far from everybody else's.
using Embedding = std::array<float, 128>;

namespace detail {

/// distance() for loops that have the default settings already.
inline double euclidean(const Embedding& a, const Embedding& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = double{a[i]} - double{b[i]};
        sum += difference * difference;
    }
    return std::sqrt(sum);
}

}  // namespace detail

/// Euclidean distance of two embeddings, summed in double: at least 0, without a unit.
///
/// For the ResNet-29 two pictures of one person are mostly less than 0.6 apart, of two people more.
/// Cost: 0.07 us. Thread-safe.
inline double distance(const Embedding& a, const Embedding& b) {
    return detail::with_default_floats([&] { return detail::euclidean(a, b); });
}

/// Where embeddings come from: those of another network, of other weights or of faces straightened otherwise can't be
/// compared. An empty text stands for what isn't known.
struct EmbeddingSource {
    /// The network: "resnet29" or "nn4.small2".
    std::string embedder = "resnet29";
    /// Checksum of its weight file, 16 hexadecimal digits.
    std::string weights;
    /// How the faces were straightened, such as "chip of 150 pixels by 68 landmarks".
    std::string alignment;
    /// Two embeddings of this source nearer than this mostly show the same person.
    double same_person_distance = 0.6;
    /// The network's arithmetic: "float32" or "int8".
    std::string precision = "float32";
};

/// What keeps embeddings of two sources from being compared, as a sentence's end: "network nn4.small2, not resnet29".
/// Empty when nothing does, as far as is known.
inline std::string difference(const EmbeddingSource& a, const EmbeddingSource& b) {
    const auto differ = [](const std::string& x, const std::string& y) { return !x.empty() && !y.empty() && x != y; };
    if (differ(a.embedder, b.embedder)) return "network " + a.embedder + ", not " + b.embedder;
    if (differ(a.weights, b.weights)) return "weights with checksum " + a.weights + ", not " + b.weights;
    if (differ(a.precision, b.precision)) return "precision " + a.precision + ", not " + b.precision;
    if (differ(a.alignment, b.alignment)) return "alignment '" + a.alignment + "', not '" + b.alignment + "'";
    return "";
}

}  // namespace v0_1
}  // namespace ffr
