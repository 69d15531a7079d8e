#include "ffr/identify/evaluate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace ffr;

namespace {

/// Pairs of one person at evenly spaced squared distances from..to, and pairs of two people the same way.
void add_pairs(std::vector<VerificationPair>& pairs, std::size_t fold, bool same, double from, double to, int count) {
    for (int i = 0; i < count; ++i) pairs.push_back({from + (to - from) * (i + 0.5) / count, same, fold});
}

/// Numbers in -0.5..0.5 from a linear congruential generator.
class Random {
  public:
    float operator()() {
        state_ = state_ * 1664525u + 1013904223u;
        return static_cast<float>(state_ >> 8) / 16777216.0f - 0.5f;
    }

  private:
    std::uint32_t state_ = 1;
};

Embedding random_embedding(Random& random) {
    Embedding embedding{};
    for (float& value : embedding) value = random();
    return embedding;
}

}  // namespace

TEST_CASE("people far apart are told apart without error") {
    std::vector<VerificationPair> pairs;
    for (const std::size_t fold : {0u, 1u, 2u}) {
        add_pairs(pairs, fold, true, 0.1, 0.5, 30);
        add_pairs(pairs, fold, false, 1.5, 3.0, 30);
    }
    const Verification result = verify(pairs);
    REQUIRE(result.folds.size() == 3);
    CHECK(result.mean_accuracy == 1);
    CHECK(result.accuracy_deviation == 0);
    CHECK(result.area_under_curve == 1);
    CHECK(result.equal_error_rate == 0);
    // Of all thresholds without error, the largest.
    for (const VerificationFold& fold : result.folds) CHECK(fold.threshold == 1.52);
}

TEST_CASE("where distances overlap, the figures are those of two uniform distributions") {
    // Same 0..2, different 1..3: every threshold in 1..2 judges 3 of 4 right. The false positive rate is (t - 1) / 2, the
    // false negative rate 1 - t / 2: equal at 1.5. A same pair is farther than a different one in 1 of 8 cases.
    std::vector<VerificationPair> pairs;
    for (const std::size_t fold : {0u, 1u}) {
        add_pairs(pairs, fold, true, 0, 2, 2000);
        add_pairs(pairs, fold, false, 1, 3, 2000);
    }
    const Verification result = verify(pairs);
    CHECK(result.mean_accuracy == doctest::Approx(0.75).epsilon(0.002));
    CHECK(result.area_under_curve == doctest::Approx(0.875).epsilon(0.002));
    CHECK(result.equal_error_rate == doctest::Approx(0.25).epsilon(0.01));
    CHECK(result.mean_roc.size() == 1000);
    CHECK(result.mean_roc.front().true_positive_rate == doctest::Approx(0.5).epsilon(0.01));
    CHECK(result.mean_roc.back().true_positive_rate == 1);
    for (std::size_t i = 1; i < result.mean_roc.size(); ++i) {
        CHECK(result.mean_roc[i].true_positive_rate >= result.mean_roc[i - 1].true_positive_rate);
    }
    const RocPoint& middle = result.folds[0].roc[150];
    CHECK(middle.threshold == 1.5);
    CHECK(middle.true_positives == 1500);
    CHECK(middle.false_negatives == 500);
    CHECK(middle.false_positives == 500);
    CHECK(middle.true_negatives == 1500);
}

TEST_CASE("a fold is judged by the threshold that the others chose") {
    std::vector<VerificationPair> pairs;
    for (const std::size_t fold : {0u, 1u, 2u, 3u, 4u}) {
        const double shift = fold == 0 ? 1 : 0;
        add_pairs(pairs, fold, true, shift, shift + 0.5, 10);
        add_pairs(pairs, fold, false, shift + 0.7, shift + 1.2, 10);
    }
    const Verification result = verify(pairs);
    CHECK(result.folds[0].threshold < 0.8);
    CHECK(result.folds[0].accuracy == 0.5);  // all of its pairs lie above
    CHECK(result.mean_accuracy < 1);
    CHECK(result.accuracy_deviation > 0);
}

TEST_CASE("random embeddings are told apart by chance alone") {
    Random random;
    std::vector<VerificationPair> pairs;
    for (std::size_t i = 0; i < 4000; ++i) {
        Embedding a = random_embedding(random), b = random_embedding(random);
        for (float& value : a) value *= 0.3f;
        for (float& value : b) value *= 0.3f;
        const double d = distance(a, b);
        pairs.push_back({d * d, i % 2 == 0, i % 20 / 2});
    }
    const Verification result = verify(pairs);
    REQUIRE(result.folds.size() == 10);
    CHECK(result.mean_accuracy == doctest::Approx(0.5).epsilon(0.05));
    CHECK(result.area_under_curve == doctest::Approx(0.5).epsilon(0.05));
    CHECK(result.equal_error_rate == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("distances beyond all thresholds are never taken for the same person, and the curve still ends at 1") {
    std::vector<VerificationPair> pairs;
    for (const std::size_t fold : {0u, 1u}) {
        pairs.push_back({100, true, fold});
        pairs.push_back({200, false, fold});
    }
    const Verification result = verify(pairs);
    CHECK(result.mean_accuracy == 0.5);
    CHECK(result.area_under_curve == doctest::Approx(0.5));
}

TEST_CASE("pairs that no experiment can be made of are refused") {
    std::vector<VerificationPair> pairs;
    CHECK_THROWS_AS(verify(pairs), InvalidArgument);
    pairs = {{1, true, 0}, {1, false, 0}};
    CHECK_THROWS_WITH_AS(verify(pairs), "verification needs pairs in at least two folds", InvalidArgument);
    pairs.push_back({1, true, 1});
    CHECK_THROWS_WITH_AS(verify(pairs), "fold 1 needs pairs of one person and pairs of two", InvalidArgument);
    pairs.back().fold = 2;
    CHECK_THROWS_AS(verify(pairs), InvalidArgument);
    for (const double bad : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        pairs[0].squared_distance = bad;
        CHECK_THROWS_WITH_AS(verify(pairs), "a squared distance has to be finite and at least 0", InvalidArgument);
    }
}

TEST_CASE("held-out faces of people far apart are named right, of random ones by chance") {
    Random random;
    std::vector<LabelledEmbedding> apart, mixed;
    for (int person = 0; person < 8; ++person) {
        const Embedding centre = random_embedding(random);
        for (int face = 0; face < 6 + person; ++face) {
            Embedding near = centre;
            for (float& value : near) value += 0.2f * random();
            apart.push_back({"person " + std::to_string(person), near});
            mixed.push_back({"person " + std::to_string(person), random_embedding(random)});
        }
    }
    const Identification good = identify_held_out(apart, 5), chance = identify_held_out(mixed, 8);
    CHECK(good.people == 5);
    CHECK(good.faces == 9 + 10 + 11 + 12 + 13);  // those with most
    CHECK(good.mean_accuracy == 1);
    CHECK(good.accuracy_deviation == 0);
    CHECK(chance.people == 8);
    CHECK(chance.mean_accuracy < 0.4);
    CHECK(identify_held_out(mixed, 8).mean_accuracy == chance.mean_accuracy);
    IdentificationOptions few;
    few.faces_each = 3;
    CHECK(identify_held_out(apart, 100, few).faces == 24);
}

TEST_CASE("too few people, faces or repetitions are refused") {
    Random random;
    std::vector<LabelledEmbedding> one;
    for (int i = 0; i < 20; ++i) one.push_back({"ann", random_embedding(random)});
    CHECK_THROWS_AS(identify_held_out(one, 10), InvalidArgument);
    CHECK_THROWS_AS(identify_held_out({}, 10), InvalidArgument);
    one[0].name = "bob";
    CHECK_NOTHROW(identify_held_out(one, 10));
    CHECK_THROWS_AS(identify_held_out(one, 1), InvalidArgument);
    IdentificationOptions none;
    none.repetitions = 0;
    CHECK_THROWS_AS(identify_held_out(one, 2, none), InvalidArgument);
    one.resize(9);
    CHECK_THROWS_AS(identify_held_out(one, 2), InvalidArgument);
}
