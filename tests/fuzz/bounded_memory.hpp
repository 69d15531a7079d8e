#pragma once
/// \file
/// Holds a reader to a bound of memory, counted by hooks of the address sanitizer.

#include <sanitizer/allocator_interface.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

/// While it lives, memory that its thread takes is counted (readers start no others); at its end the process is aborted if at any moment it was more than allowed.
class BoundedMemory {
  public:
    /// \param most  bytes beyond what's held already
    explicit BoundedMemory(std::size_t most) : most_(most) {
        static const int installed = __sanitizer_install_malloc_and_free_hooks(
            [](const volatile void*, std::size_t size) {
                live += static_cast<std::ptrdiff_t>(size);
                if (live > peak) peak = live;
            },
            [](const volatile void* memory) {
                live -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(memory));
            });
        if (installed == 0) std::abort();
        live = peak = 0;
    }
    ~BoundedMemory() {
        if (peak <= static_cast<std::ptrdiff_t>(most_)) return;
        std::fprintf(stderr, "==MEMORY== %td bytes were taken, %zu are allowed\n", peak, most_);
        std::abort();
    }
    BoundedMemory(const BoundedMemory&) = delete;
    BoundedMemory& operator=(const BoundedMemory&) = delete;

  private:
    static inline thread_local std::ptrdiff_t live = 0, peak = 0;
    std::size_t most_;
};
