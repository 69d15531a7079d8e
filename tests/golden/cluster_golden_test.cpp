// Groups of faces against chinese_whispers_clustering of the wheel dlib-bin 20.0.1: the same partitions, although dlib
// visits faces in another order. Embeddings are dlib's own and made up ones: make_cluster_golden.py tells.

#include "ffr/identify/cluster.hpp"

#include "../unit/noise.hpp"
#include "golden.hpp"

namespace {

ffr::Embedding embedding_of(const golden::Json& json) {
    return json.get<ffr::Embedding>();
}

std::vector<ffr::Embedding> reference_faces() {
    const golden::Json records = golden::records("faces.json");
    std::vector<ffr::Embedding> faces;
    for (const char* const points : {"aligned_by_5", "aligned_by_68"}) {
        for (const golden::Json& record : records) faces.push_back(embedding_of(record.at(points).at("embedding")));
    }
    return faces;
}

std::vector<ffr::Embedding> made_up(const std::vector<std::uint32_t>& people, float spread) {
    std::vector<ffr::Embedding> faces;
    for (std::uint32_t person = 0; person < people.size(); ++person) {
        const std::vector<float> centre = numbers(128, 1000 + person);
        for (std::uint32_t face = 0; face < people[person]; ++face) {
            const std::vector<float> around = numbers(128, 2000 + 100 * person + face);
            ffr::Embedding& made = faces.emplace_back();
            for (std::size_t i = 0; i < made.size(); ++i) made[i] = 0.1f * centre[i] + spread * around[i];
        }
    }
    return faces;
}

}  // namespace

TEST_CASE("groups are those of dlib's Chinese whispers") {
    for (const golden::Json& record : golden::records("clusters.json")) {
        CAPTURE(record.dump());
        const auto faces = record.contains("people")
                               ? made_up(record.at("people").get<std::vector<std::uint32_t>>(), record.at("spread"))
                               : reference_faces();
        CHECK(ffr::cluster_faces(faces, record.at("threshold")) == record.at("groups").get<std::vector<int>>());
    }
}
