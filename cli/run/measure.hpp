#pragma once
/// \file
/// From an image to the one face in it that counts.

#include "ffr/pipeline.hpp"
#include "load/models.hpp"
#include "show/report.hpp"

/// Finds the faces of an image and measures the largest. \throws ffr::Error when there's none
inline ffr::Face measure_largest(const ffr::Pipeline& pipeline, const ffr::Image& image, const SharedOptions& options) {
    const std::vector<ffr::Detection> faces = pipeline.detector().detect(image, detect_options(options));
    if (faces.empty()) throw ffr::Error("there's no face in the image");
    return pipeline.measure(image, faces[largest_face(faces)]);
}
