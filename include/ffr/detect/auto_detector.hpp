#pragma once
/// \file
/// Two detectors in turn: the fast one, and the thorough one where the fast one finds nothing or isn't sure.
///
///     image --> FaceDetector --> every face scores at least 0.5 --> its boxes
///                     |
///                     +--------> none, or one that scores less --> MmodDetector --> its boxes, and those of the first
///                                                                                   that it misses
///
/// So photos of upright faces take milliseconds, and only the others ten times as long.

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "../base/float_environment.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "detection.hpp"
#include "face_detector.hpp"
#include "mmod_detector.hpp"

namespace ffr {
inline namespace v0_1 {

/// The detector by HOG features, and the CNN where that isn't sure. Immutable, safe for many threads.
class AutoDetector {
  public:
    /// What FaceDetector scores lower is worth a second look. Most faces score above, and what's none seldom does.
    static constexpr double kSureScore = 0.5;

    /// Puts loaded detectors together.
    AutoDetector(FaceDetector fast, MmodDetector thorough) : fast_(std::move(fast)), thorough_(std::move(thorough)) {}

    /// Finds faces.
    /// \param options  as of either detector, whose scores have different units
    /// \returns detections by falling score, each with a view or -1 by whom it was found
    /// \throws InvalidArgument as the detectors do
    /// Cost: FaceDetector's, and where it isn't sure MmodDetector's.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            std::vector<Detection> seen = fast_.detect(image, options, workspace);
            if (!seen.empty() && seen.back().score >= kSureScore) return seen;
            const std::vector<Detection> faces = thorough_.detect(image, options, workspace);
            const auto seen_again = [&](const Detection& face) {
                constexpr double kRatio = 1 / 3.0, kCover = 0.5;
                return std::any_of(faces.begin(), faces.end(), [&](const Detection& other) {
                    return detail::overlaps(face.box, other.box, kRatio, kCover);
                });
            };
            seen.erase(std::remove_if(seen.begin(), seen.end(), seen_again), seen.end());
            std::vector<Detection> all;
            std::merge(seen.begin(), seen.end(), faces.begin(), faces.end(), std::back_inserter(all),
                       [](const Detection& a, const Detection& b) { return a.score > b.score; });
            return all;
        });
    }

  private:
    FaceDetector fast_;
    MmodDetector thorough_;
};

}  // namespace v0_1
}  // namespace ffr
