#include "load/options.hpp"

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

void add_force(CLI::App& verb, Force& force) {
    force = Force::possible;
    verb.add_flag_callback(
        "--force", [&force] { force = Force::given; },
        "replace files that are there already and that ffr didn't write");
}

void add_mode(CLI::App& verb, unsigned& mode) {
    mode = ffr::detail::kPrivateMode;
    const auto set = [&mode](const std::string& text) {
        const bool fits = text.size() == 3 && text.find_first_not_of("01234567") == std::string::npos && text[0] >= '6';
        if (!fits)
            throw CLI::ValidationError("--mode", "'" + text + "' isn't a mode from 600 to 777, as chmod takes them");
        mode = static_cast<unsigned>(std::stoul(text, nullptr, 8));
    };
    verb.add_option_function<std::string>("--mode", set,
                                          "permissions of new files, less the umask's; by default 600, the owner's "
                                          "alone, since faces are biometric data")
        ->type_name("MODE");
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
