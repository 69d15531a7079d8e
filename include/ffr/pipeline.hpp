#pragma once
/// \file
/// The whole way in one object: a photo goes in, faces with boxes, landmarks, chips and embeddings come out.
///
///     image h x w --detect--> boxes --predict--> 68 points each --align--> chips 150 x 150 --embed--> 128 numbers each

#include <filesystem>
#include <utility>
#include <vector>

#include "align/landmarks.hpp"
#include "base/compiled.hpp"
#include "base/find_weights.hpp"
#include "base/float_environment.hpp"
#include "base/weights_file.hpp"
#include "base/workspace.hpp"
#include "detect/detector.hpp"
#include "detect/face_detector.hpp"
#include "embed/face_embedder.hpp"
#include "image/image.hpp"
#include "image/scale.hpp"

namespace ffr {
inline namespace v0_1 {

/// All that's known of a face in a photo.
struct Face {
    Detection detection;    ///< where it is, and how sure the detector was
    Landmarks landmarks;    ///< 68 or 5 points in the photo
    Image chip;             ///< the straightened face, as the network takes it
    Embedding embedding{};  ///< 128 numbers, near to those of the same person's other faces
};

/// Detector, landmarks and network together. Immutable after loading, safe for many threads.
class Pipeline {
  public:
    /// Puts loaded models together. \param detector  a FaceDetector, an MmodDetector or an AutoDetector
    Pipeline(Detector detector, LandmarkPredictor landmarks, FaceEmbedder embedder)
        : detector_(std::move(detector)), landmarks_(std::move(landmarks)), embedder_(std::move(embedder)) {}

    /// Loads hog_frontal.ffr, landmarks68.ffr and resnet29.ffr.
    /// \param folder  where they are; if empty, FFR_WEIGHTS or beside the program as find_weights says
    /// \throws FileError when one isn't there, FormatError when it isn't what it should be
    static Pipeline load(const std::filesystem::path& folder = {});

    /// The same with the network's arithmetic chosen when the program runs: see FaceEmbedder::load.
    static Pipeline load(const std::filesystem::path& folder, Precision precision);

    /// The step from an image to boxes.
    const Detector& detector() const { return detector_; }
    /// The step from a box to points.
    const LandmarkPredictor& landmarks() const { return landmarks_; }
    /// The step from a chip to numbers.
    const FaceEmbedder& embedder() const { return embedder_; }

    /// Landmarks, chip and embedding of a face that was found. \throws InvalidArgument when the image is empty
    Face measure(ImageView image, const Detection& detection) const {
        return measure(image, std::vector{detection}).front();
    }

    /// The same of many faces in one image, which takes less time than one by one.
    std::vector<Face> measure(ImageView image, const std::vector<Detection>& detections) const {
        Workspace workspace;
        return measure(image, detections, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use.
    std::vector<Face> measure(ImageView image, const std::vector<Detection>& detections, Workspace& workspace) const {
        std::vector<Face> faces(detections.size());
        workspace.threads().run(static_cast<int>(faces.size()), [&](int task, int) {
            const auto i = static_cast<std::size_t>(task);
            faces[i].detection = detections[i];
            faces[i].landmarks = landmarks_.predict(image, detections[i].box);
            faces[i].chip = embedder_.align(image, faces[i].landmarks);
        });
        std::vector<ImageView> chips;
        for (const Face& face : faces) chips.push_back(face.chip);
        const std::vector<Embedding> embeddings = embedder_.embed(chips, workspace);
        for (std::size_t i = 0; i < faces.size(); ++i) faces[i].embedding = embeddings[i];
        return faces;
    }

    /// Finds and measures all faces of a photo, by falling score. \throws InvalidArgument as Detector::detect does
    std::vector<Face> faces(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return faces(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use: for a camera's pictures, say.
    std::vector<Face> faces(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return measure(image, detector_.detect(image, options, workspace), workspace);
    }

  private:
    template <typename LoadEmbedder>
    static Pipeline load_with(const std::filesystem::path& folder, LoadEmbedder load_embedder) {
        const auto open = [&](const char* name) { return WeightsFile::open(find_weights(name, folder)); };
        return {FaceDetector::load(open("hog_frontal.ffr")), LandmarkPredictor::load(open("landmarks68.ffr")),
                load_embedder(open("resnet29.ffr"))};
    }

    Detector detector_;
    LandmarkPredictor landmarks_;
    FaceEmbedder embedder_;
};

#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)

FFR_COMPILED_INLINE Pipeline Pipeline::load(const std::filesystem::path& folder) {
    return load_with(folder, [](const WeightsFile& weights) { return FaceEmbedder::of<ResNet29>(weights); });
}

FFR_COMPILED_INLINE Pipeline Pipeline::load(const std::filesystem::path& folder, Precision precision) {
    return load_with(folder, [=](const WeightsFile& weights) { return FaceEmbedder::load(weights, precision); });
}

#endif

/// A detection in the smaller image as one in its original: its box is.
inline Detection in_original(const ReducedImage& reduced, Detection detection) {
    detection.box = in_original(reduced, detection.box);
    return detection;
}

/// Landmarks of the smaller image as those of its original: scaled before they're rounded, halves upwards, so that they
/// may lie on any pixel.
inline Landmarks in_original(const ReducedImage& reduced, Landmarks landmarks) {
    return detail::with_default_floats([&] {
        if (!reduced.is_smaller()) return std::move(landmarks);
        const double x = static_cast<double>(reduced.width) / reduced.image.width();
        const double y = static_cast<double>(reduced.height) / reduced.image.height();
        for (std::size_t i = 0; i < landmarks.subpixel.size(); ++i) {
            // Pixels' centres have whole coordinates, so the image begins at -0.5.
            PointF& point = landmarks.subpixel[i];
            point = {(point.x + 0.5) * x - 0.5, (point.y + 0.5) * y - 0.5};
            landmarks.points[i] = {round_half_up(point.x), round_half_up(point.y)};
        }
        return landmarks;
    });
}

/// A face in the smaller image as one in its original; the chip and the numbers stay those of the smaller one.
inline Face in_original(const ReducedImage& reduced, Face face) {
    face.detection = in_original(reduced, face.detection);
    face.landmarks = in_original(reduced, std::move(face.landmarks));
    return face;
}

}  // namespace v0_1
}  // namespace ffr
