// The C interface over the C++ one: checks what callers pass, and turns exceptions into statuses.
#include "ffr/ffr.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "ffr/base/error.hpp"
#include "ffr/base/find_weights.hpp"
#include "ffr/base/float_environment.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/identify/identify.hpp"
#include "ffr/image/image_io.hpp"
#include "ffr/pipeline.hpp"
#include "ffr/version.hpp"

struct ffr_pipeline {
    ffr::Pipeline pipeline;
};

struct ffr_faces {
    std::vector<ffr_face> faces;
};

struct ffr_identifier {
    ffr::Identifier identifier;
};

namespace {

static_assert(std::tuple_size_v<ffr::Embedding> == FFR_EMBEDDING_SIZE);

/// Sets the caller's message. The reason stands at a text's end, so that's what is kept of one that's too long; it
/// begins with a whole character.
void say(ffr_error* error, std::string_view text) noexcept {
    if (error == nullptr) return;
    constexpr std::string_view kCut = "...";
    constexpr std::size_t kRoom = sizeof error->message - 1;
    char* to = error->message;
    if (text.size() > kRoom) {
        text.remove_prefix(text.size() - (kRoom - kCut.size()));
        while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0) == 0x80) text.remove_prefix(1);
        to = std::copy(kCut.begin(), kCut.end(), to);
    }
    *std::copy(text.begin(), text.end(), to) = '\0';
}

ffr_status fail(ffr_error* error, ffr_status status, std::string_view reason) noexcept {
    say(error, reason);
    return status;
}

/// The border: does the work with the default settings for arithmetic, and makes a status of whatever it throws.
template <typename Work>
ffr_status guarded(ffr_error* error, const Work& work) noexcept {
    if (error != nullptr && error->struct_size != sizeof *error) return FFR_INVALID_ARGUMENT;
    try {
        ffr::detail::with_default_floats(work);
        return fail(error, FFR_OK, "");
    } catch (const ffr::InvalidArgument& e) {
        return fail(error, FFR_INVALID_ARGUMENT, e.what());
    } catch (const ffr::FileError& e) {
        return fail(error, FFR_FILE_ERROR, e.what());
    } catch (const ffr::FormatError& e) {
        return fail(error, FFR_FORMAT_ERROR, e.what());
    } catch (const ffr::Error& e) {  // none of these kinds: decode_image, when memory runs out
        return fail(error, FFR_OUT_OF_MEMORY, e.what());
    } catch (const std::bad_alloc&) {
        return fail(error, FFR_OUT_OF_MEMORY, "there isn't enough memory");
    } catch (const std::exception& e) {
        return fail(error, FFR_INTERNAL_ERROR, e.what());
    } catch (...) {
        return fail(error, FFR_INTERNAL_ERROR, "something was thrown that isn't a standard exception");
    }
}

template <typename T>
T& required(T* pointer, const char* name) {
    if (pointer == nullptr) throw ffr::InvalidArgument(std::string(name) + " is NULL");
    return *pointer;
}

/// Size of a struct in the first version that had it. One that grows gets a specialisation with the size it had then.
template <typename Struct>
constexpr std::size_t kFirstSize = sizeof(Struct);
template <>
constexpr std::size_t kFirstSize<ffr_pipeline_options> = offsetof(ffr_pipeline_options, detector);
template <>
constexpr std::size_t kFirstSize<ffr_image> = offsetof(ffr_image, format);

template <typename Struct>
void require_size(const Struct& structure, const char* name) {
    if (structure.struct_size >= kFirstSize<Struct> && structure.struct_size <= sizeof(Struct)) return;
    throw ffr::InvalidArgument(std::string(name) + "->struct_size is " + std::to_string(structure.struct_size) +
                               ", which isn't the size that it has in version " + ffr::kVersion +
                               " or an earlier one: set it to sizeof *" + name);
}

/// A struct of the caller's. Of an earlier version it's shorter, and the fields that it hasn't got are 0.
template <typename Struct>
Struct received(const Struct* from, const char* name) {
    require_size(required(from, name), name);
    Struct value{};
    std::memcpy(&value, from, from->struct_size);
    return value;
}

/// The same where NULL stands for defaults.
template <typename Struct>
Struct received_or_defaults(const Struct* from, const char* name) {
    return from == nullptr ? Struct{} : received(from, name);
}

/// Fills as much of the caller's struct as its version has.
template <typename Struct>
void hand_out(Struct value, Struct* to) {
    value.struct_size = to->struct_size;
    std::memcpy(to, &value, to->struct_size);
}

/// Where a format has its colours in a pixel.
struct PixelFormat {
    const char* name;
    int channels;
    std::array<int, 3> rgb;
};
constexpr std::array<PixelFormat, 4> kPixelFormats{{{"FFR_PIXELS_PLAIN", 0, {}},
                                                    {"FFR_PIXELS_BGR", 3, {2, 1, 0}},
                                                    {"FFR_PIXELS_RGBA", 4, {0, 1, 2}},
                                                    {"FFR_PIXELS_BGRA", 4, {2, 1, 0}}}};

/// The format of an image that has as many channels as it should.
const PixelFormat& format_of(const ffr_image& image) {
    if (image.format < 0 || image.format >= static_cast<std::int32_t>(kPixelFormats.size())) {
        throw ffr::InvalidArgument("there's no image->format " + std::to_string(image.format));
    }
    const PixelFormat& format = kPixelFormats[static_cast<std::size_t>(image.format)];
    if (image.format != FFR_PIXELS_PLAIN && image.channels != format.channels) {
        throw ffr::InvalidArgument(std::string(format.name) + " has " + std::to_string(format.channels) +
                                   " channels, not " + std::to_string(image.channels));
    }
    if (image.format == FFR_PIXELS_PLAIN && image.channels == 4) {
        throw ffr::InvalidArgument("an image of 4 channels needs a format: FFR_PIXELS_RGBA or FFR_PIXELS_BGRA");
    }
    return format;
}

/// Bytes from the caller's rows to those below. Sizes are bounded so that no offset into a row leaves an int, none into
/// the image a ptrdiff_t.
std::ptrdiff_t stride_of(const ffr_image& image) {
    const std::int64_t row_bytes = std::int64_t{image.width} * image.channels;
    const std::int64_t stride = image.stride == 0 ? row_bytes : image.stride;
    const std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / image.height;
    const std::string size = std::to_string(image.width) + " x " + std::to_string(image.height);
    if (image.width > ffr::FaceDetector::kMaxPixels / image.height) {
        throw ffr::InvalidArgument("an image of " + size + " pixels is too large");
    }
    const bool goes_down = stride >= row_bytes && stride <= most, goes_up = stride <= -row_bytes && stride >= -most;
    if (!goes_down && !goes_up) {
        throw ffr::InvalidArgument("image->stride is " + std::to_string(image.stride) + ", which isn't a row of " +
                                   size + " pixels with " + std::to_string(image.channels) + " channels");
    }
    return static_cast<std::ptrdiff_t>(stride);
}

/// The caller's pixels as the library takes them: gray or RGB, from top to bottom. Those that lie so are looked at in
/// their place, others are copied.
class Pixels {
  public:
    explicit Pixels(const ffr_image* from) {
        const ffr_image image = received(from, "image");
        const PixelFormat& format = format_of(image);
        const bool plain = image.format == FFR_PIXELS_PLAIN;
        view_ = {image.pixels, image.width, image.height, plain ? image.channels : 3, 0};
        ffr::require_pixels(view_);
        view_.stride = stride_of(image);
        if (plain && view_.stride > 0) return;
        copy_ = ffr::Image(image.width, image.height, view_.channels);
        for (int y = 0; y < image.height; ++y) copy_row(view_.row(y), format, copy_.row(y));
        view_ = copy_;
    }
    Pixels(const Pixels&) = delete;
    Pixels& operator=(const Pixels&) = delete;

    operator ffr::ImageView() const { return view_; }

  private:
    void copy_row(const std::uint8_t* from, const PixelFormat& format, std::uint8_t* to) const {
        if (format.channels == 0) {
            std::copy_n(from, std::ptrdiff_t{view_.width} * view_.channels, to);
            return;
        }
        for (int x = 0; x < view_.width; ++x, from += format.channels) {
            for (const int colour : format.rgb) *to++ = from[colour];
        }
    }

    ffr::ImageView view_;
    ffr::Image copy_;
};

ffr::Rect rect_of(const ffr_box* from) {
    const ffr_box& box = required(from, "box");
    const ffr::Rect rect{box.left, box.top, box.right, box.bottom};
    if (rect.width() == 0 || rect.height() == 0) throw ffr::InvalidArgument("the box has no pixels");
    return rect;
}

/// The caller's numbers; a NaN would make comparisons mean nothing, silently.
double number_within(double value, double least, double most, const char* name) {
    if (value >= least && value <= most) return value;
    throw ffr::InvalidArgument(std::string(name) + " is " + std::to_string(value) + ", which isn't a number from " +
                               std::to_string(least) + " to " + std::to_string(most));
}

ffr::DetectOptions detect_options(const ffr_detect_options* from) {
    constexpr double kMost = std::numeric_limits<float>::max();
    const ffr_detect_options options = received_or_defaults(from, "options");
    return {options.upsample, number_within(options.threshold, -kMost, kMost, "threshold")};
}

ffr::IdentifyOptions identify_options(const ffr_identify_options* from) {
    constexpr double kMost = std::numeric_limits<float>::max();
    const ffr_identify_options options = received_or_defaults(from, "options");
    ffr::IdentifyOptions limits;
    limits.min_confidence = number_within(options.min_confidence, 0, 1, "min_confidence");
    const double distance = number_within(options.max_distance, 0, kMost, "max_distance");
    if (distance > 0) limits.max_distance = distance;
    return limits;
}

ffr_face to_c(const ffr::Detection& detection) {
    ffr_face face{};
    face.view = detection.view;
    face.box = {detection.box.left, detection.box.top, detection.box.right, detection.box.bottom};
    face.score = detection.score;
    return face;
}

void copy_points(const std::vector<ffr::Point>& points, ffr_point* to) {
    std::transform(points.begin(), points.end(), to, [](ffr::Point p) { return ffr_point{p.x, p.y}; });
}

ffr_face to_c(const ffr::Face& measured) {
    ffr_face face = to_c(measured.detection);
    face.landmark_count = static_cast<std::uint32_t>(measured.landmarks.points.size());
    face.embedding_size = FFR_EMBEDDING_SIZE;
    copy_points(measured.landmarks.points, face.landmarks);
    std::copy(measured.embedding.begin(), measured.embedding.end(), face.embedding);
    return face;
}

/// A handle for the caller, of detections or faces.
template <typename Found>
ffr_faces* new_faces(const std::vector<Found>& found) {
    auto faces = std::make_unique<ffr_faces>();
    for (const Found& one : found) faces->faces.push_back(to_c(one));
    return faces.release();
}

ffr::Pipeline load_pipeline(const std::filesystem::path& folder, const ffr_pipeline_options& options) {
    if (options.precision != FFR_FLOAT32 && options.precision != FFR_INT8) {
        throw ffr::InvalidArgument("there's no precision " + std::to_string(options.precision));
    }
    if (options.landmark_count != 0 && options.landmark_count != 5 && options.landmark_count != 68) {
        throw ffr::InvalidArgument("landmark_count must be 5 or 68, not " + std::to_string(options.landmark_count));
    }
    if (options.detector != FFR_HOG && options.detector != FFR_MMOD) {
        throw ffr::InvalidArgument("there's no detector " + std::to_string(options.detector));
    }
    const auto open = [&](const char* name) { return ffr::WeightsFile::open(ffr::find_weights(name, folder)); };
    ffr::Detector detector = options.detector == FFR_MMOD
                                 ? ffr::Detector(ffr::MmodDetector::load(open("mmod.ffr")))
                                 : ffr::Detector(ffr::FaceDetector::load(open("hog_frontal.ffr")));
    auto landmarks =
        ffr::LandmarkPredictor::load(open(options.landmark_count == 5 ? "landmarks5.ffr" : "landmarks68.ffr"));
    if (landmarks.point_count() > FFR_MAX_LANDMARKS) {
        throw ffr::FormatError("the landmark model has " + std::to_string(landmarks.point_count()) +
                               " points, more than " + std::to_string(FFR_MAX_LANDMARKS));
    }
    return {std::move(detector), std::move(landmarks),
            ffr::FaceEmbedder::load(open("resnet29.ffr"),
                                    options.precision == FFR_INT8 ? ffr::Precision::int8 : ffr::Precision::float32)};
}

/// Embeddings of another source mean nothing to a model.
void require_same_source(const char* path, const ffr::Identifier& identifier, const ffr::Pipeline& pipeline) {
    const auto source = pipeline.embedder().source(pipeline.landmarks().point_count());
    const std::string reason = ffr::difference(identifier.source(), source);
    if (!reason.empty()) throw ffr::FormatError(std::string(path) + ": was trained with " + reason);
}

}  // namespace

int ffr_version(void) {
    return FFR_VERSION;
}

ffr_status ffr_image_read(const char* path, ffr_image* image, ffr_error* error) {
    return guarded(error, [&] {
        const auto file = std::filesystem::u8path(&required(path, "path"));
        require_size(required(image, "image"), "image");
        auto pixels = std::make_unique<ffr::Image>(ffr::read_image(file));
        const ffr::ImageView view = *pixels;
        hand_out(
            {0, view.width, view.height, view.channels, view.stride, view.pixels, pixels.release(), FFR_PIXELS_PLAIN},
            image);
    });
}

void ffr_image_free(ffr_image* image) {
    if (image == nullptr || image->owner == nullptr) return;
    delete static_cast<ffr::Image*>(image->owner);
    image->owner = nullptr;
    image->pixels = nullptr;
    image->width = image->height = 0;
}

ffr_status ffr_pipeline_open(const char* weights_folder, const ffr_pipeline_options* options, ffr_pipeline** pipeline,
                             ffr_error* error) {
    return guarded(error, [&] {
        required(pipeline, "pipeline") = nullptr;
        const auto folder = std::filesystem::u8path(weights_folder == nullptr ? "" : weights_folder);
        *pipeline = new ffr_pipeline{load_pipeline(folder, received_or_defaults(options, "options"))};
    });
}

void ffr_pipeline_close(ffr_pipeline* pipeline) {
    delete pipeline;
}

ffr_status ffr_detect(const ffr_pipeline* pipeline, const ffr_image* image, const ffr_detect_options* options,
                      ffr_faces** faces, ffr_error* error) {
    return guarded(error, [&] {
        required(faces, "faces") = nullptr;
        const ffr::Detector& detector = required(pipeline, "pipeline").pipeline.detector();
        *faces = new_faces(detector.detect(Pixels(image), detect_options(options)));
    });
}

ffr_status ffr_find_faces(const ffr_pipeline* pipeline, const ffr_image* image, const ffr_detect_options* options,
                          ffr_faces** faces, ffr_error* error) {
    return guarded(error, [&] {
        required(faces, "faces") = nullptr;
        *faces = new_faces(required(pipeline, "pipeline").pipeline.faces(Pixels(image), detect_options(options)));
    });
}

size_t ffr_faces_count(const ffr_faces* faces) {
    return faces == nullptr ? 0 : faces->faces.size();
}

ffr_status ffr_faces_get(const ffr_faces* faces, size_t index, ffr_face* face, ffr_error* error) {
    return guarded(error, [&] {
        const std::vector<ffr_face>& all = required(faces, "faces").faces;
        require_size(required(face, "face"), "face");
        if (index >= all.size()) {
            throw ffr::InvalidArgument("there's no face " + std::to_string(index) + " among " +
                                       std::to_string(all.size()));
        }
        hand_out(all[index], face);
    });
}

void ffr_faces_free(ffr_faces* faces) {
    delete faces;
}

ffr_status ffr_landmarks(const ffr_pipeline* pipeline, const ffr_image* image, const ffr_box* box, ffr_point* points,
                         size_t capacity, size_t* count, ffr_error* error) {
    return guarded(error, [&] {
        const ffr::LandmarkPredictor& landmarks = required(pipeline, "pipeline").pipeline.landmarks();
        required(points, "points");
        if (capacity < landmarks.point_count()) {
            throw ffr::InvalidArgument("there's room for " + std::to_string(capacity) + " of " +
                                       std::to_string(landmarks.point_count()) + " points");
        }
        copy_points(landmarks.predict(Pixels(image), rect_of(box)).points, points);
        if (count != nullptr) *count = landmarks.point_count();
    });
}

ffr_status ffr_embed(const ffr_pipeline* pipeline, const ffr_image* image, const ffr_box* box, float* embedding,
                     ffr_error* error) {
    return guarded(error, [&] {
        required(embedding, "embedding");
        const ffr::Pipeline& measuring = required(pipeline, "pipeline").pipeline;
        const ffr::Embedding numbers = measuring.measure(Pixels(image), {rect_of(box)}).embedding;
        std::copy(numbers.begin(), numbers.end(), embedding);
    });
}

double ffr_distance(const float* a, const float* b) {
    if (a == nullptr || b == nullptr) return std::numeric_limits<double>::quiet_NaN();
    ffr::Embedding first, second;
    std::copy_n(a, first.size(), first.begin());
    std::copy_n(b, second.size(), second.begin());
    return ffr::distance(first, second);
}

ffr_status ffr_identifier_open(const char* path, const ffr_pipeline* pipeline, ffr_identifier** identifier,
                               ffr_error* error) {
    return guarded(error, [&] {
        required(identifier, "identifier") = nullptr;
        auto people = ffr::Identifier::load(std::filesystem::u8path(&required(path, "path")));
        if (pipeline != nullptr) require_same_source(path, people, pipeline->pipeline);
        *identifier = new ffr_identifier{std::move(people)};
    });
}

void ffr_identifier_close(ffr_identifier* identifier) {
    delete identifier;
}

ffr_status ffr_identify(const ffr_identifier* identifier, const float* embedding, const ffr_identify_options* options,
                        ffr_identity* identity, ffr_error* error) {
    return guarded(error, [&] {
        const ffr::Identifier& people = required(identifier, "identifier").identifier;
        require_size(required(identity, "identity"), "identity");
        ffr::Embedding numbers;
        std::copy_n(&required(embedding, "embedding"), numbers.size(), numbers.begin());
        const ffr::Identity who = people.identify(numbers, identify_options(options));
        // The name in the model, which lives on after this call.
        const auto own = std::find(people.names().begin(), people.names().end(), who.candidate);
        hand_out({0, who.name ? own->c_str() : nullptr, own->c_str(), who.confidence, who.distance}, identity);
    });
}
