# Are the faces in two photos the same person's? With face_recognition.
import sys

import face_recognition


def measure(photo):
    image = face_recognition.load_image_file(photo)
    # By default it doubles the photo's size before it looks for faces; the others look at the photo as it is.
    boxes = face_recognition.face_locations(image, number_of_times_to_upsample=0)
    if not boxes:
        sys.exit(f"no face in {photo}")
    return face_recognition.face_encodings(image, boxes)[0]


if len(sys.argv) != 3:
    sys.exit("usage: same_person.py PHOTO PHOTO")
distance = face_recognition.face_distance([measure(sys.argv[1])], measure(sys.argv[2]))[0]
print(f"{distance:.6g}", "the same person" if distance < 0.6 else "different people")
