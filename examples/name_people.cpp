#include <ffr/ffr.hpp>
#include <iostream>

int main(int argc, char** argv) try {
    if (argc != 4) return std::cerr << "usage: name_people WEIGHTS_FOLDER MODEL PHOTO\n", 2;
    const ffr::Pipeline pipeline = ffr::Pipeline::load(argv[1]);
    const ffr::Identifier people = ffr::Identifier::load(argv[2]);  // made by: ffr train people -o people.ffr
    for (const ffr::Face& face : pipeline.faces(ffr::read_image(argv[3]))) {
        const ffr::Identity who = people.identify(face.embedding);
        std::cout << who.name.value_or("unknown") << " at " << face.detection.box << '\n';
    }
} catch (const ffr::Error& error) {
    return std::cerr << error.what() << '\n', 1;
}
