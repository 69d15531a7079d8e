#pragma once
/// \file
/// What a program of many files may have compiled in one of them, since it takes a compiler most of its time: the
/// kernels, the image formats, the detector's search and the networks. Such a program defines FFR_COMPILED_ELSEWHERE in
/// all files and FFR_COMPILE_HERE in one that includes what cmake/compiled.cpp does, or all of ffr.

#if defined(FFR_COMPILE_HERE)
#define FFR_COMPILED_INLINE  // found by the linker
#else
#define FFR_COMPILED_INLINE inline
#endif
