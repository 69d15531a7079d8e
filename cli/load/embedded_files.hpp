#pragma once
/// \file
/// Files that are part of the program itself: the weights and the photos of the demo.

#include <cstddef>
#include <vector>

/// A file as it was when the program was built; `name` is its path in the project, such as "weights/resnet29.ffr".
struct EmbeddedFile {
    const char* name;
    const unsigned char* bytes;
    std::size_t size;
};

/// All of them; empty in a program built without.
const std::vector<EmbeddedFile>& embedded_files();
