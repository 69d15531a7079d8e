#pragma once
/// \file
/// What a fuzzer's bytes do to a file that's too large to be its input:
///
///     even byte | the bytes of a file of its own
///     odd byte  | edits of the large file: place (2 bytes), how (1), count (1), that many bytes | ...

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

using Bytes = std::vector<std::uint8_t>;

/// A large file, and the places of it that are worth an edit: where it tells what comes, not what was learned.
struct LargeFile {
    Bytes bytes;
    std::vector<std::size_t> places;
};

/// The places within `reach` bytes of any of the words.
inline LargeFile near_words(Bytes bytes, const std::vector<std::string>& words, std::size_t reach) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::set<std::size_t> places;
    for (const std::string& word : words) {
        for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
            const std::size_t end = std::min(bytes.size(), at + reach);
            for (std::size_t i = at < reach ? 0 : at - reach; i < end; ++i) places.insert(i);
        }
    }
    return {std::move(bytes), {places.begin(), places.end()}};
}

/// Does the edits, hands the file to `use`, and undoes them.
template <typename Use>
void with_edits(LargeFile& file, const std::uint8_t* edits, std::size_t size, const Use& use) {
    std::vector<std::pair<std::size_t, std::uint8_t>> before;
    std::size_t end = file.bytes.size();
    while (size >= 4) {
        std::uint16_t index;
        std::memcpy(&index, edits, sizeof index);
        const bool anywhere = edits[2] == 0xFF, cuts = edits[3] == 0xFF;
        std::size_t place = anywhere ? file.bytes.size() * index / 65536 : file.places[index % file.places.size()];
        const std::size_t count = cuts ? 0 : std::min<std::size_t>(edits[3] % 16, size - 4);
        if (cuts) end = std::min(end, place);
        for (std::size_t i = 0; i < count && place < file.bytes.size(); ++i, ++place) {
            before.emplace_back(place, file.bytes[place]);
            file.bytes[place] = edits[4 + i];
        }
        edits += 4 + count;
        size -= 4 + count;
    }
    use(file.bytes.data(), end);
    for (; !before.empty(); before.pop_back()) file.bytes[before.back().first] = before.back().second;
}

/// Hands over what the bytes stand for: a file of their own, or the large one, edited.
template <typename Use>
void with_file(LargeFile& large, const std::uint8_t* data, std::size_t size, const Use& use) {
    if (size == 0) return;
    if (data[0] % 2 == 1) return with_edits(large, data + 1, size - 1, use);
    use(data + 1, size - 1);
}

}  // namespace fuzz
