#pragma once
/// \file
/// Small files in Torch's format, token by token.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

/// Writes tokens in one of the encodings.
class Tokens {
  public:
    explicit Tokens(bool ascii) : ascii_(ascii) {}

    Tokens& integer(std::int32_t value) { return ascii_ ? word(std::to_string(value)) : raw(value); }
    Tokens& size(std::int64_t value) { return ascii_ ? word(std::to_string(value)) : raw(value); }
    Tokens& real(double value) { return ascii_ ? word(std::to_string(value)) : raw(value); }
    Tokens& text(const std::string& value) {
        integer(static_cast<std::int32_t>(value.size()));
        bytes_ += value + (ascii_ ? "\n" : "");
        return *this;
    }
    /// Type tag, index and, of a Torch object, version and class.
    Tokens& begin(std::int32_t tag, std::int32_t index) { return integer(tag).integer(index); }
    Tokens& begin(std::int32_t index, const std::string& name) { return begin(4, index).text("V 1").text(name); }
    Tokens& floats(const std::vector<float>& values) {
        for (const float value : values) ascii_ ? word(std::to_string(value)) : raw(value);
        return *this;
    }
    Tokens& plain(const std::string& bytes) {
        bytes_ += bytes;
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

  private:
    template <typename T>
    Tokens& raw(T value) {
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        bytes_.append(bytes, sizeof value);
        return *this;
    }
    Tokens& word(const std::string& text) {
        bytes_ += text + "\n";
        return *this;
    }

    bool ascii_;
    std::string bytes_;
};

/// A table that holds one of everything.
inline Tokens everything(bool ascii) {
    Tokens tokens(ascii);
    tokens.begin(3, 1).integer(7);
    tokens.integer(2).text("number").integer(1).real(2.5);
    tokens.integer(1).real(1).integer(2).text("a text\nof two lines");
    tokens.integer(2).text("truth").integer(5).integer(1);
    tokens.integer(2).text("nil").integer(0);
    tokens.integer(2).text("tensor").plain(Tokens(ascii).begin(2, "torch.FloatTensor").bytes()).integer(2);
    tokens.size(2).size(3).size(1).size(2).size(2);
    tokens.begin(3, "torch.FloatStorage").size(8).floats({0, 1, 2, 3, 4, 5, 6, 7});
    tokens.integer(2).text("module").begin(4, "nn.ReLU").begin(3, 5).integer(1);
    tokens.integer(2).text("inplace").integer(5).integer(0);
    return tokens.integer(2).text("again").begin(4, 4);
}
