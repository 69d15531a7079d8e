#pragma once
/// \file
/// Photos with what was found in them drawn on top.

#include <string>
#include <vector>

#include "ffr/draw.hpp"
#include "ffr/identify.hpp"
#include "ffr/image.hpp"

/// What to draw on a face.
struct Annotation {
    ffr::Rect box;
    std::vector<ffr::Point> landmarks;
    std::string label;
    ffr::Color color;
};

/// Green, for what has no name.
inline constexpr ffr::Color kFoundColor{60, 220, 90};

/// A box with the name of who's in it, and how sure that is.
Annotation name_tag(const ffr::Rect& box, const ffr::Identity& who);

/// A copy of a photo with boxes, landmarks and labels, their strength by the photo's size.
ffr::Image annotate(ffr::ImageView photo, const std::vector<Annotation>& faces);
