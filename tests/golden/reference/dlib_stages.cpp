// Runs one stage of dlib's face detector on an image, for make_golden.py, which compiles and calls it. dlib's Python
// package doesn't offer these stages. Uses dlib's headers only (19.24, Debian's libdlib-dev) and nothing of ffr.
//
//     dlib_stages down|up|hog|levels < image > result
//
// An image is a line "width height channels" and its bytes, and so are the results of down and up. The result of hog is
// a line "rows columns" and 31 planes of float32, row after row; that of levels is their number as text.

#include <dlib/array2d.h>
#include <dlib/image_processing/scan_fhog_pyramid.h>
#include <dlib/image_transforms.h>

#include <iostream>
#include <string>

namespace {

template <typename Pixel>
void write_image(const dlib::array2d<Pixel>& image) {
    std::cout << image.nc() << ' ' << image.nr() << ' ' << sizeof(Pixel) << '\n';
    for (long y = 0; y < image.nr(); ++y) {
        std::cout.write(reinterpret_cast<const char*>(&image[y][0]), image.nc() * static_cast<long>(sizeof(Pixel)));
    }
}

void write_hog(const dlib::array<dlib::array2d<float>>& planes) {
    const bool empty = planes.size() == 0;
    std::cout << (empty ? 0 : planes[0].nr()) << ' ' << (empty ? 0 : planes[0].nc()) << '\n';
    for (const dlib::array2d<float>& plane : planes) {
        for (long y = 0; y < plane.nr(); ++y) {
            std::cout.write(reinterpret_cast<const char*>(&plane[y][0]), plane.nc() * static_cast<long>(sizeof(float)));
        }
    }
}

template <typename Pixel>
int run(const std::string& stage, long width, long height) {
    dlib::array2d<Pixel> image(height, width), result;
    for (long y = 0; y < height; ++y) {
        std::cin.read(reinterpret_cast<char*>(&image[y][0]), width * static_cast<long>(sizeof(Pixel)));
    }
    if (!std::cin) return 1;
    if (stage == "down") {
        dlib::pyramid_down<6>()(image, result);
        write_image(result);
    } else if (stage == "up") {
        dlib::pyramid_up(image, result, dlib::pyramid_down<2>());
        write_image(result);
    } else if (stage == "hog") {
        dlib::array<dlib::array2d<float>> planes;
        dlib::extract_fhog_features(image, planes);
        write_hog(planes);
    } else if (stage == "levels") {
        // The pyramid that the frontal face detector builds, with the parameters in its serialized data.
        dlib::array<dlib::array<dlib::array2d<float>>> pyramid;
        dlib::impl::create_fhog_pyramid<dlib::pyramid_down<6>>(image, dlib::default_fhog_feature_extractor(), pyramid,
                                                               8, 10, 10, 64, 64, 1000);
        std::cout << pyramid.size() << '\n';
    } else {
        return 1;
    }
    return std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    long width = 0, height = 0, channels = 0;
    std::cin >> width >> height >> channels;
    std::cin.get();
    if (argc != 2 || !std::cin || width < 1 || height < 1) return 1;
    return channels == 3   ? run<dlib::rgb_pixel>(argv[1], width, height)
           : channels == 1 ? run<unsigned char>(argv[1], width, height)
                           : 1;
}
