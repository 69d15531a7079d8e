#pragma once
/// \file
/// The similarity (turn, scale, shift) that brings one set of points as near to another as it can: the least squares
/// fit that landmarks and chips both need.
///
///     points from: n x 2, points to: n x 2  -->  a, b and the shift t, so that M p + t is near to p's partner
///
///     p -> M p + t,   M = | a  -b |     scale sqrt(a^2 + b^2), angle atan2(b, a)
///                         | b   a |
///
/// With both sets centred on their means, a and b are two sums over the points and a division (Umeyama 1991, without
/// reflections, in two dimensions).

#include <cstddef>
#include <vector>

#include "../base/exact_float.hpp"
#include "../image/image.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A turn with a scale: the matrix [[a, -b], [b, a]].
struct Rotation {
    double a = 1;  ///< scale times the angle's cosine
    double b = 0;  ///< scale times its sine; above 0 turns x towards y, clockwise on the screen
};

/// p -> rotation p + shift.
struct Similarity {
    Rotation rotation;  ///< about the point (0, 0)
    PointF shift;       ///< after it, in pixels

    /// The image of a point.
    PointF operator()(PointF p) const {
        return {rotation.a * p.x - rotation.b * p.y + shift.x, rotation.b * p.x + rotation.a * p.y + shift.y};
    }
};

/// Fits similarities from one fixed set of points to others.
class SimilarityFit {
  public:
    /// Prepares fits from these points.
    /// \param from  x0, y0, x1, y1, ... of `count` points
    template <typename Number>
    SimilarityFit(const Number* from, std::size_t count) {
        from_mean_ = mean(from, count);
        for (std::size_t i = 0; i < count; ++i) {
            from_.push_back(
                {static_cast<double>(from[2 * i]) - from_mean_.x, static_cast<double>(from[2 * i + 1]) - from_mean_.y});
            variance_ += from_.back().x * from_.back().x + from_.back().y * from_.back().y;
        }
    }

    /// False when all points are the same: then there's nothing to fit by.
    bool valid() const { return variance_ > 0; }

    /// The turn and scale of the best similarity to `to`, as many points as there were in `from`.
    template <typename Number>
    Rotation rotation_to(const Number* to) const {
        const PointF to_mean = mean(to, from_.size());
        double a = 0, b = 0;
        for (std::size_t i = 0; i < from_.size(); ++i) {
            const double x = static_cast<double>(to[2 * i]) - to_mean.x;
            const double y = static_cast<double>(to[2 * i + 1]) - to_mean.y;
            a += from_[i].x * x + from_[i].y * y;
            b += from_[i].x * y - from_[i].y * x;
        }
        return {a / variance_, b / variance_};
    }

    /// The best similarity to `to`.
    template <typename Number>
    Similarity to(const Number* to) const {
        Similarity fit{rotation_to(to), mean(to, from_.size())};
        const PointF turned = Similarity{fit.rotation, {}}(from_mean_);
        fit.shift = {fit.shift.x - turned.x, fit.shift.y - turned.y};
        return fit;
    }

  private:
    template <typename Number>
    static PointF mean(const Number* points, std::size_t count) {
        PointF sum;
        for (std::size_t i = 0; i < count; ++i) {
            sum.x += static_cast<double>(points[2 * i]);
            sum.y += static_cast<double>(points[2 * i + 1]);
        }
        return {sum.x / static_cast<double>(count), sum.y / static_cast<double>(count)};
    }

    std::vector<PointF> from_;
    PointF from_mean_;
    double variance_ = 0;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
