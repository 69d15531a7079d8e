#pragma once
/// \file
/// What a model needs to run beside its weights: memory for what's between its steps, and threads.
///
///     Workspace --+--> pieces of floats, given back at each step's end and used again by the next
///                 +--> a ThreadPool (threads.hpp)
///
/// So memory is taken anew only where a photo needs more than those before it, and no thread is started twice.

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "threads.hpp"

namespace ffr {
inline namespace v0_1 {

/// Memory and threads for calls of a model, one call at a time.
///
/// Memory is kept from one call to the next, and reused within a call as soon as a step is done.
/// Keep one for each thread that calls.
class Workspace {
  public:
    /// No memory yet, and threads that end with the workspace.
    /// \param threads  how many share the work of a call, at least 1; all but the caller's are started here
    explicit Workspace(int threads = 1) : threads_(threads) {}
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    /// The threads.
    ThreadPool& threads() { return threads_; }

    /// Bytes of memory that it holds.
    std::size_t bytes() const {
        std::size_t sum = 0;
        for (const Piece& piece : pieces_) sum += piece.size * sizeof(float);
        return sum;
    }

    /// Floats that were taken from a workspace and go back to it.
    class Floats {
      public:
        /// None.
        Floats() = default;
        /// Takes `count` of them. \throws std::bad_alloc when there's no memory
        Floats(Workspace& from, std::size_t count) : from_(&from), values_(from.take(count)) {}
        /// Takes them over from another, which has none then.
        Floats(Floats&& other) noexcept
            : from_(std::exchange(other.from_, nullptr)), values_(std::exchange(other.values_, nullptr)) {}
        /// Exchanges them with another's.
        Floats& operator=(Floats&& other) noexcept {
            std::swap(from_, other.from_);
            std::swap(values_, other.values_);
            return *this;
        }
        /// Gives them back.
        ~Floats() {
            if (from_ != nullptr) from_->give_back(values_);
        }

        /// The first of them, at a multiple of 64 bytes. They hold anything.
        float* data() const { return values_; }

      private:
        Workspace* from_ = nullptr;
        float* values_ = nullptr;
    };

  private:
    static constexpr std::align_val_t kAlignment{64};

    struct Free {
        void operator()(float* memory) const { ::operator delete[](memory, kAlignment); }
    };
    struct Piece {
        std::unique_ptr<float[], Free> memory;
        std::size_t size;
        bool taken;
    };

    /// The smallest free piece that's large enough, or a new one.
    float* take(std::size_t count) {
        Piece* best = nullptr;
        for (Piece& piece : pieces_) {
            if (!piece.taken && piece.size >= count && (best == nullptr || piece.size < best->size)) best = &piece;
        }
        if (best == nullptr) {
            drop_largest_free();
            pieces_.reserve(pieces_.size() + 1);
            auto* const memory = static_cast<float*>(::operator new[](count * sizeof(float), kAlignment));
            pieces_.push_back({std::unique_ptr<float[], Free>(memory), count, false});
            best = &pieces_.back();
        }
        best->taken = true;
        return best->memory.get();
    }

    /// A piece that was too small makes room for the one that's needed, so that rising demands don't add up.
    void drop_largest_free() {
        auto largest = pieces_.end();
        for (auto piece = pieces_.begin(); piece != pieces_.end(); ++piece) {
            if (!piece->taken && (largest == pieces_.end() || piece->size > largest->size)) largest = piece;
        }
        if (largest != pieces_.end()) pieces_.erase(largest);
    }

    void give_back(const float* values) {
        for (Piece& piece : pieces_) {
            if (piece.memory.get() == values) piece.taken = false;
        }
    }

    ThreadPool threads_;
    std::vector<Piece> pieces_;
};

}  // namespace v0_1
}  // namespace ffr
