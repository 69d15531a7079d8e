// Follows faces through a video: searches some frames, and in between fits the landmarks anew where the face was last.
//
//   12_video PHOTO CLIP.y4m                    makes a clip: a camera that wanders over a photo
//   12_video WEIGHTS IN.y4m OUT.y4m SHEET      follows the faces in one
#include <ffr/ffr.hpp>
#include <fstream>
#include <iomanip>
#include <iostream>

constexpr int kWidth = 320, kHeight = 240, kFrames = 60, kSearchEvery = 10;

/// The part of a photo that a camera sees: it moves in a circle.
ffr::Image look(const ffr::Image& photo, int frame) {
    const double turn = 2 * std::acos(-1.0) * frame / kFrames;
    const double wander_x = (photo.width() - kWidth) / 2.0, wander_y = (photo.height() - kHeight) / 6.0;
    const int left = static_cast<int>(wander_x * (0.9 - 0.6 * std::cos(turn)));
    const int top = static_cast<int>(wander_y * (0.5 + 0.5 * std::sin(turn)));
    const ffr::ImageView all = photo;
    return ffr::to_rgb({all.row(top) + left * all.channels, kWidth, kHeight, all.channels, all.stride});
}

void make_clip(const ffr::Image& photo, const char* path) {
    if (photo.width() < kWidth || photo.height() < kHeight) {
        throw ffr::InvalidArgument("the photo has to have at least 320 x 240 pixels");
    }
    std::istringstream header("YUV4MPEG2 W320 H240 F25:1 C444\n");
    const ffr::Y4mFormat format = ffr::Y4mReader(header, "the header").format();
    std::ofstream out(path, std::ios::binary);
    ffr::write_y4m_header(out, format);
    ffr::Y4mFrame black{"FRAME", std::vector<std::uint8_t>(format.frame_bytes(), 128)};
    std::fill_n(black.bytes.begin(), format.luma_bytes(), std::uint8_t{16});
    for (int i = 0; i < kFrames; ++i) {
        ffr::Y4mFrame frame = black;
        ffr::put_drawing(frame, format, ffr::Image(kWidth, kHeight, 3), look(photo, i));
        ffr::write_y4m_frame(out, frame);
    }
    if (!out.flush()) throw ffr::FileError(std::string(path) + ": can't be written");
    std::cout << kFrames << " frames of " << kWidth << " x " << kHeight << " pixels\n";
}

/// A box and a number for each face; thick in the frames that were searched.
ffr::Image draw(const ffr::Image& image, const ffr::FaceTracker& tracker) {
    ffr::Image drawn = image;
    for (const ffr::Track& track : tracker.tracks()) {
        if (track.is_lost) continue;
        const ffr::Color color = ffr::person_color(std::to_string(track.number));
        ffr::draw_box(drawn, track.box, color, track.score ? 3 : 1);
        ffr::draw_text(drawn, {track.box.left, track.box.bottom + 4}, "face " + std::to_string(track.number), {},
                       color);
    }
    return drawn;
}

void follow(const ffr::Pipeline& pipeline, const char* in_path, const char* out_path, const char* sheet_path) {
    std::ifstream in(in_path, std::ios::binary);
    if (!in) throw ffr::FileError(std::string(in_path) + ": can't be opened");
    ffr::Y4mReader video(in, in_path);
    std::ofstream out(out_path, std::ios::binary);
    ffr::write_y4m_header(out, video.format());
    ffr::FaceTracker tracker;
    std::vector<ffr::Image> shown;
    double least = 1;  // overlap of a followed box with what a search would have found
    int frames = 0;
    while (std::optional<ffr::Y4mFrame> frame = video.next()) {
        const ffr::Image image = ffr::to_rgb(*frame, video.format());
        tracker.follow([&](const ffr::Track& track) { return ffr::refit(pipeline, image, track); });
        for (const ffr::Detection& face : pipeline.detector().detect(image)) {
            double best = frames == 0 ? 1 : 0;
            for (const ffr::Track& track : tracker.tracks()) {
                best = std::max(best, ffr::intersection_over_union(track.box, face.box));
            }
            least = std::min(least, best);
        }
        if (frames % kSearchEvery == 0) {
            std::vector<ffr::Sighting> sightings;
            for (const ffr::Face& face : pipeline.faces(image)) sightings.push_back({face, {}});
            tracker.update(frames, sightings);
        }
        const ffr::Image drawn = draw(image, tracker);
        ffr::put_drawing(*frame, video.format(), image, drawn);
        ffr::write_y4m_frame(out, *frame);
        if (frames % (kSearchEvery + 1) == 0 && shown.size() < 6) shown.push_back(drawn);
        ++frames;
    }
    if (!out.flush()) throw ffr::FileError(std::string(out_path) + ": can't be written");
    std::cout << frames << " frames, " << (frames + kSearchEvery - 1) / kSearchEvery << " of them searched\n";
    for (const ffr::Track& track : tracker.tracks()) {
        std::cout << "face " << track.number << ": frames " << track.first_frame << " to " << track.last_frame << '\n';
    }
    std::cout << std::fixed << std::setprecision(2) << "followed boxes overlap those of a search by " << least
              << " or more\n";
    if (shown.empty()) throw ffr::FormatError(std::string(in_path) + ": has no frame");
    ffr::Image sheet(3 * shown[0].width(), 2 * shown[0].height(), 3);
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const int column = static_cast<int>(i % 3), row = static_cast<int>(i / 3);
        ffr::paste(sheet, shown[i], {column * shown[i].width(), row * shown[i].height()});
    }
    ffr::write_image(sheet_path, sheet);
}

int main(int argc, char** argv) try {
    if (argc == 3) {
        make_clip(ffr::read_image(argv[1]), argv[2]);
    } else if (argc == 5) {
        follow(ffr::Pipeline::load(argv[1]), argv[2], argv[3], argv[4]);
    } else {
        return std::cerr << "usage: 12_video PHOTO CLIP, or 12_video WEIGHTS IN OUT SHEET\n", 2;
    }
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
