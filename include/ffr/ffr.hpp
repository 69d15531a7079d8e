#pragma once
/// \file
/// ffr: faces found and named, each step from scratch. Include this and have it all; the headers below stand in the
/// order in which a photo passes through them.
///
///     const auto pipeline = ffr::Pipeline::load("weights");
///     const auto people = ffr::Identifier::load(ffr::WeightsFile::open("people.ffr"));
///     for (const ffr::Face& face : pipeline.faces(ffr::read_image("party.jpg"))) {
///         std::cout << people.identify(face.embedding).name.value_or("unknown") << '\n';
///     }
///
/// Needs C++17, and stb unless FFR_NO_STB is defined: then there's no image_io.hpp, and images come from elsewhere. All
/// loaded models are immutable and may be shared by threads. Errors are exceptions under ffr::Error.
///
/// To read them all, go down the list. Where a step has a plain version and a fast one, the plain one comes first.

// clang-format off
// The order of the data, not of the alphabet.

// What all steps need: errors, files of what was learned, pixels and files of them, threads and memory.
#include "version.hpp"
#include "detail/compiled.hpp"
#include "error.hpp"
#include "weights.hpp"
#include "image.hpp"
#if !defined(FFR_NO_STB)
#include "exif.hpp"
#include "image_io.hpp"
#endif
#include "threads.hpp"
#include "workspace.hpp"
#include "planes.hpp"
// Image -> boxes.
#include "resize.hpp"
#include "hog_cells.hpp"
#include "hog.hpp"
#include "sliding_filter.hpp"
#include "face_detector.hpp"
#include "hog_picture.hpp"
// Box -> landmarks -> chip.
#include "similarity.hpp"
#include "landmarks.hpp"
#include "align.hpp"
#include "affine.hpp"
// Chip -> 128 numbers: the layers plainly, then fast, then in bytes; the networks made of them.
#include "layers.hpp"
#include "blocked_maps.hpp"
#include "row_chunks.hpp"
#include "simd_convolution.hpp"
#include "simd_layers.hpp"
#include "int8_convolution.hpp"
#include "int8_layers.hpp"
#include "distance.hpp"
#include "resnet29.hpp"
#include "nn4_small2.hpp"
#include "line_convolution.hpp"
#include "mmod_pyramid.hpp"
#include "mmod_network.hpp"
#include "mmod_detector.hpp"
#include "auto_detector.hpp"
#include "detector.hpp"
#include "embedding.hpp"
// Numbers -> name, or groups without names.
#include "smo.hpp"
#include "svm.hpp"
#include "identify.hpp"
#include "enrolment.hpp"
#include "cluster.hpp"
#include "evaluate.hpp"
// All of it together: photos, drawings on them, video.
#include "pipeline.hpp"
#include "draw.hpp"
#include "reduce.hpp"
#include "y4m.hpp"
#include "track.hpp"
// clang-format on
