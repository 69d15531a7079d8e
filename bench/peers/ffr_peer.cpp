// ffr's side of the comparison. Usage: ffr_peer WEIGHTS.ffr FACES [THREADS [PRECISION]]. Commands: worker.hpp.

#include <cstdlib>

#include "ffr/base/workspace.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "ffr/version.hpp"
#include "worker.hpp"

namespace {

#if defined(FFR_USE_EIGEN)
const std::string kHow = "Eigen";
#elif defined(FFR_USE_OPENBLAS)
const std::string kHow = "OpenBLAS";
#else
const std::string kHow = ffr::kernels::simd_name(ffr::kernels::simd_path());
#endif

ffr::ImageView view_of(const peers::Faces& faces, std::size_t index) {
    return {faces.face(index), faces.side, faces.side, 3, std::ptrdiff_t{faces.side} * 3};
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3) return std::fputs("usage: ffr_peer WEIGHTS.ffr FACES [THREADS [float32|int8]]\n", stderr), 2;
    const bool int8 = argc > 4 && std::string(argv[4]) == "int8";
    const auto embedder =
        ffr::FaceEmbedder::load(ffr::WeightsFile::open(argv[1]), int8 ? ffr::Precision::int8 : ffr::Precision::float32);
    const peers::Faces faces(argv[2], embedder.face_size());
    ffr::Workspace workspace(argc > 3 ? std::atoi(argv[3]) : 1);
    const auto embed = [&](std::size_t first, std::size_t count) {
        std::vector<ffr::ImageView> batch;
        for (std::size_t i = 0; i < count; ++i) batch.push_back(view_of(faces, first + i));
        std::vector<peers::Numbers> all;
        for (const ffr::Embedding& numbers : embedder.embed(batch, workspace)) {
            all.emplace_back(numbers.begin(), numbers.end());
        }
        return all;
    };
    return peers::serve(ffr::kVersion, int8 ? ffr::kernels::int8_name(ffr::kernels::int8_path()) : kHow,
                        peers::embedding_tasks(faces.count(), embed));
} catch (const std::exception& error) {
    return std::fprintf(stderr, "ffr_peer: %s\n", error.what()), 1;
}
