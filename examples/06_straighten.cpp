// Straightens a face by hand: a similarity fitted to five landmarks, and a bilinear warp. An affine map for comparison.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>

constexpr int kSize = 256;         // side of a straightened face
constexpr double kPadding = 0.25;  // what's seen around the template, in sizes of it

/// Where landmarks belong in an upright face: the right eye's outer and inner corner, the left eye's, the nose's base.
constexpr ffr::PointF kTemplate[5] = {{0.8595674595992, 0.2134981538014},
                                      {0.6460604764104, 0.2289674387677},
                                      {0.1205750620789, 0.2137274526848},
                                      {0.3340850613712, 0.2290642403242},
                                      {0.4901123135679, 0.6277975316475}};

ffr::PointF target(std::size_t i) {
    const double scale = kSize / (2 * kPadding + 1);
    return {scale * (kPadding + kTemplate[i].x), scale * (kPadding + kTemplate[i].y)};
}

/// The turn, scale and shift that bring the targets as near to the landmarks as can be.
ffr::AffineMap similarity(const std::vector<ffr::PointF>& landmarks) {
    ffr::PointF from, to;  // the means
    for (std::size_t i = 0; i < 5; ++i) {
        from = {from.x + target(i).x / 5, from.y + target(i).y / 5};
        to = {to.x + landmarks[i].x / 5, to.y + landmarks[i].y / 5};
    }
    double a = 0, b = 0, square = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        const double x = target(i).x - from.x, y = target(i).y - from.y;
        const double u = landmarks[i].x - to.x, v = landmarks[i].y - to.y;
        a += x * u + y * v;
        b += x * v - y * u;
        square += x * x + y * y;
    }
    a /= square;
    b /= square;
    return {a, -b, to.x - a * from.x + b * from.y, b, a, to.y - b * from.x - a * from.y};
}

/// What lies where `map` brings each pixel of the result: the four pixels around, mixed by nearness; black outside.
ffr::Image warp(ffr::ImageView photo, const ffr::AffineMap& map, int width, int height) {
    ffr::Image result(width, height, photo.channels);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const ffr::PointF p = map({static_cast<double>(x), static_cast<double>(y)});
            if (!(p.x >= 0 && p.y >= 0 && p.x < photo.width - 1 && p.y < photo.height - 1)) continue;
            const int left = static_cast<int>(p.x), top = static_cast<int>(p.y), step = photo.channels;
            const double fx = p.x - left, fy = p.y - top;
            for (int c = 0; c < step; ++c) {
                const std::uint8_t* const upper = photo.row(top) + left * step + c;
                const std::uint8_t* const lower = upper + photo.stride;
                const double above = (1 - fx) * upper[0] + fx * upper[step];
                const double below = (1 - fx) * lower[0] + fx * lower[step];
                result.row(y)[x * step + c] = static_cast<std::uint8_t>((1 - fy) * above + fy * below);
            }
        }
    }
    return result;
}

/// The affine map that brings three targets (outer corners of the eyes, nose) exactly onto their landmarks.
ffr::AffineMap affine(const std::vector<ffr::PointF>& landmarks) {
    return ffr::affine_map({target(0), target(2), target(4)}, {landmarks[0], landmarks[2], landmarks[4]});
}

/// A turn around a picture's middle.
ffr::Image tilted(const ffr::Image& photo, double radians) {
    const double x = (photo.width() - 1) / 2.0, y = (photo.height() - 1) / 2.0;
    const double a = std::cos(radians), b = std::sin(radians);
    return warp(photo, {a, -b, x - a * x + b * y, b, a, y - b * x - a * y}, photo.width(), photo.height());
}

/// The same map with two small habits of the programs that cut the chips for the network's training: a chip lies half a pixel
/// aside, and is a pixel of the photo smaller.
ffr::AffineMap as_in_training(const ffr::AffineMap& map) {
    const double scale = std::hypot(map.xx, map.yx), shrink = (kSize * scale - 1) / ((kSize - 1) * scale);
    const double shift = kSize / 2.0 - shrink * (kSize - 1) / 2;
    const ffr::PointF origin = map({shift, shift});
    return {shrink * map.xx, shrink * map.xy, origin.x, shrink * map.yx, shrink * map.yy, origin.y};
}

double mean_difference(const ffr::Image& a, const ffr::Image& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.pixels().size(); ++i) sum += std::abs(a.pixels()[i] - b.pixels()[i]);
    return sum / static_cast<double>(a.pixels().size());
}

int main(int argc, char** argv) try {
    if (argc != 4) return std::cerr << "usage: 06_straighten WEIGHTS PHOTO PICTURE\n", 2;
    const auto open = [&](const char* name) { return ffr::WeightsFile::open(ffr::find_weights(name, argv[1])); };
    const auto detector = ffr::FaceDetector::load(open("hog_frontal.ffr"));
    const auto predictor = ffr::LandmarkPredictor::load(open("landmarks5.ffr"));
    const ffr::Image upright = ffr::read_image(argv[2]);
    std::cout << std::fixed << std::setprecision(1);
    ffr::Image sheet(3 * kSize, 2 * kSize, 3), first;
    for (const int tilt : {0, 25}) {
        const ffr::Image photo = tilted(upright, tilt * std::acos(-1.0) / 180);
        const std::vector<ffr::Detection> faces = detector.detect(photo);
        if (faces.empty()) throw ffr::Error(std::string(argv[2]) + ": no face found");
        const ffr::Landmarks found = predictor.predict(photo, faces[0].box);
        std::vector<ffr::PointF> points;  // whole pixels, as the library's chips are cut by
        for (const ffr::Point& p : found.points) points.push_back({double(p.x), double(p.y)});

        const ffr::AffineMap map = similarity(points);
        const ffr::Image chip = warp(photo, as_in_training(map), kSize, kSize);
        const ffr::Image library = ffr::extract_chip(photo, ffr::face_chip_geometry(found, kSize, kPadding));
        if (first.empty()) first = chip;
        std::cout << "tilted by " << tilt << " degrees: the face is turned by "
                  << -std::atan2(map.yx, map.xx) * 180 / std::acos(-1.0) << " degrees, "
                  << kSize * std::hypot(map.xx, map.yx) << " pixels of the photo become " << kSize
                  << "\n  pixels differ by " << mean_difference(chip, library) << " from the library's chip, by "
                  << mean_difference(chip, first) << " from the first\n";
        const double left = faces[0].box.left, scale = (faces[0].box.right - left) / kSize;
        const int top = tilt == 0 ? 0 : kSize;
        ffr::paste(sheet, warp(photo, {scale, 0, left, 0, scale, double(faces[0].box.top)}, kSize, kSize), {0, top});
        ffr::paste(sheet, chip, {kSize, top});
        ffr::paste(sheet, warp(photo, affine(points), kSize, kSize), {2 * kSize, top});
    }
    ffr::write_image(argv[3], sheet);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
