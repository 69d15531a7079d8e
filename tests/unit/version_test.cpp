#include "ffr/version.hpp"

#include <doctest/doctest.h>

#include <string>

// ffr::v0_1, as the version says: doesn't compile if there's no such namespace.
#define NAMESPACE_OF(major, minor) v##major##_##minor
#define NAMESPACE(major, minor) NAMESPACE_OF(major, minor)
namespace versioned = ffr::NAMESPACE(FFR_VERSION_MAJOR, FFR_VERSION_MINOR);

TEST_CASE("the version as text and as numbers is the same") {
    CHECK(std::string(ffr::kVersion) == std::to_string(FFR_VERSION_MAJOR) + '.' + std::to_string(FFR_VERSION_MINOR) +
                                            '.' + std::to_string(FFR_VERSION_PATCH));
    CHECK(versioned::kVersion == ffr::kVersion);
    CHECK(FFR_VERSION == FFR_VERSION_MAJOR * 10000 + FFR_VERSION_MINOR * 100 + FFR_VERSION_PATCH);
}
