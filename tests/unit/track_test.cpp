#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ffr/track.hpp"

using namespace ffr;

namespace {

constexpr int kSize = 80;

Rect box_at(int x, int y) {
    return {x, y, x + kSize - 1, y + kSize - 1};
}

/// Somebody's embedding: far from everybody else's.
Embedding embedding_of(const std::string& person) {
    Embedding embedding{};
    embedding[static_cast<std::size_t>(person.at(0))] = 1;
    return embedding;
}

/// A person who's seen at a place, and taken for `name`.
Sighting seen(const std::string& person, int x, int y, const std::optional<std::string>& name,
              double confidence = 0.5) {
    Sighting sighting;
    sighting.face.detection = {box_at(x, y), 1.0, 0};
    sighting.face.landmarks.subpixel = {{x + 20.0, y + 30.0}, {x + 60.0, y + 30.0}, {x + 40.0, y + 70.0}};
    sighting.face.embedding = embedding_of(person);
    sighting.identity = {name, name.value_or("anna"), confidence, name ? 0.3 : 0.8};
    return sighting;
}

Sighting seen(const std::string& person, int x, int y) {
    return seen(person, x, y, person);
}

/// "1:anna 2:ben" for the tracks that a tracker has.
std::string text_of(const FaceTracker& tracker) {
    std::string text;
    for (const Track& track : tracker.tracks()) {
        text += (text.empty() ? "" : " ") + std::to_string(track.number) + ":" +
                track.names.winner().name.value_or("unknown");
    }
    return text;
}

}  // namespace

TEST_CASE("overlap is that of intersection and union") {
    CHECK(intersection_over_union({0, 0, 9, 9}, {0, 0, 9, 9}) == 1);
    CHECK(intersection_over_union({0, 0, 9, 9}, {5, 0, 14, 9}) == doctest::Approx(50.0 / 150));
    CHECK(intersection_over_union({0, 0, 9, 9}, {2, 2, 3, 3}) == doctest::Approx(0.04));
    CHECK(intersection_over_union({0, 0, 9, 9}, {10, 0, 19, 9}) == 0);
    CHECK(intersection_over_union({}, {}) == 0);
    constexpr int kLow = std::numeric_limits<int>::min(), kHigh = std::numeric_limits<int>::max();
    CHECK(intersection_over_union({kLow, 0, kHigh, 0}, {kLow, 0, kHigh, 0}) == 1);
}

TEST_CASE("a vote weighs looks by their confidence, unknown ones too") {
    NameVote vote;
    CHECK_FALSE(vote.winner().name);
    CHECK(vote.winner().confidence == 0);
    vote.add({"ben", "ben", 0.4, 0.5});
    CHECK(vote.winner().name == "ben");
    vote.add({"anna", "anna", 0.3, 0.4});
    CHECK(vote.winner().name == "ben");
    vote.add({"anna", "anna", 0.5, 0.2});
    const Identity anna = vote.winner();
    CHECK(anna.name == "anna");
    CHECK(anna.candidate == "anna");
    CHECK(anna.confidence == doctest::Approx(0.4));
    CHECK(anna.distance == doctest::Approx(0.3));
    vote.add({std::nullopt, "carl", 0.9, 0.9});
    CHECK_FALSE(vote.winner().name);
    CHECK(vote.winner().candidate == "carl");
}

TEST_CASE("of equal sums unknown wins, then the first by name") {
    NameVote vote;
    vote.add({"ben", "ben", 0.5, 0.5});
    vote.add({"anna", "anna", 0.5, 0.5});
    CHECK(vote.winner().name == "anna");
    vote.add({std::nullopt, "ben", 0.5, 0.8});
    CHECK_FALSE(vote.winner().name);
}

TEST_CASE("no faces make no tracks") {
    FaceTracker tracker;
    CHECK(tracker.update(0, {}).empty());
    tracker.follow([](const Rect&) -> Landmarks { throw Error("there's nothing to follow"); });
    CHECK(tracker.tracks().empty());
}

TEST_CASE("two faces keep their numbers in whichever order they're found") {
    FaceTracker tracker;
    for (int frame = 0; frame < 20; ++frame) {
        std::vector<Sighting> faces{seen("anna", 10 * frame, 0), seen("ben", 400 - 10 * frame, 200)};
        if (frame % 2 == 1) std::swap(faces[0], faces[1]);
        CHECK(tracker.update(frame, faces).empty());
        CHECK(text_of(tracker) == "1:anna 2:ben");
        CHECK(tracker.tracks()[0].box == box_at(10 * frame, 0));
        CHECK(tracker.tracks()[0].score == 1.0);
    }
    CHECK(tracker.tracks()[1].first_frame == 0);
    CHECK(tracker.tracks()[1].last_frame == 19);
}

TEST_CASE("faces that cross keep their numbers") {
    FaceTracker tracker;
    for (int frame = 0; frame < 40; ++frame) {
        const int x = 10 * frame;
        tracker.update(frame, {seen("ben", 400 - x, 40), seen("anna", x, 0)});
        CHECK(text_of(tracker) == "1:ben 2:anna");
        CHECK(tracker.tracks()[1].box == box_at(x, 0));
    }
}

TEST_CASE("a face that's missed once, or taken for another once, keeps number and name") {
    FaceTracker tracker;
    const auto fit = [](const Rect&) { return seen("anna", 0, 0).face.landmarks; };
    tracker.update(0, {seen("anna", 0, 0)});
    tracker.update(1, {seen("anna", 0, 0)});
    tracker.follow(fit);
    CHECK(tracker.update(2, {}).empty());
    CHECK(text_of(tracker) == "1:anna");
    CHECK_FALSE(tracker.tracks()[0].score);
    tracker.update(3, {seen("anna", 0, 0, "ben", 0.6)});
    tracker.update(4, {seen("anna", 0, 0, std::nullopt, 0.6)});
    CHECK(text_of(tracker) == "1:anna");
    CHECK(tracker.tracks()[0].last_frame == 4);
}

TEST_CASE("a face that left ends its track, and gets a new one when it comes back") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 0, 0), seen("ben", 300, 0)});
    for (int frame = 1; frame <= 3; ++frame) CHECK(tracker.update(frame, {seen("ben", 300, 0)}).empty());
    const std::vector<Track> ended = tracker.update(4, {seen("ben", 300, 0)});
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].number == 1);
    CHECK(ended[0].last_frame == 0);
    CHECK(text_of(tracker) == "2:ben");
    tracker.update(5, {seen("anna", 0, 0), seen("ben", 300, 0)});
    CHECK(text_of(tracker) == "2:ben 3:anna");
    CHECK(tracker.tracks()[1].first_frame == 5);
}

TEST_CASE("a face too far from the track's begins another") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 0, 0)});
    tracker.update(1, {seen("anna", 43, 0)});  // intersection over union 37 / 123
    CHECK(text_of(tracker) == "1:anna");
    tracker.update(2, {seen("anna", 43 + 44, 0)});  // 36 / 124
    CHECK(text_of(tracker) == "1:anna 2:anna");
}

TEST_CASE("somebody else in the same place gets a new track the second time, as after a cut") {
    FaceTracker tracker;
    for (int frame = 0; frame < 100; ++frame) tracker.update(frame, {seen("anna", 0, 0)});
    CHECK(tracker.update(100, {seen("ben", 10, 0)}).empty());
    CHECK(text_of(tracker) == "1:anna");
    const std::vector<Track> ended = tracker.update(101, {seen("ben", 10, 0)});
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].last_frame == 99);
    CHECK(text_of(tracker) == "2:ben");
    // One blurred look doesn't do it, nor one now and then.
    for (int frame = 102; frame < 110; ++frame) {
        tracker.update(frame, {seen(frame % 2 == 0 ? "carl" : "ben", 10, 0)});
        CHECK(text_of(tracker) == "2:ben");
    }
}

TEST_CASE("between searches the box goes with its landmarks and the name stays") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 100, 50)});
    tracker.follow([](const Rect& box) {
        CHECK(box == box_at(100, 50));
        return seen("anna", 107, 45).face.landmarks;
    });
    CHECK(tracker.tracks()[0].box == box_at(107, 45));
    CHECK_FALSE(tracker.tracks()[0].score);
    CHECK(text_of(tracker) == "1:anna");

    // Nearer by a half about the point (100, 50): always by the landmarks of the search, so that errors don't add up.
    tracker.follow([](const Rect&) { return Landmarks{{}, {{130, 95}, {190, 95}, {160, 155}}}; });
    const Rect box = tracker.tracks()[0].box;
    CHECK(box.left == doctest::Approx(100).epsilon(0.02));
    CHECK(box.top == doctest::Approx(50).epsilon(0.02));
    CHECK(box.width() == doctest::Approx(kSize * 1.5).epsilon(0.02));
    for (int i = 0; i < 100; ++i) tracker.follow([](const Rect&) { return seen("anna", 100, 50).face.landmarks; });
    CHECK(tracker.tracks()[0].box == box_at(100, 50));
}

TEST_CASE("landmarks that were fitted to anything do no harm") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 100, 50)});
    tracker.follow([](const Rect&) { return Landmarks{{}, {{0, 0}, {1e12, 0}, {0, 1e12}}}; });
    CHECK(tracker.tracks()[0].box.width() <= 2 * kSize);
    tracker.follow([](const Rect&) { return Landmarks{{}, {{5, 5}, {5, 5}, {5, 5}}}; });
    CHECK(tracker.tracks()[0].box.width() >= kSize / 2);
}
