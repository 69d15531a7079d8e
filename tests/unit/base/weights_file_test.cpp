#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/find_weights.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "float_settings.hpp"

using namespace ffr;
namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::size_t kEntry = 64;  // the first tensor's directory entry

/// A small file with a tensor of every type.
WeightsWriter sample() {
    WeightsWriter writer("sample");
    writer.add_text("licence", "CC0");
    writer.add<std::int8_t>("int8", {3}, {-128, 0, 127});
    writer.add<std::uint16_t>("uint16", {2}, {0, 65535});
    writer.add<std::int16_t>("int16", {2}, {-32768, 32767});
    writer.add<std::int32_t>("int32", {1, 2}, {-5, 2000000000});
    writer.add<Half>("half", {2, 2}, {{0x3C00}, {0xC000}, {0x0001}, {0x7BFF}});
    writer.add<float>("float", {2, 1, 3}, {1, 2, 3, 4, 5, 6});
    writer.add<double>("double", {}, {0.1});
    writer.add<float>("nothing", {0, 4}, {});
    return writer;
}

WeightsFile open(const Bytes& bytes) {
    return WeightsFile::from_memory(bytes.data(), bytes.size(), "memory");
}

/// Puts a little-endian number into a file.
void put(Bytes& bytes, std::size_t offset, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes[offset + i] = static_cast<unsigned char>(value >> 8 * i);
}

/// Makes an altered file's checksum right again.
Bytes sealed(Bytes bytes) {
    put(bytes, 24, detail::xxh64(bytes.data() + 32, bytes.size() - 32), 8);
    return bytes;
}

template <typename Call>
std::string message(const Call& call) {
    try {
        call();
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

std::string open_error(const Bytes& bytes) {
    return message([&] { open(bytes); });
}

bool contains(const std::string& whole, const std::string& part) {
    return whole.find(part) != std::string::npos;
}

template <typename T>
std::vector<T> values(const TensorView<T>& view) {
    return {view.begin(), view.end()};
}

/// Sets FFR_WEIGHTS, or removes it when empty, and puts back what was there.
class WeightsVariable {
  public:
    explicit WeightsVariable(const fs::path& value) {
#if defined(_WIN32)
        const wchar_t* const before = _wgetenv(L"FFR_WEIGHTS");
#else
        const char* const before = std::getenv("FFR_WEIGHTS");
#endif
        if (before != nullptr) before_ = before;
        set(value);
    }
    ~WeightsVariable() {
        set(before_);
    }

  private:
    static void set(const fs::path& value) {
#if defined(_WIN32)
        _wputenv_s(L"FFR_WEIGHTS", value.c_str());
#else
        if (value.empty()) {
            unsetenv("FFR_WEIGHTS");
        } else {
            setenv("FFR_WEIGHTS", value.c_str(), 1);
        }
#endif
    }
    fs::path before_;
};

struct TemporaryFolder {
    fs::path path;
    explicit TemporaryFolder(const std::string& name)
        : path(fs::temp_directory_path() / fs::u8path("ffr_weights_" + name)) {
        fs::remove_all(path);
        fs::create_directories(path);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

}  // namespace

TEST_CASE("every pattern of a half becomes the number that it stands for") {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
        const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
        const double expected = (bits & 0x8000) != 0 ? -size : size;
        const float value = to_float({static_cast<std::uint16_t>(bits)});
        // Infinity and NaN (exponent 31) follow the same formula, as to_float says.
        if (static_cast<double>(value) != expected || std::signbit(value) != std::signbit(expected)) {
            CAPTURE(bits);
            CHECK(static_cast<double>(value) == expected);
        }
    }
}

TEST_CASE("a half is the same number with any rounding, and where subnormals are taken for 0") {
    std::vector<float> expected(65536);
    for (std::size_t bits = 0; bits < expected.size(); ++bits) {
        const double fraction = static_cast<double>(bits & 0x3FF);
        const int exponent = static_cast<int>(bits >> 10 & 0x1F);
        const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
        expected[bits] = static_cast<float>(bits < 0x8000 ? size : -size);
    }
    for (const FloatSettings& settings : all_float_settings()) {
        CAPTURE(settings.name);
        std::vector<float> found(expected.size());
        {
            const WithFloatSettings set(settings);
            for (std::size_t bits = 0; bits < found.size(); ++bits) {
                found[bits] = to_float({static_cast<std::uint16_t>(bits)});
            }
        }
        CHECK(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0);
    }
}

TEST_CASE("what's written is read back") {
    const Bytes bytes = sample().bytes();
    const WeightsFile file = open(bytes);
    CHECK(file.name() == "memory");
    CHECK(file.kind() == "sample");
    CHECK(file.size() == bytes.size());
    CHECK(file.tensors().size() == 9);
    CHECK(file.text("licence") == "CC0");
    CHECK(values(file.tensor<std::int8_t>("int8", {3})) == std::vector<std::int8_t>{-128, 0, 127});
    CHECK(values(file.tensor<std::uint16_t>("uint16", {2})) == std::vector<std::uint16_t>{0, 65535});
    CHECK(values(file.tensor<std::int16_t>("int16", {2})) == std::vector<std::int16_t>{-32768, 32767});
    CHECK(values(file.tensor<std::int32_t>("int32", {1, 2})) == std::vector<std::int32_t>{-5, 2000000000});
    CHECK(values(file.tensor<float>("float", {2, WeightsFile::kAny, 3})) == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(values(file.tensor<double>("double", {})) == std::vector<double>{0.1});
    CHECK(file.tensor<float>("nothing", {0, 4}).size() == 0);
    CHECK(file.floats("half", {2, 2}) == std::vector<float>{1, -2, std::ldexp(1.0f, -24), 65504});
    CHECK(file.floats("float", {2, 1, 3}) == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(file.contains("half"));
    CHECK_FALSE(file.contains("hal"));
}

TEST_CASE("every tensor starts at a multiple of 64, in the file and in memory") {
    const Bytes bytes = sample().bytes();
    for (std::size_t shift = 0; shift < 3; ++shift) {
        Bytes shifted(shift);
        shifted.insert(shifted.end(), bytes.begin(), bytes.end());
        const WeightsFile file = WeightsFile::from_memory(shifted.data() + shift, bytes.size(), "memory");
        for (const TensorInfo& info : file.tensors()) {
            CAPTURE(info.name);
            CHECK(reinterpret_cast<std::uintptr_t>(info.data) % 64 == 0);
        }
        CHECK(file.floats("float", {2, 1, 3})[5] == 6);
    }
}

TEST_CASE("a file without tensors is a file") {
    const Bytes bytes = WeightsWriter("empty").bytes();
    CHECK(bytes.size() == 64);
    CHECK(open(bytes).tensors().empty());
}

TEST_CASE("a file on disk is read, copies share its bytes, and what's done to it afterwards changes nothing") {
    const TemporaryFolder folder("disk");
    const fs::path path = folder.path / fs::u8path("\xC3\x84.ffr");
    sample().save(path);
    const auto view = [&] {
        const WeightsFile file = WeightsFile::open(path);
        CHECK(contains(file.name(), "\xC3\x84.ffr"));
        return std::pair{file, file.tensor<float>("float", {2, 1, 3})};
    }();
    std::ofstream(path, std::ios::binary) << "cut off";
    CHECK(view.second[4] == 5);
    CHECK(view.first.checksum() == open(sample().bytes()).checksum());
    CHECK_THROWS_AS(WeightsFile::open(folder.path / "missing.ffr"), FileError);
    CHECK_THROWS_AS(WeightsFile::open(folder.path), FileError);
    detail::write_file(folder.path / "empty.ffr", nullptr, 0);
    CHECK(contains(message([&] { WeightsFile::open(folder.path / "empty.ffr"); }), "empty.ffr: the file is empty"));
    fs::resize_file(folder.path / "empty.ffr", WeightsFile::kMostBytes + 1);
    CHECK_THROWS_WITH_AS(WeightsFile::open(folder.path / "empty.ffr"),
                         doctest::Contains("empty.ffr: has 1073741825 bytes, more than the limit of 1073741824"),
                         FileError);
}

TEST_CASE("a file cut off at any length is refused") {
    const Bytes bytes = sample().bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        CAPTURE(size);
        REQUIRE(open_error(part) != "");
    }
    Bytes longer = bytes;
    longer.push_back(0);
    CHECK(contains(open_error(longer), "should have " + std::to_string(bytes.size()) + " bytes"));
}

TEST_CASE("a flipped bit is noticed wherever it is") {
    for (Bytes bytes : {sample().bytes(), WeightsWriter("empty").bytes()}) {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            for (unsigned bit = 0; bit < 8; ++bit) {
                bytes[i] = static_cast<unsigned char>(bytes[i] ^ 1u << bit);
                CAPTURE(i);
                CAPTURE(bit);
                REQUIRE(open_error(bytes) != "");
                bytes[i] = static_cast<unsigned char>(bytes[i] ^ 1u << bit);
            }
        }
    }
}

TEST_CASE("what isn't a weight file, or of another version, is told apart") {
    const std::string words = "this is some text, long enough to hold a whole header of sixty-four bytes";
    CHECK(open_error(Bytes(words.begin(), words.end())) == "memory: isn't an ffr weight file");
    Bytes bytes = sample().bytes();
    bytes[8] = 2;
    CHECK(open_error(bytes) == "memory: has format version 2, this program reads version 1");
    bytes = sample().bytes();
    bytes.back() ^= 1;
    CHECK(contains(open_error(bytes), "checksum"));
}

TEST_CASE("a directory that lies is refused though its checksum is right") {
    const Bytes good = sample().bytes();
    const auto altered = [&](std::size_t offset, std::uint64_t value, std::size_t size) {
        Bytes bytes = good;
        put(bytes, offset, value, size);
        return open_error(sealed(bytes));
    };
    CHECK(open_error(sealed(good)) == "");
    CHECK(contains(altered(kEntry + 56, 0, 4), "tensor 0 ('licence') has a type that isn't known"));
    CHECK(contains(altered(kEntry + 56, 99, 4), "type that isn't known"));
    CHECK(contains(altered(kEntry + 60, 5, 4), "more than 4 dimensions"));
    CHECK(contains(altered(kEntry + 64, good.size() + 1, 8), "larger than the file"));
    CHECK(contains(altered(kEntry + 64, ~std::uint64_t{0}, 8), "larger than the file"));
    CHECK(contains(altered(kEntry + 96, good.size() / 64 * 64 + 64, 8), "the file ends at"));
    CHECK(contains(altered(kEntry + 96, std::uint64_t{0} - 64, 8), "the file ends at"));
    CHECK(contains(altered(kEntry + 96, 65, 8), "the file ends at"));
    CHECK(contains(altered(kEntry + 96, 0, 8), "tensor 0 ('licence') doesn't begin where what's before it ends"));
    const auto first = detail::load_little_endian<std::uint64_t>(good.data() + kEntry + 96);
    CHECK(contains(altered(kEntry + 112 + 96, first, 8), "tensor 1 "));  // two in one place
    CHECK(altered(12, 0xFFFFFFFF, 4) != "");
    CHECK(altered(12, 8, 4) != "");
    CHECK(altered(12, 0, 4) != "");

    // Extents whose product is 0, or small, only because it overflows.
    Bytes bytes = good;
    put(bytes, kEntry + 60, 4, 4);
    for (std::size_t i = 0; i < 4; ++i) put(bytes, kEntry + 64 + 8 * i, std::uint64_t{1} << 16, 8);
    CHECK(contains(open_error(sealed(bytes)), "larger than the file"));
    put(bytes, kEntry + 64, 2, 8);
    put(bytes, kEntry + 72, (std::uint64_t{1} << 63) + 1, 8);
    CHECK(contains(open_error(sealed(bytes)), "larger than the file"));
}

TEST_CASE("a missing tensor, another kind, type or shape name the file and the tensor") {
    const Bytes bytes = sample().bytes();
    const WeightsFile file = open(bytes);
    CHECK(message([&] { file.require_kind("other"); }) == "memory: holds 'sample', not 'other'");
    CHECK_NOTHROW(file.require_kind("sample"));
    CHECK(message([&] { file.tensor<float>("absent", {1}); }) == "memory: has no tensor 'absent'");
    CHECK(message([&] {
              file.tensor<double>("float", {2, 1, 3});
          }) == "memory: tensor 'float' is float32, not float64");
    CHECK(message([&] {
              file.tensor<float>("float", {2, WeightsFile::kAny, 4});
          }) == "memory: tensor 'float' has shape [2 x 1 x 3], not [2 x any x 4]");
    CHECK(message([&] { file.tensor<float>("float", {6}); }) ==
          "memory: tensor 'float' has shape [2 x 1 x 3], not [6]");
    CHECK(message([&] { file.floats("int8", {3}); }) == "memory: tensor 'int8' is int8, not float32");
    CHECK(message([&] { file.text("float"); }) == "memory: tensor 'float' is float32, not text");
}

TEST_CASE("floats that are too large for sums of them are refused") {
    WeightsWriter writer("sample");
    writer.add<float>("float", {2}, {1e30f, -1e30f});
    writer.add<float>("large", {2}, {0, -1.1e30f});
    writer.add<double>("double", {1}, {1e300});
    const Bytes bytes = writer.bytes();
    CHECK(open(bytes).floats("float", {2})[1] == -1e30f);
    CHECK(message([&] { open(bytes).floats("large", {2}); }) == "memory: tensor 'large' has a value beyond 1e30");
    CHECK(message([&] { open(bytes).finite_tensor<double>("double", {1}); }) ==
          "memory: tensor 'double' has a value beyond 1e30");
}

TEST_CASE("floats that aren't finite are refused") {
    WeightsWriter writer("sample");
    writer.add<float>("nan", {1}, {std::numeric_limits<float>::quiet_NaN()});
    writer.add<float>("infinite", {1}, {-std::numeric_limits<float>::infinity()});
    writer.add<Half>("half", {2}, {{0x3C00}, {0x7C00}});
    writer.add<Half>("half nan", {1}, {{0xFE00}});
    const Bytes bytes = writer.bytes();
    for (const char* const name : {"nan", "infinite", "half", "half nan"}) {
        CHECK(message([&] { open(bytes).floats(name, {WeightsFile::kAny}); }) ==
              "memory: tensor '" + std::string(name) + "' has a value that isn't finite");
    }
}

TEST_CASE("a writer refuses what the format can't hold") {
    CHECK_THROWS_AS(WeightsWriter(std::string(32, 'k')), InvalidArgument);
    CHECK_NOTHROW(WeightsWriter(std::string(31, 'k')));
    WeightsWriter writer("sample");
    CHECK_THROWS_AS(writer.add<float>(std::string(56, 'n'), {1}, {1}), InvalidArgument);
    CHECK_THROWS_AS(writer.add<float>("five", {1, 1, 1, 1, 1}, {1}), InvalidArgument);
    CHECK_THROWS_AS(writer.add<float>("count", {2, 2}, {1, 2, 3}), InvalidArgument);
    writer.add<float>(std::string(55, 'n'), {1, 1, 1, 1}, {1});
    const Bytes bytes = writer.bytes();
    CHECK(open(bytes).contains(std::string(55, 'n')));
}

TEST_CASE("weights are looked for where the caller says, else where FFR_WEIGHTS says, else beside the program") {
    const TemporaryFolder chosen("chosen"), variable("variable \xE9\xA1\x94");
    sample().save(chosen.path / "a.ffr");
    sample().save(variable.path / "a.ffr");
    sample().save(variable.path / "b.ffr");
    {
        const WeightsVariable set(variable.path);
        CHECK(find_weights("a.ffr", chosen.path) == chosen.path / "a.ffr");
        CHECK(find_weights("a.ffr") == variable.path / "a.ffr");
        CHECK(weights_folders() == std::vector<fs::path>{variable.path});
        CHECK_THROWS_AS(find_weights("b.ffr", chosen.path), FileError);
        CHECK_THROWS_AS(find_weights("c.ffr"), FileError);
    }
    const WeightsVariable none("");
    CHECK(weights_folders(chosen.path) == std::vector<fs::path>{chosen.path});
#if defined(__linux__)
    const std::vector<fs::path> folders = weights_folders();
    REQUIRE(folders.size() == 2);
    CHECK(folders[0] == program_folder() / "weights");
    CHECK(folders[1] == program_folder().parent_path() / "share" / "ffr" / "weights");
#endif
    try {
        find_weights("no such weights.ffr");
        FAIL("weights were found that don't exist");
    } catch (const FileError& error) {
        CHECK(contains(error.what(), "no such weights.ffr: no such weights in "));
    }
}
