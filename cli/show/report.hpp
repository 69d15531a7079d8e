#pragma once
/// \file
/// What the program says: JSON of faces, numbers.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ffr/identify/identify.hpp"
#include "ffr/pipeline.hpp"

using Json = nlohmann::ordered_json;

/// The shortest decimal that reads back as this float.
std::string to_decimal(float value);

/// The same as a number for JSON.
double shortest(float value);

/// `value` with that many digits behind the point.
std::string fixed(double value, int digits);

/// "1 face", "2 faces".
std::string count_of(std::size_t count, const std::string& noun);

/// "front", "left", ...: which of the detector's filters saw a face.
const char* view_name(int view);

/// {"image": ..., "width": ..., "height": ..., "faces": []}
Json image_record(const std::filesystem::path& path, int width, int height);

/// {"box": ..., "score": ..., "view": ...}; without a view where the detector doesn't tell
Json detection_record(const ffr::Detection& detection);

/// [[x, y], ...]
Json points_record(const std::vector<ffr::Point>& points);

/// [...128 numbers]
Json embedding_record(const ffr::Embedding& embedding);

/// A detection with "landmarks" and "embedding".
Json face_record(const ffr::Face& face);

/// One line for people: box, score and, where the detector tells, view.
std::string detection_text(const ffr::Detection& detection);

/// A label for a face: "anna 0.73" or "unknown".
std::string name_text(const ffr::Identity& who);

/// The index of the face with the largest box. \param faces  at least one
std::size_t largest_face(const std::vector<ffr::Detection>& faces);
