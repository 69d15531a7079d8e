#pragma once
/// \file
/// A web page in one file: its pictures are inside of it, and it needs no network and no scripts.

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "ffr/image/draw.hpp"

/// A picture on a page.
struct PagePicture {
    std::vector<std::uint8_t> file;  // a whole PNG or JPEG file
    std::string alt;                 // what's to be seen, for who can't see it
    std::string caption;             // below it
    int width, height;               // in pixels
};

/// How high a row of pictures is shown.
enum class PictureSize { small, medium, large };

/// A cell of a table: text on a colour or, without one, on the page's own.
struct PageCell {
    std::string text;
    bool colored = false;
    ffr::Color color;
};

/// A page as it grows, from its head down.
class Page {
  public:
    Page(const std::string& title, const std::string& lead);

    /// Begins a section. \param id  its name in links
    void section(const std::string& id, const std::string& heading, const std::string& text);
    /// Pictures beside one another, in rows of one height.
    void pictures(const std::vector<PagePicture>& pictures, PictureSize size);
    /// Pictures of a few pixels, each stretched to the page's width, one below the other with the captions before them.
    void strips(const std::vector<PagePicture>& strips);
    /// A table; its first row and its first column are headings, the first row's written upwards.
    void heat_map(const std::vector<std::vector<PageCell>>& rows);
    /// A table whose first row holds headings.
    void table(const std::vector<std::vector<std::string>>& rows);

    /// The whole page. \param foot  small print. \param generator  what made the page; not shown
    std::string html(const std::string& foot, const std::string& generator) const;

  private:
    std::string title_;
    std::ostringstream body_;
    bool in_section_ = false;
};
