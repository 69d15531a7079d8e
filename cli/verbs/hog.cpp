// hog: a photo as the detector sees it, and the filter that found the best face in it.

#include <algorithm>
#include <cctype>
#include <memory>

#include "ffr/detect/hog_picture.hpp"
#include "ffr/image/scale.hpp"
#include "load/models.hpp"
#include "show/annotate.hpp"
#include "verbs/verbs.hpp"

namespace fs = std::filesystem;

namespace {

struct Options {
    SharedOptions shared;
    std::string input;
    std::string output;
    Force force = Force::unavailable;
};

constexpr int kMargin = 12, kTextScale = 2;
constexpr std::uint8_t kPaper = 32;
constexpr ffr::Color kInk{225, 225, 225}, kFrame{120, 120, 120};

/// A picture under its caption.
struct Panel {
    std::string caption;
    ffr::Image picture;

    int width() const { return std::max(picture.width(), ffr::text_width(caption, kTextScale)); }
    int height() const { return ffr::text_height(kTextScale) + picture.height(); }
};

void paste_panel(ffr::Image& onto, const Panel& panel, ffr::Point top_left) {
    ffr::draw_text(onto, top_left, panel.caption, kInk, {kPaper, kPaper, kPaper}, kTextScale);
    ffr::paste(onto, panel.picture, {top_left.x, top_left.y + ffr::text_height(kTextScale)});
}

/// The photo's strokes with the box of the best window. Photos of more than kMostCells a side are made smaller before, so
/// that strokes can be told apart and the picture has an end.
Panel photo_panel(const ffr::Image& photo, const std::optional<ffr::DetectorWindow>& window) {
    constexpr int kMostCells = 120, kSide = 1200, kSmallest = 10, kLargest = 40;
    const double scale =
        std::min(1.0, double{ffr::kHogCell * (kMostCells + 2)} / std::max(photo.width(), photo.height()));
    const auto scaled = [scale](int length) { return std::max(1, ffr::round_half_up(length * scale)); };
    const ffr::HogFeatures features =
        ffr::extract_hog(scale < 1 ? ffr::scale_to(photo, scaled(photo.width()), scaled(photo.height())) : photo);
    const int longer = std::max(features.columns(), features.rows());
    if (longer == 0) throw ffr::Error("is too small or too narrow: HOG features need 20 pixels on each side");
    const int cell = std::clamp(kSide / longer, kSmallest, kLargest);
    ffr::Image picture = ffr::to_rgb(ffr::hog_picture(features, cell));
    if (window) {
        // The first cell of features is the second one of the image.
        const auto place = [&](int p) {
            return ffr::round_half_up((p * scale - ffr::kHogCell) * cell / ffr::kHogCell);
        };
        const ffr::Rect& box = window->detection.box;
        ffr::draw_box(picture, {place(box.left), place(box.top), place(box.right + 1), place(box.bottom + 1)},
                      kFoundColor, 3);
    }
    const std::string size = std::to_string(features.columns()) + " x " + std::to_string(features.rows());
    const std::string smaller = scale < 1 ? " at " + fixed(100 * scale, 0) + " %" : "";
    return {"HOG, " + size + " cells" + smaller, std::move(picture)};
}

/// Ten by ten cells in a frame.
Panel cells_panel(const std::string& caption, const ffr::HogFeatures& features, int cell, ffr::Color frame) {
    ffr::Image picture = ffr::to_rgb(ffr::hog_picture(features, cell));
    ffr::draw_box(picture, {0, 0, picture.width() - 1, picture.height() - 1}, frame, 2);
    return {caption, std::move(picture)};
}

ffr::Image compose(const Panel& photo, const std::vector<Panel>& beside) {
    int width = 0, height = 0;
    for (const Panel& panel : beside) {
        width = std::max(width, panel.width() + kMargin);
        height += panel.height() + kMargin;
    }
    ffr::Image page(photo.width() + width + 2 * kMargin, std::max(photo.height() + kMargin, height) + kMargin, 3);
    std::fill(page.pixels().begin(), page.pixels().end(), kPaper);
    paste_panel(page, photo, {kMargin, kMargin});
    ffr::Point place{photo.width() + 2 * kMargin, kMargin};
    for (const Panel& panel : beside) {
        paste_panel(page, panel, place);
        place.y += panel.height() + kMargin;
    }
    return page;
}

/// The photo at the left; where there's a face, what the filter saw of it and the filter at the right.
ffr::Image draw(const ffr::Image& photo, const std::optional<ffr::DetectorWindow>& window,
                const ffr::FaceDetector& detector) {
    const Panel strokes = photo_panel(photo, window);
    if (!window) return compose(strokes, {});
    constexpr int kCells = 10, kSmallest = 24, kLargest = 56;
    const int each = (strokes.height() - kMargin) / 2 - ffr::text_height(kTextScale);  // two make up the photo's height
    const int cell = std::clamp(each / kCells, kSmallest, kLargest);
    const ffr::Detection& face = window->detection;
    return compose(
        strokes,
        {cells_panel("best window, score " + fixed(face.score, 2), window->features, cell, kFoundColor),
         cells_panel("filter: " + std::string(view_name(face.view)), detector.view_filter(face.view), cell, kFrame)});
}

void report(const Input& input, const ffr::ReducedImage& photo, const std::optional<ffr::DetectorWindow>& window,
            const Options& options) {
    if (options.shared.json) {
        Json record = image_record(input.path, photo.width, photo.height);
        if (window) record["faces"].push_back(detection_record(in_original(photo, window->detection)));
        record["picture"] = options.output;
        return print_record(record);
    }
    std::cout << input.path.u8string() << " -> " << options.output << ": "
              << (window ? detection_text(in_original(photo, window->detection)) : "no face") << '\n';
}

/// Refuses the name of a picture in another format than PNG and JPEG.
CLI::Validator picture_name() {
    return CLI::Validator(
        [](const std::string& name) {
            std::string extension = fs::path(name).extension().string();
            for (char& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
            const bool known = extension == ".png" || extension == ".jpg" || extension == ".jpeg";
            return known ? std::string() : "'" + name + "' has to end in .png or .jpg";
        },
        "");
}

Status run(const Options& options) {
    if (options.shared.detector != "hog")
        throw CLI::ValidationError("--detector", "has to be hog: others have no filter");
    const ffr::FaceDetector detector = load_hog_detector(options.shared);
    Input input{fs::u8path(options.input), fs::u8path(options.input).filename(), ""};
    std::error_code code;
    if (fs::equivalent(input.path, fs::u8path(options.output), code)) {
        input.error = "its picture would overwrite it";
    }
    const Writing how{Kind::hog_picture, "", options.force};
    if (input.error.empty()) require_replaceable(fs::u8path(options.output), how);
    Inputs inputs(std::move(input));
    return run_batch<ffr::ReducedImage>(
        inputs, options.shared, [&](const Input& image) { return read_input(image, options.shared); },
        [&](const Input& image, ffr::ReducedImage& photo) {
            const auto window = detector.best_window(photo.image, detect_options(options.shared));
            write_picture(fs::u8path(options.output), draw(photo.image, window, detector), how);
            report(image, photo, window, options);
        });
}

}  // namespace

void add_hog(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        add_verb(app, "hog", "Draws a photo's HOG features as strokes, and beside them the best face and its filter",
                 "ffr hog photos/unseen/group.jpg -o hog.png");
    verb->add_option("input", options->input, "an image file")->required();
    verb->add_option("-o,--output", options->output, "the picture to write, .png or .jpg")
        ->required()
        ->check(picture_name());
    add_force(*verb, options->force);
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] { status = run(*options); });
}
