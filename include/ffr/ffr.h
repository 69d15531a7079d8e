#ifndef FFR_FFR_H
#define FFR_FFR_H
/// \file
/// ffr in C: what other languages stand on. Link libffr.so or libffr.a; in C++, use ffr.hpp.
///
///     image --ffr_detect--> boxes --ffr_landmarks--> points          each step alone
///     image --ffr_find_faces--> boxes, points and embeddings         all of them at once
///     embedding --ffr_identify--> name, or nobody known
///
/// **Structs** begin with `struct_size`, which the caller sets to sizeof the struct before each use; fields are only
/// ever added at the end. A library takes structs of its own version and of earlier ones; one of a later version is
/// FFR_INVALID_ARGUMENT. Fields left 0 are defaults. ffr_box and ffr_point have no size and never change.
///
/// **Errors** are the status that a function returns, and a line of text in the ffr_error it was given, which may be
/// NULL. No C++ exception comes out. A call that failed leaves what it was to fill as it was, but handles, which
/// become NULL. With an ffr_error of a wrong struct_size it's FFR_INVALID_ARGUMENT, and nothing is done.
///
/// **Ownership.** What a function opens, finds or reads is the caller's, to be given back once by the function that
/// its comment names; those take NULL, too. Nothing that's passed in is kept: pixels may go as soon as a call
/// returns.
///
/// **Threads.** An open ffr_pipeline, ffr_identifier and ffr_faces doesn't change, and any number of threads may use
/// it at once, each with structs of its own. Giving it back is for one thread, when no other uses it any more.
///
/// **The program around** may have set what it likes: rounding, subnormals as 0, traps, a locale. The answers are the same
/// to the last bit, and after each call the settings are the program's again, with the flags that it had. A call takes less
/// than FFR_STACK_SIZE bytes of stack.
///
/// **Coordinates** are pixels, x to the right, y down; the centre of the first pixel is (0, 0). Text is UTF-8 and
/// ends with a zero.

#include <stddef.h>
#include <stdint.h>

#include "version.h"

/// What libffr shows to the linker. libffr.a is compiled with FFR_STATIC, so that a shared library that has it inside
/// shows none of these functions; whoever calls them needn't define it.
#if defined(__GNUC__) && !defined(FFR_STATIC)
#define FFR_API __attribute__((visibility("default")))
#else
#define FFR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// Version of the library that runs, to be compared with this header's FFR_VERSION.
FFR_API int ffr_version(void);

/// Bytes of stack with which a thread can make any call: some 20 KB more than were measured.
#define FFR_STACK_SIZE 98304

/// How a call went.
typedef enum ffr_status {
    FFR_OK = 0,                ///< well
    FFR_INVALID_ARGUMENT = 1,  ///< the caller passed something that the function can't work with
    FFR_FILE_ERROR = 2,        ///< a file is missing or can't be read
    FFR_FORMAT_ERROR = 3,      ///< a file could be read, but its content isn't what it should be
    FFR_OUT_OF_MEMORY = 4,     ///< memory ran out
    FFR_INTERNAL_ERROR = 5     ///< anything else
} ffr_status;

/// What went wrong, made for people: names the file and the reason. Each call that is given one sets it.
typedef struct ffr_error {
    uint32_t struct_size;  ///< sizeof(ffr_error), set by the caller
    char message[508];     ///< one line; empty after FFR_OK; of a long text, "..." and its end
} ffr_error;

/// A box of whole pixels with all four edges inside of it: its width is right - left + 1. It may reach outside of an
/// image.
typedef struct ffr_box {
    int32_t left;    ///< x of the first column
    int32_t top;     ///< y of the first row
    int32_t right;   ///< x of the last column
    int32_t bottom;  ///< y of the last row
} ffr_box;

/// A point, rounded to whole pixels, halves upwards.
typedef struct ffr_point {
    int32_t x;  ///< to the right
    int32_t y;  ///< down
} ffr_point;

/// What the bytes of a pixel are, in the order of their addresses. Alpha isn't looked at.
enum {
    FFR_PIXELS_PLAIN = 0,  ///< gray for 1 channel, red, green, blue for 3
    FFR_PIXELS_BGR = 1,    ///< blue, green, red: 3 channels
    FFR_PIXELS_RGBA = 2,   ///< red, green, blue, alpha: 4 channels
    FFR_PIXELS_BGRA = 3    ///< blue, green, red, alpha: 4 channels
};

/// Pixels: 8 bits a channel, channels side by side. Either the caller's own, described by filling in all but `owner`, or
/// those of a file.
///
/// Rows may lie the other way around in memory, the lowest first, as in Windows' bitmaps. Then `stride` is negative, and
/// `pixels` points to the row that's seen at the top, which is the last in memory: with a stride of -s it's
/// first_byte + (height - 1) * s.
///
/// Each call copies what isn't FFR_PIXELS_PLAIN with a positive stride, into 1 or 3 bytes a pixel.
typedef struct ffr_image {
    uint32_t struct_size;   ///< sizeof(ffr_image), set by the caller
    int32_t width;          ///< pixels a row, at least 1
    int32_t height;         ///< rows, at least 1; at most 10^9 pixels in all
    int32_t channels;       ///< bytes a pixel: 1 for gray, 3, or 4 with alpha
    int64_t stride;         ///< bytes from one row to the one below; 0 for rows without gaps from top to bottom
    const uint8_t* pixels;  ///< first byte of the upper row
    void* owner;            ///< the library's, for pixels that ffr_image_read made; NULL for the caller's
    int32_t format;         ///< FFR_PIXELS_PLAIN, FFR_PIXELS_BGR, FFR_PIXELS_RGBA or FFR_PIXELS_BGRA
} ffr_image;

/// Reads a JPEG, PNG, BMP, GIF, TGA, PSD or PNM file, turned upright by its Exif orientation, as FFR_PIXELS_PLAIN from top
/// to bottom.
/// \param path   the file
/// \param image  is filled in, whatever it held; to be given back by ffr_image_free
/// \returns FFR_FILE_ERROR when it can't be read; FFR_FORMAT_ERROR when it's no image, is cut off or damaged, or has
/// more than 200 million pixels
FFR_API ffr_status ffr_image_read(const char* path, ffr_image* image, ffr_error* error);

/// Frees what ffr_image_read made and takes it out of the struct. Does nothing to the caller's own pixels.
FFR_API void ffr_image_free(ffr_image* image);

/// Detector, landmarks and network, loaded.
typedef struct ffr_pipeline ffr_pipeline;

/// The network's arithmetic. int8 takes half the time where the CPU has an instruction for it; its embeddings lie about
/// 0.03 from those in float32, and the two aren't to be mixed.
enum {
    FFR_FLOAT32 = 0,  ///< floats of 32 bits
    FFR_INT8 = 1      ///< bytes
};

/// The detector. The CNN finds turned and tilted faces, too, and takes ten times as long.
enum {
    FFR_HOG = 0,  ///< hog_frontal.ffr
    FFR_MMOD = 1  ///< mmod.ffr
};

/// What to load.
typedef struct ffr_pipeline_options {
    uint32_t struct_size;    ///< sizeof(ffr_pipeline_options), set by the caller
    int32_t precision;       ///< FFR_FLOAT32 or FFR_INT8
    int32_t landmark_count;  ///< 68 (or 0) or 5. The model of 68 points isn't for commercial use: see weights/README.md
    int32_t detector;        ///< FFR_HOG or FFR_MMOD
} ffr_pipeline_options;

/// Loads hog_frontal.ffr or mmod.ffr, landmarks68.ffr or landmarks5.ffr, and resnet29.ffr.
/// \param weights_folder  where they are; NULL for the folder that the environment variable FFR_WEIGHTS names or,
/// without it, `weights` beside the program that runs or `../share/ffr/weights` from there
/// \param options   NULL for defaults
/// \param pipeline  the handle, to be given back by ffr_pipeline_close
/// \returns FFR_FILE_ERROR when one isn't there, FFR_FORMAT_ERROR when it isn't what it should be
FFR_API ffr_status ffr_pipeline_open(const char* weights_folder, const ffr_pipeline_options* options,
                                     ffr_pipeline** pipeline, ffr_error* error);

/// Gives a pipeline back.
FFR_API void ffr_pipeline_close(ffr_pipeline* pipeline);

/// Most landmarks that a face has.
#define FFR_MAX_LANDMARKS 68
/// Numbers of an embedding.
#define FFR_EMBEDDING_SIZE 128

/// How to search.
typedef struct ffr_detect_options {
    uint32_t struct_size;  ///< sizeof(ffr_detect_options), set by the caller
    int32_t upsample;      ///< doubles the image that often first, 0 to 4: faces of 80 / 2^upsample pixels are found
    double threshold;      ///< least score; below 0 finds more faces and more that are none
} ffr_detect_options;

/// What's known of a face.
typedef struct ffr_face {
    uint32_t struct_size;  ///< sizeof(ffr_face), set by the caller
    int32_t view;          ///< which filter saw it: 0 front, 1 left, 2 right, 3 tilted left, 4 tilted right; -1: a CNN
    ffr_box box;           ///< in pixels of the image
    double score;          ///< distance to the filter's threshold (SVM margin, no unit)
    uint32_t landmark_count;                 ///< 68 or 5; 0 after ffr_detect
    uint32_t embedding_size;                 ///< 128; 0 after ffr_detect
    ffr_point landmarks[FFR_MAX_LANDMARKS];  ///< in pixels of the image, perhaps outside of it or of the box
    float embedding[FFR_EMBEDDING_SIZE];     ///< near to those of the same person's other faces
} ffr_face;

/// The faces of an image, by falling score.
typedef struct ffr_faces ffr_faces;

/// Finds upright frontal faces: boxes, scores and views.
/// \param options  NULL for defaults
/// \param faces    perhaps none; to be given back by ffr_faces_free
/// \returns FFR_INVALID_ARGUMENT for an image without pixels, or one that upsampling takes above 10^9 of them
FFR_API ffr_status ffr_detect(const ffr_pipeline* pipeline, const ffr_image* image, const ffr_detect_options* options,
                              ffr_faces** faces, ffr_error* error);

/// The same, with each face's landmarks and embedding. Takes less time than one by one.
FFR_API ffr_status ffr_find_faces(const ffr_pipeline* pipeline, const ffr_image* image,
                                  const ffr_detect_options* options, ffr_faces** faces, ffr_error* error);

/// How many they are; 0 for NULL.
FFR_API size_t ffr_faces_count(const ffr_faces* faces);

/// Copies one of them.
/// \param index  0 to ffr_faces_count - 1, else FFR_INVALID_ARGUMENT
FFR_API ffr_status ffr_faces_get(const ffr_faces* faces, size_t index, ffr_face* face, ffr_error* error);

/// Gives faces back.
FFR_API void ffr_faces_free(ffr_faces* faces);

/// Finds the landmarks of the face in a box.
/// \param box       framed as ffr_detect does; may reach outside of the image, but has at least a pixel
/// \param points    are filled in, as many as the pipeline's model has
/// \param capacity  for how many there's room: too few is FFR_INVALID_ARGUMENT, FFR_MAX_LANDMARKS always enough
/// \param count     how many they are; may be NULL
FFR_API ffr_status ffr_landmarks(const ffr_pipeline* pipeline, const ffr_image* image, const ffr_box* box,
                                 ffr_point* points, size_t capacity, size_t* count, ffr_error* error);

/// Measures the face in a box: landmarks, straightened face, embedding.
/// \param box        as for ffr_landmarks
/// \param embedding  FFR_EMBEDDING_SIZE numbers are filled in; not normalised
FFR_API ffr_status ffr_embed(const ffr_pipeline* pipeline, const ffr_image* image, const ffr_box* box, float* embedding,
                             ffr_error* error);

/// Euclidean distance of two embeddings, no unit; NaN when one is NULL. Pictures of one person are mostly less than 0.6
/// apart, of two people more.
FFR_API double ffr_distance(const float* a, const float* b);

/// People by their embeddings, as `ffr train` learned them.
typedef struct ffr_identifier ffr_identifier;

/// When to say "unknown".
typedef struct ffr_identify_options {
    uint32_t struct_size;   ///< sizeof(ffr_identify_options), set by the caller
    double max_distance;    ///< to the candidate's nearest training embedding; 0 for the model's own limit, mostly 0.6
    double min_confidence;  ///< 0 to 1
} ffr_identify_options;

/// Who it is. The names are the identifier's, and valid until it's closed.
typedef struct ffr_identity {
    uint32_t struct_size;   ///< sizeof(ffr_identity), set by the caller
    const char* name;       ///< the person; NULL for an unknown one
    const char* candidate;  ///< the most probable of the people near enough; with nobody near enough, the nearest
    double confidence;      ///< the candidate's probability among the known people, 0 to 1
    double distance;        ///< to the candidate's nearest training embedding
} ffr_identity;

/// Loads a model that `ffr train people -o people.ffr` wrote.
/// \param pipeline    whose embeddings it's to name: a model trained on others is FFR_FORMAT_ERROR. NULL for no check
/// \param identifier  the handle, to be given back by ffr_identifier_close; independent of the pipeline
/// \returns FFR_FILE_ERROR when it can't be read, FFR_FORMAT_ERROR when it's no such model
FFR_API ffr_status ffr_identifier_open(const char* path, const ffr_pipeline* pipeline, ffr_identifier** identifier,
                                       ffr_error* error);

/// Gives an identifier back.
FFR_API void ffr_identifier_close(ffr_identifier* identifier);

/// Names an embedding, or says that it's nobody known.
/// \param embedding  FFR_EMBEDDING_SIZE numbers; one that isn't finite is FFR_INVALID_ARGUMENT
/// \param options    NULL for defaults
FFR_API ffr_status ffr_identify(const ffr_identifier* identifier, const float* embedding,
                                const ffr_identify_options* options, ffr_identity* identity, ffr_error* error);

#ifdef __cplusplus
}
#endif

#endif
