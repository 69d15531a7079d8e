#pragma once
/// \file
/// The options that all verbs share.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "ffr/identify/identify.hpp"
#include "run/output_file.hpp"
#include "run/shard.hpp"

/// What the user said about inputs, outputs and the search for faces.
struct SharedOptions {
    bool json = false;
    bool quiet = false;
    bool no_exif = false;
    int threads = 0;  // 0: all cores
    int upsample = 0;
    int points = 68;
    double threshold = 0;
    Shard shard;
    std::int64_t max_pixels = 0;  // 0: no limit
    std::string weights;
    std::string detector = "hog";
    std::string embedder;   // empty: not said
    std::string precision;  // empty: not said, float32
};

/// Under which --help lists the shared options.
inline constexpr const char* kSharedGroup = "Common options";

/// How many threads --threads asks for: one a core where it says nothing. At least 1.
int thread_count(const SharedOptions& options);

/// Refuses what isn't a finite number.
CLI::Validator finite_number();

/// Adds the limits beyond which a face is unknown.
void add_identify_options(CLI::App& verb, ffr::IdentifyOptions& options);

/// Adds --force to a verb that writes few files, named by the user. \param force  becomes possible, or given
void add_force(CLI::App& verb, Force& force);

/// Adds --mode to a verb that writes faces' numbers, which are the owner's alone if nothing is said.
void add_mode(CLI::App& verb, unsigned& mode);

/// Adds the shared options to a verb.
void add_shared_options(CLI::App& verb, SharedOptions& options);
