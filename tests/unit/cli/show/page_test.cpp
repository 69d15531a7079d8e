#include <doctest/doctest.h>

#include "show/page.hpp"

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

PagePicture picture(const std::string& bytes) {
    return {{bytes.begin(), bytes.end()}, "alt", "caption", 3, 2};
}

}  // namespace

TEST_CASE("text on a page is text, whatever is in it") {
    const std::string evil = "<b>&\"'";
    Page page(evil, evil);
    page.section(evil, evil, evil);
    page.pictures({{{}, evil, evil, 1, 1}}, PictureSize::small);
    page.strips({{{}, evil, evil, 1, 1}});
    page.heat_map({{{evil, false, {}}, {evil, false, {}}}, {{evil, false, {}}, {evil, true, {1, 2, 3}}}});
    page.table({{evil}, {evil}});
    const std::string html = page.html(evil, evil);
    CHECK_FALSE(has(html, "<b>"));
    CHECK_FALSE(has(html, "&\"'"));
    CHECK(has(html, "<title>&lt;b&gt;&amp;&quot;'</title>"));
    CHECK(has(html, "<section id=\"&lt;b&gt;&amp;&quot;'\">"));
}

TEST_CASE("pictures are inside of the page, in base64 as RFC 4648 has it") {
    for (const auto& [bytes, encoded] : {std::pair{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foobar", "Zm9vYmFy"},
                                         {"\xff\xd8\xff", "/9j/"}}) {
        Page page("", "");
        page.pictures({picture(bytes)}, PictureSize::large);
        CHECK(has(page.html("", ""),
                  std::string("width=\"3\" height=\"2\" alt=\"alt\" src=\"data:image/jpeg;base64,") + encoded + "\""));
    }
    Page page("", "");
    page.strips({picture("\x89PNG")});
    CHECK(has(page.html("", ""), "src=\"data:image/png;base64,iVBORw==\""));
}

TEST_CASE("numbers on a heat map can be read on light and on dark") {
    Page page("", "");
    page.heat_map({{{"", false, {}}, {"top", false, {}}, {"top", false, {}}},
                   {{"side", false, {}}, {"0.10", true, {0, 92, 175}}, {"0.60", true, {247, 247, 247}}}});
    const std::string html = page.html("", "");
    CHECK(has(html, "<td style=\"background:rgb(0,92,175);color:#fff\">0.10</td>"));
    CHECK(has(html, "<td style=\"background:rgb(247,247,247);color:#000\">0.60</td>"));
    CHECK(has(html, "<th scope=\"row\">side</th>"));
}

TEST_CASE("an empty page is a page") {
    const std::string html = Page("title", "lead").html("foot", "test");
    CHECK(has(html, "<!DOCTYPE html>"));
    CHECK_FALSE(has(html, "section>"));
    CHECK(has(html, "</html>"));
}
