"""Names the people in a photo through libffr, with Python's standard library only.

Usage: python3 name_people.py LIBRARY WEIGHTS_FOLDER MODEL PHOTO
"""

import ctypes
import sys
from ctypes import byref, c_char, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint32, c_void_p


class Versioned(ctypes.Structure):
    """A struct of ffr.h, whose first field is its size."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


class Error(Versioned):
    _fields_ = [("struct_size", c_uint32), ("message", c_char * 508)]


class Image(Versioned):
    _fields_ = [("struct_size", c_uint32), ("width", c_int32), ("height", c_int32), ("channels", c_int32),
                ("stride", c_int64), ("pixels", c_void_p), ("owner", c_void_p), ("format", c_int32)]


class Face(Versioned):
    _fields_ = [("struct_size", c_uint32), ("view", c_int32), ("box", c_int32 * 4), ("score", c_double),
                ("landmark_count", c_uint32), ("embedding_size", c_uint32), ("landmarks", c_int32 * 2 * 68),
                ("embedding", c_float * 128)]


class Identity(Versioned):
    _fields_ = [("struct_size", c_uint32), ("name", c_char_p), ("candidate", c_char_p), ("confidence", c_double),
                ("distance", c_double)]


class Library:
    """libffr, whose calls raise an exception where they return a status that isn't FFR_OK."""

    def __init__(self, path):
        self.functions = ctypes.CDLL(path)
        self.functions.ffr_faces_count.restype = c_size_t
        for name in ("ffr_pipeline_close", "ffr_identifier_close", "ffr_faces_free", "ffr_image_free"):
            getattr(self.functions, name).restype = None

    def call(self, name, *arguments):
        error = Error()
        if getattr(self.functions, name)(*arguments, byref(error)) != 0:
            raise RuntimeError(error.message.decode())


def main(library_path, *texts):
    weights, model, photo = (text.encode() for text in texts)
    ffr = Library(library_path)
    pipeline, people, faces, image = c_void_p(), c_void_p(), c_void_p(), Image()
    try:
        ffr.call("ffr_pipeline_open", weights, None, byref(pipeline))
        ffr.call("ffr_identifier_open", model, pipeline, byref(people))
        ffr.call("ffr_image_read", photo, byref(image))
        ffr.call("ffr_find_faces", pipeline, byref(image), None, byref(faces))
        for i in range(ffr.functions.ffr_faces_count(faces)):
            face, who = Face(), Identity()
            ffr.call("ffr_faces_get", faces, c_size_t(i), byref(face))
            ffr.call("ffr_identify", people, face.embedding, None, byref(who))
            print((who.name or b"unknown").decode(), "at", list(face.box))
    finally:
        ffr.functions.ffr_faces_free(faces)
        ffr.functions.ffr_image_free(byref(image))
        ffr.functions.ffr_identifier_close(people)
        ffr.functions.ffr_pipeline_close(pipeline)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (OSError, RuntimeError) as error:
        sys.exit(str(error))
