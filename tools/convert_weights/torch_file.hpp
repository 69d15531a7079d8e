#pragma once
/// \file
/// Torch7's serialisation (.t7) without Torch: a file is one object, and objects are numbers, texts, tables, storages,
/// tensors and instances of Lua classes, which are tables. docs/torch-files.md describes both encodings, binary and
/// ascii.
///
/// The reader trusts nothing: every length is held against the bytes that are left before anything is allocated, every
/// index is either new or that of a finished object of the same sort, objects nest at most 64 deep, and a tensor lies
/// within its storage. The elements of a binary file aren't copied but looked up where they lie.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ffr/base/error.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/xxhash.hpp"

namespace convert {

struct TorchObject;

/// Keys and values in the order of the file.
using TorchTable = std::vector<std::pair<const TorchObject*, const TorchObject*>>;

/// What the elements of a storage are.
enum class TorchElement { float64, float32, float16, int64, int32, int16, int8, uint8 };

/// A piece of memory: in a binary file a place in the file, in an ascii file numbers.
struct TorchStorage {
    TorchElement type = TorchElement::float32;
    std::size_t size = 0;
    const unsigned char* bytes = nullptr;
    std::vector<double> numbers;
};

/// A window on a storage: element (i, j, ...) stands at offset + i * strides[0] + j * strides[1] + ...
struct TorchTensor {
    std::vector<std::size_t> sizes, strides;
    std::size_t offset = 0;
    const TorchStorage* storage = nullptr;  // null when there's no element
};

/// An instance of a Lua class.
struct TorchInstance {
    std::string class_name;
    const TorchTable* fields = nullptr;
};

/// Any object; std::monostate is nil.
struct TorchObject {
    std::variant<std::monostate, double, bool, std::string, TorchTable, TorchStorage, TorchTensor, TorchInstance> value;

    /// The value as one of its types; null when it's of another.
    template <typename T>
    const T* as() const {
        return std::get_if<T>(&value);
    }
};

/// The value under a text as key; null when there's none.
inline const TorchObject* find(const TorchTable& table, std::string_view key) {
    for (const auto& [name, value] : table) {
        if (const auto* const text = name->as<std::string>(); text != nullptr && *text == key) return value;
    }
    return nullptr;
}

/// A text from a file as messages show it: not too long, on one line, without control characters.
inline std::string shown_text(const std::string& text) {
    constexpr std::size_t kMost = 60;
    std::string shown = text.substr(0, kMost);
    for (char& letter : shown) {
        if (static_cast<unsigned char>(letter) < 32 || letter == 127) letter = '?';
    }
    return text.size() > kMost ? shown + "..." : shown;
}

/// Bytes an element takes.
inline std::size_t element_size(TorchElement type) {
    constexpr std::size_t kSizes[] = {8, 4, 2, 8, 4, 2, 1, 1};
    return kSizes[static_cast<std::size_t>(type)];
}

/// An element as a number. \param index  below the storage's size
inline double element(const TorchStorage& storage, std::size_t index) {
    if (storage.bytes == nullptr) return storage.numbers[index];
    const auto read = [at = storage.bytes + index * element_size(storage.type)](auto number) {
        std::memcpy(&number, at, sizeof number);
        return static_cast<double>(number);
    };
    switch (storage.type) {
        case TorchElement::float64:
            return read(double{});
        case TorchElement::float32:
            return read(float{});
        case TorchElement::float16: {
            const auto bits = static_cast<std::uint16_t>(read(std::uint16_t{}));
            if ((bits & 0x7C00) == 0x7C00) return std::numeric_limits<double>::quiet_NaN();  // or infinity
            return static_cast<double>(ffr::to_float({bits}));
        }
        case TorchElement::int64:
            return read(std::int64_t{});
        case TorchElement::int32:
            return read(std::int32_t{});
        case TorchElement::int16:
            return read(std::int16_t{});
        case TorchElement::int8:
            return read(std::int8_t{});
        default:
            return read(std::uint8_t{});
    }
}

/// A .t7 file, read. Holds all of its objects; they point at each other and into the file's bytes.
class TorchFile {
  public:
    /// \param name   for messages
    /// \param bytes  the file; have to outlive this
    /// \throws ffr::FormatError with name, offset and reason when it isn't one whole object and nothing else
    TorchFile(std::string name, const unsigned char* bytes, std::size_t size)
        : name_(std::move(name)), bytes_(bytes), size_(size) {
        // The first token is a type tag: in a binary file a byte of 0..8, in an ascii file its digit.
        ascii_ = size > 0 && bytes[0] >= '0' && bytes[0] <= '9';
        root_ = object(1);
        if (ascii_) skip_space();
        if (position_ != size_) fail(std::to_string(size_ - position_) + " bytes too many");
    }
    TorchFile(const TorchFile&) = delete;
    TorchFile& operator=(const TorchFile&) = delete;

    const std::string& name() const { return name_; }
    const TorchObject& root() const { return *root_; }

  private:
    static constexpr int kDeepest = 64;
    static constexpr int kMostDimensions = 8;

    [[noreturn]] void fail(const std::string& reason) const {
        throw ffr::FormatError(name_ + ": byte " + std::to_string(position_) + ": " + reason);
    }

    // Tokens: the same in both encodings.

    template <typename Bits>
    Bits little_endian() {
        return ffr::detail::load_little_endian<Bits>(raw(sizeof(Bits)));
    }

    std::int32_t int32() {
        if (!ascii_) return static_cast<std::int32_t>(little_endian<std::uint32_t>());
        const std::int64_t value = ascii_integer();
        if (value != static_cast<std::int32_t>(value)) fail("an integer of more than 32 bits");
        return static_cast<std::int32_t>(value);
    }

    std::int64_t int64() {
        return ascii_ ? ascii_integer() : static_cast<std::int64_t>(little_endian<std::uint64_t>());
    }

    double float64() {
        if (ascii_) return ascii_number();
        double value;
        std::memcpy(&value, raw(sizeof value), sizeof value);
        return value;
    }

    std::string text() {
        const std::size_t length = count(int32(), 1, "bytes of text");
        return {reinterpret_cast<const char*>(raw_after_count(length)), length};
    }

    const unsigned char* raw(std::size_t size) {
        if (size_ - position_ < size) fail("the file ends here");
        const unsigned char* const start = bytes_ + position_;
        position_ += size;
        return start;
    }

    /// Raw bytes after their count: in an ascii file a line end stands before and behind them.
    const unsigned char* raw_after_count(std::size_t size) {
        const auto skip_line_end = [this] {
            if (ascii_ && position_ < size_ && bytes_[position_] == '\n') ++position_;
        };
        skip_line_end();
        const unsigned char* const start = raw(size);
        skip_line_end();
        return start;
    }

    /// Refuses a count of things of at least `least_bytes` each that the rest of the file has no room for.
    std::size_t count(std::int64_t value, std::size_t least_bytes, const std::string& what) const {
        if (value < 0 || static_cast<std::uint64_t>(value) > (size_ - position_) / least_bytes) {
            fail(std::to_string(value) + " " + what + " don't fit into the file");
        }
        return static_cast<std::size_t>(value);
    }

    bool at_space() const {
        const unsigned char byte = bytes_[position_];
        return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
    }

    void skip_space() {
        while (position_ < size_ && at_space()) ++position_;
    }

    double ascii_number() {
        skip_space();
        std::string word;
        while (position_ < size_ && !at_space() && word.size() < 64) word += static_cast<char>(bytes_[position_++]);
        // Every number has a blank or a line end behind it: where it hasn't, it may be half of one.
        if (position_ == size_) fail("the file ends here");
        if (!at_space()) fail("'" + shown_text(word) + "' is too long for a number");
        char* end = nullptr;
        const double value = std::strtod(word.c_str(), &end);
        if (end != word.c_str() + word.size()) fail("'" + shown_text(word) + "' isn't a number");
        return value;
    }

    std::int64_t ascii_integer() {
        constexpr double kExact = 9007199254740992.0;  // 2^53: doubles are whole numbers without gaps up to here
        const double value = ascii_number();
        if (!(std::fabs(value) <= kExact) || value != std::floor(value)) fail("expected a whole number");
        return static_cast<std::int64_t>(value);
    }

    // Objects

    const TorchObject* object(int depth) {
        if (depth > kDeepest) fail("objects are nested more than 64 deep");
        const std::int32_t tag = int32();
        switch (tag) {
            case 0:
                return &nil_;
            case 1:
                return keep(float64());
            case 2:
                return keep(text());
            case 3:
            case 4:
                return indexed_object(tag, depth);
            case 5: {
                const std::int32_t truth = int32();
                if (truth != 0 && truth != 1) fail("a truth value is 0 or 1, not " + std::to_string(truth));
                return keep(truth == 1);
            }
            case 6:
            case 7:
            case 8:
                fail("holds a Lua function: only data can be read");
            default:
                fail("type tag " + std::to_string(tag) + " isn't one of Torch's");
        }
    }

    template <typename T>
    const TorchObject* keep(T value) {
        return &objects_.emplace_back(TorchObject{std::move(value)});
    }

    /// A table (tag 3) or Torch object (tag 4): its index and, the first time, what it is.
    const TorchObject* indexed_object(std::int32_t tag, int depth) {
        const std::int32_t index = int32();
        if (index < 1) fail("index " + std::to_string(index) + " isn't above 0");
        const auto [known, is_new] = indexed_.try_emplace(index, Indexed{tag, nullptr});
        if (is_new) {
            const TorchObject* const found = tag == 3 ? keep(table(depth)) : torch_object(depth);
            known->second.object = found;
        } else if (known->second.tag != tag) {
            fail("index " + std::to_string(index) + " is both a table and a Torch object");
        } else if (known->second.object == nullptr) {
            fail("object " + std::to_string(index) + " contains itself");
        }
        return known->second.object;
    }

    TorchTable table(int depth) {
        const std::size_t least_bytes = ascii_ ? 4 : 8;  // a key and a value: two type tags
        const std::size_t entries = count(int32(), least_bytes, "entries of a table");
        TorchTable found;
        for (std::size_t i = 0; i < entries; ++i) {
            const TorchObject* const key = object(depth + 1);
            found.emplace_back(key, object(depth + 1));
        }
        return found;
    }

    const TorchObject* torch_object(int depth) {
        std::string name = text();
        if (name.rfind("V ", 0) == 0) name = text();  // very old files have no version in front of the class
        const auto element_of = [&name](std::string_view end) -> std::string {
            constexpr std::string_view kTorch = "torch.";
            const bool fits = name.size() > kTorch.size() + end.size() && name.rfind(kTorch, 0) == 0 &&
                              name.compare(name.size() - end.size(), end.size(), end) == 0;
            return fits ? name.substr(kTorch.size(), name.size() - kTorch.size() - end.size()) : "";
        };
        if (const std::string element = element_of("Storage"); !element.empty()) return keep(storage(type_of(element)));
        if (const std::string element = element_of("Tensor"); !element.empty()) {
            return keep(tensor(type_of(element), depth));
        }
        if (name.rfind("nn.", 0) != 0 && name.rfind("cudnn.", 0) != 0 && name.rfind("cunn.", 0) != 0) {
            fail("'" + shown_text(name) + "' isn't a class that can be read");
        }
        const auto* const fields = object(depth + 1)->as<TorchTable>();
        if (fields == nullptr) fail("'" + shown_text(name) + "' has no table of fields");
        return keep(TorchInstance{std::move(name), fields});
    }

    TorchElement type_of(std::string element) const {
        static const std::map<std::string, TorchElement> kTypes{
            {"Double", TorchElement::float64}, {"Float", TorchElement::float32}, {"Half", TorchElement::float16},
            {"Long", TorchElement::int64},     {"Int", TorchElement::int32},     {"Short", TorchElement::int16},
            {"Char", TorchElement::int8},      {"Byte", TorchElement::uint8}};
        if (element == "Cuda") return TorchElement::float32;
        if (element.rfind("Cuda", 0) == 0) element.erase(0, 4);
        const auto known = kTypes.find(element);
        if (known == kTypes.end()) fail("'" + shown_text(element) + "' isn't a type of elements that can be read");
        return known->second;
    }

    TorchStorage storage(TorchElement type) {
        const std::size_t bytes = element_size(type);
        const bool is_raw = !ascii_ || bytes == 1;
        TorchStorage found{type, count(int64(), is_raw ? bytes : 1, "elements of a storage"), nullptr, {}};
        if (is_raw) {
            found.bytes = raw_after_count(found.size * bytes);
        } else {
            for (std::size_t i = 0; i < found.size; ++i) found.numbers.push_back(ascii_number());
        }
        return found;
    }

    TorchTensor tensor(TorchElement type, int depth) {
        const std::int32_t dimensions = int32();
        if (dimensions < 0 || dimensions > kMostDimensions) {
            fail("a tensor of " + std::to_string(dimensions) + " dimensions");
        }
        TorchTensor found;
        for (auto* const extents : {&found.sizes, &found.strides}) {
            for (std::int32_t i = 0; i < dimensions; ++i) {
                const std::int64_t extent = int64();
                if (extent < 0) fail("a tensor's size or stride of " + std::to_string(extent));
                extents->push_back(static_cast<std::size_t>(extent));
            }
        }
        const std::int64_t first = int64();
        const TorchObject* const storage = object(depth + 1);
        found.storage = storage->as<TorchStorage>();
        if (found.storage == nullptr && storage->as<std::monostate>() == nullptr) fail("a tensor without a storage");
        if (found.storage != nullptr && found.storage->type != type) fail("a tensor and its storage differ in type");
        require_inside(found, first);
        return found;
    }

    /// All elements have to lie within the storage. \param first  the place of the first one, counted from 1
    void require_inside(TorchTensor& tensor, std::int64_t first) const {
        bool empty = tensor.sizes.empty();
        for (const std::size_t size : tensor.sizes) empty = empty || size == 0;
        if (empty) return;
        const std::size_t size = tensor.storage == nullptr ? 0 : tensor.storage->size;
        if (first < 1 || static_cast<std::uint64_t>(first) > size) fail("a tensor begins outside of its storage");
        tensor.offset = static_cast<std::size_t>(first - 1);
        std::size_t room = size - 1 - tensor.offset;  // how far the last element may be from the first
        for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
            const std::size_t steps = tensor.sizes[i] - 1;
            if (steps != 0 && tensor.strides[i] > room / steps) fail("a tensor reaches over the end of its storage");
            room -= steps * tensor.strides[i];
        }
    }

    struct Indexed {
        std::int32_t tag;
        const TorchObject* object;  // null while it's being read
    };

    std::string name_;
    const unsigned char* bytes_;
    std::size_t size_;
    std::size_t position_ = 0;
    bool ascii_ = false;
    std::map<std::int32_t, Indexed> indexed_;
    std::deque<TorchObject> objects_;  // all in one place: a chain of a million of them is as easily let go as one
    const TorchObject nil_{};
    const TorchObject* root_ = nullptr;
};

}  // namespace convert
