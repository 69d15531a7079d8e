// Files in Torch's format, built token by token in both encodings. What the reader makes of a whole network is in
// nn4_small2_convert_test.cpp and, against the reference, in golden/nn4_small2_golden_test.cpp.

#include "torch_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "torch_tokens.hpp"

using namespace convert;

namespace {

const unsigned char* data(const std::string& bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// What's wrong with a file; empty when nothing is.
std::string complaint(const std::string& bytes) {
    try {
        const TorchFile file("net.t7", data(bytes), bytes.size());
    } catch (const ffr::FormatError& error) {
        const std::string what = error.what();
        CHECK(what.rfind("net.t7: byte ", 0) == 0);
        return what.substr(what.find(": ", 13) + 2);
    }
    return "";
}

std::string complaint(const Tokens& tokens) {
    return complaint(tokens.bytes());
}

/// A tensor of two dimensions on a storage of floats.
Tokens tensor(bool ascii, std::vector<std::int64_t> sizes, std::vector<std::int64_t> strides, std::int64_t offset,
              const std::vector<float>& values) {
    Tokens tokens(ascii);
    tokens.begin(1, "torch.FloatTensor").integer(static_cast<std::int32_t>(sizes.size()));
    for (const std::int64_t size : sizes) tokens.size(size);
    for (const std::int64_t stride : strides) tokens.size(stride);
    tokens.size(offset).begin(2, "torch.FloatStorage").size(static_cast<std::int64_t>(values.size()));
    return tokens.floats(values);
}

}  // namespace

TEST_CASE("numbers, texts, truths, tables, tensors and modules are read in both encodings") {
    for (const bool ascii : {false, true}) {
        CAPTURE(ascii);
        const std::string bytes = everything(ascii).bytes();
        const TorchFile file("net.t7", data(bytes), bytes.size());
        const auto* const table = file.root().as<TorchTable>();
        REQUIRE(table != nullptr);
        CHECK(table->size() == 7);
        CHECK(*find(*table, "number")->as<double>() == 2.5);
        CHECK(*(*table)[1].first->as<double>() == 1);
        CHECK(*(*table)[1].second->as<std::string>() == "a text\nof two lines");
        CHECK(*find(*table, "truth")->as<bool>());
        CHECK(find(*table, "nil")->as<std::monostate>() != nullptr);
        const auto* const tensor = find(*table, "tensor")->as<TorchTensor>();
        REQUIRE(tensor != nullptr);
        CHECK(tensor->sizes == std::vector<std::size_t>{2, 3});
        CHECK(tensor->strides == std::vector<std::size_t>{1, 2});
        CHECK(tensor->offset == 1);
        CHECK(element(*tensor->storage, 7) == 7);
        const auto* const module = find(*table, "module")->as<TorchInstance>();
        REQUIRE(module != nullptr);
        CHECK(module->class_name == "nn.ReLU");
        CHECK_FALSE(*find(*module->fields, "inplace")->as<bool>());
        CHECK(find(*table, "again") == find(*table, "module"));
        CHECK(find(*table, "missing") == nullptr);
    }
}

TEST_CASE("a file cut off anywhere, or with a byte more, is refused in both encodings") {
    for (const bool ascii : {false, true}) {
        std::string whole = everything(ascii).bytes();
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            CHECK(complaint(whole.substr(0, size)) != "");
        }
        whole += ascii ? '1' : '\0';
        CHECK(complaint(whole) == "1 bytes too many");
    }
}

TEST_CASE("elements of every type are read") {
    const struct {
        const char* name;
        std::string bytes;
        double value;
    } kinds[] = {{"Double", std::string("\0\0\0\0\0\0\xF8\x3F", 8), 1.5},
                 {"CudaDouble", std::string("\0\0\0\0\0\0\xF8\x3F", 8), 1.5},
                 {"Float", std::string("\0\0\xC0\x3F", 4), 1.5},
                 {"Cuda", std::string("\0\0\xC0\x3F", 4), 1.5},
                 {"Half", std::string("\0\x3E", 2), 1.5},
                 {"CudaHalf", std::string("\0\x3E", 2), 1.5},
                 {"Long", "\xFE" + std::string(7, '\xFF'), -2},
                 {"Int", "\xFE\xFF\xFF\xFF", -2},
                 {"CudaInt", "\xFE\xFF\xFF\xFF", -2},
                 {"Short", "\xFE\xFF", -2},
                 {"Char", "\xFE", -2},
                 {"Byte", "\xFE", 254}};
    for (const auto& kind : kinds) {
        CAPTURE(kind.name);
        Tokens tokens(false);
        tokens.begin(1, std::string("torch.") + kind.name + "Storage").size(1).plain(kind.bytes);
        const TorchFile file("net.t7", data(tokens.bytes()), tokens.bytes().size());
        const auto* const storage = file.root().as<TorchStorage>();
        REQUIRE(storage != nullptr);
        REQUIRE(storage->size == 1);
        CHECK(element(*storage, 0) == kind.value);
    }
    for (const std::string& bytes : {std::string("\0\x7C", 2), std::string("\1\xFC", 2)}) {  // infinity and NaN
        Tokens tokens(false);
        tokens.begin(1, "torch.HalfStorage").size(1).plain(bytes);
        const TorchFile file("net.t7", data(tokens.bytes()), tokens.bytes().size());
        CHECK(std::isnan(element(*file.root().as<TorchStorage>(), 0)));
    }
    CHECK(complaint(Tokens(false).begin(1, "torch.ComplexStorage").size(0)) ==
          "'Complex' isn't a type of elements that can be read");
}

TEST_CASE("very old files name the class without a version in front") {
    Tokens tokens(false);
    tokens.begin(4, 1).text("torch.FloatStorage").size(1).floats({3});
    CHECK(complaint(tokens) == "");
}

TEST_CASE("an object that contains itself is refused, one that stands twice isn't") {
    for (const bool ascii : {false, true}) {
        Tokens table(ascii), module(ascii), twice(ascii), both(ascii);
        table.begin(3, 1).integer(1).integer(1).real(1).begin(3, 1);
        CHECK(complaint(table) == "object 1 contains itself");
        module.begin(7, "nn.Sequential").begin(3, 8).integer(1).integer(1).real(1).begin(4, 7);
        CHECK(complaint(module) == "object 7 contains itself");
        twice.begin(3, 1).integer(2).integer(1).real(1).begin(3, 2).integer(0).integer(1).real(2).begin(3, 2);
        CHECK(complaint(twice) == "");
        both.begin(3, 1).integer(2).integer(1).real(1).begin(3, 2).integer(0).integer(1).real(2).begin(4, 2);
        CHECK(complaint(both) == "index 2 is both a table and a Torch object");
        CHECK(complaint(Tokens(ascii).begin(3, 0)) == "index 0 isn't above 0");
        CHECK(complaint(Tokens(ascii).begin(4, -1)) == "index -1 isn't above 0");
    }
}

TEST_CASE("objects nest 64 deep and no deeper") {
    const auto nested = [](std::int32_t depth) {
        Tokens tokens(false);
        for (std::int32_t i = 1; i < depth; ++i) tokens.begin(3, i).integer(1).integer(1).real(1);
        return tokens.integer(0);
    };
    CHECK(complaint(nested(64)) == "");
    CHECK(complaint(nested(65)) == "objects are nested more than 64 deep");
    CHECK(complaint(nested(100000)) == "objects are nested more than 64 deep");
}

TEST_CASE("a long chain of objects, each of which holds the one before, is no danger to the stack") {
    Tokens tokens(false);
    constexpr std::int32_t kLinks = 200000;
    tokens.begin(3, 1).integer(kLinks);
    for (std::int32_t i = 0; i < kLinks; ++i) {
        tokens.integer(1).real(i + 1).begin(3, i + 2).integer(1).integer(1).real(1);
        i == 0 ? tokens.integer(0) : tokens.begin(3, i + 1);
    }
    CHECK(complaint(tokens) == "");
}

TEST_CASE("counts that lie are refused before anything is allocated") {
    for (const bool ascii : {false, true}) {
        CHECK(complaint(Tokens(ascii).integer(2).integer(2147483647)) ==
              "2147483647 bytes of text don't fit into the file");
        CHECK(complaint(Tokens(ascii).integer(2).integer(-1)) == "-1 bytes of text don't fit into the file");
        CHECK(complaint(Tokens(ascii).begin(3, 1).integer(1000)) == "1000 entries of a table don't fit into the file");
        CHECK(complaint(Tokens(ascii).begin(3, 1).integer(-5)) == "-5 entries of a table don't fit into the file");
        CHECK(complaint(Tokens(ascii).begin(1, "torch.LongStorage").size(std::int64_t{1} << 52)) ==
              "4503599627370496 elements of a storage don't fit into the file");
        CHECK(complaint(Tokens(ascii).begin(1, "torch.FloatStorage").size(-1)) ==
              "-1 elements of a storage don't fit into the file");
    }
}

TEST_CASE("a tensor has to lie within its storage") {
    for (const bool ascii : {false, true}) {
        CHECK(complaint(tensor(ascii, {2, 3}, {3, 1}, 1, {1, 2, 3, 4, 5, 6})) == "");
        CHECK(complaint(tensor(ascii, {2, 3}, {3, 1}, 2, {1, 2, 3, 4, 5, 6, 7})) == "");
        CHECK(complaint(tensor(ascii, {1000000, 1}, {0, 1}, 1, {1})) == "");
        CHECK(complaint(tensor(ascii, {0, 3}, {3, 1}, 99, {})) == "");
        CHECK(complaint(tensor(ascii, {}, {}, 1, {})) == "");
        const std::string over = "a tensor reaches over the end of its storage";
        CHECK(complaint(tensor(ascii, {2, 3}, {3, 1}, 2, {1, 2, 3, 4, 5, 6})) == over);
        CHECK(complaint(tensor(ascii, {2, 3}, {4, 1}, 1, {1, 2, 3, 4, 5, 6})) == over);
        CHECK(complaint(tensor(ascii, {7}, {1}, 1, {1, 2, 3, 4, 5, 6})) == over);
        constexpr std::int64_t kHuge = std::int64_t{1} << 52;
        CHECK(complaint(tensor(ascii, {kHuge, kHuge}, {kHuge, kHuge}, 1, {1, 2})) == over);
        const std::string outside = "a tensor begins outside of its storage";
        CHECK(complaint(tensor(ascii, {1}, {1}, 0, {1})) == outside);
        CHECK(complaint(tensor(ascii, {1}, {1}, 2, {1})) == outside);
        CHECK(complaint(tensor(ascii, {1}, {1}, 1, {})) == outside);
        CHECK(complaint(tensor(ascii, {-1}, {1}, 1, {1})) == "a tensor's size or stride of -1");
        CHECK(complaint(tensor(ascii, {1}, {-1}, 1, {1})) == "a tensor's size or stride of -1");
        CHECK(complaint(tensor(ascii, std::vector<std::int64_t>(9, 1), std::vector<std::int64_t>(9, 1), 1, {1})) ==
              "a tensor of 9 dimensions");
        CHECK(complaint(Tokens(ascii).begin(1, "torch.FloatTensor").integer(-1)) == "a tensor of -1 dimensions");
    }
    Tokens wrong(false), none(false), nil(false);
    wrong.begin(1, "torch.FloatTensor").integer(1).size(1).size(1).size(1);
    wrong.begin(2, "torch.LongStorage").size(1).size(5);
    CHECK(complaint(wrong) == "a tensor and its storage differ in type");
    none.begin(1, "torch.FloatTensor").integer(1).size(1).size(1).size(1).integer(1).real(3);
    CHECK(complaint(none) == "a tensor without a storage");
    nil.begin(1, "torch.FloatTensor").integer(0).size(1).integer(0);
    CHECK(complaint(nil) == "");
}

TEST_CASE("functions, unknown tags and unknown classes are refused by name") {
    for (const std::int32_t tag : {6, 7, 8}) {
        CHECK(complaint(Tokens(false).integer(tag)) == "holds a Lua function: only data can be read");
    }
    CHECK(complaint(Tokens(false).integer(9)) == "type tag 9 isn't one of Torch's");
    CHECK(complaint(Tokens(true).integer(9)) == "type tag 9 isn't one of Torch's");
    CHECK(complaint(Tokens(false).begin(1, "tds.Hash")) == "'tds.Hash' isn't a class that can be read");
    CHECK(complaint(Tokens(false).begin(1, "nn.ReLU").integer(0)) == "'nn.ReLU' has no table of fields");
    CHECK(complaint(Tokens(false).integer(5).integer(2)) == "a truth value is 0 or 1, not 2");
    CHECK(complaint("") == "the file ends here");
    CHECK(complaint("PK\3\4 an archive") != "");
    CHECK(complaint("1 abc\n") == "'abc' isn't a number");
    CHECK(complaint("1 " + std::string(200, '0') + "\n") ==
          "'" + std::string(60, '0') + "...' is too long for a number");
    CHECK(complaint("1.5 2\n") == "expected a whole number");
    CHECK(complaint("99999999999\n") == "an integer of more than 32 bits");
    CHECK(complaint("2 nan\n") == "expected a whole number");
    CHECK(complaint(Tokens(false).begin(1, "\x1B[2Jnn.\n" + std::string(1000, 'x'))) ==
          "'?[2Jnn.?" + std::string(52, 'x') + "...' isn't a class that can be read");
}
