#include "annotate.hpp"

#include <algorithm>

#include "report.hpp"

Annotation name_tag(const ffr::Rect& box, const ffr::Identity& who) {
    const std::string label = who.name ? *who.name + " " + fixed(who.confidence, 2) : "unknown";
    const ffr::Color color = who.name ? ffr::person_color(*who.name) : ffr::Color{170, 170, 170};
    return {box, {}, label, color};
}

ffr::Image annotate(ffr::ImageView photo, const std::vector<Annotation>& faces) {
    ffr::Image picture = ffr::to_rgb(photo);
    const int longer = std::max(photo.width, photo.height);
    const int thickness = std::max(1, longer / 350);
    const int text_scale = std::max(1, longer / 450);
    for (const Annotation& face : faces) {
        ffr::draw_landmarks(picture, face.landmarks, face.color, std::max(1, thickness * 2 / 3));
        ffr::draw_box(picture, face.box, face.color, thickness);
    }
    // Labels last, so that no neighbour's box hides them; above the box where there's room, else inside of it.
    for (const Annotation& face : faces) {
        if (face.label.empty()) continue;
        const int height = ffr::text_height(text_scale);
        const int width = ffr::text_width(face.label, text_scale);
        const int above = face.box.top - height - thickness;
        const int y = above >= 0 ? above : std::max(face.box.top, 0);
        const int x = std::clamp(face.box.left, 0, std::max(photo.width - width, 0));
        const int luma = 299 * face.color.r + 587 * face.color.g + 114 * face.color.b;
        const ffr::Color ink = luma > 128000 ? ffr::Color{0, 0, 0} : ffr::Color{255, 255, 255};
        ffr::draw_text(picture, {x, y}, face.label, ink, face.color, text_scale);
    }
    return picture;
}
