#include <doctest/doctest.h>

#include <set>
#include <tuple>

#include "show/annotate.hpp"

using namespace ffr;

namespace {

bool overlap(const Rect& a, const Rect& b) {
    return a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;
}

bool is_inside(const Rect& inner, const Rect& outer) {
    return inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top &&
           inner.bottom <= outer.bottom;
}

/// Labels of that size for all boxes, one after the other.
std::vector<Rect> place_all(int width, int height, const std::vector<Rect>& boxes, const Rect& photo) {
    std::vector<Rect> labels;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        labels.push_back(place_label(width, height, boxes, i, labels, photo));
    }
    return labels;
}

constexpr Rect kPhoto{0, 0, 639, 479};

}  // namespace

TEST_CASE("a label goes above its box, or below where there's no room") {
    CHECK(place_label(70, 13, {{100, 100, 199, 199}}, 0, {}, kPhoto) == Rect{100, 87, 169, 99});
    CHECK(place_label(70, 13, {{100, 5, 199, 104}}, 0, {}, kPhoto) == Rect{100, 105, 169, 117});
    CHECK(place_label(70, 13, {{0, 0, 639, 479}}, 0, {}, kPhoto) == Rect{0, 0, 69, 12});
}

TEST_CASE("labels stay in the photo, wherever the box is") {
    for (const int x : {-60, 0, 300, 600, 700}) {
        for (const int y : {-60, 0, 200, 450, 600}) {
            CHECK(is_inside(place_label(150, 26, {{x, y, x + 79, y + 79}}, 0, {}, kPhoto), kPhoto));
        }
    }
    const Rect larger_than_photo = place_label(900, 500, {{10, 10, 89, 89}}, 0, {}, kPhoto);
    CHECK(larger_than_photo == Rect{0, 0, 899, 499});
}

TEST_CASE("neighbours' labels don't hide one another") {
    for (const int height : {13, 26}) {
        const std::vector<Rect> boxes{{100, 200, 179, 279}, {190, 205, 269, 284}, {280, 195, 359, 274}};
        const std::vector<Rect> labels = place_all(120, height, boxes, kPhoto);
        for (std::size_t i = 0; i < labels.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(overlap(labels[i], labels[j]));
            for (const Rect& box : boxes) CHECK_FALSE(overlap(labels[i], box));
        }
    }
}

TEST_CASE("people of one photo have different colours, and keep them from photo to photo") {
    std::vector<std::string> known;
    for (int i = 10; i < 50; ++i) known.push_back("person " + std::to_string(i));
    const auto colors = face_colors({"person 10", "person 11", std::nullopt, "person 10"}, known);
    CHECK(colors == std::vector<Color>{kPersonColors[0], kPersonColors[1], kUnknownColor, kPersonColors[0]});
    CHECK(face_colors({"person 11"}, known)[0] == kPersonColors[1]);
    // Twenty people whose first choices are ten colours only.
    std::vector<std::optional<std::string>> many;
    for (int i = 10; i < 20; ++i) {
        many.push_back("person " + std::to_string(i));
        many.push_back("person " + std::to_string(i + 20));
    }
    std::set<std::tuple<int, int, int>> seen;
    for (const Color color : face_colors(many, known)) seen.insert({color.r, color.g, color.b});
    CHECK(seen.size() == 20);
    many.assign(known.begin(), known.end());  // more people than colours
    CHECK(face_colors(many, known).size() == 40);
    CHECK(face_colors({}, known).empty());
}

TEST_CASE("small photos are enlarged, others keep their size, and lines grow with both face and photo") {
    const auto size = [](int width, int height) {
        const Image drawn = annotate(Image(width, height, 1), {{{0, 0, 9, 9}, {{5, 5}}, "name 0.5", kFoundColor}});
        return std::pair{drawn.width(), drawn.height()};
    };
    CHECK(size(100, 80) == std::pair{400, 320});
    CHECK(size(1, 1) == std::pair{480, 480});
    CHECK(size(241, 3) == std::pair{241, 3});
    CHECK(size(640, 480) == std::pair{640, 480});
    // Pixels of the box's left edge in the middle row.
    const auto thickness = [](const Rect& box) {
        const Image drawn = annotate(Image(6000, 1000, 3), {{box, {}, "", kFoundColor}});
        int count = 0;
        const std::uint8_t* const row = drawn.row((box.top + box.bottom) / 2);
        for (int x = box.left - 50; x < box.left + 50; ++x) count += row[3 * x + 1] == kFoundColor.g ? 1 : 0;
        return count;
    };
    CHECK(thickness({1000, 300, 1099, 399}) == 12);
    CHECK(thickness({1000, 100, 1799, 899}) == 20);
    CHECK(thickness({1000, 50, 2999, 949}) == 24);
}
