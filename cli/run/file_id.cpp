#include "run/file_id.hpp"

#if defined(_WIN32)
#include "ffr/base/xxhash.hpp"
#else
#include <sys/stat.h>
#endif

std::optional<FileId> file_id(const std::filesystem::path& path) {
#if defined(_WIN32)
    std::error_code code;
    const std::string place = std::filesystem::canonical(path, code).u8string();
    if (code) return std::nullopt;
    return FileId{ffr::detail::xxh64(place.data(), place.size()), place.size()};
#else
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) return std::nullopt;
    return FileId{found.st_dev, found.st_ino};
#endif
}
