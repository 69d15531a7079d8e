// demo: the whole way on the photos that come with the program, step by step, with a page to look at.

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>

#include "annotate.hpp"
#include "ffr/identify.hpp"
#include "measure.hpp"
#include "photos.hpp"
#include "verbs.hpp"

namespace {

struct Options {
    SharedOptions shared;
    std::string output = "ffr-demo";
};

/// A shipped photo with the faces found in it.
struct Seen {
    ShippedPhoto photo;
    std::vector<ffr::Face> faces;

    std::string stem() const { return std::filesystem::path(photo.name).stem().u8string(); }
    std::string person() const { return std::filesystem::path(photo.name).parent_path().filename().u8string(); }
};

/// The page as it grows: a heading and pictures with captions a step.
class Page {
  public:
    void step(const std::string& heading, const std::string& text) {
        body_ << "<h2>" << escaped(heading) << "</h2>\n<p>" << escaped(text) << "</p>\n";
    }
    void picture(const std::string& file, const std::string& caption) {
        body_ << "<figure><img src=\"" << escaped(file) << "\" alt=\"" << escaped(caption) << "\"><figcaption>"
              << escaped(caption) << "</figcaption></figure>\n";
    }
    void table(const std::vector<std::vector<std::string>>& rows) {
        body_ << "<div class=\"wide\"><table>\n";
        for (const auto& row : rows) {
            body_ << "<tr>";
            for (const std::string& cell : row) body_ << "<td>" << escaped(cell) << "</td>";
            body_ << "</tr>\n";
        }
        body_ << "</table></div>\n";
    }
    std::string html() const {
        return "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>ffr demo</title>\n"
               "<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
               "figure{display:inline-block;margin:.5rem;max-width:100%;vertical-align:top}"
               "img{max-width:100%;max-height:24rem;display:block}figcaption{font-size:.8rem;color:#555}"
               ".wide{overflow-x:auto}td{padding:.1rem .6rem;text-align:right}"
               "td:first-child{text-align:left}</style>\n<h1>From a photo to a name</h1>\n" +
               body_.str() + "</html>\n";
    }

  private:
    static std::string escaped(const std::string& text) {
        std::string out;
        for (const char letter : text) {
            if (letter == '<')
                out += "&lt;";
            else if (letter == '&')
                out += "&amp;";
            else if (letter == '"')
                out += "&quot;";
            else
                out += letter;
        }
        return out;
    }

    std::ostringstream body_;
};

/// Pictures for the page needn't be larger than a screen.
ffr::Image for_page(const ffr::Image& picture) {
    constexpr int kLargest = 900;
    const int longer = std::max(picture.width(), picture.height());
    if (longer <= kLargest) return picture;
    return ffr::scale_to(picture, std::max(1, picture.width() * kLargest / longer),
                         std::max(1, picture.height() * kLargest / longer));
}

/// The part of a picture around a box, twice its size.
ffr::Image close_up(const ffr::Image& picture, const ffr::Rect& box) {
    const int width = static_cast<int>(box.width()), height = static_cast<int>(box.height());
    ffr::Image part(2 * width, 2 * height, 3);
    ffr::paste(part, picture, {width / 2 - box.left, height / 2 - box.top});
    return part;
}

class Demo {
  public:
    explicit Demo(const Options& options) : options_(options), pipeline_(load_pipeline(options.shared)) {}

    void run() {
        people_ = look_at("people/");
        unseen_ = look_at("unseen/");
        show_detections();
        show_landmarks();
        show_chips();
        show_distances();
        train();
        name_the_unseen();
        write_text_file(folder() / "index.html", page_.html());
        say("\nThe pictures and index.html are in " + folder().u8string());
    }

  private:
    std::filesystem::path folder() const { return std::filesystem::u8path(options_.output); }

    void say(const std::string& text) const {
        if (!options_.shared.json) std::cout << text << std::endl;
    }

    void step(const std::string& heading, const std::string& text) {
        say("\n" + heading + "\n  " + text);
        page_.step(heading, text);
    }

    void save(const std::string& file, const ffr::Image& picture, const std::string& caption) {
        write_picture(folder() / file, for_page(picture));
        page_.picture(file, caption);
    }

    std::vector<Seen> look_at(const std::string& photos) const {
        std::vector<Seen> seen;
        for (ShippedPhoto& photo : shipped_photos(photos)) {
            std::vector<ffr::Face> faces = pipeline_.faces(photo.image, detect_options(options_.shared));
            seen.push_back({std::move(photo), std::move(faces)});
        }
        return seen;
    }

    void show_detections() {
        step("1. Find faces",
             "Five filters slide over the HOG features of an image pyramid; what scores above 0 is a face.");
        for (const std::vector<Seen>* const group : {&people_, &unseen_}) {
            for (const Seen& seen : *group) {
                std::vector<Annotation> boxes;
                say("  " + seen.photo.name + ": " + count_of(seen.faces.size(), "face"));
                for (const ffr::Face& face : seen.faces) {
                    boxes.push_back({face.detection.box, {}, fixed(face.detection.score, 2), kFoundColor});
                    say("    " + detection_text(face.detection));
                }
                save("1-found-" + seen.stem() + ".jpg", annotate(seen.photo.image, boxes), seen.photo.name);
            }
        }
    }

    void show_landmarks() {
        step("2. Mark them", std::to_string(pipeline_.landmarks().point_count()) +
                                 " points a face, by an ensemble of regression trees.");
        for (const Seen& seen : people_) {
            if (seen.faces.empty()) continue;
            const ffr::Face& face = seen.faces.front();
            const ffr::Image marked =
                annotate(seen.photo.image, {{face.detection.box, face.landmarks.points, "", kFoundColor}});
            save("2-marked-" + seen.stem() + ".jpg", close_up(marked, face.detection.box), seen.photo.name);
        }
    }

    void show_chips() {
        step("3. Straighten them",
             "Turned, scaled and shifted, so that eyes, nose and mouth lie where they always lie.");
        std::vector<const ffr::Image*> chips;
        for (const std::vector<Seen>* const group : {&people_, &unseen_}) {
            for (const Seen& seen : *group) {
                for (const ffr::Face& face : seen.faces) chips.push_back(&face.chip);
            }
        }
        constexpr int kColumns = 5, kGap = 4;
        const int cell = pipeline_.embedder().face_size() + kGap;
        const int rows = (static_cast<int>(chips.size()) + kColumns - 1) / kColumns;
        ffr::Image sheet(kColumns * cell, std::max(rows, 1) * cell, 3);
        for (std::size_t i = 0; i < chips.size(); ++i) {
            const int index = static_cast<int>(i);
            ffr::paste(sheet, ffr::to_rgb(*chips[i]), {index % kColumns * cell, index / kColumns * cell});
        }
        save("3-chips.jpg", sheet, count_of(chips.size(), "face") + " of 150 x 150 pixels");
    }

    void show_distances() {
        step("4. Measure them", "A network turns each into 128 numbers. Two of one person are mostly under 0.6 apart.");
        std::vector<std::vector<std::string>> table(1, {""});
        for (const Seen& seen : people_) table[0].push_back(seen.stem());
        for (const std::vector<Seen>* const group : {&people_, &unseen_}) {
            for (const Seen& seen : *group) {
                if (seen.faces.size() != 1) continue;
                std::vector<std::string> row{seen.stem()};
                for (const Seen& known : people_) {
                    row.push_back(known.faces.empty()
                                      ? "-"
                                      : fixed(ffr::distance(seen.faces[0].embedding, known.faces[0].embedding), 2));
                }
                table.push_back(row);
            }
        }
        page_.table(table);
        for (const auto& row : table) {
            std::string line = "  ";
            for (const std::string& cell : row)
                line += cell + std::string(cell.size() < 14 ? 14 - cell.size() : 1, ' ');
            say(line);
        }
    }

    void train() {
        std::vector<ffr::LabelledEmbedding> samples;
        for (const Seen& seen : people_) {
            for (const ffr::Face& face : seen.faces) samples.push_back({seen.person(), face.embedding});
        }
        ffr::TrainOptions train;
        train.source = pipeline_.embedder().source(pipeline_.landmarks().point_count());
        identifier_ = std::make_unique<ffr::Identifier>(ffr::Identifier::train(samples, train));
        identifier_->save(folder() / "people.ffr");
        std::string names;
        for (const std::string& name : identifier_->names()) names += (names.empty() ? "" : ", ") + name;
        step("5. Learn people",
             "A linear SVM trained on " + count_of(samples.size(), "face") + " tells apart: " + names + ".");
    }

    void name_the_unseen() {
        step("6. Name faces in other photos",
             "Whoever is too far from all known faces stays unknown. (group.jpg is a montage of photos, some of them "
             "those "
             "that the SVM has seen.)");
        for (const Seen& seen : unseen_) {
            std::vector<Annotation> labels;
            std::string caption;
            Json record =
                image_record("photos/" + seen.photo.name, seen.photo.image.width(), seen.photo.image.height());
            for (const ffr::Face& face : seen.faces) {
                const ffr::Identity who = identifier_->identify(face.embedding);
                const std::string text = who.name ? *who.name + " " + fixed(who.confidence, 2) : "unknown";
                labels.push_back({face.detection.box,
                                  {},
                                  text,
                                  who.name ? ffr::person_color(*who.name) : ffr::Color{170, 170, 170}});
                caption += (caption.empty() ? "" : ", ") + text + " (distance " + fixed(who.distance, 2) + ")";
                Json entry = detection_record(face.detection);
                entry["name"] = who.name ? Json(*who.name) : Json(nullptr);
                entry["confidence"] = who.confidence;
                entry["distance"] = who.distance;
                record["faces"].push_back(std::move(entry));
            }
            say("  " + seen.photo.name + ": " + caption);
            if (options_.shared.json) print_record(record);
            save("6-named-" + seen.stem() + ".jpg", annotate(seen.photo.image, labels), caption);
        }
    }

    const Options& options_;
    ffr::Pipeline pipeline_;
    std::vector<Seen> people_, unseen_;
    std::unique_ptr<ffr::Identifier> identifier_;
    Page page_;
};

}  // namespace

void add_demo(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        add_verb(app, "demo", "The whole way on the photos that come with ffr, with pictures and a page",
                 "ffr demo -o ffr-demo");
    verb->add_option("-o,--output", options->output, "folder for the pictures and index.html")->capture_default_str();
    verb->add_option("--points", options->shared.points, "landmarks a face")->check(CLI::IsMember({5, 68}));
    add_shared_options(*verb, options->shared);
    verb->callback([options, &status] {
        Demo(*options).run();
        status = kDone;
    });
}
