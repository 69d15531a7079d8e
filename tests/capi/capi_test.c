/* The C interface as a C program meets it: results, and what becomes of each kind of bad input.
   Run by ctest as: capi_test WEIGHTS_FOLDER PHOTO MODEL, a photo with one face and a model that knows it. */
#include <ffr/ffr.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* assert() isn't compiled in optimised builds. */
#define CHECK(condition) \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), exit(1)))
/* The call fails in the way expected, and its message has the text. */
#define CHECK_FAILS(call, status, text) (clear(), CHECK((call) == (status)), check_message(text, __LINE__))
#define CHECK_OK(call) \
    (clear(), CHECK((call) == FFR_OK || (fprintf(stderr, "%s\n", error.message), 0)), check_message("", __LINE__))
#define NEW(type) \
    { .struct_size = sizeof(type) }

static ffr_error error;

static void clear(void) {
    error.struct_size = sizeof error;
    strcpy(error.message, "not set");
}

static void check_message(const char* text, int line) {
    const int right = *text == '\0' ? *error.message == '\0' : strstr(error.message, text) != NULL;
    if (!right) fprintf(stderr, "line %d: '%s' isn't in the message '%s'\n", line, text, error.message);
    CHECK(right);
}

static ffr_pipeline* pipeline;
static ffr_image photo = NEW(ffr_image);
static ffr_face astronaut = NEW(ffr_face);

static void test_versions(void) {
    CHECK(ffr_version() == FFR_VERSION);
    if (sizeof(void*) != 8) return;
    /* Layouts are a promise: a field that's moved or widened would break programs already built. */
    CHECK(sizeof(ffr_error) == 512 && sizeof(ffr_box) == 16 && sizeof(ffr_point) == 8 && sizeof(ffr_image) == 48);
    CHECK(offsetof(ffr_image, format) == 40);
    CHECK(sizeof(ffr_pipeline_options) == 16 && sizeof(ffr_detect_options) == 16 && sizeof(ffr_identify_options) == 24);
    CHECK(sizeof(ffr_face) == 1096 && sizeof(ffr_identity) == 40);
}

static void test_a_pipeline_that_cannot_be_opened(void) {
    ffr_pipeline* none = pipeline; /* anything but NULL */
    CHECK_FAILS(ffr_pipeline_open("/nowhere", NULL, &none, &error), FFR_FILE_ERROR, "no such weights in /nowhere");
    CHECK(none == NULL);
    CHECK_FAILS(ffr_pipeline_open("/nowhere", NULL, NULL, &error), FFR_INVALID_ARGUMENT, "pipeline is NULL");

    ffr_pipeline_options options = NEW(ffr_pipeline_options);
    options.precision = 2;
    CHECK_FAILS(ffr_pipeline_open("/nowhere", &options, &none, &error), FFR_INVALID_ARGUMENT, "precision 2");
    options.precision = FFR_INT8;
    options.landmark_count = 7;
    CHECK_FAILS(ffr_pipeline_open("/nowhere", &options, &none, &error), FFR_INVALID_ARGUMENT, "5 or 68, not 7");
    options.landmark_count = 5;
    options.detector = 2;
    CHECK_FAILS(ffr_pipeline_open("/nowhere", &options, &none, &error), FFR_INVALID_ARGUMENT, "no detector 2");
}

static void test_sizes_of_structs(void) {
    ffr_pipeline* none = NULL;
    ffr_pipeline_options options = {.struct_size = 0};
    CHECK_FAILS(ffr_pipeline_open(NULL, &options, &none, &error), FFR_INVALID_ARGUMENT, "options->struct_size is 0");
    options.struct_size = sizeof options + 4; /* of a later version */
    CHECK_FAILS(ffr_pipeline_open(NULL, &options, &none, &error), FFR_INVALID_ARGUMENT, "options->struct_size is 20");

    ffr_image image = photo;
    ffr_faces* faces = NULL;
    image.struct_size = UINT32_MAX;
    CHECK_FAILS(ffr_detect(pipeline, &image, NULL, &faces, &error), FFR_INVALID_ARGUMENT, "image->struct_size is 429");
    image.struct_size = 0;
    CHECK_FAILS(ffr_image_read("none.jpg", &image, &error), FFR_INVALID_ARGUMENT, "image->struct_size is 0");

    error.struct_size = 4;
    strcpy(error.message, "as it was");
    CHECK(ffr_pipeline_open("/nowhere", NULL, &none, &error) == FFR_INVALID_ARGUMENT);
    CHECK(strcmp(error.message, "as it was") == 0);
    CHECK(ffr_pipeline_open("/nowhere", NULL, &none, NULL) == FFR_FILE_ERROR);
}

static void test_a_long_message_keeps_its_end_and_whole_characters(void) {
    ffr_image image = NEW(ffr_image);
    for (size_t shift = 0; shift < 3; ++shift) {
        char path[3000] = "";
        memset(path, '.', shift);
        while (strlen(path) + 3 < sizeof path) strcat(path, "\xE2\x82\xAC"); /* the sign of the euro */
        clear();
        CHECK(ffr_image_read(path, &image, &error) == FFR_FILE_ERROR);
        CHECK(strlen(error.message) < sizeof error.message && strlen(error.message) > sizeof error.message - 4);
        CHECK(strncmp(error.message, "...\xE2\x82\xAC", 6) == 0 &&
              strstr(error.message, ": can't open the file") != NULL);
    }
}

static void test_images_that_are_refused(void) {
    ffr_image image = NEW(ffr_image);
    CHECK_FAILS(ffr_image_read("none.jpg", &image, &error), FFR_FILE_ERROR, "none.jpg: can't open");
    CHECK(image.pixels == NULL && image.owner == NULL && image.width == 0);
    CHECK_FAILS(ffr_image_read(__FILE__, &image, &error), FFR_FORMAT_ERROR, "isn't an image");
    CHECK_FAILS(ffr_image_read(NULL, &image, &error), FFR_INVALID_ARGUMENT, "path is NULL");
    CHECK_FAILS(ffr_image_read("none.jpg", NULL, &error), FFR_INVALID_ARGUMENT, "image is NULL");

    const uint8_t pixel[4] = {0, 0, 0, 0};
    const struct {
        int32_t width, height, channels;
        int64_t stride;
        const uint8_t* pixels;
        const char* reason;
    } bad[] = {
        {1, 1, 3, 0, NULL, "no pixels"},
        {0, 1, 3, 0, pixel, "no pixels"},
        {1, -1, 3, 0, pixel, "no pixels"},
        {1, 1, 0, 0, pixel, "1 or 3 channels, not 0"},
        {1, 1, 2, 0, pixel, "1 or 3 channels, not 2"},
        {1, 1, 4, 0, pixel, "4 channels needs a format: FFR_PIXELS_RGBA or FFR_PIXELS_BGRA"},
        {1, 1, 3, 2, pixel, "image->stride is 2"},
        {1, 1, 3, -2, pixel, "image->stride is -2"},
        {1, 2, 3, INT64_MAX, pixel, "image->stride is 922"},
        {1, 2, 3, INT64_MIN, pixel, "image->stride is -922"},
        {INT32_MAX, INT32_MAX, 3, 0, pixel, "at most 2147483647 bytes, not 2147483647 x 3"},
        {1000000000, 1, 3, 0, pixel, "at most 2147483647 bytes, not 1000000000 x 3"},
        {INT32_MAX, INT32_MAX, 1, 0, pixel, "2147483647 x 2147483647 pixels is too large"},
        {1000000001, 1, 1, 0, pixel, "too large"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        ffr_faces* faces = NULL;
        ffr_point points[FFR_MAX_LANDMARKS];
        float embedding[FFR_EMBEDDING_SIZE];
        image.width = bad[i].width, image.height = bad[i].height, image.channels = bad[i].channels;
        image.stride = bad[i].stride, image.pixels = bad[i].pixels;
        const ffr_box* box = &astronaut.box;
        CHECK_FAILS(ffr_detect(pipeline, &image, NULL, &faces, &error), FFR_INVALID_ARGUMENT, bad[i].reason);
        CHECK_FAILS(ffr_find_faces(pipeline, &image, NULL, &faces, &error), FFR_INVALID_ARGUMENT, bad[i].reason);
        CHECK_FAILS(ffr_landmarks(pipeline, &image, box, points, FFR_MAX_LANDMARKS, NULL, &error), FFR_INVALID_ARGUMENT,
                    bad[i].reason);
        CHECK_FAILS(ffr_embed(pipeline, &image, box, embedding, &error), FFR_INVALID_ARGUMENT, bad[i].reason);
        CHECK(faces == NULL);
    }
}

static void test_faces(void) {
    ffr_faces *found = NULL, *measured = NULL;
    CHECK_OK(ffr_detect(pipeline, &photo, NULL, &found, &error));
    CHECK_OK(ffr_find_faces(pipeline, &photo, NULL, &measured, &error));
    CHECK(ffr_faces_count(found) == 1 && ffr_faces_count(measured) == 1);

    ffr_face face = NEW(ffr_face);
    CHECK_OK(ffr_faces_get(found, 0, &face, &error));
    CHECK(face.landmark_count == 0 && face.embedding_size == 0 && face.view == 0 && face.score > 1);
    CHECK(face.box.left == 179 && face.box.top == 83 && face.box.right == 266 && face.box.bottom == 170);
    CHECK_OK(ffr_faces_get(measured, 0, &astronaut, &error));
    CHECK(memcmp(&face.box, &astronaut.box, sizeof face.box) == 0 && face.score == astronaut.score);
    CHECK(astronaut.landmark_count == 68 && astronaut.embedding_size == FFR_EMBEDDING_SIZE);

    CHECK_FAILS(ffr_faces_get(found, 1, &face, &error), FFR_INVALID_ARGUMENT, "no face 1 among 1");
    CHECK_FAILS(ffr_faces_get(found, (size_t)-1, &face, &error), FFR_INVALID_ARGUMENT, "among 1");
    CHECK_FAILS(ffr_faces_get(found, 0, NULL, &error), FFR_INVALID_ARGUMENT, "face is NULL");
    CHECK_FAILS(ffr_faces_get(NULL, 0, &face, &error), FFR_INVALID_ARGUMENT, "faces is NULL");
    ffr_faces_free(found);
    ffr_faces_free(measured);

    CHECK_FAILS(ffr_detect(NULL, &photo, NULL, &found, &error), FFR_INVALID_ARGUMENT, "pipeline is NULL");
    CHECK_FAILS(ffr_detect(pipeline, NULL, NULL, &measured, &error), FFR_INVALID_ARGUMENT, "image is NULL");
    CHECK_FAILS(ffr_find_faces(pipeline, &photo, NULL, NULL, &error), FFR_INVALID_ARGUMENT, "faces is NULL");
    CHECK(found == NULL && measured == NULL);
}

static void test_the_ways_to_search(void) {
    ffr_detect_options options = NEW(ffr_detect_options);
    ffr_faces* faces = NULL;
    options.threshold = astronaut.score + 0.001;
    CHECK_OK(ffr_detect(pipeline, &photo, &options, &faces, &error));
    CHECK(faces != NULL && ffr_faces_count(faces) == 0);
    ffr_faces_free(faces);
    options.threshold = NAN;
    CHECK_FAILS(ffr_detect(pipeline, &photo, &options, &faces, &error), FFR_INVALID_ARGUMENT, "threshold is nan");
    options.threshold = -INFINITY;
    CHECK_FAILS(ffr_detect(pipeline, &photo, &options, &faces, &error), FFR_INVALID_ARGUMENT, "threshold is -inf");
    options.threshold = 0;
    options.upsample = 5;
    CHECK_FAILS(ffr_detect(pipeline, &photo, &options, &faces, &error), FFR_INVALID_ARGUMENT, "upsample must be 0..4");

    /* Of half the size, the face is found only in a doubled image. */
    uint8_t half[256 * 256];
    for (int i = 0; i < 256 * 256; ++i) half[i] = photo.pixels[i / 256 * 2 * photo.stride + i % 256 * 2 * 3];
    ffr_image small = NEW(ffr_image);
    small.width = small.height = 256, small.channels = 1, small.pixels = half;
    for (options.upsample = 0; options.upsample < 2; ++options.upsample) {
        CHECK_OK(ffr_detect(pipeline, &small, &options, &faces, &error));
        CHECK(ffr_faces_count(faces) == (size_t)options.upsample);
        ffr_faces_free(faces);
    }
    small.width = small.height = 1;
    CHECK_OK(ffr_find_faces(pipeline, &small, NULL, &faces, &error));
    CHECK(ffr_faces_count(faces) == 0);
    ffr_faces_free(faces);
}

static void test_the_steps_alone_give_the_same(void) {
    ffr_point points[FFR_MAX_LANDMARKS];
    float embedding[FFR_EMBEDDING_SIZE];
    size_t count = 0;
    CHECK_OK(ffr_landmarks(pipeline, &photo, &astronaut.box, points, FFR_MAX_LANDMARKS, &count, &error));
    CHECK(count == 68 && memcmp(points, astronaut.landmarks, sizeof points) == 0);
    CHECK_OK(ffr_embed(pipeline, &photo, &astronaut.box, embedding, &error));
    CHECK(memcmp(embedding, astronaut.embedding, sizeof embedding) == 0);

    /* Rows with gaps. */
    ffr_image gaps = NEW(ffr_image);
    uint8_t* const wide = calloc((size_t)photo.height, (size_t)photo.stride + 5);
    CHECK(wide != NULL);
    for (int y = 0; y < photo.height; ++y) {
        memcpy(wide + y * (photo.stride + 5), photo.pixels + y * photo.stride, (size_t)photo.stride);
    }
    gaps.width = photo.width, gaps.height = photo.height, gaps.channels = 3;
    gaps.stride = photo.stride + 5, gaps.pixels = wide;
    CHECK_OK(ffr_embed(pipeline, &gaps, &astronaut.box, embedding, &error));
    CHECK(memcmp(embedding, astronaut.embedding, sizeof embedding) == 0);
    ffr_image_free(&gaps); /* isn't the library's, and stays */
    CHECK(gaps.pixels == wide && gaps.width == photo.width);
    free(wide);
}

/* Whatever can be told of the astronaut, from pixels that lie otherwise than the photo's. */
static void check_same_answers(const ffr_image* image) {
    ffr_faces *found = NULL, *measured = NULL;
    ffr_face face = NEW(ffr_face);
    ffr_point points[FFR_MAX_LANDMARKS];
    float embedding[FFR_EMBEDDING_SIZE];
    CHECK_OK(ffr_find_faces(pipeline, image, NULL, &measured, &error));
    CHECK(ffr_faces_count(measured) == 1);
    CHECK_OK(ffr_faces_get(measured, 0, &face, &error));
    CHECK(memcmp(&face, &astronaut, sizeof face) == 0);
    CHECK_OK(ffr_detect(pipeline, image, NULL, &found, &error));
    CHECK(ffr_faces_count(found) == 1);
    CHECK_OK(ffr_faces_get(found, 0, &face, &error));
    CHECK(memcmp(&face.box, &astronaut.box, sizeof face.box) == 0);
    CHECK_OK(ffr_landmarks(pipeline, image, &astronaut.box, points, FFR_MAX_LANDMARKS, NULL, &error));
    CHECK(memcmp(points, astronaut.landmarks, sizeof points) == 0);
    CHECK_OK(ffr_embed(pipeline, image, &astronaut.box, embedding, &error));
    CHECK(memcmp(embedding, astronaut.embedding, sizeof embedding) == 0);
    ffr_faces_free(found);
    ffr_faces_free(measured);
}

/* Lays the photo out anew, with `gap` bytes between rows and, where it's `upwards`, the lowest row first.
   Returns the memory. The order tells where the photo's red, green and blue go in a pixel. */
static uint8_t* laid_out(ffr_image* image, int32_t format, int32_t channels, const int* order, int gap, int upwards) {
    const int64_t row = (int64_t)photo.width * channels + gap;
    uint8_t* const memory = malloc((size_t)(row * photo.height));
    CHECK(memory != NULL);
    for (int64_t i = 0; i < row * photo.height; ++i) memory[i] = (uint8_t)(i * 89); /* alpha and gaps hold anything */
    uint8_t* const top = upwards ? memory + row * (photo.height - 1) : memory;
    image->width = photo.width, image->height = photo.height, image->channels = channels, image->format = format;
    image->stride = upwards ? -row : gap == 0 ? 0 : row;
    image->pixels = top;
    for (int y = 0; y < photo.height; ++y) {
        for (int x = 0; x < photo.width; ++x) {
            for (int c = 0; c < 3; ++c) {
                top[(upwards ? -row : row) * y + x * channels + order[c]] = photo.pixels[y * photo.stride + x * 3 + c];
            }
        }
    }
    return memory;
}

static void test_pixels_that_lie_otherwise(void) {
    const struct {
        int32_t format, channels;
        int order[3];
    } formats[] = {{FFR_PIXELS_PLAIN, 3, {0, 1, 2}},
                   {FFR_PIXELS_BGR, 3, {2, 1, 0}},
                   {FFR_PIXELS_RGBA, 4, {0, 1, 2}},
                   {FFR_PIXELS_BGRA, 4, {2, 1, 0}}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; ++i) {
        for (int way = 0; way < 4; ++way) {
            ffr_image image = NEW(ffr_image);
            const int gap = way % 2 == 0 ? 0 : 5, upwards = way / 2;
            uint8_t* const memory =
                laid_out(&image, formats[i].format, formats[i].channels, formats[i].order, gap, upwards);
            check_same_answers(&image);
            free(memory);
        }
    }

    /* Another order of colours is another image. */
    ffr_image swapped = photo;
    swapped.format = FFR_PIXELS_BGR;
    float embedding[FFR_EMBEDDING_SIZE];
    CHECK_OK(ffr_embed(pipeline, &swapped, &astronaut.box, embedding, &error));
    CHECK(ffr_distance(embedding, astronaut.embedding) > 0.01);

    /* Gray upwards is gray downwards. */
    ffr_image gray = NEW(ffr_image);
    uint8_t both[2][16] = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                           {13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4}};
    const ffr_box all = {0, 0, 3, 3};
    float downwards[FFR_EMBEDDING_SIZE];
    gray.width = gray.height = 4, gray.channels = 1, gray.pixels = both[0];
    CHECK_OK(ffr_embed(pipeline, &gray, &all, downwards, &error));
    gray.stride = -4, gray.pixels = both[1] + 12;
    CHECK_OK(ffr_embed(pipeline, &gray, &all, embedding, &error));
    CHECK(memcmp(embedding, downwards, sizeof embedding) == 0);
}

static void test_one_pixel_of_each_format(void) {
    const uint8_t rgb[3] = {10, 20, 30}, bgr[3] = {30, 20, 10}, rgba[4] = {10, 20, 30, 99}, bgra[4] = {30, 20, 10, 99};
    const uint8_t* const pixels[] = {rgb, bgr, rgba, bgra};
    const ffr_box box = {0, 0, 0, 0};
    ffr_point points[4][FFR_MAX_LANDMARKS];
    for (int32_t format = 0; format < 4; ++format) {
        for (int upwards = 0; upwards < 2; ++upwards) {
            ffr_image image = NEW(ffr_image);
            ffr_faces* faces = NULL;
            image.width = image.height = 1, image.channels = format < 2 ? 3 : 4, image.format = format;
            image.pixels = pixels[format], image.stride = upwards ? -image.channels : 0;
            CHECK_OK(ffr_find_faces(pipeline, &image, NULL, &faces, &error));
            CHECK(ffr_faces_count(faces) == 0);
            ffr_faces_free(faces);
            CHECK_OK(ffr_landmarks(pipeline, &image, &box, points[format], FFR_MAX_LANDMARKS, NULL, &error));
            CHECK(memcmp(points[format], points[0], sizeof points[0]) == 0);
        }
    }
}

static void test_formats_that_are_refused(void) {
    const uint8_t pixel[8] = {0};
    const struct {
        int32_t format, channels;
        int64_t stride;
        const char* reason;
    } bad[] = {{4, 3, 0, "no image->format 4"},
               {-1, 3, 0, "no image->format -1"},
               {FFR_PIXELS_BGR, 4, 0, "FFR_PIXELS_BGR has 3 channels, not 4"},
               {FFR_PIXELS_BGR, 1, 0, "FFR_PIXELS_BGR has 3 channels, not 1"},
               {FFR_PIXELS_RGBA, 3, 0, "FFR_PIXELS_RGBA has 4 channels, not 3"},
               {FFR_PIXELS_BGRA, 0, 0, "FFR_PIXELS_BGRA has 4 channels, not 0"},
               {FFR_PIXELS_BGRA, 4, 3, "image->stride is 3"},
               {FFR_PIXELS_BGRA, 4, -3, "image->stride is -3"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        ffr_image image = NEW(ffr_image);
        ffr_faces* faces = NULL;
        image.width = image.height = 1, image.channels = bad[i].channels, image.pixels = pixel;
        image.format = bad[i].format, image.stride = bad[i].stride;
        CHECK_FAILS(ffr_detect(pipeline, &image, NULL, &faces, &error), FFR_INVALID_ARGUMENT, bad[i].reason);
    }
}

/* A program that was built before there were formats has a shorter struct, with something else behind it. */
static void test_images_of_an_earlier_version(const char* path) {
    ffr_image older = NEW(ffr_image);
    older.struct_size = offsetof(ffr_image, format);
    older.format = 77;
    CHECK_OK(ffr_image_read(path, &older, &error));
    CHECK(older.format == 77 && older.width == photo.width && older.owner != NULL);
    check_same_answers(&older);
    ffr_image_free(&older);
    CHECK(older.pixels == NULL && older.format == 77);

    /* Whatever a struct held, it's filled in. */
    ffr_image filled = NEW(ffr_image);
    filled.format = FFR_PIXELS_BGRA;
    CHECK_OK(ffr_image_read(path, &filled, &error));
    CHECK(filled.format == FFR_PIXELS_PLAIN && filled.channels == 3);
    ffr_image_free(&filled);
}

static void test_boxes_at_the_edge_of_sense(void) {
    ffr_point points[FFR_MAX_LANDMARKS];
    float embedding[FFR_EMBEDDING_SIZE];
    const ffr_box empty = {10, 10, 9, 20}, outside = {-500, -500, -400, -400}, pixel = {5, 5, 5, 5};
    const ffr_box whole = {INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX};
    CHECK_FAILS(ffr_landmarks(pipeline, &photo, &empty, points, FFR_MAX_LANDMARKS, NULL, &error), FFR_INVALID_ARGUMENT,
                "the box has no pixels");
    CHECK_FAILS(ffr_embed(pipeline, &photo, &empty, embedding, &error), FFR_INVALID_ARGUMENT, "the box has no pixels");
    CHECK_FAILS(ffr_embed(pipeline, &photo, NULL, embedding, &error), FFR_INVALID_ARGUMENT, "box is NULL");
    CHECK_FAILS(ffr_embed(pipeline, &photo, &pixel, NULL, &error), FFR_INVALID_ARGUMENT, "embedding is NULL");
    CHECK_FAILS(ffr_landmarks(pipeline, &photo, &pixel, NULL, 68, NULL, &error), FFR_INVALID_ARGUMENT,
                "points is NULL");
    CHECK_FAILS(ffr_landmarks(pipeline, &photo, &pixel, points, 67, NULL, &error), FFR_INVALID_ARGUMENT, "67 of 68");
    CHECK_OK(ffr_landmarks(pipeline, &photo, &outside, points, FFR_MAX_LANDMARKS, NULL, &error));
    CHECK_OK(ffr_landmarks(pipeline, &photo, &whole, points, FFR_MAX_LANDMARKS, NULL, &error));
    CHECK_OK(ffr_embed(pipeline, &photo, &outside, embedding, &error));
    /* No answer is right here, but it's one of the statuses. */
    for (int i = 0; i < 2; ++i) {
        const ffr_status status = ffr_embed(pipeline, &photo, i == 0 ? &pixel : &whole, embedding, &error);
        CHECK(status == FFR_OK || status == FFR_INVALID_ARGUMENT);
    }
}

static ffr_face first_face(const ffr_pipeline* by) {
    ffr_faces* faces = NULL;
    ffr_face face = NEW(ffr_face);
    CHECK_OK(ffr_detect(by, &photo, NULL, &faces, &error));
    CHECK_OK(ffr_faces_get(faces, 0, &face, &error));
    ffr_faces_free(faces);
    return face;
}

static void test_other_pipelines_and_their_models(const char* weights, const char* model) {
    ffr_pipeline_options options = NEW(ffr_pipeline_options);
    ffr_pipeline* other = NULL;
    ffr_identifier* people = NULL;
    options.landmark_count = 5;
    CHECK_OK(ffr_pipeline_open(weights, &options, &other, &error));
    ffr_point points[5];
    size_t count = 0;
    CHECK_OK(ffr_landmarks(other, &photo, &astronaut.box, points, 5, &count, &error));
    CHECK(count == 5);
    /* A program that was built before there was a choice of detectors has a shorter struct. */
    ffr_pipeline* older = NULL;
    ffr_pipeline_options shorter = options;
    shorter.struct_size = 12;
    shorter.detector = FFR_MMOD;
    CHECK_OK(ffr_pipeline_open(weights, &shorter, &older, &error));
    CHECK(first_face(older).view == 0);
    ffr_pipeline_close(older);
    CHECK_FAILS(ffr_identifier_open(model, other, &people, &error), FFR_FORMAT_ERROR, "was trained with alignment");
    ffr_pipeline_close(other);

    options.landmark_count = 68;
    options.precision = FFR_INT8;
    CHECK_OK(ffr_pipeline_open(weights, &options, &other, &error));
    CHECK_FAILS(ffr_identifier_open(model, other, &people, &error), FFR_FORMAT_ERROR, "was trained with precision");
    float embedding[FFR_EMBEDDING_SIZE];
    CHECK_OK(ffr_embed(other, &photo, &astronaut.box, embedding, &error));
    const double distance = ffr_distance(embedding, astronaut.embedding);
    CHECK(distance > 0 && distance < 0.2);
    ffr_pipeline_close(other);

    ffr_pipeline_options cnn = NEW(ffr_pipeline_options);
    cnn.detector = FFR_MMOD;
    CHECK_OK(ffr_pipeline_open(weights, &cnn, &other, &error));
    const ffr_face face = first_face(other);
    CHECK(face.view == -1 && face.score > 1 && face.box.left == 168 && face.box.right == 263);
    ffr_pipeline_close(other);

    CHECK_FAILS(ffr_identifier_open("none.ffr", NULL, &people, &error), FFR_FILE_ERROR, "none.ffr");
    CHECK_FAILS(ffr_identifier_open(__FILE__, NULL, &people, &error), FFR_FORMAT_ERROR, "capi_test.c");
    CHECK_FAILS(ffr_identifier_open(NULL, NULL, &people, &error), FFR_INVALID_ARGUMENT, "path is NULL");
    CHECK_FAILS(ffr_identifier_open(model, NULL, NULL, &error), FFR_INVALID_ARGUMENT, "identifier is NULL");
    CHECK(people == NULL);
}

static void test_names(const char* model) {
    ffr_identifier* people = NULL;
    ffr_identity who = NEW(ffr_identity);
    ffr_identify_options options = NEW(ffr_identify_options);
    CHECK_OK(ffr_identifier_open(model, pipeline, &people, &error));
    CHECK_OK(ffr_identify(people, astronaut.embedding, NULL, &who, &error));
    CHECK(strcmp(who.name, "eileen_collins") == 0 && who.candidate == who.name);
    CHECK(who.confidence > 0.3 && who.confidence <= 1 && who.distance >= 0 && who.distance < 0.001);
    CHECK_OK(ffr_identify(people, astronaut.embedding, &options, &who, &error));
    CHECK(who.name != NULL);
    options.min_confidence = 1;
    CHECK_OK(ffr_identify(people, astronaut.embedding, &options, &who, &error));
    CHECK(who.name == NULL && strcmp(who.candidate, "eileen_collins") == 0);

    float stranger[FFR_EMBEDDING_SIZE] = {0};
    CHECK_OK(ffr_identify(people, stranger, NULL, &who, &error));
    CHECK(who.name == NULL && who.candidate != NULL && who.distance > 0.6);
    options.min_confidence = 0;
    options.max_distance = 10;
    CHECK_OK(ffr_identify(people, stranger, &options, &who, &error));
    CHECK(who.name != NULL);

    options.max_distance = -1;
    CHECK_FAILS(ffr_identify(people, stranger, &options, &who, &error), FFR_INVALID_ARGUMENT, "max_distance is -1");
    options.max_distance = NAN;
    CHECK_FAILS(ffr_identify(people, stranger, &options, &who, &error), FFR_INVALID_ARGUMENT, "max_distance is nan");
    options.max_distance = 0;
    options.min_confidence = 1.5;
    CHECK_FAILS(ffr_identify(people, stranger, &options, &who, &error), FFR_INVALID_ARGUMENT, "min_confidence is 1.5");
    stranger[127] = INFINITY;
    CHECK_FAILS(ffr_identify(people, stranger, NULL, &who, &error), FFR_INVALID_ARGUMENT, "isn't finite");
    CHECK_FAILS(ffr_identify(people, NULL, NULL, &who, &error), FFR_INVALID_ARGUMENT, "embedding is NULL");
    CHECK_FAILS(ffr_identify(NULL, stranger, NULL, &who, &error), FFR_INVALID_ARGUMENT, "identifier is NULL");
    CHECK_FAILS(ffr_identify(people, stranger, NULL, NULL, &error), FFR_INVALID_ARGUMENT, "identity is NULL");
    ffr_identifier_close(people);
}

static void test_distance_and_giving_back_nothing(void) {
    float a[FFR_EMBEDDING_SIZE] = {0}, b[FFR_EMBEDDING_SIZE] = {0};
    a[0] = 3, b[127] = 4;
    CHECK(ffr_distance(a, b) > 4.999999 && ffr_distance(a, b) < 5.000001 && !(ffr_distance(a, a) > 0));
    CHECK(isnan(ffr_distance(NULL, b)) && isnan(ffr_distance(a, NULL)));
    CHECK(ffr_faces_count(NULL) == 0);
    ffr_faces_free(NULL);
    ffr_image_free(NULL);
    ffr_identifier_close(NULL);
    ffr_pipeline_close(NULL);
}

int main(int argc, char** argv) {
    CHECK(argc == 4);
    CHECK_OK(ffr_pipeline_open(argv[1], NULL, &pipeline, &error));
    CHECK_OK(ffr_image_read(argv[2], &photo, &error));
    CHECK(photo.width == 512 && photo.height == 512 && photo.channels == 3 && photo.stride == 3 * 512);
    test_versions();
    test_a_pipeline_that_cannot_be_opened();
    test_sizes_of_structs();
    test_a_long_message_keeps_its_end_and_whole_characters();
    test_faces();
    test_images_that_are_refused();
    test_the_ways_to_search();
    test_the_steps_alone_give_the_same();
    test_pixels_that_lie_otherwise();
    test_one_pixel_of_each_format();
    test_formats_that_are_refused();
    test_images_of_an_earlier_version(argv[2]);
    test_boxes_at_the_edge_of_sense();
    test_other_pipelines_and_their_models(argv[1], argv[3]);
    test_names(argv[3]);
    test_distance_and_giving_back_nothing();
    ffr_image_free(&photo);
    CHECK(photo.pixels == NULL && photo.owner == NULL);
    ffr_image_free(&photo); /* once more does nothing */
    ffr_pipeline_close(pipeline);
    return 0;
}
