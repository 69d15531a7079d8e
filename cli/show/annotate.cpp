#include "show/annotate.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "ffr/image/scale.hpp"

namespace {

/// Thickness or text scale: `wanted`, but at least what's seen when the whole picture is looked at on a screen, and at
/// most what doesn't cover too much of it.
int visible(std::int64_t wanted, int longer, int at_least_share, int at_most_share) {
    const std::int64_t least = std::max(1, longer / at_least_share), most = std::max(1, longer / at_most_share);
    return static_cast<int>(std::clamp(wanted, least, most));
}

/// The same picture or face with `zoom` pixels for each one.
Annotation enlarged(Annotation face, int zoom) {
    face.box = {face.box.left * zoom, face.box.top * zoom, face.box.right * zoom + zoom - 1,
                face.box.bottom * zoom + zoom - 1};
    for (ffr::Point& point : face.landmarks) point = {point.x * zoom + zoom / 2, point.y * zoom + zoom / 2};
    return face;
}

ffr::Rect common_part(const ffr::Rect& a, const ffr::Rect& b) {
    return {std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right), std::min(a.bottom, b.bottom)};
}

void draw_labels(ffr::Image& picture, const std::vector<Annotation>& faces) {
    const ffr::Rect whole{0, 0, picture.width() - 1, picture.height() - 1};
    const int longer = std::max(picture.width(), picture.height());
    std::vector<ffr::Rect> boxes, labels;
    for (const Annotation& face : faces) boxes.push_back(face.box);
    for (std::size_t i = 0; i < faces.size(); ++i) {
        const Annotation& face = faces[i];
        if (face.label.empty()) continue;
        const int plain_width = ffr::text_width(face.label);
        const int scale = std::max(
            1, std::min(visible(face.box.width() / plain_width, longer, 700, 350), picture.width() / plain_width));
        labels.push_back(place_label(scale * plain_width, ffr::text_height(scale), boxes, i, labels, whole));
        const int luma = 299 * face.color.r + 587 * face.color.g + 114 * face.color.b;
        const ffr::Color ink = luma > 128000 ? ffr::Color{0, 0, 0} : ffr::Color{255, 255, 255};
        ffr::draw_text(picture, {labels.back().left, labels.back().top}, face.label, ink, face.color, scale);
    }
}

}  // namespace

ffr::Image annotate(ffr::ImageView photo, const std::vector<Annotation>& faces) {
    constexpr int kReadable = 480;
    const int zoom = std::max(1, kReadable / std::max({photo.width, photo.height, 1}));
    ffr::Image picture = ffr::to_rgb(photo);
    if (zoom > 1) picture = ffr::scale_to(picture, photo.width * zoom, photo.height * zoom);
    std::vector<Annotation> shown;
    for (const Annotation& face : faces) shown.push_back(enlarged(face, zoom));
    draw_annotations(picture, shown);
    return picture;
}

void draw_annotations(ffr::Image& picture, const std::vector<Annotation>& faces) {
    const int longer = std::max(picture.width(), picture.height());
    for (const Annotation& face : faces) {
        const int thickness = visible(face.box.width() / 40, longer, 500, 250);
        // Points that no line joins are lost in a face when they're as thin as lines.
        const bool joined = face.landmarks.size() == 68;
        ffr::draw_landmarks(picture, face.landmarks, face.color,
                            joined ? std::max(1, thickness * 2 / 3) : thickness + 1);
        ffr::draw_box(picture, face.box, face.color, thickness);
    }
    draw_labels(picture, faces);  // last, so that no neighbour's box hides them
}

ffr::Rect place_label(int width, int height, const std::vector<ffr::Rect>& boxes, std::size_t face,
                      const std::vector<ffr::Rect>& labels, const ffr::Rect& photo) {
    constexpr std::int64_t kLabelOverFace = 4;  // two labels on one another can't be read at all
    const ffr::Rect& box = boxes[face];
    ffr::Rect best;
    std::int64_t least = -1;
    for (const int top : {box.top - height, box.bottom + 1, box.top, box.bottom + 1 - height, box.top - 2 * height,
                          box.bottom + 1 + height}) {
        for (const int left : {box.left, box.right + 1 - width, (box.left + box.right + 1 - width) / 2}) {
            const int x = std::clamp(left, photo.left, std::max(photo.right + 1 - width, photo.left));
            const int y = std::clamp(top, photo.top, std::max(photo.bottom + 1 - height, photo.top));
            const ffr::Rect place{x, y, x + width - 1, y + height - 1};
            std::int64_t hidden = 0;
            for (const ffr::Rect& other : boxes) hidden += common_part(place, other).area();
            for (const ffr::Rect& other : labels) hidden += kLabelOverFace * common_part(place, other).area();
            if (least >= 0 && hidden >= least) continue;
            least = hidden;
            best = place;
        }
    }
    return best;
}

std::vector<ffr::Color> face_colors(const std::vector<std::optional<std::string>>& names,
                                    const std::vector<std::string>& known) {
    constexpr std::size_t kCount = ffr::kPersonColors.size();
    std::map<std::string, std::size_t> color_of;
    std::set<std::size_t> taken;
    std::vector<ffr::Color> colors;
    for (const std::optional<std::string>& name : names) {
        if (name && color_of.count(*name) == 0) {
            const auto place = std::lower_bound(known.begin(), known.end(), *name) - known.begin();
            std::size_t color = static_cast<std::size_t>(place) % kCount;
            while (taken.size() < kCount && taken.count(color) > 0) color = (color + 1) % kCount;
            color_of[*name] = color;
            taken.insert(color);
        }
        colors.push_back(name ? ffr::kPersonColors[color_of[*name]] : kUnknownColor);
    }
    return colors;
}
