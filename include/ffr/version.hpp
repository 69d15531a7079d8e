#pragma once
/// \file
/// The version of the library, as in semantic versioning: what's public keeps its meaning within a major version; within
/// 0.x, within a minor one.

#define FFR_VERSION_MAJOR 0
#define FFR_VERSION_MINOR 1
#define FFR_VERSION_PATCH 0
/// As one number that grows from version to version: 10203 for 1.2.3.
#define FFR_VERSION (FFR_VERSION_MAJOR * 10000 + FFR_VERSION_MINOR * 100 + FFR_VERSION_PATCH)

namespace ffr {

/// Major, minor and patch version as text.
constexpr const char* kVersion = "0.1.0";

}  // namespace ffr
