#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/image/image_io.hpp"
#include "run/mark.hpp"
#include "show/page.hpp"

namespace fs = std::filesystem;

namespace {

struct File {
    fs::path path = fs::temp_directory_path() / ("ffr-mark-" + ffr::detail::random_digits());
    explicit File(const std::vector<std::uint8_t>& bytes) {
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    explicit File(const std::string& text) : File(std::vector<std::uint8_t>(text.begin(), text.end())) {}
    ~File() { fs::remove(path); }
};

ffr::Image picture() {
    ffr::Image image(5, 4, 3);
    for (std::size_t i = 0; i < image.pixels().size(); ++i) image.pixels()[i] = static_cast<std::uint8_t>(i * 4);
    return image;
}

std::string mark_in(const std::vector<std::uint8_t>& bytes) {
    return mark_of(File(bytes).path);
}

}  // namespace

TEST_CASE("a mark comes back from a picture whose pixels are as they were") {
    for (const auto& plain : {ffr::encode_png(picture()), ffr::encode_jpeg(picture())}) {
        CHECK(mark_in(plain).empty());
        for (const std::string& details :
             {std::string(), std::string("chip, of Zo\xC3\xAB \"a\".jpg, 12 bytes"), std::string(900, 'x')}) {
            const std::string mark = mark_text(Kind::aligned_face, details);
            const std::vector<std::uint8_t> file = marked(plain, mark);
            CHECK(mark_in(file) == mark);
            const ffr::Image before = ffr::decode_image(plain.data(), plain.size(), "plain"),
                             after = ffr::decode_image(file.data(), file.size(), "marked");
            CHECK(before.pixels() == after.pixels());
        }
    }
    CHECK(mark_text(Kind::aligned_face, "chip") == "ffr: aligned face; chip");
    CHECK(mark_text(Kind::hog_picture) == "ffr: HOG picture");
    CHECK(kind_name(Kind::hog_picture) == "a HOG picture");
}

TEST_CASE("a picture that's cut off anywhere has no mark") {
    for (const auto& plain : {ffr::encode_png(picture()), ffr::encode_jpeg(picture())}) {
        const std::vector<std::uint8_t> whole = marked(plain, mark_text(Kind::chart));
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const std::vector<std::uint8_t> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            CHECK_MESSAGE(mark_in(part).empty(), size);
        }
    }
}

TEST_CASE("a picture that somebody has worked on has no mark any more") {
    for (const auto& plain : {ffr::encode_png(picture()), ffr::encode_jpeg(picture())}) {
        std::vector<std::uint8_t> file = marked(plain, mark_text(Kind::chart));
        for (const std::size_t place : {std::size_t{9}, file.size() / 2 + 40, file.size() - 20}) {
            file[place] = static_cast<std::uint8_t>(file[place] ^ 1);
            CHECK_MESSAGE(mark_in(file).empty(), place);
            file[place] = static_cast<std::uint8_t>(file[place] ^ 1);
        }
        CHECK(mark_in(file) == "ffr: chart");
        file.push_back(0);
        CHECK(mark_in(file).empty());
    }
}

TEST_CASE("a mark whose length lies is none") {
    std::vector<std::uint8_t> png = marked(ffr::encode_png(picture()), mark_text(Kind::chart));
    for (const int size : {0, 1, 12, 255}) {
        png[33] = png[34] = png[35] = size == 255 ? 255 : 0;
        png[36] = static_cast<std::uint8_t>(size);
        CHECK(mark_in(png).find("ffr: chart") == std::string::npos);
    }
    std::vector<std::uint8_t> jpeg = marked(ffr::encode_jpeg(picture()), mark_text(Kind::chart));
    for (const int size : {0, 1, 2}) {
        jpeg[22] = 0;
        jpeg[23] = static_cast<std::uint8_t>(size);
        CHECK(mark_in(jpeg).empty());
    }
}

TEST_CASE("models, pages and timelines have marks of their own, other files none") {
    CHECK(mark_in(ffr::WeightsWriter("identifier").bytes()) == "ffr: model");
    CHECK(mark_in(ffr::WeightsWriter("resnet29").bytes()).empty());
    CHECK(mark_of(File("{\n  \"made_by\": \"ffr: timeline\",\n").path) == "ffr: timeline");
    const std::string page = Page("title", "lead").html("foot", mark_text(Kind::page));
    CHECK(mark_of(File(page).path) == "ffr: demo page");
    CHECK(mark_of(File("<!DOCTYPE html>\n<p>They write \"ffr: demo page\" here").path).empty());
    CHECK(mark_of(File("{\n  \"mine\": 1,\n  \"made_by\": \"ffr: timeline\"").path).empty());
    CHECK(mark_of(File("my notes on \"ffr: timeline\"").path).empty());
    CHECK(mark_of(File("").path).empty());
    CHECK(mark_of("no such file").empty());
}
