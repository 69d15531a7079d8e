#pragma once
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
