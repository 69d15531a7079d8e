#pragma once
/// \file
/// The photos that come with the program.

#include <string>
#include <vector>

#include "ffr/image/image.hpp"

/// A shipped photo: its path below photos/, and its pixels.
struct ShippedPhoto {
    std::string name;
    ffr::Image image;
};

/// All shipped photos below a folder of photos/, by path. \throws ffr::Error when the program was built without them
std::vector<ShippedPhoto> shipped_photos(const std::string& folder);

/// The photo that bench uses: 512 x 512 pixels, one face.
ffr::Image bench_photo();
