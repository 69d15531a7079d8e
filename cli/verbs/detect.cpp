// detect and landmarks: boxes of faces, and the points in them.

#include <memory>

#include "load/models.hpp"
#include "run/outputs.hpp"
#include "show/annotate.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::string draw;
};

struct Found {
    ffr::ReducedImage image;
    std::vector<ffr::Detection> faces;
    std::vector<ffr::Landmarks> landmarks;  // as many as faces, or none
};

void print_text(const Input& input, const Found& found) {
    std::cout << input.path.u8string() << ": " << count_of(found.faces.size(), "face") << '\n';
    for (std::size_t i = 0; i < found.faces.size(); ++i) {
        std::cout << "  " << detection_text(in_original(found.image, found.faces[i])) << '\n';
        if (found.landmarks.empty()) continue;
        std::cout << "   ";
        for (const ffr::Point p : in_original(found.image, found.landmarks[i]).points)
            std::cout << ' ' << p.x << ',' << p.y;
        std::cout << '\n';
    }
}

void print_json(const Input& input, const Found& found) {
    Json record = image_record(input.path, found.image.width, found.image.height);
    for (std::size_t i = 0; i < found.faces.size(); ++i) {
        Json face = detection_record(in_original(found.image, found.faces[i]));
        if (!found.landmarks.empty())
            face["landmarks"] = points_record(in_original(found.image, found.landmarks[i]).points);
        record["faces"].push_back(std::move(face));
    }
    print_record(record);
}

ffr::Image draw(const Found& found) {
    std::vector<Annotation> annotations;
    for (std::size_t i = 0; i < found.faces.size(); ++i) {
        const bool marked = !found.landmarks.empty();
        annotations.push_back({found.faces[i].box, marked ? found.landmarks[i].points : std::vector<ffr::Point>{},
                               fixed(found.faces[i].score, 2), kFoundColor});
    }
    return annotate(found.image.image, annotations);
}

Status run(const Options& options, bool with_landmarks) {
    const ffr::Detector detector = load_detector(options.shared);
    std::optional<ffr::LandmarkPredictor> predictor;
    if (with_landmarks) predictor = load_landmarks(options.shared);
    Inputs inputs(options.inputs, options.shared.shard);
    std::optional<Outputs> pictures;
    if (!options.draw.empty())
        pictures.emplace(std::filesystem::u8path(options.draw), ".jpg", Kind::annotated_copy, inputs);
    return run_batch<Found>(
        inputs, options.shared,
        [&](const Input& input) {
            Found found{read_input(input, options.shared), {}, {}};
            found.faces = detector.detect(found.image.image, detect_options(options.shared));
            for (const ffr::Detection& face : found.faces) {
                if (predictor) found.landmarks.push_back(predictor->predict(found.image.image, face.box));
            }
            return found;
        },
        [&](const Input& input, Found& found) {
            if (pictures) pictures->write(pictures->path(input), draw(found));
            options.shared.json ? print_json(input, found) : print_text(input, found);
        });
}

CLI::App* add(CLI::App& app, const char* name, const char* what, const char* example, bool with_landmarks,
              const std::shared_ptr<Options>& options, Status& status) {
    CLI::App* const verb = add_verb(app, name, what, example);
    add_inputs(*verb, options->inputs);
    add_shard(*verb, options->shared.shard);
    verb->add_option("--draw", options->draw,
                     "folder for copies of the images with the faces drawn in; small images are enlarged");
    add_shared_options(*verb, options->shared);
    verb->callback([options, with_landmarks, &status] { status = run(*options, with_landmarks); });
    return verb;
}

}  // namespace

void add_detect(CLI::App& app, Status& status) {
    add(app, "detect", "Finds faces: a box and a score each", "ffr detect photos --draw found", false,
        std::make_shared<Options>(), status);
}

void add_landmarks(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add(app, "landmarks", "Finds faces and the landmarks in them",
                               "ffr landmarks photos --points 5 --json", true, options, status);
    verb->add_option("--points", options->shared.points, "landmarks a face")->check(CLI::IsMember({5, 68}));
}
