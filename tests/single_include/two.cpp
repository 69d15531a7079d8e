#include <ffr/ffr.hpp>

std::size_t faces_in_other_file(const ffr::Pipeline& pipeline, const ffr::Image& image) {
    return pipeline.faces(image).size();
}
