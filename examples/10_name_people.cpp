// The whole program: learns people from a folder of photos for each, and names the faces of another photo.
#include <ffr/ffr.hpp>
#include <iostream>

/// The faces in PEOPLE/NAME/PHOTO with their names; photos that don't show exactly one face are told and left out.
std::vector<ffr::LabelledEmbedding> learn(const ffr::Pipeline& pipeline, const std::filesystem::path& people) {
    std::vector<ffr::LabelledEmbedding> samples;
    for (const auto& file : std::filesystem::recursive_directory_iterator(people)) {
        if (!file.is_regular_file()) continue;
        const std::vector<ffr::Face> faces = pipeline.faces(ffr::read_image(file.path()));
        if (faces.size() == 1) {
            samples.push_back({file.path().parent_path().filename().string(), faces[0].embedding});
        } else {
            std::cerr << file.path().string() << ": left out, shows " << faces.size() << " faces\n";
        }
    }
    return samples;
}

int main(int argc, char** argv) try {
    if (argc != 5) return std::cerr << "usage: 10_name_people WEIGHTS_FOLDER PEOPLE_FOLDER PHOTO PICTURE\n", 2;
    const ffr::Pipeline pipeline = ffr::Pipeline::load(argv[1]);
    const ffr::Identifier people = ffr::Identifier::train(learn(pipeline, argv[2]));

    const ffr::Image photo = ffr::read_image(argv[3]);
    ffr::Image picture = ffr::to_rgb(photo);
    std::cout.precision(3);
    for (const ffr::Face& face : pipeline.faces(photo)) {
        const ffr::Identity who = people.identify(face.embedding);
        const std::string name = who.name.value_or("unknown");
        const ffr::Rect& box = face.detection.box;
        std::cout << name << " at " << box << ", " << who.distance << " from " << who.candidate << '\n';
        ffr::draw_box(picture, box, ffr::person_color(name), 3);
        ffr::draw_text(picture, {box.left, box.bottom + 4}, name, {}, ffr::person_color(name), 2);
    }

    ffr::write_image(argv[4], picture);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
