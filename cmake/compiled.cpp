// What takes a compiler most time, compiled once for all files of a program: see detail/compiled.hpp.
#define FFR_COMPILE_HERE
#include "ffr/detail/codecs.hpp"
#include "ffr/embedding.hpp"
#include "ffr/face_detector.hpp"
#include "ffr/kernels/exact.hpp"
#include "ffr/kernels/int8.hpp"
#include "ffr/pipeline.hpp"
