// dlib's side of the comparison, through its C++ interface. Usage: dlib_peer MODEL.dat FACES. Commands: worker.hpp.

#include <cblas.h>
#include <dlib/dnn.h>

#include "worker.hpp"

extern "C" char* openblas_get_corename();

namespace {

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

matrix<rgb_pixel> chip(const peers::Faces& faces, std::size_t index) {
    matrix<rgb_pixel> pixels(faces.side, faces.side);
    const std::uint8_t* byte = faces.face(index);
    for (rgb_pixel& pixel : pixels) {
        pixel = rgb_pixel(byte[0], byte[1], byte[2]);
        byte += 3;
    }
    return pixels;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) return std::fputs("usage: dlib_peer MODEL.dat FACES\n", stderr), 2;
    Network network;
    deserialize(argv[1]) >> network;
    const peers::Faces faces(argv[2], 150);
    std::vector<matrix<rgb_pixel>> chips;
    for (std::size_t i = 0; i < faces.count(); ++i) chips.push_back(chip(faces, i));
    openblas_set_num_threads(1);
    const std::string how = std::string("OpenBLAS for ") + openblas_get_corename();
    return peers::serve(DLIB_VERSION_TEXT, how, faces.count(), [&](std::size_t first, std::size_t count) {
        const auto begin = chips.begin() + static_cast<std::ptrdiff_t>(first);
        std::vector<matrix<float, 0, 1>> results(count);
        network(begin, begin + static_cast<std::ptrdiff_t>(count), results.begin());
        std::vector<peers::Numbers> all;
        for (const auto& numbers : results) all.emplace_back(numbers.begin(), numbers.end());
        return all;
    });
} catch (const std::exception& error) {
    return std::fprintf(stderr, "dlib_peer: %s\n", error.what()), 1;
}
