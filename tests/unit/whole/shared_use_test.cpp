// One loaded model, used by many threads at once. The preset threads runs this under the thread sanitizer.

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "ffr/detect/mmod_detector.hpp"
#include "ffr/identify/identify.hpp"
#include "ffr/image/image_io.hpp"
#include "ffr/pipeline.hpp"

using namespace ffr;

namespace {

constexpr std::size_t kThreads = 8;
const char* const kPictures[] = {"portrait", "turned_15", "gray", "cut_by_left_border", "dark"};

WeightsFile weights(const char* name) {
    return WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / name);
}

Image picture(const std::string& name) {
    return read_image(std::filesystem::path(FFR_TEST_DIR) / "golden" / "images" / (name + ".png"));
}

/// All that's told of a picture: boxes, points, embeddings, names.
struct Answer {
    std::vector<Face> faces;
    std::vector<Identity> names;
};

bool same(const Answer& a, const Answer& b) {
    if (a.faces.size() != b.faces.size()) return false;
    for (std::size_t i = 0; i < a.faces.size(); ++i) {
        const Face &one = a.faces[i], &other = b.faces[i];
        if (!(one.detection.box == other.detection.box) || one.detection.score != other.detection.score ||
            one.landmarks.points != other.landmarks.points || !(one.chip == other.chip) ||
            one.embedding != other.embedding || a.names[i].name != b.names[i].name ||
            a.names[i].confidence != b.names[i].confidence) {
            return false;
        }
    }
    return true;
}

Answer answer(const Pipeline& pipeline, const Identifier& people, const Image& image, Workspace& workspace) {
    Answer found{pipeline.faces(image, {}, workspace), {}};
    for (const Face& face : found.faces) found.names.push_back(people.identify(face.embedding));
    return found;
}

void check_shared(const Pipeline& pipeline) {
    std::vector<Image> images;
    std::vector<LabelledEmbedding> samples;
    for (const char* const name : kPictures) {
        images.push_back(picture(name));
        for (const Face& face : pipeline.faces(images.back())) samples.push_back({name, face.embedding});
    }
    REQUIRE(samples.size() >= 4);
    const Identifier people = Identifier::train(samples);
    std::vector<Answer> serial;
    for (const Image& image : images) {
        Workspace workspace;
        serial.push_back(answer(pipeline, people, image, workspace));
    }

    std::vector<int> differing(kThreads, -1);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            Workspace workspace(t % 4 == 3 ? 2 : 1);  // some have threads of their own
            int count = 0;
            // All begin with the same picture; then half of them go the other way around.
            for (std::size_t i = 0; i < images.size(); ++i) {
                const std::size_t which = t % 2 == 0 ? i : (images.size() - i) % images.size();
                const Image own = t < 2 ? picture(kPictures[which]) : Image();  // decoding at the same time, too
                const Image& image = t < 2 ? own : images[which];
                count += !same(answer(pipeline, people, image, workspace), serial[which]);
            }
            differing[t] = count;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(differing == std::vector<int>(kThreads, 0));
}

}  // namespace

TEST_CASE("eight threads with one pipeline get what one gets, to the last bit") {
    check_shared(Pipeline::load(FFR_WEIGHTS_DIR));
}

TEST_CASE("eight threads with one pipeline of the CNN detector and int8 get what one gets, to the last bit") {
    check_shared({MmodDetector::load(weights("mmod.ffr")), LandmarkPredictor::load(weights("landmarks5.ffr")),
                  FaceEmbedder::load(weights("resnet29.ffr"), Precision::int8)});
}
