#pragma once
/// \file
/// The C library's allocator, counted, and one allocation of choice fails. Stands in for malloc and its like, so that it
/// sees what operator new asks for (libstdc++'s calls malloc and aligned_alloc), what stb does, and the C library itself.
/// Include it in one file of a program; glibc only.

#include <malloc.h>
#include <stdlib.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}

namespace failing {

/// Which allocations fail: none, one, or that one and all after it, as when memory has really run out.
enum class Mode { none, one, from_there_on };

inline std::atomic<long> live{0};     // allocations that weren't given back
inline std::atomic<long> counted{0};  // allocations since the last begin()
inline std::atomic<long> failed{0};   // of those, the ones that failed
inline std::atomic<long> which{0};
inline std::atomic<Mode> mode{Mode::none};

/// From now on allocations are counted from 1, and number `n` fails.
inline void begin(Mode how, long n = 0) {
    counted = failed = 0;
    which = n;
    mode = how;
}

inline void end() {
    mode = Mode::none;
}

inline bool fails() {
    const long number = ++counted;
    const Mode how = mode;
    if (how == Mode::none || number < which || (how == Mode::one && number > which)) return false;
    ++failed;
    errno = ENOMEM;
    return true;
}

inline void* counting(void* memory) {
    if (memory != nullptr) ++live;
    return memory;
}

}  // namespace failing

extern "C" {

void* malloc(std::size_t size) noexcept {
    return failing::fails() ? nullptr : failing::counting(__libc_malloc(size));
}

void* calloc(std::size_t count, std::size_t size) noexcept {
    return failing::fails() ? nullptr : failing::counting(__libc_calloc(count, size));
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
    return failing::fails() ? nullptr : failing::counting(__libc_memalign(alignment, size));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return memalign(alignment, size);
}

void free(void* memory) noexcept {
    if (memory != nullptr) --failing::live;
    __libc_free(memory);
}

void* realloc(void* memory, std::size_t size) noexcept {
    if (memory == nullptr) return malloc(size);
    if (size != 0) return failing::fails() ? nullptr : __libc_realloc(memory, size);
    free(memory);
    return nullptr;
}

}  // extern "C"
