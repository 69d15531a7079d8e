// Are the faces in two photos the same person's? With dlib, after its example dnn_face_recognition_ex.cpp.

#include <dlib/dnn.h>
#include <dlib/image_io.h>
#include <dlib/image_processing/frontal_face_detector.h>

#include <iostream>

namespace {

using namespace dlib;

// The network has to be written out: its type is what the file of weights is read into.
template <template <int, template <typename> class, int, typename> class block, int N, template <typename> class BN,
          typename SUBNET>
using residual = add_prev1<block<N, BN, 1, tag1<SUBNET>>>;
template <template <int, template <typename> class, int, typename> class block, int N, template <typename> class BN,
          typename SUBNET>
using residual_down = add_prev2<avg_pool<2, 2, 2, 2, skip1<tag2<block<N, BN, 2, tag1<SUBNET>>>>>>;
template <int N, template <typename> class BN, int stride, typename SUBNET>
using block = BN<con<N, 3, 3, 1, 1, relu<BN<con<N, 3, 3, stride, stride, SUBNET>>>>>;
template <int N, typename SUBNET>
using ares = relu<residual<block, N, affine, SUBNET>>;
template <int N, typename SUBNET>
using ares_down = relu<residual_down<block, N, affine, SUBNET>>;
template <typename SUBNET>
using alevel0 = ares_down<256, SUBNET>;
template <typename SUBNET>
using alevel1 = ares<256, ares<256, ares_down<256, SUBNET>>>;
template <typename SUBNET>
using alevel2 = ares<128, ares<128, ares_down<128, SUBNET>>>;
template <typename SUBNET>
using alevel3 = ares<64, ares<64, ares<64, ares_down<64, SUBNET>>>>;
template <typename SUBNET>
using alevel4 = ares<32, ares<32, ares<32, SUBNET>>>;
using Network =
    loss_metric<fc_no_bias<128, avg_pool_everything<alevel0<alevel1<alevel2<alevel3<alevel4<max_pool<
                                    3, 3, 2, 2, relu<affine<con<32, 7, 7, 2, 2, input_rgb_image_sized<150>>>>>>>>>>>>>;

struct Models {
    frontal_face_detector detector = get_frontal_face_detector();
    shape_predictor landmarks;
    Network network;

    explicit Models(const std::string& folder) {
        deserialize(folder + "/shape_predictor_5_face_landmarks.dat") >> landmarks;
        deserialize(folder + "/dlib_face_recognition_resnet_model_v1.dat") >> network;
    }

    matrix<float, 0, 1> measure(const std::string& photo) {
        matrix<rgb_pixel> image, chip;
        load_image(image, photo);
        const auto boxes = detector(image);
        if (boxes.empty()) throw std::runtime_error("no face in " + photo);
        extract_image_chip(image, get_face_chip_details(landmarks(image, boxes[0]), 150, 0.25), chip);
        return network(chip);
    }
};

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 4) return std::cerr << "usage: same_person MODELS PHOTO PHOTO\n", 2;
    Models models(argv[1]);
    const float distance = length(models.measure(argv[2]) - models.measure(argv[3]));
    std::cout << distance << (distance < 0.6 ? " the same person\n" : " different people\n");
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
