#pragma once
/// \file
/// Looks at training faces before they're trusted: is one of them probably somebody else's, do two people look the
/// same, how well would the model do on faces that it hasn't seen, and from which distance on should it say "unknown"?
///
///     n names with 128 floats each --find_strangers-->   faces that don't look like their person's others
///                                  --find_look_alikes--> pairs of people who can hardly be told apart
///                                  --leave_one_out-->    how many faces the others would have named right
///                                  --suggest_distance--> where faces of one person end and those of others begin
///
/// find_look_alikes and suggest_distance compare all faces with all, so that their costs grow with the square of the
/// number of faces: for 10,000 faces a few seconds each. leave_one_out trains, and costs more.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../base/float_environment.hpp"
#include "../embed/embedding.hpp"
#include "identify.hpp"
#include "svm.hpp"

namespace ffr {
inline namespace v0_1 {

/// Two people whose faces look the same to the network.
struct LookAlikes {
    std::string one;      ///< the first by name
    std::string other;    ///< the second
    double distance = 0;  ///< median distance of a face of one from a face of the other
};

/// How a model does on faces that it wasn't trained with.
struct LeaveOneOut {
    std::size_t faces = 0;  ///< that were tried, each against a model of all the others
    std::size_t right = 0;  ///< of these, how many got their own name
};

namespace detail {

/// The places of each person's samples, by name.
inline std::map<std::string, std::vector<std::size_t>> samples_by_name(const std::vector<LabelledEmbedding>& samples) {
    std::map<std::string, std::vector<std::size_t>> by_name;
    for (std::size_t i = 0; i < samples.size(); ++i) by_name[samples[i].name].push_back(i);
    return by_name;
}

/// The middle value, the upper one of an even number. \param values  at least one
inline double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Calls work(pair, a, b) for the pairs of classes that `label` is one of.
template <typename Work>
void for_pairs_of(std::size_t label, std::size_t classes, Work work) {
    std::size_t pair = 0;
    for (std::size_t a = 0; a < classes; ++a) {
        for (std::size_t b = a + 1; b < classes; ++b, ++pair) {
            if (a == label || b == label) work(pair, a, b);
        }
    }
}

}  // namespace detail

/// The samples that are probably somebody else's: farther than `same_person_distance` from most of their person's others.
/// Of a person with fewer than three samples, or where most would be strangers, nobody can say which, and none is.
/// \returns their places in `samples`, ascending
inline std::vector<std::size_t> find_strangers(const std::vector<LabelledEmbedding>& samples,
                                               double same_person_distance) {
    return detail::with_default_floats([&] {
        std::vector<std::size_t> strangers;
        for (const auto& [name, places] : detail::samples_by_name(samples)) {
            std::vector<std::size_t> far;
            for (const std::size_t i : places) {
                std::size_t near = 0;
                for (const std::size_t j : places) {
                    if (j != i && detail::euclidean(samples[i].embedding, samples[j].embedding) <= same_person_distance)
                        ++near;
                }
                if (2 * near < places.size() - 1) far.push_back(i);
            }
            if (2 * far.size() < places.size()) strangers.insert(strangers.end(), far.begin(), far.end());
        }
        std::sort(strangers.begin(), strangers.end());
        return strangers;
    });
}

/// The pairs of people of whose faces half or more are nearer than `same_person_distance` to each other, by rising
/// distance.
inline std::vector<LookAlikes> find_look_alikes(const std::vector<LabelledEmbedding>& samples,
                                                double same_person_distance) {
    return detail::with_default_floats([&] {
        const auto by_name = detail::samples_by_name(samples);
        std::vector<LookAlikes> alike;
        for (auto one = by_name.begin(); one != by_name.end(); ++one) {
            for (auto other = std::next(one); other != by_name.end(); ++other) {
                std::vector<double> distances;
                for (const std::size_t i : one->second) {
                    for (const std::size_t j : other->second) {
                        distances.push_back(detail::euclidean(samples[i].embedding, samples[j].embedding));
                    }
                }
                const double median = detail::median_of(std::move(distances));
                if (median <= same_person_distance) alike.push_back({one->first, other->first, median});
            }
        }
        std::sort(alike.begin(), alike.end(), [](const LookAlikes& a, const LookAlikes& b) {
            return std::tie(a.distance, a.one, a.other) < std::tie(b.distance, b.one, b.other);
        });
        return alike;
    });
}

/// The samples without copies: of those with the same embedding to the last bit, which are of one photo under several
/// names, the first. What's left out and named by the others must not meet itself.
inline std::vector<LabelledEmbedding> without_copies(const std::vector<LabelledEmbedding>& samples) {
    std::set<Embedding> seen;
    std::vector<LabelledEmbedding> unique;
    for (const LabelledEmbedding& sample : samples) {
        if (seen.insert(sample.embedding).second) unique.push_back(sample);
    }
    return unique;
}

/// Names faces by a model that was trained on all faces but this one, for each face of people who have two or more.
/// Copies count once, see without_copies().
/// \param most  no more faces than so many are tried, evenly chosen, since each is a training of its own
/// \throws InvalidArgument as Identifier::train does
/// Cost: a face retrains its person's pairs: 60 us for each other person of 10 samples.
inline LeaveOneOut leave_one_out(const std::vector<LabelledEmbedding>& samples, const TrainOptions& options = {},
                                 std::size_t most = 500) {
    return detail::with_default_floats([&] {
        const Identifier everybody = Identifier::train(without_copies(samples), options);
        const Gallery& gallery = everybody.gallery();
        const std::size_t people = gallery.names.size();
        LinearSvm svm = everybody.svm();
        std::vector<std::vector<VectorView>> classes(people);
        std::vector<std::ptrdiff_t> places;  // of each sample in its class
        for (std::size_t i = 0; i < gallery.embeddings.size(); ++i) {
            auto& own = classes[static_cast<std::size_t>(gallery.labels[i])];
            places.push_back(static_cast<std::ptrdiff_t>(own.size()));
            own.emplace_back(gallery.embeddings[i]);
        }
        std::vector<std::size_t> of_several;
        for (std::size_t i = 0; i < gallery.embeddings.size(); ++i) {
            if (classes[static_cast<std::size_t>(gallery.labels[i])].size() > 1) of_several.push_back(i);
        }
        LeaveOneOut result;
        result.faces = std::min(most, of_several.size());
        for (std::size_t k = 0; k < result.faces; ++k) {
            const std::size_t i = of_several[k * of_several.size() / result.faces];
            const auto label = static_cast<std::size_t>(gallery.labels[i]);
            auto& own = classes[label];
            own.erase(own.begin() + places[i]);
            detail::for_pairs_of(label, people, [&](std::size_t pair, std::size_t a, std::size_t b) {
                svm.pairs[pair] = detail::train_pair(classes[a], classes[b], options.svm);
            });
            const Identity who =
                detail::name_by(gallery, svm, gallery.embeddings[i], options.source.same_person_distance, 0, i);
            if (who.name == gallery.names[label]) ++result.right;
            detail::for_pairs_of(label, people, [&](std::size_t pair, std::size_t, std::size_t) {
                svm.pairs[pair] = everybody.svm().pairs[pair];
            });
            own.insert(own.begin() + places[i], VectorView(gallery.embeddings[i]));
        }
        return result;
    });
}

/// The distance from which on "unknown" is right most often: for each face, the nearest of its person's others should be
/// below it and the nearest of other people's above. Halfway between where one kind ends and the other begins.
/// Empty where fewer than ten faces have both, which says too little. Copies count once, see without_copies().
inline std::optional<double> suggest_distance(const std::vector<LabelledEmbedding>& with_copies) {
    return detail::with_default_floats([&]() -> std::optional<double> {
        const std::vector<LabelledEmbedding> samples = without_copies(with_copies);
        struct Nearest {
            double distance;
            bool own;
        };
        constexpr double kNone = std::numeric_limits<double>::infinity();
        std::vector<Nearest> all;
        for (std::size_t i = 0; i < samples.size(); ++i) {
            double own = kNone, other = kNone;
            for (std::size_t j = 0; j < samples.size(); ++j) {
                double& nearest = samples[i].name == samples[j].name ? own : other;
                if (i != j) nearest = std::min(nearest, detail::euclidean(samples[i].embedding, samples[j].embedding));
            }
            if (own < kNone && other < kNone) all.insert(all.end(), {{own, true}, {other, false}});
        }
        constexpr std::size_t kFewest = 10;
        if (all.size() < 2 * kFewest) return std::nullopt;
        std::sort(all.begin(), all.end(), [](const Nearest& a, const Nearest& b) { return a.distance < b.distance; });
        // Below all of them, each person's own are mistaken; going up, an own one mends a mistake and another's makes one.
        std::ptrdiff_t mistakes = static_cast<std::ptrdiff_t>(all.size() / 2), fewest = mistakes;
        double best = all.front().distance, widest = 0;
        for (std::size_t i = 0; i + 1 < all.size(); ++i) {
            mistakes += all[i].own ? -1 : 1;
            const double gap = all[i + 1].distance - all[i].distance;
            if (!(gap > 0)) continue;  // no distance lies between the two
            if (mistakes < fewest || (mistakes == fewest && gap > widest)) {
                fewest = mistakes;
                widest = gap;
                best = all[i].distance + gap / 2;
            }
        }
        return best;
    });
}

}  // namespace v0_1
}  // namespace ffr
