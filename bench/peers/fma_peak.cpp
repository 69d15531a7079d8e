// The most that one core can do: billions of float operations a second in the widest registers that the machine has.
// Prints one number.

#include "fma_peak.hpp"

#include <cstdio>

int main() {
    const bool has_16 = __builtin_cpu_supports("avx512f");
    if (!has_16 && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) {
        return std::fputs("fma_peak: needs AVX-512, or AVX2 and FMA\n", stderr), 1;
    }
    std::printf("%.1f\n", fma_peak::operations_per_second(has_16 ? 16 : 8) / 1e9);
}
