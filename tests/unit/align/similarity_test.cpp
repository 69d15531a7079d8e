#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "ffr/align/similarity.hpp"

using namespace ffr;

namespace {

const std::vector<double> kPoints{0, 0, 10, 1, 4, 7, -3, 2.5, 8, -6};

std::vector<double> moved(const std::vector<double>& points, const Similarity& by) {
    std::vector<double> result;
    for (std::size_t i = 0; i < points.size(); i += 2) {
        const PointF p = by({points[i], points[i + 1]});
        result.push_back(p.x);
        result.push_back(p.y);
    }
    return result;
}

double error(const std::vector<double>& from, const Similarity& by, const std::vector<double>& to) {
    const std::vector<double> found = moved(from, by);
    double sum = 0;
    for (std::size_t i = 0; i < to.size(); ++i) sum += (found[i] - to[i]) * (found[i] - to[i]);
    return sum;
}

}  // namespace

TEST_CASE("a known turn, scale and shift is recovered") {
    for (const double degrees : {0.0, 30.0, 90.0, 179.0, -120.0}) {
        for (const double scale : {0.01, 1.0, 250.0}) {
            CAPTURE(degrees);
            CAPTURE(scale);
            const double angle = degrees * 3.14159265358979 / 180;
            const Similarity known{{scale * std::cos(angle), scale * std::sin(angle)}, {-40, 1000}};
            const Similarity found = SimilarityFit(kPoints.data(), 5).to(moved(kPoints, known).data());
            CHECK(found.rotation.a == doctest::Approx(known.rotation.a).epsilon(1e-9));
            CHECK(found.rotation.b == doctest::Approx(known.rotation.b).epsilon(1e-9));
            CHECK(found.shift.x == doctest::Approx(-40).epsilon(1e-9));
            CHECK(found.shift.y == doctest::Approx(1000).epsilon(1e-9));
        }
    }
}

TEST_CASE("x turns towards y when the angle grows: clockwise on a screen") {
    const PointF p = Similarity{{0, 1}, {0, 0}}({1, 0});
    CHECK(p.x == 0);
    CHECK(p.y == 1);
}

TEST_CASE("no similarity nearby fits better than the one found") {
    const std::vector<double> to{1, 2, 30, 5, 11, 25, -9, 4, 20, -13};
    const Similarity best = SimilarityFit(kPoints.data(), 5).to(to.data());
    const double least = error(kPoints, best, to);
    CHECK(least > 0);
    for (const double step : {0.01, -0.01}) {
        Similarity other = best;
        other.rotation.a += step;
        CHECK(error(kPoints, other, to) > least);
        other = best;
        other.rotation.b += step;
        CHECK(error(kPoints, other, to) > least);
        other = best;
        other.shift.x += step;
        CHECK(error(kPoints, other, to) > least);
        other = best;
        other.shift.y += step;
        CHECK(error(kPoints, other, to) > least);
    }
}

TEST_CASE("a mirror image isn't made by mirroring") {
    const std::vector<double> square{0, 0, 1, 0, 1, 1, 0, 1}, mirrored{1, 0, 0, 0, 0, 1, 1, 1};
    const Rotation found = SimilarityFit(square.data(), 4).rotation_to(mirrored.data());
    CHECK(found.a == doctest::Approx(0));
    CHECK(found.b == doctest::Approx(0));
}

TEST_CASE("two points are enough, one or equal ones are not") {
    const double two[] = {0, 0, 2, 0}, onto[] = {5, 5, 5, 9};
    const SimilarityFit fit(two, 2);
    CHECK(fit.valid());
    const Similarity found = fit.to(onto);
    CHECK(found.rotation.a == doctest::Approx(0));
    CHECK(found.rotation.b == doctest::Approx(2));
    CHECK(found.shift.x == doctest::Approx(5));
    CHECK(found.shift.y == doctest::Approx(5));
    const double one[] = {3, 4};
    CHECK_FALSE(SimilarityFit(one, 1).valid());
    const float same[] = {0.1f, 0.7f, 0.1f, 0.7f, 0.1f, 0.7f};
    CHECK_FALSE(SimilarityFit(same, 3).valid());
    CHECK_FALSE(SimilarityFit(one, 0).valid());
}

TEST_CASE("onto one spot is scale 0") {
    const std::vector<int> spot{7, 8, 7, 8, 7, 8, 7, 8, 7, 8};
    const Similarity found = SimilarityFit(kPoints.data(), 5).to(spot.data());
    CHECK(found.rotation.a == 0);
    CHECK(found.rotation.b == 0);
    CHECK(found.shift.x == 7);
    CHECK(found.shift.y == 8);
}
