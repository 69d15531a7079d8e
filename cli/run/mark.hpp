#pragma once
/// \file
/// The mark that the program leaves in what it writes, so that a later run knows which files it may replace.
///
///     PNG    a text chunk "Software" after the header      JPEG   a comment after the JFIF header
///     model  its own format                                page, timeline   a line near the beginning
///
/// A mark says what kind of file it is, and where that matters what it was made of and how: "ffr: aligned face; chip of
/// a.jpg 0123456789abcdef". A picture's ends with the checksum of all that isn't the mark: a picture that somebody has
/// worked on since, or that is cut off, is none of ours, even if the mark is still there.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What the program writes.
enum class Kind {
    annotated_copy,
    aligned_face,
    hog_picture,
    contact_sheet,
    chart,
    demo_picture,
    page,
    timeline,
    model,
    table
};

/// The kind in words: "an aligned face".
std::string kind_name(Kind kind);

/// The mark of a kind. \param details  what it was made of; may be empty
std::string mark_text(Kind kind, const std::string& details = "");

/// A PNG or JPEG file with a mark put into it. Its pixels stay as they are.
std::vector<std::uint8_t> marked(const std::vector<std::uint8_t>& picture, const std::string& mark);

/// The mark of a file: of a picture as it was written, a model, a page or a timeline. Empty when it has none or can't be read.
std::string mark_of(const std::filesystem::path& file);
