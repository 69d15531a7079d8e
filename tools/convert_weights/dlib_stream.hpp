#pragma once
/// \file
/// The primitives of dlib's serialisation: self-describing integers, floats as mantissa and exponent, matrices,
/// tensors. docs/dlib-files.md describes them. The reader trusts nothing: every count is held against the bytes that
/// are left before anything is allocated, and every number has to be finite.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/error.hpp"

namespace convert {

/// Shape of a dlib tensor: samples, channels, rows, columns.
struct TensorShape {
    std::int64_t samples, channels, rows, columns;
    friend bool operator==(const TensorShape& a, const TensorShape& b) {
        return a.samples == b.samples && a.channels == b.channels && a.rows == b.rows && a.columns == b.columns;
    }
};

/// A matrix of numbers, row after row.
struct Matrix {
    std::size_t rows = 0, columns = 0;
    std::vector<double> values;
};

/// Reads dlib's primitives one after the other. All members throw ffr::FormatError with file, offset and field.
class DlibStream {
  public:
    DlibStream(std::string name, std::vector<std::uint8_t> bytes) : name_(std::move(name)), bytes_(std::move(bytes)) {
        if (bytes_.size() >= 4 && std::memcmp(bytes_.data(), "BZh", 3) == 0) {
            throw ffr::FormatError(name_ + ": is still compressed; unpack it with bunzip2 first");
        }
    }

    [[noreturn]] void fail(const std::string& field, const std::string& reason) const {
        throw ffr::FormatError(name_ + ": byte " + std::to_string(position_) + ", " + field + ": " + reason);
    }

    void require(bool fine, const std::string& field, const std::string& reason) const {
        if (!fine) fail(field, reason);
    }

    std::size_t bytes_left() const { return bytes_.size() - position_; }

    void expect_end() const { require(bytes_left() == 0, "end", std::to_string(bytes_left()) + " bytes too many"); }

    std::uint8_t byte(const std::string& field) {
        require(position_ < bytes_.size(), field, "the file ends here");
        return bytes_[position_++];
    }

    /// An integer of any width: a control byte with sign and length, then the magnitude.
    std::int64_t integer(const std::string& field) {
        const std::uint8_t control = byte(field);
        const unsigned length = control & 0x0F;
        require((control & 0x70) == 0 && length >= 1 && length <= 8, field, "isn't an integer");
        std::uint64_t magnitude = 0;
        for (unsigned i = 0; i < length; ++i) magnitude |= std::uint64_t{byte(field)} << (8 * i);
        const bool negative = (control & 0x80) != 0;
        require(magnitude <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), field,
                "is out of range");
        return negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude);
    }

    void expect_integer(std::int64_t wanted, const std::string& field) {
        const std::int64_t found = integer(field);
        require(found == wanted, field, "is " + std::to_string(found) + ", expected " + std::to_string(wanted));
    }

    /// A count of elements of at least `least_bytes` each.
    std::size_t count(std::size_t least_bytes, const std::string& field) {
        const std::int64_t value = integer(field);
        require(value >= 0 && static_cast<std::uint64_t>(value) <= bytes_left() / least_bytes, field,
                "a count of " + std::to_string(value) + " doesn't fit into the file");
        return static_cast<std::size_t>(value);
    }

    /// A float or double: mantissa, then exponent.
    double number(const std::string& field) {
        const std::int64_t mantissa = integer(field), exponent = integer(field);
        require(exponent > -2000 && exponent < 2000, field, "isn't a finite number");
        const double value = std::ldexp(static_cast<double>(mantissa), static_cast<int>(exponent));
        require(std::fabs(value) <= 1e30, field, "is out of range");
        return mantissa == 0 ? 0 : value;
    }

    bool boolean(const std::string& field) {
        const std::uint8_t value = byte(field);
        require(value == '0' || value == '1', field, "isn't a truth value");
        return value == '1';
    }

    std::string text(const std::string& field) {
        const std::size_t length = count(1, field);
        std::string value(bytes_.begin() + static_cast<std::ptrdiff_t>(position_),
                          bytes_.begin() + static_cast<std::ptrdiff_t>(position_ + length));
        position_ += length;
        return value;
    }

    void expect_text(const std::string& wanted, const std::string& field) {
        const std::string found = text(field);
        require(found == wanted, field, "is '" + found + "', expected '" + wanted + "'");
    }

    /// Rows and columns are stored negated, by old writers as they are.
    Matrix matrix(const std::string& field) {
        const std::int64_t rows = std::abs(integer(field)), columns = std::abs(integer(field));
        const auto most = static_cast<std::int64_t>(bytes_left() / 4);
        require(rows <= most && columns <= most && (columns == 0 || rows <= most / columns), field,
                "a matrix of " + std::to_string(rows) + " x " + std::to_string(columns) + " doesn't fit into the file");
        Matrix result{static_cast<std::size_t>(rows), static_cast<std::size_t>(columns), {}};
        result.values.resize(result.rows * result.columns);
        for (double& value : result.values) value = number(field);
        return result;
    }

    /// Four extents of a tensor, after the version number given.
    TensorShape shape(std::int64_t version, const std::string& field) {
        expect_integer(version, field + " version");
        TensorShape result{};
        for (std::int64_t* extent : {&result.samples, &result.channels, &result.rows, &result.columns}) {
            *extent = integer(field);
            require(*extent >= 0 && *extent <= std::numeric_limits<std::int32_t>::max(), field, "has an odd extent");
        }
        return result;
    }

    /// A tensor: shape and raw float32 values.
    std::vector<float> tensor(const std::string& field, TensorShape& found) {
        found = shape(2, field);
        std::uint64_t size = 1;
        for (const std::int64_t extent : {found.samples, found.channels, found.rows, found.columns}) {
            require(extent == 0 || size <= bytes_left() / static_cast<std::uint64_t>(extent), field,
                    "a tensor doesn't fit into the file");
            size *= static_cast<std::uint64_t>(extent);
        }
        require(size <= bytes_left() / sizeof(float), field, "a tensor doesn't fit into the file");
        std::vector<float> values(static_cast<std::size_t>(size));
        if (!values.empty()) std::memcpy(values.data(), bytes_.data() + position_, values.size() * sizeof(float));
        position_ += values.size() * sizeof(float);
        for (const float value : values) require(std::isfinite(value), field, "has a value that isn't finite");
        return values;
    }

  private:
    std::string name_;
    std::vector<std::uint8_t> bytes_;
    std::size_t position_ = 0;
};

}  // namespace convert
