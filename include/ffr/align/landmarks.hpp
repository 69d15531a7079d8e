#pragma once
/// \file
/// Finds the landmarks of a face in a box: corners of the eyes, tip of the nose, outline of the lips.
///
///     image h x w, box --> 68 or 5 points (x, y)
///
///     mean shape --> compare pixel pairs --> 500 trees --> a little shift --+
///         ^          around the shape       vote                            |
///         +------------------------------- 15 times <-----------------------+
///
/// We start with the mean face laid into the box. A tree of depth 4 asks four times "is this pixel brighter than that
/// one, by so much?" and its leaf holds a small shift of all points. 500 trees are one cascade; after each of 15
/// cascades the pixels are read anew around the shape as it now stands.
///
/// predict() is the method. Its last step, shape += leaf for each tree, is in kernels/leaves.inl, since it takes most
/// time.
///
/// Paper: Kazemi & Sullivan 2014, "One millisecond face alignment with an ensemble of regression trees".
///
/// Order of 68 points (left and right as seen in the image): 0-16 jaw from left to right, 17-21 and 22-26 brows, 27-30
/// bridge of the nose, 31-35 its base, 36-41 left eye, 42-47 right eye, 48-59 outer lip, 60-67 inner lip. Order of 5
/// points: right eye's outer and inner corner, left eye's outer and inner corner, base of the nose.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../image/image.hpp"
#include "../kernels/leaves.hpp"
#include "similarity.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// The landmarks of a face, in pixels of its image. They may lie outside of the box and of the image.
struct Landmarks {
    std::vector<Point> points;     ///< rounded to whole pixels, halves upwards: what chips are cut by
    std::vector<PointF> subpixel;  ///< the same before rounding
};

namespace detail {

/// Brightness 0..255 of the pixel nearest to (x, y): the plain mean of the colours, rounded down; 0 outside. Numbers
/// within the image aren't negative, so cutting off rounds them down.
inline std::uint8_t brightness(ImageView image, double x, double y) {
    const double column = x + 0.5, row = y + 0.5;
    if (!(column >= 0 && row >= 0 && column < image.width && row < image.height)) return 0;
    const std::uint8_t* const pixel = image.row(static_cast<int>(row)) + static_cast<int>(column) * image.channels;
    return static_cast<std::uint8_t>(image.channels == 1 ? pixel[0] : (pixel[0] + pixel[1] + pixel[2]) / 3);
}

}  // namespace detail

/// An ensemble of regression trees for face landmarks. Its tables stay in the file's bytes. Immutable, safe for many
/// threads; copies share them.
class LandmarkPredictor {
  public:
    /// Takes the trees from a file, whose bytes are kept.
    /// \param weights  a file of kind "landmarks" (landmarks68.ffr, landmarks5.ffr)
    /// \throws FormatError when it's something else or its tables don't fit together
    static LandmarkPredictor load(const WeightsFile& weights) {
        return detail::with_default_floats([&] { return LandmarkPredictor(weights); });
    }

    /// Number of points a face gets: 68 or 5 for the files shipped.
    std::size_t point_count() const { return mean_shape_.shape[0]; }

    /// Finds the landmarks of the face in a box.
    ///
    /// \param image  gray or RGB
    /// \param box    the face as FaceDetector frames it; may lie partly or wholly outside of the image
    /// \throws InvalidArgument when the image is empty
    /// Cost: cascades * trees random reads of a leaf, independent of the image's size; about 0.15 ms for 68 points,
    /// 0.09 ms for 5 on one AVX2 core, more where the caches hold other things.
    Landmarks predict(ImageView image, const Rect& box) const {
        return detail::with_default_floats([&] {
            require_pixels(image);
            std::vector<float> shape(mean_shape_.begin(), mean_shape_.end());
            std::vector<std::uint8_t> pixels(pixels_per_cascade());
            std::vector<std::size_t> reached(trees_per_cascade());
            for (std::size_t cascade = 0; cascade < cascades(); ++cascade) {
                read_pixels(image, box, cascade, shape, pixels);
                find_leaves(cascade, pixels, reached);
                kernels::add_leaves(kernels::simd_path(), leaves_[cascade], reached.data(), reached.size(),
                                    shape.data());
            }
            return to_image(shape, box);
        });
    }

  private:
    static constexpr std::size_t kMostCascades = 1000;  // each is looked up by name; models have 10 to 20

    explicit LandmarkPredictor(const WeightsFile& weights) : file_(weights) {
        constexpr std::size_t kAny = WeightsFile::kAny;
        weights.require_kind("landmarks");
        mean_shape_ = weights.finite_tensor<float>("mean_shape", {kAny, 2});
        anchors_ = weights.tensor<std::uint16_t>("pixels/anchor", {kAny, kAny});
        offsets_ = weights.finite_tensor<float>("pixels/offset", {cascades(), pixels_per_cascade(), 2});
        split_pixels_ = weights.tensor<std::uint16_t>("splits/pixels", {cascades(), kAny, kAny, 2});
        thresholds_ =
            weights.tensor<std::int16_t>("splits/threshold", {cascades(), trees_per_cascade(), splits_per_tree()});
        if (cascades() > kMostCascades) throw FormatError(file_.name() + ": has more than 1000 cascades");
        for (std::size_t cascade = 0; cascade < cascades(); ++cascade) leaves_.push_back(leaf_table(cascade));
        check_tables();
    }

    /// A cascade's leaves in whichever coding the file has them. A landmark is only as good as the pixels that its
    /// cascades read, and an early error makes later ones read others: so the compact coding gives the first cascades
    /// 16 bits and the last ones 4.
    kernels::LeafTable leaf_table(std::size_t cascade) const {
        const std::string name = "leaves/" + std::to_string(cascade) + "/";
        const std::size_t trees = trees_per_cascade(), leaves = leaves_per_tree(), coordinates = mean_shape_.size();
        const auto steps = [&](kernels::LeafCoding coding, const void* shifts) {
            const TensorView<float> sizes = file_.finite_tensor<float>(name + "step_size", {trees, leaves});
            return kernels::LeafTable{coding, static_cast<const char*>(shifts), sizes.data, coordinates};
        };
        if (file_.contains(name + "int16")) {
            const auto view = file_.tensor<std::int16_t>(name + "int16", {trees, leaves, coordinates});
            return steps(kernels::LeafCoding::int16, view.data);
        }
        if (file_.contains(name + "int8")) {
            const auto view = file_.tensor<std::int8_t>(name + "int8", {trees, leaves, coordinates});
            return steps(kernels::LeafCoding::int8, view.data);
        }
        if (file_.contains(name + "nibbles")) {
            const auto view = file_.tensor<std::int8_t>(name + "nibbles", {trees, leaves, coordinates / 2});
            return steps(kernels::LeafCoding::nibbles, view.data);
        }
        const auto view = file_.finite_tensor<float>(name + "float32", {trees, leaves, coordinates});
        return {kernels::LeafCoding::exact, reinterpret_cast<const char*>(view.data), nullptr, coordinates};
    }

    /// Everything that serves as an index or a divisor is checked here, so that predict needn't.
    void check_tables() const {
        const auto require = [this](bool fine, const char* reason) {
            if (!fine) throw FormatError(file_.name() + ": " + reason);
        };
        const auto below = [](const TensorView<std::uint16_t>& values, std::size_t limit) {
            return std::all_of(values.begin(), values.end(), [limit](std::uint16_t v) { return v < limit; });
        };
        require(point_count() >= 1, "a shape needs at least one point");
        require(cascades() >= 1, "a predictor needs at least one cascade");
        require((leaves_per_tree() & splits_per_tree()) == 0, "a tree's splits must number a power of two less one");
        require(below(anchors_, point_count()), "a pixel is anchored to a point that doesn't exist");
        require(below(split_pixels_, pixels_per_cascade()), "a split asks for a pixel that doesn't exist");
        require(point_count() == 1 || SimilarityFit(mean_shape_.data, point_count()).valid(),
                "all points of the mean shape are the same");
    }

    std::size_t cascades() const { return anchors_.shape[0]; }
    std::size_t pixels_per_cascade() const { return anchors_.shape[1]; }
    std::size_t trees_per_cascade() const { return split_pixels_.shape[1]; }
    std::size_t splits_per_tree() const { return split_pixels_.shape[2]; }
    std::size_t leaves_per_tree() const { return splits_per_tree() + 1; }

    /// Box coordinates to the image's: (0, 0) is the box's first pixel, (1, 1) its last.
    static PointF to_image(float u, float v, const Rect& box) {
        const double width = static_cast<double>(box.right) - box.left;
        const double height = static_cast<double>(box.bottom) - box.top;
        return {box.left + u * width, box.top + v * height};
    }

    /// Reads the pixels that a cascade's trees compare: each keeps its offset from a point of the mean shape, turned
    /// and scaled as the shape is now.
    void read_pixels(ImageView image, const Rect& box, std::size_t cascade, const std::vector<float>& shape,
                     std::vector<std::uint8_t>& pixels) const {
        Rotation turn;
        if (point_count() > 1) turn = SimilarityFit(mean_shape_.data, point_count()).rotation_to(shape.data());
        const float a = static_cast<float>(turn.a), b = static_cast<float>(turn.b);
        const std::size_t first = cascade * pixels_per_cascade();
        for (std::size_t i = 0; i < pixels.size(); ++i) {
            const float* const offset = offsets_.data + 2 * (first + i);
            const float* const anchor = shape.data() + 2 * anchors_[first + i];
            const float u = a * offset[0] + -b * offset[1] + anchor[0];
            const float v = b * offset[0] + a * offset[1] + anchor[1];
            const PointF p = to_image(u, v, box);
            pixels[i] = detail::brightness(image, p.x, p.y);
        }
    }

    /// The leaves that the pixels lead to, one a tree, numbered through the cascade's trees. All of them are asked for
    /// before the first is added: their memory comes in while other trees descend.
    void find_leaves(std::size_t cascade, const std::vector<std::uint8_t>& pixels,
                     std::vector<std::size_t>& reached) const {
        for (std::size_t tree = 0; tree < reached.size(); ++tree) {
            const std::size_t leaf = descend(cascade * trees_per_cascade() + tree, pixels);
            reached[tree] = tree * leaves_per_tree() + leaf;
            leaves_[cascade].ask_for(reached[tree]);
        }
    }

    /// The leaf of a tree that the pixels lead to, 0 .. leaves_per_tree() - 1. Thresholds are whole numbers since
    /// pixels are.
    std::size_t descend(std::size_t tree, const std::vector<std::uint8_t>& pixels) const {
        const std::uint16_t* const pair = split_pixels_.data + tree * splits_per_tree() * 2;
        const std::int16_t* const threshold = thresholds_.data + tree * splits_per_tree();
        std::size_t node = 0;
        while (node < splits_per_tree()) {
            const int difference = pixels[pair[2 * node]] - pixels[pair[2 * node + 1]];
            // Left or right without a jump, which the processor could only guess.
            node = 2 * node + 2 - static_cast<std::size_t>(difference > threshold[node]);
        }
        return node - splits_per_tree();
    }

    static Landmarks to_image(const std::vector<float>& shape, const Rect& box) {
        Landmarks landmarks;
        for (std::size_t i = 0; i + 1 < shape.size(); i += 2) {
            const PointF p = to_image(shape[i], shape[i + 1], box);
            landmarks.subpixel.push_back(p);
            landmarks.points.push_back({round_half_up(p.x), round_half_up(p.y)});
        }
        return landmarks;
    }

    WeightsFile file_;
    TensorView<float> mean_shape_;
    TensorView<std::uint16_t> anchors_;
    TensorView<float> offsets_;
    TensorView<std::uint16_t> split_pixels_;
    TensorView<std::int16_t> thresholds_;
    std::vector<kernels::LeafTable> leaves_;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
