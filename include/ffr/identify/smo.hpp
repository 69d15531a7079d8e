#pragma once
/// \file
/// Sequential minimal optimisation: finds the plane with the widest gap between two classes by moving two samples at a
/// time.
///
///     n samples of d numbers, n labels +1 or -1  -->  n weights alpha and the bias b  -->  the plane w.x + b = 0
///
///        o  o | x  x        Each sample pulls the plane its way with a weight alpha, 0..C. Only those next to the gap
///       o   o |  x          keep one: the support vectors.
///        o    | x  x
///
/// Papers: Platt 1998 (the idea); Fan, Chen & Lin 2005, "Working set selection using second order information for
/// training support vector machines" (which two samples); Chang & Lin 2011, libsvm (the formulation, whose decision
/// values these agree with).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "../base/ieee.hpp"

namespace ffr {
inline namespace v0_1 {

/// A look at somebody else's vector of floats; valid as long as that isn't moved or changed in size.
struct VectorView {
    const float* data = nullptr;  ///< the first number
    std::size_t size = 0;         ///< how many they are

    /// `count` floats from `first` on.
    VectorView(const float* first, std::size_t count) : data(first), size(count) {}
    /// All of a vector.
    VectorView(const std::vector<float>& values) : data(values.data()), size(values.size()) {}
    /// All of an array, such as an Embedding.
    template <std::size_t N>
    VectorView(const std::array<float, N>& values) : data(values.data()), size(N) {}
};

namespace detail {

inline double dot(VectorView a, VectorView b) {
    double sum = 0;
    for (std::size_t d = 0; d < a.size; ++d) sum += double{a.data[d]} * double{b.data[d]};
    return sum;
}

/// Inner products of all pairs of samples, a row computed when it's first asked for. When the rows would take more than
/// `max_bytes`, the one that wasn't used for longest makes room.
class GramMatrix {
  public:
    explicit GramMatrix(std::vector<VectorView> samples, std::size_t max_bytes = std::size_t{256} << 20)
        : samples_(std::move(samples)), rows_(samples_.size()), last_use_(samples_.size(), 0) {
        const std::size_t row_bytes = std::max<std::size_t>(samples_.size(), 1) * sizeof(double);
        max_rows_ = std::max<std::size_t>(max_bytes / row_bytes, 2);
        for (const VectorView& x : samples_) diagonal_.push_back(dot(x, x));
    }

    std::size_t size() const { return samples_.size(); }
    double diagonal(std::size_t i) const { return diagonal_[i]; }

    /// Row i; valid until two other rows were asked for.
    const double* row(std::size_t i) {
        if (rows_[i].empty()) compute(i);
        last_use_[i] = ++clock_;
        return rows_[i].data();
    }

  private:
    void compute(std::size_t i) {
        std::vector<double> values;
        if (row_count_ < max_rows_)
            ++row_count_;
        else
            values.swap(rows_[least_recent()]);
        values.resize(size());
        for (std::size_t j = 0; j < size(); ++j) values[j] = dot(samples_[i], samples_[j]);
        rows_[i] = std::move(values);
    }

    std::size_t least_recent() const {
        std::size_t oldest = size();
        for (std::size_t i = 0; i < size(); ++i) {
            if (!rows_[i].empty() && (oldest == size() || last_use_[i] < last_use_[oldest])) oldest = i;
        }
        return oldest;
    }

    std::vector<VectorView> samples_;
    std::vector<double> diagonal_;
    std::vector<std::vector<double>> rows_;
    std::vector<std::uint64_t> last_use_;
    std::uint64_t clock_ = 0;
    std::size_t row_count_ = 0;
    std::size_t max_rows_;
};

/// Finds the widest gap between two classes.
///
/// Wanted are w and b with the least 1/2 |w|^2 + C sum_t max(0, 1 - y_t (w.x_t + b)), y_t = +1 or -1. In the dual,
/// w = sum_t y_t alpha_t x_t with 0 <= alpha_t <= C and sum_t y_t alpha_t = 0. The quantity to watch is
///
///     pull_t = y_t - w.x_t,     the bias with which sample t would lie exactly on its margin.
///
/// A sample may "rise" if y_t alpha_t can grow: then the bias should be at least pull_t. It may "fall" if y_t alpha_t
/// can shrink: then the bias should be at most pull_t. Done, when some bias suits them all; until then a sample i that
/// may rise pulls higher than some j that may fall, and moving the same amount of y alpha from j to i is progress.
class SmoSolver {
  public:
    /// \param labels  +1 or -1 a sample
    /// \param costs   upper limit of alpha a sample; 0 keeps a sample out of training
    SmoSolver(GramMatrix& gram, const std::vector<double>& labels, const std::vector<double>& costs)
        : gram_(gram), labels_(labels), costs_(costs), alphas_(labels.size(), 0.0), pulls_(labels) {}

    /// Moves until the highest pull upwards is less than `tolerance` above the lowest pull downwards. Like libsvm,
    /// gives up after ten million moves (more for very many samples) and is content with what it has.
    void solve(double tolerance) {
        const std::size_t limit = std::max<std::size_t>(10'000'000, 100 * labels_.size());
        for (std::size_t moves = 0; moves < limit; ++moves) {
            const std::size_t i = highest_riser();
            if (i == kNone || pulls_[i] - lowest_falling_pull() < tolerance) return;
            const std::size_t j = best_partner(i);
            if (j == kNone) return;
            move(i, j);
        }
    }

    /// The bias that suits all samples best: where those strictly within their limits agree on it, or halfway between
    /// the highest pull upwards and the lowest downwards.
    double bias() const {
        double sum = 0, highest = -kInfinity, lowest = kInfinity;
        std::size_t count = 0;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            if (may_rise(t)) highest = std::max(highest, pulls_[t]);
            if (may_fall(t)) lowest = std::min(lowest, pulls_[t]);
            if (may_rise(t) && may_fall(t)) {
                sum += pulls_[t];
                ++count;
            }
        }
        return count > 0 ? sum / static_cast<double>(count) : (highest + lowest) / 2;
    }

    /// w.x_t + bias() of each sample, also of those kept out.
    std::vector<double> decision_values() const {
        const double b = bias();
        std::vector<double> values(labels_.size());
        for (std::size_t t = 0; t < values.size(); ++t) values[t] = labels_[t] - pulls_[t] + b;
        return values;
    }

    /// y_t alpha_t: how much of each sample is in w.
    double coefficient(std::size_t t) const { return labels_[t] * alphas_[t]; }

  private:
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    static constexpr double kInfinity = std::numeric_limits<double>::infinity();

    bool may_rise(std::size_t t) const { return labels_[t] > 0 ? alphas_[t] < costs_[t] : alphas_[t] > 0; }
    bool may_fall(std::size_t t) const { return labels_[t] > 0 ? alphas_[t] > 0 : alphas_[t] < costs_[t]; }

    /// |x_i - x_j|^2, kept above 0 for the division: two equal samples would move without end.
    double squared_distance(std::size_t i, std::size_t j, const double* row_i) const {
        const double squared = gram_.diagonal(i) + gram_.diagonal(j) - 2 * row_i[j];
        return squared > 0 ? squared : 1e-12;
    }

    // Of equal pulls the last sample is taken, here and in best_partner: libsvm's order.
    std::size_t highest_riser() const {
        std::size_t highest = kNone;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            if (may_rise(t) && (highest == kNone || pulls_[t] >= pulls_[highest])) highest = t;
        }
        return highest;
    }

    double lowest_falling_pull() const {
        double lowest = kInfinity;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            if (may_fall(t)) lowest = std::min(lowest, pulls_[t]);
        }
        return lowest;
    }

    /// The second-order selection: the j with which the dual's objective would fall most, were there no limits, which
    /// is by (pull_i - pull_j)^2 / (2 |x_i - x_j|^2).
    std::size_t best_partner(std::size_t i) {
        const double* const row_i = gram_.row(i);
        std::size_t best = kNone;
        double best_gain = 0;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            const double difference = pulls_[i] - pulls_[t];
            if (!may_fall(t) || difference <= 0) continue;
            const double gain = difference * difference / squared_distance(i, t, row_i);
            if (gain >= best_gain) {
                best = t;
                best_gain = gain;
            }
        }
        return best;
    }

    /// Takes as much of y alpha from j to i as makes their pulls equal, or as their limits allow.
    void move(std::size_t i, std::size_t j) {
        const double* const row_i = gram_.row(i);
        const double* const row_j = gram_.row(j);
        const double room_i = labels_[i] > 0 ? costs_[i] - alphas_[i] : alphas_[i];
        const double room_j = labels_[j] > 0 ? alphas_[j] : costs_[j] - alphas_[j];
        const double wanted = (pulls_[i] - pulls_[j]) / squared_distance(i, j, row_i);
        const double step = std::min({wanted, room_i, room_j});
        // A sample that has used its room is put on the limit itself: a sum could end a rounding beside it.
        alphas_[i] = step < room_i ? alphas_[i] + labels_[i] * step : (labels_[i] > 0 ? costs_[i] : 0);
        alphas_[j] = step < room_j ? alphas_[j] - labels_[j] * step : (labels_[j] > 0 ? 0 : costs_[j]);
        for (std::size_t t = 0; t < labels_.size(); ++t) pulls_[t] -= step * (row_i[t] - row_j[t]);
    }

    GramMatrix& gram_;
    const std::vector<double>& labels_;
    const std::vector<double>& costs_;
    std::vector<double> alphas_;
    std::vector<double> pulls_;
};

}  // namespace detail

}  // namespace v0_1
}  // namespace ffr
