// Turns a face until it lies on its side: what HOG and the CNN say to it, the CNN's search by hand, what its layers see.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>

constexpr int kSide = 168, kFace = 84;  // pixels of a picture, and of the face in its middle
constexpr int kDegrees[] = {0, 30, 45, 60, 90, 180};
using Maps = ffr::FeatureMaps;

/// The face of a photo, turned anticlockwise, in the middle of a small picture.
ffr::Image turned(const ffr::Image& photo, const ffr::Rect& face, int degrees) {
    const double turn = degrees * std::acos(-1.0) / 180, scale = kFace / static_cast<double>(face.width());
    const double a = scale * std::cos(turn), b = scale * std::sin(turn), middle = (kSide - 1) / 2.0;
    const double x = (face.left + face.right) / 2.0, y = (face.top + face.bottom) / 2.0;
    return ffr::warp_affine(photo, {a, b, middle - a * x - b * y, -b, a, middle + b * x - a * y}, kSide, kSide);
}

/// What each of the seven layers makes of pixels, the scores last. Maps of the third may be blotted out.
std::vector<Maps> look(const std::vector<ffr::Convolution>& layers, Maps maps, const std::vector<int>& blots = {}) {
    std::vector<Maps> seen;
    for (const ffr::Convolution& layer : layers) {
        maps = ffr::convolve(layer, maps);
        if (layer.outputs > 1) maps = ffr::relu(maps);
        for (const int i : blots) {
            if (seen.size() == 2) std::fill_n(maps.map(i), maps.height * maps.width, 0.0f);
        }
        seen.push_back(maps);
    }
    return seen;
}

int best_place(const Maps& scores) {
    return static_cast<int>(std::max_element(scores.values.begin(), scores.values.end()) - scores.values.begin());
}

/// A map in gray: black is `low`, white is `high`.
ffr::Image gray(const Maps& maps, int map, float low, float high) {
    ffr::Image image(maps.width, maps.height, 1);
    for (int i = 0; i < maps.height * maps.width; ++i) {
        const float level = 255 * (maps.map(map)[i] - low) / (high - low);
        image.row(i / maps.width)[i % maps.width] = static_cast<std::uint8_t>(std::clamp(level, 0.0f, 255.0f));
    }
    return image;
}

/// How far the edges of the window around a pixel of the canvas are from a box: its place on the level, then enlarged.
double edges_off(const std::vector<ffr::Rect>& levels, int x, int y, const ffr::Rect& box) {
    std::size_t level = 0;
    while (level + 1 < levels.size() && (x > levels[level].right || y > levels[level].bottom || y < levels[level].top))
        ++level;
    const double left = x - levels[level].left - 39.5, top = y - levels[level].top - 39.5;
    double edges[] = {left, top, left + 79, top + 79}, off = 0;
    for (std::size_t i = 0; i < 4 * level; ++i) edges[i % 4] = edges[i % 4] * 6 / 5 + 0.3;
    const int whole[] = {box.left, box.top, box.right, box.bottom};
    for (int i = 0; i < 4; ++i) off = std::max(off, std::abs(edges[i] - whole[i]));
    return off;
}

/// Searches a canvas by hand, prints how far the best window is from the library's, and draws the scores in red.
ffr::Image search(const std::vector<ffr::Convolution>& layers, const ffr::PyramidCanvas& canvas,
                  const ffr::Detection& library) {
    Maps in(3, canvas.height(), canvas.width());
    for (int y = 0; y < in.height; ++y) {
        for (int i = 0; i < 3 * in.width; ++i) in.map(i % 3)[y * in.width + i / 3] = canvas.row(y)[i];
    }
    const Maps scores = look(layers, in).back();
    const int best = best_place(scores), x = 8 * (best % scores.width) + 14, y = 8 * (best / scores.width) + 14;
    std::cout << std::setw(9) << std::abs(scores.map(0)[best] - library.score) << std::setw(7)
              << edges_off(canvas.layout().levels, x, y, library.box);
    ffr::Image picture = ffr::to_rgb(gray(in, 1, -0.5f, 0.5f));
    const ffr::Image heat = ffr::scale_to(gray(scores, 0, -1, 1), 8 * scores.width, 8 * scores.height);
    for (int i = 0; i < heat.height() * heat.width(); ++i) {
        const int row = i / heat.width(), column = i % heat.width(), hot = heat.row(row)[column];
        std::uint8_t* const pixel = picture.row(row + 10) + 3 * (column + 10);
        for (int c = 0; c < 3; ++c)
            pixel[c] = static_cast<std::uint8_t>(pixel[c] + ((c ? 0 : 255) - pixel[c]) * hot / 255);
    }
    if (library.score > 0) ffr::draw_box(picture, {x - 40, y - 40, x + 39, y + 39}, {255, 255, 255}, 2);
    return picture;
}

/// The three maps that answer `a` more than `b`, summed up over the middle, where the face is.
std::vector<int> prefer(const Maps& a, const Maps& b) {
    std::vector<std::pair<double, int>> less;
    for (int i = 0; i < a.channels; ++i) {
        less.emplace_back(0, i);
        for (int y = a.height / 4; y < a.height - a.height / 4; ++y) {
            for (int x = a.width / 4; x < a.width - a.width / 4; ++x) {
                less.back().first += b.map(i)[y * a.width + x] - a.map(i)[y * a.width + x];
            }
        }
    }
    std::sort(less.begin(), less.end());
    return {less[0].second, less[1].second, less[2].second};
}

/// Six maps of the upright face above those of the lying one, in the same grays: of layer 6 the first, else those that
/// differ most.
void draw_maps(ffr::Image& sheet, int layer, const Maps& upright, const Maps& lying) {
    std::vector<int> chosen = prefer(upright, lying);
    for (const int i : prefer(lying, upright)) chosen.push_back(i);
    if (layer == 6) chosen = {0, 1, 2, 3, 4, 5};
    ffr::Point at{0, 290 * std::min(layer - 1, 3)};
    ffr::draw_text(sheet, at, "layer " + std::to_string(layer), {255, 255, 255}, {0, 0, 0});
    for (const int i : chosen) {
        const auto most = [&](const Maps& m) { return *std::max_element(m.map(i), m.map(i) + m.height * m.width); };
        const float white = std::max({most(upright), most(lying), 1e-6f});
        ffr::paste(sheet, ffr::scale_to(gray(upright, i, 0, white), 128, 128), {at.x, at.y + 15});
        ffr::paste(sheet, ffr::scale_to(gray(lying, i, 0, white), 128, 128), {at.x, at.y + 145});
        at.x += 132;
    }
}

int main(int argc, char** argv) try {
    if (argc != 5) return std::cerr << "usage: 13_on_its_side WEIGHTS PHOTO CANVAS_PICTURE MAPS_PICTURE\n", 2;
    const auto file = ffr::WeightsFile::open(ffr::find_weights("mmod.ffr", argv[1]));
    const auto cnn = ffr::MmodDetector::load(file);
    const auto hog = ffr::FaceDetector::load(ffr::WeightsFile::open(ffr::find_weights("hog_frontal.ffr", argv[1])));
    std::vector<ffr::Convolution> layers;
    for (const auto& shape : ffr::kMmodLayers) {
        layers.push_back(ffr::Convolution::load(file, ffr::mmod_layer_name(layers.size()), shape));
    }
    const auto means = file.floats("pixel_mean", {3});
    const std::array<float, 3> mean{means[0], means[1], means[2]};
    const ffr::Image photo = ffr::to_rgb(ffr::read_image(argv[2]));
    const auto faces = cnn.detect(photo);
    if (faces.empty()) throw ffr::Error(std::string(argv[2]) + ": no face found");

    const auto pixels = [&](const ffr::Image& picture) { return ffr::input_maps(picture, kSide, mean, 256); };
    const auto upright = look(layers, pixels(turned(photo, faces[0].box, 0)));
    const auto lying = look(layers, pixels(turned(photo, faces[0].box, 90)));
    std::cout << "                      by hand, off by  level 0,  without 3 maps for\n"
              << "degrees    HOG    CNN    score  edges    alone  upright    lying\n"
              << std::fixed << std::setprecision(2);
    ffr::Workspace workspace;
    ffr::Image canvases, sheet(6 * 132, 4 * 290, 3);
    for (int i = 0; i < 6; ++i) {
        const ffr::Image picture = turned(photo, faces[0].box, kDegrees[i]);
        const ffr::Detection best = cnn.detect(picture, {0, -3}).at(0);
        std::cout << std::setw(7) << kDegrees[i] << std::setw(7) << hog.detect(picture, {0, -3}).at(0).score
                  << std::setw(7) << best.score;
        const ffr::PyramidCanvas canvas(ffr::detail::colour_planes(picture, workspace), mean, workspace);
        if (i == 0) canvases = ffr::Image(6 * canvas.width(), canvas.height(), 3);
        ffr::paste(canvases, search(layers, canvas, best), {i * canvas.width(), 0});
        for (const auto& blots : {std::vector<int>{}, prefer(upright[2], lying[2]), prefer(lying[2], upright[2])}) {
            const Maps scores = look(layers, pixels(picture), blots).back();
            std::cout << std::setw(9) << scores.map(0)[best_place(scores)];
        }
        std::cout << '\n';
    }
    ffr::write_image(argv[3], canvases);
    for (const std::size_t i : {0U, 1U, 2U, 5U}) draw_maps(sheet, static_cast<int>(i) + 1, upright[i], lying[i]);
    ffr::write_image(argv[4], sheet);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
