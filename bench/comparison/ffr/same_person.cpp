// Are the faces in two photos the same person's? With ffr.

#include <ffr/ffr.hpp>
#include <iostream>

namespace {

// As Pipeline::load, but with 5 landmarks in place of 68, as the other programs.
ffr::Pipeline load(const std::filesystem::path& weights) {
    const auto open = [&](const char* name) { return ffr::WeightsFile::open(weights / name); };
    return {ffr::FaceDetector::load(open("hog_frontal.ffr")), ffr::LandmarkPredictor::load(open("landmarks5.ffr")),
            ffr::FaceEmbedder::load(open("resnet29.ffr"))};
}

ffr::Embedding measure(const ffr::Pipeline& pipeline, const char* photo) {
    const auto faces = pipeline.faces(ffr::read_image(photo));
    if (faces.empty()) throw std::runtime_error(std::string("no face in ") + photo);
    return faces.front().embedding;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 4) return std::cerr << "usage: same_person WEIGHTS PHOTO PHOTO\n", 2;
    const ffr::Pipeline pipeline = load(argv[1]);
    const double distance = ffr::distance(measure(pipeline, argv[2]), measure(pipeline, argv[3]));
    std::cout << distance << (distance < 0.6 ? " the same person\n" : " different people\n");
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
