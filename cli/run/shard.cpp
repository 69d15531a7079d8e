#include "run/shard.hpp"

#include <charconv>

#include "ffr/base/xxhash.hpp"

bool Shard::holds(const std::string& key) const {
    return ffr::detail::xxh64(key.data(), key.size()) % count == number - 1;
}

Shard parse_shard(const std::string& text) {
    Shard shard;
    const char* const end = text.data() + text.size();
    const std::from_chars_result number = std::from_chars(text.data(), end, shard.number);
    if (number.ec == std::errc() && number.ptr != end && *number.ptr == '/') {
        const std::from_chars_result count = std::from_chars(number.ptr + 1, end, shard.count);
        const bool whole = count.ec == std::errc() && count.ptr == end;
        if (whole && shard.number >= 1 && shard.number <= shard.count) return shard;
    }
    throw CLI::ValidationError("--shard", "'" + text + "' isn't I/N with I from 1 to N, such as 2/8");
}

void add_shard(CLI::App& verb, Shard& shard) {
    verb.add_option_function<std::string>(
            "--shard", [&shard](const std::string& text) { shard = parse_shard(text); },
            "only part I of N, chosen by the path: the same on every machine")
        ->type_name("I/N");
}
