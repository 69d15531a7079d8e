#pragma once
/// \file
/// Numbers as colours.

#include <vector>

#include "ffr/image/draw.hpp"
#include "ffr/image/image.hpp"

/// From blue (-1 and less) over near white (0) to orange (1 and more): the ends differ for colour-blind eyes too, and in
/// lightness both from the middle.
ffr::Color diverging_color(double value);

/// Numbers as a row of pixels, one each. \param strongest  the amount that gets the full colour, more than 0
ffr::Image color_strip(const std::vector<float>& numbers, double strongest);
