#pragma once
/// \file
/// Writes dlib's primitives, for the tests of their readers, and asks what a reader says.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "dlib_stream.hpp"
#include "ffr/base/error.hpp"

using Bytes = std::vector<std::uint8_t>;

/// Writes dlib's primitives as docs/dlib-files.md has them.
struct Writer {
    Bytes bytes;

    void integer(std::int64_t value) {
        std::uint64_t magnitude = static_cast<std::uint64_t>(value < 0 ? -value : value);
        const std::size_t control = bytes.size();
        bytes.push_back(static_cast<std::uint8_t>(value < 0 ? 0x80 : 0));
        do {
            bytes.push_back(static_cast<std::uint8_t>(magnitude));
            magnitude >>= 8;
            ++bytes[control];
        } while (magnitude != 0);
    }
    void integers(const std::vector<std::int64_t>& values) {
        for (const std::int64_t value : values) integer(value);
    }
    /// Of at most 30 bits behind the first.
    void number(double value) {
        int exponent = 0;
        const double fraction = std::frexp(value, &exponent);
        integer(static_cast<std::int64_t>(std::ldexp(fraction, 31)));
        integer(value == 0 ? 0 : exponent - 31);
    }
    void numbers(const std::vector<double>& values) {
        for (const double value : values) number(value);
    }
    void boolean(bool value) { bytes.push_back(value ? '1' : '0'); }
    void text(const std::string& value) {
        integer(static_cast<std::int64_t>(value.size()));
        bytes.insert(bytes.end(), value.begin(), value.end());
    }
    void column(const std::vector<double>& values) {
        integer(-static_cast<std::int64_t>(values.size()));
        integer(-1);
        numbers(values);
    }
    void shape(std::int64_t version, const std::vector<std::int64_t>& extents) {
        integer(version);
        integers(extents);
    }
    void tensor(const std::vector<std::int64_t>& extents, const std::vector<float>& values) {
        shape(2, extents);
        const std::size_t start = bytes.size();
        bytes.resize(start + values.size() * sizeof(float));
        if (!values.empty()) std::memcpy(bytes.data() + start, values.data(), values.size() * sizeof(float));
    }
};

inline convert::DlibStream stream(Bytes bytes) {
    return {"file.dat", std::move(bytes)};
}

inline Bytes first(const Bytes& bytes, std::size_t count) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// What a reader says about bytes: nothing when it takes them.
template <typename Read>
std::string error(const Bytes& bytes, const Read& read) {
    convert::DlibStream in = stream(bytes);
    try {
        read(in);
    } catch (const ffr::FormatError& refused) {
        return refused.what();
    }
    return "";
}

inline bool contains(const std::string& whole, const std::string& part) {
    return whole.find(part) != std::string::npos;
}

/// Bytes with one of them altered: every bit flipped, and the byte at its ends.
inline std::vector<Bytes> altered(const Bytes& bytes, std::size_t place) {
    std::vector<Bytes> all;
    for (unsigned bit = 0; bit < 8; ++bit) {
        all.push_back(bytes);
        all.back()[place] = static_cast<std::uint8_t>(bytes[place] ^ 1u << bit);
    }
    for (const int value : {0, 0xFF, 0x88, 0x08}) {
        all.push_back(bytes);
        all.back()[place] = static_cast<std::uint8_t>(value);
    }
    return all;
}
