#pragma once
/// \file
/// Curves in a picture.

#include <string>
#include <vector>

#include "ffr/image/draw.hpp"
#include "ffr/image/image.hpp"

/// A curve: points in the chart's own units, drawn in order.
struct ChartCurve {
    std::vector<ffr::PointF> points;
    ffr::Color color;
    int thickness = 1;
};

/// What a chart shows: from 0 to x_end and from 0 to 1, with a grid of ten fields each way.
struct Chart {
    std::string title, x_name, y_name;
    double x_end = 1;
    std::vector<ChartCurve> curves;
};

/// Draws a chart of 800 x 800 pixels.
ffr::Image draw_chart(const Chart& chart);
