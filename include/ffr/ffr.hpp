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

// What all steps need: errors, threads and memory, files of what was learned.
#include "version.hpp"
#include "base/compiled.hpp"
#include "base/error.hpp"
#include "base/threads.hpp"
#include "base/workspace.hpp"
#include "base/weights_file.hpp"
#include "base/weights_writer.hpp"
#include "base/find_weights.hpp"
// Pixels and files of them.
#include "image/image.hpp"
#if !defined(FFR_NO_STB)
#include "image/exif.hpp"
#include "image/image_io.hpp"
#endif
#include "image/planes.hpp"
#include "image/resize.hpp"
#include "image/scale.hpp"
#include "image/draw.hpp"
// What networks are made of: the layers plainly, then fast, then in bytes.
#include "layers/plain_layers.hpp"
#include "layers/blocked_maps.hpp"
#include "layers/row_chunks.hpp"
#include "layers/simd_convolution.hpp"
#include "layers/simd_layers.hpp"
#include "layers/int8_convolution.hpp"
#include "layers/int8_layers.hpp"
#include "layers/line_convolution.hpp"
// Image -> boxes: by HOG features and filters, or by a network.
#include "detect/detection.hpp"
#include "detect/hog_cells.hpp"
#include "detect/hog.hpp"
#include "detect/hog_picture.hpp"
#include "detect/sliding_filter.hpp"
#include "detect/face_detector.hpp"
#include "detect/mmod_pyramid.hpp"
#include "detect/mmod_network.hpp"
#include "detect/mmod_detector.hpp"
#include "detect/auto_detector.hpp"
#include "detect/detector.hpp"
// Box -> landmarks -> chip.
#include "align/similarity.hpp"
#include "align/landmarks.hpp"
#include "align/chip.hpp"
#include "align/affine.hpp"
// Chip -> 128 numbers.
#include "embed/embedding.hpp"
#include "embed/resnet29.hpp"
#include "embed/nn4_small2.hpp"
#include "embed/face_embedder.hpp"
// Numbers -> name, or groups without names.
#include "identify/smo.hpp"
#include "identify/svm.hpp"
#include "identify/identify.hpp"
#include "identify/enrolment.hpp"
#include "identify/cluster.hpp"
#include "identify/evaluate.hpp"
// All of it together, and faces followed through a video.
#include "pipeline.hpp"
#include "video/y4m.hpp"
#include "video/track.hpp"
// clang-format on
