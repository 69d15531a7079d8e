#pragma once
/// \file
/// Photos with what was found in them drawn on top, and where they're written.

#include <filesystem>
#include <string>
#include <vector>

#include "ffr/draw.hpp"
#include "ffr/image.hpp"
#include "inputs.hpp"

/// What to draw on a face.
struct Annotation {
    ffr::Rect box;
    std::vector<ffr::Point> landmarks;
    std::string label;
    ffr::Color color;
};

/// Green, for what has no name.
inline constexpr ffr::Color kFoundColor{60, 220, 90};

/// A copy of a photo with boxes, landmarks and labels, their strength by the photo's size.
ffr::Image annotate(ffr::ImageView photo, const std::vector<Annotation>& faces);

/// Where an input's output goes: the same tree under `folder`, with another extension.
std::filesystem::path output_path(const Input& input, const std::filesystem::path& folder,
                                  const std::string& extension);

/// Gives an error to every input whose output would overwrite that of an earlier one.
void refuse_collisions(std::vector<Input>& inputs);
