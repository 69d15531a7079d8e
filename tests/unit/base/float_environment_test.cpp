#include "ffr/base/float_environment.hpp"

#include <doctest/doctest.h>

#include <cfenv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ffr/align/affine.hpp"
#include "ffr/base/threads.hpp"
#include "ffr/detect/hog_picture.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/identify/cluster.hpp"
#include "ffr/identify/enrolment.hpp"
#include "ffr/identify/identify.hpp"
#include "ffr/image/draw.hpp"
#include "ffr/image/image_io.hpp"
#include "ffr/image/scale.hpp"
#include "ffr/pipeline.hpp"
#include "ffr/video/track.hpp"
#include "ffr/video/y4m.hpp"
#include "float_settings.hpp"

using namespace ffr;

namespace {

// Read when they're used, so that no compiler computes with them.
volatile double one = 1, three = 3;
volatile double smallest = std::numeric_limits<double>::min();

/// What shows settings: a quotient that's rounded and a subnormal.
struct Arithmetic {
    double third, subnormal;
    bool operator==(const Arithmetic& other) const {
        return std::memcmp(this, &other, sizeof other) == 0;  // a flushed subnormal is equal to no other
    }
};

Arithmetic arithmetic() {
    return {one / three, smallest / three};
}

/// All numbers of a run, byte by byte.
class Record {
  public:
    template <typename T>
    void add(const T& value) {
        const auto* const bytes = reinterpret_cast<const unsigned char*>(&value);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    }
    template <typename T>
    void add(const std::vector<T>& values) {
        for (const T& value : values) add(value);
    }
    void add(const std::string& text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
    void add(const Image& image) { add(image.pixels()); }

    friend bool operator==(const Record& a, const Record& b) { return a.bytes_ == b.bytes_; }
    std::size_t size() const { return bytes_.size(); }

  private:
    std::vector<unsigned char> bytes_;
};

// Paths are put together as text: C++'s library may compute with floats where it joins two.
WeightsFile weights(const std::string& name) {
    return WeightsFile::open(FFR_WEIGHTS_DIR "/" + name);
}

Image picture(const std::string& name) {
    return read_image(FFR_TEST_DIR "/golden/images/" + name);
}

void add(Record& record, const Identity& identity) {
    record.add(identity.name.value_or("unknown"));
    record.add(identity.candidate);
    record.add(identity.confidence);
    record.add(identity.distance);
}

void add(Record& record, const std::vector<Face>& faces) {
    for (const Face& face : faces) {
        record.add(face.detection.box);
        record.add(face.detection.score);
        record.add(face.landmarks.points);
        record.add(face.landmarks.subpixel);
        record.add(face.chip);
        record.add(face.embedding);
    }
}

/// People who are trained on the faces of the first pictures, and what's said of them.
void add_people(Record& record, const std::vector<std::vector<Face>>& pictures) {
    std::vector<LabelledEmbedding> samples;
    std::vector<Embedding> embeddings;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        for (const Face& face : pictures[i]) {
            samples.push_back({i % 2 == 0 ? "even" : "odd", face.embedding});
            embeddings.push_back(face.embedding);
        }
    }
    const Identifier people = Identifier::train(samples);
    const std::string saved = "float_environment_test.ffr";
    people.save(saved);
    record.add(Identifier::load(saved).bytes());
    for (const Embedding& embedding : embeddings) add(record, people.identify(embedding));
    record.add(cluster_faces(embeddings, 0.6));
    record.add(distance(embeddings.front(), embeddings.back()));
    record.add(find_strangers(samples, 0.6));
    record.add(leave_one_out(samples).right);
    NameVote vote;
    for (const Embedding& embedding : embeddings) vote.add(people.identify(embedding));
    add(record, vote.winner());
}

void add(Record& record, const HogFeatures& features) {
    for (int plane = 0; plane < kHogPlanes; ++plane) {
        for (int i = 0; i < features.rows() * features.columns(); ++i) record.add(features.plane(plane)[i]);
    }
}

/// The steps that a program can take by themselves.
void add_steps(Record& record, const Image& image, const Face& face) {
    const HogFeatures features = extract_hog(image);
    add(record, features);
    record.add(hog_picture(features));
    record.add(pyramid_down(image));
    record.add(pyramid_up(image));
    record.add(resize_image(image, 101, 77));
    record.add(pyramid_levels(image.width(), image.height()));
    record.add(align_face(image, face.landmarks));
    const std::string written = "float_environment_test.jpg";
    write_image(written, face.chip);
    record.add(read_image(written));
    record.add(correlation(face.chip, resize_image(reduce_to(face.chip, 5000).image, 150, 150)));
    const ReducedImage reduced = reduce_to(image, 10000);
    record.add(reduced.image);
    record.add(in_original(reduced, face.detection.box));
    record.add(in_original(reduced, face.landmarks).subpixel);
    std::istringstream header("YUV4MPEG2 W2 H1 C444\n");
    const Y4mFormat format = Y4mReader(header, "a.y4m").format();
    Y4mFrame frame{"FRAME", {50, 100, 90, 160, 170, 80}};
    const Image before = to_rgb(frame, format);
    Image after = before;
    draw_line(after, {0, 0}, {1, 0}, Color{10, 250, 10});
    put_drawing(frame, format, before, after);
    record.add(before);
    record.add(frame.bytes);
}

/// All that the library computes, with two threads.
Record whole_way() {
    const FaceDetector hog = FaceDetector::load(weights("hog_frontal.ffr"));
    const Pipeline pipeline = Pipeline::load(FFR_WEIGHTS_DIR);
    const Pipeline other(MmodDetector::load(weights("mmod.ffr")), LandmarkPredictor::load(weights("landmarks5.ffr")),
                         FaceEmbedder::load(weights("resnet29.ffr"), Precision::int8));
    Workspace workspace(2);
    Record record;
    std::vector<std::vector<Face>> pictures;
    for (const char* const name : {"portrait.png", "turned_15.png", "gray.png", "dark.png"}) {
        const Image image = picture(name);
        pictures.push_back(pipeline.faces(image, {}, workspace));
        add(record, pictures.back());
    }
    const Image portrait = picture("portrait.png");
    add(record, other.faces(portrait, {}, workspace));
    add_people(record, pictures);
    add_steps(record, portrait, pictures.front().front());
    const auto window = hog.best_window(portrait);
    record.add(window->detection.score);
    add(record, window->features);
    add(record, hog.view_filter(0));
    std::remove("float_environment_test.ffr");
    std::remove("float_environment_test.jpg");
    return record;
}

}  // namespace

TEST_CASE("settings are the default ones within, and the program's again behind") {
    const Arithmetic expected = arithmetic();
    for (const FloatSettings& settings : all_float_settings()) {
        CAPTURE(settings.name);
        Arithmetic within{}, behind{}, after_failure{}, own{};
        int rounding_before = 0, rounding_behind = -1, flags = -1;
        {
            const WithFloatSettings set(settings);
            const bool traps = settings.name == "traps";
            if (!traps) own = arithmetic();
            std::feclearexcept(FE_ALL_EXCEPT);
            if (!traps) std::feraiseexcept(FE_DIVBYZERO);
            rounding_before = std::fegetround();
            within = detail::with_default_floats(arithmetic);
            rounding_behind = std::fegetround();
            flags = std::fetestexcept(FE_ALL_EXCEPT);
            if (!traps) behind = arithmetic();
            try {
                detail::with_default_floats([&] {
                    after_failure = arithmetic();
                    throw std::runtime_error("failed");
                });
            } catch (const std::runtime_error&) {
                if (!traps) after_failure = arithmetic();
            }
            if (traps) {
                flags |= FE_DIVBYZERO;
                own = behind = after_failure;
            }
        }
        CHECK(within == expected);
        CHECK(behind == own);
        CHECK(after_failure == own);
        CHECK(rounding_behind == rounding_before);
        CHECK(flags == FE_DIVBYZERO);
    }
}

TEST_CASE("helping threads have the default settings, whatever the thread had that started them") {
    const Arithmetic expected = arithmetic();
    for (const FloatSettings& settings : all_float_settings()) {
        CAPTURE(settings.name);
        std::vector<Arithmetic> by_thread(3, expected);
        {
            const WithFloatSettings set(settings);
            ThreadPool pool(3);
            // Many tasks, so that each thread gets one; the calling one keeps its settings.
            pool.run(300, [&](int, int thread) {
                if (thread > 0) by_thread[static_cast<std::size_t>(thread)] = arithmetic();
                std::this_thread::yield();
            });
        }
        for (const Arithmetic& each : by_thread) CHECK(each == expected);
    }
}

TEST_CASE("all answers are the same bits with any settings") {
    const Record expected = whole_way();
    REQUIRE(expected.size() > 1000000);
    for (const FloatSettings& settings : all_float_settings()) {
        CAPTURE(settings.name);
        Record record;
        {
            const WithFloatSettings set(settings);
            record = whole_way();
        }
        CHECK(record == expected);
    }
}

TEST_CASE("all answers are the same bits with decimal commas and grouped digits in C++'s locale") {
    struct Punctuation : std::numpunct<char> {
        char do_decimal_point() const override { return ','; }
        char do_thousands_sep() const override { return '.'; }
        std::string do_grouping() const override { return "\1"; }
    };
    const Record expected = whole_way();
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Punctuation));
    std::ostringstream shown;
    shown << 1234;
    const Record record = whole_way();
    std::locale::global(before);
    CHECK(shown.str() == "1.2.3.4");
    CHECK(record == expected);
}
