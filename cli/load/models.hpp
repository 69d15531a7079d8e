#pragma once
/// \file
/// The weights that the user named, or else the ones beside the program or inside of it.

#include <cstdint>
#include <string>

#include "ffr/align/landmarks.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/detect/detector.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "ffr/identify/identify.hpp"
#include "ffr/pipeline.hpp"
#include "load/options.hpp"

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

/// A weight file that ffr uses, and the checksum of the one that's shipped; 0 for one that isn't.
struct KnownWeights {
    const char* name;
    std::uint64_t xxh64;
};

/// The weight files in the order in which they're used.
inline constexpr KnownWeights kKnownWeights[] = {
    {"hog_frontal.ffr", 0xa1d78a24119530eb}, {"mmod.ffr", 0x682c23aad64c9ac4},
    {"landmarks5.ffr", 0xf2ebd9a8161f4115},  {"landmarks68.ffr", 0x6ae804d016e38b1b},
    {"resnet29.ffr", 0xd3eed97dba252f22},    {"nn4.small2.ffr", 0}};
