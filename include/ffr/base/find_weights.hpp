#pragma once
/// \file
/// Where weight files lie: in a folder that's named, in that of the environment's FFR_WEIGHTS, or beside the program.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#if defined(__APPLE__)
#include <mach-o/dyld.h>

#include <cstdint>
#endif

#include "error.hpp"
#include "file.hpp"
#include "float_environment.hpp"

namespace ffr {
inline namespace v0_1 {

/// Where this process's program file lies; empty where the system doesn't tell.
inline std::filesystem::path program_folder() {
    std::error_code code;
#if defined(__linux__)
    return std::filesystem::read_symlink("/proc/self/exe", code).parent_path();
#elif defined(__APPLE__)
    std::uint32_t size = 0;
    _NSGetExecutablePath(nullptr, &size);
    std::string path(size, '\0');
    if (_NSGetExecutablePath(path.data(), &size) != 0) return {};
    return std::filesystem::canonical(path.c_str(), code).parent_path();
#else
    return {};
#endif
}

/// The folders in which weights are looked for, in this order: `explicit_folder` alone if it isn't empty; else the
/// environment's FFR_WEIGHTS alone if that's set; else `weights` beside the program and `../share/ffr/weights`.
inline std::vector<std::filesystem::path> weights_folders(const std::filesystem::path& explicit_folder = {}) {
    return detail::with_default_floats([&]() -> std::vector<std::filesystem::path> {
        if (!explicit_folder.empty()) return {explicit_folder};
#if defined(_WIN32)
        const wchar_t* const variable = _wgetenv(L"FFR_WEIGHTS");
#else
        const char* const variable = std::getenv("FFR_WEIGHTS");
#endif
        if (variable != nullptr && *variable != 0) return {std::filesystem::path(variable)};
        const std::filesystem::path here = program_folder();
        if (here.empty()) return {};
        return {here / "weights", here.parent_path() / "share" / "ffr" / "weights"};
    });
}

/// The first weights_folders() entry that has the file `name`.
/// \throws FileError that lists the places tried
inline std::filesystem::path find_weights(const std::string& name, const std::filesystem::path& explicit_folder = {}) {
    return detail::with_default_floats([&] {  // g++'s library computes with floats where it joins paths
        std::string tried;
        for (const std::filesystem::path& folder : weights_folders(explicit_folder)) {
            std::error_code code;
            if (std::filesystem::exists(folder / name, code)) return folder / name;
            tried += (tried.empty() ? "" : ", ") + detail::path_text(folder);
        }
        throw FileError(name + ": no such weights in " + (tried.empty() ? "any folder: set FFR_WEIGHTS" : tried));
    });
}

}  // namespace v0_1
}  // namespace ffr
