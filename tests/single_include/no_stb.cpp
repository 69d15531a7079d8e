// Without stb, all but image files is there.

#define FFR_NO_STB
#include <ffr/ffr.hpp>

namespace ffr {
inline namespace v0_1 {
namespace detail {
constexpr int stb = 0;  // can't be, where there's a namespace of that name
}
}  // namespace v0_1
}  // namespace ffr

int main() {
    const std::vector<unsigned char> black(static_cast<std::size_t>(64 * 64));
    const ffr::HogFeatures features = ffr::extract_hog({black.data(), 64, 64, 1, 64});
    return features.rows() == 6 ? ffr::detail::stb : 1;
}
