// infer: who is in these photos?

#include <chrono>
#include <memory>

#include "ffr/identify/identify.hpp"
#include "ffr/image/scale.hpp"
#include "run/measure.hpp"
#include "run/outputs.hpp"
#include "show/annotate.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    ffr::IdentifyOptions identify;
    std::vector<std::string> inputs;
    std::string model;
    std::string draw;
    bool multi = false;
    bool verbose = false;
};

struct NamedFace {
    ffr::Face face;
    ffr::Identity identity;
};

struct Inferred {
    ffr::ReducedImage image;
    std::vector<NamedFace> faces;  // by falling score
    std::vector<std::pair<const char*, double>> seconds;
};

/// Adds the seconds since its last call to the step that has just ended.
class StepClock {
  public:
    explicit StepClock(Inferred& inferred) : inferred_(inferred) {}

    void end_of(const char* step) {
        const auto now = std::chrono::steady_clock::now();
        inferred_.seconds.emplace_back(step, std::chrono::duration<double>(now - last_).count());
        last_ = now;
    }

  private:
    Inferred& inferred_;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Inferred infer(const Input& input, const ffr::Pipeline& pipeline, const ffr::Identifier& people,
               const Options& options) {
    Inferred inferred;
    StepClock clock(inferred);
    inferred.image = read_input(input, options.shared);
    clock.end_of("reading");
    const auto detections = pipeline.detector().detect(inferred.image.image, detect_options(options.shared));
    clock.end_of("detection");
    for (const ffr::Detection& detection : detections) {
        inferred.faces.push_back({pipeline.measure(inferred.image.image, detection), {}});
    }
    clock.end_of("landmarks, alignment and network");
    for (NamedFace& named : inferred.faces) {
        named.identity = people.identify(named.face.embedding, options.identify);
    }
    clock.end_of("naming");
    return inferred;
}

double centre_x(const ffr::Rect& box) {
    return (static_cast<double>(box.left) + box.right) / 2;
}

void print_face(const Inferred& inferred, const NamedFace& named, bool with_place) {
    const ffr::Identity& who = named.identity;
    const std::string place =
        with_place ? " @ x=" + fixed(centre_x(in_original(inferred.image, named.face.detection.box)), 0) : "";
    if (who.name) {
        std::cout << "Predict " << *who.name << place << " with " << fixed(who.confidence, 2) << " confidence.\n";
    } else {
        std::cout << "Unknown" << place << ": nearest is " << who.candidate << " at distance " << fixed(who.distance, 2)
                  << ".\n";
    }
}

/// The largest face or, with --multi, all from left to right.
void print_text(const Input& input, const Inferred& inferred, const Options& options) {
    std::cout << "=== " << input.path.u8string() << " ===\n";
    for (const auto& [step, seconds] : inferred.seconds) {
        if (options.verbose) std::cout << "  " << step << " took " << fixed(seconds, 3) << " seconds.\n";
    }
    std::vector<ffr::Detection> detections;
    std::vector<const NamedFace*> faces;
    for (const NamedFace& named : inferred.faces) {
        detections.push_back(named.face.detection);
        faces.push_back(&named);
    }
    if (faces.empty()) {
        std::cout << "No face found.\n";
    } else if (!options.multi) {
        print_face(inferred, *faces[largest_face(detections)], false);
    } else {
        std::stable_sort(faces.begin(), faces.end(), [](const NamedFace* a, const NamedFace* b) {
            return centre_x(a->face.detection.box) < centre_x(b->face.detection.box);
        });
        if (faces.size() > 1) std::cout << "List of faces in image from left to right\n";
        for (const NamedFace* const named : faces) print_face(inferred, *named, true);
    }
}

void print_json(const Input& input, const Inferred& inferred) {
    Json record = image_record(input.path, inferred.image.width, inferred.image.height);
    for (const NamedFace& named : inferred.faces) {
        const ffr::Identity& who = named.identity;
        Json face = face_record(in_original(inferred.image, named.face));
        face["name"] = who.name ? Json(*who.name) : Json(nullptr);
        face["candidate"] = who.candidate;
        face["confidence"] = who.confidence;
        face["distance"] = who.distance;
        record["faces"].push_back(std::move(face));
    }
    print_record(record);
}

ffr::Image draw(const Inferred& inferred, const ffr::Identifier& people) {
    std::vector<std::optional<std::string>> names;
    for (const NamedFace& named : inferred.faces) names.push_back(named.identity.name);
    const std::vector<ffr::Color> colors = face_colors(names, people.names());
    std::vector<Annotation> annotations;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& [face, who] = inferred.faces[i];
        annotations.push_back({face.detection.box, face.landmarks.points, name_text(who), colors[i]});
    }
    return annotate(inferred.image.image, annotations);
}

Status run(const Options& options) {
    const ffr::Identifier people = load_people(options.model);
    const ffr::Pipeline pipeline = load_pipeline_for(people, options.model, options.shared);
    Inputs inputs(options.inputs, options.shared.shard);
    std::optional<Outputs> pictures;
    if (!options.draw.empty())
        pictures.emplace(std::filesystem::u8path(options.draw), ".jpg", Kind::annotated_copy, inputs);
    return run_batch<Inferred>(
        inputs, options.shared, [&](const Input& input) { return infer(input, pipeline, people, options); },
        [&](const Input& input, Inferred& inferred) {
            if (pictures) pictures->write(pictures->path(input), draw(inferred, people));
            options.shared.json ? print_json(input, inferred) : print_text(input, inferred, options);
        });
}

}  // namespace

void add_infer(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        add_verb(app, "infer", "Names the people in photos", "ffr infer people.ffr photos/unseen --multi --draw named");
    verb->add_option("model", options->model, "a model made by ffr train")->required();
    add_inputs(*verb, options->inputs);
    add_shard(*verb, options->shared.shard);
    verb->add_flag("--multi", options->multi, "all faces from left to right, not only the largest");
    verb->add_flag("--verbose", options->verbose, "how long each step took");
    verb->add_option("--draw", options->draw,
                     "folder for copies of the images with the names drawn in; small images are enlarged");
    add_identify_options(*verb, options->identify);
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] { status = run(*options); });
}
