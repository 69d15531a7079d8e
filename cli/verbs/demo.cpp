// demo: the whole way on the photos that come with the program, step by step, with a page to look at.

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <thread>

#include "ffr/detect/hog.hpp"
#include "ffr/detect/hog_picture.hpp"
#include "ffr/identify/identify.hpp"
#include "ffr/image/scale.hpp"
#include "load/photos.hpp"
#include "run/measure.hpp"
#include "show/annotate.hpp"
#include "show/color_scale.hpp"
#include "show/page.hpp"
#include "verbs/verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::string output = "ffr-demo";
    Force force = Force::unavailable;
};

/// A shipped photo with the faces found in it, by falling score.
struct Seen {
    ShippedPhoto photo;
    std::vector<ffr::Face> faces;

    std::string stem() const { return std::filesystem::path(photo.name).stem().u8string(); }
    std::string person() const { return std::filesystem::path(photo.name).parent_path().filename().u8string(); }
};

/// A face with a name for the page: its photo's, and its number from the left where the photo has several.
struct LabelledFace {
    std::string label;
    const ffr::Face* face;
};

std::vector<LabelledFace> labelled_faces(const std::vector<Seen>& photos) {
    std::vector<LabelledFace> labelled;
    for (const Seen& seen : photos) {
        std::vector<const ffr::Face*> faces;
        for (const ffr::Face& face : seen.faces) faces.push_back(&face);
        std::sort(faces.begin(), faces.end(),
                  [](const ffr::Face* a, const ffr::Face* b) { return a->detection.box.left < b->detection.box.left; });
        for (std::size_t i = 0; i < faces.size(); ++i) {
            labelled.push_back({seen.stem() + (faces.size() > 1 ? "-" + std::to_string(i + 1) : ""), faces[i]});
        }
    }
    return labelled;
}

/// After each face the one most like it of the rest, so that a person's faces stand together.
void order_by_likeness(std::vector<LabelledFace>& faces) {
    for (std::size_t i = 1; i < faces.size(); ++i) {
        const ffr::Embedding& last = faces[i - 1].face->embedding;
        const auto rest = faces.begin() + static_cast<std::ptrdiff_t>(i);
        std::iter_swap(rest, std::min_element(rest, faces.end(), [&](const auto& a, const auto& b) {
                           return ffr::distance(last, a.face->embedding) < ffr::distance(last, b.face->embedding);
                       }));
    }
}

/// A photo with faces drawn in, made at most that many pixels high and twice as wide before, so that letters stay sharp.
ffr::Image shown(const ffr::Image& photo, int height, std::vector<Annotation> faces = {}) {
    const double scale = std::min({1.0, static_cast<double>(height) / photo.height(), 2.0 * height / photo.width()});
    const auto scaled = [&](int value) { return static_cast<int>(std::lround(value * scale)); };
    for (Annotation& face : faces) {
        face.box = {scaled(face.box.left), scaled(face.box.top), scaled(face.box.right), scaled(face.box.bottom)};
        for (ffr::Point& point : face.landmarks) point = {scaled(point.x), scaled(point.y)};
    }
    return annotate(ffr::scale_to(photo, std::max(1, scaled(photo.width())), scaled(photo.height())), faces);
}

/// A face and as much around it: twice its box.
struct CloseUp {
    ffr::Image image;
    ffr::Point origin;  // of the image in the photo
};

CloseUp close_up(const ffr::Image& photo, const ffr::Rect& box) {
    const int width = static_cast<int>(box.width()), height = static_cast<int>(box.height());
    CloseUp part{ffr::Image(2 * width, 2 * height, 3), {box.left - width / 2, box.top - height / 2}};
    ffr::paste(part.image, photo, {-part.origin.x, -part.origin.y});
    return part;
}

/// Twice the root mean square of all numbers: few are farther from 0.
double strongest_number(const std::vector<LabelledFace>& faces) {
    double sum = 0, count = 0;
    for (const LabelledFace& labelled : faces) {
        for (const float value : labelled.face->embedding) {
            sum += static_cast<double>(value) * static_cast<double>(value);
            ++count;
        }
    }
    return sum > 0 ? 2 * std::sqrt(sum / count) : 1;
}

std::string answer_text(const ffr::Identity& who) {
    return who.name ? *who.name + " " + fixed(who.confidence, 2) : "unknown";
}

Json named_record(const Seen& seen, const std::vector<ffr::Identity>& identities) {
    Json record = image_record("photos/" + seen.photo.name, seen.photo.image.width(), seen.photo.image.height());
    for (std::size_t i = 0; i < identities.size(); ++i) {
        Json entry = detection_record(seen.faces[i].detection);
        entry["name"] = identities[i].name ? Json(*identities[i].name) : Json(nullptr);
        entry["confidence"] = identities[i].confidence;
        entry["distance"] = identities[i].distance;
        record["faces"].push_back(std::move(entry));
    }
    return record;
}

class Demo {
  public:
    explicit Demo(const Options& options)
        : options_(options), pipeline_(load_pipeline(options.shared)), workspace_(thread_count(options.shared)) {}

    void run() {
        require_own_folder();
        people_ = look_at("people/");
        unseen_ = look_at("unseen/");
        show_photos();
        show_hog();
        show_detections();
        show_landmarks();
        show_chips();
        show_numbers();
        show_distances();
        train();
        name_the_unseen();
        write_text(folder() / "index.html", page_.html(kFoot, mark_text(Kind::page)), {Kind::page, "", options_.force});
        say("\nThe page is " + (folder() / "index.html").u8string() + ": one file, with all its pictures in it.");
    }

  private:
    static constexpr const char* kFoot =
        "Made by ffr. The photos: Eileen Collins by NASA, Grace Hopper by the US Navy, Barack Obama and Joe Biden by "
        "Pete Souza (official White House photos, which may not be manipulated or used to suggest approval or "
        "endorsement). The group never stood together, it's a montage. Nobody shown here endorses ffr.";

    std::filesystem::path folder() const { return std::filesystem::u8path(options_.output); }

    /// Refuses a folder with files that no demo wrote. A model is a demo's only beside its page: another is the user's.
    void require_own_folder() const {
        require_replaceable(folder() / "index.html", {Kind::page, "", options_.force});
        const bool has_page = mark_of(folder() / "index.html") == mark_text(Kind::page);
        require_replaceable(folder() / "people.ffr", {has_page ? Kind::model : Kind::page, "", options_.force});
    }

    void say(const std::string& text) const {
        if (!options_.shared.json) std::cout << text << std::endl;
    }

    void step(const std::string& id, const std::string& heading, const std::string& text) {
        say("\n" + heading);
        page_.section(id, heading, text);
    }

    /// Writes a picture into the folder, for the page too.
    PagePicture keep(const std::string& name, const ffr::Image& picture, const std::string& alt,
                     const std::string& caption) const {
        const std::vector<std::uint8_t> file = marked(ffr::encode_jpeg(picture), mark_text(Kind::demo_picture));
        write_bytes(folder() / name, file.data(), file.size(), {Kind::demo_picture, "", options_.force});
        return {file, alt, caption, picture.width(), picture.height()};
    }

    std::vector<Seen> look_at(const std::string& photos) {
        std::vector<Seen> seen;
        for (ShippedPhoto& photo : shipped_photos(photos)) {
            std::vector<ffr::Face> faces = pipeline_.faces(photo.image, detect_options(options_.shared), workspace_);
            seen.push_back({std::move(photo), std::move(faces)});
        }
        return seen;
    }

    std::vector<LabelledFace> all_faces() const {
        std::vector<LabelledFace> faces = labelled_faces(people_);
        for (const LabelledFace& labelled : labelled_faces(unseen_)) faces.push_back(labelled);
        order_by_likeness(faces);
        return faces;
    }

    void show_photos() {
        step("photos", "1. The photos",
             "To a computer a photo is nothing but a long list of numbers: how red, green and blue each dot is. For "
             "the first of these photos we say who is in it. For the others we ask.");
        std::vector<PagePicture> pictures;
        for (const std::vector<Seen>* const group : {&people_, &unseen_}) {
            for (const Seen& seen : *group) {
                const bool told = group == &people_;
                pictures.push_back(keep("1-photo-" + seen.stem() + ".jpg", shown(seen.photo.image, kThumbnail),
                                        told ? "Photo " + seen.stem() + ": " + seen.person() : "Photo " + seen.stem(),
                                        seen.stem() + (told ? ": this is " + seen.person() : ": who is it?")));
            }
        }
        page_.pictures(pictures, PictureSize::medium);
    }

    void show_hog() {
        step(
            "edges", "2. Keep the edges",
            "Light and colour change from photo to photo, but the outlines of a face stay. So the picture is cut into "
            "small squares, and for each is counted which way the edges in it run. The strokes show what remains: the "
            "brighter one is, the more edges run along it. (Experts call this HOG, histograms of oriented gradients.)");
        const Seen& seen = people_[people_.size() / 2];
        constexpr int kSide = 320, kCell = 12;
        const ffr::Image part =
            seen.faces.empty() ? seen.photo.image : close_up(seen.photo.image, seen.faces[0].detection.box).image;
        const ffr::Image scaled = ffr::scale_to(part, kSide, kSide);
        page_.pictures({keep("2-photo.jpg", scaled, "A face in the photo " + seen.stem(), "What we see"),
                        keep("2-edges.jpg", ffr::hog_picture(ffr::extract_hog(scaled), kCell),
                             "The same face as white strokes on black, some for each square of 8 x 8 dots; head, eyes, "
                             "nose and mouth can be made out",
                             "What the program looks at")},
                       PictureSize::large);
    }

    void show_detections() {
        step("find", "3. Find the faces",
             "A frame slides over the edges, over the whole photo and over smaller and smaller copies of it, and asks "
             "at each place: do these edges look like a face? Five patterns answer, for faces from the front, from the "
             "sides and tilted. Each box is a face that was found; the number tells how sure the answer was, and above "
             "0 means yes.");
        std::vector<PagePicture> pictures;
        for (const std::vector<Seen>* const group : {&people_, &unseen_}) {
            for (const Seen& seen : *group) {
                const std::string found = count_of(seen.faces.size(), "face");
                std::vector<Annotation> boxes;
                say("  " + seen.photo.name + ": " + found);
                for (const ffr::Face& face : seen.faces) {
                    boxes.push_back({face.detection.box, {}, fixed(face.detection.score, 2), kFoundColor});
                    say("    " + detection_text(face.detection));
                }
                pictures.push_back(keep("3-found-" + seen.stem() + ".jpg", shown(seen.photo.image, kThumbnail, boxes),
                                        "The photo " + seen.stem() + " with a green box around " + found,
                                        seen.stem() + ": " + found));
            }
        }
        page_.pictures(pictures, PictureSize::medium);
    }

    void show_landmarks() {
        const std::string points = std::to_string(pipeline_.landmarks().point_count()) + " points";
        step("mark", "4. Mark eyes, nose and mouth",
             "In each box " + points +
                 " are put on the face. They start where they lie on an average face, and then many small decisions, "
                 "each about how bright two dots are, push them bit by bit to where they belong.");
        std::vector<PagePicture> pictures;
        for (const Seen& seen : people_) {
            if (seen.faces.empty()) continue;
            const ffr::Face& face = seen.faces.front();
            const CloseUp part = close_up(seen.photo.image, face.detection.box);
            Annotation marked{{}, face.landmarks.points, "", kFoundColor};
            for (ffr::Point& point : marked.landmarks) point = {point.x - part.origin.x, point.y - part.origin.y};
            pictures.push_back(keep("4-marked-" + seen.stem() + ".jpg", shown(part.image, kThumbnail, {marked}),
                                    "The face in " + seen.stem() + " with " + points + " in green", seen.stem()));
        }
        page_.pictures(pictures, PictureSize::medium);
        say("  " + points + " a face");
    }

    void show_chips() {
        step("straighten", "5. Straighten the faces",
             "Each face is turned, scaled and shifted until its eyes, nose and mouth lie where they lie in all the "
             "others. Now they can be compared, however the head was held and however far away the camera was.");
        std::vector<PagePicture> pictures;
        for (const LabelledFace& labelled : all_faces()) {
            pictures.push_back(keep("5-straight-" + labelled.label + ".jpg", labelled.face->chip,
                                    "Straightened face from " + labelled.label, labelled.label));
        }
        page_.pictures(pictures, PictureSize::small);
        say("  " + count_of(pictures.size(), "face") + " of " + std::to_string(pipeline_.embedder().face_size()) +
            " pixels a side");
    }

    void show_numbers() {
        step("measure", "6. Turn each face into 128 numbers",
             "A neural network has learned from a great many photos to describe any face by 128 numbers, so that two "
             "photos of one person get nearly the same ones. No number means anything by itself, such as the length of "
             "a nose; together they are like an address. Here each number is a stripe: blue is below zero, white near "
             "it, orange above. Look for strips that resemble each other: they belong to one person.");
        const std::vector<LabelledFace> faces = all_faces();
        const double strongest = strongest_number(faces);
        std::vector<PagePicture> strips;
        for (const LabelledFace& labelled : faces) {
            const ffr::Embedding& numbers = labelled.face->embedding;
            const ffr::Image strip = color_strip({numbers.begin(), numbers.end()}, strongest);
            strips.push_back({ffr::encode_png(strip),
                              "The 128 numbers of " + labelled.label + " as stripes from blue to orange",
                              labelled.label, strip.width(), strip.height()});
        }
        page_.strips(strips);
        say("  " + count_of(faces.size(), "face") + ", 128 numbers each");
    }

    void show_distances() {
        const double limit = pipeline_.embedder().source(pipeline_.landmarks().point_count()).same_person_distance;
        step("compare", "7. Measure how far apart they are",
             "From two such addresses follows a distance, as from two places on a map, only with 128 directions in "
             "place of two. Below " +
                 fixed(limit, 2) +
                 " (blue) it's mostly the same person, above (orange) mostly another one. 0.00 is a face beside "
                 "itself.");
        const std::vector<LabelledFace> faces = all_faces();
        std::vector<std::vector<PageCell>> rows(1, {{}});
        for (const LabelledFace& column : faces) rows[0].push_back({column.label, false, {}});
        for (const LabelledFace& row : faces) {
            rows.push_back({{row.label, false, {}}});
            std::string line = "  " + row.label + std::string(row.label.size() < 14 ? 14 - row.label.size() : 1, ' ');
            for (const LabelledFace& column : faces) {
                const double distance = ffr::distance(row.face->embedding, column.face->embedding);
                rows.back().push_back(
                    {fixed(distance, 2), true, diverging_color((distance - limit) / (limit * 2 / 3))});
                line += "  " + fixed(distance, 2);
            }
            say(line);
        }
        page_.heat_map(rows);
    }

    void train() {
        std::vector<ffr::LabelledEmbedding> samples;
        for (const Seen& seen : people_) {
            for (const ffr::Face& face : seen.faces) samples.push_back({seen.person(), face.embedding});
        }
        ffr::TrainOptions train;
        train.source = pipeline_.embedder().source(pipeline_.landmarks().point_count());
        identifier_ = std::make_unique<ffr::Identifier>(ffr::Identifier::train(samples, train));
        const std::vector<unsigned char> model = identifier_->bytes();
        write_bytes(folder() / "people.ffr", model.data(), model.size(), {Kind::model, "", options_.force});
        std::string names;
        for (const std::string& name : identifier_->names()) names += (names.empty() ? "" : ", ") + name;
        step("name", "8. Say who it is",
             "From the photos with names the program learns a border between each two people (a linear support vector "
             "machine). A new face lies on one side of each border, and that gives a name and how sure it is. Who is "
             "too far from everybody known stays unknown. It knows " +
                 names + ", from " + count_of(samples.size(), "photo") +
                 ". With so few, it can't be very sure, even where it's right.");
        say("  learned from " + count_of(samples.size(), "face") + ": " + names);
    }

    void name_the_unseen() {
        std::vector<PagePicture> pictures;
        std::vector<std::vector<std::string>> answers{{"Face", "Answer", "How sure", "Distance to the nearest photo"}};
        for (const Seen& seen : unseen_) {
            const std::vector<ffr::Identity> identities = identify(seen.faces);
            std::string answer;
            for (const ffr::Identity& who : identities) answer += (answer.empty() ? "" : ", ") + answer_text(who);
            say("  " + seen.photo.name + ": " + answer);
            if (options_.shared.json) print_record(named_record(seen, identities));
            pictures.push_back(keep("8-named-" + seen.stem() + ".jpg", draw(seen, identities),
                                    "The photo " + seen.stem() + " with the answers on its faces: " + answer,
                                    seen.stem() + ": " + answer));
        }
        for (const LabelledFace& labelled : labelled_faces(unseen_)) {
            const ffr::Identity who = identifier_->identify(labelled.face->embedding);
            answers.push_back({labelled.label, who.name.value_or("unknown"),
                               who.name ? fixed(100 * who.confidence, 0) + " %" : "-",
                               fixed(who.distance, 2) + " (" + who.candidate + ")"});
        }
        page_.pictures(pictures, PictureSize::medium);
        page_.table(answers);
    }

    std::vector<ffr::Identity> identify(const std::vector<ffr::Face>& faces) const {
        std::vector<ffr::Identity> identities;
        for (const ffr::Face& face : faces) identities.push_back(identifier_->identify(face.embedding));
        return identities;
    }

    ffr::Image draw(const Seen& seen, const std::vector<ffr::Identity>& identities) const {
        std::vector<std::optional<std::string>> names;
        for (const ffr::Identity& who : identities) names.push_back(who.name);
        const std::vector<ffr::Color> colors = face_colors(names, identifier_->names());
        std::vector<Annotation> labels;
        for (std::size_t i = 0; i < identities.size(); ++i) {
            labels.push_back({seen.faces[i].detection.box, {}, answer_text(identities[i]), colors[i]});
        }
        return shown(seen.photo.image, kThumbnail, labels);
    }

    static constexpr int kThumbnail = 260;  // pixels

    const Options& options_;
    ffr::Pipeline pipeline_;
    ffr::Workspace workspace_;
    std::vector<Seen> people_, unseen_;
    std::unique_ptr<ffr::Identifier> identifier_;
    Page page_{
        "From a photo to a name",
        "How does a computer know who is in a photo? This page follows a few photos the whole way, step by step."};
};

}  // namespace

void add_demo(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = add_verb(
        app, "demo", "The whole way on the photos that come with ffr, step by step, as a page to look at and to send",
        "ffr demo -o ffr-demo");
    verb->add_option("-o,--output", options->output, "folder for index.html, which has all in it, and its pictures")
        ->capture_default_str();
    add_force(*verb, options->force);
    verb->add_option("--points", options->shared.points, "landmarks a face")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] {
        Demo(*options).run();
        status = kDone;
    });
}
