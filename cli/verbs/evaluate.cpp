// evaluate: how good the embeddings are, by experiments whose answers are known.

#include "ffr/identify/evaluate.hpp"

#include <charconv>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "ffr/identify/enrolment.hpp"
#include "run/measure.hpp"
#include "show/chart.hpp"
#include "show/tables.hpp"
#include "verbs/verbs.hpp"

namespace {

constexpr const char *kRocChart = "roc.png", *kClassificationChart = "classification.png";

struct Options {
    SharedOptions shared;
    std::string input;
    std::string output;
    std::string pairs;
    std::vector<std::size_t> people{10, 25, 50, 100};
    std::size_t faces_each = 20;
    Force force = Force::unavailable;
};

/// A line of pairs.txt: two pictures, named as LFW names them, and the fold.
struct NamedPair {
    std::string first, second;  // "Anna_Smith_0003"
    bool same = false;
    std::size_t fold = 0;
    std::size_t line = 0;
};

/// A picture's name without folder and extension.
std::string stem(const std::filesystem::path& path) {
    return path.stem().u8string();
}

/// A picture's name: the person's and four digits. \throws ffr::FormatError
std::string picture_name(const std::string& person, const std::string& number, const std::string& where) {
    int value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || value < 0 || value > 9999) {
        throw ffr::FormatError(where + "'" + number + "' isn't a picture's number");
    }
    const std::string digits = std::to_string(value);
    return person + "_" + std::string(4 - digits.size(), '0') + digits;
}

/// LFW's pairs.txt: "FOLDS COUNT", then for each fold COUNT pairs of one person and COUNT pairs of two.
std::vector<NamedPair> read_pairs(const std::string& path) {
    const std::vector<std::uint8_t> bytes = ffr::detail::read_file(std::filesystem::u8path(path));
    std::istringstream in(std::string(bytes.begin(), bytes.end()));
    std::string text;
    std::size_t line = 1;
    const auto where = [&] { return path + ": line " + std::to_string(line) + ": "; };
    std::getline(in, text);
    if (text.rfind("\xEF\xBB\xBF", 0) == 0) text.erase(0, 3);  // the mark that some editors put before UTF-8
    std::size_t folds = 0, count = 0;
    if (!(std::istringstream(text) >> folds >> count) || folds < 2 || count < 1) {
        throw ffr::FormatError(where() + "should have the number of folds and of pairs, such as '10 300'");
    }
    std::vector<NamedPair> pairs;
    while (std::getline(in, text)) {
        ++line;
        std::istringstream words(text);
        std::vector<std::string> fields;
        for (std::string word; words >> word;) fields.push_back(word);
        if (fields.empty()) continue;
        const bool same = pairs.size() / count % 2 == 0;
        if (fields.size() != (same ? 3u : 4u)) {
            throw ffr::FormatError(where() + (same ? "should have a name and two numbers"
                                                   : "should have a name, a number, a name and a number"));
        }
        if (!same && fields[0] == fields[2]) throw ffr::FormatError(where() + "should have two people");
        pairs.push_back({picture_name(fields[0], fields[1], where()),
                         picture_name(same ? fields[0] : fields[2], fields.back(), where()), same,
                         pairs.size() / count / 2, line});
    }
    if (pairs.size() / 2 / count != folds || pairs.size() % (2 * count) != 0) {
        throw ffr::FormatError(path + ": has " + count_of(pairs.size(), "pair") + ", but the first line says " +
                               std::to_string(folds) + " times twice " + std::to_string(count));
    }
    return pairs;
}

/// The largest face or, where none is found, what lies in the middle: LFW's pictures are a detector's boxes, enlarged by
/// 2.2 each way.
ffr::Embedding measure_lfw_picture(const ffr::Pipeline& pipeline, const ffr::Image& image, const Options& options) {
    const std::vector<ffr::Detection> faces = pipeline.detector().detect(image, detect_options(options.shared));
    ffr::Detection face;
    if (!faces.empty()) {
        face = faces[largest_face(faces)];
    } else {
        const auto edge = [](int size, double share) { return ffr::round_half_up((size - 1) * share); };
        constexpr double kMargin = (1 - 1 / 2.2) / 2;
        face.box = {edge(image.width(), kMargin), edge(image.height(), kMargin), edge(image.width(), 1 - kMargin),
                    edge(image.height(), 1 - kMargin)};
    }
    return pipeline.measure(image, face).embedding;
}

/// A row for each picture in a tree like LFW's, or for those that are wanted.
std::vector<TableRow> measure_pictures(const Options& options, const std::set<std::string>* wanted, Status& status) {
    const ffr::Pipeline pipeline = load_pipeline(options.shared);
    Inputs inputs(std::vector<std::string>{options.input});
    inputs.leave_out([&](const Input& input) {
        return input.error.empty() && wanted != nullptr && wanted->count(stem(input.path)) == 0;
    });
    std::vector<TableRow> rows;
    status = run_batch<ffr::Embedding>(
        inputs, options.shared,
        [&](const Input& input) {
            return measure_lfw_picture(pipeline, read_input(input, options.shared).image, options);
        },
        [&](const Input& input, ffr::Embedding& embedding) {
            rows.push_back({input.path.u8string(), folder_name(input.path), embedding, {}});
        });
    return rows;
}

std::vector<TableRow> load_rows(const Options& options, const std::set<std::string>* wanted, Status& status) {
    const std::filesystem::path input = std::filesystem::u8path(options.input);
    if (has_tables(input)) return read_tables(input, options.shared).rows;
    return measure_pictures(options, wanted, status);
}

std::vector<ffr::VerificationPair> measure_pairs(const std::vector<NamedPair>& pairs, const std::vector<TableRow>& rows,
                                                 const Options& options) {
    std::map<std::string, ffr::Embedding> embeddings;
    for (const TableRow& row : rows) embeddings[stem(std::filesystem::u8path(row.path))] = row.embedding;
    const auto embedding_of = [&](const NamedPair& pair, const std::string& name) -> const ffr::Embedding& {
        const auto found = embeddings.find(name);
        if (found != embeddings.end()) return found->second;
        throw ffr::FormatError(options.pairs + ": line " + std::to_string(pair.line) + ": " + options.input +
                               " has no picture '" + name + "' that could be measured");
    };
    std::vector<ffr::VerificationPair> measured;
    for (const NamedPair& pair : pairs) {
        const double distance = ffr::distance(embedding_of(pair, pair.first), embedding_of(pair, pair.second));
        measured.push_back({distance * distance, pair.same, pair.fold});
    }
    return measured;
}

std::string fold_table(const ffr::VerificationFold& fold) {
    std::string table = "threshold,tp,tn,fp,fn,tpr,fpr\n";
    for (const ffr::RocPoint& p : fold.roc) {
        table += fixed(p.threshold, 2);
        for (const std::size_t count : {p.true_positives, p.true_negatives, p.false_positives, p.false_negatives}) {
            table += "," + std::to_string(count);
        }
        table += "," + fixed(p.true_positive_rate(), 6) + "," + fixed(p.false_positive_rate(), 6) + "\n";
    }
    return table;
}

ffr::Image roc_chart(const ffr::Verification& result) {
    Chart chart{"ROC, AUC " + fixed(result.area_under_curve, 3), "false positive rate", "true positive rate", 1, {}};
    for (const ffr::VerificationFold& fold : result.folds) {
        ChartCurve curve{{{0, 0}}, {170, 170, 170}, 1};
        for (const ffr::RocPoint& p : fold.roc) {
            curve.points.push_back({p.false_positive_rate(), p.true_positive_rate()});
        }
        curve.points.push_back({1, 1});
        chart.curves.push_back(curve);
    }
    ChartCurve mean{{{0, 0}}, {200, 40, 40}, 3};
    for (const ffr::CurvePoint& p : result.mean_roc)
        mean.points.push_back({p.false_positive_rate, p.true_positive_rate});
    chart.curves.push_back({{{0, 0}, {1, 1}}, {90, 90, 90}, 1});
    chart.curves.push_back(mean);
    return draw_chart(chart);
}

/// Refuses before anything is measured what would be refused after it. Tables have no mark, since nothing but numbers
/// belongs into them: those of an earlier run are replaced by --force only.
void require_new_results(const std::vector<std::string>& tables, const char* chart, const Options& options) {
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    require_replaceable(folder / chart, {Kind::chart, "", options.force});
    for (const std::string& table : tables) require_replaceable(folder / table, {Kind::table, "", options.force});
}

std::string fold_file(std::size_t fold) {
    return "roc-fold-" + std::to_string(fold) + ".csv";
}

void write_verification(const ffr::Verification& result, const Options& options) {
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    const Writing how{Kind::table, "", options.force};
    std::string accuracies = "fold,threshold,accuracy\n", mean = "fpr,tpr\n";
    for (std::size_t i = 0; i < result.folds.size(); ++i) {
        const ffr::VerificationFold& fold = result.folds[i];
        accuracies += std::to_string(i) + "," + fixed(fold.threshold, 2) + "," + fixed(fold.accuracy, 6) + "\n";
        write_text(folder / fold_file(i), fold_table(fold), how);
    }
    for (const ffr::CurvePoint& p : result.mean_roc) {
        mean += fixed(p.false_positive_rate, 6) + "," + fixed(p.true_positive_rate, 6) + "\n";
    }
    write_text(folder / "accuracies.csv", accuracies, how);
    write_text(folder / "roc.csv", mean, how);
    write_picture(folder / kRocChart, roc_chart(result), {Kind::chart, "", options.force});
}

Status run_lfw(const Options& options) {
    const std::vector<NamedPair> pairs = read_pairs(options.pairs);
    std::vector<std::string> tables{"accuracies.csv", "roc.csv"};
    for (std::size_t fold = 0; fold <= pairs.back().fold; ++fold) tables.push_back(fold_file(fold));
    require_new_results(tables, kRocChart, options);
    std::set<std::string> wanted;
    for (const NamedPair& pair : pairs) wanted.insert({pair.first, pair.second});
    Status status = kDone;
    const std::vector<TableRow> rows = load_rows(options, &wanted, status);
    const ffr::Verification result = ffr::verify(measure_pairs(pairs, rows, options));
    write_verification(result, options);
    if (options.shared.json) {
        print_record({{"pairs", pairs.size()},
                      {"folds", result.folds.size()},
                      {"accuracy", result.mean_accuracy},
                      {"deviation", result.accuracy_deviation},
                      {"auc", result.area_under_curve},
                      {"equal_error_rate", result.equal_error_rate}});
    } else {
        std::cout << count_of(pairs.size(), "pair") << " in " << result.folds.size() << " folds: accuracy "
                  << fixed(result.mean_accuracy, 4) << " +/- " << fixed(result.accuracy_deviation, 4) << ", AUC "
                  << fixed(result.area_under_curve, 4) << ", equal error rate " << fixed(result.equal_error_rate, 4)
                  << "\nThe folds, the curve and its picture are in " << options.output << '\n';
    }
    return status;
}

void write_identification(const std::vector<ffr::Identification>& results, const Options& options) {
    std::string table = "people,faces,accuracy,deviation,train_seconds,predict_seconds\n";
    const std::size_t x_end = (results.back().people + 9) / 10 * 10;  // whole numbers on the axis
    Chart chart{"Accuracy", "people", "accuracy", static_cast<double>(x_end), {}};
    ChartCurve curve{{}, {200, 40, 40}, 3};
    for (const ffr::Identification& r : results) {
        table += std::to_string(r.people) + "," + std::to_string(r.faces) + "," + fixed(r.mean_accuracy, 6) + "," +
                 fixed(r.accuracy_deviation, 6) + "," + fixed(r.train_seconds, 6) + "," + fixed(r.predict_seconds, 6) +
                 "\n";
        const auto x = static_cast<double>(r.people);
        curve.points.push_back({x, r.mean_accuracy});
        const double low = r.mean_accuracy - r.accuracy_deviation, high = r.mean_accuracy + r.accuracy_deviation;
        chart.curves.push_back({{{x, std::max(low, 0.0)}, {x, std::min(high, 1.0)}}, {90, 90, 90}, 3});
    }
    chart.curves.push_back(curve);
    const std::filesystem::path folder = std::filesystem::u8path(options.output);
    write_picture(folder / kClassificationChart, draw_chart(chart), {Kind::chart, "", options.force});
    write_text(folder / "classification.csv", table, {Kind::table, "", options.force});
}

Status run_classification(const Options& options) {
    require_new_results({"classification.csv"}, kClassificationChart, options);
    Status status = kDone;
    std::vector<ffr::LabelledEmbedding> samples;
    std::set<std::string> names;
    for (const TableRow& row : load_rows(options, nullptr, status)) {
        samples.push_back({row.person, row.embedding});
    }
    samples = ffr::without_copies(samples);
    for (const ffr::LabelledEmbedding& sample : samples) names.insert(sample.name);
    std::set<std::size_t> counts;  // more people than there are would be the same experiment again
    for (const std::size_t people : options.people) counts.insert(std::min(people, names.size()));
    ffr::IdentificationOptions how;
    how.faces_each = options.faces_each;
    std::vector<ffr::Identification> results;
    for (const std::size_t people : counts) {
        ffr::Identification r;
        try {
            r = ffr::identify_held_out(samples, people, how);
        } catch (const ffr::InvalidArgument& error) {
            std::cerr << "ffr: " << options.input << ": " << people << " people: " << error.what() << '\n';
            status = kSomeFailed;
            continue;
        }
        results.push_back(r);
        if (options.shared.json) {
            print_record({{"people", r.people},
                          {"faces", r.faces},
                          {"accuracy", r.mean_accuracy},
                          {"deviation", r.accuracy_deviation},
                          {"train_seconds", r.train_seconds},
                          {"predict_seconds", r.predict_seconds}});
        } else {
            std::cout << r.people << " people, " << count_of(r.faces, "face") << ": accuracy "
                      << fixed(r.mean_accuracy, 4) << " +/- " << fixed(r.accuracy_deviation, 4) << ", training "
                      << fixed(1000 * r.train_seconds, 1) << " ms, a face " << fixed(1000 * r.predict_seconds, 3)
                      << " ms\n";
        }
    }
    if (!results.empty()) write_identification(results, options);
    return status;
}

void add_common(CLI::App& verb, Options& options) {
    verb.add_option("input", options.input,
                    "pictures as LFW has them (NAME/NAME_0001.jpg), or a folder with labels.csv and reps.csv")
        ->required();
    verb.add_option("-o,--output", options.output, "folder for tables and pictures")->required();
    add_force(verb, options.force);
    verb.add_option("--points", options.shared.points, "landmarks to align by")->check(CLI::IsMember({5, 68}));
    add_shared_options(verb, options.shared);
}

}  // namespace

void add_evaluate(CLI::App& app, Status& status) {
    CLI::App* const verb = add_verb(app, "evaluate", "How good the embeddings are, on pictures whose people are known",
                                    "ffr evaluate lfw lfw --pairs pairs.txt -o lfw-results");
    verb->require_subcommand(1);
    const auto lfw_options = std::make_shared<Options>(), classification_options = std::make_shared<Options>();
    CLI::App* const lfw =
        add_verb(*verb, "lfw", "Labeled Faces in the Wild: the same person or not, over ten folds of pairs",
                 "ffr evaluate lfw lfw --pairs pairs.txt -o lfw-results");
    lfw->add_option("--pairs", lfw_options->pairs, "LFW's pairs.txt")->required();
    add_common(*lfw, *lfw_options);
    lfw->callback([lfw_options, &status] { status = run_lfw(*lfw_options); });

    CLI::App* const classification =
        add_verb(*verb, "classification", "Names of held-out faces, and how accuracy falls with more people",
                 "ffr evaluate classification lfw -o lfw-results");
    classification->add_option("--people", classification_options->people, "how many people, those with most pictures")
        ->check(CLI::Range(2, 100000))
        ->delimiter(',')
        ->capture_default_str();
    classification->add_option("--faces", classification_options->faces_each, "faces of each, at most")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    add_common(*classification, *classification_options);
    classification->callback(
        [classification_options, &status] { status = run_classification(*classification_options); });
}
