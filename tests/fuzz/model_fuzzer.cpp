// A model of people, as ffr train writes it, and a face named by it.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bounded_memory.hpp"
#include "ffr/base/xxhash.hpp"
#include "ffr/identify/identify.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::uint8_t> file(data, data + size);
    if (size >= 64) {  // a right size and checksum, so that edits come past them
        const std::uint64_t whole = size;
        std::memcpy(file.data() + 16, &whole, sizeof whole);
        const std::uint64_t checksum = ffr::detail::xxh64(file.data() + 32, size - 32);
        std::memcpy(file.data() + 24, &checksum, sizeof checksum);
    }
    const BoundedMemory bound(16 * size + (1 << 20));
    try {
        const auto weights = ffr::WeightsFile::from_memory(file.data(), size, "fuzzed");
        const auto people = ffr::Identifier::load(weights);
        people.identify(ffr::Embedding{});
        ffr::Identifier::load(ffr::WeightsFile::from_memory(people.bytes().data(), people.bytes().size(), "again"));
    } catch (const ffr::Error&) {
    }
    return 0;
}
