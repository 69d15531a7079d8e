#include "show/enrolment.hpp"

#include <iostream>
#include <map>
#include <set>

#include "run/batch.hpp"
#include "show/report.hpp"

namespace {

/// What a person's folder gave.
struct Person {
    std::size_t used = 0;
    std::vector<const Skipped*> skipped;
};

std::map<std::string, Person> people_of(const Enrolment& enrolment) {
    std::map<std::string, Person> people;
    for (const ffr::LabelledEmbedding& sample : enrolment.samples) ++people[sample.name].used;
    for (const Skipped& photo : enrolment.skipped) people[photo.person].skipped.push_back(&photo);
    return people;
}

/// What the faces say about themselves.
struct Judgement {
    std::vector<ffr::LookAlikes> alike;
    ffr::LeaveOneOut left_out;
    std::optional<double> distance;
};

Judgement judge(const Enrolment& enrolment) {
    ffr::TrainOptions options;
    options.source = enrolment.source;
    return {ffr::find_look_alikes(enrolment.samples, enrolment.source.same_person_distance),
            ffr::leave_one_out(enrolment.samples, options), ffr::suggest_distance(enrolment.samples)};
}

Json record_of(const Enrolment& enrolment, const Judgement& judgement, const std::string& model) {
    Json record{{"model", model}, {"people", Json::array()}, {"faces", enrolment.samples.size()}};
    Json details = Json::array();
    for (const auto& [name, person] : people_of(enrolment)) {
        if (person.used > 0) record["people"].push_back(name);
        Json skipped = Json::array();
        for (const Skipped* const photo : person.skipped) {
            skipped.push_back({{"image", photo->path.u8string()}, {"reason", photo->reason}});
        }
        details.push_back({{"name", name}, {"faces", person.used}, {"skipped", std::move(skipped)}});
    }
    record["enrolment"] = std::move(details);
    record["look_alikes"] = Json::array();
    for (const ffr::LookAlikes& pair : judgement.alike) {
        record["look_alikes"].push_back({{"people", {pair.one, pair.other}}, {"distance", pair.distance}});
    }
    record["leave_one_out"] = {{"faces", judgement.left_out.faces}, {"right", judgement.left_out.right}};
    record["suggested_distance"] = judgement.distance ? Json(*judgement.distance) : Json(nullptr);
    return record;
}

void print_people(const Enrolment& enrolment) {
    for (const auto& [name, person] : people_of(enrolment)) {
        std::cout << "  " << name << ": " << (person.used > 0 ? count_of(person.used, "face") : "no face, not learned");
        if (!person.skipped.empty()) std::cout << ", " << count_of(person.skipped.size(), "photo") << " skipped";
        std::cout << '\n';
        for (const Skipped* const photo : person.skipped) {
            std::cout << "    " << photo->path.filename().u8string() << ": " << photo->reason << '\n';
        }
    }
}

void print_judgement(const Enrolment& enrolment, const Judgement& judgement) {
    for (const ffr::LookAlikes& pair : judgement.alike) {
        std::cout << pair.one << " and " << pair.other << " look the same: half of their faces are within "
                  << fixed(pair.distance, 2) << " of each other. Are they one person?\n";
    }
    const auto [faces, right] = judgement.left_out;
    if (faces == 0) {
        std::cout
            << "Nobody has two faces, so that one could be named by the other: how good the model is can't be said.\n";
    } else {
        std::cout << "Left out and named by the others: " << right << " of " << count_of(faces, "face") << " right ("
                  << fixed(100.0 * static_cast<double>(right) / static_cast<double>(faces), 1) << " %).\n";
    }
    const double usual = enrolment.source.same_person_distance;
    if (judgement.distance) {
        std::cout << "Unknown from a distance of " << fixed(*judgement.distance, 2)
                  << " on would suit these faces best (infer --distance " << fixed(*judgement.distance, 2)
                  << "; otherwise it's " << fixed(usual, 2) << ").\n";
    }
}

}  // namespace

void Enrolment::add(const ffr::LabelledEmbedding& sample, const std::filesystem::path& photo) {
    samples.push_back(sample);
    photos.push_back(photo);
}

std::vector<Skipped> Enrolment::skip_strangers() {
    const std::vector<std::size_t> strangers = ffr::find_strangers(samples, source.same_person_distance);
    const std::set<std::size_t> suspected(strangers.begin(), strangers.end());
    std::vector<Skipped> gone;
    Enrolment kept;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (suspected.count(i) == 0 || photos[i].empty()) {
            kept.add(samples[i], photos[i]);
        } else {
            gone.push_back({photos[i], samples[i].name,
                            "looks unlike most of " + samples[i].name + "'s other photos: probably somebody else"});
        }
    }
    samples = std::move(kept.samples);
    photos = std::move(kept.photos);
    skipped.insert(skipped.end(), gone.begin(), gone.end());
    return gone;
}

void report_enrolment(const Enrolment& enrolment, const std::string& model, const SharedOptions& options) {
    const Judgement judgement = judge(enrolment);
    if (options.json) return print_record(record_of(enrolment, judgement, model));
    std::set<std::string> names;
    for (const ffr::LabelledEmbedding& sample : enrolment.samples) names.insert(sample.name);
    std::cout << model << ": knows " << count_of(names.size(), "name") << " by "
              << count_of(enrolment.samples.size(), "face") << '\n';
    print_people(enrolment);
    print_judgement(enrolment, judgement);
}
