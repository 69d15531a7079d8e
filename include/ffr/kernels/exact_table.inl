// This CPU's kernels as one value (see exact.hpp).

inline constexpr ExactKernels kExactKernels{kStrip,     split_row, blend_row, orient,    cast_votes,
                                            take_cells, energies,  blocks,    normalise, filter_strip};
