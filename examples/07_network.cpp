// One convolution by hand, then the whole network: what its filters look for in a face, and what they find.
#include <ffr/ffr.hpp>
#include <iomanip>
#include <iostream>

/// The network's first layer in six loops: 32 filters of 7 x 7 pixels over 3 maps, every second place.
ffr::FeatureMaps first_layer(const ffr::Convolution& layer, const ffr::FeatureMaps& in) {
    const int side = layer.side, stride = layer.stride, size = (in.width - side) / stride + 1;
    ffr::FeatureMaps out(layer.outputs, size, size);
    const float* filter = layer.weights.data();  // of one output map: [input map][row][column]
    for (int o = 0; o < layer.outputs; ++o, filter += layer.inputs * side * side) {
        for (int y = 0; y < size; ++y) {
            for (int x = 0; x < size; ++x) {
                float sum = layer.bias[static_cast<std::size_t>(o)];
                const float* weight = filter;
                for (int i = 0; i < layer.inputs; ++i) {
                    for (int row = 0; row < side; ++row) {
                        const float* const pixels = in.map(i) + (stride * y + row) * in.width + stride * x;
                        for (int column = 0; column < side; ++column) sum += *weight++ * pixels[column];
                    }
                }
                out.map(o)[y * size + x] = std::max(sum, 0.0f);  // ReLU
            }
        }
    }
    return out;
}

/// The library's plain layers, which also keep what the first layer and every block put out.
struct WatchedLayers : ffr::PlainLayers {
    using PlainLayers::PlainLayers;
    static inline std::vector<ffr::FeatureMaps> seen;

    Maps look(const Convolution& layer, const std::vector<ffr::ImageView>& faces, int size,
              const std::array<float, 3>& mean, float range) const {
        return seen.emplace_back(PlainLayers::look(layer, faces, size, mean, range));
    }
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        return seen.emplace_back(PlainLayers::convolve_add_relu(layer, in, shortcut));
    }
};

/// A pixel, enlarged to a square of one colour.
void draw_square(ffr::Image& sheet, int left, int top, int side, ffr::Color color) {
    const ffr::Point middle{left + (side - 1) / 2, top + (side - 1) / 2};
    ffr::draw_line(sheet, middle, middle, color, side);
}

/// A filter in colour: gray is 0, and redder than gray is a positive weight for red.
void draw_filter(ffr::Image& sheet, int left, int top, const ffr::Convolution& layer, int output) {
    const int count = layer.side * layer.side;
    const float* const filter = layer.weights.data() + output * 3 * count;
    float largest = 0;
    for (int i = 0; i < 3 * count; ++i) largest = std::max(largest, std::abs(filter[i]));
    const auto level = [&](float weight) { return static_cast<std::uint8_t>(128 + 127 * weight / largest); };
    for (int i = 0; i < count; ++i) {
        const ffr::Color color{level(filter[i]), level(filter[count + i]), level(filter[2 * count + i])};
        draw_square(sheet, left + i % layer.side * 16, top + i / layer.side * 16, 16, color);
    }
}

/// A map in gray: black is 0, white its largest value.
void draw_map(ffr::Image& sheet, int left, int top, const ffr::FeatureMaps& maps, int channel) {
    const int count = maps.height * maps.width, side = 144 / maps.width;
    const float* const map = maps.map(channel);
    const float largest = std::max(*std::max_element(map, map + count), 1e-6f);
    for (int i = 0; i < count; ++i) {
        const auto level = static_cast<std::uint8_t>(255 * map[i] / largest);
        draw_square(sheet, left + i % maps.width * side, top + i / maps.width * side, side, {level, level, level});
    }
}

float largest_difference(const ffr::FeatureMaps& a, const ffr::FeatureMaps& b) {
    float largest = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) largest = std::max(largest, std::abs(a.values[i] - b.values[i]));
    return largest;
}

/// A line for each layer that was watched, and a row of pictures for six of them.
ffr::Image report(const std::vector<ffr::FeatureMaps>& seen) {
    std::cout << std::fixed << std::setprecision(2) << "                    maps  zeros  largest value\n";
    ffr::Image sheet(7 * 148, 6 * 172, 3);
    int top = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const ffr::FeatureMaps& maps = seen[i];
        const std::string name = i == 0 ? "first layer" : "block " + std::to_string(i);
        const std::string side = " x " + std::to_string(maps.width), size = std::to_string(maps.channels) + side + side;
        const auto zeros = static_cast<std::size_t>(std::count(maps.values.begin(), maps.values.end(), 0.0f));
        std::cout << std::left << std::setw(12) << name << std::right << std::setw(12) << size << std::setw(5)
                  << 100 * zeros / maps.values.size() << " %" << std::setw(8)
                  << *std::max_element(maps.values.begin(), maps.values.end()) << '\n';
        if (i != 0 && i != 3 && i != 7 && i != 10 && i < 13) continue;
        ffr::draw_text(sheet, {0, top}, name + ", maps 1 to 7 of " + size, {255, 255, 255}, {0, 0, 0}, 2);
        for (int channel = 0; channel < 7; ++channel) draw_map(sheet, 148 * channel, top + 26, maps, channel);
        top += 172;
    }
    return sheet;
}

int main(int argc, char** argv) try {
    if (argc != 5) return std::cerr << "usage: 07_network WEIGHTS_FOLDER PHOTO FILTERS_PICTURE MAPS_PICTURE\n", 2;
    const std::filesystem::path weights = argv[1];
    const auto faces = ffr::Pipeline::load(weights).faces(ffr::read_image(argv[2]));
    if (faces.empty()) throw ffr::Error(std::string(argv[2]) + ": no face found");
    const ffr::Face& face = faces.front();

    const auto file = ffr::WeightsFile::open(weights / "resnet29.ffr");
    const auto layer = ffr::Convolution::load(file, "conv01", {3, 150, 150, 32, 7, 2, 0});
    const auto mean = file.floats("pixel_mean", {3});
    const auto by_hand = first_layer(layer, ffr::input_maps(face.chip, 150, {mean[0], mean[1], mean[2]}, 256));
    ffr::Image filters(8 * 116, 4 * 116, 3);
    for (int i = 0; i < layer.outputs; ++i) draw_filter(filters, i % 8 * 116, i / 8 * 116, layer, i);
    ffr::write_image(argv[3], filters);

    ffr::Workspace workspace;
    const auto embedding = ffr::BasicResNet29<WatchedLayers>::load(file).forward({face.chip}, workspace).front();
    ffr::write_image(argv[4], report(WatchedLayers::seen));
    std::cout << std::setprecision(4) << "first layer by hand: largest difference "
              << largest_difference(by_hand, WatchedLayers::seen[0]) << "\nwhole network: distance "
              << ffr::distance(embedding, face.embedding) << " from the fast one's embedding\n";
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
