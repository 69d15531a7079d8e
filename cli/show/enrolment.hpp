#pragma once
/// \file
/// The faces that a model is trained on, and what's to be said of them: how many of whom, which were left out and why,
/// who looks like whom, how well they tell people apart.

#include <filesystem>
#include <string>
#include <vector>

#include "ffr/identify/enrolment.hpp"
#include "load/options.hpp"

/// A photo that nobody is learned from.
struct Skipped {
    std::filesystem::path path;
    std::string person;
    std::string reason;
};

/// Faces with their people's names, and photos that gave none.
struct Enrolment {
    ffr::EmbeddingSource source;
    std::vector<ffr::LabelledEmbedding> samples;
    std::vector<std::filesystem::path> photos;  // of each sample; empty where it comes from another model
    std::vector<Skipped> skipped;

    void add(const ffr::LabelledEmbedding& sample, const std::filesystem::path& photo);

    /// Takes out the faces that are probably somebody else's. Those from another model stay. \returns the photos of them
    std::vector<Skipped> skip_strangers();
};

/// Says what a model was trained on and what may be expected of it.
void report_enrolment(const Enrolment& enrolment, const std::string& model, const SharedOptions& options);
