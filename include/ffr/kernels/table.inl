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
