// Without stb, all but image files is there.

#define FFR_NO_STB
#include <ffr/ffr.hpp>

#if defined(STBI_VERSION) || __has_include(<stb_image.h>)
#error "this is to be compiled where there's no stb"
#endif

std::size_t faces(const ffr::Pipeline& pipeline, ffr::ImageView image) {
    return pipeline.faces(image).size();
}
