#pragma once
/// \file
/// One of N parts of all inputs, the same on every machine: by the hash of a path, not by its place in a listing.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

/// Part `number` of `count`, from 1.
struct Shard {
    std::uint64_t number = 1;
    std::uint64_t count = 1;

    /// True for the keys with XXH64(key) mod count = number - 1. \param key  a path as UTF-8 with '/' between folders
    bool holds(const std::string& key) const;
};

/// "2/8" as a Shard. \throws CLI::ValidationError for anything else
Shard parse_shard(const std::string& text);

/// Adds --shard to a verb.
void add_shard(CLI::App& verb, Shard& shard);
