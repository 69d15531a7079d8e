// The SVM against libsvm, as scikit-learn contains it. make_svm_golden.py made the data and names the versions.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "ffr/identify/svm.hpp"

namespace {

using Rows = std::vector<std::vector<double>>;

/// One of three splits of the samples: the model trained on two thirds, and what libsvm says about the last third.
struct Fold {
    ffr::LinearSvm svm;
    std::vector<std::vector<float>> held_out;
    std::vector<std::size_t> labels;
    Rows decisions, probabilities, libsvm_median, libsvm_minimum, libsvm_maximum;
};

Fold make_fold(const nlohmann::json& data, const nlohmann::json& json) {
    const auto samples = data.at("samples").get<std::vector<std::vector<float>>>();
    const auto labels = data.at("labels").get<std::vector<int>>();
    const auto held_out = json.at("held_out").get<std::vector<std::size_t>>();
    Fold fold;
    std::vector<std::vector<float>> training;
    std::vector<int> training_labels;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (std::count(held_out.begin(), held_out.end(), i) > 0) {
            fold.held_out.push_back(samples[i]);
            fold.labels.push_back(static_cast<std::size_t>(labels[i]));
        } else {
            training.push_back(samples[i]);
            training_labels.push_back(labels[i]);
        }
    }
    fold.svm = ffr::train_linear_svm(training, training_labels, labels.back() + 1);
    fold.decisions = json.at("decisions").get<Rows>();
    fold.probabilities = json.at("probabilities").get<Rows>();
    fold.libsvm_median = json.at("libsvm_median").get<Rows>();
    fold.libsvm_minimum = json.at("libsvm_minimum").get<Rows>();
    fold.libsvm_maximum = json.at("libsvm_maximum").get<Rows>();
    return fold;
}

const std::vector<Fold>& folds() {
    static const std::vector<Fold> all = [] {
        const std::string path = std::string(FFR_TEST_DIR) + "/golden/data/svm.json";
        std::ifstream in(path);
        REQUIRE_MESSAGE(in, path);
        const nlohmann::json data = nlohmann::json::parse(in);
        std::vector<Fold> result;
        for (const nlohmann::json& json : data.at("folds")) result.push_back(make_fold(data, json));
        return result;
    }();
    REQUIRE(all.size() == 3);
    return all;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
    return largest;
}

std::size_t index_of_largest(const std::vector<double>& values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace

// 1e-3 is the tolerance to which both of them solve the dual.
TEST_CASE("decision values of held-out samples are libsvm's within 1e-3") {
    double worst = 0;
    for (const Fold& fold : folds()) {
        REQUIRE(fold.decisions.size() == fold.held_out.size());
        for (std::size_t i = 0; i < fold.held_out.size(); ++i) {
            worst = std::max(worst, largest_difference(fold.svm.decision_values(fold.held_out[i]), fold.decisions[i]));
        }
    }
    CHECK(worst < 1e-3);
}

// The reference has libsvm's decision values in the same folds and a second implementation of fit and coupling.
// 0.005 is how far the coupling may be from its fixed point when it stops, summed over the classes. Measured: 0.0001.
TEST_CASE("with the same folds of cross validation, probabilities are the reference's within 0.005") {
    double worst = 0;
    for (const Fold& fold : folds()) {
        REQUIRE(fold.probabilities.size() == fold.held_out.size());
        for (std::size_t i = 0; i < fold.held_out.size(); ++i) {
            worst =
                std::max(worst, largest_difference(fold.svm.probabilities(fold.held_out[i]), fold.probabilities[i]));
        }
    }
    CHECK(worst < 0.005);
}

// libsvm draws its folds by chance, so its probabilities vary with the seed: on these data by up to 0.18, much more
// than a tolerance of 0.02 around its median could allow for. So what's asked is that ours could be one of its answers:
// between the smallest and the largest of 101 seeds, widened by 0.02 because our folds have a fair share of either
// class and libsvm's mostly don't. Measured: at most 0.013 outside of the range; 96 % are within 0.02 of the median,
// the furthest is 0.052 off. (It is the shares: the median over folds drawn by chance, but with fair shares, is within
// 0.017 of ours.) On harder data, where people overlap, both figures grow as libsvm's own spread does: 0.15 and 0.5
// were seen.
TEST_CASE("probabilities are in the range of libsvm's over many seeds, and mostly near its median") {
    std::size_t count = 0, near_median = 0;
    double worst = 0, furthest = 0, spread = 0;
    for (const Fold& fold : folds()) {
        REQUIRE(fold.libsvm_median.size() == fold.held_out.size());
        for (std::size_t i = 0; i < fold.held_out.size(); ++i) {
            const std::vector<double> p = fold.svm.probabilities(fold.held_out[i]);
            REQUIRE(p.size() == fold.libsvm_median[i].size());
            for (std::size_t k = 0; k < p.size(); ++k, ++count) {
                const double low = fold.libsvm_minimum[i][k], high = fold.libsvm_maximum[i][k];
                const double off = std::fabs(p[k] - fold.libsvm_median[i][k]);
                worst = std::max({worst, low - p[k], p[k] - high});
                furthest = std::max(furthest, off);
                spread = std::max(spread, high - low);
                if (off < 0.02) ++near_median;
            }
        }
    }
    CAPTURE(furthest);
    CAPTURE(near_median);
    CAPTURE(count);
    CHECK(worst < 0.02);
    CHECK(near_median * 10 > count * 9);
    CHECK(spread > 0.02);  // or else the median alone would be the tighter test
}

TEST_CASE("the most probable class is the one of libsvm's median") {
    for (const Fold& fold : folds()) {
        std::size_t right = 0;
        for (std::size_t i = 0; i < fold.held_out.size(); ++i) {
            const std::size_t best = index_of_largest(fold.svm.probabilities(fold.held_out[i]));
            CHECK(best == index_of_largest(fold.libsvm_median[i]));
            if (best == fold.labels[i]) ++right;
        }
        CHECK(right * 10 > fold.held_out.size() * 9);
    }
}

// What OpenFace's users would see: the same names, and on average nearly the same confidence, as from SVC(kernel="linear",
// C=1, probability=True). Measured: all names, and a mean difference of 0.0025 for 5 people and 0.0019 for 10.
TEST_CASE("5 and 10 people get scikit-learn's names, and probabilities within 0.05 on average") {
    std::ifstream in(std::string(FFR_TEST_DIR) + "/golden/data/svm_people.json");
    REQUIRE(in);
    const nlohmann::json data = nlohmann::json::parse(in);
    std::vector<int> people;
    for (const nlohmann::json& set : data.at("sets")) {
        const auto vectors = [&](const char* name) {
            auto rows = set.at(name).get<std::vector<std::vector<float>>>();
            for (std::vector<float>& row : rows) {
                for (float& value : row) value = static_cast<float>(value / 1e4);
            }
            return rows;
        };
        people.push_back(set.at("people").get<int>());
        const ffr::LinearSvm svm = ffr::train_linear_svm(
            vectors("training"), set.at("training_labels").get<std::vector<int>>(), people.back());
        const std::vector<std::vector<float>> naming = vectors("naming");
        const Rows expected = set.at("probabilities").get<Rows>();
        REQUIRE(naming.size() == 100);
        REQUIRE(expected.size() == naming.size());
        std::size_t same_names = 0;
        double difference = 0;
        for (std::size_t i = 0; i < naming.size(); ++i) {
            const std::vector<double> found = svm.probabilities(naming[i]);
            REQUIRE(found.size() == expected[i].size());
            if (index_of_largest(found) == index_of_largest(expected[i])) ++same_names;
            for (std::size_t k = 0; k < found.size(); ++k) difference += std::fabs(found[k] - expected[i][k]);
        }
        difference /= static_cast<double>(naming.size() * expected[0].size());
        CAPTURE(people.back());
        CAPTURE(difference);
        CHECK(same_names >= 99);
        CHECK(difference <= 0.05);
    }
    CHECK(people == std::vector<int>{5, 10});
}
