// From scratch, truly: trains a face filter on the photos of a folder and finds a face with it in another photo.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>
#include <set>

using Features = std::vector<float>;  // 31 planes of 10 x 10 cells

/// A photo, where its faces are, and the features of each level of its pyramid.
struct Scene {
    ffr::Image photo;
    std::vector<ffr::Rect> faces;
    std::vector<ffr::HogFeatures> levels;
};

Features features_at(const ffr::HogFeatures& map, int row, int column) {
    Features features;
    for (int plane = 0; plane < ffr::kHogPlanes; ++plane) {
        for (int y = row - 4; y < row + 6; ++y) {
            for (int x = column - 4; x < column + 6; ++x) features.push_back(map.at(plane, y, x));
        }
    }
    return features;
}

/// A place for the filter, and its score there.
struct Window {
    const Scene* scene;
    std::size_t level;
    int row, column;
    double score = 0;

    ffr::Rect box() const { return ffr::detail::window_box(static_cast<int>(level), row, column); }
    Features features() const { return features_at(scene->levels[level], row, column); }
    bool is_near(const std::vector<ffr::Rect>& boxes) const {
        const auto overlaps = [&](const ffr::Rect& other) { return ffr::intersection_over_union(other, box()) > 0.2; };
        return std::any_of(boxes.begin(), boxes.end(), overlaps);
    }
};

/// \param teacher  says where the faces are, in place of a person with a pencil
Scene read_scene(const std::filesystem::path& path, const ffr::FaceDetector& teacher) {
    Scene scene{ffr::read_image(path), {}, {}};
    for (const ffr::Detection& face : teacher.detect(scene.photo)) scene.faces.push_back(face.box);
    for (ffr::Image level = scene.photo; level.width() >= 96 && level.height() >= 96;
         level = ffr::pyramid_down(level)) {
        scene.levels.push_back(ffr::extract_hog(level));
    }
    return scene;
}

/// The windows of a scene, every so many cells across and down.
std::vector<Window> windows_of(const Scene& scene, int step) {
    std::vector<Window> windows;
    for (std::size_t level = 0; level < scene.levels.size(); ++level) {
        for (int row = 4; row < scene.levels[level].rows() - 5; row += step) {
            for (int column = 4; column < scene.levels[level].columns() - 5; column += step) {
                windows.push_back({&scene, level, row, column});
            }
        }
    }
    return windows;
}

/// All windows that score above 0, best first.
std::vector<Window> search(const Scene& scene, const ffr::LinearDecision& filter) {
    std::vector<Window> found;
    for (Window& window : windows_of(scene, 1)) {
        window.score = filter(window.features().data());
        if (window.score > 0) found.push_back(window);
    }
    std::sort(found.begin(), found.end(), [](const Window& a, const Window& b) { return a.score > b.score; });
    return found;
}

/// Twenty-seven crops of 96 x 96 pixels around each face, moved and scaled a little.
void add_faces(const Scene& scene, std::vector<Features>& faces) {
    for (const ffr::Rect& face : scene.faces) {
        for (int i = 0; i < 27; ++i) {
            const double half = (0.92 + 0.08 * (i % 3)) * static_cast<double>(face.width()) * 96 / 73 / 2;
            const double x = (face.left + face.right) / 2.0 + half / 24 * (i / 3 % 3 - 1);
            const double y = (face.top + face.bottom) / 2.0 + half / 24 * (i / 9 - 1);
            const ffr::ChipGeometry crop{{x - half, y - half, x + half, y + half}, 0, 96};
            faces.push_back(features_at(ffr::extract_hog(ffr::extract_chip(scene.photo, crop)), 4, 4));
        }
    }
}

/// The widest street between faces and backgrounds (chapter 9), in 3,100 dimensions.
ffr::LinearDecision train(const std::vector<Features>& faces, const std::vector<Features>& backgrounds) {
    std::vector<Features> samples = faces;
    samples.insert(samples.end(), backgrounds.begin(), backgrounds.end());
    std::vector<int> classes(faces.size(), 0);
    classes.resize(samples.size(), 1);
    return ffr::train_linear_svm(samples, classes, 2).pairs[0].decision;
}

/// Trains, lets the filter search the photos that it knows, and adds every false alarm to the backgrounds.
ffr::LinearDecision train_in_rounds(const std::vector<Scene>& scenes) {
    std::vector<Features> faces, backgrounds, alarms;
    for (const Scene& scene : scenes) {
        add_faces(scene, faces);
        for (const Window& window : windows_of(scene, 40)) {
            if (!window.is_near(scene.faces)) backgrounds.push_back(window.features());
        }
    }
    for (int round = 1;; ++round) {
        const ffr::LinearDecision filter = train(faces, backgrounds);
        alarms.clear();
        for (const Scene& scene : scenes) {
            for (const Window& window : search(scene, filter)) {
                if (!window.is_near(scene.faces)) alarms.push_back(window.features());
            }
        }
        std::cout << "round " << round << ": " << faces.size() << " faces, " << backgrounds.size() << " backgrounds; "
                  << alarms.size() << " false alarms\n";
        if (alarms.empty() || round == 5) return filter;
        backgrounds.insert(backgrounds.end(), alarms.begin(), alarms.end());
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
    std::vector<ffr::Rect> kept;
    for (const Window& window : search(unseen, filter)) {
        if (window.is_near(kept)) continue;
        kept.push_back(window.box());
        std::cout << "ours: " << window.box() << ", score " << window.score << '\n';
        ffr::draw_box(picture, window.box(), {255, 200, 0}, 3);
    }
    for (const ffr::Rect& face : unseen.faces) {
        std::cout << "the teacher's: " << face << '\n';
        ffr::draw_box(picture, face, {255, 255, 255}, 1);
    }
    ffr::HogFeatures weights(10, 10);
    for (std::size_t i = 0; i < filter.weights.size(); ++i) {
        weights.plane(static_cast<int>(i / 100))[i % 100] = static_cast<float>(filter.weights[i]);
    }
    ffr::write_image(argv[4], ffr::hog_picture(weights, 32));
    ffr::write_image(argv[5], picture);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
