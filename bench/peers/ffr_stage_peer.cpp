// A photo's way by ffr, stage by stage. Usage: ffr_stage_peer WEIGHTS_FOLDER PHOTOS_FOLDER [THREADS]. Commands:
// worker.hpp. The threads share what detect and embed do.
//
// The tasks are a stage and a photo's name, without .ppm:
//
//     detect PHOTO         rows of left, top, right, bottom, score, filter, by falling score
//     landmarks68 PHOTO    of each face a row of x, y, x, y, ...; and landmarks5
//     chip PHOTO           of the best face a row of bytes: 150 x 150 pixels by 68 landmarks
//     embed PHOTO          of that chip a row of 128 numbers
//     mmod PHOTO           the same of the CNN detector, without filters: the last number is 0
//     all PHOTO            of each face a row of 128 numbers, by all stages one after the other

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "ffr/base/workspace.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/pipeline.hpp"
#include "ffr/version.hpp"
#include "worker.hpp"

namespace {

std::filesystem::path weights_folder, photos_folder;
int thread_count = 1;

ffr::WeightsFile weights(const char* name) {
    return ffr::WeightsFile::open(weights_folder / name);
}

// What a task needs is loaded with the first that needs it.

const ffr::FaceDetector& detector() {
    static const auto loaded = ffr::FaceDetector::load(weights("hog_frontal.ffr"));
    return loaded;
}

const ffr::MmodDetector& cnn_detector() {
    static const auto loaded = ffr::MmodDetector::load(weights("mmod.ffr"));
    return loaded;
}

const ffr::LandmarkPredictor& landmarks5() {
    static const auto loaded = ffr::LandmarkPredictor::load(weights("landmarks5.ffr"));
    return loaded;
}

const ffr::Pipeline& pipeline() {
    static const auto loaded = ffr::Pipeline::load(weights_folder);
    return loaded;
}

ffr::ImageView view_of(const peers::Photo& photo) {
    return {photo.bytes.data(), photo.width, photo.height, 3, std::ptrdiff_t{photo.width} * 3};
}

std::vector<peers::Numbers> rows_of(const std::vector<ffr::Detection>& faces) {
    std::vector<peers::Numbers> rows;
    for (const auto& [box, score, view] : faces) {
        rows.emplace_back();
        for (const int edge : {box.left, box.top, box.right, box.bottom}) rows.back().push_back(float(edge));
        rows.back().insert(rows.back().end(), {float(score), float(std::max(view, 0))});
    }
    return rows;
}

std::vector<peers::Numbers> rows_of(const std::vector<ffr::Landmarks>& faces) {
    std::vector<peers::Numbers> rows;
    for (const ffr::Landmarks& landmarks : faces) {
        rows.emplace_back();
        for (const auto& [x, y] : landmarks.points) rows.back().insert(rows.back().end(), {float(x), float(y)});
    }
    return rows;
}

std::vector<peers::Numbers> rows_of(const ffr::Image& chip) {
    return {{chip.pixels().begin(), chip.pixels().end()}};
}

std::vector<peers::Numbers> rows_of(const ffr::Embedding& numbers) {
    return {{numbers.begin(), numbers.end()}};
}

std::vector<peers::Numbers> rows_of(const std::vector<ffr::Face>& faces) {
    std::vector<peers::Numbers> rows;
    for (const ffr::Face& face : faces) rows.emplace_back(face.embedding.begin(), face.embedding.end());
    return rows;
}

std::vector<ffr::Landmarks> predict(const ffr::LandmarkPredictor& predictor, ffr::ImageView photo,
                                    const std::vector<ffr::Detection>& faces) {
    std::vector<ffr::Landmarks> landmarks;
    for (const ffr::Detection& face : faces) landmarks.push_back(predictor.predict(photo, face.box));
    return landmarks;
}

template <typename Work>
peers::Task task(Work work) {
    return {[work] { work(); }, [work] { return rows_of(work()); }};
}

peers::Task find_task(std::istream& words) {
    std::string stage, name;
    words >> stage >> name;
    const auto photo = std::make_shared<const peers::Photo>(photos_folder / (name + ".ppm"));
    const auto workspace = std::make_shared<ffr::Workspace>(thread_count);
    if (stage == "detect") {
        return task([photo, workspace, &by = detector()] { return by.detect(view_of(*photo), {}, *workspace); });
    }
    if (stage == "mmod") {
        return task([photo, workspace, &by = cnn_detector()] { return by.detect(view_of(*photo), {}, *workspace); });
    }
    if (stage == "all") {
        return task([photo, &by = pipeline()] { return by.faces(view_of(*photo)); });
    }
    const std::vector<ffr::Detection> faces = detector().detect(view_of(*photo));
    if (stage == "landmarks5") {
        return task([photo, faces, &by = landmarks5()] { return predict(by, view_of(*photo), faces); });
    }
    if (stage == "landmarks68") {
        return task([photo, faces, &by = pipeline().landmarks()] { return predict(by, view_of(*photo), faces); });
    }
    const ffr::Landmarks landmarks = pipeline().landmarks().predict(view_of(*photo), faces.at(0).box);
    if (stage == "chip") {
        return task([photo, landmarks] { return extract_chip(view_of(*photo), face_chip_geometry(landmarks)); });
    }
    if (stage == "embed") {
        const ffr::Image chip = extract_chip(view_of(*photo), face_chip_geometry(landmarks));
        return task([chip, workspace, &by = pipeline().embedder()] { return by.embed(chip, *workspace); });
    }
    throw std::runtime_error("there's no stage '" + stage + "'");
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3) return std::fputs("usage: ffr_stage_peer WEIGHTS_FOLDER PHOTOS_FOLDER [THREADS]\n", stderr), 2;
    weights_folder = argv[1];
    photos_folder = argv[2];
    if (argc > 3) thread_count = std::atoi(argv[3]);
    return peers::serve(ffr::kVersion, ffr::kernels::simd_name(ffr::kernels::simd_path()), find_task);
} catch (const std::exception& error) {
    return std::fprintf(stderr, "ffr_stage_peer: %s\n", error.what()), 1;
}
