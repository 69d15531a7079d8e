#pragma once
/// \file
/// Sorts faces by person without names: who is near to whom makes a graph, and each face joins the group of most of its
/// neighbours.
///
///     n x 128 floats --all pairs nearer than a distance--> graph: n x n bits --whispers--> a group for each of n
///
/// Chinese whispers: at first each face is a group of its own. One face after the other then takes the group that most
/// of its neighbours have. The number of groups comes out by itself, and a wrong edge between two people is outvoted.
/// whisper() is the method; the rest of the file finds the neighbours quickly.
///
/// Paper: Biemann 2006, "Chinese whispers: an efficient graph clustering algorithm and its application to natural
/// language processing problems".

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../base/workspace.hpp"
#include "../embed/embedding.hpp"

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Which faces are near to which: a bit for each ordered pair. Lists of neighbours would be smaller where people are many,
/// but 32 times as large where all faces show the same one.
class NearGraph {
  public:
    /// Faces whose bits share a word, and which are compared with others at once.
    static constexpr std::size_t kTile = 32;

    /// Joins faces nearer than `distance`.
    NearGraph(const std::vector<Embedding>& faces, double distance, ThreadPool& threads)
        : words_((faces.size() + kTile - 1) / kTile), bits_(faces.size() * words_) {
        threads.run(static_cast<int>(words_), [&](int tile, int) {
            // The later tiles, which have more faces before them, come first.
            join_tile(faces, distance, words_ - 1 - static_cast<std::size_t>(tile));
        });
    }

    /// Calls visit(other) for each face near to one, in their order.
    template <typename Visit>
    void for_each_near(std::size_t face, const Visit& visit) const {
        for (std::size_t word = 0; word < words_; ++word) {
            const std::uint32_t bits = bits_[face * words_ + word];
            for (std::size_t i = 0; i < kTile && bits >> i != 0; ++i) {
                if ((bits >> i & 1u) != 0) visit(word * kTile + i);
            }
        }
    }

  private:
    using Tile = std::array<std::array<float, kTile>, std::tuple_size_v<Embedding>>;

    /// Joins the faces of a tile with all before them. The words written are no other tile's.
    void join_tile(const std::vector<Embedding>& faces, double distance, std::size_t tile) {
        const std::size_t begin = tile * kTile, end = std::min(begin + kTile, faces.size());
        Tile transposed{};
        for (std::size_t i = begin; i < end; ++i) {
            for (std::size_t k = 0; k < transposed.size(); ++k) transposed[k][i - begin] = faces[i][k];
        }
        // Sums in float are off by less than 131 roundings of 2^-24, or by what's too small for a float; what lies so near to
        // the limit, or is too large for a float, is decided in double.
        const double limit = distance * distance, below = limit * (1 - 1e-5) - 1e-35,
                     above = limit * (1 + 1e-5) + 1e-35;
        for (std::size_t i = 0; i < end; ++i) {
            const std::array<float, kTile> squares = squared_distances(faces[i], transposed);
            for (std::size_t j = std::max(begin, i + 1); j < end; ++j) {
                const auto square = static_cast<double>(squares[j - begin]);
                if (square > above && std::isfinite(square)) continue;
                if (square < below || euclidean(faces[i], faces[j]) < distance) join(i, j);
            }
        }
    }

    /// Of a face to those of a tile, as sums beside each other, which compilers put into registers (more than 16 of them,
    /// else g++ 12 tears them apart first).
    static std::array<float, kTile> squared_distances(const Embedding& face, const Tile& tile) {
        std::array<float, kTile> sums{};
        for (std::size_t k = 0; k < tile.size(); ++k) {
            for (std::size_t i = 0; i < kTile; ++i) {
                const float difference = face[k] - tile[k][i];
                sums[i] += difference * difference;
            }
        }
        return sums;
    }

    void join(std::size_t a, std::size_t b) {
        mark(a, b);
        mark(b, a);
    }
    void mark(std::size_t from, std::size_t to) {
        std::uint32_t& word = bits_[from * words_ + to / kTile];
        word |= std::uint32_t{1} << to % kTile;
    }

    std::size_t words_;  // a face
    std::vector<std::uint32_t> bits_;
};

/// Groups by Chinese whispers, each with the number of one of its members' groups at the start. Faces speak in their order.
///
/// A face leaves its group only for one that more of its neighbours are in, of these for the one with the least number. So
/// each change adds edges within groups, and it ends.
inline std::vector<std::size_t> whisper(const NearGraph& graph, std::size_t faces) {
    std::vector<std::size_t> group(faces), votes(faces), voted;
    std::iota(group.begin(), group.end(), std::size_t{0});
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t face = 0; face < faces; ++face) {
            voted.clear();
            graph.for_each_near(face, [&](std::size_t other) {
                if (votes[group[other]]++ == 0) voted.push_back(group[other]);
            });
            std::size_t best = group[face];
            for (const std::size_t candidate : voted) {
                const bool tie_of_others = votes[candidate] == votes[best] && best != group[face] && candidate < best;
                if (votes[candidate] > votes[best] || tie_of_others) best = candidate;
            }
            for (const std::size_t candidate : voted) votes[candidate] = 0;
            changed = changed || best != group[face];
            group[face] = best;
        }
    }
    return group;
}

/// A number that a face has by itself and that looks like chance.
inline std::uint64_t shuffle_key(const Embedding& face) {
    std::uint64_t key = 0;
    for (const float value : face) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        key = (key ^ bits) * 0x9E3779B97F4A7C15u;
        key ^= key >> 32;
    }
    return key;
}

/// Numbers 0, 1, ... for groups, by falling size, equal ones by their first member.
inline std::vector<int> number_by_size(const std::vector<std::size_t>& group) {
    std::vector<std::size_t> size(group.size()), first_member(group.size()), by_size;
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (size[group[i]]++ > 0) continue;
        first_member[group[i]] = i;
        by_size.push_back(group[i]);
    }
    std::sort(by_size.begin(), by_size.end(), [&](std::size_t a, std::size_t b) {
        return size[a] != size[b] ? size[a] > size[b] : first_member[a] < first_member[b];
    });
    std::vector<int> number_of(group.size()), numbers;
    for (std::size_t i = 0; i < by_size.size(); ++i) number_of[by_size[i]] = static_cast<int>(i);
    for (const std::size_t g : group) numbers.push_back(number_of[g]);
    return numbers;
}

}  // namespace detail

/// Groups faces by person.
///
/// Two faces nearer than the distance are neighbours; groups are found by Chinese whispers. Which face speaks when is drawn
/// by lot from its numbers, so the groups depend neither on the order of the faces nor on the number of threads.
///
/// \param faces                 embeddings of one source, any number of them
/// \param same_person_distance  nearer than this are neighbours, see EmbeddingSource; at least 0
/// \param workspace             threads that compare faces
/// \returns a group for each face: 0 is the largest, of groups of a size the one whose first face comes first
/// \throws InvalidArgument for a distance that isn't finite or is below 0, or a face with a number that isn't finite;
///         std::bad_alloc when there's no memory
/// Cost: n^2 / 2 distances of n faces, then some rounds over all neighbours: 10,000 faces take about a second on a core.
/// Memory: n^2 / 8 bytes whoever is near to whom, 12.5 MB for 10,000 faces and 1.25 GB for 100,000, and the faces once more.
inline std::vector<int> cluster_faces(const std::vector<Embedding>& faces, double same_person_distance,
                                      Workspace& workspace) {
    return detail::with_default_floats([&] {
        if (!std::isfinite(same_person_distance) || same_person_distance < 0) {
            throw InvalidArgument("the distance of one person's faces has to be at least 0, not " +
                                  std::to_string(same_person_distance));
        }
        std::vector<std::pair<std::uint64_t, std::size_t>> lots;
        for (std::size_t i = 0; i < faces.size(); ++i) {
            if (!std::all_of(faces[i].begin(), faces[i].end(), [](float value) { return std::isfinite(value); })) {
                throw InvalidArgument("face " + std::to_string(i) + " has a number that isn't finite");
            }
            lots.emplace_back(detail::shuffle_key(faces[i]), i);
        }
        std::sort(lots.begin(), lots.end());
        std::vector<Embedding> shuffled;
        shuffled.reserve(faces.size());
        for (const auto& lot : lots) shuffled.push_back(faces[lot.second]);
        const detail::NearGraph graph(shuffled, same_person_distance, workspace.threads());
        const std::vector<std::size_t> groups_shuffled = detail::whisper(graph, faces.size());
        std::vector<std::size_t> groups(faces.size());
        for (std::size_t i = 0; i < lots.size(); ++i) groups[lots[i].second] = groups_shuffled[i];
        return detail::number_by_size(groups);
    });
}

/// The same on the calling thread alone.
inline std::vector<int> cluster_faces(const std::vector<Embedding>& faces, double same_person_distance) {
    Workspace workspace;
    return cluster_faces(faces, same_person_distance, workspace);
}

}  // namespace v0_1
}  // namespace ffr
