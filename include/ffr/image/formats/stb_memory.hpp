#pragma once
/// \file
/// The memory that stb works with. stb itself goes on without a piece that it didn't get, or forgets those it has; so
/// here a piece that can't be had ends the call, and the call's end takes back whatever is still out. It also believes
/// what a file says about lengths, and unpacks PNG's data however many there are; so the pieces may be limited.
///
///     StbMemory --+--> piece <--> piece <--> piece     a ring, to which stb adds and from which it takes

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// What stb has in this thread while a StbMemory lives, of which there's one at a time.
class StbMemory {
  public:
    /// What ends a call that asks for a piece beyond the limit.
    struct BeyondLimit {};

    StbMemory() {
        ring() = {&ring(), &ring()};
        most() = SIZE_MAX;
    }
    ~StbMemory() {
        while (ring().next != &ring()) release(ring().next + 1);
    }
    StbMemory(const StbMemory&) = delete;
    StbMemory& operator=(const StbMemory&) = delete;

    /// The most bytes that a piece may have from now on.
    void limit(std::size_t bytes) { most() = bytes; }

    /// Zeros: a damaged file can make stb return pixels that it never wrote, which shall not be what the memory held
    /// before. \throws std::bad_alloc, BeyondLimit
    static void* take(std::size_t size) {
        if (size > most()) throw BeyondLimit();
        auto* const piece = static_cast<Piece*>(std::calloc(1, sizeof(Piece) + size));
        if (piece == nullptr) throw std::bad_alloc();
        return link(piece);
    }

    /// The same bytes in a piece of another size; those that are new hold anything. \throws std::bad_alloc,
    /// BeyondLimit
    static void* resize(void* memory, std::size_t size) {
        if (memory == nullptr) return take(size);
        if (size > most()) throw BeyondLimit();
        Piece* const piece = unlink(memory);
        auto* const resized = static_cast<Piece*>(std::realloc(piece, sizeof(Piece) + size));
        void* const linked = link(resized == nullptr ? piece : resized);
        if (resized == nullptr) throw std::bad_alloc();
        return linked;
    }

    /// Takes a piece back, or nothing.
    static void release(void* memory) {
        if (memory != nullptr) std::free(unlink(memory));
    }

  private:
    /// Stands before each piece's bytes.
    struct alignas(std::max_align_t) Piece {
        Piece *before, *next;
    };

    static Piece& ring() {
        static thread_local Piece start;
        return start;
    }

    static std::size_t& most() {
        static thread_local std::size_t bytes = SIZE_MAX;
        return bytes;
    }

    static void* link(Piece* piece) {
        *piece = {&ring(), ring().next};
        piece->before->next = piece->next->before = piece;
        return piece + 1;
    }

    static Piece* unlink(void* memory) {
        Piece* const piece = static_cast<Piece*>(memory) - 1;
        piece->before->next = piece->next;
        piece->next->before = piece->before;
        return piece;
    }
};

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
