// dlib's shape predictor (.dat), and both of its conversions.

#include <cstddef>
#include <cstdint>

#include "bounded_memory.hpp"
#include "dlib_files.hpp"
#include "dlib_stream.hpp"
#include "edits.hpp"
#include "shape_predictor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BoundedMemory bound(32 * size + (1 << 20));
    try {
        convert::DlibStream in("fuzzed", {data, data + size});
        const convert::ShapePredictor model = convert::read_shape_predictor(in);
        for (const bool compact : {false, true}) {
            ffr::WeightsWriter out("landmarks");
            compact ? convert::write_compact(model, out) : convert::write_exact(model, out);
        }
    } catch (const ffr::Error&) {
    }
    return 0;
}
