#pragma once
/// \file
/// The version of the library.

namespace ffr {

/// Major, minor and patch version, as in semantic versioning.
constexpr const char* kVersion = "0.1.0";

}  // namespace ffr
