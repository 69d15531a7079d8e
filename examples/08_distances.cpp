// How far faces are apart, and a map of them: points in 128 dimensions, seen from the side where they differ most.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <set>

using ffr::Embedding;
using Path = std::filesystem::path;
using Place = std::array<double, 2>;  // on the map

/// What vary() does to a face, and then once more to its mirror image.
constexpr std::array<const char*, 6> kVariations = {"as it is",  "turned left", "turned right",
                                                    "40 pixels", "brighter",    "darker"};
constexpr std::size_t kEach = 2 * kVariations.size();

struct Faces {
    std::vector<std::string> names;
    std::vector<ffr::Color> colors;
    std::vector<Embedding> embeddings;  // kEach of each face
};

/// The chips that other photos of the same face might have given.
std::vector<ffr::Image> vary(ffr::ImageView photo, const ffr::Landmarks& landmarks) {
    const auto cut = [&](double turn, int size) {
        ffr::ChipGeometry chip = ffr::face_chip_geometry(landmarks, size);
        chip.angle += turn;
        return ffr::to_rgb(ffr::scale_to(ffr::extract_chip(photo, chip), 150, 150));
    };
    std::vector<ffr::Image> chips = {cut(0, 150), cut(0.15, 150), cut(-0.15, 150), cut(0, 40)};
    for (const double factor : {1.5, 0.5}) {
        ffr::Image chip = chips[0];
        for (auto& value : chip.pixels()) value = static_cast<std::uint8_t>(std::min(factor * value, 255.0));
        chips.push_back(chip);
    }
    for (std::size_t i = 0; i < kVariations.size(); ++i) {
        ffr::Image mirrored(150, 150, 3);
        for (int x = 0; x < 150; ++x) ffr::paste(mirrored, {chips[i].row(0) + 3 * x, 1, 150, 3, 450}, {149 - x, 0});
        chips.push_back(mirrored);
    }
    return chips;
}

std::set<Path> sorted_entries(const Path& folder) {
    const std::filesystem::directory_iterator found(folder);
    return {begin(found), end(found)};
}

void measure(const ffr::Pipeline& pipeline, const Path& file, const Path& name, ffr::Color color, Faces& faces) {
    const ffr::Image photo = ffr::read_image(file);
    for (const ffr::Face& face : pipeline.faces(photo)) {
        faces.names.push_back(name.string());
        faces.colors.push_back(color);
        for (const auto& chip : vary(photo, face.landmarks))
            faces.embeddings.push_back(pipeline.embedder().embed(chip));
    }
}

/// Scalar product.
double dot(const Embedding& a, const Embedding& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// point += factor * direction
void move(Embedding& point, double factor, const Embedding& direction) {
    for (std::size_t i = 0; i < point.size(); ++i) point[i] += static_cast<float>(factor) * direction[i];
}

/// The direction, of length 1, in which points around 0 vary most: power iteration.
Embedding principal_axis(const std::vector<Embedding>& points) {
    Embedding axis = points.front();
    for (int round = 0; round < 300; ++round) {
        Embedding next{};
        for (const Embedding& point : points) move(next, dot(point, axis), point);
        axis = {};
        move(axis, 1 / std::sqrt(dot(next, next)), next);
    }
    return axis;
}

/// Where points lie along the two directions in which they vary most.
std::vector<Place> map_of(std::vector<Embedding> points) {
    Embedding mean{};
    for (const Embedding& point : points) move(mean, 1.0 / static_cast<double>(points.size()), point);
    for (Embedding& point : points) move(point, -1, mean);
    std::vector<Place> places(points.size());
    for (std::size_t dimension = 0; dimension < 2; ++dimension) {
        const Embedding axis = principal_axis(points);
        for (std::size_t i = 0; i < points.size(); ++i) {
            places[i][dimension] = dot(points[i], axis);
            move(points[i], -places[i][dimension], axis);  // what's left for the next axis
        }
    }
    return places;
}

/// Left below the diagonal the distances of 128 numbers, right above it those on the map.
void print_distances(const Faces& faces, const std::vector<Place>& places) {
    const std::vector<Embedding>& embeddings = faces.embeddings;
    std::cout << std::fixed << std::setprecision(2) << std::left;
    for (std::size_t i = 0; i < places.size(); i += kEach) {
        std::cout << static_cast<char>('a' + i / kEach) << ' ' << std::setw(15) << faces.names[i / kEach];
        for (std::size_t j = 0; j < places.size(); j += kEach) {
            const double on_map = std::hypot(places[i][0] - places[j][0], places[i][1] - places[j][1]);
            std::cout << ' ' << (j < i ? ffr::distance(embeddings[i], embeddings[j]) : on_map);
        }
        std::cout << '\n';
    }
    for (std::size_t k = 1; k <= kVariations.size(); ++k) {
        double sum = 0;
        for (std::size_t i = 0; i < embeddings.size(); i += kEach)
            sum += ffr::distance(embeddings[i], embeddings[i + k]);
        std::cout << std::setw(12) << (k < kVariations.size() ? kVariations[k] : "mirrored") << " moves a face by "
                  << sum / static_cast<double>(faces.names.size()) << '\n';
    }
}

/// The faces as they are as large dots with letters, their variations as small ones.
ffr::Image draw_map(const Faces& faces, const std::vector<Place>& places) {
    const auto pixels = [](double distance) { return ffr::round_half_up(700 * distance); };
    ffr::Image map(1000, 800, 3);
    for (std::size_t i = 0; i < places.size(); ++i) {
        const ffr::Color color = faces.colors[i / kEach];
        const ffr::Point dot{640 + pixels(places[i][0]), 400 + pixels(places[i][1])};
        ffr::draw_point(map, dot, color, i % kEach == 0 ? 6 : 3);
        if (i % kEach != 0) continue;
        const int face = static_cast<int>(i / kEach);
        const std::string letter(1, static_cast<char>('a' + face));
        ffr::draw_text(map, {dot.x - 20 + 14 * (face % 3), dot.y + 10}, letter, color, {}, 2);
        ffr::draw_text(map, {20, 20 + 30 * face}, letter + " " + faces.names[i / kEach], color, {}, 2);
    }
    ffr::draw_line(map, {20, 780}, {20 + pixels(0.6), 780}, {255, 255, 255}, 3);
    ffr::draw_text(map, {20, 746}, "0.6", {255, 255, 255}, {}, 2);
    return map;
}

int main(int argc, char** argv) try {
    if (argc != 5) return std::cerr << "usage: 08_distances WEIGHTS_FOLDER PEOPLE_FOLDER UNSEEN_FOLDER PICTURE\n", 2;
    const ffr::Pipeline pipeline = ffr::Pipeline::load(argv[1]);
    Faces faces;
    std::size_t person = 0;
    for (const Path& folder : sorted_entries(argv[2])) {
        const ffr::Color color = ffr::kPersonColors[person++ % ffr::kPersonColors.size()];
        for (const Path& file : sorted_entries(folder)) measure(pipeline, file, folder.filename(), color, faces);
    }
    for (const Path& file : sorted_entries(argv[3])) measure(pipeline, file, file.stem(), {255, 255, 255}, faces);
    if (faces.names.empty()) throw ffr::Error("there's no face in the photos");
    const std::vector<Place> places = map_of(faces.embeddings);
    print_distances(faces, places);
    ffr::write_image(argv[4], draw_map(faces, places));
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
