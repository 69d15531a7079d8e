// A photo's way by dlib, through its C++ interface. Usage: dlib_stage_peer MODELS_FOLDER PHOTOS_FOLDER. Tasks:
// those of ffr_stage_peer.cpp.

#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>

#include <cstring>
#include <memory>

#include "dlib_network.hpp"
#include "worker.hpp"

namespace {

using namespace dlib;  // dlib's names are what this file is about

using Pixels = array2d<rgb_pixel>;
using Chip = matrix<rgb_pixel>;
using Embedding = matrix<float, 0, 1>;

std::string models_folder, photos_folder;

template <typename Model>
Model load(const char* name) {
    Model model;
    deserialize(models_folder + "/" + name) >> model;
    return model;
}

// What a task needs is loaded with the first that needs it.

frontal_face_detector& detector() {
    static frontal_face_detector loaded = get_frontal_face_detector();
    return loaded;
}

const shape_predictor& landmarks5() {
    static const auto loaded = load<shape_predictor>("shape_predictor_5_face_landmarks.dat");
    return loaded;
}

const shape_predictor& landmarks68() {
    static const auto loaded = load<shape_predictor>("shape_predictor_68_face_landmarks.dat");
    return loaded;
}

dlib_network::Network& network() {
    static auto loaded = load<dlib_network::Network>("dlib_face_recognition_resnet_model_v1.dat");
    return loaded;
}

dlib_network::FaceFinder& cnn_detector() {
    static auto loaded = load<dlib_network::FaceFinder>("mmod_human_face_detector.dat");
    return loaded;
}

std::shared_ptr<Pixels> read_photo(const std::string& name) {
    const peers::Photo photo(photos_folder + "/" + name + ".ppm");
    auto pixels = std::make_shared<Pixels>(photo.height, photo.width);
    std::memcpy(image_data(*pixels), photo.bytes.data(), photo.bytes.size());
    return pixels;
}

std::vector<rect_detection> detect(const Pixels& photo) {
    std::vector<rect_detection> faces;
    detector()(photo, faces);
    return faces;
}

std::vector<rect_detection> detect_by_cnn(const Chip& photo) {
    std::vector<rect_detection> faces;
    for (const mmod_rect& face : cnn_detector()(photo)) faces.push_back({face.detection_confidence, 0, face.rect});
    return faces;
}

std::vector<full_object_detection> predict(const shape_predictor& predictor, const Pixels& photo,
                                           const std::vector<rect_detection>& faces) {
    std::vector<full_object_detection> landmarks;
    for (const rect_detection& face : faces) landmarks.push_back(predictor(photo, face.rect));
    return landmarks;
}

Chip cut_chip(const Pixels& photo, const full_object_detection& landmarks) {
    Chip chip;
    extract_image_chip(photo, get_face_chip_details(landmarks, 150, 0.25), chip);
    return chip;
}

std::vector<Embedding> measure_all(const Pixels& photo) {
    std::vector<Chip> chips;
    for (const rect_detection& face : detect(photo)) chips.push_back(cut_chip(photo, landmarks68()(photo, face.rect)));
    return network()(chips, 16);
}

std::vector<peers::Numbers> rows_of(const std::vector<rect_detection>& faces) {
    std::vector<peers::Numbers> rows;
    for (const auto& [score, filter, box] : faces) {
        rows.emplace_back();
        for (const long edge : {box.left(), box.top(), box.right(), box.bottom()}) rows.back().push_back(float(edge));
        rows.back().insert(rows.back().end(), {float(score), float(filter)});
    }
    return rows;
}

std::vector<peers::Numbers> rows_of(const std::vector<full_object_detection>& faces) {
    std::vector<peers::Numbers> rows;
    for (const full_object_detection& landmarks : faces) {
        rows.emplace_back();
        for (unsigned long i = 0; i < landmarks.num_parts(); ++i) {
            const point& part = landmarks.part(i);
            rows.back().insert(rows.back().end(), {float(part.x()), float(part.y())});
        }
    }
    return rows;
}

std::vector<peers::Numbers> rows_of(const Chip& chip) {
    peers::Numbers bytes;
    for (const rgb_pixel& pixel : chip)
        bytes.insert(bytes.end(), {float(pixel.red), float(pixel.green), float(pixel.blue)});
    return {bytes};
}

std::vector<peers::Numbers> rows_of(const std::vector<Embedding>& faces) {
    std::vector<peers::Numbers> rows;
    for (const Embedding& numbers : faces) rows.emplace_back(numbers.begin(), numbers.end());
    return rows;
}

template <typename Work>
peers::Task task(Work work) {
    return {[work] { work(); }, [work] { return rows_of(work()); }};
}

peers::Task find_task(std::istream& words) {
    std::string stage, name;
    words >> stage >> name;
    const std::shared_ptr<const Pixels> photo = read_photo(name);
    if (stage == "detect") {
        detector();
        return task([photo] { return detect(*photo); });
    }
    if (stage == "mmod") {
        cnn_detector();
        return task([photo = Chip(mat(*photo))] { return detect_by_cnn(photo); });
    }
    if (stage == "all") return task([photo] { return measure_all(*photo); });
    const std::vector<rect_detection> faces = detect(*photo);
    if (stage == "landmarks5") return task([photo, faces, &by = landmarks5()] { return predict(by, *photo, faces); });
    if (stage == "landmarks68") return task([photo, faces, &by = landmarks68()] { return predict(by, *photo, faces); });
    const full_object_detection landmarks = landmarks68()(*photo, faces.at(0).rect);
    if (stage == "chip") return task([photo, landmarks] { return cut_chip(*photo, landmarks); });
    if (stage == "embed") {
        const std::vector<Chip> chips{cut_chip(*photo, landmarks)};
        return task([chips, &by = network()] { return by(chips); });
    }
    throw std::runtime_error("there's no stage '" + stage + "'");
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) return std::fputs("usage: dlib_stage_peer MODELS_FOLDER PHOTOS_FOLDER\n", stderr), 2;
    models_folder = argv[1];
    photos_folder = argv[2];
    return peers::serve(DLIB_VERSION_TEXT, dlib_network::bind_openblas(), find_task);
} catch (const std::exception& error) {
    return std::fprintf(stderr, "dlib_stage_peer: %s\n", error.what()), 1;
}
