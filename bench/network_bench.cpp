// The networks by Google Benchmark: each shape of layer, whole networks, and loading them, by each SIMD path of the
// machine. README.md tells what the names and the counters mean.
//
//     network_bench [--benchmark_...] [WEIGHTS.ffr ...]

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "ffr/base/error.hpp"
#include "ffr/base/find_weights.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/workspace.hpp"
#include "ffr/embed/nn4_small2.hpp"
#include "ffr/embed/resnet29.hpp"
#include "ffr/image/image.hpp"
#include "ffr/layers/int8_layers.hpp"
#include "ffr/layers/simd_layers.hpp"
#include "fma_peak.hpp"

namespace {

using ffr::ConvolutionShape;
using ffr::PlainLayers;
using ffr::SimdLayers;
using ffr::Workspace;
using ffr::kernels::SimdPath;

/// The shapes of the ResNet-29's convolutions: maps in, height, width; maps out; side, stride, padding of the filters.
constexpr ConvolutionShape kShapes[] = {
    {3, 150, 150, 32, 7, 2, 0}, {32, 35, 35, 32, 3, 1, 1}, {32, 35, 35, 64, 3, 2, 0}, {64, 17, 17, 64, 3, 1, 1},
    {64, 17, 17, 128, 3, 2, 0}, {128, 8, 8, 128, 3, 1, 1}, {128, 8, 8, 256, 3, 2, 0}, {256, 3, 3, 256, 3, 1, 1},
    {256, 4, 4, 256, 3, 1, 1},  {256, 4, 4, 256, 3, 2, 0}, {256, 1, 1, 256, 3, 1, 1},
};

/// A way to work layers out, and the operations a second that one core can do at most that way.
struct Way {
    SimdPath path;
    std::string name;
    double peak;
};

/// Floats of a path's registers. Compilers find work for registers of 4 in scalar code, too.
int lanes_of(SimdPath path) {
    return path == SimdPath::avx512 ? 16 : path == SimdPath::avx2 ? 8 : 4;
}

/// The SIMD paths of this machine, slowest first.
std::vector<Way> simd_ways() {
    std::vector<Way> ways;
    for (const SimdPath path : {SimdPath::scalar, SimdPath::sse2, SimdPath::neon, SimdPath::avx2, SimdPath::avx512}) {
        if (!ffr::kernels::has_simd(path)) continue;
        ways.push_back({path, ffr::kernels::simd_name(path), fma_peak::operations_per_second(lanes_of(path))});
    }
    return ways;
}

/// PlainLayers, which a library may work out: what it takes of the machine is its own choice.
Way plain_way(double peak) {
#if defined(FFR_USE_EIGEN)
    return {SimdPath::scalar, "eigen", peak};
#elif defined(FFR_USE_OPENBLAS)
    return {SimdPath::scalar, "openblas", peak};
#else
    return {SimdPath::scalar, "plain", peak};
#endif
}

/// A network's file, the side of the faces that it takes, and what its header says that a face costs.
struct NetworkFile {
    ffr::WeightsFile weights;
    int face_size;
    double multiply_adds;
};

/// The same numbers every time.
std::vector<float> random_floats(std::size_t count) {
    std::mt19937 engine(1);
    std::uniform_real_distribution<float> distribution(-0.1f, 0.1f);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(engine);
    return values;
}

std::vector<ffr::Image> random_faces(int batch, int size) {
    std::mt19937 engine(2);
    std::uniform_int_distribution<int> distribution(0, 255);
    std::vector<ffr::Image> faces(static_cast<std::size_t>(batch), ffr::Image(size, size, 3));
    for (ffr::Image& face : faces) {
        for (std::uint8_t& value : face.pixels()) value = static_cast<std::uint8_t>(distribution(engine));
    }
    return faces;
}

template <typename Layers>
typename Layers::Maps random_maps([[maybe_unused]] Workspace& workspace, [[maybe_unused]] int batch, int channels,
                                  int height, int width) {
    if constexpr (std::is_same_v<Layers, SimdLayers>) {
        ffr::BlockedMaps maps(workspace, batch, channels, height, width);
        const std::vector<float> values = random_floats(maps.count());
        std::copy(values.begin(), values.end(), maps.data());
        return maps;
    } else {
        ffr::FeatureMaps maps(channels, height, width);
        maps.values = random_floats(maps.values.size());
        return maps;
    }
}

/// Multiply-adds of a convolution as its formula has them, those with the zeros of the padding among them. Of filters
/// on maps of a single pixel only one tap counts: all others lie on padding, and SimdConvolution leaves them out.
double multiply_adds(const ConvolutionShape& shape) {
    const std::ptrdiff_t taps = shape.height == 1 && shape.width == 1 ? shape.inputs : shape.taps();
    return static_cast<double>(taps * shape.outputs * shape.output_height() * shape.output_width());
}

/// Times `work`, which does so many operations a call. `peak` is that of all threads.
template <typename Work>
void measure(benchmark::State& state, double operations, double peak, const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    for (auto _ : state) benchmark::DoNotOptimize(work());
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    // Winograd's way does fewer multiplications than the formula, which is what's counted: it can exceed the peak.
    state.counters["GFLOP/s"] = benchmark::Counter(1e-9 * operations, benchmark::Counter::kIsIterationInvariantRate);
    state.counters["of_peak"] = operations * static_cast<double>(state.iterations()) / taken.count() / peak;
}

template <typename Layers>
void bench_convolution(benchmark::State& state, const ConvolutionShape& shape, const Way& way, int batch) {
    Workspace workspace;
    const Layers layers(workspace, way.path);
    const auto layer =
        Layers::Convolution::from(shape, random_floats(static_cast<std::size_t>(shape.taps() * shape.outputs)),
                                  random_floats(static_cast<std::size_t>(shape.outputs)), way.path);
    const double operations = 2 * batch * multiply_adds(shape);
    if (shape.inputs == 3) {
        const std::vector<ffr::Image> faces = random_faces(batch, shape.height);
        const std::vector<ffr::ImageView> views(faces.begin(), faces.end());
        measure(state, operations, way.peak, [&] {
            return layers.look(layer, views, shape.height, {128, 128, 128}, 256);
        });
    } else {
        const auto maps = random_maps<Layers>(workspace, batch, shape.inputs, shape.height, shape.width);
        measure(state, operations, way.peak, [&] { return layers.convolve_relu(layer, maps); });
    }
}

/// The ResNet-29's max pool. It hardly works anything out: what counts are the bytes that it reads and writes.
template <typename Layers>
void bench_max_pool(benchmark::State& state, const Way& way, int batch) {
    Workspace workspace;
    const Layers layers(workspace, way.path);
    const auto maps = random_maps<Layers>(workspace, batch, 32, 72, 72);
    for (auto _ : state) benchmark::DoNotOptimize(layers.max_pool(maps, {3, 2}));
    state.SetBytesProcessed(state.iterations() * batch * 32 * (72 * 72 + 35 * 35) * std::int64_t{sizeof(float)});
}

template <typename Network>
void bench_network(benchmark::State& state, const NetworkFile& file, const Way& way, int batch, int threads) {
    const Network network = Network::load(file.weights, way.path);
    Workspace workspace(threads);
    const std::vector<ffr::Image> faces = random_faces(batch, file.face_size);
    const std::vector<ffr::ImageView> views(faces.begin(), faces.end());
    measure(state, 2 * batch * file.multiply_adds, threads * way.peak,
            [&] { return network.forward(views, workspace); });
}

/// Registers what's timed by the clock on the wall, since threads of ffr's own take part.
template <typename Bench>
void add(const std::string& name, benchmark::TimeUnit unit, const Bench& bench) {
    benchmark::RegisterBenchmark(name.c_str(), bench)->Unit(unit)->UseRealTime();
}

/// "conv7x7_s2/3x150x150-32": filters and stride, then maps in and out.
std::string name_of(const ConvolutionShape& shape) {
    const auto text = [](int number) { return std::to_string(number); };
    return "conv" + text(shape.side) + "x" + text(shape.side) + "_s" + text(shape.stride) + "/" + text(shape.inputs) +
           "x" + text(shape.height) + "x" + text(shape.width) + "-" + text(shape.outputs);
}

template <typename Layers>
void add_layers(const Way& way, const std::vector<int>& batches) {
    for (const int batch : batches) {
        const std::string how = "/" + way.name + "/batch:" + std::to_string(batch);
        for (const ConvolutionShape& shape : kShapes) {
            add(name_of(shape) + how, benchmark::kMicrosecond,
                [shape, way, batch](benchmark::State& state) { bench_convolution<Layers>(state, shape, way, batch); });
        }
        add("max_pool/32x72x72" + how, benchmark::kMicrosecond,
            [way, batch](benchmark::State& state) { bench_max_pool<Layers>(state, way, batch); });
    }
}

/// A network's loading and its whole way from pixels to numbers.
template <typename Network>
void add_network(const NetworkFile& file, const Way& way, const std::vector<int>& batches,
                 const std::vector<int>& thread_counts) {
    const std::string name = file.weights.kind() + "/" + way.name;
    add("load/" + name, benchmark::kMillisecond, [file, way](benchmark::State& state) {
        for (auto _ : state) benchmark::DoNotOptimize(Network::load(file.weights, way.path));
    });
    for (const int threads : thread_counts) {
        for (const int batch : batches) {
            const std::string how = "/batch:" + std::to_string(batch) + "/threads:" + std::to_string(threads);
            add(name + how, benchmark::kMillisecond, [file, way, batch, threads](benchmark::State& state) {
                bench_network<Network>(state, file, way, batch, threads);
            });
        }
    }
}

/// By every SIMD path, and by the plain layers, which take a face at a time and no threads.
template <template <typename> class Network>
void add_network_by_all(const NetworkFile& file, const std::vector<Way>& ways, const Way& plain) {
    for (const Way& way : ways) add_network<Network<SimdLayers>>(file, way, {1, 4, 16}, {1, 2});
    add_network<Network<PlainLayers>>(file, plain, {1}, {1});
}

void add_file(const std::string& path, const std::vector<Way>& ways, const Way& plain) {
    const ffr::WeightsFile weights = ffr::WeightsFile::open(path);
    if (weights.kind() == "nn4.small2") {
        add_network_by_all<ffr::BasicNn4Small2>({weights, ffr::Nn4Small2::kFaceSize, 200e6}, ways, plain);
    } else {
        weights.require_kind("resnet29");
        const NetworkFile file{weights, ffr::ResNet29::kFaceSize, 271e6};
        add_network_by_all<ffr::BasicResNet29>(file, ways, plain);
        // In bytes, on each path that has an instruction for it, beside the peak of floats.
        for (const Way& way : ways) {
            const ffr::kernels::Int8Path int8 = ffr::kernels::int8_path(way.path);
            if (int8 == ffr::kernels::Int8Path::plain) continue;
            add_network<ffr::BasicResNet29<ffr::Int8Layers>>(file, {way.path, ffr::kernels::int8_name(int8), way.peak},
                                                             {1, 4, 16}, {1, 2});
        }
    }
    add("open/" + weights.kind(), benchmark::kMillisecond, [path](benchmark::State& state) {
        for (auto _ : state) benchmark::DoNotOptimize(ffr::WeightsFile::open(path));
    });
}

/// The files that the user names or, if none, the ResNet-29 where ffr looks for it. Without any, only layers are timed.
std::vector<std::string> weight_files(int argc, char** argv) {
    if (argc > 1) return {argv + 1, argv + argc};
    try {
        return {ffr::find_weights("resnet29.ffr").string()};
    } catch (const ffr::FileError& error) {
        std::fprintf(stderr, "network_bench: whole networks are left out: %s\n", error.what());
        return {};
    }
}

}  // namespace

int main(int argc, char** argv) try {
    benchmark::Initialize(&argc, argv);
    const std::vector<Way> ways = simd_ways();
    for (const Way& way : ways) {
        benchmark::AddCustomContext("peak of " + way.name, std::to_string(way.peak / 1e9) + " GFLOP/s a core");
    }
    const Way plain = plain_way(ways.back().peak);
    for (const Way& way : ways) add_layers<SimdLayers>(way, {1, 16});
    add_layers<PlainLayers>(plain, {1});
    for (const std::string& path : weight_files(argc, argv)) add_file(path, ways, plain);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
} catch (const std::exception& error) {
    return std::fprintf(stderr, "network_bench: %s\n", error.what()), 1;
}
