// The kernels, compiled once for all files of a program that defines FFR_DECLARE_KERNELS: see simd.hpp.
#define FFR_DEFINE_KERNELS
#include "ffr/kernels/exact.hpp"
#include "ffr/kernels/int8.hpp"
