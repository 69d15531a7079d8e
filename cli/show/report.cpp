#include "show/report.hpp"

#include <cstdio>
#include <cstdlib>

std::string to_decimal(float value) {
    // Nine digits always do; mostly fewer will.
    for (int digits = 6;; ++digits) {
        char text[32];
        std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
        if (digits == 9 || std::strtof(text, nullptr) == value) return text;
    }
}

double shortest(float value) {
    return std::stod(to_decimal(value));
}

std::string fixed(double value, int digits) {
    std::string text(static_cast<std::size_t>(std::snprintf(nullptr, 0, "%.*f", digits, value)) + 1, '\0');
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    text.pop_back();
    return text;
}

std::string count_of(std::size_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

const char* view_name(int view) {
    constexpr const char* kNames[] = {"front", "left", "right", "front, tilted left", "front, tilted right"};
    return view >= 0 && view < 5 ? kNames[view] : "unknown";
}

Json image_record(const std::filesystem::path& path, int width, int height) {
    return {{"image", path.u8string()}, {"width", width}, {"height", height}, {"faces", Json::array()}};
}

Json detection_record(const ffr::Detection& detection) {
    const ffr::Rect& box = detection.box;
    Json record{{"box", {box.left, box.top, box.right, box.bottom}}, {"score", detection.score}};
    if (detection.view >= 0) record["view"] = detection.view;
    return record;
}

Json points_record(const std::vector<ffr::Point>& points) {
    Json record = Json::array();
    for (const ffr::Point p : points) record.push_back({p.x, p.y});
    return record;
}

Json embedding_record(const ffr::Embedding& embedding) {
    Json record = Json::array();
    for (const float value : embedding) record.push_back(shortest(value));
    return record;
}

Json face_record(const ffr::Face& face) {
    Json record = detection_record(face.detection);
    record["landmarks"] = points_record(face.landmarks.points);
    record["embedding"] = embedding_record(face.embedding);
    return record;
}

std::string detection_text(const ffr::Detection& detection) {
    const ffr::Rect& box = detection.box;
    return "box " + std::to_string(box.left) + " " + std::to_string(box.top) + " " + std::to_string(box.right) + " " +
           std::to_string(box.bottom) + "  score " + fixed(detection.score, 3) +
           (detection.view >= 0 ? std::string("  view ") + view_name(detection.view) : "");
}

std::string name_text(const ffr::Identity& who) {
    return who.name ? *who.name + " " + fixed(who.confidence, 2) : "unknown";
}

std::size_t largest_face(const std::vector<ffr::Detection>& faces) {
    const auto smaller = [](const ffr::Detection& a, const ffr::Detection& b) { return a.box.area() < b.box.area(); };
    return static_cast<std::size_t>(std::max_element(faces.begin(), faces.end(), smaller) - faces.begin());
}
