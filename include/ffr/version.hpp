#pragma once
/// \file
/// The version of the library, as in semantic versioning: what's public keeps its meaning within a major version;
/// within 0.x, within a minor one.
///
/// All of ffr is in an inline namespace of that name, v0_1: files of one program that were compiled with different
/// versions don't get into each other's way. Users write ffr:: alone.

#include "version.h"

namespace ffr {
inline namespace v0_1 {

/// Major, minor and patch version as text.
constexpr const char* kVersion = "0.1.0";

}  // namespace v0_1
}  // namespace ffr
