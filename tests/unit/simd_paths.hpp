#pragma once
/// \file
/// The SIMD paths that can be tested on this machine.

#include <vector>

#include "ffr/kernels/dispatch.hpp"

inline std::vector<ffr::kernels::SimdPath> simd_paths() {
    using ffr::kernels::SimdPath;
    std::vector<SimdPath> found;
    for (const SimdPath path : {SimdPath::scalar, SimdPath::sse2, SimdPath::neon, SimdPath::avx2, SimdPath::avx512}) {
        if (ffr::kernels::has_simd(path)) found.push_back(path);
    }
    return found;
}
