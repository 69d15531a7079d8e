#include "ffr/identify/identify.hpp"
#include "ffr/base/weights_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <system_error>
#include <vector>

namespace {

/// Numbers in -1..1, the same on every machine.
class Numbers {
  public:
    explicit Numbers(unsigned seed) : engine_(seed) {}
    float next() { return static_cast<float>(engine_() >> 8) / 8388608.0f - 1.0f; }

  private:
    std::mt19937 engine_;
};

/// An embedding near a person's centre: two of one person are about 0.2 apart, of two people about 0.9.
ffr::Embedding face(unsigned person, unsigned picture) {
    Numbers centre(1000 + person), noise(100000 * person + picture);
    ffr::Embedding embedding;
    for (float& value : embedding) value = 0.1f * centre.next() + 0.02f * noise.next();
    return embedding;
}

std::vector<ffr::LabelledEmbedding> album(const std::vector<std::string>& names, unsigned pictures) {
    std::vector<ffr::LabelledEmbedding> samples;
    for (unsigned person = 0; person < names.size(); ++person) {
        for (unsigned picture = 0; picture < pictures; ++picture) {
            samples.push_back({names[person], face(person, picture)});
        }
    }
    return samples;
}

bool same_bits(const ffr::Identity& a, const ffr::Identity& b) {
    return a.name == b.name && a.candidate == b.candidate &&
           std::memcmp(&a.confidence, &b.confidence, sizeof a.confidence) == 0 &&
           std::memcmp(&a.distance, &b.distance, sizeof a.distance) == 0;
}

ffr::Identifier load(const std::vector<unsigned char>& bytes) {
    return ffr::Identifier::load(ffr::WeightsFile::from_memory(bytes.data(), bytes.size(), "people.ffr"));
}

/// A file in the temporary folder that's gone at the end.
struct TemporaryFile {
    std::filesystem::path path;
    explicit TemporaryFile(const std::string& name) : path(std::filesystem::temp_directory_path() / name) {}
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }
};

/// The parts of a small right model of "ann" and "bob"; a test spoils one and looks what the loader says.
struct Parts {
    std::string kind = "identifier", names = "ann\nbob";
    std::vector<std::int32_t> labels{0, 0, 1};
    std::vector<float> embeddings = std::vector<float>(3 * 128, 0.5f);
    std::vector<double> weights = std::vector<double>(128, 0.25), biases{0.5}, scales{-2, 0};
    std::vector<std::int8_t> calibrated{0};
    std::size_t dimension = 128;

    std::vector<unsigned char> bytes() const {
        ffr::WeightsWriter out(kind);
        out.add_text("embedder", "resnet29");
        out.add_text("embedder/weights", "");
        out.add_text("embedder/alignment", "");
        out.add<double>("embedder/same_person_distance", {1}, {0.6});
        out.add_text("names", names);
        out.add("labels", {labels.size()}, labels);
        out.add("embeddings", {embeddings.size() / dimension, dimension}, embeddings);
        out.add("pairs/weights", {weights.size() / 128, 128}, weights);
        out.add("pairs/bias", {biases.size()}, biases);
        out.add("pairs/platt", {scales.size() / 2, 2}, scales);
        out.add("pairs/calibrated", {calibrated.size()}, calibrated);
        return out.bytes();
    }

    std::string complaint() const {
        try {
            load(bytes());
        } catch (const ffr::FormatError& error) {
            return error.what();
        }
        return "none";
    }
};

}  // namespace

TEST_CASE("the distance of an embedding to itself is 0 and grows with each value") {
    ffr::Embedding a{}, b{};
    CHECK(ffr::distance(a, b) == 0);
    b[0] = 3;
    b[127] = -4;
    CHECK(ffr::distance(a, b) == 5);
    CHECK(ffr::distance(b, a) == 5);
}

TEST_CASE("names are sorted bytewise and pictures stay in order within a name") {
    const std::vector<ffr::LabelledEmbedding> samples{{"bob", face(0, 0)},
                                                      {"\xc3\x89mile", face(1, 0)},
                                                      {"Zoe", face(2, 0)},
                                                      {"bob", face(0, 1)},
                                                      {"Zoe", face(2, 1)}};
    const ffr::Identifier identifier = ffr::Identifier::train(samples);
    CHECK(identifier.names() == std::vector<std::string>{"Zoe", "bob", "\xc3\x89mile"});
    CHECK(identifier.gallery().labels == std::vector<int>{0, 0, 1, 1, 2});
    CHECK(identifier.gallery().embeddings[0] == face(2, 0));
    CHECK(identifier.gallery().embeddings[1] == face(2, 1));
    CHECK(identifier.gallery().embeddings[3] == face(0, 1));
    CHECK(identifier.embedding_count() == 5);
    CHECK(identifier.source().embedder == "resnet29");
}

TEST_CASE("new pictures of known people get their names") {
    const std::vector<std::string> names{"ann", "bob", "cid", "dora"};
    const ffr::Identifier identifier = ffr::Identifier::train(album(names, 6));
    for (unsigned person = 0; person < 4; ++person) {
        const ffr::Identity identity = identifier.identify(face(person, 77));
        REQUIRE(identity.name.has_value());
        CHECK(*identity.name == names[person]);
        CHECK(identity.candidate == names[person]);
        CHECK(identity.confidence > 0.5);
        CHECK(identity.distance < 0.4);
    }
}

TEST_CASE("a stranger is unknown by the distance, however sure the SVM is") {
    const ffr::Identifier identifier = ffr::Identifier::train(album({"ann", "bob"}, 6));
    ffr::Embedding stranger = face(0, 0);
    for (float& value : stranger) value *= 3;  // even more on ann's side of the plane, and far from all of her pictures
    const ffr::Identity identity = identifier.identify(stranger);
    CHECK_FALSE(identity.name.has_value());
    CHECK(identity.candidate == "ann");
    CHECK(identity.confidence > 0.8);
    CHECK(identity.distance > 0.6);
}

TEST_CASE("the distance is to the candidate's pictures, not to the nearest of anybody's") {
    const std::vector<ffr::LabelledEmbedding> samples = album({"ann", "bob"}, 4);
    const ffr::Identifier identifier = ffr::Identifier::train(samples);
    const ffr::Embedding probe = face(1, 50);
    double nearest = 1e9;
    for (std::size_t i = 4; i < 8; ++i) nearest = std::min(nearest, ffr::distance(samples[i].embedding, probe));
    CHECK(identifier.identify(probe).distance == nearest);
}

TEST_CASE("one picture of a person isn't outvoted by many of another") {
    std::vector<ffr::LabelledEmbedding> samples = album({"ann", "bob"}, 8);
    samples.resize(9);  // eight of ann, one of bob
    const ffr::Identity identity = ffr::Identifier::train(samples).identify(samples.back().embedding);
    CHECK(identity.name == "bob");
    CHECK(identity.confidence > 0.8);
}

TEST_CASE("somebody who is too far away can't be the candidate while another is near") {
    const std::vector<ffr::LabelledEmbedding> samples = album({"ann", "bob"}, 6);
    const ffr::Identifier identifier = ffr::Identifier::train(samples);
    const ffr::Embedding probe = face(0, 50);
    const double to_ann = identifier.identify(probe).distance;
    // Let only those in who are as near as ann is: she is named even if a limit of confidence would have let bob win.
    ffr::IdentifyOptions options;
    options.max_distance = to_ann;
    CHECK(identifier.identify(probe, options).name == "ann");
    options.max_distance = to_ann / 2;
    const ffr::Identity nobody = identifier.identify(probe, options);
    CHECK_FALSE(nobody.name.has_value());
    CHECK(nobody.candidate == "ann");
    CHECK(nobody.distance == to_ann);
}

TEST_CASE("a distance or confidence of exactly the limit is still known") {
    const ffr::Identifier identifier = ffr::Identifier::train(album({"ann", "bob"}, 6));
    const ffr::Identity identity = identifier.identify(face(0, 9));
    ffr::IdentifyOptions options;
    options.max_distance = identity.distance;
    options.min_confidence = identity.confidence;
    CHECK(identifier.identify(face(0, 9), options).name == "ann");
    options.min_confidence = std::nextafter(identity.confidence, 2.0);
    CHECK_FALSE(identifier.identify(face(0, 9), options).name.has_value());
    options.min_confidence = 0;
    options.max_distance = std::nextafter(identity.distance, 0.0);
    CHECK_FALSE(identifier.identify(face(0, 9), options).name.has_value());
}

TEST_CASE("a limit that isn't a number lets nobody in") {
    const ffr::Identifier identifier = ffr::Identifier::train(album({"ann", "bob"}, 3));
    ffr::IdentifyOptions distance, confidence;
    distance.max_distance = std::numeric_limits<double>::quiet_NaN();
    confidence.min_confidence = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(identifier.identify(face(0, 0), distance).name.has_value());
    CHECK_FALSE(identifier.identify(face(0, 0), confidence).name.has_value());
}

TEST_CASE("with one person the distance decides alone") {
    const ffr::Identifier identifier = ffr::Identifier::train(album({"ann"}, 2));
    CHECK(identifier.svm().pairs.empty());
    const ffr::Identity known = identifier.identify(face(0, 5)), stranger = identifier.identify(face(1, 5));
    CHECK(known.name == "ann");
    CHECK(known.confidence == 1);
    CHECK_FALSE(stranger.name.has_value());
    CHECK(stranger.candidate == "ann");
    CHECK(stranger.confidence == 1);
    CHECK(stranger.distance > 0.6);
}

TEST_CASE("one picture a person is enough for a name") {
    const ffr::Identifier identifier = ffr::Identifier::train(album({"ann", "bob", "cid"}, 1));
    for (const ffr::PairClassifier& pair : identifier.svm().pairs) CHECK_FALSE(pair.platt.calibrated);
    CHECK(identifier.identify(face(2, 9)).name == "cid");
}

TEST_CASE("two people with the same pictures share the confidence") {
    std::vector<ffr::LabelledEmbedding> samples = album({"ann"}, 5);
    for (const ffr::LabelledEmbedding& sample : album({"ann"}, 5)) samples.push_back({"twin", sample.embedding});
    const ffr::Identity identity = ffr::Identifier::train(samples).identify(face(0, 0));
    CHECK(std::fabs(identity.confidence - 0.5) < 0.01);
    CHECK(identity.distance == 0);
}

TEST_CASE("thirty people are told apart, with less confidence than four") {
    std::vector<std::string> names;
    for (char c = 'A'; c < 'A' + 30; ++c) names.push_back(std::string("person ") + c);
    const ffr::Identifier many = ffr::Identifier::train(album(names, 5));
    names.resize(4);
    const ffr::Identifier few = ffr::Identifier::train(album(names, 5));
    for (unsigned person = 0; person < 30; ++person) {
        CHECK(many.identify(face(person, 42)).name == std::string("person ") + static_cast<char>('A' + person));
    }
    CHECK(many.identify(face(0, 42)).confidence < few.identify(face(0, 42)).confidence);
}

TEST_CASE("two trainings give the same file, whatever the order of the people") {
    std::vector<ffr::LabelledEmbedding> samples = album({"ann", "bob", "cid"}, 6);
    const std::vector<unsigned char> first = ffr::Identifier::train(samples).bytes();
    CHECK(ffr::Identifier::train(samples).bytes() == first);
    std::rotate(samples.begin(), samples.begin() + 6, samples.end());
    CHECK(ffr::Identifier::train(samples).bytes() == first);
}

TEST_CASE("a saved model answers with the same bits") {
    const TemporaryFile file("ffr_identify_test_round_trip.ffr");
    for (const std::vector<std::string>& names :
         {std::vector<std::string>{"ann"}, {"ann", "bob"}, {"ann", "bob", "cid, the \"third\"", " d\r"}}) {
        ffr::TrainOptions options;
        options.source = {"another net", "0123", "as it comes", 0.25};
        const ffr::Identifier trained = ffr::Identifier::train(album(names, 5), options);
        trained.save(file.path);
        const ffr::Identifier loaded = ffr::Identifier::load(file.path);
        CHECK(loaded.names() == trained.names());
        CHECK(difference(loaded.source(), options.source) == "");
        CHECK(loaded.source().same_person_distance == 0.25);
        CHECK(loaded.embedding_count() == trained.embedding_count());
        CHECK(loaded.bytes() == trained.bytes());
        for (unsigned person = 0; person < 6; ++person) {
            CHECK(same_bits(loaded.identify(face(person, 8)), trained.identify(face(person, 8))));
        }
    }
}

TEST_CASE("the calibration flag survives in the file") {
    std::vector<ffr::LabelledEmbedding> samples = album({"ann", "bob"}, 2);
    samples.push_back({"cid", face(2, 0)});
    const ffr::Identifier loaded = load(ffr::Identifier::train(samples).bytes());
    CHECK(loaded.svm().pairs[0].platt.calibrated);
    CHECK_FALSE(loaded.svm().pairs[1].platt.calibrated);
}

TEST_CASE("what can't be trained on is refused") {
    CHECK_THROWS_AS(ffr::Identifier::train({}), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::Identifier::train({{"", face(0, 0)}}), ffr::InvalidArgument);
    CHECK_THROWS_AS(ffr::Identifier::train({{"ann\nbob", face(0, 0)}}), ffr::InvalidArgument);
    ffr::Embedding bad = face(0, 0);
    bad[64] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(ffr::Identifier::train({{"ann", bad}}), "an embedding of 'ann' has a value that isn't finite",
                         ffr::InvalidArgument);
    ffr::TrainOptions options;
    options.svm.cost = -1;
    CHECK_THROWS_AS(ffr::Identifier::train(album({"ann", "bob"}, 2), options), ffr::InvalidArgument);
}

TEST_CASE("an embedding that isn't finite is refused rather than named") {
    const ffr::Identifier identifier = ffr::Identifier::train(album({"ann"}, 1));
    ffr::Embedding bad = face(0, 0);
    bad[3] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(identifier.identify(bad), ffr::InvalidArgument);
}

TEST_CASE("a model cut off anywhere is refused") {
    const std::vector<unsigned char> whole = ffr::Identifier::train(album({"ann", "bob"}, 2)).bytes();
    for (std::size_t size = 0; size < whole.size(); size += 61) {
        const std::vector<unsigned char> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_THROWS_AS(load(part), ffr::FormatError);
    }
}

TEST_CASE("a model with any byte altered is refused") {
    std::vector<unsigned char> bytes = ffr::Identifier::train(album({"ann", "bob"}, 2)).bytes();
    for (std::size_t i = 0; i < bytes.size(); i += 37) {
        bytes[i] ^= 0x10;
        CHECK_THROWS_AS(load(bytes), ffr::FormatError);
        bytes[i] ^= 0x10;
    }
    CHECK_NOTHROW(load(bytes));
}

TEST_CASE("a truncated file on disk is refused by name") {
    const TemporaryFile file("ffr_identify_test_truncated.ffr");
    ffr::Identifier::train(album({"ann", "bob"}, 2)).save(file.path);
    std::filesystem::resize_file(file.path, 1000);
    try {
        ffr::Identifier::load(file.path);
        FAIL("loaded");
    } catch (const ffr::FormatError& error) {
        CHECK(std::string(error.what()).find("ffr_identify_test_truncated.ffr") != std::string::npos);
    }
    CHECK_THROWS_AS(ffr::Identifier::load(std::filesystem::path("no/such/file.ffr")), ffr::FileError);
}

TEST_CASE("the loader names the file and what's wrong with its content") {
    CHECK(Parts().complaint() == "none");
    Parts p;
    SUBCASE("another kind of file") {
        p.kind = "landmarks";
        CHECK(p.complaint() == "people.ffr: holds 'landmarks', not 'identifier'");
    }
    SUBCASE("an empty name") {
        p.names = "ann\n";
        CHECK(p.complaint() == "people.ffr: name 1 is empty");
    }
    SUBCASE("no names") {
        p.names = "";
        CHECK(p.complaint() == "people.ffr: name 0 is empty");
    }
    SUBCASE("names out of order") {
        p.names = "bob\nann";
        CHECK(p.complaint() == "people.ffr: the names aren't sorted at 'ann'");
    }
    SUBCASE("a name twice") {
        p.names = "ann\nann";
        CHECK(p.complaint() == "people.ffr: the names aren't sorted at 'ann'");
    }
    SUBCASE("a label too large") {
        p.labels = {0, 1, 2};
        CHECK(p.complaint() == "people.ffr: label 2 isn't one of 0 to 1");
    }
    SUBCASE("a negative label") {
        p.labels = {-1, 0, 1};
        CHECK(p.complaint() == "people.ffr: label -1 isn't one of 0 to 1");
    }
    SUBCASE("labels out of order") {
        p.labels = {0, 1, 0};
        CHECK(p.complaint() == "people.ffr: the labels aren't ascending");
    }
    SUBCASE("a person without embedding at the end") {
        p.labels = {0, 0, 0};
        CHECK(p.complaint() == "people.ffr: 'bob' has no embedding");
    }
    SUBCASE("a person without embedding at the start") {
        p.labels = {1, 1, 1};
        CHECK(p.complaint() == "people.ffr: 'ann' has no embedding");
    }
    SUBCASE("no embeddings") {
        p.labels = {};
        p.embeddings = {};
        CHECK(p.complaint() == "people.ffr: 'bob' has no embedding");
    }
    SUBCASE("more labels than embeddings") {
        p.labels = {0, 0, 1, 1};
        CHECK(p.complaint() == "people.ffr: tensor 'embeddings' has shape [3 x 128], not [4 x 128]");
    }
    SUBCASE("embeddings of another dimension") {
        p.dimension = 64;
        p.labels = {0, 0, 0, 1, 1, 1};
        CHECK(p.complaint() == "people.ffr: tensor 'embeddings' has shape [6 x 64], not [6 x 128]");
    }
    SUBCASE("more names than pairs") {
        p.names = "ann\nbob\ncid";
        p.labels = {0, 1, 2};
        CHECK(p.complaint() == "people.ffr: tensor 'pairs/weights' has shape [1 x 128], not [3 x 128]");
    }
    SUBCASE("biases for other pairs") {
        p.biases = {};
        CHECK(p.complaint() == "people.ffr: tensor 'pairs/bias' has shape [0], not [1]");
    }
    SUBCASE("scales for other pairs") {
        p.scales = {-2, 0, -2, 0};
        CHECK(p.complaint() == "people.ffr: tensor 'pairs/platt' has shape [2 x 2], not [1 x 2]");
    }
    SUBCASE("flags for other pairs") {
        p.calibrated = {1, 1};
        CHECK(p.complaint() == "people.ffr: tensor 'pairs/calibrated' has shape [2], not [1]");
    }
    SUBCASE("an embedding that isn't finite") {
        p.embeddings[200] = std::numeric_limits<float>::infinity();
        CHECK(p.complaint() == "people.ffr: tensor 'embeddings' has a value that isn't finite");
    }
    SUBCASE("a weight that isn't finite") {
        p.weights[7] = std::numeric_limits<double>::quiet_NaN();
        CHECK(p.complaint() == "people.ffr: tensor 'pairs/weights' has a value that isn't finite");
    }
    SUBCASE("a bias that isn't finite") {
        p.biases[0] = -std::numeric_limits<double>::infinity();
        CHECK(p.complaint() == "people.ffr: tensor 'pairs/bias' has a value that isn't finite");
    }
    SUBCASE("a scale that isn't finite") {
        p.scales[1] = std::numeric_limits<double>::quiet_NaN();
        CHECK(p.complaint() == "people.ffr: tensor 'pairs/platt' has a value that isn't finite");
    }
}

TEST_CASE("a model whose decision values could overflow is refused") {
    Parts p;
    p.weights.assign(128, 1e308);
    CHECK(p.complaint() == "people.ffr: tensor 'pairs/weights' has a value beyond 1e30");
}
