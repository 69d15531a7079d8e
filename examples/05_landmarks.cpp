// Regression trees at work: the mean face, laid into a detector's box, walks to the face that's there.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>

constexpr std::size_t kCascades = 15, kTrees = 500, kPixels = 500, kSplits = 15, kLeaves = 16, kPoints = 68;
using Shape = std::vector<float>;  // x0, y0, x1, y1, ... in the box: (0, 0) is its first pixel, (1, 1) its last

ffr::PointF in_photo(const ffr::Rect& box, float u, float v) {
    return {box.left + double{u} * (box.right - box.left), box.top + double{v} * (box.bottom - box.top)};
}

/// Of the nearest pixel: the mean of its colours, rounded down; 0 outside of the photo.
int brightness(ffr::ImageView photo, ffr::PointF p) {
    const int x = ffr::round_half_up(p.x), y = ffr::round_half_up(p.y);
    if (x < 0 || y < 0 || x >= photo.width || y >= photo.height) return 0;
    const std::uint8_t* pixel = photo.row(y) + x * photo.channels;
    return photo.channels == 1 ? pixel[0] : (pixel[0] + pixel[1] + pixel[2]) / 3;
}

/// The pixels that a cascade compares. Each hangs on a point of the shape, and turns and grows with the shape.
std::vector<int> read_pixels(const ffr::WeightsFile& file, std::size_t cascade, ffr::ImageView photo,
                             const ffr::Rect& box, const Shape& shape) {
    const auto anchors = file.tensor<std::uint16_t>("pixels/anchor", {kCascades, kPixels});
    const auto offsets = file.tensor<float>("pixels/offset", {kCascades, kPixels, 2});
    const auto mean_shape = file.tensor<float>("mean_shape", {kPoints, 2});
    const ffr::Rotation turn = ffr::SimilarityFit(mean_shape.data, kPoints).rotation_to(shape.data());
    const float a = static_cast<float>(turn.a), b = static_cast<float>(turn.b);
    std::vector<int> pixels;
    for (std::size_t i = cascade * kPixels; i < (cascade + 1) * kPixels; ++i) {
        const float dx = offsets[2 * i], dy = offsets[2 * i + 1];
        const float* const anchor = &shape[2 * std::size_t{anchors[i]}];
        const ffr::PointF p = in_photo(box, a * dx - b * dy + anchor[0], b * dx + a * dy + anchor[1]);
        pixels.push_back(brightness(photo, p));
    }
    return pixels;
}

/// Asks a tree its four questions, and tells them if wanted. \returns the leaf, 0 .. kLeaves - 1
std::size_t descend(const ffr::WeightsFile& file, std::size_t tree, const std::vector<int>& pixels, bool tell) {
    const auto pairs = file.tensor<std::uint16_t>("splits/pixels", {kCascades, kTrees, kSplits, 2});
    const auto thresholds = file.tensor<std::int16_t>("splits/threshold", {kCascades, kTrees, kSplits});
    std::size_t node = 0;
    while (node < kSplits) {
        const std::size_t split = tree * kSplits + node;
        const int p = pixels[pairs[2 * split]], q = pixels[pairs[2 * split + 1]];
        const bool yes = p - q > thresholds[split];
        if (tell) std::cout << "  " << p << " - " << q << " > " << thresholds[split] << (yes ? "? yes\n" : "? no\n");
        node = 2 * node + (yes ? 1 : 2);
    }
    return node - kSplits;
}

/// Adds a leaf to the shape: whole numbers of 16, 8 or 4 bits, times the leaf's step size.
void add_leaf(const ffr::WeightsFile& file, const std::string& name, std::size_t leaf, Shape& shape) {
    const std::size_t count = shape.size(), first = leaf * count;
    const float step = file.tensor<float>(name + "step_size", {kTrees, kLeaves})[leaf];
    const auto add = [&](const auto& number) {
        for (std::size_t i = 0; i < count; ++i) shape[i] += step * number[first + i];
    };
    if (file.contains(name + "int16")) return add(file.tensor<std::int16_t>(name + "int16", {kTrees, kLeaves, count}));
    if (file.contains(name + "int8")) return add(file.tensor<std::int8_t>(name + "int8", {kTrees, kLeaves, count}));
    const auto two = file.tensor<std::int8_t>(name + "nibbles", {kTrees, kLeaves, count / 2});  // x low, y high
    for (std::size_t i = 0; i < count; ++i) {
        const int nibble = (two[(first + i) / 2] >> (i % 2 * 4)) & 15;
        shape[i] += step * static_cast<float>(nibble - 8);
    }
}

/// One cascade: all pixels are read first, then 500 trees add a leaf each.
void move(const ffr::WeightsFile& file, std::size_t cascade, ffr::ImageView photo, const ffr::Rect& box, Shape& shape) {
    const std::vector<int> pixels = read_pixels(file, cascade, photo, box, shape);
    for (std::size_t tree = 0; tree < kTrees; ++tree) {
        const std::size_t leaf = descend(file, cascade * kTrees + tree, pixels, cascade + tree == 0);
        add_leaf(file, "leaves/" + std::to_string(cascade) + "/", tree * kLeaves + leaf, shape);
    }
}

/// The box and half as much again, enlarged, with a shape on it.
ffr::Image tile(ffr::ImageView photo, const ffr::Rect& box, const Shape& shape, int side) {
    const double margin = (box.right - box.left) / 4.0;
    const ffr::RectF view{box.left - margin, box.top - margin, box.right + margin, box.bottom + margin};
    ffr::Image face = ffr::to_rgb(ffr::extract_chip(photo, {view, 0, side}));
    const auto place = [side](float u) { return ffr::round_half_up((u + 0.25) / 1.5 * (side - 1)); };
    std::vector<ffr::Point> points;
    for (std::size_t i = 0; i < shape.size(); i += 2) points.push_back({place(shape[i]), place(shape[i + 1])});
    ffr::draw_landmarks(face, points, {255, 220, 0}, 2);
    return face;
}

int main(int argc, char** argv) try {
    if (argc != 4) return std::cerr << "usage: 05_landmarks WEIGHTS_FOLDER PHOTO PICTURE\n", 2;
    const std::filesystem::path weights = argv[1];
    const ffr::Image photo = ffr::read_image(argv[2]);
    const auto faces = ffr::FaceDetector::load(ffr::WeightsFile::open(weights / "hog_frontal.ffr")).detect(photo);
    if (faces.empty()) throw ffr::Error(std::string(argv[2]) + ": no face found");
    const ffr::Rect box = faces.front().box;
    const ffr::WeightsFile file = ffr::WeightsFile::open(weights / "landmarks68.ffr");
    const auto answer = ffr::LandmarkPredictor::load(file).predict(photo, box);  // load checks the tables' indices
    std::cout << "face at " << box << std::fixed << std::setprecision(2) << '\n';
    Shape shape = file.floats("mean_shape", {kPoints, 2});
    constexpr int kSide = 340;
    ffr::Image sheet(3 * kSide, 2 * kSide, 3);
    std::size_t cascade = 0, tiles = 0;
    for (const unsigned stop : {0u, 1u, 2u, 3u, 8u, 15u}) {
        for (; cascade < stop; ++cascade) move(file, cascade, photo, box, shape);
        double off = 0;
        for (std::size_t i = 0; i < kPoints; ++i) {
            const ffr::PointF p = in_photo(box, shape[2 * i], shape[2 * i + 1]), q = answer.subpixel[i];
            off += std::hypot(p.x - q.x, p.y - q.y) / kPoints;
        }
        std::cout << "after " << std::setw(2) << stop << " cascades " << off << " pixels from the library's answer\n";
        const ffr::Point corner{static_cast<int>(tiles % 3) * kSide, static_cast<int>(tiles++ / 3) * kSide};
        ffr::paste(sheet, tile(photo, box, shape, kSide), corner);
        ffr::draw_text(sheet, corner, "after " + std::to_string(stop), {255, 255, 255}, {0, 0, 0}, 2);
    }
    ffr::write_image(argv[3], sheet);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
