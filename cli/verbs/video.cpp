// video: who is in this video? Frames come from standard input and go to standard output with names drawn in.

#include <csignal>
#include <memory>

#include "ffr/video/track.hpp"
#include "ffr/video/y4m.hpp"
#include "load/models.hpp"
#include "show/annotate.hpp"
#include "verbs/verbs.hpp"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#endif

namespace {

struct Options {
    SharedOptions shared;
    ffr::IdentifyOptions identify;
    std::string model;
    std::string timeline;
    Force force = Force::unavailable;
    int every = 1;
};

/// Frames are bytes, and a reader that goes away is an error like a full disk.
void prepare_standard_streams() {
#if defined(_WIN32)
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
#endif
#if defined(SIGPIPE)
    std::signal(SIGPIPE, SIG_IGN);
#endif
}

/// What remains of a track.
struct Presence {
    int track;
    std::optional<std::string> name;
    std::int64_t first_frame, last_frame;
};

Presence presence_of(const ffr::Track& track) {
    return {track.number, track.names.winner().name, track.first_frame, track.last_frame};
}

/// Follows the faces of a video from frame to frame.
class Watcher {
  public:
    Watcher(const ffr::Pipeline& pipeline, const ffr::Identifier& people, const Options& options)
        : pipeline_(pipeline),
          people_(people),
          options_(options),
          workspace_(thread_count(options.shared)),
          tracker_({ffr::TrackOptions().min_overlap, people.source().same_person_distance,
                    ffr::TrackOptions().max_missed}) {}

    /// Takes in the next frame.
    void see(ffr::ImageView image) {
        tracker_.follow([&](const ffr::Track& track) { return ffr::refit(pipeline_, image, track); });
        if (frames_ % options_.every == 0) {
            for (const ffr::Track& track : tracker_.update(frames_, search(image)))
                ended_.push_back(presence_of(track));
        }
        ++frames_;
    }

    /// Everybody who may be named.
    const std::vector<std::string>& people() const { return people_.names(); }
    /// How many frames were seen.
    std::int64_t frames() const { return frames_; }
    /// The faces in the last one, also those that are lost there.
    const std::vector<ffr::Track>& tracks() const { return tracker_.tracks(); }

    /// All tracks so far, by number.
    std::vector<Presence> presences() const {
        std::vector<Presence> all = ended_;
        for (const ffr::Track& track : tracker_.tracks()) all.push_back(presence_of(track));
        std::sort(all.begin(), all.end(), [](const Presence& a, const Presence& b) { return a.track < b.track; });
        return all;
    }

  private:
    std::vector<ffr::Sighting> search(ffr::ImageView image) {
        std::vector<ffr::Sighting> sightings;
        for (ffr::Face& face : pipeline_.faces(image, detect_options(options_.shared), workspace_)) {
            const ffr::Identity who = people_.identify(face.embedding, options_.identify);
            sightings.push_back({std::move(face), who});
        }
        return sightings;
    }

    const ffr::Pipeline& pipeline_;
    const ffr::Identifier& people_;
    const Options& options_;
    ffr::Workspace workspace_;
    ffr::FaceTracker tracker_;
    std::vector<Presence> ended_;
    std::int64_t frames_ = 0;
};

/// When a frame begins, in seconds to the millisecond; null when the stream doesn't tell how fast it is.
Json seconds_at(std::int64_t frame, const ffr::Y4mFormat& format) {
    if (format.rate_numerator == 0) return nullptr;
    const double seconds = static_cast<double>(frame) * format.rate_denominator / format.rate_numerator;
    return std::round(seconds * 1000) / 1000;
}

Json name_or_null(const std::optional<std::string>& name) {
    return name ? Json(*name) : Json(nullptr);
}

Json frame_record(const Watcher& watcher, const ffr::Y4mFormat& format) {
    Json faces = Json::array();
    for (const ffr::Track& track : watcher.tracks()) {
        if (track.is_lost) continue;
        const ffr::Identity who = track.names.winner();
        faces.push_back({{"box", {track.box.left, track.box.top, track.box.right, track.box.bottom}},
                         {"score", track.score ? Json(*track.score) : Json(nullptr)},
                         {"track", track.number},
                         {"name", name_or_null(who.name)},
                         {"confidence", who.confidence},
                         {"distance", who.distance}});
    }
    const std::int64_t frame = watcher.frames() - 1;
    return {{"frame", frame}, {"time", seconds_at(frame, format)}, {"faces", std::move(faces)}};
}

Json timeline_record(const Watcher& watcher, const ffr::Y4mFormat& format) {
    Json people = Json::array();
    for (const Presence& presence : watcher.presences()) {
        people.push_back({{"name", name_or_null(presence.name)},
                          {"track", presence.track},
                          {"from", seconds_at(presence.first_frame, format)},
                          {"to", seconds_at(presence.last_frame + 1, format)}});
    }
    return {{"made_by", mark_text(Kind::timeline)},
            {"frames", watcher.frames()},
            {"seconds", seconds_at(watcher.frames(), format)},
            {"people", people}};
}

void draw_names(ffr::Y4mFrame& frame, const ffr::Y4mFormat& format, const ffr::Image& image, const Watcher& watcher) {
    std::vector<std::optional<std::string>> names;
    for (const ffr::Track& track : watcher.tracks()) names.push_back(track.names.winner().name);
    const std::vector<ffr::Color> colors = face_colors(names, watcher.people());
    std::vector<Annotation> annotations;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const ffr::Track& track = watcher.tracks()[i];
        if (!track.is_lost) annotations.push_back({track.box, {}, name_text(track.names.winner()), colors[i]});
    }
    if (annotations.empty()) return;
    ffr::Image drawn = image;
    draw_annotations(drawn, annotations);
    ffr::put_drawing(frame, format, image, drawn);
}

/// The next frame; nothing at the end of the input, also of one that a signal ends within a frame.
std::optional<ffr::Y4mFrame> next_frame(ffr::Y4mReader& video) {
    try {
        return video.next();
    } catch (const ffr::FormatError&) {
        if (interrupting_signal() == 0) throw;
        return std::nullopt;
    }
}

/// All frames, until the input ends, a signal comes, or the output can't be written, which main tells.
void watch(ffr::Y4mReader& video, Watcher& watcher, const Options& options) {
    Progress progress(std::nullopt, options.shared.quiet);
    if (!options.shared.json) ffr::write_y4m_header(std::cout, video.format());
    while (interrupting_signal() == 0) {
        std::optional<ffr::Y4mFrame> frame = next_frame(video);
        if (!frame) return;
        const ffr::Image image = ffr::to_rgb(*frame, video.format());
        watcher.see(image);
        if (options.shared.json) {
            print_record(frame_record(watcher, video.format()));
        } else {
            draw_names(*frame, video.format(), image, watcher);
            ffr::write_y4m_frame(std::cout, *frame);
        }
        if (!std::cout.flush()) return;
        progress.show(static_cast<std::size_t>(watcher.frames()));
    }
}

/// The header of the stream on standard input. \throws Interrupted when a signal comes before it does
std::unique_ptr<ffr::Y4mReader> open_video() {
    try {
        return std::make_unique<ffr::Y4mReader>(std::cin, "standard input");
    } catch (const ffr::FormatError&) {
        if (interrupting_signal() == 0) throw;
        throw Interrupted(interrupting_signal(), "stopped before the first frame");
    }
}

Status run(const Options& options) {
    const Writing how{Kind::timeline, "", options.force};
    if (!options.timeline.empty()) require_replaceable(std::filesystem::u8path(options.timeline), how);
    prepare_standard_streams();
    const ffr::Identifier people = load_people(options.model);
    const ffr::Pipeline pipeline = load_pipeline_for(people, options.model, options.shared);
    const InterruptGuard guard;
    const std::unique_ptr<ffr::Y4mReader> video = open_video();
    Watcher watcher(pipeline, people, options);
    Status status = kDone;
    try {
        watch(*video, watcher, options);
    } catch (const std::exception& error) {
        std::cerr << "ffr: " << error.what() << '\n';
        if (options.shared.json) print_record({{"frame", watcher.frames()}, {"error", error.what()}});
        status = kSomeFailed;
    }
    if (!options.timeline.empty()) {
        const Json timeline = timeline_record(watcher, video->format());
        write_text(std::filesystem::u8path(options.timeline),
                   timeline.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", how);
    }
    if (interrupting_signal() != 0) {
        throw Interrupted(interrupting_signal(),
                          "stopped after " + count_of(static_cast<std::size_t>(watcher.frames()), "frame"));
    }
    return status;
}

}  // namespace

void add_video(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(
        app, "video", "Names the people in a video: YUV4MPEG2 from standard input to standard output",
        "ffr video people.ffr < in.y4m > out.y4m\n"
        "  ffmpeg -i in.mp4 -vf scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd -f yuv4mpegpipe \\\n"
        "    -pix_fmt yuv420p - | ffr video people.ffr | ffmpeg -i - out.mp4\n"
        "  (bt601 in place of bt709 for fewer than 720 rows)");
    verb->add_option("model", options->model, "a model made by ffr train")->required();
    verb->add_option("--every", options->every, "search each N-th frame, and only follow the faces in the others")
        ->check(CLI::Range(1, 1000));
    verb->add_option("--timeline", options->timeline, "JSON file to write: who is seen from when to when");
    add_force(*verb, options->force);
    add_identify_options(*verb, options->identify);
    verb->add_option("--points", options->shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->remove_option(verb->get_option("--no-exif"));
    verb->get_option("--json")->description("JSON Lines on standard output in place of the video, one object a frame");
    verb->get_option("--threads")->description("how many share the work of a frame; 0: one a core");
    verb->callback([options, &status] {
        std::error_code code;
        if (std::filesystem::equivalent(options->timeline, options->model, code)) {
            throw CLI::ValidationError("--timeline", "is the model, which it would overwrite");
        }
        status = run(*options);
    });
}
