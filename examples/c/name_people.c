#include <ffr/ffr.h>
#include <stdio.h>

/* Says who is in a photo; each call works only when those before it did. */
static ffr_status name_people(const ffr_pipeline* pipeline, const ffr_identifier* people, const ffr_image* photo,
                              ffr_error* error) {
    ffr_faces* faces = NULL;
    ffr_status status = ffr_find_faces(pipeline, photo, NULL, &faces, error);
    for (size_t i = 0; status == FFR_OK && i < ffr_faces_count(faces); ++i) {
        ffr_face face = {.struct_size = sizeof face};
        ffr_identity who = {.struct_size = sizeof who};
        status = ffr_faces_get(faces, i, &face, error);
        if (status == FFR_OK) status = ffr_identify(people, face.embedding, NULL, &who, error);
        if (status != FFR_OK) break;
        printf("%s at [%d %d %d %d]\n", who.name != NULL ? who.name : "unknown", (int)face.box.left, (int)face.box.top,
               (int)face.box.right, (int)face.box.bottom);
    }
    ffr_faces_free(faces);
    return status;
}

int main(int argc, char** argv) {
    if (argc != 4) return fputs("usage: name_people WEIGHTS_FOLDER MODEL PHOTO\n", stderr), 2;
    ffr_error error = {.struct_size = sizeof error};
    ffr_image photo = {.struct_size = sizeof photo};
    ffr_pipeline* pipeline = NULL;
    ffr_identifier* people = NULL; /* made by: ffr train people -o people.ffr */
    ffr_status status = ffr_pipeline_open(argv[1], NULL, &pipeline, &error);
    if (status == FFR_OK) status = ffr_identifier_open(argv[2], pipeline, &people, &error);
    if (status == FFR_OK) status = ffr_image_read(argv[3], &photo, &error);
    if (status == FFR_OK) status = name_people(pipeline, people, &photo, &error);
    if (status != FFR_OK) fprintf(stderr, "%s\n", error.message);
    ffr_image_free(&photo);
    ffr_identifier_close(people);
    ffr_pipeline_close(pipeline);
    return status == FFR_OK ? 0 : 1;
}
