#pragma once
/// \file
/// Writes weight files: what the tools convert and what users train, see weights_file.hpp.
///
///     names, shapes, values --add--> WeightsWriter --bytes, save--> a weight file

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "error.hpp"
#include "float_environment.hpp"
#include "pending_file.hpp"
#include "weights_file.hpp"
#include "xxhash.hpp"

namespace ffr {
inline namespace v0_1 {

/// Builds a weight file. The tensors lie in the file in the order in which they were added.
class WeightsWriter {
  public:
    /// A file without tensors.
    /// \param kind  what the file is for, at most 31 characters. \throws InvalidArgument when it's longer
    explicit WeightsWriter(std::string kind) : kind_(std::move(kind)) {
        if (kind_.size() >= detail::kKindSize) throw InvalidArgument("a weight file's kind has at most 31 characters");
    }

    /// Adds a tensor; the values are copied.
    /// \throws InvalidArgument when the name has more than 55 characters, the shape more than 4 dimensions, or the
    /// number of values isn't the shape's
    template <typename T>
    void add(const std::string& name, std::vector<std::size_t> shape, const std::vector<T>& values) {
        TensorInfo info{name, tensor_type<T>(), std::move(shape), nullptr, values.size() * sizeof(T)};
        std::size_t count = 1;
        for (const std::size_t extent : info.shape) count *= extent;
        if (name.size() >= detail::kNameSize || info.shape.size() > detail::kMaxRank || count != values.size()) {
            throw InvalidArgument("tensor '" + name + "' can't be written: long name, too many dimensions or " +
                                  std::to_string(values.size()) + " values for a shape of " + std::to_string(count));
        }
        const auto* const first = reinterpret_cast<const unsigned char*>(values.data());
        data_.emplace_back(first, first + info.bytes);
        if constexpr (!detail::kFilesSuitMachine) {
            detail::reverse_elements(data_.back().data(), info.bytes, sizeof(T));
        }
        tensors_.push_back(std::move(info));
    }

    /// Adds a tensor of text. \throws InvalidArgument as add does
    void add_text(const std::string& name, const std::string& text) {
        add(name, {text.size()}, std::vector<char>(text.begin(), text.end()));
    }

    /// The whole file as bytes.
    std::vector<unsigned char> bytes() const {
        std::vector<unsigned char> file(detail::kHeaderSize + tensors_.size() * detail::kEntrySize);
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            const std::size_t offset = detail::align_up(file.size());
            file.resize(offset);
            file.insert(file.end(), data_[i].begin(), data_[i].end());
            write_entry(file, i, offset);
        }
        std::memcpy(file.data(), detail::kWeightsMagic, sizeof detail::kWeightsMagic);
        put<std::uint32_t>(file, 8, detail::kWeightsVersion);
        put<std::uint32_t>(file, 12, static_cast<std::uint32_t>(tensors_.size()));
        put<std::uint64_t>(file, 16, file.size());
        std::memcpy(file.data() + 32, kind_.data(), kind_.size());
        put<std::uint64_t>(file, 24,
                           detail::xxh64(file.data() + detail::kChecksumStart, file.size() - detail::kChecksumStart));
        return file;
    }

    /// Writes the file, whole or not at all. A file that is there is replaced and keeps its mode, owner and group.
    /// \param mode  permissions of a new file, as chmod takes them; the umask narrows them
    /// \throws FileError naming the file and the reason; a read-only file isn't replaced
    void save(const std::filesystem::path& path, unsigned mode = detail::kSharedMode) const {
        detail::with_default_floats([&] {
            const std::vector<unsigned char> file = bytes();
            detail::write_file(path, file.data(), file.size(), mode);
        });
    }

  private:
    template <typename T>
    static void put(std::vector<unsigned char>& file, std::size_t offset, T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i) file[offset + i] = static_cast<unsigned char>(value >> (8 * i));
    }

    void write_entry(std::vector<unsigned char>& file, std::size_t index, std::size_t offset) const {
        const TensorInfo& info = tensors_[index];
        const std::size_t entry = detail::kHeaderSize + index * detail::kEntrySize;
        std::memcpy(file.data() + entry, info.name.data(), info.name.size());
        put<std::uint32_t>(file, entry + 56, static_cast<std::uint32_t>(info.type));
        put<std::uint32_t>(file, entry + 60, static_cast<std::uint32_t>(info.shape.size()));
        for (std::size_t i = 0; i < info.shape.size(); ++i) put<std::uint64_t>(file, entry + 64 + 8 * i, info.shape[i]);
        put<std::uint64_t>(file, entry + 96, offset);
    }

    std::string kind_;
    std::vector<TensorInfo> tensors_;
    std::vector<std::vector<unsigned char>> data_;
};

}  // namespace v0_1
}  // namespace ffr
