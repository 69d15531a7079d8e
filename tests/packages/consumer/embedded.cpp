#include <ffr/ffr.hpp>
#include <iostream>

#include "consumer_embedded_weights.hpp"

int main(int argc, char** argv) try {
    if (argc != 2) return std::cerr << "usage: consumer-embedded PHOTO\n", 2;
    const auto detector = ffr::FaceDetector::load(consumer_embedded_weights("hog_frontal.ffr"));
    for (const ffr::Detection& face : detector.detect(ffr::read_image(argv[1]))) std::cout << face.box << '\n';
} catch (const ffr::Error& error) {
    return std::cerr << error.what() << '\n', 1;
}
