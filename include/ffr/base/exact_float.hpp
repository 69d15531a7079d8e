#pragma once
/// \file
/// Some stages must round every product and every sum on its own: a face box, a pixel of a resized image or a branch of
/// a regression tree hangs on the last bit. Compilers may fuse a * b + c into one rounding where the CPU can (g++ does
/// by default with -march=native). Code between FFR_EXACT_FLOAT_BEGIN and FFR_EXACT_FLOAT_END is exempt from that,
/// whatever flags the including program uses, but for clang++'s -ffp-contract=fast, which asks nobody. g++ 12 also
/// makes one fused instruction of a difference and a sum that are stored side by side, { a * x - b * y, b * x + a * y
/// }, and asks no flag about it but the vectoriser's.

#include "ieee.hpp"

#if defined(__clang__) && (defined(__wasm__) || defined(__arm__))
// Where clang++ can't save the setting, the end brings back that of the command line.
#define FFR_EXACT_FLOAT_BEGIN _Pragma("clang fp contract(off)")
#define FFR_EXACT_FLOAT_END _Pragma("STDC FP_CONTRACT DEFAULT")
#elif defined(__clang__)
#define FFR_EXACT_FLOAT_BEGIN _Pragma("float_control(push)") _Pragma("clang fp contract(off)")
#define FFR_EXACT_FLOAT_END _Pragma("float_control(pop)")
#elif defined(__GNUC__)
#define FFR_EXACT_FLOAT_BEGIN \
    _Pragma("GCC push_options") _Pragma("GCC optimize(\"fp-contract=off\", \"no-tree-slp-vectorize\")")
#define FFR_EXACT_FLOAT_END _Pragma("GCC pop_options")
#elif defined(_MSC_VER)
#define FFR_EXACT_FLOAT_BEGIN __pragma(float_control(push)) __pragma(fp_contract(off))
#define FFR_EXACT_FLOAT_END __pragma(float_control(pop))
#else
#error "ffr doesn't know how to switch off fused multiply-add on this compiler"
#endif
