/* The program around the library, whatever it has set: rounding, subnormals, traps, a locale, a small stack. The answers
   are the same to the last bit, and the program's settings are its own afterwards.
   Run by ctest as: host_test WEIGHTS_FOLDER PHOTO MODEL and one of settings, locale, stack */
#define _GNU_SOURCE /* feenableexcept */
#include <fenv.h>
#include <ffr/ffr.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define CHECK(condition) \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, now), exit(1)))

static const char* now = "at the start"; /* what's being tried, for messages */
static const char *weights, *photo, *model;

/* Fowler, Noll and Vo's hash: tells answers apart, bit by bit. */
static uint64_t hashed(uint64_t hash, const void* bytes, size_t count) {
    for (size_t i = 0; i < count; ++i) hash = (hash ^ ((const unsigned char*)bytes)[i]) * 1099511628211u;
    return hash;
}

static void check(ffr_status status, const ffr_error* error) {
    if (status == FFR_OK) return;
    fprintf(stderr, "%s: %s\n", now, error->message);
    exit(1);
}

/* --- The settings --- */

static void as_they_are(void) {}
static void round_up(void) {
    CHECK(fesetround(FE_UPWARD) == 0);
}
static void round_down(void) {
    CHECK(fesetround(FE_DOWNWARD) == 0);
}
static void round_to_zero(void) {
    CHECK(fesetround(FE_TOWARDZERO) == 0);
}
#if defined(__x86_64__)
static void take_none(void) {
    _mm_setcsr(_mm_getcsr() | 0x0040);
}
static void leave_none(void) {
    _mm_setcsr(_mm_getcsr() | 0x8000);
}
static void have_none(void) {
    _mm_setcsr(_mm_getcsr() | 0x8040);
}
#elif defined(__aarch64__)
static void have_none(void) {
    uint64_t settings;
    __asm__ volatile("mrs %0, fpcr" : "=r"(settings));
    settings |= 1u << 24;
    __asm__ volatile("msr fpcr, %0" : : "r"(settings));
}
#endif
#if defined(__GLIBC__) && defined(__x86_64__)
static void trap(void) {
    CHECK(feenableexcept(FE_ALL_EXCEPT) != -1);
}
static void trap_and_round_up(void) {
    round_up();
    trap();
}
#endif

static const struct mode {
    const char* name;
    void (*set)(void);
} modes[] = {
    {"the default settings", as_they_are},
    {"rounding upwards", round_up},
    {"rounding downwards", round_down},
    {"rounding towards zero", round_to_zero},
#if defined(__x86_64__)
    {"subnormals taken for 0", take_none},
    {"subnormals flushed to 0", leave_none},
#endif
#if defined(__x86_64__) || defined(__aarch64__)
    {"no subnormals", have_none},
#endif
#if defined(__GLIBC__) && defined(__x86_64__)
    {"traps for everything, underflow and inexact, too", trap},
    {"traps and rounding upwards", trap_and_round_up},
#endif
};

/* The control word; a flag that was raised before belongs to it, and one that the library raised would show. */
static uint64_t control_word(void) {
#if defined(__x86_64__)
    return _mm_getcsr();
#elif defined(__aarch64__)
    uint64_t settings, flags;
    __asm__ volatile("mrs %0, fpcr" : "=r"(settings));
    __asm__ volatile("mrs %0, fpsr" : "=r"(flags));
    return settings << 32 | flags;
#else
    return (uint64_t)fegetround() << 32 | (uint64_t)fetestexcept(FE_ALL_EXCEPT);
#endif
}

/* --- The whole way --- */

enum { LOADING = 1, COMPUTING = 2 };

static void enter(const struct mode* mode, int when, int part, fenv_t* own) {
    CHECK(fegetenv(own) == 0);
    if (when & part) mode->set();
}

/* Back to the program's default settings, which the library must have left as `enter` made them. */
static void leave(uint64_t entered, const fenv_t* own) {
    CHECK(control_word() == entered);
    CHECK(fesetenv(own) == 0);
}

static uint64_t answers(const ffr_pipeline_options* options, const struct mode* mode, int when) {
    ffr_error error = {.struct_size = sizeof error};
    ffr_pipeline* pipeline = NULL;
    ffr_identifier* people = NULL;
    ffr_faces* faces = NULL;
    ffr_image image = {.struct_size = sizeof image};
    fenv_t own;

    enter(mode, when, LOADING, &own);
    uint64_t entered = control_word();
    check(ffr_pipeline_open(weights, options, &pipeline, &error), &error);
    check(ffr_identifier_open(model, NULL, &people, &error), &error);
    leave(entered, &own);

    enter(mode, when, COMPUTING, &own);
    entered = control_word();
    check(ffr_image_read(photo, &image, &error), &error);
    check(ffr_find_faces(pipeline, &image, NULL, &faces, &error), &error);
    uint64_t hash = hashed(14695981039346656037u, image.pixels, (size_t)image.height * (size_t)image.stride);
    CHECK(ffr_faces_count(faces) >= 1);
    for (size_t i = 0; i < ffr_faces_count(faces); ++i) {
        ffr_face face = {.struct_size = sizeof face};
        ffr_identity who = {.struct_size = sizeof who};
        float again[FFR_EMBEDDING_SIZE];
        ffr_point points[FFR_MAX_LANDMARKS];
        size_t count = 0;
        check(ffr_faces_get(faces, i, &face, &error), &error);
        check(ffr_identify(people, face.embedding, NULL, &who, &error), &error);
        check(ffr_embed(pipeline, &image, &face.box, again, &error), &error);
        check(ffr_landmarks(pipeline, &image, &face.box, points, FFR_MAX_LANDMARKS, &count, &error), &error);
        CHECK(memcmp(again, face.embedding, sizeof again) == 0);
        CHECK(memcmp(points, face.landmarks, count * sizeof *points) == 0);
        again[0] = 0; /* at some distance that has to be rounded */
        const double distance = ffr_distance(again, face.embedding);
        hash = hashed(hash, &face, sizeof face);
        hash = hashed(hash, who.candidate, strlen(who.candidate));
        hash = hashed(hash, who.name != NULL ? who.name : "", who.name != NULL ? strlen(who.name) : 0);
        hash = hashed(hash, &who.confidence, sizeof who.confidence);
        hash = hashed(hash, &who.distance, sizeof who.distance);
        hash = hashed(hash, &distance, sizeof distance);
    }
    leave(entered, &own);

    ffr_faces_free(faces);
    ffr_image_free(&image);
    ffr_identifier_close(people);
    ffr_pipeline_close(pipeline);
    return hash;
}

static const ffr_pipeline_options kinds[] = {
    {.struct_size = sizeof *kinds, .precision = FFR_FLOAT32, .landmark_count = 68, .detector = FFR_HOG},
    {.struct_size = sizeof *kinds, .precision = FFR_INT8, .landmark_count = 5, .detector = FFR_HOG},
    {.struct_size = sizeof *kinds, .precision = FFR_FLOAT32, .landmark_count = 5, .detector = FFR_MMOD},
};
enum { KINDS = sizeof kinds / sizeof *kinds, MODES = sizeof modes / sizeof *modes };

static uint64_t expected[KINDS];

static void test_settings(void) {
    feclearexcept(FE_ALL_EXCEPT);
    for (size_t i = 0; i < MODES; ++i) {
        now = modes[i].name;
        for (size_t kind = 0; kind < KINDS; ++kind) {
            CHECK(answers(&kinds[kind], &modes[i], LOADING | COMPUTING) == expected[kind]);
        }
        CHECK(answers(&kinds[0], &modes[i], LOADING) == expected[0]);
        CHECK(answers(&kinds[1], &modes[i], LOADING) == expected[1]);
    }
    now = "a flag that was raised before";
    CHECK(feraiseexcept(FE_DIVBYZERO) == 0);
    CHECK(answers(&kinds[0], &modes[0], 0) == expected[0]);
    CHECK(fetestexcept(FE_ALL_EXCEPT) == FE_DIVBYZERO);
    feclearexcept(FE_ALL_EXCEPT);
}

/* A call that fails comes back another way. */
static void test_settings_after_a_failure(void) {
    ffr_error error = {.struct_size = sizeof error};
    ffr_pipeline* none = NULL;
    fenv_t own;
    for (size_t i = 0; i < MODES; ++i) {
        now = modes[i].name;
        enter(&modes[i], COMPUTING, COMPUTING, &own);
        const uint64_t entered = control_word();
        CHECK(ffr_pipeline_open("/nowhere", NULL, &none, &error) == FFR_FILE_ERROR);
        leave(entered, &own);
    }
}

static void test_locales(void) {
    static const char* const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "ru_RU.UTF-8", "de-DE"};
    now = "a locale with decimal commas";
    const char* set = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && set == NULL; ++i) set = setlocale(LC_ALL, names[i]);
    if (set == NULL || strcmp(localeconv()->decimal_point, ",") != 0) {
        printf("SKIPPED: no locale with decimal commas is installed\n");
    } else {
        CHECK(answers(&kinds[0], &modes[0], 0) == expected[0]);
        printf("with the locale %s\n", set);
    }
    setlocale(LC_ALL, "C");
}

/* --- A small stack --- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#if defined(__linux__) && defined(__OPTIMIZE__) && !defined(SANITIZED)
static void* whole_way(void* kind) {
    return (void*)(uintptr_t)(answers(&kinds[*(const size_t*)kind], &modes[0], 0) == expected[*(const size_t*)kind]);
}

/* Bytes of its stack that a thread has written to, its own block of the C library (some 5 KB) among them. */
static size_t stack_used(size_t kind) {
    enum { ROOM = 1 << 20, UNTOUCHED = 0xA5 };
    unsigned char* const stack = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    memset(stack, UNTOUCHED, ROOM);
    pthread_attr_t attributes;
    pthread_t thread;
    void* same = NULL;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, ROOM) == 0);
    CHECK(pthread_create(&thread, &attributes, whole_way, &kind) == 0 && pthread_join(thread, &same) == 0);
    CHECK(same != NULL);
    pthread_attr_destroy(&attributes);
    size_t untouched = 0;
    while (stack[untouched] == UNTOUCHED) ++untouched;
    CHECK(untouched > 0); /* else it may have been more */
    munmap(stack, ROOM);
    return ROOM - untouched;
}

static void test_a_small_stack(void) {
    now = "a thread's stack";
    for (size_t kind = 0; kind < KINDS; ++kind) {
        const size_t used = stack_used(kind);
        printf("pipeline %zu: %zu bytes of stack\n", kind, used);
        CHECK(used <= FFR_STACK_SIZE);
    }
}
#else
static void test_a_small_stack(void) {
    printf("SKIPPED: the stack is measured on Linux, in optimised builds\n");
}
#endif

int main(int argc, char** argv) {
    CHECK(argc == 5);
    weights = argv[1], photo = argv[2], model = argv[3];
    for (size_t kind = 0; kind < KINDS; ++kind) expected[kind] = answers(&kinds[kind], &modes[0], 0);
    CHECK(expected[0] != expected[1] && expected[1] != expected[2]);
    if (strcmp(argv[4], "settings") == 0) {
        test_settings();
        test_settings_after_a_failure();
    } else if (strcmp(argv[4], "locale") == 0) {
        test_locales();
    } else {
        CHECK(strcmp(argv[4], "stack") == 0);
        test_a_small_stack();
    }
    return 0;
}
