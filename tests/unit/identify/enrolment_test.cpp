#include <doctest/doctest.h>

#include <ffr/identify/enrolment.hpp>
#include <random>

namespace {

using ffr::LabelledEmbedding;

/// A face: the person's place on an axis of their own, and a little noise.
LabelledEmbedding face(const std::string& name, std::size_t axis, double size, std::mt19937& random,
                       double noise = 0.02) {
    LabelledEmbedding sample{name, {}};
    sample.embedding[axis] = static_cast<float>(size);
    for (float& value : sample.embedding)
        value += static_cast<float>(noise * (static_cast<double>(random()) / 4294967296.0 - 0.5));
    return sample;
}

std::vector<LabelledEmbedding> people(std::size_t count, std::size_t faces_each, std::mt19937& random) {
    std::vector<LabelledEmbedding> samples;
    for (std::size_t person = 0; person < count; ++person) {
        for (std::size_t i = 0; i < faces_each; ++i) {
            samples.push_back(face("person " + std::to_string(person), person, 1, random));
        }
    }
    return samples;
}

/// Leaves each face out by training everything anew.
ffr::LeaveOneOut plain_leave_one_out(const std::vector<LabelledEmbedding>& samples, const ffr::TrainOptions& options) {
    ffr::LeaveOneOut result;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        auto others = samples;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
        const bool alone = std::none_of(others.begin(), others.end(),
                                        [&](const LabelledEmbedding& other) { return other.name == samples[i].name; });
        if (alone) continue;
        ++result.faces;
        if (ffr::Identifier::train(others, options).identify(samples[i].embedding).name == samples[i].name) {
            ++result.right;
        }
    }
    return result;
}

}  // namespace

TEST_CASE("a face of somebody else's among a person's is a stranger") {
    std::mt19937 random(1);
    auto samples = people(3, 4, random);
    CHECK(ffr::find_strangers(samples, 0.6).empty());
    samples.insert(samples.begin() + 2, face("person 0", 2, 1, random));
    samples.push_back(face("person 1", 7, 1, random));
    CHECK(ffr::find_strangers(samples, 0.6) == std::vector<std::size_t>{2, samples.size() - 1});
    CHECK(ffr::find_strangers({}, 0.6).empty());
}

TEST_CASE("nobody says who the stranger is among two, or among faces that are all different") {
    std::mt19937 random(2);
    const std::vector<LabelledEmbedding> two{face("a", 0, 1, random), face("a", 1, 1, random)};
    CHECK(ffr::find_strangers(two, 0.6).empty());
    std::vector<LabelledEmbedding> different;
    for (std::size_t i = 0; i < 5; ++i) different.push_back(face("a", i, 1, random));
    CHECK(ffr::find_strangers(different, 0.6).empty());
    // Two of one and two of another are even; a third decides.
    std::vector<LabelledEmbedding> mixed{face("a", 0, 1, random), face("a", 0, 1, random), face("a", 1, 1, random),
                                         face("a", 1, 1, random)};
    CHECK(ffr::find_strangers(mixed, 0.6).empty());
    mixed.push_back(face("a", 1, 1, random));
    CHECK(ffr::find_strangers(mixed, 0.6) == std::vector<std::size_t>{0, 1});
}

TEST_CASE("people whose faces are near to each other look alike, the nearest first") {
    std::mt19937 random(3);
    auto samples = people(4, 3, random);
    CHECK(ffr::find_look_alikes(samples, 0.6).empty());
    for (int i = 0; i < 3; ++i) samples.push_back(face("twin of 2", 2, 1, random));
    for (int i = 0; i < 3; ++i) samples.push_back(face("cousin of 1", 1, 1.4, random));
    const auto alike = ffr::find_look_alikes(samples, 0.6);
    REQUIRE(alike.size() == 2);
    CHECK(alike[0].one == "person 2");
    CHECK(alike[0].other == "twin of 2");
    CHECK(alike[0].distance < 0.2);
    CHECK(alike[1].one == "cousin of 1");
    CHECK(alike[1].other == "person 1");
    CHECK(alike[1].distance == doctest::Approx(0.4).epsilon(0.2));
}

TEST_CASE("leaving one out gives what training without it anew gives") {
    std::mt19937 random(4);
    std::vector<LabelledEmbedding> samples;
    for (int i = 0; i < 24; ++i) {
        const auto person = static_cast<std::size_t>(i % 4);
        samples.push_back(face("person " + std::to_string(person), person, 0.3, random, 0.16));
    }
    samples.push_back(face("seen once", 9, 0.3, random));
    ffr::TrainOptions options;
    options.source.same_person_distance = 0.75;
    const auto plain = plain_leave_one_out(samples, options);
    REQUIRE(plain.faces == 24);
    REQUIRE(plain.right > 8);
    REQUIRE(plain.right < 24);
    const auto fast = ffr::leave_one_out(samples, options);
    CHECK(fast.faces == plain.faces);
    CHECK(fast.right == plain.right);
    CHECK(ffr::leave_one_out(samples, options, 5).faces == 5);
}

TEST_CASE("a photo under two names is never named by itself") {
    std::mt19937 random(5);
    std::vector<LabelledEmbedding> samples = people(4, 3, random);
    const auto once = ffr::leave_one_out(samples);
    const auto distance = ffr::suggest_distance(samples);
    const std::size_t count = samples.size();
    for (std::size_t i = 0; i < count; ++i) samples.push_back(samples[i]);
    samples.push_back({"somebody else", samples[0].embedding});
    CHECK(ffr::without_copies(samples).size() == count);
    const auto twice = ffr::leave_one_out(samples);
    CHECK(twice.faces == once.faces);
    CHECK(twice.right == once.right);
    CHECK(ffr::suggest_distance(samples) == distance);
    // One photo only, however often: nobody is left to name it.
    CHECK(ffr::leave_one_out({samples[0], samples[0], samples[0], samples[4]}).faces == 0);
}

TEST_CASE("one person, or faces of people seen once, can't be left out") {
    std::mt19937 random(5);
    CHECK(ffr::leave_one_out(people(3, 1, random)).faces == 0);
    const auto one = ffr::leave_one_out(people(1, 3, random));
    CHECK(one.faces == 3);
    CHECK(one.right == 3);
    CHECK_THROWS_AS(ffr::leave_one_out({}), ffr::InvalidArgument);
}

TEST_CASE("the suggested distance lies between one person's faces and other people's") {
    std::mt19937 random(6);
    const auto samples = people(4, 4, random);
    const auto distance = ffr::suggest_distance(samples);
    REQUIRE(distance);
    CHECK(*distance > 0.2);
    CHECK(*distance < 1.3);
    CHECK(*distance == doctest::Approx(0.75).epsilon(0.1));  // halfway between about 0.07 and 1.4
    CHECK_FALSE(ffr::suggest_distance(people(4, 2, random)));
    CHECK_FALSE(ffr::suggest_distance(people(1, 20, random)));
    CHECK_FALSE(ffr::suggest_distance({}));
}

TEST_CASE("where the two kinds overlap, no other distance mistakes fewer") {
    std::mt19937 random(7);
    std::vector<LabelledEmbedding> samples;
    for (int i = 0; i < 30; ++i) {
        const auto person = static_cast<std::size_t>(i % 3);
        samples.push_back(face("person " + std::to_string(person), person, 0.4, random, 0.2));
    }
    const auto mistakes = [&](double threshold) {
        int count = 0;
        for (const LabelledEmbedding& one : samples) {
            bool own_near = false, other_near = false;
            for (const LabelledEmbedding& other : samples) {
                const bool near = ffr::distance(one.embedding, other.embedding) <= threshold;
                if (&one != &other) (one.name == other.name ? own_near : other_near) |= near;
            }
            count += (own_near ? 0 : 1) + (other_near ? 1 : 0);
        }
        return count;
    };
    const auto distance = ffr::suggest_distance(samples);
    REQUIRE(distance);
    for (double other = 0; other < 2; other += 0.01) CHECK(mistakes(*distance) <= mistakes(other));
    CHECK(mistakes(*distance) < 30);
}
