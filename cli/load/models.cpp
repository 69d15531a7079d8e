#include "load/models.hpp"

#include "ffr/base/find_weights.hpp"
#include "ffr/detect/auto_detector.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "load/embedded_files.hpp"

ffr::WeightsFile open_weights(const std::string& name, const SharedOptions& options) {
    std::filesystem::path path;
    try {
        path = ffr::find_weights(name, std::filesystem::u8path(options.weights));
    } catch (const ffr::FileError&) {
        // A folder that the user named must have them; otherwise the program has its own.
        const char* const variable = std::getenv("FFR_WEIGHTS");
        if (!options.weights.empty() || (variable != nullptr && *variable != '\0')) throw;
        for (const EmbeddedFile& file : embedded_files()) {
            if (file.name != "weights/" + name) continue;
            return ffr::WeightsFile::from_memory(file.bytes, file.size, "embedded " + name);
        }
        throw;
    }
    return ffr::WeightsFile::open(path);
}

ffr::Detector load_detector(const SharedOptions& options) {
    if (options.detector == "hog") return load_hog_detector(options);
    ffr::MmodDetector mmod = ffr::MmodDetector::load(open_weights("mmod.ffr", options));
    if (options.detector == "mmod") return mmod;
    return ffr::AutoDetector(load_hog_detector(options), std::move(mmod));
}

ffr::FaceDetector load_hog_detector(const SharedOptions& options) {
    return ffr::FaceDetector::load(open_weights("hog_frontal.ffr", options));
}

ffr::LandmarkPredictor load_landmarks(const SharedOptions& options) {
    return ffr::LandmarkPredictor::load(open_weights("landmarks" + std::to_string(options.points) + ".ffr", options));
}

ffr::FaceEmbedder load_embedder(const SharedOptions& options) {
    const std::string name = options.embedder.empty() ? "resnet29" : options.embedder;
    try {
        const ffr::WeightsFile weights = open_weights(name + ".ffr", options);
        weights.require_kind(name);
        return ffr::FaceEmbedder::load(weights,
                                       options.precision == "int8" ? ffr::Precision::int8 : ffr::Precision::float32);
    } catch (const ffr::FileError& error) {
        if (name != "nn4.small2") throw;
        throw ffr::FileError(std::string(error.what()) +
                             "; OpenFace's network isn't shipped: docs/openface.md says how to get and convert it");
    }
}

ffr::Pipeline load_pipeline(const SharedOptions& options) {
    return {load_detector(options), load_landmarks(options), load_embedder(options)};
}

ffr::Identifier load_people(const std::string& model) {
    const ffr::WeightsFile file = ffr::WeightsFile::open(std::filesystem::u8path(model));
    if (file.kind() != "identifier") {
        throw ffr::FormatError(model + ": is a weight file of kind '" + file.kind() +
                               "', not a model made by `ffr train`");
    }
    return ffr::Identifier::load(file);
}

ffr::Pipeline load_pipeline_for(const ffr::Identifier& people, const std::string& model, SharedOptions options) {
    if (options.embedder.empty()) options.embedder = people.source().embedder;
    ffr::Pipeline pipeline = load_pipeline(options);
    const ffr::EmbeddingSource source = pipeline.embedder().source(pipeline.landmarks().point_count());
    const std::string reason = ffr::difference(people.source(), source);
    if (!reason.empty()) throw ffr::FormatError(model + ": was trained with " + reason);
    return pipeline;
}

ffr::DetectOptions detect_options(const SharedOptions& options) {
    return {options.upsample, options.threshold};
}
