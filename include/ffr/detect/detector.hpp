#pragma once
/// \file
/// The detectors behind one name, for who chooses between them when the program runs.
///
///     FaceDetector  upright faces, in milliseconds                       --+
///     MmodDetector  turned and tilted ones, too, in ten times as many    --+--> Detector --> boxes
///     AutoDetector  the second where the first finds nothing or isn't sure --+

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "detection.hpp"
#include "face_detector.hpp"

namespace ffr {
inline namespace v0_1 {

/// Any detector. Immutable, safe for many threads; copies share it.
class Detector {
  public:
    /// Takes a FaceDetector, an MmodDetector, an AutoDetector, or whatever else has their detect(image, options, workspace).
    template <typename Kind, typename = std::enable_if_t<!std::is_same_v<std::decay_t<Kind>, Detector>>>
    Detector(Kind&& detector)
        : detect_([shared = std::make_shared<const std::decay_t<Kind>>(std::forward<Kind>(detector))](
                      ImageView image, const DetectOptions& options, Workspace& workspace) {
              return shared->detect(image, options, workspace);
          }) {}

    /// Finds faces, as the detector that it was made of does.
    /// \returns detections by falling score; where boxes overlap only the best
    /// \throws InvalidArgument when the image is empty, upsample isn't 0..4 or gives more than FaceDetector::kMaxPixels
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detect_(image, options, workspace);
    }

  private:
    std::function<std::vector<Detection>(ImageView, const DetectOptions&, Workspace&)> detect_;
};

}  // namespace v0_1
}  // namespace ffr
