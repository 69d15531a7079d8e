#pragma once
/// \file
/// What the golden tests share: reading the data that make_golden.py wrote, the pictures they're about, and weights.
///
/// A record is one line of a data file. Its "image" names a picture in images/, or the synthetic image when it's empty;
/// its "gray" says whether the reference saw it in gray. Whatever is missing fails the test that asks for it, but for
/// the exact weights, which aren't all committed: see exact_weights.

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ffr/align/landmarks.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/xxhash.hpp"
#include "ffr/image/image.hpp"
#include "ffr/image/image_io.hpp"

namespace golden {

using Json = nlohmann::json;

inline std::filesystem::path folder() {
    return std::filesystem::path(FFR_TEST_DIR) / "golden";
}

/// The records of a file in data/. There's always at least one.
inline Json records(const std::string& name) {
    const std::filesystem::path path = folder() / "data" / name;
    std::ifstream in(path);
    REQUIRE_MESSAGE(in, "can't read " << path.string());
    Json all = Json::parse(in).at("records");
    REQUIRE_MESSAGE(!all.empty(), path.string() << " has no records");
    return all;
}

/// Rec. 601 luma in integers, halves upwards: the same formula as in make_golden.py.
inline ffr::Image to_gray(ffr::ImageView rgb) {
    ffr::Image gray(rgb.width, rgb.height, 1);
    for (int y = 0; y < rgb.height; ++y) {
        const std::uint8_t* from = rgb.row(y);
        std::uint8_t* const to = gray.row(y);
        for (int x = 0; x < rgb.width; ++x, from += 3) {
            to[x] = static_cast<std::uint8_t>((299 * from[0] + 587 * from[1] + 114 * from[2] + 500) / 1000);
        }
    }
    return gray;
}

/// 64 rows x 83 columns by formula; gray is its red channel.
inline ffr::Image synthetic(bool gray) {
    ffr::Image image(83, 64, gray ? 1 : 3);
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            const std::array<int, 3> rgb = {7 * x + 13 * y + 3 * x * y, x * x + 5 * y, 11 * x + y * y};
            for (int c = 0; c < image.channels(); ++c) {
                image.row(y)[x * image.channels() + c] =
                    static_cast<std::uint8_t>(rgb[static_cast<std::size_t>(c)] % 256);
            }
        }
    }
    return image;
}

/// The pixels that a record is about.
inline ffr::Image image_of(const Json& record) {
    const auto name = record.at("image").get<std::string>();
    const bool gray = record.at("gray").get<bool>();
    if (name.empty()) return synthetic(gray);
    ffr::Image image = ffr::read_image(folder() / "images" / (name + ".png"));
    if (!gray) REQUIRE_MESSAGE(image.channels() == 3, name << " should be in colour");
    return gray && image.channels() == 3 ? to_gray(image) : image;
}

/// "portrait in gray": which picture a record is about, for messages.
inline std::string title(const Json& record) {
    const auto name = record.at("image").get<std::string>();
    return (name.empty() ? "synthetic" : name) + (record.at("gray").get<bool>() ? " in gray" : " in colour");
}

/// XXH64 of bytes as 16 hexadecimal digits, as the data have it.
inline std::string hash(const std::vector<std::uint8_t>& bytes) {
    const std::uint64_t value = ffr::detail::xxh64(bytes.data(), bytes.size());
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
    return text;
}

/// The same of all pixels.
inline std::string hash(const ffr::Image& image) {
    return hash(image.pixels());
}

/// Of [left, top, right, bottom].
inline ffr::Rect rect(const Json& edges) {
    REQUIRE(edges.size() == 4);
    return {edges[0].get<int>(), edges[1].get<int>(), edges[2].get<int>(), edges[3].get<int>()};
}

/// Of [[x, y], ...].
inline std::vector<ffr::Point> points(const Json& pairs) {
    std::vector<ffr::Point> all;
    for (const Json& pair : pairs) all.push_back({pair.at(0).get<int>(), pair.at(1).get<int>()});
    return all;
}

/// The same as landmarks without their subpixel places, which the reference doesn't tell.
inline ffr::Landmarks landmarks(const Json& pairs) {
    ffr::Landmarks result;
    result.points = points(pairs);
    return result;
}

/// Weights that are in the repository: exact for hog_frontal.ffr and landmarks5.ffr, compact for the others.
inline ffr::WeightsFile committed_weights(const std::string& name) {
    return ffr::WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / name);
}

/// Weights as the reference has them, too large for the repository. Without them, nothing and a message that can't be
/// overlooked: a test that calls this belongs to the suite "exact" and returns.
inline std::optional<ffr::WeightsFile> exact_weights(const std::string& name) {
    const std::filesystem::path path = std::filesystem::path(FFR_WEIGHTS_DIR) / "exact" / name;
    if (std::filesystem::exists(path)) return ffr::WeightsFile::open(path);
    MESSAGE("SKIPPED, nothing was tested: there's no " << path.string() << "; scripts/exact_weights.sh makes it");
    return std::nullopt;
}

}  // namespace golden
