// A photo's way by Google Benchmark, stage by stage, at several sizes. README.md tells what the names mean.
//
//     stage_bench [--benchmark_...] [PHOTO]

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ffr/align/chip.hpp"
#include "ffr/align/landmarks.hpp"
#include "ffr/base/find_weights.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/detect/hog.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/identify/cluster.hpp"
#include "ffr/image/image_io.hpp"
#include "ffr/image/resize.hpp"
#include "ffr/pipeline.hpp"

namespace {

/// Times `work`, which goes through so many pixels or faces.
template <typename Work>
void add(const std::string& name, benchmark::TimeUnit unit, std::int64_t items, const Work& work) {
    const auto bench = [items, work](benchmark::State& state) {
        for (auto _ : state) benchmark::DoNotOptimize(work());
        state.SetItemsProcessed(state.iterations() * items);
    };
    benchmark::RegisterBenchmark(name.c_str(), bench)->Unit(unit);
}

/// A level of the pyramid, and the memory for what's made of it.
struct Level {
    explicit Level(const ffr::Image& image) : planes(ffr::detail::split_channels(image, workspace)) {}

    ffr::Workspace workspace;
    ffr::detail::Planes planes;
};

/// What's done to all pixels of a photo, step by step as the detector does it, and by the detector as a whole, which has to
/// live as long as the benchmarks.
void add_detection(const ffr::FaceDetector& detector, const ffr::Image& photo, int width, int height) {
    const ffr::Image image = ffr::resize_image(photo, width, height);
    const auto level = std::make_shared<Level>(image);
    const std::string size = "/" + std::to_string(width) + "x" + std::to_string(height);
    const std::int64_t pixels = std::int64_t{width} * height;
    const auto add_step = [&](const std::string& name, auto step) {
        add(name + size, benchmark::kMicrosecond, pixels, [level, step] { return step(*level).row(0, 0); });
    };
    add_step("split_channels", [image](Level& l) { return ffr::detail::split_channels(image, l.workspace); });
    add_step("pyramid_down", [](Level& l) { return ffr::detail::pyramid_down(l.planes, l.workspace); });
    add_step("pyramid_up", [](Level& l) { return ffr::detail::pyramid_up(l.planes, l.workspace); });
    add_step("hog", [grid = ffr::detail::CellGrid(width, height)](Level& l) {
        return ffr::detail::hog_features(l.planes, grid, 0, grid.feature_rows(), l.workspace);
    });
    add("detect" + size, benchmark::kMillisecond, pixels,
        [level, image, &detector] { return detector.detect(image, {}, level->workspace); });
}

/// The CNN detector as a whole, and its pyramid.
void add_cnn_detection(const ffr::MmodDetector& detector, const ffr::Image& photo, int width, int height, int threads) {
    const ffr::Image image = ffr::resize_image(photo, width, height);
    const auto workspace = std::make_shared<ffr::Workspace>(threads);
    const std::string size = "/" + std::to_string(width) + "x" + std::to_string(height);
    const std::string name = size + (threads > 1 ? "/threads:" + std::to_string(threads) : "");
    const std::int64_t pixels = std::int64_t{width} * height;
    add("mmod_pyramid" + name, benchmark::kMillisecond, pixels,
        [=] { return *ffr::PyramidCanvas(ffr::detail::colour_planes(image, *workspace), {}, *workspace).row(0); });
    add("mmod" + name, benchmark::kMillisecond, pixels,
        [=, &detector] { return detector.detect(image, {}, *workspace); });
}

/// What's done to the best face of a photo. The predictor has to live as long as the benchmarks.
void add_landmarks(const ffr::LandmarkPredictor& predictor, const ffr::Image& photo, const ffr::Rect& box) {
    const std::string points = std::to_string(predictor.point_count());
    const ffr::Landmarks landmarks = predictor.predict(photo, box);
    add("landmarks" + points, benchmark::kMicrosecond, 1, [=, &predictor] { return predictor.predict(photo, box); });
    add("chip/landmarks" + points, benchmark::kMicrosecond, 1,
        [=] { return ffr::extract_chip(photo, ffr::face_chip_geometry(landmarks)); });
}

/// Grouping of 10,000 made-up faces, each person's around a point of its own and some 0.55 apart.
void add_cluster(const std::string& name, std::size_t people) {
    constexpr std::size_t kFaces = 10000;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<ffr::Embedding> centres(people), faces;
    for (ffr::Embedding& centre : centres) {
        for (float& value : centre) value = 0.09f * normal(random);
    }
    for (std::size_t i = 0; i < kFaces; ++i) {
        faces.push_back(centres[i % people]);
        for (float& value : faces.back()) value += 0.034f * normal(random);
    }
    add("cluster/" + name, benchmark::kMillisecond, kFaces, [faces] { return ffr::cluster_faces(faces, 0.6).back(); });
}

}  // namespace

int main(int argc, char** argv) try {
    benchmark::Initialize(&argc, argv);
    const auto pipeline = ffr::Pipeline::load();
    const auto landmarks5 = ffr::LandmarkPredictor::load(ffr::WeightsFile::open(ffr::find_weights("landmarks5.ffr")));
    const auto hog = ffr::FaceDetector::load(ffr::WeightsFile::open(ffr::find_weights("hog_frontal.ffr")));
    const auto mmod = ffr::MmodDetector::load(ffr::WeightsFile::open(ffr::find_weights("mmod.ffr")));
    const ffr::Image photo = ffr::read_image(argc > 1 ? argv[1] : FFR_BENCH_PHOTO);
    const std::vector<ffr::Face> faces = pipeline.faces(photo);
    if (faces.empty()) throw ffr::InvalidArgument("no face is found in the photo");

    benchmark::AddCustomContext("SIMD", ffr::kernels::simd_name(ffr::kernels::simd_path()));
    for (const auto& [width, height] : {std::pair{512, 512}, {640, 480}, {1920, 1080}}) {
        add_detection(hog, photo, width, height);
        for (const int threads : {1, 2}) add_cnn_detection(mmod, photo, width, height, threads);
    }
    add_landmarks(landmarks5, photo, faces.front().detection.box);
    add_landmarks(pipeline.landmarks(), photo, faces.front().detection.box);
    add("whole_way", benchmark::kMillisecond, static_cast<std::int64_t>(faces.size()),
        [&] { return pipeline.faces(photo); });
    add_cluster("500_people", 500);
    add_cluster("one_person", 1);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
} catch (const std::exception& error) {
    return std::fprintf(stderr, "stage_bench: %s\n", error.what()), 1;
}
