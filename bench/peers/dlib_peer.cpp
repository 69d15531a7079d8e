// dlib's side of the comparison, through its C++ interface. Usage: dlib_peer MODEL.dat FACES. Commands: worker.hpp.

#include "dlib_network.hpp"
#include "worker.hpp"

namespace {

using namespace dlib;  // dlib's names are what this file is about

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
    dlib_network::Network network;
    deserialize(argv[1]) >> network;
    const peers::Faces faces(argv[2], 150);
    std::vector<matrix<rgb_pixel>> chips;
    for (std::size_t i = 0; i < faces.count(); ++i) chips.push_back(chip(faces, i));
    const auto embed = [&](std::size_t first, std::size_t count) {
        const auto begin = chips.begin() + static_cast<std::ptrdiff_t>(first);
        std::vector<matrix<float, 0, 1>> results(count);
        network(begin, begin + static_cast<std::ptrdiff_t>(count), results.begin());
        std::vector<peers::Numbers> all;
        for (const auto& numbers : results) all.emplace_back(numbers.begin(), numbers.end());
        return all;
    };
    return peers::serve(DLIB_VERSION_TEXT, dlib_network::bind_openblas(), peers::embedding_tasks(chips.size(), embed));
} catch (const std::exception& error) {
    return std::fprintf(stderr, "dlib_peer: %s\n", error.what()), 1;
}
