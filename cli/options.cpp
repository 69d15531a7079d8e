#include "options.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

int thread_count(const SharedOptions& options) {
    return options.threads > 0 ? options.threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

CLI::Validator finite_number() {
    return CLI::Validator(
        [](const std::string& text) {
            double value = 0;
            return CLI::detail::lexical_cast(text, value) && std::isfinite(value) ? std::string()
                                                                                  : "'" + text + "' isn't a number";
        },
        "");
}

void add_identify_options(CLI::App& verb, ffr::IdentifyOptions& options) {
    verb.add_option("--distance", options.max_distance,
                    "unknown when the nearest training face is farther away; by default what suits the model's network")
        ->check(finite_number() & CLI::NonNegativeNumber);
    verb.add_option("--confidence", options.min_confidence, "unknown when less sure than this, 0..1")
        ->check(finite_number() & CLI::Range(0.0, 1.0));
}

void add_shared_options(CLI::App& verb, SharedOptions& options) {
    const std::string group = kSharedGroup;
    verb.add_flag("--json", options.json, "JSON Lines on standard output, one object an image")->group(group);
    verb.add_flag("--quiet", options.quiet, "no progress bar")->group(group);
    verb.add_flag("--no-exif", options.no_exif, "take photos as they're stored, not upright by Exif")->group(group);
    verb.add_option("--max-pixels", options.max_pixels,
                    "make larger photos so small before the search, for less time and memory; small faces get lost")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31))
        ->group(group);
    verb.add_option("--threads", options.threads, "how many images at once; 0: one a core")
        ->check(CLI::Range(0, 1024))
        ->group(group);
    verb.add_option("--weights", options.weights, "folder of weight files instead of the built-in ones")->group(group);
    verb.add_option("--upsample", options.upsample, "double the image that often, to find smaller faces")
        ->check(CLI::Range(0, 4))
        ->group(group);
    verb.add_option("--threshold", options.threshold, "least detection score")->check(finite_number())->group(group);
    verb.add_option(
            "--detector", options.detector,
            "hog: upright faces, in milliseconds; mmod: a network, which finds turned and tilted ones, too, in ten "
            "times as many; auto: mmod where hog finds nothing or isn't sure")
        ->check(CLI::IsMember({"hog", "mmod", "auto"}))
        ->group(group);
    verb.add_option("--embedder", options.embedder, "which network")
        ->check(CLI::IsMember({"resnet29", "nn4.small2"}))
        ->group(group);
    verb.add_option(
            "--precision", options.precision,
            "the network's arithmetic: float32, or int8, which is faster on CPUs with AVX-512 VNNI, AVX-VNNI or "
            "on Linux NEON's dot product and gives slightly other numbers, not to be mixed with float32's")
        ->check(CLI::IsMember({"float32", "int8"}))
        ->group(group);
}
