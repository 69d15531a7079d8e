#pragma once
/// \file
/// OpenFace's network nn4.small2 (.t7) to a file of kind "nn4.small2". The module tree is walked in the order in which
/// the data flow; all that isn't as nn4.small2 has it is refused by its place in the tree, except for the strides and
/// paddings of the inception modules' pools, which differ between files and are written into ours.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/embed/nn4_small2.hpp"
#include "folded_convolution.hpp"
#include "torch_file.hpp"

namespace convert {

/// A module of a network: an instance and where it stands in the tree, as "modules[14].modules[2]". All members throw
/// ffr::FormatError that names the file, this place and the reason.
class TorchModule {
  public:
    TorchModule(const TorchFile& file, const TorchObject& object, std::string place)
        : file_(&file), instance_(object.as<TorchInstance>()), place_(std::move(place)) {
        if (instance_ == nullptr) fail("isn't a module");
    }

    [[noreturn]] void fail(const std::string& reason) const {
        throw ffr::FormatError(file_->name() + ": " + place_ + ": " + reason);
    }

    /// The class without its package: "SpatialConvolution" of nn, cudnn and cunn alike.
    std::string kind() const { return instance_->class_name.substr(instance_->class_name.find('.') + 1); }

    void require_kind(const std::string& wanted) const {
        if (kind() != wanted) fail("is a " + shown_text(instance_->class_name) + ", expected a " + wanted);
    }

    bool has(const std::string& field) const {
        const TorchObject* const found = find(*instance_->fields, field);
        return found != nullptr && found->as<std::monostate>() == nullptr;
    }

    /// A number or truth value (0 or 1). \param if_missing  what it means that there's no such field
    double number(const std::string& field, std::optional<double> if_missing = std::nullopt) const {
        if (if_missing && !has(field)) return *if_missing;
        const TorchObject& value = require(field);
        if (const auto* const truth = value.as<bool>()) return *truth ? 1 : 0;
        const auto* const number = value.as<double>();
        if (number == nullptr || !std::isfinite(*number)) fail(field + " isn't a number");
        return *number;
    }

    void expect(const std::string& field, double wanted, std::optional<double> if_missing = std::nullopt) const {
        const double found = number(field, if_missing);
        if (found != wanted) fail(field + " is " + shown(found) + ", expected " + shown(wanted));
    }

    /// The values of a tensor, row after row. \param shapes  the shapes it may have, all of as many elements
    std::vector<float> tensor(const std::string& field, const std::vector<std::vector<std::size_t>>& shapes) const {
        const auto* const found = require(field).as<TorchTensor>();
        if (found == nullptr) fail(field + " isn't a tensor");
        bool fits = false;
        for (const std::vector<std::size_t>& shape : shapes) fits = fits || found->sizes == shape;
        if (!fits) fail(field + " has shape " + shown(found->sizes) + ", expected " + shown(shapes.front()));
        std::vector<float> values;
        append(*found, 0, found->offset, field, values);
        return values;
    }

    /// The entries 1, 2, ... of the table `modules`.
    std::vector<TorchModule> modules() const {
        const auto* const table = require("modules").as<TorchTable>();
        if (table == nullptr) fail("modules isn't a table");
        std::vector<TorchModule> all;
        for (const auto& [key, value] : *table) {
            const auto* const index = key->as<double>();
            if (index == nullptr || *index != static_cast<double>(all.size() + 1)) fail("modules isn't a list");
            all.emplace_back(
                *file_, *value,
                (place_ == "network" ? "" : place_ + ".") + "modules[" + std::to_string(all.size() + 1) + "]");
        }
        return all;
    }

  private:
    const TorchObject& require(const std::string& field) const {
        if (!has(field)) fail("has no " + field);
        return *find(*instance_->fields, field);
    }

    void append(const TorchTensor& tensor, std::size_t dimension, std::size_t at, const std::string& field,
                std::vector<float>& values) const {
        if (dimension == tensor.sizes.size()) {
            const double value = element(*tensor.storage, at);
            if (!(std::fabs(value) <= 1e30)) fail(field + " has a value that isn't finite");
            values.push_back(static_cast<float>(value));
            return;
        }
        for (std::size_t i = 0; i < tensor.sizes[dimension]; ++i) {
            append(tensor, dimension + 1, at + i * tensor.strides[dimension], field, values);
        }
    }

    static std::string shown(double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%g", value);
        return text;
    }

    static std::string shown(const std::vector<std::size_t>& shape) {
        std::string text;
        for (const std::size_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
        return text;
    }

    const TorchFile* file_;
    const TorchInstance* instance_;
    std::string place_;
};

/// Goes through the modules of a container in order.
class ModuleSequence {
  public:
    explicit ModuleSequence(const TorchModule& container) : container_(container), modules_(container.modules()) {}

    const TorchModule& next() {
        if (at_ == modules_.size()) container_.fail("has only " + std::to_string(at_) + " modules");
        return modules_[at_++];
    }

    const TorchModule& next(const std::string& kind) {
        const TorchModule& module = next();
        module.require_kind(kind);
        return module;
    }

    void expect_end() const {
        if (at_ != modules_.size()) modules_[at_].fail("is one module too many");
    }

  private:
    TorchModule container_;
    std::vector<TorchModule> modules_;
    std::size_t at_ = 0;
};

/// One of the network's inception modules.
struct TorchInception {
    ffr::PoolWindow window;
    FoldedConvolution reduce_3x3, conv_3x3, reduce_5x5, conv_5x5, after_pool, conv_1x1;
};

/// The whole network, in the order of execution.
struct Nn4Small2 {
    FoldedConvolution conv1, conv2, conv3;
    std::vector<TorchInception> modules;
    std::vector<float> linear_weights, linear_bias;
};

/// A convolution of a known shape.
inline FoldedConvolution read_convolution(const TorchModule& module, int inputs, int outputs, int side, int stride) {
    if (module.kind() != "SpatialConvolution" && module.kind() != "SpatialConvolutionMM") {
        module.require_kind("SpatialConvolution");
    }
    module.expect("nInputPlane", inputs);
    module.expect("nOutputPlane", outputs);
    for (const char* const field : {"kW", "kH"}) module.expect(field, side);
    for (const char* const field : {"dW", "dH"}) module.expect(field, stride);
    for (const char* const field : {"padW", "padH"}) module.expect(field, side / 2, 0);
    module.expect("groups", 1, 1);
    const auto in = static_cast<std::size_t>(inputs), out = static_cast<std::size_t>(outputs);
    const auto k = static_cast<std::size_t>(side);
    return {out, in, k, module.tensor("weight", {{out, in, k, k}, {out, in * k * k}}), module.tensor("bias", {{out}})};
}

/// y = (x - mean) / sqrt(variance + eps) * weight + bias, in each channel.
inline void fold_normalisation(const TorchModule& module, FoldedConvolution& convolution) {
    module.require_kind("SpatialBatchNormalization");
    const std::size_t n = convolution.outputs;
    const bool is_old = !module.has("running_var");  // very old files keep 1 / sqrt(variance + eps)
    const std::vector<float> mean = module.tensor("running_mean", {{n}});
    const std::vector<float> spread = module.tensor(is_old ? "running_std" : "running_var", {{n}});
    const double eps = is_old ? 0 : module.number("eps");
    const bool is_affine = module.has("weight");
    const std::vector<float> weight = is_affine ? module.tensor("weight", {{n}}) : std::vector<float>(n, 1.0f);
    const std::vector<float> bias = is_affine ? module.tensor("bias", {{n}}) : std::vector<float>(n, 0.0f);
    for (std::size_t o = 0; o < n; ++o) {
        const double variance = double{spread[o]} + eps;
        if (!(variance > 0)) module.fail("channel " + std::to_string(o) + " has no variance");
        const double scale = weight[o] * (is_old ? double{spread[o]} : 1 / std::sqrt(variance));
        if (!convolution.fold(o, scale, bias[o] - scale * mean[o])) module.fail("makes a weight too large");
    }
}

/// Convolution, batch normalisation, ReLU: one convolution with the others folded in.
inline FoldedConvolution read_unit(ModuleSequence& in, int inputs, int outputs, int side, int stride) {
    FoldedConvolution convolution = read_convolution(in.next(), inputs, outputs, side, stride);
    fold_normalisation(in.next(), convolution);
    const TorchModule& relu = in.next("ReLU");
    relu.expect("threshold", 0, 0);
    relu.expect("val", 0, 0);
    return convolution;
}

/// The window of a pooling module: 3 x 3 pixels, 1 to 3 apart, with at most one pixel of padding.
inline ffr::PoolWindow read_window(const TorchModule& module) {
    for (const char* const field : {"kW", "kH"}) module.expect(field, 3);
    const double stride = module.number("dW"), padding = module.number("padW", 0);
    if (stride != 1 && stride != 2 && stride != 3) module.fail("dW isn't 1, 2 or 3");
    if (padding != 0 && padding != 1) module.fail("padW isn't 0 or 1");
    module.expect("dH", stride);
    module.expect("padH", padding, 0);
    module.expect("ceil_mode", 0, 0);
    return {3, static_cast<int>(stride), static_cast<int>(padding)};
}

/// A window without padding whose values are averaged.
inline ffr::PoolWindow read_average_pool(const TorchModule& module) {
    module.require_kind("SpatialAveragePooling");
    module.expect("padW", 0, 0);
    module.expect("divide", 1, 1);
    return read_window(module);
}

/// The largest value of each window.
inline ffr::PoolWindow read_max_pool(const TorchModule& module) {
    module.require_kind("SpatialMaxPooling");
    return read_window(module);
}

/// The root of the sum of squares, which Torch makes of four modules: square, mean, times 9, root.
inline ffr::PoolWindow read_l2_pool(const TorchModule& module) {
    module.require_kind("SpatialLPPooling");
    ModuleSequence in(module);
    const auto power = [&](const char* name, double exponent) {
        const TorchModule& part = in.next();
        if (part.kind() != name) {
            part.require_kind("Power");
            part.expect("pow", exponent);
        }
    };
    power("Square", 2);
    const ffr::PoolWindow window = read_average_pool(in.next());
    in.next("MulConstant").expect("constant_scalar", window.side * window.side);
    power("Sqrt", 0.5);
    in.expect_end();
    return window;
}

/// The only kind of normalisation across channels that nn4.small2 has.
inline void read_across_channels(const TorchModule& module) {
    module.require_kind("SpatialCrossMapLRN");
    module.expect("size", 5);
    module.expect("alpha", 1e-4);
    module.expect("beta", 0.75);
    module.expect("k", 1);
}

/// An inception module of a known shape but for its pool's window.
inline TorchInception read_inception(const TorchModule& module, const ffr::InceptionShape& shape, int inputs) {
    module.require_kind("Inception");
    ModuleSequence decorated(module);
    const TorchModule& concat = decorated.next("DepthConcat");
    decorated.expect_end();
    concat.expect("dimension", 2);
    ModuleSequence branches(concat);
    TorchInception found;
    const auto read_filters = [&](int reduced, int outputs, int side, FoldedConvolution& reduce,
                                  FoldedConvolution& filters) {
        if (outputs == 0) return;
        ModuleSequence branch(branches.next("Sequential"));
        reduce = read_unit(branch, inputs, reduced, 1, 1);
        filters = read_unit(branch, reduced, outputs, side, shape.stride);
        branch.expect_end();
    };
    read_filters(shape.reduce_3x3, shape.out_3x3, 3, found.reduce_3x3, found.conv_3x3);
    read_filters(shape.reduce_5x5, shape.out_5x5, 5, found.reduce_5x5, found.conv_5x5);
    ModuleSequence pooled(branches.next("Sequential"));
    found.window = shape.pool == ffr::InceptionPool::max ? read_max_pool(pooled.next()) : read_l2_pool(pooled.next());
    if (shape.out_pool > 0) found.after_pool = read_unit(pooled, inputs, shape.out_pool, 1, 1);
    pooled.expect_end();
    if (shape.out_1x1 > 0) {
        ModuleSequence branch(branches.next("Sequential"));
        found.conv_1x1 = read_unit(branch, inputs, shape.out_1x1, 1, 1);
        branch.expect_end();
    }
    branches.expect_end();
    return found;
}

/// The pool that halves the maps before the inception modules.
inline void expect_stem_pool(const TorchModule& module) {
    read_max_pool(module);
    module.expect("dW", 2);
    module.expect("padW", 1);
}

/// \throws ffr::FormatError for anything that isn't a network of nn4.small2's shape
inline Nn4Small2 read_nn4_small2(const TorchFile& file) {
    const TorchModule root(file, file.root(), "network");
    root.require_kind("Sequential");
    ModuleSequence in(root);
    Nn4Small2 net;
    net.conv1 = read_unit(in, 3, 64, 7, 2);
    expect_stem_pool(in.next());
    read_across_channels(in.next());
    net.conv2 = read_unit(in, 64, 64, 1, 1);
    net.conv3 = read_unit(in, 64, 192, 3, 1);
    read_across_channels(in.next());
    expect_stem_pool(in.next());
    int channels = 192;
    for (const ffr::InceptionShape& shape : ffr::kNn4Small2Modules) {
        net.modules.push_back(read_inception(in.next(), shape, channels));
        channels = ffr::inception_outputs(shape, channels);
    }
    read_average_pool(in.next());
    const auto inputs = static_cast<std::size_t>(channels), outputs = ffr::Embedding().size();
    in.next("View").expect("numElements", channels);
    const TorchModule& linear = in.next("Linear");
    net.linear_weights = linear.tensor("weight", {{outputs, inputs}});
    net.linear_bias = linear.tensor("bias", {{outputs}});
    const TorchModule& normalize = in.next("Normalize");
    normalize.expect("p", 2);
    normalize.expect("eps", 1e-10, 1e-10);
    in.expect_end();
    return net;
}

/// Adds the network's tensors, as docs/weight-format.md names them.
inline void write_nn4_small2(const Nn4Small2& net, ffr::WeightsWriter& out) {
    add_convolution(out, "conv1", net.conv1, false);
    add_convolution(out, "conv2", net.conv2, false);
    add_convolution(out, "conv3", net.conv3, false);
    for (std::size_t i = 0; i < net.modules.size(); ++i) {
        const TorchInception& module = net.modules[i];
        const std::string name = ffr::kNn4Small2Modules[i].name;
        const std::pair<const char*, const FoldedConvolution*> parts[] = {
            {"/3x3_reduce", &module.reduce_3x3}, {"/3x3", &module.conv_3x3},    {"/5x5_reduce", &module.reduce_5x5},
            {"/5x5", &module.conv_5x5},          {"/pool", &module.after_pool}, {"/1x1", &module.conv_1x1}};
        for (const auto& [part, convolution] : parts) {
            if (convolution->outputs > 0) add_convolution(out, name + part, *convolution, false);
        }
        const ffr::PoolWindow& window = module.window;
        out.add<std::int32_t>(name + "/pool/window", {3}, {window.side, window.stride, window.padding});
    }
    out.add("linear/weights", {net.linear_bias.size(), net.linear_weights.size() / net.linear_bias.size()},
            net.linear_weights);
    out.add("linear/bias", {net.linear_bias.size()}, net.linear_bias);
}

}  // namespace convert
