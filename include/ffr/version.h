#ifndef FFR_VERSION
/// \file
/// The version for the preprocessor, in C and C++.

/// Grows when what's public changes its meaning.
#define FFR_VERSION_MAJOR 0
/// Grows when something public is added; as long as the first is 0, also when it changes.
#define FFR_VERSION_MINOR 1
/// Grows when something is mended.
#define FFR_VERSION_PATCH 0
/// As one number that grows from version to version: 10203 for 1.2.3.
#define FFR_VERSION (FFR_VERSION_MAJOR * 10000 + FFR_VERSION_MINOR * 100 + FFR_VERSION_PATCH)
#endif
