// A stream of video (.y4m): its header, frames, and what's drawn into them.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "bounded_memory.hpp"
#include "ffr/video/y4m.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
    const BoundedMemory bound(32 * size + (4 << 20));
    try {
        ffr::Y4mReader reader(in, "fuzzed");
        while (std::optional<ffr::Y4mFrame> frame = reader.next()) {
            const ffr::Image before = to_rgb(*frame, reader.format());
            ffr::Image after = before;
            for (std::size_t i = 0; i < after.pixels().size(); i += 5) after.pixels()[i] ^= 0x80;
            put_drawing(*frame, reader.format(), before, after);
            std::ostringstream out;
            write_y4m_frame(out, *frame);
        }
    } catch (const ffr::Error&) {
    }
    return 0;
}
