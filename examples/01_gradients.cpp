// Reads a photo and draws its gradients: where it gets brighter, which way, and how steeply.

#include <ffr/ffr.hpp>

#include <cmath>
#include <iostream>

constexpr double kPi = 3.14159265358979323846;

/// Right minus left and below minus above, of the colour in which the photo is steepest there.
struct Slope {
    int x = 0, y = 0;
    int squared_length() const { return x * x + y * y; }
};

Slope slope_at(const ffr::Image& photo, int x, int y) {
    Slope steepest;
    for (int c = 0; c < photo.channels(); ++c) {
        const auto value = [&](int column, int row) { return int{photo.row(row)[column * photo.channels() + c]}; };
        const Slope slope{value(x + 1, y) - value(x - 1, y), value(x, y + 1) - value(x, y - 1)};
        if (slope.squared_length() > steepest.squared_length()) steepest = slope;
    }
    return steepest;
}

/// A direction as a hue: red to the right, then yellow, green, cyan, blue and magenta once around.
ffr::Color hue(double radians, double brightness) {
    const auto part = [&](double shift) {
        const double wave = 0.5 + 0.5 * std::cos(radians - shift);
        return static_cast<std::uint8_t>(std::lround(255 * brightness * wave));
    };
    return {part(0), part(2 * kPi / 3), part(4 * kPi / 3)};
}

void print_pixel(const ffr::Image& photo, int x, int y) {
    const Slope slope = slope_at(photo, x, y);
    std::cout << "around pixel (" << x << ", " << y << "), in its first colour:\n";
    for (int row = y - 1; row <= y + 1; ++row) {
        for (int column = x - 1; column <= x + 1; ++column) {
            std::cout << "  " << int{photo.row(row)[column * photo.channels()]};
        }
        std::cout << '\n';
    }
    std::cout << "its steepest colour: " << slope.x << " to the right, " << slope.y << " down; length "
              << std::lround(std::sqrt(slope.squared_length())) << ", direction "
              << std::lround(std::atan2(slope.y, slope.x) * 180 / kPi) << " degrees\n";
}

int main(int argc, char** argv) try {
    if (argc != 3) return std::cerr << "usage: 01_gradients PHOTO PICTURE\n", 2;
    const ffr::Image photo = ffr::read_image(argv[1]);
    const int width = photo.width(), height = photo.height(), channels = photo.channels();
    if (width < 3 || height < 3) throw ffr::InvalidArgument("a photo of less than 3 x 3 pixels has no slopes");
    std::cout << width << " x " << height << " pixels of " << channels << " numbers\n";
    print_pixel(photo, width / 2, height / 8);

    ffr::Image picture(width, height, 3);
    int flat = 0, different = 0;
    for (int y = 1; y < height - 1; ++y) {
        for (int x = 1; x < width - 1; ++x) {
            const Slope slope = slope_at(photo, x, y);
            const double length = std::sqrt(slope.squared_length());
            const ffr::Color color = hue(std::atan2(slope.y, slope.x), std::min(1.0, length / 128));
            ffr::draw_box(picture, {x, y, x, y}, color);
            flat += length < 16 ? 1 : 0;
            const std::uint8_t* pixel = photo.row(y) + x * channels;
            const auto library = ffr::detail::longest_gradient(pixel, channels, width * channels, false);
            different += static_cast<int>(library.squared_length) != slope.squared_length() ? 1 : 0;
        }
    }
    std::cout << 100 * flat / ((width - 2) * (height - 2)) << " % of the pixels are flat (length below 16)\n"
              << different << " pixels have another length in the library\n";
    ffr::write_image(argv[2], picture);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
