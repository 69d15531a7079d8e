#include "show/chart.hpp"

#include <cmath>
#include <cstdio>

#include "show/report.hpp"

namespace {

constexpr int kSize = 800, kLeft = 80, kTop = 70, kRight = 770, kBottom = 720, kFields = 10;
constexpr ffr::Color kBlack{0, 0, 0}, kWhite{255, 255, 255}, kGrid{215, 215, 215};

int between(int from, int to, double share) {
    return static_cast<int>(std::lround(from + (to - from) * share));
}

/// Without zeros behind the point: "0.5", "25".
std::string short_number(double value) {
    char text[32];
    return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.4g", value))};
}

}  // namespace

ffr::Image draw_chart(const Chart& chart) {
    ffr::Image picture(kSize, kSize, 3);
    for (std::uint8_t& byte : picture.pixels()) byte = 255;
    for (int i = 0; i <= kFields; ++i) {
        const double share = static_cast<double>(i) / kFields;
        const int x = between(kLeft, kRight, share), y = between(kBottom, kTop, share);
        ffr::draw_line(picture, {x, kTop}, {x, kBottom}, kGrid);
        ffr::draw_line(picture, {kLeft, y}, {kRight, y}, kGrid);
        const std::string x_text = short_number(chart.x_end * share), y_text = short_number(share);
        ffr::draw_text(picture, {x - ffr::text_width(x_text) / 2, kBottom + 8}, x_text, kBlack, kWhite);
        ffr::draw_text(picture, {kLeft - 8 - ffr::text_width(y_text), y - ffr::text_height() / 2}, y_text, kBlack,
                       kWhite);
    }
    for (const ChartCurve& curve : chart.curves) {
        for (std::size_t i = 1; i < curve.points.size(); ++i) {
            const auto place = [&](ffr::PointF p) {
                return ffr::Point{between(kLeft, kRight, p.x / chart.x_end), between(kBottom, kTop, p.y)};
            };
            ffr::draw_line(picture, place(curve.points[i - 1]), place(curve.points[i]), curve.color, curve.thickness);
        }
    }
    ffr::draw_box(picture, {kLeft, kTop, kRight, kBottom}, kBlack);
    ffr::draw_text(picture, {kLeft, 20}, chart.title, kBlack, kWhite, 2);
    ffr::draw_text(picture, {(kLeft + kRight - ffr::text_width(chart.x_name)) / 2, kBottom + 35}, chart.x_name, kBlack,
                   kWhite);
    ffr::draw_text(picture, {kLeft, kTop - 20}, chart.y_name, kBlack, kWhite);
    return picture;
}
