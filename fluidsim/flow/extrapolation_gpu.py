# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""A layer of the extrapolation as one loop over all points, for GPUs."""

import functools

import taichi as ti

from fluidsim.flow.extrapolation_kernels import UNKNOWN
from fluidsim.grid.taichi_types import F32, I8, Kernel, VectorType


@functools.cache
def kernel(dim: int) -> tuple[Kernel, VectorType]:
    """The kernel for `dim` dimensions, and the type of its strides."""
    ivec = ti.types.vector(dim, ti.i32)

    @ti.kernel
    def grow_layer(values: F32, levels: I8, missing: I8, number: ti.i32, strides: ivec):
        """Give the points next to layers 1 to `number` the mean of these.

        A point that the loop reaches has level number + 1, with which it counts for no other.
        missing: bits for the neighbours that a point lacks, for the nodes of one component.
        """
        nodes = missing.shape[0]
        for i in range(levels.shape[0]):
            if levels[i] == UNKNOWN:
                total, count = 0.0, 0
                for side in ti.static(range(2 * dim)):
                    if (missing[i % nodes] >> side) & 1 == 0:
                        j = i + strides[side // 2] * (2 * (side % 2) - 1)
                        if 0 < levels[j] <= number:
                            total += values[j]
                            count += 1
                if count > 0:
                    values[i] = total / count
                    levels[i] = ti.cast(number + 1, ti.i8)

    return grow_layer, ivec
