#include "ffr/version.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("the version as text and as numbers is the same") {
    CHECK(std::string(ffr::kVersion) == std::to_string(FFR_VERSION_MAJOR) + '.' + std::to_string(FFR_VERSION_MINOR) +
                                            '.' + std::to_string(FFR_VERSION_PATCH));
    CHECK(FFR_VERSION == FFR_VERSION_MAJOR * 10000 + FFR_VERSION_MINOR * 100 + FFR_VERSION_PATCH);
}
