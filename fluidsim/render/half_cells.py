# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""What cells and their corners hold, on nodes half a cell apart."""

import taichi as ti


@ti.func
def around(volume: ti.template(), i, j, k, side):
    """The mean of the cells (side -1) or of their corners (side 1) around a node."""
    total = 0.0
    for corner in range(8):
        a = ti.math.clamp((i + side * (corner & 1)) // 2, 0, volume.shape[0] - 1)
        b = ti.math.clamp((j + side * (corner >> 1 & 1)) // 2, 0, volume.shape[1] - 1)
        c = ti.math.clamp((k + side * (corner >> 2)) // 2, 0, volume.shape[2] - 1)
        total += volume[a, b, c]
    return total / 8


@ti.func
def cubic_between(corners: ti.template(), i, j, k):
    """The value of corners of cells at a node: between them that of cubics through four in a row
    (Dubuc & Deslauriers, 1989), for linear values would bend the surface at every cell."""
    node = ti.Vector([i, j, k])
    total = 0.0
    low, high = ti.Vector([0, 0, 0]), ti.Vector([0, 0, 0])
    last = ti.Vector([corners.shape[0], corners.shape[1], corners.shape[2]]) - 1
    for axis in ti.static(range(3)):
        if node[axis] % 2:
            low[axis], high[axis] = -1, 2
    for a in range(low[0], high[0] + 1):
        for b in range(low[1], high[1] + 1):
            for c in range(low[2], high[2] + 1):
                at = ti.abs(node // 2 + ti.Vector([a, b, c]))
                weight = 1.0
                for axis, step in ti.static(enumerate((a, b, c))):
                    at[axis] = last[axis] - ti.abs(last[axis] - at[axis])
                    if high[axis] > 0:
                        weight *= 0.5625 if 0 <= step <= 1 else -0.0625
                total += weight * corners[at]
    return total
