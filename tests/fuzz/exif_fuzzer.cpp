// The orientation in a JPEG's Exif block, and an image turned by it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "bounded_memory.hpp"
#include "ffr/image/exif.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BoundedMemory bound(1 << 20);
    const int orientation = ffr::exif_orientation(data, size);
    if (orientation < 1 || orientation > 8) std::abort();
    if (ffr::apply_orientation(ffr::Image(3, 2, 3), orientation).pixels().size() != 18) std::abort();
    return 0;
}
