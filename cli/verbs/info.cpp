// info: what this program is made of.

#include <memory>

#include "ffr/base/find_weights.hpp"
#include "ffr/kernels/convolution.hpp"
#include "ffr/kernels/int8.hpp"
#include "ffr/version.hpp"
#include "load/models.hpp"
#include "verbs/verbs.hpp"

namespace {

std::string blas_name() {
#if defined(FFR_USE_OPENBLAS)
    return openblas_get_config();
#elif defined(FFR_USE_EIGEN)
    return "Eigen " + std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
           std::to_string(EIGEN_MINOR_VERSION);
#else
    return "none, ffr's own kernels";
#endif
}

/// True when a weight file that isn't shipped can be found.
bool have_weights(const std::string& name, const SharedOptions& options) {
    try {
        ffr::find_weights(name, std::filesystem::u8path(options.weights));
        return true;
    } catch (const ffr::FileError&) {
        return false;
    }
}

struct Options {
    SharedOptions shared;
    bool verify = false;
};

/// A file that's opened is whole, or there'd be an error. What's left to tell is which one it is.
Json weight_record(const KnownWeights& known, const Options& options) {
    const ffr::WeightsFile file = open_weights(known.name, options.shared);
    Json record{{"file", file.name()},           {"kind", file.kind()},
                {"bytes", file.size()},          {"xxh64", ffr::hexadecimal(file.checksum())},
                {"origin", file.text("origin")}, {"license", file.text("license")}};
    if (options.verify) record["as_shipped"] = file.checksum() == known.xxh64;
    return record;
}

/// What a file tells of itself must not move the cursor or colour the terminal.
std::string printable(std::string text) {
    for (char& letter : text) {
        if (static_cast<unsigned char>(letter) < 32 || letter == 127) letter = '?';
    }
    return text;
}

std::string weight_text(const Json& record) {
    std::string text = "  " + record["file"].get<std::string>() + ": " + record["kind"].get<std::string>() + ", " +
                       record["bytes"].dump() + " bytes, xxh64 " + record["xxh64"].get<std::string>();
    if (record.contains("as_shipped")) {
        text += record["as_shipped"]
                    ? "\n    verified: whole, and as shipped with ffr " + std::string(ffr::kVersion)
                    : "\n    verified: whole, but none that's shipped with ffr " + std::string(ffr::kVersion);
    }
    return text + "\n    from " + printable(record["origin"]) + "\n    licence: " + printable(record["license"]) + '\n';
}

Status run(const Options& options) {
    Status status = kDone;
    Json record{{"version", ffr::kVersion},
                {"simd", ffr::kernels::simd_name(ffr::kernels::simd_path())},
                {"int8", ffr::kernels::int8_name(ffr::kernels::int8_path())},
                {"blas", blas_name()},
                {"weights", Json::array()}};
    for (const KnownWeights& known : kKnownWeights) {
        try {
            if (known.xxh64 == 0 && !have_weights(known.name, options.shared)) continue;
            record["weights"].push_back(weight_record(known, options));
        } catch (const ffr::Error& error) {
            std::cerr << "ffr: " << error.what() << '\n';
            record["weights"].push_back({{"file", known.name}, {"error", error.what()}});
            status = kSomeFailed;
        }
    }
    if (options.shared.json) {
        print_record(record);
        return status;
    }
    std::cout << "ffr " << ffr::kVersion << "\nSIMD: " << record["simd"].get<std::string>()
              << " (the best of this machine, or what FFR_SIMD names)\nint8: " << record["int8"].get<std::string>()
              << " (what --precision int8 uses)\nBLAS: " << blas_name() << "\nWeights:\n";
    for (const Json& file : record["weights"]) {
        if (!file.contains("error")) std::cout << weight_text(file);
    }
    return status;
}

}  // namespace

void add_info(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        add_verb(app, "info", "Version, SIMD, BLAS and weights with their licences", "ffr info --json");
    add_shared_options(*verb, options->shared);
    verb->add_flag("--verify", options->verify, "say of each weight file whether it's the one that's shipped with ffr");
    verb->callback([options, &status] { status = run(*options); });
}
