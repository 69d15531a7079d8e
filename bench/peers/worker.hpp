#pragma once
// What the C++ workers have in common: the files of faces and photos, and the commands that they obey. worker.py is the
// same for those in Python.
//
// A worker first prints one line about itself, {"version": ..., "how": ...}. Then it answers each line on standard input
// by a line of JSON on standard output:
//
//     answer TASK          rows of numbers, which are compared between the workers
//     run REPEATS TASK     {"seconds": [...]} of doing the task so many times, after once that isn't timed
//     peak TASK            {"before": ..., "most": ...}: bytes of memory that the process has when the task is ready to
//                          be done, with all it needs loaded, and the most that it has had when it's done
//
// What a TASK can be is told where the worker's tasks are made.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace peers {

using Numbers = std::vector<float>;

/// What a worker can do with what has been made ready for it.
struct Task {
    std::function<void()> work;                    ///< what's timed
    std::function<std::vector<Numbers>()> answer;  ///< does it and tells what came out
};

/// Makes a task ready from the words that name it.
using FindTask = std::function<Task(std::istream& words)>;

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

/// A photo in a binary PNM file of 8-bit colours: R, G, B, row after row.
struct Photo {
    std::vector<std::uint8_t> bytes;
    int width = 0, height = 0;

    explicit Photo(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        std::string kind;
        int largest = 0;
        file >> kind >> width >> height >> largest;
        if (kind != "P6" || largest != 255) throw std::runtime_error(path.string() + ": isn't a photo in binary PNM");
        file.get();
        bytes.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
        file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        if (!file) throw std::runtime_error(path.string() + ": ends too early");
    }
};

inline void print_rows(const std::vector<Numbers>& rows) {
    const char* between_rows = "";
    std::printf("[");
    for (const Numbers& row : rows) {
        std::printf("%s[", between_rows);
        for (std::size_t i = 0; i < row.size(); ++i) std::printf("%s%.9g", i == 0 ? "" : ",", row[i]);
        std::printf("]");
        between_rows = ",";
    }
    std::printf("]\n");
}

inline void print_times(int repeats, const Task& task) {
    task.work();
    std::printf("{\"seconds\": [");
    for (int i = 0; i < repeats; ++i) {
        const auto start = std::chrono::steady_clock::now();
        task.work();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        std::printf("%s%.9g", i == 0 ? "" : ",", taken.count());
    }
    std::printf("]}\n");
}

/// Bytes of memory that the process has ("VmRSS:") or has had at most ("VmHWM:").
inline long memory(const std::string& entry) {
    std::ifstream status("/proc/self/status");
    std::string word;
    long kilobytes = 0;
    while (status >> word && word != entry) {
    }
    status >> kilobytes;
    return kilobytes * 1024;
}

inline void print_peak(const Task& task) {
    const long before = memory("VmRSS:");
    task.work();
    std::printf("{\"before\": %ld, \"most\": %ld}\n", before, memory("VmHWM:"));
}

/// Obeys commands until standard input ends. Returns the exit code of the process.
inline int serve(const std::string& version, const std::string& how, const FindTask& find) {
    std::printf("{\"version\": \"%s\", \"how\": \"%s\"}\n", version.c_str(), how.c_str());
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line); std::fflush(stdout)) {
        std::istringstream words(line);
        std::string command;
        int repeats = 0;
        words >> command;
        if (command == "run") words >> repeats;
        const Task task = find(words);
        if (command == "run") {
            print_times(repeats, task);
        } else if (command == "peak") {
            print_peak(task);
        } else {
            print_rows(task.answer());
        }
    }
    return 0;
}

/// Measures faces first, first + 1, ..., first + count - 1 in one call.
using EmbedBatch = std::function<std::vector<Numbers>(std::size_t first, std::size_t count)>;

/// The tasks of a worker that measures faces are numbers: how many faces it takes at a time. It's timed for the first so
/// many, from bytes of pixels to 128 numbers a face, and answers for all.
inline FindTask embedding_tasks(std::size_t faces, const EmbedBatch& embed) {
    return [=](std::istream& words) -> Task {
        std::size_t batch = 0;
        words >> batch;
        if (!words || batch == 0 || batch > faces) throw std::runtime_error("can't measure as many faces at a time");
        const auto answer = [=] {
            std::vector<Numbers> all;
            for (std::size_t first = 0; first < faces; first += batch) {
                for (Numbers& numbers : embed(first, std::min(batch, faces - first))) all.push_back(std::move(numbers));
            }
            return all;
        };
        return {[=] { embed(0, batch); }, answer};
    };
}

}  // namespace peers
