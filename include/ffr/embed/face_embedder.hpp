#pragma once
/// \file
/// Measures a face: a straightened face goes in, 128 numbers come out that are near to those of the same person's other
/// faces and far from everybody else's.
///
///     resnet29     chip 150 x 150 (align.hpp)           -> ResNet-29  -> 128 numbers, a vector of any length
///     nn4.small2   aligned face 96 x 96 (affine.hpp)    -> nn4.small2 -> 128 numbers, a vector of length 1
///
/// Two pictures of one person are mostly less than 0.6 apart with the first network, 0.995 with the second.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../align/affine.hpp"
#include "../align/chip.hpp"
#include "../align/landmarks.hpp"
#include "../base/compiled.hpp"
#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../layers/int8_layers.hpp"
#include "embedding.hpp"
#include "nn4_small2.hpp"
#include "resnet29.hpp"

namespace ffr {
inline namespace v0_1 {

/// Two embeddings of a network that are nearer than this mostly show the same person: 0.6 for "resnet29", the root of
/// 0.99 for "nn4.small2" (whose authors state the square). \throws InvalidArgument for another name
inline double same_person_distance(const std::string& embedder) {
    if (embedder == "resnet29") return 0.6;
    if (embedder == "nn4.small2") return 0.995;
    throw InvalidArgument("there's no network '" + embedder + "'");
}

/// A network's arithmetic. In int8, an embedding takes about half the time where the CPU has an instruction for it (AVX-512
/// VNNI, AVX-VNNI, on Linux NEON's dot product) and more where it hasn't, and lies about 0.03 from the one in float32, which is less
/// than what another landmark model does but enough that the two aren't to be mixed.
enum class Precision { float32, int8 };

/// "float32" or "int8".
inline const char* to_string(Precision precision) {
    return precision == Precision::int8 ? "int8" : "float32";
}

/// A network that turns straightened faces into embeddings. Immutable after loading, safe for many threads; copies share the
/// network.
class FaceEmbedder {
  public:
    /// Takes the network that a file holds, in float32.
    /// \param weights  a file of kind "resnet29" or "nn4.small2". \throws FormatError when it's something else
    static FaceEmbedder load(const WeightsFile& weights);

    /// The same in an arithmetic that's chosen when the program runs. Apart from the one above, so that who wants float32
    /// doesn't wait for the compiler to translate the other.
    /// \param precision  int8 for the ResNet-29 only. \throws InvalidArgument for nn4.small2 in int8
    static FaceEmbedder load(const WeightsFile& weights, Precision precision);

    /// The same of one type of network: of<ResNet29>(weights).
    template <typename Network>
    static FaceEmbedder of(const WeightsFile& weights, Precision precision = Precision::float32) {
        FaceEmbedder embedder(weights, precision, Network::kFaceSize);
        embedder.forward_ = [network = std::make_shared<const Network>(Network::load(weights))](
                                const std::vector<ImageView>& faces, Workspace& workspace) {
            return forward_in_batches(*network, faces, workspace);
        };
        return embedder;
    }

    /// The network's name, "resnet29" or "nn4.small2".
    const std::string& name() const { return name_; }

    /// Its arithmetic.
    Precision precision() const { return precision_; }

    /// Side in pixels of the faces it takes.
    int face_size() const { return face_size_; }

    /// Straightens a face as the network was trained with: a chip for the ResNet-29, OpenFace's alignment by the outer
    /// corners of the eyes and the nose for nn4.small2.
    /// \param landmarks  68 or 5 points
    /// \throws InvalidArgument when the image is empty or the landmarks can't be aligned by
    Image align(ImageView image, const Landmarks& landmarks) const {
        if (is_nn4_small2()) return align_face(image, landmarks, face_size());
        return extract_chip(image, face_chip_geometry(landmarks, face_size()));
    }

    /// Where embeddings come from that are made by align() and embed(). \param landmark_count  68 or 5
    EmbeddingSource source(std::size_t landmark_count) const {
        const std::string how = is_nn4_small2() ? "outer eyes and nose at " : "chip of ";
        return {name_, checksum_,
                how + std::to_string(face_size()) + " pixels by " + std::to_string(landmark_count) + " landmarks",
                same_person_distance(name_), to_string(precision_)};
    }

    /// The embedding of a straightened face: face_size() x face_size() pixels, colour or gray.
    /// The ResNet-29's isn't normalised; faces have lengths of about 1.3 to 1.6.
    /// \throws InvalidArgument for a face of another size
    /// Cost: 271 million multiply-adds for the ResNet-29, 200 million for nn4.small2. Thread-safe.
    Embedding embed(ImageView face) const {
        Workspace workspace;
        return embed(face, workspace);
    }

    /// The same in a workspace's memory and by its threads, which saves the time of getting them. Thread-safe where each
    /// thread has a workspace of its own.
    Embedding embed(ImageView face, Workspace& workspace) const { return embed(std::vector{face}, workspace).front(); }

    /// The embeddings of many faces, bit by bit what each alone would give. Threads find more to do than
    /// with one face.
    /// \throws InvalidArgument when a face has another size; FormatError naming the weights' file when they're so
    /// large that a number overflows
    std::vector<Embedding> embed(const std::vector<ImageView>& faces, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            std::vector<Embedding> embeddings = forward_(faces, workspace);
            for (const Embedding& embedding : embeddings) {
                if (std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); }))
                    continue;
                throw FormatError(file_ + ": gives numbers that aren't finite: its weights are out of range");
            }
            return embeddings;
        });
    }

  private:
    FaceEmbedder(const WeightsFile& weights, Precision precision, int face_size)
        : name_(weights.kind()),
          file_(weights.name()),
          checksum_(hexadecimal(weights.checksum())),
          precision_(precision),
          face_size_(face_size) {}

    bool is_nn4_small2() const { return name_ == "nn4.small2"; }

    template <typename Network>
    static std::vector<Embedding> forward_in_batches(const Network& network, const std::vector<ImageView>& faces,
                                                     Workspace& workspace) {
        std::vector<Embedding> embeddings;
        for (std::size_t first = 0; first < faces.size(); first += Network::kFacesAtOnce) {
            const auto begin = faces.begin() + static_cast<std::ptrdiff_t>(first);
            const std::size_t count = std::min(faces.size() - first, std::size_t{Network::kFacesAtOnce});
            const auto some = network.forward({begin, begin + static_cast<std::ptrdiff_t>(count)}, workspace);
            embeddings.insert(embeddings.end(), some.begin(), some.end());
        }
        return embeddings;
    }

    std::string name_;
    std::string file_;  // for messages
    std::string checksum_;
    Precision precision_;
    int face_size_;
    std::function<std::vector<Embedding>(const std::vector<ImageView>&, Workspace&)> forward_;
};

#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)

FFR_COMPILED_INLINE FaceEmbedder FaceEmbedder::load(const WeightsFile& weights) {
    return weights.kind() == "nn4.small2" ? of<Nn4Small2>(weights) : of<ResNet29>(weights);
}

FFR_COMPILED_INLINE FaceEmbedder FaceEmbedder::load(const WeightsFile& weights, Precision precision) {
    if (precision == Precision::float32) return load(weights);
    if (weights.kind() == "nn4.small2") throw InvalidArgument("nn4.small2 hasn't got an int8 form");
    return of<BasicResNet29<Int8Layers>>(weights, precision);
}

#endif

}  // namespace v0_1
}  // namespace ffr
