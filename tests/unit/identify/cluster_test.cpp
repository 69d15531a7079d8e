#include "ffr/identify/cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "noise.hpp"

using namespace ffr;

namespace {

/// A face with one number that isn't 0, so that distances are seen at once.
Embedding at(float x) {
    Embedding face{};
    face[77] = x;
    return face;
}

std::vector<Embedding> line_of(const std::vector<float>& places) {
    std::vector<Embedding> faces;
    for (const float x : places) faces.push_back(at(x));
    return faces;
}

/// Faces without a meaning, of numbers within -scale..scale.
std::vector<Embedding> random_faces(std::size_t count, float scale) {
    const std::vector<float> values = numbers(count * 128, 4711);
    std::vector<Embedding> faces(count);
    for (std::size_t i = 0; i < count * 128; ++i) faces[i / 128][i % 128] = scale * values[i];
    return faces;
}

/// Faces of people around points of their own, all mixed.
std::vector<Embedding> people(std::size_t persons, std::size_t faces_of_each, float spread) {
    const std::vector<Embedding> centres = random_faces(persons, 0.1f);
    std::vector<Embedding> faces = random_faces(persons * faces_of_each, spread);
    for (std::size_t i = 0; i < faces.size(); ++i) {
        for (std::size_t k = 0; k < 128; ++k) faces[i][k] += centres[i % persons][k];
    }
    return faces;
}

using Edges = std::set<std::pair<std::size_t, std::size_t>>;

Edges plain_edges(const std::vector<Embedding>& faces, double distance) {
    Edges edges;
    for (std::size_t i = 0; i < faces.size(); ++i) {
        for (std::size_t j = 0; j < faces.size(); ++j) {
            if (i != j && ffr::distance(faces[i], faces[j]) < distance) edges.emplace(i, j);
        }
    }
    return edges;
}

Edges graph_edges(const std::vector<Embedding>& faces, double distance, int threads) {
    ThreadPool pool(threads);
    const detail::NearGraph graph(faces, distance, pool);
    Edges edges;
    for (std::size_t i = 0; i < faces.size(); ++i) {
        graph.for_each_near(i, [&](std::size_t j) { edges.emplace(i, j); });
    }
    return edges;
}

}  // namespace

TEST_CASE("the graph has the edges of the plain loop") {
    for (const std::size_t count : {0u, 1u, 2u, 31u, 32u, 33u, 64u, 100u}) {
        CAPTURE(count);
        const std::vector<Embedding> faces = random_faces(count, 0.1f);  // about 0.92 apart
        for (const double distance : {0.0, 0.5, 0.9, 0.92, 0.94, 2.0}) {
            CAPTURE(distance);
            const Edges expected = plain_edges(faces, distance);
            CHECK(graph_edges(faces, distance, 1) == expected);
            CHECK(graph_edges(faces, distance, 3) == expected);
        }
    }
}

TEST_CASE("close calls are decided in double") {
    const std::vector<Embedding> faces = random_faces(60, 0.1f);
    for (std::size_t i = 0; i < 60; i += 7) {
        for (std::size_t j = 0; j < i; j += 5) {
            // A pair's own distance isn't nearer than itself, but than the next double.
            const double distance = ffr::distance(faces[i], faces[j]), next = std::nextafter(distance, 2.0);
            CHECK(graph_edges(faces, distance, 1).count({i, j}) == 0);
            CHECK(graph_edges(faces, next, 1).count({i, j}) == 1);
            CHECK(graph_edges(faces, next, 1) == plain_edges(faces, next));
        }
    }
}

TEST_CASE("numbers too small or too large for squares in float make the same edges") {
    for (const float scale : {1e-30f, 1e-22f, 1e-15f, 1e15f, 1e20f, 3e38f}) {
        CAPTURE(scale);
        std::vector<Embedding> faces = random_faces(40, scale);
        faces[3] = faces[30];  // twins
        const double typical = ffr::distance(faces[0], faces[1]);
        for (const double distance : {0.0, typical / 2, typical, typical * 1.01, 1e-200, 1e200}) {
            CAPTURE(distance);
            CHECK(graph_edges(faces, distance, 1) == plain_edges(faces, distance));
        }
    }
}

TEST_CASE("groups are numbered by size, then by their first face") {
    CHECK(cluster_faces({}, 0.6).empty());
    CHECK(cluster_faces({at(1)}, 0.6) == std::vector<int>{0});
    CHECK(cluster_faces(line_of({5, 9, 0, 9.1f, 0.1f, 9.2f}), 0.6) == std::vector<int>{2, 0, 1, 0, 1, 0});
    CHECK(cluster_faces(line_of({7, 3, 7.1f, 3.1f}), 0.6) == std::vector<int>{0, 1, 0, 1});
    CHECK(cluster_faces(line_of({4, 3, 2, 1}), 0.6) == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("nearer than the distance are neighbours, as far aren't, and equal faces are for any distance above 0") {
    CHECK(cluster_faces(line_of({0, 0.5f}), 0.5) == std::vector<int>{0, 1});
    CHECK(cluster_faces(line_of({0, 0.5f}), 0.5000001) == std::vector<int>{0, 0});
    CHECK(cluster_faces(line_of({3, 3, 3}), 1e-300) == std::vector<int>{0, 0, 0});
    CHECK(cluster_faces(line_of({3, 3}), 0) == std::vector<int>{0, 1});
}

TEST_CASE("one wrong edge between two people is outvoted") {
    // Two bunches of five and two faces, one of each, that are near to each other.
    const std::vector<int> groups =
        cluster_faces(line_of({0, 0.1f, 0.2f, 0.3f, 0.4f, 0.9f, 1.0f, 1.1f, 1.2f, 1.3f}), 0.55);
    CHECK(groups == std::vector<int>{0, 0, 0, 0, 0, 1, 1, 1, 1, 1});
}

TEST_CASE("a face stays on a tie with its own group, and goes to the least number on a tie of others") {
    ThreadPool pool;
    using Groups = std::vector<std::size_t>;
    CHECK(detail::whisper(detail::NearGraph(line_of({0, 0.5f, 1}), 0.6, pool), 3) == Groups{1, 1, 1});
    CHECK(detail::whisper(detail::NearGraph(line_of({0.5f, 1, 0}), 0.6, pool), 3) == Groups{1, 1, 1});
}

TEST_CASE("people apart are told apart, whatever the order of faces and the number of threads") {
    for (const float spread : {0.03f, 0.05f, 0.07f}) {  // the last with faces in between that may go either way
        CAPTURE(spread);
        std::vector<Embedding> faces = people(30, 9, spread);
        const std::vector<int> groups = cluster_faces(faces, 0.6);
        if (spread < 0.06f) {
            for (std::size_t i = 0; i < faces.size(); ++i) CHECK(groups[i] == static_cast<int>(i % 30));
        }
        for (const int threads : {2, 5}) {
            Workspace workspace(threads);
            CHECK(cluster_faces(faces, 0.6, workspace) == groups);
        }
        std::reverse(faces.begin(), faces.end());
        std::vector<int> reversed = cluster_faces(faces, 0.6);
        std::reverse(reversed.begin(), reversed.end());
        std::set<std::pair<int, int>> pairs;
        for (std::size_t i = 0; i < groups.size(); ++i) pairs.emplace(groups[i], reversed[i]);
        CHECK(pairs.size() == static_cast<std::size_t>(*std::max_element(groups.begin(), groups.end()) + 1));
    }
}

TEST_CASE("a thousand faces of one person are one group") {
    const std::vector<int> groups = cluster_faces(people(1, 1000, 0.05f), 0.6);
    CHECK(std::count(groups.begin(), groups.end(), 0) == 1000);
}

TEST_CASE("what can't be compared is refused") {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    for (const double distance : {-0.1, kInfinity, kNan}) {
        CHECK_THROWS_AS(cluster_faces({at(0), at(1)}, distance), InvalidArgument);
    }
    for (const double number : {kInfinity, kNan}) {
        CHECK_THROWS_WITH_AS(cluster_faces({at(0), at(static_cast<float>(number))}, 0.6),
                             "face 1 has a number that isn't finite", InvalidArgument);
    }
}
