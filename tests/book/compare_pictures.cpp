// compare_pictures A B: ends with 0 when two pictures have the same size and nearly the same pixels. CPUs add up in other
// orders, which moves a pixel here and there: 0.00002 levels on average were seen. Another line is far more.

#include <ffr/ffr.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) try {
    if (argc != 3) return std::cerr << "usage: compare_pictures A B\n", 2;
    const ffr::Image a = ffr::read_image(argv[1]), b = ffr::read_image(argv[2]);
    if (a.width() != b.width() || a.height() != b.height() || a.channels() != b.channels()) {
        return std::cout << argv[1] << " has another size than " << argv[2] << '\n', 1;
    }
    double sum = 0;
    for (std::size_t i = 0; i < a.pixels().size(); ++i) sum += std::abs(a.pixels()[i] - b.pixels()[i]);
    const double mean = sum / static_cast<double>(a.pixels().size());
    std::cout << "pixels differ by " << mean << " on average\n";
    return mean < 0.01 ? 0 : 1;
} catch (const ffr::Error& error) {
    return std::cerr << error.what() << '\n', 1;
}
