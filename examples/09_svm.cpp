// A linear SVM: the widest street between two people's faces, first in two dimensions, where it can be drawn, then in 128.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>

using Point2 = std::array<float, 2>;  // distance from A's photo, distance from B's
constexpr std::size_t kPlain = 14;    // of what vary() makes: neither turned nor cut out otherwise nor darker

/// w.x + b is above 0 on one side of the line and below on the other; -1 and 1 are the sides of the street.
struct Line {
    double w[2] = {0, 0}, b = 0;
    double operator()(const Point2& x) const { return w[0] * double{x[0]} + w[1] * double{x[1]} + b; }
};

/// The widest street between A's points (class 0) and B's (class 1), by moving two of them at a time. Each point pulls the line
/// its way with a weight, 0 to C for A's and -C to 0 for B's. In the end only those at the sides, the support vectors, have one.
Line widest_street(const std::vector<Point2>& points, const std::vector<int>& classes, double most) {
    Line line;
    std::vector<double> alpha(points.size(), 0.0);
    while (true) {
        std::size_t up = points.size(), down = points.size();  // who pulls up most, and who down
        double highest = -1e9, lowest = 1e9;
        for (std::size_t t = 0; t < points.size(); ++t) {
            const double pull = (classes[t] == 0 ? 1 : -1) - (line(points[t]) - line.b);
            if (alpha[t] < (classes[t] == 0 ? most : 0) && pull > highest) highest = pull, up = t;
            if (alpha[t] > (classes[t] == 0 ? 0 : -most) && pull < lowest) lowest = pull, down = t;
        }
        line.b = (highest + lowest) / 2;
        if (highest - lowest < 1e-4) return line;
        const double across[2] = {double{points[up][0] - points[down][0]}, double{points[up][1] - points[down][1]}};
        double step = (highest - lowest) / (across[0] * across[0] + across[1] * across[1] + 1e-12);
        step =
            std::min({step, (classes[up] == 0 ? most : 0) - alpha[up], alpha[down] + (classes[down] == 0 ? 0 : most)});
        alpha[up] += step;
        alpha[down] -= step;
        for (int d = 0; d < 2; ++d) line.w[d] += step * across[d];
    }
}

/// Embeddings of a photo's face as other photos might have given them: cut out elsewhere and turned, then darker.
std::vector<ffr::Embedding> vary(const ffr::Pipeline& pipeline, const char* path) {
    const ffr::Image photo = ffr::read_image(path);
    const std::vector<ffr::Face> faces = pipeline.faces(photo);
    if (faces.size() != 1) throw ffr::InvalidArgument(std::string(path) + ": doesn't show exactly one face");
    std::vector<ffr::Embedding> embeddings;
    for (const double turn : {-0.3, -0.15, 0.0, 0.15, 0.3}) {
        for (const double size : {0.8, 1.0, 1.25}) {
            ffr::ChipGeometry chip = ffr::face_chip_geometry(faces[0].landmarks, 150);
            chip.angle += turn;
            chip.box.left -= (size - 1) * 40, chip.box.right += (size - 1) * 40;
            ffr::Image face = ffr::extract_chip(photo, chip);
            embeddings.push_back(pipeline.embedder().embed(face));
            for (std::uint8_t& value : face.pixels()) value = static_cast<std::uint8_t>(value / 3);
            embeddings.push_back(pipeline.embedder().embed(face));
        }
    }
    return embeddings;
}

/// Probabilities as shades, the street's middle and sides as lines, faces as dots; those that hold the street have a ring.
ffr::Image draw(const std::vector<Point2>& points, const std::vector<int>& classes, const Point2& stranger,
                const Line& line, const ffr::PlattScale& platt) {
    constexpr int kSide = 640;
    constexpr double kScale = 600;  // pixels for a distance of 1
    ffr::Image picture(kSide, kSide, 3);
    for (int y = 0; y < kSide; ++y) {
        for (int x = 0; x < kSide; ++x) {
            const auto value = [&](int column, int row) {
                return line({static_cast<float>(column / kScale), static_cast<float>(row / kScale)});
            };
            const double f = value(x, y), next = value(x + 1, y - 1);
            std::uint8_t* pixel = picture.row(y) + 3 * x;
            pixel[0] = static_cast<std::uint8_t>(60 + 160 * platt(f));
            pixel[1] = 110;
            pixel[2] = static_cast<std::uint8_t>(220 - 160 * platt(f));
            for (const double side : {-1.0, 0.0, 1.0}) {
                if ((f < side) != (next < side)) std::fill_n(pixel, 3, std::uint8_t{255});
            }
        }
    }
    const auto dot = [&](const Point2& p, ffr::Color color, int radius) {
        ffr::draw_point(picture, {static_cast<int>(kScale * double{p[0]}), static_cast<int>(kScale * double{p[1]})},
                        color, radius);
    };
    for (std::size_t t = 0; t < points.size(); ++t) {
        if (std::abs(line(points[t])) < 1.01) dot(points[t], {255, 255, 255}, 7);
        dot(points[t], classes[t] == 0 ? ffr::Color{255, 160, 0} : ffr::Color{0, 40, 160}, 4);
    }
    dot(stranger, {0, 0, 0}, 6);
    return picture;
}

int main(int argc, char** argv) try {
    if (argc != 6) return std::cerr << "usage: 09_svm WEIGHTS PHOTO_OF_A PHOTO_OF_B STRANGER PICTURE\n", 2;
    const ffr::Pipeline pipeline = ffr::Pipeline::load(argv[1]);
    const std::vector<ffr::Embedding> a = vary(pipeline, argv[2]), b = vary(pipeline, argv[3]);
    const ffr::Embedding stranger = vary(pipeline, argv[4])[kPlain];
    const auto place = [&](const ffr::Embedding& face) {
        return Point2{static_cast<float>(ffr::distance(face, a[kPlain])),
                      static_cast<float>(ffr::distance(face, b[kPlain]))};
    };
    std::vector<Point2> points;
    std::vector<ffr::Embedding> faces = a;
    faces.insert(faces.end(), b.begin(), b.end());
    for (const ffr::Embedding& face : faces) points.push_back(place(face));
    std::vector<int> classes(a.size(), 0);  // A's, then B's
    classes.resize(faces.size(), 1);

    const ffr::SvmOptions options{1000, 1000, 1e-4};  // cost, cost with a single sample, tolerance
    const Line line = widest_street(points, classes, options.cost);
    const ffr::PairClassifier library = ffr::train_linear_svm(points, classes, 2, options).pairs[0];
    std::cout << std::fixed << std::setprecision(2) << "our line:      " << line.w[0] << " x + " << line.w[1] << " y + "
              << line.b << "\nthe library's: " << library.decision.weights[0] << " x + " << library.decision.weights[1]
              << " y + " << library.decision.bias << "\nthe street is " << 2 / std::hypot(line.w[0], line.w[1])
              << " wide\n";
    const ffr::LinearSvm svm = ffr::train_linear_svm(faces, classes, 2);
    std::cout << "in 128 dimensions: A's photo is A's with " << svm.probabilities(a[kPlain])[0] << ", B's with "
              << svm.probabilities(b[kPlain])[0] << ", the stranger's with " << svm.probabilities(stranger)[0]
              << "\nbut the stranger is " << ffr::distance(stranger, a[kPlain]) << " from A and "
              << ffr::distance(stranger, b[kPlain]) << " from B\n";
    ffr::write_image(argv[5], draw(points, classes, place(stranger), line, library.platt));
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
