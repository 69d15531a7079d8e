#pragma once
/// \file
/// A convolution at full speed. Read kernels/reference.hpp first, where it's six loops. Here it's a matrix product:
/// what a filter sees at an output pixel is a row of numbers, and the filter itself a column.
///
///     maps of faces -->  rows x taps   times   taps x outputs   -->  rows x outputs: blocked maps of faces
///                        a row an output       a column
///                        pixel                 a filter
///
/// Three ways lead there, chosen when the weights are loaded:
///
///     direct     a row of the left side is what an output pixel's filter sees, gathered from the maps
///     winograd   3 x 3 filters at stride 1: rows are tiles of pixels at 16 or 36 points (kernels/winograd.inl)
///     pixels     the first layer: rows are read from the colour image in place
///
/// The weights are put into the order in which the product reads them once, at loading; where the file has them in 16
/// bits and the machine can widen them as it reads, they stay so.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../base/error.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../kernels/simd.hpp"
#include "blocked_maps.hpp"
#include "plain_layers.hpp"
#include "row_chunks.hpp"

namespace ffr {
inline namespace v0_1 {

/// A layer of square filters with a bias, with weights in the kernels' order. Immutable, safe for many threads.
class SimdConvolution {
  public:
    /// No layer.
    SimdConvolution() = default;

    /// Reads the tensors NAME/weights (float32 or float16) and NAME/bias.
    /// \param shape  of the layer, and of the maps that it will be given
    /// \throws FormatError when one is missing, of another shape or has a value that isn't finite
    static SimdConvolution load(const WeightsFile& file, const std::string& name, const ConvolutionShape& shape,
                                kernels::SimdPath path = kernels::simd_path()) {
        SimdConvolution layer(shape, path);
        if (file.is_half(name + "/weights")) {
            layer.pack(file.halves(name + "/weights", weight_extents(shape)).begin());
        } else {
            layer.pack(file.finite_tensor<float>(name + "/weights", weight_extents(shape)).begin());
        }
        layer.read_bias(file.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)}));
        return layer;
    }

    /// The same of weights [output][input][row][column] and bias [output] in memory.
    static SimdConvolution from(const ConvolutionShape& shape, const std::vector<float>& weights,
                                const std::vector<float>& bias, kernels::SimdPath path = kernels::simd_path()) {
        require_whole(shape, weights.size(), bias.size());
        SimdConvolution layer(shape, path);
        layer.read_bias(bias);
        layer.pack(weights.data());
        return layer;
    }

    /// The layer's sizes.
    const ConvolutionShape& shape() const { return shape_; }

    /// relu(convolution + shortcut). The shortcut is maps of the result's size, of as many channels or fewer, or null.
    /// \throws InvalidArgument when the maps aren't of the layer's shape
    BlockedMaps apply(const BlockedMaps& in, const BlockedMaps* shortcut, bool relu, Workspace& workspace) const {
        if (way_ == Way::pixels || in.channels() != shape_.inputs || in.height() != shape_.height ||
            in.width() != shape_.width) {
            throw InvalidArgument(wrong_maps(shape_.inputs, in.channels(), in.height(), in.width()));
        }
        BlockedMaps out(workspace, in.faces(), shape_.outputs, shape_.output_height(), shape_.output_width());
        if (shortcut != nullptr && !can_add(*shortcut, out)) throw InvalidArgument("a shortcut of another size");
        const Finish finish{out.data(),
                            out.plane(),
                            out.blocks(),
                            bias_.data(),
                            shortcut == nullptr ? nullptr : shortcut->data(),
                            shortcut == nullptr ? 0 : shortcut->blocks(),
                            relu};
        if (way_ == Way::winograd4) {
            winograd<4>(kernels_->winograd4, in, finish, workspace);
        } else if (way_ == Way::winograd2) {
            winograd<2>(kernels_->winograd2, in, finish, workspace);
        } else {
            direct(in, finish, workspace);
        }
        return out;
    }

    /// relu(convolution) of faces' pixels (value - mean) / range, for a layer of 3 inputs and stride 2.
    /// \throws InvalidArgument when a face isn't of the layer's size
    BlockedMaps apply(const std::vector<ImageView>& faces, const std::array<float, 3>& mean, float range,
                      Workspace& workspace) const {
        if (way_ != Way::pixels) throw InvalidArgument("this layer doesn't take pixels");
        BlockedMaps out(workspace, static_cast<int>(faces.size()), shape_.outputs, shape_.output_height(),
                        shape_.output_width());
        const std::ptrdiff_t line = 3 * std::ptrdiff_t{shape_.width + 2 * shape_.padding};
        const Workspace::Floats image(
            workspace, static_cast<std::size_t>(line * (shape_.height + 2 * shape_.padding) + kPixelSlack));
        for (std::size_t face = 0; face < faces.size(); ++face) {
            read_pixels(faces[face], mean, range, image.data(), workspace);
            workspace.threads().run(out.height(), [&](int y, int) {
                const Finish finish{
                    out.at(0, static_cast<int>(face), y, 0), out.plane(), out.blocks(), bias_.data(), nullptr, 0, true};
                const ProductRows rows{image.data() + y * shape_.stride * line, out.width(), shape_.side,
                                       3 * shape_.side, line};
                for (int panel = 0; panel < panels(); ++panel) {
                    kernels_->product_of_pixels(rows, panel_of(panel), panel * kernels::kPanel, finish);
                }
            });
        }
        return out;
    }

  private:
    using Finish = kernels::Finish;
    using ProductRows = kernels::ProductRows;
    enum class Way { direct, winograd2, winograd4, pixels };

    // normalise_pixels writes up to 47 numbers too many.
    static constexpr std::ptrdiff_t kPixelSlack = 48;

    SimdConvolution(const ConvolutionShape& shape, kernels::SimdPath path)
        : shape_(shape), taps_(shape.side * shape.side), kernels_(&kernels::kernels_of(path)), way_(choose(shape)) {
        require_filters_fit(shape);
        const bool one_pixel =
            shape.height == 1 && shape.width == 1 && shape.padding < shape.side && shape.output_height() == 1;
        if (one_pixel) {  // a single tap meets it
            first_tap_ = shape.padding * shape.side + shape.padding;
            shape_ = {shape.inputs, 1, 1, shape.outputs, 1, 1, 0};
        }
    }

    /// Where Winograd's way was faster in bench/: its weights take more memory, which counts where maps are small.
    static Way choose(const ConvolutionShape& shape) {
        if (shape.inputs == 3 && shape.stride == 2 && shape.height == shape.width) return Way::pixels;
        if (shape.side != 3 || shape.stride != 1 || shape.padding != 1) return Way::direct;
        const int size = std::min(shape.height, shape.width);
        return size >= 12 ? Way::winograd4 : size >= 6 ? Way::winograd2 : Way::direct;
    }

    int panels() const { return kernels::panels_of(shape_.outputs); }
    int input_blocks() const { return kernels::blocks_of(shape_.inputs); }
    /// Numbers of a row of the left side.
    std::ptrdiff_t depth() const {
        if (way_ == Way::pixels) return shape_.taps();
        const int points = way_ == Way::direct ? shape_.side * shape_.side : 1;
        return std::ptrdiff_t{input_blocks()} * kernels::kBlock * points;
    }
    const float* panel_of(int panel) const { return floats_.get() + panel * depth() * kernels::kPanel; }

    void read_bias(const std::vector<float>& bias) {
        bias_.assign(static_cast<std::size_t>(panels()) * kernels::kPanel, 0.0f);
        no_bias_ = bias_;
        std::copy(bias.begin(), bias.end(), bias_.begin());
    }

    /// Inputs whose weights lie beside each other: the colours in the first layer.
    int block_size() const { return way_ == Way::pixels ? shape_.inputs : kernels::kBlock; }

    /// Copies weights [output][input][tap] of a panel and a block of inputs to [tap][input][output of the panel]. Outputs
    /// and inputs that only fill up are left as they are.
    template <typename Source, typename Weight>
    void copy_weights(const Source* weights, int panel, int block, Weight* to) const {
        const int taps = shape_.side * shape_.side, first = panel * kernels::kPanel;
        const int outputs = std::min(kernels::kPanel, shape_.outputs - first);
        const int inputs = std::min(block_size(), shape_.inputs - block * block_size());
        for (int output = 0; output < outputs; ++output) {
            const std::ptrdiff_t filter = std::ptrdiff_t{first + output} * shape_.inputs + block * block_size();
            const Source* from = weights + filter * taps_ + first_tap_;
            for (int input = 0; input < inputs; ++input, from += taps_) {
                Weight* place = to + input * kernels::kPanel + output;
                for (int tap = 0; tap < taps; ++tap, place += block_size() * kernels::kPanel) assign(from[tap], *place);
            }
        }
    }
    static void assign(Half from, Half& to) { to = from; }
    static void assign(Half from, float& to) { to = to_float(from); }
    static void assign(float from, float& to) { to = from; }

    void pack(const Half* weights) {
        if (way_ == Way::direct && kernels_->widens) {
            pack_direct(weights, halves_);
        } else {
            pack_floats(weights);
        }
    }
    void pack(const float* weights) { pack_floats(weights); }

    template <typename Source>
    void pack_floats(const Source* weights) {
        if (way_ == Way::winograd2) {
            pack_at_points(weights, kernels_->winograd2, 16);
        } else if (way_ == Way::winograd4) {
            pack_at_points(weights, kernels_->winograd4, 36);
        } else {
            pack_direct(weights, floats_);
        }
    }

    /// Memory that isn't filled with zeros before the weights come.
    template <typename Weight>
    static std::shared_ptr<Weight[]> uninitialised(std::ptrdiff_t count) {
        return std::shared_ptr<Weight[]>(new Weight[static_cast<std::size_t>(count)]);
    }

    /// Weights in the order panel, block, tap, input, output.
    template <typename Source, typename Weight>
    void pack_direct(const Source* weights, std::shared_ptr<Weight[]>& packed) const {
        packed = uninitialised<Weight>(panels() * depth() * kernels::kPanel);
        const bool whole = shape_.inputs % block_size() == 0 && shape_.outputs % kernels::kPanel == 0;
        if (!whole) std::fill_n(packed.get(), panels() * depth() * kernels::kPanel, Weight{});
        const int blocks = (shape_.inputs + block_size() - 1) / block_size();
        const std::ptrdiff_t size = depth() / blocks * kernels::kPanel;
        for (int panel = 0; panel < panels(); ++panel) {
            for (int block = 0; block < blocks; ++block) {
                copy_weights(weights, panel, block, packed.get() + (panel * blocks + block) * size);
            }
        }
    }

    /// Weights at Winograd's points, in the order point, panel, input, output.
    template <typename Source>
    void pack_at_points(const Source* weights, const kernels::WinogradKernels& transform, int points) {
        constexpr std::ptrdiff_t kTap = std::ptrdiff_t{kernels::kBlock} * kernels::kPanel;
        const std::ptrdiff_t point = panels() * depth() * kernels::kPanel;
        floats_ = uninitialised<float>(points * point);
        std::array<float, 9 * kTap> taps;
        for (int panel = 0; panel < panels(); ++panel) {
            for (int block = 0; block < input_blocks(); ++block) {
                taps.fill(0);
                copy_weights(weights, panel, block, taps.data());
                float* const to = floats_.get() + (panel * input_blocks() + block) * kTap;
                for (std::ptrdiff_t input = 0; input < kTap; input += kernels::kPanel) {
                    transform.filter(taps.data() + input, kTap, to + input, point);
                }
            }
        }
    }

    void product(const ProductRows& rows, int panel, const Finish& finish) const {
        const std::ptrdiff_t weights = panel * depth() * kernels::kPanel;
        if (halves_ == nullptr) {
            kernels_->product(rows, floats_.get() + weights, panel * kernels::kPanel, finish);
        } else {
            kernels_->product_of_halves(rows, &halves_[0].bits + weights, panel * kernels::kPanel, finish);
        }
    }

    static Finish moved(Finish finish, std::ptrdiff_t floats) {
        finish.out += floats;
        if (finish.shortcut != nullptr) finish.shortcut += floats;
        return finish;
    }

    /// By rows that are gathered or, where an output pixel sees one pixel, read from the maps in place.
    void direct(const BlockedMaps& in, const Finish& finish, Workspace& workspace) const {
        const bool in_place = shape_.side == 1 && shape_.stride == 1 && shape_.padding == 0;
        const auto row_bytes = in_place ? 0 : static_cast<std::size_t>(depth()) * sizeof(float);
        const RowChunks chunks(in.faces() * shape_.output_height() * shape_.output_width(), kernels_->rows, row_bytes,
                               panels(), workspace.threads().size());
        const std::size_t scratch = chunks.scratch() / sizeof(float);
        const Workspace::Floats memory(workspace, scratch * static_cast<std::size_t>(workspace.threads().size()));
        const auto gathered = [&](const RowChunks::Block& block) {
            return memory.data() + static_cast<std::size_t>(block.thread) * scratch + block.place * depth();
        };
        chunks.run(
            workspace.threads(),
            [&](const RowChunks::Block& block) {
                if (in_place) return;
                kernels_->gather(shape_, in.faces(), in.data(), block.first, block.count, gathered(block));
            },
            [&](const RowChunks::Block& block, int panel) {
                const std::ptrdiff_t pixel = std::ptrdiff_t{block.first} * kernels::kBlock;
                const std::ptrdiff_t block_size = std::ptrdiff_t{block.count} * kernels::kBlock;
                const ProductRows rows =
                    in_place ? ProductRows{in.data() + pixel, block.count, input_blocks(), kernels::kBlock, in.plane()}
                             : ProductRows{gathered(block), block.count, depth() / kernels::kBlock, kernels::kBlock,
                                           block_size};
                product(rows, panel, moved(finish, pixel));
            });
    }

    template <int kTile>
    void winograd(const kernels::WinogradKernels& transform, const BlockedMaps& in, const Finish& finish,
                  Workspace& workspace) const {
        constexpr int kPoints = (kTile + 2) * (kTile + 2);
        const kernels::TileGrid grid{shape_.height, shape_.width, (shape_.height + kTile - 1) / kTile,
                                     (shape_.width + kTile - 1) / kTile};
        const int tiles = in.faces() * grid.tiles();
        const std::ptrdiff_t inputs = kernels_->rows * depth() * kPoints;
        const std::ptrdiff_t sums = std::ptrdiff_t{kernels_->rows} * finish.blocks * kernels::kBlock * kPoints;
        const Workspace::Floats memory(workspace,
                                       static_cast<std::size_t>((inputs + sums) * workspace.threads().size()));
        const int blocks = (tiles + kernels_->rows - 1) / kernels_->rows;
        workspace.threads().run(blocks, [&](int block, int thread) {
            const int first = static_cast<int>(std::int64_t{tiles} * block / blocks);
            const int count = static_cast<int>(std::int64_t{tiles} * (block + 1) / blocks) - first;
            float* const left = memory.data() + thread * (inputs + sums);
            float* const products = left + inputs;
            transform.input(grid, in.faces(), in.blocks(), in.data(), first, count, left);
            const std::ptrdiff_t plane = std::ptrdiff_t{count} * kernels::kBlock;
            for (int point = 0; point < kPoints; ++point) {
                const ProductRows rows{left + point * count * depth(), count, input_blocks(), kernels::kBlock, plane};
                const Finish store{
                    products + point * finish.blocks * plane, plane, finish.blocks, no_bias_.data(), nullptr, 0, false};
                const float* const weights = floats_.get() + point * panels() * depth() * kernels::kPanel;
                for (int panel = 0; panel < panels(); ++panel) {
                    kernels_->product(rows, weights + panel * depth() * kernels::kPanel, panel * kernels::kPanel,
                                      store);
                }
            }
            transform.output(grid, products, first, count, finish);
        });
    }

    /// A face's pixels as numbers, interleaved, with a border of zeros.
    void read_pixels(ImageView face, const std::array<float, 3>& mean, float range, float* image,
                     Workspace& workspace) const {
        require_face_size(face, shape_.height);
        std::array<float, 48> means{};
        for (std::size_t i = 0; i < means.size(); ++i) means[i] = mean[i % 3];
        const Workspace::Floats memory(workspace, static_cast<std::size_t>(3 * shape_.width) + means.size());
        auto* const bytes = reinterpret_cast<std::uint8_t*>(memory.data());
        const int border = 3 * shape_.padding, row = 3 * shape_.width, line = row + 2 * border;
        std::fill_n(image, shape_.padding * line, 0.0f);
        image += shape_.padding * line;
        for (int y = 0; y < face.height; ++y, image += line) {
            const std::uint8_t* const from = face.row(y);
            if (face.channels == 1) {
                for (int x = 0; x < face.width; ++x) std::fill_n(bytes + 3 * x, 3, from[x]);
            } else {
                std::copy_n(from, row, bytes);
            }
            std::fill_n(image, border, 0.0f);
            kernels_->normalise_pixels(bytes, row, means.data(), range, image + border);
            std::fill_n(image + border + row, border, 0.0f);
        }
        std::fill_n(image, shape_.padding * line, 0.0f);
    }

    ConvolutionShape shape_{};
    int taps_ = 0, first_tap_ = 0;  // a filter's in the file, and the first one that's used
    const kernels::Kernels* kernels_ = nullptr;
    Way way_ = Way::direct;
    std::shared_ptr<float[]> floats_;  // the weights: one of these two is null
    std::shared_ptr<Half[]> halves_;
    std::vector<float> bias_, no_bias_;  // of whole panels
};

}  // namespace v0_1
}  // namespace ffr
