// From scratch, truly: trains a face filter on the photos of a folder and finds a face with it in another photo.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>
#include <random>
#include <set>

constexpr int kFilter = 10;  // cells a side
using Features = std::vector<float>;

/// A photo, what it shows, and the features of each level of its pyramid.
struct Scene {
    ffr::Image photo;
    std::vector<ffr::Rect> faces;
    std::vector<ffr::HogFeatures> levels;
};

/// A place for the filter, and its score there.
struct Window {
    const Scene* scene;
    int level, row, column;
    double score;
    ffr::Rect box() const { return ffr::detail::window_box(level, row, column); }
};

/// \param teacher  says where the faces are, in place of a person with a pencil
Scene read_scene(const std::filesystem::path& path, const ffr::FaceDetector& teacher) {
    Scene scene{ffr::read_image(path), {}, {}};
    for (const ffr::Detection& face : teacher.detect(scene.photo)) scene.faces.push_back(face.box);
    ffr::Image level = scene.photo;
    for (; level.width() >= 96 && level.height() >= 96; level = ffr::pyramid_down(level)) {
        scene.levels.push_back(ffr::extract_hog(level));
    }
    return scene;
}

Features features_at(const ffr::HogFeatures& map, int row, int column) {
    Features features;
    for (int plane = 0; plane < ffr::kHogPlanes; ++plane) {
        for (int y = row - 4; y < row + 6; ++y) {
            for (int x = column - 4; x < column + 6; ++x) features.push_back(map.at(plane, y, x));
        }
    }
    return features;
}

/// Twenty-seven crops of 96 x 96 pixels around a face, moved and scaled a little: 10 x 10 cells each.
void add_faces(const Scene& scene, std::vector<Features>& faces) {
    for (const ffr::Rect& face : scene.faces) {
        const double middle_x = (face.left + face.right) / 2.0, middle_y = (face.top + face.bottom) / 2.0;
        for (const double scale : {0.92, 1.0, 1.08}) {
            const double half = scale * (face.right - face.left + 1) * 96.0 / 73.0 / 2, step = half / 24;
            for (const double x : {middle_x - step, middle_x, middle_x + step}) {
                for (const double y : {middle_y - step, middle_y, middle_y + step}) {
                    const ffr::ChipGeometry crop{{x - half, y - half, x + half, y + half}, 0, 96};
                    faces.push_back(features_at(ffr::extract_hog(ffr::extract_chip(scene.photo, crop)), 4, 4));
                }
            }
        }
    }
}

double overlap(const ffr::Rect& a, const ffr::Rect& b) {
    const ffr::Rect both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                         std::min(a.bottom, b.bottom)};
    const auto shared = static_cast<double>(both.area());
    return shared / (static_cast<double>(a.area()) + static_cast<double>(b.area()) - shared);
}

/// All windows of a scene that score above 0, best first.
std::vector<Window> search(const Scene& scene, const ffr::LinearDecision& filter) {
    std::vector<Window> found;
    for (std::size_t level = 0; level < scene.levels.size(); ++level) {
        const ffr::HogFeatures& map = scene.levels[level];
        for (int row = 4; row < map.rows() - 5; ++row) {
            for (int column = 4; column < map.columns() - 5; ++column) {
                const double score = filter(features_at(map, row, column).data());
                if (score > 0) found.push_back({&scene, static_cast<int>(level), row, column, score});
            }
        }
    }
    std::sort(found.begin(), found.end(), [](const Window& a, const Window& b) { return a.score > b.score; });
    return found;
}

bool shows_a_face(const Window& window) {
    const auto near = [&](const ffr::Rect& face) { return overlap(face, window.box()) > 0.2; };
    return std::any_of(window.scene->faces.begin(), window.scene->faces.end(), near);
}

/// Windows without a face, at random: the first round doesn't know yet which are hard to tell from one.
void add_backgrounds(const Scene& scene, std::mt19937& random, std::vector<Features>& backgrounds) {
    for (int i = 0; i < 60 && !scene.levels.empty(); ++i) {
        const auto level = random() % scene.levels.size();
        const ffr::HogFeatures& map = scene.levels[level];
        const int row = 4 + static_cast<int>(random() % static_cast<unsigned>(map.rows() - 9));
        const int column = 4 + static_cast<int>(random() % static_cast<unsigned>(map.columns() - 9));
        const Window window{&scene, static_cast<int>(level), row, column, 0};
        if (!shows_a_face(window)) backgrounds.push_back(features_at(map, row, column));
    }
}

ffr::LinearDecision train(const std::vector<Features>& faces, const std::vector<Features>& backgrounds) {
    std::vector<Features> samples = faces;
    samples.insert(samples.end(), backgrounds.begin(), backgrounds.end());
    std::vector<int> classes(faces.size(), 0);
    classes.resize(samples.size(), 1);
    return ffr::train_linear_svm(samples, classes, 2).pairs[0].decision;
}

/// Trains, lets the filter search the photos that it knows, and adds every false alarm to what is no face.
ffr::LinearDecision train_in_rounds(const std::vector<Scene>& scenes) {
    std::vector<Features> faces, backgrounds;
    std::mt19937 random(1);
    for (const Scene& scene : scenes) {
        add_faces(scene, faces);
        add_backgrounds(scene, random, backgrounds);
    }
    for (int round = 1;; ++round) {
        const ffr::LinearDecision filter = train(faces, backgrounds);
        const std::size_t before = backgrounds.size();
        for (const Scene& scene : scenes) {
            for (const Window& window : search(scene, filter)) {
                const ffr::HogFeatures& map = scene.levels[static_cast<std::size_t>(window.level)];
                if (!shows_a_face(window)) backgrounds.push_back(features_at(map, window.row, window.column));
            }
        }
        std::cout << "round " << round << ": " << faces.size() << " faces, " << before << " backgrounds; "
                  << backgrounds.size() - before << " false alarms\n";
        if (backgrounds.size() == before || round == 5) return filter;
    }
}

int main(int argc, char** argv) try {
    if (argc != 6) return std::cerr << "usage: 11_from_scratch WEIGHTS FOLDER PHOTO FILTER_PICTURE PICTURE\n", 2;
    const auto teacher = ffr::FaceDetector::load(ffr::WeightsFile::open(ffr::find_weights("hog_frontal.ffr", argv[1])));
    std::set<std::filesystem::path> paths;
    for (const auto& file : std::filesystem::recursive_directory_iterator(argv[2])) {
        if (file.is_regular_file()) paths.insert(file.path());
    }
    std::vector<Scene> scenes;
    for (const auto& path : paths) scenes.push_back(read_scene(path, teacher));
    const ffr::LinearDecision filter = train_in_rounds(scenes);

    const Scene unseen = read_scene(argv[3], teacher);
    ffr::Image picture = ffr::to_rgb(unseen.photo);
    std::cout << std::fixed << std::setprecision(2);
    std::vector<Window> kept;
    for (const Window& window : search(unseen, filter)) {
        const auto hides = [&](const Window& better) { return overlap(better.box(), window.box()) > 0.2; };
        if (std::any_of(kept.begin(), kept.end(), hides)) continue;
        kept.push_back(window);
        std::cout << "ours: " << window.box() << ", score " << window.score << '\n';
        ffr::draw_box(picture, window.box(), {255, 200, 0}, 3);
    }
    for (const ffr::Rect& face : unseen.faces) {
        std::cout << "the teacher's: " << face << '\n';
        ffr::draw_box(picture, face, {255, 255, 255}, 1);
    }
    ffr::HogFeatures weights(kFilter, kFilter);
    for (int plane = 0; plane < ffr::kHogPlanes; ++plane) {
        for (int i = 0; i < kFilter * kFilter; ++i) {
            weights.plane(plane)[i] =
                static_cast<float>(filter.weights[static_cast<std::size_t>(plane * kFilter * kFilter + i)]);
        }
    }
    ffr::write_image(argv[4], ffr::hog_picture(weights, 32));
    ffr::write_image(argv[5], picture);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
