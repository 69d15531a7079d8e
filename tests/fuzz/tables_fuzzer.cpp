// Tables of embeddings: labels.csv, reps.csv and, if there's a third part, source.json, with a byte 0x1E between them.

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "bounded_memory.hpp"
#include "show/tables.hpp"

namespace {

namespace fs = std::filesystem;

/// A folder of this process while it runs, in memory where there's such.
struct Folder {
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }

    fs::path path = (fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                    ("ffr-tables-" + std::to_string(::getpid()));
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Folder own;
    const fs::path& folder = own.path;
    const std::uint8_t *part = data, *const end = data + size;
    for (const char* const name : {"labels.csv", "reps.csv", "source.json"}) {
        if (part > end) {
            fs::remove(folder / name);
            continue;
        }
        const std::uint8_t* const part_end = std::find(part, end, 0x1E);
        std::ofstream(folder / name, std::ios::binary)
            .write(reinterpret_cast<const char*>(part), static_cast<std::streamsize>(part_end - part));
        part = part_end + 1;
    }
    const BoundedMemory bound(128 * size + (1 << 20));  // a field of one letter is a string
    try {
        SharedOptions options;
        options.embedder = size % 2 == 0 ? "nn4.small2" : "";
        read_tables(folder, options);
    } catch (const ffr::Error&) {
    }
    return 0;
}
