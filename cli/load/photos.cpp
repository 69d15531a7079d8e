#include "load/photos.hpp"

#include <algorithm>

#include "ffr/image/image_io.hpp"
#include "load/embedded_files.hpp"

std::vector<ShippedPhoto> shipped_photos(const std::string& folder) {
    const std::string root = "photos/", prefix = root + folder;
    std::vector<ShippedPhoto> photos;
    for (const EmbeddedFile& file : embedded_files()) {
        const std::string name = file.name;
        if (name.rfind(prefix, 0) != 0) continue;
        photos.push_back({name.substr(root.size()), ffr::decode_image(file.bytes, file.size, name)});
    }
    if (photos.empty()) throw ffr::Error("this program was built without photos (FFR_EMBED_WEIGHTS=OFF)");
    std::sort(photos.begin(), photos.end(),
              [](const ShippedPhoto& a, const ShippedPhoto& b) { return a.name < b.name; });
    return photos;
}

ffr::Image bench_photo() {
    return shipped_photos("people/eileen_collins/astronaut.png").front().image;
}
