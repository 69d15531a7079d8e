// activation_ranges PHOTO...: measures on photos how large the values between the layers of the ResNet-29 are, and prints
// for each convolution the range that the int8 network shall cut them to. The ranges in resnet29.hpp are its output.
//
// Faces are found and straightened as ffr does it, and measured with three exposures, each as it is and mirrored. A range
// is the one with the least mean squared error of rounding to 0..255 within it and of cutting off what's above.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <utility>
#include <vector>

#include "ffr/align/chip.hpp"
#include "ffr/align/landmarks.hpp"
#include "ffr/base/find_weights.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/embed/resnet29.hpp"
#include "ffr/image/image_io.hpp"

namespace {

/// Values of each convolution after its activation, in the order of execution. The first call of a forward pass begins
/// anew.
struct Recorder {
    std::vector<std::vector<float>> values;
    std::size_t layer = 0;

    void take(const ffr::FeatureMaps& maps) {
        if (values.size() == layer) values.emplace_back();
        values[layer].insert(values[layer].end(), maps.values.begin(), maps.values.end());
        ++layer;
    }
};

Recorder recorder;

/// SimdLayers that are listened to.
class RecordingLayers : public ffr::SimdLayers {
  public:
    using SimdLayers::SimdLayers;

    Maps look(const Convolution& layer, const std::vector<ffr::ImageView>& faces, int size,
              const std::array<float, 3>& mean, float range) const {
        recorder.layer = 0;
        return heard(SimdLayers::look(layer, faces, size, mean, range));
    }
    Maps convolve_relu(const Convolution& layer, const Maps& in) const {
        return heard(SimdLayers::convolve_relu(layer, in));
    }
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        return heard(SimdLayers::convolve_add_relu(layer, in, shortcut));
    }

  private:
    Maps heard(Maps maps) const {
        recorder.take(plain(maps, 0));
        return maps;
    }
};

ffr::Image mirrored(const ffr::Image& image) {
    const int channels = image.channels();
    ffr::Image out(image.width(), image.height(), channels);
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            std::copy_n(image.row(y) + channels * x, channels, out.row(y) + channels * (image.width() - 1 - x));
        }
    }
    return out;
}

ffr::Image exposed(ffr::Image image, double factor) {
    for (std::uint8_t& value : image.pixels()) value = static_cast<std::uint8_t>(std::min(255.0, value * factor + 0.5));
    return image;
}

/// Counts of values in equal steps from 0 to the largest.
struct Histogram {
    static constexpr std::size_t kSteps = 4096;
    double largest = 0;
    std::vector<double> counts = std::vector<double>(kSteps);

    explicit Histogram(const std::vector<float>& values) {
        for (const float value : values) largest = std::max(largest, double{value});
        for (const float value : values) {
            counts[std::min(kSteps - 1, static_cast<std::size_t>(value / largest * kSteps))] += 1;
        }
    }

    double squared_error(double range) const {
        double error = 0;
        for (std::size_t i = 1; i < kSteps; ++i) {  // zeros have none
            const double value = (static_cast<double>(i) + 0.5) * largest / kSteps, cut = std::max(0.0, value - range);
            error += counts[i] * (range / 255 * range / 255 / 12 + cut * cut);
        }
        return error;
    }
};

double best_range(const std::vector<float>& values) {
    const Histogram histogram(values);
    double best = histogram.largest;
    for (int i = 1; i <= 200; ++i) {
        const double range = histogram.largest * i / 200;
        if (histogram.squared_error(range) < histogram.squared_error(best)) best = range;
    }
    return best;
}

}  // namespace

int main(int argc, char** argv) try {
    const auto open = [](const char* name) { return ffr::WeightsFile::open(ffr::find_weights(name)); };
    const auto detector = ffr::FaceDetector::load(open("hog_frontal.ffr"));
    const auto predictor = ffr::LandmarkPredictor::load(open("landmarks68.ffr"));
    const auto network = ffr::BasicResNet29<RecordingLayers>::load(open("resnet29.ffr"));
    ffr::Workspace workspace;
    int faces = 0;
    for (int i = 1; i < argc; ++i) {
        const ffr::Image photo = ffr::read_image(argv[i]);
        for (const ffr::Detection& face : detector.detect(photo)) {
            const ffr::Image chip =
                ffr::extract_chip(photo, ffr::face_chip_geometry(predictor.predict(photo, face.box)));
            for (const double factor : {0.6, 1.0, 1.4}) {
                const ffr::Image one = exposed(chip, factor), other = mirrored(one);
                network.forward({one}, workspace);
                network.forward({other}, workspace);
            }
            ++faces;
        }
    }
    std::cerr << faces << " faces\n";
    if (faces == 0) return 1;
    for (const std::vector<float>& values : recorder.values) {
        std::cout << std::setprecision(4) << best_range(values) << ", ";
        std::cerr << *std::max_element(values.begin(), values.end()) << " at most\n";
    }
    std::cout << '\n';
} catch (const std::exception& error) {
    std::cerr << "activation_ranges: " << error.what() << '\n';
    return 1;
}
