// bench: how fast each stage is on this machine.

#include <algorithm>
#include <chrono>
#include <functional>
#include <iomanip>
#include <memory>

#include "load/photos.hpp"
#include "run/measure.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::string stage = "all";
    std::string image;
    int repeat = 20;
    int batch = 1;
};

struct Timing {
    std::string stage;
    double least_ms = 0;
    double median_ms = 0;
    int threads = 1;
};

/// Times a run of a stage `repeat` times, after one that warms the caches. A run does the stage `batch` times; times are
/// for one.
Timing time_stage(const std::string& stage, const Options& options, const std::function<void()>& run) {
    std::vector<double> times;
    run();
    for (int i = 0; i < options.repeat; ++i) {
        const auto start = std::chrono::steady_clock::now();
        run();
        const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
        times.push_back(elapsed.count() / options.batch);
    }
    std::sort(times.begin(), times.end());
    const std::size_t middle = times.size() / 2;
    const double median = times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
    return {stage, times.front(), median};
}

std::vector<Timing> time_stages(const Options& options) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    const ffr::Image image =
        options.image.empty() ? bench_photo() : read_input({options.image, "", ""}, options.shared).image;
    const ffr::DetectOptions search = detect_options(options.shared);
    const ffr::Face face = measure_largest(pipeline, image, options.shared);
    const auto repeated = [&](const std::function<void()>& step) {
        return [&options, step] {
            for (int k = 0; k < options.batch; ++k) step();
        };
    };
    // The network takes a batch at once; landmarks and a chip are one face's, and so one thread's.
    const int threads = std::max(options.shared.threads, 1);
    ffr::Workspace workspace(threads);
    const std::vector<ffr::ImageView> chips(static_cast<std::size_t>(options.batch), face.chip);
    const std::vector<std::pair<std::string, std::function<void()>>> stages{
        {"detect", repeated([&] { pipeline.detector().detect(image, search, workspace); })},
        {"landmarks", repeated([&] { pipeline.landmarks().predict(image, face.detection.box); })},
        {"chip", repeated([&] { pipeline.embedder().align(image, face.landmarks); })},
        {"embed", [&] { pipeline.embedder().embed(chips, workspace); }},
        {"all", repeated([&] {
             const auto faces = pipeline.detector().detect(image, search, workspace);
             pipeline.measure(image, {faces.at(largest_face(faces))}, workspace);
         })}};
    std::vector<Timing> timings;
    for (const auto& [stage, run] : stages) {
        if (options.stage != "all" && options.stage != stage) continue;
        timings.push_back(time_stage(stage, options, run));
        if (stage != "landmarks" && stage != "chip") timings.back().threads = threads;
    }
    return timings;
}

void run(const Options& options) {
    const std::vector<Timing> timings = time_stages(options);
    if (!options.shared.json)
        std::cout << "stage       least ms  median ms  (one image or face; landmarks and chip by one thread)\n";
    for (const Timing& timing : timings) {
        if (options.shared.json) {
            print_record({{"stage", timing.stage},
                          {"min_ms", timing.least_ms},
                          {"median_ms", timing.median_ms},
                          {"threads", timing.threads},
                          {"simd", ffr::kernels::simd_name(ffr::kernels::simd_path())},
                          {"precision", options.shared.precision.empty() ? "float32" : options.shared.precision}});
        } else {
            std::cout << std::left << std::setw(10) << timing.stage << std::right << std::setw(10)
                      << fixed(timing.least_ms, 3) << std::setw(11) << fixed(timing.median_ms, 3) << '\n';
        }
    }
}

}  // namespace

void add_bench(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(app, "bench", "How fast each stage is here", "ffr bench --stage embed --repeat 50");
    verb->add_option("--stage", options->stage, "one stage, or all of them and the whole way")
        ->check(CLI::IsMember({"detect", "landmarks", "chip", "embed", "all"}));
    verb->add_option("--image", options->image, "a photo with a face; by default the one of 512 x 512 that's shipped");
    verb->add_option("--repeat", options->repeat, "runs a stage")->check(CLI::Range(1, 1000000));
    verb->add_option("--batch", options->batch, "how often a run does the stage; embed takes them as one batch")
        ->check(CLI::Range(1, 1000000));
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] {
        run(*options);
        status = kDone;
    });
}
