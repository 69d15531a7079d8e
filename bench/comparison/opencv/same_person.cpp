// Are the faces in two photos the same person's? With OpenCV: cascades find the face and its eyes, its dnn module runs the
// network.

#include <iostream>
#include <opencv2/dnn.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>

namespace {

// Where the network expects the middles of the eyes in a chip of 150 x 150.
const cv::Point2f kLeftEye(47.7F, 47.1F), kRightEye(100.3F, 47.1F);

cv::CascadeClassifier load_cascade(const std::string& path) {
    cv::CascadeClassifier cascade;
    if (!cascade.load(path)) throw std::runtime_error("can't read " + path);
    return cascade;
}

struct Models {
    cv::CascadeClassifier faces, eyes;
    cv::dnn::Net network;

    Models(const std::string& cascades, const std::string& model)
        : faces(load_cascade(cascades + "/haarcascade_frontalface_alt2.xml")),
          eyes(load_cascade(cascades + "/haarcascade_eye.xml")),
          network(cv::dnn::readNetFromONNX(model)) {}

    static cv::Rect largest(cv::CascadeClassifier& cascade, const cv::Mat& gray, const char* what) {
        std::vector<cv::Rect> found;
        cascade.detectMultiScale(gray, found);
        if (found.empty()) throw std::runtime_error(std::string("no ") + what);
        return *std::max_element(found.begin(), found.end(), [](auto& a, auto& b) { return a.area() < b.area(); });
    }

    cv::Point2f eye(const cv::Mat& gray, const cv::Rect& where) {
        const cv::Rect box = largest(eyes, gray(where), "eye") + where.tl();
        return (box.tl() + box.br()) / 2;
    }

    cv::Mat align(const cv::Mat& image) {
        cv::Mat gray, chip;
        cv::cvtColor(image, gray, cv::COLOR_BGR2GRAY);
        const cv::Rect face = largest(faces, gray, "face");
        const cv::Size quarter(face.width / 2, face.height * 3 / 5);
        const cv::Point2f left = eye(gray, {face.tl(), quarter});
        const cv::Point2f right = eye(gray, {face.tl() + cv::Point(quarter.width, 0), quarter});
        const cv::Point2f across = right - left;
        const double angle = std::atan2(across.y, across.x) * 180 / CV_PI;
        cv::Mat turn = cv::getRotationMatrix2D(left, angle, (kRightEye.x - kLeftEye.x) / cv::norm(across));
        turn.at<double>(0, 2) += kLeftEye.x - left.x;
        turn.at<double>(1, 2) += kLeftEye.y - left.y;
        cv::warpAffine(image, chip, turn, {150, 150}, cv::INTER_AREA);
        return chip;
    }

    cv::Mat measure(const std::string& photo) {
        const cv::Mat image = cv::imread(photo);
        if (image.empty()) throw std::runtime_error("can't read " + photo);
        network.setInput(cv::dnn::blobFromImage(align(image), 1, {}, {}, /*swapRB=*/true));
        return network.forward().clone();
    }
};

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 5) return std::cerr << "usage: same_person CASCADES MODEL PHOTO PHOTO\n", 2;
    Models models(argv[1], argv[2]);
    const double distance = cv::norm(models.measure(argv[3]), models.measure(argv[4]));
    std::cout << distance << (distance < 0.6 ? " the same person\n" : " different people\n");
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
