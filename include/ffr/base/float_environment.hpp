#pragma once
/// \file
/// The processor's settings for floating-point arithmetic, which belong to the program around the library: rounding
/// mode, subnormals taken or left as 0 (-Ofast sets that before main), traps. What ffr computes mustn't depend on them,
/// so it computes with those that every program starts with, and gives the program its own back, with the flags of what
/// happened before (such as "inexact") and none of what happened here.
///
///     the program's settings --with_default_floats--> defaults: work() --> the program's settings
///
/// Reading the register takes a nanosecond, and it's written only where it differs.

#include "exact_float.hpp"

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#elif defined(__aarch64__) && defined(__GNUC__)
#include <cstdint>
#else
#include <cfenv>
#endif

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Takes the default settings, and brings back the program's at the end. By itself it holds no arithmetic in its place:
/// see with_default_floats.
class DefaultFloats {
  public:
    DefaultFloats(const DefaultFloats&) = delete;
    DefaultFloats& operator=(const DefaultFloats&) = delete;

#if defined(__x86_64__) || defined(_M_X64)
    // All arithmetic is SSE's and AVX's, whose one register is MXCSR: settings, and the flags in the lowest six bits.
    DefaultFloats() : programs_(_mm_getcsr()) {
        if ((programs_ & ~kFlags) != kDefault) _mm_setcsr(kDefault);
    }
    ~DefaultFloats() {
        if (_mm_getcsr() != programs_) _mm_setcsr(programs_);
    }

  private:
    static constexpr unsigned kFlags = 0x3F, kDefault = 0x1F80;  // to the nearest, subnormals as they are, all masked
    unsigned programs_;
#elif defined(__aarch64__) && defined(__GNUC__)
    DefaultFloats() {
        asm volatile("mrs %0, fpcr" : "=r"(settings_));
        asm volatile("mrs %0, fpsr" : "=r"(flags_));
        if (settings_ != 0) set(0);
    }
    ~DefaultFloats() {
        std::uint64_t flags;
        asm volatile("mrs %0, fpsr" : "=r"(flags));
        if (flags != flags_) asm volatile("msr fpsr, %0" : : "r"(flags_));
        if (settings_ != 0) set(settings_);
    }

  private:
    static void set(std::uint64_t settings) {
        asm volatile("msr fpcr, %0" : : "r"(settings));
    }
    std::uint64_t settings_ = 0, flags_ = 0;
#else
    DefaultFloats() {
        std::fegetenv(&programs_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~DefaultFloats() {
        std::fesetenv(&programs_);
    }

  private:
    std::fenv_t programs_;
#endif
};

/// Calls work() where the compiler can't see that it's called.
template <typename Work>
#if defined(__GNUC__)
[[gnu::noinline]]
#elif defined(_MSC_VER)
__declspec(noinline)
#endif
auto apart(const Work& work) {
    return work();
}

/// What work() gives, computed with the default settings.
///
/// To a compiler, arithmetic and the processor's settings have nothing to do with each other: it may compute before they
/// are set, or after they are set back. So work is called as a function of its own, which no arithmetic leaves. It can't
/// be called earlier either, since all that it computes from is reached through `work`, and the empty statement in
/// assembler may have changed whatever that reaches.
/// \param work  a lambda that captures by reference
template <typename Work>
auto with_default_floats(const Work& work) {
    const DefaultFloats floats;
#if defined(__GNUC__)
    asm volatile("" : : "r"(&work) : "memory");
#endif
    return apart(work);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
