// A photo's way by Google Benchmark, stage by stage, at several sizes. README.md tells what the names mean.
//
//     stage_bench [--benchmark_...] [PHOTO]

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "ffr/align.hpp"
#include "ffr/face_detector.hpp"
#include "ffr/hog.hpp"
#include "ffr/image_io.hpp"
#include "ffr/landmarks.hpp"
#include "ffr/pipeline.hpp"
#include "ffr/resize.hpp"
#include "ffr/weights.hpp"

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

/// What's done to all pixels of a photo. The detector has to live as long as the benchmarks.
void add_detection(const ffr::FaceDetector& detector, const ffr::Image& photo, int width, int height) {
    const ffr::Image image = ffr::resize_image(photo, width, height);
    const std::string size = "/" + std::to_string(width) + "x" + std::to_string(height);
    const std::int64_t pixels = std::int64_t{width} * height;
    add("pyramid_down" + size, benchmark::kMicrosecond, pixels, [image] { return ffr::pyramid_down(image); });
    add("pyramid_up" + size, benchmark::kMicrosecond, pixels, [image] { return ffr::pyramid_up(image); });
    add("hog" + size, benchmark::kMicrosecond, pixels, [image] { return ffr::extract_hog(image); });
    add("detect" + size, benchmark::kMillisecond, pixels, [image, &detector] { return detector.detect(image); });
}

/// What's done to the best face of a photo. The predictor has to live as long as the benchmarks.
void add_landmarks(const ffr::LandmarkPredictor& predictor, const ffr::Image& photo, const ffr::Rect& box) {
    const std::string points = std::to_string(predictor.point_count());
    const ffr::Landmarks landmarks = predictor.predict(photo, box);
    add("landmarks" + points, benchmark::kMicrosecond, 1, [=, &predictor] { return predictor.predict(photo, box); });
    add("chip/landmarks" + points, benchmark::kMicrosecond, 1,
        [=] { return ffr::extract_chip(photo, ffr::face_chip_geometry(landmarks)); });
}

}  // namespace

int main(int argc, char** argv) try {
    benchmark::Initialize(&argc, argv);
    const auto pipeline = ffr::Pipeline::load();
    const auto landmarks5 = ffr::LandmarkPredictor::load(ffr::WeightsFile::open(ffr::find_weights("landmarks5.ffr")));
    const ffr::Image photo = ffr::read_image(argc > 1 ? argv[1] : FFR_BENCH_PHOTO);
    const std::vector<ffr::Face> faces = pipeline.faces(photo);
    if (faces.empty()) throw ffr::InvalidArgument("no face is found in the photo");

    benchmark::AddCustomContext("SIMD", ffr::kernels::simd_name(ffr::kernels::simd_path()));
    for (const auto& [width, height] : {std::pair{512, 512}, {640, 480}, {1920, 1080}}) {
        add_detection(pipeline.detector(), photo, width, height);
    }
    add_landmarks(landmarks5, photo, faces.front().detection.box);
    add_landmarks(pipeline.landmarks(), photo, faces.front().detection.box);
    add("whole_way", benchmark::kMillisecond, static_cast<std::int64_t>(faces.size()),
        [&] { return pipeline.faces(photo); });
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
} catch (const std::exception& error) {
    return std::fprintf(stderr, "stage_bench: %s\n", error.what()), 1;
}
