#include <ffr/ffr.hpp>
#include <iostream>

int main(int argc, char** argv) try {
    if (argc != 3) return std::cerr << "usage: consumer WEIGHTS_FOLDER PHOTO\n", 2;
    const auto detector =
        ffr::FaceDetector::load(ffr::WeightsFile::open(ffr::find_weights("hog_frontal.ffr", argv[1])));
    for (const ffr::Detection& face : detector.detect(ffr::read_image(argv[2]))) std::cout << face.box << '\n';
} catch (const ffr::Error& error) {
    return std::cerr << error.what() << '\n', 1;
}
