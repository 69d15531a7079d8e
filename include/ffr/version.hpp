#pragma once
/// \file
/// The version of the library, as in semantic versioning: what's public keeps its meaning within a major version; within
/// 0.x, within a minor one.

#include "version.h"

namespace ffr {

/// Major, minor and patch version as text.
constexpr const char* kVersion = "0.1.0";

}  // namespace ffr
