#pragma once
// dlib's ResNet-29 and its CNN face detector in dlib's own words, for its workers.

#include <cblas.h>
#include <dlib/dnn.h>

#include <string>

extern "C" char* openblas_get_corename();

namespace dlib_network {

using namespace dlib;  // dlib's names are what this file is about

// The network whose weights dlib_face_recognition_resnet_model_v1.dat holds, from the last layer to the first. A
// convolution of stride 2 has no padding.
template <int maps, int stride, typename Below>
using Convolutions = affine<con<maps, 3, 3, 1, 1, relu<affine<con<maps, 3, 3, stride, stride, Below>>>>>;

template <int maps, typename Below>
using Block = relu<add_prev1<Convolutions<maps, 1, tag1<Below>>>>;

template <typename Tagged>
using HalvedShortcut = avg_pool<2, 2, 2, 2, skip1<tag2<Tagged>>>;
template <int maps, typename Below>
using HalvingBlock = relu<add_prev2<HalvedShortcut<Convolutions<maps, 2, tag1<Below>>>>>;

template <typename Below>
using Stem = max_pool<3, 3, 2, 2, relu<affine<con<32, 7, 7, 2, 2, Below>>>>;
template <typename Below>
using Maps32 = Block<32, Block<32, Block<32, Below>>>;
template <typename Below>
using Maps64 = Block<64, Block<64, Block<64, HalvingBlock<64, Below>>>>;
template <typename Below>
using Maps128 = Block<128, Block<128, HalvingBlock<128, Below>>>;
template <typename Below>
using Maps256 = HalvingBlock<256, Block<256, Block<256, HalvingBlock<256, Below>>>>;

using Body = Maps256<Maps128<Maps64<Maps32<Stem<input_rgb_image_sized<150>>>>>>;
using Network = loss_metric<fc_no_bias<128, avg_pool_everything<Body>>>;

// The detector whose weights mmod_human_face_detector.dat holds.
template <int maps, int stride, typename Below>
using Convolution5 = relu<affine<con<maps, 5, 5, stride, stride, Below>>>;

using Smaller = Convolution5<32, 2, Convolution5<32, 2, Convolution5<16, 2, input_rgb_image_pyramid<pyramid_down<6>>>>>;
using Around = Convolution5<45, 1, Convolution5<45, 1, Convolution5<45, 1, Smaller>>>;
using FaceFinder = loss_mmod<con<1, 9, 9, 1, 1, Around>>;

/// Binds OpenBLAS, which dlib multiplies with, to one thread, and says which kernels it has chosen.
inline std::string bind_openblas() {
    openblas_set_num_threads(1);
    return std::string("OpenBLAS for ") + openblas_get_corename();
}

}  // namespace dlib_network
