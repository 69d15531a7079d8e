#pragma once
/// \file
/// How a convolution's matrix product is divided: rows (what a filter sees at an output pixel) into chunks that stay in
/// the second-level cache with a panel of weights, chunks into blocks that the kernel takes at once, and panels between
/// threads where chunks are too few.
///
///     left side: rows x taps               weights: panels of 32 channels
///     +--------- block --------+           +--------+--------+--------+
///     |--------- block --------| chunk  x  | panel  | panel  | panel  |    a chunk stays in the cache while the panels
///     +--------- block --------+           |        |        |        |    go by; then comes the next chunk
///     |          ...           | chunk     +--------+--------+--------+

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../base/threads.hpp"

namespace ffr {
inline namespace v0_1 {

/// Calls work(first, count) for rows begin..end in blocks of about the same size, at most `most` rows each.
template <typename Work>
void for_row_blocks(int begin, int end, int most, Work work) {
    const int rows = end - begin, blocks = (rows + most - 1) / most;
    for (int block = 0; block < blocks; ++block) {
        const int first = begin + static_cast<int>(std::int64_t{rows} * block / blocks);
        work(first, begin + static_cast<int>(std::int64_t{rows} * (block + 1) / blocks) - first);
    }
}

/// A product's rows in chunks.
class RowChunks {
  public:
    /// Rows that a kernel takes at once.
    struct Block {
        int first;             ///< the first of them
        int count;             ///< how many they are
        int thread;            ///< which works on it
        std::ptrdiff_t place;  ///< of the first row in the thread's memory, in rows
    };

    /// Divides a product of `rows` rows and `panels` panels of weights between threads.
    /// \param block      most rows of a block
    /// \param row_bytes  memory that a row takes, 0 when rows aren't made
    RowChunks(int rows, int block, std::size_t row_bytes, int panels, int threads)
        : rows_(rows), block_(block), panels_(panels), row_bytes_(row_bytes) {
        const std::size_t fit =
            row_bytes == 0 ? kMostBlocks : kChunkBytes / (row_bytes * static_cast<std::size_t>(block));
        chunk_ = block * static_cast<int>(std::clamp<std::size_t>(fit, 1, kMostBlocks));
        const int chunks = (rows + chunk_ - 1) / chunk_;
        shares_ = threads == 1 || chunks == 0 ? 1 : std::min(panels, (2 * threads + chunks - 1) / chunks);
        tasks_ = chunks * shares_;
    }

    /// Bytes of memory that each thread needs for its rows.
    std::size_t scratch() const { return row_bytes_ * static_cast<std::size_t>(std::min(chunk_, rows_)); }

    /// Calls make(block) for each block of a chunk, then multiply(block, panel) for each panel and each block: a panel's
    /// weights are read for many blocks, and a chunk's rows for many panels.
    template <typename Make, typename Multiply>
    void run(ThreadPool& threads, Make make, Multiply multiply) const {
        threads.run(tasks_, [&](int task, int thread) {
            const int first = task / shares_ * chunk_, end = std::min(first + chunk_, rows_), share = task % shares_;
            for_row_blocks(first, end, block_, [&](int row, int count) {
                make(Block{row, count, thread, row - first});
            });
            for (int panel = panels_ * share / shares_; panel < panels_ * (share + 1) / shares_; ++panel) {
                for_row_blocks(first, end, block_, [&](int row, int count) {
                    multiply(Block{row, count, thread, row - first}, panel);
                });
            }
        });
    }

  private:
    static constexpr std::size_t kChunkBytes = 1 << 18, kMostBlocks = 16;

    int rows_, block_, panels_, chunk_ = 0, shares_ = 1, tasks_ = 0;
    std::size_t row_bytes_;
};

}  // namespace v0_1
}  // namespace ffr
