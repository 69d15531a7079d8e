#pragma once
/// \file
/// The linear support vector machine: vectors and class numbers in; for a new vector, the probability of each class
/// out.
///
///     n vectors of d floats, n class numbers 0..k-1 --> k(k-1)/2 planes;   a vector of d floats --> k probabilities
///
///     two classes             every pair of classes        a margin as a probability      all pairs together
///
///        o  o | x  x            a|b  a|c  b|c                1 |      ___
///       o   o |  x    ->        plane for each,      ->        |   __/           ->       p(a), p(b), p(c)
///        o    | x  x            k(k-1)/2 of them             0 |__/                       with the sum 1
///      widest gap: smo.hpp      LinearSvm::pairs             PlattScale: PlattFit         couple_pairs
///
/// The steps, and where they come from:
///   1. The plane with the widest gap, by sequential minimal optimisation (SMO): smo.hpp, to be read first.
///   2. Its margin (how far a vector lies from the plane, and on which side) as a probability: Platt 1999 in the stable
///      form of Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs for support vector machines", on margins
///      of samples that the plane wasn't trained on.
///   3. One probability a class: the second method of Wu, Lin & Weng 2004, "Probability estimates for multi-class
///      classification by pairwise coupling".
/// The formulation and its constants are those of libsvm's C-SVC (Chang & Lin 2011), so decision values agree with it;
/// but where libsvm draws the folds of step 2 by chance, here the same samples always give the same model.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "smo.hpp"

namespace ffr {
inline namespace v0_1 {

/// A plane between two classes: f(x) = w.x + b is above 0 on the side of the first class and -1..1 within the margin.
struct LinearDecision {
    std::vector<double> weights;  ///< w: the plane's normal, a number for each of a sample's
    double bias = 0;              ///< b

    /// f(x). \param x  weights.size() floats
    double operator()(const float* x) const {
        double sum = bias;
        for (std::size_t d = 0; d < weights.size(); ++d) sum += weights[d] * double{x[d]};
        return sum;
    }
};

/// A decision value as the probability of the pair's first class: 1 / (1 + exp(a f + b)); a is mostly negative.
struct PlattScale {
    /// Slope: the further below 0, the surer a decision value is.
    double a = -2;
    /// Shift: at a decision value of -b / a the classes are equally probable.
    double b = 0;
    /// False when there were too few samples for a fit and a and b are the fixed -2 and 0.
    bool calibrated = false;

    /// A probability in 1e-7 .. 1 - 1e-7: no pair of classes is ever quite sure.
    double operator()(double decision_value) const {
        constexpr double kLeast = 1e-7;
        return std::clamp(1 / (1 + std::exp(a * decision_value + b)), kLeast, 1 - kLeast);
    }
};

/// What tells two classes apart.
struct PairClassifier {
    LinearDecision decision;  ///< on which side of the plane a sample lies
    PlattScale platt;         ///< how sure that is
};

/// How to train.
struct SvmOptions {
    /// C of the C-SVC: what a sample on the wrong side of its margin costs. Larger bends more to single samples.
    double cost = 1;
    /// The cost in a pair where one class has a single sample, so that nothing can be cross-validated. At a cost of 1
    /// that sample weighs too little to be on its own side of the plane where the other class has several and faces are
    /// some 0.8 apart; and PlattScale's fixed values suppose that samples lie on their margin.
    double single_sample_cost = 100;
    /// Training stops when the optimality conditions are violated by less than this, in units of decision values.
    double tolerance = 1e-3;
};

namespace detail {

/// Fits PlattScale to decision values: the a and b with the least cross entropy between the probabilities and the
/// labels, which are drawn in a little from 1 and 0 as if each class had one more sample on either side.
class PlattFit {
  public:
    /// \param labels  +1 or -1 a decision value; at least one of them
    PlattFit(const std::vector<double>& decision_values, const std::vector<double>& labels) : values_(decision_values) {
        double positive = 0, negative = 0;
        for (const double y : labels) (y > 0 ? positive : negative) += 1;
        const double high = (positive + 1) / (positive + 2), low = 1 / (negative + 2);
        for (const double y : labels) targets_.push_back(y > 0 ? high : low);
        b_ = std::log((negative + 1) / (positive + 1));
    }

    /// Newton's method; each step is halved until it's good enough. Ends where the slope is flat, where no step helps,
    /// or after 100 steps.
    PlattScale fit() {
        constexpr double kFlat = 1e-5, kLeastStep = 1e-10, kSufficient = 1e-4;
        double entropy = cross_entropy(a_, b_);
        for (int iteration = 0; iteration < 100; ++iteration) {
            const Slopes s = slopes();
            if (std::fabs(s.a) < kFlat && std::fabs(s.b) < kFlat) break;
            const double determinant = s.aa * s.bb - s.ab * s.ab;
            const double step_a = -(s.bb * s.a - s.ab * s.b) / determinant;
            const double step_b = -(s.aa * s.b - s.ab * s.a) / determinant;
            const double descent = s.a * step_a + s.b * step_b;
            double scale = 1;
            for (; scale >= kLeastStep; scale /= 2) {
                const double next = cross_entropy(a_ + scale * step_a, b_ + scale * step_b);
                if (!(next < entropy + kSufficient * scale * descent)) continue;
                a_ += scale * step_a;
                b_ += scale * step_b;
                entropy = next;
                break;
            }
            if (scale < kLeastStep) break;
        }
        return {a_, b_, true};
    }

  private:
    /// First and second derivatives of the cross entropy by a and b.
    struct Slopes {
        double a = 0, b = 0;
        double aa = 1e-12, bb = 1e-12, ab = 0;  // 1e-12 keeps the matrix invertible
    };

    // With z = a f + b, p = 1 / (1 + exp(z)) and target t: -t log p - (1 - t) log(1 - p), written so that exp never
    // overflows and no logarithm is taken of a number near 0.
    double cross_entropy(double a, double b) const {
        double sum = 0;
        for (std::size_t i = 0; i < values_.size(); ++i) {
            const double z = a * values_[i] + b;
            sum += z >= 0 ? targets_[i] * z + std::log(1 + std::exp(-z))
                          : (targets_[i] - 1) * z + std::log(1 + std::exp(z));
        }
        return sum;
    }

    Slopes slopes() const {
        Slopes s;
        for (std::size_t i = 0; i < values_.size(); ++i) {
            const double f = values_[i], z = a_ * f + b_;
            const double e = std::exp(-std::fabs(z));
            const double p = (z >= 0 ? e : 1) / (1 + e);
            const double curvature = e / ((1 + e) * (1 + e));
            s.a += f * (targets_[i] - p);
            s.b += targets_[i] - p;
            s.aa += f * f * curvature;
            s.ab += f * curvature;
            s.bb += curvature;
        }
        return s;
    }

    const std::vector<double>& values_;
    std::vector<double> targets_;
    double a_ = 0;
    double b_ = 0;
};

/// Decision value of each sample from a plane that it had no part in: the i-th sample of either class is in fold
/// i mod `folds`, and each fold is judged by what was trained on the others.
inline std::vector<double> cross_validated_values(GramMatrix& gram, const std::vector<double>& labels,
                                                  std::size_t folds, const SvmOptions& options) {
    std::vector<std::size_t> fold_of;
    std::size_t seen_positive = 0, seen_negative = 0;
    for (const double y : labels) fold_of.push_back((y > 0 ? seen_positive++ : seen_negative++) % folds);

    std::vector<double> values(labels.size());
    for (std::size_t fold = 0; fold < folds; ++fold) {
        std::vector<double> costs(labels.size(), options.cost);
        for (std::size_t t = 0; t < labels.size(); ++t) {
            if (fold_of[t] == fold) costs[t] = 0;
        }
        SmoSolver solver(gram, labels, costs);
        solver.solve(options.tolerance);
        const std::vector<double> all = solver.decision_values();
        for (std::size_t t = 0; t < labels.size(); ++t) {
            if (fold_of[t] == fold) values[t] = all[t];
        }
    }
    return values;
}

/// Two classes, trained and calibrated. The cross validation has 5 folds, or as many as the smaller class has samples;
/// with a single sample there's nothing to validate with, and the scale stays at its fixed values.
inline PairClassifier train_pair(const std::vector<VectorView>& positive, const std::vector<VectorView>& negative,
                                 const SvmOptions& options) {
    std::vector<VectorView> samples = positive;
    samples.insert(samples.end(), negative.begin(), negative.end());
    std::vector<double> labels(positive.size(), 1.0);
    labels.resize(samples.size(), -1.0);

    GramMatrix gram(samples);
    const std::size_t folds = std::min<std::size_t>({5, positive.size(), negative.size()});
    const double cost = folds >= 2 ? options.cost : options.single_sample_cost;
    const std::vector<double> costs(samples.size(), cost);
    SmoSolver solver(gram, labels, costs);
    solver.solve(options.tolerance);

    PairClassifier pair;
    pair.decision.bias = solver.bias();
    pair.decision.weights.resize(samples.front().size, 0.0);
    for (std::size_t t = 0; t < samples.size(); ++t) {
        const double coefficient = solver.coefficient(t);
        for (std::size_t d = 0; d < samples[t].size; ++d) {
            pair.decision.weights[d] += coefficient * double{samples[t].data[d]};
        }
    }
    if (folds >= 2) pair.platt = PlattFit(cross_validated_values(gram, labels, folds, options), labels).fit();
    return pair;
}

/// From the probabilities of the pairs to those of the classes: the p on the simplex with the least sum over pairs of
/// (r_ba p_a - r_ab p_b)^2, where r_ab is the probability of a if it's a or b.
///
/// With Q_aa = sum_b r_ba^2 and Q_ab = -r_ba r_ab that's the p with (Q p)_a = p.Q p for every a. Each sweep goes
/// through the classes, solves for one p_a and scales p back to the sum 1; Q p and p.Q p are kept up to date on the
/// way. \param r  r_ab at [a * k + b]; the diagonal isn't read
inline std::vector<double> couple_pairs(const std::vector<double>& r, std::size_t k) {
    std::vector<double> q(k * k, 0.0), p(k, 1 / static_cast<double>(k)), qp(k);
    for (std::size_t a = 0; a < k; ++a) {
        for (std::size_t b = 0; b < k; ++b) {
            if (a == b) continue;
            q[a * k + a] += r[b * k + a] * r[b * k + a];
            q[a * k + b] = -r[b * k + a] * r[a * k + b];
        }
    }
    const double tolerance = 0.005 / static_cast<double>(k);
    for (std::size_t sweep = 0; sweep < std::max<std::size_t>(100, k); ++sweep) {
        double pqp = 0, largest_residual = 0;
        for (std::size_t a = 0; a < k; ++a) {
            qp[a] = 0;
            for (std::size_t b = 0; b < k; ++b) qp[a] += q[a * k + b] * p[b];
            pqp += p[a] * qp[a];
        }
        // Where decision values overflowed, these are NaN and lost to std::max: p stays what it is.
        for (const double value : qp) largest_residual = std::max(largest_residual, std::fabs(value - pqp));
        if (largest_residual < tolerance) break;
        for (std::size_t a = 0; a < k; ++a) {
            const double change = (pqp - qp[a]) / q[a * k + a], sum = 1 + change;
            p[a] += change;
            pqp = (pqp + change * (change * q[a * k + a] + 2 * qp[a])) / (sum * sum);
            for (std::size_t b = 0; b < k; ++b) {
                qp[b] = (qp[b] + change * q[a * k + b]) / sum;
                p[b] /= sum;
            }
        }
    }
    return p;
}

/// Refuses samples and labels that nothing can be learned from. \throws InvalidArgument saying which and why
inline void require_trainable(const std::vector<VectorView>& samples, const std::vector<int>& labels, int class_count,
                              const SvmOptions& options) {
    if (samples.empty()) throw InvalidArgument("there are no samples to train on");
    if (labels.size() != samples.size()) {
        throw InvalidArgument(std::to_string(samples.size()) + " samples need as many labels, not " +
                              std::to_string(labels.size()));
    }
    if (class_count < 2) {
        throw InvalidArgument("training needs at least two classes, not " + std::to_string(class_count));
    }
    if (samples[0].size == 0) throw InvalidArgument("samples need at least one value");
    const auto positive = [](double value) { return value > 0 && std::isfinite(value); };
    if (!positive(options.cost) || !positive(options.single_sample_cost)) {
        throw InvalidArgument("the cost has to be above 0 and finite");
    }
    if (!positive(options.tolerance)) throw InvalidArgument("the tolerance has to be above 0 and finite");

    // More classes than samples is an error too, and a count from the caller isn't a size to allocate before that's
    // known.
    const auto classes = static_cast<std::size_t>(class_count);
    std::vector<bool> has_sample(std::min(classes, samples.size() + 1), false);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::string what = "sample " + std::to_string(i);
        if (samples[i].size != samples[0].size) {
            throw InvalidArgument(what + " has " + std::to_string(samples[i].size) + " values, sample 0 has " +
                                  std::to_string(samples[0].size));
        }
        const float* const x = samples[i].data;
        if (!std::all_of(x, x + samples[i].size, [](float value) { return std::isfinite(value); })) {
            throw InvalidArgument(what + " has a value that isn't finite");
        }
        if (labels[i] < 0 || labels[i] >= class_count) {
            throw InvalidArgument(what + " has label " + std::to_string(labels[i]) + ", not one of 0 to " +
                                  std::to_string(class_count - 1));
        }
        const auto label = static_cast<std::size_t>(labels[i]);
        if (label < has_sample.size()) has_sample[label] = true;
    }
    const auto missing = std::find(has_sample.begin(), has_sample.end(), false);
    if (missing != has_sample.end()) {
        throw InvalidArgument("class " + std::to_string(missing - has_sample.begin()) + " has no sample");
    }
}

}  // namespace detail

/// A linear SVM for two or more classes: a plane and a scale for each pair of them.
struct LinearSvm {
    /// Number of classes.
    std::size_t class_count = 0;
    /// Values of a sample.
    std::size_t dimension = 0;
    /// Pairs (0, 1), (0, 2), ..., (0, k - 1), (1, 2), ..., (k - 2, k - 1); the first of a pair is its positive side.
    std::vector<PairClassifier> pairs;

    /// f(x) of each pair, in their order; above 0 for the pair's first class.
    /// \throws InvalidArgument when x doesn't have `dimension` values. Thread-safe.
    std::vector<double> decision_values(VectorView x) const {
        return detail::with_default_floats([&] {
            if (x.size != dimension) {
                throw InvalidArgument("the SVM knows vectors of " + std::to_string(dimension) + " values, not " +
                                      std::to_string(x.size));
            }
            std::vector<double> values;
            values.reserve(pairs.size());
            for (const PairClassifier& pair : pairs) values.push_back(pair.decision(x.data));
            return values;
        });
    }

    /// Probability of each class; their sum is 1. One class alone has 1, without classes there's nothing.
    ///
    /// They are shares among the known classes: for a vector that belongs to none of them, they still sum to 1.
    /// \throws InvalidArgument as decision_values does
    /// Cost: k(k-1)/2 inner products for k classes, and a few sweeps over k x k numbers: 4 us for 10 classes of 128
    /// values, 0.4 ms for 100. Thread-safe.
    std::vector<double> probabilities(VectorView x) const {
        return detail::with_default_floats([&] {
            const std::vector<double> values = decision_values(x);
            std::vector<double> r(class_count * class_count, 0.0);
            std::size_t pair = 0;
            for (std::size_t a = 0; a < class_count; ++a) {
                for (std::size_t b = a + 1; b < class_count; ++b, ++pair) {
                    r[a * class_count + b] = pairs[pair].platt(values[pair]);
                    r[b * class_count + a] = 1 - r[a * class_count + b];
                }
            }
            return detail::couple_pairs(r, class_count);
        });
    }
};

/// Trains a linear SVM, one plane for each pair of classes.
///
/// \param samples      vectors of one dimension: std::vector<float>, std::array<float, N> or VectorView
/// \param labels       class of each sample, 0 .. class_count - 1
/// \param class_count  at least 2; each class needs a sample
/// \throws InvalidArgument for no samples, labels that don't fit, different dimensions, values that aren't finite, a
/// class without a sample, fewer than two classes, or options that aren't above 0
/// Depends on nothing but its arguments: no chance, no threads.
/// Cost: grows with the square of the number of classes; for 10 samples a class of 128 values, 2.5 ms for 10 classes
/// and 0.3 s for 100. The model takes 8 bytes x dimension x pairs. While it trains, a pair takes up to 256 MB.
template <typename Sample>
LinearSvm train_linear_svm(const std::vector<Sample>& samples, const std::vector<int>& labels, int class_count,
                           const SvmOptions& options = {}) {
    return detail::with_default_floats([&] {
        const std::vector<VectorView> views(samples.begin(), samples.end());
        detail::require_trainable(views, labels, class_count, options);

        LinearSvm svm;
        svm.class_count = static_cast<std::size_t>(class_count);
        svm.dimension = views.front().size;
        std::vector<std::vector<VectorView>> classes(svm.class_count);
        for (std::size_t i = 0; i < views.size(); ++i) classes[static_cast<std::size_t>(labels[i])].push_back(views[i]);
        for (std::size_t a = 0; a < svm.class_count; ++a) {
            for (std::size_t b = a + 1; b < svm.class_count; ++b) {
                svm.pairs.push_back(detail::train_pair(classes[a], classes[b], options));
            }
        }
        return svm;
    });
}

}  // namespace v0_1
}  // namespace ffr
