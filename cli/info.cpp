// info: what this program is made of.

#include <memory>

#include "ffr/kernels/convolution.hpp"
#include "ffr/kernels/int8.hpp"
#include "ffr/version.hpp"
#include "models.hpp"
#include "verbs.hpp"

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

Json weight_record(const std::string& name, const SharedOptions& options) {
    const ffr::WeightsFile file = open_weights(name, options);
    return {{"file", file.name()},           {"kind", file.kind()},
            {"bytes", file.size()},          {"xxh64", ffr::hexadecimal(file.checksum())},
            {"origin", file.text("origin")}, {"license", file.text("license")}};
}

Status run(const SharedOptions& options) {
    Status status = kDone;
    Json record{{"version", ffr::kVersion},
                {"simd", ffr::kernels::simd_name(ffr::kernels::simd_path())},
                {"int8", ffr::kernels::int8_name(ffr::kernels::int8_path())},
                {"blas", blas_name()},
                {"weights", Json::array()}};
    for (std::size_t i = 0; i < std::size(kWeightNames); ++i) {
        const char* const name = kWeightNames[i];
        try {
            if (i >= kShippedWeights && !have_weights(name, options)) continue;
            record["weights"].push_back(weight_record(name, options));
        } catch (const ffr::Error& error) {
            std::cerr << "ffr: " << error.what() << '\n';
            record["weights"].push_back({{"file", name}, {"error", error.what()}});
            status = kSomeFailed;
        }
    }
    if (options.json) {
        print_record(record);
        return status;
    }
    std::cout << "ffr " << ffr::kVersion << "\nSIMD: " << record["simd"].get<std::string>()
              << " (the best of this machine, or what FFR_SIMD names)\nint8: " << record["int8"].get<std::string>()
              << " (what --precision int8 uses)\nBLAS: " << blas_name() << "\nWeights:\n";
    for (const Json& file : record["weights"]) {
        if (file.contains("error")) continue;
        std::cout << "  " << file["file"].get<std::string>() << ": " << file["kind"].get<std::string>() << ", "
                  << file["bytes"] << " bytes, xxh64 " << file["xxh64"].get<std::string>() << "\n    from "
                  << file["origin"].get<std::string>() << "\n    licence: " << file["license"].get<std::string>()
                  << '\n';
    }
    return status;
}

}  // namespace

void add_info(CLI::App& app, Status& status) {
    const auto options = std::make_shared<SharedOptions>();
    CLI::App* const verb =
        add_verb(app, "info", "Version, SIMD, BLAS and weights with their licences", "ffr info --json");
    add_shared_options(*verb, *options);
    verb->callback([options, &status] { status = run(*options); });
}
