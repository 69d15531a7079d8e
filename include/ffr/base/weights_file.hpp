#pragma once
/// \file
/// The weight file: named tensors (tables of numbers with one to four indices) in one file that is read and used in
/// place. All that was learned from examples comes from such files: filters, trees, networks. docs/weight-format.md has
/// the layout byte by byte.
///
///     +--------+-------------------------+------+---------+------+---------+---
///     | header | directory: 112 B/tensor | gap  | tensor  | gap  | tensor  | ...
///     +--------+-------------------------+------+---------+------+---------+---
///     64 bytes                             every tensor starts at a multiple of 64
///
/// Opening a file checks its checksum and its directory once; after that a tensor is a pointer into its bytes.
/// Licence and origin are tensors of text like any other. Models trained by the user are kept in the same format.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "error.hpp"
#include "file.hpp"
#include "float_environment.hpp"
#include "pending_file.hpp"
#include "xxhash.hpp"

namespace ffr {
inline namespace v0_1 {

/// IEEE 754 binary16 as it stands in a file; see to_float.
struct Half {
    std::uint16_t bits;  ///< sign 1, exponent 5, fraction 10, from the highest bit on
};

/// The number that a half stands for, exactly, subnormals included.
///
/// Fraction and exponent go to a float's place, whose exponent counts from 112 lower. A subnormal half is a whole number
/// of 2^-24, and an ordinary float. So no step rounds or takes a subnormal float, which the program may have flushed to
/// 0. Infinity and NaN don't occur in weights and come out as 65536 and more.
inline float to_float(Half half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000) << 16;
    std::uint32_t bits = static_cast<std::uint32_t>(half.bits & 0x7FFF) << 13;
    if ((half.bits & 0x7C00) == 0) {
        const float size = static_cast<float>(half.bits & 0x3FF) * (1.0f / (1 << 24));
        std::memcpy(&bits, &size, sizeof bits);
    } else {
        bits += std::uint32_t{112} << 23;
    }
    bits |= sign;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/// What a tensor's elements are.
enum class TensorType : std::uint32_t { text = 1, int8, uint16, int16, int32, float16, float32, float64 };

/// Bytes an element takes; 0 for a type that isn't known.
inline std::size_t element_size(TensorType type) {
    switch (type) {
        case TensorType::text:
        case TensorType::int8:
            return 1;
        case TensorType::uint16:
        case TensorType::int16:
        case TensorType::float16:
            return 2;
        case TensorType::int32:
        case TensorType::float32:
            return 4;
        case TensorType::float64:
            return 8;
    }
    return 0;
}

/// The type as people write it: "float32"; "unknown" for a type that isn't known.
inline std::string to_string(TensorType type) {
    constexpr const char* kNames[] = {"unknown", "text",    "int8",    "uint16", "int16",
                                      "int32",   "float16", "float32", "float64"};
    const auto index = static_cast<std::uint32_t>(type);
    return kNames[index < std::size(kNames) ? index : 0];
}

/// TensorType of a C++ type.
template <typename T>
constexpr TensorType tensor_type() {
    if constexpr (std::is_same_v<T, char>)
        return TensorType::text;
    else if constexpr (std::is_same_v<T, std::int8_t>)
        return TensorType::int8;
    else if constexpr (std::is_same_v<T, std::uint16_t>)
        return TensorType::uint16;
    else if constexpr (std::is_same_v<T, std::int16_t>)
        return TensorType::int16;
    else if constexpr (std::is_same_v<T, std::int32_t>)
        return TensorType::int32;
    else if constexpr (std::is_same_v<T, Half>)
        return TensorType::float16;
    else if constexpr (std::is_same_v<T, float>)
        return TensorType::float32;
    else {
        static_assert(std::is_same_v<T, double>, "not a type that a weight file holds");
        return TensorType::float64;
    }
}

/// A tensor in a file: its name, type, shape (slowest index first) and where it lies.
struct TensorInfo {
    std::string name;                     ///< up to 55 characters, such as "conv01/weights"
    TensorType type = TensorType::text;   ///< of each element
    std::vector<std::size_t> shape;       ///< extents
    const unsigned char* data = nullptr;  ///< first byte, at a multiple of 64 bytes
    std::size_t bytes = 0;                ///< of all elements
};

/// Elements of a tensor, in place: valid as long as a copy of the WeightsFile that it came from lives.
template <typename T>
struct TensorView {
    const T* data = nullptr;         ///< the first element; the last index runs fastest
    std::vector<std::size_t> shape;  ///< extents, slowest index first

    /// Number of elements.
    std::size_t size() const {
        std::size_t product = 1;
        for (const std::size_t extent : shape) product *= extent;
        return product;
    }
    /// The first element.
    const T* begin() const { return data; }
    /// Behind the last element.
    const T* end() const { return data + size(); }
    /// An element by its place in memory, 0 <= index < size(), unchecked.
    const T& operator[](std::size_t index) const { return data[index]; }
};

namespace detail {

constexpr char kWeightsMagic[8] = {'\x89', 'F', 'F', 'R', '\r', '\n', '\x1a', '\n'};
constexpr std::uint32_t kWeightsVersion = 1;
constexpr std::size_t kWeightsAlignment = 64, kHeaderSize = 64, kKindSize = 32, kChecksumStart = 32, kEntrySize = 112,
                      kNameSize = 56, kMaxRank = 4;

inline std::size_t align_up(std::size_t offset) {
    return (offset + kWeightsAlignment - 1) / kWeightsAlignment * kWeightsAlignment;
}

/// Files are little-endian, and so are most machines, which use them in place.
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
constexpr bool kFilesSuitMachine = false;
#else
constexpr bool kFilesSuitMachine = true;
#endif

inline AlignedMemory aligned_copy(const SharedBytes& bytes) {
    AlignedMemory copy(bytes.size);
    std::memcpy(copy.data, bytes.data, bytes.size);
    return copy;
}

/// The same bytes at an address that suits every tensor: themselves, or a copy where they don't lie so.
inline SharedBytes aligned(SharedBytes bytes) {
    if (reinterpret_cast<std::uintptr_t>(bytes.data) % kWeightsAlignment == 0) return bytes;
    AlignedMemory copy = aligned_copy(bytes);
    return {copy.data, bytes.size, std::move(copy.owner)};
}

/// Reverses the bytes of each element, which is `size` bytes.
inline void reverse_elements(unsigned char* first, std::size_t bytes, std::size_t size) {
    for (unsigned char* element = first; element != first + bytes; element += size) {
        std::reverse(element, element + size);
    }
}

/// A fixed-size field of text up to its first NUL.
inline std::string fixed_text(const unsigned char* field, std::size_t size) {
    const auto* const end = std::find(field, field + size, static_cast<unsigned char>(0));
    return {field, end};
}

}  // namespace detail

/// A checksum as people write it: 16 hexadecimal digits.
inline std::string hexadecimal(std::uint64_t value) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
    return text;
}

/// A weight file, opened and checked. Copies are cheap and share the bytes; const and safe for many threads.
class WeightsFile {
  public:
    /// In an expected shape: any extent will do.
    static constexpr std::size_t kAny = static_cast<std::size_t>(-1);
    /// Files of more bytes aren't read.
    static constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;

    /// Reads a file and checks it. What's done to the file afterwards changes nothing. Cost: its bytes are read once and
    /// gone through once for the checksum, 5 to 8 ms for the 20 MB of the 68 landmarks.
    /// \throws FileError when it can't be read or has more than a gigabyte, FormatError when it's no weight file, is cut
    /// off or was altered
    static WeightsFile open(const std::filesystem::path& path) {
        return WeightsFile(detail::path_text(path), detail::read_aligned(path, kMostBytes));
    }

    /// The same for bytes in memory, such as weights linked into a program; they have to outlive all views. Bytes that
    /// don't begin at a multiple of 64 are copied.
    /// \param name  stands for the path in messages. \throws FormatError as open does
    static WeightsFile from_memory(const void* bytes, std::size_t size, std::string name) {
        return WeightsFile(std::move(name), {static_cast<const unsigned char*>(bytes), size, nullptr});
    }

    /// Path (or the name given to from_memory), for messages.
    const std::string& name() const { return name_; }
    /// What the file is for: "hog_detector", "landmarks", "resnet29", "nn4.small2", "identifier".
    const std::string& kind() const { return kind_; }
    /// XXH64 of everything after the first 32 bytes, as it stands in the header (and was found right).
    std::uint64_t checksum() const { return checksum_; }
    /// Size of the whole file in bytes.
    std::size_t size() const { return bytes_.size; }
    /// All tensors in the order of the file.
    const std::vector<TensorInfo>& tensors() const { return tensors_; }

    /// True when the file has a tensor of that name.
    bool contains(std::string_view name) const { return find(name) != nullptr; }

    /// Refuses a file that's for something else. \throws FormatError unless kind() is the one wanted
    void require_kind(std::string_view wanted) const {
        if (kind_ != wanted) throw FormatError(name_ + ": holds '" + kind_ + "', not '" + std::string(wanted) + "'");
    }

    /// A tensor by name.
    /// \param shape  what it has to be, slowest index first; kAny where any extent is right
    /// \throws FormatError when it's missing, of another type or of another shape
    template <typename T>
    TensorView<T> tensor(std::string_view name, const std::vector<std::size_t>& shape) const {
        const TensorInfo& info = require(name, tensor_type<T>(), shape);
        return {reinterpret_cast<const T*>(info.data), info.shape};
    }

    /// A tensor as tensor() gives it, of floating-point numbers that are all finite and at most 1e30 in size, which leaves
    /// room for sums of some products with pixels.
    /// \throws FormatError as tensor() does, or for NaN, infinity or a larger number
    template <typename T>
    TensorView<T> finite_tensor(std::string_view name, const std::vector<std::size_t>& shape) const {
        TensorView<T> view = tensor<T>(name, shape);
        detail::with_default_floats([&] {
            for (const T value : view) {
                if (!std::isfinite(value)) fail_infinite(name);
                if (std::abs(value) > T(1e30)) fail("tensor '" + std::string(name) + "' has a value beyond 1e30");
            }
        });
        return view;
    }

    /// True when the file has that tensor in float16.
    bool is_half(std::string_view name) const { return contains(name) && require(name).type == TensorType::float16; }

    /// A tensor of float16. \throws FormatError as tensor() does, or for NaN or infinity
    TensorView<Half> halves(std::string_view name, const std::vector<std::size_t>& shape) const {
        TensorView<Half> view = tensor<Half>(name, shape);
        for (const Half value : view) {
            if ((value.bits & 0x7C00) == 0x7C00) fail_infinite(name);
        }
        return view;
    }

    /// A tensor of float16 or float32, copied as float32. \throws FormatError as finite_tensor() does
    std::vector<float> floats(std::string_view name, const std::vector<std::size_t>& shape) const {
        if (is_half(name)) {
            const auto view = halves(name, shape);
            std::vector<float> values(view.size());
            std::transform(view.begin(), view.end(), values.begin(), to_float);
            return values;
        }
        const auto view = finite_tensor<float>(name, shape);
        return {view.begin(), view.end()};
    }

    /// A tensor of text. \throws FormatError when it's missing or isn't text
    std::string text(std::string_view name) const {
        const auto characters = tensor<char>(name, {kAny});
        return {characters.begin(), characters.end()};
    }

  private:
    WeightsFile(std::string name, detail::SharedBytes bytes)
        : name_(std::move(name)), bytes_(detail::aligned(std::move(bytes))) {
        read_header();
        // The checksum doesn't cover the number of tensors, but the place of the first one tells it.
        std::size_t end = detail::kHeaderSize + tensors_.size() * detail::kEntrySize;
        for (std::size_t i = 0; i < tensors_.size(); ++i) end = read_entry(i, end);
        if (end != bytes_.size) fail("the last tensor ends at " + std::to_string(end) + ", not where the file does");
        if constexpr (!detail::kFilesSuitMachine) reverse_all_elements();
    }

    [[noreturn]] void fail(const std::string& reason) const { throw FormatError(name_ + ": " + reason); }

    void read_header() {
        const std::string end_text = "the file ends at " + std::to_string(bytes_.size);
        if (bytes_.size == 0) fail("the file is empty");
        const std::size_t shown = std::min(bytes_.size, sizeof detail::kWeightsMagic);
        if (std::memcmp(bytes_.data, detail::kWeightsMagic, shown) != 0) fail("isn't an ffr weight file");
        if (bytes_.size < detail::kHeaderSize) fail("the header needs 64 bytes, " + end_text);
        const auto version = detail::load_little_endian<std::uint32_t>(bytes_.data + 8);
        if (version != detail::kWeightsVersion) {
            fail("has format version " + std::to_string(version) + ", this program reads version 1");
        }
        const auto count = detail::load_little_endian<std::uint32_t>(bytes_.data + 12);
        const auto size = detail::load_little_endian<std::uint64_t>(bytes_.data + 16);
        if (size != bytes_.size) fail("should have " + std::to_string(size) + " bytes, " + end_text);
        if (count > (bytes_.size - detail::kHeaderSize) / detail::kEntrySize) {
            fail("the directory of " + std::to_string(count) + " tensors doesn't fit, " + end_text);
        }
        checksum_ = detail::load_little_endian<std::uint64_t>(bytes_.data + 24);
        if (detail::xxh64(bytes_.data + detail::kChecksumStart, bytes_.size - detail::kChecksumStart) != checksum_) {
            fail("the checksum is wrong: the file was damaged or altered");
        }
        kind_ = detail::fixed_text(bytes_.data + 32, detail::kKindSize);
        tensors_.resize(count);
    }

    /// \param end  of what lies before this tensor. \returns its own end
    std::size_t read_entry(std::size_t index, std::size_t end) {
        const unsigned char* const entry = bytes_.data + detail::kHeaderSize + index * detail::kEntrySize;
        TensorInfo& info = tensors_[index];
        info.name = detail::fixed_text(entry, detail::kNameSize);
        const std::string what = "tensor " + std::to_string(index) + " ('" + info.name + "') ";
        info.type = static_cast<TensorType>(detail::load_little_endian<std::uint32_t>(entry + 56));
        info.bytes = element_size(info.type);
        if (info.bytes == 0) fail(what + "has a type that isn't known");
        const auto rank = detail::load_little_endian<std::uint32_t>(entry + 60);
        if (rank > detail::kMaxRank) fail(what + "has more than 4 dimensions");
        for (std::uint32_t i = 0; i < rank; ++i) {
            const auto extent = detail::load_little_endian<std::uint64_t>(entry + 64 + 8 * i);
            if (extent != 0 && info.bytes > bytes_.size / extent) fail(what + "is larger than the file");
            info.shape.push_back(static_cast<std::size_t>(extent));
            info.bytes *= static_cast<std::size_t>(extent);
        }
        const auto offset = detail::load_little_endian<std::uint64_t>(entry + 96);
        if (offset % detail::kWeightsAlignment != 0 || offset > bytes_.size || info.bytes > bytes_.size - offset) {
            fail(what + "needs " + std::to_string(info.bytes) + " bytes from " + std::to_string(offset) +
                 ", the file ends at " + std::to_string(bytes_.size));
        }
        if (offset != detail::align_up(end)) fail(what + "doesn't begin where what's before it ends");
        info.data = bytes_.data + offset;
        return static_cast<std::size_t>(offset) + info.bytes;
    }

    /// For a big-endian machine, which then works on a copy of the file.
    void reverse_all_elements() {
        detail::AlignedMemory copy = detail::aligned_copy(bytes_);
        for (TensorInfo& info : tensors_) {
            unsigned char* const first = copy.data + (info.data - bytes_.data);
            detail::reverse_elements(first, info.bytes, element_size(info.type));
            info.data = first;
        }
        bytes_ = {copy.data, bytes_.size, std::move(copy.owner)};
    }

    const TensorInfo* find(std::string_view name) const {
        const auto match = [&](const TensorInfo& info) { return info.name == name; };
        const auto found = std::find_if(tensors_.begin(), tensors_.end(), match);
        return found == tensors_.end() ? nullptr : &*found;
    }

    const TensorInfo& require(std::string_view name) const {
        const TensorInfo* const info = find(name);
        if (info == nullptr) throw FormatError(name_ + ": has no tensor '" + std::string(name) + "'");
        return *info;
    }

    [[noreturn]] void fail_infinite(std::string_view name) const {
        throw FormatError(name_ + ": tensor '" + std::string(name) + "' has a value that isn't finite");
    }

    const TensorInfo& require(std::string_view name, TensorType type, const std::vector<std::size_t>& shape) const {
        const TensorInfo& info = require(name);
        if (info.type != type) {
            throw FormatError(name_ + ": tensor '" + info.name + "' is " + to_string(info.type) + ", not " +
                              to_string(type));
        }
        const bool same =
            shape.size() == info.shape.size() &&
            std::equal(shape.begin(), shape.end(), info.shape.begin(),
                       [](std::size_t wanted, std::size_t found) { return wanted == kAny || wanted == found; });
        if (!same) {
            throw FormatError(name_ + ": tensor '" + info.name + "' has shape " + shape_text(info.shape) + ", not " +
                              shape_text(shape));
        }
        return info;
    }

    static std::string shape_text(const std::vector<std::size_t>& shape) {
        std::string text = "[";
        for (const std::size_t extent : shape) {
            text += (text == "[" ? "" : " x ") + (extent == kAny ? "any" : std::to_string(extent));
        }
        return text + "]";
    }

    std::string name_;
    detail::SharedBytes bytes_;
    std::string kind_;
    std::uint64_t checksum_ = 0;
    std::vector<TensorInfo> tensors_;
};

}  // namespace v0_1
}  // namespace ffr
