// One of two files that include the one generated header: the program has to link, and no macro to be left behind.

#include <ffr/ffr.hpp>

#if defined(FFR_EXACT_FLOAT_BEGIN) || defined(FFR_SSE2_KERNELS) || defined(FFR_UNROLL) || defined(FFR_PRAGMA)
#error "a macro of ffr's own is left behind"
#endif
#if FFR_VERSION < 100
#error "the version is missing"
#endif

std::size_t faces_in_other_file(const ffr::Pipeline& pipeline, const ffr::Image& image);

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const auto pipeline = ffr::Pipeline::load(argv[1]);
    const ffr::Image photo = ffr::read_image(argv[2]);
    return pipeline.faces(photo).size() == 1 && faces_in_other_file(pipeline, photo) == 1 ? 0 : 1;
}
