#pragma once
/// \file
/// What ffr asks of the compiler: arithmetic as IEEE 754 has it. Boxes, landmarks and chips hang on the last bit, and
/// the checks for damaged numbers on NaN and infinity.

#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error \
    "ffr can't be compiled with -ffast-math or a part of it: its boxes, landmarks and chips depend on exact IEEE rounding"
#endif

#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error \
    "ffr can't be compiled for arithmetic of more bits than float and double have: for 32-bit x86, take -msse2 -mfpmath=sse"
#endif
