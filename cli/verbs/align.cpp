// align: the straightened face of each image.

#include <algorithm>
#include <memory>

#include "ffr/align/affine.hpp"
#include "ffr/image/draw.hpp"
#include "ffr/image/scale.hpp"
#include "load/models.hpp"
#include "run/outputs.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::vector<std::string> inputs;
    std::string output;
    std::string method = "chip";
    std::string landmarks = "outerEyesAndNose";
    int size = 96;
    bool all_faces = false;
    bool skip_multi = false;
};

struct Aligned {
    std::string skipped;  // why there's nothing to do; empty when there is
    std::string details;  // of the chips' marks
    ffr::ReducedImage image;
    std::vector<ffr::Detection> faces;
    std::vector<ffr::Landmarks> landmarks;
    std::vector<ffr::Image> chips;
};

constexpr const char* kAlignedAlready = "is aligned already";

/// What a chip's mark says: all that it was made of and by.
std::string chip_details(const std::vector<std::uint8_t>& file, const Input& input, const Options& options) {
    const SharedOptions& shared = options.shared;
    const std::string method =
        options.method == "chip" ? "chip" : "openface " + options.landmarks + " " + std::to_string(options.size);
    const std::string found_by = shared.detector + " " + std::to_string(shared.upsample) + " " +
                                 fixed(shared.threshold, 6) + " " + std::to_string(shared.points) + " points" +
                                 (shared.no_exif ? ", no Exif" : "") +
                                 (shared.max_pixels > 0 ? ", " + std::to_string(shared.max_pixels) + " pixels" : "");
    return method + " of " + input.path.filename().u8string() + " " +
           ffr::hexadecimal(ffr::detail::xxh64(file.data(), file.size())) + " by " + found_by;
}

/// True for a chip that an earlier run made of the same photo in the same way.
bool is_aligned(const std::filesystem::path& chip, const std::string& details) {
    return mark_of(chip) == mark_text(Kind::aligned_face, details);
}

ffr::Image straighten(ffr::ImageView image, const ffr::Landmarks& landmarks, const Options& options) {
    if (options.method == "chip") return ffr::extract_chip(image, ffr::face_chip_geometry(landmarks));
    const bool by_outer_eyes = options.landmarks == "outerEyesAndNose";
    const ffr::Image face = ffr::align_face(image, landmarks, options.size,
                                            by_outer_eyes ? ffr::AlignmentLandmarks::outer_eyes_and_nose
                                                          : ffr::AlignmentLandmarks::inner_eyes_and_bottom_lip);
    return ffr::to_rgb(face);  // OpenFace's aligned faces are in colour, gray ones too
}

Aligned align(const Input& input, const ffr::Detector& detector, const ffr::LandmarkPredictor& predictor,
              const Outputs& outputs, const Options& options) {
    const std::vector<std::uint8_t> file = read_photo(input.path);
    Aligned aligned;
    aligned.details = chip_details(file, input, options);
    if (!options.all_faces && is_aligned(outputs.path(input), aligned.details)) {
        aligned.skipped = kAlignedAlready;
        return aligned;
    }
    aligned.image = decode_input(file, input, options.shared);
    aligned.faces = detector.detect(aligned.image.image, detect_options(options.shared));
    if (aligned.faces.empty()) throw ffr::Error("there's no face in the image");
    if (options.skip_multi && aligned.faces.size() > 1) {
        aligned.skipped = "has " + count_of(aligned.faces.size(), "face");
        return aligned;
    }
    if (!options.all_faces) aligned.faces = {aligned.faces[largest_face(aligned.faces)]};
    for (const ffr::Detection& face : aligned.faces) {
        aligned.landmarks.push_back(predictor.predict(aligned.image.image, face.box));
        aligned.chips.push_back(straighten(aligned.image.image, aligned.landmarks.back(), options));
    }
    return aligned;
}

/// NAME.png for the first chip, NAME-2.png and so on for the others; claims these.
std::vector<std::filesystem::path> chip_paths(const Input& input, std::size_t count, Outputs& outputs) {
    std::vector<std::filesystem::path> paths{outputs.path(input)};
    while (paths.size() < count) {
        const std::string name = paths[0].stem().u8string() + "-" + std::to_string(paths.size() + 1) + ".png";
        paths.push_back(paths[0].parent_path() / std::filesystem::u8path(name));
        outputs.claim(paths.back(), input);
    }
    return paths;
}

void report_skipped(const Input& input, const std::string& reason, const Options& options) {
    if (options.shared.json) return print_record({{"image", input.path.u8string()}, {"skipped", reason}});
    std::cout << input.path.u8string() << ": skipped, " << reason << '\n';
}

void emit(const Input& input, const Aligned& aligned, Outputs& outputs, const Options& options) {
    if (!aligned.skipped.empty()) return report_skipped(input, aligned.skipped, options);
    const std::vector<std::filesystem::path> paths = chip_paths(input, aligned.chips.size(), outputs);
    const auto is_done = [&](const std::filesystem::path& path) { return is_aligned(path, aligned.details); };
    if (std::all_of(paths.begin(), paths.end(), is_done)) return report_skipped(input, kAlignedAlready, options);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        if (!is_done(paths[i])) outputs.write(paths[i], aligned.chips[i], aligned.details);
    }
    Json record = image_record(input.path, aligned.image.width, aligned.image.height);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        Json face = detection_record(in_original(aligned.image, aligned.faces[i]));
        face["landmarks"] = points_record(in_original(aligned.image, aligned.landmarks[i]).points);
        face["aligned"] = paths[i].u8string();
        record["faces"].push_back(std::move(face));
        if (!options.shared.json) std::cout << input.path.u8string() << " -> " << paths[i].u8string() << '\n';
    }
    if (options.shared.json) print_record(record);
}

Status run(const Options& options) {
    if (options.landmarks == "innerEyesAndBottomLip" && options.shared.points != 68) {
        throw CLI::ValidationError("--landmarks", "innerEyesAndBottomLip needs --points 68");
    }
    const ffr::Detector detector = load_detector(options.shared);
    const ffr::LandmarkPredictor predictor = load_landmarks(options.shared);
    Inputs inputs(options.inputs, options.shared.shard);
    Outputs outputs(std::filesystem::u8path(options.output), ".png", Kind::aligned_face, inputs);
    return run_batch<Aligned>(
        inputs, options.shared, [&](const Input& input) { return align(input, detector, predictor, outputs, options); },
        [&](const Input& input, Aligned& aligned) { emit(input, aligned, outputs, options); });
}

}  // namespace

void add_align(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(
        app, "align",
        "Writes the straightened face of each image, the same tree of folders; those that ffr made of it before stay",
        "ffr align photos -o chips");
    add_inputs(*verb, options->inputs);
    add_shard(*verb, options->shared.shard);
    verb->add_option("-o,--output", options->output, "folder for the chips")->required();
    verb->add_option("--method", options->method,
                     "chip: 150 pixels, as the ResNet wants them; openface: as OpenFace does it")
        ->check(CLI::IsMember({"chip", "openface"}))
        ->capture_default_str();
    verb->add_option("--landmarks", options->landmarks,
                     "openface: the points to align by, outerEyesAndNose (nn4.small2) or innerEyesAndBottomLip")
        ->check(CLI::IsMember({"outerEyesAndNose", "innerEyesAndBottomLip"}));
    verb->add_option("--size", options->size, "openface: side of the aligned face in pixels")
        ->check(CLI::Range(2, 4096))
        ->capture_default_str();
    verb->add_flag("--all-faces", options->all_faces, "all faces of an image, not only the largest");
    verb->add_flag("--skip-multi", options->skip_multi, "leave out images with several faces");
    verb->add_option("--points", options->shared.points, "landmarks a face")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, verb, &status] {
        for (const char* const option : {"--landmarks", "--size"}) {
            if (options->method == "chip" && verb->count(option) > 0) {
                throw CLI::ValidationError(option, "goes with --method openface");
            }
        }
        status = run(*options);
    });
}
