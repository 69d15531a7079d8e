#include "show/page.hpp"

namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ground: #fbfaf8; --card: #fff; --ink: #1d1f23; --soft: #5b616b; --line: #dedbd5; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15171b; --card: #1e2126; --ink: #e8e8e6; --soft: #a5abb5; --line: #363b43; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2.5rem 1rem; background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: break-word; }
h1 { font-size: clamp(1.9rem, 6vw, 3rem); line-height: 1.15; margin: 0 0 .6rem; letter-spacing: -.02em; }
h2 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .5rem; }
p { max-width: 44rem; margin: .5rem 0; }
.lead { font-size: 1.2rem; color: var(--soft); margin-bottom: 1.5rem; }
.strips { margin-top: 1.2rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; margin: 0 0 1.5rem;
  padding: clamp(1rem, 3vw, 2rem); }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1.2rem; align-items: start; }
.small { --row: 6.5rem; }
.medium { --row: 13.5rem; }
.large { --row: 22rem; }
.pictures figure { --width: calc(var(--shape) * var(--row)); flex: var(--shape) 1 var(--width);
  max-width: min(100%, 1.4 * var(--width)); }
figure { margin: 0; min-width: 0; }
figure img { display: block; width: 100%; height: auto; border-radius: .4rem; }
figcaption { font-size: .85rem; line-height: 1.35; color: var(--soft); margin-top: .35rem; overflow-wrap: anywhere; }
.strips figure { display: flex; flex-direction: row-reverse; align-items: center; gap: .6rem; margin-top: .3rem; }
.strips img { flex: 1; min-width: 0; height: 1.7rem; border-radius: 0; image-rendering: pixelated; }
.strips figcaption { width: 9.5rem; margin: 0; }
table { border-collapse: collapse; margin-top: 1.2rem; font-variant-numeric: tabular-nums; }
th { font-weight: 600; text-align: left; }
.answers { width: 100%; font-size: .95rem; }
.answers th, .answers td { padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.heat { width: 100%; table-layout: fixed; font-size: .9rem; }
.heat th { color: var(--soft); font-size: .85rem; line-height: 1.2; }
.heat tr > :first-child { width: 9.5rem; padding-right: .4rem; overflow-wrap: anywhere; }
.heat thead th { height: 8rem; vertical-align: bottom; }
.heat thead span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap;
  max-height: 8rem; overflow: hidden; padding-top: .3rem; }
.heat thead th, .heat td { text-align: center; }
.heat td { height: 2rem; padding: 0; border: 1px solid var(--card); }
footer { color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) {
  body { padding: 1.5rem .6rem; font-size: 1rem; }
  .medium { --row: 12rem; }
  .strips figcaption { width: 5.6rem; font-size: .7rem; }
  .heat { font-size: .58rem; letter-spacing: -.03em; }
  .heat th { font-size: .66rem; }
  .heat tr > :first-child { width: 5.2rem; padding-right: .2rem; }
  .answers { font-size: .8rem; }
}
)css";

std::string escaped(const std::string& text) {
    std::string out;
    for (const char letter : text) {
        if (letter == '<')
            out += "&lt;";
        else if (letter == '>')
            out += "&gt;";
        else if (letter == '&')
            out += "&amp;";
        else if (letter == '"')
            out += "&quot;";
        else
            out += letter;
    }
    return out;
}

/// RFC 4648.
std::string base64(const std::vector<std::uint8_t>& bytes) {
    constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t three = 0;
        for (std::size_t k = i; k < i + 3; ++k) three = three << 8 | (k < bytes.size() ? bytes[k] : 0u);
        for (int shift = 18; shift >= 0; shift -= 6) out += kDigits[three >> shift & 63];
    }
    const std::size_t missing = (3 - bytes.size() % 3) % 3;
    return out.replace(out.size() - missing, missing, missing, '=');
}

std::string figure(const PagePicture& picture) {
    const bool is_png = !picture.file.empty() && picture.file[0] == 0x89;
    const std::string width = std::to_string(picture.width), height = std::to_string(picture.height);
    return "<figure style=\"--shape:calc(" + width + "/" + height + ")\"><img width=\"" + width + "\" height=\"" +
           height + "\" alt=\"" + escaped(picture.alt) + "\" src=\"data:image/" + (is_png ? "png" : "jpeg") +
           ";base64," + base64(picture.file) + "\"><figcaption>" + escaped(picture.caption) +
           "</figcaption></figure>\n";
}

std::string element(const std::string& tag, const std::string& content) {
    return "<" + tag + ">" + content + "</" + tag.substr(0, tag.find(' ')) + ">";
}

std::string colored_cell(const PageCell& cell) {
    if (!cell.colored) return element("td", escaped(cell.text));
    const ffr::Color c = cell.color;
    const bool is_light = 299 * c.r + 587 * c.g + 114 * c.b > 128000;
    return element("td style=\"background:rgb(" + std::to_string(c.r) + "," + std::to_string(c.g) + "," +
                       std::to_string(c.b) + ");color:" + (is_light ? "#000" : "#fff") + "\"",
                   escaped(cell.text));
}

}  // namespace

Page::Page(const std::string& title, const std::string& lead) : title_(title) {
    body_ << element("h1", escaped(title)) << '\n' << element("p class=\"lead\"", escaped(lead)) << '\n';
}

void Page::section(const std::string& id, const std::string& heading, const std::string& text) {
    if (in_section_) body_ << "</section>\n";
    in_section_ = true;
    body_ << "<section id=\"" << escaped(id) << "\">\n"
          << element("h2", escaped(heading)) << '\n'
          << element("p", escaped(text)) << '\n';
}

void Page::pictures(const std::vector<PagePicture>& pictures, PictureSize size) {
    constexpr const char* kClasses[] = {"small", "medium", "large"};
    body_ << "<div class=\"pictures " << kClasses[static_cast<int>(size)] << "\">\n";
    for (const PagePicture& picture : pictures) body_ << figure(picture);
    body_ << "</div>\n";
}

void Page::strips(const std::vector<PagePicture>& strips) {
    body_ << "<div class=\"strips\">\n";
    for (const PagePicture& strip : strips) body_ << figure(strip);
    body_ << "</div>\n";
}

void Page::heat_map(const std::vector<std::vector<PageCell>>& rows) {
    body_ << "<table class=\"heat\">\n";
    for (std::size_t row = 0; row < rows.size(); ++row) {
        std::string cells;
        for (std::size_t column = 0; column < rows[row].size(); ++column) {
            const PageCell& cell = rows[row][column];
            if (row == 0)
                cells += column == 0 ? "<td></td>" : element("th scope=\"col\"", element("span", escaped(cell.text)));
            else
                cells += column == 0 ? element("th scope=\"row\"", escaped(cell.text)) : colored_cell(cell);
        }
        body_ << (row == 0 ? element("thead", element("tr", cells)) + "\n<tbody>" : element("tr", cells)) << '\n';
    }
    body_ << "</tbody></table>\n";
}

void Page::table(const std::vector<std::vector<std::string>>& rows) {
    body_ << "<table class=\"answers\">\n";
    for (std::size_t row = 0; row < rows.size(); ++row) {
        std::string cells;
        for (const std::string& cell : rows[row]) cells += element(row == 0 ? "th" : "td", escaped(cell));
        body_ << element("tr", cells) << '\n';
    }
    body_ << "</table>\n";
}

std::string Page::html(const std::string& foot, const std::string& generator) const {
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"generator\" content=\"" +
           escaped(generator) +
           "\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
           element("title", escaped(title_)) + "\n" + element("style", kStyle) + "\n</head>\n<body>\n" + body_.str() +
           (in_section_ ? "</section>\n" : "") + element("footer", element("p", escaped(foot))) +
           "\n</body>\n</html>\n";
}
