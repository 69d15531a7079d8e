#pragma once
// What the C++ workers have in common: the file of faces, and the commands that they obey. python_peer.py does the same.
//
// A worker first prints one line about itself, {"version": ..., "how": ...}. Then it answers each line on standard input by
// a line of JSON on standard output:
//
//     embeddings BATCH     the embeddings of all faces, measured BATCH at a time
//     run BATCH REPEATS    {"seconds_per_face": [...]} of REPEATS calls with the first BATCH faces, after one that isn't
//                          timed. The timed part begins with bytes of pixels and ends with 128 numbers a face.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace peers {

using Numbers = std::vector<float>;

/// Faces of side x side pixels, R, G, B, one behind another.
struct Faces {
    std::vector<std::uint8_t> bytes;
    int side = 0;

    Faces(const std::string& path, int face_side) : side(face_side) {
        std::ifstream file(path, std::ios::binary);
        bytes.assign(std::istreambuf_iterator<char>(file), {});
        if (bytes.empty() || bytes.size() % size() != 0) throw std::runtime_error(path + ": doesn't hold faces");
    }

    std::size_t size() const { return static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3; }
    std::size_t count() const { return bytes.size() / size(); }
    const std::uint8_t* face(std::size_t index) const { return bytes.data() + index * size(); }
};

/// Measures faces first, first + 1, ..., first + count - 1 in one call.
using EmbedBatch = std::function<std::vector<Numbers>(std::size_t first, std::size_t count)>;

inline void print_embeddings(std::size_t faces, std::size_t batch, const EmbedBatch& embed) {
    const char* between = "[";
    for (std::size_t first = 0; first < faces; first += batch) {
        for (const Numbers& numbers : embed(first, std::min(batch, faces - first))) {
            std::printf("%s", between);
            for (std::size_t i = 0; i < numbers.size(); ++i) std::printf("%s%.9g", i == 0 ? "[" : ",", numbers[i]);
            std::printf("]");
            between = ",";
        }
    }
    std::printf("]\n");
}

inline void print_times(std::size_t batch, int repeats, const EmbedBatch& embed) {
    embed(0, batch);
    std::printf("{\"seconds_per_face\": [");
    for (int i = 0; i < repeats; ++i) {
        const auto start = std::chrono::steady_clock::now();
        embed(0, batch);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        std::printf("%s%.9g", i == 0 ? "" : ",", taken.count() / static_cast<double>(batch));
    }
    std::printf("]}\n");
}

/// Obeys commands until standard input ends. Returns the exit code of the process.
inline int serve(const std::string& version, const std::string& how, std::size_t faces, const EmbedBatch& embed) {
    std::printf("{\"version\": \"%s\", \"how\": \"%s\"}\n", version.c_str(), how.c_str());
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line); std::fflush(stdout)) {
        std::istringstream words(line);
        std::string command;
        std::size_t batch = 0;
        int repeats = 0;
        words >> command >> batch;
        if (command == "run") words >> repeats;
        if (!words || batch == 0 || batch > faces) throw std::runtime_error("can't obey: " + line);
        command == "run" ? print_times(batch, repeats, embed) : print_embeddings(faces, batch, embed);
    }
    return 0;
}

}  // namespace peers
