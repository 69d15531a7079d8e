#pragma once
/// \file
/// What a program can do to the processor's arithmetic: rounding, subnormals as 0, traps.

#include <cfenv>
#include <cstdint>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/// Settings and what they're called.
struct FloatSettings {
    std::string name;
    void (*set)();
};

/// All that this machine and its C library have, the default ones first.
inline std::vector<FloatSettings> all_float_settings() {
    std::vector<FloatSettings> all{{"default", [] {}},
                                   {"upwards", [] { std::fesetround(FE_UPWARD); }},
                                   {"downwards", [] { std::fesetround(FE_DOWNWARD); }},
                                   {"towards zero", [] { std::fesetround(FE_TOWARDZERO); }}};
#if defined(__x86_64__)
    all.push_back({"subnormals taken for 0", [] { _mm_setcsr(_mm_getcsr() | 0x0040); }});
    all.push_back({"subnormals flushed to 0", [] { _mm_setcsr(_mm_getcsr() | 0x8000); }});
    all.push_back({"no subnormals, upwards", [] {
                       std::fesetround(FE_UPWARD);
                       _mm_setcsr(_mm_getcsr() | 0x8040);
                   }});
#elif defined(__aarch64__)
    all.push_back({"no subnormals", [] {
                       std::uint64_t settings;
                       asm volatile("mrs %0, fpcr" : "=r"(settings));
                       asm volatile("msr fpcr, %0" : : "r"(settings | 1u << 24));
                   }});
#endif
#if defined(__GLIBC__) && defined(__x86_64__)
    all.push_back({"traps", [] { feenableexcept(FE_ALL_EXCEPT); }});
#endif
    return all;
}

/// Has settings until its end. Between, nothing but the library's calls should compute.
class WithFloatSettings {
  public:
    explicit WithFloatSettings(const FloatSettings& settings) {
        std::fegetenv(&before_);
        settings.set();
    }
    ~WithFloatSettings() { std::fesetenv(&before_); }
    WithFloatSettings(const WithFloatSettings&) = delete;
    WithFloatSettings& operator=(const WithFloatSettings&) = delete;

  private:
    std::fenv_t before_{};
};
