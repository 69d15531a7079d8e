// ffr 0.1.0: faces found and named, each step from scratch.
//
// Made by scripts/amalgamate.py out of include/ffr/: change it there.
//
// MIT License
//
// Copyright (c) 2026 the ffr developers
//
// Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
// files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
// modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
// Software is furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
// Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
// WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
// COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
// ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
//
// This covers the source code. The weights in weights/ and the photos in photos/ and tests/golden/images/ have licences of
// their own, stated in the README beside them.

#pragma once

// ---- ffr/ffr.hpp
/// \file
/// ffr: faces found and named, each step from scratch. Include this and have it all; the headers below stand in the
/// order in which a photo passes through them.
///
///     const auto pipeline = ffr::Pipeline::load("weights");
///     const auto people = ffr::Identifier::load(ffr::WeightsFile::open("people.ffr"));
///     for (const ffr::Face& face : pipeline.faces(ffr::read_image("party.jpg"))) {
///         std::cout << people.identify(face.embedding).name.value_or("unknown") << '\n';
///     }
///
/// Needs C++17, and stb unless FFR_NO_STB is defined: then there's no image_io.hpp, and images come from elsewhere. All
/// loaded models are immutable and may be shared by threads. Errors are exceptions under ffr::Error.
///
/// To read them all, go down the list. Where a step has a plain version and a fast one, the plain one comes first.

// clang-format off
// The order of the data, not of the alphabet.

// What all steps need: errors, threads and memory, files of what was learned.

// ---- ffr/version.hpp
/// \file
/// The version of the library, as in semantic versioning: what's public keeps its meaning within a major version;
/// within 0.x, within a minor one.
///
/// All of ffr is in an inline namespace of that name, v0_1: files of one program that were compiled with different
/// versions don't get into each other's way. Users write ffr:: alone.


// ---- ffr/version.h
#ifndef FFR_VERSION
/// \file
/// The version for the preprocessor, in C and C++.

/// Grows when what's public changes its meaning.
#define FFR_VERSION_MAJOR 0
/// Grows when something public is added; as long as the first is 0, also when it changes.
#define FFR_VERSION_MINOR 1
/// Grows when something is mended.
#define FFR_VERSION_PATCH 0
/// As one number that grows from version to version: 10203 for 1.2.3.
#define FFR_VERSION (FFR_VERSION_MAJOR * 10000 + FFR_VERSION_MINOR * 100 + FFR_VERSION_PATCH)
#endif

namespace ffr {
inline namespace v0_1 {

/// Major, minor and patch version as text.
constexpr const char* kVersion = "0.1.0";

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/base/compiled.hpp
/// \file
/// What a program of many files may have compiled in one of them, since it takes a compiler most of its time: the
/// kernels, the image formats, the detector's search and the networks. Such a program defines FFR_COMPILED_ELSEWHERE in
/// all files and FFR_COMPILE_HERE in one that includes what cmake/compiled.cpp does, or all of ffr.

#if defined(FFR_COMPILE_HERE)
#define FFR_COMPILED_INLINE  // found by the linker
#else
#define FFR_COMPILED_INLINE inline
#endif

// ---- ffr/base/error.hpp
/// \file
/// What can go wrong, as three kinds of exception under one base.
///
///     std::runtime_error <-- Error <--+-- FileError        a file can't be opened, read or written
///                                     +-- FormatError      what stands in it isn't what it should be
///                                     +-- InvalidArgument  what a function was called with

#include <stdexcept>
#include <string>


// ---- ffr/base/ieee.hpp
/// \file
/// What ffr asks of the compiler: arithmetic as IEEE 754 has it. Boxes, landmarks and chips hang on the last bit, and
/// the checks for damaged numbers on NaN and infinity.

#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error \
    "ffr can't be compiled with -ffast-math or a part of it: its boxes, landmarks and chips depend on exact IEEE rounding"
#endif

#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error \
    "ffr can't be compiled for arithmetic of more bits than float and double have: for 32-bit x86, take -msse2 -mfpmath=sse"
#endif

namespace ffr {
inline namespace v0_1 {

/// Base of everything that ffr throws on purpose. what() is one line made for people.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The file system said no: a file is missing, unreadable or can't be written. The text names the file.
class FileError : public Error {
  public:
    using Error::Error;
};

/// A file could be read but its content isn't what it should be. The text names the file, the place and the reason.
class FormatError : public Error {
  public:
    using Error::Error;
};

/// The caller passed something a function can't work with. The text says what was expected and what came.
class InvalidArgument : public Error {
  public:
    using Error::Error;
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/base/threads.hpp
/// \file
/// Threads that share the work of one call. None is started but those that the caller asks for.
///
///     run(5 tasks):   thread 0 (the caller's)   task 0   task 2   task 4      each takes the next one that's left
///                     thread 1                  task 1   task 3

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>


// ---- ffr/base/float_environment.hpp
/// \file
/// The processor's settings for floating-point arithmetic, which belong to the program around the library: rounding
/// mode, subnormals taken or left as 0 (-Ofast sets that before main), traps. What ffr computes mustn't depend on them,
/// so it computes with those that every program starts with, and gives the program its own back, with the flags of what
/// happened before (such as "inexact") and none of what happened here.
///
///     the program's settings --with_default_floats--> defaults: work() --> the program's settings
///
/// Reading the register takes a nanosecond, and it's written only where it differs.


// ---- ffr/base/exact_float.hpp
/// \file
/// Some stages must round every product and every sum on its own: a face box, a pixel of a resized image or a branch of
/// a regression tree hangs on the last bit. Compilers may fuse a * b + c into one rounding where the CPU can (g++ does
/// by default with -march=native). Code between FFR_EXACT_FLOAT_BEGIN and FFR_EXACT_FLOAT_END is exempt from that,
/// whatever flags the including program uses, but for clang++'s -ffp-contract=fast, which asks nobody. g++ 12 also
/// makes one fused instruction of a difference and a sum that are stored side by side, { a * x - b * y, b * x + a * y
/// }, and asks no flag about it but the vectoriser's.


#if defined(__clang__) && (defined(__wasm__) || defined(__arm__))
// Where clang++ can't save the setting, the end brings back that of the command line.
#define FFR_EXACT_FLOAT_BEGIN _Pragma("clang fp contract(off)")
#define FFR_EXACT_FLOAT_END _Pragma("STDC FP_CONTRACT DEFAULT")
#elif defined(__clang__)
#define FFR_EXACT_FLOAT_BEGIN _Pragma("float_control(push)") _Pragma("clang fp contract(off)")
#define FFR_EXACT_FLOAT_END _Pragma("float_control(pop)")
#elif defined(__GNUC__)
#define FFR_EXACT_FLOAT_BEGIN \
    _Pragma("GCC push_options") _Pragma("GCC optimize(\"fp-contract=off\", \"no-tree-slp-vectorize\")")
#define FFR_EXACT_FLOAT_END _Pragma("GCC pop_options")
#elif defined(_MSC_VER)
#define FFR_EXACT_FLOAT_BEGIN __pragma(float_control(push)) __pragma(fp_contract(off))
#define FFR_EXACT_FLOAT_END __pragma(float_control(pop))
#else
#error "ffr doesn't know how to switch off fused multiply-add on this compiler"
#endif

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

namespace ffr {
inline namespace v0_1 {

/// A fixed number of threads that work through the tasks of one call after the other.
///
/// The calling thread is one of them, so that a pool of 1 starts none. One call at a time: two threads mustn't use a pool
/// at once.
class ThreadPool {
  public:
    /// Starts the threads, all but the calling one.
    /// \param threads  how many work on a call; less than 1 is 1. \throws std::system_error when the system has no more
    explicit ThreadPool(int threads = 1) {
        try {
            for (int i = 1; i < threads; ++i) helpers_.emplace_back([this, i] { help(i); });
        } catch (...) {
            stop();
            throw;
        }
    }
    ~ThreadPool() { stop(); }
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    /// How many threads work on a call.
    int size() const { return static_cast<int>(helpers_.size()) + 1; }

    /// Calls work(task, thread) for each task 0..tasks-1, on whichever thread is free; `thread` is 0..size()-1, and no
    /// two calls at one time have the same. Returns when all are done. A task's exception is thrown here, and tasks that
    /// weren't begun before it are left out.
    template <typename Work>
    void run(int tasks, const Work& work) {
        if (tasks <= 0) return;
        if (helpers_.empty() || tasks == 1) {
            for (int task = 0; task < tasks; ++task) work(task, 0);
            return;
        }
        run_with_helpers(tasks, &work, [](const void* function, int task, int thread) {
            (*static_cast<const Work*>(function))(task, thread);
        });
    }

    /// Calls work(begin, end, thread) for ranges that make up 0..count-1: one on a pool of 1, else `each` for each thread.
    /// More of them share uneven work better.
    template <typename Work>
    void run_ranges(int count, int each, const Work& work) {
        const int ranges = size() == 1 ? 1 : std::min(count, each * size());
        run(ranges, [&](int range, int thread) {
            const auto edge = [&](int i) { return static_cast<int>(std::int64_t{count} * i / ranges); };
            work(edge(range), edge(range + 1), thread);
        });
    }

  private:
    using Call = void (*)(const void* work, int task, int thread);

    // Knows nothing of the work's type, so that a compiler translates it once.
    void run_with_helpers(int tasks, const void* work, Call call) {
        call_ = call;
        work_ = work;
        tasks_ = tasks;
        next_.store(0, std::memory_order_relaxed);
        busy_.store(static_cast<int>(helpers_.size()), std::memory_order_relaxed);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        take_tasks(0);
        while (busy_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

    void take_tasks(int thread) {
        for (int task = next_.fetch_add(1); task < tasks_; task = next_.fetch_add(1)) {
            try {
                call_(work_, task, thread);
            } catch (...) {
                const std::lock_guard<std::mutex> lock(mutex_);
                if (!error_) error_ = std::current_exception();
                next_.store(tasks_);
            }
        }
    }

    void help(int thread) {
        const detail::DefaultFloats floats;  // not those of the thread that started this one
        for (unsigned seen = 0;;) {
            // A network's next layer comes within microseconds: going to sleep would take longer than waiting for it.
            for (int i = 0; i < kPatience && round_.load(std::memory_order_acquire) == seen; ++i) {
                std::this_thread::yield();
            }
            if (round_.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return round_.load(std::memory_order_relaxed) != seen; });
            }
            ++seen;
            if (stopping_) return;
            take_tasks(thread);
            busy_.fetch_sub(1, std::memory_order_release);
        }
    }

    void stop() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        for (std::thread& helper : helpers_) helper.join();
    }

    static constexpr int kPatience = 200;

    std::vector<std::thread> helpers_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::atomic<unsigned> round_{0};  // calls that were begun
    std::atomic<int> next_{0}, busy_{0};
    bool stopping_ = false;
    int tasks_ = 0;
    const void* work_ = nullptr;
    Call call_ = nullptr;
    std::exception_ptr error_;
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/base/workspace.hpp
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

// ---- ffr/base/weights_file.hpp
/// \file
/// The weight file: named tensors (tables of numbers with one to four indices) in one file that is read and used in
/// place. All that was learned from examples comes from such files: filters, trees, networks. docs/weight-format.md has
/// the layout byte by byte.
///
///     +--------+-------------------------+------+---------+------+---------+---
///     | header | directory: 112 B/tensor | gap  | tensor  | gap  | tensor  | ...
///     +--------+-------------------------+------+---------+------+---------+---
///     64 bytes                             every tensor starts at a multiple of 64
///
/// Opening a file checks its checksum and its directory once; after that a tensor is a pointer into its bytes.
/// Licence and origin are tensors of text like any other. Models trained by the user are kept in the same format.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>


// ---- ffr/base/file.hpp
/// \file
/// Files read whole, as bytes.
///
///     path --read_file--> vector of bytes         path --read_aligned--> SharedBytes, to be used in place

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif


namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Bytes that stay valid as long as `owner` lives.
struct SharedBytes {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    std::shared_ptr<const void> owner;
};

/// A path as UTF-8 for messages; std::filesystem's own u8string() isn't a std::string any more in C++20.
inline std::string path_text(const std::filesystem::path& path) {
    const auto text = path.u8string();
    return {text.begin(), text.end()};
}

inline std::string errno_text() {
    return std::strerror(errno);
}

/// ": has N bytes, more than ..." for messages.
inline std::string too_large_text(std::uintmax_t size, std::uintmax_t limit) {
    return ": has " + std::to_string(size) + " bytes, more than the limit of " + std::to_string(limit);
}

/// A file to be read, and how long it's said to be.
struct OpenedFile {
    std::ifstream in;
    std::uintmax_t size;
};

/// \param limit  of its size in bytes
/// \throws FileError naming the file and the reason; a folder, a pipe or a device isn't a file
inline OpenedFile open_file(const std::filesystem::path& path, std::uintmax_t limit) {
    std::error_code code;
    const std::filesystem::file_status status = std::filesystem::status(path, code);
    if (std::filesystem::is_directory(status)) throw FileError(path_text(path) + ": is a folder, not a file");
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        throw FileError(path_text(path) + ": isn't a regular file");
    }
    const std::uintmax_t size = std::filesystem::file_size(path, code);
    if (!code && size > limit) throw FileError(path_text(path) + too_large_text(size, limit));
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in) throw FileError(path_text(path) + ": can't open the file: " + errno_text());
    return {std::move(in), code ? 0 : size};
}

/// The whole file. \param limit  of its size in bytes
/// \throws FileError naming the file and the reason; a folder, a pipe or a device isn't a file
inline std::vector<std::uint8_t> read_file(const std::filesystem::path& path,
                                           std::uintmax_t limit = std::numeric_limits<std::uintmax_t>::max()) {
    constexpr std::size_t kBlock = 65536;
    OpenedFile file = open_file(path, limit);
    std::vector<std::uint8_t> bytes;
    bytes.reserve(static_cast<std::size_t>(file.size) + kBlock);
    while (file.in) {
        const std::size_t before = bytes.size();
        bytes.resize(before + kBlock);  // straight into the vector: stacks of threads may be small
        file.in.read(reinterpret_cast<char*>(bytes.data() + before), kBlock);
        bytes.resize(before + static_cast<std::size_t>(file.in.gcount()));
        if (bytes.size() > limit) throw FileError(path_text(path) + too_large_text(bytes.size(), limit));  // it grew
    }
    if (file.in.bad()) throw FileError(path_text(path) + ": can't read the file: " + errno_text());
    if (bytes.size() < file.size) throw FileError(path_text(path) + ": became shorter while it was read");
    return bytes;
}

/// Memory that begins at a multiple of 64 bytes, which suits every type of number and every vector, and its owner.
///
/// Where there's much of it, Linux is asked for pages of 2 MB: a file of 20 MB is then read in a third of the time, since
/// most of that goes into making 5000 small pages.
struct AlignedMemory {
    explicit AlignedMemory(std::size_t size) {
        constexpr std::size_t kHugePage = std::size_t{1} << 21;
        const std::align_val_t alignment{size < 2 * kHugePage ? 64 : kHugePage};
        data = static_cast<unsigned char*>(::operator new(size, alignment));
        owner = {data, [alignment](const void* p) { ::operator delete(const_cast<void*>(p), alignment); }};
#if defined(MADV_HUGEPAGE)
        if (size >= 2 * kHugePage) ::madvise(data, size, MADV_HUGEPAGE);
#endif
    }

    unsigned char* data = nullptr;
    std::shared_ptr<const void> owner;
};

/// The whole file in aligned memory, each byte moved once. Errors as read_file's, and for a file that shrinks meanwhile.
inline SharedBytes read_aligned(const std::filesystem::path& path, std::uintmax_t limit) {
    OpenedFile file = open_file(path, limit);
    const auto size = static_cast<std::size_t>(file.size);
    AlignedMemory memory(size);
    errno = 0;
    file.in.read(reinterpret_cast<char*>(memory.data), static_cast<std::streamsize>(size));
    if (file.in.bad()) throw FileError(path_text(path) + ": can't read the file: " + errno_text());
    if (!file.in) throw FileError(path_text(path) + ": became shorter while it was read");
    return {memory.data, size, std::move(memory.owner)};
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

// ---- ffr/base/pending_file.hpp
/// \file
/// Files written so that nobody ever sees half a file, and nothing is harmed when the writing fails.
///
///     bytes --write--> a temporary file beside the place --fsync--> --rename--> the place --fsync--> its folder
///
/// Pictures, which can be made again, don't wait for the disk (fsync): a power cut may take the last ones.
///
/// A file that is replaced keeps its mode and, where the system lets us, its owner and group. A symbolic link stays; the
/// file that it leads to is replaced. The temporary name holds 128 random bits, is created exclusively and is locked
/// while it is written, so that remove_abandoned() knows those of processes that were killed.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <share.h>
#include <sys/stat.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif


namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Permissions of new files, which the umask narrows: for everybody, and for the owner alone.
constexpr unsigned kSharedMode = 0666, kPrivateMode = 0600;

/// Whether a file counts as written when it's on the disk, or when the system has it.
enum class Durability { on_disk, in_system };

/// The system's calls for files, which POSIX and Windows name differently. All return a negative number or false for a
/// failure, with the reason in errno.
namespace sys {

#if defined(_WIN32)
inline int create(const std::filesystem::path& path, unsigned) {
    int file = -1;  // the umask and modes mean nothing here; a folder's rights are inherited
    errno = _wsopen_s(&file, path.c_str(), _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY | _O_NOINHERIT, _SH_DENYRW,
                      _S_IREAD | _S_IWRITE);
    return file;
}
inline bool lock(int) {
    return true;
}  // nobody else can open it
inline std::ptrdiff_t write(int file, const char* data, std::size_t size) {
    return _write(file, data, static_cast<unsigned>(size));
}
inline bool sync(int file) {
    return _commit(file) == 0;
}
inline bool flush(int) {
    return true;
}
/// Never: there's no call that moves a file only where nothing is, and the caller has another way.
inline bool link_to(const std::filesystem::path&, const std::filesystem::path&) {
    errno = ENOSYS;
    return false;
}
inline bool sync_folder(const std::filesystem::path&) {
    return true;
}
inline bool close(int file) {
    return _close(file) == 0;
}
inline void take_over_owner(int, const std::filesystem::path&) {}
inline bool is_writable(const std::filesystem::path& path) {
    return _waccess(path.c_str(), 2) == 0;
}
#else
inline int create(const std::filesystem::path& path, unsigned mode) {
    return ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, static_cast<mode_t>(mode));
}
inline bool lock(int file) {
    return ::flock(file, LOCK_EX | LOCK_NB) == 0;
}
inline std::ptrdiff_t write(int file, const char* data, std::size_t size) {
    return ::write(file, data, size);
}
/// Some file systems and devices can't sync, which is no failure of the file.
inline bool sync(int file) {
    return ::fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS;
}
inline bool close(int file) {
    return ::close(file) == 0;
}
/// Has a network's file system say what it otherwise says when a file is closed. The file itself stays open and locked.
inline bool flush(int file) {
    const int copy = ::fcntl(file, F_DUPFD_CLOEXEC, 0);
    return copy >= 0 && ::close(copy) == 0;
}
/// Gives a file a second name where nothing is.
inline bool link_to(const std::filesystem::path& file, const std::filesystem::path& name) {
    return ::link(file.c_str(), name.c_str()) == 0;
}
inline bool sync_folder(const std::filesystem::path& folder) {
    const int opened = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) return errno == EACCES;  // a folder may be written but not read
    const bool done = sync(opened);
    const int reason = errno;
    close(opened);
    errno = reason;
    return done;
}
/// Gives a file the mode of another and, where that's allowed, its owner and group.
inline void take_over_owner(int file, const std::filesystem::path& other) {
    struct stat wanted {};
    struct stat own {};
    if (::stat(other.c_str(), &wanted) != 0 || ::fstat(file, &own) != 0) return;
    mode_t mode = wanted.st_mode & 07777;
    const bool same_owner = own.st_uid == wanted.st_uid || ::fchown(file, wanted.st_uid, static_cast<gid_t>(-1)) == 0;
    if (own.st_gid != wanted.st_gid && ::fchown(file, static_cast<uid_t>(-1), wanted.st_gid) != 0) {
        mode = (mode & ~07070u) | (mode & 07u) << 3;  // another group gets no more than everybody
    }
    if (!same_owner) mode &= 01777u;
    [[maybe_unused]] const int changed = ::fchmod(file, mode);  // some file systems have no modes
}
/// Root may write everything, so a mode without any right to write counts for it, too.
inline bool is_writable(const std::filesystem::path& path) {
    struct stat found {};
    errno = EACCES;
    return ::stat(path.c_str(), &found) == 0 && (found.st_mode & 0222) != 0 && ::access(path.c_str(), W_OK) == 0;
}
#endif

/// All bytes, however many are taken at once.
inline bool write_all(int file, const char* next, std::size_t size) {
    constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
    while (size > 0) {
        const std::ptrdiff_t written = write(file, next, size < kMostAtOnce ? size : kMostAtOnce);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        next += written;
        size -= static_cast<std::size_t>(written);
    }
    return true;
}

}  // namespace sys

/// Where a file's bytes are: through symbolic links, whether there's a file at their end or not.
/// \throws FileError when links lead to each other
inline std::filesystem::path behind_links(std::filesystem::path path) {
    constexpr int kMostLinks = 40;  // as Linux follows
    const std::string name = path_text(path);
    std::error_code code;
    for (int i = 0; i < kMostLinks; ++i) {
        if (!std::filesystem::is_symlink(path, code)) return path;
        path = path.parent_path() / std::filesystem::read_symlink(path, code);
    }
    throw FileError(name + ": can't write the file: " + std::generic_category().message(ELOOP));
}

/// 128 random bits as hexadecimal digits.
inline std::string random_digits() {
    std::random_device source;
    std::array<char, 9> text{};
    std::string digits;
    for (int i = 0; i < 4; ++i) {
        std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(source() & 0xFFFFFFFFu));
        digits += text.data();
    }
    return digits;
}

/// True for the names that PendingFile gives.
inline bool is_temporary_name(const std::string& name) {
    constexpr std::size_t kDigits = 32, kBefore = 5, kAfter = 4;
    return name.size() == kBefore + kDigits + kAfter && name.compare(0, kBefore, ".ffr-") == 0 &&
           name.compare(kBefore + kDigits, kAfter, ".tmp") == 0 &&
           name.find_first_not_of("0123456789abcdef", kBefore) == kBefore + kDigits;
}

/// A file on its way to its place. Whatever happens before put() or put_new() has returned leaves the place as it was and
/// no file besides.
class PendingFile {
  public:
    /// Chooses the temporary name; touches nothing yet.
    /// \param path  where the file shall lie; a link is followed
    /// \param mode  permissions of a new file, narrowed by the umask
    /// \param durability  what write() and put() wait for
    /// \throws FileError when there's something that isn't a regular file, or is read-only
    explicit PendingFile(const std::filesystem::path& path, unsigned mode = kSharedMode,
                         Durability durability = Durability::on_disk)
        : name_(path_text(path)), place_(behind_links(path)), mode_(mode), durability_(durability) {
        std::error_code code;
        const std::filesystem::file_status status = std::filesystem::status(place_, code);
        exists_ = std::filesystem::exists(status);
        if (exists_ && !std::filesystem::is_regular_file(status)) fail("it isn't a regular file");
        if (exists_ && !sys::is_writable(place_)) {
            fail(errno == EACCES ? "it's read-only: make it writable first, or choose another name"
                                 : std::generic_category().message(errno));
        }
        temporary_ = place_.parent_path() / (".ffr-" + random_digits() + ".tmp");
    }
    ~PendingFile() {
        close();
        std::error_code ignored;
        if (is_there_) std::filesystem::remove(temporary_, ignored);
    }
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;

    /// The file that is there until it's put in its place, for who cleans up after a signal.
    const std::filesystem::path& temporary() const { return temporary_; }

    /// Writes all bytes of the file. \throws FileError naming the reason
    void write(const void* data, std::size_t size) {
        // Nobody else reads a private file while it's being made; a replaced one's mode comes before its bytes.
        file_ = sys::create(temporary_, exists_ ? kPrivateMode : mode_);
        if (file_ < 0) fail_with_reason();
        is_there_ = true;
        // Where files can't be locked, nobody takes it for abandoned either. Between the two calls somebody may: then
        // put() finds no file and says so, and the place stays as it was.
        sys::lock(file_);
        if (exists_) sys::take_over_owner(file_, place_);
        const bool is_on_disk = durability_ == Durability::on_disk;
        const bool done = sys::write_all(file_, static_cast<const char*>(data), size) &&
                          (is_on_disk ? sys::sync(file_) : sys::flush(file_));
        if (!done) fail_with_reason();
    }

    /// Puts the file into its place, in place of what's there. \throws FileError naming the reason
    void put() {
#if defined(_WIN32)
        close();  // an open file can't be renamed there
#endif
        std::error_code code;
        std::filesystem::rename(temporary_, place_, code);
        if (code) fail(code.message());
        finish();
    }

    /// The same for a place where nothing may be: what came there meanwhile stays.
    /// \throws FileError naming the reason, also when there's a file
    void put_new() {
        if (sys::link_to(temporary_, place_)) {
            std::error_code code;
            std::filesystem::remove(temporary_, code);
            if (code) fail(code.message());
            finish();
        } else if (errno == EEXIST) {
            fail_with_reason();
        } else {
            put_reserved();  // some file systems know no second names
        }
    }

  private:
    void close() {
        if (file_ >= 0) sys::close(file_);  // what could fail about it has, in sync() or flush()
        file_ = -1;
    }

    void finish() {
        is_there_ = false;
        close();
        if (durability_ == Durability::on_disk && !sys::sync_folder(place_.parent_path())) fail_with_reason();
    }

    /// Takes the place by an empty file first, which nobody else can do then.
    void put_reserved() {
        const int reserved = sys::create(place_, mode_);
        if (reserved < 0) fail_with_reason();
        sys::close(reserved);
        try {
            put();
        } catch (const FileError&) {
            std::error_code ignored;
            if (is_there_) std::filesystem::remove(place_, ignored);
            throw;
        }
    }

    [[noreturn]] void fail(const std::string& reason) const {
        throw FileError(name_ + ": can't write the file: " + reason);
    }
    [[noreturn]] void fail_with_reason() const {
        fail(std::generic_category().message(errno != 0 ? errno : EIO));
    }

    std::string name_;
    std::filesystem::path place_, temporary_;
    unsigned mode_;
    Durability durability_;
    bool exists_ = false, is_there_ = false;
    int file_ = -1;
};

/// Writes a file whole or not at all, in place of one that's there, which leaves its mode, owner and group to it.
/// \param mode  permissions of a new file, narrowed by the umask
/// \throws FileError naming the file and the reason; a folder, a pipe or a device, and a read-only file, aren't replaced
inline void write_file(const std::filesystem::path& path, const void* data, std::size_t size,
                       unsigned mode = kSharedMode, Durability durability = Durability::on_disk) {
    PendingFile file(path, mode, durability);
    file.write(data, size);
    file.put();
}

/// Deletes the temporary files that killed processes left in a folder; those that somebody still writes stay. What can't
/// be looked at or deleted stays, too.
inline void remove_abandoned(const std::filesystem::path& folder) {
    std::error_code code;
    for (std::filesystem::directory_iterator it(folder.empty() ? "." : folder, code), end; !code && it != end;
         it.increment(code)) {
        if (!is_temporary_name(path_text(it->path().filename()))) continue;
        std::error_code ignored;
#if defined(_WIN32)
        std::filesystem::remove(it->path(), ignored);  // fails for one that's open
#else
        const int file = ::open(it->path().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file < 0) continue;
        struct stat found {};
        if (::fstat(file, &found) == 0 && S_ISREG(found.st_mode) && sys::lock(file)) {
            std::filesystem::remove(it->path(), ignored);
        }
        sys::close(file);
#endif
    }
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

// ---- ffr/base/xxhash.hpp
/// \file
/// XXH64, the 64-bit xxHash (Yann Collet; the algorithm is described in the xxHash specification). It guards weight and
/// model files against damage: as fast as memory can be read, but no protection against a forger.
///
///     bytes --32 at a time, 8 to each--> four lanes of 64 bits --mixed with the last bytes, up to 31--> 64 bits

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ffr {
inline namespace v0_1 {
namespace detail {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                        kPrime4 = 0x85EBCA77C2B2AE63, kPrime5 = 0x27D4EB2F165667C5;

inline std::uint64_t rotate_left(std::uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

template <typename T>
T load_little_endian(const unsigned char* bytes) {
    T value = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    std::memcpy(&value, bytes, sizeof value);  // compilers see through it, but not through the loop
#else
    for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<T>(bytes[i]) << (8 * i));
#endif
    return value;
}

inline std::uint64_t xxh64_round(std::uint64_t lane, std::uint64_t input) {
    return rotate_left(lane + input * kPrime2, 31) * kPrime1;
}

/// XXH64 of `size` bytes with seed 0.
inline std::uint64_t xxh64(const void* data, std::size_t size) {
    const auto* p = static_cast<const unsigned char*>(data);
    const unsigned char* const end = p + size;
    std::uint64_t hash = kPrime5;
    if (size >= 32) {
        std::uint64_t lanes[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
        for (; end - p >= 32; p += 32) {
            for (int i = 0; i < 4; ++i) lanes[i] = xxh64_round(lanes[i], load_little_endian<std::uint64_t>(p + 8 * i));
        }
        hash =
            rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) + rotate_left(lanes[2], 12) + rotate_left(lanes[3], 18);
        for (const std::uint64_t lane : lanes) hash = (hash ^ xxh64_round(0, lane)) * kPrime1 + kPrime4;
    }
    hash += size;
    for (; end - p >= 8; p += 8) {
        hash ^= xxh64_round(0, load_little_endian<std::uint64_t>(p));
        hash = rotate_left(hash, 27) * kPrime1 + kPrime4;
    }
    if (end - p >= 4) {
        hash ^= load_little_endian<std::uint32_t>(p) * kPrime1;
        hash = rotate_left(hash, 23) * kPrime2 + kPrime3;
        p += 4;
    }
    for (; p != end; ++p) hash = rotate_left(hash ^ (*p * kPrime5), 11) * kPrime1;
    hash = (hash ^ (hash >> 33)) * kPrime2;
    hash = (hash ^ (hash >> 29)) * kPrime3;
    return hash ^ (hash >> 32);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {

/// IEEE 754 binary16 as it stands in a file; see to_float.
struct Half {
    std::uint16_t bits;  ///< sign 1, exponent 5, fraction 10, from the highest bit on
};

/// The number that a half stands for, exactly, subnormals included.
///
/// Fraction and exponent go to a float's place, whose exponent counts from 112 lower. A subnormal half is a whole number
/// of 2^-24, and an ordinary float. So no step rounds or takes a subnormal float, which the program may have flushed to
/// 0. Infinity and NaN don't occur in weights and come out as 65536 and more.
inline float to_float(Half half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000) << 16;
    std::uint32_t bits = static_cast<std::uint32_t>(half.bits & 0x7FFF) << 13;
    if ((half.bits & 0x7C00) == 0) {
        const float size = static_cast<float>(half.bits & 0x3FF) * (1.0f / (1 << 24));
        std::memcpy(&bits, &size, sizeof bits);
    } else {
        bits += std::uint32_t{112} << 23;
    }
    bits |= sign;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/// What a tensor's elements are.
enum class TensorType : std::uint32_t { text = 1, int8, uint16, int16, int32, float16, float32, float64 };

/// Bytes an element takes; 0 for a type that isn't known.
inline std::size_t element_size(TensorType type) {
    switch (type) {
        case TensorType::text:
        case TensorType::int8:
            return 1;
        case TensorType::uint16:
        case TensorType::int16:
        case TensorType::float16:
            return 2;
        case TensorType::int32:
        case TensorType::float32:
            return 4;
        case TensorType::float64:
            return 8;
    }
    return 0;
}

/// The type as people write it: "float32"; "unknown" for a type that isn't known.
inline std::string to_string(TensorType type) {
    constexpr const char* kNames[] = {"unknown", "text",    "int8",    "uint16", "int16",
                                      "int32",   "float16", "float32", "float64"};
    const auto index = static_cast<std::uint32_t>(type);
    return kNames[index < std::size(kNames) ? index : 0];
}

/// TensorType of a C++ type.
template <typename T>
constexpr TensorType tensor_type() {
    if constexpr (std::is_same_v<T, char>)
        return TensorType::text;
    else if constexpr (std::is_same_v<T, std::int8_t>)
        return TensorType::int8;
    else if constexpr (std::is_same_v<T, std::uint16_t>)
        return TensorType::uint16;
    else if constexpr (std::is_same_v<T, std::int16_t>)
        return TensorType::int16;
    else if constexpr (std::is_same_v<T, std::int32_t>)
        return TensorType::int32;
    else if constexpr (std::is_same_v<T, Half>)
        return TensorType::float16;
    else if constexpr (std::is_same_v<T, float>)
        return TensorType::float32;
    else {
        static_assert(std::is_same_v<T, double>, "not a type that a weight file holds");
        return TensorType::float64;
    }
}

/// A tensor in a file: its name, type, shape (slowest index first) and where it lies.
struct TensorInfo {
    std::string name;                     ///< up to 55 characters, such as "conv01/weights"
    TensorType type = TensorType::text;   ///< of each element
    std::vector<std::size_t> shape;       ///< extents
    const unsigned char* data = nullptr;  ///< first byte, at a multiple of 64 bytes
    std::size_t bytes = 0;                ///< of all elements
};

/// Elements of a tensor, in place: valid as long as a copy of the WeightsFile that it came from lives.
template <typename T>
struct TensorView {
    const T* data = nullptr;         ///< the first element; the last index runs fastest
    std::vector<std::size_t> shape;  ///< extents, slowest index first

    /// Number of elements.
    std::size_t size() const {
        std::size_t product = 1;
        for (const std::size_t extent : shape) product *= extent;
        return product;
    }
    /// The first element.
    const T* begin() const { return data; }
    /// Behind the last element.
    const T* end() const { return data + size(); }
    /// An element by its place in memory, 0 <= index < size(), unchecked.
    const T& operator[](std::size_t index) const { return data[index]; }
};

namespace detail {

constexpr char kWeightsMagic[8] = {'\x89', 'F', 'F', 'R', '\r', '\n', '\x1a', '\n'};
constexpr std::uint32_t kWeightsVersion = 1;
constexpr std::size_t kWeightsAlignment = 64, kHeaderSize = 64, kKindSize = 32, kChecksumStart = 32, kEntrySize = 112,
                      kNameSize = 56, kMaxRank = 4;

inline std::size_t align_up(std::size_t offset) {
    return (offset + kWeightsAlignment - 1) / kWeightsAlignment * kWeightsAlignment;
}

/// Files are little-endian, and so are most machines, which use them in place.
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
constexpr bool kFilesSuitMachine = false;
#else
constexpr bool kFilesSuitMachine = true;
#endif

inline AlignedMemory aligned_copy(const SharedBytes& bytes) {
    AlignedMemory copy(bytes.size);
    std::memcpy(copy.data, bytes.data, bytes.size);
    return copy;
}

/// The same bytes at an address that suits every tensor: themselves, or a copy where they don't lie so.
inline SharedBytes aligned(SharedBytes bytes) {
    if (reinterpret_cast<std::uintptr_t>(bytes.data) % kWeightsAlignment == 0) return bytes;
    AlignedMemory copy = aligned_copy(bytes);
    return {copy.data, bytes.size, std::move(copy.owner)};
}

/// Reverses the bytes of each element, which is `size` bytes.
inline void reverse_elements(unsigned char* first, std::size_t bytes, std::size_t size) {
    for (unsigned char* element = first; element != first + bytes; element += size) {
        std::reverse(element, element + size);
    }
}

/// A fixed-size field of text up to its first NUL.
inline std::string fixed_text(const unsigned char* field, std::size_t size) {
    const auto* const end = std::find(field, field + size, static_cast<unsigned char>(0));
    return {field, end};
}

}  // namespace detail

/// A checksum as people write it: 16 hexadecimal digits.
inline std::string hexadecimal(std::uint64_t value) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
    return text;
}

/// A weight file, opened and checked. Copies are cheap and share the bytes; const and safe for many threads.
class WeightsFile {
  public:
    /// In an expected shape: any extent will do.
    static constexpr std::size_t kAny = static_cast<std::size_t>(-1);
    /// Files of more bytes aren't read.
    static constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;

    /// Reads a file and checks it. What's done to the file afterwards changes nothing. Cost: its bytes are read once and
    /// gone through once for the checksum, 5 to 8 ms for the 20 MB of the 68 landmarks.
    /// \throws FileError when it can't be read or has more than a gigabyte, FormatError when it's no weight file, is cut
    /// off or was altered
    static WeightsFile open(const std::filesystem::path& path) {
        return WeightsFile(detail::path_text(path), detail::read_aligned(path, kMostBytes));
    }

    /// The same for bytes in memory, such as weights linked into a program; they have to outlive all views. Bytes that
    /// don't begin at a multiple of 64 are copied.
    /// \param name  stands for the path in messages. \throws FormatError as open does
    static WeightsFile from_memory(const void* bytes, std::size_t size, std::string name) {
        return WeightsFile(std::move(name), {static_cast<const unsigned char*>(bytes), size, nullptr});
    }

    /// Path (or the name given to from_memory), for messages.
    const std::string& name() const { return name_; }
    /// What the file is for: "hog_detector", "landmarks", "resnet29", "nn4.small2", "identifier".
    const std::string& kind() const { return kind_; }
    /// XXH64 of everything after the first 32 bytes, as it stands in the header (and was found right).
    std::uint64_t checksum() const { return checksum_; }
    /// Size of the whole file in bytes.
    std::size_t size() const { return bytes_.size; }
    /// All tensors in the order of the file.
    const std::vector<TensorInfo>& tensors() const { return tensors_; }

    /// True when the file has a tensor of that name.
    bool contains(std::string_view name) const { return find(name) != nullptr; }

    /// Refuses a file that's for something else. \throws FormatError unless kind() is the one wanted
    void require_kind(std::string_view wanted) const {
        if (kind_ != wanted) throw FormatError(name_ + ": holds '" + kind_ + "', not '" + std::string(wanted) + "'");
    }

    /// A tensor by name.
    /// \param shape  what it has to be, slowest index first; kAny where any extent is right
    /// \throws FormatError when it's missing, of another type or of another shape
    template <typename T>
    TensorView<T> tensor(std::string_view name, const std::vector<std::size_t>& shape) const {
        const TensorInfo& info = require(name, tensor_type<T>(), shape);
        return {reinterpret_cast<const T*>(info.data), info.shape};
    }

    /// A tensor as tensor() gives it, of floating-point numbers that are all finite and at most 1e30 in size, which leaves
    /// room for sums of some products with pixels.
    /// \throws FormatError as tensor() does, or for NaN, infinity or a larger number
    template <typename T>
    TensorView<T> finite_tensor(std::string_view name, const std::vector<std::size_t>& shape) const {
        TensorView<T> view = tensor<T>(name, shape);
        detail::with_default_floats([&] {
            for (const T value : view) {
                if (!std::isfinite(value)) fail_infinite(name);
                if (std::abs(value) > T(1e30)) fail("tensor '" + std::string(name) + "' has a value beyond 1e30");
            }
        });
        return view;
    }

    /// True when the file has that tensor in float16.
    bool is_half(std::string_view name) const { return contains(name) && require(name).type == TensorType::float16; }

    /// A tensor of float16. \throws FormatError as tensor() does, or for NaN or infinity
    TensorView<Half> halves(std::string_view name, const std::vector<std::size_t>& shape) const {
        TensorView<Half> view = tensor<Half>(name, shape);
        for (const Half value : view) {
            if ((value.bits & 0x7C00) == 0x7C00) fail_infinite(name);
        }
        return view;
    }

    /// A tensor of float16 or float32, copied as float32. \throws FormatError as finite_tensor() does
    std::vector<float> floats(std::string_view name, const std::vector<std::size_t>& shape) const {
        if (is_half(name)) {
            const auto view = halves(name, shape);
            std::vector<float> values(view.size());
            std::transform(view.begin(), view.end(), values.begin(), to_float);
            return values;
        }
        const auto view = finite_tensor<float>(name, shape);
        return {view.begin(), view.end()};
    }

    /// A tensor of text. \throws FormatError when it's missing or isn't text
    std::string text(std::string_view name) const {
        const auto characters = tensor<char>(name, {kAny});
        return {characters.begin(), characters.end()};
    }

  private:
    WeightsFile(std::string name, detail::SharedBytes bytes)
        : name_(std::move(name)), bytes_(detail::aligned(std::move(bytes))) {
        read_header();
        // The checksum doesn't cover the number of tensors, but the place of the first one tells it.
        std::size_t end = detail::kHeaderSize + tensors_.size() * detail::kEntrySize;
        for (std::size_t i = 0; i < tensors_.size(); ++i) end = read_entry(i, end);
        if (end != bytes_.size) fail("the last tensor ends at " + std::to_string(end) + ", not where the file does");
        if constexpr (!detail::kFilesSuitMachine) reverse_all_elements();
    }

    [[noreturn]] void fail(const std::string& reason) const { throw FormatError(name_ + ": " + reason); }

    void read_header() {
        const std::string end_text = "the file ends at " + std::to_string(bytes_.size);
        if (bytes_.size == 0) fail("the file is empty");
        const std::size_t shown = std::min(bytes_.size, sizeof detail::kWeightsMagic);
        if (std::memcmp(bytes_.data, detail::kWeightsMagic, shown) != 0) fail("isn't an ffr weight file");
        if (bytes_.size < detail::kHeaderSize) fail("the header needs 64 bytes, " + end_text);
        const auto version = detail::load_little_endian<std::uint32_t>(bytes_.data + 8);
        if (version != detail::kWeightsVersion) {
            fail("has format version " + std::to_string(version) + ", this program reads version 1");
        }
        const auto count = detail::load_little_endian<std::uint32_t>(bytes_.data + 12);
        const auto size = detail::load_little_endian<std::uint64_t>(bytes_.data + 16);
        if (size != bytes_.size) fail("should have " + std::to_string(size) + " bytes, " + end_text);
        if (count > (bytes_.size - detail::kHeaderSize) / detail::kEntrySize) {
            fail("the directory of " + std::to_string(count) + " tensors doesn't fit, " + end_text);
        }
        checksum_ = detail::load_little_endian<std::uint64_t>(bytes_.data + 24);
        if (detail::xxh64(bytes_.data + detail::kChecksumStart, bytes_.size - detail::kChecksumStart) != checksum_) {
            fail("the checksum is wrong: the file was damaged or altered");
        }
        kind_ = detail::fixed_text(bytes_.data + 32, detail::kKindSize);
        tensors_.resize(count);
    }

    /// \param end  of what lies before this tensor. \returns its own end
    std::size_t read_entry(std::size_t index, std::size_t end) {
        const unsigned char* const entry = bytes_.data + detail::kHeaderSize + index * detail::kEntrySize;
        TensorInfo& info = tensors_[index];
        info.name = detail::fixed_text(entry, detail::kNameSize);
        const std::string what = "tensor " + std::to_string(index) + " ('" + info.name + "') ";
        info.type = static_cast<TensorType>(detail::load_little_endian<std::uint32_t>(entry + 56));
        info.bytes = element_size(info.type);
        if (info.bytes == 0) fail(what + "has a type that isn't known");
        const auto rank = detail::load_little_endian<std::uint32_t>(entry + 60);
        if (rank > detail::kMaxRank) fail(what + "has more than 4 dimensions");
        for (std::uint32_t i = 0; i < rank; ++i) {
            const auto extent = detail::load_little_endian<std::uint64_t>(entry + 64 + 8 * i);
            if (extent != 0 && info.bytes > bytes_.size / extent) fail(what + "is larger than the file");
            info.shape.push_back(static_cast<std::size_t>(extent));
            info.bytes *= static_cast<std::size_t>(extent);
        }
        const auto offset = detail::load_little_endian<std::uint64_t>(entry + 96);
        if (offset % detail::kWeightsAlignment != 0 || offset > bytes_.size || info.bytes > bytes_.size - offset) {
            fail(what + "needs " + std::to_string(info.bytes) + " bytes from " + std::to_string(offset) +
                 ", the file ends at " + std::to_string(bytes_.size));
        }
        if (offset != detail::align_up(end)) fail(what + "doesn't begin where what's before it ends");
        info.data = bytes_.data + offset;
        return static_cast<std::size_t>(offset) + info.bytes;
    }

    /// For a big-endian machine, which then works on a copy of the file.
    void reverse_all_elements() {
        detail::AlignedMemory copy = detail::aligned_copy(bytes_);
        for (TensorInfo& info : tensors_) {
            unsigned char* const first = copy.data + (info.data - bytes_.data);
            detail::reverse_elements(first, info.bytes, element_size(info.type));
            info.data = first;
        }
        bytes_ = {copy.data, bytes_.size, std::move(copy.owner)};
    }

    const TensorInfo* find(std::string_view name) const {
        const auto match = [&](const TensorInfo& info) { return info.name == name; };
        const auto found = std::find_if(tensors_.begin(), tensors_.end(), match);
        return found == tensors_.end() ? nullptr : &*found;
    }

    const TensorInfo& require(std::string_view name) const {
        const TensorInfo* const info = find(name);
        if (info == nullptr) throw FormatError(name_ + ": has no tensor '" + std::string(name) + "'");
        return *info;
    }

    [[noreturn]] void fail_infinite(std::string_view name) const {
        throw FormatError(name_ + ": tensor '" + std::string(name) + "' has a value that isn't finite");
    }

    const TensorInfo& require(std::string_view name, TensorType type, const std::vector<std::size_t>& shape) const {
        const TensorInfo& info = require(name);
        if (info.type != type) {
            throw FormatError(name_ + ": tensor '" + info.name + "' is " + to_string(info.type) + ", not " +
                              to_string(type));
        }
        const bool same =
            shape.size() == info.shape.size() &&
            std::equal(shape.begin(), shape.end(), info.shape.begin(),
                       [](std::size_t wanted, std::size_t found) { return wanted == kAny || wanted == found; });
        if (!same) {
            throw FormatError(name_ + ": tensor '" + info.name + "' has shape " + shape_text(info.shape) + ", not " +
                              shape_text(shape));
        }
        return info;
    }

    static std::string shape_text(const std::vector<std::size_t>& shape) {
        std::string text = "[";
        for (const std::size_t extent : shape) {
            text += (text == "[" ? "" : " x ") + (extent == kAny ? "any" : std::to_string(extent));
        }
        return text + "]";
    }

    std::string name_;
    detail::SharedBytes bytes_;
    std::string kind_;
    std::uint64_t checksum_ = 0;
    std::vector<TensorInfo> tensors_;
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/base/weights_writer.hpp
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

// ---- ffr/base/find_weights.hpp
/// \file
/// Where weight files lie: in a folder that's named, in that of the environment's FFR_WEIGHTS, or beside the program.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#if defined(__APPLE__)
#include <mach-o/dyld.h>

#include <cstdint>
#endif


namespace ffr {
inline namespace v0_1 {

/// Where this process's program file lies; empty where the system doesn't tell.
inline std::filesystem::path program_folder() {
    std::error_code code;
#if defined(__linux__)
    return std::filesystem::read_symlink("/proc/self/exe", code).parent_path();
#elif defined(__APPLE__)
    std::uint32_t size = 0;
    _NSGetExecutablePath(nullptr, &size);
    std::string path(size, '\0');
    if (_NSGetExecutablePath(path.data(), &size) != 0) return {};
    return std::filesystem::canonical(path.c_str(), code).parent_path();
#else
    return {};
#endif
}

/// The folders in which weights are looked for, in this order: `explicit_folder` alone if it isn't empty; else the
/// environment's FFR_WEIGHTS alone if that's set; else `weights` beside the program and `../share/ffr/weights`.
inline std::vector<std::filesystem::path> weights_folders(const std::filesystem::path& explicit_folder = {}) {
    return detail::with_default_floats([&]() -> std::vector<std::filesystem::path> {
        if (!explicit_folder.empty()) return {explicit_folder};
#if defined(_WIN32)
        const wchar_t* const variable = _wgetenv(L"FFR_WEIGHTS");
#else
        const char* const variable = std::getenv("FFR_WEIGHTS");
#endif
        if (variable != nullptr && *variable != 0) return {std::filesystem::path(variable)};
        const std::filesystem::path here = program_folder();
        if (here.empty()) return {};
        return {here / "weights", here.parent_path() / "share" / "ffr" / "weights"};
    });
}

/// The first weights_folders() entry that has the file `name`.
/// \throws FileError that lists the places tried
inline std::filesystem::path find_weights(const std::string& name, const std::filesystem::path& explicit_folder = {}) {
    return detail::with_default_floats([&] {  // g++'s library computes with floats where it joins paths
        std::string tried;
        for (const std::filesystem::path& folder : weights_folders(explicit_folder)) {
            std::error_code code;
            if (std::filesystem::exists(folder / name, code)) return folder / name;
            tried += (tried.empty() ? "" : ", ") + detail::path_text(folder);
        }
        throw FileError(name + ": no such weights in " + (tried.empty() ? "any folder: set FFR_WEIGHTS" : tried));
    });
}

}  // namespace v0_1
}  // namespace ffr
// Pixels and files of them.

// ---- ffr/image/image.hpp
/// \file
/// Pixels and plane geometry: what every stage takes in or hands on.
///
///     Image:  height rows x width columns x channels bytes, row-major, channels interleaved
///
///             x ->                     pixel (x, y) starts at pixels[(y * width + x) * channels];
///          y  RGB RGB RGB ...          the centre of the first pixel is the point (0, 0),
///          |  RGB RGB RGB ...          x grows to the right, y downwards
///          v

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// A pixel position or a rounded point; x to the right, y down, in pixels.
struct Point {
    int x = 0;  ///< pixels to the right of the first pixel's centre
    int y = 0;  ///< pixels below it

    /// Same place.
    friend bool operator==(Point a, Point b) { return a.x == b.x && a.y == b.y; }
    /// Another place.
    friend bool operator!=(Point a, Point b) { return !(a == b); }
};

/// A point between pixels; same axes as Point.
struct PointF {
    double x = 0;  ///< to the right
    double y = 0;  ///< down
};

/// A box of whole pixels with all four edges inside of it: width = right - left + 1. It may reach outside of an image.
struct Rect {
    int left = 0;     ///< x of the first column
    int top = 0;      ///< y of the first row
    int right = -1;   ///< x of the last column; less than `left` in an empty box
    int bottom = -1;  ///< y of the last row; less than `top` in an empty box

    /// Pixels from left to right edge, both counted; 0 when the box is empty.
    std::int64_t width() const { return right < left ? 0 : std::int64_t{right} - left + 1; }
    /// Pixels from top to bottom edge, both counted; 0 when the box is empty.
    std::int64_t height() const { return bottom < top ? 0 : std::int64_t{bottom} - top + 1; }
    /// Number of pixels in the box; 0 when it's empty.
    std::int64_t area() const { return width() * height(); }

    /// Same four edges.
    friend bool operator==(const Rect& a, const Rect& b) {
        return a.left == b.left && a.top == b.top && a.right == b.right && a.bottom == b.bottom;
    }
    /// At least one edge differs.
    friend bool operator!=(const Rect& a, const Rect& b) { return !(a == b); }
};

/// Writes `[left top right bottom]`.
inline std::ostream& operator<<(std::ostream& out, const Rect& box) {
    return out << '[' << box.left << ' ' << box.top << ' ' << box.right << ' ' << box.bottom << ']';
}

/// A look at somebody else's pixels: 8 bits a channel, 1 (gray) or 3 (RGB) channels, `stride` bytes from one row to the
/// next. It owns nothing and is valid as long as the pixels it points at.
struct ImageView {
    const std::uint8_t* pixels = nullptr;  ///< first byte of the first row
    int width = 0;                         ///< pixels a row
    int height = 0;                        ///< rows
    int channels = 0;                      ///< 1 for gray, 3 for RGB; bytes a pixel
    std::ptrdiff_t stride = 0;             ///< bytes from a row to the next, width * channels where there's no gap

    /// First byte of row y, 0 <= y < height.
    const std::uint8_t* row(int y) const { return pixels + y * stride; }
    /// True when there's no pixel.
    bool empty() const { return width <= 0 || height <= 0; }
};

/// An image that owns its pixels: 8 bits a channel, 1 (gray) or 3 (RGB) channels, rows without gaps.
class Image {
  public:
    /// No pixels.
    Image() = default;

    /// A black image. \throws InvalidArgument for a negative size or a number of channels other than 1 and 3
    Image(int width, int height, int channels) : width_(width), height_(height), channels_(channels) {
        if (width < 0 || height < 0 || (channels != 1 && channels != 3)) {
            throw InvalidArgument("an image needs sizes of at least 0 and 1 or 3 channels, not " +
                                  std::to_string(width) + " x " + std::to_string(height) + " x " +
                                  std::to_string(channels));
        }
        pixels_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                       static_cast<std::size_t>(channels));
    }

    /// Pixels a row.
    int width() const { return width_; }
    /// Rows.
    int height() const { return height_; }
    /// 1 for gray, 3 for RGB; 0 for an image without anything.
    int channels() const { return channels_; }
    /// True when there's no pixel.
    bool empty() const { return pixels_.empty(); }

    /// All bytes, row after row.
    std::vector<std::uint8_t>& pixels() { return pixels_; }
    /// \overload
    const std::vector<std::uint8_t>& pixels() const { return pixels_; }

    /// First byte of row y, 0 <= y < height().
    std::uint8_t* row(int y) { return pixels_.data() + row_offset(y); }
    /// \overload
    const std::uint8_t* row(int y) const { return pixels_.data() + row_offset(y); }

    /// The image as a view; valid while the image lives and keeps its size.
    ImageView view() const {
        return {pixels_.data(), width_, height_, channels_, static_cast<std::ptrdiff_t>(width_) * channels_};
    }
    /// The same, so that an Image can be passed where a view is wanted.
    operator ImageView() const { return view(); }

    /// Same size, same channels, same pixels.
    friend bool operator==(const Image& a, const Image& b) {
        return a.width_ == b.width_ && a.height_ == b.height_ && a.channels_ == b.channels_ && a.pixels_ == b.pixels_;
    }
    /// Size, channels or a pixel differ.
    friend bool operator!=(const Image& a, const Image& b) { return !(a == b); }

  private:
    std::size_t row_offset(int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) * static_cast<std::size_t>(channels_);
    }

    int width_ = 0;
    int height_ = 0;
    int channels_ = 0;
    std::vector<std::uint8_t> pixels_;
};

/// Refuses what no stage can work with.
/// \throws InvalidArgument for no pixels, channels other than 1 and 3, or a row of more than 2^31 - 1 bytes
inline void require_pixels(ImageView image) {
    if (image.empty() || image.pixels == nullptr) throw InvalidArgument("the image has no pixels");
    if (image.channels != 1 && image.channels != 3) {
        throw InvalidArgument("an image has 1 or 3 channels, not " + std::to_string(image.channels));
    }
    if (image.width > 2147483647 / image.channels) {
        throw InvalidArgument("an image's row has at most 2147483647 bytes, not " + std::to_string(image.width) +
                              " x " + std::to_string(image.channels));
    }
}

/// The nearest whole number, halves upwards, clamped to the range of int: how landmarks and chips are rounded.
inline int round_half_up(double value) {
    const double rounded = std::floor(value + 0.5);
    if (!(rounded > -2147483648.0)) return -2147483647 - 1;
    return rounded < 2147483647.0 ? static_cast<int>(rounded) : 2147483647;
}

}  // namespace v0_1
}  // namespace ffr
#if !defined(FFR_NO_STB)

// ---- ffr/image/exif.hpp
/// \file
/// How a camera was held: the orientation in a JPEG's Exif block, and turning an image upright by it.
///
///     FFD8 | FFE1 "Exif" | TIFF header | IFD0: tag 0x0112 = 1..8 | ...     the first bytes of a JPEG file
///                                                           |
///     stored image h x w x channels ---apply_orientation----+--> upright image h x w, or w x h for 5 to 8
///
/// Cameras store the sensor's rows as they come and note in IFD0 of the Exif block (a list of tags with values; this
/// one is 0x0112, Exif 2.32, 4.6.4) how to turn them: 3 by half a turn, 6 and 8 by a quarter, 2, 4, 5 and 7 mirrored as
/// well. A face detector for upright faces needs that turn.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>


// ---- ffr/image/formats/jpeg.hpp
/// \file
/// The segments of a JPEG file (ITU-T T.81, annex B): what stands between the markers.
///
///     FFD8 | FFE1 size data | FFC4 size data | ... | FFDA size data, coded pixels | FFD9
///     start   a marker, two bytes of size, data      start of a scan                end

#include <cstddef>
#include <cstdint>
#include <string>

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// A segment without its marker and length.
struct JpegSegment {
    std::uint8_t marker;
    const std::uint8_t* data;
    std::size_t size;
    bool cut_off;  // the file ends before the segment does
};

constexpr std::uint8_t kJpegHuffmanTables = 0xC4, kJpegEndOfImage = 0xD9, kJpegStartOfScan = 0xDA, kJpegApp1 = 0xE1;

/// Position of the next marker's 0xFF after the coded pixels of a scan; `size` when there's none.
inline std::size_t skip_scan(const std::uint8_t* bytes, std::size_t size, std::size_t position) {
    for (; position + 1 < size; ++position) {
        // 0xFF 0x00 stands for a byte 0xFF, and 0xD0 to 0xD7 only restart the coder.
        const std::uint8_t next = bytes[position + 1];
        if (bytes[position] == 0xFF && next != 0 && (next < 0xD0 || next > 0xD7)) return position;
    }
    return size;
}

/// Calls visit(segment) for the segments in order until it returns false. Ends with one that's cut off, and at
/// once when the bytes aren't a JPEG's. Never reads outside of them.
template <typename Visit>
void for_each_jpeg_segment(const std::uint8_t* bytes, std::size_t size, Visit visit) {
    std::size_t position = 1;
    while (position < size && bytes[position] == 0xFF) ++position;  // fill bytes, before the first marker, too
    if (position >= size || bytes[0] != 0xFF || bytes[position++] != 0xD8) return;
    while (size - position >= 4) {
        const std::uint8_t marker = bytes[position + 1];
        // Decoders pass over rubbish and fill bytes before a marker, and take 0xFF 0xFF 0x00 for a coded 0xFF.
        if (bytes[position] != 0xFF || marker == 0xFF || marker == 0) {
            ++position;
            continue;
        }
        if (marker == kJpegEndOfImage) return;
        position += 2;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;  // markers without a segment
        const std::size_t length = static_cast<std::size_t>(bytes[position]) << 8 | bytes[position + 1];
        const bool cut_off = length > size - position;
        if (length < 2) return;
        if (!visit(JpegSegment{marker, bytes + position + 2, (cut_off ? size - position : length) - 2, cut_off}))
            return;
        if (cut_off) return;
        position += length;
        if (marker == kJpegStartOfScan) position = skip_scan(bytes, size, position);
    }
}

/// False when a Huffman table has more codes than there are symbols, 256, or the segment ends within one.
inline bool are_huffman_tables(const JpegSegment& segment) {
    constexpr std::size_t kTableHeader = 17;  // class and number, then how many codes have 1, 2, ..., 16 bits
    for (std::size_t position = 0; position < segment.size;) {
        if (segment.size - position < kTableHeader) return false;
        std::size_t codes = 0;
        for (std::size_t bits = 1; bits < kTableHeader; ++bits) codes += segment.data[position + bits];
        if (codes > 256 || codes > segment.size - position - kTableHeader) return false;
        position += kTableHeader + codes;
    }
    return true;
}

/// What's wrong with a JPEG that a decoder can't be trusted to notice; empty when nothing is, or when it's none.
///
/// Decoders are known to write past the end of their Huffman tables when there are more codes than symbols. And each
/// scan makes them go over the whole picture again, though it may be ten bytes: images in use have a dozen at the most.
inline std::string jpeg_defect(const std::uint8_t* bytes, std::size_t size) {
    constexpr int kMostScans = 100;
    int scans = 0;
    std::string defect;
    for_each_jpeg_segment(bytes, size, [&](const JpegSegment& segment) {
        if (segment.marker == kJpegHuffmanTables && !segment.cut_off && !are_huffman_tables(segment)) {
            defect = "a Huffman table doesn't fit its segment";
        }
        if (segment.marker == kJpegHuffmanTables && segment.cut_off) defect = "it ends within a Huffman table";
        if (segment.marker == kJpegStartOfScan && ++scans > kMostScans) defect = "it has more than 100 scans";
        return defect.empty();
    });
    return defect;
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// Bytes of a TIFF structure in its own byte order; reading outside of it gives 0, which no field below accepts.
struct TiffReader {
    const std::uint8_t* data;
    std::size_t size;
    bool big_endian;

    std::uint32_t read(std::size_t offset, std::size_t count) const {
        if (offset > size || count > size - offset) return 0;
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < count; ++i) value = value << 8 | data[offset + (big_endian ? i : count - 1 - i)];
        return value;
    }
};

/// Orientation in a TIFF structure, 1 where there's none.
inline int tiff_orientation(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint32_t kOrientationTag = 0x0112, kShort = 3;
    constexpr std::size_t kEntryBytes = 12;
    if (size < 8) return 1;
    const bool big_endian = data[0] == 'M' && data[1] == 'M';
    if (!big_endian && !(data[0] == 'I' && data[1] == 'I')) return 1;
    const TiffReader tiff{data, size, big_endian};
    if (tiff.read(2, 2) != 42) return 1;
    const std::size_t directory = tiff.read(4, 4);
    const std::size_t count = tiff.read(directory, 2);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = directory + 2 + i * kEntryBytes;
        if (tiff.read(entry, 2) != kOrientationTag) continue;
        const std::uint32_t value = tiff.read(entry + 8, 2);
        const bool valid =
            tiff.read(entry + 2, 2) == kShort && tiff.read(entry + 4, 4) >= 1 && value >= 1 && value <= 8;
        return valid ? static_cast<int>(value) : 1;
    }
    return 1;
}

}  // namespace detail

/// The Exif orientation of a JPEG file.
///
/// Looks at the first APP1 segment with an Exif block before the picture data. Never reads outside of the bytes,
/// whatever they are.
///
/// \param bytes  the file's content, or the beginning of it
/// \param size   number of bytes
/// \returns 1 to 8 as apply_orientation takes it; 1 (upright) when it isn't a JPEG, has no such block or a damaged one
inline int exif_orientation(const std::uint8_t* bytes, std::size_t size) {
    constexpr std::uint8_t kExif[6] = {'E', 'x', 'i', 'f', 0, 0};
    int orientation = 1;
    detail::for_each_jpeg_segment(bytes, size, [&](const detail::JpegSegment& segment) {
        const bool is_exif = segment.marker == detail::kJpegApp1 && !segment.cut_off && segment.size >= sizeof kExif &&
                             std::memcmp(segment.data, kExif, sizeof kExif) == 0;
        if (is_exif) orientation = detail::tiff_orientation(segment.data + sizeof kExif, segment.size - sizeof kExif);
        return !is_exif && segment.marker != detail::kJpegStartOfScan;
    });
    return orientation;
}

/// Turns an image upright.
///
///     1  as it is                       5  mirrored along the main diagonal (rows become columns)
///     2  mirrored left to right         6  turned by 90 degrees clockwise
///     3  turned by 180 degrees          7  mirrored along the other diagonal
///     4  mirrored top to bottom         8  turned by 90 degrees counter-clockwise
///
/// \param image        any size, empty too, gray or RGB
/// \param orientation  1 to 8: what has to be done to the stored image (the table above) to see it upright
/// \returns the same pixels in their new places; width and height are exchanged for 5 to 8
/// \throws InvalidArgument for an orientation that isn't 1 to 8
inline Image apply_orientation(Image image, int orientation) {
    if (orientation < 1 || orientation > 8) {
        throw InvalidArgument("an Exif orientation is 1 to 8, not " + std::to_string(orientation));
    }
    if (orientation == 1 || image.empty()) return image;
    const bool swaps_axes = orientation >= 5;
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const int width = swaps_axes ? image.height() : image.width();
    const int height = swaps_axes ? image.width() : image.height();
    const auto channels = static_cast<std::size_t>(image.channels());
    Image upright(width, height, image.channels());
    for (int y = 0; y < height; ++y) {
        std::uint8_t* to = upright.row(y);
        for (int x = 0; x < width; ++x) {
            const int column = swaps_axes ? y : x;
            const int row = swaps_axes ? x : y;
            const int source_x = from_right ? image.width() - 1 - column : column;
            const int source_y = from_bottom ? image.height() - 1 - row : row;
            const std::uint8_t* const from = image.row(source_y) + static_cast<std::size_t>(source_x) * channels;
            for (std::size_t c = 0; c < channels; ++c) *to++ = from[c];
        }
    }
    return upright;
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/image/image_io.hpp
/// \file
/// Image files to Image and back.
///
///     a file's bytes --read_image--> Image h x w x 1 or 3, upright (exif.hpp) --write_image--> a file's bytes
///
/// Reads JPEG, PNG, BMP, GIF, TGA and PSD through stb_image, binary PNM itself; writes PNG, JPEG and BMP through
/// stb_image_write. A file is either decoded whole or refused: one that ends before its image does is an error, never
/// an image with a gray bottom.
///
/// What becomes of pixels that aren't 8-bit gray or RGB:
///
///     gray with alpha         gray; alpha is dropped, not blended
///     RGB with alpha          RGB; alpha is dropped, not blended
///     palette                 RGB
///     16 bits a channel       the high byte
///     PNM, maximum below 255  scaled to 0..255; other maxima above 255 too, but 65535: the high byte
///     CMYK and YCCK JPEG      RGB by the plain product (1 - C) (1 - K), without colour profiles
///     animated GIF            the first frame; what it leaves out is background or black
///     floating point (HDR)    refused

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>


// ---- ffr/image/formats/codecs.hpp
/// \file
/// The formats that stb decodes and encodes: all of ffr's dealings with it.
///
///     bytes of a JPEG, PNG, BMP, GIF, TGA, PSD --stb_image--> Image h x w x 1 or 3 --stb_image_write--> PNG, JPEG, BMP
///
/// stb takes a compiler about 2 s, so that a program of many files may have it compiled in one of them: see
/// docs/macros.md.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <vector>


#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)

// ---- ffr/image/formats/stb.hpp
/// \file
/// stb_image and stb_image_write (Sean Barrett and others, public domain), compiled privately: everything of theirs
/// lies in ffr::detail::stb with internal linkage, so that a program can use ffr without linking anything, and may use
/// its own stb as well, in the same source file too, before or after ffr, with whatever settings.
///
/// Every macro that stb reads or leaves behind is put aside first and put back at the end; the standard headers that
/// stb includes come before the namespace opens. Each translation unit has its own copy of stb, all with the same text.
/// stb's only mutable state that ffr touches is the reason of the last failure, one a thread and a copy, which is
/// therefore asked for in the same function as the call that failed. A StbMemory has to be there during a call.

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>  // for sprintf only, which the writer uses even without files
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64) || defined(_M_IX86)
#include <emmintrin.h>
#endif
#if defined(_MSC_VER)
#include <intrin.h>
#endif


// ---- ffr/image/formats/stb_memory.hpp
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

// clang-format off
#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_STATIC")
#pragma push_macro("STBIDEF")
#pragma push_macro("STBI_EXTERN")
#pragma push_macro("STBI_VERSION")
#pragma push_macro("STBI_NO_STDIO")
#pragma push_macro("STBI_NO_HDR")
#pragma push_macro("STBI_NO_LINEAR")
#pragma push_macro("STBI_NO_PIC")
#pragma push_macro("STBI_NO_PNM")
#pragma push_macro("STBI_NO_JPEG")
#pragma push_macro("STBI_NO_PNG")
#pragma push_macro("STBI_NO_BMP")
#pragma push_macro("STBI_NO_GIF")
#pragma push_macro("STBI_NO_TGA")
#pragma push_macro("STBI_NO_PSD")
#pragma push_macro("STBI_NO_ZLIB")
#pragma push_macro("STBI_SUPPORT_ZLIB")
#pragma push_macro("STBI_ONLY_JPEG")
#pragma push_macro("STBI_ONLY_PNG")
#pragma push_macro("STBI_ONLY_BMP")
#pragma push_macro("STBI_ONLY_GIF")
#pragma push_macro("STBI_ONLY_TGA")
#pragma push_macro("STBI_ONLY_PSD")
#pragma push_macro("STBI_ONLY_HDR")
#pragma push_macro("STBI_ONLY_PIC")
#pragma push_macro("STBI_ONLY_PNM")
#pragma push_macro("STBI_ONLY_ZLIB")
#pragma push_macro("STBI_MALLOC")
#pragma push_macro("STBI_REALLOC")
#pragma push_macro("STBI_REALLOC_SIZED")
#pragma push_macro("STBI_FREE")
#pragma push_macro("STBI_ASSERT")
#pragma push_macro("STBI_MAX_DIMENSIONS")
#pragma push_macro("STBI_WINDOWS_UTF8")
#pragma push_macro("STBI_NO_FAILURE_STRINGS")
#pragma push_macro("STBI_FAILURE_USERMSG")
#pragma push_macro("STBI_NO_THREAD_LOCALS")
#pragma push_macro("STBI_THREAD_LOCAL")
#pragma push_macro("STBI_NO_SIMD")
#pragma push_macro("STBI_SSE2")
#pragma push_macro("STBI_NEON")
#pragma push_macro("STBI_SIMD_ALIGN")
#pragma push_macro("STBI_MINGW_ENABLE_SSE2")
#pragma push_macro("STBI_NOTUSED")
#pragma push_macro("STBI_HAS_LROTL")
#pragma push_macro("stbi_inline")
#pragma push_macro("stbi_lrot")
#pragma push_macro("FAST_BITS")
#pragma push_macro("STBI__BYTECAST")
#pragma push_macro("STBI__CASE")
#pragma push_macro("STBI__COMBO")
#pragma push_macro("STBI__HDR_BUFLEN")
#pragma push_macro("STBI__IDCT_1D")
#pragma push_macro("STBI__MARKER_none")
#pragma push_macro("STBI__PNG_TYPE")
#pragma push_macro("STBI__RESTART")
#pragma push_macro("STBI__X64_TARGET")
#pragma push_macro("STBI__X86_TARGET")
#pragma push_macro("STBI__ZFAST_BITS")
#pragma push_macro("STBI__ZFAST_MASK")
#pragma push_macro("STBI__ZNSYMS")
#pragma push_macro("stbi__DNL")
#pragma push_macro("stbi__EOI")
#pragma push_macro("stbi__SOF")
#pragma push_macro("stbi__SOF_progressive")
#pragma push_macro("stbi__SOI")
#pragma push_macro("stbi__SOS")
#pragma push_macro("stbi__de_iphone_flag")
#pragma push_macro("stbi__div16")
#pragma push_macro("stbi__div4")
#pragma push_macro("stbi__err")
#pragma push_macro("stbi__errpf")
#pragma push_macro("stbi__errpuc")
#pragma push_macro("stbi__f2f")
#pragma push_macro("stbi__float2fixed")
#pragma push_macro("stbi__float2int")
#pragma push_macro("stbi__fsh")
#pragma push_macro("stbi__unpremultiply_on_load")
#pragma push_macro("stbi__vertically_flip_on_load")
#pragma push_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma push_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_WRITE_STATIC")
#pragma push_macro("STBIWDEF")
#pragma push_macro("STBIW_EXTERN")
#pragma push_macro("STBI_WRITE_NO_STDIO")
#pragma push_macro("STBIW_MALLOC")
#pragma push_macro("STBIW_REALLOC")
#pragma push_macro("STBIW_REALLOC_SIZED")
#pragma push_macro("STBIW_FREE")
#pragma push_macro("STBIW_MEMMOVE")
#pragma push_macro("STBIW_ASSERT")
#pragma push_macro("STBIW_ZLIB_COMPRESS")
#pragma push_macro("STBIW_CRC32")
#pragma push_macro("STBIW_WINDOWS_UTF8")
#pragma push_macro("STBIW_UCHAR")
#pragma push_macro("stbiw__ZHASH")
#pragma push_macro("stbiw__max")
#pragma push_macro("stbiw__sbcount")
#pragma push_macro("stbiw__sbfree")
#pragma push_macro("stbiw__sbgrow")
#pragma push_macro("stbiw__sbm")
#pragma push_macro("stbiw__sbmaybegrow")
#pragma push_macro("stbiw__sbn")
#pragma push_macro("stbiw__sbneedgrow")
#pragma push_macro("stbiw__sbpush")
#pragma push_macro("stbiw__sbraw")
#pragma push_macro("stbiw__wp32")
#pragma push_macro("stbiw__wpng4")
#pragma push_macro("stbiw__wptag")
#pragma push_macro("stbiw__zlib_add")
#pragma push_macro("stbiw__zlib_flush")
#pragma push_macro("stbiw__zlib_huff")
#pragma push_macro("stbiw__zlib_huff1")
#pragma push_macro("stbiw__zlib_huff2")
#pragma push_macro("stbiw__zlib_huff3")
#pragma push_macro("stbiw__zlib_huff4")
#pragma push_macro("stbiw__zlib_huffa")
#pragma push_macro("stbiw__zlib_huffb")

#undef STBI_INCLUDE_STB_IMAGE_H
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBIDEF
#undef STBI_EXTERN
#undef STBI_VERSION
#undef STBI_NO_STDIO
#undef STBI_NO_HDR
#undef STBI_NO_LINEAR
#undef STBI_NO_PIC
#undef STBI_NO_PNM
#undef STBI_NO_JPEG
#undef STBI_NO_PNG
#undef STBI_NO_BMP
#undef STBI_NO_GIF
#undef STBI_NO_TGA
#undef STBI_NO_PSD
#undef STBI_NO_ZLIB
#undef STBI_SUPPORT_ZLIB
#undef STBI_ONLY_JPEG
#undef STBI_ONLY_PNG
#undef STBI_ONLY_BMP
#undef STBI_ONLY_GIF
#undef STBI_ONLY_TGA
#undef STBI_ONLY_PSD
#undef STBI_ONLY_HDR
#undef STBI_ONLY_PIC
#undef STBI_ONLY_PNM
#undef STBI_ONLY_ZLIB
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_REALLOC_SIZED
#undef STBI_FREE
#undef STBI_ASSERT
#undef STBI_MAX_DIMENSIONS
#undef STBI_WINDOWS_UTF8
#undef STBI_NO_FAILURE_STRINGS
#undef STBI_FAILURE_USERMSG
#undef STBI_NO_THREAD_LOCALS
#undef STBI_THREAD_LOCAL
#undef STBI_NO_SIMD
#undef STBI_SSE2
#undef STBI_NEON
#undef STBI_SIMD_ALIGN
#undef STBI_MINGW_ENABLE_SSE2
#undef STBI_NOTUSED
#undef STBI_HAS_LROTL
#undef stbi_inline
#undef stbi_lrot
#undef FAST_BITS
#undef STBI__BYTECAST
#undef STBI__CASE
#undef STBI__COMBO
#undef STBI__HDR_BUFLEN
#undef STBI__IDCT_1D
#undef STBI__MARKER_none
#undef STBI__PNG_TYPE
#undef STBI__RESTART
#undef STBI__X64_TARGET
#undef STBI__X86_TARGET
#undef STBI__ZFAST_BITS
#undef STBI__ZFAST_MASK
#undef STBI__ZNSYMS
#undef stbi__DNL
#undef stbi__EOI
#undef stbi__SOF
#undef stbi__SOF_progressive
#undef stbi__SOI
#undef stbi__SOS
#undef stbi__de_iphone_flag
#undef stbi__div16
#undef stbi__div4
#undef stbi__err
#undef stbi__errpf
#undef stbi__errpuc
#undef stbi__f2f
#undef stbi__float2fixed
#undef stbi__float2int
#undef stbi__fsh
#undef stbi__unpremultiply_on_load
#undef stbi__vertically_flip_on_load
#undef INCLUDE_STB_IMAGE_WRITE_H
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#undef STB_IMAGE_WRITE_STATIC
#undef STBIWDEF
#undef STBIW_EXTERN
#undef STBI_WRITE_NO_STDIO
#undef STBIW_MALLOC
#undef STBIW_REALLOC
#undef STBIW_REALLOC_SIZED
#undef STBIW_FREE
#undef STBIW_MEMMOVE
#undef STBIW_ASSERT
#undef STBIW_ZLIB_COMPRESS
#undef STBIW_CRC32
#undef STBIW_WINDOWS_UTF8
#undef STBIW_UCHAR
#undef stbiw__ZHASH
#undef stbiw__max
#undef stbiw__sbcount
#undef stbiw__sbfree
#undef stbiw__sbgrow
#undef stbiw__sbm
#undef stbiw__sbmaybegrow
#undef stbiw__sbn
#undef stbiw__sbneedgrow
#undef stbiw__sbpush
#undef stbiw__sbraw
#undef stbiw__wp32
#undef stbiw__wpng4
#undef stbiw__wptag
#undef stbiw__zlib_add
#undef stbiw__zlib_flush
#undef stbiw__zlib_huff
#undef stbiw__zlib_huff1
#undef stbiw__zlib_huff2
#undef stbiw__zlib_huff3
#undef stbiw__zlib_huff4
#undef stbiw__zlib_huffa
#undef stbiw__zlib_huffb
// clang-format on

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#elif defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#pragma GCC diagnostic ignored "-Wduplicated-branches"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wstrict-overflow"
#pragma GCC diagnostic ignored "-Wswitch-default"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wuseless-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#elif defined(_MSC_VER)
#pragma warning(push, 0)
#pragma warning(disable : 4505 4996)
#endif

#define STB_IMAGE_IMPLEMENTATION
#define STBIDEF static
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_NO_PNM  // ffr reads these itself, see image_io.hpp
#define STBI_MALLOC(size) StbMemory::take(size)
#define STBI_REALLOC(pointer, size) StbMemory::resize(pointer, size)
#define STBI_FREE(pointer) StbMemory::release(pointer)

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_MALLOC(size) StbMemory::take(size)
#define STBIW_REALLOC(pointer, size) StbMemory::resize(pointer, size)
#define STBIW_FREE(pointer) StbMemory::release(pointer)

// The declarations that open stb_image.h say extern "C", which clashes with a user's own stb even across namespaces.
// They are skipped by the include guard; what the implementation needs of them stands here.
#define STBI_INCLUDE_STB_IMAGE_H

namespace ffr {
inline namespace v0_1 {
namespace detail::stb {

enum { STBI_default = 0, STBI_grey = 1, STBI_grey_alpha = 2, STBI_rgb = 3, STBI_rgb_alpha = 4 };
typedef unsigned char stbi_uc;
typedef unsigned short stbi_us;
struct stbi_io_callbacks {
    int (*read)(void* user, char* data, int size);
    void (*skip)(void* user, int count);
    int (*eof)(void* user);
};

#if __has_include(<stb_image.h>)
#include <stb_image.h>
#include <stb_image_write.h>
#else
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#endif

}  // namespace detail::stb
}  // namespace v0_1
}  // namespace ffr

#if defined(__clang__)
#pragma clang diagnostic pop
#elif defined(__GNUC__)
#pragma GCC diagnostic pop
#elif defined(_MSC_VER)
#pragma warning(pop)
#endif

// clang-format off
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma pop_macro("STB_IMAGE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_STATIC")
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STBI_EXTERN")
#pragma pop_macro("STBI_VERSION")
#pragma pop_macro("STBI_NO_STDIO")
#pragma pop_macro("STBI_NO_HDR")
#pragma pop_macro("STBI_NO_LINEAR")
#pragma pop_macro("STBI_NO_PIC")
#pragma pop_macro("STBI_NO_PNM")
#pragma pop_macro("STBI_NO_JPEG")
#pragma pop_macro("STBI_NO_PNG")
#pragma pop_macro("STBI_NO_BMP")
#pragma pop_macro("STBI_NO_GIF")
#pragma pop_macro("STBI_NO_TGA")
#pragma pop_macro("STBI_NO_PSD")
#pragma pop_macro("STBI_NO_ZLIB")
#pragma pop_macro("STBI_SUPPORT_ZLIB")
#pragma pop_macro("STBI_ONLY_JPEG")
#pragma pop_macro("STBI_ONLY_PNG")
#pragma pop_macro("STBI_ONLY_BMP")
#pragma pop_macro("STBI_ONLY_GIF")
#pragma pop_macro("STBI_ONLY_TGA")
#pragma pop_macro("STBI_ONLY_PSD")
#pragma pop_macro("STBI_ONLY_HDR")
#pragma pop_macro("STBI_ONLY_PIC")
#pragma pop_macro("STBI_ONLY_PNM")
#pragma pop_macro("STBI_ONLY_ZLIB")
#pragma pop_macro("STBI_MALLOC")
#pragma pop_macro("STBI_REALLOC")
#pragma pop_macro("STBI_REALLOC_SIZED")
#pragma pop_macro("STBI_FREE")
#pragma pop_macro("STBI_ASSERT")
#pragma pop_macro("STBI_MAX_DIMENSIONS")
#pragma pop_macro("STBI_WINDOWS_UTF8")
#pragma pop_macro("STBI_NO_FAILURE_STRINGS")
#pragma pop_macro("STBI_FAILURE_USERMSG")
#pragma pop_macro("STBI_NO_THREAD_LOCALS")
#pragma pop_macro("STBI_THREAD_LOCAL")
#pragma pop_macro("STBI_NO_SIMD")
#pragma pop_macro("STBI_SSE2")
#pragma pop_macro("STBI_NEON")
#pragma pop_macro("STBI_SIMD_ALIGN")
#pragma pop_macro("STBI_MINGW_ENABLE_SSE2")
#pragma pop_macro("STBI_NOTUSED")
#pragma pop_macro("STBI_HAS_LROTL")
#pragma pop_macro("stbi_inline")
#pragma pop_macro("stbi_lrot")
#pragma pop_macro("FAST_BITS")
#pragma pop_macro("STBI__BYTECAST")
#pragma pop_macro("STBI__CASE")
#pragma pop_macro("STBI__COMBO")
#pragma pop_macro("STBI__HDR_BUFLEN")
#pragma pop_macro("STBI__IDCT_1D")
#pragma pop_macro("STBI__MARKER_none")
#pragma pop_macro("STBI__PNG_TYPE")
#pragma pop_macro("STBI__RESTART")
#pragma pop_macro("STBI__X64_TARGET")
#pragma pop_macro("STBI__X86_TARGET")
#pragma pop_macro("STBI__ZFAST_BITS")
#pragma pop_macro("STBI__ZFAST_MASK")
#pragma pop_macro("STBI__ZNSYMS")
#pragma pop_macro("stbi__DNL")
#pragma pop_macro("stbi__EOI")
#pragma pop_macro("stbi__SOF")
#pragma pop_macro("stbi__SOF_progressive")
#pragma pop_macro("stbi__SOI")
#pragma pop_macro("stbi__SOS")
#pragma pop_macro("stbi__de_iphone_flag")
#pragma pop_macro("stbi__div16")
#pragma pop_macro("stbi__div4")
#pragma pop_macro("stbi__err")
#pragma pop_macro("stbi__errpf")
#pragma pop_macro("stbi__errpuc")
#pragma pop_macro("stbi__f2f")
#pragma pop_macro("stbi__float2fixed")
#pragma pop_macro("stbi__float2int")
#pragma pop_macro("stbi__fsh")
#pragma pop_macro("stbi__unpremultiply_on_load")
#pragma pop_macro("stbi__vertically_flip_on_load")
#pragma pop_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma pop_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_WRITE_STATIC")
#pragma pop_macro("STBIWDEF")
#pragma pop_macro("STBIW_EXTERN")
#pragma pop_macro("STBI_WRITE_NO_STDIO")
#pragma pop_macro("STBIW_MALLOC")
#pragma pop_macro("STBIW_REALLOC")
#pragma pop_macro("STBIW_REALLOC_SIZED")
#pragma pop_macro("STBIW_FREE")
#pragma pop_macro("STBIW_MEMMOVE")
#pragma pop_macro("STBIW_ASSERT")
#pragma pop_macro("STBIW_ZLIB_COMPRESS")
#pragma pop_macro("STBIW_CRC32")
#pragma pop_macro("STBIW_WINDOWS_UTF8")
#pragma pop_macro("STBIW_UCHAR")
#pragma pop_macro("stbiw__ZHASH")
#pragma pop_macro("stbiw__max")
#pragma pop_macro("stbiw__sbcount")
#pragma pop_macro("stbiw__sbfree")
#pragma pop_macro("stbiw__sbgrow")
#pragma pop_macro("stbiw__sbm")
#pragma pop_macro("stbiw__sbmaybegrow")
#pragma pop_macro("stbiw__sbn")
#pragma pop_macro("stbiw__sbneedgrow")
#pragma pop_macro("stbiw__sbpush")
#pragma pop_macro("stbiw__sbraw")
#pragma pop_macro("stbiw__wp32")
#pragma pop_macro("stbiw__wpng4")
#pragma pop_macro("stbiw__wptag")
#pragma pop_macro("stbiw__zlib_add")
#pragma pop_macro("stbiw__zlib_flush")
#pragma pop_macro("stbiw__zlib_huff")
#pragma pop_macro("stbiw__zlib_huff1")
#pragma pop_macro("stbiw__zlib_huff2")
#pragma pop_macro("stbiw__zlib_huff3")
#pragma pop_macro("stbiw__zlib_huff4")
#pragma pop_macro("stbiw__zlib_huffa")
#pragma pop_macro("stbiw__zlib_huffb")
// clang-format on
#endif

namespace ffr {
inline namespace v0_1 {

namespace detail {

[[noreturn]] inline void fail_not_an_image(const std::string& name, const std::string& reason) {
    throw FormatError(name +
                      ": isn't an image in a format that ffr reads (JPEG, PNG, BMP, GIF, TGA, PSD, PNM): " + reason);
}

[[noreturn]] inline void fail_damaged(const std::string& name, const std::string& reason) {
    throw FormatError(name + ": the image is damaged: " + reason);
}

[[noreturn]] inline void fail_cut_off(const std::string& name, std::size_t size) {
    throw FormatError(name + ": the file is cut off: its image goes on after the last of " + std::to_string(size) +
                      " bytes");
}

inline bool starts_with(const std::uint8_t* bytes, std::size_t size, const char* magic, std::size_t magic_size) {
    return size >= magic_size && std::memcmp(bytes, magic, magic_size) == 0;
}

inline void check_dimensions(std::int64_t width, std::int64_t height, const std::string& name,
                             std::int64_t max_pixels) {
    if (width < 1 || height < 1) fail_damaged(name, "it has no pixels");
    if (width > max_pixels / height) {
        throw FormatError(name + ": has " + std::to_string(width) + " x " + std::to_string(height) +
                          " pixels, more than the limit of " + std::to_string(max_pixels));
    }
}

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

Image decode_with_stb(const std::uint8_t* bytes, std::size_t size, const std::string& name, std::int64_t max_pixels);
void encode_png_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded);
void encode_jpeg_with_stb(ImageView packed, int quality, std::vector<std::uint8_t>& encoded);
void encode_bmp_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded);

#else

/// A file in memory, read by stb through callbacks and not directly so that reading on after the end is noticed: stb
/// itself takes zeros from there, and for some formats leaves pixels unset.
struct StbSource {
    const std::uint8_t* bytes;
    std::size_t size;
    std::size_t position = 0;
    char* block = nullptr;  // stb's own read-ahead buffer: where its first read goes
    bool ran_out = false;

    static int read(void* user, char* to, int wanted) {
        StbSource& source = *static_cast<StbSource*>(user);
        if (source.block == nullptr) source.block = to;
        const std::size_t left = source.size - source.position;
        const std::size_t count = left < static_cast<std::size_t>(wanted) ? left : static_cast<std::size_t>(wanted);
        std::memcpy(to, source.bytes + source.position, count);
        source.position += count;
        // Reading ahead may fall short as long as there's something; a read into the image itself may not.
        if (count == 0 || (to != source.block && count < static_cast<std::size_t>(wanted))) source.ran_out = true;
        return static_cast<int>(count);
    }
    static void skip(void* user, int count) {
        StbSource& source = *static_cast<StbSource*>(user);
        const std::size_t left = source.size - source.position;
        source.position += left < static_cast<std::size_t>(count) ? left : static_cast<std::size_t>(count);
    }
    static int eof(void* user) {
        const StbSource& source = *static_cast<StbSource*>(user);
        return source.position >= source.size ? 1 : 0;
    }
};

/// stb's pixels as an Image: 2 and 4 channels lose the last one.
inline Image image_from_stb(const std::uint8_t* pixels, int width, int height, int channels) {
    Image image(width, height, channels <= 2 ? 1 : 3);
    const auto from_channels = static_cast<std::size_t>(channels);
    const auto to_channels = static_cast<std::size_t>(image.channels());
    if (from_channels == to_channels) {
        std::memcpy(image.pixels().data(), pixels, image.pixels().size());
        return image;
    }
    std::uint8_t* to = image.pixels().data();
    std::uint8_t* const end = to + image.pixels().size();
    for (; to != end; to += to_channels, pixels += from_channels) {
        for (std::size_t c = 0; c < to_channels; ++c) to[c] = pixels[c];
    }
    return image;
}

/// The largest piece of memory that stb needs: twice a file, since it collects PNG's data in memory that it doubles; what's
/// unpacked of them, 16-bit RGBA and half of it unused; or a plane of a progressive JPEG, in blocks of up to 32 x 32.
inline std::size_t decoding_allowance(std::size_t file_size, std::int64_t width, std::int64_t height) {
    const double bytes = 65536 + 2.0 * static_cast<double>(file_size) +
                         16.0 * static_cast<double>(width) * static_cast<double>(height) +
                         2.0 * static_cast<double>(width + 64) * static_cast<double>(height + 64);
    constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max() / 2;
    return bytes < static_cast<double>(kMost) ? static_cast<std::size_t>(bytes) : kMost;
}

/// One function from stb's calls to its reasons, see stb.hpp. \throws std::bad_alloc, too, when memory runs out
inline Image decode_in_memory(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                              std::int64_t max_pixels) {
    StbMemory memory;
    int width = 0, height = 0, channels = 0;
    if (stb::stbi_info_from_memory(bytes, static_cast<int>(size), &width, &height, &channels) == 0) {
        const bool known = starts_with(bytes, size, "\xFF\xD8\xFF", 3) ||
                           starts_with(bytes, size, "\x89PNG\r\n\x1A\n", 8) || starts_with(bytes, size, "GIF8", 4) ||
                           starts_with(bytes, size, "8BPS", 4);
        if (known) fail_damaged(name, "its header is cut off, damaged or of a kind that isn't read");
        fail_not_an_image(name, stb::stbi_failure_reason());
    }
    // A BMP whose first row is the top one has a negative height.
    const std::int64_t rows = height < 0 ? -std::int64_t{height} : height;
    check_dimensions(width, rows, name, max_pixels);

    memory.limit(decoding_allowance(size, width, rows));
    StbSource source{bytes, size};
    const stb::stbi_io_callbacks callbacks{&StbSource::read, &StbSource::skip, &StbSource::eof};
    const stb::stbi_uc* const pixels =
        stb::stbi_load_from_callbacks(&callbacks, &source, &width, &height, &channels, 0);
    if (source.ran_out) fail_cut_off(name, size);
    if (pixels == nullptr) {
        const std::string reason = stb::stbi_failure_reason();
        if (reason == "outofmem") throw std::bad_alloc();  // a size that overflowed
        fail_damaged(name, reason == "bad png sig" ? "no picture in it" : reason);
    }
    return image_from_stb(pixels, width, height, channels);
}

/// JPEG, PNG, BMP, GIF, TGA, PSD.
FFR_COMPILED_INLINE Image decode_with_stb(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                                          std::int64_t max_pixels) {
    try {
        return decode_in_memory(bytes, size, name, max_pixels);
    } catch (const StbMemory::BeyondLimit&) {
        fail_damaged(name, "its data claim more memory than an image of its size takes");
    } catch (const std::bad_alloc&) {
        throw Error(name + ": there isn't enough memory to decode the image");
    }
}

inline void append_encoded(void* user, void* data, int size) {
    auto& encoded = *static_cast<std::vector<std::uint8_t>*>(user);
    const auto* const first = static_cast<const std::uint8_t*>(data);
    encoded.insert(encoded.end(), first, first + size);
}

/// The encoders take pixels without gaps between rows.
FFR_COMPILED_INLINE void encode_png_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded) {
    const StbMemory memory;
    stb::stbi_write_png_to_func(append_encoded, &encoded, packed.width, packed.height, packed.channels, packed.pixels,
                                packed.width * packed.channels);
}

FFR_COMPILED_INLINE void encode_jpeg_with_stb(ImageView packed, int quality, std::vector<std::uint8_t>& encoded) {
    const StbMemory memory;
    stb::stbi_write_jpg_to_func(append_encoded, &encoded, packed.width, packed.height, packed.channels, packed.pixels,
                                quality);
}

FFR_COMPILED_INLINE void encode_bmp_with_stb(ImageView packed, std::vector<std::uint8_t>& encoded) {
    const StbMemory memory;
    stb::stbi_write_bmp_to_func(append_encoded, &encoded, packed.width, packed.height, packed.channels, packed.pixels);
}

#endif

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

// ---- ffr/image/formats/gif.hpp
/// \file
/// The first picture of a GIF file, as far as it tells how long decoding takes.
///
///     "GIF89a" width height flags.. | colours | 21 extension | 2C place flags | colours | LZW: blocks of bytes | 3B
///
/// LZW's codes stand for runs of pixels, and a code may be a run of 4096. Decoders unpack all of them, also when the picture
/// is full: a megabyte can keep one busy for ten seconds over a single pixel.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Bytes from a place on; behind the end there are zeros.
class GifBytes {
  public:
    GifBytes(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

    bool at_end() const { return position_ >= size_; }
    unsigned byte() { return at_end() ? 0u : bytes_[position_++]; }
    unsigned word() {
        const unsigned low = byte();
        return low | byte() << 8;
    }
    void skip(std::size_t count) { position_ += count < size_ - position_ ? count : size_ - position_; }
    void skip_colours(unsigned flags) {
        if ((flags & 0x80) != 0) skip(std::size_t{3} << ((flags & 7) + 1));
    }
    void skip_blocks() {
        for (unsigned length = byte(); length != 0; length = byte()) skip(length);
    }

  private:
    const std::uint8_t* bytes_;
    std::size_t size_, position_ = 0;
};

/// The codes of a picture, one by one, out of its blocks.
class GifCodes {
  public:
    explicit GifCodes(GifBytes& bytes) : bytes_(bytes) {}

    /// The next code of that many bits; -1 behind the last.
    int next(int bits) {
        for (; count_ < bits; count_ += 8) {
            if (left_ == 0) left_ = bytes_.byte();
            if (left_ == 0) return -1;
            --left_;
            held_ |= bytes_.byte() << count_;
        }
        const unsigned code = held_ & ((1u << bits) - 1);
        held_ >>= bits;
        count_ -= bits;
        return static_cast<int>(code);
    }

  private:
    GifBytes& bytes_;
    unsigned left_ = 0, held_ = 0;  // bytes of the block, bits of the next codes
    int count_ = 0;                 // of those bits
};

/// How many pixels the codes stand for; stops counting above `most`, and where they aren't LZW any more.
inline std::uint64_t unpacked_pixels(GifBytes& bytes, std::uint64_t most) {
    constexpr int kMostBits = 12, kTable = 8192;
    const int literal_bits = static_cast<int>(bytes.byte());
    if (literal_bits > kMostBits) return 0;
    const int clear = 1 << literal_bits;
    std::array<std::uint16_t, kTable> length;
    length.fill(1);
    std::uint64_t pixels = 0;
    int bits = literal_bits + 1, known = clear + 2, last = -1;
    GifCodes codes(bytes);
    for (int code = codes.next(bits); code >= 0 && code != clear + 1 && pixels <= most; code = codes.next(bits)) {
        if (code == clear) {
            bits = literal_bits + 1, known = clear + 2, last = -1;
            continue;
        }
        if (code > known || (code == known && last < 0) || known == kTable) break;
        if (last >= 0) {
            length[static_cast<std::size_t>(known)] =
                static_cast<std::uint16_t>(length[static_cast<std::size_t>(last)] + 1);
            ++known;
        }
        pixels += length[static_cast<std::size_t>(code)];
        if ((known & ((1 << bits) - 1)) == 0 && known < 1 << kMostBits) ++bits;
        last = code;
    }
    return pixels;
}

/// What's wrong with a GIF that would keep a decoder busy; empty when nothing is, or when it's none.
inline std::string gif_defect(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t kSpare = 65536;
    constexpr unsigned kExtension = 0x21, kPicture = 0x2C;
    GifBytes bytes(data, size);
    if (size < 13 || data[0] != 'G' || data[1] != 'I' || data[2] != 'F') return "";
    bytes.skip(10);
    const unsigned flags = bytes.byte();
    bytes.skip(2);
    bytes.skip_colours(flags);
    unsigned tag = bytes.byte();
    for (; tag == kExtension && !bytes.at_end(); tag = bytes.byte()) {
        bytes.skip(1);
        bytes.skip_blocks();
    }
    if (tag != kPicture) return "";
    bytes.skip(4);
    const std::uint64_t width = bytes.word(), pixels = width * bytes.word();
    bytes.skip_colours(bytes.byte());
    const std::uint64_t most = 2 * pixels + kSpare;
    return unpacked_pixels(bytes, most) > most ? "it unpacks to more pixels than it has" : "";
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {

/// How files are read.
struct ReadOptions {
    bool apply_exif = true;                 ///< turn the image upright by its Exif orientation (JPEG)
    std::int64_t max_pixels = 200'000'000;  ///< refuse larger images, by their headers, before any memory is taken
};

namespace detail {

/// Bytes of an image file: stb counts them in int.
constexpr std::size_t kMaxImageFile = INT_MAX;

/// The three numbers of a PNM header, blanks and comments between them.
class PnmHeader {
  public:
    PnmHeader(const std::uint8_t* bytes, std::size_t size, const std::string& name)
        : bytes_(bytes), size_(size), name_(name) {
        width = next_number();
        height = next_number();
        maximum = next_number();
        if (maximum < 1 || maximum > 65535) fail_damaged(name, "its maximum isn't 1 to 65535");
        if (position_ == size_) fail_cut_off(name, size);
        if (!is_blank(bytes_[position_])) fail_damaged(name, "its header doesn't end with a blank");
        data_offset = position_ + 1;
    }

    std::int64_t width = 0, height = 0, maximum = 0;
    std::size_t data_offset = 0;

  private:
    static bool is_blank(std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }
    static bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }

    std::int64_t next_number() {
        while (position_ < size_ && (is_blank(bytes_[position_]) || bytes_[position_] == '#')) {
            if (bytes_[position_++] != '#') continue;
            while (position_ < size_ && bytes_[position_] != '\n' && bytes_[position_] != '\r') ++position_;
        }
        if (position_ == size_) fail_cut_off(name_, size_);
        if (!is_digit(bytes_[position_])) fail_damaged(name_, "its header has something else where a number should be");
        std::int64_t value = 0;
        for (; position_ < size_ && is_digit(bytes_[position_]); ++position_) {
            value = value * 10 + (bytes_[position_] - '0');
            if (value > INT_MAX) fail_damaged(name_, "a number in its header is too large");
        }
        return value;
    }

    const std::uint8_t* bytes_;
    std::size_t size_;
    const std::string& name_;
    std::size_t position_ = 2;
};

/// Binary PGM (P5) and PPM (P6), 8 and 16 bits, any maximum. stb ignores the maximum and takes 16 bits for the wrong
/// order.
inline Image decode_pnm(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                        const ReadOptions& options) {
    const PnmHeader header(bytes, size, name);
    check_dimensions(header.width, header.height, name, options.max_pixels);
    const int channels = bytes[1] == '6' ? 3 : 1;
    const std::size_t bytes_each = header.maximum > 255 ? 2 : 1;
    const std::uint8_t* from = bytes + header.data_offset;
    const auto values = static_cast<std::uint64_t>(header.width * header.height) * static_cast<std::uint64_t>(channels);
    if (values > (size - header.data_offset) / bytes_each) fail_cut_off(name, size);

    Image image(static_cast<int>(header.width), static_cast<int>(header.height), channels);
    const auto maximum = static_cast<std::uint32_t>(header.maximum);
    for (std::uint8_t& pixel : image.pixels()) {
        const std::uint32_t value = bytes_each == 2 ? static_cast<std::uint32_t>(from[0] << 8 | from[1]) : from[0];
        from += bytes_each;
        if (value > maximum) fail_damaged(name, "a pixel is above the maximum that its header names");
        pixel = static_cast<std::uint8_t>(maximum == 65535 ? value >> 8 : (value * 255 + maximum / 2) / maximum);
    }
    return image;
}

/// Decodes by the kind of file, as stored.
inline Image decode_stored(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                           const ReadOptions& options) {
    if (size == 0) throw FormatError(name + ": the file is empty");
    if (size > kMaxImageFile) throw FormatError(name + too_large_text(size, kMaxImageFile));
    if (starts_with(bytes, size, "#?RADIANCE", 10) || starts_with(bytes, size, "#?RGBE", 6)) {
        fail_not_an_image(name, "floating point (HDR) images aren't read");
    }
    // Apple's variant of PNG has other channels first and other compression; stb would exchange red and blue.
    if (size >= 16 && starts_with(bytes, size, "\x89PNG", 4) && std::memcmp(bytes + 12, "CgBI", 4) == 0) {
        fail_not_an_image(name, "Apple's CgBI variant of PNG isn't read");
    }
    const std::string jpeg_wrong = jpeg_defect(bytes, size), gif_wrong = gif_defect(bytes, size);
    if (!jpeg_wrong.empty()) fail_damaged(name, jpeg_wrong);
    if (!gif_wrong.empty()) fail_damaged(name, gif_wrong);
    if (starts_with(bytes, size, "P5", 2) || starts_with(bytes, size, "P6", 2)) {
        return decode_pnm(bytes, size, name, options);
    }
    return decode_with_stb(bytes, size, name, options.max_pixels);
}

/// stb's writers take signed 32-bit sizes for whole images and their compressed form, which may be larger.
constexpr std::int64_t kMaxWrittenBytes = 900'000'000;

/// Encodes with a function encode(packed, result), which takes pixels without gaps between rows.
template <typename Encode>
std::vector<std::uint8_t> encode_with(ImageView image, const Encode& encode) {
    require_pixels(image);
    const std::int64_t row_bytes = std::int64_t{image.width} * image.channels;
    if (row_bytes > kMaxWrittenBytes / image.height) {
        throw InvalidArgument("an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                              " pixels is too large to be written");
    }
    std::vector<std::uint8_t> packed;
    if (image.stride != row_bytes) {
        for (int y = 0; y < image.height; ++y) packed.insert(packed.end(), image.row(y), image.row(y) + row_bytes);
        image.pixels = packed.data();
        image.stride = row_bytes;
    }
    return with_default_floats([&] {
        std::vector<std::uint8_t> encoded;
        encode(image, encoded);
        return encoded;
    });
}

}  // namespace detail

/// Decodes an image file's bytes.
///
/// \param bytes    the whole content of a file; bytes after the end of the image are ignored
/// \param size     number of bytes, at most 2^31 - 1
/// \param name     stands for the path in messages
/// \param options  see ReadOptions
/// \returns 1 or 3 channels, at least 1 x 1 pixel; conversions as the top of this file lists them
/// \throws FormatError when it's empty, cut off, damaged, of another format or has more pixels than options allow;
/// Error or std::bad_alloc when memory runs out. Thread-safe.
inline Image decode_image(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                          const ReadOptions& options = {}) {
    Image image = detail::with_default_floats([&] { return detail::decode_stored(bytes, size, name, options); });
    return options.apply_exif ? apply_orientation(std::move(image), exif_orientation(bytes, size)) : image;
}

/// Reads an image file.
/// \returns as decode_image does. \throws FileError naming the file when it can't be read, else as decode_image does
inline Image read_image(const std::filesystem::path& path, const ReadOptions& options = {}) {
    const std::vector<std::uint8_t> bytes = detail::read_file(path, detail::kMaxImageFile);
    return decode_image(bytes.data(), bytes.size(), detail::path_text(path), options);
}

/// An image as a PNG file, the pixels exactly.
/// \param image  gray or RGB, at least 1 x 1 pixel, at most 900 million bytes of pixels
/// \throws InvalidArgument for other images
inline std::vector<std::uint8_t> encode_png(ImageView image) {
    return detail::encode_with(image, detail::encode_png_with_stb);
}

/// An image as a JPEG file: baseline, quality 92, colours in full resolution. Gray is stored as RGB.
/// \param image  gray or RGB, at most 65535 pixels a side and 900 million bytes. \throws InvalidArgument for other
/// images
inline std::vector<std::uint8_t> encode_jpeg(ImageView image) {
    constexpr int kQuality = 92, kMaxSide = 65535;
    if (image.width > kMaxSide || image.height > kMaxSide) {
        throw InvalidArgument("a JPEG has at most 65535 pixels a side, not " + std::to_string(image.width) + " x " +
                              std::to_string(image.height));
    }
    return detail::encode_with(image, [](ImageView packed, std::vector<std::uint8_t>& encoded) {
        detail::encode_jpeg_with_stb(packed, kQuality, encoded);
    });
}

/// An image as a BMP file: 24 bits a pixel, gray as RGB.
/// \param image  gray or RGB, at most 900 million bytes of pixels. \throws InvalidArgument for other images
inline std::vector<std::uint8_t> encode_bmp(ImageView image) {
    return detail::encode_with(image, detail::encode_bmp_with_stb);
}

/// Writes an image file in the format that the extension names: .png, .jpg, .jpeg or .bmp, in any case of letters.
///
/// The file appears whole or not at all. \throws InvalidArgument for another extension or an image that the format
/// can't hold (see encode_png, encode_jpeg, encode_bmp), FileError naming the file when it can't be written
inline void write_image(const std::filesystem::path& path, ImageView image) {
    detail::with_default_floats([&] {
        std::string extension = detail::path_text(path.extension());
        for (char& letter : extension) {
            if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
        }
        std::vector<std::uint8_t> bytes;
        if (extension == ".png") {
            bytes = encode_png(image);
        } else if (extension == ".jpg" || extension == ".jpeg") {
            bytes = encode_jpeg(image);
        } else if (extension == ".bmp") {
            bytes = encode_bmp(image);
        } else {
            throw InvalidArgument(detail::path_text(path) +
                                  ": an image is written as .png, .jpg, .jpeg or .bmp, not as '" + extension + "'");
        }
        detail::write_file(path, bytes.data(), bytes.size(), detail::kSharedMode, detail::Durability::in_system);
    });
}

}  // namespace v0_1
}  // namespace ffr
#endif

// ---- ffr/image/planes.hpp
/// \file
/// An image with its channels apart: what the detector works on. A CPU's registers hold 16 or more bytes beside each
/// other and calculate with all of them at once; with the channels apart, neighbours in a register are neighbours in
/// the picture. Loops that work so are called kernels here; they're in kernels/, and may be read later.
///
///     image h x w x 3             planes 3 x h x w
///
///     RGBRGBRGB...  ->  RRR...   one plane after the other,
///                       GGG...   a plane row by row without gaps
///                       BBB...

#include <algorithm>
#include <cstddef>
#include <cstdint>


// ---- ffr/kernels/exact.hpp
/// \file
/// Kernels of the stages before the network, whose every product and sum is rounded on its own: wider registers give
/// the same bits. They're chosen when the program runs, as simd.hpp's are. Fused multiply-add (a * b + c with one
/// rounding for both) stays switched off, also where the including program is compiled for a CPU that has it.
///
///     two rows of bytes --blend_row--> a resized row of bytes                                          resize.inl
///     three rows of bytes --orient, cast_votes, ...--> 18 bins a cell --normalise--> 31 a cell         hog.inl
///     rows of a plane --filter_strip--> added to the scores, one a cell                                filter.inl
///
/// The plain versions, to be read first, are in resize.hpp, hog_cells.hpp and sliding_filter.hpp.

#include <cmath>
#include <cstddef>
#include <cstdint>


// ---- ffr/kernels/dispatch.hpp
/// \file
/// Which of the SIMD paths this machine has, and which is taken. A path is a kind of registers: SSE2's and NEON's hold
/// 4 floats, AVX2's 8, AVX-512's 16; "scalar" is plain C++.
///
///     compiled in:  scalar  sse2 or neon  avx2  avx512  -->  what the CPU has  -->  FFR_SIMD, or else the best one

#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>


// Which paths this build has; elsewhere than with g++ or clang++, plain loops are all there is.
#if defined(__GNUC__) && defined(__SSE2__)
#define FFR_SSE2_KERNELS
#include <emmintrin.h>
#elif defined(__wasm_simd128__)
// WebAssembly's registers are like SSE2's. emscripten has SSE2's functions for them, but only for -msse2.
#define FFR_SSE2_KERNELS
#define __SSE__
#define __SSE2__
#include <emmintrin.h>
#undef __SSE2__
#undef __SSE__
#endif
// g++ for Windows takes the stack to be aligned for AVX, which it isn't there, and the program crashes (GCC's bug 54412).
// FFR_WINDOWS_AVX is for those who have its moves made unaligned: see docs/macros.md.
#if defined(__GNUC__) && defined(__x86_64__) && (defined(__clang__) || !defined(_WIN32) || defined(FFR_WINDOWS_AVX))
#define FFR_AVX_KERNELS
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__GNUC__) && defined(__aarch64__)
#define FFR_NEON_KERNELS
#include <arm_neon.h>
#endif

// The kernels' innermost loops have to become straight code, or else their sums live in memory; g++ does that at -O3 only.
#if defined(__clang__)
#define FFR_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define FFR_UNROLL _Pragma("GCC unroll 16")
#else
#define FFR_UNROLL
#endif

// What's between these two is compiled for a CPU that has the features named.
#define FFR_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define FFR_TARGET_BEGIN(features) \
    FFR_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define FFR_TARGET_END FFR_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define FFR_TARGET_BEGIN(features) FFR_PRAGMA(GCC push_options) FFR_PRAGMA(GCC target(features))
#define FFR_TARGET_END FFR_PRAGMA(GCC pop_options)
#endif

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Asks for memory that will be read soon. The address may be any.
inline void prefetch(const void* address) {
#if defined(__GNUC__)
    __builtin_prefetch(address);
#else
    static_cast<void>(address);
#endif
}

/// The ways in which kernels are compiled, slowest first. A path that this build doesn't have is never chosen.
enum class SimdPath { scalar, sse2, neon, avx2, avx512 };

/// "scalar", "sse2", "neon", "avx2" or "avx512".
inline const char* simd_name(SimdPath path) {
    constexpr const char* kNames[] = {"scalar", "sse2", "neon", "avx2", "avx512"};
    return kNames[static_cast<int>(path)];
}

/// True when this build has the path and the machine can run it.
inline bool has_simd(SimdPath path) {
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx512) return __builtin_cpu_supports("avx512f");
    if (path == SimdPath::avx2) {
        // Compilers don't all know F16C's name here: it's leaf 1, ECX bit 29.
        unsigned a = 0, b = 0, c = 0, d = 0;
        const bool widens = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c >> 29 & 1) != 0;
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && widens;
    }
#endif
#if defined(FFR_SSE2_KERNELS)
    if (path == SimdPath::sse2) return true;
#elif defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon) return true;
#endif
    return path == SimdPath::scalar;
}

/// The path that's taken: the one that the environment's FFR_SIMD names or, where it's not set, the best one that the
/// machine has. Decided once, when it's first asked for.
/// \throws InvalidArgument when FFR_SIMD names something else than a path of this machine
inline SimdPath simd_path() {
    static const SimdPath chosen = [] {
        const char* const wanted = std::getenv("FFR_SIMD");
        SimdPath best = SimdPath::scalar;
        for (const SimdPath path :
             {SimdPath::scalar, SimdPath::sse2, SimdPath::neon, SimdPath::avx2, SimdPath::avx512}) {
            if (!has_simd(path)) continue;
            if (wanted != nullptr && std::strcmp(wanted, simd_name(path)) == 0) return path;
            best = path;
        }
        if (wanted != nullptr && *wanted != '\0') {
            throw InvalidArgument("FFR_SIMD is '" + std::string(wanted) + "', which isn't a path of this machine");
        }
        return best;
    }();
    return chosen;
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Where the columns of a resized row sample the input, eight columns within 15 pixels. All have whole sixteens of columns.
struct Samples {
    const std::int32_t* start;   // of each eight: the leftmost sample
    const std::uint8_t* offset;  // how far right of it a column's left neighbour is; the other one is the next pixel
    const float* fraction;       // how far the sample lies from left towards right
};

/// The pixels that a row's gradients are made of, for up to three channels.
struct PixelRows {
    const std::uint8_t* above[3];
    const std::uint8_t* here[3];
    const std::uint8_t* below[3];
};

/// How a vote is shared by four cells: (left, upper), (left, lower), (right, upper), (right, lower), where "upper" and
/// "lower" change places from one row of cells to the next.
struct VoteShares {
    float across[8][4];             // for each of eight pixels between the centres of two columns
    float left[8][4], right[8][4];  // the same with nothing for the other side
    float down[4];
};

/// For a row of cells: cuts and scales (see `blocks` in hog.inl) of the blocks to the lower right of each cell, the upper
/// right, the lower left and the upper left.
struct CellBlocks {
    const float* cut[4];
    const float* scale[4];
};

/// One term of a filter: ten weights along a row times ten down a column.
struct SeparableTaps {
    const float* row;
    const float* column;
};

/// Where in the first quadrant one direction begins to fit a gradient better than the one before: differences of the unit
/// vectors at 0, 20, 40, 60 and 80 degrees, times 10,000, which makes them whole.
constexpr float kSectorX[4] = {603, 1737, 2660, 3264}, kSectorY[4] = {3420, 3008, 2232, 1188};

/// Keeps flat blocks from dividing by zero.
constexpr float kBlockEpsilon = 0.0001f;
/// What a cell's texture is multiplied by.
constexpr float kTextureScale = static_cast<float>(2 * 0.2357);

/// The kernels of a path: see resize.inl, hog.inl and filter.inl.
struct ExactKernels {
    int strip;  // columns that filter_strip takes
    void (*split_row)(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue);
    void (*blend_row)(const std::uint8_t* top, const std::uint8_t* bottom, const Samples&, int first, int count,
                      float above, float below, bool round, std::uint8_t* out);
    void (*orient)(const PixelRows&, int channels, bool later_wins, int count, std::ptrdiff_t stride, float* length,
                   std::int32_t* place);
    void (*cast_votes)(const std::int32_t* place, const float* length, int end, const VoteShares&, float* cells);
    void (*take_cells)(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row);
    void (*energies)(const float* histograms, std::ptrdiff_t row, int count, float* energy);
    void (*blocks)(const float* energy, const float* energy_below, int count, float* cut, float* scale);
    void (*normalise)(const float* histograms, std::ptrdiff_t row, const CellBlocks&, int count, float* features,
                      std::ptrdiff_t plane);
    void (*filter_strip)(const SeparableTaps&, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores);
};

/// Most lanes that a register has on any path.
constexpr int kMostLanes = 16;

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

const ExactKernels& exact_kernels_of(SimdPath path);

#else

/// Parts 16 pixels' channels, one by one.
inline void split_pixels(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
    for (int x = 0; x < 16; ++x) {
        red[x] = pixels[3 * x];
        green[x] = pixels[3 * x + 1];
        blue[x] = pixels[3 * x + 2];
    }
}

namespace plain_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float;
    using Integers = std::int32_t;
    static constexpr int kLanes = 1;

    static Register load(const float* from) { return *from; }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { *to = value; }
    static Register broadcast(float value) { return value; }
    static Register minimum(Register a, Register b) { return a < b ? a : b; }
    static Register absolute(Register a) { return a < 0 ? -a : a; }
    static Register square_root(Register a) { return std::sqrt(a); }
    static Register flip_by_sign(Register a, Register sign) { return sign < 0 ? -a : a; }
    static Register choose_less(Register a, Register b, Register yes, Register no) { return a < b ? yes : no; }

    static Integers load_bytes(const std::uint8_t* from) { return *from; }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return row[samples.start[x / 8] + samples.offset[x]];
    }
    static void store_bytes(std::uint8_t* to, Integers value) { *to = static_cast<std::uint8_t>(value); }
    static void store_integers(std::int32_t* to, Integers value) { *to = value; }
    static Register to_float(Integers value) { return static_cast<float>(value); }
    static Register difference(Integers a, Integers b) { return static_cast<float>(a - b); }
    static Integers truncate(Register value) { return static_cast<std::int32_t>(value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        split_pixels(pixels, red, green, blue);
    }
    struct Four {
        float values[4];
    };
    static Four load_four(const float* from) { return {{from[0], from[1], from[2], from[3]}}; }
    static void add_vote(float* cells, const Four& across, const Four& down, float vote) {
        for (int i = 0; i < 4; ++i) cells[i] += down.values[i] * (across.values[i] * vote);
    }
};

constexpr int kStrip = 8;


// ---- ffr/kernels/filter.inl
// The sliding filter's kernel, one text for all CPUs (see exact.hpp). plain_score in sliding_filter.hpp is the same in
// plain loops.
//
//     a plane's strip --the row's ten taps--> filtered --the column's ten taps--> added to scores
//     rows x (kStrip + 9)                     rows x kStrip, between zeros        rows x kStrip

/// Ten values times ten taps, in the order of ten_taps (or ten_taps_in_order) in sliding_filter.hpp.
template <bool kInOrder>
inline typename Vector::Register ten_taps(const typename Vector::Register (&values)[10],
                                          const typename Vector::Register (&taps)[10]) {
    typename Vector::Register sums[3];
    FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
        const typename Vector::Register product = values[tap] * taps[tap];
        const int sum = kInOrder ? 0 : tap % 3;
        sums[sum] = tap < (kInOrder ? 1 : 3) ? product : sums[sum] + product;
    }
    return kInOrder ? sums[0] : sums[0] + (sums[1] + sums[2]);
}

template <bool kInOrder>
inline void filter_columns(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, float* filtered,
                           float* scores) {
    typename Vector::Register tap[10], values[10];
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.row[i]);
    for (int row = 0; row < rows; ++row) {
        Vector::load_ten(in + row * stride, values);
        Vector::store(filtered + (row + 4) * kStrip, ten_taps<kInOrder>(values, tap));
    }
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.column[i]);
    for (int row = 0; row < rows; ++row) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) values[i] = Vector::load(filtered + (row + i) * kStrip);
        float* const score = scores + row * kStrip;
        Vector::store(score, Vector::load(score) + ten_taps<kInOrder>(values, tap));
    }
}

/// Adds the response of a column times a row of taps to the scores of a strip of kStrip columns.
///
/// \param in  the strip's plane: `rows` rows, each of which starts 4 cells left of the strip; up to 16 more than it has
///            columns are read
/// \param in_order  whether its columns are the last ones mod 8 of their map, whose taps are added in order
/// \param filtered  room for rows + 9 rows of kStrip, the first 4 and the last 5 of them 0
/// \param scores  rows * kStrip floats
inline void filter_strip(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores) {
    for (int x = 0; x < kStrip; x += Vector::kLanes) {
        if (in_order) {
            filter_columns<true>(taps, in + x, stride, rows, filtered + x, scores + x);
        } else {
            filter_columns<false>(taps, in + x, stride, rows, filtered + x, scores + x);
        }
    }
}

// ---- ffr/kernels/hog.inl
// Kernels of the HOG features, one text for all CPUs (see exact.hpp). hog_cells.hpp has the plain version; each lane
// does what that does, in the same order. Counts of pixels and cells are rounded up to whole registers: what lies
// behind the last is read and written as well, whatever it is, so there has to be room.
//
//     three rows of bytes --orient--> a vote a pixel --cast_votes--> two rows of cells --take_cells--> 18 bins a cell
//     18 bins a cell --energies--> a number a cell --blocks--> cut and scale of each block --normalise--> 31 a cell

/// A row's gradients as votes: how long each is, and the place of its direction's bin, which is bin * stride.
///
/// Of a colour pixel's gradients the longest counts. All numbers up to the square root are whole and below 2^24, so that
/// float knows them exactly; so it does the places, since the stride is a multiple of 32.
template <int kChannels, bool kLaterWins>
inline void orient_row(const PixelRows& rows, int count, std::ptrdiff_t stride, float* length, std::int32_t* place) {
    using Register = typename Vector::Register;
    const Register zero = Vector::broadcast(0), half_turn = Vector::broadcast(9);
    for (int i = 0; i < count; i += Vector::kLanes) {
        Register x = zero, y = zero, square = Vector::broadcast(-1);
        FFR_UNROLL for (int c = 0; c < kChannels; ++c) {
            const std::uint8_t* const here = rows.here[c] + i;
            const Register cx = Vector::difference(Vector::load_bytes(here + 1), Vector::load_bytes(here - 1));
            const Register cy =
                Vector::difference(Vector::load_bytes(rows.below[c] + i), Vector::load_bytes(rows.above[c] + i));
            const Register other = cx * cx + cy * cy;
            if (kLaterWins) {
                x = Vector::choose_less(other, square, x, cx);
                y = Vector::choose_less(other, square, y, cy);
                square = Vector::choose_less(other, square, square, other);
            } else {
                x = Vector::choose_less(square, other, cx, x);
                y = Vector::choose_less(square, other, cy, y);
                square = Vector::choose_less(square, other, other, square);
            }
        }
        // Turned by half a turn if it points upwards, mirrored if it then points left, a gradient lies between 0 and 90
        // degrees. Direction k + 1 fits it better than k if x (dx[k] - dx[k + 1]) < y (dy[k + 1] - dy[k]).
        const Register turned_x = Vector::flip_by_sign(x, y);
        const Register right = Vector::absolute(x), down = Vector::absolute(y);
        Register bin = zero;
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            bin = Vector::choose_less(right * Vector::broadcast(kSectorX[k]), down * Vector::broadcast(kSectorY[k]),
                                      bin + Vector::broadcast(1), bin);
        }
        bin = Vector::choose_less(turned_x, zero, half_turn - bin, bin);
        bin = Vector::choose_less(y, zero, bin + half_turn, bin);
        bin = Vector::choose_less(bin, Vector::broadcast(18), bin, zero);
        Vector::store_integers(place + i, Vector::truncate(bin * Vector::broadcast(static_cast<float>(stride))));
        Vector::store(length + i, Vector::square_root(square));
    }
}

inline void orient(const PixelRows& rows, int channels, bool later_wins, int count, std::ptrdiff_t stride,
                   float* length, std::int32_t* place) {
    if (channels == 1) {
        orient_row<1, true>(rows, count, stride, length, place);
    } else if (later_wins) {
        orient_row<3, true>(rows, count, stride, length, place);
    } else {
        orient_row<3, false>(rows, count, stride, length, place);
    }
}

/// How much of a vote goes to the four cells around it, for eight pixels between two columns of cells.
struct Across {
    typename Vector::Four phases[8];

    explicit Across(const float (&shares)[8][4]) {
        FFR_UNROLL for (int phase = 0; phase < 8; ++phase) phases[phase] = Vector::load_four(shares[phase]);
    }
};

/// Adds the votes of eight pixels.
inline void cast_eight(const std::int32_t* place, const float* length, const Across& across, typename Vector::Four down,
                       float* cells) {
    FFR_UNROLL for (int phase = 0; phase < 8; ++phase) {
        Vector::add_vote(cells + place[phase], across.phases[phase], down, length[phase]);
    }
}

/// Adds the votes of pixels begin .. end - 1, one by one.
inline void cast_some(const std::int32_t* place, const float* length, int begin, int end, const VoteShares& shares,
                      float* cells) {
    const typename Vector::Four down = Vector::load_four(shares.down);
    for (int x = begin; x < end; ++x) {
        const typename Vector::Four across = Vector::load_four(shares.across[(x + 4) % 8]);
        Vector::add_vote(cells + (x + 4) / 8 * 2 + place[x], across, down, length[x]);
    }
}

/// Adds the votes of pixels 1 .. end - 1 of a row to the cells around them.
///
/// A vote can't be added before the one for the same bin that came before it, which often is the pixel to the left. So
/// that the CPU needn't wait, the row's two halves are done together. Only the cells on the border of the two could tell:
/// the first eight pixels of the second half vote for those at their right first, and for those at their left when the
/// first half is done.
/// \param cells  for each bin: of each column of cells, from the one left of the image on, the histograms of two rows of
///               cells beside each other. So the four cells around a pixel are four floats in a row.
/// \param shares  how much of a vote goes to each of these four by the pixel's column, of eight columns, and by its row
inline void cast_votes(const std::int32_t* place, const float* length, int end, const VoteShares& shares,
                       float* cells) {
    constexpr int kFirst = 4;  // the pixel behind the centre of the first column of cells
    const int eights = end > kFirst ? (end - kFirst) / 8 : 0, half = eights / 2;
    const Across across(shares.across);
    const typename Vector::Four down = Vector::load_four(shares.down);
    const std::int32_t* const places = place + kFirst;
    const float* const lengths = length + kFirst;
    float* const first = cells + 2;  // of the first eight: one column further for each

    cast_some(place, length, 1, end < kFirst ? end : kFirst, shares, cells);
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.right), down, first + 2 * half);
    for (int i = 0; i < half; ++i) {
        const int k = half + 1 + i;
        cast_eight(places + 8 * i, lengths + 8 * i, across, down, first + 2 * i);
        if (k < eights) cast_eight(places + 8 * k, lengths + 8 * k, across, down, first + 2 * k);
    }
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.left), down, first + 2 * half);
    cast_some(place, length, kFirst + 8 * eights, end, shares, cells);
}

/// Takes one of the two rows of cells out, and leaves zeros in its place.
inline void take_cells(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row) {
    for (int bin = 0; bin < 18; ++bin) {
        float* const from = cells + bin * stride;
        float* const to = histograms + bin * row;
        for (int x = 0; x < count; ++x) {
            to[x] = from[2 * x];
            from[2 * x] = 0;
        }
    }
}

/// Energies of a row of cells: the squared lengths of their histograms over unsigned directions.
inline void energies(const float* histograms, std::ptrdiff_t row, int count, float* energy) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register sum = Vector::broadcast(0);
        FFR_UNROLL for (int o = 0; o < 9; ++o) {
            const Register both = Vector::load(histograms + o * row + x) + Vector::load(histograms + (o + 9) * row + x);
            sum = sum + both * both;
        }
        Vector::store(energy + x, sum);
    }
}

/// Where a row of blocks of 2 x 2 cells cuts values off, and what it divides them by.
inline void blocks(const float* energy, const float* energy_below, int count, float* cut, float* scale) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        const Register above = Vector::load(energy + x) + Vector::load(energy + x + 1);
        const Register all = (above + Vector::load(energy_below + x)) + Vector::load(energy_below + x + 1);
        const Register most = Vector::broadcast(0.2f) * Vector::square_root(all + Vector::broadcast(kBlockEpsilon));
        Vector::store(cut + x, most);
        Vector::store(scale + x, Vector::broadcast(0.1f) / most);
    }
}

/// The 31 features of a row of cells.
///
/// \param histograms  of the row's first cell
/// \param around  the four blocks that the first cell belongs to
/// \param features  of the first cell in plane 0; the others are `plane` floats away from each other
inline void normalise(const float* histograms, std::ptrdiff_t row, const CellBlocks& around, int count, float* features,
                      std::ptrdiff_t plane) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register cut[4], scale[4], texture[4], part[4];
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            cut[k] = Vector::load(around.cut[k] + x);
            scale[k] = Vector::load(around.scale[k] + x);
            texture[k] = Vector::broadcast(0);
            part[k] = Vector::broadcast(0);
        }
        const float* const histogram = histograms + x;
        float* const out = features + x;
        for (int o = 0; o < 18; o += 3) {
            FFR_UNROLL for (int i = 0; i < 3; ++i) {
                const Register value = Vector::load(histogram + (o + i) * row);
                Register share[4];
                FFR_UNROLL for (int k = 0; k < 4; ++k) {
                    share[k] = Vector::minimum(value, cut[k]) * scale[k];
                    part[k] = i == 0 ? share[k] : part[k] + share[k];
                }
                Vector::store(out + (o + i) * plane, (share[0] + share[1]) + (share[2] + share[3]));
            }
            FFR_UNROLL for (int k = 0; k < 4; ++k) texture[k] = texture[k] + part[k];
        }
        for (int o = 0; o < 9; ++o) {
            const Register value = Vector::load(histogram + o * row) + Vector::load(histogram + (o + 9) * row);
            Register share[4];
            FFR_UNROLL for (int k = 0; k < 4; ++k) share[k] = Vector::minimum(value, cut[k]) * scale[k];
            Vector::store(out + (18 + o) * plane, (share[0] + share[1]) + (share[2] + share[3]));
        }
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            Vector::store(out + (27 + k) * plane, texture[k] * Vector::broadcast(kTextureScale));
        }
    }
}

// ---- ffr/kernels/resize.inl
// Kernels of the pyramid, one text for all CPUs (see exact.hpp). blend_plain in resize.hpp is the plain version.

/// Parts pixels' channels: 3 * count interleaved bytes into three rows of bytes.
inline void split_row(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue) {
    int x = 0;
    for (; x + 16 <= count; x += 16, pixels += 48) Vector::split(pixels, red + x, green + x, blue + x);
    for (; x < count; ++x, pixels += 3) {
        red[x] = pixels[0];
        green[x] = pixels[1];
        blue[x] = pixels[2];
    }
}

/// Output columns first .. first + count - 1 of a resized row, in the order of blend_plain in resize.hpp; `count` is a
/// multiple of 16.
/// \param top, bottom  the two input rows; 17 bytes from each eight's first sample on are read
/// \param above, below  their weights
inline void blend_row(const std::uint8_t* top, const std::uint8_t* bottom, const Samples& samples, int first, int count,
                      float above, float below, bool round, std::uint8_t* out) {
    using Register = typename Vector::Register;
    for (int x = first; x < first + count; x += Vector::kLanes) {
        const Register right = Vector::load(samples.fraction + x), left = Vector::broadcast(1.0f) - right;
        const Register upper = Vector::broadcast(above), lower = Vector::broadcast(below);
        Register value = (upper * left) * Vector::to_float(Vector::pick(top, samples, x));
        value = value + (upper * right) * Vector::to_float(Vector::pick(top + 1, samples, x));
        value = value + (lower * left) * Vector::to_float(Vector::pick(bottom, samples, x));
        value = value + (lower * right) * Vector::to_float(Vector::pick(bottom + 1, samples, x));
        typename Vector::Integers whole = Vector::truncate(value);
        if (round) {
            const Register floor = Vector::to_float(whole);
            const Register up = floor + Vector::broadcast(1.0f);
            whole = Vector::truncate(Vector::choose_less(value - floor, Vector::broadcast(0.5f), floor, up));
        }
        Vector::store_bytes(out + (x - first), whole);
    }
}
//

// ---- ffr/kernels/exact_table.inl
// This CPU's kernels as one value (see exact.hpp).

inline constexpr ExactKernels kExactKernels{kStrip,     split_row, blend_row, orient,    cast_votes,
                                            take_cells, energies,  blocks,    normalise, filter_strip};

FFR_EXACT_FLOAT_END

}  // namespace plain_exact

#if defined(FFR_SSE2_KERNELS)

namespace sse2_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m128;
    using Integers = __m128i;
    static constexpr int kLanes = 4;

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register minimum(Register a, Register b) { return _mm_min_ps(a, b); }
    static Register absolute(Register a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
    static Register square_root(Register a) { return _mm_sqrt_ps(a); }
    static Register flip_by_sign(Register a, Register sign) {
        return _mm_xor_ps(a, _mm_and_ps(_mm_set1_ps(-0.0f), sign));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        const __m128 less = _mm_cmplt_ps(a, b);
        return _mm_or_ps(_mm_and_ps(less, yes), _mm_andnot_ps(less, no));
    }

    static Integers load_bytes(const std::uint8_t* from) { return _mm_setr_epi32(from[0], from[1], from[2], from[3]); }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        const std::uint8_t* const from = row + samples.start[x / 8];
        const std::uint8_t* const at = samples.offset + x;
        return _mm_setr_epi32(from[at[0]], from[at[1]], from[at[2]], from[at[3]]);
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        const __m128i words = _mm_packs_epi32(value, value);
        const int bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
        for (int i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(bytes >> (8 * i));
    }
    static void store_integers(std::int32_t* to, Integers value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
    }
    static Register to_float(Integers value) { return _mm_cvtepi32_ps(value); }
    static Register difference(Integers a, Integers b) { return _mm_cvtepi32_ps(_mm_sub_epi32(a, b)); }
    /// As the compiler does it: emscripten's _mm_cvttps_epi32 goes lane by lane.
    static Integers truncate(Register value) {
        typedef std::int32_t Lanes __attribute__((vector_size(16)));
        return reinterpret_cast<Integers>(__builtin_convertvector(value, Lanes));
    }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        split_pixels(pixels, red, green, blue);
    }
    using Four = __m128;
    static Four load_four(const float* from) { return _mm_loadu_ps(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        _mm_storeu_ps(cells, _mm_add_ps(_mm_loadu_ps(cells), _mm_mul_ps(down, _mm_mul_ps(across, _mm_set1_ps(vote)))));
    }
};

constexpr int kStrip = 8;


// ---- ffr/kernels/filter.inl
// The sliding filter's kernel, one text for all CPUs (see exact.hpp). plain_score in sliding_filter.hpp is the same in
// plain loops.
//
//     a plane's strip --the row's ten taps--> filtered --the column's ten taps--> added to scores
//     rows x (kStrip + 9)                     rows x kStrip, between zeros        rows x kStrip

/// Ten values times ten taps, in the order of ten_taps (or ten_taps_in_order) in sliding_filter.hpp.
template <bool kInOrder>
inline typename Vector::Register ten_taps(const typename Vector::Register (&values)[10],
                                          const typename Vector::Register (&taps)[10]) {
    typename Vector::Register sums[3];
    FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
        const typename Vector::Register product = values[tap] * taps[tap];
        const int sum = kInOrder ? 0 : tap % 3;
        sums[sum] = tap < (kInOrder ? 1 : 3) ? product : sums[sum] + product;
    }
    return kInOrder ? sums[0] : sums[0] + (sums[1] + sums[2]);
}

template <bool kInOrder>
inline void filter_columns(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, float* filtered,
                           float* scores) {
    typename Vector::Register tap[10], values[10];
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.row[i]);
    for (int row = 0; row < rows; ++row) {
        Vector::load_ten(in + row * stride, values);
        Vector::store(filtered + (row + 4) * kStrip, ten_taps<kInOrder>(values, tap));
    }
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.column[i]);
    for (int row = 0; row < rows; ++row) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) values[i] = Vector::load(filtered + (row + i) * kStrip);
        float* const score = scores + row * kStrip;
        Vector::store(score, Vector::load(score) + ten_taps<kInOrder>(values, tap));
    }
}

/// Adds the response of a column times a row of taps to the scores of a strip of kStrip columns.
///
/// \param in  the strip's plane: `rows` rows, each of which starts 4 cells left of the strip; up to 16 more than it has
///            columns are read
/// \param in_order  whether its columns are the last ones mod 8 of their map, whose taps are added in order
/// \param filtered  room for rows + 9 rows of kStrip, the first 4 and the last 5 of them 0
/// \param scores  rows * kStrip floats
inline void filter_strip(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores) {
    for (int x = 0; x < kStrip; x += Vector::kLanes) {
        if (in_order) {
            filter_columns<true>(taps, in + x, stride, rows, filtered + x, scores + x);
        } else {
            filter_columns<false>(taps, in + x, stride, rows, filtered + x, scores + x);
        }
    }
}

// ---- ffr/kernels/hog.inl
// Kernels of the HOG features, one text for all CPUs (see exact.hpp). hog_cells.hpp has the plain version; each lane
// does what that does, in the same order. Counts of pixels and cells are rounded up to whole registers: what lies
// behind the last is read and written as well, whatever it is, so there has to be room.
//
//     three rows of bytes --orient--> a vote a pixel --cast_votes--> two rows of cells --take_cells--> 18 bins a cell
//     18 bins a cell --energies--> a number a cell --blocks--> cut and scale of each block --normalise--> 31 a cell

/// A row's gradients as votes: how long each is, and the place of its direction's bin, which is bin * stride.
///
/// Of a colour pixel's gradients the longest counts. All numbers up to the square root are whole and below 2^24, so that
/// float knows them exactly; so it does the places, since the stride is a multiple of 32.
template <int kChannels, bool kLaterWins>
inline void orient_row(const PixelRows& rows, int count, std::ptrdiff_t stride, float* length, std::int32_t* place) {
    using Register = typename Vector::Register;
    const Register zero = Vector::broadcast(0), half_turn = Vector::broadcast(9);
    for (int i = 0; i < count; i += Vector::kLanes) {
        Register x = zero, y = zero, square = Vector::broadcast(-1);
        FFR_UNROLL for (int c = 0; c < kChannels; ++c) {
            const std::uint8_t* const here = rows.here[c] + i;
            const Register cx = Vector::difference(Vector::load_bytes(here + 1), Vector::load_bytes(here - 1));
            const Register cy =
                Vector::difference(Vector::load_bytes(rows.below[c] + i), Vector::load_bytes(rows.above[c] + i));
            const Register other = cx * cx + cy * cy;
            if (kLaterWins) {
                x = Vector::choose_less(other, square, x, cx);
                y = Vector::choose_less(other, square, y, cy);
                square = Vector::choose_less(other, square, square, other);
            } else {
                x = Vector::choose_less(square, other, cx, x);
                y = Vector::choose_less(square, other, cy, y);
                square = Vector::choose_less(square, other, other, square);
            }
        }
        // Turned by half a turn if it points upwards, mirrored if it then points left, a gradient lies between 0 and 90
        // degrees. Direction k + 1 fits it better than k if x (dx[k] - dx[k + 1]) < y (dy[k + 1] - dy[k]).
        const Register turned_x = Vector::flip_by_sign(x, y);
        const Register right = Vector::absolute(x), down = Vector::absolute(y);
        Register bin = zero;
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            bin = Vector::choose_less(right * Vector::broadcast(kSectorX[k]), down * Vector::broadcast(kSectorY[k]),
                                      bin + Vector::broadcast(1), bin);
        }
        bin = Vector::choose_less(turned_x, zero, half_turn - bin, bin);
        bin = Vector::choose_less(y, zero, bin + half_turn, bin);
        bin = Vector::choose_less(bin, Vector::broadcast(18), bin, zero);
        Vector::store_integers(place + i, Vector::truncate(bin * Vector::broadcast(static_cast<float>(stride))));
        Vector::store(length + i, Vector::square_root(square));
    }
}

inline void orient(const PixelRows& rows, int channels, bool later_wins, int count, std::ptrdiff_t stride,
                   float* length, std::int32_t* place) {
    if (channels == 1) {
        orient_row<1, true>(rows, count, stride, length, place);
    } else if (later_wins) {
        orient_row<3, true>(rows, count, stride, length, place);
    } else {
        orient_row<3, false>(rows, count, stride, length, place);
    }
}

/// How much of a vote goes to the four cells around it, for eight pixels between two columns of cells.
struct Across {
    typename Vector::Four phases[8];

    explicit Across(const float (&shares)[8][4]) {
        FFR_UNROLL for (int phase = 0; phase < 8; ++phase) phases[phase] = Vector::load_four(shares[phase]);
    }
};

/// Adds the votes of eight pixels.
inline void cast_eight(const std::int32_t* place, const float* length, const Across& across, typename Vector::Four down,
                       float* cells) {
    FFR_UNROLL for (int phase = 0; phase < 8; ++phase) {
        Vector::add_vote(cells + place[phase], across.phases[phase], down, length[phase]);
    }
}

/// Adds the votes of pixels begin .. end - 1, one by one.
inline void cast_some(const std::int32_t* place, const float* length, int begin, int end, const VoteShares& shares,
                      float* cells) {
    const typename Vector::Four down = Vector::load_four(shares.down);
    for (int x = begin; x < end; ++x) {
        const typename Vector::Four across = Vector::load_four(shares.across[(x + 4) % 8]);
        Vector::add_vote(cells + (x + 4) / 8 * 2 + place[x], across, down, length[x]);
    }
}

/// Adds the votes of pixels 1 .. end - 1 of a row to the cells around them.
///
/// A vote can't be added before the one for the same bin that came before it, which often is the pixel to the left. So
/// that the CPU needn't wait, the row's two halves are done together. Only the cells on the border of the two could tell:
/// the first eight pixels of the second half vote for those at their right first, and for those at their left when the
/// first half is done.
/// \param cells  for each bin: of each column of cells, from the one left of the image on, the histograms of two rows of
///               cells beside each other. So the four cells around a pixel are four floats in a row.
/// \param shares  how much of a vote goes to each of these four by the pixel's column, of eight columns, and by its row
inline void cast_votes(const std::int32_t* place, const float* length, int end, const VoteShares& shares,
                       float* cells) {
    constexpr int kFirst = 4;  // the pixel behind the centre of the first column of cells
    const int eights = end > kFirst ? (end - kFirst) / 8 : 0, half = eights / 2;
    const Across across(shares.across);
    const typename Vector::Four down = Vector::load_four(shares.down);
    const std::int32_t* const places = place + kFirst;
    const float* const lengths = length + kFirst;
    float* const first = cells + 2;  // of the first eight: one column further for each

    cast_some(place, length, 1, end < kFirst ? end : kFirst, shares, cells);
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.right), down, first + 2 * half);
    for (int i = 0; i < half; ++i) {
        const int k = half + 1 + i;
        cast_eight(places + 8 * i, lengths + 8 * i, across, down, first + 2 * i);
        if (k < eights) cast_eight(places + 8 * k, lengths + 8 * k, across, down, first + 2 * k);
    }
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.left), down, first + 2 * half);
    cast_some(place, length, kFirst + 8 * eights, end, shares, cells);
}

/// Takes one of the two rows of cells out, and leaves zeros in its place.
inline void take_cells(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row) {
    for (int bin = 0; bin < 18; ++bin) {
        float* const from = cells + bin * stride;
        float* const to = histograms + bin * row;
        for (int x = 0; x < count; ++x) {
            to[x] = from[2 * x];
            from[2 * x] = 0;
        }
    }
}

/// Energies of a row of cells: the squared lengths of their histograms over unsigned directions.
inline void energies(const float* histograms, std::ptrdiff_t row, int count, float* energy) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register sum = Vector::broadcast(0);
        FFR_UNROLL for (int o = 0; o < 9; ++o) {
            const Register both = Vector::load(histograms + o * row + x) + Vector::load(histograms + (o + 9) * row + x);
            sum = sum + both * both;
        }
        Vector::store(energy + x, sum);
    }
}

/// Where a row of blocks of 2 x 2 cells cuts values off, and what it divides them by.
inline void blocks(const float* energy, const float* energy_below, int count, float* cut, float* scale) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        const Register above = Vector::load(energy + x) + Vector::load(energy + x + 1);
        const Register all = (above + Vector::load(energy_below + x)) + Vector::load(energy_below + x + 1);
        const Register most = Vector::broadcast(0.2f) * Vector::square_root(all + Vector::broadcast(kBlockEpsilon));
        Vector::store(cut + x, most);
        Vector::store(scale + x, Vector::broadcast(0.1f) / most);
    }
}

/// The 31 features of a row of cells.
///
/// \param histograms  of the row's first cell
/// \param around  the four blocks that the first cell belongs to
/// \param features  of the first cell in plane 0; the others are `plane` floats away from each other
inline void normalise(const float* histograms, std::ptrdiff_t row, const CellBlocks& around, int count, float* features,
                      std::ptrdiff_t plane) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register cut[4], scale[4], texture[4], part[4];
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            cut[k] = Vector::load(around.cut[k] + x);
            scale[k] = Vector::load(around.scale[k] + x);
            texture[k] = Vector::broadcast(0);
            part[k] = Vector::broadcast(0);
        }
        const float* const histogram = histograms + x;
        float* const out = features + x;
        for (int o = 0; o < 18; o += 3) {
            FFR_UNROLL for (int i = 0; i < 3; ++i) {
                const Register value = Vector::load(histogram + (o + i) * row);
                Register share[4];
                FFR_UNROLL for (int k = 0; k < 4; ++k) {
                    share[k] = Vector::minimum(value, cut[k]) * scale[k];
                    part[k] = i == 0 ? share[k] : part[k] + share[k];
                }
                Vector::store(out + (o + i) * plane, (share[0] + share[1]) + (share[2] + share[3]));
            }
            FFR_UNROLL for (int k = 0; k < 4; ++k) texture[k] = texture[k] + part[k];
        }
        for (int o = 0; o < 9; ++o) {
            const Register value = Vector::load(histogram + o * row) + Vector::load(histogram + (o + 9) * row);
            Register share[4];
            FFR_UNROLL for (int k = 0; k < 4; ++k) share[k] = Vector::minimum(value, cut[k]) * scale[k];
            Vector::store(out + (18 + o) * plane, (share[0] + share[1]) + (share[2] + share[3]));
        }
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            Vector::store(out + (27 + k) * plane, texture[k] * Vector::broadcast(kTextureScale));
        }
    }
}

// ---- ffr/kernels/resize.inl
// Kernels of the pyramid, one text for all CPUs (see exact.hpp). blend_plain in resize.hpp is the plain version.

/// Parts pixels' channels: 3 * count interleaved bytes into three rows of bytes.
inline void split_row(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue) {
    int x = 0;
    for (; x + 16 <= count; x += 16, pixels += 48) Vector::split(pixels, red + x, green + x, blue + x);
    for (; x < count; ++x, pixels += 3) {
        red[x] = pixels[0];
        green[x] = pixels[1];
        blue[x] = pixels[2];
    }
}

/// Output columns first .. first + count - 1 of a resized row, in the order of blend_plain in resize.hpp; `count` is a
/// multiple of 16.
/// \param top, bottom  the two input rows; 17 bytes from each eight's first sample on are read
/// \param above, below  their weights
inline void blend_row(const std::uint8_t* top, const std::uint8_t* bottom, const Samples& samples, int first, int count,
                      float above, float below, bool round, std::uint8_t* out) {
    using Register = typename Vector::Register;
    for (int x = first; x < first + count; x += Vector::kLanes) {
        const Register right = Vector::load(samples.fraction + x), left = Vector::broadcast(1.0f) - right;
        const Register upper = Vector::broadcast(above), lower = Vector::broadcast(below);
        Register value = (upper * left) * Vector::to_float(Vector::pick(top, samples, x));
        value = value + (upper * right) * Vector::to_float(Vector::pick(top + 1, samples, x));
        value = value + (lower * left) * Vector::to_float(Vector::pick(bottom, samples, x));
        value = value + (lower * right) * Vector::to_float(Vector::pick(bottom + 1, samples, x));
        typename Vector::Integers whole = Vector::truncate(value);
        if (round) {
            const Register floor = Vector::to_float(whole);
            const Register up = floor + Vector::broadcast(1.0f);
            whole = Vector::truncate(Vector::choose_less(value - floor, Vector::broadcast(0.5f), floor, up));
        }
        Vector::store_bytes(out + (x - first), whole);
    }
}
//

// ---- ffr/kernels/exact_table.inl
// This CPU's kernels as one value (see exact.hpp).

inline constexpr ExactKernels kExactKernels{kStrip,     split_row, blend_row, orient,    cast_votes,
                                            take_cells, energies,  blocks,    normalise, filter_strip};

FFR_EXACT_FLOAT_END

}  // namespace sse2_exact

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_exact {

FFR_EXACT_FLOAT_BEGIN

/// Eight bytes out of the 16 at `row`, for each of eight columns.
inline __m128i pick_eight(const std::uint8_t* row, const Samples& samples, int x) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + samples.start[x / 8]));
    return _mm_shuffle_epi8(bytes, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(samples.offset + x)));
}

/// Bytes first, first + 3, ... of 48.
inline __m128i every_third(const std::uint8_t* bytes, int first) {
    __m128i all = _mm_setzero_si128();
    for (int part = 0; part < 3; ++part) {
        // A place of 128 and more gives 0.
        const __m128i steps = _mm_setr_epi8(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45);
        const __m128i place = _mm_add_epi8(steps, _mm_set1_epi8(static_cast<char>(first - 16 * part)));
        const __m128i outside = _mm_cmpgt_epi8(place, _mm_set1_epi8(15));
        const __m128i from = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * part));
        all = _mm_or_si128(all, _mm_shuffle_epi8(from, _mm_or_si128(place, outside)));
    }
    return all;
}

inline void split_sixteen(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(red), every_third(pixels, 0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(green), every_third(pixels, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(blue), every_third(pixels, 2));
}

struct Vector {
    using Register = __m256;
    using Integers = __m256i;
    static constexpr int kLanes = 8;

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register minimum(Register a, Register b) { return _mm256_min_ps(a, b); }
    static Register absolute(Register a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    static Register square_root(Register a) { return _mm256_sqrt_ps(a); }
    static Register flip_by_sign(Register a, Register sign) {
        return _mm256_xor_ps(a, _mm256_and_ps(_mm256_set1_ps(-0.0f), sign));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
    }

    static Integers load_bytes(const std::uint8_t* from) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
    }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return _mm256_cvtepu8_epi32(pick_eight(row, samples, x));
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
    }
    static void store_integers(std::int32_t* to, Integers value) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
    }
    static Register to_float(Integers value) { return _mm256_cvtepi32_ps(value); }
    static Register difference(Integers a, Integers b) { return _mm256_cvtepi32_ps(_mm256_sub_epi32(a, b)); }
    static Integers truncate(Register value) { return _mm256_cvttps_epi32(value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        split_sixteen(pixels, red, green, blue);
    }
    using Four = __m128;
    static Four load_four(const float* from) { return _mm_loadu_ps(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        sse2_exact::Vector::add_vote(cells, across, down, vote);
    }
};

constexpr int kStrip = 8;


// ---- ffr/kernels/filter.inl
// The sliding filter's kernel, one text for all CPUs (see exact.hpp). plain_score in sliding_filter.hpp is the same in
// plain loops.
//
//     a plane's strip --the row's ten taps--> filtered --the column's ten taps--> added to scores
//     rows x (kStrip + 9)                     rows x kStrip, between zeros        rows x kStrip

/// Ten values times ten taps, in the order of ten_taps (or ten_taps_in_order) in sliding_filter.hpp.
template <bool kInOrder>
inline typename Vector::Register ten_taps(const typename Vector::Register (&values)[10],
                                          const typename Vector::Register (&taps)[10]) {
    typename Vector::Register sums[3];
    FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
        const typename Vector::Register product = values[tap] * taps[tap];
        const int sum = kInOrder ? 0 : tap % 3;
        sums[sum] = tap < (kInOrder ? 1 : 3) ? product : sums[sum] + product;
    }
    return kInOrder ? sums[0] : sums[0] + (sums[1] + sums[2]);
}

template <bool kInOrder>
inline void filter_columns(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, float* filtered,
                           float* scores) {
    typename Vector::Register tap[10], values[10];
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.row[i]);
    for (int row = 0; row < rows; ++row) {
        Vector::load_ten(in + row * stride, values);
        Vector::store(filtered + (row + 4) * kStrip, ten_taps<kInOrder>(values, tap));
    }
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.column[i]);
    for (int row = 0; row < rows; ++row) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) values[i] = Vector::load(filtered + (row + i) * kStrip);
        float* const score = scores + row * kStrip;
        Vector::store(score, Vector::load(score) + ten_taps<kInOrder>(values, tap));
    }
}

/// Adds the response of a column times a row of taps to the scores of a strip of kStrip columns.
///
/// \param in  the strip's plane: `rows` rows, each of which starts 4 cells left of the strip; up to 16 more than it has
///            columns are read
/// \param in_order  whether its columns are the last ones mod 8 of their map, whose taps are added in order
/// \param filtered  room for rows + 9 rows of kStrip, the first 4 and the last 5 of them 0
/// \param scores  rows * kStrip floats
inline void filter_strip(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores) {
    for (int x = 0; x < kStrip; x += Vector::kLanes) {
        if (in_order) {
            filter_columns<true>(taps, in + x, stride, rows, filtered + x, scores + x);
        } else {
            filter_columns<false>(taps, in + x, stride, rows, filtered + x, scores + x);
        }
    }
}

// ---- ffr/kernels/hog.inl
// Kernels of the HOG features, one text for all CPUs (see exact.hpp). hog_cells.hpp has the plain version; each lane
// does what that does, in the same order. Counts of pixels and cells are rounded up to whole registers: what lies
// behind the last is read and written as well, whatever it is, so there has to be room.
//
//     three rows of bytes --orient--> a vote a pixel --cast_votes--> two rows of cells --take_cells--> 18 bins a cell
//     18 bins a cell --energies--> a number a cell --blocks--> cut and scale of each block --normalise--> 31 a cell

/// A row's gradients as votes: how long each is, and the place of its direction's bin, which is bin * stride.
///
/// Of a colour pixel's gradients the longest counts. All numbers up to the square root are whole and below 2^24, so that
/// float knows them exactly; so it does the places, since the stride is a multiple of 32.
template <int kChannels, bool kLaterWins>
inline void orient_row(const PixelRows& rows, int count, std::ptrdiff_t stride, float* length, std::int32_t* place) {
    using Register = typename Vector::Register;
    const Register zero = Vector::broadcast(0), half_turn = Vector::broadcast(9);
    for (int i = 0; i < count; i += Vector::kLanes) {
        Register x = zero, y = zero, square = Vector::broadcast(-1);
        FFR_UNROLL for (int c = 0; c < kChannels; ++c) {
            const std::uint8_t* const here = rows.here[c] + i;
            const Register cx = Vector::difference(Vector::load_bytes(here + 1), Vector::load_bytes(here - 1));
            const Register cy =
                Vector::difference(Vector::load_bytes(rows.below[c] + i), Vector::load_bytes(rows.above[c] + i));
            const Register other = cx * cx + cy * cy;
            if (kLaterWins) {
                x = Vector::choose_less(other, square, x, cx);
                y = Vector::choose_less(other, square, y, cy);
                square = Vector::choose_less(other, square, square, other);
            } else {
                x = Vector::choose_less(square, other, cx, x);
                y = Vector::choose_less(square, other, cy, y);
                square = Vector::choose_less(square, other, other, square);
            }
        }
        // Turned by half a turn if it points upwards, mirrored if it then points left, a gradient lies between 0 and 90
        // degrees. Direction k + 1 fits it better than k if x (dx[k] - dx[k + 1]) < y (dy[k + 1] - dy[k]).
        const Register turned_x = Vector::flip_by_sign(x, y);
        const Register right = Vector::absolute(x), down = Vector::absolute(y);
        Register bin = zero;
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            bin = Vector::choose_less(right * Vector::broadcast(kSectorX[k]), down * Vector::broadcast(kSectorY[k]),
                                      bin + Vector::broadcast(1), bin);
        }
        bin = Vector::choose_less(turned_x, zero, half_turn - bin, bin);
        bin = Vector::choose_less(y, zero, bin + half_turn, bin);
        bin = Vector::choose_less(bin, Vector::broadcast(18), bin, zero);
        Vector::store_integers(place + i, Vector::truncate(bin * Vector::broadcast(static_cast<float>(stride))));
        Vector::store(length + i, Vector::square_root(square));
    }
}

inline void orient(const PixelRows& rows, int channels, bool later_wins, int count, std::ptrdiff_t stride,
                   float* length, std::int32_t* place) {
    if (channels == 1) {
        orient_row<1, true>(rows, count, stride, length, place);
    } else if (later_wins) {
        orient_row<3, true>(rows, count, stride, length, place);
    } else {
        orient_row<3, false>(rows, count, stride, length, place);
    }
}

/// How much of a vote goes to the four cells around it, for eight pixels between two columns of cells.
struct Across {
    typename Vector::Four phases[8];

    explicit Across(const float (&shares)[8][4]) {
        FFR_UNROLL for (int phase = 0; phase < 8; ++phase) phases[phase] = Vector::load_four(shares[phase]);
    }
};

/// Adds the votes of eight pixels.
inline void cast_eight(const std::int32_t* place, const float* length, const Across& across, typename Vector::Four down,
                       float* cells) {
    FFR_UNROLL for (int phase = 0; phase < 8; ++phase) {
        Vector::add_vote(cells + place[phase], across.phases[phase], down, length[phase]);
    }
}

/// Adds the votes of pixels begin .. end - 1, one by one.
inline void cast_some(const std::int32_t* place, const float* length, int begin, int end, const VoteShares& shares,
                      float* cells) {
    const typename Vector::Four down = Vector::load_four(shares.down);
    for (int x = begin; x < end; ++x) {
        const typename Vector::Four across = Vector::load_four(shares.across[(x + 4) % 8]);
        Vector::add_vote(cells + (x + 4) / 8 * 2 + place[x], across, down, length[x]);
    }
}

/// Adds the votes of pixels 1 .. end - 1 of a row to the cells around them.
///
/// A vote can't be added before the one for the same bin that came before it, which often is the pixel to the left. So
/// that the CPU needn't wait, the row's two halves are done together. Only the cells on the border of the two could tell:
/// the first eight pixels of the second half vote for those at their right first, and for those at their left when the
/// first half is done.
/// \param cells  for each bin: of each column of cells, from the one left of the image on, the histograms of two rows of
///               cells beside each other. So the four cells around a pixel are four floats in a row.
/// \param shares  how much of a vote goes to each of these four by the pixel's column, of eight columns, and by its row
inline void cast_votes(const std::int32_t* place, const float* length, int end, const VoteShares& shares,
                       float* cells) {
    constexpr int kFirst = 4;  // the pixel behind the centre of the first column of cells
    const int eights = end > kFirst ? (end - kFirst) / 8 : 0, half = eights / 2;
    const Across across(shares.across);
    const typename Vector::Four down = Vector::load_four(shares.down);
    const std::int32_t* const places = place + kFirst;
    const float* const lengths = length + kFirst;
    float* const first = cells + 2;  // of the first eight: one column further for each

    cast_some(place, length, 1, end < kFirst ? end : kFirst, shares, cells);
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.right), down, first + 2 * half);
    for (int i = 0; i < half; ++i) {
        const int k = half + 1 + i;
        cast_eight(places + 8 * i, lengths + 8 * i, across, down, first + 2 * i);
        if (k < eights) cast_eight(places + 8 * k, lengths + 8 * k, across, down, first + 2 * k);
    }
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.left), down, first + 2 * half);
    cast_some(place, length, kFirst + 8 * eights, end, shares, cells);
}

/// Takes one of the two rows of cells out, and leaves zeros in its place.
inline void take_cells(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row) {
    for (int bin = 0; bin < 18; ++bin) {
        float* const from = cells + bin * stride;
        float* const to = histograms + bin * row;
        for (int x = 0; x < count; ++x) {
            to[x] = from[2 * x];
            from[2 * x] = 0;
        }
    }
}

/// Energies of a row of cells: the squared lengths of their histograms over unsigned directions.
inline void energies(const float* histograms, std::ptrdiff_t row, int count, float* energy) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register sum = Vector::broadcast(0);
        FFR_UNROLL for (int o = 0; o < 9; ++o) {
            const Register both = Vector::load(histograms + o * row + x) + Vector::load(histograms + (o + 9) * row + x);
            sum = sum + both * both;
        }
        Vector::store(energy + x, sum);
    }
}

/// Where a row of blocks of 2 x 2 cells cuts values off, and what it divides them by.
inline void blocks(const float* energy, const float* energy_below, int count, float* cut, float* scale) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        const Register above = Vector::load(energy + x) + Vector::load(energy + x + 1);
        const Register all = (above + Vector::load(energy_below + x)) + Vector::load(energy_below + x + 1);
        const Register most = Vector::broadcast(0.2f) * Vector::square_root(all + Vector::broadcast(kBlockEpsilon));
        Vector::store(cut + x, most);
        Vector::store(scale + x, Vector::broadcast(0.1f) / most);
    }
}

/// The 31 features of a row of cells.
///
/// \param histograms  of the row's first cell
/// \param around  the four blocks that the first cell belongs to
/// \param features  of the first cell in plane 0; the others are `plane` floats away from each other
inline void normalise(const float* histograms, std::ptrdiff_t row, const CellBlocks& around, int count, float* features,
                      std::ptrdiff_t plane) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register cut[4], scale[4], texture[4], part[4];
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            cut[k] = Vector::load(around.cut[k] + x);
            scale[k] = Vector::load(around.scale[k] + x);
            texture[k] = Vector::broadcast(0);
            part[k] = Vector::broadcast(0);
        }
        const float* const histogram = histograms + x;
        float* const out = features + x;
        for (int o = 0; o < 18; o += 3) {
            FFR_UNROLL for (int i = 0; i < 3; ++i) {
                const Register value = Vector::load(histogram + (o + i) * row);
                Register share[4];
                FFR_UNROLL for (int k = 0; k < 4; ++k) {
                    share[k] = Vector::minimum(value, cut[k]) * scale[k];
                    part[k] = i == 0 ? share[k] : part[k] + share[k];
                }
                Vector::store(out + (o + i) * plane, (share[0] + share[1]) + (share[2] + share[3]));
            }
            FFR_UNROLL for (int k = 0; k < 4; ++k) texture[k] = texture[k] + part[k];
        }
        for (int o = 0; o < 9; ++o) {
            const Register value = Vector::load(histogram + o * row) + Vector::load(histogram + (o + 9) * row);
            Register share[4];
            FFR_UNROLL for (int k = 0; k < 4; ++k) share[k] = Vector::minimum(value, cut[k]) * scale[k];
            Vector::store(out + (18 + o) * plane, (share[0] + share[1]) + (share[2] + share[3]));
        }
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            Vector::store(out + (27 + k) * plane, texture[k] * Vector::broadcast(kTextureScale));
        }
    }
}

// ---- ffr/kernels/resize.inl
// Kernels of the pyramid, one text for all CPUs (see exact.hpp). blend_plain in resize.hpp is the plain version.

/// Parts pixels' channels: 3 * count interleaved bytes into three rows of bytes.
inline void split_row(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue) {
    int x = 0;
    for (; x + 16 <= count; x += 16, pixels += 48) Vector::split(pixels, red + x, green + x, blue + x);
    for (; x < count; ++x, pixels += 3) {
        red[x] = pixels[0];
        green[x] = pixels[1];
        blue[x] = pixels[2];
    }
}

/// Output columns first .. first + count - 1 of a resized row, in the order of blend_plain in resize.hpp; `count` is a
/// multiple of 16.
/// \param top, bottom  the two input rows; 17 bytes from each eight's first sample on are read
/// \param above, below  their weights
inline void blend_row(const std::uint8_t* top, const std::uint8_t* bottom, const Samples& samples, int first, int count,
                      float above, float below, bool round, std::uint8_t* out) {
    using Register = typename Vector::Register;
    for (int x = first; x < first + count; x += Vector::kLanes) {
        const Register right = Vector::load(samples.fraction + x), left = Vector::broadcast(1.0f) - right;
        const Register upper = Vector::broadcast(above), lower = Vector::broadcast(below);
        Register value = (upper * left) * Vector::to_float(Vector::pick(top, samples, x));
        value = value + (upper * right) * Vector::to_float(Vector::pick(top + 1, samples, x));
        value = value + (lower * left) * Vector::to_float(Vector::pick(bottom, samples, x));
        value = value + (lower * right) * Vector::to_float(Vector::pick(bottom + 1, samples, x));
        typename Vector::Integers whole = Vector::truncate(value);
        if (round) {
            const Register floor = Vector::to_float(whole);
            const Register up = floor + Vector::broadcast(1.0f);
            whole = Vector::truncate(Vector::choose_less(value - floor, Vector::broadcast(0.5f), floor, up));
        }
        Vector::store_bytes(out + (x - first), whole);
    }
}
//

// ---- ffr/kernels/exact_table.inl
// This CPU's kernels as one value (see exact.hpp).

inline constexpr ExactKernels kExactKernels{kStrip,     split_row, blend_row, orient,    cast_votes,
                                            take_cells, energies,  blocks,    normalise, filter_strip};

FFR_EXACT_FLOAT_END

}  // namespace avx2_exact

FFR_TARGET_END
FFR_TARGET_BEGIN("avx2,avx512f")

namespace avx512_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m512;
    using Integers = __m512i;
    static constexpr int kLanes = 16;

    static Register load(const float* from) { return _mm512_loadu_ps(from); }
    /// At from, from + 1, ...: loads that cross a cache line cost two, shifting two that don't is cheaper.
    static void load_ten(const float* from, Register (&out)[10]) {
        const __m512i low = _mm512_loadu_si512(from), high = _mm512_loadu_si512(from + 16);
        out[0] = _mm512_castsi512_ps(low);
        out[1] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 1));
        out[2] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 2));
        out[3] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 3));
        out[4] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 4));
        out[5] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 5));
        out[6] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 6));
        out[7] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 7));
        out[8] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 8));
        out[9] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 9));
    }
    static void store(float* to, Register value) { _mm512_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm512_set1_ps(value); }
    static Register minimum(Register a, Register b) { return _mm512_maskz_min_ps(0xffff, a, b); }
    static Register absolute(Register a) { return _mm512_abs_ps(a); }
    static Register square_root(Register a) { return _mm512_maskz_sqrt_ps(0xffff, a); }
    static Register flip_by_sign(Register a, Register sign) {
        const __m512i bit = _mm512_and_si512(_mm512_castps_si512(sign), _mm512_set1_epi32(-2147483647 - 1));
        return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), bit));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
    }

    static Integers load_bytes(const std::uint8_t* from) {
        return _mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return _mm512_maskz_cvtepu8_epi32(0xffff, _mm_unpacklo_epi64(avx2_exact::pick_eight(row, samples, x),
                                                                     avx2_exact::pick_eight(row, samples, x + 8)));
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_maskz_cvtepi32_epi8(0xffff, value));
    }
    static void store_integers(std::int32_t* to, Integers value) { _mm512_storeu_si512(to, value); }
    static Register to_float(Integers value) { return _mm512_maskz_cvtepi32_ps(0xffff, value); }
    static Register difference(Integers a, Integers b) { return to_float(_mm512_sub_epi32(a, b)); }
    static Integers truncate(Register value) { return _mm512_maskz_cvttps_epi32(0xffff, value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        avx2_exact::split_sixteen(pixels, red, green, blue);
    }
    using Four = __m128;
    static Four load_four(const float* from) { return _mm_loadu_ps(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        sse2_exact::Vector::add_vote(cells, across, down, vote);
    }
};

constexpr int kStrip = 16;


// ---- ffr/kernels/filter.inl
// The sliding filter's kernel, one text for all CPUs (see exact.hpp). plain_score in sliding_filter.hpp is the same in
// plain loops.
//
//     a plane's strip --the row's ten taps--> filtered --the column's ten taps--> added to scores
//     rows x (kStrip + 9)                     rows x kStrip, between zeros        rows x kStrip

/// Ten values times ten taps, in the order of ten_taps (or ten_taps_in_order) in sliding_filter.hpp.
template <bool kInOrder>
inline typename Vector::Register ten_taps(const typename Vector::Register (&values)[10],
                                          const typename Vector::Register (&taps)[10]) {
    typename Vector::Register sums[3];
    FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
        const typename Vector::Register product = values[tap] * taps[tap];
        const int sum = kInOrder ? 0 : tap % 3;
        sums[sum] = tap < (kInOrder ? 1 : 3) ? product : sums[sum] + product;
    }
    return kInOrder ? sums[0] : sums[0] + (sums[1] + sums[2]);
}

template <bool kInOrder>
inline void filter_columns(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, float* filtered,
                           float* scores) {
    typename Vector::Register tap[10], values[10];
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.row[i]);
    for (int row = 0; row < rows; ++row) {
        Vector::load_ten(in + row * stride, values);
        Vector::store(filtered + (row + 4) * kStrip, ten_taps<kInOrder>(values, tap));
    }
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.column[i]);
    for (int row = 0; row < rows; ++row) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) values[i] = Vector::load(filtered + (row + i) * kStrip);
        float* const score = scores + row * kStrip;
        Vector::store(score, Vector::load(score) + ten_taps<kInOrder>(values, tap));
    }
}

/// Adds the response of a column times a row of taps to the scores of a strip of kStrip columns.
///
/// \param in  the strip's plane: `rows` rows, each of which starts 4 cells left of the strip; up to 16 more than it has
///            columns are read
/// \param in_order  whether its columns are the last ones mod 8 of their map, whose taps are added in order
/// \param filtered  room for rows + 9 rows of kStrip, the first 4 and the last 5 of them 0
/// \param scores  rows * kStrip floats
inline void filter_strip(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores) {
    for (int x = 0; x < kStrip; x += Vector::kLanes) {
        if (in_order) {
            filter_columns<true>(taps, in + x, stride, rows, filtered + x, scores + x);
        } else {
            filter_columns<false>(taps, in + x, stride, rows, filtered + x, scores + x);
        }
    }
}

// ---- ffr/kernels/hog.inl
// Kernels of the HOG features, one text for all CPUs (see exact.hpp). hog_cells.hpp has the plain version; each lane
// does what that does, in the same order. Counts of pixels and cells are rounded up to whole registers: what lies
// behind the last is read and written as well, whatever it is, so there has to be room.
//
//     three rows of bytes --orient--> a vote a pixel --cast_votes--> two rows of cells --take_cells--> 18 bins a cell
//     18 bins a cell --energies--> a number a cell --blocks--> cut and scale of each block --normalise--> 31 a cell

/// A row's gradients as votes: how long each is, and the place of its direction's bin, which is bin * stride.
///
/// Of a colour pixel's gradients the longest counts. All numbers up to the square root are whole and below 2^24, so that
/// float knows them exactly; so it does the places, since the stride is a multiple of 32.
template <int kChannels, bool kLaterWins>
inline void orient_row(const PixelRows& rows, int count, std::ptrdiff_t stride, float* length, std::int32_t* place) {
    using Register = typename Vector::Register;
    const Register zero = Vector::broadcast(0), half_turn = Vector::broadcast(9);
    for (int i = 0; i < count; i += Vector::kLanes) {
        Register x = zero, y = zero, square = Vector::broadcast(-1);
        FFR_UNROLL for (int c = 0; c < kChannels; ++c) {
            const std::uint8_t* const here = rows.here[c] + i;
            const Register cx = Vector::difference(Vector::load_bytes(here + 1), Vector::load_bytes(here - 1));
            const Register cy =
                Vector::difference(Vector::load_bytes(rows.below[c] + i), Vector::load_bytes(rows.above[c] + i));
            const Register other = cx * cx + cy * cy;
            if (kLaterWins) {
                x = Vector::choose_less(other, square, x, cx);
                y = Vector::choose_less(other, square, y, cy);
                square = Vector::choose_less(other, square, square, other);
            } else {
                x = Vector::choose_less(square, other, cx, x);
                y = Vector::choose_less(square, other, cy, y);
                square = Vector::choose_less(square, other, other, square);
            }
        }
        // Turned by half a turn if it points upwards, mirrored if it then points left, a gradient lies between 0 and 90
        // degrees. Direction k + 1 fits it better than k if x (dx[k] - dx[k + 1]) < y (dy[k + 1] - dy[k]).
        const Register turned_x = Vector::flip_by_sign(x, y);
        const Register right = Vector::absolute(x), down = Vector::absolute(y);
        Register bin = zero;
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            bin = Vector::choose_less(right * Vector::broadcast(kSectorX[k]), down * Vector::broadcast(kSectorY[k]),
                                      bin + Vector::broadcast(1), bin);
        }
        bin = Vector::choose_less(turned_x, zero, half_turn - bin, bin);
        bin = Vector::choose_less(y, zero, bin + half_turn, bin);
        bin = Vector::choose_less(bin, Vector::broadcast(18), bin, zero);
        Vector::store_integers(place + i, Vector::truncate(bin * Vector::broadcast(static_cast<float>(stride))));
        Vector::store(length + i, Vector::square_root(square));
    }
}

inline void orient(const PixelRows& rows, int channels, bool later_wins, int count, std::ptrdiff_t stride,
                   float* length, std::int32_t* place) {
    if (channels == 1) {
        orient_row<1, true>(rows, count, stride, length, place);
    } else if (later_wins) {
        orient_row<3, true>(rows, count, stride, length, place);
    } else {
        orient_row<3, false>(rows, count, stride, length, place);
    }
}

/// How much of a vote goes to the four cells around it, for eight pixels between two columns of cells.
struct Across {
    typename Vector::Four phases[8];

    explicit Across(const float (&shares)[8][4]) {
        FFR_UNROLL for (int phase = 0; phase < 8; ++phase) phases[phase] = Vector::load_four(shares[phase]);
    }
};

/// Adds the votes of eight pixels.
inline void cast_eight(const std::int32_t* place, const float* length, const Across& across, typename Vector::Four down,
                       float* cells) {
    FFR_UNROLL for (int phase = 0; phase < 8; ++phase) {
        Vector::add_vote(cells + place[phase], across.phases[phase], down, length[phase]);
    }
}

/// Adds the votes of pixels begin .. end - 1, one by one.
inline void cast_some(const std::int32_t* place, const float* length, int begin, int end, const VoteShares& shares,
                      float* cells) {
    const typename Vector::Four down = Vector::load_four(shares.down);
    for (int x = begin; x < end; ++x) {
        const typename Vector::Four across = Vector::load_four(shares.across[(x + 4) % 8]);
        Vector::add_vote(cells + (x + 4) / 8 * 2 + place[x], across, down, length[x]);
    }
}

/// Adds the votes of pixels 1 .. end - 1 of a row to the cells around them.
///
/// A vote can't be added before the one for the same bin that came before it, which often is the pixel to the left. So
/// that the CPU needn't wait, the row's two halves are done together. Only the cells on the border of the two could tell:
/// the first eight pixels of the second half vote for those at their right first, and for those at their left when the
/// first half is done.
/// \param cells  for each bin: of each column of cells, from the one left of the image on, the histograms of two rows of
///               cells beside each other. So the four cells around a pixel are four floats in a row.
/// \param shares  how much of a vote goes to each of these four by the pixel's column, of eight columns, and by its row
inline void cast_votes(const std::int32_t* place, const float* length, int end, const VoteShares& shares,
                       float* cells) {
    constexpr int kFirst = 4;  // the pixel behind the centre of the first column of cells
    const int eights = end > kFirst ? (end - kFirst) / 8 : 0, half = eights / 2;
    const Across across(shares.across);
    const typename Vector::Four down = Vector::load_four(shares.down);
    const std::int32_t* const places = place + kFirst;
    const float* const lengths = length + kFirst;
    float* const first = cells + 2;  // of the first eight: one column further for each

    cast_some(place, length, 1, end < kFirst ? end : kFirst, shares, cells);
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.right), down, first + 2 * half);
    for (int i = 0; i < half; ++i) {
        const int k = half + 1 + i;
        cast_eight(places + 8 * i, lengths + 8 * i, across, down, first + 2 * i);
        if (k < eights) cast_eight(places + 8 * k, lengths + 8 * k, across, down, first + 2 * k);
    }
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.left), down, first + 2 * half);
    cast_some(place, length, kFirst + 8 * eights, end, shares, cells);
}

/// Takes one of the two rows of cells out, and leaves zeros in its place.
inline void take_cells(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row) {
    for (int bin = 0; bin < 18; ++bin) {
        float* const from = cells + bin * stride;
        float* const to = histograms + bin * row;
        for (int x = 0; x < count; ++x) {
            to[x] = from[2 * x];
            from[2 * x] = 0;
        }
    }
}

/// Energies of a row of cells: the squared lengths of their histograms over unsigned directions.
inline void energies(const float* histograms, std::ptrdiff_t row, int count, float* energy) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register sum = Vector::broadcast(0);
        FFR_UNROLL for (int o = 0; o < 9; ++o) {
            const Register both = Vector::load(histograms + o * row + x) + Vector::load(histograms + (o + 9) * row + x);
            sum = sum + both * both;
        }
        Vector::store(energy + x, sum);
    }
}

/// Where a row of blocks of 2 x 2 cells cuts values off, and what it divides them by.
inline void blocks(const float* energy, const float* energy_below, int count, float* cut, float* scale) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        const Register above = Vector::load(energy + x) + Vector::load(energy + x + 1);
        const Register all = (above + Vector::load(energy_below + x)) + Vector::load(energy_below + x + 1);
        const Register most = Vector::broadcast(0.2f) * Vector::square_root(all + Vector::broadcast(kBlockEpsilon));
        Vector::store(cut + x, most);
        Vector::store(scale + x, Vector::broadcast(0.1f) / most);
    }
}

/// The 31 features of a row of cells.
///
/// \param histograms  of the row's first cell
/// \param around  the four blocks that the first cell belongs to
/// \param features  of the first cell in plane 0; the others are `plane` floats away from each other
inline void normalise(const float* histograms, std::ptrdiff_t row, const CellBlocks& around, int count, float* features,
                      std::ptrdiff_t plane) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register cut[4], scale[4], texture[4], part[4];
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            cut[k] = Vector::load(around.cut[k] + x);
            scale[k] = Vector::load(around.scale[k] + x);
            texture[k] = Vector::broadcast(0);
            part[k] = Vector::broadcast(0);
        }
        const float* const histogram = histograms + x;
        float* const out = features + x;
        for (int o = 0; o < 18; o += 3) {
            FFR_UNROLL for (int i = 0; i < 3; ++i) {
                const Register value = Vector::load(histogram + (o + i) * row);
                Register share[4];
                FFR_UNROLL for (int k = 0; k < 4; ++k) {
                    share[k] = Vector::minimum(value, cut[k]) * scale[k];
                    part[k] = i == 0 ? share[k] : part[k] + share[k];
                }
                Vector::store(out + (o + i) * plane, (share[0] + share[1]) + (share[2] + share[3]));
            }
            FFR_UNROLL for (int k = 0; k < 4; ++k) texture[k] = texture[k] + part[k];
        }
        for (int o = 0; o < 9; ++o) {
            const Register value = Vector::load(histogram + o * row) + Vector::load(histogram + (o + 9) * row);
            Register share[4];
            FFR_UNROLL for (int k = 0; k < 4; ++k) share[k] = Vector::minimum(value, cut[k]) * scale[k];
            Vector::store(out + (18 + o) * plane, (share[0] + share[1]) + (share[2] + share[3]));
        }
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            Vector::store(out + (27 + k) * plane, texture[k] * Vector::broadcast(kTextureScale));
        }
    }
}

// ---- ffr/kernels/resize.inl
// Kernels of the pyramid, one text for all CPUs (see exact.hpp). blend_plain in resize.hpp is the plain version.

/// Parts pixels' channels: 3 * count interleaved bytes into three rows of bytes.
inline void split_row(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue) {
    int x = 0;
    for (; x + 16 <= count; x += 16, pixels += 48) Vector::split(pixels, red + x, green + x, blue + x);
    for (; x < count; ++x, pixels += 3) {
        red[x] = pixels[0];
        green[x] = pixels[1];
        blue[x] = pixels[2];
    }
}

/// Output columns first .. first + count - 1 of a resized row, in the order of blend_plain in resize.hpp; `count` is a
/// multiple of 16.
/// \param top, bottom  the two input rows; 17 bytes from each eight's first sample on are read
/// \param above, below  their weights
inline void blend_row(const std::uint8_t* top, const std::uint8_t* bottom, const Samples& samples, int first, int count,
                      float above, float below, bool round, std::uint8_t* out) {
    using Register = typename Vector::Register;
    for (int x = first; x < first + count; x += Vector::kLanes) {
        const Register right = Vector::load(samples.fraction + x), left = Vector::broadcast(1.0f) - right;
        const Register upper = Vector::broadcast(above), lower = Vector::broadcast(below);
        Register value = (upper * left) * Vector::to_float(Vector::pick(top, samples, x));
        value = value + (upper * right) * Vector::to_float(Vector::pick(top + 1, samples, x));
        value = value + (lower * left) * Vector::to_float(Vector::pick(bottom, samples, x));
        value = value + (lower * right) * Vector::to_float(Vector::pick(bottom + 1, samples, x));
        typename Vector::Integers whole = Vector::truncate(value);
        if (round) {
            const Register floor = Vector::to_float(whole);
            const Register up = floor + Vector::broadcast(1.0f);
            whole = Vector::truncate(Vector::choose_less(value - floor, Vector::broadcast(0.5f), floor, up));
        }
        Vector::store_bytes(out + (x - first), whole);
    }
}
//

// ---- ffr/kernels/exact_table.inl
// This CPU's kernels as one value (see exact.hpp).

inline constexpr ExactKernels kExactKernels{kStrip,     split_row, blend_row, orient,    cast_votes,
                                            take_cells, energies,  blocks,    normalise, filter_strip};

FFR_EXACT_FLOAT_END

}  // namespace avx512_exact

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float32x4_t;
    using Integers = int32x4_t;
    static constexpr int kLanes = 4;

    static Register load(const float* from) { return vld1q_f32(from); }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register minimum(Register a, Register b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
    static Register absolute(Register a) { return vabsq_f32(a); }
    static Register square_root(Register a) { return vsqrtq_f32(a); }
    static Register flip_by_sign(Register a, Register sign) {
        const uint32x4_t bit = vandq_u32(vreinterpretq_u32_f32(sign), vdupq_n_u32(0x80000000u));
        return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), bit));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return vbslq_f32(vcltq_f32(a, b), yes, no);
    }

    static Integers widen(uint8x8_t bytes) { return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes)))); }
    static uint8x8_t four_bytes(const std::uint8_t* from) {
        return vcreate_u8(std::uint32_t{from[0]} | std::uint32_t{from[1]} << 8 | std::uint32_t{from[2]} << 16 |
                          std::uint32_t{from[3]} << 24);
    }
    static Integers load_bytes(const std::uint8_t* from) { return widen(four_bytes(from)); }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return widen(vqtbl1_u8(vld1q_u8(row + samples.start[x / 8]), four_bytes(samples.offset + x)));
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        const uint16x4_t words = vmovn_u32(vreinterpretq_u32_s32(value));
        std::uint8_t bytes[8];
        vst1_u8(bytes, vmovn_u16(vcombine_u16(words, words)));
        for (int i = 0; i < 4; ++i) to[i] = bytes[i];
    }
    static void store_integers(std::int32_t* to, Integers value) { vst1q_s32(to, value); }
    static Register to_float(Integers value) { return vcvtq_f32_s32(value); }
    static Register difference(Integers a, Integers b) { return vcvtq_f32_s32(vsubq_s32(a, b)); }
    static Integers truncate(Register value) { return vcvtq_s32_f32(value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        const uint8x16x3_t channels = vld3q_u8(pixels);
        vst1q_u8(red, channels.val[0]);
        vst1q_u8(green, channels.val[1]);
        vst1q_u8(blue, channels.val[2]);
    }
    using Four = float32x4_t;
    static Four load_four(const float* from) { return vld1q_f32(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        vst1q_f32(cells, vaddq_f32(vld1q_f32(cells), vmulq_f32(down, vmulq_f32(across, vdupq_n_f32(vote)))));
    }
};

constexpr int kStrip = 8;


// ---- ffr/kernels/filter.inl
// The sliding filter's kernel, one text for all CPUs (see exact.hpp). plain_score in sliding_filter.hpp is the same in
// plain loops.
//
//     a plane's strip --the row's ten taps--> filtered --the column's ten taps--> added to scores
//     rows x (kStrip + 9)                     rows x kStrip, between zeros        rows x kStrip

/// Ten values times ten taps, in the order of ten_taps (or ten_taps_in_order) in sliding_filter.hpp.
template <bool kInOrder>
inline typename Vector::Register ten_taps(const typename Vector::Register (&values)[10],
                                          const typename Vector::Register (&taps)[10]) {
    typename Vector::Register sums[3];
    FFR_UNROLL for (int tap = 0; tap < 10; ++tap) {
        const typename Vector::Register product = values[tap] * taps[tap];
        const int sum = kInOrder ? 0 : tap % 3;
        sums[sum] = tap < (kInOrder ? 1 : 3) ? product : sums[sum] + product;
    }
    return kInOrder ? sums[0] : sums[0] + (sums[1] + sums[2]);
}

template <bool kInOrder>
inline void filter_columns(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, float* filtered,
                           float* scores) {
    typename Vector::Register tap[10], values[10];
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.row[i]);
    for (int row = 0; row < rows; ++row) {
        Vector::load_ten(in + row * stride, values);
        Vector::store(filtered + (row + 4) * kStrip, ten_taps<kInOrder>(values, tap));
    }
    FFR_UNROLL for (int i = 0; i < 10; ++i) tap[i] = Vector::broadcast(taps.column[i]);
    for (int row = 0; row < rows; ++row) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) values[i] = Vector::load(filtered + (row + i) * kStrip);
        float* const score = scores + row * kStrip;
        Vector::store(score, Vector::load(score) + ten_taps<kInOrder>(values, tap));
    }
}

/// Adds the response of a column times a row of taps to the scores of a strip of kStrip columns.
///
/// \param in  the strip's plane: `rows` rows, each of which starts 4 cells left of the strip; up to 16 more than it has
///            columns are read
/// \param in_order  whether its columns are the last ones mod 8 of their map, whose taps are added in order
/// \param filtered  room for rows + 9 rows of kStrip, the first 4 and the last 5 of them 0
/// \param scores  rows * kStrip floats
inline void filter_strip(const SeparableTaps& taps, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores) {
    for (int x = 0; x < kStrip; x += Vector::kLanes) {
        if (in_order) {
            filter_columns<true>(taps, in + x, stride, rows, filtered + x, scores + x);
        } else {
            filter_columns<false>(taps, in + x, stride, rows, filtered + x, scores + x);
        }
    }
}

// ---- ffr/kernels/hog.inl
// Kernels of the HOG features, one text for all CPUs (see exact.hpp). hog_cells.hpp has the plain version; each lane
// does what that does, in the same order. Counts of pixels and cells are rounded up to whole registers: what lies
// behind the last is read and written as well, whatever it is, so there has to be room.
//
//     three rows of bytes --orient--> a vote a pixel --cast_votes--> two rows of cells --take_cells--> 18 bins a cell
//     18 bins a cell --energies--> a number a cell --blocks--> cut and scale of each block --normalise--> 31 a cell

/// A row's gradients as votes: how long each is, and the place of its direction's bin, which is bin * stride.
///
/// Of a colour pixel's gradients the longest counts. All numbers up to the square root are whole and below 2^24, so that
/// float knows them exactly; so it does the places, since the stride is a multiple of 32.
template <int kChannels, bool kLaterWins>
inline void orient_row(const PixelRows& rows, int count, std::ptrdiff_t stride, float* length, std::int32_t* place) {
    using Register = typename Vector::Register;
    const Register zero = Vector::broadcast(0), half_turn = Vector::broadcast(9);
    for (int i = 0; i < count; i += Vector::kLanes) {
        Register x = zero, y = zero, square = Vector::broadcast(-1);
        FFR_UNROLL for (int c = 0; c < kChannels; ++c) {
            const std::uint8_t* const here = rows.here[c] + i;
            const Register cx = Vector::difference(Vector::load_bytes(here + 1), Vector::load_bytes(here - 1));
            const Register cy =
                Vector::difference(Vector::load_bytes(rows.below[c] + i), Vector::load_bytes(rows.above[c] + i));
            const Register other = cx * cx + cy * cy;
            if (kLaterWins) {
                x = Vector::choose_less(other, square, x, cx);
                y = Vector::choose_less(other, square, y, cy);
                square = Vector::choose_less(other, square, square, other);
            } else {
                x = Vector::choose_less(square, other, cx, x);
                y = Vector::choose_less(square, other, cy, y);
                square = Vector::choose_less(square, other, other, square);
            }
        }
        // Turned by half a turn if it points upwards, mirrored if it then points left, a gradient lies between 0 and 90
        // degrees. Direction k + 1 fits it better than k if x (dx[k] - dx[k + 1]) < y (dy[k + 1] - dy[k]).
        const Register turned_x = Vector::flip_by_sign(x, y);
        const Register right = Vector::absolute(x), down = Vector::absolute(y);
        Register bin = zero;
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            bin = Vector::choose_less(right * Vector::broadcast(kSectorX[k]), down * Vector::broadcast(kSectorY[k]),
                                      bin + Vector::broadcast(1), bin);
        }
        bin = Vector::choose_less(turned_x, zero, half_turn - bin, bin);
        bin = Vector::choose_less(y, zero, bin + half_turn, bin);
        bin = Vector::choose_less(bin, Vector::broadcast(18), bin, zero);
        Vector::store_integers(place + i, Vector::truncate(bin * Vector::broadcast(static_cast<float>(stride))));
        Vector::store(length + i, Vector::square_root(square));
    }
}

inline void orient(const PixelRows& rows, int channels, bool later_wins, int count, std::ptrdiff_t stride,
                   float* length, std::int32_t* place) {
    if (channels == 1) {
        orient_row<1, true>(rows, count, stride, length, place);
    } else if (later_wins) {
        orient_row<3, true>(rows, count, stride, length, place);
    } else {
        orient_row<3, false>(rows, count, stride, length, place);
    }
}

/// How much of a vote goes to the four cells around it, for eight pixels between two columns of cells.
struct Across {
    typename Vector::Four phases[8];

    explicit Across(const float (&shares)[8][4]) {
        FFR_UNROLL for (int phase = 0; phase < 8; ++phase) phases[phase] = Vector::load_four(shares[phase]);
    }
};

/// Adds the votes of eight pixels.
inline void cast_eight(const std::int32_t* place, const float* length, const Across& across, typename Vector::Four down,
                       float* cells) {
    FFR_UNROLL for (int phase = 0; phase < 8; ++phase) {
        Vector::add_vote(cells + place[phase], across.phases[phase], down, length[phase]);
    }
}

/// Adds the votes of pixels begin .. end - 1, one by one.
inline void cast_some(const std::int32_t* place, const float* length, int begin, int end, const VoteShares& shares,
                      float* cells) {
    const typename Vector::Four down = Vector::load_four(shares.down);
    for (int x = begin; x < end; ++x) {
        const typename Vector::Four across = Vector::load_four(shares.across[(x + 4) % 8]);
        Vector::add_vote(cells + (x + 4) / 8 * 2 + place[x], across, down, length[x]);
    }
}

/// Adds the votes of pixels 1 .. end - 1 of a row to the cells around them.
///
/// A vote can't be added before the one for the same bin that came before it, which often is the pixel to the left. So
/// that the CPU needn't wait, the row's two halves are done together. Only the cells on the border of the two could tell:
/// the first eight pixels of the second half vote for those at their right first, and for those at their left when the
/// first half is done.
/// \param cells  for each bin: of each column of cells, from the one left of the image on, the histograms of two rows of
///               cells beside each other. So the four cells around a pixel are four floats in a row.
/// \param shares  how much of a vote goes to each of these four by the pixel's column, of eight columns, and by its row
inline void cast_votes(const std::int32_t* place, const float* length, int end, const VoteShares& shares,
                       float* cells) {
    constexpr int kFirst = 4;  // the pixel behind the centre of the first column of cells
    const int eights = end > kFirst ? (end - kFirst) / 8 : 0, half = eights / 2;
    const Across across(shares.across);
    const typename Vector::Four down = Vector::load_four(shares.down);
    const std::int32_t* const places = place + kFirst;
    const float* const lengths = length + kFirst;
    float* const first = cells + 2;  // of the first eight: one column further for each

    cast_some(place, length, 1, end < kFirst ? end : kFirst, shares, cells);
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.right), down, first + 2 * half);
    for (int i = 0; i < half; ++i) {
        const int k = half + 1 + i;
        cast_eight(places + 8 * i, lengths + 8 * i, across, down, first + 2 * i);
        if (k < eights) cast_eight(places + 8 * k, lengths + 8 * k, across, down, first + 2 * k);
    }
    if (eights > 0) cast_eight(places + 8 * half, lengths + 8 * half, Across(shares.left), down, first + 2 * half);
    cast_some(place, length, kFirst + 8 * eights, end, shares, cells);
}

/// Takes one of the two rows of cells out, and leaves zeros in its place.
inline void take_cells(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row) {
    for (int bin = 0; bin < 18; ++bin) {
        float* const from = cells + bin * stride;
        float* const to = histograms + bin * row;
        for (int x = 0; x < count; ++x) {
            to[x] = from[2 * x];
            from[2 * x] = 0;
        }
    }
}

/// Energies of a row of cells: the squared lengths of their histograms over unsigned directions.
inline void energies(const float* histograms, std::ptrdiff_t row, int count, float* energy) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register sum = Vector::broadcast(0);
        FFR_UNROLL for (int o = 0; o < 9; ++o) {
            const Register both = Vector::load(histograms + o * row + x) + Vector::load(histograms + (o + 9) * row + x);
            sum = sum + both * both;
        }
        Vector::store(energy + x, sum);
    }
}

/// Where a row of blocks of 2 x 2 cells cuts values off, and what it divides them by.
inline void blocks(const float* energy, const float* energy_below, int count, float* cut, float* scale) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        const Register above = Vector::load(energy + x) + Vector::load(energy + x + 1);
        const Register all = (above + Vector::load(energy_below + x)) + Vector::load(energy_below + x + 1);
        const Register most = Vector::broadcast(0.2f) * Vector::square_root(all + Vector::broadcast(kBlockEpsilon));
        Vector::store(cut + x, most);
        Vector::store(scale + x, Vector::broadcast(0.1f) / most);
    }
}

/// The 31 features of a row of cells.
///
/// \param histograms  of the row's first cell
/// \param around  the four blocks that the first cell belongs to
/// \param features  of the first cell in plane 0; the others are `plane` floats away from each other
inline void normalise(const float* histograms, std::ptrdiff_t row, const CellBlocks& around, int count, float* features,
                      std::ptrdiff_t plane) {
    using Register = typename Vector::Register;
    for (int x = 0; x < count; x += Vector::kLanes) {
        Register cut[4], scale[4], texture[4], part[4];
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            cut[k] = Vector::load(around.cut[k] + x);
            scale[k] = Vector::load(around.scale[k] + x);
            texture[k] = Vector::broadcast(0);
            part[k] = Vector::broadcast(0);
        }
        const float* const histogram = histograms + x;
        float* const out = features + x;
        for (int o = 0; o < 18; o += 3) {
            FFR_UNROLL for (int i = 0; i < 3; ++i) {
                const Register value = Vector::load(histogram + (o + i) * row);
                Register share[4];
                FFR_UNROLL for (int k = 0; k < 4; ++k) {
                    share[k] = Vector::minimum(value, cut[k]) * scale[k];
                    part[k] = i == 0 ? share[k] : part[k] + share[k];
                }
                Vector::store(out + (o + i) * plane, (share[0] + share[1]) + (share[2] + share[3]));
            }
            FFR_UNROLL for (int k = 0; k < 4; ++k) texture[k] = texture[k] + part[k];
        }
        for (int o = 0; o < 9; ++o) {
            const Register value = Vector::load(histogram + o * row) + Vector::load(histogram + (o + 9) * row);
            Register share[4];
            FFR_UNROLL for (int k = 0; k < 4; ++k) share[k] = Vector::minimum(value, cut[k]) * scale[k];
            Vector::store(out + (18 + o) * plane, (share[0] + share[1]) + (share[2] + share[3]));
        }
        FFR_UNROLL for (int k = 0; k < 4; ++k) {
            Vector::store(out + (27 + k) * plane, texture[k] * Vector::broadcast(kTextureScale));
        }
    }
}

// ---- ffr/kernels/resize.inl
// Kernels of the pyramid, one text for all CPUs (see exact.hpp). blend_plain in resize.hpp is the plain version.

/// Parts pixels' channels: 3 * count interleaved bytes into three rows of bytes.
inline void split_row(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue) {
    int x = 0;
    for (; x + 16 <= count; x += 16, pixels += 48) Vector::split(pixels, red + x, green + x, blue + x);
    for (; x < count; ++x, pixels += 3) {
        red[x] = pixels[0];
        green[x] = pixels[1];
        blue[x] = pixels[2];
    }
}

/// Output columns first .. first + count - 1 of a resized row, in the order of blend_plain in resize.hpp; `count` is a
/// multiple of 16.
/// \param top, bottom  the two input rows; 17 bytes from each eight's first sample on are read
/// \param above, below  their weights
inline void blend_row(const std::uint8_t* top, const std::uint8_t* bottom, const Samples& samples, int first, int count,
                      float above, float below, bool round, std::uint8_t* out) {
    using Register = typename Vector::Register;
    for (int x = first; x < first + count; x += Vector::kLanes) {
        const Register right = Vector::load(samples.fraction + x), left = Vector::broadcast(1.0f) - right;
        const Register upper = Vector::broadcast(above), lower = Vector::broadcast(below);
        Register value = (upper * left) * Vector::to_float(Vector::pick(top, samples, x));
        value = value + (upper * right) * Vector::to_float(Vector::pick(top + 1, samples, x));
        value = value + (lower * left) * Vector::to_float(Vector::pick(bottom, samples, x));
        value = value + (lower * right) * Vector::to_float(Vector::pick(bottom + 1, samples, x));
        typename Vector::Integers whole = Vector::truncate(value);
        if (round) {
            const Register floor = Vector::to_float(whole);
            const Register up = floor + Vector::broadcast(1.0f);
            whole = Vector::truncate(Vector::choose_less(value - floor, Vector::broadcast(0.5f), floor, up));
        }
        Vector::store_bytes(out + (x - first), whole);
    }
}
//

// ---- ffr/kernels/exact_table.inl
// This CPU's kernels as one value (see exact.hpp).

inline constexpr ExactKernels kExactKernels{kStrip,     split_row, blend_row, orient,    cast_votes,
                                            take_cells, energies,  blocks,    normalise, filter_strip};

FFR_EXACT_FLOAT_END

}  // namespace neon_exact

#endif

/// The kernels of a path, which the machine has to have.
FFR_COMPILED_INLINE const ExactKernels& exact_kernels_of(SimdPath path) {
    switch (path) {
#if defined(FFR_AVX_KERNELS)
        case SimdPath::avx512:
            return avx512_exact::kExactKernels;
        case SimdPath::avx2:
            return avx2_exact::kExactKernels;
#endif
#if defined(FFR_SSE2_KERNELS)
        case SimdPath::sse2:
            return sse2_exact::kExactKernels;
#elif defined(FFR_NEON_KERNELS)
        case SimdPath::neon:
            return neon_exact::kExactKernels;
#endif
        default:
            return plain_exact::kExactKernels;
    }
}

#endif

/// The kernels whose filter_strip takes eight columns.
inline const ExactKernels& narrow_kernels_of(SimdPath path) {
    return exact_kernels_of(path == SimdPath::avx512 ? SimdPath::avx2 : path);
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Planes of bytes in a workspace's memory.
class Planes {
  public:
    /// Any pixels.
    Planes(int width, int height, int channels, Workspace& workspace)
        : width_(width),
          height_(height),
          channels_(channels),
          memory_(workspace, (static_cast<std::size_t>(channels) * plane() + kSlack) / sizeof(float) + 1) {}

    int width() const { return width_; }
    int height() const { return height_; }
    int channels() const { return channels_; }
    bool empty() const { return width_ == 0 || height_ == 0; }

    /// First byte of a channel's row. Two registers' bytes behind each row may be read, those of the next row or any:
    /// resizing and gradients read up to one register less a byte too many.
    const std::uint8_t* row(int channel, int y) const {
        return reinterpret_cast<const std::uint8_t*>(memory_.data()) + offset(channel, y);
    }
    std::uint8_t* row(int channel, int y) {
        return reinterpret_cast<std::uint8_t*>(memory_.data()) + offset(channel, y);
    }

  private:
    static constexpr std::size_t kSlack = 2 * kernels::kMostLanes;

    std::size_t plane() const { return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_); }
    std::size_t offset(int channel, int y) const {
        return static_cast<std::size_t>(channel) * plane() +
               static_cast<std::size_t>(y) * static_cast<std::size_t>(width_);
    }

    int width_, height_, channels_;
    Workspace::Floats memory_;
};

/// Parts an image's channels.
inline Planes split_channels(ImageView image, Workspace& workspace) {
    Planes planes(image.width, image.height, image.channels, workspace);
    const auto split_row = kernels::exact_kernels_of(kernels::simd_path()).split_row;
    workspace.threads().run_ranges(image.height, 4, [&](int begin, int end, int) {
        for (int y = begin; y < end; ++y) {
            if (image.channels == 1) {
                std::copy_n(image.row(y), image.width, planes.row(0, y));
            } else {
                split_row(image.row(y), image.width, planes.row(0, y), planes.row(1, y), planes.row(2, y));
            }
        }
    });
    return planes;
}

/// Puts them together again.
inline Image merge_channels(const Planes& planes) {
    Image image(planes.width(), planes.height(), planes.channels());
    for (int y = 0; y < planes.height(); ++y) {
        if (planes.channels() == 1) {
            std::copy_n(planes.row(0, y), planes.width(), image.row(y));
            continue;
        }
        const std::uint8_t *const red = planes.row(0, y), *const green = planes.row(1, y),
                                  *const blue = planes.row(2, y);
        std::uint8_t* to = image.row(y);
        for (int x = 0; x < planes.width(); ++x) {
            *to++ = red[x];
            *to++ = green[x];
            *to++ = blue[x];
        }
    }
    return image;
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

// ---- ffr/image/resize.hpp
/// \file
/// The two resizers that make the image pyramid: 5/6 of the size for the next level, twice the size for small faces.
/// The detector knows faces of one size only, about 80 pixels; on a smaller level it finds larger ones.
///
///     level 0: W x H  ->  level 1: 5W/6 x 5H/6  ->  level 2: 25W/36 x 25H/36  ->  ...
///
/// Both are bilinear (a pixel is mixed from the four around its place) with corners mapped to corners: output pixel c
/// of w samples the input at c * (W - 1) / (w - 1). What makes them delicate is rounding. A flat area that comes out
/// one gray level off here and there grows gradients (differences between neighbours), and the block normalisation of
/// the HOG features (hog_cells.hpp) blows these up to full size. To give the reference implementation's faces we give
/// its pixels, and so repeat its arithmetic: most columns are computed in groups of four whose position accumulates in
/// float32 ("grouped"), the last few one by one in double ("tail"); RGB truncates, gray rounds in groups and truncates
/// in the tail.
///
/// blend_plain and blend_tail are the method, a column after the other. kernels/resize.inl does what blend_plain does
/// for as many columns as a register holds.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// Where the grouped output columns sample the input; the same for every row.
struct GroupedColumns {
    int count = 0;                     // of output columns
    std::vector<std::int32_t> left;    // of each: the left neighbour; the right one is the next pixel
    std::vector<float> fraction;       // how far the sample lies from left towards right, 0 <= fraction < 1
    bool close = true;                 // eight columns' samples lie within 15 pixels of the first, as kernels need it;
    std::vector<std::int32_t> start;   // then that first pixel of each eight,
    std::vector<std::uint8_t> offset;  // and each column's distance from it
};

/// Fills up the last register's columns, and finds each eight's first pixel.
inline void find_starts(GroupedColumns& columns) {
    const std::size_t count = columns.left.size(), most = kernels::kMostLanes;
    const std::size_t padded = (count + most - 1) / most * most;
    columns.left.resize(padded, count == 0 ? 0 : columns.left.back());
    columns.fraction.resize(padded, 0);
    for (std::size_t c = 0; c < padded; ++c) {
        if (c % 8 == 0) columns.start.push_back(columns.left[c]);
        const std::int32_t offset = columns.left[c] - columns.start.back();
        columns.close = columns.close && offset < 16;
        columns.offset.push_back(static_cast<std::uint8_t>(offset));
    }
}

/// Output columns 0, 1, ... as long as all four samples of a group have a right neighbour inside of the image. Over
/// some ten thousand columns the positions drift by more than a column, so the output's width is a limit of its own.
inline GroupedColumns grouped_columns(int input_width, int output_width, double scale) {
    GroupedColumns columns;
    float position[4];
    for (int lane = 0; lane < 4; ++lane) position[lane] = static_cast<float>(-4 * scale + lane * scale);
    const float step = static_cast<float>(4 * scale);
    for (; columns.count + 4 <= output_width; columns.count += 4) {
        for (float& x : position) x += step;
        if (static_cast<int>(position[3]) + 1 >= input_width) break;
        for (const float x : position) {
            const int left = static_cast<int>(x);
            columns.left.push_back(left);
            columns.fraction.push_back(x - static_cast<float>(left));
        }
    }
    find_starts(columns);
    return columns;
}

/// Where an output row lies in the input: `fraction` of the way from a row to the next, of which the last has none.
struct RowSample {
    int above, below;
    double fraction;
};

inline std::vector<RowSample> row_samples(int input_height, int output_height) {
    const double scale = (input_height - 1) / static_cast<double>(std::max(output_height - 1, 1));
    std::vector<RowSample> samples;
    double y = 0;
    for (int row = 0; row < output_height; ++row, y += scale) {
        const int above = std::min(static_cast<int>(y), input_height - 1);
        samples.push_back({above, std::min(above + 1, input_height - 1), y - static_cast<int>(y)});
    }
    return samples;
}

/// The grouped columns of one output row, one by one; kernels/resize.inl does many at once.
inline void blend_plain(const std::uint8_t* top, const std::uint8_t* bottom, const GroupedColumns& columns, float above,
                        float below, bool round, std::uint8_t* out) {
    for (int c = 0; c < columns.count; ++c) {
        const float right = columns.fraction[static_cast<std::size_t>(c)], left = 1 - right;
        const std::uint8_t* const t = top + columns.left[static_cast<std::size_t>(c)];
        const std::uint8_t* const b = bottom + columns.left[static_cast<std::size_t>(c)];
        const float value = above * left * t[0] + above * right * t[1] + below * left * b[0] + below * right * b[1];
        out[c] = static_cast<std::uint8_t>(round ? value + 0.5 : value);
    }
}

/// The same by a path's kernels.
inline void blend_grouped(const std::uint8_t* top, const std::uint8_t* bottom, const GroupedColumns& columns,
                          float above, float below, bool round, std::uint8_t* out,
                          const kernels::ExactKernels& kernels) {
    constexpr int kMost = kernels::kMostLanes;
    const kernels::Samples samples{columns.start.data(), columns.offset.data(), columns.fraction.data()};
    const int whole = columns.count / kMost * kMost;
    kernels.blend_row(top, bottom, samples, 0, whole, above, below, round, out);
    if (whole == columns.count) return;
    std::uint8_t rest[kMost];
    kernels.blend_row(top, bottom, samples, whole, kMost, above, below, round, rest);
    std::copy_n(rest, columns.count - whole, out + whole);
}

/// One value of a tail column of a gray image, all steps rounded to float.
inline std::uint8_t blend_tail_gray(int tl, int tr, int bl, int br, double x_fraction, double y_fraction) {
    const float right = static_cast<float>(x_fraction), left = 1 - right;
    const float top = left * static_cast<float>(tl) + right * static_cast<float>(tr);
    const float bottom = left * static_cast<float>(bl) + right * static_cast<float>(br);
    const float value = static_cast<float>((1 - y_fraction) * top + y_fraction * bottom);
    return static_cast<std::uint8_t>(std::min(std::max(value, 0.0f), 255.0f));
}

/// One value of a tail column of an RGB image, in double.
inline std::uint8_t blend_tail_rgb(int tl, int tr, int bl, int br, double x_fraction, double y_fraction) {
    return static_cast<std::uint8_t>((1 - y_fraction) * ((1 - x_fraction) * tl + x_fraction * tr) +
                                     y_fraction * ((1 - x_fraction) * bl + x_fraction * br));
}

/// The output columns after the grouped ones.
inline void blend_tail(const std::uint8_t* top, const std::uint8_t* bottom, double y_fraction, int input_width,
                       double scale, int first_column, bool gray, int output_width, std::uint8_t* out) {
    double x = -scale + first_column * scale;
    for (int column = first_column; column < output_width; ++column) {
        x += scale;
        const int left = static_cast<int>(x);
        const int right = std::min(left + 1, input_width - 1);
        const auto blend = gray ? blend_tail_gray : blend_tail_rgb;
        out[column] = blend(top[left], top[right], bottom[left], bottom[right], x - left, y_fraction);
    }
}

inline Planes resize(const Planes& input, int width, int height, Workspace& workspace) {
    Planes output(width, height, input.channels(), workspace);
    if (output.empty()) return output;
    const double scale = (input.width() - 1) / static_cast<double>(std::max(width - 1, 1));
    const GroupedColumns columns = grouped_columns(input.width(), width, scale);
    const std::vector<RowSample> rows = row_samples(input.height(), height);
    const bool gray = input.channels() == 1;
    const kernels::ExactKernels& kernels = kernels::exact_kernels_of(kernels::simd_path());
    const auto resize_row = [&](int channel, int y) {
        const RowSample& sample = rows[static_cast<std::size_t>(y)];
        const std::uint8_t* const top = input.row(channel, sample.above);
        const std::uint8_t* const bottom = input.row(channel, sample.below);
        const auto above = static_cast<float>(1 - sample.fraction), below = static_cast<float>(sample.fraction);
        std::uint8_t* const out = output.row(channel, y);
        if (columns.close) {
            blend_grouped(top, bottom, columns, above, below, gray, out, kernels);
        } else {
            blend_plain(top, bottom, columns, above, below, gray, out);
        }
        blend_tail(top, bottom, sample.fraction, input.width(), scale, columns.count, gray, width, out);
    };
    workspace.threads().run_ranges(height, 4, [&](int begin, int end, int) {
        for (int channel = 0; channel < input.channels(); ++channel) {
            for (int y = begin; y < end; ++y) resize_row(channel, y);
        }
    });
    return output;
}

inline Planes pyramid_down(const Planes& level, Workspace& workspace) {
    const auto five_sixths = [](int size) { return static_cast<int>(std::int64_t{size} * 5 / 6); };
    return resize(level, five_sixths(level.width()), five_sixths(level.height()), workspace);
}

inline Planes pyramid_up(const Planes& level, Workspace& workspace) {
    return resize(level, 2 * level.width() + 2, 2 * level.height() + 1, workspace);
}

}  // namespace detail

/// Bilinear resize to a given size, corners on corners, with the rounding described above.
/// \param image  1 or 3 channels, at least a pixel. \param width, height  at least 0
/// \throws InvalidArgument when the image is empty or a size negative
/// Cost: proportional to the pixels. Thread-safe.
inline Image resize_image(ImageView image, int width, int height) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (width < 0 || height < 0) {
            throw InvalidArgument("an image can't be resized to " + std::to_string(width) + " x " +
                                  std::to_string(height));
        }
        Workspace workspace;
        return detail::merge_channels(
            detail::resize(detail::split_channels(image, workspace), width, height, workspace));
    });
}

/// The next level of the pyramid: 5/6 of the width and of the height, rounded down; empty when that is 0.
/// \throws InvalidArgument when the image is empty
inline Image pyramid_down(ImageView image) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        Workspace workspace;
        return detail::merge_channels(detail::pyramid_down(detail::split_channels(image, workspace), workspace));
    });
}

/// Twice the size, to find faces of half the size: 2 * width + 2 by 2 * height + 1 pixels.
/// Pixel x of the input lies at 2 * (x + 1.25) of the output, y at 2 * (y + 0.75).
/// \throws InvalidArgument when the image is empty, or a side too large to be doubled
inline Image pyramid_up(ImageView image) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (std::max(image.width, image.height) > 1'000'000'000) {
            throw InvalidArgument("an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                                  " pixels can't be doubled");
        }
        Workspace workspace;
        return detail::merge_channels(detail::pyramid_up(detail::split_channels(image, workspace), workspace));
    });
}

/// Number of pyramid levels of an image: the first always counts, further ones as long as they have at least 64 x 64
/// pixels. The sizes that count are those of the outline as it maps from level to level by p -> (p - 0.3) * 5 / 6,
/// rounded each time; the levels' own sizes can be smaller by a pixel.
inline int pyramid_levels(int width, int height) {
    return detail::with_default_floats([&] {
        const auto map = [](int p) { return round_half_up((p - 0.3) * (5.0 / 6.0)); };
        Rect outline{0, 0, width - 1, height - 1};
        int levels = 0;
        do {
            outline = {map(outline.left), map(outline.top), map(outline.right), map(outline.bottom)};
            ++levels;
        } while (outline.width() >= 64 && outline.height() >= 64 && levels < 1000);
        return levels;
    });
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/image/scale.hpp
/// \file
/// Images of another size, and photos of more pixels than faces need: made smaller before the search, and what's found in
/// them told in the photo's own pixels.
///
///     photo --reduce_to--> smaller image --detect, predict--> box, landmarks --in_original--> the same in the photo
///
/// Time and memory of detection grow with the pixels. A face has to keep about 80 pixels to be found, so reducing loses
/// the small ones. What in_original() makes of a face stands where the face does, in pipeline.hpp.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Share of each source pixel in one target pixel: source pixels first, first + 1, ... with these weights, sum 1.
struct ScaleTaps {
    int first = 0;
    std::vector<float> weights;
};

/// One axis of scale_to: shares of the area when it gets smaller, the two nearest when it gets larger.
inline std::vector<ScaleTaps> scale_taps(int from, int to) {
    std::vector<ScaleTaps> taps(static_cast<std::size_t>(to));
    const double step = static_cast<double>(from) / to;
    for (int i = 0; i < to; ++i) {
        ScaleTaps& tap = taps[static_cast<std::size_t>(i)];
        if (to < from) {
            const double begin = i * step, end = std::min<double>((i + 1) * step, from);
            tap.first = std::min(static_cast<int>(begin), from - 1);
            for (int k = tap.first; k < end && k < from; ++k) {
                const double covered = std::min<double>(end, k + 1) - std::max<double>(begin, k);
                tap.weights.push_back(static_cast<float>(covered / (end - begin)));
            }
        } else {
            const double center = std::clamp((i + 0.5) * step - 0.5, 0.0, from - 1.0);
            tap.first = static_cast<int>(center);
            const auto second = static_cast<float>(center - tap.first);
            tap.weights.push_back(1.0f - second);
            if (tap.first + 1 < from) tap.weights.push_back(second);
        }
    }
    return taps;
}

}  // namespace detail

/// Scales for a preview, or for a search in less pixels (reduce_to): averages areas to make an axis smaller, interpolates linearly to make it larger.
///
/// Detection and alignment have resizers of their own, whose exact pixels matter.
///
/// \param image          gray or RGB, at least 1 x 1 pixel
/// \param width, height  of the result in pixels, at least 1
/// \throws InvalidArgument for an empty image or size
inline Image scale_to(ImageView image, int width, int height) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (width < 1 || height < 1) {
            throw InvalidArgument("an image can't be scaled to " + std::to_string(width) + " x " +
                                  std::to_string(height));
        }
        const std::vector<detail::ScaleTaps> columns = detail::scale_taps(image.width, width);
        const std::vector<detail::ScaleTaps> rows = detail::scale_taps(image.height, height);
        Image scaled(width, height, image.channels);
        const auto channels = static_cast<std::size_t>(image.channels);
        std::vector<float> blended(static_cast<std::size_t>(image.width) * channels);
        for (int y = 0; y < height; ++y) {
            const detail::ScaleTaps& row = rows[static_cast<std::size_t>(y)];
            std::fill(blended.begin(), blended.end(), 0.0f);
            for (std::size_t k = 0; k < row.weights.size(); ++k) {
                const std::uint8_t* const from = image.row(row.first + static_cast<int>(k));
                for (std::size_t i = 0; i < blended.size(); ++i) blended[i] += row.weights[k] * from[i];
            }
            std::uint8_t* to = scaled.row(y);
            for (const detail::ScaleTaps& column : columns) {
                const float* const from = blended.data() + static_cast<std::size_t>(column.first) * channels;
                for (std::size_t c = 0; c < channels; ++c) {
                    float sum = 0;
                    for (std::size_t k = 0; k < column.weights.size(); ++k)
                        sum += column.weights[k] * from[k * channels + c];
                    *to++ = static_cast<std::uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f));
                }
            }
        }
        return scaled;
    });
}

/// An image, perhaps made smaller, and the size that it had.
struct ReducedImage {
    Image image;     ///< no larger than the original
    int width = 0;   ///< of the original, in pixels
    int height = 0;  ///< of the original, in pixels

    /// True when the image is smaller than its original.
    bool is_smaller() const { return image.width() != width || image.height() != height; }
};

/// Makes an image of more than `max_pixels` smaller, by averaging areas, in the same proportions but for rounding; leaves
/// others as they are.
///
/// \param image       gray or RGB, empty too
/// \param max_pixels  of the result, at least 1
/// \throws InvalidArgument for a limit below 1. Cost: reads each pixel once. Thread-safe.
inline ReducedImage reduce_to(Image image, std::int64_t max_pixels) {
    return detail::with_default_floats([&]() -> ReducedImage {
        if (max_pixels < 1) {
            throw InvalidArgument("an image can't be reduced to " + std::to_string(max_pixels) + " pixels");
        }
        const int width = image.width(), height = image.height();
        const double pixels = static_cast<double>(width) * height;
        if (pixels <= static_cast<double>(max_pixels)) return {std::move(image), width, height};
        const double scale = std::sqrt(static_cast<double>(max_pixels) / pixels);
        // The second bound is for strips, of which one side would become less than a pixel.
        const auto shorten = [&](int side, std::int64_t most) {
            return static_cast<int>(std::clamp<std::int64_t>(static_cast<std::int64_t>(side * scale), 1, most));
        };
        const int new_width = shorten(width, max_pixels);
        return {scale_to(image, new_width, shorten(height, max_pixels / new_width)), width, height};
    });
}

/// A box of the smaller image as one of its original. Outer edges, not pixels' centres, are scaled, then rounded to whole
/// pixels, halves upwards: a box that's all of the smaller image becomes one that's all of the original.
inline Rect in_original(const ReducedImage& reduced, const Rect& box) {
    return detail::with_default_floats([&]() -> Rect {
        if (!reduced.is_smaller()) return box;
        const double x = static_cast<double>(reduced.width) / reduced.image.width();
        const double y = static_cast<double>(reduced.height) / reduced.image.height();
        return {round_half_up(box.left * x), round_half_up(box.top * y), round_half_up((box.right + 1.0) * x) - 1,
                round_half_up((box.bottom + 1.0) * y) - 1};
    });
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/image/draw.hpp
/// \file
/// Boxes, points, lines and text into an RGB image, to show results.
///
///     to_rgb: gray or RGB  -->  h x w x 3  -->  draw_box, draw_landmarks, draw_text, paste: the same image, changed
///
/// Everything is clipped at the image's borders: any coordinates will do, what lies outside isn't drawn. All functions
/// that draw take an image of 3 channels (see to_rgb) and throw InvalidArgument for a gray one; an empty one stays
/// empty.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>


// ---- ffr/image/font.hpp
/// \file
/// ASCII 32 to 126 in the fixed-width font 7x13 of the X11 misc-fixed family (font-misc-misc). Licence, as the
/// font file itself states it: "Public domain font.  Share and enjoy."
/// Generated by tools/make_font.py from that file.
///
///     95 characters x 13 rows x a byte, of which 7 bits are pixels

#include <cstdint>

namespace ffr {
inline namespace v0_1 {
namespace detail {

constexpr int kFontWidth = 7, kFontHeight = 13, kFontFirst = 32, kFontLast = 126;

/// A byte a row from the top, the leftmost pixel in the highest bit.
// clang-format off
constexpr std::uint8_t kFont[kFontLast - kFontFirst + 1][kFontHeight] = {
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // space
    {0x00, 0x00, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x00, 0x10, 0x00, 0x00},  // !
    {0x00, 0x00, 0x28, 0x28, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // "
    {0x00, 0x00, 0x00, 0x28, 0x28, 0x7C, 0x28, 0x7C, 0x28, 0x28, 0x00, 0x00, 0x00},  // #
    {0x00, 0x00, 0x00, 0x10, 0x3C, 0x50, 0x38, 0x14, 0x78, 0x10, 0x00, 0x00, 0x00},  // $
    {0x00, 0x00, 0x44, 0xA4, 0x48, 0x10, 0x10, 0x20, 0x48, 0x94, 0x88, 0x00, 0x00},  // %
    {0x00, 0x00, 0x00, 0x00, 0x60, 0x90, 0x90, 0x60, 0x94, 0x88, 0x74, 0x00, 0x00},  // &
    {0x00, 0x00, 0x10, 0x10, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // '
    {0x00, 0x00, 0x08, 0x10, 0x10, 0x20, 0x20, 0x20, 0x10, 0x10, 0x08, 0x00, 0x00},  // (
    {0x00, 0x00, 0x20, 0x10, 0x10, 0x08, 0x08, 0x08, 0x10, 0x10, 0x20, 0x00, 0x00},  // )
    {0x00, 0x00, 0x00, 0x00, 0x48, 0x30, 0xFC, 0x30, 0x48, 0x00, 0x00, 0x00, 0x00},  // *
    {0x00, 0x00, 0x00, 0x00, 0x10, 0x10, 0x7C, 0x10, 0x10, 0x00, 0x00, 0x00, 0x00},  // +
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x38, 0x30, 0x40, 0x00},  // ,
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x7C, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // -
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x38, 0x10, 0x00},  // .
    {0x00, 0x00, 0x04, 0x04, 0x08, 0x08, 0x10, 0x20, 0x20, 0x40, 0x40, 0x00, 0x00},  // /
    {0x00, 0x00, 0x30, 0x48, 0x84, 0x84, 0x84, 0x84, 0x84, 0x48, 0x30, 0x00, 0x00},  // 0
    {0x00, 0x00, 0x10, 0x30, 0x50, 0x10, 0x10, 0x10, 0x10, 0x10, 0x7C, 0x00, 0x00},  // 1
    {0x00, 0x00, 0x78, 0x84, 0x84, 0x04, 0x08, 0x30, 0x40, 0x80, 0xFC, 0x00, 0x00},  // 2
    {0x00, 0x00, 0xFC, 0x04, 0x08, 0x10, 0x38, 0x04, 0x04, 0x84, 0x78, 0x00, 0x00},  // 3
    {0x00, 0x00, 0x08, 0x18, 0x28, 0x48, 0x88, 0x88, 0xFC, 0x08, 0x08, 0x00, 0x00},  // 4
    {0x00, 0x00, 0xFC, 0x80, 0x80, 0xB8, 0xC4, 0x04, 0x04, 0x84, 0x78, 0x00, 0x00},  // 5
    {0x00, 0x00, 0x38, 0x40, 0x80, 0x80, 0xB8, 0xC4, 0x84, 0x84, 0x78, 0x00, 0x00},  // 6
    {0x00, 0x00, 0xFC, 0x04, 0x08, 0x10, 0x10, 0x20, 0x20, 0x40, 0x40, 0x00, 0x00},  // 7
    {0x00, 0x00, 0x78, 0x84, 0x84, 0x84, 0x78, 0x84, 0x84, 0x84, 0x78, 0x00, 0x00},  // 8
    {0x00, 0x00, 0x78, 0x84, 0x84, 0x8C, 0x74, 0x04, 0x04, 0x08, 0x70, 0x00, 0x00},  // 9
    {0x00, 0x00, 0x00, 0x00, 0x10, 0x38, 0x10, 0x00, 0x00, 0x10, 0x38, 0x10, 0x00},  // :
    {0x00, 0x00, 0x00, 0x00, 0x10, 0x38, 0x10, 0x00, 0x00, 0x38, 0x30, 0x40, 0x00},  // ;
    {0x00, 0x00, 0x04, 0x08, 0x10, 0x20, 0x40, 0x20, 0x10, 0x08, 0x04, 0x00, 0x00},  // <
    {0x00, 0x00, 0x00, 0x00, 0x00, 0xFC, 0x00, 0x00, 0xFC, 0x00, 0x00, 0x00, 0x00},  // =
    {0x00, 0x00, 0x40, 0x20, 0x10, 0x08, 0x04, 0x08, 0x10, 0x20, 0x40, 0x00, 0x00},  // >
    {0x00, 0x00, 0x78, 0x84, 0x84, 0x04, 0x08, 0x10, 0x10, 0x00, 0x10, 0x00, 0x00},  // ?
    {0x00, 0x00, 0x78, 0x84, 0x84, 0x9C, 0xA4, 0xAC, 0x94, 0x80, 0x78, 0x00, 0x00},  // @
    {0x00, 0x00, 0x30, 0x48, 0x84, 0x84, 0x84, 0xFC, 0x84, 0x84, 0x84, 0x00, 0x00},  // A
    {0x00, 0x00, 0xF8, 0x44, 0x44, 0x44, 0x78, 0x44, 0x44, 0x44, 0xF8, 0x00, 0x00},  // B
    {0x00, 0x00, 0x78, 0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x84, 0x78, 0x00, 0x00},  // C
    {0x00, 0x00, 0xF8, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0xF8, 0x00, 0x00},  // D
    {0x00, 0x00, 0xFC, 0x80, 0x80, 0x80, 0xF0, 0x80, 0x80, 0x80, 0xFC, 0x00, 0x00},  // E
    {0x00, 0x00, 0xFC, 0x80, 0x80, 0x80, 0xF0, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00},  // F
    {0x00, 0x00, 0x78, 0x84, 0x80, 0x80, 0x80, 0x9C, 0x84, 0x8C, 0x74, 0x00, 0x00},  // G
    {0x00, 0x00, 0x84, 0x84, 0x84, 0x84, 0xFC, 0x84, 0x84, 0x84, 0x84, 0x00, 0x00},  // H
    {0x00, 0x00, 0x7C, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x7C, 0x00, 0x00},  // I
    {0x00, 0x00, 0x1C, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x88, 0x70, 0x00, 0x00},  // J
    {0x00, 0x00, 0x84, 0x88, 0x90, 0xA0, 0xC0, 0xA0, 0x90, 0x88, 0x84, 0x00, 0x00},  // K
    {0x00, 0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xFC, 0x00, 0x00},  // L
    {0x00, 0x00, 0x84, 0xCC, 0xCC, 0xB4, 0xB4, 0x84, 0x84, 0x84, 0x84, 0x00, 0x00},  // M
    {0x00, 0x00, 0x84, 0x84, 0xC4, 0xA4, 0x94, 0x8C, 0x84, 0x84, 0x84, 0x00, 0x00},  // N
    {0x00, 0x00, 0x78, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x78, 0x00, 0x00},  // O
    {0x00, 0x00, 0xF8, 0x84, 0x84, 0x84, 0xF8, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00},  // P
    {0x00, 0x00, 0x78, 0x84, 0x84, 0x84, 0x84, 0x84, 0xA4, 0x94, 0x78, 0x04, 0x00},  // Q
    {0x00, 0x00, 0xF8, 0x84, 0x84, 0x84, 0xF8, 0xA0, 0x90, 0x88, 0x84, 0x00, 0x00},  // R
    {0x00, 0x00, 0x78, 0x84, 0x80, 0x80, 0x78, 0x04, 0x04, 0x84, 0x78, 0x00, 0x00},  // S
    {0x00, 0x00, 0x7C, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x00, 0x00},  // T
    {0x00, 0x00, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x78, 0x00, 0x00},  // U
    {0x00, 0x00, 0x84, 0x84, 0x84, 0x48, 0x48, 0x48, 0x30, 0x30, 0x30, 0x00, 0x00},  // V
    {0x00, 0x00, 0x84, 0x84, 0x84, 0x84, 0xB4, 0xB4, 0xCC, 0xCC, 0x84, 0x00, 0x00},  // W
    {0x00, 0x00, 0x84, 0x84, 0x48, 0x48, 0x30, 0x48, 0x48, 0x84, 0x84, 0x00, 0x00},  // X
    {0x00, 0x00, 0x44, 0x44, 0x28, 0x28, 0x10, 0x10, 0x10, 0x10, 0x10, 0x00, 0x00},  // Y
    {0x00, 0x00, 0xFC, 0x04, 0x08, 0x10, 0x30, 0x20, 0x40, 0x80, 0xFC, 0x00, 0x00},  // Z
    {0x00, 0x78, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x78, 0x00},  // [
    {0x00, 0x00, 0x40, 0x40, 0x20, 0x20, 0x10, 0x08, 0x08, 0x04, 0x04, 0x00, 0x00},  // backslash
    {0x00, 0x78, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x78, 0x00},  // ]
    {0x00, 0x00, 0x10, 0x28, 0x44, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // ^
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFC, 0x00},  // _
    {0x00, 0x20, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // `
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0x04, 0x7C, 0x84, 0x8C, 0x74, 0x00, 0x00},  // a
    {0x00, 0x00, 0x80, 0x80, 0x80, 0xB8, 0xC4, 0x84, 0x84, 0xC4, 0xB8, 0x00, 0x00},  // b
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0x84, 0x80, 0x80, 0x84, 0x78, 0x00, 0x00},  // c
    {0x00, 0x00, 0x04, 0x04, 0x04, 0x74, 0x8C, 0x84, 0x84, 0x8C, 0x74, 0x00, 0x00},  // d
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0x84, 0xFC, 0x80, 0x84, 0x78, 0x00, 0x00},  // e
    {0x00, 0x00, 0x38, 0x44, 0x40, 0x40, 0xF0, 0x40, 0x40, 0x40, 0x40, 0x00, 0x00},  // f
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x74, 0x88, 0x88, 0x70, 0x80, 0x78, 0x84, 0x78},  // g
    {0x00, 0x00, 0x80, 0x80, 0x80, 0xB8, 0xC4, 0x84, 0x84, 0x84, 0x84, 0x00, 0x00},  // h
    {0x00, 0x00, 0x00, 0x10, 0x00, 0x30, 0x10, 0x10, 0x10, 0x10, 0x7C, 0x00, 0x00},  // i
    {0x00, 0x00, 0x00, 0x04, 0x00, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x44, 0x44, 0x38},  // j
    {0x00, 0x00, 0x80, 0x80, 0x80, 0x88, 0x90, 0xE0, 0x90, 0x88, 0x84, 0x00, 0x00},  // k
    {0x00, 0x00, 0x30, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x7C, 0x00, 0x00},  // l
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x68, 0x54, 0x54, 0x54, 0x54, 0x44, 0x00, 0x00},  // m
    {0x00, 0x00, 0x00, 0x00, 0x00, 0xB8, 0xC4, 0x84, 0x84, 0x84, 0x84, 0x00, 0x00},  // n
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0x84, 0x84, 0x84, 0x84, 0x78, 0x00, 0x00},  // o
    {0x00, 0x00, 0x00, 0x00, 0x00, 0xB8, 0xC4, 0x84, 0xC4, 0xB8, 0x80, 0x80, 0x80},  // p
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x74, 0x8C, 0x84, 0x8C, 0x74, 0x04, 0x04, 0x04},  // q
    {0x00, 0x00, 0x00, 0x00, 0x00, 0xB8, 0x44, 0x40, 0x40, 0x40, 0x40, 0x00, 0x00},  // r
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0x84, 0x60, 0x18, 0x84, 0x78, 0x00, 0x00},  // s
    {0x00, 0x00, 0x00, 0x40, 0x40, 0xF0, 0x40, 0x40, 0x40, 0x44, 0x38, 0x00, 0x00},  // t
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x84, 0x84, 0x84, 0x84, 0x8C, 0x74, 0x00, 0x00},  // u
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x44, 0x44, 0x44, 0x28, 0x28, 0x10, 0x00, 0x00},  // v
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x44, 0x44, 0x54, 0x54, 0x54, 0x28, 0x00, 0x00},  // w
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x84, 0x48, 0x30, 0x30, 0x48, 0x84, 0x00, 0x00},  // x
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x84, 0x84, 0x84, 0x8C, 0x74, 0x04, 0x84, 0x78},  // y
    {0x00, 0x00, 0x00, 0x00, 0x00, 0xFC, 0x08, 0x10, 0x20, 0x40, 0xFC, 0x00, 0x00},  // z
    {0x00, 0x1C, 0x20, 0x20, 0x20, 0x10, 0x60, 0x10, 0x20, 0x20, 0x20, 0x1C, 0x00},  // {
    {0x00, 0x00, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x00, 0x00},  // |
    {0x00, 0x70, 0x08, 0x08, 0x08, 0x10, 0x0C, 0x10, 0x08, 0x08, 0x08, 0x70, 0x00},  // }
    {0x00, 0x00, 0x24, 0x54, 0x48, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // ~
};
// clang-format on

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {

/// A colour, 0 to 255 a channel.
struct Color {
    std::uint8_t r = 0;  ///< red
    std::uint8_t g = 0;  ///< green
    std::uint8_t b = 0;  ///< blue

    /// Same colour.
    friend bool operator==(Color one, Color other) { return one.r == other.r && one.g == other.g && one.b == other.b; }
    /// Another colour.
    friend bool operator!=(Color one, Color other) { return !(one == other); }
};

namespace detail {

/// Larger thicknesses, radii and scales are mistakes.
constexpr int kMaxDrawSize = 4096;

inline void require_drawable(const Image& image) {
    if (image.channels() == 1) throw InvalidArgument("drawing needs an RGB image, see to_rgb");
}

inline void require_draw_size(const char* what, int value, int least) {
    if (value < least || value > kMaxDrawSize) {
        throw InvalidArgument(std::string(what) + " has to be " + std::to_string(least) + " to " +
                              std::to_string(kMaxDrawSize) + ", not " + std::to_string(value));
    }
}

/// Fills the part of left..right, top..bottom (inclusive) that's inside of the image.
inline void fill_box(Image& image, std::int64_t left, std::int64_t top, std::int64_t right, std::int64_t bottom,
                     Color color) {
    left = std::max<std::int64_t>(left, 0);
    top = std::max<std::int64_t>(top, 0);
    right = std::min<std::int64_t>(right, image.width() - 1);
    bottom = std::min<std::int64_t>(bottom, image.height() - 1);
    for (std::int64_t y = top; y <= bottom; ++y) {
        std::uint8_t* pixel = image.row(static_cast<int>(y)) + left * 3;
        for (std::int64_t x = left; x <= right; ++x, pixel += 3) {
            pixel[0] = color.r;
            pixel[1] = color.g;
            pixel[2] = color.b;
        }
    }
}

/// Bytes of the UTF-8 character at the start of a text that isn't empty; 1 for a byte that begins none.
inline std::size_t utf8_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
    if (length > text.size()) return 1;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 1;
    }
    return length;
}

/// A row of the sign for a character that the font doesn't have: a box, leftmost pixel in the highest bit.
inline std::uint8_t missing_glyph_row(int row) {
    constexpr int kTop = 2, kBottom = kFontHeight - 3;
    if (row < kTop || row > kBottom) return 0;
    return row == kTop || row == kBottom ? 0x7C : 0x44;
}

}  // namespace detail

/// A copy in RGB; gray becomes three equal channels. \param image  gray or RGB, may be empty
/// \throws InvalidArgument for another number of channels when there are pixels
inline Image to_rgb(ImageView image) {
    if (image.empty()) return Image(std::max(image.width, 0), std::max(image.height, 0), 3);
    require_pixels(image);
    Image rgb(image.width, image.height, 3);
    for (int y = 0; y < image.height; ++y) {
        const std::uint8_t* from = image.row(y);
        std::uint8_t* to = rgb.row(y);
        for (int x = 0; x < image.width; ++x, from += image.channels, to += 3) {
            for (int c = 0; c < 3; ++c) to[c] = from[image.channels == 3 ? c : 0];
        }
    }
    return rgb;
}

/// A straight line with both ends in it.
/// \param from, to   any points, in pixels
/// \param thickness  side of the square pen in pixels, 1 to 4096; an even pen's extra pixel is right of and below the
/// line
inline void draw_line(Image& image, Point from, Point to, Color color, int thickness = 1) {
    detail::with_default_floats([&] {
        detail::require_drawable(image);
        detail::require_draw_size("a line's thickness", thickness, 1);
        if (image.empty()) return;
        const std::int64_t dx = std::int64_t{to.x} - from.x, dy = std::int64_t{to.y} - from.y;
        const bool along_x = std::abs(dx) >= std::abs(dy);
        if (along_x ? dx < 0 : dy < 0) return draw_line(image, to, from, color, thickness);
        const std::int64_t start = along_x ? from.x : from.y, end = along_x ? to.x : to.y;
        const std::int64_t limit = along_x ? image.width() : image.height();
        const double slope =
            start == end ? 0 : static_cast<double>(along_x ? dy : dx) / static_cast<double>(end - start);
        const std::int64_t before = (thickness - 1) / 2;
        // A step a pixel along the longer axis, from and to where the pen just can't be seen any more.
        for (std::int64_t i = std::max(start, -std::int64_t{thickness}); i <= std::min(end, limit + thickness); ++i) {
            const double across = (along_x ? from.y : from.x) + slope * static_cast<double>(i - start);
            const auto j = static_cast<std::int64_t>(std::floor(across + 0.5));
            const std::int64_t left = (along_x ? i : j) - before, top = (along_x ? j : i) - before;
            detail::fill_box(image, left, top, left + thickness - 1, top + thickness - 1, color);
        }
    });
}

/// The outline of a box; an empty box draws nothing.
/// \param box        in pixels; at thickness 1 exactly its outermost pixels are coloured
/// \param thickness  of the frame in pixels, 1 to 4096: it grows inwards and outwards in turn, inwards first
inline void draw_box(Image& image, const Rect& box, Color color, int thickness = 1) {
    detail::require_drawable(image);
    detail::require_draw_size("a box's thickness", thickness, 1);
    if (box.width() == 0 || box.height() == 0) return;
    const std::int64_t outwards = (thickness - 1) / 2, inwards = thickness - 1;
    const std::int64_t left = box.left - outwards, right = box.right + outwards;
    const std::int64_t top = box.top - outwards, bottom = box.bottom + outwards;
    detail::fill_box(image, left, top, right, std::min(top + inwards, bottom), color);
    detail::fill_box(image, left, std::max(bottom - inwards, top), right, bottom, color);
    detail::fill_box(image, left, top, std::min(left + inwards, right), bottom, color);
    detail::fill_box(image, std::max(right - inwards, left), top, right, bottom, color);
}

/// A filled disc.
/// \param radius  in pixels, 0 to 4096: the disc is 2 radius + 1 wide, a single pixel for 0
inline void draw_point(Image& image, Point center, Color color, int radius = 1) {
    detail::require_drawable(image);
    detail::require_draw_size("a point's radius", radius, 0);
    const std::int64_t x = center.x, y = center.y;
    std::int64_t half = radius;
    for (std::int64_t row = 0; row <= radius; ++row) {
        while (half * half + row * row > std::int64_t{radius} * radius + radius) --half;
        detail::fill_box(image, x - half, y - row, x + half, y - row, color);
        detail::fill_box(image, x - half, y + row, x + half, y + row, color);
    }
}

/// Width that draw_text fills, in pixels: 7 scale a character, a character being a code point of UTF-8 (or a byte that
/// belongs to none). \throws InvalidArgument for a scale that isn't 1 to 4096
inline int text_width(std::string_view text, int scale = 1) {
    detail::require_draw_size("a text's scale", scale, 1);
    std::int64_t characters = 0;
    for (; !text.empty(); text.remove_prefix(detail::utf8_length(text))) ++characters;
    return static_cast<int>(std::min<std::int64_t>(characters * detail::kFontWidth * scale, 2147483647));
}

/// Height that draw_text fills, in pixels: 13 scale. \throws InvalidArgument for a scale that isn't 1 to 4096
inline int text_height(int scale = 1) {
    detail::require_draw_size("a text's scale", scale, 1);
    return detail::kFontHeight * scale;
}

/// One line of text on a filled background.
///
/// The built-in font has the printable characters of ASCII; any other code point is drawn as a box.
///
/// \param top_left    of the background, in pixels; it's text_width(text, scale) x text_height(scale) pixels large
/// \param text        UTF-8; bytes that aren't are drawn as a box each
/// \param scale       size of the font's pixels, 1 to 4096
inline void draw_text(Image& image, Point top_left, std::string_view text, Color color, Color background,
                      int scale = 1) {
    detail::require_drawable(image);
    detail::require_draw_size("a text's scale", scale, 1);
    std::int64_t left = top_left.x;
    for (; !text.empty() && left < image.width(); text.remove_prefix(detail::utf8_length(text))) {
        const std::int64_t right = left + detail::kFontWidth * scale - 1;
        detail::fill_box(image, left, top_left.y, right, top_left.y + std::int64_t{text_height(scale)} - 1, background);
        const auto code = static_cast<unsigned char>(text[0]);
        const bool known = code >= detail::kFontFirst && code <= detail::kFontLast;
        for (int row = 0; row < detail::kFontHeight; ++row) {
            const std::uint8_t bits =
                known ? detail::kFont[code - detail::kFontFirst][row] : detail::missing_glyph_row(row);
            const std::int64_t y = top_left.y + std::int64_t{row} * scale;
            for (int column = 0; column < detail::kFontWidth; ++column) {
                if ((bits & 0x80 >> column) == 0) continue;
                const std::int64_t x = left + std::int64_t{column} * scale;
                detail::fill_box(image, x, y, x + scale - 1, y + scale - 1, color);
            }
        }
        left = right + 1;
    }
}

/// Landmarks of a face.
///
/// 68 points in the order of the iBUG 300-W annotation are joined to jaw, brows, nose, eyes and lips; any other number
/// is drawn as discs.
///
/// \param thickness  of the lines and radius of the discs in pixels, 1 to 4096
inline void draw_landmarks(Image& image, const std::vector<Point>& points, Color color, int thickness = 1) {
    struct Part {
        std::size_t first, last;
        bool closed;
    };
    constexpr Part kParts[] = {{0, 16, false}, {17, 21, false}, {22, 26, false}, {27, 30, false}, {31, 35, false},
                               {36, 41, true}, {42, 47, true},  {48, 59, true},  {60, 67, true}};
    detail::require_drawable(image);
    detail::require_draw_size("the landmarks' thickness", thickness, 1);
    if (points.size() != 68) {
        for (const Point point : points) draw_point(image, point, color, thickness);
        return;
    }
    for (const Part& part : kParts) {
        for (std::size_t i = part.first; i < part.last; ++i) {
            draw_line(image, points[i], points[i + 1], color, thickness);
        }
        if (part.closed) draw_line(image, points[part.last], points[part.first], color, thickness);
    }
}

/// Copies an image into another one; what would lie outside of it is left out.
/// \param image     gray or RGB, may be empty; not a view of `onto`
/// \param top_left  where its first pixel goes, in pixels of `onto`
inline void paste(Image& onto, ImageView image, Point top_left) {
    detail::require_drawable(onto);
    if (image.empty() || onto.empty()) return;
    require_pixels(image);
    const std::int64_t left = std::max<std::int64_t>(0, -std::int64_t{top_left.x});
    const std::int64_t right = std::min<std::int64_t>(image.width, std::int64_t{onto.width()} - top_left.x);
    const std::int64_t top = std::max<std::int64_t>(0, -std::int64_t{top_left.y});
    const std::int64_t bottom = std::min<std::int64_t>(image.height, std::int64_t{onto.height()} - top_left.y);
    for (std::int64_t y = top; y < bottom; ++y) {
        const std::uint8_t* const from = image.row(static_cast<int>(y));
        std::uint8_t* const to = onto.row(static_cast<int>(y + top_left.y));
        for (std::int64_t x = left; x < right; ++x) {
            for (int c = 0; c < 3; ++c) {
                to[(x + top_left.x) * 3 + c] = from[x * image.channels + (image.channels == 3 ? c : 0)];
            }
        }
    }
}

/// Colours for the people of one picture, the more easily told apart the fewer of them are used, from the first on.
///
/// Any two lie at least 18 apart in CIELAB (the first eight 32), and each 32 from white and from the gray (170, 170, 170).
/// Chosen one after the other, each as far as can be from those before and from the tones of skin. All are bright enough
/// to be read on black and for black to be read on them.
inline constexpr std::array<Color, 20> kPersonColors{{
    {255, 221, 0},  {238, 51, 255},  {0, 238, 85},    {85, 136, 255},  {0, 238, 238},
    {136, 153, 51}, {255, 85, 119},  {68, 170, 136},  {34, 170, 204},  {255, 153, 221},
    {255, 85, 34},  {187, 136, 0},   {204, 255, 34},  {187, 153, 255}, {153, 204, 255},
    {255, 136, 0},  {255, 204, 136}, {153, 255, 204}, {204, 102, 170}, {170, 204, 102},
}};

/// A colour for a name: always the same for it, most likely another one for another name, and bright enough to be read
/// on black and for black to be read on it. Two of many names may get nearly the same: kPersonColors are told apart.
inline Color person_color(std::string_view name) {
    constexpr int kLeastLuma = 130;
    const std::uint64_t hash = detail::xxh64(name.data(), name.size());
    const auto hue = static_cast<int>(hash % 1536);  // six edges of the colour wheel, 256 steps each
    const auto paleness = static_cast<int>((hash >> 32) % 3) * 48;
    const int rising = hue % 256, falling = 255 - rising;
    constexpr int kFull = 255;
    const std::array<std::array<int, 3>, 6> edges = {{{kFull, rising, 0},
                                                      {falling, kFull, 0},
                                                      {0, kFull, rising},
                                                      {0, falling, kFull},
                                                      {rising, 0, kFull},
                                                      {kFull, 0, falling}}};
    std::array<int, 3> rgb = edges[static_cast<std::size_t>(hue / 256)];
    for (int& channel : rgb) channel += (kFull - channel) * paleness / 255;
    // Luma by ITU-R BT.601; mixing in white raises it in proportion.
    const int luma = (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000;
    if (luma < kLeastLuma) {
        const int white = kLeastLuma - luma, whole = kFull - luma;
        for (int& channel : rgb) channel += ((kFull - channel) * white + whole - 1) / whole;
    }
    return {static_cast<std::uint8_t>(rgb[0]), static_cast<std::uint8_t>(rgb[1]), static_cast<std::uint8_t>(rgb[2])};
}

}  // namespace v0_1
}  // namespace ffr
// What networks are made of: the layers plainly, then fast, then in bytes.

// ---- ffr/layers/plain_layers.hpp
/// \file
/// The layers that networks are built from. What flows between them is a stack of maps:
///
///     FeatureMaps: channels x height x width floats
///
///     input_maps    h x w x 3 -> 3 x h x w: pixels become numbers around 0
///     convolve      C x h x w -> D x h' x w': every output map is a weighted sum over all input maps' neighbourhoods,
///                   plus a number of its own, the bias; h' = (h + 2 padding - side) / stride + 1, where a filter has
///                   side x side pixels, is applied every `stride` pixels, and sees `padding` zeros around the maps
///     relu          what's negative becomes 0: without it, two layers would be no more than one
///     max_pool      C x h x w -> C x h' x w', the largest value of each window: a smaller map, what it found stays
///     average_pool  of each window the mean
///     l2_pool       of each window the length as a vector
///     normalise_across_channels   what's strong in neighbouring maps is damped
///     add           a shortcut around other layers comes back in
///     concatenate   branches that went different ways are stacked on each other: C1 + C2 + ... maps
///
/// At a network's end, an average_pool over whole maps makes a number of each, and a convolution of those maps of one
/// pixel is what's called a fully connected layer.
///
/// This is the plain version, to be read, and what the fast one in simd_layers.hpp is tested against. Its convolution
/// is the formula itself (kernels/reference.hpp) or, with FFR_USE_EIGEN or FFR_USE_OPENBLAS defined, a library's matrix
/// product.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>


// ---- ffr/kernels/convolution.hpp
/// \file
/// The plain layers' convolution: the formula (reference.hpp) or, with FFR_USE_EIGEN or FFR_USE_OPENBLAS defined, a
/// library's matrix product:
///
///     weights                  what they see                                           result
///     outputs x taps   times   taps x pixels: row t is the input as tap t sees it  ->  outputs x pixels
///
/// A tap is one weight of a filter: inputs x side x side of them make a filter.

#include <cstddef>


// ---- ffr/kernels/reference.hpp
/// \file
/// Convolution as its formula says: the plain loops that faster kernels are tested against, and the place to read what
/// a convolution is.
///
///     in: inputs x h x w    weights: outputs x inputs x side x side    -->    out: outputs x h' x w'

#include <cstddef>

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Sizes of a convolution of square filters over maps of one size.
struct ConvolutionShape {
    int inputs, height, width;  // maps that come in
    int outputs;                // maps that go out
    int side, stride, padding;  // of the filters; padding is zeros around the input

    int output_height() const { return (height + 2 * padding - side) / stride + 1; }
    int output_width() const { return (width + 2 * padding - side) / stride + 1; }
    std::ptrdiff_t taps() const { return std::ptrdiff_t{inputs} * side * side; }  // of a filter, over all maps
};

/// out[o][y][x] = bias[o] + sum over i, r, c of weights[o][i][r][c] * in[i][y * stride + r - padding][x * stride + c -
/// padding], where pixels outside of the maps are 0
inline void convolve_reference(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                               float* out) {
    const int width = shape.output_width(), height = shape.output_height();
    for (int o = 0; o < shape.outputs; ++o, out += std::ptrdiff_t{height} * width) {
        for (std::ptrdiff_t pixel = 0; pixel < std::ptrdiff_t{height} * width; ++pixel) out[pixel] = bias[o];
        for (int i = 0; i < shape.inputs; ++i) {
            const float* const map = in + std::ptrdiff_t{i} * shape.height * shape.width;
            for (int r = 0; r < shape.side; ++r) {
                for (int c = 0; c < shape.side; ++c, ++weights) {
                    for (int y = 0; y < height; ++y) {
                        const int in_y = y * shape.stride + r - shape.padding;
                        if (in_y < 0 || in_y >= shape.height) continue;
                        for (int x = 0; x < width; ++x) {
                            const int in_x = x * shape.stride + c - shape.padding;
                            if (in_x < 0 || in_x >= shape.width) continue;
                            out[std::ptrdiff_t{y} * width + x] +=
                                *weights * map[std::ptrdiff_t{in_y} * shape.width + in_x];
                        }
                    }
                }
            }
        }
    }
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
#include <algorithm>
#include <vector>


// ---- ffr/kernels/matrix_product.hpp
/// \file
/// The matrix product that convolutions can be made of, done by Eigen or, with FFR_USE_OPENBLAS defined, by OpenBLAS.
///
///     a: m x k   times   b: k x n   -->   c: m x n

#include <cstddef>

#if defined(FFR_USE_OPENBLAS)
#include <cblas.h>
#elif defined(__GNUC__) && !defined(__clang__)
// g++ 12's own AVX-512 intrinsics warn about themselves wherever Eigen uses them; here it may.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <Eigen/Core>
#pragma GCC diagnostic pop
#else
#include <Eigen/Core>
#endif

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// c (m x n) = a (m x k) times b (k x n), all row after row without gaps.
inline void matrix_product(const float* a, const float* b, float* c, std::ptrdiff_t m, std::ptrdiff_t n,
                           std::ptrdiff_t k) {
#if defined(FFR_USE_OPENBLAS)
    const auto rows = static_cast<int>(m), columns = static_cast<int>(n), depth = static_cast<int>(k);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, depth, 1.0f, a, depth, b, columns, 0.0f, c,
                columns);
#else
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::Map<Matrix>(c, m, n).noalias() = Eigen::Map<const Matrix>(a, m, k) * Eigen::Map<const Matrix>(b, k, n);
#endif
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
#endif

namespace ffr {
inline namespace v0_1 {
namespace kernels {

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)

/// One row of the right side: what tap (row, column) of every filter sees in one input map, for all output pixels.
inline void gather_tap(const ConvolutionShape& shape, const float* map, int row, int column, float* out) {
    const int width = shape.output_width();
    for (int y = 0; y < shape.output_height(); ++y, out += width) {
        const int in_y = y * shape.stride + row - shape.padding;
        if (in_y < 0 || in_y >= shape.height) {
            std::fill_n(out, width, 0.0f);
            continue;
        }
        const float* const in = map + std::ptrdiff_t{in_y} * shape.width;
        for (int x = 0; x < width; ++x) {
            const int in_x = x * shape.stride + column - shape.padding;
            out[x] = in_x < 0 || in_x >= shape.width ? 0.0f : in[in_x];
        }
    }
}

/// Convolution: the same sums as convolve_reference, rounded otherwise.
inline void convolve(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                     float* out) {
    const std::ptrdiff_t pixels = std::ptrdiff_t{shape.output_height()} * shape.output_width();
    std::vector<float> rows(static_cast<std::size_t>(shape.taps() * pixels));
    float* row = rows.data();
    for (int i = 0; i < shape.inputs; ++i) {
        const float* const map = in + std::ptrdiff_t{i} * shape.height * shape.width;
        for (int tap = 0; tap < shape.side * shape.side; ++tap, row += pixels) {
            gather_tap(shape, map, tap / shape.side, tap % shape.side, row);
        }
    }
    matrix_product(weights, rows.data(), out, shape.outputs, pixels, shape.taps());
    for (int o = 0; o < shape.outputs; ++o) {
        for (std::ptrdiff_t p = 0; p < pixels; ++p) *out++ += bias[o];
    }
}

#else

/// Convolution by the formula.
inline void convolve(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                     float* out) {
    convolve_reference(shape, weights, bias, in, out);
}

#endif

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {

/// A stack of maps of one size; values[(channel * height + y) * width + x].
struct FeatureMaps {
    int channels = 0;           ///< how many maps
    int height = 0;             ///< rows of a map
    int width = 0;              ///< pixels a row
    std::vector<float> values;  ///< channels * height * width of them

    /// `c` maps of `h` x `w` pixels, all zero.
    FeatureMaps(int c, int h, int w)
        : channels(c),
          height(h),
          width(w),
          values(static_cast<std::size_t>(c) * static_cast<std::size_t>(h) * static_cast<std::size_t>(w), 0.0f) {}

    /// First value of a map, 0 <= channel < channels.
    float* map(int channel) { return values.data() + std::ptrdiff_t{channel} * height * width; }
    /// \overload
    const float* map(int channel) const { return values.data() + std::ptrdiff_t{channel} * height * width; }
};

/// Refuses a call without faces or with too many.
/// \throws InvalidArgument when there's no face, or more than a network takes at once
inline void require_batch(std::size_t faces, std::size_t most) {
    if (faces == 0 || faces > most) {
        throw InvalidArgument("the network takes 1 to " + std::to_string(most) + " faces at once, not " +
                              std::to_string(faces));
    }
}

/// Refuses a face of another size. \throws InvalidArgument when a face isn't size x size pixels
inline void require_face_size(ImageView face, int size) {
    require_pixels(face);
    if (face.width != size || face.height != size) {
        const std::string side = std::to_string(size);
        throw InvalidArgument("the network takes a face of " + side + " x " + side + " pixels, not " +
                              std::to_string(face.width) + " x " + std::to_string(face.height));
    }
}

/// The pixels of a face as a network takes them: (value - mean of the channel) / range, planes R, G, B; of a gray image
/// three times the same. \throws InvalidArgument when the image isn't size x size pixels
inline FeatureMaps input_maps(ImageView face, int size, const std::array<float, 3>& mean, float range) {
    require_face_size(face, size);
    FeatureMaps maps(3, size, size);
    float* out = maps.values.data();
    for (int c = 0; c < 3; ++c) {
        const int channel = face.channels == 1 ? 0 : c;
        for (int y = 0; y < size; ++y) {
            const std::uint8_t* const row = face.row(y) + channel;
            for (int x = 0; x < size; ++x) {
                *out++ = (static_cast<float>(row[x * face.channels]) - mean[static_cast<std::size_t>(c)]) / range;
            }
        }
    }
    return maps;
}

/// The sizes of a convolution and of the maps that it's given.
using ConvolutionShape = kernels::ConvolutionShape;

/// The extents of a convolution's weights: [output][input][row][column].
inline std::vector<std::size_t> weight_extents(const ConvolutionShape& shape) {
    const auto size = [](int n) { return static_cast<std::size_t>(n); };
    return {size(shape.outputs), size(shape.inputs), size(shape.side), size(shape.side)};
}

/// A layer of square filters with a bias.
struct Convolution {
    int inputs = 0;              ///< maps it takes
    int outputs = 0;             ///< maps it puts out, each by a filter of its own
    int side = 0;                ///< of a filter, in pixels
    int stride = 1;              ///< pixels from where a filter is applied to the next place
    int padding = 0;             ///< zeros around the input, in pixels
    std::vector<float> weights;  ///< [output][input][row][column]
    std::vector<float> bias;     ///< [output]

    /// A layer of the given sizes. The maps that it's given may have others.
    static Convolution from(const ConvolutionShape& shape, std::vector<float> weights, std::vector<float> bias,
                            kernels::SimdPath = kernels::SimdPath::scalar) {
        return {shape.inputs,  shape.outputs,      shape.side,     shape.stride,
                shape.padding, std::move(weights), std::move(bias)};
    }

    /// Reads the tensors NAME/weights (float32 or float16) and NAME/bias.
    /// \throws FormatError when one is missing, of another shape or has a value that isn't finite
    static Convolution load(const WeightsFile& file, const std::string& name, const ConvolutionShape& shape,
                            kernels::SimdPath = kernels::SimdPath::scalar) {
        std::vector<float> weights = file.floats(name + "/weights", weight_extents(shape));
        return from(shape, std::move(weights), file.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)}));
    }
};

/// What's wrong with maps that a convolution can't take.
inline std::string wrong_maps(int inputs, int channels, int height, int width) {
    return "a convolution of " + std::to_string(inputs) + " maps can't take " + std::to_string(channels) + " x " +
           std::to_string(height) + " x " + std::to_string(width);
}

/// Refuses a shape that leaves no output.
/// \throws InvalidArgument when filters are larger than the maps that a shape says they're given
inline void require_filters_fit(const ConvolutionShape& shape) {
    if (std::min(shape.height, shape.width) + 2 * shape.padding < shape.side) {
        throw InvalidArgument(wrong_maps(shape.inputs, shape.inputs, shape.height, shape.width));
    }
}

/// Refuses a layer with gaps.
/// \throws InvalidArgument when there aren't as many weights and biases as a shape has
inline void require_whole(const ConvolutionShape& shape, std::size_t weights, std::size_t bias) {
    const auto outputs = static_cast<std::size_t>(shape.outputs);
    if (weights != outputs * static_cast<std::size_t>(shape.taps()) || bias != outputs) {
        throw InvalidArgument("a convolution with " + std::to_string(weights) + " weights and " + std::to_string(bias) +
                              " biases isn't of its shape");
    }
}

/// Applies a convolution.
/// \throws InvalidArgument when the maps aren't as many as the layer takes, or are smaller than its filters
inline FeatureMaps convolve(const Convolution& layer, const FeatureMaps& in) {
    const ConvolutionShape shape{in.channels, in.height,    in.width,     layer.outputs,
                                 layer.side,  layer.stride, layer.padding};
    if (in.channels != layer.inputs || std::min(in.height, in.width) + 2 * layer.padding < layer.side) {
        throw InvalidArgument(wrong_maps(layer.inputs, in.channels, in.height, in.width));
    }
    FeatureMaps out(layer.outputs, shape.output_height(), shape.output_width());
    kernels::convolve(shape, layer.weights.data(), layer.bias.data(), in.values.data(), out.values.data());
    return out;
}

/// max(value, 0).
inline FeatureMaps relu(FeatureMaps maps) {
    for (float& value : maps.values) value = std::max(value, 0.0f);
    return maps;
}

/// How a pooling layer's windows lie on a map: side x side pixels, `stride` apart, the first one `padding` pixels outside
/// of the map's upper left corner. As many windows as fit into the padded map.
struct PoolWindow {
    int side = 1;     ///< pixels
    int stride = 1;   ///< pixels from a window to the next
    int padding = 0;  ///< pixels, at most half of the side
};

/// Extents of what a pooling layer puts out.
struct PoolSize {
    int height;  ///< rows of windows
    int width;   ///< windows a row
};

/// How many windows fit on maps of `height` x `width` pixels, padding included.
/// \throws InvalidArgument when no window fits on maps of that size, or the padding is more than half of it
inline PoolSize pool_size(const PoolWindow& window, int height, int width) {
    const auto windows = [&](int extent) { return (extent + 2 * window.padding - window.side) / window.stride + 1; };
    if (2 * window.padding > window.side || std::min(height, width) + 2 * window.padding < window.side) {
        throw InvalidArgument("a window of " + std::to_string(window.side) + " pixels doesn't fit on maps of " +
                              std::to_string(height) + " x " + std::to_string(width));
    }
    return {windows(height), windows(width)};
}

namespace detail {

/// Makes one value of each window: `reduce(row, begin, end, so_far)` takes in the pixels of a row that the window has
/// within the map, starting from `start`; `finish` turns the last `so_far` into the value.
template <typename Reduce, typename Finish>
FeatureMaps pool(const FeatureMaps& in, const PoolWindow& window, float start, Reduce reduce, Finish finish) {
    const PoolSize size = pool_size(window, in.height, in.width);
    FeatureMaps out(in.channels, size.height, size.width);
    float* value = out.values.data();
    for (int channel = 0; channel < in.channels; ++channel) {
        for (int y = 0; y < out.height; ++y) {
            const int top = y * window.stride - window.padding;
            const int first_row = std::max(top, 0), end_row = std::min(top + window.side, in.height);
            for (int x = 0; x < out.width; ++x) {
                const int left = x * window.stride - window.padding;
                const int first = std::max(left, 0), end = std::min(left + window.side, in.width);
                float so_far = start;
                for (int row = first_row; row < end_row; ++row) {
                    const float* const pixels = in.map(channel) + std::ptrdiff_t{row} * in.width;
                    so_far = reduce(pixels + first, pixels + end, so_far);
                }
                *value++ = finish(so_far);
            }
        }
    }
    return out;
}

}  // namespace detail

/// The largest value of each window; what the padding adds never counts.
/// \throws InvalidArgument when no window fits, or the padding is more than half of it
inline FeatureMaps max_pool(const FeatureMaps& in, const PoolWindow& window) {
    return detail::pool(
        in, window, -std::numeric_limits<float>::infinity(),
        [](const float* begin, const float* end, float largest) {
            for (; begin != end; ++begin) largest = std::max(largest, *begin);
            return largest;
        },
        [](float largest) { return largest; });
}

/// The mean of each window, padding counted as zeros. \throws InvalidArgument as max_pool does
inline FeatureMaps average_pool(const FeatureMaps& in, const PoolWindow& window) {
    const auto pixels = static_cast<float>(window.side * window.side);
    return detail::pool(
        in, window, 0.0f,
        [](const float* begin, const float* end, float sum) {
            for (; begin != end; ++begin) sum += *begin;
            return sum;
        },
        [pixels](float sum) { return sum / pixels; });
}

/// The length of each window as a vector: the root of its sum of squares. \throws InvalidArgument as max_pool does
inline FeatureMaps l2_pool(const FeatureMaps& in, const PoolWindow& window) {
    return detail::pool(
        in, window, 0.0f,
        [](const float* begin, const float* end, float sum) {
            for (; begin != end; ++begin) sum += *begin * *begin;
            return sum;
        },
        [](float sum) { return std::sqrt(sum); });
}

/// How normalise_across_channels damps; the names are those of its formula.
struct ChannelNormalisation {
    int size = 5;         ///< maps that count, the damped one in their middle: an odd number
    float alpha = 1e-4f;  ///< weight of their mean square
    float beta = 0.75f;   ///< how much is damped: not at all by 0
    float k = 1.0f;       ///< keeps the divisor above 0 where all maps are 0
};

/// Damps a pixel that's strong in neighbouring maps: x / (k + alpha / size * sum of x^2 over the `size` maps around it)
/// ^ beta. Maps that don't exist count as zero. (Krizhevsky, Sutskever & Hinton 2012, "local response normalisation".)
inline FeatureMaps normalise_across_channels(const FeatureMaps& in, const ChannelNormalisation& how = {}) {
    FeatureMaps out(in.channels, in.height, in.width);
    const std::ptrdiff_t pixels = std::ptrdiff_t{in.height} * in.width;
    std::vector<float> energy(static_cast<std::size_t>(pixels));
    for (int channel = 0; channel < in.channels; ++channel) {
        std::fill(energy.begin(), energy.end(), 0.0f);
        const int first = std::max(channel - how.size / 2, 0), last = std::min(channel + how.size / 2, in.channels - 1);
        for (int neighbour = first; neighbour <= last; ++neighbour) {
            const float* const map = in.map(neighbour);
            for (std::size_t i = 0; i < energy.size(); ++i) energy[i] += map[i] * map[i];
        }
        const float* const from = in.map(channel);
        float* const to = out.map(channel);
        const float share = how.alpha / static_cast<float>(how.size);
        for (std::size_t i = 0; i < energy.size(); ++i) {
            to[i] = from[i] / std::pow(how.k + share * energy[i], how.beta);
        }
    }
    return out;
}

/// Stacks the maps of several branches on each other. Where branches differ in size, the result has the largest height
/// and width, and a smaller map lies in the middle of zeros, by half a pixel nearer to the upper left where it can't be
/// in the middle.
inline FeatureMaps concatenate(const std::vector<FeatureMaps>& branches) {
    int channels = 0, height = 0, width = 0;
    for (const FeatureMaps& branch : branches) {
        channels += branch.channels;
        height = std::max(height, branch.height);
        width = std::max(width, branch.width);
    }
    FeatureMaps out(channels, height, width);
    int channel = 0;
    for (const FeatureMaps& branch : branches) {
        const int top = (height - branch.height) / 2, left = (width - branch.width) / 2;
        for (int c = 0; c < branch.channels; ++c, ++channel) {
            for (int y = 0; y < branch.height; ++y) {
                const float* const from = branch.map(c) + std::ptrdiff_t{y} * branch.width;
                std::copy_n(from, branch.width, out.map(channel) + std::ptrdiff_t{top + y} * width + left);
            }
        }
    }
    return out;
}

/// The sum of two stacks of maps that needn't have the same size: the result has the larger extents of both, and what a
/// stack doesn't have counts as 0. Both start at channel 0, row 0, column 0.
inline FeatureMaps add(FeatureMaps a, const FeatureMaps& b) {
    FeatureMaps sum(std::max(a.channels, b.channels), std::max(a.height, b.height), std::max(a.width, b.width));
    const bool fits = a.values.size() == sum.values.size();
    if (fits) std::swap(sum, a);
    const auto add_in = [&sum](const FeatureMaps& maps) {
        for (int channel = 0; channel < maps.channels; ++channel) {
            for (int y = 0; y < maps.height; ++y) {
                const float* const in = maps.map(channel) + std::ptrdiff_t{y} * maps.width;
                float* const out = sum.map(channel) + std::ptrdiff_t{y} * sum.width;
                for (int x = 0; x < maps.width; ++x) out[x] += in[x];
            }
        }
    };
    if (!fits) add_in(a);
    add_in(b);
    return sum;
}

/// The layers as networks call them, in plain loops and of one face at a time. SimdLayers offers the same.
class PlainLayers {
  public:
    /// What flows between layers: channels x height x width floats.
    using Maps = FeatureMaps;
    /// What a convolution keeps.
    using Convolution = ffr::Convolution;
    /// What a fully connected layer keeps.
    using Connection = ffr::Convolution;
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = 1;

    /// Needs nothing of the workspace, and of all paths takes none.
    explicit PlainLayers(Workspace&, kernels::SimdPath = kernels::SimdPath::scalar) {}

    /// The first layer: relu(convolution) of a face's pixels, (value - mean) / range, as input_maps makes them.
    /// \param layer  of 3 input maps
    /// \param faces  `size` x `size` pixels each, gray or RGB; here the first one counts
    /// \param mean   of the channels R, G, B
    /// \throws InvalidArgument when a face is of another size
    Maps look(const Convolution& layer, const std::vector<ImageView>& faces, int size, const std::array<float, 3>& mean,
              float range) const {
        return relu(convolve(layer, input_maps(faces.at(0), size, mean, range)));
    }
    /// relu(convolution): layer.outputs maps, of (extent + 2 * padding - side) / stride + 1 pixels each way.
    /// \throws InvalidArgument as convolve does
    Maps convolve_relu(const Convolution& layer, const Maps& in) const { return relu(convolve(layer, in)); }
    /// relu(convolution + shortcut). The shortcut may be of any size: see add().
    /// \throws InvalidArgument as convolve does
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        return relu(add(convolve(layer, in), shortcut));
    }
    /// A fully connected layer: a convolution of maps of one pixel, which gives layer.outputs such maps. No relu.
    /// \throws InvalidArgument as convolve does
    Maps connect(const Convolution& layer, const Maps& in) const { return convolve(layer, in); }
    /// The largest value of each window: as many maps, of the extents that pool_size gives.
    /// \throws InvalidArgument when no window fits, or the padding is more than half of it
    Maps max_pool(const Maps& in, const PoolWindow& window) const { return ffr::max_pool(in, window); }
    /// The mean of each window, padding counted as zeros; extents and errors as of max_pool.
    Maps average_pool(const Maps& in, const PoolWindow& window) const { return ffr::average_pool(in, window); }
    /// The root of each window's sum of squares; extents and errors as of max_pool.
    Maps l2_pool(const Maps& in, const PoolWindow& window) const { return ffr::l2_pool(in, window); }
    /// What's strong in neighbouring maps is damped, by ChannelNormalisation's defaults; the same extents.
    Maps normalise_across_channels(const Maps& in) const { return ffr::normalise_across_channels(in); }
    /// Stacks the maps of branches on each other, smaller ones in the middle of zeros: the sum of the channels, the
    /// largest height and width.
    Maps concatenate(const std::vector<Maps>& branches) const { return ffr::concatenate(branches); }
    /// The mean of each map, which has to be square: as many maps of one pixel.
    Maps global_mean(const Maps& in) const { return ffr::average_pool(in, {in.height, 1}); }
    /// A face's maps, whatever form and batch the layers keep them in.
    FeatureMaps plain(const Maps& maps, std::size_t) const { return maps; }
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/layers/blocked_maps.hpp
/// \file
/// Maps as the SIMD kernels take them ("single instruction, multiple data": loops in which an instruction calculates
/// with a whole register of numbers): of many faces at once, and channels in blocks of 16 (kernels/jobs.hpp).
///
///     plain maps of a face      channel 0: h x w,  channel 1: h x w,  ...
///     blocked maps of faces     block 0: face 0: h x w pixels of 16 channels, face 1: ..., then block 1: ...

#include <cstddef>


// ---- ffr/kernels/jobs.hpp
/// \file
/// What kernels are called with: plain pointers and sizes, since nothing of the standard library may be compiled for one
/// CPU only (see simd.hpp).
///
/// Maps lie in blocks of 16 channels, a pixel's 16 beside each other. That's one AVX-512 register, and also what makes
/// the kernels' addresses simple: the next pixel is always 16 floats further.
///
///     value of (channel, pixel) = maps[(channel / 16 * pixels + pixel) * 16 + channel % 16]
///
/// `pixel` counts through all pixels of all faces of a batch. Channels that fill up the last block are 0.

#include <cstddef>
#include <cstdint>

namespace ffr {
inline namespace v0_1 {
namespace kernels {

constexpr int kBlock = 16;  // channels that lie beside each other
constexpr int kPanel = 32;  // output channels whose weights lie beside each other

/// Blocks of 16 that so many channels take.
constexpr int blocks_of(int channels) {
    return (channels + kBlock - 1) / kBlock;
}

/// Panels of 32 that so many output channels take.
constexpr int panels_of(int channels) {
    return (channels + kPanel - 1) / kPanel;
}

/// The left side of a matrix product: `count` rows, each made of `runs` runs of `run` numbers. Number i of run k of row r
/// is at values[k * stride + r * pitch + i], where the pitch is the kernel's own.
struct ProductRows {
    const float* values;
    int count;
    std::ptrdiff_t runs, run, stride;
};

/// What's done with sums before they're stored, and where: out = relu(sum + bias + shortcut), as blocks of maps.
struct Finish {
    float* out;             // of the first row's pixel in block 0
    std::ptrdiff_t plane;   // floats from a block to the next
    int blocks;             // that are stored
    const float* bias;      // of whole panels
    const float* shortcut;  // maps that are added, which lie as `out` does, or null
    int shortcut_blocks;    // how many there are; none is added to the others
    bool relu;              // negative sums become 0
};

/// How many numbers lie from where one output pixel's filters begin to see to where the next one's do: the ways in which
/// convolve_line reads its input.
enum class LinePitch {
    colours = 6,    // every second pixel of an interleaved colour image
    channels = 16,  // every pixel of a block of channels
    halving = 32    // every second one
};

/// Output channels whose weights lie beside each other for convolve_line: as many as AVX-512's registers have sums for.
constexpr int line_panel(LinePitch pitch) {
    return pitch == LinePitch::colours ? kBlock : pitch == LinePitch::halving ? 2 * kBlock : 3 * kBlock;
}

/// A line of a convolution's output.
struct LineJob {
    const float* const* lines;  // for each row of the filters the line of the input that it sees, from the first tap on
    int side;                   // rows of the filters
    int blocks;                 // of input channels that a line has; 1 for colours
    std::ptrdiff_t plane;       // floats from one of them to the next
    int run;                    // numbers that a row of the filters sees in a block
    int count;                  // pixels of the output
    const float* weights;       // [panel][row][block][number of the run][output of the panel]
    const float* bias;          // of whole panels
    float* out;                 // the first pixel, of block 0
    std::ptrdiff_t out_plane;   // floats from a block to the next
    int out_blocks;             // how many there are
};

/// How maps are divided for Winograd's method: into squares of output pixels.
struct TileGrid {
    int height, width;   // of a map
    int lines, columns;  // of tiles on it

    int tiles() const { return lines * columns; }
};

/// A pooling layer's way over maps.
struct PoolShape {
    int maps;                   // blocks times faces
    int height, width;          // in
    int out_height, out_width;  // out
    int side, stride, padding;  // of the window
};

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {

/// Maps of a batch of faces; the channels that fill up the last block are 0. Its memory is a workspace's.
class BlockedMaps {
  public:
    /// Maps of the given sizes; values are anything at first.
    BlockedMaps(Workspace& workspace, int faces, int channels, int height, int width)
        : faces_(faces), channels_(channels), height_(height), width_(width), values_(workspace, count()) {}

    /// Faces of the batch.
    int faces() const { return faces_; }
    /// Maps of a face, without those that fill up the last block.
    int channels() const { return channels_; }
    /// Rows of a map.
    int height() const { return height_; }
    /// Pixels a row.
    int width() const { return width_; }
    /// Blocks of 16 channels.
    int blocks() const { return kernels::blocks_of(channels_); }
    /// Pixels of all faces.
    int pixels() const { return faces_ * height_ * width_; }
    /// Floats from a block to the next.
    std::ptrdiff_t plane() const { return std::ptrdiff_t{pixels()} * kernels::kBlock; }
    /// All floats.
    std::size_t count() const { return static_cast<std::size_t>(plane()) * static_cast<std::size_t>(blocks()); }

    /// The first value.
    float* data() { return values_.data(); }
    /// \overload
    const float* data() const { return values_.data(); }
    /// The 16 values of a pixel, of channels 16 * block to 16 * block + 15. The next pixel's are 16 floats further.
    float* at(int block, int face, int y, int x) {
        return data() + block * plane() +
               (std::ptrdiff_t{face} * height_ * width_ + std::ptrdiff_t{y} * width_ + x) * kernels::kBlock;
    }
    /// \overload
    const float* at(int block, int face, int y, int x) const {
        return const_cast<BlockedMaps*>(this)->at(block, face, y, x);
    }

    /// A face's maps in the plain order.
    FeatureMaps plain(int face) const {
        FeatureMaps maps(channels_, height_, width_);
        float* out = maps.values.data();
        for (int channel = 0; channel < channels_; ++channel) {
            for (int y = 0; y < height_; ++y) {
                for (int x = 0; x < width_; ++x) {
                    *out++ = at(channel / kernels::kBlock, face, y, x)[channel % kernels::kBlock];
                }
            }
        }
        return maps;
    }

  private:
    int faces_, channels_, height_, width_;
    Workspace::Floats values_;
};

/// True when maps of any kind can be added to `out` as a shortcut: of the same faces and size, and not more channels.
template <typename Maps>
bool can_add(const Maps& shortcut, const Maps& out) {
    return shortcut.faces() == out.faces() && shortcut.height() == out.height() && shortcut.width() == out.width() &&
           shortcut.channels() <= out.channels();
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/layers/row_chunks.hpp
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

// ---- ffr/layers/simd_convolution.hpp
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


// ---- ffr/kernels/simd.hpp
/// \file
/// The networks' kernels for each CPU, in a translation unit that is compiled for none of them in particular, and the
/// choice between them when the program runs.
///
///     product.inl, winograd.inl, pooling.inl, gather.inl
///           |                 included once for each Vector:
///           +--> scalar: 1 float   sse2, neon: 4   avx2: 8   avx512: 16   --kernels_of(path)--> Kernels
///
/// Each kernel has one text, a file that ends in .inl. It's included here once a CPU, inside of a region that the
/// compiler translates for that CPU, into a namespace that has a type `Vector` of that CPU's registers. Sums and
/// products of registers are written with operators, which g++ and clang++ have for them. Read with scalar's Vector,
/// whose register is a float, a text is its own plain version.
///
/// No template or inline function of the standard library is used in a region: the linker could keep a copy of it that
/// was compiled for that CPU, for all.
///
/// A program of many files compiles the kernels in each of them, which takes seconds, unless they're compiled once: see
/// base/compiled.hpp.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>


namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Winograd's transforms for one size of tiles: see winograd.inl.
struct WinogradKernels {
    void (*input)(const TileGrid&, int faces, int blocks, const float* in, int first, int count, float* out);
    void (*output)(const TileGrid&, const float* sums, int first, int count, const Finish&);
    void (*filter)(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point);
};

/// The kernels of a path: see product.inl, lines.inl, winograd.inl and pooling.inl.
struct Kernels {
    int rows;     // most rows that a product takes
    bool widens;  // true when product_of_halves works
    void (*product)(const ProductRows&, const float* panel, int first_channel, const Finish&);
    void (*product_of_halves)(const ProductRows&, const std::uint16_t* panel, int first_channel, const Finish&);
    void (*product_of_pixels)(const ProductRows&, const float* panel, int first_channel, const Finish&);
    void (*gather)(const ConvolutionShape&, int faces, const float* in, int first, int count, float* out);
    void (*convolve_line_relu)(LinePitch, const LineJob&);
    void (*convolve_line_to_one)(const LineJob&);
    WinogradKernels winograd2, winograd4;
    void (*max_pool)(const PoolShape&, const float* in, float* out);
    void (*average_pool)(const PoolShape&, const float* in, float* out);
    void (*l2_pool)(const PoolShape&, const float* in, float* out);
    void (*normalise_pixels)(const std::uint8_t* bytes, int count, const float* mean, float range, float* out);
    void (*normalise_across_channels)(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares);
};

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

const Kernels& kernels_of(SimdPath path);

#else

namespace scalar {

struct Vector {
    using Register = float;
    static constexpr int kLanes = 1, kRows = 4, kColumns = 4;
    static constexpr bool kWidens = false;

    static Register load(const float* from) { return *from; }
    static Register load(const std::uint8_t* from) { return static_cast<float>(*from); }
    static void store(float* to, Register value) { *to = value; }
    static Register broadcast(float value) { return value; }
    static Register multiply_add(Register a, Register b, Register c) { return a * b + c; }
    static Register maximum(Register a, Register b) { return a > b ? a : b; }
    static Register square_root(Register a) { return std::sqrt(a); }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/lines.inl
// Convolutions of large maps, a line of the output at a time, one text for all CPUs (see simd.hpp).
//
//     in:  line y      [block][x][16]      out: line y   [block][x][16]      The lines that the filters' rows see are
//          line y + 1  ...                                                   named one by one, so that they needn't lie
//          line y + 2  ...                                                   beside each other, and zeros may be shared.
//
// What a row of a filter sees of a block are numbers that lie beside each other, and the next pixel's begin a fixed number
// of floats further: the matrix product of product.inl reads them where they are, and nothing is gathered.

/// Columns of sums at once: all of a panel's in AVX-512's registers, 16 channels in others.
template <int kPitch>
constexpr int kLineColumns = Vector::kLanes == kBlock ? line_panel(static_cast<LinePitch>(kPitch)) / kBlock
                                                      : Vector::kColumns;

/// Pixels at once, as product_block's registers allow: on AVX-512 28 x 1, 14 x 2 or 9 x 3 sums.
template <int kPitch>
constexpr int kLineRows = Vector::kRows* Vector::kColumns / kLineColumns<kPitch>;

/// relu(sum + bias) of some pixels from `x` on and some channels from `channel` of a panel on.
template <int kRows, int kPitch>
inline void line_block(const LineJob& job, int x, int panel, int channel) {
    constexpr int kColumns = kLineColumns<kPitch>, kLanes = Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    using Register = typename Vector::Register;
    const std::ptrdiff_t taps = std::ptrdiff_t{job.side} * job.blocks * job.run;
    const float* weights = job.weights + panel * taps * kPanelSize + channel;
    const int first = panel * kPanelSize + channel;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(job.bias + first + v * kLanes);
    }
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kPitch;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; ++i, weights += kPanelSize) {
                Register weight[kColumns];
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    weight[v] = Vector::load(weights + v * kLanes);
                }
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    const Register number = Vector::broadcast(left[r * kPitch + i]);
                    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                        sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                    }
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = first + v * kLanes;
        if (c / kBlock >= job.out_blocks) return;
        float* const out = job.out + c / kBlock * job.out_plane + std::ptrdiff_t{x} * kBlock + c % kBlock;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            Vector::store(out + r * kBlock, Vector::maximum(sums[r][v], Vector::broadcast(0)));
        }
    }
}

/// Finds the kernel for this number of pixels.
template <int kRows, int kPitch>
inline void line_rows(const LineJob& job, int x, int count, int panel, int channel) {
    if (count == kRows) {
        line_block<kRows, kPitch>(job, x, panel, channel);
    } else if constexpr (kRows > 1) {
        line_rows<kRows - 1, kPitch>(job, x, count, panel, channel);
    }
}

/// All pixels and channels, in blocks of about the same size.
template <int kPitch>
inline void line_of(const LineJob& job) {
    constexpr int kRows = kLineRows<kPitch>, kStep = kLineColumns<kPitch> * Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    const int blocks = (job.count + kRows - 1) / kRows;
    for (int first = 0; first < job.out_blocks * kBlock; first += kStep) {
        for (int block = 0; block < blocks; ++block) {
            const int x = static_cast<int>(std::int64_t{job.count} * block / blocks);
            const int end = static_cast<int>(std::int64_t{job.count} * (block + 1) / blocks);
            line_rows<kRows, kPitch>(job, x, end - x, first / kPanelSize, first % kPanelSize);
        }
    }
}

/// A line of relu(convolution).
inline void convolve_line_relu(LinePitch pitch, const LineJob& job) {
    switch (pitch) {
        case LinePitch::colours:
            return line_of<static_cast<int>(LinePitch::colours)>(job);
        case LinePitch::channels:
            return line_of<static_cast<int>(LinePitch::channels)>(job);
        case LinePitch::halving:
            return line_of<static_cast<int>(LinePitch::halving)>(job);
    }
}

/// Some pixels of a convolution with one output channel: lanes are input channels here, whose sums come together at the end.
template <int kRows>
inline void line_to_one(const LineJob& job, int x) {
    using Register = typename Vector::Register;
    const float* weights = job.weights;
    Register sums[kRows];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Vector::broadcast(0);
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kBlock;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; i += Vector::kLanes, weights += Vector::kLanes) {
                const Register weight = Vector::load(weights);
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    sums[r] = Vector::multiply_add(Vector::load(left + r * kBlock + i), weight, sums[r]);
                }
            }
        }
    }
    for (int r = 0; r < kRows; ++r) {
        float lanes[Vector::kLanes], sum = job.bias[0];
        Vector::store(lanes, sums[r]);
        for (const float lane : lanes) sum += lane;
        job.out[x + r] = sum;
    }
}

/// A line of a convolution with one output channel, whose pixels then lie beside each other. No relu.
/// Weights lie as [row][block][number of the run].
inline void convolve_line_to_one(const LineJob& job) {
    constexpr int kRows = Vector::kRows;
    int x = 0;
    for (; x + kRows <= job.count; x += kRows) line_to_one<kRows>(job, x);
    for (; x < job.count; ++x) line_to_one<1>(job, x);
}

// ---- ffr/kernels/pooling.inl
// What networks do besides convolutions, one text for all CPUs (see simd.hpp). layers.hpp has the plain version. Each
// lane is a channel of its own.
//
//     maps x h x w x 16 channels  -->  maps x out_height x out_width x 16 channels, a value for each window

/// The kinds of pools: how a pixel is taken in, and what becomes of the last sum of `pixels` pixels.
struct LargestOf {
    static typename Vector::Register start() { return Vector::broadcast(-3.4028235e38f); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::maximum(so_far, pixel);
    }
    static typename Vector::Register finish(typename Vector::Register largest, float) { return largest; }
};

struct MeanOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return so_far + pixel;
    }
    static typename Vector::Register finish(typename Vector::Register sum, float pixels) {
        return sum / Vector::broadcast(pixels);
    }
};

struct LengthOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::multiply_add(pixel, pixel, so_far);
    }
    static typename Vector::Register finish(typename Vector::Register squares, float) {
        return Vector::square_root(squares);
    }
};

/// One value of each window; what the padding adds isn't taken in.
template <typename Kind>
inline void pool(const PoolShape& shape, const float* in, float* out) {
    const auto pixels = static_cast<float>(shape.side * shape.side);
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kBlock) {
        for (int y = 0; y < shape.out_height; ++y) {
            const int top = y * shape.stride - shape.padding;
            const int first_row = top < 0 ? 0 : top;
            const int end_row = top + shape.side < shape.height ? top + shape.side : shape.height;
            for (int x = 0; x < shape.out_width; ++x, out += kBlock) {
                const int left = x * shape.stride - shape.padding;
                const int first = left < 0 ? 0 : left;
                const int end = left + shape.side < shape.width ? left + shape.side : shape.width;
                for (int c = 0; c < kBlock; c += Vector::kLanes) {
                    typename Vector::Register so_far = Kind::start();
                    for (int row = first_row; row < end_row; ++row) {
                        const float* pixel = in + (std::ptrdiff_t{row} * shape.width + first) * kBlock + c;
                        for (int column = first; column < end; ++column, pixel += kBlock) {
                            so_far = Kind::take(so_far, Vector::load(pixel));
                        }
                    }
                    Vector::store(out + c, Kind::finish(so_far, pixels));
                }
            }
        }
    }
}

inline void max_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LargestOf>(shape, in, out);
}

inline void average_pool(const PoolShape& shape, const float* in, float* out) {
    pool<MeanOf>(shape, in, out);
}

inline void l2_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LengthOf>(shape, in, out);
}

/// Pixels as numbers: out[i] = (bytes[i] - mean[i % 48]) / range, for `count` numbers and as many more as complete 48, of
/// which red, green and blue are a third each.
inline void normalise_pixels(const std::uint8_t* bytes, int count, const float* mean, float range, float* out) {
    const typename Vector::Register divisor = Vector::broadcast(range);
    for (int first = 0; first < count; first += 48) {
        for (int i = 0; i < 48; i += Vector::kLanes) {
            Vector::store(out + first + i, (Vector::load(bytes + first + i) - Vector::load(mean + i)) / divisor);
        }
    }
}

/// Divides each value by (k + alpha / 5 * the sum of squares of the 5 channels around it) ^ 3/4.
/// \param squares  (16 * blocks + 32) floats to work in, of which the first 16 and the last 16 are 0
inline void normalise_across_channels(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares) {
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel, in += kBlock, out += kBlock) {
        const std::ptrdiff_t plane = pixels * kBlock;
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const typename Vector::Register value = Vector::load(in + block * plane + c);
                Vector::store(squares + (block + 1) * kBlock + c, value * value);
            }
        }
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const float* const around = squares + (block + 1) * kBlock + c;
                typename Vector::Register energy = Vector::load(around - 2);
                for (int channel = -1; channel <= 2; ++channel) energy = energy + Vector::load(around + channel);
                const typename Vector::Register damping =
                    Vector::multiply_add(Vector::broadcast(alpha / 5), energy, Vector::broadcast(k));
                const typename Vector::Register root = Vector::square_root(damping);  // ^ 1/2, and its root ^ 1/4
                Vector::store(out + block * plane + c,
                              Vector::load(in + block * plane + c) / (root * Vector::square_root(root)));
            }
        }
    }
}

// ---- ffr/kernels/product.inl
// The matrix product under all convolutions, one text for all CPUs (see simd.hpp).
//
//     row r, channel c:   finish(sum over k of left[r][k] * weights[k][c])
//
// The weights lie as the loop reads them: for each k the 32 channels of a panel. A block of sums stays in registers while
// k goes by once. In each step a number of each row is multiplied by all columns: with R rows and C columns of registers,
// R * C multiply-adds for R + C loads.

// All weights of a network don't fit into the second-level cache, and the processor's own prefetching ends at each page of
// 4096 bytes. So a panel's weights are asked for so many steps before they're needed; a little behind the last ones, too,
// which does no harm. ResNet-29 with float32 weights, batch of 1: 1.8 ms without, 1.5 ms with it; 64 to 256 are alike.
constexpr int kAhead = 96;

/// Register budget: kRows x kColumns sums, kColumns weights and one number of the left side.
///     AVX-512: 14 x 2 + 2 + 1 of 32     AVX2, SSE2: 6 x 2 + 2 + 1 of 16     NEON: 6 x 4 + 4 + 1 of 32
template <int kRows, int kPitch, typename Weight>
inline void product_block(const ProductRows& rows, const Weight* weights, int channel, const Finish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    using Register = typename Vector::Register;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(finish.bias + channel + v * kLanes);
    }
    const float* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel) {
            Register weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                prefetch(weights + kAhead * kPanel + v * kLanes);
                weight[v] = Vector::load(weights + v * kLanes);
            }
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                const Register number = Vector::broadcast(left[r * kPitch + i]);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = channel + v * kLanes, block = c / kBlock;
        if (block >= finish.blocks) return;
        const std::ptrdiff_t offset = block * finish.plane + c % kBlock;
        if (finish.shortcut != nullptr && block < finish.shortcut_blocks) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = sums[r][v] + Vector::load(finish.shortcut + offset + r * kBlock);
            }
        }
        if (finish.relu) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = Vector::maximum(sums[r][v], Vector::broadcast(0));
            }
        }
        FFR_UNROLL for (int r = 0; r < kRows; ++r) Vector::store(finish.out + offset + r * kBlock, sums[r][v]);
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch, typename Weight>
inline void product_rows(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c, first_channel + c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows, typename Weight>
inline void product_of(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kBlock>(rows, panel, first_channel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, first_channel, finish);
    }
}

/// Up to Vector::kRows rows, 16 floats from each other, times a panel of weights.
inline void product(const ProductRows& rows, const float* panel, int first_channel, const Finish& finish) {
    product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for weights that are kept in 16 bits, which are half as much to read.
inline void product_of_halves(const ProductRows& rows, const std::uint16_t* panel, int first_channel,
                              const Finish& finish) {
    if constexpr (Vector::kWidens) product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for a whole line of rows that are pixels of an interleaved colour image, every second one: 6 floats from each
/// other. The networks' lines of 72 and 48 pixels leave none over.
inline void product_of_pixels(const ProductRows& line, const float* panel, int first_channel, const Finish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ProductRows rows = line;
    Finish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, first_channel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, first_channel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kBlock;
    }
}

/// Rows for product: see gather.inl.
inline void gather_floats(const ConvolutionShape& shape, int faces, const float* in, int first, int count, float* out) {
    gather<kBlock * sizeof(float)>(shape, blocks_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first,
                                   count, reinterpret_cast<char*>(out));
}

// ---- ffr/kernels/winograd.inl
// Winograd's way to filter by 3 x 3 taps, one text for all CPUs (see simd.hpp).
//
// A filter's response on a tile of T x T output pixels is a product of polynomials, and those may be multiplied point by
// point: evaluated at T + 2 points, multiplied there, and interpolated again.
//
//     tile of input (T+2)^2  -> B'dB ->  (T+2)^2 numbers d         weights 3x3  -> GgG' ->  (T+2)^2 numbers u
//     sum over the input channels of d * u, for each of the (T+2)^2 points apart: a matrix product tiles x channels
//     A'mA ->  T x T output pixels
//
// 16 outputs by T = 4 cost 36 multiplications in place of 144, 4 outputs by T = 2 cost 16 in place of 36. The weights of
// T = 4 take four times their memory, those of T = 2 1.8 times.
//
// Paper: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". The points are 0, +-1, +-2 and infinity
// for T = 4, and 0, +-1 and infinity for T = 2.

template <int kTile>
struct Winograd;

template <>
struct Winograd<2> {
    static constexpr int kPoints = 4;

    struct Input {  // B'
        static constexpr int kIn = 4, kOut = 4;
        template <typename R>
        static void apply(const R (&d)[4], R (&out)[4]) {
            out[0] = d[0] - d[2];
            out[1] = d[1] + d[2];
            out[2] = d[2] - d[1];
            out[3] = d[1] - d[3];
        }
    };
    struct Filter {  // G
        static constexpr int kIn = 3, kOut = 4;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[4]) {
            const R even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
            out[0] = g[0];
            out[1] = even + odd;
            out[2] = even - odd;
            out[3] = g[2];
        }
    };
    struct Output {  // A'
        static constexpr int kIn = 4, kOut = 2;
        template <typename R>
        static void apply(const R (&m)[4], R (&out)[2]) {
            out[0] = m[0] + m[1] + m[2];
            out[1] = m[1] - m[2] - m[3];
        }
    };
};

template <>
struct Winograd<4> {
    static constexpr int kPoints = 6;

    struct Input {
        static constexpr int kIn = 6, kOut = 6;
        template <typename R>
        static void apply(const R (&d)[6], R (&out)[6]) {
            const R even1 = d[4] - 4.0f * d[2], odd1 = d[3] - 4.0f * d[1];
            const R even2 = d[4] - d[2], odd2 = 2.0f * (d[3] - d[1]);
            out[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
        }
    };
    struct Filter {
        static constexpr int kIn = 3, kOut = 6;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[6]) {
            const R even1 = (-1.0f / 6) * (g[0] + g[2]), odd1 = (-1.0f / 6) * g[1];
            const R even2 = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], odd2 = (1.0f / 12) * g[1];
            out[0] = 0.25f * g[0];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = g[2];
        }
    };
    struct Output {
        static constexpr int kIn = 6, kOut = 4;
        template <typename R>
        static void apply(const R (&m)[6], R (&out)[4]) {
            const R sum1 = m[1] + m[2], difference1 = m[1] - m[2];
            const R sum2 = m[3] + m[4], difference2 = m[3] - m[4];
            out[0] = m[0] + sum1 + sum2;
            out[1] = difference1 + 2.0f * difference2;
            out[2] = sum1 + 4.0f * sum2;
            out[3] = difference1 + 8.0f * difference2 + m[5];
        }
    };
};

/// A step applied to the columns of a square, then to the rows of what comes out: one register of channels at each place.
/// \param in_line, in_column, out_line, out_column  floats from a place to the one below and beside it
template <typename Step>
inline void transform_square(const float* in, std::ptrdiff_t in_line, std::ptrdiff_t in_column, float* out,
                             std::ptrdiff_t out_line, std::ptrdiff_t out_column) {
    typename Vector::Register columns[Step::kOut][Step::kIn];
    for (int x = 0; x < Step::kIn; ++x) {
        typename Vector::Register before[Step::kIn], after[Step::kOut];
        FFR_UNROLL for (int y = 0; y < Step::kIn; ++y) before[y] = Vector::load(in + y * in_line + x * in_column);
        Step::apply(before, after);
        FFR_UNROLL for (int y = 0; y < Step::kOut; ++y) columns[y][x] = after[y];
    }
    for (int y = 0; y < Step::kOut; ++y) {
        typename Vector::Register after[Step::kOut];
        Step::apply(columns[y], after);
        FFR_UNROLL for (int x = 0; x < Step::kOut; ++x) Vector::store(out + y * out_line + x * out_column, after[x]);
    }
}

/// The rows of the products for `count` tiles from `first` on: out[point][block][tile][16].
template <int kTile>
inline void winograd_input(const TileGrid& grid, int faces, int blocks, const float* in, int first, int count,
                           float* out) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{blocks} * count * kBlock;
    for (int tile = first; tile < first + count; ++tile, out += kBlock) {
        const int face = tile / grid.tiles(), at = tile % grid.tiles();
        const int top = at / grid.columns * kTile - 1, left = at % grid.columns * kTile - 1;
        const bool inside = top >= 0 && left >= 0 && top + kPoints <= grid.height && left + kPoints <= grid.width;
        std::ptrdiff_t corner = face * map + top * line + std::ptrdiff_t{left} * kBlock;
        for (int block = 0; block < blocks; ++block, corner += faces * map) {
            float padded[kPoints][kPoints][kBlock];
            const float* square = padded[0][0];
            std::ptrdiff_t square_line = kPoints * kBlock;
            if (inside) {
                square = in + corner;
                square_line = line;
            } else {
                for (int y = 0; y < kPoints; ++y) {
                    for (int x = 0; x < kPoints; ++x) {
                        const bool there =
                            top + y >= 0 && top + y < grid.height && left + x >= 0 && left + x < grid.width;
                        if (there) {
                            std::memcpy(padded[y][x], in + corner + y * line + x * kBlock, sizeof padded[y][x]);
                        } else {
                            std::memset(padded[y][x], 0, sizeof padded[y][x]);
                        }
                    }
                }
            }
            float* const points = out + std::ptrdiff_t{block} * count * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                transform_square<typename Winograd<kTile>::Input>(square + c, square_line, kBlock, points + c,
                                                                  kPoints * point, point);
            }
        }
    }
}

/// The output pixels of `count` tiles from `first` on, of sums[point][block][tile][16].
template <int kTile>
inline void winograd_output(const TileGrid& grid, const float* sums, int first, int count, const Finish& finish) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{finish.blocks} * count * kBlock;
    for (int block = 0; block < finish.blocks; ++block) {
        const bool adds = finish.shortcut != nullptr && block < finish.shortcut_blocks;
        for (int tile = first; tile < first + count; ++tile, sums += kBlock) {
            const int face = tile / grid.tiles(), at = tile % grid.tiles();
            const int top = at / grid.columns * kTile, left = at % grid.columns * kTile;
            const int lines = grid.height - top < kTile ? grid.height - top : kTile;
            const int columns = grid.width - left < kTile ? grid.width - left : kTile;
            const std::ptrdiff_t corner =
                block * finish.plane + face * map + top * line + std::ptrdiff_t{left} * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                float pixels[kTile][kTile][Vector::kLanes];
                transform_square<typename Winograd<kTile>::Output>(sums + c, kPoints * point, point, pixels[0][0],
                                                                   kTile * Vector::kLanes, Vector::kLanes);
                const typename Vector::Register bias = Vector::load(finish.bias + block * kBlock + c);
                for (int y = 0; y < lines; ++y) {
                    for (int x = 0; x < columns; ++x) {
                        const std::ptrdiff_t offset = corner + y * line + x * kBlock + c;
                        typename Vector::Register value = Vector::load(pixels[y][x]) + bias;
                        if (adds) value = value + Vector::load(finish.shortcut + offset);
                        if (finish.relu) value = Vector::maximum(value, Vector::broadcast(0));
                        Vector::store(finish.out + offset, value);
                    }
                }
            }
        }
    }
}

/// Weights of one input channel and a panel of output channels at the points: out[p * point + channel].
/// \param taps  tap t of the 9 is at taps[t * tap + channel]
template <int kTile>
inline void winograd_filter(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    for (int c = 0; c < kPanel; c += Vector::kLanes) {
        transform_square<typename Winograd<kTile>::Filter>(taps + c, 3 * tap, tap, out + c, kPoints * point, point);
    }
}
//

// ---- ffr/kernels/table.inl
// This CPU's kernels as one value (see simd.hpp).

inline constexpr Kernels kKernels{Vector::kRows,
                                  Vector::kWidens,
                                  product,
                                  product_of_halves,
                                  product_of_pixels,
                                  gather_floats,
                                  convolve_line_relu,
                                  convolve_line_to_one,
                                  {winograd_input<2>, winograd_output<2>, winograd_filter<2>},
                                  {winograd_input<4>, winograd_output<4>, winograd_filter<4>},
                                  max_pool,
                                  average_pool,
                                  l2_pool,
                                  normalise_pixels,
                                  normalise_across_channels};

}  // namespace scalar

#if defined(FFR_SSE2_KERNELS)

namespace sse2 {

struct Vector {
    using Register = __m128;
    static constexpr int kLanes = 4, kRows = 6, kColumns = 2;
    static constexpr bool kWidens = false;

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static Register load(const std::uint8_t* from) { return _mm_setr_ps(from[0], from[1], from[2], from[3]); }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
    static Register maximum(Register a, Register b) { return _mm_max_ps(a, b); }
    static Register square_root(Register a) { return _mm_sqrt_ps(a); }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/lines.inl
// Convolutions of large maps, a line of the output at a time, one text for all CPUs (see simd.hpp).
//
//     in:  line y      [block][x][16]      out: line y   [block][x][16]      The lines that the filters' rows see are
//          line y + 1  ...                                                   named one by one, so that they needn't lie
//          line y + 2  ...                                                   beside each other, and zeros may be shared.
//
// What a row of a filter sees of a block are numbers that lie beside each other, and the next pixel's begin a fixed number
// of floats further: the matrix product of product.inl reads them where they are, and nothing is gathered.

/// Columns of sums at once: all of a panel's in AVX-512's registers, 16 channels in others.
template <int kPitch>
constexpr int kLineColumns = Vector::kLanes == kBlock ? line_panel(static_cast<LinePitch>(kPitch)) / kBlock
                                                      : Vector::kColumns;

/// Pixels at once, as product_block's registers allow: on AVX-512 28 x 1, 14 x 2 or 9 x 3 sums.
template <int kPitch>
constexpr int kLineRows = Vector::kRows* Vector::kColumns / kLineColumns<kPitch>;

/// relu(sum + bias) of some pixels from `x` on and some channels from `channel` of a panel on.
template <int kRows, int kPitch>
inline void line_block(const LineJob& job, int x, int panel, int channel) {
    constexpr int kColumns = kLineColumns<kPitch>, kLanes = Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    using Register = typename Vector::Register;
    const std::ptrdiff_t taps = std::ptrdiff_t{job.side} * job.blocks * job.run;
    const float* weights = job.weights + panel * taps * kPanelSize + channel;
    const int first = panel * kPanelSize + channel;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(job.bias + first + v * kLanes);
    }
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kPitch;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; ++i, weights += kPanelSize) {
                Register weight[kColumns];
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    weight[v] = Vector::load(weights + v * kLanes);
                }
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    const Register number = Vector::broadcast(left[r * kPitch + i]);
                    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                        sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                    }
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = first + v * kLanes;
        if (c / kBlock >= job.out_blocks) return;
        float* const out = job.out + c / kBlock * job.out_plane + std::ptrdiff_t{x} * kBlock + c % kBlock;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            Vector::store(out + r * kBlock, Vector::maximum(sums[r][v], Vector::broadcast(0)));
        }
    }
}

/// Finds the kernel for this number of pixels.
template <int kRows, int kPitch>
inline void line_rows(const LineJob& job, int x, int count, int panel, int channel) {
    if (count == kRows) {
        line_block<kRows, kPitch>(job, x, panel, channel);
    } else if constexpr (kRows > 1) {
        line_rows<kRows - 1, kPitch>(job, x, count, panel, channel);
    }
}

/// All pixels and channels, in blocks of about the same size.
template <int kPitch>
inline void line_of(const LineJob& job) {
    constexpr int kRows = kLineRows<kPitch>, kStep = kLineColumns<kPitch> * Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    const int blocks = (job.count + kRows - 1) / kRows;
    for (int first = 0; first < job.out_blocks * kBlock; first += kStep) {
        for (int block = 0; block < blocks; ++block) {
            const int x = static_cast<int>(std::int64_t{job.count} * block / blocks);
            const int end = static_cast<int>(std::int64_t{job.count} * (block + 1) / blocks);
            line_rows<kRows, kPitch>(job, x, end - x, first / kPanelSize, first % kPanelSize);
        }
    }
}

/// A line of relu(convolution).
inline void convolve_line_relu(LinePitch pitch, const LineJob& job) {
    switch (pitch) {
        case LinePitch::colours:
            return line_of<static_cast<int>(LinePitch::colours)>(job);
        case LinePitch::channels:
            return line_of<static_cast<int>(LinePitch::channels)>(job);
        case LinePitch::halving:
            return line_of<static_cast<int>(LinePitch::halving)>(job);
    }
}

/// Some pixels of a convolution with one output channel: lanes are input channels here, whose sums come together at the end.
template <int kRows>
inline void line_to_one(const LineJob& job, int x) {
    using Register = typename Vector::Register;
    const float* weights = job.weights;
    Register sums[kRows];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Vector::broadcast(0);
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kBlock;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; i += Vector::kLanes, weights += Vector::kLanes) {
                const Register weight = Vector::load(weights);
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    sums[r] = Vector::multiply_add(Vector::load(left + r * kBlock + i), weight, sums[r]);
                }
            }
        }
    }
    for (int r = 0; r < kRows; ++r) {
        float lanes[Vector::kLanes], sum = job.bias[0];
        Vector::store(lanes, sums[r]);
        for (const float lane : lanes) sum += lane;
        job.out[x + r] = sum;
    }
}

/// A line of a convolution with one output channel, whose pixels then lie beside each other. No relu.
/// Weights lie as [row][block][number of the run].
inline void convolve_line_to_one(const LineJob& job) {
    constexpr int kRows = Vector::kRows;
    int x = 0;
    for (; x + kRows <= job.count; x += kRows) line_to_one<kRows>(job, x);
    for (; x < job.count; ++x) line_to_one<1>(job, x);
}

// ---- ffr/kernels/pooling.inl
// What networks do besides convolutions, one text for all CPUs (see simd.hpp). layers.hpp has the plain version. Each
// lane is a channel of its own.
//
//     maps x h x w x 16 channels  -->  maps x out_height x out_width x 16 channels, a value for each window

/// The kinds of pools: how a pixel is taken in, and what becomes of the last sum of `pixels` pixels.
struct LargestOf {
    static typename Vector::Register start() { return Vector::broadcast(-3.4028235e38f); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::maximum(so_far, pixel);
    }
    static typename Vector::Register finish(typename Vector::Register largest, float) { return largest; }
};

struct MeanOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return so_far + pixel;
    }
    static typename Vector::Register finish(typename Vector::Register sum, float pixels) {
        return sum / Vector::broadcast(pixels);
    }
};

struct LengthOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::multiply_add(pixel, pixel, so_far);
    }
    static typename Vector::Register finish(typename Vector::Register squares, float) {
        return Vector::square_root(squares);
    }
};

/// One value of each window; what the padding adds isn't taken in.
template <typename Kind>
inline void pool(const PoolShape& shape, const float* in, float* out) {
    const auto pixels = static_cast<float>(shape.side * shape.side);
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kBlock) {
        for (int y = 0; y < shape.out_height; ++y) {
            const int top = y * shape.stride - shape.padding;
            const int first_row = top < 0 ? 0 : top;
            const int end_row = top + shape.side < shape.height ? top + shape.side : shape.height;
            for (int x = 0; x < shape.out_width; ++x, out += kBlock) {
                const int left = x * shape.stride - shape.padding;
                const int first = left < 0 ? 0 : left;
                const int end = left + shape.side < shape.width ? left + shape.side : shape.width;
                for (int c = 0; c < kBlock; c += Vector::kLanes) {
                    typename Vector::Register so_far = Kind::start();
                    for (int row = first_row; row < end_row; ++row) {
                        const float* pixel = in + (std::ptrdiff_t{row} * shape.width + first) * kBlock + c;
                        for (int column = first; column < end; ++column, pixel += kBlock) {
                            so_far = Kind::take(so_far, Vector::load(pixel));
                        }
                    }
                    Vector::store(out + c, Kind::finish(so_far, pixels));
                }
            }
        }
    }
}

inline void max_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LargestOf>(shape, in, out);
}

inline void average_pool(const PoolShape& shape, const float* in, float* out) {
    pool<MeanOf>(shape, in, out);
}

inline void l2_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LengthOf>(shape, in, out);
}

/// Pixels as numbers: out[i] = (bytes[i] - mean[i % 48]) / range, for `count` numbers and as many more as complete 48, of
/// which red, green and blue are a third each.
inline void normalise_pixels(const std::uint8_t* bytes, int count, const float* mean, float range, float* out) {
    const typename Vector::Register divisor = Vector::broadcast(range);
    for (int first = 0; first < count; first += 48) {
        for (int i = 0; i < 48; i += Vector::kLanes) {
            Vector::store(out + first + i, (Vector::load(bytes + first + i) - Vector::load(mean + i)) / divisor);
        }
    }
}

/// Divides each value by (k + alpha / 5 * the sum of squares of the 5 channels around it) ^ 3/4.
/// \param squares  (16 * blocks + 32) floats to work in, of which the first 16 and the last 16 are 0
inline void normalise_across_channels(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares) {
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel, in += kBlock, out += kBlock) {
        const std::ptrdiff_t plane = pixels * kBlock;
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const typename Vector::Register value = Vector::load(in + block * plane + c);
                Vector::store(squares + (block + 1) * kBlock + c, value * value);
            }
        }
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const float* const around = squares + (block + 1) * kBlock + c;
                typename Vector::Register energy = Vector::load(around - 2);
                for (int channel = -1; channel <= 2; ++channel) energy = energy + Vector::load(around + channel);
                const typename Vector::Register damping =
                    Vector::multiply_add(Vector::broadcast(alpha / 5), energy, Vector::broadcast(k));
                const typename Vector::Register root = Vector::square_root(damping);  // ^ 1/2, and its root ^ 1/4
                Vector::store(out + block * plane + c,
                              Vector::load(in + block * plane + c) / (root * Vector::square_root(root)));
            }
        }
    }
}

// ---- ffr/kernels/product.inl
// The matrix product under all convolutions, one text for all CPUs (see simd.hpp).
//
//     row r, channel c:   finish(sum over k of left[r][k] * weights[k][c])
//
// The weights lie as the loop reads them: for each k the 32 channels of a panel. A block of sums stays in registers while
// k goes by once. In each step a number of each row is multiplied by all columns: with R rows and C columns of registers,
// R * C multiply-adds for R + C loads.

// All weights of a network don't fit into the second-level cache, and the processor's own prefetching ends at each page of
// 4096 bytes. So a panel's weights are asked for so many steps before they're needed; a little behind the last ones, too,
// which does no harm. ResNet-29 with float32 weights, batch of 1: 1.8 ms without, 1.5 ms with it; 64 to 256 are alike.
constexpr int kAhead = 96;

/// Register budget: kRows x kColumns sums, kColumns weights and one number of the left side.
///     AVX-512: 14 x 2 + 2 + 1 of 32     AVX2, SSE2: 6 x 2 + 2 + 1 of 16     NEON: 6 x 4 + 4 + 1 of 32
template <int kRows, int kPitch, typename Weight>
inline void product_block(const ProductRows& rows, const Weight* weights, int channel, const Finish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    using Register = typename Vector::Register;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(finish.bias + channel + v * kLanes);
    }
    const float* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel) {
            Register weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                prefetch(weights + kAhead * kPanel + v * kLanes);
                weight[v] = Vector::load(weights + v * kLanes);
            }
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                const Register number = Vector::broadcast(left[r * kPitch + i]);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = channel + v * kLanes, block = c / kBlock;
        if (block >= finish.blocks) return;
        const std::ptrdiff_t offset = block * finish.plane + c % kBlock;
        if (finish.shortcut != nullptr && block < finish.shortcut_blocks) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = sums[r][v] + Vector::load(finish.shortcut + offset + r * kBlock);
            }
        }
        if (finish.relu) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = Vector::maximum(sums[r][v], Vector::broadcast(0));
            }
        }
        FFR_UNROLL for (int r = 0; r < kRows; ++r) Vector::store(finish.out + offset + r * kBlock, sums[r][v]);
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch, typename Weight>
inline void product_rows(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c, first_channel + c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows, typename Weight>
inline void product_of(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kBlock>(rows, panel, first_channel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, first_channel, finish);
    }
}

/// Up to Vector::kRows rows, 16 floats from each other, times a panel of weights.
inline void product(const ProductRows& rows, const float* panel, int first_channel, const Finish& finish) {
    product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for weights that are kept in 16 bits, which are half as much to read.
inline void product_of_halves(const ProductRows& rows, const std::uint16_t* panel, int first_channel,
                              const Finish& finish) {
    if constexpr (Vector::kWidens) product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for a whole line of rows that are pixels of an interleaved colour image, every second one: 6 floats from each
/// other. The networks' lines of 72 and 48 pixels leave none over.
inline void product_of_pixels(const ProductRows& line, const float* panel, int first_channel, const Finish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ProductRows rows = line;
    Finish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, first_channel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, first_channel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kBlock;
    }
}

/// Rows for product: see gather.inl.
inline void gather_floats(const ConvolutionShape& shape, int faces, const float* in, int first, int count, float* out) {
    gather<kBlock * sizeof(float)>(shape, blocks_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first,
                                   count, reinterpret_cast<char*>(out));
}

// ---- ffr/kernels/winograd.inl
// Winograd's way to filter by 3 x 3 taps, one text for all CPUs (see simd.hpp).
//
// A filter's response on a tile of T x T output pixels is a product of polynomials, and those may be multiplied point by
// point: evaluated at T + 2 points, multiplied there, and interpolated again.
//
//     tile of input (T+2)^2  -> B'dB ->  (T+2)^2 numbers d         weights 3x3  -> GgG' ->  (T+2)^2 numbers u
//     sum over the input channels of d * u, for each of the (T+2)^2 points apart: a matrix product tiles x channels
//     A'mA ->  T x T output pixels
//
// 16 outputs by T = 4 cost 36 multiplications in place of 144, 4 outputs by T = 2 cost 16 in place of 36. The weights of
// T = 4 take four times their memory, those of T = 2 1.8 times.
//
// Paper: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". The points are 0, +-1, +-2 and infinity
// for T = 4, and 0, +-1 and infinity for T = 2.

template <int kTile>
struct Winograd;

template <>
struct Winograd<2> {
    static constexpr int kPoints = 4;

    struct Input {  // B'
        static constexpr int kIn = 4, kOut = 4;
        template <typename R>
        static void apply(const R (&d)[4], R (&out)[4]) {
            out[0] = d[0] - d[2];
            out[1] = d[1] + d[2];
            out[2] = d[2] - d[1];
            out[3] = d[1] - d[3];
        }
    };
    struct Filter {  // G
        static constexpr int kIn = 3, kOut = 4;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[4]) {
            const R even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
            out[0] = g[0];
            out[1] = even + odd;
            out[2] = even - odd;
            out[3] = g[2];
        }
    };
    struct Output {  // A'
        static constexpr int kIn = 4, kOut = 2;
        template <typename R>
        static void apply(const R (&m)[4], R (&out)[2]) {
            out[0] = m[0] + m[1] + m[2];
            out[1] = m[1] - m[2] - m[3];
        }
    };
};

template <>
struct Winograd<4> {
    static constexpr int kPoints = 6;

    struct Input {
        static constexpr int kIn = 6, kOut = 6;
        template <typename R>
        static void apply(const R (&d)[6], R (&out)[6]) {
            const R even1 = d[4] - 4.0f * d[2], odd1 = d[3] - 4.0f * d[1];
            const R even2 = d[4] - d[2], odd2 = 2.0f * (d[3] - d[1]);
            out[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
        }
    };
    struct Filter {
        static constexpr int kIn = 3, kOut = 6;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[6]) {
            const R even1 = (-1.0f / 6) * (g[0] + g[2]), odd1 = (-1.0f / 6) * g[1];
            const R even2 = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], odd2 = (1.0f / 12) * g[1];
            out[0] = 0.25f * g[0];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = g[2];
        }
    };
    struct Output {
        static constexpr int kIn = 6, kOut = 4;
        template <typename R>
        static void apply(const R (&m)[6], R (&out)[4]) {
            const R sum1 = m[1] + m[2], difference1 = m[1] - m[2];
            const R sum2 = m[3] + m[4], difference2 = m[3] - m[4];
            out[0] = m[0] + sum1 + sum2;
            out[1] = difference1 + 2.0f * difference2;
            out[2] = sum1 + 4.0f * sum2;
            out[3] = difference1 + 8.0f * difference2 + m[5];
        }
    };
};

/// A step applied to the columns of a square, then to the rows of what comes out: one register of channels at each place.
/// \param in_line, in_column, out_line, out_column  floats from a place to the one below and beside it
template <typename Step>
inline void transform_square(const float* in, std::ptrdiff_t in_line, std::ptrdiff_t in_column, float* out,
                             std::ptrdiff_t out_line, std::ptrdiff_t out_column) {
    typename Vector::Register columns[Step::kOut][Step::kIn];
    for (int x = 0; x < Step::kIn; ++x) {
        typename Vector::Register before[Step::kIn], after[Step::kOut];
        FFR_UNROLL for (int y = 0; y < Step::kIn; ++y) before[y] = Vector::load(in + y * in_line + x * in_column);
        Step::apply(before, after);
        FFR_UNROLL for (int y = 0; y < Step::kOut; ++y) columns[y][x] = after[y];
    }
    for (int y = 0; y < Step::kOut; ++y) {
        typename Vector::Register after[Step::kOut];
        Step::apply(columns[y], after);
        FFR_UNROLL for (int x = 0; x < Step::kOut; ++x) Vector::store(out + y * out_line + x * out_column, after[x]);
    }
}

/// The rows of the products for `count` tiles from `first` on: out[point][block][tile][16].
template <int kTile>
inline void winograd_input(const TileGrid& grid, int faces, int blocks, const float* in, int first, int count,
                           float* out) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{blocks} * count * kBlock;
    for (int tile = first; tile < first + count; ++tile, out += kBlock) {
        const int face = tile / grid.tiles(), at = tile % grid.tiles();
        const int top = at / grid.columns * kTile - 1, left = at % grid.columns * kTile - 1;
        const bool inside = top >= 0 && left >= 0 && top + kPoints <= grid.height && left + kPoints <= grid.width;
        std::ptrdiff_t corner = face * map + top * line + std::ptrdiff_t{left} * kBlock;
        for (int block = 0; block < blocks; ++block, corner += faces * map) {
            float padded[kPoints][kPoints][kBlock];
            const float* square = padded[0][0];
            std::ptrdiff_t square_line = kPoints * kBlock;
            if (inside) {
                square = in + corner;
                square_line = line;
            } else {
                for (int y = 0; y < kPoints; ++y) {
                    for (int x = 0; x < kPoints; ++x) {
                        const bool there =
                            top + y >= 0 && top + y < grid.height && left + x >= 0 && left + x < grid.width;
                        if (there) {
                            std::memcpy(padded[y][x], in + corner + y * line + x * kBlock, sizeof padded[y][x]);
                        } else {
                            std::memset(padded[y][x], 0, sizeof padded[y][x]);
                        }
                    }
                }
            }
            float* const points = out + std::ptrdiff_t{block} * count * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                transform_square<typename Winograd<kTile>::Input>(square + c, square_line, kBlock, points + c,
                                                                  kPoints * point, point);
            }
        }
    }
}

/// The output pixels of `count` tiles from `first` on, of sums[point][block][tile][16].
template <int kTile>
inline void winograd_output(const TileGrid& grid, const float* sums, int first, int count, const Finish& finish) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{finish.blocks} * count * kBlock;
    for (int block = 0; block < finish.blocks; ++block) {
        const bool adds = finish.shortcut != nullptr && block < finish.shortcut_blocks;
        for (int tile = first; tile < first + count; ++tile, sums += kBlock) {
            const int face = tile / grid.tiles(), at = tile % grid.tiles();
            const int top = at / grid.columns * kTile, left = at % grid.columns * kTile;
            const int lines = grid.height - top < kTile ? grid.height - top : kTile;
            const int columns = grid.width - left < kTile ? grid.width - left : kTile;
            const std::ptrdiff_t corner =
                block * finish.plane + face * map + top * line + std::ptrdiff_t{left} * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                float pixels[kTile][kTile][Vector::kLanes];
                transform_square<typename Winograd<kTile>::Output>(sums + c, kPoints * point, point, pixels[0][0],
                                                                   kTile * Vector::kLanes, Vector::kLanes);
                const typename Vector::Register bias = Vector::load(finish.bias + block * kBlock + c);
                for (int y = 0; y < lines; ++y) {
                    for (int x = 0; x < columns; ++x) {
                        const std::ptrdiff_t offset = corner + y * line + x * kBlock + c;
                        typename Vector::Register value = Vector::load(pixels[y][x]) + bias;
                        if (adds) value = value + Vector::load(finish.shortcut + offset);
                        if (finish.relu) value = Vector::maximum(value, Vector::broadcast(0));
                        Vector::store(finish.out + offset, value);
                    }
                }
            }
        }
    }
}

/// Weights of one input channel and a panel of output channels at the points: out[p * point + channel].
/// \param taps  tap t of the 9 is at taps[t * tap + channel]
template <int kTile>
inline void winograd_filter(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    for (int c = 0; c < kPanel; c += Vector::kLanes) {
        transform_square<typename Winograd<kTile>::Filter>(taps + c, 3 * tap, tap, out + c, kPoints * point, point);
    }
}
//

// ---- ffr/kernels/table.inl
// This CPU's kernels as one value (see simd.hpp).

inline constexpr Kernels kKernels{Vector::kRows,
                                  Vector::kWidens,
                                  product,
                                  product_of_halves,
                                  product_of_pixels,
                                  gather_floats,
                                  convolve_line_relu,
                                  convolve_line_to_one,
                                  {winograd_input<2>, winograd_output<2>, winograd_filter<2>},
                                  {winograd_input<4>, winograd_output<4>, winograd_filter<4>},
                                  max_pool,
                                  average_pool,
                                  l2_pool,
                                  normalise_pixels,
                                  normalise_across_channels};

}  // namespace sse2

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2,fma,f16c")

namespace avx2 {

struct Vector {
    using Register = __m256;
    static constexpr int kLanes = 8, kRows = 6, kColumns = 2;
    static constexpr bool kWidens = true;

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static Register load(const std::uint16_t* from) {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static Register load(const std::uint8_t* from) {
        return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
    static Register maximum(Register a, Register b) { return _mm256_max_ps(a, b); }
    static Register square_root(Register a) { return _mm256_sqrt_ps(a); }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/lines.inl
// Convolutions of large maps, a line of the output at a time, one text for all CPUs (see simd.hpp).
//
//     in:  line y      [block][x][16]      out: line y   [block][x][16]      The lines that the filters' rows see are
//          line y + 1  ...                                                   named one by one, so that they needn't lie
//          line y + 2  ...                                                   beside each other, and zeros may be shared.
//
// What a row of a filter sees of a block are numbers that lie beside each other, and the next pixel's begin a fixed number
// of floats further: the matrix product of product.inl reads them where they are, and nothing is gathered.

/// Columns of sums at once: all of a panel's in AVX-512's registers, 16 channels in others.
template <int kPitch>
constexpr int kLineColumns = Vector::kLanes == kBlock ? line_panel(static_cast<LinePitch>(kPitch)) / kBlock
                                                      : Vector::kColumns;

/// Pixels at once, as product_block's registers allow: on AVX-512 28 x 1, 14 x 2 or 9 x 3 sums.
template <int kPitch>
constexpr int kLineRows = Vector::kRows* Vector::kColumns / kLineColumns<kPitch>;

/// relu(sum + bias) of some pixels from `x` on and some channels from `channel` of a panel on.
template <int kRows, int kPitch>
inline void line_block(const LineJob& job, int x, int panel, int channel) {
    constexpr int kColumns = kLineColumns<kPitch>, kLanes = Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    using Register = typename Vector::Register;
    const std::ptrdiff_t taps = std::ptrdiff_t{job.side} * job.blocks * job.run;
    const float* weights = job.weights + panel * taps * kPanelSize + channel;
    const int first = panel * kPanelSize + channel;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(job.bias + first + v * kLanes);
    }
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kPitch;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; ++i, weights += kPanelSize) {
                Register weight[kColumns];
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    weight[v] = Vector::load(weights + v * kLanes);
                }
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    const Register number = Vector::broadcast(left[r * kPitch + i]);
                    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                        sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                    }
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = first + v * kLanes;
        if (c / kBlock >= job.out_blocks) return;
        float* const out = job.out + c / kBlock * job.out_plane + std::ptrdiff_t{x} * kBlock + c % kBlock;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            Vector::store(out + r * kBlock, Vector::maximum(sums[r][v], Vector::broadcast(0)));
        }
    }
}

/// Finds the kernel for this number of pixels.
template <int kRows, int kPitch>
inline void line_rows(const LineJob& job, int x, int count, int panel, int channel) {
    if (count == kRows) {
        line_block<kRows, kPitch>(job, x, panel, channel);
    } else if constexpr (kRows > 1) {
        line_rows<kRows - 1, kPitch>(job, x, count, panel, channel);
    }
}

/// All pixels and channels, in blocks of about the same size.
template <int kPitch>
inline void line_of(const LineJob& job) {
    constexpr int kRows = kLineRows<kPitch>, kStep = kLineColumns<kPitch> * Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    const int blocks = (job.count + kRows - 1) / kRows;
    for (int first = 0; first < job.out_blocks * kBlock; first += kStep) {
        for (int block = 0; block < blocks; ++block) {
            const int x = static_cast<int>(std::int64_t{job.count} * block / blocks);
            const int end = static_cast<int>(std::int64_t{job.count} * (block + 1) / blocks);
            line_rows<kRows, kPitch>(job, x, end - x, first / kPanelSize, first % kPanelSize);
        }
    }
}

/// A line of relu(convolution).
inline void convolve_line_relu(LinePitch pitch, const LineJob& job) {
    switch (pitch) {
        case LinePitch::colours:
            return line_of<static_cast<int>(LinePitch::colours)>(job);
        case LinePitch::channels:
            return line_of<static_cast<int>(LinePitch::channels)>(job);
        case LinePitch::halving:
            return line_of<static_cast<int>(LinePitch::halving)>(job);
    }
}

/// Some pixels of a convolution with one output channel: lanes are input channels here, whose sums come together at the end.
template <int kRows>
inline void line_to_one(const LineJob& job, int x) {
    using Register = typename Vector::Register;
    const float* weights = job.weights;
    Register sums[kRows];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Vector::broadcast(0);
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kBlock;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; i += Vector::kLanes, weights += Vector::kLanes) {
                const Register weight = Vector::load(weights);
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    sums[r] = Vector::multiply_add(Vector::load(left + r * kBlock + i), weight, sums[r]);
                }
            }
        }
    }
    for (int r = 0; r < kRows; ++r) {
        float lanes[Vector::kLanes], sum = job.bias[0];
        Vector::store(lanes, sums[r]);
        for (const float lane : lanes) sum += lane;
        job.out[x + r] = sum;
    }
}

/// A line of a convolution with one output channel, whose pixels then lie beside each other. No relu.
/// Weights lie as [row][block][number of the run].
inline void convolve_line_to_one(const LineJob& job) {
    constexpr int kRows = Vector::kRows;
    int x = 0;
    for (; x + kRows <= job.count; x += kRows) line_to_one<kRows>(job, x);
    for (; x < job.count; ++x) line_to_one<1>(job, x);
}

// ---- ffr/kernels/pooling.inl
// What networks do besides convolutions, one text for all CPUs (see simd.hpp). layers.hpp has the plain version. Each
// lane is a channel of its own.
//
//     maps x h x w x 16 channels  -->  maps x out_height x out_width x 16 channels, a value for each window

/// The kinds of pools: how a pixel is taken in, and what becomes of the last sum of `pixels` pixels.
struct LargestOf {
    static typename Vector::Register start() { return Vector::broadcast(-3.4028235e38f); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::maximum(so_far, pixel);
    }
    static typename Vector::Register finish(typename Vector::Register largest, float) { return largest; }
};

struct MeanOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return so_far + pixel;
    }
    static typename Vector::Register finish(typename Vector::Register sum, float pixels) {
        return sum / Vector::broadcast(pixels);
    }
};

struct LengthOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::multiply_add(pixel, pixel, so_far);
    }
    static typename Vector::Register finish(typename Vector::Register squares, float) {
        return Vector::square_root(squares);
    }
};

/// One value of each window; what the padding adds isn't taken in.
template <typename Kind>
inline void pool(const PoolShape& shape, const float* in, float* out) {
    const auto pixels = static_cast<float>(shape.side * shape.side);
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kBlock) {
        for (int y = 0; y < shape.out_height; ++y) {
            const int top = y * shape.stride - shape.padding;
            const int first_row = top < 0 ? 0 : top;
            const int end_row = top + shape.side < shape.height ? top + shape.side : shape.height;
            for (int x = 0; x < shape.out_width; ++x, out += kBlock) {
                const int left = x * shape.stride - shape.padding;
                const int first = left < 0 ? 0 : left;
                const int end = left + shape.side < shape.width ? left + shape.side : shape.width;
                for (int c = 0; c < kBlock; c += Vector::kLanes) {
                    typename Vector::Register so_far = Kind::start();
                    for (int row = first_row; row < end_row; ++row) {
                        const float* pixel = in + (std::ptrdiff_t{row} * shape.width + first) * kBlock + c;
                        for (int column = first; column < end; ++column, pixel += kBlock) {
                            so_far = Kind::take(so_far, Vector::load(pixel));
                        }
                    }
                    Vector::store(out + c, Kind::finish(so_far, pixels));
                }
            }
        }
    }
}

inline void max_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LargestOf>(shape, in, out);
}

inline void average_pool(const PoolShape& shape, const float* in, float* out) {
    pool<MeanOf>(shape, in, out);
}

inline void l2_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LengthOf>(shape, in, out);
}

/// Pixels as numbers: out[i] = (bytes[i] - mean[i % 48]) / range, for `count` numbers and as many more as complete 48, of
/// which red, green and blue are a third each.
inline void normalise_pixels(const std::uint8_t* bytes, int count, const float* mean, float range, float* out) {
    const typename Vector::Register divisor = Vector::broadcast(range);
    for (int first = 0; first < count; first += 48) {
        for (int i = 0; i < 48; i += Vector::kLanes) {
            Vector::store(out + first + i, (Vector::load(bytes + first + i) - Vector::load(mean + i)) / divisor);
        }
    }
}

/// Divides each value by (k + alpha / 5 * the sum of squares of the 5 channels around it) ^ 3/4.
/// \param squares  (16 * blocks + 32) floats to work in, of which the first 16 and the last 16 are 0
inline void normalise_across_channels(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares) {
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel, in += kBlock, out += kBlock) {
        const std::ptrdiff_t plane = pixels * kBlock;
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const typename Vector::Register value = Vector::load(in + block * plane + c);
                Vector::store(squares + (block + 1) * kBlock + c, value * value);
            }
        }
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const float* const around = squares + (block + 1) * kBlock + c;
                typename Vector::Register energy = Vector::load(around - 2);
                for (int channel = -1; channel <= 2; ++channel) energy = energy + Vector::load(around + channel);
                const typename Vector::Register damping =
                    Vector::multiply_add(Vector::broadcast(alpha / 5), energy, Vector::broadcast(k));
                const typename Vector::Register root = Vector::square_root(damping);  // ^ 1/2, and its root ^ 1/4
                Vector::store(out + block * plane + c,
                              Vector::load(in + block * plane + c) / (root * Vector::square_root(root)));
            }
        }
    }
}

// ---- ffr/kernels/product.inl
// The matrix product under all convolutions, one text for all CPUs (see simd.hpp).
//
//     row r, channel c:   finish(sum over k of left[r][k] * weights[k][c])
//
// The weights lie as the loop reads them: for each k the 32 channels of a panel. A block of sums stays in registers while
// k goes by once. In each step a number of each row is multiplied by all columns: with R rows and C columns of registers,
// R * C multiply-adds for R + C loads.

// All weights of a network don't fit into the second-level cache, and the processor's own prefetching ends at each page of
// 4096 bytes. So a panel's weights are asked for so many steps before they're needed; a little behind the last ones, too,
// which does no harm. ResNet-29 with float32 weights, batch of 1: 1.8 ms without, 1.5 ms with it; 64 to 256 are alike.
constexpr int kAhead = 96;

/// Register budget: kRows x kColumns sums, kColumns weights and one number of the left side.
///     AVX-512: 14 x 2 + 2 + 1 of 32     AVX2, SSE2: 6 x 2 + 2 + 1 of 16     NEON: 6 x 4 + 4 + 1 of 32
template <int kRows, int kPitch, typename Weight>
inline void product_block(const ProductRows& rows, const Weight* weights, int channel, const Finish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    using Register = typename Vector::Register;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(finish.bias + channel + v * kLanes);
    }
    const float* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel) {
            Register weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                prefetch(weights + kAhead * kPanel + v * kLanes);
                weight[v] = Vector::load(weights + v * kLanes);
            }
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                const Register number = Vector::broadcast(left[r * kPitch + i]);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = channel + v * kLanes, block = c / kBlock;
        if (block >= finish.blocks) return;
        const std::ptrdiff_t offset = block * finish.plane + c % kBlock;
        if (finish.shortcut != nullptr && block < finish.shortcut_blocks) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = sums[r][v] + Vector::load(finish.shortcut + offset + r * kBlock);
            }
        }
        if (finish.relu) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = Vector::maximum(sums[r][v], Vector::broadcast(0));
            }
        }
        FFR_UNROLL for (int r = 0; r < kRows; ++r) Vector::store(finish.out + offset + r * kBlock, sums[r][v]);
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch, typename Weight>
inline void product_rows(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c, first_channel + c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows, typename Weight>
inline void product_of(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kBlock>(rows, panel, first_channel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, first_channel, finish);
    }
}

/// Up to Vector::kRows rows, 16 floats from each other, times a panel of weights.
inline void product(const ProductRows& rows, const float* panel, int first_channel, const Finish& finish) {
    product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for weights that are kept in 16 bits, which are half as much to read.
inline void product_of_halves(const ProductRows& rows, const std::uint16_t* panel, int first_channel,
                              const Finish& finish) {
    if constexpr (Vector::kWidens) product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for a whole line of rows that are pixels of an interleaved colour image, every second one: 6 floats from each
/// other. The networks' lines of 72 and 48 pixels leave none over.
inline void product_of_pixels(const ProductRows& line, const float* panel, int first_channel, const Finish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ProductRows rows = line;
    Finish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, first_channel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, first_channel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kBlock;
    }
}

/// Rows for product: see gather.inl.
inline void gather_floats(const ConvolutionShape& shape, int faces, const float* in, int first, int count, float* out) {
    gather<kBlock * sizeof(float)>(shape, blocks_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first,
                                   count, reinterpret_cast<char*>(out));
}

// ---- ffr/kernels/winograd.inl
// Winograd's way to filter by 3 x 3 taps, one text for all CPUs (see simd.hpp).
//
// A filter's response on a tile of T x T output pixels is a product of polynomials, and those may be multiplied point by
// point: evaluated at T + 2 points, multiplied there, and interpolated again.
//
//     tile of input (T+2)^2  -> B'dB ->  (T+2)^2 numbers d         weights 3x3  -> GgG' ->  (T+2)^2 numbers u
//     sum over the input channels of d * u, for each of the (T+2)^2 points apart: a matrix product tiles x channels
//     A'mA ->  T x T output pixels
//
// 16 outputs by T = 4 cost 36 multiplications in place of 144, 4 outputs by T = 2 cost 16 in place of 36. The weights of
// T = 4 take four times their memory, those of T = 2 1.8 times.
//
// Paper: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". The points are 0, +-1, +-2 and infinity
// for T = 4, and 0, +-1 and infinity for T = 2.

template <int kTile>
struct Winograd;

template <>
struct Winograd<2> {
    static constexpr int kPoints = 4;

    struct Input {  // B'
        static constexpr int kIn = 4, kOut = 4;
        template <typename R>
        static void apply(const R (&d)[4], R (&out)[4]) {
            out[0] = d[0] - d[2];
            out[1] = d[1] + d[2];
            out[2] = d[2] - d[1];
            out[3] = d[1] - d[3];
        }
    };
    struct Filter {  // G
        static constexpr int kIn = 3, kOut = 4;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[4]) {
            const R even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
            out[0] = g[0];
            out[1] = even + odd;
            out[2] = even - odd;
            out[3] = g[2];
        }
    };
    struct Output {  // A'
        static constexpr int kIn = 4, kOut = 2;
        template <typename R>
        static void apply(const R (&m)[4], R (&out)[2]) {
            out[0] = m[0] + m[1] + m[2];
            out[1] = m[1] - m[2] - m[3];
        }
    };
};

template <>
struct Winograd<4> {
    static constexpr int kPoints = 6;

    struct Input {
        static constexpr int kIn = 6, kOut = 6;
        template <typename R>
        static void apply(const R (&d)[6], R (&out)[6]) {
            const R even1 = d[4] - 4.0f * d[2], odd1 = d[3] - 4.0f * d[1];
            const R even2 = d[4] - d[2], odd2 = 2.0f * (d[3] - d[1]);
            out[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
        }
    };
    struct Filter {
        static constexpr int kIn = 3, kOut = 6;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[6]) {
            const R even1 = (-1.0f / 6) * (g[0] + g[2]), odd1 = (-1.0f / 6) * g[1];
            const R even2 = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], odd2 = (1.0f / 12) * g[1];
            out[0] = 0.25f * g[0];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = g[2];
        }
    };
    struct Output {
        static constexpr int kIn = 6, kOut = 4;
        template <typename R>
        static void apply(const R (&m)[6], R (&out)[4]) {
            const R sum1 = m[1] + m[2], difference1 = m[1] - m[2];
            const R sum2 = m[3] + m[4], difference2 = m[3] - m[4];
            out[0] = m[0] + sum1 + sum2;
            out[1] = difference1 + 2.0f * difference2;
            out[2] = sum1 + 4.0f * sum2;
            out[3] = difference1 + 8.0f * difference2 + m[5];
        }
    };
};

/// A step applied to the columns of a square, then to the rows of what comes out: one register of channels at each place.
/// \param in_line, in_column, out_line, out_column  floats from a place to the one below and beside it
template <typename Step>
inline void transform_square(const float* in, std::ptrdiff_t in_line, std::ptrdiff_t in_column, float* out,
                             std::ptrdiff_t out_line, std::ptrdiff_t out_column) {
    typename Vector::Register columns[Step::kOut][Step::kIn];
    for (int x = 0; x < Step::kIn; ++x) {
        typename Vector::Register before[Step::kIn], after[Step::kOut];
        FFR_UNROLL for (int y = 0; y < Step::kIn; ++y) before[y] = Vector::load(in + y * in_line + x * in_column);
        Step::apply(before, after);
        FFR_UNROLL for (int y = 0; y < Step::kOut; ++y) columns[y][x] = after[y];
    }
    for (int y = 0; y < Step::kOut; ++y) {
        typename Vector::Register after[Step::kOut];
        Step::apply(columns[y], after);
        FFR_UNROLL for (int x = 0; x < Step::kOut; ++x) Vector::store(out + y * out_line + x * out_column, after[x]);
    }
}

/// The rows of the products for `count` tiles from `first` on: out[point][block][tile][16].
template <int kTile>
inline void winograd_input(const TileGrid& grid, int faces, int blocks, const float* in, int first, int count,
                           float* out) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{blocks} * count * kBlock;
    for (int tile = first; tile < first + count; ++tile, out += kBlock) {
        const int face = tile / grid.tiles(), at = tile % grid.tiles();
        const int top = at / grid.columns * kTile - 1, left = at % grid.columns * kTile - 1;
        const bool inside = top >= 0 && left >= 0 && top + kPoints <= grid.height && left + kPoints <= grid.width;
        std::ptrdiff_t corner = face * map + top * line + std::ptrdiff_t{left} * kBlock;
        for (int block = 0; block < blocks; ++block, corner += faces * map) {
            float padded[kPoints][kPoints][kBlock];
            const float* square = padded[0][0];
            std::ptrdiff_t square_line = kPoints * kBlock;
            if (inside) {
                square = in + corner;
                square_line = line;
            } else {
                for (int y = 0; y < kPoints; ++y) {
                    for (int x = 0; x < kPoints; ++x) {
                        const bool there =
                            top + y >= 0 && top + y < grid.height && left + x >= 0 && left + x < grid.width;
                        if (there) {
                            std::memcpy(padded[y][x], in + corner + y * line + x * kBlock, sizeof padded[y][x]);
                        } else {
                            std::memset(padded[y][x], 0, sizeof padded[y][x]);
                        }
                    }
                }
            }
            float* const points = out + std::ptrdiff_t{block} * count * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                transform_square<typename Winograd<kTile>::Input>(square + c, square_line, kBlock, points + c,
                                                                  kPoints * point, point);
            }
        }
    }
}

/// The output pixels of `count` tiles from `first` on, of sums[point][block][tile][16].
template <int kTile>
inline void winograd_output(const TileGrid& grid, const float* sums, int first, int count, const Finish& finish) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{finish.blocks} * count * kBlock;
    for (int block = 0; block < finish.blocks; ++block) {
        const bool adds = finish.shortcut != nullptr && block < finish.shortcut_blocks;
        for (int tile = first; tile < first + count; ++tile, sums += kBlock) {
            const int face = tile / grid.tiles(), at = tile % grid.tiles();
            const int top = at / grid.columns * kTile, left = at % grid.columns * kTile;
            const int lines = grid.height - top < kTile ? grid.height - top : kTile;
            const int columns = grid.width - left < kTile ? grid.width - left : kTile;
            const std::ptrdiff_t corner =
                block * finish.plane + face * map + top * line + std::ptrdiff_t{left} * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                float pixels[kTile][kTile][Vector::kLanes];
                transform_square<typename Winograd<kTile>::Output>(sums + c, kPoints * point, point, pixels[0][0],
                                                                   kTile * Vector::kLanes, Vector::kLanes);
                const typename Vector::Register bias = Vector::load(finish.bias + block * kBlock + c);
                for (int y = 0; y < lines; ++y) {
                    for (int x = 0; x < columns; ++x) {
                        const std::ptrdiff_t offset = corner + y * line + x * kBlock + c;
                        typename Vector::Register value = Vector::load(pixels[y][x]) + bias;
                        if (adds) value = value + Vector::load(finish.shortcut + offset);
                        if (finish.relu) value = Vector::maximum(value, Vector::broadcast(0));
                        Vector::store(finish.out + offset, value);
                    }
                }
            }
        }
    }
}

/// Weights of one input channel and a panel of output channels at the points: out[p * point + channel].
/// \param taps  tap t of the 9 is at taps[t * tap + channel]
template <int kTile>
inline void winograd_filter(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    for (int c = 0; c < kPanel; c += Vector::kLanes) {
        transform_square<typename Winograd<kTile>::Filter>(taps + c, 3 * tap, tap, out + c, kPoints * point, point);
    }
}
//

// ---- ffr/kernels/table.inl
// This CPU's kernels as one value (see simd.hpp).

inline constexpr Kernels kKernels{Vector::kRows,
                                  Vector::kWidens,
                                  product,
                                  product_of_halves,
                                  product_of_pixels,
                                  gather_floats,
                                  convolve_line_relu,
                                  convolve_line_to_one,
                                  {winograd_input<2>, winograd_output<2>, winograd_filter<2>},
                                  {winograd_input<4>, winograd_output<4>, winograd_filter<4>},
                                  max_pool,
                                  average_pool,
                                  l2_pool,
                                  normalise_pixels,
                                  normalise_across_channels};

}  // namespace avx2

FFR_TARGET_END
FFR_TARGET_BEGIN("avx512f")

namespace avx512 {

struct Vector {
    using Register = __m512;
    static constexpr int kLanes = 16, kRows = 14, kColumns = 2;
    static constexpr bool kWidens = true;
    // With a mask of all lanes: g++ 12 warns that the plain forms of these use something that isn't initialised.
    static constexpr __mmask16 kAll = 0xFFFF;

    static Register load(const float* from) { return _mm512_loadu_ps(from); }
    static Register load(const std::uint16_t* from) {
        return _mm512_maskz_cvtph_ps(kAll, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    static Register load(const std::uint8_t* from) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return _mm512_maskz_cvtepi32_ps(kAll, _mm512_maskz_cvtepu8_epi32(kAll, bytes));
    }
    static void store(float* to, Register value) { _mm512_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm512_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
    static Register maximum(Register a, Register b) { return _mm512_maskz_max_ps(kAll, a, b); }
    static Register square_root(Register a) { return _mm512_maskz_sqrt_ps(kAll, a); }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/lines.inl
// Convolutions of large maps, a line of the output at a time, one text for all CPUs (see simd.hpp).
//
//     in:  line y      [block][x][16]      out: line y   [block][x][16]      The lines that the filters' rows see are
//          line y + 1  ...                                                   named one by one, so that they needn't lie
//          line y + 2  ...                                                   beside each other, and zeros may be shared.
//
// What a row of a filter sees of a block are numbers that lie beside each other, and the next pixel's begin a fixed number
// of floats further: the matrix product of product.inl reads them where they are, and nothing is gathered.

/// Columns of sums at once: all of a panel's in AVX-512's registers, 16 channels in others.
template <int kPitch>
constexpr int kLineColumns = Vector::kLanes == kBlock ? line_panel(static_cast<LinePitch>(kPitch)) / kBlock
                                                      : Vector::kColumns;

/// Pixels at once, as product_block's registers allow: on AVX-512 28 x 1, 14 x 2 or 9 x 3 sums.
template <int kPitch>
constexpr int kLineRows = Vector::kRows* Vector::kColumns / kLineColumns<kPitch>;

/// relu(sum + bias) of some pixels from `x` on and some channels from `channel` of a panel on.
template <int kRows, int kPitch>
inline void line_block(const LineJob& job, int x, int panel, int channel) {
    constexpr int kColumns = kLineColumns<kPitch>, kLanes = Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    using Register = typename Vector::Register;
    const std::ptrdiff_t taps = std::ptrdiff_t{job.side} * job.blocks * job.run;
    const float* weights = job.weights + panel * taps * kPanelSize + channel;
    const int first = panel * kPanelSize + channel;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(job.bias + first + v * kLanes);
    }
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kPitch;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; ++i, weights += kPanelSize) {
                Register weight[kColumns];
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    weight[v] = Vector::load(weights + v * kLanes);
                }
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    const Register number = Vector::broadcast(left[r * kPitch + i]);
                    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                        sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                    }
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = first + v * kLanes;
        if (c / kBlock >= job.out_blocks) return;
        float* const out = job.out + c / kBlock * job.out_plane + std::ptrdiff_t{x} * kBlock + c % kBlock;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            Vector::store(out + r * kBlock, Vector::maximum(sums[r][v], Vector::broadcast(0)));
        }
    }
}

/// Finds the kernel for this number of pixels.
template <int kRows, int kPitch>
inline void line_rows(const LineJob& job, int x, int count, int panel, int channel) {
    if (count == kRows) {
        line_block<kRows, kPitch>(job, x, panel, channel);
    } else if constexpr (kRows > 1) {
        line_rows<kRows - 1, kPitch>(job, x, count, panel, channel);
    }
}

/// All pixels and channels, in blocks of about the same size.
template <int kPitch>
inline void line_of(const LineJob& job) {
    constexpr int kRows = kLineRows<kPitch>, kStep = kLineColumns<kPitch> * Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    const int blocks = (job.count + kRows - 1) / kRows;
    for (int first = 0; first < job.out_blocks * kBlock; first += kStep) {
        for (int block = 0; block < blocks; ++block) {
            const int x = static_cast<int>(std::int64_t{job.count} * block / blocks);
            const int end = static_cast<int>(std::int64_t{job.count} * (block + 1) / blocks);
            line_rows<kRows, kPitch>(job, x, end - x, first / kPanelSize, first % kPanelSize);
        }
    }
}

/// A line of relu(convolution).
inline void convolve_line_relu(LinePitch pitch, const LineJob& job) {
    switch (pitch) {
        case LinePitch::colours:
            return line_of<static_cast<int>(LinePitch::colours)>(job);
        case LinePitch::channels:
            return line_of<static_cast<int>(LinePitch::channels)>(job);
        case LinePitch::halving:
            return line_of<static_cast<int>(LinePitch::halving)>(job);
    }
}

/// Some pixels of a convolution with one output channel: lanes are input channels here, whose sums come together at the end.
template <int kRows>
inline void line_to_one(const LineJob& job, int x) {
    using Register = typename Vector::Register;
    const float* weights = job.weights;
    Register sums[kRows];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Vector::broadcast(0);
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kBlock;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; i += Vector::kLanes, weights += Vector::kLanes) {
                const Register weight = Vector::load(weights);
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    sums[r] = Vector::multiply_add(Vector::load(left + r * kBlock + i), weight, sums[r]);
                }
            }
        }
    }
    for (int r = 0; r < kRows; ++r) {
        float lanes[Vector::kLanes], sum = job.bias[0];
        Vector::store(lanes, sums[r]);
        for (const float lane : lanes) sum += lane;
        job.out[x + r] = sum;
    }
}

/// A line of a convolution with one output channel, whose pixels then lie beside each other. No relu.
/// Weights lie as [row][block][number of the run].
inline void convolve_line_to_one(const LineJob& job) {
    constexpr int kRows = Vector::kRows;
    int x = 0;
    for (; x + kRows <= job.count; x += kRows) line_to_one<kRows>(job, x);
    for (; x < job.count; ++x) line_to_one<1>(job, x);
}

// ---- ffr/kernels/pooling.inl
// What networks do besides convolutions, one text for all CPUs (see simd.hpp). layers.hpp has the plain version. Each
// lane is a channel of its own.
//
//     maps x h x w x 16 channels  -->  maps x out_height x out_width x 16 channels, a value for each window

/// The kinds of pools: how a pixel is taken in, and what becomes of the last sum of `pixels` pixels.
struct LargestOf {
    static typename Vector::Register start() { return Vector::broadcast(-3.4028235e38f); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::maximum(so_far, pixel);
    }
    static typename Vector::Register finish(typename Vector::Register largest, float) { return largest; }
};

struct MeanOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return so_far + pixel;
    }
    static typename Vector::Register finish(typename Vector::Register sum, float pixels) {
        return sum / Vector::broadcast(pixels);
    }
};

struct LengthOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::multiply_add(pixel, pixel, so_far);
    }
    static typename Vector::Register finish(typename Vector::Register squares, float) {
        return Vector::square_root(squares);
    }
};

/// One value of each window; what the padding adds isn't taken in.
template <typename Kind>
inline void pool(const PoolShape& shape, const float* in, float* out) {
    const auto pixels = static_cast<float>(shape.side * shape.side);
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kBlock) {
        for (int y = 0; y < shape.out_height; ++y) {
            const int top = y * shape.stride - shape.padding;
            const int first_row = top < 0 ? 0 : top;
            const int end_row = top + shape.side < shape.height ? top + shape.side : shape.height;
            for (int x = 0; x < shape.out_width; ++x, out += kBlock) {
                const int left = x * shape.stride - shape.padding;
                const int first = left < 0 ? 0 : left;
                const int end = left + shape.side < shape.width ? left + shape.side : shape.width;
                for (int c = 0; c < kBlock; c += Vector::kLanes) {
                    typename Vector::Register so_far = Kind::start();
                    for (int row = first_row; row < end_row; ++row) {
                        const float* pixel = in + (std::ptrdiff_t{row} * shape.width + first) * kBlock + c;
                        for (int column = first; column < end; ++column, pixel += kBlock) {
                            so_far = Kind::take(so_far, Vector::load(pixel));
                        }
                    }
                    Vector::store(out + c, Kind::finish(so_far, pixels));
                }
            }
        }
    }
}

inline void max_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LargestOf>(shape, in, out);
}

inline void average_pool(const PoolShape& shape, const float* in, float* out) {
    pool<MeanOf>(shape, in, out);
}

inline void l2_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LengthOf>(shape, in, out);
}

/// Pixels as numbers: out[i] = (bytes[i] - mean[i % 48]) / range, for `count` numbers and as many more as complete 48, of
/// which red, green and blue are a third each.
inline void normalise_pixels(const std::uint8_t* bytes, int count, const float* mean, float range, float* out) {
    const typename Vector::Register divisor = Vector::broadcast(range);
    for (int first = 0; first < count; first += 48) {
        for (int i = 0; i < 48; i += Vector::kLanes) {
            Vector::store(out + first + i, (Vector::load(bytes + first + i) - Vector::load(mean + i)) / divisor);
        }
    }
}

/// Divides each value by (k + alpha / 5 * the sum of squares of the 5 channels around it) ^ 3/4.
/// \param squares  (16 * blocks + 32) floats to work in, of which the first 16 and the last 16 are 0
inline void normalise_across_channels(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares) {
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel, in += kBlock, out += kBlock) {
        const std::ptrdiff_t plane = pixels * kBlock;
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const typename Vector::Register value = Vector::load(in + block * plane + c);
                Vector::store(squares + (block + 1) * kBlock + c, value * value);
            }
        }
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const float* const around = squares + (block + 1) * kBlock + c;
                typename Vector::Register energy = Vector::load(around - 2);
                for (int channel = -1; channel <= 2; ++channel) energy = energy + Vector::load(around + channel);
                const typename Vector::Register damping =
                    Vector::multiply_add(Vector::broadcast(alpha / 5), energy, Vector::broadcast(k));
                const typename Vector::Register root = Vector::square_root(damping);  // ^ 1/2, and its root ^ 1/4
                Vector::store(out + block * plane + c,
                              Vector::load(in + block * plane + c) / (root * Vector::square_root(root)));
            }
        }
    }
}

// ---- ffr/kernels/product.inl
// The matrix product under all convolutions, one text for all CPUs (see simd.hpp).
//
//     row r, channel c:   finish(sum over k of left[r][k] * weights[k][c])
//
// The weights lie as the loop reads them: for each k the 32 channels of a panel. A block of sums stays in registers while
// k goes by once. In each step a number of each row is multiplied by all columns: with R rows and C columns of registers,
// R * C multiply-adds for R + C loads.

// All weights of a network don't fit into the second-level cache, and the processor's own prefetching ends at each page of
// 4096 bytes. So a panel's weights are asked for so many steps before they're needed; a little behind the last ones, too,
// which does no harm. ResNet-29 with float32 weights, batch of 1: 1.8 ms without, 1.5 ms with it; 64 to 256 are alike.
constexpr int kAhead = 96;

/// Register budget: kRows x kColumns sums, kColumns weights and one number of the left side.
///     AVX-512: 14 x 2 + 2 + 1 of 32     AVX2, SSE2: 6 x 2 + 2 + 1 of 16     NEON: 6 x 4 + 4 + 1 of 32
template <int kRows, int kPitch, typename Weight>
inline void product_block(const ProductRows& rows, const Weight* weights, int channel, const Finish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    using Register = typename Vector::Register;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(finish.bias + channel + v * kLanes);
    }
    const float* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel) {
            Register weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                prefetch(weights + kAhead * kPanel + v * kLanes);
                weight[v] = Vector::load(weights + v * kLanes);
            }
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                const Register number = Vector::broadcast(left[r * kPitch + i]);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = channel + v * kLanes, block = c / kBlock;
        if (block >= finish.blocks) return;
        const std::ptrdiff_t offset = block * finish.plane + c % kBlock;
        if (finish.shortcut != nullptr && block < finish.shortcut_blocks) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = sums[r][v] + Vector::load(finish.shortcut + offset + r * kBlock);
            }
        }
        if (finish.relu) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = Vector::maximum(sums[r][v], Vector::broadcast(0));
            }
        }
        FFR_UNROLL for (int r = 0; r < kRows; ++r) Vector::store(finish.out + offset + r * kBlock, sums[r][v]);
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch, typename Weight>
inline void product_rows(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c, first_channel + c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows, typename Weight>
inline void product_of(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kBlock>(rows, panel, first_channel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, first_channel, finish);
    }
}

/// Up to Vector::kRows rows, 16 floats from each other, times a panel of weights.
inline void product(const ProductRows& rows, const float* panel, int first_channel, const Finish& finish) {
    product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for weights that are kept in 16 bits, which are half as much to read.
inline void product_of_halves(const ProductRows& rows, const std::uint16_t* panel, int first_channel,
                              const Finish& finish) {
    if constexpr (Vector::kWidens) product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for a whole line of rows that are pixels of an interleaved colour image, every second one: 6 floats from each
/// other. The networks' lines of 72 and 48 pixels leave none over.
inline void product_of_pixels(const ProductRows& line, const float* panel, int first_channel, const Finish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ProductRows rows = line;
    Finish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, first_channel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, first_channel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kBlock;
    }
}

/// Rows for product: see gather.inl.
inline void gather_floats(const ConvolutionShape& shape, int faces, const float* in, int first, int count, float* out) {
    gather<kBlock * sizeof(float)>(shape, blocks_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first,
                                   count, reinterpret_cast<char*>(out));
}

// ---- ffr/kernels/winograd.inl
// Winograd's way to filter by 3 x 3 taps, one text for all CPUs (see simd.hpp).
//
// A filter's response on a tile of T x T output pixels is a product of polynomials, and those may be multiplied point by
// point: evaluated at T + 2 points, multiplied there, and interpolated again.
//
//     tile of input (T+2)^2  -> B'dB ->  (T+2)^2 numbers d         weights 3x3  -> GgG' ->  (T+2)^2 numbers u
//     sum over the input channels of d * u, for each of the (T+2)^2 points apart: a matrix product tiles x channels
//     A'mA ->  T x T output pixels
//
// 16 outputs by T = 4 cost 36 multiplications in place of 144, 4 outputs by T = 2 cost 16 in place of 36. The weights of
// T = 4 take four times their memory, those of T = 2 1.8 times.
//
// Paper: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". The points are 0, +-1, +-2 and infinity
// for T = 4, and 0, +-1 and infinity for T = 2.

template <int kTile>
struct Winograd;

template <>
struct Winograd<2> {
    static constexpr int kPoints = 4;

    struct Input {  // B'
        static constexpr int kIn = 4, kOut = 4;
        template <typename R>
        static void apply(const R (&d)[4], R (&out)[4]) {
            out[0] = d[0] - d[2];
            out[1] = d[1] + d[2];
            out[2] = d[2] - d[1];
            out[3] = d[1] - d[3];
        }
    };
    struct Filter {  // G
        static constexpr int kIn = 3, kOut = 4;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[4]) {
            const R even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
            out[0] = g[0];
            out[1] = even + odd;
            out[2] = even - odd;
            out[3] = g[2];
        }
    };
    struct Output {  // A'
        static constexpr int kIn = 4, kOut = 2;
        template <typename R>
        static void apply(const R (&m)[4], R (&out)[2]) {
            out[0] = m[0] + m[1] + m[2];
            out[1] = m[1] - m[2] - m[3];
        }
    };
};

template <>
struct Winograd<4> {
    static constexpr int kPoints = 6;

    struct Input {
        static constexpr int kIn = 6, kOut = 6;
        template <typename R>
        static void apply(const R (&d)[6], R (&out)[6]) {
            const R even1 = d[4] - 4.0f * d[2], odd1 = d[3] - 4.0f * d[1];
            const R even2 = d[4] - d[2], odd2 = 2.0f * (d[3] - d[1]);
            out[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
        }
    };
    struct Filter {
        static constexpr int kIn = 3, kOut = 6;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[6]) {
            const R even1 = (-1.0f / 6) * (g[0] + g[2]), odd1 = (-1.0f / 6) * g[1];
            const R even2 = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], odd2 = (1.0f / 12) * g[1];
            out[0] = 0.25f * g[0];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = g[2];
        }
    };
    struct Output {
        static constexpr int kIn = 6, kOut = 4;
        template <typename R>
        static void apply(const R (&m)[6], R (&out)[4]) {
            const R sum1 = m[1] + m[2], difference1 = m[1] - m[2];
            const R sum2 = m[3] + m[4], difference2 = m[3] - m[4];
            out[0] = m[0] + sum1 + sum2;
            out[1] = difference1 + 2.0f * difference2;
            out[2] = sum1 + 4.0f * sum2;
            out[3] = difference1 + 8.0f * difference2 + m[5];
        }
    };
};

/// A step applied to the columns of a square, then to the rows of what comes out: one register of channels at each place.
/// \param in_line, in_column, out_line, out_column  floats from a place to the one below and beside it
template <typename Step>
inline void transform_square(const float* in, std::ptrdiff_t in_line, std::ptrdiff_t in_column, float* out,
                             std::ptrdiff_t out_line, std::ptrdiff_t out_column) {
    typename Vector::Register columns[Step::kOut][Step::kIn];
    for (int x = 0; x < Step::kIn; ++x) {
        typename Vector::Register before[Step::kIn], after[Step::kOut];
        FFR_UNROLL for (int y = 0; y < Step::kIn; ++y) before[y] = Vector::load(in + y * in_line + x * in_column);
        Step::apply(before, after);
        FFR_UNROLL for (int y = 0; y < Step::kOut; ++y) columns[y][x] = after[y];
    }
    for (int y = 0; y < Step::kOut; ++y) {
        typename Vector::Register after[Step::kOut];
        Step::apply(columns[y], after);
        FFR_UNROLL for (int x = 0; x < Step::kOut; ++x) Vector::store(out + y * out_line + x * out_column, after[x]);
    }
}

/// The rows of the products for `count` tiles from `first` on: out[point][block][tile][16].
template <int kTile>
inline void winograd_input(const TileGrid& grid, int faces, int blocks, const float* in, int first, int count,
                           float* out) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{blocks} * count * kBlock;
    for (int tile = first; tile < first + count; ++tile, out += kBlock) {
        const int face = tile / grid.tiles(), at = tile % grid.tiles();
        const int top = at / grid.columns * kTile - 1, left = at % grid.columns * kTile - 1;
        const bool inside = top >= 0 && left >= 0 && top + kPoints <= grid.height && left + kPoints <= grid.width;
        std::ptrdiff_t corner = face * map + top * line + std::ptrdiff_t{left} * kBlock;
        for (int block = 0; block < blocks; ++block, corner += faces * map) {
            float padded[kPoints][kPoints][kBlock];
            const float* square = padded[0][0];
            std::ptrdiff_t square_line = kPoints * kBlock;
            if (inside) {
                square = in + corner;
                square_line = line;
            } else {
                for (int y = 0; y < kPoints; ++y) {
                    for (int x = 0; x < kPoints; ++x) {
                        const bool there =
                            top + y >= 0 && top + y < grid.height && left + x >= 0 && left + x < grid.width;
                        if (there) {
                            std::memcpy(padded[y][x], in + corner + y * line + x * kBlock, sizeof padded[y][x]);
                        } else {
                            std::memset(padded[y][x], 0, sizeof padded[y][x]);
                        }
                    }
                }
            }
            float* const points = out + std::ptrdiff_t{block} * count * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                transform_square<typename Winograd<kTile>::Input>(square + c, square_line, kBlock, points + c,
                                                                  kPoints * point, point);
            }
        }
    }
}

/// The output pixels of `count` tiles from `first` on, of sums[point][block][tile][16].
template <int kTile>
inline void winograd_output(const TileGrid& grid, const float* sums, int first, int count, const Finish& finish) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{finish.blocks} * count * kBlock;
    for (int block = 0; block < finish.blocks; ++block) {
        const bool adds = finish.shortcut != nullptr && block < finish.shortcut_blocks;
        for (int tile = first; tile < first + count; ++tile, sums += kBlock) {
            const int face = tile / grid.tiles(), at = tile % grid.tiles();
            const int top = at / grid.columns * kTile, left = at % grid.columns * kTile;
            const int lines = grid.height - top < kTile ? grid.height - top : kTile;
            const int columns = grid.width - left < kTile ? grid.width - left : kTile;
            const std::ptrdiff_t corner =
                block * finish.plane + face * map + top * line + std::ptrdiff_t{left} * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                float pixels[kTile][kTile][Vector::kLanes];
                transform_square<typename Winograd<kTile>::Output>(sums + c, kPoints * point, point, pixels[0][0],
                                                                   kTile * Vector::kLanes, Vector::kLanes);
                const typename Vector::Register bias = Vector::load(finish.bias + block * kBlock + c);
                for (int y = 0; y < lines; ++y) {
                    for (int x = 0; x < columns; ++x) {
                        const std::ptrdiff_t offset = corner + y * line + x * kBlock + c;
                        typename Vector::Register value = Vector::load(pixels[y][x]) + bias;
                        if (adds) value = value + Vector::load(finish.shortcut + offset);
                        if (finish.relu) value = Vector::maximum(value, Vector::broadcast(0));
                        Vector::store(finish.out + offset, value);
                    }
                }
            }
        }
    }
}

/// Weights of one input channel and a panel of output channels at the points: out[p * point + channel].
/// \param taps  tap t of the 9 is at taps[t * tap + channel]
template <int kTile>
inline void winograd_filter(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    for (int c = 0; c < kPanel; c += Vector::kLanes) {
        transform_square<typename Winograd<kTile>::Filter>(taps + c, 3 * tap, tap, out + c, kPoints * point, point);
    }
}
//

// ---- ffr/kernels/table.inl
// This CPU's kernels as one value (see simd.hpp).

inline constexpr Kernels kKernels{Vector::kRows,
                                  Vector::kWidens,
                                  product,
                                  product_of_halves,
                                  product_of_pixels,
                                  gather_floats,
                                  convolve_line_relu,
                                  convolve_line_to_one,
                                  {winograd_input<2>, winograd_output<2>, winograd_filter<2>},
                                  {winograd_input<4>, winograd_output<4>, winograd_filter<4>},
                                  max_pool,
                                  average_pool,
                                  l2_pool,
                                  normalise_pixels,
                                  normalise_across_channels};

}  // namespace avx512

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon {

struct Vector {
    using Register = float32x4_t;
    static constexpr int kLanes = 4, kRows = 6, kColumns = 4;
    static constexpr bool kWidens = true;

    static Register load(const float* from) { return vld1q_f32(from); }
    static Register load(const std::uint16_t* from) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from))); }
    static Register load(const std::uint8_t* from) {
        const std::uint32_t bytes = std::uint32_t{from[0]} | std::uint32_t{from[1]} << 8 |
                                    std::uint32_t{from[2]} << 16 | std::uint32_t{from[3]} << 24;
        return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes)))));
    }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register multiply_add(Register a, Register b, Register c) { return vfmaq_f32(c, a, b); }
    static Register maximum(Register a, Register b) { return vmaxq_f32(a, b); }
    static Register square_root(Register a) { return vsqrtq_f32(a); }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/lines.inl
// Convolutions of large maps, a line of the output at a time, one text for all CPUs (see simd.hpp).
//
//     in:  line y      [block][x][16]      out: line y   [block][x][16]      The lines that the filters' rows see are
//          line y + 1  ...                                                   named one by one, so that they needn't lie
//          line y + 2  ...                                                   beside each other, and zeros may be shared.
//
// What a row of a filter sees of a block are numbers that lie beside each other, and the next pixel's begin a fixed number
// of floats further: the matrix product of product.inl reads them where they are, and nothing is gathered.

/// Columns of sums at once: all of a panel's in AVX-512's registers, 16 channels in others.
template <int kPitch>
constexpr int kLineColumns = Vector::kLanes == kBlock ? line_panel(static_cast<LinePitch>(kPitch)) / kBlock
                                                      : Vector::kColumns;

/// Pixels at once, as product_block's registers allow: on AVX-512 28 x 1, 14 x 2 or 9 x 3 sums.
template <int kPitch>
constexpr int kLineRows = Vector::kRows* Vector::kColumns / kLineColumns<kPitch>;

/// relu(sum + bias) of some pixels from `x` on and some channels from `channel` of a panel on.
template <int kRows, int kPitch>
inline void line_block(const LineJob& job, int x, int panel, int channel) {
    constexpr int kColumns = kLineColumns<kPitch>, kLanes = Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    using Register = typename Vector::Register;
    const std::ptrdiff_t taps = std::ptrdiff_t{job.side} * job.blocks * job.run;
    const float* weights = job.weights + panel * taps * kPanelSize + channel;
    const int first = panel * kPanelSize + channel;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(job.bias + first + v * kLanes);
    }
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kPitch;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; ++i, weights += kPanelSize) {
                Register weight[kColumns];
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    weight[v] = Vector::load(weights + v * kLanes);
                }
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    const Register number = Vector::broadcast(left[r * kPitch + i]);
                    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                        sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                    }
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = first + v * kLanes;
        if (c / kBlock >= job.out_blocks) return;
        float* const out = job.out + c / kBlock * job.out_plane + std::ptrdiff_t{x} * kBlock + c % kBlock;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            Vector::store(out + r * kBlock, Vector::maximum(sums[r][v], Vector::broadcast(0)));
        }
    }
}

/// Finds the kernel for this number of pixels.
template <int kRows, int kPitch>
inline void line_rows(const LineJob& job, int x, int count, int panel, int channel) {
    if (count == kRows) {
        line_block<kRows, kPitch>(job, x, panel, channel);
    } else if constexpr (kRows > 1) {
        line_rows<kRows - 1, kPitch>(job, x, count, panel, channel);
    }
}

/// All pixels and channels, in blocks of about the same size.
template <int kPitch>
inline void line_of(const LineJob& job) {
    constexpr int kRows = kLineRows<kPitch>, kStep = kLineColumns<kPitch> * Vector::kLanes;
    constexpr int kPanelSize = line_panel(static_cast<LinePitch>(kPitch));
    const int blocks = (job.count + kRows - 1) / kRows;
    for (int first = 0; first < job.out_blocks * kBlock; first += kStep) {
        for (int block = 0; block < blocks; ++block) {
            const int x = static_cast<int>(std::int64_t{job.count} * block / blocks);
            const int end = static_cast<int>(std::int64_t{job.count} * (block + 1) / blocks);
            line_rows<kRows, kPitch>(job, x, end - x, first / kPanelSize, first % kPanelSize);
        }
    }
}

/// A line of relu(convolution).
inline void convolve_line_relu(LinePitch pitch, const LineJob& job) {
    switch (pitch) {
        case LinePitch::colours:
            return line_of<static_cast<int>(LinePitch::colours)>(job);
        case LinePitch::channels:
            return line_of<static_cast<int>(LinePitch::channels)>(job);
        case LinePitch::halving:
            return line_of<static_cast<int>(LinePitch::halving)>(job);
    }
}

/// Some pixels of a convolution with one output channel: lanes are input channels here, whose sums come together at the end.
template <int kRows>
inline void line_to_one(const LineJob& job, int x) {
    using Register = typename Vector::Register;
    const float* weights = job.weights;
    Register sums[kRows];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Vector::broadcast(0);
    for (int row = 0; row < job.side; ++row) {
        const float* left = job.lines[row] + std::ptrdiff_t{x} * kBlock;
        for (int block = 0; block < job.blocks; ++block, left += job.plane) {
            for (int i = 0; i < job.run; i += Vector::kLanes, weights += Vector::kLanes) {
                const Register weight = Vector::load(weights);
                FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                    sums[r] = Vector::multiply_add(Vector::load(left + r * kBlock + i), weight, sums[r]);
                }
            }
        }
    }
    for (int r = 0; r < kRows; ++r) {
        float lanes[Vector::kLanes], sum = job.bias[0];
        Vector::store(lanes, sums[r]);
        for (const float lane : lanes) sum += lane;
        job.out[x + r] = sum;
    }
}

/// A line of a convolution with one output channel, whose pixels then lie beside each other. No relu.
/// Weights lie as [row][block][number of the run].
inline void convolve_line_to_one(const LineJob& job) {
    constexpr int kRows = Vector::kRows;
    int x = 0;
    for (; x + kRows <= job.count; x += kRows) line_to_one<kRows>(job, x);
    for (; x < job.count; ++x) line_to_one<1>(job, x);
}

// ---- ffr/kernels/pooling.inl
// What networks do besides convolutions, one text for all CPUs (see simd.hpp). layers.hpp has the plain version. Each
// lane is a channel of its own.
//
//     maps x h x w x 16 channels  -->  maps x out_height x out_width x 16 channels, a value for each window

/// The kinds of pools: how a pixel is taken in, and what becomes of the last sum of `pixels` pixels.
struct LargestOf {
    static typename Vector::Register start() { return Vector::broadcast(-3.4028235e38f); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::maximum(so_far, pixel);
    }
    static typename Vector::Register finish(typename Vector::Register largest, float) { return largest; }
};

struct MeanOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return so_far + pixel;
    }
    static typename Vector::Register finish(typename Vector::Register sum, float pixels) {
        return sum / Vector::broadcast(pixels);
    }
};

struct LengthOf {
    static typename Vector::Register start() { return Vector::broadcast(0); }
    static typename Vector::Register take(typename Vector::Register so_far, typename Vector::Register pixel) {
        return Vector::multiply_add(pixel, pixel, so_far);
    }
    static typename Vector::Register finish(typename Vector::Register squares, float) {
        return Vector::square_root(squares);
    }
};

/// One value of each window; what the padding adds isn't taken in.
template <typename Kind>
inline void pool(const PoolShape& shape, const float* in, float* out) {
    const auto pixels = static_cast<float>(shape.side * shape.side);
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kBlock) {
        for (int y = 0; y < shape.out_height; ++y) {
            const int top = y * shape.stride - shape.padding;
            const int first_row = top < 0 ? 0 : top;
            const int end_row = top + shape.side < shape.height ? top + shape.side : shape.height;
            for (int x = 0; x < shape.out_width; ++x, out += kBlock) {
                const int left = x * shape.stride - shape.padding;
                const int first = left < 0 ? 0 : left;
                const int end = left + shape.side < shape.width ? left + shape.side : shape.width;
                for (int c = 0; c < kBlock; c += Vector::kLanes) {
                    typename Vector::Register so_far = Kind::start();
                    for (int row = first_row; row < end_row; ++row) {
                        const float* pixel = in + (std::ptrdiff_t{row} * shape.width + first) * kBlock + c;
                        for (int column = first; column < end; ++column, pixel += kBlock) {
                            so_far = Kind::take(so_far, Vector::load(pixel));
                        }
                    }
                    Vector::store(out + c, Kind::finish(so_far, pixels));
                }
            }
        }
    }
}

inline void max_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LargestOf>(shape, in, out);
}

inline void average_pool(const PoolShape& shape, const float* in, float* out) {
    pool<MeanOf>(shape, in, out);
}

inline void l2_pool(const PoolShape& shape, const float* in, float* out) {
    pool<LengthOf>(shape, in, out);
}

/// Pixels as numbers: out[i] = (bytes[i] - mean[i % 48]) / range, for `count` numbers and as many more as complete 48, of
/// which red, green and blue are a third each.
inline void normalise_pixels(const std::uint8_t* bytes, int count, const float* mean, float range, float* out) {
    const typename Vector::Register divisor = Vector::broadcast(range);
    for (int first = 0; first < count; first += 48) {
        for (int i = 0; i < 48; i += Vector::kLanes) {
            Vector::store(out + first + i, (Vector::load(bytes + first + i) - Vector::load(mean + i)) / divisor);
        }
    }
}

/// Divides each value by (k + alpha / 5 * the sum of squares of the 5 channels around it) ^ 3/4.
/// \param squares  (16 * blocks + 32) floats to work in, of which the first 16 and the last 16 are 0
inline void normalise_across_channels(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares) {
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel, in += kBlock, out += kBlock) {
        const std::ptrdiff_t plane = pixels * kBlock;
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const typename Vector::Register value = Vector::load(in + block * plane + c);
                Vector::store(squares + (block + 1) * kBlock + c, value * value);
            }
        }
        for (int block = 0; block < blocks; ++block) {
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                const float* const around = squares + (block + 1) * kBlock + c;
                typename Vector::Register energy = Vector::load(around - 2);
                for (int channel = -1; channel <= 2; ++channel) energy = energy + Vector::load(around + channel);
                const typename Vector::Register damping =
                    Vector::multiply_add(Vector::broadcast(alpha / 5), energy, Vector::broadcast(k));
                const typename Vector::Register root = Vector::square_root(damping);  // ^ 1/2, and its root ^ 1/4
                Vector::store(out + block * plane + c,
                              Vector::load(in + block * plane + c) / (root * Vector::square_root(root)));
            }
        }
    }
}

// ---- ffr/kernels/product.inl
// The matrix product under all convolutions, one text for all CPUs (see simd.hpp).
//
//     row r, channel c:   finish(sum over k of left[r][k] * weights[k][c])
//
// The weights lie as the loop reads them: for each k the 32 channels of a panel. A block of sums stays in registers while
// k goes by once. In each step a number of each row is multiplied by all columns: with R rows and C columns of registers,
// R * C multiply-adds for R + C loads.

// All weights of a network don't fit into the second-level cache, and the processor's own prefetching ends at each page of
// 4096 bytes. So a panel's weights are asked for so many steps before they're needed; a little behind the last ones, too,
// which does no harm. ResNet-29 with float32 weights, batch of 1: 1.8 ms without, 1.5 ms with it; 64 to 256 are alike.
constexpr int kAhead = 96;

/// Register budget: kRows x kColumns sums, kColumns weights and one number of the left side.
///     AVX-512: 14 x 2 + 2 + 1 of 32     AVX2, SSE2: 6 x 2 + 2 + 1 of 16     NEON: 6 x 4 + 4 + 1 of 32
template <int kRows, int kPitch, typename Weight>
inline void product_block(const ProductRows& rows, const Weight* weights, int channel, const Finish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    using Register = typename Vector::Register;
    Register sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::load(finish.bias + channel + v * kLanes);
    }
    const float* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel) {
            Register weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                prefetch(weights + kAhead * kPanel + v * kLanes);
                weight[v] = Vector::load(weights + v * kLanes);
            }
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                const Register number = Vector::broadcast(left[r * kPitch + i]);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
                    sums[r][v] = Vector::multiply_add(number, weight[v], sums[r][v]);
                }
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int c = channel + v * kLanes, block = c / kBlock;
        if (block >= finish.blocks) return;
        const std::ptrdiff_t offset = block * finish.plane + c % kBlock;
        if (finish.shortcut != nullptr && block < finish.shortcut_blocks) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = sums[r][v] + Vector::load(finish.shortcut + offset + r * kBlock);
            }
        }
        if (finish.relu) {
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                sums[r][v] = Vector::maximum(sums[r][v], Vector::broadcast(0));
            }
        }
        FFR_UNROLL for (int r = 0; r < kRows; ++r) Vector::store(finish.out + offset + r * kBlock, sums[r][v]);
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch, typename Weight>
inline void product_rows(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c, first_channel + c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows, typename Weight>
inline void product_of(const ProductRows& rows, const Weight* panel, int first_channel, const Finish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kBlock>(rows, panel, first_channel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, first_channel, finish);
    }
}

/// Up to Vector::kRows rows, 16 floats from each other, times a panel of weights.
inline void product(const ProductRows& rows, const float* panel, int first_channel, const Finish& finish) {
    product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for weights that are kept in 16 bits, which are half as much to read.
inline void product_of_halves(const ProductRows& rows, const std::uint16_t* panel, int first_channel,
                              const Finish& finish) {
    if constexpr (Vector::kWidens) product_of<Vector::kRows>(rows, panel, first_channel, finish);
}

/// The same for a whole line of rows that are pixels of an interleaved colour image, every second one: 6 floats from each
/// other. The networks' lines of 72 and 48 pixels leave none over.
inline void product_of_pixels(const ProductRows& line, const float* panel, int first_channel, const Finish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ProductRows rows = line;
    Finish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, first_channel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, first_channel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kBlock;
    }
}

/// Rows for product: see gather.inl.
inline void gather_floats(const ConvolutionShape& shape, int faces, const float* in, int first, int count, float* out) {
    gather<kBlock * sizeof(float)>(shape, blocks_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first,
                                   count, reinterpret_cast<char*>(out));
}

// ---- ffr/kernels/winograd.inl
// Winograd's way to filter by 3 x 3 taps, one text for all CPUs (see simd.hpp).
//
// A filter's response on a tile of T x T output pixels is a product of polynomials, and those may be multiplied point by
// point: evaluated at T + 2 points, multiplied there, and interpolated again.
//
//     tile of input (T+2)^2  -> B'dB ->  (T+2)^2 numbers d         weights 3x3  -> GgG' ->  (T+2)^2 numbers u
//     sum over the input channels of d * u, for each of the (T+2)^2 points apart: a matrix product tiles x channels
//     A'mA ->  T x T output pixels
//
// 16 outputs by T = 4 cost 36 multiplications in place of 144, 4 outputs by T = 2 cost 16 in place of 36. The weights of
// T = 4 take four times their memory, those of T = 2 1.8 times.
//
// Paper: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". The points are 0, +-1, +-2 and infinity
// for T = 4, and 0, +-1 and infinity for T = 2.

template <int kTile>
struct Winograd;

template <>
struct Winograd<2> {
    static constexpr int kPoints = 4;

    struct Input {  // B'
        static constexpr int kIn = 4, kOut = 4;
        template <typename R>
        static void apply(const R (&d)[4], R (&out)[4]) {
            out[0] = d[0] - d[2];
            out[1] = d[1] + d[2];
            out[2] = d[2] - d[1];
            out[3] = d[1] - d[3];
        }
    };
    struct Filter {  // G
        static constexpr int kIn = 3, kOut = 4;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[4]) {
            const R even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
            out[0] = g[0];
            out[1] = even + odd;
            out[2] = even - odd;
            out[3] = g[2];
        }
    };
    struct Output {  // A'
        static constexpr int kIn = 4, kOut = 2;
        template <typename R>
        static void apply(const R (&m)[4], R (&out)[2]) {
            out[0] = m[0] + m[1] + m[2];
            out[1] = m[1] - m[2] - m[3];
        }
    };
};

template <>
struct Winograd<4> {
    static constexpr int kPoints = 6;

    struct Input {
        static constexpr int kIn = 6, kOut = 6;
        template <typename R>
        static void apply(const R (&d)[6], R (&out)[6]) {
            const R even1 = d[4] - 4.0f * d[2], odd1 = d[3] - 4.0f * d[1];
            const R even2 = d[4] - d[2], odd2 = 2.0f * (d[3] - d[1]);
            out[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
        }
    };
    struct Filter {
        static constexpr int kIn = 3, kOut = 6;
        template <typename R>
        static void apply(const R (&g)[3], R (&out)[6]) {
            const R even1 = (-1.0f / 6) * (g[0] + g[2]), odd1 = (-1.0f / 6) * g[1];
            const R even2 = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], odd2 = (1.0f / 12) * g[1];
            out[0] = 0.25f * g[0];
            out[1] = even1 + odd1;
            out[2] = even1 - odd1;
            out[3] = even2 + odd2;
            out[4] = even2 - odd2;
            out[5] = g[2];
        }
    };
    struct Output {
        static constexpr int kIn = 6, kOut = 4;
        template <typename R>
        static void apply(const R (&m)[6], R (&out)[4]) {
            const R sum1 = m[1] + m[2], difference1 = m[1] - m[2];
            const R sum2 = m[3] + m[4], difference2 = m[3] - m[4];
            out[0] = m[0] + sum1 + sum2;
            out[1] = difference1 + 2.0f * difference2;
            out[2] = sum1 + 4.0f * sum2;
            out[3] = difference1 + 8.0f * difference2 + m[5];
        }
    };
};

/// A step applied to the columns of a square, then to the rows of what comes out: one register of channels at each place.
/// \param in_line, in_column, out_line, out_column  floats from a place to the one below and beside it
template <typename Step>
inline void transform_square(const float* in, std::ptrdiff_t in_line, std::ptrdiff_t in_column, float* out,
                             std::ptrdiff_t out_line, std::ptrdiff_t out_column) {
    typename Vector::Register columns[Step::kOut][Step::kIn];
    for (int x = 0; x < Step::kIn; ++x) {
        typename Vector::Register before[Step::kIn], after[Step::kOut];
        FFR_UNROLL for (int y = 0; y < Step::kIn; ++y) before[y] = Vector::load(in + y * in_line + x * in_column);
        Step::apply(before, after);
        FFR_UNROLL for (int y = 0; y < Step::kOut; ++y) columns[y][x] = after[y];
    }
    for (int y = 0; y < Step::kOut; ++y) {
        typename Vector::Register after[Step::kOut];
        Step::apply(columns[y], after);
        FFR_UNROLL for (int x = 0; x < Step::kOut; ++x) Vector::store(out + y * out_line + x * out_column, after[x]);
    }
}

/// The rows of the products for `count` tiles from `first` on: out[point][block][tile][16].
template <int kTile>
inline void winograd_input(const TileGrid& grid, int faces, int blocks, const float* in, int first, int count,
                           float* out) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{blocks} * count * kBlock;
    for (int tile = first; tile < first + count; ++tile, out += kBlock) {
        const int face = tile / grid.tiles(), at = tile % grid.tiles();
        const int top = at / grid.columns * kTile - 1, left = at % grid.columns * kTile - 1;
        const bool inside = top >= 0 && left >= 0 && top + kPoints <= grid.height && left + kPoints <= grid.width;
        std::ptrdiff_t corner = face * map + top * line + std::ptrdiff_t{left} * kBlock;
        for (int block = 0; block < blocks; ++block, corner += faces * map) {
            float padded[kPoints][kPoints][kBlock];
            const float* square = padded[0][0];
            std::ptrdiff_t square_line = kPoints * kBlock;
            if (inside) {
                square = in + corner;
                square_line = line;
            } else {
                for (int y = 0; y < kPoints; ++y) {
                    for (int x = 0; x < kPoints; ++x) {
                        const bool there =
                            top + y >= 0 && top + y < grid.height && left + x >= 0 && left + x < grid.width;
                        if (there) {
                            std::memcpy(padded[y][x], in + corner + y * line + x * kBlock, sizeof padded[y][x]);
                        } else {
                            std::memset(padded[y][x], 0, sizeof padded[y][x]);
                        }
                    }
                }
            }
            float* const points = out + std::ptrdiff_t{block} * count * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                transform_square<typename Winograd<kTile>::Input>(square + c, square_line, kBlock, points + c,
                                                                  kPoints * point, point);
            }
        }
    }
}

/// The output pixels of `count` tiles from `first` on, of sums[point][block][tile][16].
template <int kTile>
inline void winograd_output(const TileGrid& grid, const float* sums, int first, int count, const Finish& finish) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    const std::ptrdiff_t line = std::ptrdiff_t{grid.width} * kBlock, map = grid.height * line;
    const std::ptrdiff_t point = std::ptrdiff_t{finish.blocks} * count * kBlock;
    for (int block = 0; block < finish.blocks; ++block) {
        const bool adds = finish.shortcut != nullptr && block < finish.shortcut_blocks;
        for (int tile = first; tile < first + count; ++tile, sums += kBlock) {
            const int face = tile / grid.tiles(), at = tile % grid.tiles();
            const int top = at / grid.columns * kTile, left = at % grid.columns * kTile;
            const int lines = grid.height - top < kTile ? grid.height - top : kTile;
            const int columns = grid.width - left < kTile ? grid.width - left : kTile;
            const std::ptrdiff_t corner =
                block * finish.plane + face * map + top * line + std::ptrdiff_t{left} * kBlock;
            for (int c = 0; c < kBlock; c += Vector::kLanes) {
                float pixels[kTile][kTile][Vector::kLanes];
                transform_square<typename Winograd<kTile>::Output>(sums + c, kPoints * point, point, pixels[0][0],
                                                                   kTile * Vector::kLanes, Vector::kLanes);
                const typename Vector::Register bias = Vector::load(finish.bias + block * kBlock + c);
                for (int y = 0; y < lines; ++y) {
                    for (int x = 0; x < columns; ++x) {
                        const std::ptrdiff_t offset = corner + y * line + x * kBlock + c;
                        typename Vector::Register value = Vector::load(pixels[y][x]) + bias;
                        if (adds) value = value + Vector::load(finish.shortcut + offset);
                        if (finish.relu) value = Vector::maximum(value, Vector::broadcast(0));
                        Vector::store(finish.out + offset, value);
                    }
                }
            }
        }
    }
}

/// Weights of one input channel and a panel of output channels at the points: out[p * point + channel].
/// \param taps  tap t of the 9 is at taps[t * tap + channel]
template <int kTile>
inline void winograd_filter(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point) {
    constexpr int kPoints = Winograd<kTile>::kPoints;
    for (int c = 0; c < kPanel; c += Vector::kLanes) {
        transform_square<typename Winograd<kTile>::Filter>(taps + c, 3 * tap, tap, out + c, kPoints * point, point);
    }
}
//

// ---- ffr/kernels/table.inl
// This CPU's kernels as one value (see simd.hpp).

inline constexpr Kernels kKernels{Vector::kRows,
                                  Vector::kWidens,
                                  product,
                                  product_of_halves,
                                  product_of_pixels,
                                  gather_floats,
                                  convolve_line_relu,
                                  convolve_line_to_one,
                                  {winograd_input<2>, winograd_output<2>, winograd_filter<2>},
                                  {winograd_input<4>, winograd_output<4>, winograd_filter<4>},
                                  max_pool,
                                  average_pool,
                                  l2_pool,
                                  normalise_pixels,
                                  normalise_across_channels};

}  // namespace neon

#endif

/// The kernels of a path, which the machine has to have.
FFR_COMPILED_INLINE const Kernels& kernels_of(SimdPath path) {
    switch (path) {
#if defined(FFR_AVX_KERNELS)
        case SimdPath::avx512:
            return avx512::kKernels;
        case SimdPath::avx2:
            return avx2::kKernels;
#endif
#if defined(FFR_SSE2_KERNELS)
        case SimdPath::sse2:
            return sse2::kKernels;
#elif defined(FFR_NEON_KERNELS)
        case SimdPath::neon:
            return neon::kKernels;
#endif
        default:
            return scalar::kKernels;
    }
}

#endif

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

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

// ---- ffr/layers/simd_layers.hpp
/// \file
/// The layers at full speed: what layers.hpp says in plain loops, of many faces at once, by the SIMD kernels of the
/// machine that the program runs on. Bias, activation (relu) and shortcut are added where a convolution stores its
/// sums.
///
///     faces --look--> BlockedMaps: blocks x faces x h x w x 16 --convolve_relu, pool--> ... --> 128 floats a face

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// The layers as networks call them: see PlainLayers.
class SimdLayers {
  public:
    /// What flows between layers: floats of all faces of a call, in blocks of 16 channels.
    using Maps = BlockedMaps;
    /// What a convolution keeps.
    using Convolution = SimdConvolution;
    /// What a fully connected layer keeps.
    using Connection = SimdConvolution;
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = 16;

    /// Maps come from the workspace and are worked on by its threads.
    explicit SimdLayers(Workspace& workspace, kernels::SimdPath path = kernels::simd_path())
        : workspace_(&workspace), kernels_(&kernels::kernels_of(path)) {}

    /// See PlainLayers. All faces; their size is the one that the layer was loaded for.
    Maps look(const Convolution& layer, const std::vector<ImageView>& faces, int, const std::array<float, 3>& mean,
              float range) const {
        return layer.apply(faces, mean, range, *workspace_);
    }
    /// See PlainLayers. The maps have to be of the size that the layer was loaded for.
    Maps convolve_relu(const Convolution& layer, const Maps& in) const {
        return layer.apply(in, nullptr, true, *workspace_);
    }
    /// See PlainLayers.
    Maps connect(const Convolution& layer, const Maps& in) const {
        return layer.apply(in, nullptr, false, *workspace_);
    }
    /// See PlainLayers. A shortcut that fits is added while the sums are stored.
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        const bool fits = shortcut.height() == layer.shape().output_height() &&
                          shortcut.width() == layer.shape().output_width() &&
                          shortcut.channels() <= layer.shape().outputs;
        if (fits) return layer.apply(in, &shortcut, true, *workspace_);
        return add_relu(layer.apply(in, nullptr, false, *workspace_), shortcut);
    }

    /// See PlainLayers.
    Maps max_pool(const Maps& in, const PoolWindow& window) const { return pool(in, window, kernels_->max_pool); }
    /// See PlainLayers.
    Maps average_pool(const Maps& in, const PoolWindow& window) const {
        return pool(in, window, kernels_->average_pool);
    }
    /// See PlainLayers.
    Maps l2_pool(const Maps& in, const PoolWindow& window) const { return pool(in, window, kernels_->l2_pool); }
    /// See PlainLayers.
    Maps global_mean(const Maps& in) const { return average_pool(in, {in.height(), 1}); }

    /// See PlainLayers.
    Maps normalise_across_channels(const Maps& in) const {
        const ChannelNormalisation how;
        Maps out(*workspace_, in.faces(), in.channels(), in.height(), in.width());
        const auto count = static_cast<std::size_t>(in.blocks() + 2) * kernels::kBlock;
        const Workspace::Floats squares(*workspace_, count);
        std::fill_n(squares.data(), count, 0.0f);
        kernels_->normalise_across_channels(in.blocks(), in.pixels(), how.alpha, how.k, in.data(), out.data(),
                                            squares.data());
        return out;
    }

    /// See PlainLayers.
    /// \throws InvalidArgument when a branch but the last hasn't got whole blocks of channels, or branches have different
    /// numbers of faces
    Maps concatenate(const std::vector<Maps>& branches) const {
        int channels = 0, height = 0, width = 0;
        for (const Maps& branch : branches) {
            if (channels % kernels::kBlock != 0) throw InvalidArgument("branches of a network have blocks of 16 maps");
            if (branch.faces() != branches[0].faces())
                throw InvalidArgument("branches of a network have the same faces");
            channels += branch.channels();
            height = std::max(height, branch.height());
            width = std::max(width, branch.width());
        }
        Maps out(*workspace_, branches.at(0).faces(), channels, height, width);
        int block = 0;
        for (const Maps& branch : branches) {
            place(branch, (height - branch.height()) / 2, (width - branch.width()) / 2, block, out);
            block += branch.blocks();
        }
        return out;
    }

    /// relu(a + b) of maps of different sizes, which happens on the smallest ones: see add() in layers.hpp.
    Maps add_relu(const Maps& a, const Maps& b) const {
        Maps sum(*workspace_, a.faces(), std::max(a.channels(), b.channels()), std::max(a.height(), b.height()),
                 std::max(a.width(), b.width()));
        std::fill_n(sum.data(), sum.count(), 0.0f);
        for (const Maps* maps : {&a, &b}) {
            for (int block = 0; block < maps->blocks(); ++block) {
                for (int face = 0; face < maps->faces(); ++face) {
                    for (int y = 0; y < maps->height(); ++y) {
                        const float* const from = maps->at(block, face, y, 0);
                        float* const to = sum.at(block, face, y, 0);
                        for (int i = 0; i < maps->width() * kernels::kBlock; ++i) to[i] += from[i];
                    }
                }
            }
        }
        for (std::size_t i = 0; i < sum.count(); ++i) sum.data()[i] = std::max(sum.data()[i], 0.0f);
        return sum;
    }

    /// See PlainLayers. 0 <= face < maps.faces().
    FeatureMaps plain(const Maps& maps, std::size_t face) const { return maps.plain(static_cast<int>(face)); }

  private:
    using Pool = void (*)(const kernels::PoolShape&, const float* in, float* out);

    Maps pool(const Maps& in, const PoolWindow& window, Pool kernel) const {
        const PoolSize size = pool_size(window, in.height(), in.width());
        Maps out(*workspace_, in.faces(), in.channels(), size.height, size.width);
        // A task is a block's maps of one face.
        workspace_->threads().run(in.blocks() * in.faces(), [&](int map, int) {
            const kernels::PoolShape shape{1,          in.height(), in.width(),    size.height,
                                           size.width, window.side, window.stride, window.padding};
            kernel(shape, in.data() + std::ptrdiff_t{map} * in.height() * in.width() * kernels::kBlock,
                   out.data() + std::ptrdiff_t{map} * size.height * size.width * kernels::kBlock);
        });
        return out;
    }

    /// Copies maps into larger ones, from `block` on, between zeros.
    static void place(const Maps& from, int top, int left, int block, Maps& to) {
        for (int b = 0; b < from.blocks(); ++b) {
            if (from.height() == to.height() && from.width() == to.width()) {
                std::copy_n(from.data() + b * from.plane(), from.plane(), to.data() + (block + b) * to.plane());
                continue;
            }
            std::fill_n(to.data() + (block + b) * to.plane(), to.plane(), 0.0f);
            for (int face = 0; face < from.faces(); ++face) {
                for (int y = 0; y < from.height(); ++y) {
                    std::copy_n(from.at(b, face, y, 0), from.width() * kernels::kBlock,
                                to.at(block + b, face, top + y, left));
                }
            }
        }
    }

    Workspace* workspace_;
    const kernels::Kernels* kernels_;
};

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
/// The layers that networks are made of unless they say otherwise.
using DefaultLayers = PlainLayers;
#else
/// The layers that networks are made of unless they say otherwise.
using DefaultLayers = SimdLayers;
#endif

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/layers/int8_convolution.hpp
/// \file
/// A convolution in bytes: four multiply-adds where a float takes one, at the price of rounding.
///
///     ByteMaps: blocks x faces x h x w x 32 bytes, a scale  -->  ByteMaps of the outputs, another scale
///
///     value of an input  = q * scale of its maps,           q = 0..255   (maps come out of a relu: none is negative)
///     value of a weight  = w * scale of its output channel, w = -127..127
///     output = relu(sum of q * w, exact in 32 bits, * both scales + bias + shortcut), rounded to its own scale
///
/// An output's scale is fixed by the largest value that it has to hold, which was measured on photos and stands in the
/// weight file; what's larger is cut off. There's a matrix product under it as in simd_convolution.hpp, by the ways
/// that are called direct and pixels there.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>


// ---- ffr/kernels/int8.hpp
/// \file
/// The kernels of the int8 network for each CPU that has an instruction for it: 4 products of bytes added to a sum of
/// 32 bits at once. Chosen when the program runs, as simd.hpp's are and among what they leave: FFR_SIMD=avx2 leaves
/// AVX-VNNI, FFR_SIMD=scalar the plain loops.
///
///     left: rows x taps, 0..255   times   weights: taps x channels, -127..127   -->   rows x channels sums of 32 bits
///
/// Maps of bytes lie in blocks of 32 channels, a pixel's 32 beside each other. plain_int8 makes the plain version of
/// int8.inl.

#include <cstddef>
#include <cstdint>
#include <cstring>


// What takes a newer compiler than the rest.
#if defined(FFR_AVX_KERNELS) && \
    ((defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11))
#define FFR_AVX_VNNI_KERNELS
#endif

#if defined(__linux__) && defined(FFR_NEON_KERNELS)
#include <sys/auxv.h>
#endif

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// The left side of a product of bytes: as ProductRows, with runs of `run` times 4 bytes.
struct ByteRows {
    const std::uint8_t* values;
    int count;
    std::ptrdiff_t runs, run, stride;
};

/// What's done with sums of a panel before they're stored: out = round(relu(sum * scale + bias + shortcut * its scale)),
/// at most 255; or, where `floats` isn't null, sum * scale + bias as blocked maps of floats.
struct ByteFinish {
    std::uint8_t* out;             // of the first row's pixel in the panel
    float* floats;                 // the same in maps of floats, or null
    int float_blocks;              // blocks of 16 channels that are stored there
    std::ptrdiff_t float_plane;    // floats from a block of those to the next
    const std::int32_t* weights;   // the sums of each channel's weights, of the panel's 32 channels
    const float* scale;            // of the panel's 32 channels
    const float* bias;             // of the panel's 32 channels
    const std::uint8_t* shortcut;  // lies as `out` does, or null
    float shortcut_scale;
};

/// The kernels of a path: see int8.inl.
struct Int8Kernels {
    int rows;  // most rows that a product takes
    void (*product)(const ByteRows&, const std::int8_t* panel, const ByteFinish&);
    void (*product_of_pixels)(const ByteRows&, const std::int8_t* panel, const ByteFinish&);
    void (*gather)(const ConvolutionShape&, int faces, const std::uint8_t* in, int first, int count, std::uint8_t* out);
    void (*max_pool)(const PoolShape&, const std::uint8_t* in, std::uint8_t* out);
    void (*average_pool)(const PoolShape&, const std::uint8_t* in, std::uint8_t* out);
};

/// The ways to run the int8 network.
enum class Int8Path { plain, neon_dot, avx_vnni, avx512_vnni };

/// "plain", "neon_dot", "avx_vnni" or "avx512_vnni".
inline const char* int8_name(Int8Path path) {
    constexpr const char* kNames[] = {"plain", "neon_dot", "avx_vnni", "avx512_vnni"};
    return kNames[static_cast<int>(path)];
}

/// The best way that the machine has and a SIMD path leaves.
inline Int8Path int8_path(SimdPath path = simd_path()) {
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx512 && __builtin_cpu_supports("avx512vnni")) return Int8Path::avx512_vnni;
#if defined(FFR_AVX_VNNI_KERNELS)
    // AVX-VNNI: leaf 7, subleaf 1, EAX bit 4.
    unsigned a = 0, b = 0, c = 0, d = 0;
    const bool has_avx2 = path == SimdPath::avx2 || path == SimdPath::avx512;
    if (has_avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0) return Int8Path::avx_vnni;
#endif
#elif defined(__linux__) && defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon && (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) return Int8Path::neon_dot;
#endif
    static_cast<void>(path);
    return Int8Path::plain;
}

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

const Int8Kernels& int8_kernels_of(Int8Path path);

#else

namespace plain_int8 {

struct Vector : scalar::Vector {
    using Sums = std::int32_t;
    static constexpr int kRows = 4, kColumns = 4;
    using scalar::Vector::load;

    static Sums start(const std::int32_t*) { return 0; }
    static Sums load_weights(const std::int8_t* from) {
        std::int32_t four;
        std::memcpy(&four, from, sizeof four);
        return four;
    }
    static Sums broadcast_inputs(std::uint32_t four) { return static_cast<Sums>(four); }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        std::uint8_t input[4];
        std::int8_t weight[4];
        std::memcpy(input, &inputs, sizeof input);
        std::memcpy(weight, &weights, sizeof weight);
        for (int i = 0; i < 4; ++i) sum += input[i] * weight[i];
        return sum;
    }
    static Register to_floats(Sums sums) { return static_cast<float>(sums); }
    static void store_bytes(std::uint8_t* to, Register value) {
        *to = static_cast<std::uint8_t>(std::lrint(value < 255.0f ? value : 255.0f));
    }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/int8.inl
// Kernels of the int8 network, one text for all CPUs (see int8.hpp). Maps are bytes, q * scale being the value; weights
// are bytes with a sign; their products are added up in 32 bits without any rounding.

/// Stores the sums of neighbouring channels for a row.
inline void store(typename Vector::Register sums, const ByteFinish& finish, int channel, int row) {
    typename Vector::Register value =
        Vector::multiply_add(sums, Vector::load(finish.scale + channel), Vector::load(finish.bias + channel));
    if (finish.floats != nullptr) {
        const int block = channel / kBlock;
        if (block >= finish.float_blocks) return;
        return Vector::store(finish.floats + block * finish.float_plane + row * kBlock + channel % kBlock, value);
    }
    const std::ptrdiff_t offset = std::ptrdiff_t{row} * kPanel + channel;
    if (finish.shortcut != nullptr) {
        value = Vector::multiply_add(Vector::load(finish.shortcut + offset), Vector::broadcast(finish.shortcut_scale),
                                     value);
    }
    Vector::store_bytes(finish.out + offset, Vector::maximum(value, Vector::broadcast(0)));
}

/// Register budget: as in product.inl. A register of sums takes in 4 neighbouring inputs of a row at a time.
template <int kRows, int kPitch>
inline void product_block(const ByteRows& rows, const std::int8_t* weights, int column, const ByteFinish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    typename Vector::Sums sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::start(finish.weights + column + v * kLanes);
    }
    const std::uint8_t* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel * 4) {
            typename Vector::Sums weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) weight[v] = Vector::load_weights(weights + v * kLanes * 4);
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                std::uint32_t four;
                std::memcpy(&four, left + r * kPitch + i * 4, sizeof four);
                const typename Vector::Sums inputs = Vector::broadcast_inputs(four);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::dot(sums[r][v], inputs, weight[v]);
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int channel = column + v * kLanes;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            store(Vector::to_floats(sums[r][v]), finish, channel, r);
        }
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch>
inline void product_rows(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c * 4, c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows>
inline void product_of(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kPanel>(rows, panel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, finish);
    }
}

/// Up to Vector::kRows rows, 32 bytes from each other, times a panel of weights.
inline void product(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    product_of<Vector::kRows>(rows, panel, finish);
}

/// The same for a whole line of pixels of an interleaved colour image: see product.inl.
inline void product_of_pixels(const ByteRows& line, const std::int8_t* panel, const ByteFinish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ByteRows rows = line;
    ByteFinish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kPanel;
    }
}

/// Rows for product: see gather.inl.
inline void gather_bytes(const ConvolutionShape& shape, int faces, const std::uint8_t* in, int first, int count,
                         std::uint8_t* out) {
    gather<kPanel>(shape, panels_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first, count,
                   reinterpret_cast<char*>(out));
}

/// The largest byte of each window. Windows lie within the maps.
inline void max_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::uint8_t largest[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) {
                            const std::uint8_t value = pixels[column * kPanel + c];
                            largest[c] = largest[c] < value ? value : largest[c];
                        }
                    }
                }
                std::memcpy(out, largest, kPanel);
            }
        }
    }
}

/// The rounded mean of each window. Windows lie within the maps.
inline void average_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    constexpr std::int32_t kOne = 1 << 16;  // in whole numbers, which round alike everywhere
    const std::int32_t pixels_of_window = shape.side * shape.side;
    const std::int32_t share = (kOne + pixels_of_window / 2) / pixels_of_window;
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::int32_t sums[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) sums[c] += pixels[column * kPanel + c];
                    }
                }
                for (int c = 0; c < kPanel; ++c) {
                    out[c] = static_cast<std::uint8_t>((sums[c] * share + kOne / 2) / kOne);
                }
            }
        }
    }
}

inline constexpr Int8Kernels kInt8Kernels{Vector::kRows, product,  product_of_pixels,
                                          gather_bytes,  max_pool, average_pool};

}  // namespace plain_int8

#if defined(FFR_AVX_KERNELS)

#if defined(FFR_AVX_VNNI_KERNELS)

FFR_TARGET_BEGIN("avx2,fma,f16c,avxvnni")

namespace avx_vnni {

struct Vector : avx2::Vector {
    // Of integers of 32 bits, as the instruction has them: with __m256i, g++ keeps the sums in memory.
    typedef int Sums __attribute__((vector_size(32)));
    using avx2::Vector::load;

    static Sums start(const std::int32_t*) { return Sums{}; }
    static Sums load_weights(const std::int8_t* from) {
        return reinterpret_cast<Sums>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    static Sums broadcast_inputs(std::uint32_t four) {
        return reinterpret_cast<Sums>(_mm256_set1_epi32(static_cast<int>(four)));
    }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        return reinterpret_cast<Sums>(_mm256_dpbusd_avx_epi32(
            reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(inputs), reinterpret_cast<__m256i>(weights)));
    }
    static Register to_floats(Sums sums) { return _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(sums)); }
    static void store_bytes(std::uint8_t* to, Register value) {
        const __m256i rounded = _mm256_cvtps_epi32(_mm256_min_ps(value, _mm256_set1_ps(255)));
        const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
    }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/int8.inl
// Kernels of the int8 network, one text for all CPUs (see int8.hpp). Maps are bytes, q * scale being the value; weights
// are bytes with a sign; their products are added up in 32 bits without any rounding.

/// Stores the sums of neighbouring channels for a row.
inline void store(typename Vector::Register sums, const ByteFinish& finish, int channel, int row) {
    typename Vector::Register value =
        Vector::multiply_add(sums, Vector::load(finish.scale + channel), Vector::load(finish.bias + channel));
    if (finish.floats != nullptr) {
        const int block = channel / kBlock;
        if (block >= finish.float_blocks) return;
        return Vector::store(finish.floats + block * finish.float_plane + row * kBlock + channel % kBlock, value);
    }
    const std::ptrdiff_t offset = std::ptrdiff_t{row} * kPanel + channel;
    if (finish.shortcut != nullptr) {
        value = Vector::multiply_add(Vector::load(finish.shortcut + offset), Vector::broadcast(finish.shortcut_scale),
                                     value);
    }
    Vector::store_bytes(finish.out + offset, Vector::maximum(value, Vector::broadcast(0)));
}

/// Register budget: as in product.inl. A register of sums takes in 4 neighbouring inputs of a row at a time.
template <int kRows, int kPitch>
inline void product_block(const ByteRows& rows, const std::int8_t* weights, int column, const ByteFinish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    typename Vector::Sums sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::start(finish.weights + column + v * kLanes);
    }
    const std::uint8_t* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel * 4) {
            typename Vector::Sums weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) weight[v] = Vector::load_weights(weights + v * kLanes * 4);
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                std::uint32_t four;
                std::memcpy(&four, left + r * kPitch + i * 4, sizeof four);
                const typename Vector::Sums inputs = Vector::broadcast_inputs(four);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::dot(sums[r][v], inputs, weight[v]);
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int channel = column + v * kLanes;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            store(Vector::to_floats(sums[r][v]), finish, channel, r);
        }
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch>
inline void product_rows(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c * 4, c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows>
inline void product_of(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kPanel>(rows, panel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, finish);
    }
}

/// Up to Vector::kRows rows, 32 bytes from each other, times a panel of weights.
inline void product(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    product_of<Vector::kRows>(rows, panel, finish);
}

/// The same for a whole line of pixels of an interleaved colour image: see product.inl.
inline void product_of_pixels(const ByteRows& line, const std::int8_t* panel, const ByteFinish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ByteRows rows = line;
    ByteFinish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kPanel;
    }
}

/// Rows for product: see gather.inl.
inline void gather_bytes(const ConvolutionShape& shape, int faces, const std::uint8_t* in, int first, int count,
                         std::uint8_t* out) {
    gather<kPanel>(shape, panels_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first, count,
                   reinterpret_cast<char*>(out));
}

/// The largest byte of each window. Windows lie within the maps.
inline void max_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::uint8_t largest[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) {
                            const std::uint8_t value = pixels[column * kPanel + c];
                            largest[c] = largest[c] < value ? value : largest[c];
                        }
                    }
                }
                std::memcpy(out, largest, kPanel);
            }
        }
    }
}

/// The rounded mean of each window. Windows lie within the maps.
inline void average_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    constexpr std::int32_t kOne = 1 << 16;  // in whole numbers, which round alike everywhere
    const std::int32_t pixels_of_window = shape.side * shape.side;
    const std::int32_t share = (kOne + pixels_of_window / 2) / pixels_of_window;
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::int32_t sums[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) sums[c] += pixels[column * kPanel + c];
                    }
                }
                for (int c = 0; c < kPanel; ++c) {
                    out[c] = static_cast<std::uint8_t>((sums[c] * share + kOne / 2) / kOne);
                }
            }
        }
    }
}

inline constexpr Int8Kernels kInt8Kernels{Vector::kRows, product,  product_of_pixels,
                                          gather_bytes,  max_pool, average_pool};

}  // namespace avx_vnni

FFR_TARGET_END

#endif

FFR_TARGET_BEGIN("avx512f,avx512vnni")

namespace avx512_vnni {

struct Vector : avx512::Vector {
    // Of integers of 32 bits, as the instruction has them: with __m512i, g++ keeps the sums in memory.
    typedef int Sums __attribute__((vector_size(64)));
    using avx512::Vector::load;

    static Sums start(const std::int32_t*) { return Sums{}; }
    static Sums load_weights(const std::int8_t* from) { return reinterpret_cast<Sums>(_mm512_loadu_si512(from)); }
    static Sums broadcast_inputs(std::uint32_t four) {
        return reinterpret_cast<Sums>(_mm512_set1_epi32(static_cast<int>(four)));
    }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        return reinterpret_cast<Sums>(_mm512_dpbusd_epi32(
            reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(inputs), reinterpret_cast<__m512i>(weights)));
    }
    static Register to_floats(Sums sums) { return _mm512_maskz_cvtepi32_ps(kAll, reinterpret_cast<__m512i>(sums)); }
    static void store_bytes(std::uint8_t* to, Register value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                         _mm512_maskz_cvtusepi32_epi8(kAll, _mm512_maskz_cvtps_epi32(kAll, value)));
    }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/int8.inl
// Kernels of the int8 network, one text for all CPUs (see int8.hpp). Maps are bytes, q * scale being the value; weights
// are bytes with a sign; their products are added up in 32 bits without any rounding.

/// Stores the sums of neighbouring channels for a row.
inline void store(typename Vector::Register sums, const ByteFinish& finish, int channel, int row) {
    typename Vector::Register value =
        Vector::multiply_add(sums, Vector::load(finish.scale + channel), Vector::load(finish.bias + channel));
    if (finish.floats != nullptr) {
        const int block = channel / kBlock;
        if (block >= finish.float_blocks) return;
        return Vector::store(finish.floats + block * finish.float_plane + row * kBlock + channel % kBlock, value);
    }
    const std::ptrdiff_t offset = std::ptrdiff_t{row} * kPanel + channel;
    if (finish.shortcut != nullptr) {
        value = Vector::multiply_add(Vector::load(finish.shortcut + offset), Vector::broadcast(finish.shortcut_scale),
                                     value);
    }
    Vector::store_bytes(finish.out + offset, Vector::maximum(value, Vector::broadcast(0)));
}

/// Register budget: as in product.inl. A register of sums takes in 4 neighbouring inputs of a row at a time.
template <int kRows, int kPitch>
inline void product_block(const ByteRows& rows, const std::int8_t* weights, int column, const ByteFinish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    typename Vector::Sums sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::start(finish.weights + column + v * kLanes);
    }
    const std::uint8_t* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel * 4) {
            typename Vector::Sums weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) weight[v] = Vector::load_weights(weights + v * kLanes * 4);
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                std::uint32_t four;
                std::memcpy(&four, left + r * kPitch + i * 4, sizeof four);
                const typename Vector::Sums inputs = Vector::broadcast_inputs(four);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::dot(sums[r][v], inputs, weight[v]);
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int channel = column + v * kLanes;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            store(Vector::to_floats(sums[r][v]), finish, channel, r);
        }
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch>
inline void product_rows(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c * 4, c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows>
inline void product_of(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kPanel>(rows, panel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, finish);
    }
}

/// Up to Vector::kRows rows, 32 bytes from each other, times a panel of weights.
inline void product(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    product_of<Vector::kRows>(rows, panel, finish);
}

/// The same for a whole line of pixels of an interleaved colour image: see product.inl.
inline void product_of_pixels(const ByteRows& line, const std::int8_t* panel, const ByteFinish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ByteRows rows = line;
    ByteFinish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kPanel;
    }
}

/// Rows for product: see gather.inl.
inline void gather_bytes(const ConvolutionShape& shape, int faces, const std::uint8_t* in, int first, int count,
                         std::uint8_t* out) {
    gather<kPanel>(shape, panels_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first, count,
                   reinterpret_cast<char*>(out));
}

/// The largest byte of each window. Windows lie within the maps.
inline void max_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::uint8_t largest[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) {
                            const std::uint8_t value = pixels[column * kPanel + c];
                            largest[c] = largest[c] < value ? value : largest[c];
                        }
                    }
                }
                std::memcpy(out, largest, kPanel);
            }
        }
    }
}

/// The rounded mean of each window. Windows lie within the maps.
inline void average_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    constexpr std::int32_t kOne = 1 << 16;  // in whole numbers, which round alike everywhere
    const std::int32_t pixels_of_window = shape.side * shape.side;
    const std::int32_t share = (kOne + pixels_of_window / 2) / pixels_of_window;
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::int32_t sums[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) sums[c] += pixels[column * kPanel + c];
                    }
                }
                for (int c = 0; c < kPanel; ++c) {
                    out[c] = static_cast<std::uint8_t>((sums[c] * share + kOne / 2) / kOne);
                }
            }
        }
    }
}

inline constexpr Int8Kernels kInt8Kernels{Vector::kRows, product,  product_of_pixels,
                                          gather_bytes,  max_pool, average_pool};

}  // namespace avx512_vnni

FFR_TARGET_END

#elif defined(__linux__) && defined(FFR_NEON_KERNELS)

#if defined(__clang__)
FFR_TARGET_BEGIN("dotprod")
#else
FFR_TARGET_BEGIN("arch=armv8.2-a+dotprod")
#endif

namespace neon_dot {

/// The instruction multiplies bytes that both have a sign. So inputs lose 128, and sums start with 128 times the sum of
/// the weights.
struct Vector : neon::Vector {
    using Sums = int32x4_t;
    using neon::Vector::load;

    static Sums start(const std::int32_t* weights) { return vshlq_n_s32(vld1q_s32(weights), 7); }
    static Sums load_weights(const std::int8_t* from) { return vreinterpretq_s32_s8(vld1q_s8(from)); }
    static Sums broadcast_inputs(std::uint32_t four) { return vreinterpretq_s32_u32(vdupq_n_u32(four ^ 0x80808080u)); }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        return vdotq_s32(sum, vreinterpretq_s8_s32(inputs), vreinterpretq_s8_s32(weights));
    }
    static Register to_floats(Sums sums) { return vcvtq_f32_s32(sums); }
    static void store_bytes(std::uint8_t* to, Register value) {
        const uint16x4_t words = vqmovn_u32(vcvtnq_u32_f32(value));
        const uint32x2_t bytes = vreinterpret_u32_u8(vqmovn_u16(vcombine_u16(words, words)));
        vst1_lane_u32(reinterpret_cast<std::uint32_t*>(to), bytes, 0);
    }
};


// ---- ffr/kernels/gather.inl
// Rows for a convolution's matrix product, one text for all CPUs (see simd.hpp).
//
//     maps: blocks x faces x h x w pixels of kBytes  -->  blocks x side x side x count rows of kBytes

/// Makes rows: for each of the output pixels from `first` on, up to Vector::kRows of them, what its filters see, in the
/// order of input block, filter row, filter column, channel.
/// \tparam kBytes  of a pixel of a block
template <int kBytes>
inline void gather(const ConvolutionShape& shape, int blocks, int faces, const char* in, int first, int count,
                   char* out) {
    const int height = shape.output_height(), width = shape.output_width();
    const std::ptrdiff_t line = std::ptrdiff_t{shape.width} * kBytes, map = shape.height * line;
    struct Place {
        int y, x;  // of the filter's first tap
        std::ptrdiff_t offset;
    } places[Vector::kRows];
    for (int r = 0; r < count; ++r) {
        const int face = (first + r) / (height * width), at = (first + r) % (height * width);
        const int y = at / width * shape.stride - shape.padding, x = at % width * shape.stride - shape.padding;
        places[r] = {y, x, face * map + y * line + std::ptrdiff_t{x} * kBytes};
    }
    for (int block = 0; block < blocks; ++block, in += faces * map) {
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                const std::ptrdiff_t tap = row * line + column * kBytes;
                for (int r = 0; r < count; ++r, out += kBytes) {
                    const int y = places[r].y + row, x = places[r].x + column;
                    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                        std::memset(out, 0, kBytes);
                    } else {
                        std::memcpy(out, in + tap + places[r].offset, kBytes);
                    }
                }
            }
        }
    }
}

// ---- ffr/kernels/int8.inl
// Kernels of the int8 network, one text for all CPUs (see int8.hpp). Maps are bytes, q * scale being the value; weights
// are bytes with a sign; their products are added up in 32 bits without any rounding.

/// Stores the sums of neighbouring channels for a row.
inline void store(typename Vector::Register sums, const ByteFinish& finish, int channel, int row) {
    typename Vector::Register value =
        Vector::multiply_add(sums, Vector::load(finish.scale + channel), Vector::load(finish.bias + channel));
    if (finish.floats != nullptr) {
        const int block = channel / kBlock;
        if (block >= finish.float_blocks) return;
        return Vector::store(finish.floats + block * finish.float_plane + row * kBlock + channel % kBlock, value);
    }
    const std::ptrdiff_t offset = std::ptrdiff_t{row} * kPanel + channel;
    if (finish.shortcut != nullptr) {
        value = Vector::multiply_add(Vector::load(finish.shortcut + offset), Vector::broadcast(finish.shortcut_scale),
                                     value);
    }
    Vector::store_bytes(finish.out + offset, Vector::maximum(value, Vector::broadcast(0)));
}

/// Register budget: as in product.inl. A register of sums takes in 4 neighbouring inputs of a row at a time.
template <int kRows, int kPitch>
inline void product_block(const ByteRows& rows, const std::int8_t* weights, int column, const ByteFinish& finish) {
    constexpr int kColumns = Vector::kColumns, kLanes = Vector::kLanes;
    typename Vector::Sums sums[kRows][kColumns];
    FFR_UNROLL for (int r = 0; r < kRows; ++r) {
        FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::start(finish.weights + column + v * kLanes);
    }
    const std::uint8_t* left = rows.values;
    for (std::ptrdiff_t k = 0; k < rows.runs; ++k, left += rows.stride) {
        for (std::ptrdiff_t i = 0; i < rows.run; ++i, weights += kPanel * 4) {
            typename Vector::Sums weight[kColumns];
            FFR_UNROLL for (int v = 0; v < kColumns; ++v) weight[v] = Vector::load_weights(weights + v * kLanes * 4);
            FFR_UNROLL for (int r = 0; r < kRows; ++r) {
                std::uint32_t four;
                std::memcpy(&four, left + r * kPitch + i * 4, sizeof four);
                const typename Vector::Sums inputs = Vector::broadcast_inputs(four);
                FFR_UNROLL for (int v = 0; v < kColumns; ++v) sums[r][v] = Vector::dot(sums[r][v], inputs, weight[v]);
            }
        }
    }
    FFR_UNROLL for (int v = 0; v < kColumns; ++v) {
        const int channel = column + v * kLanes;
        FFR_UNROLL for (int r = 0; r < kRows; ++r) {
            store(Vector::to_floats(sums[r][v]), finish, channel, r);
        }
    }
}

/// A block of rows times all columns of a panel.
template <int kRows, int kPitch>
inline void product_rows(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    for (int c = 0; c < kPanel; c += Vector::kColumns * Vector::kLanes) {
        product_block<kRows, kPitch>(rows, panel + c * 4, c, finish);
    }
}

/// Finds the kernel for this number of rows.
template <int kRows>
inline void product_of(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    if (rows.count == kRows) {
        product_rows<kRows, kPanel>(rows, panel, finish);
    } else if constexpr (kRows > 1) {
        product_of<kRows - 1>(rows, panel, finish);
    }
}

/// Up to Vector::kRows rows, 32 bytes from each other, times a panel of weights.
inline void product(const ByteRows& rows, const std::int8_t* panel, const ByteFinish& finish) {
    product_of<Vector::kRows>(rows, panel, finish);
}

/// The same for a whole line of pixels of an interleaved colour image: see product.inl.
inline void product_of_pixels(const ByteRows& line, const std::int8_t* panel, const ByteFinish& finish) {
    constexpr int kRows = Vector::kRows < 12 ? Vector::kRows : 12;
    ByteRows rows = line;
    ByteFinish pixels = finish;
    for (int left = line.count; left > 0; left -= rows.count) {
        rows.count = left < kRows ? 1 : kRows;
        if (rows.count == kRows) {
            product_rows<kRows, 6>(rows, panel, pixels);
        } else {
            product_rows<1, 6>(rows, panel, pixels);
        }
        rows.values += rows.count * 6;
        pixels.out += rows.count * kPanel;
    }
}

/// Rows for product: see gather.inl.
inline void gather_bytes(const ConvolutionShape& shape, int faces, const std::uint8_t* in, int first, int count,
                         std::uint8_t* out) {
    gather<kPanel>(shape, panels_of(shape.inputs), faces, reinterpret_cast<const char*>(in), first, count,
                   reinterpret_cast<char*>(out));
}

/// The largest byte of each window. Windows lie within the maps.
inline void max_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::uint8_t largest[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) {
                            const std::uint8_t value = pixels[column * kPanel + c];
                            largest[c] = largest[c] < value ? value : largest[c];
                        }
                    }
                }
                std::memcpy(out, largest, kPanel);
            }
        }
    }
}

/// The rounded mean of each window. Windows lie within the maps.
inline void average_pool(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out) {
    constexpr std::int32_t kOne = 1 << 16;  // in whole numbers, which round alike everywhere
    const std::int32_t pixels_of_window = shape.side * shape.side;
    const std::int32_t share = (kOne + pixels_of_window / 2) / pixels_of_window;
    for (int map = 0; map < shape.maps; ++map, in += std::ptrdiff_t{shape.height} * shape.width * kPanel) {
        for (int y = 0; y < shape.out_height; ++y) {
            for (int x = 0; x < shape.out_width; ++x, out += kPanel) {
                const std::uint8_t* const corner = in + (std::ptrdiff_t{y} * shape.width + x) * shape.stride * kPanel;
                std::int32_t sums[kPanel] = {};
                for (int row = 0; row < shape.side; ++row) {
                    const std::uint8_t* const pixels = corner + std::ptrdiff_t{row} * shape.width * kPanel;
                    for (int column = 0; column < shape.side; ++column) {
                        for (int c = 0; c < kPanel; ++c) sums[c] += pixels[column * kPanel + c];
                    }
                }
                for (int c = 0; c < kPanel; ++c) {
                    out[c] = static_cast<std::uint8_t>((sums[c] * share + kOne / 2) / kOne);
                }
            }
        }
    }
}

inline constexpr Int8Kernels kInt8Kernels{Vector::kRows, product,  product_of_pixels,
                                          gather_bytes,  max_pool, average_pool};

}  // namespace neon_dot

FFR_TARGET_END

#endif

/// The kernels of a path, which the machine has to have.
FFR_COMPILED_INLINE const Int8Kernels& int8_kernels_of(Int8Path path) {
    switch (path) {
#if defined(FFR_AVX_KERNELS)
        case Int8Path::avx512_vnni:
            return avx512_vnni::kInt8Kernels;
#if defined(FFR_AVX_VNNI_KERNELS)
        case Int8Path::avx_vnni:
            return avx_vnni::kInt8Kernels;
#endif
#elif defined(__linux__) && defined(FFR_NEON_KERNELS)
        case Int8Path::neon_dot:
            return neon_dot::kInt8Kernels;
#endif
        default:
            return plain_int8::kInt8Kernels;
    }
}

#endif

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

namespace ffr {
inline namespace v0_1 {

/// Maps of a batch of faces in bytes, in blocks of 32 channels; channels that fill up the last block are 0.
class ByteMaps {
  public:
    /// Maps of the given sizes; bytes are anything at first. \param scale  what a step of a byte means
    ByteMaps(Workspace& workspace, int faces, int channels, int height, int width, float scale)
        : faces_(faces),
          channels_(channels),
          height_(height),
          width_(width),
          scale_(scale),
          memory_(workspace, static_cast<std::size_t>(plane()) * static_cast<std::size_t>(blocks()) / sizeof(float)) {}

    /// Faces of the batch.
    int faces() const { return faces_; }
    /// Maps of a face, without those that fill up the last block.
    int channels() const { return channels_; }
    /// Rows of a map.
    int height() const { return height_; }
    /// Pixels a row.
    int width() const { return width_; }
    /// What a step of a byte means.
    float scale() const { return scale_; }
    /// Blocks of 32 channels.
    int blocks() const { return kernels::panels_of(channels_); }
    /// Bytes from a block to the next.
    std::ptrdiff_t plane() const { return std::ptrdiff_t{faces_} * height_ * width_ * kernels::kPanel; }
    /// The first byte.
    std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(memory_.data()); }
    /// \overload
    const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(memory_.data()); }
    /// The 32 bytes of a pixel, of channels 32 * block to 32 * block + 31. The next pixel's are 32 bytes further.
    std::uint8_t* at(int block, int face, int y, int x) {
        return data() + block * plane() +
               ((std::ptrdiff_t{face} * height_ + y) * std::ptrdiff_t{width_} + x) * kernels::kPanel;
    }
    /// \overload
    const std::uint8_t* at(int block, int face, int y, int x) const {
        return const_cast<ByteMaps*>(this)->at(block, face, y, x);
    }

  private:
    int faces_, channels_, height_, width_;
    float scale_;
    Workspace::Floats memory_;
};

/// A layer of square filters in bytes. Immutable, safe for many threads.
class Int8Convolution {
  public:
    /// No layer.
    Int8Convolution() = default;

    /// Reads NAME/weights, NAME/bias and NAME/range, the largest value that comes out of the layer's activation.
    /// \param shape  of the layer, and of the maps that it will be given
    /// \throws FormatError when one is missing, of another shape or has a value that isn't finite, or for a range that
    /// isn't above 0
    static Int8Convolution load(const WeightsFile& file, const std::string& name, const ConvolutionShape& shape,
                                kernels::SimdPath path = kernels::simd_path()) {
        const std::vector<float> weights = file.floats(name + "/weights", weight_extents(shape));
        const std::vector<float> bias = file.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)});
        const float range = file.floats(name + "/range", {1}).at(0);
        if (!(range >= 255 * std::numeric_limits<float>::min())) {
            throw FormatError(file.name() + ": tensor '" + name + "/range' isn't above 0");
        }
        return from(shape, weights, bias, range, kernels::int8_path(path));
    }

    /// The same of weights [output][input][row][column] and bias [output] in memory.
    static Int8Convolution from(const ConvolutionShape& shape, const std::vector<float>& weights,
                                const std::vector<float>& bias, float range, kernels::Int8Path path) {
        return Int8Convolution(shape, weights, bias, range, path);
    }

    /// The layer's sizes.
    const ConvolutionShape& shape() const { return shape_; }
    /// The scale of its outputs.
    float output_scale() const { return range_ / 255; }

    /// relu(convolution + shortcut). The shortcut is maps of the result's size and as many channels or fewer, or null.
    /// \throws InvalidArgument when the maps aren't of the layer's shape
    ByteMaps apply(const ByteMaps& in, const ByteMaps* shortcut, Workspace& workspace) const {
        ByteMaps out(workspace, in.faces(), shape_.outputs, shape_.output_height(), shape_.output_width(),
                     output_scale());
        if (shortcut != nullptr && !can_add(*shortcut, out)) throw InvalidArgument("a shortcut of another size");
        multiply(in, out.scale(), workspace, [&](int panel, int pixel, kernels::ByteFinish finish) {
            const std::ptrdiff_t offset = panel * out.plane() + std::ptrdiff_t{pixel} * kernels::kPanel;
            finish.out = out.data() + offset;
            if (shortcut != nullptr && panel < shortcut->blocks()) {
                finish.shortcut = shortcut->data() + offset;
                finish.shortcut_scale = shortcut->scale() / out.scale();
            }
            return finish;
        });
        return out;
    }

    /// The convolution alone, as floats. \throws InvalidArgument when the maps aren't of the layer's shape
    BlockedMaps apply_to_floats(const ByteMaps& in, Workspace& workspace) const {
        BlockedMaps out(workspace, in.faces(), shape_.outputs, shape_.output_height(), shape_.output_width());
        multiply(in, 1, workspace, [&](int panel, int pixel, kernels::ByteFinish finish) {
            finish.floats = out.at(2 * panel, 0, 0, 0) + std::ptrdiff_t{pixel} * kernels::kBlock;
            finish.float_plane = out.plane();
            finish.float_blocks = out.blocks() - 2 * panel;
            return finish;
        });
        return out;
    }

    /// relu(convolution) of faces' pixels (value - mean) / range, for a layer of 3 inputs, stride 2 and no padding, which
    /// sees the pixels as they are. \throws InvalidArgument when a face isn't of the layer's size
    ByteMaps apply(const std::vector<ImageView>& faces, const std::array<float, 3>& mean, float range,
                   Workspace& workspace) const {
        if (!sees_pixels()) throw InvalidArgument("this layer doesn't take pixels");
        ByteMaps out(workspace, static_cast<int>(faces.size()), shape_.outputs, shape_.output_height(),
                     shape_.output_width(), output_scale());
        const Scales scales = scales_of(1 / range, out.scale(), mean);
        const std::ptrdiff_t line = 3 * std::ptrdiff_t{shape_.width};
        const Workspace::Floats memory(workspace,
                                       static_cast<std::size_t>(line * shape_.height + 4) / sizeof(float) + 1);
        auto* const image = reinterpret_cast<std::uint8_t*>(memory.data());
        for (std::size_t face = 0; face < faces.size(); ++face) {
            read_pixels(faces[face], image);
            workspace.threads().run(out.height(), [&](int y, int) {
                const kernels::ByteRows rows{image + y * shape_.stride * line, out.width(), shape_.side, groups(),
                                             line};
                for (int panel = 0; panel < panels(); ++panel) {
                    kernels::ByteFinish finish = finish_of(panel, scales);
                    finish.out = out.at(panel, static_cast<int>(face), y, 0);
                    kernels_->product_of_pixels(rows, panel_of(panel), finish);
                }
            });
        }
        return out;
    }

  private:
    struct Scales {
        std::vector<float> scale, bias;
    };

    Int8Convolution(const ConvolutionShape& shape, const std::vector<float>& weights, const std::vector<float>& bias,
                    float range, kernels::Int8Path path)
        : shape_(shape), range_(range), kernels_(&kernels::int8_kernels_of(path)) {
        require_whole(shape, weights.size(), bias.size());
        require_filters_fit(shape);
        const auto channels = static_cast<std::size_t>(panels() * kernels::kPanel);
        scale_.assign(channels, 1.0f);
        bias_.assign(channels, 0.0f);
        std::copy(bias.begin(), bias.end(), bias_.begin());
        weight_sums_.assign(channels, 0);
        colour_sums_.assign(channels, {});
        weights_.assign(static_cast<std::size_t>(panels() * panel_size()), 0);
        for (int output = 0; output < shape.outputs; ++output) pack(output, weights.data() + output * shape.taps());
    }

    /// True for the first layer, whose shape is that of a colour image.
    bool sees_pixels() const {
        return shape_.inputs == 3 && shape_.stride == 2 && shape_.padding == 0 && shape_.height == shape_.width;
    }
    int panels() const { return kernels::panels_of(shape_.outputs); }
    int input_blocks() const { return kernels::panels_of(shape_.inputs); }
    /// Groups of 4 inputs in a run: a pixel's block of channels or, in the first layer, a line of a filter, filled up.
    int groups() const { return sees_pixels() ? (3 * shape_.side + 3) / 4 : kernels::kPanel / 4; }
    int runs() const { return sees_pixels() ? shape_.side : input_blocks() * shape_.side * shape_.side; }
    std::ptrdiff_t panel_size() const { return std::ptrdiff_t{runs()} * groups() * 4 * kernels::kPanel; }
    const std::int8_t* panel_of(int panel) const { return weights_.data() + panel * panel_size(); }

    /// Rounds a filter [input][tap] and puts it where the kernel reads it: [run][group of 4 inputs][output][input].
    void pack(int output, const float* filter) {
        float largest = 0;
        for (std::ptrdiff_t i = 0; i < shape_.taps(); ++i) largest = std::max(largest, std::fabs(filter[i]));
        const auto channel = static_cast<std::size_t>(output);
        if (largest >= 127 * std::numeric_limits<float>::min()) scale_[channel] = largest / 127;  // else all round to 0
        const float inverse = 1 / scale_[channel];
        std::int8_t* const panel = weights_.data() + output / kernels::kPanel * panel_size();
        const int taps = shape_.side * shape_.side;
        for (int input = 0; input < shape_.inputs; ++input) {
            for (int tap = 0; tap < taps; ++tap) {
                const float scaled = *filter++ * inverse;
                const int rounded = static_cast<int>(scaled + std::copysign(0.5f, scaled));
                const int run = sees_pixels() ? tap / shape_.side : input / kernels::kPanel * taps + tap;
                const int place = sees_pixels() ? tap % shape_.side * 3 + input : input % kernels::kPanel;
                const std::ptrdiff_t group = std::ptrdiff_t{run} * groups() + place / 4;
                panel[(group * kernels::kPanel + output % kernels::kPanel) * 4 + place % 4] =
                    static_cast<std::int8_t>(rounded);
                weight_sums_[channel] += rounded;
                if (sees_pixels()) colour_sums_[channel][static_cast<std::size_t>(input)] += rounded;
            }
        }
    }

    /// What sums are multiplied by and what's added, in steps of the output.
    /// \param mean  of the colours, which are taken off here and not from the pixels
    Scales scales_of(float input_scale, float output_scale, const std::array<float, 3>& mean = {}) const {
        Scales scales{scale_, bias_};
        for (std::size_t channel = 0; channel < scale_.size(); ++channel) {
            scales.scale[channel] *= input_scale;
            for (std::size_t c = 0; c < 3; ++c) {
                scales.bias[channel] -= scales.scale[channel] * mean[c] * static_cast<float>(colour_sums_[channel][c]);
            }
            scales.scale[channel] /= output_scale;
            scales.bias[channel] /= output_scale;
        }
        return scales;
    }

    kernels::ByteFinish finish_of(int panel, const Scales& scales) const {
        const auto first = static_cast<std::size_t>(panel * kernels::kPanel);
        kernels::ByteFinish finish{};
        finish.weights = &weight_sums_[first];
        finish.scale = &scales.scale[first];
        finish.bias = &scales.bias[first];
        return finish;
    }

    /// The product of all rows and panels; place(panel, pixel, finish) says where sums go.
    template <typename Place>
    void multiply(const ByteMaps& in, float output_scale, Workspace& workspace, Place place) const {
        if (sees_pixels() || in.channels() != shape_.inputs || in.height() != shape_.height ||
            in.width() != shape_.width) {
            throw InvalidArgument(wrong_maps(shape_.inputs, in.channels(), in.height(), in.width()));
        }
        const Scales scales = scales_of(in.scale(), output_scale);
        const std::size_t row = static_cast<std::size_t>(runs()) * kernels::kPanel;
        const RowChunks chunks(in.faces() * shape_.output_height() * shape_.output_width(), kernels_->rows, row,
                               panels(), workspace.threads().size());
        const std::size_t scratch = chunks.scratch() / sizeof(float);
        const Workspace::Floats memory(workspace, scratch * static_cast<std::size_t>(workspace.threads().size()));
        const auto gathered = [&](const RowChunks::Block& block) {
            return reinterpret_cast<std::uint8_t*>(memory.data() + static_cast<std::size_t>(block.thread) * scratch) +
                   block.place * static_cast<std::ptrdiff_t>(row);
        };
        chunks.run(
            workspace.threads(),
            [&](const RowChunks::Block& block) {
                kernels_->gather(shape_, in.faces(), in.data(), block.first, block.count, gathered(block));
            },
            [&](const RowChunks::Block& block, int panel) {
                const kernels::ByteRows rows{gathered(block), block.count, runs(), groups(),
                                             std::ptrdiff_t{block.count} * kernels::kPanel};
                kernels_->product(rows, panel_of(panel), place(panel, block.first, finish_of(panel, scales)));
            });
    }

    /// A face's pixels, interleaved without gaps.
    void read_pixels(ImageView face, std::uint8_t* image) const {
        require_face_size(face, shape_.height);
        for (int y = 0; y < face.height; ++y) {
            const std::uint8_t* const from = face.row(y);
            if (face.channels == 3) {
                image = std::copy_n(from, 3 * face.width, image);
            } else {
                for (int x = 0; x < face.width; ++x) image = std::fill_n(image, 3, from[x]);
            }
        }
        std::fill_n(image, 4, std::uint8_t{0});  // the last line's filters see that far, with weights of 0
    }

    ConvolutionShape shape_{};
    float range_ = 0;
    const kernels::Int8Kernels* kernels_ = nullptr;
    std::vector<std::int8_t> weights_;
    std::vector<float> scale_, bias_;                       // of whole panels
    std::vector<std::int32_t> weight_sums_;                 // of each output's weights
    std::vector<std::array<std::int32_t, 3>> colour_sums_;  // the same for each colour, in the first layer
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/layers/int8_layers.hpp
/// \file
/// The layers in bytes: what layers.hpp says in floats, rounded (int8_convolution.hpp tells how). Chosen explicitly,
/// never silently: the embeddings are about as far from the float network's as a shift of the chip by a fraction of a
/// pixel moves them, so that embeddings of both aren't to be mixed.
///
///     faces --look--> ByteMaps, a scale a layer --convolve, pool--> ... --global_mean--> floats --connect--> 128

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// The layers as networks call them: see PlainLayers. The last one, which connects numbers, is in floats.
class Int8Layers {
  public:
    /// What flows between layers: bytes of all faces of a call, in blocks of 32 channels.
    using Maps = ByteMaps;
    /// What a convolution keeps.
    using Convolution = Int8Convolution;
    /// What the last layer keeps: it's in floats.
    using Connection = SimdConvolution;
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = 16;

    /// Maps come from the workspace and are worked on by its threads.
    explicit Int8Layers(Workspace& workspace, kernels::SimdPath path = kernels::simd_path())
        : workspace_(&workspace),
          kernels_(&kernels::int8_kernels_of(kernels::int8_path(path))),
          floats_(workspace, path) {}

    /// See PlainLayers. All faces; their size is the one that the layer was loaded for.
    Maps look(const Convolution& layer, const std::vector<ImageView>& faces, int, const std::array<float, 3>& mean,
              float range) const {
        return layer.apply(faces, mean, range, *workspace_);
    }
    /// See PlainLayers. The maps have to be of the size that the layer was loaded for.
    Maps convolve_relu(const Convolution& layer, const Maps& in) const { return layer.apply(in, nullptr, *workspace_); }
    /// See PlainLayers. A shortcut that doesn't fit is added in floats.
    Maps convolve_add_relu(const Convolution& layer, const Maps& in, const Maps& shortcut) const {
        const bool fits = shortcut.height() == layer.shape().output_height() &&
                          shortcut.width() == layer.shape().output_width() &&
                          shortcut.channels() <= layer.shape().outputs;
        if (fits) return layer.apply(in, &shortcut, *workspace_);
        return rounded(floats_.add_relu(layer.apply_to_floats(in, *workspace_), floats_of(shortcut)),
                       layer.output_scale());
    }
    /// See PlainLayers. In floats.
    BlockedMaps connect(const Connection& layer, const BlockedMaps& in) const { return floats_.connect(layer, in); }

    /// See PlainLayers. \throws InvalidArgument when the window isn't always within the maps
    Maps max_pool(const Maps& in, const PoolWindow& window) const { return pool(in, window, kernels_->max_pool); }
    /// See PlainLayers. Means are rounded to bytes; errors as of max_pool.
    Maps average_pool(const Maps& in, const PoolWindow& window) const {
        return pool(in, window, kernels_->average_pool);
    }
    /// See PlainLayers. In floats from here on.
    BlockedMaps global_mean(const Maps& in) const { return floats_.global_mean(floats_of(in)); }
    /// See PlainLayers. Of the floats that global_mean and connect give; 0 <= face < maps.faces().
    FeatureMaps plain(const BlockedMaps& maps, std::size_t face) const { return floats_.plain(maps, face); }

    /// The values that bytes stand for.
    BlockedMaps floats_of(const Maps& in) const {
        BlockedMaps out(*workspace_, in.faces(), in.channels(), in.height(), in.width());
        for_pixels(in, out, [&](const std::uint8_t* bytes, float* values, int count) {
            for (int c = 0; c < count; ++c) values[c] = static_cast<float>(bytes[c]) * in.scale();
        });
        return out;
    }

    /// Values of at least 0 in steps of `scale`.
    Maps rounded(const BlockedMaps& in, float scale) const {
        Maps out(*workspace_, in.faces(), in.channels(), in.height(), in.width(), scale);
        std::fill_n(out.data(), out.plane() * out.blocks(), std::uint8_t{0});
        for_pixels(out, in, [&](std::uint8_t* bytes, const float* values, int count) {
            for (int c = 0; c < count; ++c) {
                bytes[c] = static_cast<std::uint8_t>(std::lrint(std::min(values[c] / scale, 255.0f)));
            }
        });
        return out;
    }

  private:
    using Pool = void (*)(const kernels::PoolShape&, const std::uint8_t* in, std::uint8_t* out);

    Maps pool(const Maps& in, const PoolWindow& window, Pool kernel) const {
        if (window.padding != 0) throw InvalidArgument("maps of bytes are pooled without padding");
        const PoolSize size = pool_size(window, in.height(), in.width());
        Maps out(*workspace_, in.faces(), in.channels(), size.height, size.width, in.scale());
        workspace_->threads().run(in.blocks() * in.faces(), [&](int map, int) {
            const kernels::PoolShape shape{1,          in.height(), in.width(),    size.height,
                                           size.width, window.side, window.stride, 0};
            kernel(shape, in.data() + std::ptrdiff_t{map} * in.height() * in.width() * kernels::kPanel,
                   out.data() + std::ptrdiff_t{map} * size.height * size.width * kernels::kPanel);
        });
        return out;
    }

    /// Calls work(bytes, floats, count) for the 16 channels of each block of floats and each pixel.
    template <typename Bytes, typename Floats, typename Work>
    static void for_pixels(Bytes& bytes, Floats& floats, Work work) {
        for (int block = 0; block < floats.blocks(); ++block) {
            for (int face = 0; face < floats.faces(); ++face) {
                for (int y = 0; y < floats.height(); ++y) {
                    for (int x = 0; x < floats.width(); ++x) {
                        work(bytes.at(block / 2, face, y, x) + block % 2 * kernels::kBlock,
                             floats.at(block, face, y, x), kernels::kBlock);
                    }
                }
            }
        }
    }

    Workspace* workspace_;
    const kernels::Int8Kernels* kernels_;
    SimdLayers floats_;
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/layers/line_convolution.hpp
/// \file
/// Convolutions of maps that are too large to be kept whole: line by line, with no more lines kept than the next layer
/// looks at.
///
///     layer i's LineRing: ... line 7 | line 8 | line 9 | line 10 | line 11     a line: blocks x (padding + width + padding) x 16
///                              |________ a filter of 5 rows ________|
///                                               v
///     layer i + 1's LineRing:                line 9
///
/// A map of 970 x 1968 pixels and 16 channels takes 122 MB; the 23 lines that count take 1.4, and stay in the cache.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// The last lines of maps, in blocks of 16 channels with zeros on both sides.
class LineRing {
  public:
    /// \param channels, height, width  of the maps
    /// \param padding  zeros on each side, as the layer that reads them wants it
    /// \param lines    how many are kept
    LineRing(Workspace& workspace, int channels, int height, int width, int padding, int lines)
        : height_(height),
          padding_(padding),
          lines_(lines),
          plane_((std::ptrdiff_t{width} + 2 * padding) * kernels::kBlock),
          line_(plane_ * kernels::blocks_of(channels)),
          values_(workspace, static_cast<std::size_t>(line_ * (lines + 1))) {
        std::fill_n(values_.data(), line_ * (lines + 1), 0.0f);
    }

    /// Floats from a block of channels to the next.
    std::ptrdiff_t plane() const { return plane_; }

    /// Where line y is to be stored, 0 <= y < height: its first pixel. It takes the place of line y - lines.
    float* line(int y) { return values_.data() + y % lines_ * line_ + padding_ * kernels::kBlock; }

    /// Where line y is to be read: the first zero before it. Lines outside of the maps are zeros.
    const float* padded_line(int y) const {
        const int place = y < 0 || y >= height_ ? lines_ : y % lines_;
        return values_.data() + place * line_;
    }

  private:
    int height_, padding_, lines_;
    std::ptrdiff_t plane_, line_;
    Workspace::Floats values_;  // the lines, and one of zeros
};

/// A layer of square filters with a bias, with weights in the order in which a line's kernel reads them. Immutable, safe
/// for many threads.
class LineConvolution {
  public:
    /// Most rows of a filter.
    static constexpr int kMostRows = 9;
    /// The lines that the rows of a filter see.
    using Lines = std::array<const float*, kMostRows>;

    /// Reads the tensors NAME/weights (float32 or float16) and NAME/bias.
    /// \param shape  3 inputs, which are the interleaved colours of a picture, at stride 2; or any number at stride 1 or 2.
    ///               Height and width don't count
    /// \throws FormatError when a tensor is missing, of another shape or has a value that isn't finite
    static LineConvolution load(const WeightsFile& file, const std::string& name, const ConvolutionShape& shape,
                                kernels::SimdPath path = kernels::simd_path()) {
        return {shape, file.floats(name + "/weights", weight_extents(shape)),
                file.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)}), path};
    }

    /// \param weights  [output][input][row][column]. \param bias  [output]. \param shape  see load
    /// \throws InvalidArgument when they aren't as many as the shape has, or it's none of those
    LineConvolution(const ConvolutionShape& shape, const std::vector<float>& weights, const std::vector<float>& bias,
                    kernels::SimdPath path = kernels::simd_path())
        : shape_(shape), kernels_(&kernels::kernels_of(path)), pitch_(pitch_of(shape)) {
        require_whole(shape, weights.size(), bias.size());
        const std::ptrdiff_t outputs = std::ptrdiff_t{panel()} * ((shape.outputs + panel() - 1) / panel());
        bias_.assign(static_cast<std::size_t>(outputs), 0.0f);
        std::copy(bias.begin(), bias.end(), bias_.begin());
        weights_ = aligned_zeros(static_cast<std::size_t>(outputs * shape.side * blocks() * run()));
        for (std::size_t i = 0; i < weights.size(); ++i) weights_[place_of(static_cast<int>(i))] = weights[i];
    }

    /// The layer's sizes.
    const ConvolutionShape& shape() const { return shape_; }

    /// A line of relu(convolution), or of the convolution itself where it has one output, whose numbers lie beside each
    /// other.
    /// \param lines  what the rows of the filters see. \param plane  floats from a block of an input line to the next
    /// \param out    the line's first pixel. \param out_plane  floats from a block of it to the next. \param count  pixels
    void apply(const Lines& lines, std::ptrdiff_t plane, float* out, std::ptrdiff_t out_plane, int count) const {
        const kernels::LineJob job{lines.data(),
                                   shape_.side,
                                   blocks(),
                                   plane,
                                   run(),
                                   count,
                                   weights_.get(),
                                   bias_.data(),
                                   out,
                                   out_plane,
                                   kernels::blocks_of(shape_.outputs)};
        if (shape_.outputs == 1) {
            kernels_->convolve_line_to_one(job);
        } else {
            kernels_->convolve_line_relu(pitch_, job);
        }
    }

  private:
    static kernels::LinePitch pitch_of(const ConvolutionShape& shape) {
        const bool colours = shape.inputs == 3;
        if (shape.side > kMostRows || shape.stride < (colours ? 2 : 1) || shape.stride > (shape.outputs == 1 ? 1 : 2)) {
            throw InvalidArgument("there's no way to do a convolution of such filters by lines");
        }
        return colours             ? kernels::LinePitch::colours
               : shape.stride == 1 ? kernels::LinePitch::channels
                                   : kernels::LinePitch::halving;
    }

    /// Weights begin at a multiple of 64 bytes, so that no register full of them lies in two lines of the cache.
    static std::shared_ptr<float[]> aligned_zeros(std::size_t count) {
        constexpr std::align_val_t kAlignment{64};
        std::shared_ptr<float[]> values(new (kAlignment) float[count],
                                        [](float* memory) { ::operator delete[](memory, kAlignment); });
        std::fill_n(values.get(), count, 0.0f);
        return values;
    }

    bool colours() const { return pitch_ == kernels::LinePitch::colours; }
    int block_size() const { return colours() ? shape_.inputs : kernels::kBlock; }
    int blocks() const { return colours() ? 1 : kernels::blocks_of(shape_.inputs); }
    int run() const { return shape_.side * block_size(); }
    int panel() const { return shape_.outputs == 1 ? 1 : kernels::line_panel(pitch_); }

    /// From [output][input][row][column] to [panel][row][block][column][input of the block][output of the panel].
    std::ptrdiff_t place_of(int weight) const {
        const int column = weight % shape_.side, row = weight / shape_.side % shape_.side;
        const int filter = weight / (shape_.side * shape_.side), input = filter % shape_.inputs;
        const int output = filter / shape_.inputs;
        const int line = (output / panel() * shape_.side + row) * blocks() + input / block_size();
        return (std::ptrdiff_t{line} * run() + column * block_size() + input % block_size()) * panel() +
               output % panel();
    }

    ConvolutionShape shape_;
    const kernels::Kernels* kernels_;
    kernels::LinePitch pitch_;
    std::shared_ptr<float[]> weights_;
    std::vector<float> bias_;
};

}  // namespace v0_1
}  // namespace ffr
// Image -> boxes: by HOG features and filters, or by a network.

// ---- ffr/detect/detection.hpp
/// \file
/// What all detectors share: a face that was found, how to search, and which of several boxes of one face stays.
///
///     boxes by falling score --suppress--> the best of those that overlap ("non-maximum suppression")

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A face found in an image.
struct Detection {
    Rect box;          ///< in pixels of the image that was searched; may reach outside of it
    double score = 0;  ///< how sure the detector is (no unit): of FaceDetector distance to the filter's threshold
    int view = 0;      ///< which filter saw it: 0 front, 1 left, 2 right, 3 tilted left, 4 tilted right; -1 untold
};

/// How a detector searches.
struct DetectOptions {
    int upsample = 0;      ///< doubles the image that often first (0..4): faces of 80 / 2^upsample pixels are found
    double threshold = 0;  ///< least score; below 0 finds more faces and more that are none
};

namespace detail {

/// True when two boxes show the same face: their intersection is over a third of the box that holds both, or covers
/// most of either.
inline bool overlaps(const Rect& a, const Rect& b, double largest_ratio, double largest_cover) {
    const Rect both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                    std::min(a.bottom, b.bottom)};
    const Rect around{std::min(a.left, b.left), std::min(a.top, b.top), std::max(a.right, b.right),
                      std::max(a.bottom, b.bottom)};
    const auto shared = static_cast<double>(both.area());
    return shared > 0 && (shared / static_cast<double>(around.area()) > largest_ratio ||
                          shared / static_cast<double>(a.area()) > largest_cover ||
                          shared / static_cast<double>(b.area()) > largest_cover);
}

/// Greedy non-maximum suppression: a box stays unless it overlaps a better one that stayed.
inline std::vector<Detection> suppress(const std::vector<Detection>& by_falling_score, double largest_ratio,
                                       double largest_cover) {
    std::vector<Detection> kept;
    for (const Detection& candidate : by_falling_score) {
        const auto hides = [&](const Detection& better) {
            return overlaps(better.box, candidate.box, largest_ratio, largest_cover);
        };
        if (std::none_of(kept.begin(), kept.end(), hides)) kept.push_back(candidate);
    }
    return kept;
}

/// Most pixels that are searched: the kernels know places exactly up to rows of 100 million.
constexpr std::int64_t kMostPixels = 1'000'000'000;

/// \throws InvalidArgument when an image that's doubled some times has more pixels
inline void require_searchable(ImageView image, int upsample) {
    const std::int64_t times = std::int64_t{1} << (2 * upsample);
    if (std::int64_t{image.width} > kMostPixels / times / image.height) {
        throw InvalidArgument("an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                              " pixels, doubled " + std::to_string(upsample) + " times, has more than " +
                              std::to_string(kMostPixels) + " pixels");
    }
}

/// Where a box that was found in a doubled image lies in the image itself.
inline Rect before_upsampling(const Rect& box, int upsample) {
    const auto down = [upsample](double p, double shift) {
        for (int i = 0; i < upsample; ++i) p = p / 2 - shift;
        return static_cast<int>(std::lround(p));
    };
    return {down(box.left, 1.25), down(box.top, 0.75), down(box.right, 1.25), down(box.bottom, 0.75)};
}

/// Most doublings of an image before the search.
constexpr int kMostUpsample = 4;

/// Refuses what no detector takes. \throws InvalidArgument for an image without pixels, with too many, or another
/// upsampling than 0..4
inline void require_search(ImageView image, const DetectOptions& options) {
    require_pixels(image);
    if (options.upsample < 0 || options.upsample > kMostUpsample) {
        throw InvalidArgument("upsample must be 0.." + std::to_string(kMostUpsample) + ", not " +
                              std::to_string(options.upsample));
    }
    require_searchable(image, options.upsample);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/detect/hog_cells.hpp
/// \file
/// Histograms of oriented gradients: what a picture looks like when only the direction of its edges counts.
///
///     image  W x H                cells of 8 x 8 pixels            features
///     +----------------+          +--+--+--+--+                    31 planes of rows x columns:
///     | pixel: how     |          |  |  |  |  |  18 bins a cell:      0..17  edge direction, 20 degrees each
///     | steep, which   |    ->    +--+--+--+--+  votes weighted  ->  18..26  the same without telling light from dark
///     | way is up      |          |  |  |  |  |  by steepness        27..30  how much texture there is around
///     +----------------+          +--+--+--+--+                    rows = H/8 - 2, columns = W/8 - 2, rounded
///
/// Each pixel votes with the length of its gradient (how much brighter it gets to the right and downwards) for one of
/// 18 directions, in the four cells around it by how near they are. A cell belongs to four blocks of 2 x 2 cells. Its
/// histogram is divided by the length that each block has as a vector, cut off at 0.2, and half of what the four blocks
/// give is summed: light and contrast drop out, shape remains.
///
/// Here is the method in plain loops, a cell after the other; hog.hpp does the same, bit for bit, with a machine's
/// registers.
///
/// Papers: Dalal & Triggs 2005, "Histograms of oriented gradients for human detection"; Felzenszwalb, Girshick,
/// McAllester & Ramanan 2010, "Object detection with discriminatively trained part-based models" (the 31 planes).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// Side of a HOG cell in pixels.
constexpr int kHogCell = 8;
/// Features of a cell.
constexpr int kHogPlanes = 31;

/// HOG features: kHogPlanes planes of rows() x columns() values, each 0..0.4 (0..0.71 in the texture planes 27..30).
///
/// Cell (row, column) is centred on the pixel corner (8 * column + 12, 8 * row + 12): the outermost ring of cells of an
/// image has no full neighbourhood and gives no features.
class HogFeatures {
  public:
    /// All zero.
    HogFeatures(int rows, int columns)
        : rows_(rows), columns_(columns), values_(static_cast<std::size_t>(kHogPlanes) * cells(), 0.0f) {}

    /// Rows of cells.
    int rows() const { return rows_; }
    /// Cells a row.
    int columns() const { return columns_; }

    /// A plane, row after row, columns() values each. 0 <= plane < kHogPlanes.
    float* plane(int plane) { return values_.data() + static_cast<std::size_t>(plane) * cells(); }
    /// \overload
    const float* plane(int plane) const { return values_.data() + static_cast<std::size_t>(plane) * cells(); }

    /// One value; the indices have to be inside.
    float at(int plane_index, int row, int column) const {
        return plane(plane_index)[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                                  static_cast<std::size_t>(column)];
    }

  private:
    std::size_t cells() const { return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_); }

    int rows_;
    int columns_;
    std::vector<float> values_;
};

namespace detail {

using kernels::kBlockEpsilon;
using kernels::kTextureScale;

constexpr int kSignedBins = 18, kUnsignedBins = 9;

/// Unit vectors of the nine directions of half a turn, 20 degrees apart, to the four digits the reference has.
constexpr float kDirectionX[kUnsignedBins] = {1.0f,     0.9397f, 0.7660f,  0.5000f, 0.1736f,
                                              -0.1736f, -0.5f,   -0.7660f, -0.9397f};
constexpr float kDirectionY[kUnsignedBins] = {0.0f,    0.3420f, 0.6428f, 0.8660f, 0.9848f,
                                              0.9848f, 0.8660f, 0.6428f, 0.3420f};

/// A pixel's brightness slope: right minus left, below minus above, and the square of its length.
struct Gradient {
    int x;
    int y;
    int squared_length;
};

inline Gradient gradient(int left, int right, int above, int below) {
    const int x = right - left, y = below - above;
    return {x, y, x * x + y * y};
}

/// The direction bin of a gradient, 0..17: where the projection on the direction (or its opposite, + 9) is longest.
/// Ties go to the first; the zero gradient is in bin 0.
inline int orientation_bin(float x, float y) {
    float longest = 0;
    int bin = 0;
    for (int o = 0; o < kUnsignedBins; ++o) {
        const float projection = x * kDirectionX[o] + y * kDirectionY[o];
        const int side = projection < 0 ? o + kUnsignedBins : o;
        const float length = projection < 0 ? -projection : projection;
        bin = length > longest ? side : bin;
        longest = length > longest ? length : longest;
    }
    return bin;
}

/// An image cut into cells, and which of its pixels vote.
///
/// Pixels up to column vector_end are handled eight at a time by the reference, the rest one by one. The two differ in
/// which colour wins a tie and in the order of two roundings; both matter, so the split is part of the method.
struct CellGrid {
    int cell_rows, cell_columns;  // of 8 x 8 pixels; half a cell or more at the end counts as one
    int first_pixel = 1;          // voting rows and columns start here: a gradient needs both neighbours
    int row_end, column_end;      // one behind the last voting row and column
    int vector_end;               // one behind the last column of the eight-at-a-time part

    CellGrid(int width, int height)
        : cell_rows((height + kHogCell / 2) / kHogCell),
          cell_columns((width + kHogCell / 2) / kHogCell),
          row_end(std::min(cell_rows * kHogCell, height) - 1),
          column_end(std::min(cell_columns * kHogCell, width) - 1),
          vector_end(first_pixel + std::max(column_end - first_pixel, 0) / 8 * 8) {}

    /// Cells with a full neighbourhood, which have features.
    int feature_rows() const { return std::max(cell_rows - 2, 0); }
    int feature_columns() const { return std::max(cell_columns - 2, 0); }
    bool has_features() const { return cell_rows > 2 && cell_columns > 2; }
};

/// Of a pixel's gradients, one a channel, the longest. If two are equally long, `later_wins` says whether blue goes before
/// green before red or the other way round.
inline Gradient longest_gradient(const std::uint8_t* pixel, int channels, std::ptrdiff_t stride, bool later_wins) {
    Gradient longest{0, 0, -1};
    for (int c = 0; c < channels; ++c) {
        const std::uint8_t* const p = pixel + c;
        const Gradient other = gradient(p[-channels], p[channels], p[-stride], p[stride]);
        const bool longer =
            later_wins ? other.squared_length >= longest.squared_length : other.squared_length > longest.squared_length;
        if (longer) longest = other;
    }
    return longest;
}

/// What a pixel votes: for which direction, and how much.
struct Vote {
    int bin;
    float length;
};

inline Vote vote_of(const Gradient& gradient) {
    return {orientation_bin(static_cast<float>(gradient.x), static_cast<float>(gradient.y)),
            std::sqrt(static_cast<float>(gradient.squared_length))};
}

/// Histograms of all cells with a ring of cells around them that catches votes from the outermost pixels.
class CellHistograms {
  public:
    CellHistograms(int rows, int columns)
        : stride_(static_cast<std::size_t>(columns) + 2),
          values_((static_cast<std::size_t>(rows) + 2) * stride_ * kSignedBins, 0.0f) {}

    /// The 18 bins of a cell; -1 <= row <= rows, -1 <= column <= columns.
    float* cell(int row, int column) { return values_.data() + offset(row, column); }
    const float* cell(int row, int column) const { return values_.data() + offset(row, column); }

  private:
    std::size_t offset(int row, int column) const {
        return (static_cast<std::size_t>(row + 1) * stride_ + static_cast<std::size_t>(column + 1)) * kSignedBins;
    }

    std::size_t stride_;
    std::vector<float> values_;
};

/// Where a pixel lies between the centres of two neighbouring cells, in sixteenths of the way.
struct CellShare {
    int cell;         // the first of the two
    float near, far;  // weights of the first and of the second: near + far = 1

    explicit CellShare(int pixel) : cell((pixel + kHogCell / 2) / kHogCell - 1) {
        far = static_cast<float>(2 * (pixel - kHogCell * cell) - 7) / 16.0f;
        near = 1.0f - far;
    }
};

/// Adds a pixel's vote to the histograms of the four cells around it.
inline void cast_vote(const Vote& vote, const CellShare& y, const CellShare& x, bool vector_part,
                      CellHistograms& histograms) {
    float* const above = histograms.cell(y.cell, x.cell) + vote.bin;
    float* const below = histograms.cell(y.cell + 1, x.cell) + vote.bin;
    const auto share = [&](float down, float across) {
        return vector_part ? down * (across * vote.length) : (down * across) * vote.length;
    };
    above[0] += share(y.near, x.near);
    below[0] += share(y.far, x.near);
    above[kSignedBins] += share(y.near, x.far);
    below[kSignedBins] += share(y.far, x.far);
}

inline CellHistograms cell_histograms(ImageView image, const CellGrid& grid) {
    CellHistograms histograms(grid.cell_rows, grid.cell_columns);
    for (int y = grid.first_pixel; y < grid.row_end; ++y) {
        for (int x = grid.first_pixel; x < grid.column_end; ++x) {
            const bool vector_part = x < grid.vector_end;
            const std::uint8_t* const pixel = image.row(y) + x * image.channels;
            const Gradient longest = longest_gradient(pixel, image.channels, image.stride, vector_part);
            cast_vote(vote_of(longest), CellShare(y), CellShare(x), vector_part, histograms);
        }
    }
    return histograms;
}

/// Energy of a cell: the squared length of its histogram over unsigned directions.
inline float cell_energy(const float* histogram) {
    float energy = 0;
    for (int o = 0; o < kUnsignedBins; ++o) {
        const float sum = histogram[o] + histogram[o + kUnsignedBins];
        energy += sum * sum;
    }
    return energy;
}

/// Four values, one for each of the blocks that a cell belongs to.
using PerBlock = std::array<float, 4>;

inline float sum_blocks(const PerBlock& v) {
    return (v[0] + v[1]) + (v[2] + v[3]);
}

/// Half of min(value / block length, 0.2), for all four blocks, as min(value, cut) * scale.
inline PerBlock normalise(float value, const PerBlock& cut, const PerBlock& scale) {
    PerBlock out;
    for (std::size_t k = 0; k < 4; ++k) out[k] = std::min(value, cut[k]) * scale[k];
    return out;
}

/// The 31 features of a cell from its histogram and the energies of its four blocks.
inline void cell_features(const float* histogram, const PerBlock& energies, float (&features)[kHogPlanes]) {
    PerBlock cut, scale, texture{};
    for (std::size_t k = 0; k < 4; ++k) {
        cut[k] = 0.2f * std::sqrt(energies[k]);
        scale[k] = 0.1f / cut[k];
    }
    for (int o = 0; o < kSignedBins; o += 3) {
        PerBlock q[3];
        for (int i = 0; i < 3; ++i) {
            q[i] = normalise(histogram[o + i], cut, scale);
            features[o + i] = sum_blocks(q[i]);
        }
        for (std::size_t k = 0; k < 4; ++k) texture[k] += (q[0][k] + q[1][k]) + q[2][k];
    }
    for (int o = 0; o < kUnsignedBins; ++o) {
        features[kSignedBins + o] = sum_blocks(normalise(histogram[o] + histogram[o + kUnsignedBins], cut, scale));
    }
    for (std::size_t k = 0; k < 4; ++k) features[kSignedBins + kUnsignedBins + k] = texture[k] * kTextureScale;
}

inline HogFeatures normalised_features(const CellHistograms& histograms, const CellGrid& grid) {
    HogFeatures features(grid.feature_rows(), grid.feature_columns());
    const auto columns = static_cast<std::size_t>(grid.cell_columns);
    std::vector<float> energy(static_cast<std::size_t>(grid.cell_rows) * columns);
    for (int y = 0; y < grid.cell_rows; ++y) {
        for (int x = 0; x < grid.cell_columns; ++x) {
            energy[static_cast<std::size_t>(y) * columns + static_cast<std::size_t>(x)] =
                cell_energy(histograms.cell(y, x));
        }
    }
    for (int row = 0; row < features.rows(); ++row) {
        for (int column = 0; column < features.columns(); ++column) {
            const float* const above =
                &energy[static_cast<std::size_t>(row) * columns + static_cast<std::size_t>(column)];
            const float* const here = above + columns;
            const float* const below = here + columns;
            const PerBlock energies{here[1] + here[2] + below[1] + below[2] + kBlockEpsilon,
                                    above[1] + above[2] + here[1] + here[2] + kBlockEpsilon,
                                    here[0] + here[1] + below[0] + below[1] + kBlockEpsilon,
                                    above[0] + above[1] + here[0] + here[1] + kBlockEpsilon};
            float values[kHogPlanes];
            cell_features(histograms.cell(row + 1, column + 1), energies, values);
            const std::ptrdiff_t cell = std::ptrdiff_t{row} * features.columns() + column;
            for (int plane = 0; plane < kHogPlanes; ++plane) features.plane(plane)[cell] = values[plane];
        }
    }
    return features;
}

/// HOG features of an image, in plain loops.
inline HogFeatures plain_hog(ImageView image) {
    const CellGrid grid(image.width, image.height);
    if (!grid.has_features()) return HogFeatures(0, 0);
    return normalised_features(cell_histograms(image, grid), grid);
}

}  // namespace detail

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/detect/hog.hpp
/// \file
/// HOG features as fast as a machine's registers allow. Read hog_cells.hpp first: it has the method, in plain loops.
///
///     planes 3 x H x W --a row at a time--> votes --> two rows of cells --the upper one is done--> histograms of three
///                                                     that are being made                          rows of cells
///                                                                                                      |
///     31 x rows x columns, a row of cells at a time <-- cuts and scales of two rows of blocks <--------+
///
/// All that's between the pixels and the features is a few rows, which stay in the caches. Each sum is taken in the
/// plain version's order, so that the features are the same bits; rows of cells are independent but for their
/// neighbours, so that threads can share them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// So many numbers in whole registers.
inline std::ptrdiff_t whole_registers(int count) {
    return (count + kernels::kMostLanes - 1) / kernels::kMostLanes * kernels::kMostLanes;
}

/// Some rows of HOG features in a workspace's memory, with zeros left and right of each row on which filters may hang over.
class FeatureMap {
  public:
    static constexpr int kMargin = 4;  // zeros left of a row

    /// Rows first..end-1 of an image's features, whose values are any.
    FeatureMap(int first, int end, int columns, Workspace& workspace)
        : first_(first),
          end_(end),
          columns_(columns),
          // Kernels read as many columns as whole registers hold, and 16 more.
          stride_(whole_registers(columns) + kernels::kMostLanes),
          values_(workspace, kHogPlanes * static_cast<std::size_t>((end - first) * stride_)) {}

    int first_row() const { return first_; }
    int end_row() const { return end_; }
    int columns() const { return columns_; }
    /// Floats from a row to the next, and from a plane to the next.
    std::ptrdiff_t stride() const { return stride_; }
    std::ptrdiff_t plane_stride() const { return (end_ - first_) * stride_; }

    /// The first cell of a row; the margin lies before it.
    float* row(int plane, int row) { return values_.data() + offset(plane, row); }
    const float* row(int plane, int row) const { return values_.data() + offset(plane, row); }

    /// Zeros from the ends of a row to the next row's cells.
    void clear_margins(int row) {
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            float* const first = this->row(plane, row);
            std::fill_n(first - kMargin, kMargin, 0.0f);
            std::fill(first + columns_, first - kMargin + stride_, 0.0f);
        }
    }

    HogFeatures without_margins() const {
        HogFeatures features(end_ - first_, columns_);
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            for (int y = first_; y < end_; ++y) {
                std::copy_n(row(plane, y), columns_, features.plane(plane) + std::ptrdiff_t{y - first_} * columns_);
            }
        }
        return features;
    }

  private:
    std::ptrdiff_t offset(int plane, int row) const {
        return plane * plane_stride() + (row - first_) * stride_ + kMargin;
    }

    int first_, end_, columns_;
    std::ptrdiff_t stride_;
    Workspace::Floats values_;
};

/// Makes the features of some rows of cells.
class HogBand {
  public:
    HogBand(const Planes& image, const CellGrid& grid, const kernels::ExactKernels& kernels, FeatureMap& features)
        : kernels_(kernels),
          image_(image),
          grid_(grid),
          features_(features),
          stride_(2 * (whole_registers(grid.cell_columns + 2) + kernels::kMostLanes)),
          row_(stride_ / 2),
          place_(static_cast<std::size_t>(whole_registers(image.width()) + kernels::kMostLanes)),
          length_(place_.size()),
          cells_(static_cast<std::size_t>(kSignedBins * stride_)) {
        for (int phase = 0; phase < kHogCell; ++phase) {
            const CellShare share(phase + kHogCell / 2);
            std::fill_n(shares_.left[phase], 2, share.near);
            std::fill_n(shares_.right[phase] + 2, 2, share.far);
            for (int i = 0; i < 4; ++i) shares_.across[phase][i] = shares_.left[phase][i] + shares_.right[phase][i];
        }
        for (auto& histograms : histograms_) histograms.resize(static_cast<std::size_t>(kSignedBins * row_));
        for (auto& energy : energy_) energy.resize(static_cast<std::size_t>(row_));
        for (Blocks& blocks : blocks_) {
            blocks.cut.resize(energy_[0].size());
            blocks.scale.resize(energy_[0].size());
        }
    }

    /// Feature rows begin..end-1. These need the cells from `begin` to `end` + 1, and those the pixels around.
    void run(int begin, int end) {
        for (int row = begin - 1; row <= end + 1; ++row) {
            // The pixels between the centres of this row of cells and those of the next.
            const int first = std::max(kHogCell * row + kHogCell / 2, grid_.first_pixel);
            const int behind = std::min(kHogCell * (row + 1) + kHogCell / 2, grid_.row_end);
            for (int y = first; y < behind; ++y) vote(y);
            finish(row);
            if (row > begin) find_blocks(row - 1);
            if (row > begin + 1) normalise(row - 2);
        }
    }

  private:
    struct Blocks {
        std::vector<float> cut, scale;
    };

    /// All votes of a row of pixels.
    void vote(int y) {
        const int first = grid_.first_pixel, middle = grid_.vector_end, end = grid_.column_end;
        kernels_.orient(rows_from(first, y), image_.channels(), true, middle - first, stride_, length_.data() + first,
                        place_.data() + first);
        kernels_.orient(rows_from(middle, y), image_.channels(), false, end - middle, stride_, length_.data() + middle,
                        place_.data() + middle);
        const CellShare share(y);
        for (const int column : {0, 2}) {
            shares_.down[column + slot(share.cell)] = share.near;
            shares_.down[column + slot(share.cell + 1)] = share.far;
        }
        kernels_.cast_votes(place_.data(), length_.data(), middle, shares_, cells_.data());
        for (int x = middle; x < end; ++x) cast_alone(x);
    }

    kernels::PixelRows rows_from(int x, int y) const {
        kernels::PixelRows rows{};
        for (int c = 0; c < image_.channels(); ++c) {
            rows.above[c] = image_.row(c, y - 1) + x;
            rows.here[c] = image_.row(c, y) + x;
            rows.below[c] = image_.row(c, y + 1) + x;
        }
        return rows;
    }

    /// The vote of a pixel in the last columns mod 8, whose shares are rounded in another order.
    void cast_alone(int x) {
        const int from_left = x + kHogCell / 2;
        const float* const across = shares_.across[from_left % kHogCell];
        float* const cells = cells_.data() + place_[static_cast<std::size_t>(x)] + from_left / kHogCell * 2;
        const float vote = length_[static_cast<std::size_t>(x)];
        for (int i = 0; i < 4; ++i) cells[i] += (shares_.down[i] * across[i]) * vote;
    }

    /// A row of cells has all its votes.
    void finish(int row) {
        std::vector<float>& histograms = histograms_[ring(row, 3)];
        kernels_.take_cells(cells_.data() + slot(row), stride_, grid_.cell_columns + 2, histograms.data(), row_);
        kernels_.energies(histograms.data(), row_, grid_.cell_columns + 2, energy_[ring(row, 2)].data());
    }

    /// The row of blocks between a row of cells and the next.
    void find_blocks(int row) {
        Blocks& blocks = blocks_[ring(row, 2)];
        kernels_.blocks(energy_[ring(row, 2)].data(), energy_[ring(row + 1, 2)].data(), grid_.cell_columns + 1,
                        blocks.cut.data(), blocks.scale.data());
    }

    /// A row of features, which is that of the cells one row further.
    void normalise(int row) {
        const Blocks &above = blocks_[ring(row, 2)], &below = blocks_[ring(row + 1, 2)];
        // Cell columns count from -1; the first one with features is 1.
        constexpr int kLeft = 1, kRight = 2;
        const kernels::CellBlocks around{
            {below.cut.data() + kRight, above.cut.data() + kRight, below.cut.data() + kLeft, above.cut.data() + kLeft},
            {below.scale.data() + kRight, above.scale.data() + kRight, below.scale.data() + kLeft,
             above.scale.data() + kLeft}};
        kernels_.normalise(histograms_[ring(row + 1, 3)].data() + kRight, row_, around, features_.columns(),
                           features_.row(0, row), features_.plane_stride());
        features_.clear_margins(row);
    }

    /// Where the last few rows are kept; rows count from -1.
    static std::size_t ring(int row, int size) { return static_cast<std::size_t>((row + size) % size); }
    static int slot(int row) { return (row + 2) % 2; }

    const kernels::ExactKernels& kernels_;
    const Planes& image_;
    const CellGrid& grid_;
    FeatureMap& features_;
    std::ptrdiff_t stride_, row_;      // floats from a bin to the next: of cells_, and of histograms_
    std::vector<std::int32_t> place_;  // of each pixel's bin in a row
    std::vector<float> length_;        // and how much it votes
    std::vector<float> cells_;         // two rows of cells that get votes: see cast_votes in kernels/hog.inl
    kernels::VoteShares shares_{};
    std::array<std::vector<float>, 3> histograms_;
    std::array<std::vector<float>, 2> energy_;
    std::array<Blocks, 2> blocks_;
};

/// Feature rows first..end-1 of planes that have some.
inline FeatureMap hog_features(const Planes& image, const CellGrid& grid, int first, int end, Workspace& workspace,
                               kernels::SimdPath path = kernels::simd_path()) {
    FeatureMap features(first, end, grid.feature_columns(), workspace);
    // Bands overlap by two rows of cells and more, so there are no more of them than threads.
    workspace.threads().run_ranges(end - first, 1, [&](int begin, int end_of_band, int) {
        HogBand(image, grid, kernels::exact_kernels_of(path), features).run(first + begin, first + end_of_band);
    });
    return features;
}

}  // namespace detail

/// HOG features of an image.
///
/// \param image  any size, gray or RGB
/// \returns max(round(H / 8) - 2, 0) rows and max(round(W / 8) - 2, 0) columns of features, halves rounded up; so an
///          image under 20 pixels on a side has none
/// \throws InvalidArgument when the image is empty or has more than a billion pixels
/// Cost: proportional to the pixels. Memory: the image and the result once more, the latter with 32
/// columns or fewer beyond its own.
/// Thread-safe.
inline HogFeatures extract_hog(ImageView image) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        detail::require_searchable(image, 0);
        const detail::CellGrid grid(image.width, image.height);
        if (!grid.has_features()) return HogFeatures(0, 0);
        Workspace workspace;
        const detail::Planes planes = detail::split_channels(image, workspace);
        return detail::hog_features(planes, grid, 0, grid.feature_rows(), workspace).without_margins();
    });
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/detect/hog_picture.hpp
/// \file
/// HOG features as a picture to look at: in each cell nine strokes, each along the edges that one direction bin counts,
/// the brighter the more of them there are.
///
///     features 31 x rows x columns  -->  gray image of rows * cell x columns * cell pixels
///
///     features of a cell          a stroke for each of nine directions
///     gradient  ->  weight 0.4         |    an edge from dark on the left to light on the right has a gradient that
///     gradient  \   weight 0.1         |    points to the right: its stroke stands upright
///
/// Papers: Dalal & Triggs 2005, "Histograms of oriented gradients for human detection" (the picture); Felzenszwalb,
/// Girshick, McAllester & Ramanan 2010, "Object detection with discriminatively trained part-based models" (of 31
/// planes).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Weights of a cell's nine undirected orientations: each is a direction, its opposite and both without sign together.
/// What's below 0, as in a filter, speaks against an edge and isn't drawn.
inline std::array<float, kUnsignedBins> stroke_weights(const HogFeatures& features, int row, int column) {
    std::array<float, kUnsignedBins> weights{};
    for (int o = 0; o < kUnsignedBins; ++o) {
        const float sum = features.at(o, row, column) + features.at(o + kUnsignedBins, row, column) +
                          features.at(o + kSignedBins, row, column);
        weights[static_cast<std::size_t>(o)] = std::max(sum, 0.0f);
    }
    return weights;
}

/// How much of each pixel of a cell a stroke covers, 0..1, row after row.
inline std::vector<float> stroke_coverage(int orientation, int cell) {
    const double half = cell / 2.0, thickness = std::max(1.0, cell / 12.0), margin = cell / 16.0;
    const double along_x = -static_cast<double>(kDirectionY[orientation]);  // edges are perpendicular to their gradient
    const double along_y = static_cast<double>(kDirectionX[orientation]);
    std::vector<float> coverage;
    for (int y = 0; y < cell; ++y) {
        for (int x = 0; x < cell; ++x) {
            const double dx = x + 0.5 - half, dy = y + 0.5 - half;
            const double along = std::abs(dx * along_x + dy * along_y), aside = std::abs(dx * along_y - dy * along_x);
            const double inside = std::min(half - margin - along, thickness / 2 - aside);
            coverage.push_back(static_cast<float>(std::clamp(inside + 0.5, 0.0, 1.0)));
        }
    }
    return coverage;
}

/// The least weight that's drawn white: the largest, but for a few that stand out far from all others and would leave these
/// in the dark. 0 when there's nothing to draw.
inline float white_weight(const HogFeatures& features) {
    double largest = 0, sum = 0, squares = 0;
    for (int row = 0; row < features.rows(); ++row) {
        for (int column = 0; column < features.columns(); ++column) {
            for (const float weight : stroke_weights(features, row, column)) {
                const auto w = static_cast<double>(weight);
                largest = std::max(largest, w);
                sum += w;
                squares += w * w;
            }
        }
    }
    const double count = std::max(1.0, double{kUnsignedBins} * features.rows() * features.columns());
    const double mean = sum / count, deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
    return static_cast<float>(std::min(largest, mean + 4 * deviation));
}

}  // namespace detail

/// Draws features, or a filter's weights, as strokes of gray on black.
///
/// \param features  of an image (extract_hog) or of a filter (FaceDetector::view_filter)
/// \param cell      side of a cell in the picture in pixels, 2..256; strokes are told apart from 8 on
/// \returns a gray image of cell * columns() x cell * rows() pixels. A stroke is as bright as its weight, up to white for
///          the strongest of the picture and for all beyond the mean by four standard deviations; where strokes cross, the
///          brighter one is seen
/// \throws InvalidArgument for another `cell`, or a picture of more than 2^31 - 1 pixels
/// Cost: nine multiplications a pixel of the picture.
inline Image hog_picture(const HogFeatures& features, int cell = 16) {
    return detail::with_default_floats([&] {
        constexpr int kSmallest = 2, kLargest = 256;
        if (cell < kSmallest || cell > kLargest) {
            throw InvalidArgument("a cell of a HOG picture has " + std::to_string(kSmallest) + " to " +
                                  std::to_string(kLargest) + " pixels, not " + std::to_string(cell));
        }
        if (features.columns() > 0 && features.rows() > 2147483647 / cell / cell / features.columns()) {
            throw InvalidArgument("a HOG picture of " + std::to_string(features.columns()) + " x " +
                                  std::to_string(features.rows()) + " cells of " + std::to_string(cell) +
                                  " pixels has too many pixels");
        }
        std::array<std::vector<float>, detail::kUnsignedBins> strokes;
        for (int o = 0; o < detail::kUnsignedBins; ++o) {
            strokes[static_cast<std::size_t>(o)] = detail::stroke_coverage(o, cell);
        }
        Image picture(features.columns() * cell, features.rows() * cell, 1);
        const float white = detail::white_weight(features);
        if (!(white > 0)) return picture;
        for (int y = 0; y < picture.height(); ++y) {
            for (int column = 0; column < features.columns(); ++column) {
                const auto weights = detail::stroke_weights(features, y / cell, column);
                for (int x = 0; x < cell; ++x) {
                    const auto place = static_cast<std::size_t>(y % cell) * static_cast<std::size_t>(cell) +
                                       static_cast<std::size_t>(x);
                    float seen = 0;
                    for (std::size_t o = 0; o < strokes.size(); ++o)
                        seen = std::max(seen, weights[o] * strokes[o][place]);
                    picture.row(y)[column * cell + x] =
                        static_cast<std::uint8_t>(std::lround(255.0f * std::min(seen / white, 1.0f)));
                }
            }
        }
        return picture;
    });
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/detect/sliding_filter.hpp
/// \file
/// Slides linear filters over HOG features: how much does the part of the picture under the window look like a face?
///
///     features                        a filter: for each plane one to          scores
///     31 x rows x columns             three terms, a column of 10 taps         rows x columns
///     +--+--+--+--+--+                times a row of 10                        +--+--+--+--+--+
///     |  |##########|  |                 |                                     |  |  |  |  |  |
///     |  |# window #|  |    x            |  x  ----------                ->    |  |  |s |  |  |
///     |  |##########|  |                 |                                     |  |  |  |  |  |
///     +--+--+--+--+--+                                                         +--+--+--+--+--+
///
/// A filter is 10 x 10 cells of 31 weights; its score at a place is the sum of weights times features. A plane of 100
/// weights is kept as one to three terms, each a column times a row of weights, called taps ("separable"). A term takes
/// 20 multiplications a window (first its row, then its column over what the row gave), and the five filters shipped
/// have 305 terms: 6,100 multiplications, where their 15,500 weights would be as many.
///
/// plain_score is the method, a window after the other. Then strips of 8 or 16 columns are filtered one by one through
/// all planes, so that a strip's features of a plane and its scores stay in the caches, and so that threads can share
/// them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Cells on a side of a filter; the window's cell (4, 4) is the one its score is stored at.
constexpr int kFilterSize = 10, kFilterBefore = 4, kFilterBehind = 5;
/// Columns that the reference filters at a time; what's left over is added up in another order.
constexpr int kFilterGroup = 8;

/// A column times a row of weights: one term of one plane of a filter.
struct SeparablePair {
    int plane;
    std::array<float, kFilterSize> column;
    std::array<float, kFilterSize> row;
};

/// A linear filter over HOG features.
struct SlidingFilter {
    std::vector<SeparablePair> pairs;  // by plane
    double threshold;
};

/// Ten values `step` apart times ten taps, one after the other: the reference's order in the last columns mod 8 of a
/// map.
inline float ten_taps_in_order(const float* x, std::ptrdiff_t step, const std::array<float, kFilterSize>& tap) {
    float sum = 0;
    for (std::size_t i = 0; i < kFilterSize; ++i) sum += x[static_cast<std::ptrdiff_t>(i) * step] * tap[i];
    return sum;
}

/// The same as three sums, so that the CPU's adders don't wait for one another: the reference's order in all other
/// columns. Since we add in its order, scores are equal to the last bit.
inline float ten_taps(const float* x, std::ptrdiff_t step, const std::array<float, kFilterSize>& tap) {
    const float a = x[0] * tap[0] + x[3 * step] * tap[3] + x[6 * step] * tap[6] + x[9 * step] * tap[9];
    const float b = x[step] * tap[1] + x[4 * step] * tap[4] + x[7 * step] * tap[7];
    const float c = x[2 * step] * tap[2] + x[5 * step] * tap[5] + x[8 * step] * tap[8];
    return a + (b + c);
}

/// Score of a filter with its window's cell (4, 4) at a cell, in plain loops. The last columns mod 8 of a map are added up
/// in their own order.
inline float plain_score(const HogFeatures& features, const SlidingFilter& filter, int row, int column) {
    const bool in_order = column >= features.columns() / kFilterGroup * kFilterGroup;
    const auto sum = in_order ? ten_taps_in_order : ten_taps;
    float score = 0;
    for (const SeparablePair& pair : filter.pairs) {
        std::array<float, kFilterSize> filtered{};
        for (int m = 0; m < kFilterSize; ++m) {
            std::array<float, kFilterSize> window{};
            for (int n = 0; n < kFilterSize; ++n) {
                const int y = row + m - kFilterBefore, x = column + n - kFilterBefore;
                const bool inside = y >= 0 && y < features.rows() && x >= 0 && x < features.columns();
                window[static_cast<std::size_t>(n)] = inside ? features.at(pair.plane, y, x) : 0;
            }
            filtered[static_cast<std::size_t>(m)] = sum(window.data(), 1, pair.row);
        }
        score += sum(filtered.data(), 1, pair.column);
    }
    return score;
}

/// Columns of a feature map that are filtered together.
struct Strip {
    int first, columns;
    bool in_order;  // see ten_taps_in_order
    const kernels::ExactKernels* kernels;
};

/// A map's columns in strips.
inline std::vector<Strip> strips_of(int columns, kernels::SimdPath path) {
    std::vector<Strip> strips;
    const kernels::ExactKernels* const wide = &kernels::exact_kernels_of(path);
    const kernels::ExactKernels* const narrow = &kernels::narrow_kernels_of(path);
    const int grouped = columns / kFilterGroup * kFilterGroup;
    for (int x = 0; x < columns; x += strips.back().columns) {
        const bool fits = x + wide->strip <= grouped;
        const int count = fits ? wide->strip : std::min(kFilterGroup, columns - x);
        strips.push_back({x, count, x >= grouped, fits ? wide : narrow});
    }
    return strips;
}

/// Scores of some filters on a strip.
class StripScores {
  public:
    /// \param filters  of which all pairs are in the order of their planes
    StripScores(const FeatureMap& features, const std::vector<SlidingFilter>& filters, const Strip& strip)
        : width_(strip.kernels->strip),
          first_(features.first_row()),
          rows_(features.end_row() - first_),
          scores_(filters.size() * map_size(rows_), 0.0f) {
        std::vector<float> filtered(map_size(rows_ + kFilterSize - 1), 0.0f);
        std::vector<std::size_t> next(filters.size(), 0);
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            const float* const in = features.row(plane, first_) + strip.first - kFilterBefore;
            for (std::size_t k = 0; k < filters.size(); ++k) {
                const std::vector<SeparablePair>& pairs = filters[k].pairs;
                for (; next[k] < pairs.size() && pairs[next[k]].plane == plane; ++next[k]) {
                    const SeparablePair& pair = pairs[next[k]];
                    strip.kernels->filter_strip({pair.row.data(), pair.column.data()}, in, features.stride(), rows_,
                                                strip.in_order, filtered.data(), scores_.data() + k * map_size(rows_));
                }
            }
        }
    }

    /// Of a filter at a row of the features and at a column of the strip. Near the ends of features that aren't all of an
    /// image's, windows hang over as they do at its border.
    float at(std::size_t filter, int row, int column) const {
        return scores_[filter * map_size(rows_) + map_size(row - first_) + static_cast<std::size_t>(column)];
    }

  private:
    std::size_t map_size(int rows) const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(width_); }

    int width_, first_, rows_;
    std::vector<float> scores_;  // of each filter the strip's rows
};

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/detect/face_detector.hpp
/// \file
/// Finds upright faces: a window slides over the HOG features of every pyramid level and five linear filters say how
/// much what they see looks like a face.
///
///     image h x w --> levels (5/6)^i (h x w) --> 31 x rows x columns each --> 5 x rows x columns scores each
///           --> windows above the threshold --> boxes in the image --> the best of those that overlap
///
/// A filter's score at a place is how well the features there suit it (sliding_filter.hpp), less a threshold. The five
/// were trained on faces seen from the front, the left, the right, and tilted to both sides. A face is found by several
/// windows; of boxes that overlap only the best one stays ("non-maximum suppression").
///
/// Papers: Dalal & Triggs 2005 (the method); King 2015, "Max-margin object detection" (how the filters were trained).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A window that a filter was held against, see FaceDetector::best_window.
struct DetectorWindow {
    Detection detection;  ///< what became of it
    int level = 0;        ///< of the pyramid: that often the (upsampled) image was scaled by 5/6
    HogFeatures
        features;  ///< the 10 x 10 cells that the filter saw; zeros where the window hangs over the level's features
};

namespace detail {

/// The box in the input image of the window at a cell of a pyramid level.
///
/// A window's box is 73 pixels of its level wide; near the left or upper border the reference's integer division makes
/// it 81, and so do we.
inline Rect window_box(int level, int row, int column) {
    const auto to_input = [level](double p) {
        for (int i = 0; i < level; ++i) p = p * (6 / 5.0) + 0.3;
        return static_cast<int>(std::lround(p));
    };
    const auto near_edge = [](int cell) { return kHogCell * cell - (cell >= 3 ? 19 : 27); };
    const auto far_edge = [](int cell) { return kHogCell * cell + 53; };
    return {to_input(near_edge(column)), to_input(near_edge(row)), to_input(far_edge(column)), to_input(far_edge(row))};
}

}  // namespace detail

/// A frontal face detector: its filters and the way they slide. Immutable after loading, safe for many threads.
class FaceDetector {
  public:
    /// Most doublings of the image before the search.
    static constexpr int kMaxUpsample = detail::kMostUpsample;
    /// Most pixels of the image after them.
    static constexpr std::int64_t kMaxPixels = detail::kMostPixels;
    /// Most filters of a file: each takes a map of scores of its own.
    static constexpr std::size_t kMaxFilters = 64;

    /// Takes the filters from a file.
    /// \param weights  a file of kind "hog_detector" (hog_frontal.ffr). \throws FormatError when it's something else
    static FaceDetector load(const WeightsFile& weights) {
        return detail::with_default_floats([&] { return FaceDetector(weights); });
    }

    /// Finds upright frontal faces.
    ///
    /// \param image    any size, gray or RGB; smaller than 80 pixels on a side gives faces only when upsampled or cut
    ///                 off
    /// \param options  upsampling and threshold
    /// \returns detections by falling score; where boxes overlap only the best
    /// \throws InvalidArgument when the image is empty, upsample isn't 0..4 or gives more than kMaxPixels
    /// Cost: proportional to the pixels, times 4 for each upsampling. Memory: 4 to 7 bytes a pixel of
    /// the (upsampled) image, in colour or gray.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use. The faces don't depend on the
    /// number of threads.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            std::vector<Detection> all;
            for (const Candidate& found :
                 candidates(base_level(image, options, workspace), options.threshold, workspace)) {
                all.push_back(found.detection);
            }
            std::vector<Detection> faces = detail::suppress(all, largest_ratio_, largest_cover_);
            for (Detection& face : faces) face.box = detail::before_upsampling(face.box, options.upsample);
            return faces;
        });
    }

    /// The window that scores best, as its filter saw it: the first of what detect() finds. None where that finds none.
    ///
    /// The sum of its features times view_filter(), less the filter's threshold, is its score.
    /// \throws InvalidArgument as detect()
    /// Cost: of detect(), and of the pyramid down to the window's level once more.
    std::optional<DetectorWindow> best_window(ImageView image, const DetectOptions& options = {}) const {
        return detail::with_default_floats([&]() -> std::optional<DetectorWindow> {
            Workspace workspace;
            const std::vector<Candidate> found =
                candidates(base_level(image, options, workspace), options.threshold, workspace);
            if (found.empty()) return std::nullopt;
            const Candidate& best = found.front();
            detail::Planes level = base_level(image, options, workspace);
            for (int i = 0; i < best.level; ++i) level = detail::pyramid_down(level, workspace);
            DetectorWindow window{best.detection, best.level, window_features(level, best, workspace)};
            window.detection.box = detail::before_upsampling(window.detection.box, options.upsample);
            return window;
        });
    }

    /// Number of filters, each of which sees faces of one view; Detection::view counts them from 0.
    int views() const { return static_cast<int>(filters_.size()); }

    /// A view's filter as a whole, summed up from its separable parts: a weight for each feature of 10 x 10 cells, of
    /// either sign.
    /// \param view  0..views()-1. \throws InvalidArgument for another one
    HogFeatures view_filter(int view) const {
        return detail::with_default_floats([&] {
            if (view < 0 || view >= views()) {
                throw InvalidArgument("the detector has views 0.." + std::to_string(views() - 1) + ", not " +
                                      std::to_string(view));
            }
            HogFeatures filter(detail::kFilterSize, detail::kFilterSize);
            for (const detail::SeparablePair& pair : filters_[static_cast<std::size_t>(view)].pairs) {
                float* weight = filter.plane(pair.plane);
                for (const float down : pair.column) {
                    for (const float across : pair.row) *weight++ += down * across;
                }
            }
            return filter;
        });
    }

  private:
    explicit FaceDetector(const WeightsFile& weights) {
        weights.require_kind("hog_detector");
        const auto thresholds = weights.finite_tensor<double>("thresholds", {WeightsFile::kAny});
        const auto filter = weights.tensor<std::uint16_t>("pairs/filter", {WeightsFile::kAny});
        const auto plane = weights.tensor<std::uint16_t>("pairs/plane", {filter.size()});
        const auto column = weights.finite_tensor<float>("pairs/column", {filter.size(), detail::kFilterSize});
        const auto row = weights.finite_tensor<float>("pairs/row", {filter.size(), detail::kFilterSize});
        const auto overlap = weights.finite_tensor<double>("overlap", {2});
        largest_ratio_ = overlap[0];
        largest_cover_ = overlap[1];
        if (thresholds.size() > kMaxFilters) throw FormatError(weights.name() + ": has more than 64 filters");
        for (const double threshold : thresholds) filters_.push_back({{}, threshold});
        for (std::size_t i = 0; i < filter.size(); ++i) {
            const bool known = filter[i] < filters_.size() && plane[i] < kHogPlanes;
            if (!known || (!filters_[filter[i]].pairs.empty() && filters_[filter[i]].pairs.back().plane > plane[i])) {
                throw FormatError(weights.name() + ": pair " + std::to_string(i) + " isn't in any filter's order");
            }
            detail::SeparablePair pair{plane[i], {}, {}};
            std::copy_n(column.data + i * detail::kFilterSize, detail::kFilterSize, pair.column.begin());
            std::copy_n(row.data + i * detail::kFilterSize, detail::kFilterSize, pair.row.begin());
            filters_[filter[i]].pairs.push_back(pair);
        }
        for (const detail::SlidingFilter& each : filters_) require_bounded(each, weights.name());
    }

    /// Refuses filters by which a score could overflow: features lie within 0 .. 1.
    static void require_bounded(const detail::SlidingFilter& filter, const std::string& name) {
        const auto size_of = [](const auto& values) {
            return std::accumulate(values.begin(), values.end(), 0.0,
                                   [](double sum, float value) { return sum + std::abs(value); });
        };
        double bound = 0;
        for (const detail::SeparablePair& pair : filter.pairs) bound += size_of(pair.column) * size_of(pair.row);
        if (bound > 1e37) throw FormatError(name + ": a filter's weights are so large that a score could overflow");
    }

    /// A window that scores enough.
    struct Candidate {
        Detection detection;
        int level, row, column;
    };

    /// The first level of the pyramid. \throws InvalidArgument for what detect() refuses
    static detail::Planes base_level(ImageView image, const DetectOptions& options, Workspace& workspace) {
        detail::require_search(image, options);
        detail::Planes level = detail::split_channels(image, workspace);
        for (int i = 0; i < options.upsample; ++i) level = detail::pyramid_up(level, workspace);
        return level;
    }

    /// All windows of all levels that score enough, by falling score; equal ones in the order of filters, levels, rows and
    /// columns.
    std::vector<Candidate> candidates(detail::Planes image, double threshold, Workspace& workspace) const;

    /// What a filter sees in a window of a level.
    static HogFeatures window_features(const detail::Planes& level, const Candidate& window, Workspace& workspace) {
        const detail::CellGrid grid(level.width(), level.height());
        const int top = window.row - detail::kFilterBefore, left = window.column - detail::kFilterBefore;
        const int first = std::max(top, 0), end = std::min(top + detail::kFilterSize, grid.feature_rows());
        const auto map = detail::hog_features(level, grid, first, end, workspace);
        HogFeatures seen(detail::kFilterSize, detail::kFilterSize);
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            for (int y = first; y < end; ++y) {
                float* const to = seen.plane(plane) + (y - top) * detail::kFilterSize;
                for (int x = std::max(left, 0); x < std::min(left + detail::kFilterSize, grid.feature_columns()); ++x) {
                    to[x - left] = map.row(plane, y)[x];
                }
            }
        }
        return seen;
    }

    /// Searches a level in bands of rows, so that a tall image's features needn't all be there at once.
    void search_level(const detail::Planes& image, int level, double threshold, Workspace& workspace,
                      std::vector<Candidate>& found) const {
        constexpr int kBand = 256;
        const detail::CellGrid grid(image.width(), image.height());
        if (!grid.has_features()) return;
        const std::vector<detail::Strip> strips = detail::strips_of(grid.feature_columns(), kernels::simd_path());
        std::vector<std::vector<Candidate>> found_in(strips.size());
        for (int begin = 0; begin < grid.feature_rows(); begin += kBand) {
            const int end = std::min(begin + kBand, grid.feature_rows());
            // A window needs the rows around.
            const int first = std::max(begin - detail::kFilterBefore, 0);
            const int behind = std::min(end + detail::kFilterBehind, grid.feature_rows());
            const auto features = detail::hog_features(image, grid, first, behind, workspace);
            workspace.threads().run(static_cast<int>(strips.size()), [&](int task, int) {
                const auto i = static_cast<std::size_t>(task);
                found_in[i] = search_strip(features, strips[i], begin, end, level, threshold);
            });
            for (const std::vector<Candidate>& some : found_in) found.insert(found.end(), some.begin(), some.end());
        }
    }

    /// Of rows begin..end-1.
    std::vector<Candidate> search_strip(const detail::FeatureMap& features, const detail::Strip& strip, int begin,
                                        int end, int level, double threshold) const {
        const detail::StripScores scores(features, filters_, strip);
        std::vector<Candidate> found;
        for (std::size_t k = 0; k < filters_.size(); ++k) {
            for (int row = begin; row < end; ++row) {
                for (int x = 0; x < strip.columns; ++x) {
                    const double sum = scores.at(k, row, x);
                    if (!(sum >= filters_[k].threshold + threshold)) continue;
                    const int column = strip.first + x;
                    found.push_back(
                        {{detail::window_box(level, row, column), sum - filters_[k].threshold, static_cast<int>(k)},
                         level,
                         row,
                         column});
                }
            }
        }
        return found;
    }

    std::vector<detail::SlidingFilter> filters_;
    double largest_ratio_ = 0;
    double largest_cover_ = 0;
};

#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)

FFR_COMPILED_INLINE std::vector<FaceDetector::Candidate> FaceDetector::candidates(detail::Planes image,
                                                                                  double threshold,
                                                                                  Workspace& workspace) const {
    std::vector<Candidate> found;
    const int levels = pyramid_levels(image.width(), image.height());
    for (int level = 0; level < levels && !image.empty(); ++level) {
        if (level > 0) image = detail::pyramid_down(image, workspace);
        search_level(image, level, threshold, workspace, found);
    }
    std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
        return std::tuple(-a.detection.score, a.detection.view, a.level, a.row, a.column) <
               std::tuple(-b.detection.score, b.detection.view, b.level, b.row, b.column);
    });
    return found;
}

#endif

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/detect/mmod_pyramid.hpp
/// \file
/// A picture and its smaller versions on one canvas, so that a network sees faces of all sizes in one go.
///
///     +---------------------+   Level i is level i - 1 at 5/6 of its size. The levels go down the left side and, as soon as
///     |  +---------------+  |   there's room beside them, up again on the right.
///     |  |    level 0    |  |
///     |  +---------------+  |   What goes in: 8-bit pixels. What comes out: canvas height x width x 3 floats,
///     |  +-----------+ +-+  |   (value - mean of the channel) / 256, and 0 between the levels.
///     |  |  level 1  | |3|  |
///     |  +-----------+ +-+  |   A smaller level is made of the floats of the one before it, not of rounded pixels.
///     |  +---------+ +---+  |
///     |  |    2    | | . |  |
///     +---------------------+

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

constexpr int kPyramidGap = 10;     ///< pixels between two levels on the canvas
constexpr int kPyramidBorder = 11;  ///< pixels around all of them

/// Where the levels lie on a canvas.
struct PyramidLayout {
    int width = 0;             ///< of the canvas, in pixels
    int height = 0;            ///< rows
    std::vector<Rect> levels;  ///< from the picture itself to the smallest, inside of the canvas
};

namespace detail {

/// Sizes of the levels, at (0, 0): each is 5/6 of the one before, as long as it has a column and 5 rows.
inline std::vector<Rect> level_sizes(int width, int height) {
    constexpr std::int64_t kLeastHeight = 5;
    std::vector<Rect> sizes{{0, 0, width - 1, height - 1}};
    while (true) {
        const std::int64_t w = sizes.back().width() * 5 / 6, h = sizes.back().height() * 5 / 6;
        if (w == 0 || h < kLeastHeight) return sizes;
        sizes.push_back({0, 0, static_cast<int>(w - 1), static_cast<int>(h - 1)});
    }
}

/// Rows of the left column: it ends where a level fits beside the one above it and half of the way is done.
inline std::int64_t column_height(const std::vector<Rect>& sizes) {
    const std::int64_t first = sizes[0].height();
    std::int64_t total = -2 * kPyramidGap, height = 0, width_above = 0;
    for (const Rect& size : sizes) total += size.height() + kPyramidGap;
    for (const Rect& size : sizes) {
        const bool fits_beside = size.width() <= sizes[0].width() - width_above - kPyramidGap;
        if (fits_beside && 2 * (height - first) >= total - first) break;
        height += size.height() + kPyramidGap;
        width_above = size.width();
    }
    return height - kPyramidGap;
}

}  // namespace detail

/// Lays out the pyramid of a picture. Levels that would touch the picture itself on the way up are left out.
/// \param width, height  of the picture, at least 1
inline PyramidLayout pyramid_layout(int width, int height) {
    PyramidLayout layout;
    layout.levels = detail::level_sizes(width, height);
    const std::int64_t bottom = kPyramidBorder + detail::column_height(layout.levels);
    layout.width = width + 2 * kPyramidBorder;
    layout.height = static_cast<int>(bottom) + kPyramidBorder;
    std::int64_t y = kPyramidBorder;
    std::size_t i = 0;
    const auto place = [&](std::int64_t left, std::int64_t top) {
        const Rect size = layout.levels[i];
        const int x = static_cast<int>(left), down = static_cast<int>(top);
        return Rect{x, down, x + size.right, down + size.bottom};
    };
    for (; i < layout.levels.size() && y < bottom; ++i) {
        layout.levels[i] = place(kPyramidBorder, y);
        y += layout.levels[i].height() + kPyramidGap;
    }
    y -= kPyramidGap;
    for (; i < layout.levels.size(); ++i) {
        const Rect& picture = layout.levels[0];
        const Rect level = place(kPyramidBorder + width - layout.levels[i].width(), y - layout.levels[i].height());
        if (level.top <= picture.bottom && level.left <= picture.right) break;
        layout.levels[i] = level;
        y -= level.height() + kPyramidGap;
    }
    layout.levels.resize(i);
    return layout;
}

/// The canvas with the levels on it: rows of pixels, the three channels of a pixel beside each other.
class PyramidCanvas {
  public:
    /// Draws the pyramid of a picture.
    /// \param picture  its three planes. \param mean  of each
    /// Cost: proportional to the canvas, which has about four times the picture's pixels, of 12 bytes each.
    PyramidCanvas(const detail::Planes& picture, const std::array<float, 3>& mean, Workspace& workspace)
        : layout_(pyramid_layout(picture.width(), picture.height())),
          values_(workspace, static_cast<std::size_t>(line() * layout_.height)) {
        workspace.threads().run_ranges(height(), 1,
                                       [&](int begin, int end, int) { std::fill(own_row(begin), own_row(end), 0.0f); });
        draw(picture, mean, workspace);
        for (std::size_t i = 1; i < layout_.levels.size(); ++i)
            shrink(layout_.levels[i - 1], layout_.levels[i], workspace);
    }

    /// Where the levels lie.
    const PyramidLayout& layout() const { return layout_; }
    /// Pixels a row.
    int width() const { return layout_.width; }
    /// Rows.
    int height() const { return layout_.height; }

    /// The first number of a row of 3 * width(), 0 <= y < height().
    const float* row(int y) const { return values_.data() + y * line(); }

  private:
    float* own_row(int y) { return values_.data() + y * line(); }
    std::ptrdiff_t line() const { return 3 * std::ptrdiff_t{layout_.width}; }

    void draw(const detail::Planes& picture, const std::array<float, 3>& mean, Workspace& workspace) {
        const Rect& place = layout_.levels[0];
        workspace.threads().run_ranges(picture.height(), 4, [&](int begin, int end, int) {
            for (int y = begin; y < end; ++y) {
                float* const out = own_row(place.top + y) + 3 * place.left;
                for (int c = 0; c < 3; ++c) {
                    const std::uint8_t* const in = picture.row(c, y);
                    const float middle = mean[static_cast<std::size_t>(c)];
                    for (int x = 0; x < picture.width(); ++x) {
                        out[3 * x + c] = (static_cast<float>(in[x]) - middle) / 256.0f;
                    }
                }
            }
        });
    }

    /// Where a pixel of a smaller level lies in the larger one: `fraction` of the way from `before` to `after`.
    struct Sample {
        int before, after;
        float fraction;
    };

    /// Corners lie on corners: position i of `count` at i * (size - 1) / (count - 1).
    static std::vector<Sample> samples(std::int64_t size, std::int64_t count) {
        const float scale = static_cast<float>(size - 1) / static_cast<float>(std::max<std::int64_t>(count - 1, 1));
        const int last = static_cast<int>(size - 1);
        std::vector<Sample> all;
        for (std::int64_t i = 0; i < count; ++i) {
            const float position = static_cast<float>(i) * scale;
            const int before = std::min(static_cast<int>(position), last);
            all.push_back({before, std::min(before + 1, last), position - static_cast<float>(before)});
        }
        return all;
    }

    /// Draws a level from a larger one by bilinear sampling: between two rows first, then between two pixels.
    void shrink(const Rect& from, const Rect& to, Workspace& workspace) {
        const std::vector<Sample> rows = samples(from.height(), to.height()),
                                  columns = samples(from.width(), to.width());
        const auto numbers = static_cast<std::size_t>(3 * from.width());
        const Workspace::Floats memory(workspace, numbers * static_cast<std::size_t>(workspace.threads().size()));
        workspace.threads().run_ranges(static_cast<int>(rows.size()), 4, [&](int begin, int end, int thread) {
            float* const between = memory.data() + static_cast<std::size_t>(thread) * numbers;
            for (int y = begin; y < end; ++y) {
                const Sample& sample = rows[static_cast<std::size_t>(y)];
                const float* const above = row(from.top + sample.before) + 3 * from.left;
                const float* const below = row(from.top + sample.after) + 3 * from.left;
                const float down = sample.fraction, up = 1 - down;
                for (std::size_t i = 0; i < numbers; ++i) between[i] = up * above[i] + down * below[i];
                float* out = own_row(to.top + y) + 3 * to.left;
                for (const Sample& column : columns) {
                    const float* const before = between + 3 * column.before;
                    const float* const after = between + 3 * column.after;
                    const float right = column.fraction, left = 1 - right;
                    for (int c = 0; c < 3; ++c) *out++ = left * before[c] + right * after[c];
                }
            }
        });
    }

    PyramidLayout layout_;
    Workspace::Floats values_;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/detect/mmod_network.hpp
/// \file
/// The network of the CNN face detector: seven convolutions that make a map of scores of a canvas of pictures.
///
///     canvas 3 x h x w -> 5x5/2 -> 16 -> 5x5/2 -> 32 -> 5x5/2 -> 32 x h/8 x w/8       three layers that make it smaller,
///         -> 5x5 -> 45 -> 5x5 -> 45 -> 5x5 -> 45                                      three that look around,
///         -> 9x9 -> 1 x h/8 x w/8: how much an 80 x 80 window looks like a face       and one that decides
///
/// Behind each convolution but the last stands a relu. Nothing else: no pools, no shortcuts.
///
/// Paper: King 2015, "Max-margin object detection", applied to a network in 2016. Layers and weights are those of the
/// network published by Davis King.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// The layers of the network in order; heights and widths are those of the canvas and so 0 here.
constexpr ConvolutionShape kMmodLayers[] = {{3, 0, 0, 16, 5, 2, 0},  {16, 0, 0, 32, 5, 2, 0}, {32, 0, 0, 32, 5, 2, 0},
                                            {32, 0, 0, 45, 5, 1, 2}, {45, 0, 0, 45, 5, 1, 2}, {45, 0, 0, 45, 5, 1, 2},
                                            {45, 0, 0, 1, 9, 1, 4}};

/// The name that a layer has in the weight file: "conv1" for index 0.
inline std::string mmod_layer_name(std::size_t index) {
    return "conv" + std::to_string(index + 1);
}

/// Extents of a layer's output or of the scores.
struct MapSize {
    int height;  ///< rows, at least 0
    int width;   ///< columns, at least 0
};

/// The sizes of what each layer makes of a canvas, the scores last; 0 x 0 from where on the filters are larger than the
/// maps.
inline std::vector<MapSize> mmod_sizes(int height, int width) {
    std::vector<MapSize> sizes;
    for (ConvolutionShape shape : kMmodLayers) {
        shape.height = height;
        shape.width = width;
        const bool fits = std::min(height, width) + 2 * shape.padding >= shape.side && height > 0;
        height = fits ? shape.output_height() : 0;
        width = fits ? shape.output_width() : 0;
        sizes.push_back({height, width});
    }
    return sizes;
}

/// The network in plain layers, whole maps at a time: to be read, and to test the fast one against. Immutable after
/// loading, safe for many threads.
class PlainMmodNetwork {
  public:
    /// Reads the layers.
    /// \param weights  a file of kind "mmod". \throws FormatError when it's something else
    static PlainMmodNetwork load(const WeightsFile& weights, kernels::SimdPath = kernels::SimdPath::scalar) {
        return detail::with_default_floats([&] {
            PlainMmodNetwork network;
            for (const ConvolutionShape& shape : kMmodLayers) {
                network.layers_.push_back(Convolution::load(weights, mmod_layer_name(network.layers_.size()), shape));
            }
            return network;
        });
    }

    /// The score of each place, one map; no row where the canvas is too small for the filters.
    /// Cost: 3,500 multiply-adds a pixel of the canvas.
    FeatureMaps scores(const PyramidCanvas& canvas, Workspace&) const {
        return detail::with_default_floats([&]() -> FeatureMaps {
            if (mmod_sizes(canvas.height(), canvas.width()).back().height == 0) return {1, 0, 0};
            FeatureMaps x(3, canvas.height(), canvas.width());
            for (int y = 0; y < x.height; ++y) {
                for (int i = 0; i < 3 * x.width; ++i) x.map(i % 3)[y * x.width + i / 3] = canvas.row(y)[i];
            }
            for (std::size_t i = 0; i + 1 < layers_.size(); ++i) x = relu(convolve(layers_[i], x));
            return convolve(layers_.back(), x);
        });
    }

  private:
    std::vector<Convolution> layers_;
};

/// Refuses a network whose sums could overflow for some pixels: what a layer gives is at most the largest sum of its
/// filters' absolute weights, times the most that it's given, and its bias.
/// \param mean  subtracted from the pixels. \throws FormatError naming the file
inline void require_bounded_scores(const WeightsFile& weights, const std::vector<float>& mean) {
    double most = 255;
    for (const float value : mean) most = std::max(most, 255 + std::abs(double{value}));
    most /= 256;
    std::size_t index = 0;
    for (const ConvolutionShape& shape : kMmodLayers) {
        const std::string name = mmod_layer_name(index++);
        const std::vector<float> filters = weights.floats(name + "/weights", weight_extents(shape)),
                                 bias = weights.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)});
        const std::size_t filter_size = filters.size() / bias.size();
        double next = 0;
        for (std::size_t output = 0; output < bias.size(); ++output) {
            double sum = 0;
            for (std::size_t i = 0; i < filter_size; ++i) sum += std::abs(double{filters[output * filter_size + i]});
            next = std::max(next, sum * most + std::abs(double{bias[output]}));
        }
        most = next;
    }
    if (!(most < 1e37)) throw FormatError(weights.name() + ": its weights are so large that a score could overflow");
}

/// The network at full speed: all layers go down the canvas together, two lines at a time, so that what's between them
/// stays in the cache. Immutable after loading, safe for many threads.
///
///     lines of scores that are to be known          8, 9      each layer first makes the lines that the next one needs
///     lines of the last layer but one up to           13      (a 9 x 9 filter sees 4 lines below) and hasn't got yet
///     lines of the one before it up to                15
///
/// Threads share the lines of scores. Each begins above its part by what the filters see there.
class LineMmodNetwork {
  public:
    /// See PlainMmodNetwork.
    /// \param path  the kernels, which the machine has to have
    static LineMmodNetwork load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        return detail::with_default_floats([&] {
            LineMmodNetwork network;
            for (const ConvolutionShape& shape : kMmodLayers) {
                network.layers_.push_back(
                    LineConvolution::load(weights, mmod_layer_name(network.layers_.size()), shape, path));
            }
            return network;
        });
    }

    /// See PlainMmodNetwork. The scores don't depend on the number of threads.
    FeatureMaps scores(const PyramidCanvas& canvas, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            const std::vector<MapSize> sizes = mmod_sizes(canvas.height(), canvas.width());
            FeatureMaps scores(1, sizes.back().height, sizes.back().width);
            const int parts = std::min(workspace.threads().size(), (scores.height + kLeastPart - 1) / kLeastPart);
            std::vector<std::vector<LineRing>> rings;  // of each part
            for (int part = 0; part < parts; ++part) rings.push_back(make_rings(sizes, workspace));
            workspace.threads().run(parts, [&](int part, int) {
                const auto edge = [&](int i) { return static_cast<int>(std::int64_t{scores.height} * i / parts); };
                make_scores(edge(part), edge(part + 1), canvas, sizes, rings[static_cast<std::size_t>(part)], scores);
            });
            return scores;
        });
    }

  private:
    static constexpr int kStep = 2;        // lines at a time
    static constexpr int kLeastPart = 32;  // lines of scores, so that threads don't spend their time above their parts
    static constexpr int kAround = 10;     // lines that the layers of stride 1 look up and down from a score

    /// Lines begin .. end - 1 of the scores.
    void make_scores(int begin, int end, const PyramidCanvas& canvas, const std::vector<MapSize>& sizes,
                     std::vector<LineRing>& rings, FeatureMaps& scores) const {
        std::vector<int> done = lines_above(begin, sizes);
        // It starts so far above that no layer ever makes more lines at a time than its ring is for.
        for (int upto = begin - 2 * kAround + kStep; done.back() < end; upto += kStep) {
            const std::vector<int> wanted = wanted_lines(std::min(upto, end), sizes);
            for (std::size_t i = 0; i < layers_.size(); ++i) {
                for (; done[i] < wanted[i]; ++done[i]) make_line(i, done[i], canvas, sizes[i].width, rings, scores);
            }
        }
    }

    /// How many of each layer's lines lie above those that the scores from line `begin` on need.
    static std::vector<int> lines_above(int begin, const std::vector<MapSize>& sizes) {
        std::vector<int> lines(sizes.size());
        for (std::size_t left = sizes.size(); left > 0; --left) {
            const std::size_t i = left - 1;
            lines[i] = std::clamp(begin, 0, sizes[i].height);
            begin = begin * kMmodLayers[i].stride - kMmodLayers[i].padding;
        }
        return lines;
    }

    /// How many lines each layer has to have so that the scores have `end`.
    static std::vector<int> wanted_lines(int end, const std::vector<MapSize>& sizes) {
        std::vector<int> wanted(sizes.size());
        for (std::size_t left = sizes.size(); left > 0; --left) {
            const std::size_t i = left - 1;
            wanted[i] = std::clamp(end, 0, sizes[i].height);
            const ConvolutionShape& shape = kMmodLayers[i];
            end = (end - 1) * shape.stride - shape.padding + shape.side;
        }
        return wanted;
    }

    /// What's kept of each layer but the last: what the next one sees while it makes the lines of a step.
    static std::vector<LineRing> make_rings(const std::vector<MapSize>& sizes, Workspace& workspace) {
        std::vector<int> lines(sizes.size());
        int made = kStep;  // by the next layer
        for (std::size_t i = sizes.size() - 1; i > 0; --i) {
            const ConvolutionShape& next = kMmodLayers[i];
            lines[i - 1] = made * next.stride + next.side;
            if (next.stride > 1) made = lines[i - 1];
        }
        std::vector<LineRing> rings;
        for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
            rings.emplace_back(workspace, kMmodLayers[i].outputs, sizes[i].height, sizes[i].width,
                               kMmodLayers[i + 1].padding, lines[i]);
        }
        return rings;
    }

    void make_line(std::size_t i, int y, const PyramidCanvas& canvas, int width, std::vector<LineRing>& rings,
                   FeatureMaps& scores) const {
        const ConvolutionShape& shape = layers_[i].shape();
        LineConvolution::Lines lines{};
        for (int row = 0; row < shape.side; ++row) {
            const int from = y * shape.stride - shape.padding + row;
            lines[static_cast<std::size_t>(row)] = i == 0 ? canvas.row(from) : rings[i - 1].padded_line(from);
        }
        const bool last = i + 1 == layers_.size();
        float* const out = last ? scores.map(0) + std::ptrdiff_t{y} * width : rings[i].line(y);
        layers_[i].apply(lines, i == 0 ? 0 : rings[i - 1].plane(), out, last ? 0 : rings[i].plane(), width);
    }

    std::vector<LineConvolution> layers_;
};

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
/// The network as MmodDetector uses it.
using MmodNetwork = PlainMmodNetwork;
#else
/// The network as MmodDetector uses it.
using MmodNetwork = LineMmodNetwork;
#endif

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/detect/mmod_detector.hpp
/// \file
/// Finds faces by a network: turned, tilted and partly covered ones, too, which face_detector.hpp's filters miss.
///
///     image --> pyramid on a canvas --> network --> map of scores --> windows above threshold --> boxes --> suppression
///               (mmod_pyramid.hpp)      (mmod_network.hpp)
///
///     score map:   . . . . . .      A score above 0 at (row, column) stands for a window of 80 x 80 pixels around canvas
///                  . . . 1.1 .      pixel (8 column + 14, 8 row + 14), and so for a box on the level that lies there.
///                  . . . . . .
///
/// Papers: King 2015, "Max-margin object detection" (the way it's trained, and its name); Lin et al. 2017 tell how others
/// use pyramids in networks.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// The planes R, G and B of an image; of a gray one three times the same.
inline Planes colour_planes(ImageView image, Workspace& workspace) {
    Planes planes = split_channels(image, workspace);
    if (image.channels == 3) return planes;
    Planes colour(image.width, image.height, 3, workspace);
    for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < image.height; ++y) std::copy_n(planes.row(0, y), image.width, colour.row(c, y));
    }
    return colour;
}

/// The level that a place on the canvas belongs to: the first one that holds it, or else the nearest.
inline std::size_t level_at(const PyramidLayout& layout, int x, int y) {
    const auto distance = [&](const Rect& level) {
        const std::int64_t across = x - std::clamp(x, level.left, level.right);
        const std::int64_t down = y - std::clamp(y, level.top, level.bottom);
        return across * across + down * down;
    };
    const auto nearest = std::min_element(layout.levels.begin(), layout.levels.end(),
                                          [&](const Rect& a, const Rect& b) { return distance(a) < distance(b); });
    return static_cast<std::size_t>(nearest - layout.levels.begin());
}

/// The box in the picture of a window of `side` pixels around a place on the canvas.
inline Rect mmod_box(const PyramidLayout& layout, int x, int y, int side) {
    const std::size_t level = level_at(layout, x, y);
    const auto to_picture = [&](double p) {
        for (std::size_t i = 0; i < level; ++i) p = p * (6 / 5.0) + 0.3;
        return static_cast<int>(std::lround(p));
    };
    const double reach = (side - 1) / 2.0;
    const int left = layout.levels[level].left, top = layout.levels[level].top;
    return {to_picture(x - left - reach), to_picture(y - top - reach), to_picture(x - left + reach),
            to_picture(y - top + reach)};
}

}  // namespace detail

/// The CNN face detector, with the scores of `Network`: PlainMmodNetwork or LineMmodNetwork. Immutable after loading,
/// safe for many threads.
template <typename Network>
class BasicMmodDetector {
  public:
    /// Takes the network from a file.
    /// \param weights  a file of kind "mmod" (mmod.ffr). \throws FormatError when it's something else
    /// \param path  the kernels, which the machine has to have; plain layers don't use any
    static BasicMmodDetector load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        weights.require_kind("mmod");
        return detail::with_default_floats([&] { return BasicMmodDetector(weights, path); });
    }

    /// Finds faces, also turned and tilted ones.
    ///
    /// \param image    any size, gray or RGB; faces smaller than 80 pixels are found only when it's upsampled
    /// \param options  upsampling; and the threshold, above which a score has to be
    /// \returns detections by falling score, without a view (-1); where boxes overlap only the best
    /// \throws InvalidArgument when the image is empty, upsample isn't 0..4 or gives more pixels than
    /// FaceDetector::kMaxPixels
    /// Cost: about 14,000 multiply-adds a pixel, times 4 for each upsampling. Memory: about 50 bytes a pixel.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use. The faces don't depend on the
    /// number of threads.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            detail::require_search(image, options);
            detail::Planes picture = detail::colour_planes(image, workspace);
            for (int i = 0; i < options.upsample; ++i) picture = detail::pyramid_up(picture, workspace);
            const PyramidCanvas canvas(picture, pixel_mean_, workspace);
            const FeatureMaps scores = network_.scores(canvas, workspace);
            std::vector<Detection> faces = detail::suppress(detections(scores, canvas.layout(), options.threshold),
                                                            largest_ratio_, largest_cover_);
            for (Detection& face : faces) face.box = detail::before_upsampling(face.box, options.upsample);
            return faces;
        });
    }

  private:
    BasicMmodDetector(const WeightsFile& weights, kernels::SimdPath path) : network_(Network::load(weights, path)) {
        const std::vector<float> mean = weights.floats("pixel_mean", {3});
        std::copy(mean.begin(), mean.end(), pixel_mean_.begin());
        require_bounded_scores(weights, mean);
        window_ = weights.tensor<std::int32_t>("window", {1})[0];
        if (window_ < 1 || window_ > 1000) throw FormatError(weights.name() + ": tensor 'window' is out of range");
        const auto overlap = weights.finite_tensor<double>("overlap", {2});
        largest_ratio_ = overlap[0];
        largest_cover_ = overlap[1];
    }

    /// All windows that score enough, by falling score; equal ones by rows and columns.
    std::vector<Detection> detections(const FeatureMaps& scores, const PyramidLayout& layout, double threshold) const {
        std::vector<std::tuple<double, int, int>> found;
        for (int y = 0; y < scores.height; ++y) {
            for (int x = 0; x < scores.width; ++x) {
                const double score = scores.map(0)[std::ptrdiff_t{y} * scores.width + x];
                if (score > threshold) found.emplace_back(-score, y, x);
            }
        }
        std::sort(found.begin(), found.end());
        std::vector<Detection> all;
        for (const auto& [score, y, x] : found) {
            // Each of the three layers of stride 2 puts its pixel q on pixel 2 q + 2 of the one before.
            all.push_back({detail::mmod_box(layout, 8 * x + 14, 8 * y + 14, window_), -score, -1});
        }
        return all;
    }

    Network network_;
    std::array<float, 3> pixel_mean_{};
    int window_ = 0;
    double largest_ratio_ = 0;
    double largest_cover_ = 0;
};

/// The CNN face detector as the pipeline uses it.
using MmodDetector = BasicMmodDetector<MmodNetwork>;

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/detect/auto_detector.hpp
/// \file
/// Two detectors in turn: the fast one, and the thorough one where the fast one finds nothing or isn't sure.
///
///     image --> FaceDetector --> every face scores at least 0.5 --> its boxes
///                     |
///                     +--------> none, or one that scores less --> MmodDetector --> its boxes, and those of the first
///                                                                                   that it misses
///
/// So photos of upright faces take milliseconds, and only the others ten times as long.

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// The detector by HOG features, and the CNN where that isn't sure. Immutable, safe for many threads.
class AutoDetector {
  public:
    /// What FaceDetector scores lower is worth a second look. Most faces score above, and what's none seldom does.
    static constexpr double kSureScore = 0.5;

    /// Puts loaded detectors together.
    AutoDetector(FaceDetector fast, MmodDetector thorough) : fast_(std::move(fast)), thorough_(std::move(thorough)) {}

    /// Finds faces.
    /// \param options  as of either detector, whose scores have different units
    /// \returns detections by falling score, each with a view or -1 by whom it was found
    /// \throws InvalidArgument as the detectors do
    /// Cost: FaceDetector's, and where it isn't sure MmodDetector's.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            std::vector<Detection> seen = fast_.detect(image, options, workspace);
            if (!seen.empty() && seen.back().score >= kSureScore) return seen;
            const std::vector<Detection> faces = thorough_.detect(image, options, workspace);
            const auto seen_again = [&](const Detection& face) {
                constexpr double kRatio = 1 / 3.0, kCover = 0.5;
                return std::any_of(faces.begin(), faces.end(), [&](const Detection& other) {
                    return detail::overlaps(face.box, other.box, kRatio, kCover);
                });
            };
            seen.erase(std::remove_if(seen.begin(), seen.end(), seen_again), seen.end());
            std::vector<Detection> all;
            std::merge(seen.begin(), seen.end(), faces.begin(), faces.end(), std::back_inserter(all),
                       [](const Detection& a, const Detection& b) { return a.score > b.score; });
            return all;
        });
    }

  private:
    FaceDetector fast_;
    MmodDetector thorough_;
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/detect/detector.hpp
/// \file
/// The detectors behind one name, for who chooses between them when the program runs.
///
///     FaceDetector  upright faces, in milliseconds                       --+
///     MmodDetector  turned and tilted ones, too, in ten times as many    --+--> Detector --> boxes
///     AutoDetector  the second where the first finds nothing or isn't sure --+

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// Any detector. Immutable, safe for many threads; copies share it.
class Detector {
  public:
    /// Takes a FaceDetector, an MmodDetector, an AutoDetector, or whatever else has their detect(image, options, workspace).
    template <typename Kind, typename = std::enable_if_t<!std::is_same_v<std::decay_t<Kind>, Detector>>>
    Detector(Kind&& detector)
        : detect_([shared = std::make_shared<const std::decay_t<Kind>>(std::forward<Kind>(detector))](
                      ImageView image, const DetectOptions& options, Workspace& workspace) {
              return shared->detect(image, options, workspace);
          }) {}

    /// Finds faces, as the detector that it was made of does.
    /// \returns detections by falling score; where boxes overlap only the best
    /// \throws InvalidArgument when the image is empty, upsample isn't 0..4 or gives more than FaceDetector::kMaxPixels
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detect_(image, options, workspace);
    }

  private:
    std::function<std::vector<Detection>(ImageView, const DetectOptions&, Workspace&)> detect_;
};

}  // namespace v0_1
}  // namespace ffr
// Box -> landmarks -> chip.

// ---- ffr/align/similarity.hpp
/// \file
/// The similarity (turn, scale, shift) that brings one set of points as near to another as it can: the least squares
/// fit that landmarks and chips both need.
///
///     points from: n x 2, points to: n x 2  -->  a, b and the shift t, so that M p + t is near to p's partner
///
///     p -> M p + t,   M = | a  -b |     scale sqrt(a^2 + b^2), angle atan2(b, a)
///                         | b   a |
///
/// With both sets centred on their means, a and b are two sums over the points and a division (Umeyama 1991, without
/// reflections, in two dimensions).

#include <cstddef>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A turn with a scale: the matrix [[a, -b], [b, a]].
struct Rotation {
    double a = 1;  ///< scale times the angle's cosine
    double b = 0;  ///< scale times its sine; above 0 turns x towards y, clockwise on the screen
};

/// p -> rotation p + shift.
struct Similarity {
    Rotation rotation;  ///< about the point (0, 0)
    PointF shift;       ///< after it, in pixels

    /// The image of a point.
    PointF operator()(PointF p) const {
        return {rotation.a * p.x - rotation.b * p.y + shift.x, rotation.b * p.x + rotation.a * p.y + shift.y};
    }
};

/// Fits similarities from one fixed set of points to others.
class SimilarityFit {
  public:
    /// Prepares fits from these points.
    /// \param from  x0, y0, x1, y1, ... of `count` points
    template <typename Number>
    SimilarityFit(const Number* from, std::size_t count) {
        from_mean_ = mean(from, count);
        for (std::size_t i = 0; i < count; ++i) {
            from_.push_back(
                {static_cast<double>(from[2 * i]) - from_mean_.x, static_cast<double>(from[2 * i + 1]) - from_mean_.y});
            variance_ += from_.back().x * from_.back().x + from_.back().y * from_.back().y;
        }
    }

    /// False when all points are the same: then there's nothing to fit by.
    bool valid() const { return variance_ > 0; }

    /// The turn and scale of the best similarity to `to`, as many points as there were in `from`.
    template <typename Number>
    Rotation rotation_to(const Number* to) const {
        const PointF to_mean = mean(to, from_.size());
        double a = 0, b = 0;
        for (std::size_t i = 0; i < from_.size(); ++i) {
            const double x = static_cast<double>(to[2 * i]) - to_mean.x;
            const double y = static_cast<double>(to[2 * i + 1]) - to_mean.y;
            a += from_[i].x * x + from_[i].y * y;
            b += from_[i].x * y - from_[i].y * x;
        }
        return {a / variance_, b / variance_};
    }

    /// The best similarity to `to`.
    template <typename Number>
    Similarity to(const Number* to) const {
        Similarity fit{rotation_to(to), mean(to, from_.size())};
        const PointF turned = Similarity{fit.rotation, {}}(from_mean_);
        fit.shift = {fit.shift.x - turned.x, fit.shift.y - turned.y};
        return fit;
    }

  private:
    template <typename Number>
    static PointF mean(const Number* points, std::size_t count) {
        PointF sum;
        for (std::size_t i = 0; i < count; ++i) {
            sum.x += static_cast<double>(points[2 * i]);
            sum.y += static_cast<double>(points[2 * i + 1]);
        }
        return {sum.x / static_cast<double>(count), sum.y / static_cast<double>(count)};
    }

    std::vector<PointF> from_;
    PointF from_mean_;
    double variance_ = 0;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/align/landmarks.hpp
/// \file
/// Finds the landmarks of a face in a box: corners of the eyes, tip of the nose, outline of the lips.
///
///     image h x w, box --> 68 or 5 points (x, y)
///
///     mean shape --> compare pixel pairs --> 500 trees --> a little shift --+
///         ^          around the shape       vote                            |
///         +------------------------------- 15 times <-----------------------+
///
/// We start with the mean face laid into the box. A tree of depth 4 asks four times "is this pixel brighter than that
/// one, by so much?" and its leaf holds a small shift of all points. 500 trees are one cascade; after each of 15
/// cascades the pixels are read anew around the shape as it now stands.
///
/// predict() is the method. Its last step, shape += leaf for each tree, is in kernels/leaves.inl, since it takes most
/// time.
///
/// Paper: Kazemi & Sullivan 2014, "One millisecond face alignment with an ensemble of regression trees".
///
/// Order of 68 points (left and right as seen in the image): 0-16 jaw from left to right, 17-21 and 22-26 brows, 27-30
/// bridge of the nose, 31-35 its base, 36-41 left eye, 42-47 right eye, 48-59 outer lip, 60-67 inner lip. Order of 5
/// points: right eye's outer and inner corner, left eye's outer and inner corner, base of the nose.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>


// ---- ffr/kernels/leaves.hpp
/// \file
/// Adds leaves of regression trees to a shape, coordinate by coordinate. Every product and sum is rounded on its own
/// and in the leaves' order, so wider registers give the same bits.
///
///     shape: 68 x 2 floats   +=   leaf of tree 0, leaf of tree 1, ... leaf of tree 499: 68 x 2 numbers each
///
/// A number is a float, or a whole number of steps whose size the leaf has. plain_leaves, whose register is a point,
/// makes the plain version of leaves.inl.

#include <cstddef>
#include <cstdint>
#include <cstring>


namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// How leaves are kept.
enum class LeafCoding {
    exact,   // float32
    int16,   // steps of a size that the leaf has for itself
    int8,    // the same
    nibbles  // the same, a byte a point: x in the low four bits, y in the high ones, 0..15 standing for -8..7
};

/// Bits that a coordinate takes in a leaf.
constexpr std::size_t bits_of_a_shift(LeafCoding coding) {
    return coding == LeafCoding::exact ? 32 : coding == LeafCoding::int16 ? 16 : coding == LeafCoding::int8 ? 8 : 4;
}

/// The leaves of some trees one after the other, each a shift of all coordinates of a shape.
struct LeafTable {
    LeafCoding coding = LeafCoding::exact;
    const char* shifts = nullptr;
    const float* step_sizes = nullptr;  // one a leaf, unless the coding is exact
    std::size_t coordinates = 0;        // x and y of each point: an even number

    /// Asks for a leaf that will be added soon: where a table is larger than the caches, waiting for one leaf after the
    /// other takes most of the time.
    void ask_for(std::size_t leaf) const {
        const std::size_t size = coordinates * bits_of_a_shift(coding) / 8;
        const char* const end = shifts + (leaf + 1) * size;
        for (const char* line = end - size; line < end; line += 64) prefetch(line);
        prefetch(end - 1);
        if (step_sizes != nullptr) prefetch(step_sizes + leaf);
    }
};

/// The kernels of a path: see leaves.inl.
struct LeafKernels {
    /// By LeafCoding.
    std::size_t (*add[4])(const LeafTable&, const std::size_t* leaves, std::size_t count, std::size_t first,
                          float* shape);
};

namespace plain_leaves {

FFR_EXACT_FLOAT_BEGIN

/// A point is the least that all codings can name.
struct Vector {
    struct Register {
        float x, y;
        friend Register operator+(Register a, Register b) { return {a.x + b.x, a.y + b.y}; }
        friend Register operator*(Register a, Register b) { return {a.x * b.x, a.y * b.y}; }
    };
    static constexpr std::size_t kLanes = 2;

    template <typename Number>
    static Register pair(const char* from) {
        Number numbers[2];
        std::memcpy(numbers, from, sizeof numbers);
        return {static_cast<float>(numbers[0]), static_cast<float>(numbers[1])};
    }

    static Register load(const float* from) { return {from[0], from[1]}; }
    static void store(float* to, Register value) {
        to[0] = value.x;
        to[1] = value.y;
    }
    static Register broadcast(float value) { return {value, value}; }
    static Register from_int16(const char* from) { return pair<std::int16_t>(from); }
    static Register from_int8(const char* from) { return pair<std::int8_t>(from); }
    static Register from_nibbles(const char* from) {
        const int point = static_cast<unsigned char>(*from);
        return {static_cast<float>((point & 15) - 8), static_cast<float>((point >> 4) - 8)};
    }
};


// ---- ffr/kernels/leaves.inl
// Sums of regression trees' leaves, one text for all CPUs (see leaves.hpp).

/// As many shifts as a register holds. \param from  the first one's byte
template <LeafCoding kCoding>
inline typename Vector::Register read_shifts(const char* from, float step_size) {
    if constexpr (kCoding == LeafCoding::exact) {
        static_cast<void>(step_size);
        return Vector::load(reinterpret_cast<const float*>(from));
    } else if constexpr (kCoding == LeafCoding::int16) {
        return Vector::broadcast(step_size) * Vector::from_int16(from);
    } else if constexpr (kCoding == LeafCoding::int8) {
        return Vector::broadcast(step_size) * Vector::from_int8(from);
    } else {
        return Vector::broadcast(step_size) * Vector::from_nibbles(from);
    }
}

/// Adds to the coordinates from `first` on, which stay in kRegisters registers while all leaves go by.
template <LeafCoding kCoding, std::size_t kRegisters>
inline void add_to_registers(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                             float* shape) {
    constexpr std::size_t kBits = bits_of_a_shift(kCoding);
    typename Vector::Register sums[kRegisters];
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) sums[r] = Vector::load(shape + first + r * Vector::kLanes);
    for (std::size_t n = 0; n < count; ++n) {
        const char* const shifts = table.shifts + (leaves[n] * table.coordinates + first) * kBits / 8;
        const float step_size = kCoding == LeafCoding::exact ? 1 : table.step_sizes[leaves[n]];
        FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) {
            sums[r] = sums[r] + read_shifts<kCoding>(shifts + r * Vector::kLanes * kBits / 8, step_size);
        }
    }
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) Vector::store(shape + first + r * Vector::kLanes, sums[r]);
}

/// Adds to the coordinates from `first` on, as many as fill registers. \returns the first of those that are left
template <LeafCoding kCoding>
inline std::size_t add_leaves(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                              float* shape) {
    constexpr std::size_t kMost = 8;  // half of the registers that most CPUs have; the steps go through the others
    for (; first + kMost * Vector::kLanes <= table.coordinates; first += kMost * Vector::kLanes) {
        add_to_registers<kCoding, kMost>(table, leaves, count, first, shape);
    }
    for (; first + Vector::kLanes <= table.coordinates; first += Vector::kLanes) {
        add_to_registers<kCoding, 1>(table, leaves, count, first, shape);
    }
    return first;
}

inline constexpr LeafKernels kLeafKernels{{add_leaves<LeafCoding::exact>, add_leaves<LeafCoding::int16>,
                                           add_leaves<LeafCoding::int8>, add_leaves<LeafCoding::nibbles>}};

FFR_EXACT_FLOAT_END

}  // namespace plain_leaves

#if defined(FFR_SSE2_KERNELS)

namespace sse2_leaves {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m128;
    static constexpr std::size_t kLanes = 4;

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register from_int16(const char* from) {
        const __m128i steps = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(steps, steps), 16));
    }
    static Register from_int8(const char* from) {
        int four = 0;
        std::memcpy(&four, from, sizeof four);
        const __m128i steps = _mm_cvtsi32_si128(four), pairs = _mm_unpacklo_epi8(steps, steps);
        return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(pairs, pairs), 24));
    }
    /// Each lane keeps its four bits where they are and becomes a number that's a power of 16 too large.
    static Register from_nibbles(const char* from) {
        std::uint16_t four = 0;
        std::memcpy(&four, from, sizeof four);
        const __m128i large = _mm_and_si128(_mm_set1_epi32(four), _mm_setr_epi32(0xF, 0xF0, 0xF00, 0xF000));
        const __m128 numbers = _mm_mul_ps(_mm_cvtepi32_ps(large), _mm_setr_ps(1, 1 / 16.0f, 1 / 256.0f, 1 / 4096.0f));
        return _mm_sub_ps(numbers, _mm_set1_ps(8));
    }
};


// ---- ffr/kernels/leaves.inl
// Sums of regression trees' leaves, one text for all CPUs (see leaves.hpp).

/// As many shifts as a register holds. \param from  the first one's byte
template <LeafCoding kCoding>
inline typename Vector::Register read_shifts(const char* from, float step_size) {
    if constexpr (kCoding == LeafCoding::exact) {
        static_cast<void>(step_size);
        return Vector::load(reinterpret_cast<const float*>(from));
    } else if constexpr (kCoding == LeafCoding::int16) {
        return Vector::broadcast(step_size) * Vector::from_int16(from);
    } else if constexpr (kCoding == LeafCoding::int8) {
        return Vector::broadcast(step_size) * Vector::from_int8(from);
    } else {
        return Vector::broadcast(step_size) * Vector::from_nibbles(from);
    }
}

/// Adds to the coordinates from `first` on, which stay in kRegisters registers while all leaves go by.
template <LeafCoding kCoding, std::size_t kRegisters>
inline void add_to_registers(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                             float* shape) {
    constexpr std::size_t kBits = bits_of_a_shift(kCoding);
    typename Vector::Register sums[kRegisters];
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) sums[r] = Vector::load(shape + first + r * Vector::kLanes);
    for (std::size_t n = 0; n < count; ++n) {
        const char* const shifts = table.shifts + (leaves[n] * table.coordinates + first) * kBits / 8;
        const float step_size = kCoding == LeafCoding::exact ? 1 : table.step_sizes[leaves[n]];
        FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) {
            sums[r] = sums[r] + read_shifts<kCoding>(shifts + r * Vector::kLanes * kBits / 8, step_size);
        }
    }
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) Vector::store(shape + first + r * Vector::kLanes, sums[r]);
}

/// Adds to the coordinates from `first` on, as many as fill registers. \returns the first of those that are left
template <LeafCoding kCoding>
inline std::size_t add_leaves(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                              float* shape) {
    constexpr std::size_t kMost = 8;  // half of the registers that most CPUs have; the steps go through the others
    for (; first + kMost * Vector::kLanes <= table.coordinates; first += kMost * Vector::kLanes) {
        add_to_registers<kCoding, kMost>(table, leaves, count, first, shape);
    }
    for (; first + Vector::kLanes <= table.coordinates; first += Vector::kLanes) {
        add_to_registers<kCoding, 1>(table, leaves, count, first, shape);
    }
    return first;
}

inline constexpr LeafKernels kLeafKernels{{add_leaves<LeafCoding::exact>, add_leaves<LeafCoding::int16>,
                                           add_leaves<LeafCoding::int8>, add_leaves<LeafCoding::nibbles>}};

FFR_EXACT_FLOAT_END

}  // namespace sse2_leaves

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_leaves {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m256;
    static constexpr std::size_t kLanes = 8;

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register from_int16(const char* from) {
        return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
    }
    static Register from_int8(const char* from) {
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    }
    static Register from_nibbles(const char* from) {
        int eight = 0;
        std::memcpy(&eight, from, sizeof eight);
        const __m256i places = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
        const __m256i nibbles =
            _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(eight), places), _mm256_set1_epi32(15));
        return _mm256_cvtepi32_ps(_mm256_sub_epi32(nibbles, _mm256_set1_epi32(8)));
    }
};


// ---- ffr/kernels/leaves.inl
// Sums of regression trees' leaves, one text for all CPUs (see leaves.hpp).

/// As many shifts as a register holds. \param from  the first one's byte
template <LeafCoding kCoding>
inline typename Vector::Register read_shifts(const char* from, float step_size) {
    if constexpr (kCoding == LeafCoding::exact) {
        static_cast<void>(step_size);
        return Vector::load(reinterpret_cast<const float*>(from));
    } else if constexpr (kCoding == LeafCoding::int16) {
        return Vector::broadcast(step_size) * Vector::from_int16(from);
    } else if constexpr (kCoding == LeafCoding::int8) {
        return Vector::broadcast(step_size) * Vector::from_int8(from);
    } else {
        return Vector::broadcast(step_size) * Vector::from_nibbles(from);
    }
}

/// Adds to the coordinates from `first` on, which stay in kRegisters registers while all leaves go by.
template <LeafCoding kCoding, std::size_t kRegisters>
inline void add_to_registers(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                             float* shape) {
    constexpr std::size_t kBits = bits_of_a_shift(kCoding);
    typename Vector::Register sums[kRegisters];
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) sums[r] = Vector::load(shape + first + r * Vector::kLanes);
    for (std::size_t n = 0; n < count; ++n) {
        const char* const shifts = table.shifts + (leaves[n] * table.coordinates + first) * kBits / 8;
        const float step_size = kCoding == LeafCoding::exact ? 1 : table.step_sizes[leaves[n]];
        FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) {
            sums[r] = sums[r] + read_shifts<kCoding>(shifts + r * Vector::kLanes * kBits / 8, step_size);
        }
    }
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) Vector::store(shape + first + r * Vector::kLanes, sums[r]);
}

/// Adds to the coordinates from `first` on, as many as fill registers. \returns the first of those that are left
template <LeafCoding kCoding>
inline std::size_t add_leaves(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                              float* shape) {
    constexpr std::size_t kMost = 8;  // half of the registers that most CPUs have; the steps go through the others
    for (; first + kMost * Vector::kLanes <= table.coordinates; first += kMost * Vector::kLanes) {
        add_to_registers<kCoding, kMost>(table, leaves, count, first, shape);
    }
    for (; first + Vector::kLanes <= table.coordinates; first += Vector::kLanes) {
        add_to_registers<kCoding, 1>(table, leaves, count, first, shape);
    }
    return first;
}

inline constexpr LeafKernels kLeafKernels{{add_leaves<LeafCoding::exact>, add_leaves<LeafCoding::int16>,
                                           add_leaves<LeafCoding::int8>, add_leaves<LeafCoding::nibbles>}};

FFR_EXACT_FLOAT_END

}  // namespace avx2_leaves

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon_leaves {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float32x4_t;
    static constexpr std::size_t kLanes = 4;

    static Register load(const float* from) { return vld1q_f32(from); }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register from_int16(const char* from) {
        return vcvtq_f32_s32(vmovl_s16(vld1_s16(reinterpret_cast<const std::int16_t*>(from))));
    }
    static Register from_int8(const char* from) {
        std::uint32_t four = 0;
        std::memcpy(&four, from, sizeof four);
        return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
    }
    static Register from_nibbles(const char* from) {
        std::uint16_t four = 0;
        std::memcpy(&four, from, sizeof four);
        const std::int32_t places[] = {0, -4, -8, -12};
        const uint32x4_t nibbles = vandq_u32(vshlq_u32(vdupq_n_u32(four), vld1q_s32(places)), vdupq_n_u32(15));
        return vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(nibbles), vdupq_n_s32(8)));
    }
};


// ---- ffr/kernels/leaves.inl
// Sums of regression trees' leaves, one text for all CPUs (see leaves.hpp).

/// As many shifts as a register holds. \param from  the first one's byte
template <LeafCoding kCoding>
inline typename Vector::Register read_shifts(const char* from, float step_size) {
    if constexpr (kCoding == LeafCoding::exact) {
        static_cast<void>(step_size);
        return Vector::load(reinterpret_cast<const float*>(from));
    } else if constexpr (kCoding == LeafCoding::int16) {
        return Vector::broadcast(step_size) * Vector::from_int16(from);
    } else if constexpr (kCoding == LeafCoding::int8) {
        return Vector::broadcast(step_size) * Vector::from_int8(from);
    } else {
        return Vector::broadcast(step_size) * Vector::from_nibbles(from);
    }
}

/// Adds to the coordinates from `first` on, which stay in kRegisters registers while all leaves go by.
template <LeafCoding kCoding, std::size_t kRegisters>
inline void add_to_registers(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                             float* shape) {
    constexpr std::size_t kBits = bits_of_a_shift(kCoding);
    typename Vector::Register sums[kRegisters];
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) sums[r] = Vector::load(shape + first + r * Vector::kLanes);
    for (std::size_t n = 0; n < count; ++n) {
        const char* const shifts = table.shifts + (leaves[n] * table.coordinates + first) * kBits / 8;
        const float step_size = kCoding == LeafCoding::exact ? 1 : table.step_sizes[leaves[n]];
        FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) {
            sums[r] = sums[r] + read_shifts<kCoding>(shifts + r * Vector::kLanes * kBits / 8, step_size);
        }
    }
    FFR_UNROLL for (std::size_t r = 0; r < kRegisters; ++r) Vector::store(shape + first + r * Vector::kLanes, sums[r]);
}

/// Adds to the coordinates from `first` on, as many as fill registers. \returns the first of those that are left
template <LeafCoding kCoding>
inline std::size_t add_leaves(const LeafTable& table, const std::size_t* leaves, std::size_t count, std::size_t first,
                              float* shape) {
    constexpr std::size_t kMost = 8;  // half of the registers that most CPUs have; the steps go through the others
    for (; first + kMost * Vector::kLanes <= table.coordinates; first += kMost * Vector::kLanes) {
        add_to_registers<kCoding, kMost>(table, leaves, count, first, shape);
    }
    for (; first + Vector::kLanes <= table.coordinates; first += Vector::kLanes) {
        add_to_registers<kCoding, 1>(table, leaves, count, first, shape);
    }
    return first;
}

inline constexpr LeafKernels kLeafKernels{{add_leaves<LeafCoding::exact>, add_leaves<LeafCoding::int16>,
                                           add_leaves<LeafCoding::int8>, add_leaves<LeafCoding::nibbles>}};

FFR_EXACT_FLOAT_END

}  // namespace neon_leaves

#endif

/// shape += the shifts of leaves, one leaf after the other, by a path that the machine has to have.
inline void add_leaves(SimdPath path, const LeafTable& table, const std::size_t* leaves, std::size_t count,
                       float* shape) {
    const int coding = static_cast<int>(table.coding);
    std::size_t done = 0;
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx2 || path == SimdPath::avx512) {
        done = avx2_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
    }
#endif
#if defined(FFR_SSE2_KERNELS)
    if (path != SimdPath::scalar) done = sse2_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
#elif defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon) done = neon_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
#endif
    static_cast<void>(path);
    plain_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// The landmarks of a face, in pixels of its image. They may lie outside of the box and of the image.
struct Landmarks {
    std::vector<Point> points;     ///< rounded to whole pixels, halves upwards: what chips are cut by
    std::vector<PointF> subpixel;  ///< the same before rounding
};

namespace detail {

/// Brightness 0..255 of the pixel nearest to (x, y): the plain mean of the colours, rounded down; 0 outside. Numbers
/// within the image aren't negative, so cutting off rounds them down.
inline std::uint8_t brightness(ImageView image, double x, double y) {
    const double column = x + 0.5, row = y + 0.5;
    if (!(column >= 0 && row >= 0 && column < image.width && row < image.height)) return 0;
    const std::uint8_t* const pixel = image.row(static_cast<int>(row)) + static_cast<int>(column) * image.channels;
    return static_cast<std::uint8_t>(image.channels == 1 ? pixel[0] : (pixel[0] + pixel[1] + pixel[2]) / 3);
}

}  // namespace detail

/// An ensemble of regression trees for face landmarks. Its tables stay in the file's bytes. Immutable, safe for many
/// threads; copies share them.
class LandmarkPredictor {
  public:
    /// Takes the trees from a file, whose bytes are kept.
    /// \param weights  a file of kind "landmarks" (landmarks68.ffr, landmarks5.ffr)
    /// \throws FormatError when it's something else or its tables don't fit together
    static LandmarkPredictor load(const WeightsFile& weights) {
        return detail::with_default_floats([&] { return LandmarkPredictor(weights); });
    }

    /// Number of points a face gets: 68 or 5 for the files shipped.
    std::size_t point_count() const { return mean_shape_.shape[0]; }

    /// Finds the landmarks of the face in a box.
    ///
    /// \param image  gray or RGB
    /// \param box    the face as FaceDetector frames it; may lie partly or wholly outside of the image
    /// \throws InvalidArgument when the image is empty
    /// Cost: cascades * trees random reads of a leaf, independent of the image's size; about 0.15 ms for 68 points,
    /// 0.09 ms for 5 on one AVX2 core, more where the caches hold other things.
    Landmarks predict(ImageView image, const Rect& box) const {
        return detail::with_default_floats([&] {
            require_pixels(image);
            std::vector<float> shape(mean_shape_.begin(), mean_shape_.end());
            std::vector<std::uint8_t> pixels(pixels_per_cascade());
            std::vector<std::size_t> reached(trees_per_cascade());
            for (std::size_t cascade = 0; cascade < cascades(); ++cascade) {
                read_pixels(image, box, cascade, shape, pixels);
                find_leaves(cascade, pixels, reached);
                kernels::add_leaves(kernels::simd_path(), leaves_[cascade], reached.data(), reached.size(),
                                    shape.data());
            }
            return to_image(shape, box);
        });
    }

  private:
    static constexpr std::size_t kMostCascades = 1000;  // each is looked up by name; models have 10 to 20

    explicit LandmarkPredictor(const WeightsFile& weights) : file_(weights) {
        constexpr std::size_t kAny = WeightsFile::kAny;
        weights.require_kind("landmarks");
        mean_shape_ = weights.finite_tensor<float>("mean_shape", {kAny, 2});
        anchors_ = weights.tensor<std::uint16_t>("pixels/anchor", {kAny, kAny});
        offsets_ = weights.finite_tensor<float>("pixels/offset", {cascades(), pixels_per_cascade(), 2});
        split_pixels_ = weights.tensor<std::uint16_t>("splits/pixels", {cascades(), kAny, kAny, 2});
        thresholds_ =
            weights.tensor<std::int16_t>("splits/threshold", {cascades(), trees_per_cascade(), splits_per_tree()});
        if (cascades() > kMostCascades) throw FormatError(file_.name() + ": has more than 1000 cascades");
        for (std::size_t cascade = 0; cascade < cascades(); ++cascade) leaves_.push_back(leaf_table(cascade));
        check_tables();
    }

    /// A cascade's leaves in whichever coding the file has them. A landmark is only as good as the pixels that its
    /// cascades read, and an early error makes later ones read others: so the compact coding gives the first cascades
    /// 16 bits and the last ones 4.
    kernels::LeafTable leaf_table(std::size_t cascade) const {
        const std::string name = "leaves/" + std::to_string(cascade) + "/";
        const std::size_t trees = trees_per_cascade(), leaves = leaves_per_tree(), coordinates = mean_shape_.size();
        const auto steps = [&](kernels::LeafCoding coding, const void* shifts) {
            const TensorView<float> sizes = file_.finite_tensor<float>(name + "step_size", {trees, leaves});
            return kernels::LeafTable{coding, static_cast<const char*>(shifts), sizes.data, coordinates};
        };
        if (file_.contains(name + "int16")) {
            const auto view = file_.tensor<std::int16_t>(name + "int16", {trees, leaves, coordinates});
            return steps(kernels::LeafCoding::int16, view.data);
        }
        if (file_.contains(name + "int8")) {
            const auto view = file_.tensor<std::int8_t>(name + "int8", {trees, leaves, coordinates});
            return steps(kernels::LeafCoding::int8, view.data);
        }
        if (file_.contains(name + "nibbles")) {
            const auto view = file_.tensor<std::int8_t>(name + "nibbles", {trees, leaves, coordinates / 2});
            return steps(kernels::LeafCoding::nibbles, view.data);
        }
        const auto view = file_.finite_tensor<float>(name + "float32", {trees, leaves, coordinates});
        return {kernels::LeafCoding::exact, reinterpret_cast<const char*>(view.data), nullptr, coordinates};
    }

    /// Everything that serves as an index or a divisor is checked here, so that predict needn't.
    void check_tables() const {
        const auto require = [this](bool fine, const char* reason) {
            if (!fine) throw FormatError(file_.name() + ": " + reason);
        };
        const auto below = [](const TensorView<std::uint16_t>& values, std::size_t limit) {
            return std::all_of(values.begin(), values.end(), [limit](std::uint16_t v) { return v < limit; });
        };
        require(point_count() >= 1, "a shape needs at least one point");
        require(cascades() >= 1, "a predictor needs at least one cascade");
        require((leaves_per_tree() & splits_per_tree()) == 0, "a tree's splits must number a power of two less one");
        require(below(anchors_, point_count()), "a pixel is anchored to a point that doesn't exist");
        require(below(split_pixels_, pixels_per_cascade()), "a split asks for a pixel that doesn't exist");
        require(point_count() == 1 || SimilarityFit(mean_shape_.data, point_count()).valid(),
                "all points of the mean shape are the same");
    }

    std::size_t cascades() const { return anchors_.shape[0]; }
    std::size_t pixels_per_cascade() const { return anchors_.shape[1]; }
    std::size_t trees_per_cascade() const { return split_pixels_.shape[1]; }
    std::size_t splits_per_tree() const { return split_pixels_.shape[2]; }
    std::size_t leaves_per_tree() const { return splits_per_tree() + 1; }

    /// Box coordinates to the image's: (0, 0) is the box's first pixel, (1, 1) its last.
    static PointF to_image(float u, float v, const Rect& box) {
        const double width = static_cast<double>(box.right) - box.left;
        const double height = static_cast<double>(box.bottom) - box.top;
        return {box.left + u * width, box.top + v * height};
    }

    /// Reads the pixels that a cascade's trees compare: each keeps its offset from a point of the mean shape, turned
    /// and scaled as the shape is now.
    void read_pixels(ImageView image, const Rect& box, std::size_t cascade, const std::vector<float>& shape,
                     std::vector<std::uint8_t>& pixels) const {
        Rotation turn;
        if (point_count() > 1) turn = SimilarityFit(mean_shape_.data, point_count()).rotation_to(shape.data());
        const float a = static_cast<float>(turn.a), b = static_cast<float>(turn.b);
        const std::size_t first = cascade * pixels_per_cascade();
        for (std::size_t i = 0; i < pixels.size(); ++i) {
            const float* const offset = offsets_.data + 2 * (first + i);
            const float* const anchor = shape.data() + 2 * anchors_[first + i];
            const float u = a * offset[0] + -b * offset[1] + anchor[0];
            const float v = b * offset[0] + a * offset[1] + anchor[1];
            const PointF p = to_image(u, v, box);
            pixels[i] = detail::brightness(image, p.x, p.y);
        }
    }

    /// The leaves that the pixels lead to, one a tree, numbered through the cascade's trees. All of them are asked for
    /// before the first is added: their memory comes in while other trees descend.
    void find_leaves(std::size_t cascade, const std::vector<std::uint8_t>& pixels,
                     std::vector<std::size_t>& reached) const {
        for (std::size_t tree = 0; tree < reached.size(); ++tree) {
            const std::size_t leaf = descend(cascade * trees_per_cascade() + tree, pixels);
            reached[tree] = tree * leaves_per_tree() + leaf;
            leaves_[cascade].ask_for(reached[tree]);
        }
    }

    /// The leaf of a tree that the pixels lead to, 0 .. leaves_per_tree() - 1. Thresholds are whole numbers since
    /// pixels are.
    std::size_t descend(std::size_t tree, const std::vector<std::uint8_t>& pixels) const {
        const std::uint16_t* const pair = split_pixels_.data + tree * splits_per_tree() * 2;
        const std::int16_t* const threshold = thresholds_.data + tree * splits_per_tree();
        std::size_t node = 0;
        while (node < splits_per_tree()) {
            const int difference = pixels[pair[2 * node]] - pixels[pair[2 * node + 1]];
            // Left or right without a jump, which the processor could only guess.
            node = 2 * node + 2 - static_cast<std::size_t>(difference > threshold[node]);
        }
        return node - splits_per_tree();
    }

    static Landmarks to_image(const std::vector<float>& shape, const Rect& box) {
        Landmarks landmarks;
        for (std::size_t i = 0; i + 1 < shape.size(); i += 2) {
            const PointF p = to_image(shape[i], shape[i + 1], box);
            landmarks.subpixel.push_back(p);
            landmarks.points.push_back({round_half_up(p.x), round_half_up(p.y)});
        }
        return landmarks;
    }

    WeightsFile file_;
    TensorView<float> mean_shape_;
    TensorView<std::uint16_t> anchors_;
    TensorView<float> offsets_;
    TensorView<std::uint16_t> split_pixels_;
    TensorView<std::int16_t> thresholds_;
    std::vector<kernels::LeafTable> leaves_;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/align/chip.hpp
/// \file
/// Straightens a face: turns, scales and shifts it so that eyes, nose and mouth come to lie where they lie in every
/// chip.
///
///     landmarks --fit--> square, turned --(halve while too large)--> sample --> chip of size x size pixels
///     68 or 5 x 2          /\                                       +------+
///                         /  \                                      | o  o |
///                         \  /                                      |  ..  |
///                          \/                                       +------+
///
/// The fit is a similarity (similarity.hpp), never a shear, so the face keeps its proportions. A face much larger than
/// the chip is first halved with a 5 x 5 binomial filter (a blur with the weights 1 4 6 4 1 each way), or else sampling
/// would skip pixels. A sample between four pixels is mixed from them.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>


// ---- ffr/kernels/halving.hpp
/// \file
/// The binomial filter that smooths an image before every second pixel of it is taken (chip.hpp): whole numbers
/// throughout.
///
///     five rows of bytes --1 4 6 4 1 down--> a row of 16-bit sums, at most 4080 --1 4 6 4 1 across, / 256--> bytes

#include <cstdint>


namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// The kernels of a path: see halving.inl.
struct HalvingKernels {
    void (*filter_down)(const std::uint8_t* const* rows, int count, std::uint16_t* sums);
    void (*filter_across)(const std::uint16_t* sums, int step, int count, std::uint8_t* out);
};

namespace plain_halving {

struct Vector {
    using Words = std::uint16_t;
    static constexpr int kLanes = 1;

    static Words widen(const std::uint8_t* from) { return *from; }
    static Words load(const std::uint16_t* from) { return *from; }
    static void store(std::uint16_t* to, Words words) { *to = words; }
    static void store_high_bytes(std::uint8_t* to, Words words) { *to = static_cast<std::uint8_t>(words >> 8); }
};


// ---- ffr/kernels/halving.inl
// The filter (1 4 6 4 1) in one direction, one text for all CPUs (see halving.hpp). A row's last register may overlap
// the one before: what's in both comes out the same.

/// The weighted sum: of bytes, or of sums of bytes, it's less than 65536.
inline typename Vector::Words weigh(typename Vector::Words a, typename Vector::Words b, typename Vector::Words c,
                                    typename Vector::Words d, typename Vector::Words e) {
    return static_cast<typename Vector::Words>(a + 4 * b + 6 * c + 4 * d + e);
}

/// sums[i] = the weighted sum of rows[0][i] .. rows[4][i] for `count` numbers, at least Vector::kLanes.
inline void filter_down(const std::uint8_t* const* rows, int count, std::uint16_t* sums) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        Vector::store(sums + i,
                      weigh(Vector::widen(rows[0] + i), Vector::widen(rows[1] + i), Vector::widen(rows[2] + i),
                            Vector::widen(rows[3] + i), Vector::widen(rows[4] + i)));
    }
}

/// out[i] = the weighted sum of sums[i], sums[i + step] .. sums[i + 4 * step] by 256, for `count` numbers, at least
/// Vector::kLanes.
inline void filter_across(const std::uint16_t* sums, int step, int count, std::uint8_t* out) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        const std::uint16_t* const from = sums + i;
        Vector::store_high_bytes(out + i,
                                 weigh(Vector::load(from), Vector::load(from + step), Vector::load(from + 2 * step),
                                       Vector::load(from + 3 * step), Vector::load(from + 4 * step)));
    }
}

inline constexpr HalvingKernels kHalvingKernels{filter_down, filter_across};

}  // namespace plain_halving

#if defined(FFR_SSE2_KERNELS)

namespace sse2_halving {

struct Vector {
    typedef std::uint16_t Words __attribute__((vector_size(16)));
    static constexpr int kLanes = 8;

    static Words widen(const std::uint8_t* from) {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return reinterpret_cast<Words>(_mm_unpacklo_epi8(bytes, _mm_setzero_si128()));
    }
    static Words load(const std::uint16_t* from) {
        return reinterpret_cast<Words>(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static void store(std::uint16_t* to, Words words) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), reinterpret_cast<__m128i>(words));
    }
    static void store_high_bytes(std::uint8_t* to, Words words) {
        const __m128i high = reinterpret_cast<__m128i>(words >> 8);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(high, high));
    }
};


// ---- ffr/kernels/halving.inl
// The filter (1 4 6 4 1) in one direction, one text for all CPUs (see halving.hpp). A row's last register may overlap
// the one before: what's in both comes out the same.

/// The weighted sum: of bytes, or of sums of bytes, it's less than 65536.
inline typename Vector::Words weigh(typename Vector::Words a, typename Vector::Words b, typename Vector::Words c,
                                    typename Vector::Words d, typename Vector::Words e) {
    return static_cast<typename Vector::Words>(a + 4 * b + 6 * c + 4 * d + e);
}

/// sums[i] = the weighted sum of rows[0][i] .. rows[4][i] for `count` numbers, at least Vector::kLanes.
inline void filter_down(const std::uint8_t* const* rows, int count, std::uint16_t* sums) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        Vector::store(sums + i,
                      weigh(Vector::widen(rows[0] + i), Vector::widen(rows[1] + i), Vector::widen(rows[2] + i),
                            Vector::widen(rows[3] + i), Vector::widen(rows[4] + i)));
    }
}

/// out[i] = the weighted sum of sums[i], sums[i + step] .. sums[i + 4 * step] by 256, for `count` numbers, at least
/// Vector::kLanes.
inline void filter_across(const std::uint16_t* sums, int step, int count, std::uint8_t* out) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        const std::uint16_t* const from = sums + i;
        Vector::store_high_bytes(out + i,
                                 weigh(Vector::load(from), Vector::load(from + step), Vector::load(from + 2 * step),
                                       Vector::load(from + 3 * step), Vector::load(from + 4 * step)));
    }
}

inline constexpr HalvingKernels kHalvingKernels{filter_down, filter_across};

}  // namespace sse2_halving

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_halving {

struct Vector {
    typedef std::uint16_t Words __attribute__((vector_size(32)));
    static constexpr int kLanes = 16;

    static Words widen(const std::uint8_t* from) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return reinterpret_cast<Words>(_mm256_cvtepu8_epi16(bytes));
    }
    static Words load(const std::uint16_t* from) {
        return reinterpret_cast<Words>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    static void store(std::uint16_t* to, Words words) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(words));
    }
    static void store_high_bytes(std::uint8_t* to, Words words) {
        const __m256i high = reinterpret_cast<__m256i>(words >> 8);
        const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    }
};


// ---- ffr/kernels/halving.inl
// The filter (1 4 6 4 1) in one direction, one text for all CPUs (see halving.hpp). A row's last register may overlap
// the one before: what's in both comes out the same.

/// The weighted sum: of bytes, or of sums of bytes, it's less than 65536.
inline typename Vector::Words weigh(typename Vector::Words a, typename Vector::Words b, typename Vector::Words c,
                                    typename Vector::Words d, typename Vector::Words e) {
    return static_cast<typename Vector::Words>(a + 4 * b + 6 * c + 4 * d + e);
}

/// sums[i] = the weighted sum of rows[0][i] .. rows[4][i] for `count` numbers, at least Vector::kLanes.
inline void filter_down(const std::uint8_t* const* rows, int count, std::uint16_t* sums) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        Vector::store(sums + i,
                      weigh(Vector::widen(rows[0] + i), Vector::widen(rows[1] + i), Vector::widen(rows[2] + i),
                            Vector::widen(rows[3] + i), Vector::widen(rows[4] + i)));
    }
}

/// out[i] = the weighted sum of sums[i], sums[i + step] .. sums[i + 4 * step] by 256, for `count` numbers, at least
/// Vector::kLanes.
inline void filter_across(const std::uint16_t* sums, int step, int count, std::uint8_t* out) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        const std::uint16_t* const from = sums + i;
        Vector::store_high_bytes(out + i,
                                 weigh(Vector::load(from), Vector::load(from + step), Vector::load(from + 2 * step),
                                       Vector::load(from + 3 * step), Vector::load(from + 4 * step)));
    }
}

inline constexpr HalvingKernels kHalvingKernels{filter_down, filter_across};

}  // namespace avx2_halving

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon_halving {

struct Vector {
    using Words = uint16x8_t;
    static constexpr int kLanes = 8;

    static Words widen(const std::uint8_t* from) { return vmovl_u8(vld1_u8(from)); }
    static Words load(const std::uint16_t* from) { return vld1q_u16(from); }
    static void store(std::uint16_t* to, Words words) { vst1q_u16(to, words); }
    static void store_high_bytes(std::uint8_t* to, Words words) { vst1_u8(to, vshrn_n_u16(words, 8)); }
};


// ---- ffr/kernels/halving.inl
// The filter (1 4 6 4 1) in one direction, one text for all CPUs (see halving.hpp). A row's last register may overlap
// the one before: what's in both comes out the same.

/// The weighted sum: of bytes, or of sums of bytes, it's less than 65536.
inline typename Vector::Words weigh(typename Vector::Words a, typename Vector::Words b, typename Vector::Words c,
                                    typename Vector::Words d, typename Vector::Words e) {
    return static_cast<typename Vector::Words>(a + 4 * b + 6 * c + 4 * d + e);
}

/// sums[i] = the weighted sum of rows[0][i] .. rows[4][i] for `count` numbers, at least Vector::kLanes.
inline void filter_down(const std::uint8_t* const* rows, int count, std::uint16_t* sums) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        Vector::store(sums + i,
                      weigh(Vector::widen(rows[0] + i), Vector::widen(rows[1] + i), Vector::widen(rows[2] + i),
                            Vector::widen(rows[3] + i), Vector::widen(rows[4] + i)));
    }
}

/// out[i] = the weighted sum of sums[i], sums[i + step] .. sums[i + 4 * step] by 256, for `count` numbers, at least
/// Vector::kLanes.
inline void filter_across(const std::uint16_t* sums, int step, int count, std::uint8_t* out) {
    const int last = count - Vector::kLanes;
    for (int next = 0; next < count; next += Vector::kLanes) {
        const int i = next < last ? next : last;
        const std::uint16_t* const from = sums + i;
        Vector::store_high_bytes(out + i,
                                 weigh(Vector::load(from), Vector::load(from + step), Vector::load(from + 2 * step),
                                       Vector::load(from + 3 * step), Vector::load(from + 4 * step)));
    }
}

inline constexpr HalvingKernels kHalvingKernels{filter_down, filter_across};

}  // namespace neon_halving

#endif

/// The kernels of a path, which the machine has to have, for at least `count` numbers.
inline const HalvingKernels& halving_kernels_of(SimdPath path, int count) {
#if defined(FFR_AVX_KERNELS)
    const bool has_avx2 = path == SimdPath::avx2 || path == SimdPath::avx512;
    if (has_avx2 && count >= avx2_halving::Vector::kLanes) return avx2_halving::kHalvingKernels;
#endif
#if defined(FFR_SSE2_KERNELS)
    if (path != SimdPath::scalar && count >= sse2_halving::Vector::kLanes) return sse2_halving::kHalvingKernels;
#elif defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon && count >= neon_halving::Vector::kLanes) return neon_halving::kHalvingKernels;
#endif
    static_cast<void>(path);
    static_cast<void>(count);
    return plain_halving::kHalvingKernels;
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

// ---- ffr/kernels/sampling.hpp
/// \file
/// Bilinear samples for chips (chip.hpp) in doubles, whose every product and sum is rounded on its own. Where
/// registers hold four doubles, the colours of a pixel are in one; two (SSE2) weren't faster. Each lane, a register's
/// place for one number, does what the plain code does, so the bytes are the same.
///
///     place (x, y) in an image --> four pixels around, fractions of x and y --> a mix, cut to a byte, for each colour

#include <cstddef>
#include <cstdint>
#include <cstring>


namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// A place between four pixels.
struct Sample {
    const std::uint8_t* neighbours;  // the upper left one; the right one follows it, the lower ones are a row further
    double x, y;                     // how far the place is from that one, to the right and down, 0..1
};

/// All of a pixel.
inline constexpr double kWhole = 1;

/// Mixes samples: see sampling.inl.
using MixSamples = void (*)(const Sample* samples, int count, std::ptrdiff_t stride, std::uint8_t* out);

namespace plain_sampling {

FFR_EXACT_FLOAT_BEGIN

/// A gray pixel as a number, and what mixing needs: times a share, plus another one.
struct GrayPixel {
    using Share = double;
    static constexpr int kChannels = 1;
    double gray;

    static Share share(const double& value) { return value; }
    static GrayPixel left(const std::uint8_t* pair) { return {static_cast<double>(pair[0])}; }
    static GrayPixel right(const std::uint8_t* pair) { return {static_cast<double>(pair[1])}; }
    void store(std::uint8_t* to) const { *to = static_cast<std::uint8_t>(gray); }
};

inline GrayPixel operator*(GrayPixel::Share share, GrayPixel p) {
    return {share * p.gray};
}
inline GrayPixel operator+(GrayPixel p, GrayPixel q) {
    return {p.gray + q.gray};
}

/// The same of a colour pixel.
struct ColourPixel {
    using Share = double;
    static constexpr int kChannels = 3;
    double red, green, blue;

    static Share share(const double& value) { return value; }
    static ColourPixel left(const std::uint8_t* pair) {
        return {static_cast<double>(pair[0]), static_cast<double>(pair[1]), static_cast<double>(pair[2])};
    }
    static ColourPixel right(const std::uint8_t* pair) { return left(pair + 3); }
    void store(std::uint8_t* to) const {
        to[0] = static_cast<std::uint8_t>(red);
        to[1] = static_cast<std::uint8_t>(green);
        to[2] = static_cast<std::uint8_t>(blue);
    }
};

inline ColourPixel operator*(ColourPixel::Share share, ColourPixel p) {
    return {share * p.red, share * p.green, share * p.blue};
}
inline ColourPixel operator+(ColourPixel p, ColourPixel q) {
    return {p.red + q.red, p.green + q.green, p.blue + q.blue};
}


// ---- ffr/kernels/sampling.inl
// Bilinear samples, one text for all CPUs (see sampling.hpp).

/// A sample's four neighbours mixed. \param stride  bytes from a row of the sampled image to the next
template <typename Pixel>
inline Pixel mix(const Sample& sample, std::ptrdiff_t stride) {
    const typename Pixel::Share x = Pixel::share(sample.x), y = Pixel::share(sample.y), whole = Pixel::share(kWhole);
    const std::uint8_t* const above = sample.neighbours;
    const std::uint8_t* const below = above + stride;
    const Pixel upper = (whole - x) * Pixel::left(above) + x * Pixel::right(above);
    const Pixel lower = (whole - x) * Pixel::left(below) + x * Pixel::right(below);
    return (whole - y) * upper + y * lower;
}

/// Mixes `count` samples, which become pixels beside each other. Storing a pixel may spoil the byte behind it, where
/// the next one goes; behind the last nothing may be touched.
template <typename Pixel>
inline void mix_samples(const Sample* samples, int count, std::ptrdiff_t stride, std::uint8_t* out) {
    for (; count > 1; --count, ++samples, out += Pixel::kChannels) mix<Pixel>(*samples, stride).store(out);
    if (count == 0) return;
    std::uint8_t last[4];
    mix<Pixel>(*samples, stride).store(last);
    std::memcpy(out, last, Pixel::kChannels);
}

FFR_EXACT_FLOAT_END

}  // namespace plain_sampling

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_sampling {

FFR_EXACT_FLOAT_BEGIN

struct ColourPixel {
    using Share = __m256d;
    static constexpr int kChannels = 3;
    __m256d colours;  // and a fourth number that doesn't count

    /// Spread while it's loaded, which costs nothing.
    static Share share(const double& value) { return _mm256_broadcast_sd(&value); }
    /// A byte in the last bits of the double 2^52 makes it 2^52 + byte: two steps that more of a CPU's units can do
    /// than the conversion of an integer.
    static ColourPixel widen(std::uint32_t bytes) {
        const __m256d large = _mm256_set1_pd(4503599627370496.0);
        const __m256d sum =
            _mm256_or_pd(large, _mm256_castsi256_pd(_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(static_cast<int>(bytes)))));
        return {sum - large};
    }
    static ColourPixel left(const std::uint8_t* pair) {
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, pair, sizeof bytes);
        return widen(bytes);
    }
    /// From the last four bytes of the pair, since nothing may lie behind it.
    static ColourPixel right(const std::uint8_t* pair) {
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, pair + 2, sizeof bytes);
        return widen(bytes >> 8);
    }
    void store(std::uint8_t* to) const {
        const __m128i first_bytes = _mm_setr_epi8(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        const int bytes = _mm_cvtsi128_si32(_mm_shuffle_epi8(_mm256_cvttpd_epi32(colours), first_bytes));
        std::memcpy(to, &bytes, sizeof bytes);
    }
};

inline ColourPixel operator*(ColourPixel::Share share, ColourPixel p) {
    return {share * p.colours};
}
inline ColourPixel operator+(ColourPixel p, ColourPixel q) {
    return {p.colours + q.colours};
}


// ---- ffr/kernels/sampling.inl
// Bilinear samples, one text for all CPUs (see sampling.hpp).

/// A sample's four neighbours mixed. \param stride  bytes from a row of the sampled image to the next
template <typename Pixel>
inline Pixel mix(const Sample& sample, std::ptrdiff_t stride) {
    const typename Pixel::Share x = Pixel::share(sample.x), y = Pixel::share(sample.y), whole = Pixel::share(kWhole);
    const std::uint8_t* const above = sample.neighbours;
    const std::uint8_t* const below = above + stride;
    const Pixel upper = (whole - x) * Pixel::left(above) + x * Pixel::right(above);
    const Pixel lower = (whole - x) * Pixel::left(below) + x * Pixel::right(below);
    return (whole - y) * upper + y * lower;
}

/// Mixes `count` samples, which become pixels beside each other. Storing a pixel may spoil the byte behind it, where
/// the next one goes; behind the last nothing may be touched.
template <typename Pixel>
inline void mix_samples(const Sample* samples, int count, std::ptrdiff_t stride, std::uint8_t* out) {
    for (; count > 1; --count, ++samples, out += Pixel::kChannels) mix<Pixel>(*samples, stride).store(out);
    if (count == 0) return;
    std::uint8_t last[4];
    mix<Pixel>(*samples, stride).store(last);
    std::memcpy(out, last, Pixel::kChannels);
}

FFR_EXACT_FLOAT_END

}  // namespace avx2_sampling

FFR_TARGET_END

#endif

/// The kernel for an image's channels of a path that the machine has to have. Gray pixels have nothing to fill a
/// register with.
inline MixSamples mix_samples_of(SimdPath path, int channels) {
    if (channels == 1) return plain_sampling::mix_samples<plain_sampling::GrayPixel>;
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx2 || path == SimdPath::avx512) {
        return avx2_sampling::mix_samples<avx2_sampling::ColourPixel>;
    }
#endif
    static_cast<void>(path);
    return plain_sampling::mix_samples<plain_sampling::ColourPixel>;
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A box with real edges, counted like Rect: width = right - left + 1.
struct RectF {
    double left = 0;     ///< x of the first column's centre
    double top = 0;      ///< y of the first row's centre
    double right = -1;   ///< x of the last column's centre
    double bottom = -1;  ///< y of the last row's centre

    /// Pixels from the left to the right edge, both counted; 0 when the box is empty.
    double width() const { return right < left ? 0 : right - left + 1; }
    /// Pixels from the top to the bottom edge, both counted; 0 when the box is empty.
    double height() const { return bottom < top ? 0 : bottom - top + 1; }
    /// width() times height().
    double area() const { return width() * height(); }
    /// The middle of the box.
    PointF centre() const { return {(left + right) / 2, (top + bottom) / 2}; }
};

/// The part of an image that becomes a chip: a square turned about its own centre.
struct ChipGeometry {
    RectF box;         ///< in pixels of the image, before turning
    double angle = 0;  ///< radians, clockwise as seen on the screen
    int size = 0;      ///< side of the chip in pixels
};

namespace detail {

/// Where a landmark belongs in the unit square of an upright face.
struct ChipTarget {
    int landmark;
    double x, y;
};

/// For 68 points: bridge and base of the nose, eyes, mouth. Jaw, brows and lower lip move too much with expression.
constexpr ChipTarget kChipTargets68[] = {
    {27, 0.490127, 0.203352}, {28, 0.490127, 0.307009}, {29, 0.490127, 0.409805}, {30, 0.490127, 0.515625},
    {31, 0.36688, 0.587326},  {32, 0.426036, 0.609345}, {33, 0.490127, 0.628106}, {34, 0.554217, 0.609345},
    {35, 0.613373, 0.587326}, {36, 0.121737, 0.216423}, {37, 0.187122, 0.178758}, {38, 0.265825, 0.179852},
    {39, 0.334606, 0.231733}, {40, 0.260918, 0.245099}, {41, 0.182743, 0.244077}, {42, 0.645647, 0.231733},
    {43, 0.714428, 0.179852}, {44, 0.793132, 0.178758}, {45, 0.858516, 0.216423}, {46, 0.79751, 0.244077},
    {47, 0.719335, 0.245099}, {48, 0.254149, 0.780233}, {49, 0.340985, 0.745405}, {50, 0.428858, 0.727388},
    {51, 0.490127, 0.742578}, {52, 0.551395, 0.727388}, {53, 0.639268, 0.745405}, {54, 0.726104, 0.780233},
    {60, 0.290379, 0.784792}, {61, 0.428096, 0.778746}, {62, 0.490127, 0.785343}, {63, 0.552157, 0.778746},
    {64, 0.689874, 0.784792}};

constexpr ChipTarget kChipTargets5[] = {{0, 0.8595674595992, 0.2134981538014},
                                        {1, 0.6460604764104, 0.2289674387677},
                                        {2, 0.1205750620789, 0.2137274526848},
                                        {3, 0.3340850613712, 0.2290642403242},
                                        {4, 0.4901123135679, 0.6277975316475}};

template <std::size_t kCount>
Similarity fit_chip(const ChipTarget (&targets)[kCount], const std::vector<Point>& points, int size, double padding) {
    std::vector<double> chip, image;
    for (const ChipTarget& target : targets) {
        chip.push_back(size * ((padding + target.x) / (2 * padding + 1)));
        chip.push_back(size * ((padding + target.y) / (2 * padding + 1)));
        image.push_back(points[static_cast<std::size_t>(target.landmark)].x);
        image.push_back(points[static_cast<std::size_t>(target.landmark)].y);
    }
    return SimilarityFit(chip.data(), kCount).to(image.data());
}

/// Copies `count` pixels, one of two.
template <int kChannels>
void take_every_second(const std::uint8_t* from, int count, std::uint8_t* to) {
    for (int i = 0; i < count; ++i, from += 2 * kChannels, to += kChannels) std::memcpy(to, from, kChannels);
}

/// Half the size: binomial filter (1 4 6 4 1) x (1 4 6 4 1) / 256, then every second pixel. The border of two pixels
/// that the filter can't reach is lost. Empty when a side is 8 pixels or less.
inline Image halve(ImageView image) {
    if (image.width <= 8 || image.height <= 8) return Image(0, 0, image.channels);
    Image half((image.width - 3) / 2, (image.height - 3) / 2, image.channels);
    const int step = image.channels, filtered = (image.width - 4) * step;
    const kernels::HalvingKernels& kernels = kernels::halving_kernels_of(kernels::simd_path(), filtered);
    std::vector<std::uint16_t> sums(static_cast<std::size_t>(image.width * step));
    std::vector<std::uint8_t> smooth(static_cast<std::size_t>(filtered));
    for (int row = 0; row < half.height(); ++row) {
        const std::uint8_t* in[5];
        for (int i = 0; i < 5; ++i) in[i] = image.row(2 * row + i);
        kernels.filter_down(in, image.width * step, sums.data());
        kernels.filter_across(sums.data(), step, filtered, smooth.data());
        if (image.channels == 1) take_every_second<1>(smooth.data(), half.width(), half.row(row));
        if (image.channels == 3) take_every_second<3>(smooth.data(), half.width(), half.row(row));
    }
    return half;
}

/// A box in the next halved image. The shifts of x and y differ in the reference, and so they do here.
inline RectF halve(const RectF& box) {
    return {box.left / 2 - 1.25, box.top / 2 - 0.75, box.right / 2 - 1.25, box.bottom / 2 - 0.75};
}

/// How often to halve until a box has at most twice the chip's width.
inline int halvings(const RectF& box, int size) {
    int depth = 0;
    for (RectF half = halve(box); half.area() > static_cast<double>(size) * size; half = halve(half)) ++depth;
    return depth;
}

/// The corners of a turned box that sampling starts from.
struct Corners {
    PointF top_left, top_right, bottom_left, bottom_right;

    Corners(const RectF& box, double angle) {
        const PointF centre = box.centre();
        const auto turned = [&](double x, double y) {
            const double dx = x - centre.x, dy = y - centre.y;
            return PointF{std::cos(angle) * dx - std::sin(angle) * dy + centre.x,
                          std::sin(angle) * dx + std::cos(angle) * dy + centre.y};
        };
        top_left = turned(box.left, box.top);
        top_right = turned(box.right, box.top);
        bottom_left = turned(box.left, box.bottom);
        bottom_right = turned(box.right, box.bottom);
    }
};

/// The pixels of an image that a chip can touch: the turned box, a margin for the halvings, cut at the image's border.
/// Empty (right < left or bottom < top) when there are none.
inline Rect chip_surroundings(const ChipGeometry& chip, int depth, ImageView image) {
    double margin = 2;
    for (int i = 0; i < depth; ++i) margin = 2 * margin + 2;
    const Corners corners(chip.box, chip.angle);
    const auto x = {corners.top_left.x, corners.top_right.x, corners.bottom_left.x, corners.bottom_right.x};
    const auto y = {corners.top_left.y, corners.top_right.y, corners.bottom_left.y, corners.bottom_right.y};
    return {round_half_up(std::max(std::min(x) - margin, 0.0)), round_half_up(std::max(std::min(y) - margin, 0.0)),
            round_half_up(std::min(std::max(x) + margin, image.width - 1.0)),
            round_half_up(std::min(std::max(y) + margin, image.height - 1.0))};
}

/// The samples of a row that have four neighbours each. They stand beside each other, since a line enters an image once
/// and leaves it once; rounding keeps their order.
struct InnerSamples {
    int first, count;
};

/// Finds out where the samples of a row lie, each as far down from the top row's as the others.
inline InnerSamples find_samples(ImageView image, const std::vector<PointF>& top_row, PointF down,
                                 std::vector<kernels::Sample>& samples) {
    const auto place = [&](int column) {
        const PointF top = top_row[static_cast<std::size_t>(column)];
        return PointF{top.x + down.x, top.y + down.y};
    };
    const auto inside = [&](PointF p) {
        return p.x >= 0 && p.y >= 0 && p.x < image.width - 1 && p.y < image.height - 1;
    };
    int begin = 0, end = static_cast<int>(top_row.size());
    while (begin < end && !inside(place(begin))) ++begin;
    while (begin < end && !inside(place(end - 1))) --end;
    kernels::Sample* sample = samples.data();
    for (int column = begin; column < end; ++column, ++sample) {
        const PointF p = place(column);
        const int left = static_cast<int>(p.x), top = static_cast<int>(p.y);
        *sample = {image.row(top) + std::ptrdiff_t{left} * image.channels, p.x - left, p.y - top};
    }
    return {begin, end - begin};
}

/// Bilinear samples of a turned box, black where a sample has no four neighbours.
inline Image sample(ImageView image, const RectF& box, double angle, int size) {
    Image chip(size, size, image.channels);
    const Corners corners(box, angle);
    const double steps = size - 1;
    const PointF right{(corners.top_right.x - corners.top_left.x) / steps,
                       (corners.top_right.y - corners.top_left.y) / steps};
    const PointF down{(corners.bottom_left.x - corners.top_left.x) / steps,
                      (corners.bottom_left.y - corners.top_left.y) / steps};
    std::vector<PointF> top_row;
    for (int column = 0; column < size; ++column) {
        top_row.push_back({corners.top_left.x + column * right.x, corners.top_left.y + column * right.y});
    }
    const kernels::MixSamples mix_samples = kernels::mix_samples_of(kernels::simd_path(), image.channels);
    std::vector<kernels::Sample> samples(top_row.size());
    for (int row = 0; row < size; ++row) {
        const InnerSamples inner = find_samples(image, top_row, {row * down.x, row * down.y}, samples);
        mix_samples(samples.data(), inner.count, image.stride, chip.row(row) + inner.first * image.channels);
    }
    return chip;
}

}  // namespace detail

/// The square around a face that brings its landmarks as near as possible to their place in every chip.
///
/// \param landmarks  68 or 5 points
/// \param size       side of the chip in pixels, at least 2; the recognition network wants 150
/// \param padding    how much of the face's size is added on each side, at least 0; the network wants 0.25
/// \throws InvalidArgument for another number of points, points that are all the same, or a size or padding out of
/// range
inline ChipGeometry face_chip_geometry(const Landmarks& landmarks, int size = 150, double padding = 0.25) {
    return detail::with_default_floats([&]() -> ChipGeometry {
        const std::size_t count = landmarks.points.size();
        if (count != 68 && count != 5) {
            throw InvalidArgument("a chip is cut by 68 or 5 landmarks, not " + std::to_string(count));
        }
        if (size < 2 || size > 4096 || !(padding >= 0 && padding <= 100)) {
            throw InvalidArgument("a chip has 2..4096 pixels a side and a padding of 0..100");
        }
        const Similarity fit = count == 68 ? detail::fit_chip(detail::kChipTargets68, landmarks.points, size, padding)
                                           : detail::fit_chip(detail::kChipTargets5, landmarks.points, size, padding);
        const double scale = std::sqrt(fit.rotation.a * fit.rotation.a + fit.rotation.b * fit.rotation.b);
        if (!(scale * size > 1)) throw InvalidArgument("the landmarks lie on one spot: no chip can be cut");
        const PointF centre = fit({size / 2.0, size / 2.0});
        const double reach = (size * scale - 1) / 2;
        return {{centre.x - reach, centre.y - reach, centre.x + reach, centre.y + reach},
                std::atan2(fit.rotation.b, fit.rotation.a),
                size};
    });
}

/// Cuts a chip out of an image.
///
/// \returns size x size pixels with the image's channels; what lies outside of the image is black
/// \throws InvalidArgument when the image is empty, the chip has not 2..4096 pixels a side, or its box or angle isn't
/// finite or lies more than 1e15 pixels away
/// Cost: proportional to the chip's pixels and, for a large face, to the face's; about 0.06 ms for 150 x 150 pixels in
/// colour on one AVX2 core. Thread-safe.
inline Image extract_chip(ImageView image, const ChipGeometry& chip) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (chip.size < 2 || chip.size > 4096) throw InvalidArgument("a chip has 2..4096 pixels a side");
        for (const double value : {chip.box.left, chip.box.top, chip.box.right, chip.box.bottom, chip.angle}) {
            if (!(std::fabs(value) <= 1e15)) throw InvalidArgument("the chip's box and angle have to be finite");
        }
        const int depth = detail::halvings(chip.box, chip.size);
        const Rect crop = detail::chip_surroundings(chip, depth, image);
        if (crop.area() == 0) return Image(chip.size, chip.size, image.channels);
        ImageView level{image.row(crop.top) + std::ptrdiff_t{crop.left} * image.channels,
                        static_cast<int>(crop.width()), static_cast<int>(crop.height()), image.channels, image.stride};
        RectF box{chip.box.left - crop.left, chip.box.top - crop.top, chip.box.right - crop.left,
                  chip.box.bottom - crop.top};
        Image halved;
        for (int i = 0; i < depth; ++i) {
            halved = detail::halve(level);
            level = halved.view();
            box = detail::halve(box);
        }
        return detail::sample(level, box, chip.angle, chip.size);
    });
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END

// ---- ffr/align/affine.hpp
/// \file
/// The other way to straighten a face, OpenFace's: three of its landmarks are brought exactly to three fixed places.
///
///     eyes and nose in the photo --(solve)--> affine map --(look back for each pixel)--> face of N x N pixels
///
///        o                                        +--------+
///            o          x' = xx x + xy y + x0     | o    o |
///        .              y' = yx x + yy y + y0     |   .    |
///                                                 +--------+
///
/// Three points fix the six numbers of an affine map, and so the face may be sheared: where chip.hpp's similarity
/// keeps proportions and lets the points lie nearly right, this puts them exactly right and bends the rest.
///
/// Method: Amos, Ludwiczuk & Satyanarayanan 2016, "OpenFace: A general-purpose face recognition library with mobile
/// applications". The warp is bilinear in fixed point, 32 steps from a pixel to the next.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// x' = xx x + xy y + x0, y' = yx x + yy y + y0. By default every point stays where it is.
struct AffineMap {
    double xx = 1;  ///< what x adds to x'
    double xy = 0;  ///< what y adds to x'
    double x0 = 0;  ///< shift to the right, in pixels
    double yx = 0;  ///< what x adds to y'
    double yy = 1;  ///< what y adds to y'
    double y0 = 0;  ///< shift down, in pixels

    /// The image of a point.
    PointF operator()(PointF p) const { return {xx * p.x + xy * p.y + x0, yx * p.x + yy * p.y + y0}; }
};

/// Three points, as an affine map is fixed by.
using Triangle = std::array<PointF, 3>;

/// The affine map that brings the corners of one triangle to those of another.
/// \throws InvalidArgument when the three points of `from` lie on a line (or so nearly that nothing is left of the
/// triangle in double precision), or a coordinate isn't finite
inline AffineMap affine_map(const Triangle& from, const Triangle& to) {
    return detail::with_default_floats([&] {
        for (const Triangle* const triangle : {&from, &to}) {
            for (const PointF p : *triangle) {
                if (!std::isfinite(p.x) || !std::isfinite(p.y)) throw InvalidArgument("the points have to be finite");
            }
        }
        // Two sides of the triangle, from its first corner, are two equations for each row of the matrix.
        const double ux = from[1].x - from[0].x, uy = from[1].y - from[0].y;
        const double vx = from[2].x - from[0].x, vy = from[2].y - from[0].y;
        const double determinant = ux * vy - uy * vx;
        if (!(std::fabs(determinant) > 1e-9 * (ux * ux + uy * uy + vx * vx + vy * vy))) {
            throw InvalidArgument("the three points lie on a line: they don't fix an affine map");
        }
        const auto row = [&](double at_first, double at_second, double at_third, double& x, double& y, double& shift) {
            const double u = at_second - at_first, v = at_third - at_first;
            x = (u * vy - v * uy) / determinant;
            y = (v * ux - u * vx) / determinant;
            shift = at_first - x * from[0].x - y * from[0].y;
        };
        AffineMap map;
        row(to[0].x, to[1].x, to[2].x, map.xx, map.xy, map.x0);
        row(to[0].y, to[1].y, to[2].y, map.yx, map.yy, map.y0);
        return map;
    });
}

/// The three landmarks that OpenFace aligns by.
enum class AlignmentLandmarks {
    outer_eyes_and_nose,        ///< outer corners of the eyes, base of the nose: what nn4.small2 was trained with
    inner_eyes_and_bottom_lip,  ///< inner corners of the eyes, lower edge of the lower lip: older networks
};

namespace detail {

/// Which landmarks, of 68 and of 5 (-1: the 5 haven't got it), and where they belong in the unit square.
struct AlignmentTarget {
    int of_68, of_5;
    float x, y;
};

constexpr AlignmentTarget kOuterEyesAndNose[3] = {
    {36, 2, 0.194157f, 0.16926692f}, {45, 0, 0.7888591f, 0.15817115f}, {33, 4, 0.4949509f, 0.5144414f}};
constexpr AlignmentTarget kInnerEyesAndBottomLip[3] = {
    {39, 3, 0.36378494f, 0.17794687f}, {42, 1, 0.6189632f, 0.17277813f}, {57, -1, 0.50020397f, 0.7505844f}};

/// 1/1024 of a pixel, halves to even, held within 32 bits.
inline std::int64_t in_1024ths(double pixels) {
    constexpr double kLimit = 2147483647.0;
    return static_cast<std::int64_t>(std::nearbyint(std::min(std::max(pixels * 1024.0, -kLimit - 1), kLimit)));
}

}  // namespace detail

/// The map from a photo to its aligned face of size x size pixels.
///
/// \param landmarks  68 points; 5 will do for outer_eyes_and_nose
/// \param size       side of the aligned face in pixels, 2..4096; OpenFace's networks want 96
/// \throws InvalidArgument for another number of points, three points on a line, or a size out of range
inline AffineMap face_alignment(const Landmarks& landmarks, int size = 96,
                                AlignmentLandmarks by = AlignmentLandmarks::outer_eyes_and_nose) {
    return detail::with_default_floats([&] {
        const std::size_t count = landmarks.points.size();
        if (count != 68 && count != 5) {
            throw InvalidArgument("a face is aligned by 68 or 5 landmarks, not " + std::to_string(count));
        }
        if (size < 2 || size > 4096) throw InvalidArgument("an aligned face has 2..4096 pixels a side");
        const auto& targets =
            by == AlignmentLandmarks::outer_eyes_and_nose ? detail::kOuterEyesAndNose : detail::kInnerEyesAndBottomLip;
        Triangle face, aligned;
        for (std::size_t i = 0; i < 3; ++i) {
            const int index = count == 68 ? targets[i].of_68 : targets[i].of_5;
            if (index < 0) throw InvalidArgument("the bottom lip isn't among 5 landmarks: this alignment needs 68");
            const Point p = landmarks.points[static_cast<std::size_t>(index)];
            face[i] = {static_cast<double>(p.x), static_cast<double>(p.y)};
            const float side = static_cast<float>(size);
            aligned[i] = {static_cast<double>(side * targets[i].x), static_cast<double>(side * targets[i].y)};
        }
        return affine_map(face, aligned);
    });
}

/// Warps an image: pixel p of the result shows what lies at the point that `map` brings to p.
///
/// Bilinear between the four neighbours, whose weights are multiples of 1/32 in each direction; what lies outside of the
/// image counts as black. docs/accuracy.md tells whose pixels these are.
/// \param width, height  of the result, 0..32767
/// \throws InvalidArgument when the image is empty, a size is out of range, or the map isn't finite or squeezes the
/// plane into a line
/// Cost: proportional to the result's pixels. Thread-safe.
inline Image warp_affine(ImageView image, const AffineMap& map, int width, int height) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (width < 0 || height < 0 || width > 32767 || height > 32767) {
            throw InvalidArgument("a warped image has 0..32767 pixels a side");
        }
        // The way back, from the result to the image.
        const double scale = 1 / (map.xx * map.yy - map.xy * map.yx);
        const double xx = map.yy * scale, xy = -map.xy * scale, yx = -map.yx * scale, yy = map.xx * scale;
        const double x0 = -xx * map.x0 - xy * map.y0, y0 = -yx * map.x0 - yy * map.y0;
        for (const double value : {xx, xy, x0, yx, yy, y0}) {
            if (!std::isfinite(value)) throw InvalidArgument("the affine map can't be inverted");
        }
        const auto pixel = [&](std::int64_t x, std::int64_t y, int channel) -> int {
            const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
            return inside ? image.row(static_cast<int>(y))[x * image.channels + channel] : 0;
        };
        Image warped(width, height, image.channels);
        for (int row = 0; row < height; ++row) {
            // Both parts of a sum are rounded on their own, then halved to 32nds: the reference's rounding.
            const std::int64_t row_x = detail::in_1024ths(xy * row + x0) + 16,
                               row_y = detail::in_1024ths(yy * row + y0) + 16;
            std::uint8_t* out = warped.row(row);
            for (int column = 0; column < width; ++column) {
                const std::int64_t x = (row_x + detail::in_1024ths(xx * column)) >> 5;
                const std::int64_t y = (row_y + detail::in_1024ths(yx * column)) >> 5;
                const std::int64_t left = x >> 5, top = y >> 5;
                const int right_share = static_cast<int>(x & 31), bottom_share = static_cast<int>(y & 31);
                for (int c = 0; c < image.channels; ++c) {
                    const int upper = (32 - right_share) * pixel(left, top, c) + right_share * pixel(left + 1, top, c);
                    const int lower =
                        (32 - right_share) * pixel(left, top + 1, c) + right_share * pixel(left + 1, top + 1, c);
                    *out++ =
                        static_cast<std::uint8_t>(((32 - bottom_share) * upper + bottom_share * lower + 512) >> 10);
                }
            }
        }
        return warped;
    });
}

/// A face straightened as OpenFace does it: face_alignment and warp_affine in one.
/// \throws InvalidArgument as these do
inline Image align_face(ImageView image, const Landmarks& landmarks, int size = 96,
                        AlignmentLandmarks by = AlignmentLandmarks::outer_eyes_and_nose) {
    return warp_affine(image, face_alignment(landmarks, size, by), size, size);
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
// Chip -> 128 numbers.

// ---- ffr/embed/embedding.hpp
/// \file
/// What a face becomes, and how far two of them are apart: the Euclidean distance, which is Pythagoras's with 128
/// squares under the root.
///
///     chip --> network (embedding.hpp) --> 128 floats --+
///                                                       +--> root of the summed squares of differences: a distance
///     chip --> network                 --> 128 floats --+

#include <array>
#include <cmath>
#include <cstddef>
#include <string>


namespace ffr {
inline namespace v0_1 {

/// A face as a point in 128 dimensions: near to the same person's other faces, far from everybody else's.
using Embedding = std::array<float, 128>;

namespace detail {

/// distance() for loops that have the default settings already.
inline double euclidean(const Embedding& a, const Embedding& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = double{a[i]} - double{b[i]};
        sum += difference * difference;
    }
    return std::sqrt(sum);
}

}  // namespace detail

/// Euclidean distance of two embeddings, summed in double: at least 0, without a unit.
///
/// For the ResNet-29 two pictures of one person are mostly less than 0.6 apart, of two people more.
/// Cost: 0.07 us. Thread-safe.
inline double distance(const Embedding& a, const Embedding& b) {
    return detail::with_default_floats([&] { return detail::euclidean(a, b); });
}

/// Where embeddings come from: those of another network, of other weights or of faces straightened otherwise can't be
/// compared. An empty text stands for what isn't known.
struct EmbeddingSource {
    /// The network: "resnet29" or "nn4.small2".
    std::string embedder = "resnet29";
    /// Checksum of its weight file, 16 hexadecimal digits.
    std::string weights;
    /// How the faces were straightened, such as "chip of 150 pixels by 68 landmarks".
    std::string alignment;
    /// Two embeddings of this source nearer than this mostly show the same person.
    double same_person_distance = 0.6;
    /// The network's arithmetic: "float32" or "int8".
    std::string precision = "float32";
};

/// What keeps embeddings of two sources from being compared, as a sentence's end: "network nn4.small2, not resnet29".
/// Empty when nothing does, as far as is known.
inline std::string difference(const EmbeddingSource& a, const EmbeddingSource& b) {
    const auto differ = [](const std::string& x, const std::string& y) { return !x.empty() && !y.empty() && x != y; };
    if (differ(a.embedder, b.embedder)) return "network " + a.embedder + ", not " + b.embedder;
    if (differ(a.weights, b.weights)) return "weights with checksum " + a.weights + ", not " + b.weights;
    if (differ(a.precision, b.precision)) return "precision " + a.precision + ", not " + b.precision;
    if (differ(a.alignment, b.alignment)) return "alignment '" + a.alignment + "', not '" + b.alignment + "'";
    return "";
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/embed/resnet29.hpp
/// \file
/// The network that measures a face: a ResNet with 29 convolutions, 150 x 150 pixels in, 128 numbers out.
///
///     chip 3x150x150 -> 7x7/2 -> 32x72x72 -> max pool -> 32x35x35
///         -> 3 blocks 32x35x35 -> 4 blocks 64x17x17 -> 3 blocks 128x8x8 -> 3 blocks 256x4x4 -> 1 block 256x2x2
///         -> mean of each map: 256 -> projection, a fully connected layer: 128
///
/// 7x7/2 is a convolution by filters of 7 x 7 pixels at stride 2; the blocks' have 3 x 3. A block learns what to add to
/// its input: out = relu(x + conv(relu(conv(x)))). At stride 2 the size is halved, and the shortcut x is averaged down
/// to fit.
///
/// The network is written once and runs with any of the layers: PlainLayers (layers.hpp), SimdLayers, Int8Layers.
///
/// Paper: He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition". Layer sizes, padding and weights
/// are those of the network published by Davis King in 2017: halved filters, 29 convolutions, trained with a metric
/// loss (which pulls pictures of one person together and pushes those of two apart).

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// A residual block: two convolutions of 3 x 3 pixels, the first with the block's stride, and a shortcut around both.
struct ResidualBlockShape {
    int channels;  ///< maps it puts out
    int stride;    ///< 1, or 2 to halve the size
};

/// The blocks of the ResNet-29 in order.
constexpr ResidualBlockShape kResNet29Blocks[] = {{32, 1},  {32, 1},  {32, 1},  {64, 2},  {64, 1},  {64, 1},  {64, 1},
                                                  {128, 2}, {128, 1}, {128, 1}, {256, 2}, {256, 1}, {256, 1}, {256, 2}};

/// The name that a convolution has in the weight file: "conv01" for index 0, in the order of execution.
inline std::string resnet29_convolution_name(std::size_t index) {
    const std::string number = std::to_string(index + 1);
    return (number.size() < 2 ? "conv0" : "conv") + number;
}

/// The ResNet-29, in the arithmetic of `Layers`: PlainLayers, SimdLayers or Int8Layers. Immutable after loading, safe for many
/// threads.
template <typename Layers>
class BasicResNet29 {
  public:
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = Layers::kFacesAtOnce;
    /// Side of the chip it takes, in pixels.
    static constexpr int kFaceSize = 150;

    /// Reads the layers.
    /// \param weights  a file of kind "resnet29". \throws FormatError when it's something else
    /// \param path  the kernels, which the machine has to have; plain layers don't use any
    static BasicResNet29 load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        return detail::with_default_floats([&] { return BasicResNet29(weights, path); });
    }

    /// The 128 numbers of each face. Gray chips are taken as colour ones with equal channels.
    /// \param chips  kFaceSize x kFaceSize pixels each, up to kFacesAtOnce. \throws InvalidArgument for another size
    /// or for more of them
    /// Cost: 271 million multiply-adds a face.
    std::vector<Embedding> forward(const std::vector<ImageView>& chips, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            require_batch(chips.size(), kFacesAtOnce);
            const Layers layers(workspace, path_);
            Maps x = layers.max_pool(layers.look(stem_, chips, kFaceSize, pixel_mean_, 256), {3, 2});
            for (const Block& block : blocks_) {
                const Maps y = layers.convolve_relu(block.first, x);
                x = layers.convolve_add_relu(block.second, y,
                                             block.halves ? layers.average_pool(x, {2, 2}) : std::move(x));
            }
            const auto numbers_of_all = layers.connect(projection_, layers.global_mean(x));
            std::vector<Embedding> embeddings(chips.size());
            for (std::size_t face = 0; face < chips.size(); ++face) {
                const FeatureMaps numbers = layers.plain(numbers_of_all, face);
                std::copy(numbers.values.begin(), numbers.values.end(), embeddings[face].begin());
            }
            return embeddings;
        });
    }

  private:
    using Maps = typename Layers::Maps;
    using Convolution = typename Layers::Convolution;

    struct Block {
        Convolution first, second;
        bool halves;  // the size
    };

    BasicResNet29(const WeightsFile& weights, kernels::SimdPath path) : path_(path) {
        weights.require_kind("resnet29");
        const std::vector<float> mean = weights.floats("pixel_mean", {3});
        std::copy(mean.begin(), mean.end(), pixel_mean_.begin());
        std::size_t index = 0;
        const auto load = [&](const ConvolutionShape& shape) {
            return Convolution::load(weights, resnet29_convolution_name(index++), shape, path);
        };
        stem_ = load({3, kFaceSize, kFaceSize, 32, 7, 2, 0});
        int inputs = 32, size = 35;
        for (const ResidualBlockShape& block : kResNet29Blocks) {
            const ConvolutionShape first{
                inputs, size, size, block.channels, 3, block.stride, block.stride == 1 ? 1 : 0};
            const int inner = first.output_height();
            Convolution leading = load(first);
            blocks_.push_back(
                {std::move(leading), load({block.channels, inner, inner, block.channels, 3, 1, 1}), block.stride == 2});
            if (block.stride == 2) size /= 2;  // the averaged shortcut's, which may be larger than the filters' result
            inputs = block.channels;
        }
        const auto outputs = Embedding().size();
        projection_ =
            Layers::Connection::from({inputs, 1, 1, static_cast<int>(outputs), 1, 1, 0},
                                     weights.floats("projection/weights", {outputs, static_cast<std::size_t>(inputs)}),
                                     std::vector<float>(outputs, 0.0f), path);
    }

    kernels::SimdPath path_;
    std::array<float, 3> pixel_mean_{};
    Convolution stem_;
    std::vector<Block> blocks_;
    typename Layers::Connection projection_;
};

/// The ResNet-29 as FaceEmbedder uses it.
using ResNet29 = BasicResNet29<DefaultLayers>;

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/embed/nn4_small2.hpp
/// \file
/// OpenFace's network: inception modules, 96 x 96 pixels in, 128 numbers of length 1 out.
///
///     face 3x96x96 -> 7x7/2 -> 64x48x48 -> max pool -> 64x24x24 -> 1x1 -> 64x24x24 -> 3x3 -> 192x24x24
///         -> max pool -> 192x12x12
///         -> 3a 256x12x12 -> 3b 320x12x12 -> 3c 640x6x6 -> 4a 640x6x6 -> 4e 1024x3x3 -> 5a 736x3x3 -> 5b 736x3x3
///         -> mean of each map: 736 -> fully connected: 128 -> scaled to length 1
///
/// Beside both max pools stands a normalise_across_channels: behind the first, before the second.
///
/// An inception module looks at its input in up to four ways at once and stacks what they see:
///
///                +-- 1x1 -- 3x3 ---+
///                +-- 1x1 -- 5x5 ---+
///        x ------+                 +--- concatenate
///                +-- pool -- 1x1 --+
///                +-- 1x1 ----------+
///
/// The 1x1 convolutions in front make it affordable: they mix many maps into few before the larger filters come.
///
/// Papers: Szegedy et al. 2015, "Going deeper with convolutions"; Schroff, Kalenichenko & Philbin 2015, "FaceNet: A
/// unified embedding for face recognition and clustering" (nn4); Amos, Ludwiczuk & Satyanarayanan 2016, "OpenFace"
/// (nn4.small2, its smaller form).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// What an inception module pools: the largest value of a window, or its length as a vector.
enum class InceptionPool {
    max,  ///< the largest value
    l2    ///< the length: root of the sum of squares
};

/// An inception module by its numbers of maps. 0 where it hasn't got a part.
struct InceptionShape {
    const char* name;    ///< in the weight file, such as "3a"
    int reduce_3x3;      ///< by 1 x 1 filters, to spare the 3 x 3 ones work
    int out_3x3;         ///< by 3 x 3 filters on those
    int reduce_5x5;      ///< by 1 x 1 filters, to spare the 5 x 5 ones work
    int out_5x5;         ///< by 5 x 5 filters on those
    InceptionPool pool;  ///< always 3 x 3 pixels
    int out_pool;        ///< by 1 x 1 filters after the pool; 0: the pool's maps go on as they are
    int out_1x1;         ///< by 1 x 1 filters on what comes in
    int stride;          ///< of the 3 x 3 and the 5 x 5 filters: 2 halves the size
};

/// The modules of nn4.small2 in order.
constexpr InceptionShape kNn4Small2Modules[] = {
    {"3a", 96, 128, 16, 32, InceptionPool::max, 32, 64, 1}, {"3b", 96, 128, 32, 64, InceptionPool::l2, 64, 64, 1},
    {"3c", 128, 256, 32, 64, InceptionPool::max, 0, 0, 2},  {"4a", 96, 192, 32, 64, InceptionPool::l2, 128, 256, 1},
    {"4e", 160, 256, 64, 128, InceptionPool::max, 0, 0, 2}, {"5a", 96, 384, 0, 0, InceptionPool::l2, 96, 256, 1},
    {"5b", 96, 384, 0, 0, InceptionPool::max, 96, 256, 1},
};

/// Maps that a module puts out, given how many come in.
inline int inception_outputs(const InceptionShape& shape, int inputs) {
    return shape.out_3x3 + shape.out_5x5 + (shape.out_pool > 0 ? shape.out_pool : inputs) + shape.out_1x1;
}

/// The network nn4.small2, in the arithmetic of `Layers`: PlainLayers or SimdLayers. Immutable after loading, safe for
/// many threads.
template <typename Layers>
class BasicNn4Small2 {
  public:
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = Layers::kFacesAtOnce;
    /// What flows between the layers, and is shown to `watch`.
    using Maps = typename Layers::Maps;

    /// Side of the face it takes, in pixels.
    static constexpr int kFaceSize = 96;

    /// Reads the layers.
    /// \param weights  a file of kind "nn4.small2". \throws FormatError when it's something else
    /// \param path  the kernels, which the machine has to have; plain layers don't use any
    static BasicNn4Small2 load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        return detail::with_default_floats([&] { return BasicNn4Small2(weights, path); });
    }

    /// The 128 numbers of each face, vectors of length 1. Gray faces are taken as colour ones with equal channels.
    /// \param faces  kFaceSize x kFaceSize pixels each, up to kFacesAtOnce. \throws InvalidArgument for another size
    /// or for more of them
    /// Cost: 200 million multiply-adds a face.
    std::vector<Embedding> forward(const std::vector<ImageView>& faces, Workspace& workspace) const {
        return forward(faces, workspace, [](const char*, const Layers&, const Maps&) {});
    }

    /// The same, showing what comes out of each stage: `watch(name, layers, maps)` is called with "conv1", "pool1",
    /// "conv2", "conv3", "pool3" and the modules' names, "3a" to "5b"; layers.plain(maps, face) are a face's maps.
    template <typename Watch>
    std::vector<Embedding> forward(const std::vector<ImageView>& faces, Workspace& workspace, Watch watch) const {
        return detail::with_default_floats([&] {
            require_batch(faces.size(), kFacesAtOnce);
            const Layers layers(workspace, path_);
            const auto show = [&](const char* stage, Maps maps) {
                watch(stage, layers, maps);
                return maps;
            };
            constexpr PoolWindow kHalve{3, 2, 1};
            Maps x = show("conv1", layers.look(conv1_, faces, kFaceSize, {0, 0, 0}, 255));
            x = show("pool1", layers.normalise_across_channels(layers.max_pool(x, kHalve)));
            x = show("conv2", layers.convolve_relu(conv2_, x));
            x = show("conv3", layers.convolve_relu(conv3_, x));
            x = show("pool3", layers.max_pool(layers.normalise_across_channels(x), kHalve));
            for (const Inception& module : modules_) x = show(module.shape.name, forward(module, layers, x));
            x = layers.connect(linear_, layers.global_mean(x));
            std::vector<Embedding> embeddings;
            for (std::size_t face = 0; face < faces.size(); ++face) {
                embeddings.push_back(unit_length(layers.plain(x, face).values));
            }
            return embeddings;
        });
    }

  private:
    using Convolution = typename Layers::Convolution;

    struct Inception {
        InceptionShape shape;
        PoolWindow window;
        Convolution reduce_3x3, conv_3x3, reduce_5x5, conv_5x5, after_pool, conv_1x1;
    };

    BasicNn4Small2(const WeightsFile& weights, kernels::SimdPath path) : path_(path) {
        weights.require_kind("nn4.small2");
        conv1_ = Convolution::load(weights, "conv1", {3, 96, 96, 64, 7, 2, 3}, path);
        conv2_ = Convolution::load(weights, "conv2", {64, 24, 24, 64, 1, 1, 0}, path);
        conv3_ = Convolution::load(weights, "conv3", {64, 24, 24, 192, 3, 1, 1}, path);
        int inputs = 192, size = 12;
        for (const InceptionShape& shape : kNn4Small2Modules) {
            modules_.push_back(load_module(weights, shape, inputs, size, path));
            inputs = inception_outputs(shape, inputs);
            size = std::max((size + shape.stride - 1) / shape.stride,  // of the filters, and of the pool
                            pool_size(modules_.back().window, size, size).height);
        }
        const auto outputs = Embedding().size();
        linear_ =
            Layers::Connection::from({inputs, 1, 1, static_cast<int>(outputs), 1, 1, 0},
                                     weights.floats("linear/weights", {outputs, static_cast<std::size_t>(inputs)}),
                                     weights.floats("linear/bias", {outputs}), path);
    }

    static Inception load_module(const WeightsFile& weights, const InceptionShape& shape, int inputs, int size,
                                 kernels::SimdPath path) {
        const std::string name = shape.name;
        const PoolWindow window = load_window(weights, name);
        const auto load = [&](const char* part, int in, int out, int side, int stride, int extent) {
            if (out == 0) return Convolution();
            return Convolution::load(weights, name + "/" + part, {in, extent, extent, out, side, stride, side / 2},
                                     path);
        };
        return {shape,
                window,
                load("3x3_reduce", inputs, shape.reduce_3x3, 1, 1, size),
                load("3x3", shape.reduce_3x3, shape.out_3x3, 3, shape.stride, size),
                load("5x5_reduce", inputs, shape.reduce_5x5, 1, 1, size),
                load("5x5", shape.reduce_5x5, shape.out_5x5, 5, shape.stride, size),
                load("pool", inputs, shape.out_pool, 1, 1, pool_size(window, size, size).height),
                load("1x1", inputs, shape.out_1x1, 1, 1, size)};
    }

    /// Stride and padding of a module's pool. They stand in the file, since OpenFace's published weights and its
    /// published definition of the network don't have the same ones.
    static PoolWindow load_window(const WeightsFile& weights, const std::string& module) {
        const std::string name = module + "/pool/window";
        const auto window = weights.tensor<std::int32_t>(name, {3});
        if (window[0] != 3 || window[1] < 1 || window[1] > 3 || window[2] < 0 || window[2] > 1) {
            throw FormatError(weights.name() + ": tensor '" + name +
                              "' isn't a window of 3 pixels, 1 to 3 apart, with " + "at most 1 of padding");
        }
        return {window[0], window[1], window[2]};
    }

    static Maps forward(const Inception& module, const Layers& layers, const Maps& x) {
        std::vector<Maps> branches;
        branches.push_back(layers.convolve_relu(module.conv_3x3, layers.convolve_relu(module.reduce_3x3, x)));
        if (module.shape.out_5x5 > 0) {
            branches.push_back(layers.convolve_relu(module.conv_5x5, layers.convolve_relu(module.reduce_5x5, x)));
        }
        Maps pooled = module.shape.pool == InceptionPool::max ? layers.max_pool(x, module.window)
                                                              : layers.l2_pool(x, module.window);
        branches.push_back(module.shape.out_pool > 0 ? layers.convolve_relu(module.after_pool, pooled)
                                                     : std::move(pooled));
        if (module.shape.out_1x1 > 0) branches.push_back(layers.convolve_relu(module.conv_1x1, x));
        return layers.concatenate(branches);
    }

    static Embedding unit_length(const std::vector<float>& values) {
        double squares = 1e-10;
        for (const float value : values) squares += double{value} * double{value};
        const double length = std::sqrt(squares);
        Embedding embedding{};
        for (std::size_t i = 0; i < embedding.size(); ++i) embedding[i] = static_cast<float>(values[i] / length);
        return embedding;
    }

    kernels::SimdPath path_;
    Convolution conv1_, conv2_, conv3_;
    std::vector<Inception> modules_;
    typename Layers::Connection linear_;
};

/// The network nn4.small2 as FaceEmbedder uses it.
using Nn4Small2 = BasicNn4Small2<DefaultLayers>;

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/embed/face_embedder.hpp
/// \file
/// Measures a face: a straightened face goes in, 128 numbers come out that are near to those of the same person's other
/// faces and far from everybody else's.
///
///     resnet29     chip 150 x 150 (align.hpp)           -> ResNet-29  -> 128 numbers, a vector of any length
///     nn4.small2   aligned face 96 x 96 (affine.hpp)    -> nn4.small2 -> 128 numbers, a vector of length 1
///
/// Two pictures of one person are mostly less than 0.6 apart with the first network, 0.995 with the second.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// Two embeddings of a network that are nearer than this mostly show the same person: 0.6 for "resnet29", the root of
/// 0.99 for "nn4.small2" (whose authors state the square). \throws InvalidArgument for another name
inline double same_person_distance(const std::string& embedder) {
    if (embedder == "resnet29") return 0.6;
    if (embedder == "nn4.small2") return 0.995;
    throw InvalidArgument("there's no network '" + embedder + "'");
}

/// A network's arithmetic. In int8, an embedding takes about half the time where the CPU has an instruction for it (AVX-512
/// VNNI, AVX-VNNI, on Linux NEON's dot product) and more where it hasn't, and lies about 0.03 from the one in float32, which is less
/// than what another landmark model does but enough that the two aren't to be mixed.
enum class Precision { float32, int8 };

/// "float32" or "int8".
inline const char* to_string(Precision precision) {
    return precision == Precision::int8 ? "int8" : "float32";
}

/// A network that turns straightened faces into embeddings. Immutable after loading, safe for many threads; copies share the
/// network.
class FaceEmbedder {
  public:
    /// Takes the network that a file holds, in float32.
    /// \param weights  a file of kind "resnet29" or "nn4.small2". \throws FormatError when it's something else
    static FaceEmbedder load(const WeightsFile& weights);

    /// The same in an arithmetic that's chosen when the program runs. Apart from the one above, so that who wants float32
    /// doesn't wait for the compiler to translate the other.
    /// \param precision  int8 for the ResNet-29 only. \throws InvalidArgument for nn4.small2 in int8
    static FaceEmbedder load(const WeightsFile& weights, Precision precision);

    /// The same of one type of network: of<ResNet29>(weights).
    template <typename Network>
    static FaceEmbedder of(const WeightsFile& weights, Precision precision = Precision::float32) {
        FaceEmbedder embedder(weights, precision, Network::kFaceSize);
        embedder.forward_ = [network = std::make_shared<const Network>(Network::load(weights))](
                                const std::vector<ImageView>& faces, Workspace& workspace) {
            return forward_in_batches(*network, faces, workspace);
        };
        return embedder;
    }

    /// The network's name, "resnet29" or "nn4.small2".
    const std::string& name() const { return name_; }

    /// Its arithmetic.
    Precision precision() const { return precision_; }

    /// Side in pixels of the faces it takes.
    int face_size() const { return face_size_; }

    /// Straightens a face as the network was trained with: a chip for the ResNet-29, OpenFace's alignment by the outer
    /// corners of the eyes and the nose for nn4.small2.
    /// \param landmarks  68 or 5 points
    /// \throws InvalidArgument when the image is empty or the landmarks can't be aligned by
    Image align(ImageView image, const Landmarks& landmarks) const {
        if (is_nn4_small2()) return align_face(image, landmarks, face_size());
        return extract_chip(image, face_chip_geometry(landmarks, face_size()));
    }

    /// Where embeddings come from that are made by align() and embed(). \param landmark_count  68 or 5
    EmbeddingSource source(std::size_t landmark_count) const {
        const std::string how = is_nn4_small2() ? "outer eyes and nose at " : "chip of ";
        return {name_, checksum_,
                how + std::to_string(face_size()) + " pixels by " + std::to_string(landmark_count) + " landmarks",
                same_person_distance(name_), to_string(precision_)};
    }

    /// The embedding of a straightened face: face_size() x face_size() pixels, colour or gray.
    /// The ResNet-29's isn't normalised; faces have lengths of about 1.3 to 1.6.
    /// \throws InvalidArgument for a face of another size
    /// Cost: 271 million multiply-adds for the ResNet-29, 200 million for nn4.small2. Thread-safe.
    Embedding embed(ImageView face) const {
        Workspace workspace;
        return embed(face, workspace);
    }

    /// The same in a workspace's memory and by its threads, which saves the time of getting them. Thread-safe where each
    /// thread has a workspace of its own.
    Embedding embed(ImageView face, Workspace& workspace) const { return embed(std::vector{face}, workspace).front(); }

    /// The embeddings of many faces, bit by bit what each alone would give. Threads find more to do than
    /// with one face.
    /// \throws InvalidArgument when a face has another size; FormatError naming the weights' file when they're so
    /// large that a number overflows
    std::vector<Embedding> embed(const std::vector<ImageView>& faces, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            std::vector<Embedding> embeddings = forward_(faces, workspace);
            for (const Embedding& embedding : embeddings) {
                if (std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); }))
                    continue;
                throw FormatError(file_ + ": gives numbers that aren't finite: its weights are out of range");
            }
            return embeddings;
        });
    }

  private:
    FaceEmbedder(const WeightsFile& weights, Precision precision, int face_size)
        : name_(weights.kind()),
          file_(weights.name()),
          checksum_(hexadecimal(weights.checksum())),
          precision_(precision),
          face_size_(face_size) {}

    bool is_nn4_small2() const { return name_ == "nn4.small2"; }

    template <typename Network>
    static std::vector<Embedding> forward_in_batches(const Network& network, const std::vector<ImageView>& faces,
                                                     Workspace& workspace) {
        std::vector<Embedding> embeddings;
        for (std::size_t first = 0; first < faces.size(); first += Network::kFacesAtOnce) {
            const auto begin = faces.begin() + static_cast<std::ptrdiff_t>(first);
            const std::size_t count = std::min(faces.size() - first, std::size_t{Network::kFacesAtOnce});
            const auto some = network.forward({begin, begin + static_cast<std::ptrdiff_t>(count)}, workspace);
            embeddings.insert(embeddings.end(), some.begin(), some.end());
        }
        return embeddings;
    }

    std::string name_;
    std::string file_;  // for messages
    std::string checksum_;
    Precision precision_;
    int face_size_;
    std::function<std::vector<Embedding>(const std::vector<ImageView>&, Workspace&)> forward_;
};

#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)

FFR_COMPILED_INLINE FaceEmbedder FaceEmbedder::load(const WeightsFile& weights) {
    return weights.kind() == "nn4.small2" ? of<Nn4Small2>(weights) : of<ResNet29>(weights);
}

FFR_COMPILED_INLINE FaceEmbedder FaceEmbedder::load(const WeightsFile& weights, Precision precision) {
    if (precision == Precision::float32) return load(weights);
    if (weights.kind() == "nn4.small2") throw InvalidArgument("nn4.small2 hasn't got an int8 form");
    return of<BasicResNet29<Int8Layers>>(weights, precision);
}

#endif

}  // namespace v0_1
}  // namespace ffr
// Numbers -> name, or groups without names.

// ---- ffr/identify/smo.hpp
/// \file
/// Sequential minimal optimisation: finds the plane with the widest gap between two classes by moving two samples at a
/// time.
///
///     n samples of d numbers, n labels +1 or -1  -->  n weights alpha and the bias b  -->  the plane w.x + b = 0
///
///        o  o | x  x        Each sample pulls the plane its way with a weight alpha, 0..C. Only those next to the gap
///       o   o |  x          keep one: the support vectors.
///        o    | x  x
///
/// Papers: Platt 1998 (the idea); Fan, Chen & Lin 2005, "Working set selection using second order information for
/// training support vector machines" (which two samples); Chang & Lin 2011, libsvm (the formulation, whose decision
/// values these agree with).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// A look at somebody else's vector of floats; valid as long as that isn't moved or changed in size.
struct VectorView {
    const float* data = nullptr;  ///< the first number
    std::size_t size = 0;         ///< how many they are

    /// `count` floats from `first` on.
    VectorView(const float* first, std::size_t count) : data(first), size(count) {}
    /// All of a vector.
    VectorView(const std::vector<float>& values) : data(values.data()), size(values.size()) {}
    /// All of an array, such as an Embedding.
    template <std::size_t N>
    VectorView(const std::array<float, N>& values) : data(values.data()), size(N) {}
};

namespace detail {

inline double dot(VectorView a, VectorView b) {
    double sum = 0;
    for (std::size_t d = 0; d < a.size; ++d) sum += double{a.data[d]} * double{b.data[d]};
    return sum;
}

/// Inner products of all pairs of samples, a row computed when it's first asked for. When the rows would take more than
/// `max_bytes`, the one that wasn't used for longest makes room.
class GramMatrix {
  public:
    explicit GramMatrix(std::vector<VectorView> samples, std::size_t max_bytes = std::size_t{256} << 20)
        : samples_(std::move(samples)), rows_(samples_.size()), last_use_(samples_.size(), 0) {
        const std::size_t row_bytes = std::max<std::size_t>(samples_.size(), 1) * sizeof(double);
        max_rows_ = std::max<std::size_t>(max_bytes / row_bytes, 2);
        for (const VectorView& x : samples_) diagonal_.push_back(dot(x, x));
    }

    std::size_t size() const { return samples_.size(); }
    double diagonal(std::size_t i) const { return diagonal_[i]; }

    /// Row i; valid until two other rows were asked for.
    const double* row(std::size_t i) {
        if (rows_[i].empty()) compute(i);
        last_use_[i] = ++clock_;
        return rows_[i].data();
    }

  private:
    void compute(std::size_t i) {
        std::vector<double> values;
        if (row_count_ < max_rows_)
            ++row_count_;
        else
            values.swap(rows_[least_recent()]);
        values.resize(size());
        for (std::size_t j = 0; j < size(); ++j) values[j] = dot(samples_[i], samples_[j]);
        rows_[i] = std::move(values);
    }

    std::size_t least_recent() const {
        std::size_t oldest = size();
        for (std::size_t i = 0; i < size(); ++i) {
            if (!rows_[i].empty() && (oldest == size() || last_use_[i] < last_use_[oldest])) oldest = i;
        }
        return oldest;
    }

    std::vector<VectorView> samples_;
    std::vector<double> diagonal_;
    std::vector<std::vector<double>> rows_;
    std::vector<std::uint64_t> last_use_;
    std::uint64_t clock_ = 0;
    std::size_t row_count_ = 0;
    std::size_t max_rows_;
};

/// Finds the widest gap between two classes.
///
/// Wanted are w and b with the least 1/2 |w|^2 + C sum_t max(0, 1 - y_t (w.x_t + b)), y_t = +1 or -1. In the dual,
/// w = sum_t y_t alpha_t x_t with 0 <= alpha_t <= C and sum_t y_t alpha_t = 0. The quantity to watch is
///
///     pull_t = y_t - w.x_t,     the bias with which sample t would lie exactly on its margin.
///
/// A sample may "rise" if y_t alpha_t can grow: then the bias should be at least pull_t. It may "fall" if y_t alpha_t
/// can shrink: then the bias should be at most pull_t. Done, when some bias suits them all; until then a sample i that
/// may rise pulls higher than some j that may fall, and moving the same amount of y alpha from j to i is progress.
class SmoSolver {
  public:
    /// \param labels  +1 or -1 a sample
    /// \param costs   upper limit of alpha a sample; 0 keeps a sample out of training
    SmoSolver(GramMatrix& gram, const std::vector<double>& labels, const std::vector<double>& costs)
        : gram_(gram), labels_(labels), costs_(costs), alphas_(labels.size(), 0.0), pulls_(labels) {}

    /// Moves until the highest pull upwards is less than `tolerance` above the lowest pull downwards. Like libsvm,
    /// gives up after ten million moves (more for very many samples) and is content with what it has.
    void solve(double tolerance) {
        const std::size_t limit = std::max<std::size_t>(10'000'000, 100 * labels_.size());
        for (std::size_t moves = 0; moves < limit; ++moves) {
            const std::size_t i = highest_riser();
            if (i == kNone || pulls_[i] - lowest_falling_pull() < tolerance) return;
            const std::size_t j = best_partner(i);
            if (j == kNone) return;
            move(i, j);
        }
    }

    /// The bias that suits all samples best: where those strictly within their limits agree on it, or halfway between
    /// the highest pull upwards and the lowest downwards.
    double bias() const {
        double sum = 0, highest = -kInfinity, lowest = kInfinity;
        std::size_t count = 0;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            if (may_rise(t)) highest = std::max(highest, pulls_[t]);
            if (may_fall(t)) lowest = std::min(lowest, pulls_[t]);
            if (may_rise(t) && may_fall(t)) {
                sum += pulls_[t];
                ++count;
            }
        }
        return count > 0 ? sum / static_cast<double>(count) : (highest + lowest) / 2;
    }

    /// w.x_t + bias() of each sample, also of those kept out.
    std::vector<double> decision_values() const {
        const double b = bias();
        std::vector<double> values(labels_.size());
        for (std::size_t t = 0; t < values.size(); ++t) values[t] = labels_[t] - pulls_[t] + b;
        return values;
    }

    /// y_t alpha_t: how much of each sample is in w.
    double coefficient(std::size_t t) const { return labels_[t] * alphas_[t]; }

  private:
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    static constexpr double kInfinity = std::numeric_limits<double>::infinity();

    bool may_rise(std::size_t t) const { return labels_[t] > 0 ? alphas_[t] < costs_[t] : alphas_[t] > 0; }
    bool may_fall(std::size_t t) const { return labels_[t] > 0 ? alphas_[t] > 0 : alphas_[t] < costs_[t]; }

    /// |x_i - x_j|^2, kept above 0 for the division: two equal samples would move without end.
    double squared_distance(std::size_t i, std::size_t j, const double* row_i) const {
        const double squared = gram_.diagonal(i) + gram_.diagonal(j) - 2 * row_i[j];
        return squared > 0 ? squared : 1e-12;
    }

    // Of equal pulls the last sample is taken, here and in best_partner: libsvm's order.
    std::size_t highest_riser() const {
        std::size_t highest = kNone;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            if (may_rise(t) && (highest == kNone || pulls_[t] >= pulls_[highest])) highest = t;
        }
        return highest;
    }

    double lowest_falling_pull() const {
        double lowest = kInfinity;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            if (may_fall(t)) lowest = std::min(lowest, pulls_[t]);
        }
        return lowest;
    }

    /// The second-order selection: the j with which the dual's objective would fall most, were there no limits, which
    /// is by (pull_i - pull_j)^2 / (2 |x_i - x_j|^2).
    std::size_t best_partner(std::size_t i) {
        const double* const row_i = gram_.row(i);
        std::size_t best = kNone;
        double best_gain = 0;
        for (std::size_t t = 0; t < labels_.size(); ++t) {
            const double difference = pulls_[i] - pulls_[t];
            if (!may_fall(t) || difference <= 0) continue;
            const double gain = difference * difference / squared_distance(i, t, row_i);
            if (gain >= best_gain) {
                best = t;
                best_gain = gain;
            }
        }
        return best;
    }

    /// Takes as much of y alpha from j to i as makes their pulls equal, or as their limits allow.
    void move(std::size_t i, std::size_t j) {
        const double* const row_i = gram_.row(i);
        const double* const row_j = gram_.row(j);
        const double room_i = labels_[i] > 0 ? costs_[i] - alphas_[i] : alphas_[i];
        const double room_j = labels_[j] > 0 ? alphas_[j] : costs_[j] - alphas_[j];
        const double wanted = (pulls_[i] - pulls_[j]) / squared_distance(i, j, row_i);
        const double step = std::min({wanted, room_i, room_j});
        // A sample that has used its room is put on the limit itself: a sum could end a rounding beside it.
        alphas_[i] = step < room_i ? alphas_[i] + labels_[i] * step : (labels_[i] > 0 ? costs_[i] : 0);
        alphas_[j] = step < room_j ? alphas_[j] - labels_[j] * step : (labels_[j] > 0 ? 0 : costs_[j]);
        for (std::size_t t = 0; t < labels_.size(); ++t) pulls_[t] -= step * (row_i[t] - row_j[t]);
    }

    GramMatrix& gram_;
    const std::vector<double>& labels_;
    const std::vector<double>& costs_;
    std::vector<double> alphas_;
    std::vector<double> pulls_;
};

}  // namespace detail

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/identify/svm.hpp
/// \file
/// The linear support vector machine: vectors and class numbers in; for a new vector, the probability of each class
/// out.
///
///     n vectors of d floats, n class numbers 0..k-1 --> k(k-1)/2 planes;   a vector of d floats --> k probabilities
///
///     two classes             every pair of classes        a margin as a probability      all pairs together
///
///        o  o | x  x            a|b  a|c  b|c                1 |      ___
///       o   o |  x    ->        plane for each,      ->        |   __/           ->       p(a), p(b), p(c)
///        o    | x  x            k(k-1)/2 of them             0 |__/                       with the sum 1
///      widest gap: smo.hpp      LinearSvm::pairs             PlattScale: PlattFit         couple_pairs
///
/// The steps, and where they come from:
///   1. The plane with the widest gap, by sequential minimal optimisation (SMO): smo.hpp, to be read first.
///   2. Its margin (how far a vector lies from the plane, and on which side) as a probability: Platt 1999 in the stable
///      form of Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs for support vector machines", on margins
///      of samples that the plane wasn't trained on.
///   3. One probability a class: the second method of Wu, Lin & Weng 2004, "Probability estimates for multi-class
///      classification by pairwise coupling".
/// The formulation and its constants are those of libsvm's C-SVC (Chang & Lin 2011), so decision values agree with it;
/// but where libsvm draws the folds of step 2 by chance, here the same samples always give the same model.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// A plane between two classes: f(x) = w.x + b is above 0 on the side of the first class and -1..1 within the margin.
struct LinearDecision {
    std::vector<double> weights;  ///< w: the plane's normal, a number for each of a sample's
    double bias = 0;              ///< b

    /// f(x). \param x  weights.size() floats
    double operator()(const float* x) const {
        double sum = bias;
        for (std::size_t d = 0; d < weights.size(); ++d) sum += weights[d] * double{x[d]};
        return sum;
    }
};

/// A decision value as the probability of the pair's first class: 1 / (1 + exp(a f + b)); a is mostly negative.
struct PlattScale {
    /// Slope: the further below 0, the surer a decision value is.
    double a = -2;
    /// Shift: at a decision value of -b / a the classes are equally probable.
    double b = 0;
    /// False when there were too few samples for a fit and a and b are the fixed -2 and 0.
    bool calibrated = false;

    /// A probability in 1e-7 .. 1 - 1e-7: no pair of classes is ever quite sure.
    double operator()(double decision_value) const {
        constexpr double kLeast = 1e-7;
        return std::clamp(1 / (1 + std::exp(a * decision_value + b)), kLeast, 1 - kLeast);
    }
};

/// What tells two classes apart.
struct PairClassifier {
    LinearDecision decision;  ///< on which side of the plane a sample lies
    PlattScale platt;         ///< how sure that is
};

/// How to train.
struct SvmOptions {
    /// C of the C-SVC: what a sample on the wrong side of its margin costs. Larger bends more to single samples.
    double cost = 1;
    /// The cost in a pair where one class has a single sample, so that nothing can be cross-validated. At a cost of 1
    /// that sample weighs too little to be on its own side of the plane where the other class has several and faces are
    /// some 0.8 apart; and PlattScale's fixed values suppose that samples lie on their margin.
    double single_sample_cost = 100;
    /// Training stops when the optimality conditions are violated by less than this, in units of decision values.
    double tolerance = 1e-3;
};

namespace detail {

/// Fits PlattScale to decision values: the a and b with the least cross entropy between the probabilities and the
/// labels, which are drawn in a little from 1 and 0 as if each class had one more sample on either side.
class PlattFit {
  public:
    /// \param labels  +1 or -1 a decision value; at least one of them
    PlattFit(const std::vector<double>& decision_values, const std::vector<double>& labels) : values_(decision_values) {
        double positive = 0, negative = 0;
        for (const double y : labels) (y > 0 ? positive : negative) += 1;
        const double high = (positive + 1) / (positive + 2), low = 1 / (negative + 2);
        for (const double y : labels) targets_.push_back(y > 0 ? high : low);
        b_ = std::log((negative + 1) / (positive + 1));
    }

    /// Newton's method; each step is halved until it's good enough. Ends where the slope is flat, where no step helps,
    /// or after 100 steps.
    PlattScale fit() {
        constexpr double kFlat = 1e-5, kLeastStep = 1e-10, kSufficient = 1e-4;
        double entropy = cross_entropy(a_, b_);
        for (int iteration = 0; iteration < 100; ++iteration) {
            const Slopes s = slopes();
            if (std::fabs(s.a) < kFlat && std::fabs(s.b) < kFlat) break;
            const double determinant = s.aa * s.bb - s.ab * s.ab;
            const double step_a = -(s.bb * s.a - s.ab * s.b) / determinant;
            const double step_b = -(s.aa * s.b - s.ab * s.a) / determinant;
            const double descent = s.a * step_a + s.b * step_b;
            double scale = 1;
            for (; scale >= kLeastStep; scale /= 2) {
                const double next = cross_entropy(a_ + scale * step_a, b_ + scale * step_b);
                if (!(next < entropy + kSufficient * scale * descent)) continue;
                a_ += scale * step_a;
                b_ += scale * step_b;
                entropy = next;
                break;
            }
            if (scale < kLeastStep) break;
        }
        return {a_, b_, true};
    }

  private:
    /// First and second derivatives of the cross entropy by a and b.
    struct Slopes {
        double a = 0, b = 0;
        double aa = 1e-12, bb = 1e-12, ab = 0;  // 1e-12 keeps the matrix invertible
    };

    // With z = a f + b, p = 1 / (1 + exp(z)) and target t: -t log p - (1 - t) log(1 - p), written so that exp never
    // overflows and no logarithm is taken of a number near 0.
    double cross_entropy(double a, double b) const {
        double sum = 0;
        for (std::size_t i = 0; i < values_.size(); ++i) {
            const double z = a * values_[i] + b;
            sum += z >= 0 ? targets_[i] * z + std::log(1 + std::exp(-z))
                          : (targets_[i] - 1) * z + std::log(1 + std::exp(z));
        }
        return sum;
    }

    Slopes slopes() const {
        Slopes s;
        for (std::size_t i = 0; i < values_.size(); ++i) {
            const double f = values_[i], z = a_ * f + b_;
            const double e = std::exp(-std::fabs(z));
            const double p = (z >= 0 ? e : 1) / (1 + e);
            const double curvature = e / ((1 + e) * (1 + e));
            s.a += f * (targets_[i] - p);
            s.b += targets_[i] - p;
            s.aa += f * f * curvature;
            s.ab += f * curvature;
            s.bb += curvature;
        }
        return s;
    }

    const std::vector<double>& values_;
    std::vector<double> targets_;
    double a_ = 0;
    double b_ = 0;
};

/// Decision value of each sample from a plane that it had no part in: the i-th sample of either class is in fold
/// i mod `folds`, and each fold is judged by what was trained on the others.
inline std::vector<double> cross_validated_values(GramMatrix& gram, const std::vector<double>& labels,
                                                  std::size_t folds, const SvmOptions& options) {
    std::vector<std::size_t> fold_of;
    std::size_t seen_positive = 0, seen_negative = 0;
    for (const double y : labels) fold_of.push_back((y > 0 ? seen_positive++ : seen_negative++) % folds);

    std::vector<double> values(labels.size());
    for (std::size_t fold = 0; fold < folds; ++fold) {
        std::vector<double> costs(labels.size(), options.cost);
        for (std::size_t t = 0; t < labels.size(); ++t) {
            if (fold_of[t] == fold) costs[t] = 0;
        }
        SmoSolver solver(gram, labels, costs);
        solver.solve(options.tolerance);
        const std::vector<double> all = solver.decision_values();
        for (std::size_t t = 0; t < labels.size(); ++t) {
            if (fold_of[t] == fold) values[t] = all[t];
        }
    }
    return values;
}

/// Two classes, trained and calibrated. The cross validation has 5 folds, or as many as the smaller class has samples;
/// with a single sample there's nothing to validate with, and the scale stays at its fixed values.
inline PairClassifier train_pair(const std::vector<VectorView>& positive, const std::vector<VectorView>& negative,
                                 const SvmOptions& options) {
    std::vector<VectorView> samples = positive;
    samples.insert(samples.end(), negative.begin(), negative.end());
    std::vector<double> labels(positive.size(), 1.0);
    labels.resize(samples.size(), -1.0);

    GramMatrix gram(samples);
    const std::size_t folds = std::min<std::size_t>({5, positive.size(), negative.size()});
    const double cost = folds >= 2 ? options.cost : options.single_sample_cost;
    const std::vector<double> costs(samples.size(), cost);
    SmoSolver solver(gram, labels, costs);
    solver.solve(options.tolerance);

    PairClassifier pair;
    pair.decision.bias = solver.bias();
    pair.decision.weights.resize(samples.front().size, 0.0);
    for (std::size_t t = 0; t < samples.size(); ++t) {
        const double coefficient = solver.coefficient(t);
        for (std::size_t d = 0; d < samples[t].size; ++d) {
            pair.decision.weights[d] += coefficient * double{samples[t].data[d]};
        }
    }
    if (folds >= 2) pair.platt = PlattFit(cross_validated_values(gram, labels, folds, options), labels).fit();
    return pair;
}

/// From the probabilities of the pairs to those of the classes: the p on the simplex with the least sum over pairs of
/// (r_ba p_a - r_ab p_b)^2, where r_ab is the probability of a if it's a or b.
///
/// With Q_aa = sum_b r_ba^2 and Q_ab = -r_ba r_ab that's the p with (Q p)_a = p.Q p for every a. Each sweep goes
/// through the classes, solves for one p_a and scales p back to the sum 1; Q p and p.Q p are kept up to date on the
/// way. \param r  r_ab at [a * k + b]; the diagonal isn't read
inline std::vector<double> couple_pairs(const std::vector<double>& r, std::size_t k) {
    std::vector<double> q(k * k, 0.0), p(k, 1 / static_cast<double>(k)), qp(k);
    for (std::size_t a = 0; a < k; ++a) {
        for (std::size_t b = 0; b < k; ++b) {
            if (a == b) continue;
            q[a * k + a] += r[b * k + a] * r[b * k + a];
            q[a * k + b] = -r[b * k + a] * r[a * k + b];
        }
    }
    const double tolerance = 0.005 / static_cast<double>(k);
    for (std::size_t sweep = 0; sweep < std::max<std::size_t>(100, k); ++sweep) {
        double pqp = 0, largest_residual = 0;
        for (std::size_t a = 0; a < k; ++a) {
            qp[a] = 0;
            for (std::size_t b = 0; b < k; ++b) qp[a] += q[a * k + b] * p[b];
            pqp += p[a] * qp[a];
        }
        // Where decision values overflowed, these are NaN and lost to std::max: p stays what it is.
        for (const double value : qp) largest_residual = std::max(largest_residual, std::fabs(value - pqp));
        if (largest_residual < tolerance) break;
        for (std::size_t a = 0; a < k; ++a) {
            const double change = (pqp - qp[a]) / q[a * k + a], sum = 1 + change;
            p[a] += change;
            pqp = (pqp + change * (change * q[a * k + a] + 2 * qp[a])) / (sum * sum);
            for (std::size_t b = 0; b < k; ++b) {
                qp[b] = (qp[b] + change * q[a * k + b]) / sum;
                p[b] /= sum;
            }
        }
    }
    return p;
}

/// Refuses samples and labels that nothing can be learned from. \throws InvalidArgument saying which and why
inline void require_trainable(const std::vector<VectorView>& samples, const std::vector<int>& labels, int class_count,
                              const SvmOptions& options) {
    if (samples.empty()) throw InvalidArgument("there are no samples to train on");
    if (labels.size() != samples.size()) {
        throw InvalidArgument(std::to_string(samples.size()) + " samples need as many labels, not " +
                              std::to_string(labels.size()));
    }
    if (class_count < 2) {
        throw InvalidArgument("training needs at least two classes, not " + std::to_string(class_count));
    }
    if (samples[0].size == 0) throw InvalidArgument("samples need at least one value");
    const auto positive = [](double value) { return value > 0 && std::isfinite(value); };
    if (!positive(options.cost) || !positive(options.single_sample_cost)) {
        throw InvalidArgument("the cost has to be above 0 and finite");
    }
    if (!positive(options.tolerance)) throw InvalidArgument("the tolerance has to be above 0 and finite");

    // More classes than samples is an error too, and a count from the caller isn't a size to allocate before that's
    // known.
    const auto classes = static_cast<std::size_t>(class_count);
    std::vector<bool> has_sample(std::min(classes, samples.size() + 1), false);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::string what = "sample " + std::to_string(i);
        if (samples[i].size != samples[0].size) {
            throw InvalidArgument(what + " has " + std::to_string(samples[i].size) + " values, sample 0 has " +
                                  std::to_string(samples[0].size));
        }
        const float* const x = samples[i].data;
        if (!std::all_of(x, x + samples[i].size, [](float value) { return std::isfinite(value); })) {
            throw InvalidArgument(what + " has a value that isn't finite");
        }
        if (labels[i] < 0 || labels[i] >= class_count) {
            throw InvalidArgument(what + " has label " + std::to_string(labels[i]) + ", not one of 0 to " +
                                  std::to_string(class_count - 1));
        }
        const auto label = static_cast<std::size_t>(labels[i]);
        if (label < has_sample.size()) has_sample[label] = true;
    }
    const auto missing = std::find(has_sample.begin(), has_sample.end(), false);
    if (missing != has_sample.end()) {
        throw InvalidArgument("class " + std::to_string(missing - has_sample.begin()) + " has no sample");
    }
}

}  // namespace detail

/// A linear SVM for two or more classes: a plane and a scale for each pair of them.
struct LinearSvm {
    /// Number of classes.
    std::size_t class_count = 0;
    /// Values of a sample.
    std::size_t dimension = 0;
    /// Pairs (0, 1), (0, 2), ..., (0, k - 1), (1, 2), ..., (k - 2, k - 1); the first of a pair is its positive side.
    std::vector<PairClassifier> pairs;

    /// f(x) of each pair, in their order; above 0 for the pair's first class.
    /// \throws InvalidArgument when x doesn't have `dimension` values. Thread-safe.
    std::vector<double> decision_values(VectorView x) const {
        return detail::with_default_floats([&] {
            if (x.size != dimension) {
                throw InvalidArgument("the SVM knows vectors of " + std::to_string(dimension) + " values, not " +
                                      std::to_string(x.size));
            }
            std::vector<double> values;
            values.reserve(pairs.size());
            for (const PairClassifier& pair : pairs) values.push_back(pair.decision(x.data));
            return values;
        });
    }

    /// Probability of each class; their sum is 1. One class alone has 1, without classes there's nothing.
    ///
    /// They are shares among the known classes: for a vector that belongs to none of them, they still sum to 1.
    /// \throws InvalidArgument as decision_values does
    /// Cost: k(k-1)/2 inner products for k classes, and a few sweeps over k x k numbers: 4 us for 10 classes of 128
    /// values, 0.4 ms for 100. Thread-safe.
    std::vector<double> probabilities(VectorView x) const {
        return detail::with_default_floats([&] {
            const std::vector<double> values = decision_values(x);
            std::vector<double> r(class_count * class_count, 0.0);
            std::size_t pair = 0;
            for (std::size_t a = 0; a < class_count; ++a) {
                for (std::size_t b = a + 1; b < class_count; ++b, ++pair) {
                    r[a * class_count + b] = pairs[pair].platt(values[pair]);
                    r[b * class_count + a] = 1 - r[a * class_count + b];
                }
            }
            return detail::couple_pairs(r, class_count);
        });
    }
};

/// Trains a linear SVM, one plane for each pair of classes.
///
/// \param samples      vectors of one dimension: std::vector<float>, std::array<float, N> or VectorView
/// \param labels       class of each sample, 0 .. class_count - 1
/// \param class_count  at least 2; each class needs a sample
/// \throws InvalidArgument for no samples, labels that don't fit, different dimensions, values that aren't finite, a
/// class without a sample, fewer than two classes, or options that aren't above 0
/// Depends on nothing but its arguments: no chance, no threads.
/// Cost: grows with the square of the number of classes; for 10 samples a class of 128 values, 2.5 ms for 10 classes
/// and 0.3 s for 100. The model takes 8 bytes x dimension x pairs. While it trains, a pair takes up to 256 MB.
template <typename Sample>
LinearSvm train_linear_svm(const std::vector<Sample>& samples, const std::vector<int>& labels, int class_count,
                           const SvmOptions& options = {}) {
    return detail::with_default_floats([&] {
        const std::vector<VectorView> views(samples.begin(), samples.end());
        detail::require_trainable(views, labels, class_count, options);

        LinearSvm svm;
        svm.class_count = static_cast<std::size_t>(class_count);
        svm.dimension = views.front().size;
        std::vector<std::vector<VectorView>> classes(svm.class_count);
        for (std::size_t i = 0; i < views.size(); ++i) classes[static_cast<std::size_t>(labels[i])].push_back(views[i]);
        for (std::size_t a = 0; a < svm.class_count; ++a) {
            for (std::size_t b = a + 1; b < svm.class_count; ++b) {
                svm.pairs.push_back(detail::train_pair(classes[a], classes[b], options));
            }
        }
        return svm;
    });
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/identify/identify.hpp
/// \file
/// Who is it? Named embeddings in; for a new embedding, the name of the most probable person out, or "unknown".
///
///     embedding --+--> distance to each person's nearest training embedding --> who can be meant --+--> name
///     128 floats  |    k numbers of k people                                                       |    or unknown
///                 +--> SVM: probability of each known person --------------> who of these it is ---+
///                      k numbers, with the sum 1
///
/// The two judge different things. The SVM (svm.hpp) tells known people apart, and its probabilities always sum to 1:
/// show it a stranger and some known person still gets the most, often with high confidence. That it's a stranger shows
/// in the distance, because embeddings of different people are mostly more than the network's same_person_distance
/// apart. So the distance says whether it can be anyone at all, and the SVM who of those it is.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// A training sample: whose face it is and what it became.
struct LabelledEmbedding {
    std::string name;     ///< the person: one line of text, not empty
    Embedding embedding;  ///< of one picture of the face
};

/// How to train an Identifier.
struct TrainOptions {
    /// Cost and tolerance of the SVM.
    SvmOptions svm;
    /// Where the embeddings come from, kept with the model: those of another source mean nothing to it.
    EmbeddingSource source;
};

/// When to say "unknown".
struct IdentifyOptions {
    /// Largest distance to the candidate's nearest training embedding; by default the source's same_person_distance.
    std::optional<double> max_distance;
    /// Smallest confidence. 0 by default, because the confidence of a linear SVM falls with the number of people even
    /// while the name is right: a threshold that suits five people would reject everybody among a hundred.
    double min_confidence = 0.0;
};

/// The answer.
struct Identity {
    /// The person; empty for an unknown one.
    std::optional<std::string> name;
    /// The most probable of the people near enough; with nobody near enough, the nearest.
    std::string candidate;
    /// The candidate's probability among the known people, 0..1.
    double confidence = 0;
    /// Distance to the candidate's nearest training embedding.
    double distance = 0;
};

/// Embeddings ordered by person: names sorted bytewise without repetition, and each embedding with its name's number.
struct Gallery {
    /// Each person once, ascending.
    std::vector<std::string> names;
    /// Grouped by name; within a name as they were given.
    std::vector<Embedding> embeddings;
    /// Number of the name of each embedding, ascending.
    std::vector<int> labels;
};

namespace detail {

inline bool is_finite(const Embedding& embedding) {
    return std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); });
}

/// A name has to be a line of text: that's how names are kept in the model.
inline bool is_name(const std::string& name) {
    return !name.empty() && name.find('\n') == std::string::npos;
}

inline std::string join_lines(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

inline std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return lines;
}

}  // namespace detail

/// Sorts samples into a gallery.
/// \throws InvalidArgument for no samples, a name that's empty or has a line break, or values that aren't finite
inline Gallery make_gallery(const std::vector<LabelledEmbedding>& samples) {
    if (samples.empty()) throw InvalidArgument("there are no embeddings to train on");
    std::vector<const LabelledEmbedding*> sorted;
    for (const LabelledEmbedding& sample : samples) {
        if (!detail::is_name(sample.name)) {
            throw InvalidArgument("'" + sample.name + "' can't be a name: it's empty or has a line break");
        }
        if (!detail::is_finite(sample.embedding)) {
            throw InvalidArgument("an embedding of '" + sample.name + "' has a value that isn't finite");
        }
        sorted.push_back(&sample);
    }
    std::sort(sorted.begin(), sorted.end(), [](const LabelledEmbedding* a, const LabelledEmbedding* b) {
        return std::tie(a->name, a) < std::tie(b->name, b);
    });

    Gallery gallery;
    for (const LabelledEmbedding* const sample : sorted) {
        if (gallery.names.empty() || gallery.names.back() != sample->name) gallery.names.push_back(sample->name);
        gallery.embeddings.push_back(sample->embedding);
        gallery.labels.push_back(static_cast<int>(gallery.names.size()) - 1);
    }
    return gallery;
}

namespace detail {

/// No sample is left out.
constexpr std::size_t kNoSample = std::numeric_limits<std::size_t>::max();

/// For each person the distance to the nearest training embedding, as if one of those weren't there.
inline std::vector<double> distances_to_people(const Gallery& gallery, const Embedding& embedding,
                                               std::size_t left_out) {
    std::vector<double> nearest(gallery.names.size(), std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < gallery.embeddings.size(); ++i) {
        double& distance = nearest[static_cast<std::size_t>(gallery.labels[i])];
        if (i != left_out) distance = std::min(distance, euclidean(gallery.embeddings[i], embedding));
    }
    return nearest;
}

/// See Identifier::identify.
inline Identity name_by(const Gallery& gallery, const LinearSvm& svm, const Embedding& embedding, double max_distance,
                        double min_confidence, std::size_t left_out = kNoSample) {
    const std::vector<double> probabilities = svm.probabilities(embedding);
    const std::vector<double> distances = distances_to_people(gallery, embedding, left_out);
    std::size_t best = 0;
    for (std::size_t person = 1; person < distances.size(); ++person) {
        const bool near = distances[person] <= max_distance;
        const bool best_near = distances[best] <= max_distance;
        const bool better =
            near && best_near ? probabilities[person] > probabilities[best] : distances[person] < distances[best];
        if (better) best = person;
    }
    Identity identity{std::nullopt, gallery.names[best], probabilities[best], distances[best]};
    const bool known = identity.distance <= max_distance && identity.confidence >= min_confidence;
    if (known) identity.name = identity.candidate;
    return identity;
}

}  // namespace detail

/// Knows people by their embeddings. Immutable: safe from many threads.
class Identifier {
  public:
    /// Learns people. With one person there is no SVM: the distance decides alone, and the confidence is 1.
    /// \param samples  in any order; one a person is enough, several are better. Equal names are one person
    /// \throws InvalidArgument as make_gallery does, or for options that aren't above 0
    static Identifier train(const std::vector<LabelledEmbedding>& samples, const TrainOptions& options = {}) {
        Gallery gallery = make_gallery(samples);
        const std::size_t people = gallery.names.size();
        LinearSvm svm{people, kDimension, {}};
        if (people > 1) {
            svm = train_linear_svm(gallery.embeddings, gallery.labels, static_cast<int>(people), options.svm);
        }
        return {options.source, std::move(gallery), std::move(svm)};
    }

    /// Reads a model that save() wrote. \throws FileError when it can't be read, FormatError when it isn't one
    static Identifier load(const std::filesystem::path& path) { return load(WeightsFile::open(path)); }

    /// The same from an open file; copies what it needs.
    static Identifier load(const WeightsFile& file) {
        file.require_kind("identifier");
        return detail::with_default_floats([&]() -> Identifier {
            EmbeddingSource source = load_source(file);
            Gallery gallery = load_gallery(file);
            LinearSvm svm = load_svm(file, gallery.names.size());
            return {std::move(source), std::move(gallery), std::move(svm)};
        });
    }

    /// Writes the model, whole or not at all: names, embeddings, SVM and embedder.
    /// \param mode  permissions of a new file, narrowed by the umask; faces are biometric data, so it's the owner's alone.
    ///              A file that is there is replaced and keeps its own
    /// \throws FileError naming the file and the reason; a read-only file isn't replaced
    void save(const std::filesystem::path& path, unsigned mode = 0600) const { writer().save(path, mode); }

    /// The model as save() writes it.
    std::vector<unsigned char> bytes() const { return writer().bytes(); }

    /// Names an embedding, or says that it's nobody known.
    ///
    /// People whose nearest training embedding is farther away than options.max_distance can't be meant. Of the others
    /// the most probable one (of equal ones, the first by name) is the candidate, and the name unless the confidence is
    /// below options.min_confidence. With nobody near enough the candidate is who comes nearest, and there's no name.
    /// \throws InvalidArgument when the embedding has a value that isn't finite
    /// Cost: grows with the square of the number of people; 0.4 ms for 100. Thread-safe.
    Identity identify(const Embedding& embedding, const IdentifyOptions& options = {}) const {
        return detail::with_default_floats([&] {
            if (!detail::is_finite(embedding)) throw InvalidArgument("the embedding has a value that isn't finite");
            return detail::name_by(gallery_, svm_, embedding,
                                   options.max_distance.value_or(source_.same_person_distance), options.min_confidence);
        });
    }

    /// Everybody known, sorted bytewise.
    const std::vector<std::string>& names() const { return gallery_.names; }
    /// Number of training embeddings of all people together.
    std::size_t embedding_count() const { return gallery_.embeddings.size(); }
    /// Where the training embeddings come from. Those to identify have to come from there too: see difference().
    const EmbeddingSource& source() const { return source_; }
    /// The training embeddings.
    const Gallery& gallery() const { return gallery_; }
    /// What tells people apart; without pairs for one person.
    const LinearSvm& svm() const { return svm_; }

  private:
    static constexpr std::size_t kDimension = std::tuple_size_v<Embedding>;

    Identifier(EmbeddingSource source, Gallery gallery, LinearSvm svm)
        : source_(std::move(source)), gallery_(std::move(gallery)), svm_(std::move(svm)) {}

    WeightsWriter writer() const {
        std::vector<float> embeddings;
        for (const Embedding& e : gallery_.embeddings) embeddings.insert(embeddings.end(), e.begin(), e.end());
        std::vector<double> weights, biases, scales;
        std::vector<std::int8_t> calibrated;
        for (const PairClassifier& pair : svm_.pairs) {
            weights.insert(weights.end(), pair.decision.weights.begin(), pair.decision.weights.end());
            biases.push_back(pair.decision.bias);
            scales.insert(scales.end(), {pair.platt.a, pair.platt.b});
            calibrated.push_back(pair.platt.calibrated ? 1 : 0);
        }
        WeightsWriter out("identifier");
        out.add_text("embedder", source_.embedder);
        out.add_text("embedder/weights", source_.weights);
        out.add_text("embedder/alignment", source_.alignment);
        out.add_text("embedder/precision", source_.precision);
        out.add<double>("embedder/same_person_distance", {1}, {source_.same_person_distance});
        out.add_text("names", detail::join_lines(gallery_.names));
        out.add("labels", {gallery_.labels.size()},
                std::vector<std::int32_t>(gallery_.labels.begin(), gallery_.labels.end()));
        out.add("embeddings", {gallery_.embeddings.size(), kDimension}, embeddings);
        out.add("pairs/weights", {svm_.pairs.size(), kDimension}, weights);
        out.add("pairs/bias", {svm_.pairs.size()}, biases);
        out.add("pairs/platt", {svm_.pairs.size(), 2}, scales);
        out.add("pairs/calibrated", {svm_.pairs.size()}, calibrated);
        return out;
    }

    [[noreturn]] static void fail(const WeightsFile& file, const std::string& reason) {
        throw FormatError(file.name() + ": " + reason);
    }

    static EmbeddingSource load_source(const WeightsFile& file) {
        const double distance = file.finite_tensor<double>("embedder/same_person_distance", {1})[0];
        // Models from before there was a choice don't tell.
        const bool tells = file.contains("embedder/precision");
        return {file.text("embedder"), file.text("embedder/weights"), file.text("embedder/alignment"), distance,
                tells ? file.text("embedder/precision") : "float32"};
    }

    static Gallery load_gallery(const WeightsFile& file) {
        Gallery gallery;
        gallery.names = detail::split_lines(file.text("names"));
        for (std::size_t i = 0; i < gallery.names.size(); ++i) {
            const std::string& name = gallery.names[i];
            if (!detail::is_name(name)) fail(file, "name " + std::to_string(i) + " is empty");
            if (i > 0 && !(gallery.names[i - 1] < name)) fail(file, "the names aren't sorted at '" + name + "'");
        }
        const auto labels = file.tensor<std::int32_t>("labels", {WeightsFile::kAny});
        const std::vector<float> values = file.floats("embeddings", {labels.size(), kDimension});
        gallery.labels.assign(labels.begin(), labels.end());
        require_labels(file, gallery);
        gallery.embeddings.resize(labels.size());
        for (std::size_t i = 0; i < labels.size(); ++i) {
            std::copy_n(values.data() + i * kDimension, kDimension, gallery.embeddings[i].begin());
        }
        return gallery;
    }

    /// Labels have to go through the numbers of the names in order, without a gap.
    static void require_labels(const WeightsFile& file, const Gallery& gallery) {
        const auto people = static_cast<std::int64_t>(gallery.names.size());
        std::int64_t last = -1;
        for (const int label : gallery.labels) {
            if (label < 0 || label >= people) {
                fail(file, "label " + std::to_string(label) + " isn't one of 0 to " + std::to_string(people - 1));
            }
            if (label < last) fail(file, "the labels aren't ascending");
            if (label > last + 1)
                fail(file, "'" + gallery.names[static_cast<std::size_t>(last + 1)] + "' has no embedding");
            last = label;
        }
        if (last != people - 1) fail(file, "'" + gallery.names.back() + "' has no embedding");
    }

    static LinearSvm load_svm(const WeightsFile& file, std::size_t people) {
        const std::size_t pair_count = people * (people - 1) / 2;
        const auto weights = file.finite_tensor<double>("pairs/weights", {pair_count, kDimension});
        const auto biases = file.finite_tensor<double>("pairs/bias", {pair_count});
        const auto scales = file.finite_tensor<double>("pairs/platt", {pair_count, 2});
        const auto calibrated = file.tensor<std::int8_t>("pairs/calibrated", {pair_count});
        LinearSvm svm{people, kDimension, std::vector<PairClassifier>(pair_count)};
        for (std::size_t i = 0; i < pair_count; ++i) {
            const double* const w = weights.data + i * kDimension;
            svm.pairs[i].decision.weights.assign(w, w + kDimension);
            svm.pairs[i].decision.bias = biases[i];
            svm.pairs[i].platt = {scales[2 * i], scales[2 * i + 1], calibrated[i] != 0};
        }
        return svm;
    }

    EmbeddingSource source_;
    Gallery gallery_;
    LinearSvm svm_;
};

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/identify/enrolment.hpp
/// \file
/// Looks at training faces before they're trusted: is one of them probably somebody else's, do two people look the
/// same, how well would the model do on faces that it hasn't seen, and from which distance on should it say "unknown"?
///
///     n names with 128 floats each --find_strangers-->   faces that don't look like their person's others
///                                  --find_look_alikes--> pairs of people who can hardly be told apart
///                                  --leave_one_out-->    how many faces the others would have named right
///                                  --suggest_distance--> where faces of one person end and those of others begin
///
/// find_look_alikes and suggest_distance compare all faces with all, so that their costs grow with the square of the
/// number of faces: for 10,000 faces a few seconds each. leave_one_out trains, and costs more.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// Two people whose faces look the same to the network.
struct LookAlikes {
    std::string one;      ///< the first by name
    std::string other;    ///< the second
    double distance = 0;  ///< median distance of a face of one from a face of the other
};

/// How a model does on faces that it wasn't trained with.
struct LeaveOneOut {
    std::size_t faces = 0;  ///< that were tried, each against a model of all the others
    std::size_t right = 0;  ///< of these, how many got their own name
};

namespace detail {

/// The places of each person's samples, by name.
inline std::map<std::string, std::vector<std::size_t>> samples_by_name(const std::vector<LabelledEmbedding>& samples) {
    std::map<std::string, std::vector<std::size_t>> by_name;
    for (std::size_t i = 0; i < samples.size(); ++i) by_name[samples[i].name].push_back(i);
    return by_name;
}

/// The middle value, the upper one of an even number. \param values  at least one
inline double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Calls work(pair, a, b) for the pairs of classes that `label` is one of.
template <typename Work>
void for_pairs_of(std::size_t label, std::size_t classes, Work work) {
    std::size_t pair = 0;
    for (std::size_t a = 0; a < classes; ++a) {
        for (std::size_t b = a + 1; b < classes; ++b, ++pair) {
            if (a == label || b == label) work(pair, a, b);
        }
    }
}

}  // namespace detail

/// The samples that are probably somebody else's: farther than `same_person_distance` from most of their person's others.
/// Of a person with fewer than three samples, or where most would be strangers, nobody can say which, and none is.
/// \returns their places in `samples`, ascending
inline std::vector<std::size_t> find_strangers(const std::vector<LabelledEmbedding>& samples,
                                               double same_person_distance) {
    return detail::with_default_floats([&] {
        std::vector<std::size_t> strangers;
        for (const auto& [name, places] : detail::samples_by_name(samples)) {
            std::vector<std::size_t> far;
            for (const std::size_t i : places) {
                std::size_t near = 0;
                for (const std::size_t j : places) {
                    if (j != i && detail::euclidean(samples[i].embedding, samples[j].embedding) <= same_person_distance)
                        ++near;
                }
                if (2 * near < places.size() - 1) far.push_back(i);
            }
            if (2 * far.size() < places.size()) strangers.insert(strangers.end(), far.begin(), far.end());
        }
        std::sort(strangers.begin(), strangers.end());
        return strangers;
    });
}

/// The pairs of people of whose faces half or more are nearer than `same_person_distance` to each other, by rising
/// distance.
inline std::vector<LookAlikes> find_look_alikes(const std::vector<LabelledEmbedding>& samples,
                                                double same_person_distance) {
    return detail::with_default_floats([&] {
        const auto by_name = detail::samples_by_name(samples);
        std::vector<LookAlikes> alike;
        for (auto one = by_name.begin(); one != by_name.end(); ++one) {
            for (auto other = std::next(one); other != by_name.end(); ++other) {
                std::vector<double> distances;
                for (const std::size_t i : one->second) {
                    for (const std::size_t j : other->second) {
                        distances.push_back(detail::euclidean(samples[i].embedding, samples[j].embedding));
                    }
                }
                const double median = detail::median_of(std::move(distances));
                if (median <= same_person_distance) alike.push_back({one->first, other->first, median});
            }
        }
        std::sort(alike.begin(), alike.end(), [](const LookAlikes& a, const LookAlikes& b) {
            return std::tie(a.distance, a.one, a.other) < std::tie(b.distance, b.one, b.other);
        });
        return alike;
    });
}

/// The samples without copies: of those with the same embedding to the last bit, which are of one photo under several
/// names, the first. What's left out and named by the others must not meet itself.
inline std::vector<LabelledEmbedding> without_copies(const std::vector<LabelledEmbedding>& samples) {
    std::set<Embedding> seen;
    std::vector<LabelledEmbedding> unique;
    for (const LabelledEmbedding& sample : samples) {
        if (seen.insert(sample.embedding).second) unique.push_back(sample);
    }
    return unique;
}

/// Names faces by a model that was trained on all faces but this one, for each face of people who have two or more.
/// Copies count once, see without_copies().
/// \param most  no more faces than so many are tried, evenly chosen, since each is a training of its own
/// \throws InvalidArgument as Identifier::train does
/// Cost: a face retrains its person's pairs: 60 us for each other person of 10 samples.
inline LeaveOneOut leave_one_out(const std::vector<LabelledEmbedding>& samples, const TrainOptions& options = {},
                                 std::size_t most = 500) {
    return detail::with_default_floats([&] {
        const Identifier everybody = Identifier::train(without_copies(samples), options);
        const Gallery& gallery = everybody.gallery();
        const std::size_t people = gallery.names.size();
        LinearSvm svm = everybody.svm();
        std::vector<std::vector<VectorView>> classes(people);
        std::vector<std::ptrdiff_t> places;  // of each sample in its class
        for (std::size_t i = 0; i < gallery.embeddings.size(); ++i) {
            auto& own = classes[static_cast<std::size_t>(gallery.labels[i])];
            places.push_back(static_cast<std::ptrdiff_t>(own.size()));
            own.emplace_back(gallery.embeddings[i]);
        }
        std::vector<std::size_t> of_several;
        for (std::size_t i = 0; i < gallery.embeddings.size(); ++i) {
            if (classes[static_cast<std::size_t>(gallery.labels[i])].size() > 1) of_several.push_back(i);
        }
        LeaveOneOut result;
        result.faces = std::min(most, of_several.size());
        for (std::size_t k = 0; k < result.faces; ++k) {
            const std::size_t i = of_several[k * of_several.size() / result.faces];
            const auto label = static_cast<std::size_t>(gallery.labels[i]);
            auto& own = classes[label];
            own.erase(own.begin() + places[i]);
            detail::for_pairs_of(label, people, [&](std::size_t pair, std::size_t a, std::size_t b) {
                svm.pairs[pair] = detail::train_pair(classes[a], classes[b], options.svm);
            });
            const Identity who =
                detail::name_by(gallery, svm, gallery.embeddings[i], options.source.same_person_distance, 0, i);
            if (who.name == gallery.names[label]) ++result.right;
            detail::for_pairs_of(label, people, [&](std::size_t pair, std::size_t, std::size_t) {
                svm.pairs[pair] = everybody.svm().pairs[pair];
            });
            own.insert(own.begin() + places[i], VectorView(gallery.embeddings[i]));
        }
        return result;
    });
}

/// The distance from which on "unknown" is right most often: for each face, the nearest of its person's others should be
/// below it and the nearest of other people's above. Halfway between where one kind ends and the other begins.
/// Empty where fewer than ten faces have both, which says too little. Copies count once, see without_copies().
inline std::optional<double> suggest_distance(const std::vector<LabelledEmbedding>& with_copies) {
    return detail::with_default_floats([&]() -> std::optional<double> {
        const std::vector<LabelledEmbedding> samples = without_copies(with_copies);
        struct Nearest {
            double distance;
            bool own;
        };
        constexpr double kNone = std::numeric_limits<double>::infinity();
        std::vector<Nearest> all;
        for (std::size_t i = 0; i < samples.size(); ++i) {
            double own = kNone, other = kNone;
            for (std::size_t j = 0; j < samples.size(); ++j) {
                double& nearest = samples[i].name == samples[j].name ? own : other;
                if (i != j) nearest = std::min(nearest, detail::euclidean(samples[i].embedding, samples[j].embedding));
            }
            if (own < kNone && other < kNone) all.insert(all.end(), {{own, true}, {other, false}});
        }
        constexpr std::size_t kFewest = 10;
        if (all.size() < 2 * kFewest) return std::nullopt;
        std::sort(all.begin(), all.end(), [](const Nearest& a, const Nearest& b) { return a.distance < b.distance; });
        // Below all of them, each person's own are mistaken; going up, an own one mends a mistake and another's makes one.
        std::ptrdiff_t mistakes = static_cast<std::ptrdiff_t>(all.size() / 2), fewest = mistakes;
        double best = all.front().distance, widest = 0;
        for (std::size_t i = 0; i + 1 < all.size(); ++i) {
            mistakes += all[i].own ? -1 : 1;
            const double gap = all[i + 1].distance - all[i].distance;
            if (!(gap > 0)) continue;  // no distance lies between the two
            if (mistakes < fewest || (mistakes == fewest && gap > widest)) {
                fewest = mistakes;
                widest = gap;
                best = all[i].distance + gap / 2;
            }
        }
        return best;
    });
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/identify/cluster.hpp
/// \file
/// Sorts faces by person without names: who is near to whom makes a graph, and each face joins the group of most of its
/// neighbours.
///
///     n x 128 floats --all pairs nearer than a distance--> graph: n x n bits --whispers--> a group for each of n
///
/// Chinese whispers: at first each face is a group of its own. One face after the other then takes the group that most
/// of its neighbours have. The number of groups comes out by itself, and a wrong edge between two people is outvoted.
/// whisper() is the method; the rest of the file finds the neighbours quickly.
///
/// Paper: Biemann 2006, "Chinese whispers: an efficient graph clustering algorithm and its application to natural
/// language processing problems".

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Which faces are near to which: a bit for each ordered pair. Lists of neighbours would be smaller where people are many,
/// but 32 times as large where all faces show the same one.
class NearGraph {
  public:
    /// Faces whose bits share a word, and which are compared with others at once.
    static constexpr std::size_t kTile = 32;

    /// Joins faces nearer than `distance`.
    NearGraph(const std::vector<Embedding>& faces, double distance, ThreadPool& threads)
        : words_((faces.size() + kTile - 1) / kTile), bits_(faces.size() * words_) {
        threads.run(static_cast<int>(words_), [&](int tile, int) {
            // The later tiles, which have more faces before them, come first.
            join_tile(faces, distance, words_ - 1 - static_cast<std::size_t>(tile));
        });
    }

    /// Calls visit(other) for each face near to one, in their order.
    template <typename Visit>
    void for_each_near(std::size_t face, const Visit& visit) const {
        for (std::size_t word = 0; word < words_; ++word) {
            const std::uint32_t bits = bits_[face * words_ + word];
            for (std::size_t i = 0; i < kTile && bits >> i != 0; ++i) {
                if ((bits >> i & 1u) != 0) visit(word * kTile + i);
            }
        }
    }

  private:
    using Tile = std::array<std::array<float, kTile>, std::tuple_size_v<Embedding>>;

    /// Joins the faces of a tile with all before them. The words written are no other tile's.
    void join_tile(const std::vector<Embedding>& faces, double distance, std::size_t tile) {
        const std::size_t begin = tile * kTile, end = std::min(begin + kTile, faces.size());
        Tile transposed{};
        for (std::size_t i = begin; i < end; ++i) {
            for (std::size_t k = 0; k < transposed.size(); ++k) transposed[k][i - begin] = faces[i][k];
        }
        // Sums in float are off by less than 131 roundings of 2^-24, or by what's too small for a float; what lies so near to
        // the limit, or is too large for a float, is decided in double.
        const double limit = distance * distance, below = limit * (1 - 1e-5) - 1e-35,
                     above = limit * (1 + 1e-5) + 1e-35;
        for (std::size_t i = 0; i < end; ++i) {
            const std::array<float, kTile> squares = squared_distances(faces[i], transposed);
            for (std::size_t j = std::max(begin, i + 1); j < end; ++j) {
                const auto square = static_cast<double>(squares[j - begin]);
                if (square > above && std::isfinite(square)) continue;
                if (square < below || euclidean(faces[i], faces[j]) < distance) join(i, j);
            }
        }
    }

    /// Of a face to those of a tile, as sums beside each other, which compilers put into registers (more than 16 of them,
    /// else g++ 12 tears them apart first).
    static std::array<float, kTile> squared_distances(const Embedding& face, const Tile& tile) {
        std::array<float, kTile> sums{};
        for (std::size_t k = 0; k < tile.size(); ++k) {
            for (std::size_t i = 0; i < kTile; ++i) {
                const float difference = face[k] - tile[k][i];
                sums[i] += difference * difference;
            }
        }
        return sums;
    }

    void join(std::size_t a, std::size_t b) {
        mark(a, b);
        mark(b, a);
    }
    void mark(std::size_t from, std::size_t to) {
        std::uint32_t& word = bits_[from * words_ + to / kTile];
        word |= std::uint32_t{1} << to % kTile;
    }

    std::size_t words_;  // a face
    std::vector<std::uint32_t> bits_;
};

/// Groups by Chinese whispers, each with the number of one of its members' groups at the start. Faces speak in their order.
///
/// A face leaves its group only for one that more of its neighbours are in, of these for the one with the least number. So
/// each change adds edges within groups, and it ends.
inline std::vector<std::size_t> whisper(const NearGraph& graph, std::size_t faces) {
    std::vector<std::size_t> group(faces), votes(faces), voted;
    std::iota(group.begin(), group.end(), std::size_t{0});
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t face = 0; face < faces; ++face) {
            voted.clear();
            graph.for_each_near(face, [&](std::size_t other) {
                if (votes[group[other]]++ == 0) voted.push_back(group[other]);
            });
            std::size_t best = group[face];
            for (const std::size_t candidate : voted) {
                const bool tie_of_others = votes[candidate] == votes[best] && best != group[face] && candidate < best;
                if (votes[candidate] > votes[best] || tie_of_others) best = candidate;
            }
            for (const std::size_t candidate : voted) votes[candidate] = 0;
            changed = changed || best != group[face];
            group[face] = best;
        }
    }
    return group;
}

/// A number that a face has by itself and that looks like chance.
inline std::uint64_t shuffle_key(const Embedding& face) {
    std::uint64_t key = 0;
    for (const float value : face) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        key = (key ^ bits) * 0x9E3779B97F4A7C15u;
        key ^= key >> 32;
    }
    return key;
}

/// Numbers 0, 1, ... for groups, by falling size, equal ones by their first member.
inline std::vector<int> number_by_size(const std::vector<std::size_t>& group) {
    std::vector<std::size_t> size(group.size()), first_member(group.size()), by_size;
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (size[group[i]]++ > 0) continue;
        first_member[group[i]] = i;
        by_size.push_back(group[i]);
    }
    std::sort(by_size.begin(), by_size.end(), [&](std::size_t a, std::size_t b) {
        return size[a] != size[b] ? size[a] > size[b] : first_member[a] < first_member[b];
    });
    std::vector<int> number_of(group.size()), numbers;
    for (std::size_t i = 0; i < by_size.size(); ++i) number_of[by_size[i]] = static_cast<int>(i);
    for (const std::size_t g : group) numbers.push_back(number_of[g]);
    return numbers;
}

}  // namespace detail

/// Groups faces by person.
///
/// Two faces nearer than the distance are neighbours; groups are found by Chinese whispers. Which face speaks when is drawn
/// by lot from its numbers, so the groups depend neither on the order of the faces nor on the number of threads.
///
/// \param faces                 embeddings of one source, any number of them
/// \param same_person_distance  nearer than this are neighbours, see EmbeddingSource; at least 0
/// \param workspace             threads that compare faces
/// \returns a group for each face: 0 is the largest, of groups of a size the one whose first face comes first
/// \throws InvalidArgument for a distance that isn't finite or is below 0, or a face with a number that isn't finite;
///         std::bad_alloc when there's no memory
/// Cost: n^2 / 2 distances of n faces, then some rounds over all neighbours: 10,000 faces take about a second on a core.
/// Memory: n^2 / 8 bytes whoever is near to whom, 12.5 MB for 10,000 faces and 1.25 GB for 100,000, and the faces once more.
inline std::vector<int> cluster_faces(const std::vector<Embedding>& faces, double same_person_distance,
                                      Workspace& workspace) {
    return detail::with_default_floats([&] {
        if (!std::isfinite(same_person_distance) || same_person_distance < 0) {
            throw InvalidArgument("the distance of one person's faces has to be at least 0, not " +
                                  std::to_string(same_person_distance));
        }
        std::vector<std::pair<std::uint64_t, std::size_t>> lots;
        for (std::size_t i = 0; i < faces.size(); ++i) {
            if (!std::all_of(faces[i].begin(), faces[i].end(), [](float value) { return std::isfinite(value); })) {
                throw InvalidArgument("face " + std::to_string(i) + " has a number that isn't finite");
            }
            lots.emplace_back(detail::shuffle_key(faces[i]), i);
        }
        std::sort(lots.begin(), lots.end());
        std::vector<Embedding> shuffled;
        shuffled.reserve(faces.size());
        for (const auto& lot : lots) shuffled.push_back(faces[lot.second]);
        const detail::NearGraph graph(shuffled, same_person_distance, workspace.threads());
        const std::vector<std::size_t> groups_shuffled = detail::whisper(graph, faces.size());
        std::vector<std::size_t> groups(faces.size());
        for (std::size_t i = 0; i < lots.size(); ++i) groups[lots[i].second] = groups_shuffled[i];
        return detail::number_by_size(groups);
    });
}

/// The same on the calling thread alone.
inline std::vector<int> cluster_faces(const std::vector<Embedding>& faces, double same_person_distance) {
    Workspace workspace;
    return cluster_faces(faces, same_person_distance, workspace);
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/identify/evaluate.hpp
/// \file
/// How good are embeddings? Two experiments with known answers.
///
///     verification    pairs of faces: the same person or not?     -> accuracy over ten folds, ROC curve
///     identification  some people's faces, a tenth held out: who? -> accuracy, and how it falls with more people
///
/// Verification follows the restricted protocol of Labeled Faces in the Wild (Huang, Ramesh, Berg & Learned-Miller
/// 2007) as OpenFace ran it (Amos, Ludwiczuk & Satyanarayanan 2016): squared distances, the pairs in ten parts
/// ("folds"), and for each the threshold that did best on the others. The ROC curve tells, for every threshold, how
/// many pairs of one person are known as such and how many of two people are taken for one. Identification is
/// OpenFace's own experiment with the people that have most pictures.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// Two faces of which it's known whether they're one person's.
struct VerificationPair {
    double squared_distance = 0;  ///< of their embeddings
    bool same = false;            ///< true when they're one person's
    std::size_t fold = 0;         ///< the part of the experiment that the pair belongs to, from 0
};

/// What became of the pairs of a fold at a threshold: a pair nearer than that counts as the same person.
struct RocPoint {
    double threshold = 0;             ///< of the squared distance
    std::size_t true_positives = 0;   ///< pairs of one person that were taken for that
    std::size_t true_negatives = 0;   ///< pairs of two people that were taken for that
    std::size_t false_positives = 0;  ///< pairs of two people that were taken for one
    std::size_t false_negatives = 0;  ///< pairs of one person that were taken for two

    /// Share of the pairs of one person that were taken for that; 0 when there's none.
    double true_positive_rate() const { return share(true_positives, false_negatives); }
    /// Share of the pairs of two people that were taken for one; 0 when there's none.
    double false_positive_rate() const { return share(false_positives, true_negatives); }
    /// Share of the pairs that were judged right.
    double accuracy() const { return share(true_positives + true_negatives, false_positives + false_negatives); }

  private:
    static double share(std::size_t part, std::size_t rest) {
        return part + rest == 0 ? 0 : static_cast<double>(part) / static_cast<double>(part + rest);
    }
};

/// A fold's result: the threshold that the other folds chose, the accuracy with it here, and all thresholds.
struct VerificationFold {
    double threshold = 0;       ///< of the squared distance: the best one for the pairs of all other folds
    double accuracy = 0;        ///< share of this fold's pairs that it judges right
    std::vector<RocPoint> roc;  ///< kVerificationThresholds points, by rising threshold
};

/// A point of a curve over the false positive rate.
struct CurvePoint {
    double false_positive_rate = 0;  ///< share of the pairs of two people that are taken for one, 0 to 1
    double true_positive_rate = 0;   ///< share of the pairs of one person that are taken for that, 0 to 1
};

/// The result of a verification experiment.
struct Verification {
    std::vector<VerificationFold> folds;  ///< as the pairs number them
    double mean_accuracy = 0;             ///< over the folds
    double accuracy_deviation = 0;        ///< standard deviation over the folds (divided by their number)
    std::vector<CurvePoint> mean_roc;     ///< at 1000 false positive rates from 0 to 1, averaged over the folds
    double area_under_curve = 0;          ///< of mean_roc, by the trapezoid rule: 1 is perfect, 0.5 is chance
    double equal_error_rate = 0;          ///< where mean_roc has as many false positives as false negatives
};

/// Thresholds that verify() tries: 0.00, 0.01, ..., 3.99.
constexpr std::size_t kVerificationThresholds = 400;

namespace detail {

inline double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Standard deviation, divided by the number of values.
inline double deviation_of(const std::vector<double>& values) {
    const double mean = mean_of(values);
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return std::sqrt(squares / static_cast<double>(values.size()));
}

/// No counts yet, at each threshold.
inline std::vector<RocPoint> empty_roc() {
    std::vector<RocPoint> roc(kVerificationThresholds);
    for (std::size_t i = 0; i < roc.size(); ++i) roc[i].threshold = static_cast<double>(i) / 100;
    return roc;
}

/// Counts a pair at each threshold.
inline void count_pair(const VerificationPair& pair, std::vector<RocPoint>& roc) {
    for (RocPoint& point : roc) {
        const bool taken_for_same = pair.squared_distance < point.threshold;
        if (pair.same) {
            ++(taken_for_same ? point.true_positives : point.false_negatives);
        } else {
            ++(taken_for_same ? point.false_positives : point.true_negatives);
        }
    }
}

/// The threshold with the best accuracy over all folds but one; of equal ones the largest.
inline std::size_t best_threshold(const std::vector<VerificationFold>& folds, std::size_t left_out) {
    std::size_t best = 0, best_right = 0;
    for (std::size_t i = 0; i < kVerificationThresholds; ++i) {
        std::size_t right = 0;
        for (std::size_t fold = 0; fold < folds.size(); ++fold) {
            const RocPoint& point = folds[fold].roc[i];
            if (fold != left_out) right += point.true_positives + point.true_negatives;
        }
        if (right < best_right) continue;
        best = i;
        best_right = right;
    }
    return best;
}

/// A fold's curve at a false positive rate: straight between its points, from (0, 0) to (1, 1); where it rises straight
/// up, the upper end.
inline double true_positives_at(const std::vector<RocPoint>& roc, double false_positive_rate) {
    CurvePoint before;
    for (std::size_t i = 0; i <= roc.size(); ++i) {
        const CurvePoint here =
            i < roc.size() ? CurvePoint{roc[i].false_positive_rate(), roc[i].true_positive_rate()} : CurvePoint{1, 1};
        if (here.false_positive_rate > false_positive_rate) {
            const double way = (false_positive_rate - before.false_positive_rate) /
                               (here.false_positive_rate - before.false_positive_rate);
            return before.true_positive_rate + way * (here.true_positive_rate - before.true_positive_rate);
        }
        before = here;
    }
    return before.true_positive_rate;
}

inline std::vector<CurvePoint> mean_roc(const std::vector<VerificationFold>& folds) {
    constexpr std::size_t kPoints = 1000;
    std::vector<CurvePoint> curve(kPoints);
    for (std::size_t i = 0; i < kPoints; ++i) {
        curve[i].false_positive_rate = static_cast<double>(i) / static_cast<double>(kPoints - 1);
        for (const VerificationFold& fold : folds) {
            curve[i].true_positive_rate += true_positives_at(fold.roc, curve[i].false_positive_rate);
        }
        curve[i].true_positive_rate /= static_cast<double>(folds.size());
    }
    return curve;
}

inline double area_under(const std::vector<CurvePoint>& curve) {
    double area = 0;
    for (std::size_t i = 1; i < curve.size(); ++i) {
        area += (curve[i].false_positive_rate - curve[i - 1].false_positive_rate) *
                (curve[i].true_positive_rate + curve[i - 1].true_positive_rate) / 2;
    }
    return area;
}

/// Where the curve meets the line on which false positives and false negatives are equally frequent.
inline double equal_error_rate(const std::vector<CurvePoint>& curve) {
    const auto surplus = [](const CurvePoint& p) { return p.false_positive_rate - (1 - p.true_positive_rate); };
    for (std::size_t i = 1; i < curve.size(); ++i) {
        const double before = surplus(curve[i - 1]), here = surplus(curve[i]);
        if (here < 0) continue;
        if (before >= 0) return curve[i - 1].false_positive_rate;
        const double way = before / (before - here);
        return curve[i - 1].false_positive_rate +
               way * (curve[i].false_positive_rate - curve[i - 1].false_positive_rate);
    }
    return 1;
}

}  // namespace detail

/// Runs the verification protocol.
/// \param pairs  in two or more folds, numbered from 0 without a gap; each fold needs a pair of each kind
/// \throws InvalidArgument when a fold lacks one, or a distance isn't finite and at least 0
/// Cost: 400 comparisons a pair; 5 ms for 6000 pairs in 10 folds.
inline Verification verify(const std::vector<VerificationPair>& pairs) {
    return detail::with_default_floats([&] {
        std::map<std::size_t, std::pair<std::size_t, std::size_t>> kinds;
        for (const VerificationPair& pair : pairs) {
            if (!(pair.squared_distance >= 0) || !std::isfinite(pair.squared_distance)) {
                throw InvalidArgument("a squared distance has to be finite and at least 0");
            }
            ++(pair.same ? kinds[pair.fold].first : kinds[pair.fold].second);
        }
        if (kinds.size() < 2) throw InvalidArgument("verification needs pairs in at least two folds");
        for (std::size_t fold = 0; fold < kinds.size(); ++fold) {
            const auto found = kinds.find(fold);
            if (found == kinds.end() || found->second.first == 0 || found->second.second == 0) {
                throw InvalidArgument("fold " + std::to_string(fold) + " needs pairs of one person and pairs of two");
            }
        }
        Verification result;
        result.folds.assign(kinds.size(), {0, 0, detail::empty_roc()});
        for (const VerificationPair& pair : pairs) detail::count_pair(pair, result.folds[pair.fold].roc);
        std::vector<double> accuracies;
        for (std::size_t fold = 0; fold < kinds.size(); ++fold) {
            const RocPoint& chosen = result.folds[fold].roc[detail::best_threshold(result.folds, fold)];
            result.folds[fold].threshold = chosen.threshold;
            result.folds[fold].accuracy = chosen.accuracy();
            accuracies.push_back(chosen.accuracy());
        }
        result.mean_accuracy = detail::mean_of(accuracies);
        result.accuracy_deviation = detail::deviation_of(accuracies);
        result.mean_roc = detail::mean_roc(result.folds);
        result.area_under_curve = detail::area_under(result.mean_roc);
        result.equal_error_rate = detail::equal_error_rate(result.mean_roc);
        return result;
    });
}

/// The result of naming held-out faces among some number of people. Means and deviations are over the repetitions.
struct Identification {
    std::size_t people = 0;         ///< among whom a face is named
    std::size_t faces = 0;          ///< of all these people
    double mean_accuracy = 0;       ///< share of the held-out faces that were named right
    double accuracy_deviation = 0;  ///< standard deviation of that (divided by the number of repetitions)
    double train_seconds = 0;       ///< for a training
    double predict_seconds = 0;     ///< for a face, from its embedding
};

/// How an identification experiment is run.
struct IdentificationOptions {
    std::size_t faces_each = 20;  ///< of each person, the first ones
    int repetitions = 10;         ///< each holds out another tenth of the faces
    std::uint32_t seed = 0;       ///< of the choice; with the same seed the same faces are held out everywhere
    SvmOptions svm;               ///< cost and tolerance of each training
};

namespace detail {

/// 0 .. count - 1 in an order that depends on nothing but the generator. (std::shuffle's depends on the library.)
inline std::vector<std::size_t> shuffled(std::size_t count, std::mt19937& random) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    return order;
}

/// The faces of the people who have most; of people with equally many, the first by name.
inline std::vector<LabelledEmbedding> faces_of_most_pictured(const std::vector<LabelledEmbedding>& samples,
                                                             std::size_t people, std::size_t faces_each) {
    std::map<std::string, std::vector<const LabelledEmbedding*>> by_name;
    for (const LabelledEmbedding& sample : samples) by_name[sample.name].push_back(&sample);
    using Person = const std::pair<const std::string, std::vector<const LabelledEmbedding*>>*;
    std::vector<Person> most;
    for (const auto& person : by_name) most.push_back(&person);
    std::sort(most.begin(), most.end(), [](Person a, Person b) {
        return a->second.size() != b->second.size() ? a->second.size() > b->second.size() : a->first < b->first;
    });
    std::vector<LabelledEmbedding> chosen;
    for (std::size_t person = 0; person < std::min(people, most.size()); ++person) {
        for (std::size_t i = 0; i < std::min(faces_each, most[person]->second.size()); ++i) {
            chosen.push_back(*most[person]->second[i]);
        }
    }
    return chosen;
}

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace detail

/// Holds out a tenth of the faces of the most pictured people, trains on the rest, and counts whose names come out
/// right, whatever the distance.
/// \param samples  embeddings with their names
/// \param people   how many of them take part, at least 2; all when there are fewer
/// \throws InvalidArgument for fewer than two people, fewer than ten faces in all, no repetition, or as
/// Identifier::train does
inline Identification identify_held_out(const std::vector<LabelledEmbedding>& samples, std::size_t people,
                                        const IdentificationOptions& options = {}) {
    return detail::with_default_floats([&] {
        const std::vector<LabelledEmbedding> faces =
            detail::faces_of_most_pictured(samples, people, options.faces_each);
        Identification result;
        for (std::size_t i = 0; i < faces.size(); ++i) {
            if (i == 0 || faces[i].name != faces[i - 1].name) ++result.people;
        }
        result.faces = faces.size();
        if (result.people < 2 || faces.size() < 10 || options.repetitions < 1) {
            throw InvalidArgument("identification needs two people, ten faces of them and a repetition");
        }
        const std::size_t held_out = (faces.size() + 9) / 10;
        IdentifyOptions anybody;
        anybody.max_distance = std::numeric_limits<double>::infinity();
        TrainOptions train;
        train.svm = options.svm;
        std::mt19937 random(options.seed);
        std::vector<double> accuracies, train_seconds, predict_seconds;
        for (int repetition = 0; repetition < options.repetitions; ++repetition) {
            const std::vector<std::size_t> order = detail::shuffled(faces.size(), random);
            std::vector<LabelledEmbedding> training;
            for (std::size_t i = held_out; i < order.size(); ++i) training.push_back(faces[order[i]]);
            const auto before_training = std::chrono::steady_clock::now();
            const Identifier identifier = Identifier::train(training, train);
            train_seconds.push_back(detail::seconds_since(before_training));
            const auto before_naming = std::chrono::steady_clock::now();
            std::size_t right = 0;
            for (std::size_t i = 0; i < held_out; ++i) {
                const LabelledEmbedding& face = faces[order[i]];
                if (identifier.identify(face.embedding, anybody).candidate == face.name) ++right;
            }
            predict_seconds.push_back(detail::seconds_since(before_naming) / static_cast<double>(held_out));
            accuracies.push_back(static_cast<double>(right) / static_cast<double>(held_out));
        }
        result.mean_accuracy = detail::mean_of(accuracies);
        result.accuracy_deviation = detail::deviation_of(accuracies);
        result.train_seconds = detail::mean_of(train_seconds);
        result.predict_seconds = detail::mean_of(predict_seconds);
        return result;
    });
}

}  // namespace v0_1
}  // namespace ffr
// All of it together, and faces followed through a video.

// ---- ffr/pipeline.hpp
/// \file
/// The whole way in one object: a photo goes in, faces with boxes, landmarks, chips and embeddings come out.
///
///     image h x w --detect--> boxes --predict--> 68 points each --align--> chips 150 x 150 --embed--> 128 numbers each

#include <filesystem>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// All that's known of a face in a photo.
struct Face {
    Detection detection;    ///< where it is, and how sure the detector was
    Landmarks landmarks;    ///< 68 or 5 points in the photo
    Image chip;             ///< the straightened face, as the network takes it
    Embedding embedding{};  ///< 128 numbers, near to those of the same person's other faces
};

/// Detector, landmarks and network together. Immutable after loading, safe for many threads.
class Pipeline {
  public:
    /// Puts loaded models together. \param detector  a FaceDetector, an MmodDetector or an AutoDetector
    Pipeline(Detector detector, LandmarkPredictor landmarks, FaceEmbedder embedder)
        : detector_(std::move(detector)), landmarks_(std::move(landmarks)), embedder_(std::move(embedder)) {}

    /// Loads hog_frontal.ffr, landmarks68.ffr and resnet29.ffr.
    /// \param folder  where they are; if empty, FFR_WEIGHTS or beside the program as find_weights says
    /// \throws FileError when one isn't there, FormatError when it isn't what it should be
    static Pipeline load(const std::filesystem::path& folder = {});

    /// The same with the network's arithmetic chosen when the program runs: see FaceEmbedder::load.
    static Pipeline load(const std::filesystem::path& folder, Precision precision);

    /// The step from an image to boxes.
    const Detector& detector() const { return detector_; }
    /// The step from a box to points.
    const LandmarkPredictor& landmarks() const { return landmarks_; }
    /// The step from a chip to numbers.
    const FaceEmbedder& embedder() const { return embedder_; }

    /// Landmarks, chip and embedding of a face that was found. \throws InvalidArgument when the image is empty
    Face measure(ImageView image, const Detection& detection) const {
        return measure(image, std::vector{detection}).front();
    }

    /// The same of many faces in one image, which takes less time than one by one.
    std::vector<Face> measure(ImageView image, const std::vector<Detection>& detections) const {
        Workspace workspace;
        return measure(image, detections, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use.
    std::vector<Face> measure(ImageView image, const std::vector<Detection>& detections, Workspace& workspace) const {
        std::vector<Face> faces(detections.size());
        workspace.threads().run(static_cast<int>(faces.size()), [&](int task, int) {
            const auto i = static_cast<std::size_t>(task);
            faces[i].detection = detections[i];
            faces[i].landmarks = landmarks_.predict(image, detections[i].box);
            faces[i].chip = embedder_.align(image, faces[i].landmarks);
        });
        std::vector<ImageView> chips;
        for (const Face& face : faces) chips.push_back(face.chip);
        const std::vector<Embedding> embeddings = embedder_.embed(chips, workspace);
        for (std::size_t i = 0; i < faces.size(); ++i) faces[i].embedding = embeddings[i];
        return faces;
    }

    /// Finds and measures all faces of a photo, by falling score. \throws InvalidArgument as Detector::detect does
    std::vector<Face> faces(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return faces(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use: for a camera's pictures, say.
    std::vector<Face> faces(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return measure(image, detector_.detect(image, options, workspace), workspace);
    }

  private:
    template <typename LoadEmbedder>
    static Pipeline load_with(const std::filesystem::path& folder, LoadEmbedder load_embedder) {
        const auto open = [&](const char* name) { return WeightsFile::open(find_weights(name, folder)); };
        return {FaceDetector::load(open("hog_frontal.ffr")), LandmarkPredictor::load(open("landmarks68.ffr")),
                load_embedder(open("resnet29.ffr"))};
    }

    Detector detector_;
    LandmarkPredictor landmarks_;
    FaceEmbedder embedder_;
};

#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)

FFR_COMPILED_INLINE Pipeline Pipeline::load(const std::filesystem::path& folder) {
    return load_with(folder, [](const WeightsFile& weights) { return FaceEmbedder::of<ResNet29>(weights); });
}

FFR_COMPILED_INLINE Pipeline Pipeline::load(const std::filesystem::path& folder, Precision precision) {
    return load_with(folder, [=](const WeightsFile& weights) { return FaceEmbedder::load(weights, precision); });
}

#endif

/// A detection in the smaller image as one in its original: its box is.
inline Detection in_original(const ReducedImage& reduced, Detection detection) {
    detection.box = in_original(reduced, detection.box);
    return detection;
}

/// Landmarks of the smaller image as those of its original: scaled before they're rounded, halves upwards, so that they
/// may lie on any pixel.
inline Landmarks in_original(const ReducedImage& reduced, Landmarks landmarks) {
    return detail::with_default_floats([&] {
        if (!reduced.is_smaller()) return std::move(landmarks);
        const double x = static_cast<double>(reduced.width) / reduced.image.width();
        const double y = static_cast<double>(reduced.height) / reduced.image.height();
        for (std::size_t i = 0; i < landmarks.subpixel.size(); ++i) {
            // Pixels' centres have whole coordinates, so the image begins at -0.5.
            PointF& point = landmarks.subpixel[i];
            point = {(point.x + 0.5) * x - 0.5, (point.y + 0.5) * y - 0.5};
            landmarks.points[i] = {round_half_up(point.x), round_half_up(point.y)};
        }
        return landmarks;
    });
}

/// A face in the smaller image as one in its original; the chip and the numbers stay those of the smaller one.
inline Face in_original(const ReducedImage& reduced, Face face) {
    face.detection = in_original(reduced, face.detection);
    face.landmarks = in_original(reduced, std::move(face.landmarks));
    return face;
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/video/y4m.hpp
/// \file
/// Uncompressed video through a pipe: YUV4MPEG2, which ffmpeg and GStreamer read and write.
///
///     YUV4MPEG2 W640 H480 F30:1 C420jpeg\n     the header: parameters, each with a letter before it
///     FRAME\n                                  a frame's header, which may have parameters too
///     Y: height rows x width columns           brightness, a byte a pixel
///     Cb, Cr: the same in colour               one for each 1, 2 or 2 x 2 pixels, the last ones for fewer
///     FRAME\n ...
///
///     Y4mFrame --to_rgb--> Image h x w x 3 --draw on a copy, put_drawing--> the frame, where something was drawn
///
/// Y goes from 16 (black) to 235, Cb and Cr (how much bluer and redder than gray) from 16 to 240 with 128 for gray; after
/// ffmpeg's parameter XCOLORRANGE=FULL all from 0 to 255. How much of red, green and blue is in Y is told by ITU-R BT.601
/// or BT.709 (ColorMatrix). Programs write no parameter for it, and so it goes by the height, as with players: BT.709 from
/// 720 rows on. Who knows better can put XCOLORMATRIX=BT601 or XCOLORMATRIX=BT709 into the header. Whatever else the
/// headers say (interlacing, pixels that aren't square, comments) is handed on as it came.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>


namespace ffr {
inline namespace v0_1 {

/// How much of red, green and blue is in the brightness Y.
enum class ColorMatrix {
    bt601,  ///< ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, for what was once television
    bt709   ///< ITU-R BT.709: 0.2126 R + 0.7152 G + 0.0722 B, for HD
};

/// What a stream's header says.
struct Y4mFormat {
    std::string header;          ///< the whole line, without its end
    int width = 0;               ///< pixels a row
    int height = 0;              ///< rows
    int rate_numerator = 0;      ///< frames a second are numerator / denominator; 0 when the stream doesn't tell
    int rate_denominator = 0;    ///< see rate_numerator
    int chroma_step_x = 2;       ///< pixels of a row that share a Cb and a Cr: 1 or 2; 0 when there's no colour
    int chroma_step_y = 2;       ///< rows that do
    bool is_full_range = false;  ///< bytes from 0 to 255 and not the limited range
    std::optional<ColorMatrix> told_matrix;  ///< by XCOLORMATRIX; none when the stream doesn't tell

    /// Rows of the lowest video that's taken for HD.
    static constexpr int kHdHeight = 720;
    /// The matrix that the stream tells or, where it doesn't, what's usual for its height.
    ColorMatrix matrix() const {
        return told_matrix.value_or(height >= kHdHeight ? ColorMatrix::bt709 : ColorMatrix::bt601);
    }
    /// False for brightness alone.
    bool has_chroma() const { return chroma_step_x > 0; }
    /// Columns of Cb and of Cr; 0 without.
    int chroma_width() const { return has_chroma() ? (width + chroma_step_x - 1) / chroma_step_x : 0; }
    /// Rows of Cb and of Cr; 0 without.
    int chroma_height() const { return has_chroma() ? (height + chroma_step_y - 1) / chroma_step_y : 0; }
    /// Bytes of Y, which are also the place of Cb in a frame.
    std::size_t luma_bytes() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height); }
    /// Bytes of Cb, and of Cr, which follows it.
    std::size_t chroma_bytes() const {
        return static_cast<std::size_t>(chroma_width()) * static_cast<std::size_t>(chroma_height());
    }
    /// Bytes of a frame without its header.
    std::size_t frame_bytes() const { return luma_bytes() + 2 * chroma_bytes(); }
};

/// A frame as the stream has it.
struct Y4mFrame {
    std::string header;               ///< its line, without its end: "FRAME", mostly
    std::vector<std::uint8_t> bytes;  ///< Y, Cb, Cr: Y4mFormat tells their sizes
};

namespace detail {

/// Of a header line; ffmpeg reads 128.
constexpr std::size_t kMaxY4mLine = 4096;
/// Of a frame: twice what 8K has.
constexpr std::int64_t kMaxY4mPixels = std::int64_t{8192} * 8192;

/// The number that a text consists of, or -1 when it isn't one or is above 2^31 - 1.
inline int digits_value(const std::string& text) {
    std::int64_t value = text.empty() ? -1 : 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
        if (value > INT32_MAX) return -1;
    }
    return static_cast<int>(value);
}

/// How pixels share colours, by the names of the parameter C.
struct Y4mChroma {
    const char* name;
    int step_x, step_y;
};
constexpr std::array<Y4mChroma, 7> kY4mChromas{{{"420", 2, 2},
                                                {"420jpeg", 2, 2},
                                                {"420mpeg2", 2, 2},
                                                {"420paldv", 2, 2},
                                                {"422", 2, 1},
                                                {"444", 1, 1},
                                                {"mono", 0, 0}}};

/// Reads one parameter of a stream's header into its format. \returns why it can't, or an empty text
inline std::string read_y4m_parameter(const std::string& parameter, Y4mFormat& format) {
    const std::string value = parameter.substr(1);
    if (parameter[0] == 'W') format.width = digits_value(value);
    if (parameter[0] == 'H') format.height = digits_value(value);
    if (parameter == "XCOLORRANGE=FULL") format.is_full_range = true;
    if (parameter.rfind("XCOLORMATRIX=", 0) == 0) {
        const bool is_bt709 = parameter == "XCOLORMATRIX=BT709";
        if (!is_bt709 && parameter != "XCOLORMATRIX=BT601") {
            return "its parameter is '" + parameter + "'; what's read is XCOLORMATRIX=BT601 and XCOLORMATRIX=BT709";
        }
        format.told_matrix = is_bt709 ? ColorMatrix::bt709 : ColorMatrix::bt601;
    }
    if (parameter[0] == 'F') {
        const std::size_t colon = std::min(value.find(':'), value.size());
        format.rate_numerator = digits_value(value.substr(0, colon));
        format.rate_denominator = digits_value(colon < value.size() ? value.substr(colon + 1) : "");
        const bool fine = format.rate_numerator >= 0 && format.rate_denominator >= 0 &&
                          (format.rate_numerator == 0 || format.rate_denominator > 0);
        if (!fine) return "its frame rate '" + parameter + "' isn't of the form F30:1";
    }
    if (parameter[0] == 'C') {
        const auto chroma = std::find_if(kY4mChromas.begin(), kY4mChromas.end(),
                                         [&](const Y4mChroma& known) { return value == known.name; });
        if (chroma == kY4mChromas.end()) {
            return "its colours are '" + parameter + "'; what's read is 420, 422, 444 and mono with 8 bits";
        }
        format.chroma_step_x = chroma->step_x;
        format.chroma_step_y = chroma->step_y;
    }
    return "";
}

/// From Y, Cb and Cr to R, G and B and back, in whole numbers, so that the bytes are the same on every machine.
///
///     Y = kr R + kg G + kb B with kr + kg + kb = 1      Cb = (B - Y) / (2 - 2 kb)      Cr = (R - Y) / (2 - 2 kr)
class ColorConversion {
  public:
    explicit ColorConversion(const Y4mFormat& format) : ColorConversion(format.matrix(), format.is_full_range) {}

    ColorConversion(ColorMatrix matrix, bool is_full_range) : black_(is_full_range ? 0 : 16) {
        const bool is_bt709 = matrix == ColorMatrix::bt709;
        with_default_floats([&] {
            is_bt709 ? find_factors(0.2126, 0.7152, 0.0722, is_full_range)
                     : find_factors(0.299, 0.587, 0.114, is_full_range);
        });
    }

    /// Writes the R, G and B of a pixel.
    void to_rgb(int y, int cb, int cr, std::uint8_t* rgb) const {
        const int luma = (y - black_) * from_luma_;
        rgb[0] = to_byte(luma + (cr - 128) * red_by_cr_);
        rgb[1] = to_byte(luma - (cb - 128) * green_by_cb_ - (cr - 128) * green_by_cr_);
        rgb[2] = to_byte(luma + (cb - 128) * blue_by_cb_);
    }

    /// Brightness of an RGB pixel.
    std::uint8_t luma(const std::uint8_t* rgb) const {
        return to_byte(black_ * kOne + rgb[0] * luma_by_[0] + rgb[1] * luma_by_[1] + rgb[2] * luma_by_[2]);
    }
    /// Its Cb, times kOne.
    int cb(const std::uint8_t* rgb) const {
        return 128 * kOne - rgb[0] * cb_by_[0] - rgb[1] * cb_by_[1] + rgb[2] * cb_by_[2];
    }
    /// Its Cr, times kOne.
    int cr(const std::uint8_t* rgb) const {
        return 128 * kOne + rgb[0] * cr_by_[0] - rgb[1] * cr_by_[1] - rgb[2] * cr_by_[2];
    }

    static constexpr int kOne = 65536;

    /// The nearest byte to value / kOne.
    static std::uint8_t to_byte(int value) {
        return static_cast<std::uint8_t>(static_cast<unsigned>(std::clamp(value + kOne / 2, 0, 255 * kOne)) / kOne);
    }

  private:
    static int fixed(double value) { return static_cast<int>(value * kOne + 0.5); }

    void find_factors(double kr, double kg, double kb, bool is_full_range) {
        const double luma = is_full_range ? 1 : 219 / 255.0;    // range of Y by that of R, G and B
        const double chroma = is_full_range ? 1 : 224 / 255.0;  // and of Cb and Cr
        const double red = 2 - 2 * kr, blue = 2 - 2 * kb;
        from_luma_ = fixed(1 / luma);
        red_by_cr_ = fixed(red / chroma);
        blue_by_cb_ = fixed(blue / chroma);
        green_by_cb_ = fixed(kb * blue / kg / chroma);
        green_by_cr_ = fixed(kr * red / kg / chroma);
        luma_by_ = {fixed(kr * luma), fixed(kg * luma), fixed(kb * luma)};
        cb_by_ = {fixed(kr / blue * chroma), fixed(kg / blue * chroma), fixed(0.5 * chroma)};
        cr_by_ = {fixed(0.5 * chroma), fixed(kg / red * chroma), fixed(kb / red * chroma)};
    }

    int black_;
    int from_luma_ = 0, red_by_cr_ = 0, blue_by_cb_ = 0, green_by_cb_ = 0, green_by_cr_ = 0;
    std::array<int, 3> luma_by_{}, cb_by_{}, cr_by_{};
};

}  // namespace detail

/// Reads a stream frame by frame. Doesn't own it.
class Y4mReader {
  public:
    /// Reads the header.
    /// \param in    opened as binary; has to outlive the reader
    /// \param name  stands for the file in messages
    /// \throws FormatError when it isn't YUV4MPEG2, has no size, more than 8192 x 8192 pixels, or colours other than 420,
    /// 422, 444 and mono with 8 bits, or another XCOLORMATRIX; FileError when it can't be read
    Y4mReader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {
        if (!read_line(format_.header, "the header")) fail("is empty, and not YUV4MPEG2");
        std::istringstream words(format_.header);
        words.exceptions(std::ios::badbit);  // otherwise a word that there's no memory for would end the line
        std::string word;
        words >> word;
        if (word != "YUV4MPEG2") fail("isn't YUV4MPEG2: its first line doesn't begin so");
        while (words >> word) {
            const std::string reason = detail::read_y4m_parameter(word, format_);
            if (!reason.empty()) fail(reason);
        }
        if (format_.width < 1 || format_.height < 1) fail("its header has no width W or height H of at least 1");
        if (std::int64_t{format_.width} * format_.height > detail::kMaxY4mPixels) {
            fail("its frames have " + std::to_string(format_.width) + " x " + std::to_string(format_.height) +
                 " pixels, more than the limit of " + std::to_string(detail::kMaxY4mPixels));
        }
    }

    /// What the header says.
    const Y4mFormat& format() const { return format_; }

    /// The next frame, or none at the stream's end.
    /// \throws FormatError naming the frame, of which the first is 0, when it's cut off or something else stands in its
    /// place; FileError when it can't be read. After these there are no more frames; after std::bad_alloc the call can be
    /// made again
    std::optional<Y4mFrame> next() {
        if (failed_) return std::nullopt;
        const std::string what = "frame " + std::to_string(number_);
        if (coming_.header.empty() && !read_line(coming_.header, what)) return std::nullopt;
        if (coming_.header != "FRAME" && coming_.header.rfind("FRAME ", 0) != 0) {
            fail(what + " doesn't begin with FRAME");
        }
        read_bytes(what);
        ++number_;
        return std::exchange(coming_, {});
    }

  private:
    /// The rest of the frame that's coming. Memory grows with what's there, whatever size the header tells.
    void read_bytes(const std::string& what) {
        constexpr std::size_t kBlock = 1 << 20;
        const std::size_t count = format_.frame_bytes();
        for (std::vector<std::uint8_t>& bytes = coming_.bytes; bytes.size() < count;) {
            const std::size_t before = bytes.size(), more = std::min(count - before, std::max(before, kBlock));
            bytes.resize(before + more);
            in_.read(reinterpret_cast<char*>(bytes.data() + before), static_cast<std::streamsize>(more));
            if (!in_) {
                fail(what + " is cut off after " + std::to_string(before + static_cast<std::size_t>(in_.gcount())) +
                     " of " + std::to_string(count) + " bytes");
            }
        }
    }

    /// Reads a line without its end. \returns false where the stream ends before it
    bool read_line(std::string& line, const std::string& what) {
        line.reserve(detail::kMaxY4mLine);  // before anything's read, so that nothing of it is lost
        for (char c = 0; in_.get(c);) {
            if (c == '\n') return true;
            if (line.size() == detail::kMaxY4mLine) {
                fail(what + " has a line of more than " + std::to_string(detail::kMaxY4mLine) + " bytes");
            }
            line += c;
        }
        if (in_.bad()) fail(what);
        if (!line.empty()) fail(what + " is cut off in its first line");
        return false;
    }

    [[noreturn]] void fail(const std::string& reason) {
        failed_ = true;
        if (in_.bad()) throw FileError(name_ + ": can't be read any more");
        throw FormatError(name_ + ": " + reason);
    }

    std::istream& in_;
    std::string name_;
    Y4mFormat format_;
    Y4mFrame coming_;  // what's read of it, where there was no memory for the rest: the next call goes on there
    std::int64_t number_ = 0;
    bool failed_ = false;
};

/// Writes a stream's header, as it was read. The stream's state tells when it can't be written.
inline void write_y4m_header(std::ostream& out, const Y4mFormat& format) {
    out << format.header << '\n';
}

/// Writes a frame behind the header or another frame. The stream's state tells when it can't be written.
inline void write_y4m_frame(std::ostream& out, const Y4mFrame& frame) {
    out << frame.header << '\n';
    out.write(reinterpret_cast<const char*>(frame.bytes.data()), static_cast<std::streamsize>(frame.bytes.size()));
}

namespace detail {

/// A picture before and after something was drawn on it.
struct Drawing {
    ImageView before, after;

    const std::uint8_t* pixel(int x, int y) const { return after.row(y) + std::ptrdiff_t{x} * 3; }
    /// True when one of `count` pixels from this one on was changed.
    bool changed(int x, int y, int count = 1) const {
        const std::ptrdiff_t offset = std::ptrdiff_t{x} * 3;
        return std::memcmp(before.row(y) + offset, pixel(x, y), static_cast<std::size_t>(count) * 3) != 0;
    }
};

inline void put_luma(const Drawing& drawing, const ColorConversion& convert, std::uint8_t* luma) {
    const int width = drawing.after.width;
    for (int y = 0; y < drawing.after.height; ++y, luma += width) {
        if (!drawing.changed(0, y, width)) continue;
        for (int x = 0; x < width; ++x) {
            if (drawing.changed(x, y)) luma[x] = convert.luma(drawing.pixel(x, y));
        }
    }
}

/// A colour becomes the mean of its pixels', of which those that weren't changed keep the one that was.
inline void put_chroma(const Drawing& drawing, const ColorConversion& convert, const Y4mFormat& format,
                       std::uint8_t* chroma) {
    for (int row = 0; row < format.chroma_height(); ++row) {
        const int top = row * format.chroma_step_y, bottom = std::min(top + format.chroma_step_y, format.height);
        if (!drawing.changed(0, top, format.width) && !drawing.changed(0, bottom - 1, format.width)) continue;
        std::uint8_t* cb = chroma + std::ptrdiff_t{row} * format.chroma_width();
        std::uint8_t* cr = cb + format.chroma_bytes();
        for (int left = 0; left < format.width; left += format.chroma_step_x, ++cb, ++cr) {
            const int right = std::min(left + format.chroma_step_x, format.width);
            int cb_sum = 0, cr_sum = 0;
            for (int y = top; y < bottom; ++y) {
                for (int x = left; x < right; ++x) {
                    const bool changed = drawing.changed(x, y);
                    cb_sum += changed ? convert.cb(drawing.pixel(x, y)) : *cb * ColorConversion::kOne;
                    cr_sum += changed ? convert.cr(drawing.pixel(x, y)) : *cr * ColorConversion::kOne;
                }
            }
            const int count = (bottom - top) * (right - left);
            *cb = ColorConversion::to_byte(cb_sum / count);
            *cr = ColorConversion::to_byte(cr_sum / count);
        }
    }
}

inline void require_frame_size(const Y4mFrame& frame, const Y4mFormat& format) {
    if (frame.bytes.size() != format.frame_bytes()) {
        throw InvalidArgument("a frame of this format has " + std::to_string(format.frame_bytes()) + " bytes, not " +
                              std::to_string(frame.bytes.size()));
    }
}

}  // namespace detail

/// A frame in RGB; pixels that share a colour get the same.
/// \param frame  of a stream of this format. \throws InvalidArgument when it has another size
inline Image to_rgb(const Y4mFrame& frame, const Y4mFormat& format) {
    detail::require_frame_size(frame, format);
    const detail::ColorConversion convert(format);
    Image image(format.width, format.height, 3);
    const std::uint8_t* luma = frame.bytes.data();
    const std::vector<std::uint8_t> gray(static_cast<std::size_t>(format.width), 128);
    const int shift = format.chroma_step_x == 2 ? 1 : 0;  // in place of a division for each pixel
    for (int y = 0; y < format.height; ++y) {
        const std::uint8_t *cb = gray.data(), *cr = gray.data();
        if (format.has_chroma()) {
            const std::ptrdiff_t row = y / format.chroma_step_y;
            cb = frame.bytes.data() + format.luma_bytes() + row * format.chroma_width();
            cr = cb + format.chroma_bytes();
        }
        std::uint8_t* rgb = image.row(y);
        for (int x = 0; x < format.width; ++x, ++luma, rgb += 3) {
            convert.to_rgb(*luma, cb[x >> shift], cr[x >> shift], rgb);
        }
    }
    return image;
}

/// Puts what was drawn on a frame's picture into the frame. Pixels that weren't changed keep their bytes, but for a colour
/// that they share with one that was.
/// \param frame   of a stream of this format
/// \param before  to_rgb(frame, format)
/// \param after   the same with something drawn on it
/// \throws InvalidArgument when frame or pictures have another size
inline void put_drawing(Y4mFrame& frame, const Y4mFormat& format, ImageView before, ImageView after) {
    detail::require_frame_size(frame, format);
    for (const ImageView& image : {before, after}) {
        if (image.width != format.width || image.height != format.height || image.channels != 3) {
            throw InvalidArgument("the picture isn't in RGB and of the frame's size");
        }
    }
    const detail::ColorConversion convert(format);
    detail::put_luma({before, after}, convert, frame.bytes.data());
    if (format.has_chroma()) {
        detail::put_chroma({before, after}, convert, format, frame.bytes.data() + format.luma_bytes());
    }
}

}  // namespace v0_1
}  // namespace ffr

// ---- ffr/video/track.hpp
/// \file
/// Follows faces through a video, so that each keeps its number and its name.
///
///     frame --> refit each track's landmarks in its last box --> its box in this frame, or lost
///       |
///       +-----> now and then: detect, measure, identify --> sightings --match--> tracks, each with a number and a name
///
///     every frame:    a face's landmarks are fitted anew in its last box, and the box goes with them, if it's there
///     some frames:    a search; found faces continue the tracks that they overlap, or begin new ones
///     each search:    the identities that a track's face was given are summed, and the best sum is its name
///
/// A single frame may be blurred and its face taken for another or for nobody; the sum of all hardly changes by it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>


FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A face that a search found in a frame, and who it seems to be.
struct Sighting {
    Face face;          ///< box, landmarks, chip and embedding
    Identity identity;  ///< by this frame alone
};

/// Who a face is by many looks at it.
class NameVote {
  public:
    /// Counts one look: it weighs as much as it's confident, a look that says "unknown" too.
    void add(const Identity& identity) {
        detail::with_default_floats([&] {
            Sum& sum = sums_[identity.name];
            sum.candidate = identity.candidate;
            sum.confidence += identity.confidence;
            sum.distance += identity.distance;
            ++sum.looks;
        });
    }

    /// The name, or "unknown", with the greatest sum of confidences; of equal ones "unknown", then the first by name.
    /// Confidence and distance are the means of the looks that say so, and the candidate is the last of theirs. Without
    /// any look it's unknown, of nobody.
    Identity winner() const {
        return detail::with_default_floats([&]() -> Identity {
            const auto best = std::max_element(sums_.begin(), sums_.end(), [](const auto& a, const auto& b) {
                return a.second.confidence < b.second.confidence;
            });
            if (best == sums_.end()) return {};
            const auto& [name, sum] = *best;
            return {name, sum.candidate, sum.confidence / sum.looks, sum.distance / sum.looks};
        });
    }

  private:
    struct Sum {
        std::string candidate;
        double confidence = 0, distance = 0;
        int looks = 0;
    };
    std::map<std::optional<std::string>, Sum> sums_;
};

/// When a found face continues a track, and when a track ends.
struct TrackOptions {
    /// Least intersection over union of a face's box and a track's, 0 to 1.
    double min_overlap = 0.3;
    /// Largest distance of the face's embedding to the track's last one: the network's same_person_distance.
    double max_distance = 0.6;
    /// Searches in a row that may miss a track's person before the track ends.
    int max_missed = 3;
};

/// A face over time.
struct Track {
    int number = 0;                ///< 1, 2, ... in a tracker; none is given twice
    Rect box;                      ///< where it is in the last frame
    std::optional<double> score;   ///< of the detection in the last frame; none if it was only followed there
    std::int64_t first_frame = 0;  ///< the first in which it was found
    std::int64_t last_frame = 0;   ///< the last one
    NameVote names;                ///< who it is
    Face found;                    ///< as a search last found it
    Embedding embedding{};         ///< the last one that was like those before
    int missed = 0;                ///< searches in a row that didn't find it, or somebody else in its place
    bool is_lost = false;          ///< it isn't seen in the last frame, and the box is where it was before
};

/// Intersection over union of two boxes: 0 when they're apart, 1 when they're equal.
inline double intersection_over_union(const Rect& a, const Rect& b) {
    return detail::with_default_floats([&] {
        const Rect both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                        std::min(a.bottom, b.bottom)};
        const auto shared = static_cast<double>(both.area());
        return shared > 0 ? shared / (static_cast<double>(a.area()) + static_cast<double>(b.area()) - shared) : 0;
    });
}

namespace detail {

/// x0, y0, x1, y1, ...
inline std::vector<double> coordinates(const std::vector<PointF>& points) {
    std::vector<double> values;
    for (const PointF point : points) values.insert(values.end(), {point.x, point.y});
    return values;
}

/// A box that goes along with its landmarks: shifted and scaled, but upright, by the similarity between them.
inline Rect carried_along(const Rect& box, const std::vector<PointF>& from, const std::vector<PointF>& to) {
    return detail::with_default_floats([&]() -> Rect {
        const SimilarityFit fit(coordinates(from).data(), from.size());
        if (!fit.valid() || from.size() != to.size()) return box;
        const Similarity way = fit.to(coordinates(to).data());
        // Nobody comes twice as near from one search to the next, but what's fitted to no face may do anything.
        const double scale = std::clamp(std::hypot(way.rotation.a, way.rotation.b), 0.5, 2.0);
        const double half_width = (static_cast<double>(box.right) - box.left) / 2 * scale;
        const double half_height = (static_cast<double>(box.bottom) - box.top) / 2 * scale;
        const PointF centre = way({(static_cast<double>(box.left) + box.right) / 2,  //
                                   (static_cast<double>(box.top) + box.bottom) / 2});
        return {round_half_up(centre.x - half_width), round_half_up(centre.y - half_height),
                round_half_up(centre.x + half_width), round_half_up(centre.y + half_height)};
    });
}

}  // namespace detail

/// How alike two pictures are in their pattern of bright and dark: Pearson's correlation of their bytes, -1 to 1, whatever
/// their brightness and contrast; 0 for one without any pattern.
/// \throws InvalidArgument when they're empty or differ in size or channels
inline double correlation(ImageView a, ImageView b) {
    return detail::with_default_floats([&] {
        require_pixels(a);
        if (a.width != b.width || a.height != b.height || a.channels != b.channels) {
            throw InvalidArgument("only pictures of the same size and channels can be correlated");
        }
        double sum_a = 0, sum_b = 0, sum_aa = 0, sum_bb = 0, sum_ab = 0;  // of whole numbers, and so exact
        for (int y = 0; y < a.height; ++y) {
            for (int i = 0; i < a.width * a.channels; ++i) {
                const double p = a.row(y)[i], q = b.row(y)[i];
                sum_a += p;
                sum_b += q;
                sum_aa += p * p;
                sum_bb += q * q;
                sum_ab += p * q;
            }
        }
        const double count = static_cast<double>(a.width) * a.height * a.channels;
        const double variances = (count * sum_aa - sum_a * sum_a) * (count * sum_bb - sum_b * sum_b);
        return variances > 0 ? (count * sum_ab - sum_a * sum_b) / std::sqrt(variances) : 0;
    });
}

/// Landmarks of a track's face in a new frame, fitted in its last box; none when what's there doesn't look like the face
/// any more, since it left, is hidden or the scene was cut: the correlation of its chip with the one found last is below
/// 0.5.
/// \throws InvalidArgument when the frame is empty, or gray and the one before wasn't or the other way round
/// Cost: landmarks, a chip and a pass over its pixels, independent of the frame's size.
inline std::optional<Landmarks> refit(const Pipeline& pipeline, ImageView frame, const Track& track) {
    constexpr double kLeastCorrelation = 0.5;
    Landmarks landmarks = pipeline.landmarks().predict(frame, track.box);
    const Image chip = pipeline.embedder().align(frame, landmarks);
    if (correlation(chip, track.found.chip) < kLeastCorrelation) return std::nullopt;
    return landmarks;
}

/// The tracks of a video. The same calls give the same tracks on every machine. A call that throws leaves them as they were.
class FaceTracker {
  public:
    /// No tracks yet.
    explicit FaceTracker(const TrackOptions& options = {}) : options_(options) {}

    /// Those that haven't ended, by number.
    const std::vector<Track>& tracks() const { return tracks_; }

    /// Moves the tracks' boxes to a new frame.
    /// \param fit  gives a track's landmarks in that frame, or none where its face isn't seen:
    /// `[&](const Track& track) { return refit(pipeline, frame, track); }`
    template <typename Fit>
    void follow(const Fit& fit) {
        std::vector<std::optional<Rect>> boxes;
        for (const Track& track : tracks_) {
            const std::optional<Landmarks> landmarks = fit(track);
            boxes.emplace_back();
            if (!landmarks) continue;
            boxes.back() =
                detail::carried_along(track.found.detection.box, track.found.landmarks.subpixel, landmarks->subpixel);
        }
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            tracks_[i].score.reset();
            tracks_[i].is_lost = !boxes[i];
            if (boxes[i]) tracks_[i].box = *boxes[i];
        }
    }

    /// Takes in what a search found in a frame, after follow() for the same frame.
    ///
    /// Pairs of a track and a face are made greedily by falling overlap (of equal ones, by the tracks' numbers and the
    /// faces' order). A face without a track begins one. A face that isn't the track's by its embedding continues it only
    /// where follow() didn't lose sight of the face, which then is blurred or turned away, and max_missed times in a row:
    /// otherwise it's somebody else, after a cut say.
    ///
    /// \param frame      number of the frame
    /// \param sightings  all faces found in it
    /// \returns the tracks that ended, by number
    std::vector<Track> update(std::int64_t frame, const std::vector<Sighting>& sightings) {
        FaceTracker after = *this;
        std::vector<Track> ended = after.take_in(frame, sightings);
        *this = std::move(after);
        return ended;
    }

  private:
    /// update(), but for what an exception leaves behind.
    std::vector<Track> take_in(std::int64_t frame, const std::vector<Sighting>& sightings) {
        const std::vector<Track*> owners = match(sightings);
        for (Track& track : tracks_) ++track.missed;
        std::vector<Track> begun;
        for (std::size_t i = 0; i < sightings.size(); ++i) {
            if (owners[i] == nullptr) {
                begun.push_back(begin(sightings[i], frame));
            } else {
                const bool same = is_like(*owners[i], sightings[i]);
                place(*owners[i], sightings[i].face);
                if (same) look(*owners[i], sightings[i], frame);
            }
        }
        std::vector<Track> going_on, ended;
        for (Track& track : tracks_) {
            (track.missed <= options_.max_missed ? going_on : ended).push_back(std::move(track));
        }
        tracks_ = std::move(going_on);
        std::move(begun.begin(), begun.end(), std::back_inserter(tracks_));
        return ended;
    }

    /// The track that each sighting continues, or none.
    std::vector<Track*> match(const std::vector<Sighting>& sightings) {
        struct Pair {
            double overlap;
            std::size_t track, sighting;
        };
        std::vector<Pair> pairs;
        for (std::size_t t = 0; t < tracks_.size(); ++t) {
            for (std::size_t s = 0; s < sightings.size(); ++s) {
                const double overlap = intersection_over_union(tracks_[t].box, sightings[s].face.detection.box);
                const bool can_be = is_like(tracks_[t], sightings[s]) ||
                                    (!tracks_[t].is_lost && tracks_[t].missed < options_.max_missed);
                if (can_be && overlap >= options_.min_overlap) pairs.push_back({overlap, t, s});
            }
        }
        std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
            return std::tuple(-a.overlap, a.track, a.sighting) < std::tuple(-b.overlap, b.track, b.sighting);
        });
        std::vector<Track*> owners(sightings.size());
        std::vector<bool> taken(tracks_.size());
        for (const Pair& pair : pairs) {
            if (taken[pair.track] || owners[pair.sighting] != nullptr) continue;
            taken[pair.track] = true;
            owners[pair.sighting] = &tracks_[pair.track];
        }
        return owners;
    }

    bool is_like(const Track& track, const Sighting& sighting) const {
        return distance(track.embedding, sighting.face.embedding) <= options_.max_distance;
    }

    Track begin(const Sighting& sighting, std::int64_t frame) {
        Track track;
        track.number = ++begun_;
        track.first_frame = frame;
        place(track, sighting.face);
        look(track, sighting, frame);
        return track;
    }

    static void place(Track& track, const Face& face) {
        track.box = face.detection.box;
        track.score = face.detection.score;
        track.found = face;
        track.is_lost = false;
    }

    static void look(Track& track, const Sighting& sighting, std::int64_t frame) {
        track.embedding = sighting.face.embedding;
        track.last_frame = frame;
        track.missed = 0;
        track.names.add(sighting.identity);
    }

    TrackOptions options_;
    std::vector<Track> tracks_;
    int begun_ = 0;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
// clang-format on

#undef FFR_AVX_KERNELS
#undef FFR_AVX_VNNI_KERNELS
#undef FFR_COMPILED_INLINE
#undef FFR_EXACT_FLOAT_BEGIN
#undef FFR_EXACT_FLOAT_END
#undef FFR_NEON_KERNELS
#undef FFR_PRAGMA
#undef FFR_SSE2_KERNELS
#undef FFR_TARGET_BEGIN
#undef FFR_TARGET_END
#undef FFR_UNROLL
