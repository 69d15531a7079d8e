#pragma once
/// \file
/// Photos with what was found in them drawn on top.

#include <optional>
#include <string>
#include <vector>

#include "ffr/image/draw.hpp"
#include "ffr/image/image.hpp"

/// What to draw on a face.
struct Annotation {
    ffr::Rect box;
    std::vector<ffr::Point> landmarks;
    std::string label;
    ffr::Color color;
};

/// Green, for what has no name.
inline constexpr ffr::Color kFoundColor{60, 220, 90};

/// Gray, for who has no name.
inline constexpr ffr::Color kUnknownColor{170, 170, 170};

/// A copy of a photo with boxes, landmarks and labels. Lines and letters are as large as the face allows, but never too
/// thin for a look at the whole photo; a photo of less than half of 480 pixels is enlarged, so that names fit into it.
ffr::Image annotate(ffr::ImageView photo, const std::vector<Annotation>& faces);

/// The same onto an RGB picture, which stays as large as it is.
void draw_annotations(ffr::Image& picture, const std::vector<Annotation>& faces);

/// Where a face's label goes: above or below the box, or in it, where it hides least of faces and other labels.
/// \param boxes   of all faces
/// \param face    which of them it is
/// \param labels  of faces before it
/// \param photo   the whole picture; the label stays in it if it isn't larger
ffr::Rect place_label(int width, int height, const std::vector<ffr::Rect>& boxes, std::size_t face,
                      const std::vector<ffr::Rect>& labels, const ffr::Rect& photo);

/// Colours for the faces of one photo, different ones for different people as long as there are any.
/// \param names  for each face; nothing for an unknown one
/// \param known  all people, sorted. Somebody has the same colour in each photo, unless there are more of them than
///               ffr::kPersonColors and another one in the photo has it
std::vector<ffr::Color> face_colors(const std::vector<std::optional<std::string>>& names,
                                    const std::vector<std::string>& known);
