#pragma once
/// \file
/// Measures a face: a straightened chip goes in, 128 numbers come out that are near to those of the same person's other
/// faces and far from everybody else's.

#include <string>
#include <utility>

#include "distance.hpp"
#include "image.hpp"
#include "network.hpp"
#include "weights.hpp"

namespace ffr {

/// A network that turns chips into embeddings. Immutable after loading, safe for many threads.
class FaceEmbedder {
  public:
    /// \param weights  a file of kind "resnet29". \throws FormatError when it's something else
    static FaceEmbedder load(const WeightsFile& weights) {
        return FaceEmbedder(weights.kind(), ResNet29::load(weights));
    }

    /// The network's name, "resnet29". Embeddings of different networks can't be compared.
    const std::string& name() const { return name_; }

    /// Side in pixels of the chips it takes.
    int chip_size() const { return ResNet29::kChipSize; }

    /// How much of the face's size a chip shows around it on each side.
    double chip_padding() const { return 0.25; }

    /// The embedding of a chip: chip_size() x chip_size() pixels, colour or gray, cut as face_chip_geometry says. It
    /// isn't normalised; faces have lengths of about 1.3 to 1.6. Two of one person are mostly under 0.6 apart. \throws
    /// InvalidArgument for a chip of another size Cost: 271 million multiply-adds. Thread-safe.
    Embedding embed(ImageView chip) const { return network_.forward(chip); }

  private:
    FaceEmbedder(std::string name, ResNet29 network) : name_(std::move(name)), network_(std::move(network)) {}

    std::string name_;
    ResNet29 network_;
};

}  // namespace ffr
