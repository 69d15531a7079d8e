// align: the straightened face of each image.

#include <memory>

#include "models.hpp"
#include "outputs.hpp"
#include "verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::string output;
    std::string method = "chip";
    bool all_faces = false;
};

struct Aligned {
    ffr::Image image;
    std::vector<ffr::Detection> faces;
    std::vector<ffr::Landmarks> landmarks;
    std::vector<ffr::Image> chips;
};

/// NAME.png for the first chip, NAME-2.png and so on for the others.
std::filesystem::path chip_path(const Input& input, Outputs& outputs, std::size_t index) {
    const std::filesystem::path first = outputs.path(input);
    if (index == 0) return first;
    const std::filesystem::path other =
        first.parent_path() / (first.stem().u8string() + "-" + std::to_string(index + 1) + ".png");
    outputs.claim(other, input);
    return other;
}

void emit(const Input& input, const Aligned& aligned, Outputs& outputs, const Options& options) {
    Json record = image_record(input.path, aligned.image);
    for (std::size_t i = 0; i < aligned.chips.size(); ++i) {
        const std::filesystem::path path = chip_path(input, outputs, i);
        write_picture(path, aligned.chips[i]);
        Json face = detection_record(aligned.faces[i]);
        face["landmarks"] = points_record(aligned.landmarks[i].points);
        face["aligned"] = path.u8string();
        record["faces"].push_back(std::move(face));
        if (!options.shared.json) std::cout << input.path.u8string() << " -> " << path.u8string() << '\n';
    }
    if (options.shared.json) print_record(record);
}

Status run(const Options& options) {
    const ffr::FaceDetector detector = load_detector(options.shared);
    const ffr::LandmarkPredictor predictor = load_landmarks(options.shared);
    std::vector<Input> inputs = collect_inputs(options.inputs);
    Outputs outputs(options.output, ".png", inputs);
    return run_batch<Aligned>(
        inputs, options.shared,
        [&](const Input& input) {
            Aligned aligned{read_input(input, options.shared), {}, {}, {}};
            aligned.faces = detector.detect(aligned.image, detect_options(options.shared));
            if (aligned.faces.empty()) throw ffr::Error("there's no face in the image");
            if (!options.all_faces) aligned.faces = {aligned.faces[largest_face(aligned.faces)]};
            for (const ffr::Detection& face : aligned.faces) {
                aligned.landmarks.push_back(predictor.predict(aligned.image, face.box));
                const ffr::ChipGeometry geometry = ffr::face_chip_geometry(aligned.landmarks.back());
                aligned.chips.push_back(ffr::extract_chip(aligned.image, geometry));
            }
            return aligned;
        },
        [&](const Input& input, Aligned& aligned) { emit(input, aligned, outputs, options); });
}

}  // namespace

void add_align(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        add_verb(app, "align", "Writes the straightened face of each image, the same tree of folders",
                 "ffr align photos -o chips");
    add_inputs(*verb, options->inputs);
    verb->add_option("-o,--output", options->output, "folder for the chips")->required();
    verb->add_option("--method", options->method, "chip: 150 pixels, as the ResNet wants them")
        ->check(CLI::IsMember({"chip"}));
    verb->add_flag("--all-faces", options->all_faces, "all faces of an image, not only the largest");
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] { status = run(*options); });
}
