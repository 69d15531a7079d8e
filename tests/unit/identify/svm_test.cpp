#include "ffr/identify/svm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace {

using Samples = std::vector<std::vector<float>>;

/// Numbers in -1..1, the same on every machine: std::mt19937 is fixed by the standard, its distributions aren't.
class Numbers {
  public:
    explicit Numbers(unsigned seed) : engine_(seed) {}
    float next() { return static_cast<float>(engine_() >> 8) / 8388608.0f - 1.0f; }

  private:
    std::mt19937 engine_;
};

struct Clusters {
    Samples samples;
    std::vector<int> labels;
};

/// `count` samples a class around random centres; `spread` of 1 makes the clusters as wide as the centres lie apart.
Clusters random_clusters(int classes, int count, std::size_t dimension, float spread, unsigned seed) {
    Numbers numbers(seed);
    Clusters clusters;
    for (int label = 0; label < classes; ++label) {
        std::vector<float> centre(dimension);
        for (float& value : centre) value = numbers.next();
        for (int i = 0; i < count; ++i) {
            std::vector<float> sample = centre;
            for (float& value : sample) value += spread * numbers.next();
            clusters.samples.push_back(sample);
            clusters.labels.push_back(label);
        }
    }
    return clusters;
}

std::size_t largest(const std::vector<double>& values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

bool same_bits(double a, double b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

bool same_bits(const ffr::LinearSvm& a, const ffr::LinearSvm& b) {
    bool same = a.pairs.size() == b.pairs.size();
    for (std::size_t i = 0; same && i < a.pairs.size(); ++i) {
        const ffr::PairClassifier &p = a.pairs[i], &q = b.pairs[i];
        same = same_bits(p.decision.bias, q.decision.bias) && same_bits(p.platt.a, q.platt.a) &&
               same_bits(p.platt.b, q.platt.b) && p.decision.weights.size() == q.decision.weights.size();
        for (std::size_t d = 0; same && d < p.decision.weights.size(); ++d) {
            same = same_bits(p.decision.weights[d], q.decision.weights[d]);
        }
    }
    return same;
}

/// What training minimises: 1/2 |w|^2 + C sum max(0, 1 - y f(x)), with class 0 positive.
double primal_objective(const ffr::LinearDecision& plane, const Clusters& data, double cost) {
    double objective = 0;
    for (const double w : plane.weights) objective += w * w / 2;
    for (std::size_t i = 0; i < data.samples.size(); ++i) {
        const double y = data.labels[i] == 0 ? 1 : -1;
        objective += cost * std::max(0.0, 1 - y * plane(data.samples[i].data()));
    }
    return objective;
}

}  // namespace

TEST_CASE("two points are separated halfway between them") {
    ffr::SvmOptions options;
    options.cost = 10;
    const ffr::LinearSvm svm = ffr::train_linear_svm(Samples{{1, 0}, {-1, 0}}, {0, 1}, 2, options);
    REQUIRE(svm.pairs.size() == 1);
    const ffr::LinearDecision& plane = svm.pairs[0].decision;
    CHECK(plane.weights[0] == doctest::Approx(1));
    CHECK(plane.weights[1] == doctest::Approx(0));
    CHECK(plane.bias == doctest::Approx(0));
}

TEST_CASE("only the points at the gap decide where the plane lies") {
    const Samples samples{{0, 1}, {1, 3}, {-2, 5}, {0, -1}, {3, -4}, {-1, -2}};
    const ffr::LinearSvm svm = ffr::train_linear_svm(samples, {0, 0, 0, 1, 1, 1}, 2);
    const ffr::LinearDecision& plane = svm.pairs[0].decision;
    CHECK(plane.weights[0] == doctest::Approx(0).epsilon(2e-3));
    CHECK(plane.weights[1] == doctest::Approx(1).epsilon(2e-3));
    CHECK(plane.bias == doctest::Approx(0).epsilon(2e-3));
}

TEST_CASE("a low cost limits how much a single point counts") {
    ffr::SvmOptions options;
    options.single_sample_cost = 0.1;
    const ffr::LinearSvm svm = ffr::train_linear_svm(Samples{{1, 0}, {-1, 0}}, {0, 1}, 2, options);
    CHECK(svm.pairs[0].decision.weights[0] == doctest::Approx(0.2));  // w = 0.1 (1, 0) - 0.1 (-1, 0)
}

TEST_CASE("a single sample lies on its margin, however many the other class has") {
    // 0.8 apart, as the faces of two people are.
    const Samples samples{{0, 0}, {0.1f, 0}, {0, 0.1f}, {0.8f, 0}};
    const ffr::LinearSvm svm = ffr::train_linear_svm(samples, {0, 0, 0, 1}, 2);
    CHECK(svm.decision_values(samples[3])[0] == doctest::Approx(-1).epsilon(2e-3));
    CHECK(svm.decision_values(samples[1])[0] == doctest::Approx(1).epsilon(2e-3));
    CHECK_FALSE(svm.pairs[0].platt.calibrated);
}

TEST_CASE("no plane nearby has a smaller objective") {
    const Clusters data = random_clusters(2, 30, 4, 1.5f, 7);
    ffr::SvmOptions options;
    options.tolerance = 1e-6;
    ffr::LinearDecision plane = ffr::train_linear_svm(data.samples, data.labels, 2, options).pairs[0].decision;
    const double best = primal_objective(plane, data, 1);
    for (const double step : {-1e-2, -1e-3, 1e-3, 1e-2}) {
        for (double& w : plane.weights) {
            const double kept = w;
            w += step;
            CHECK(primal_objective(plane, data, 1) > best - 1e-6);
            w = kept;
        }
        const double kept = plane.bias;
        plane.bias += step;
        CHECK(primal_objective(plane, data, 1) > best - 1e-6);
        plane.bias = kept;
    }
}

TEST_CASE("a Gram matrix that may keep two rows only gives the same rows") {
    const Clusters data = random_clusters(2, 10, 3, 1, 3);
    const std::vector<ffr::VectorView> views(data.samples.begin(), data.samples.end());
    ffr::detail::GramMatrix roomy(views), tight(views, 1);
    for (const std::size_t i : {0u, 5u, 0u, 7u, 5u, 19u, 0u, 7u}) {
        const double* const expected = roomy.row(i);
        const double* const row = tight.row(i);
        CHECK(std::equal(row, row + views.size(), expected));
    }
    const double* const row_3 = tight.row(3);
    const double kept = row_3[4];
    tight.row(8);
    CHECK(row_3[4] == kept);
}

TEST_CASE("training with two kept rows gives the same plane") {
    const Clusters data = random_clusters(2, 12, 5, 1.5f, 4);
    const std::vector<ffr::VectorView> views(data.samples.begin(), data.samples.end());
    ffr::detail::GramMatrix roomy(views), tight(views, 1);
    std::vector<double> labels(12, 1.0);
    labels.resize(24, -1.0);
    const std::vector<double> costs(24, 1.0);
    ffr::detail::SmoSolver expected(roomy, labels, costs), solver(tight, labels, costs);
    expected.solve(1e-3);
    solver.solve(1e-3);
    CHECK(same_bits(solver.bias(), expected.bias()));
    for (std::size_t t = 0; t < 24; ++t) CHECK(same_bits(solver.coefficient(t), expected.coefficient(t)));
}

TEST_CASE("a sample of cost 0 has no part in the plane but gets a decision value") {
    const Samples samples{{1, 0}, {-1, 0}, {-5, 0}};
    const std::vector<ffr::VectorView> views(samples.begin(), samples.end());
    ffr::detail::GramMatrix gram(views);
    const std::vector<double> labels{1, -1, 1}, costs{10, 10, 0};
    ffr::detail::SmoSolver solver(gram, labels, costs);
    solver.solve(1e-3);
    CHECK(solver.coefficient(2) == 0);
    CHECK(solver.decision_values()[2] == doctest::Approx(-5));
}

TEST_CASE("Platt's fit of values without meaning gives the share of the classes") {
    const std::vector<double> labels{1, 1, 1, -1}, values(4, 0.0);
    const ffr::PlattScale scale = ffr::detail::PlattFit(values, labels).fit();
    CHECK(scale.calibrated);
    CHECK(scale(0) == doctest::Approx((3 * 4.0 / 5 + 1 / 3.0) / 4).epsilon(1e-4));  // mean of the targets
}

TEST_CASE("Platt's fit meets its targets where the classes are apart") {
    const std::vector<double> labels{1, 1, 1, -1, -1, -1}, values{2, 2, 2, -2, -2, -2};
    const ffr::PlattScale scale = ffr::detail::PlattFit(values, labels).fit();
    CHECK(scale(2) == doctest::Approx(4.0 / 5).epsilon(1e-4));
    CHECK(scale(-2) == doctest::Approx(1.0 / 5).epsilon(1e-4));
    CHECK(scale.a < 0);
}

TEST_CASE("Platt's fit stays finite for huge decision values") {
    const std::vector<double> labels{1, 1, -1, -1}, values{1e30, 1e20, -1e30, 5};
    const ffr::PlattScale scale = ffr::detail::PlattFit(values, labels).fit();
    CHECK(std::isfinite(scale.a));
    CHECK(std::isfinite(scale.b));
}

TEST_CASE("a pair is never quite sure") {
    const ffr::PlattScale scale;
    CHECK(scale(1e9) == 1 - 1e-7);
    CHECK(scale(-1e9) == 1e-7);
    CHECK(scale(0) == 0.5);
}

TEST_CASE("coupling finds the probabilities that the pairs agree on") {
    const std::vector<double> p{0.5, 0.3, 0.15, 0.05};
    std::vector<double> r(16);
    for (std::size_t a = 0; a < 4; ++a) {
        for (std::size_t b = 0; b < 4; ++b) r[a * 4 + b] = p[a] / (p[a] + p[b]);
    }
    const std::vector<double> coupled = ffr::detail::couple_pairs(r, 4);
    for (std::size_t a = 0; a < 4; ++a) CHECK(std::fabs(coupled[a] - p[a]) < 0.005);
    CHECK(sum(coupled) == doctest::Approx(1));
}

TEST_CASE("coupling a pair gives the pair's probability") {
    const std::vector<double> coupled = ffr::detail::couple_pairs({0, 0.9, 0.1, 0}, 2);
    CHECK(std::fabs(coupled[0] - 0.9) < 0.005);
}

TEST_CASE("one sample a class gives a plane with the fixed scale") {
    const ffr::LinearSvm svm = ffr::train_linear_svm(Samples{{1, 1}, {-1, 1}, {0, -2}}, {0, 1, 2}, 3);
    for (const ffr::PairClassifier& pair : svm.pairs) {
        CHECK_FALSE(pair.platt.calibrated);
        CHECK(pair.platt.a == -2);
        CHECK(pair.platt.b == 0);
    }
    CHECK(largest(svm.probabilities(std::vector<float>{1, 1})) == 0);
    CHECK(largest(svm.probabilities(std::vector<float>{-1, 1})) == 1);
    CHECK(largest(svm.probabilities(std::vector<float>{0, -2})) == 2);
}

TEST_CASE("a pair is calibrated when either class has two samples") {
    const Samples samples{{1, 0}, {1.2f, 0}, {-1, 0}, {-1.1f, 0}, {0, 5}};
    const ffr::LinearSvm svm = ffr::train_linear_svm(samples, {0, 0, 1, 1, 2}, 3);
    CHECK(svm.pairs[0].platt.calibrated);
    CHECK_FALSE(svm.pairs[1].platt.calibrated);
    CHECK_FALSE(svm.pairs[2].platt.calibrated);
}

TEST_CASE("the same samples in two classes leave both equally probable") {
    const Samples samples{{1, 2}, {3, 4}, {0, 1}, {1, 2}, {3, 4}, {0, 1}};
    const ffr::LinearSvm svm = ffr::train_linear_svm(samples, {0, 0, 0, 1, 1, 1}, 2);
    const std::vector<double> p = svm.probabilities(samples[1]);
    CHECK(std::fabs(p[0] - 0.5) < 0.01);
    CHECK(sum(p) == doctest::Approx(1));
}

TEST_CASE("samples that are all the same end in a model") {
    const ffr::LinearSvm svm = ffr::train_linear_svm(Samples(8, {2, 2}), {0, 0, 0, 0, 1, 1, 1, 1}, 2);
    for (const double p : svm.probabilities(std::vector<float>{2, 2})) CHECK(std::fabs(p - 0.5) < 0.01);
}

TEST_CASE("very large and very small values end in finite planes") {
    for (const float size : {1e-30f, 1e30f}) {
        const Samples samples{{size, 0}, {2 * size, size}, {-size, 0}, {-size, size}};
        const ffr::LinearSvm svm = ffr::train_linear_svm(samples, {0, 0, 1, 1}, 2);
        for (const double w : svm.pairs[0].decision.weights) CHECK(std::isfinite(w));
        for (const double p : svm.probabilities(samples[0])) CHECK((p > 0 && p < 1));
    }
}

TEST_CASE("thirty classes have a pair for any two and each is found again") {
    const Clusters data = random_clusters(30, 6, 16, 0.3f, 5);
    const ffr::LinearSvm svm = ffr::train_linear_svm(data.samples, data.labels, 30);
    CHECK(svm.pairs.size() == 30 * 29 / 2);
    for (std::size_t i = 0; i < data.samples.size(); ++i) {
        const std::vector<double> p = svm.probabilities(data.samples[i]);
        CHECK(largest(p) == static_cast<std::size_t>(data.labels[i]));
        CHECK(sum(p) == doctest::Approx(1));
    }
}

TEST_CASE("pairs are in the order of their classes with the first one positive") {
    const Samples samples{{5, 0}, {0, 5}, {-5, -5}};
    const ffr::LinearSvm svm = ffr::train_linear_svm(samples, {0, 1, 2}, 3);
    const std::vector<double> at_0 = svm.decision_values(samples[0]), at_1 = svm.decision_values(samples[1]);
    CHECK(at_0[0] > 0);  // 0 against 1
    CHECK(at_0[1] > 0);  // 0 against 2
    CHECK(at_1[0] < 0);
    CHECK(at_1[2] > 0);  // 1 against 2
}

TEST_CASE("the order of classes in the input doesn't matter, the order within a class does") {
    Clusters data = random_clusters(3, 7, 8, 1, 9);
    const ffr::LinearSvm grouped = ffr::train_linear_svm(data.samples, data.labels, 3);
    Clusters mixed;
    for (std::size_t i = 0; i < 7; ++i) {
        for (const std::size_t label : {2u, 0u, 1u}) {
            mixed.samples.push_back(data.samples[label * 7 + i]);
            mixed.labels.push_back(static_cast<int>(label));
        }
    }
    CHECK(same_bits(ffr::train_linear_svm(mixed.samples, mixed.labels, 3), grouped));
}

TEST_CASE("training twice gives the same bits") {
    const Clusters data = random_clusters(5, 9, 32, 1.2f, 11);
    const ffr::LinearSvm first = ffr::train_linear_svm(data.samples, data.labels, 5);
    CHECK(same_bits(ffr::train_linear_svm(data.samples, data.labels, 5), first));
}

TEST_CASE("arrays, vectors and views of the same numbers give the same model") {
    const std::vector<std::array<float, 2>> arrays{{1, 0}, {2, 1}, {-1, 0}, {-2, 0}};
    Samples vectors;
    std::vector<ffr::VectorView> views;
    for (const std::array<float, 2>& a : arrays) {
        vectors.emplace_back(a.begin(), a.end());
        views.emplace_back(a.data(), a.size());
    }
    const std::vector<int> labels{0, 0, 1, 1};
    const ffr::LinearSvm from_arrays = ffr::train_linear_svm(arrays, labels, 2);
    CHECK(same_bits(ffr::train_linear_svm(vectors, labels, 2), from_arrays));
    CHECK(same_bits(ffr::train_linear_svm(views, labels, 2), from_arrays));
}

TEST_CASE("what can't be learned from is refused") {
    const Samples two{{1, 0}, {-1, 0}};
    CHECK_THROWS_AS(ffr::train_linear_svm(Samples{}, {}, 2), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::train_linear_svm(two, {0}, 2), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::train_linear_svm(two, {0, 2}, 2), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::train_linear_svm(two, {-1, 1}, 2), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::train_linear_svm(two, {0, 0}, 1), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::train_linear_svm(two, {0, 0}, -7), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::train_linear_svm(Samples{{}, {}}, {0, 1}, 2), ffr::InvalidArgument);
    CHECK_THROWS_WITH_AS(ffr::train_linear_svm(two, {0, 2}, 3), "class 1 has no sample", ffr::InvalidArgument);
    CHECK_THROWS_WITH_AS(ffr::train_linear_svm(two, {0, 1}, 2147483647), "class 2 has no sample", ffr::InvalidArgument);
    CHECK_THROWS_WITH_AS(ffr::train_linear_svm(Samples{{1, 0}, {1}}, {0, 1}, 2),
                         "sample 1 has 1 values, sample 0 has 2", ffr::InvalidArgument);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        CHECK_THROWS_WITH_AS(ffr::train_linear_svm(Samples{{1, 0}, {1, bad}}, {0, 1}, 2),
                             "sample 1 has a value that isn't finite", ffr::InvalidArgument);
    }
}

TEST_CASE("options that aren't above 0 are refused") {
    const Samples two{{1, 0}, {-1, 0}};
    for (const double bad : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        ffr::SvmOptions cost, tolerance;
        cost.cost = bad;
        tolerance.tolerance = bad;
        CHECK_THROWS_AS(ffr::train_linear_svm(two, {0, 1}, 2, cost), ffr::InvalidArgument);
        CHECK_THROWS_AS(ffr::train_linear_svm(two, {0, 1}, 2, tolerance), ffr::InvalidArgument);
    }
}

TEST_CASE("a vector of another dimension is refused") {
    const ffr::LinearSvm svm = ffr::train_linear_svm(Samples{{1, 0}, {-1, 0}}, {0, 1}, 2);
    CHECK_THROWS_AS(svm.decision_values(std::vector<float>{1, 2, 3}), ffr::InvalidArgument);
    CHECK_THROWS_AS(svm.probabilities(std::vector<float>{}), ffr::InvalidArgument);
}
