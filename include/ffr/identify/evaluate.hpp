#pragma once
/// \file
/// How good are embeddings? Two experiments with known answers.
///
///     verification    pairs of faces: the same person or not?     -> accuracy over ten folds, ROC curve
///     identification  some people's faces, a tenth held out: who? -> accuracy, and how it falls with more people
///
/// Verification follows the restricted protocol of Labeled Faces in the Wild (Huang, Ramesh, Berg & Learned-Miller
/// 2007) as OpenFace ran it (Amos, Ludwiczuk & Satyanarayanan 2016): squared distances, the pairs in ten parts
/// ("folds"), and for each the threshold that did best on the others. The ROC curve tells, for every threshold, how
/// many pairs of one person are known as such and how many of two people are taken for one. Identification is
/// OpenFace's own experiment with the people that have most pictures.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../embed/embedding.hpp"
#include "identify.hpp"

namespace ffr {
inline namespace v0_1 {

/// Two faces of which it's known whether they're one person's.
struct VerificationPair {
    double squared_distance = 0;  ///< of their embeddings
    bool same = false;            ///< true when they're one person's
    std::size_t fold = 0;         ///< the part of the experiment that the pair belongs to, from 0
};

/// What became of the pairs of a fold at a threshold: a pair nearer than that counts as the same person.
struct RocPoint {
    double threshold = 0;             ///< of the squared distance
    std::size_t true_positives = 0;   ///< pairs of one person that were taken for that
    std::size_t true_negatives = 0;   ///< pairs of two people that were taken for that
    std::size_t false_positives = 0;  ///< pairs of two people that were taken for one
    std::size_t false_negatives = 0;  ///< pairs of one person that were taken for two

    /// Share of the pairs of one person that were taken for that; 0 when there's none.
    double true_positive_rate() const { return share(true_positives, false_negatives); }
    /// Share of the pairs of two people that were taken for one; 0 when there's none.
    double false_positive_rate() const { return share(false_positives, true_negatives); }
    /// Share of the pairs that were judged right.
    double accuracy() const { return share(true_positives + true_negatives, false_positives + false_negatives); }

  private:
    static double share(std::size_t part, std::size_t rest) {
        return part + rest == 0 ? 0 : static_cast<double>(part) / static_cast<double>(part + rest);
    }
};

/// A fold's result: the threshold that the other folds chose, the accuracy with it here, and all thresholds.
struct VerificationFold {
    double threshold = 0;       ///< of the squared distance: the best one for the pairs of all other folds
    double accuracy = 0;        ///< share of this fold's pairs that it judges right
    std::vector<RocPoint> roc;  ///< kVerificationThresholds points, by rising threshold
};

/// A point of a curve over the false positive rate.
struct CurvePoint {
    double false_positive_rate = 0;  ///< share of the pairs of two people that are taken for one, 0 to 1
    double true_positive_rate = 0;   ///< share of the pairs of one person that are taken for that, 0 to 1
};

/// The result of a verification experiment.
struct Verification {
    std::vector<VerificationFold> folds;  ///< as the pairs number them
    double mean_accuracy = 0;             ///< over the folds
    double accuracy_deviation = 0;        ///< standard deviation over the folds (divided by their number)
    std::vector<CurvePoint> mean_roc;     ///< at 1000 false positive rates from 0 to 1, averaged over the folds
    double area_under_curve = 0;          ///< of mean_roc, by the trapezoid rule: 1 is perfect, 0.5 is chance
    double equal_error_rate = 0;          ///< where mean_roc has as many false positives as false negatives
};

/// Thresholds that verify() tries: 0.00, 0.01, ..., 3.99.
constexpr std::size_t kVerificationThresholds = 400;

namespace detail {

inline double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Standard deviation, divided by the number of values.
inline double deviation_of(const std::vector<double>& values) {
    const double mean = mean_of(values);
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return std::sqrt(squares / static_cast<double>(values.size()));
}

/// No counts yet, at each threshold.
inline std::vector<RocPoint> empty_roc() {
    std::vector<RocPoint> roc(kVerificationThresholds);
    for (std::size_t i = 0; i < roc.size(); ++i) roc[i].threshold = static_cast<double>(i) / 100;
    return roc;
}

/// Counts a pair at each threshold.
inline void count_pair(const VerificationPair& pair, std::vector<RocPoint>& roc) {
    for (RocPoint& point : roc) {
        const bool taken_for_same = pair.squared_distance < point.threshold;
        if (pair.same) {
            ++(taken_for_same ? point.true_positives : point.false_negatives);
        } else {
            ++(taken_for_same ? point.false_positives : point.true_negatives);
        }
    }
}

/// The threshold with the best accuracy over all folds but one; of equal ones the largest.
inline std::size_t best_threshold(const std::vector<VerificationFold>& folds, std::size_t left_out) {
    std::size_t best = 0, best_right = 0;
    for (std::size_t i = 0; i < kVerificationThresholds; ++i) {
        std::size_t right = 0;
        for (std::size_t fold = 0; fold < folds.size(); ++fold) {
            const RocPoint& point = folds[fold].roc[i];
            if (fold != left_out) right += point.true_positives + point.true_negatives;
        }
        if (right < best_right) continue;
        best = i;
        best_right = right;
    }
    return best;
}

/// A fold's curve at a false positive rate: straight between its points, from (0, 0) to (1, 1); where it rises straight
/// up, the upper end.
inline double true_positives_at(const std::vector<RocPoint>& roc, double false_positive_rate) {
    CurvePoint before;
    for (std::size_t i = 0; i <= roc.size(); ++i) {
        const CurvePoint here =
            i < roc.size() ? CurvePoint{roc[i].false_positive_rate(), roc[i].true_positive_rate()} : CurvePoint{1, 1};
        if (here.false_positive_rate > false_positive_rate) {
            const double way = (false_positive_rate - before.false_positive_rate) /
                               (here.false_positive_rate - before.false_positive_rate);
            return before.true_positive_rate + way * (here.true_positive_rate - before.true_positive_rate);
        }
        before = here;
    }
    return before.true_positive_rate;
}

inline std::vector<CurvePoint> mean_roc(const std::vector<VerificationFold>& folds) {
    constexpr std::size_t kPoints = 1000;
    std::vector<CurvePoint> curve(kPoints);
    for (std::size_t i = 0; i < kPoints; ++i) {
        curve[i].false_positive_rate = static_cast<double>(i) / static_cast<double>(kPoints - 1);
        for (const VerificationFold& fold : folds) {
            curve[i].true_positive_rate += true_positives_at(fold.roc, curve[i].false_positive_rate);
        }
        curve[i].true_positive_rate /= static_cast<double>(folds.size());
    }
    return curve;
}

inline double area_under(const std::vector<CurvePoint>& curve) {
    double area = 0;
    for (std::size_t i = 1; i < curve.size(); ++i) {
        area += (curve[i].false_positive_rate - curve[i - 1].false_positive_rate) *
                (curve[i].true_positive_rate + curve[i - 1].true_positive_rate) / 2;
    }
    return area;
}

/// Where the curve meets the line on which false positives and false negatives are equally frequent.
inline double equal_error_rate(const std::vector<CurvePoint>& curve) {
    const auto surplus = [](const CurvePoint& p) { return p.false_positive_rate - (1 - p.true_positive_rate); };
    for (std::size_t i = 1; i < curve.size(); ++i) {
        const double before = surplus(curve[i - 1]), here = surplus(curve[i]);
        if (here < 0) continue;
        if (before >= 0) return curve[i - 1].false_positive_rate;
        const double way = before / (before - here);
        return curve[i - 1].false_positive_rate +
               way * (curve[i].false_positive_rate - curve[i - 1].false_positive_rate);
    }
    return 1;
}

}  // namespace detail

/// Runs the verification protocol.
/// \param pairs  in two or more folds, numbered from 0 without a gap; each fold needs a pair of each kind
/// \throws InvalidArgument when a fold lacks one, or a distance isn't finite and at least 0
/// Cost: 400 comparisons a pair; 5 ms for 6000 pairs in 10 folds.
inline Verification verify(const std::vector<VerificationPair>& pairs) {
    return detail::with_default_floats([&] {
        std::map<std::size_t, std::pair<std::size_t, std::size_t>> kinds;
        for (const VerificationPair& pair : pairs) {
            if (!(pair.squared_distance >= 0) || !std::isfinite(pair.squared_distance)) {
                throw InvalidArgument("a squared distance has to be finite and at least 0");
            }
            ++(pair.same ? kinds[pair.fold].first : kinds[pair.fold].second);
        }
        if (kinds.size() < 2) throw InvalidArgument("verification needs pairs in at least two folds");
        for (std::size_t fold = 0; fold < kinds.size(); ++fold) {
            const auto found = kinds.find(fold);
            if (found == kinds.end() || found->second.first == 0 || found->second.second == 0) {
                throw InvalidArgument("fold " + std::to_string(fold) + " needs pairs of one person and pairs of two");
            }
        }
        Verification result;
        result.folds.assign(kinds.size(), {0, 0, detail::empty_roc()});
        for (const VerificationPair& pair : pairs) detail::count_pair(pair, result.folds[pair.fold].roc);
        std::vector<double> accuracies;
        for (std::size_t fold = 0; fold < kinds.size(); ++fold) {
            const RocPoint& chosen = result.folds[fold].roc[detail::best_threshold(result.folds, fold)];
            result.folds[fold].threshold = chosen.threshold;
            result.folds[fold].accuracy = chosen.accuracy();
            accuracies.push_back(chosen.accuracy());
        }
        result.mean_accuracy = detail::mean_of(accuracies);
        result.accuracy_deviation = detail::deviation_of(accuracies);
        result.mean_roc = detail::mean_roc(result.folds);
        result.area_under_curve = detail::area_under(result.mean_roc);
        result.equal_error_rate = detail::equal_error_rate(result.mean_roc);
        return result;
    });
}

/// The result of naming held-out faces among some number of people. Means and deviations are over the repetitions.
struct Identification {
    std::size_t people = 0;         ///< among whom a face is named
    std::size_t faces = 0;          ///< of all these people
    double mean_accuracy = 0;       ///< share of the held-out faces that were named right
    double accuracy_deviation = 0;  ///< standard deviation of that (divided by the number of repetitions)
    double train_seconds = 0;       ///< for a training
    double predict_seconds = 0;     ///< for a face, from its embedding
};

/// How an identification experiment is run.
struct IdentificationOptions {
    std::size_t faces_each = 20;  ///< of each person, the first ones
    int repetitions = 10;         ///< each holds out another tenth of the faces
    std::uint32_t seed = 0;       ///< of the choice; with the same seed the same faces are held out everywhere
    SvmOptions svm;               ///< cost and tolerance of each training
};

namespace detail {

/// 0 .. count - 1 in an order that depends on nothing but the generator. (std::shuffle's depends on the library.)
inline std::vector<std::size_t> shuffled(std::size_t count, std::mt19937& random) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    return order;
}

/// The faces of the people who have most; of people with equally many, the first by name.
inline std::vector<LabelledEmbedding> faces_of_most_pictured(const std::vector<LabelledEmbedding>& samples,
                                                             std::size_t people, std::size_t faces_each) {
    std::map<std::string, std::vector<const LabelledEmbedding*>> by_name;
    for (const LabelledEmbedding& sample : samples) by_name[sample.name].push_back(&sample);
    using Person = const std::pair<const std::string, std::vector<const LabelledEmbedding*>>*;
    std::vector<Person> most;
    for (const auto& person : by_name) most.push_back(&person);
    std::sort(most.begin(), most.end(), [](Person a, Person b) {
        return a->second.size() != b->second.size() ? a->second.size() > b->second.size() : a->first < b->first;
    });
    std::vector<LabelledEmbedding> chosen;
    for (std::size_t person = 0; person < std::min(people, most.size()); ++person) {
        for (std::size_t i = 0; i < std::min(faces_each, most[person]->second.size()); ++i) {
            chosen.push_back(*most[person]->second[i]);
        }
    }
    return chosen;
}

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace detail

/// Holds out a tenth of the faces of the most pictured people, trains on the rest, and counts whose names come out
/// right, whatever the distance.
/// \param samples  embeddings with their names
/// \param people   how many of them take part, at least 2; all when there are fewer
/// \throws InvalidArgument for fewer than two people, fewer than ten faces in all, no repetition, or as
/// Identifier::train does
inline Identification identify_held_out(const std::vector<LabelledEmbedding>& samples, std::size_t people,
                                        const IdentificationOptions& options = {}) {
    return detail::with_default_floats([&] {
        const std::vector<LabelledEmbedding> faces =
            detail::faces_of_most_pictured(samples, people, options.faces_each);
        Identification result;
        for (std::size_t i = 0; i < faces.size(); ++i) {
            if (i == 0 || faces[i].name != faces[i - 1].name) ++result.people;
        }
        result.faces = faces.size();
        if (result.people < 2 || faces.size() < 10 || options.repetitions < 1) {
            throw InvalidArgument("identification needs two people, ten faces of them and a repetition");
        }
        const std::size_t held_out = (faces.size() + 9) / 10;
        IdentifyOptions anybody;
        anybody.max_distance = std::numeric_limits<double>::infinity();
        TrainOptions train;
        train.svm = options.svm;
        std::mt19937 random(options.seed);
        std::vector<double> accuracies, train_seconds, predict_seconds;
        for (int repetition = 0; repetition < options.repetitions; ++repetition) {
            const std::vector<std::size_t> order = detail::shuffled(faces.size(), random);
            std::vector<LabelledEmbedding> training;
            for (std::size_t i = held_out; i < order.size(); ++i) training.push_back(faces[order[i]]);
            const auto before_training = std::chrono::steady_clock::now();
            const Identifier identifier = Identifier::train(training, train);
            train_seconds.push_back(detail::seconds_since(before_training));
            const auto before_naming = std::chrono::steady_clock::now();
            std::size_t right = 0;
            for (std::size_t i = 0; i < held_out; ++i) {
                const LabelledEmbedding& face = faces[order[i]];
                if (identifier.identify(face.embedding, anybody).candidate == face.name) ++right;
            }
            predict_seconds.push_back(detail::seconds_since(before_naming) / static_cast<double>(held_out));
            accuracies.push_back(static_cast<double>(right) / static_cast<double>(held_out));
        }
        result.mean_accuracy = detail::mean_of(accuracies);
        result.accuracy_deviation = detail::deviation_of(accuracies);
        result.train_seconds = detail::mean_of(train_seconds);
        result.predict_seconds = detail::mean_of(predict_seconds);
        return result;
    });
}

}  // namespace v0_1
}  // namespace ffr
