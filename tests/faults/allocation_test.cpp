// Memory runs out at each allocation of each main call in turn: the call says so by an exception (in C, by a status),
// nothing is lost, no file stays open or lies about, and the same objects give the right answer afterwards.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "failing_allocator.hpp"
#include "ffr/ffr.h"
#include "ffr/ffr.hpp"

using namespace ffr;
namespace fs = std::filesystem;

namespace {

const fs::path kTests = FFR_TEST_DIR, kWeights = FFR_WEIGHTS_DIR;
const fs::path kImages = kTests / "golden" / "images", kFiles = kTests / "unit" / "data";

/// What a process holds besides memory.
struct Held {
    long allocations;
    int lowest_free_descriptor;
};

Held held_now() {
    const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(descriptor);
    return {failing::live, descriptor};
}

// Results as text, so that all kinds of them can be compared.
void write(std::ostream& out, const std::string& text) {
    out << text;
}
void write(std::ostream& out, double number) {
    out << number << ' ';
}
void write(std::ostream& out, const Image& image) {
    out << image.width() << 'x' << image.height() << 'x' << image.channels();
    out.write(reinterpret_cast<const char*>(image.pixels().data()),
              static_cast<std::streamsize>(image.pixels().size()));
}
void write(std::ostream& out, const Embedding& embedding) {
    for (const float value : embedding) out << value << ' ';
}
void write(std::ostream& out, const Landmarks& landmarks) {
    for (const PointF& point : landmarks.subpixel) out << point.x << ',' << point.y << ' ';
}
void write(std::ostream& out, const Detection& face) {
    out << face.box << face.score << ' ' << face.view << '\n';
}
void write(std::ostream& out, const Face& face) {
    write(out, face.detection);
    write(out, face.landmarks);
    write(out, face.chip);
    write(out, face.embedding);
}
void write(std::ostream& out, const Identity& identity) {
    out << identity.name.value_or("nobody") << identity.candidate << identity.confidence << ' ' << identity.distance;
}
void write(std::ostream& out, const WeightsFile& file) {
    out << file.kind() << file.checksum() << ' ' << file.tensors().size();
}
void write(std::ostream& out, const Track& track) {
    out << track.number << track.box << track.first_frame << ' ' << track.last_frame << ' ' << track.missed << '\n';
    write(out, track.found);
    write(out, track.names.winner());
}
void write(std::ostream& out, const Y4mFrame& frame) {
    out << frame.header << std::string(frame.bytes.begin(), frame.bytes.end());
}
template <typename T>
void write(std::ostream& out, const std::vector<T>& values) {
    out << values.size() << ' ';
    for (const T& value : values) write(out, value);
}
template <typename T>
void write(std::ostream& out, const T* value) {
    write(out, *value);
}

template <typename T>
std::string text_of(const T& result) {
    std::ostringstream out;
    out.precision(17);
    write(out, result);
    return out.str();
}

/// How one attempt ended.
struct Outcome {
    std::string result;     // as text, of a call that got through
    bool failed = false;    // an exception came
    bool lacked = false;    // an allocation failed; with threads, the last ones may not come
    bool said_so = false;   // and it was one that says what ran out
    std::string exception;  // its text
};

/// Calls work(object) while allocation number n fails.
template <typename Object, typename Work>
Outcome attempt(Object& object, const Work& work, failing::Mode mode, long n) {
    Outcome outcome;
    char text[256] = "";
    failing::begin(mode, n);
    try {
        auto result = work(object);
        failing::end();
        outcome.lacked = failing::failed > 0;
        outcome.result = text_of(result);
        return outcome;
    } catch (const std::bad_alloc&) {
        failing::end();
        outcome.said_so = true;
    } catch (const Error& error) {
        failing::end();
        std::snprintf(text, sizeof text, "%s", error.what());
        outcome.said_so = std::strstr(text, "memory") != nullptr;  // as errno's text says it, too
    } catch (const std::exception& error) {
        failing::end();
        std::snprintf(text, sizeof text, "%s", error.what());
    }
    outcome.failed = true;
    outcome.lacked = failing::failed > 0;
    outcome.exception = text;
    return outcome;
}

/// The first 200 of a call's allocations, and every 23rd of the others; all of them if FFR_EVERY_ALLOCATION is set.
std::vector<long> chosen(long count) {
    constexpr long kAll = 200;
    const long step = std::getenv("FFR_EVERY_ALLOCATION") != nullptr ? 1 : 23;
    std::vector<long> numbers;
    for (long n = 1; n <= count; n += n < kAll ? 1 : step) numbers.push_back(n);
    return numbers;
}

/// Fails each allocation of work(object) in turn: alone, and with all after it. Each time `make` gives a new object,
/// on which the work is done again afterwards.
template <typename Make, typename Work>
void fail_each(const std::string& name, const Make& make, const Work& work) {
    std::string expected;
    long count = 0;
    for (int i = 0; i < 2; ++i) {  // at first, what's made once and kept
        auto object = make();
        failing::begin(failing::Mode::none);
        auto result = work(object);
        count = failing::counted;
        expected = text_of(result);
    }
    const std::vector<long> numbers = chosen(count);
    long lacked = 0;
    for (const failing::Mode mode : {failing::Mode::one, failing::Mode::from_there_on}) {
        for (const long n : numbers) {
            CAPTURE(name);
            CAPTURE(n);
            const Held before = held_now();
            Outcome outcome;
            std::string afterwards;
            {
                auto object = make();
                outcome = attempt(object, work, mode, n);
                lacked += outcome.lacked;
                afterwards = text_of(work(object));
            }
            const bool right = afterwards == expected && (outcome.failed || outcome.result == expected);
            CHECK(right);
            const bool says_so = !outcome.failed || outcome.said_so;
            CHECK_MESSAGE(says_so, outcome.exception);
            {
                const std::string freed = std::move(outcome.result), too = std::move(outcome.exception),
                                  and_this = std::move(afterwards);
            }
            const Held after = held_now();
            CHECK(after.allocations == before.allocations);
            CHECK(after.lowest_free_descriptor == before.lowest_free_descriptor);
        }
    }
    CHECK(lacked > 0);
    std::printf("%-44s %6ld allocations, %ld failures\n", name.c_str(), count, lacked);
}

/// The same of an object that calls leave as it is.
template <typename Work>
void fail_each(const std::string& name, const Work& work) {
    fail_each(
        name, [] { return 0; }, [&](int) { return work(); });
}

const Pipeline& shipped() {
    static const Pipeline pipeline = Pipeline::load(kWeights);
    return pipeline;
}

const Image& photo() {
    static const Image image = read_image(kImages / "window_80x80.png");
    return image;
}

const Face& face() {
    static const Face only = shipped().faces(photo()).at(0);
    return only;
}

/// One of a person's faces: numbers near those of the photo's.
Embedding embedding_of(int person, int picture) {
    Embedding embedding = face().embedding;
    for (std::size_t i = 0; i < embedding.size(); ++i) {
        embedding[i] +=
            static_cast<float>((static_cast<int>(i) * (person + 2)) % 7 - 3) * 0.05f * static_cast<float>(person);
        embedding[i] += static_cast<float>((static_cast<int>(i) + picture) % 5) * 0.01f;
    }
    return embedding;
}

std::vector<LabelledEmbedding> album() {
    std::vector<LabelledEmbedding> samples;
    for (int person = 0; person < 3; ++person) {
        for (int picture = 0; picture < 4; ++picture) {
            samples.push_back(
                {"a person with a long name, number " + std::to_string(person), embedding_of(person, picture)});
        }
    }
    return samples;
}

TrainOptions of_shipped() {
    TrainOptions options;
    options.source = shipped().embedder().source(68);
    return options;
}

/// A folder that's gone at the end.
struct TemporaryFolder {
    fs::path path = fs::temp_directory_path() / ("ffr-allocation-test-" + std::to_string(::getpid()));
    TemporaryFolder() { fs::create_directories(path); }
    ~TemporaryFolder() { fs::remove_all(path); }

    /// Its files, after the work of writing one.
    std::string files() const {
        std::string names;
        for (const auto& entry : fs::directory_iterator(path)) names += entry.path().filename().string() + ' ';
        return names;
    }
};

std::string bytes_of(const fs::path& path) {
    const auto bytes = ffr::detail::read_file(path);
    return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("models") {
    fail_each("WeightsFile::open", [] { return WeightsFile::open(kWeights / "hog_frontal.ffr"); });
    const auto hog = WeightsFile::open(kWeights / "hog_frontal.ffr"), mmod = WeightsFile::open(kWeights / "mmod.ffr");
    fail_each("FaceDetector::load", [&] { return FaceDetector::load(hog).detect(photo()); });
    fail_each("MmodDetector::load", [&] {
        MmodDetector::load(mmod);
        return std::string();
    });
    const auto points = WeightsFile::open(kWeights / "landmarks5.ffr"),
               network = WeightsFile::open(kWeights / "resnet29.ffr");
    fail_each("LandmarkPredictor::load",
              [&] { return LandmarkPredictor::load(points).predict(photo(), face().detection.box); });
    fail_each("FaceEmbedder::load", [&] { return FaceEmbedder::load(network).name(); });
    fail_each("FaceEmbedder::load, int8", [&] { return FaceEmbedder::load(network, Precision::int8).name(); });
}

TEST_CASE("image files") {
    for (const char* name : {"rgb_3x2.png", "gray16_2x1.png", "palette_3x2.png", "baseline_40x24.jpg",
                             "progressive_40x24.jpg", "cmyk_40x24.jpg", "orientation6_40x24.jpg", "palette_3x2.gif",
                             "two_frames.gif", "rgb_3x2.bmp", "rgb_3x2.tga", "rgb_3x2_rle.tga", "rgb_3x2.ppm"}) {
        const auto bytes = ffr::detail::read_file(kFiles / name);
        fail_each(std::string("decode_image ") + name,
                  [&] { return decode_image(bytes.data(), bytes.size(), "a photo"); });
    }
    const auto png = ffr::detail::read_file(kImages / "window_80x80.png");
    fail_each("decode_image window_80x80.png",
              [&] { return decode_image(png.data(), png.size(), "a photo with a long name"); });
    fail_each("read_image", [] { return read_image(kImages / "window_80x80.png"); });
    const auto text = [](const std::vector<std::uint8_t>& bytes) { return std::string(bytes.begin(), bytes.end()); };
    fail_each("encode_png", [&] { return text(encode_png(photo())); });
    fail_each("encode_jpeg", [&] { return text(encode_jpeg(photo())); });
    fail_each("encode_bmp", [&] { return text(encode_bmp(photo())); });
}

TEST_CASE("written files") {
    const TemporaryFolder folder;
    for (const char* extension : {".png", ".jpg"}) {
        const fs::path path = folder.path / ("a picture with a name that's long" + std::string(extension));
        write_image(path, photo());
        const std::string files = folder.files(), whole = bytes_of(path);
        fail_each("write_image " + std::string(extension), [&] {
            write_image(path, photo());
            return std::string();
        });
        CHECK(folder.files() == files);
        CHECK(bytes_of(path) == whole);
    }
    const Identifier people = Identifier::train(album(), of_shipped());
    const fs::path model = folder.path / "people with a long name.ffr";
    people.save(model);
    const std::string files = folder.files(), whole = bytes_of(model);
    fail_each("Identifier::save", [&] {
        people.save(model);
        return std::string();
    });
    CHECK(folder.files() == files);
    CHECK(bytes_of(model) == whole);
    fail_each("Identifier::load", [&] { return Identifier::load(model).identify(face().embedding); });
}

TEST_CASE("faces") {
    const auto new_workspace = [] { return std::make_unique<Workspace>(); };
    const auto two_threads = [] { return std::make_unique<Workspace>(2); };
    using Space = std::unique_ptr<Workspace>;
    const auto hog = FaceDetector::load(WeightsFile::open(kWeights / "hog_frontal.ffr"));
    fail_each("FaceDetector::detect", new_workspace, [&](Space& space) { return hog.detect(photo(), {}, *space); });
    fail_each("FaceDetector::detect, 2 threads", two_threads,
              [&](Space& space) { return hog.detect(photo(), {}, *space); });
    const auto mmod = MmodDetector::load(WeightsFile::open(kWeights / "mmod.ffr"));
    fail_each("MmodDetector::detect", new_workspace, [&](Space& space) { return mmod.detect(photo(), {}, *space); });
    const AutoDetector both(hog, mmod);
    fail_each("AutoDetector::detect", new_workspace, [&](Space& space) { return both.detect(photo(), {}, *space); });
    fail_each("LandmarkPredictor::predict",
              [] { return shipped().landmarks().predict(photo(), face().detection.box); });
    fail_each("extract_chip", [] { return extract_chip(photo(), face_chip_geometry(face().landmarks)); });
    fail_each("align_face", [] { return align_face(photo(), face().landmarks, 96); });
    fail_each("FaceEmbedder::embed", new_workspace,
              [](Space& space) { return shipped().embedder().embed(face().chip, *space); });
    fail_each("FaceEmbedder::embed, 2 threads", two_threads,
              [](Space& space) { return shipped().embedder().embed(face().chip, *space); });
    const auto int8 = FaceEmbedder::load(WeightsFile::open(kWeights / "resnet29.ffr"), Precision::int8);
    fail_each("FaceEmbedder::embed, int8", new_workspace,
              [&](Space& space) { return int8.embed(face().chip, *space); });
    fail_each("Pipeline::faces", new_workspace, [](Space& space) { return shipped().faces(photo(), {}, *space); });
    fail_each("Pipeline::faces, 2 threads", two_threads,
              [](Space& space) { return shipped().faces(photo(), {}, *space); });
}

TEST_CASE("people") {
    const std::vector<LabelledEmbedding> samples = album();
    fail_each("Identifier::train", [&] { return Identifier::train(samples, of_shipped()).identify(face().embedding); });
    const Identifier people = Identifier::train(samples, of_shipped());
    fail_each("Identifier::identify", [&] { return people.identify(face().embedding); });
    fail_each("leave_one_out", [&] { return static_cast<double>(leave_one_out(samples, of_shipped()).right); });
    std::vector<Embedding> embeddings;
    for (const LabelledEmbedding& sample : samples) embeddings.push_back(sample.embedding);
    fail_each("cluster_faces", [&] {
        const std::vector<int> groups = cluster_faces(embeddings, 0.3);
        return std::vector<double>(groups.begin(), groups.end());
    });
}

TEST_CASE("video") {
    const std::string header = "YUV4MPEG2 Xa_comment_that_is_long W6 H4 F30:1 C444\n";
    const std::string frame = "FRAME Xanother_comment_that_is_long\n" + std::string(72, 'y');
    std::istringstream whole(header + frame);
    fail_each("Y4mReader", [&] {
        whole.clear();
        whole.seekg(0);
        return static_cast<double>(Y4mReader(whole, "a video with a long name").format().frame_bytes());
    });
    struct Video {
        std::unique_ptr<std::istringstream> stream;
        std::unique_ptr<Y4mReader> reader;
    };
    const auto new_video = [&] {
        Video video{std::make_unique<std::istringstream>(header + frame), nullptr};
        video.reader = std::make_unique<Y4mReader>(*video.stream, "a video");
        return video;
    };
    // A frame that there was no memory for is there at the next call.
    fail_each("Y4mReader::next", new_video, [](const Video& video) { return *video.reader->next(); });
    const Video video = new_video();
    const Y4mFrame first = *video.reader->next();
    const Y4mFormat& format = video.reader->format();
    const Image before = to_rgb(first, format);
    fail_each("to_rgb", [&] { return to_rgb(first, format); });
    fail_each("put_drawing", [&] {
        Y4mFrame drawn_on = first;
        put_drawing(drawn_on, format, before, Image(format.width, format.height, 3));
        return drawn_on;
    });
}

TEST_CASE("tracks") {
    Identity identity;
    identity.candidate = "a person with a long name, number 0";
    const Sighting here{face(), identity};
    Sighting elsewhere = here;
    elsewhere.face.detection.box = {200, 200, 280, 280};
    const auto new_tracker = [&] {
        auto tracker = std::make_unique<FaceTracker>();
        tracker->update(0, {here});
        return tracker;
    };
    // What failed didn't happen, so that the same frame can be given again.
    const std::vector<Sighting> both{here, elsewhere};
    fail_each("FaceTracker::update", new_tracker, [&](const std::unique_ptr<FaceTracker>& tracker) {
        tracker->update(1, both);
        return &tracker->tracks();
    });
    fail_each("FaceTracker::follow and refit", new_tracker, [](const std::unique_ptr<FaceTracker>& tracker) {
        tracker->follow([](const Track& track) { return refit(shipped(), photo(), track); });
        return &tracker->tracks();
    });
}

TEST_CASE("C") {
    const TemporaryFolder folder;
    const std::string model = (folder.path / "people with a long name.ffr").string();
    Identifier::train(album(), of_shipped()).save(model);
    const std::string weights = kWeights.string(), file = (kImages / "window_80x80.png").string();
    static ffr_error error;
    // A status in place of an exception, which attempt() understands.
    const auto require = [](ffr_status status) {
        if (status == FFR_OUT_OF_MEMORY) throw std::bad_alloc();
        if (status != FFR_OK) throw Error(error.message);
    };
    error.struct_size = sizeof error;
    fail_each("ffr_image_read", [&] {
        ffr_image image{};
        image.struct_size = sizeof image;
        require(ffr_image_read(file.c_str(), &image, &error));
        const double width = image.width;
        ffr_image_free(&image);
        return width;
    });
    fail_each("ffr_pipeline_open", [&] {
        ffr_pipeline* opened = nullptr;
        require(ffr_pipeline_open(weights.c_str(), nullptr, &opened, &error));
        ffr_pipeline_close(opened);
        return std::string();
    });
    ffr_pipeline* pipeline = nullptr;
    require(ffr_pipeline_open(weights.c_str(), nullptr, &pipeline, &error));
    const ImageView view = photo();
    const ffr_image image{sizeof image, view.width,  view.height, view.channels,
                          view.stride,  view.pixels, nullptr,     FFR_PIXELS_PLAIN};
    fail_each("ffr_find_faces", [&] {
        ffr_faces* faces = nullptr;
        require(ffr_find_faces(pipeline, &image, nullptr, &faces, &error));
        const auto count = static_cast<double>(ffr_faces_count(faces));
        ffr_faces_free(faces);
        return count;
    });
    const ffr::Rect box = face().detection.box;
    const ffr_box c_box{box.left, box.top, box.right, box.bottom};
    fail_each("ffr_embed", [&] {
        Embedding embedding;
        require(ffr_embed(pipeline, &image, &c_box, embedding.data(), &error));
        return embedding;
    });
    fail_each("ffr_identifier_open", [&] {
        ffr_identifier* opened = nullptr;
        require(ffr_identifier_open(model.c_str(), pipeline, &opened, &error));
        ffr_identifier_close(opened);
        return std::string();
    });
    ffr_identifier* people = nullptr;
    require(ffr_identifier_open(model.c_str(), pipeline, &people, &error));
    fail_each("ffr_identify", [&] {
        ffr_identity identity{};
        identity.struct_size = sizeof identity;
        require(ffr_identify(people, face().embedding.data(), nullptr, &identity, &error));
        return identity.distance;
    });
    ffr_identifier_close(people);
    ffr_pipeline_close(pipeline);
}
