#pragma once
/// \file
/// Who is it? Named embeddings in; for a new embedding, the name of the most probable person out, or "unknown".
///
///     embedding --+--> distance to each person's nearest training embedding --> who can be meant --+--> name
///     128 floats  |    k numbers of k people                                                       |    or unknown
///                 +--> SVM: probability of each known person --------------> who of these it is ---+
///                      k numbers, with the sum 1
///
/// The two judge different things. The SVM (svm.hpp) tells known people apart, and its probabilities always sum to 1:
/// show it a stranger and some known person still gets the most, often with high confidence. That it's a stranger shows
/// in the distance, because embeddings of different people are mostly more than the network's same_person_distance
/// apart. So the distance says whether it can be anyone at all, and the SVM who of those it is.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../base/weights_writer.hpp"
#include "../embed/embedding.hpp"
#include "svm.hpp"

namespace ffr {
inline namespace v0_1 {

/// A training sample: whose face it is and what it became.
struct LabelledEmbedding {
    std::string name;     ///< the person: one line of text, not empty
    Embedding embedding;  ///< of one picture of the face
};

/// How to train an Identifier.
struct TrainOptions {
    /// Cost and tolerance of the SVM.
    SvmOptions svm;
    /// Where the embeddings come from, kept with the model: those of another source mean nothing to it.
    EmbeddingSource source;
};

/// When to say "unknown".
struct IdentifyOptions {
    /// Largest distance to the candidate's nearest training embedding; by default the source's same_person_distance.
    std::optional<double> max_distance;
    /// Smallest confidence. 0 by default, because the confidence of a linear SVM falls with the number of people even
    /// while the name is right: a threshold that suits five people would reject everybody among a hundred.
    double min_confidence = 0.0;
};

/// The answer.
struct Identity {
    /// The person; empty for an unknown one.
    std::optional<std::string> name;
    /// The most probable of the people near enough; with nobody near enough, the nearest.
    std::string candidate;
    /// The candidate's probability among the known people, 0..1.
    double confidence = 0;
    /// Distance to the candidate's nearest training embedding.
    double distance = 0;
};

/// Embeddings ordered by person: names sorted bytewise without repetition, and each embedding with its name's number.
struct Gallery {
    /// Each person once, ascending.
    std::vector<std::string> names;
    /// Grouped by name; within a name as they were given.
    std::vector<Embedding> embeddings;
    /// Number of the name of each embedding, ascending.
    std::vector<int> labels;
};

namespace detail {

inline bool is_finite(const Embedding& embedding) {
    return std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); });
}

/// A name has to be a line of text: that's how names are kept in the model.
inline bool is_name(const std::string& name) {
    return !name.empty() && name.find('\n') == std::string::npos;
}

inline std::string join_lines(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

inline std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return lines;
}

}  // namespace detail

/// Sorts samples into a gallery.
/// \throws InvalidArgument for no samples, a name that's empty or has a line break, or values that aren't finite
inline Gallery make_gallery(const std::vector<LabelledEmbedding>& samples) {
    if (samples.empty()) throw InvalidArgument("there are no embeddings to train on");
    std::vector<const LabelledEmbedding*> sorted;
    for (const LabelledEmbedding& sample : samples) {
        if (!detail::is_name(sample.name)) {
            throw InvalidArgument("'" + sample.name + "' can't be a name: it's empty or has a line break");
        }
        if (!detail::is_finite(sample.embedding)) {
            throw InvalidArgument("an embedding of '" + sample.name + "' has a value that isn't finite");
        }
        sorted.push_back(&sample);
    }
    std::sort(sorted.begin(), sorted.end(), [](const LabelledEmbedding* a, const LabelledEmbedding* b) {
        return std::tie(a->name, a) < std::tie(b->name, b);
    });

    Gallery gallery;
    for (const LabelledEmbedding* const sample : sorted) {
        if (gallery.names.empty() || gallery.names.back() != sample->name) gallery.names.push_back(sample->name);
        gallery.embeddings.push_back(sample->embedding);
        gallery.labels.push_back(static_cast<int>(gallery.names.size()) - 1);
    }
    return gallery;
}

namespace detail {

/// No sample is left out.
constexpr std::size_t kNoSample = std::numeric_limits<std::size_t>::max();

/// For each person the distance to the nearest training embedding, as if one of those weren't there.
inline std::vector<double> distances_to_people(const Gallery& gallery, const Embedding& embedding,
                                               std::size_t left_out) {
    std::vector<double> nearest(gallery.names.size(), std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < gallery.embeddings.size(); ++i) {
        double& distance = nearest[static_cast<std::size_t>(gallery.labels[i])];
        if (i != left_out) distance = std::min(distance, euclidean(gallery.embeddings[i], embedding));
    }
    return nearest;
}

/// See Identifier::identify.
inline Identity name_by(const Gallery& gallery, const LinearSvm& svm, const Embedding& embedding, double max_distance,
                        double min_confidence, std::size_t left_out = kNoSample) {
    const std::vector<double> probabilities = svm.probabilities(embedding);
    const std::vector<double> distances = distances_to_people(gallery, embedding, left_out);
    std::size_t best = 0;
    for (std::size_t person = 1; person < distances.size(); ++person) {
        const bool near = distances[person] <= max_distance;
        const bool best_near = distances[best] <= max_distance;
        const bool better =
            near && best_near ? probabilities[person] > probabilities[best] : distances[person] < distances[best];
        if (better) best = person;
    }
    Identity identity{std::nullopt, gallery.names[best], probabilities[best], distances[best]};
    const bool known = identity.distance <= max_distance && identity.confidence >= min_confidence;
    if (known) identity.name = identity.candidate;
    return identity;
}

}  // namespace detail

/// Knows people by their embeddings. Immutable: safe from many threads.
class Identifier {
  public:
    /// Learns people. With one person there is no SVM: the distance decides alone, and the confidence is 1.
    /// \param samples  in any order; one a person is enough, several are better. Equal names are one person
    /// \throws InvalidArgument as make_gallery does, or for options that aren't above 0
    static Identifier train(const std::vector<LabelledEmbedding>& samples, const TrainOptions& options = {}) {
        Gallery gallery = make_gallery(samples);
        const std::size_t people = gallery.names.size();
        LinearSvm svm{people, kDimension, {}};
        if (people > 1) {
            svm = train_linear_svm(gallery.embeddings, gallery.labels, static_cast<int>(people), options.svm);
        }
        return {options.source, std::move(gallery), std::move(svm)};
    }

    /// Reads a model that save() wrote. \throws FileError when it can't be read, FormatError when it isn't one
    static Identifier load(const std::filesystem::path& path) { return load(WeightsFile::open(path)); }

    /// The same from an open file; copies what it needs.
    static Identifier load(const WeightsFile& file) {
        file.require_kind("identifier");
        return detail::with_default_floats([&]() -> Identifier {
            EmbeddingSource source = load_source(file);
            Gallery gallery = load_gallery(file);
            LinearSvm svm = load_svm(file, gallery.names.size());
            return {std::move(source), std::move(gallery), std::move(svm)};
        });
    }

    /// Writes the model, whole or not at all: names, embeddings, SVM and embedder.
    /// \param mode  permissions of a new file, narrowed by the umask; faces are biometric data, so it's the owner's alone.
    ///              A file that is there is replaced and keeps its own
    /// \throws FileError naming the file and the reason; a read-only file isn't replaced
    void save(const std::filesystem::path& path, unsigned mode = 0600) const { writer().save(path, mode); }

    /// The model as save() writes it.
    std::vector<unsigned char> bytes() const { return writer().bytes(); }

    /// Names an embedding, or says that it's nobody known.
    ///
    /// People whose nearest training embedding is farther away than options.max_distance can't be meant. Of the others
    /// the most probable one (of equal ones, the first by name) is the candidate, and the name unless the confidence is
    /// below options.min_confidence. With nobody near enough the candidate is who comes nearest, and there's no name.
    /// \throws InvalidArgument when the embedding has a value that isn't finite
    /// Cost: grows with the square of the number of people; 0.4 ms for 100. Thread-safe.
    Identity identify(const Embedding& embedding, const IdentifyOptions& options = {}) const {
        return detail::with_default_floats([&] {
            if (!detail::is_finite(embedding)) throw InvalidArgument("the embedding has a value that isn't finite");
            return detail::name_by(gallery_, svm_, embedding,
                                   options.max_distance.value_or(source_.same_person_distance), options.min_confidence);
        });
    }

    /// Everybody known, sorted bytewise.
    const std::vector<std::string>& names() const { return gallery_.names; }
    /// Number of training embeddings of all people together.
    std::size_t embedding_count() const { return gallery_.embeddings.size(); }
    /// Where the training embeddings come from. Those to identify have to come from there too: see difference().
    const EmbeddingSource& source() const { return source_; }
    /// The training embeddings.
    const Gallery& gallery() const { return gallery_; }
    /// What tells people apart; without pairs for one person.
    const LinearSvm& svm() const { return svm_; }

  private:
    static constexpr std::size_t kDimension = std::tuple_size_v<Embedding>;

    Identifier(EmbeddingSource source, Gallery gallery, LinearSvm svm)
        : source_(std::move(source)), gallery_(std::move(gallery)), svm_(std::move(svm)) {}

    WeightsWriter writer() const {
        std::vector<float> embeddings;
        for (const Embedding& e : gallery_.embeddings) embeddings.insert(embeddings.end(), e.begin(), e.end());
        std::vector<double> weights, biases, scales;
        std::vector<std::int8_t> calibrated;
        for (const PairClassifier& pair : svm_.pairs) {
            weights.insert(weights.end(), pair.decision.weights.begin(), pair.decision.weights.end());
            biases.push_back(pair.decision.bias);
            scales.insert(scales.end(), {pair.platt.a, pair.platt.b});
            calibrated.push_back(pair.platt.calibrated ? 1 : 0);
        }
        WeightsWriter out("identifier");
        out.add_text("embedder", source_.embedder);
        out.add_text("embedder/weights", source_.weights);
        out.add_text("embedder/alignment", source_.alignment);
        out.add_text("embedder/precision", source_.precision);
        out.add<double>("embedder/same_person_distance", {1}, {source_.same_person_distance});
        out.add_text("names", detail::join_lines(gallery_.names));
        out.add("labels", {gallery_.labels.size()},
                std::vector<std::int32_t>(gallery_.labels.begin(), gallery_.labels.end()));
        out.add("embeddings", {gallery_.embeddings.size(), kDimension}, embeddings);
        out.add("pairs/weights", {svm_.pairs.size(), kDimension}, weights);
        out.add("pairs/bias", {svm_.pairs.size()}, biases);
        out.add("pairs/platt", {svm_.pairs.size(), 2}, scales);
        out.add("pairs/calibrated", {svm_.pairs.size()}, calibrated);
        return out;
    }

    [[noreturn]] static void fail(const WeightsFile& file, const std::string& reason) {
        throw FormatError(file.name() + ": " + reason);
    }

    static EmbeddingSource load_source(const WeightsFile& file) {
        const double distance = file.finite_tensor<double>("embedder/same_person_distance", {1})[0];
        // Models from before there was a choice don't tell.
        const bool tells = file.contains("embedder/precision");
        return {file.text("embedder"), file.text("embedder/weights"), file.text("embedder/alignment"), distance,
                tells ? file.text("embedder/precision") : "float32"};
    }

    static Gallery load_gallery(const WeightsFile& file) {
        Gallery gallery;
        gallery.names = detail::split_lines(file.text("names"));
        for (std::size_t i = 0; i < gallery.names.size(); ++i) {
            const std::string& name = gallery.names[i];
            if (!detail::is_name(name)) fail(file, "name " + std::to_string(i) + " is empty");
            if (i > 0 && !(gallery.names[i - 1] < name)) fail(file, "the names aren't sorted at '" + name + "'");
        }
        const auto labels = file.tensor<std::int32_t>("labels", {WeightsFile::kAny});
        const std::vector<float> values = file.floats("embeddings", {labels.size(), kDimension});
        gallery.labels.assign(labels.begin(), labels.end());
        require_labels(file, gallery);
        gallery.embeddings.resize(labels.size());
        for (std::size_t i = 0; i < labels.size(); ++i) {
            std::copy_n(values.data() + i * kDimension, kDimension, gallery.embeddings[i].begin());
        }
        return gallery;
    }

    /// Labels have to go through the numbers of the names in order, without a gap.
    static void require_labels(const WeightsFile& file, const Gallery& gallery) {
        const auto people = static_cast<std::int64_t>(gallery.names.size());
        std::int64_t last = -1;
        for (const int label : gallery.labels) {
            if (label < 0 || label >= people) {
                fail(file, "label " + std::to_string(label) + " isn't one of 0 to " + std::to_string(people - 1));
            }
            if (label < last) fail(file, "the labels aren't ascending");
            if (label > last + 1)
                fail(file, "'" + gallery.names[static_cast<std::size_t>(last + 1)] + "' has no embedding");
            last = label;
        }
        if (last != people - 1) fail(file, "'" + gallery.names.back() + "' has no embedding");
    }

    static LinearSvm load_svm(const WeightsFile& file, std::size_t people) {
        const std::size_t pair_count = people * (people - 1) / 2;
        const auto weights = file.finite_tensor<double>("pairs/weights", {pair_count, kDimension});
        const auto biases = file.finite_tensor<double>("pairs/bias", {pair_count});
        const auto scales = file.finite_tensor<double>("pairs/platt", {pair_count, 2});
        const auto calibrated = file.tensor<std::int8_t>("pairs/calibrated", {pair_count});
        LinearSvm svm{people, kDimension, std::vector<PairClassifier>(pair_count)};
        for (std::size_t i = 0; i < pair_count; ++i) {
            const double* const w = weights.data + i * kDimension;
            svm.pairs[i].decision.weights.assign(w, w + kDimension);
            svm.pairs[i].decision.bias = biases[i];
            svm.pairs[i].platt = {scales[2 * i], scales[2 * i + 1], calibrated[i] != 0};
        }
        return svm;
    }

    EmbeddingSource source_;
    Gallery gallery_;
    LinearSvm svm_;
};

}  // namespace v0_1
}  // namespace ffr
