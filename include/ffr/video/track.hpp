#pragma once
/// \file
/// Follows faces through a video, so that each keeps its number and its name.
///
///     frame --> refit each track's landmarks in its last box --> its box in this frame, or lost
///       |
///       +-----> now and then: detect, measure, identify --> sightings --match--> tracks, each with a number and a name
///
///     every frame:    a face's landmarks are fitted anew in its last box, and the box goes with them, if it's there
///     some frames:    a search; found faces continue the tracks that they overlap, or begin new ones
///     each search:    the identities that a track's face was given are summed, and the best sum is its name
///
/// A single frame may be blurred and its face taken for another or for nobody; the sum of all hardly changes by it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../align/similarity.hpp"
#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../embed/embedding.hpp"
#include "../identify/identify.hpp"
#include "../image/image.hpp"
#include "../pipeline.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A face that a search found in a frame, and who it seems to be.
struct Sighting {
    Face face;          ///< box, landmarks, chip and embedding
    Identity identity;  ///< by this frame alone
};

/// Who a face is by many looks at it.
class NameVote {
  public:
    /// Counts one look: it weighs as much as it's confident, a look that says "unknown" too.
    void add(const Identity& identity) {
        detail::with_default_floats([&] {
            Sum& sum = sums_[identity.name];
            sum.candidate = identity.candidate;
            sum.confidence += identity.confidence;
            sum.distance += identity.distance;
            ++sum.looks;
        });
    }

    /// The name, or "unknown", with the greatest sum of confidences; of equal ones "unknown", then the first by name.
    /// Confidence and distance are the means of the looks that say so, and the candidate is the last of theirs. Without
    /// any look it's unknown, of nobody.
    Identity winner() const {
        return detail::with_default_floats([&]() -> Identity {
            const auto best = std::max_element(sums_.begin(), sums_.end(), [](const auto& a, const auto& b) {
                return a.second.confidence < b.second.confidence;
            });
            if (best == sums_.end()) return {};
            const auto& [name, sum] = *best;
            return {name, sum.candidate, sum.confidence / sum.looks, sum.distance / sum.looks};
        });
    }

  private:
    struct Sum {
        std::string candidate;
        double confidence = 0, distance = 0;
        int looks = 0;
    };
    std::map<std::optional<std::string>, Sum> sums_;
};

/// When a found face continues a track, and when a track ends.
struct TrackOptions {
    /// Least intersection over union of a face's box and a track's, 0 to 1.
    double min_overlap = 0.3;
    /// Largest distance of the face's embedding to the track's last one: the network's same_person_distance.
    double max_distance = 0.6;
    /// Searches in a row that may miss a track's person before the track ends.
    int max_missed = 3;
};

/// A face over time.
struct Track {
    int number = 0;                ///< 1, 2, ... in a tracker; none is given twice
    Rect box;                      ///< where it is in the last frame
    std::optional<double> score;   ///< of the detection in the last frame; none if it was only followed there
    std::int64_t first_frame = 0;  ///< the first in which it was found
    std::int64_t last_frame = 0;   ///< the last one
    NameVote names;                ///< who it is
    Face found;                    ///< as a search last found it
    Embedding embedding{};         ///< the last one that was like those before
    int missed = 0;                ///< searches in a row that didn't find it, or somebody else in its place
    bool is_lost = false;          ///< it isn't seen in the last frame, and the box is where it was before
};

/// Intersection over union of two boxes: 0 when they're apart, 1 when they're equal.
inline double intersection_over_union(const Rect& a, const Rect& b) {
    return detail::with_default_floats([&] {
        const Rect both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                        std::min(a.bottom, b.bottom)};
        const auto shared = static_cast<double>(both.area());
        return shared > 0 ? shared / (static_cast<double>(a.area()) + static_cast<double>(b.area()) - shared) : 0;
    });
}

namespace detail {

/// x0, y0, x1, y1, ...
inline std::vector<double> coordinates(const std::vector<PointF>& points) {
    std::vector<double> values;
    for (const PointF point : points) values.insert(values.end(), {point.x, point.y});
    return values;
}

/// A box that goes along with its landmarks: shifted and scaled, but upright, by the similarity between them.
inline Rect carried_along(const Rect& box, const std::vector<PointF>& from, const std::vector<PointF>& to) {
    return detail::with_default_floats([&]() -> Rect {
        const SimilarityFit fit(coordinates(from).data(), from.size());
        if (!fit.valid() || from.size() != to.size()) return box;
        const Similarity way = fit.to(coordinates(to).data());
        // Nobody comes twice as near from one search to the next, but what's fitted to no face may do anything.
        const double scale = std::clamp(std::hypot(way.rotation.a, way.rotation.b), 0.5, 2.0);
        const double half_width = (static_cast<double>(box.right) - box.left) / 2 * scale;
        const double half_height = (static_cast<double>(box.bottom) - box.top) / 2 * scale;
        const PointF centre = way({(static_cast<double>(box.left) + box.right) / 2,  //
                                   (static_cast<double>(box.top) + box.bottom) / 2});
        return {round_half_up(centre.x - half_width), round_half_up(centre.y - half_height),
                round_half_up(centre.x + half_width), round_half_up(centre.y + half_height)};
    });
}

}  // namespace detail

/// How alike two pictures are in their pattern of bright and dark: Pearson's correlation of their bytes, -1 to 1, whatever
/// their brightness and contrast; 0 for one without any pattern.
/// \throws InvalidArgument when they're empty or differ in size or channels
inline double correlation(ImageView a, ImageView b) {
    return detail::with_default_floats([&] {
        require_pixels(a);
        if (a.width != b.width || a.height != b.height || a.channels != b.channels) {
            throw InvalidArgument("only pictures of the same size and channels can be correlated");
        }
        double sum_a = 0, sum_b = 0, sum_aa = 0, sum_bb = 0, sum_ab = 0;  // of whole numbers, and so exact
        for (int y = 0; y < a.height; ++y) {
            for (int i = 0; i < a.width * a.channels; ++i) {
                const double p = a.row(y)[i], q = b.row(y)[i];
                sum_a += p;
                sum_b += q;
                sum_aa += p * p;
                sum_bb += q * q;
                sum_ab += p * q;
            }
        }
        const double count = static_cast<double>(a.width) * a.height * a.channels;
        const double variances = (count * sum_aa - sum_a * sum_a) * (count * sum_bb - sum_b * sum_b);
        return variances > 0 ? (count * sum_ab - sum_a * sum_b) / std::sqrt(variances) : 0;
    });
}

/// Landmarks of a track's face in a new frame, fitted in its last box; none when what's there doesn't look like the face
/// any more, since it left, is hidden or the scene was cut: the correlation of its chip with the one found last is below
/// 0.5.
/// \throws InvalidArgument when the frame is empty, or gray and the one before wasn't or the other way round
/// Cost: landmarks, a chip and a pass over its pixels, independent of the frame's size.
inline std::optional<Landmarks> refit(const Pipeline& pipeline, ImageView frame, const Track& track) {
    constexpr double kLeastCorrelation = 0.5;
    Landmarks landmarks = pipeline.landmarks().predict(frame, track.box);
    const Image chip = pipeline.embedder().align(frame, landmarks);
    if (correlation(chip, track.found.chip) < kLeastCorrelation) return std::nullopt;
    return landmarks;
}

/// The tracks of a video. The same calls give the same tracks on every machine. A call that throws leaves them as they were.
class FaceTracker {
  public:
    /// No tracks yet.
    explicit FaceTracker(const TrackOptions& options = {}) : options_(options) {}

    /// Those that haven't ended, by number.
    const std::vector<Track>& tracks() const { return tracks_; }

    /// Moves the tracks' boxes to a new frame.
    /// \param fit  gives a track's landmarks in that frame, or none where its face isn't seen:
    /// `[&](const Track& track) { return refit(pipeline, frame, track); }`
    template <typename Fit>
    void follow(const Fit& fit) {
        std::vector<std::optional<Rect>> boxes;
        for (const Track& track : tracks_) {
            const std::optional<Landmarks> landmarks = fit(track);
            boxes.emplace_back();
            if (!landmarks) continue;
            boxes.back() =
                detail::carried_along(track.found.detection.box, track.found.landmarks.subpixel, landmarks->subpixel);
        }
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            tracks_[i].score.reset();
            tracks_[i].is_lost = !boxes[i];
            if (boxes[i]) tracks_[i].box = *boxes[i];
        }
    }

    /// Takes in what a search found in a frame, after follow() for the same frame.
    ///
    /// Pairs of a track and a face are made greedily by falling overlap (of equal ones, by the tracks' numbers and the
    /// faces' order). A face without a track begins one. A face that isn't the track's by its embedding continues it only
    /// where follow() didn't lose sight of the face, which then is blurred or turned away, and max_missed times in a row:
    /// otherwise it's somebody else, after a cut say.
    ///
    /// \param frame      number of the frame
    /// \param sightings  all faces found in it
    /// \returns the tracks that ended, by number
    std::vector<Track> update(std::int64_t frame, const std::vector<Sighting>& sightings) {
        FaceTracker after = *this;
        std::vector<Track> ended = after.take_in(frame, sightings);
        *this = std::move(after);
        return ended;
    }

  private:
    /// update(), but for what an exception leaves behind.
    std::vector<Track> take_in(std::int64_t frame, const std::vector<Sighting>& sightings) {
        const std::vector<Track*> owners = match(sightings);
        for (Track& track : tracks_) ++track.missed;
        std::vector<Track> begun;
        for (std::size_t i = 0; i < sightings.size(); ++i) {
            if (owners[i] == nullptr) {
                begun.push_back(begin(sightings[i], frame));
            } else {
                const bool same = is_like(*owners[i], sightings[i]);
                place(*owners[i], sightings[i].face);
                if (same) look(*owners[i], sightings[i], frame);
            }
        }
        std::vector<Track> going_on, ended;
        for (Track& track : tracks_) {
            (track.missed <= options_.max_missed ? going_on : ended).push_back(std::move(track));
        }
        tracks_ = std::move(going_on);
        std::move(begun.begin(), begun.end(), std::back_inserter(tracks_));
        return ended;
    }

    /// The track that each sighting continues, or none.
    std::vector<Track*> match(const std::vector<Sighting>& sightings) {
        struct Pair {
            double overlap;
            std::size_t track, sighting;
        };
        std::vector<Pair> pairs;
        for (std::size_t t = 0; t < tracks_.size(); ++t) {
            for (std::size_t s = 0; s < sightings.size(); ++s) {
                const double overlap = intersection_over_union(tracks_[t].box, sightings[s].face.detection.box);
                const bool can_be = is_like(tracks_[t], sightings[s]) ||
                                    (!tracks_[t].is_lost && tracks_[t].missed < options_.max_missed);
                if (can_be && overlap >= options_.min_overlap) pairs.push_back({overlap, t, s});
            }
        }
        std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
            return std::tuple(-a.overlap, a.track, a.sighting) < std::tuple(-b.overlap, b.track, b.sighting);
        });
        std::vector<Track*> owners(sightings.size());
        std::vector<bool> taken(tracks_.size());
        for (const Pair& pair : pairs) {
            if (taken[pair.track] || owners[pair.sighting] != nullptr) continue;
            taken[pair.track] = true;
            owners[pair.sighting] = &tracks_[pair.track];
        }
        return owners;
    }

    bool is_like(const Track& track, const Sighting& sighting) const {
        return distance(track.embedding, sighting.face.embedding) <= options_.max_distance;
    }

    Track begin(const Sighting& sighting, std::int64_t frame) {
        Track track;
        track.number = ++begun_;
        track.first_frame = frame;
        place(track, sighting.face);
        look(track, sighting, frame);
        return track;
    }

    static void place(Track& track, const Face& face) {
        track.box = face.detection.box;
        track.score = face.detection.score;
        track.found = face;
        track.is_lost = false;
    }

    static void look(Track& track, const Sighting& sighting, std::int64_t frame) {
        track.embedding = sighting.face.embedding;
        track.last_frame = frame;
        track.missed = 0;
        track.names.add(sighting.identity);
    }

    TrackOptions options_;
    std::vector<Track> tracks_;
    int begun_ = 0;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
