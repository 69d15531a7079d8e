#pragma once
/// \file
/// The weights that the user named, or else the ones beside the program or inside of it.

#include <string>

#include "ffr/detector.hpp"
#include "ffr/embedding.hpp"
#include "ffr/face_detector.hpp"
#include "ffr/identify.hpp"
#include "ffr/landmarks.hpp"
#include "ffr/pipeline.hpp"
#include "ffr/weights.hpp"
#include "options.hpp"

/// Opens a weight file: from --weights, else FFR_WEIGHTS, else beside the program or installed, else embedded.
/// \throws ffr::FileError, ffr::FormatError
ffr::WeightsFile open_weights(const std::string& name, const SharedOptions& options);

/// What --detector names.
ffr::Detector load_detector(const SharedOptions& options);
ffr::FaceDetector load_hog_detector(const SharedOptions& options);
ffr::LandmarkPredictor load_landmarks(const SharedOptions& options);
ffr::FaceEmbedder load_embedder(const SharedOptions& options);
ffr::Pipeline load_pipeline(const SharedOptions& options);

/// A model that `ffr train` wrote. \throws ffr::FileError, ffr::FormatError
ffr::Identifier load_people(const std::string& model);

/// What measures faces for a model: its network, and nothing that it wasn't trained with.
/// \throws ffr::FileError, ffr::FormatError
ffr::Pipeline load_pipeline_for(const ffr::Identifier& people, const std::string& model, SharedOptions options);

/// How the detector shall search.
ffr::DetectOptions detect_options(const SharedOptions& options);

/// The weight files in the order in which they're used, those that aren't shipped last.
inline constexpr const char* kWeightNames[] = {"hog_frontal.ffr", "mmod.ffr",     "landmarks5.ffr",
                                               "landmarks68.ffr", "resnet29.ffr", "nn4.small2.ffr"};
inline constexpr std::size_t kShippedWeights = 5;
