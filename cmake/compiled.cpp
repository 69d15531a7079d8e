// What takes a compiler most time, compiled once for all files of a program: see base/compiled.hpp.
#define FFR_COMPILE_HERE
#include "ffr/detect/face_detector.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "ffr/image/formats/codecs.hpp"
#include "ffr/kernels/exact.hpp"
#include "ffr/kernels/int8.hpp"
#include "ffr/pipeline.hpp"
