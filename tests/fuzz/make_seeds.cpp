// Writes what fuzzing begins with: small files of each kind. Usage: make_seeds FOLDER

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "dlib_files.hpp"
#include "dlib_stream.hpp"
#include "ffr/base/file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/identify/identify.hpp"
#include "ffr/image/image_io.hpp"
#include "hog_detector.hpp"
#include "shape_predictor.hpp"
#include "torch_tokens.hpp"

namespace {

namespace fs = std::filesystem;

class Seeds {
  public:
    explicit Seeds(fs::path folder) : folder_(std::move(folder)) {}

    void write(const std::string& fuzzer, const std::string& name, const std::vector<std::uint8_t>& bytes) const {
        fs::create_directories(folder_ / fuzzer);
        ffr::detail::write_file(folder_ / fuzzer / name, bytes.data(), bytes.size());
    }
    void write(const std::string& fuzzer, const std::string& name, const std::string& text) const {
        write(fuzzer, name, std::vector<std::uint8_t>(text.begin(), text.end()));
    }

  private:
    fs::path folder_;
};

/// A made-up face: `value` at one place.
ffr::Embedding face(std::size_t place, float value) {
    ffr::Embedding embedding{};
    embedding[place] = value;
    return embedding;
}

void write_models(const Seeds& seeds) {
    std::vector<ffr::LabelledEmbedding> faces{{"anna", face(1, 0.5f)}};
    seeds.write("model", "one_person", ffr::Identifier::train(faces).bytes());
    for (std::size_t i = 0; i < 6; ++i) faces.push_back({i % 2 == 0 ? "bob" : "carl", face(i, 0.4f)});
    seeds.write("model", "three_people", ffr::Identifier::train(faces).bytes());
}

/// The second byte is whether they're edits: a flag, a count, a shape, a name, the size and a cut.
void write_edits(const Seeds& seeds) {
    const std::vector<std::vector<std::uint8_t>> edits{{},
                                                       {12, 0, 0, 1, 9},
                                                       {70, 0, 0, 4, 1, 2, 3, 4},
                                                       {64, 0, 0, 1, 'x'},
                                                       {130, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 127},
                                                       {0, 128, 255, 2, 255, 127},
                                                       {200, 3, 0, 255}};
    for (std::size_t i = 0; i < edits.size(); ++i) {
        std::vector<std::uint8_t> bytes{1};
        bytes.insert(bytes.end(), edits[i].begin(), edits[i].end());
        for (const char* const fuzzer : {"resnet29_dat", "mmod_dat", "t7"})
            seeds.write(fuzzer, "edit" + std::to_string(i), bytes);
        bytes.insert(bytes.begin(), 0);
        for (const int kind : {0, 1, 2, 3, 4, 64 + 3}) {  // the last in int8
            bytes[0] = static_cast<std::uint8_t>(kind);
            seeds.write("weights", "edit" + std::to_string(i) + "_of_" + std::to_string(kind), bytes);
        }
    }
}

/// Small files for those that also edit a large one: an even byte, then the file, or as much of it as the readers get through
/// quickly.
void write_small_files(const Seeds& seeds) {
    const auto own = [](Bytes file, std::size_t most) {
        file.resize(std::min(file.size(), most));
        file.insert(file.begin(), 0);
        return file;
    };
    for (const bool ascii : {false, true}) {
        const std::string text = everything(ascii).bytes();
        seeds.write("t7", ascii ? "everything_ascii" : "everything", own({text.begin(), text.end()}, text.size()));
    }
    seeds.write("resnet29_dat", "start", own(NetworkWriter(Preamble{}.write(), false).whole(), 1200));
    seeds.write("resnet29_dat", "start_newer", own(NetworkWriter(Preamble{}.write(), true).whole(), 1200));
    seeds.write("mmod_dat", "start", own(CnnDetectorFile{}.bytes(), 1200));

    const auto weights = [&](const std::string& name, const ffr::WeightsWriter& file) {
        Bytes bytes = own(file.bytes(), file.bytes().size());
        bytes.insert(bytes.begin(), 0);
        seeds.write("weights", name, bytes);
    };
    convert::DlibStream predictor("seed", TinyPredictor{}.bytes()), detector("seed", hog_file({small_filter()}));
    const convert::ShapePredictor model = convert::read_shape_predictor(predictor);
    ffr::WeightsWriter exact("landmarks"), compact("landmarks"), filters("hog_detector");
    convert::write_exact(model, exact);
    convert::write_compact(model, compact);
    convert::write_hog_detector(convert::read_hog_detector(detector), filters);
    weights("two_exact_points", exact);
    weights("two_compact_points", compact);
    weights("one_filter", filters);
}

void write_tables(const Seeds& seeds) {
    std::string numbers;
    for (int i = 0; i < 128; ++i) numbers += (i == 0 ? "" : ",") + std::to_string(i / 512.0);
    const std::string labels = "1,/photos/anna/1.png\n2,\"photos/bob, \"\"the other\"\"/2.png\"\r\n";
    const std::string source =
        R"({"embedder": "resnet29", "weights": "1f", "alignment": "chip", "precision": "float32"})";
    seeds.write("tables", "two_parts", labels + '\x1E' + numbers + "\n" + numbers + "\n");
    seeds.write("tables", "three_parts", labels + '\x1E' + numbers + "\n" + numbers + "\n" + '\x1E' + source);
}

void write_videos(const Seeds& seeds) {
    for (const std::string colours : {"420jpeg", "422", "444", "mono"}) {
        const std::size_t bytes = colours == "mono" ? 12 : colours == "444" ? 36 : colours == "422" ? 24 : 18;
        const std::string frame = "FRAME\n" + std::string(bytes, 'x');
        seeds.write("y4m", colours, "YUV4MPEG2 W4 H3 F25:1 Ip A1:1 C" + colours + " XYSCSS\n" + frame + frame);
    }
}

/// Pictures of each format, and a face in those whose pixels a byte can change.
void write_pictures(const Seeds& seeds) {
    const fs::path tests = FFR_TEST_DIR;
    for (const fs::directory_entry& entry : fs::directory_iterator(tests / "unit/data")) {
        const std::string name = entry.path().filename().string();
        if (entry.path().extension() == ".py") continue;
        const std::vector<std::uint8_t> bytes = ffr::detail::read_file(entry.path());
        seeds.write("photo", name, bytes);
        if (entry.path().extension() == ".jpg") seeds.write("exif", name, bytes);
    }
    const ffr::Image face = ffr::read_image(tests / "golden/images/window_80x80.png");
    const std::string header = "P6 " + std::to_string(face.width()) + ' ' + std::to_string(face.height()) + " 255\n";
    ffr::Image colour(face.width(), face.height(), 3);
    for (std::size_t i = 0; i < colour.pixels().size(); ++i)
        colour.pixels()[i] = face.pixels()[face.channels() == 3 ? i : i / 3];
    seeds.write("photo", "face.png", ffr::encode_png(face));
    seeds.write("photo", "face.jpg", ffr::encode_jpeg(face));
    seeds.write("photo", "face.bmp", ffr::encode_bmp(face));
    seeds.write("photo", "face.ppm", header + std::string(colour.pixels().begin(), colour.pixels().end()));
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "Usage: make_seeds FOLDER\n");
        return 2;
    }
    const Seeds seeds{fs::path(argv[1])};
    write_models(seeds);
    write_edits(seeds);
    write_small_files(seeds);
    write_tables(seeds);
    write_videos(seeds);
    write_pictures(seeds);
    seeds.write("landmarks_dat", "tiny", TinyPredictor{}.bytes());
    seeds.write("hog_svm", "one_filter", hog_file({small_filter()}));
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "make_seeds: %s\n", error.what());
    return 1;
}
