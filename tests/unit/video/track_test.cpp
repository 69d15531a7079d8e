#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ffr/image/draw.hpp"
#include "ffr/image/image_io.hpp"
#include "ffr/video/track.hpp"

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

/// For follow(): no face is seen any more.
std::optional<Landmarks> lose(const Track&) {
    return std::nullopt;
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
    tracker.follow([](const Track&) -> Landmarks { throw Error("there's nothing to follow"); });
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

TEST_CASE("of the pairs that overlap, the nearest are made first") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 0, 0), seen("ben", 40, 0)});
    tracker.update(1, {seen("ben", 35, 0), seen("anna", 5, 0)});
    CHECK(text_of(tracker) == "1:anna 2:ben");
    CHECK(tracker.tracks()[0].box == box_at(5, 0));
    CHECK(tracker.tracks()[1].box == box_at(35, 0));
}

TEST_CASE("a face that's missed once, or taken for another once, keeps number and name") {
    FaceTracker tracker;
    const auto fit = [](const Track&) { return seen("anna", 0, 0).face.landmarks; };
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

TEST_CASE("after a cut, somebody else in the same place gets a new track at once") {
    FaceTracker tracker;
    for (int frame = 0; frame < 100; ++frame) tracker.update(frame, {seen("anna", 0, 0)});
    tracker.follow(lose);
    CHECK(tracker.tracks()[0].is_lost);
    CHECK(tracker.tracks()[0].box == box_at(0, 0));
    CHECK(tracker.update(100, {seen("ben", 0, 0)}).empty());
    CHECK(text_of(tracker) == "1:anna 2:ben");
    CHECK(tracker.tracks()[0].is_lost);
    CHECK_FALSE(tracker.tracks()[1].is_lost);
    // Back again, as between two cameras, each keeps its own.
    tracker.follow(lose);
    tracker.update(101, {seen("anna", 0, 0)});
    CHECK_FALSE(tracker.tracks()[0].is_lost);
    CHECK(text_of(tracker) == "1:anna 2:ben");
    CHECK(tracker.tracks()[0].last_frame == 101);
    CHECK(tracker.tracks()[1].last_frame == 100);
}

TEST_CASE("a face that's followed may look like somebody else for three searches, and then is") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 0, 0)});
    for (int frame = 1; frame <= 3; ++frame) {
        CHECK(tracker.update(frame, {seen("ben", 5 * frame, 0)}).empty());
        CHECK(text_of(tracker) == "1:anna");
        CHECK(tracker.tracks()[0].box == box_at(5 * frame, 0));
    }
    const std::vector<Track> ended = tracker.update(4, {seen("ben", 20, 0)});
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].last_frame == 0);
    CHECK(text_of(tracker) == "2:ben");
    for (int frame = 5; frame < 20; ++frame) {
        tracker.update(frame, {seen(frame % 3 == 0 ? "ben" : "carl", 20, 0)});
        CHECK(text_of(tracker) == "2:ben");
    }
}

TEST_CASE("between searches the box goes with its landmarks and the name stays") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 100, 50)});
    tracker.follow([](const Track& track) {
        CHECK(track.box == box_at(100, 50));
        return seen("anna", 107, 45).face.landmarks;
    });
    CHECK(tracker.tracks()[0].box == box_at(107, 45));
    CHECK_FALSE(tracker.tracks()[0].score);
    CHECK(text_of(tracker) == "1:anna");

    // Nearer by a half about the point (100, 50): always by the landmarks of the search, so that errors don't add up.
    tracker.follow([](const Track&) { return Landmarks{{}, {{130, 95}, {190, 95}, {160, 155}}}; });
    const Rect box = tracker.tracks()[0].box;
    CHECK(box.left == doctest::Approx(100).epsilon(0.02));
    CHECK(box.top == doctest::Approx(50).epsilon(0.02));
    CHECK(box.width() == doctest::Approx(kSize * 1.5).epsilon(0.02));
    for (int i = 0; i < 100; ++i) tracker.follow([](const Track&) { return seen("anna", 100, 50).face.landmarks; });
    CHECK(tracker.tracks()[0].box == box_at(100, 50));
}

TEST_CASE("landmarks that were fitted to anything do no harm") {
    FaceTracker tracker;
    tracker.update(0, {seen("anna", 100, 50)});
    tracker.follow([](const Track&) { return Landmarks{{}, {{0, 0}, {1e12, 0}, {0, 1e12}}}; });
    CHECK(tracker.tracks()[0].box.width() <= 2 * kSize);
    tracker.follow([](const Track&) { return Landmarks{{}, {{5, 5}, {5, 5}, {5, 5}}}; });
    CHECK(tracker.tracks()[0].box.width() >= kSize / 2);
}

TEST_CASE("correlation is that of the pattern, not of brightness and contrast") {
    Image one(2, 1, 3), other(2, 1, 3);
    one.pixels() = {0, 10, 20, 30, 40, 50};
    other.pixels() = {100, 102, 104, 106, 108, 110};
    CHECK(correlation(one, one) == doctest::Approx(1));
    CHECK(correlation(one, other) == doctest::Approx(1));
    other.pixels() = {50, 40, 30, 20, 10, 0};
    CHECK(correlation(one, other) == doctest::Approx(-1));
    other.pixels() = {0, 50, 0, 0, 50, 0};
    CHECK(correlation(one, other) == doctest::Approx(0));
    CHECK(correlation(one, Image(2, 1, 3)) == 0);
    CHECK_THROWS_AS(correlation(one, Image(1, 2, 3)), InvalidArgument);
    CHECK_THROWS_AS(correlation(one, Image(2, 1, 1)), InvalidArgument);
    CHECK_THROWS_AS(correlation(Image(), Image()), InvalidArgument);
}

TEST_CASE("a photo's face is followed where it moves, and lost where it isn't any more") {
    const Pipeline pipeline = Pipeline::load(FFR_WEIGHTS_DIR);
    const auto picture = [](const std::string& name) {
        return read_image(std::filesystem::path(FFR_TEST_DIR) / "golden" / "images" / (name + ".png"));
    };
    const Image portrait = to_rgb(picture("portrait"));
    Track track;
    track.found = pipeline.faces(portrait).at(0);
    track.box = track.found.detection.box;
    CHECK((refit(pipeline, portrait, track).value().points == track.found.landmarks.points));

    Image moved(portrait.width(), portrait.height(), 3);
    paste(moved, portrait, {6, -4});
    const Landmarks landmarks = refit(pipeline, moved, track).value();
    CHECK(landmarks.points[30].x == doctest::Approx(track.found.landmarks.points[30].x + 6).epsilon(0.02));
    CHECK(landmarks.points[30].y == doctest::Approx(track.found.landmarks.points[30].y - 4).epsilon(0.02));

    CHECK_FALSE(refit(pipeline, to_rgb(picture("no_face_brick")), track));
    CHECK_FALSE(refit(pipeline, Image(portrait.width(), portrait.height(), 3), track));
    CHECK_THROWS_AS(refit(pipeline, Image(9, 9, 1), track), InvalidArgument);
    track.box = {5000, 5000, 5100, 5100};
    CHECK_FALSE(refit(pipeline, portrait, track));
}
