# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""The true distance to the zero line of a 2D field.

Nodes beside the line measure their distance to its straight pieces (marching squares); the others
solve |grad d| = 1 by sweeps in four directions (Zhao, "A fast sweeping method for
Eikonal equations", 2005).
"""

from typing import Any

import numpy as np
import taichi as ti

from fluidsim.render.arrays import Map, vec2

_FAR = 1e6

Flags: Any = ti.types.ndarray(dtype=ti.i8, ndim=2)


def redistanced(field: np.ndarray, spacing: float) -> np.ndarray:
    """The signed distance float32 (n0, n1), m, to where a field on nodes changes its sign.

    If it never does, all values are the length of the diagonal with the field's sign.
    """
    field = np.ascontiguousarray(field, np.float32)
    result = np.full(field.shape, _FAR, np.float32)
    fixed = np.zeros(field.shape, np.int8)
    _measure(result, fixed, field)
    _sweep(result, fixed)
    result = np.minimum(result, np.hypot(*field.shape)) * np.float32(spacing)
    return np.where(field < 0, -result, result)


@ti.func
def _crossing(a, b, value_a, value_b):
    """Where the field is zero between two nodes."""
    return a + (b - a) * (value_a / (value_a - value_b))


@ti.func
def _to_segment(place, a, b):
    """The distance of a place from the segment between a and b."""
    along = b - a
    part = ti.math.clamp((place - a).dot(along) / ti.max(along.norm_sqr(), 1e-12), 0.0, 1.0)
    return (place - a - part * along).norm()


@ti.kernel
def _measure(out: Map, fixed: Flags, field: Map):
    """Distances in nodes at and around the corners of the squares that the line passes through."""
    ti.loop_config(serialize=True)
    for i in range(field.shape[0] - 1):
        for j in range(field.shape[1] - 1):
            corners = ti.Matrix([[0, 0], [1, 0], [1, 1], [0, 1]])
            points = ti.Matrix.zero(ti.f32, 4, 2)
            count = 0
            for side in range(4):
                after = (side + 1) % 4
                a = vec2(i + corners[side, 0], j + corners[side, 1])
                b = vec2(i + corners[after, 0], j + corners[after, 1])
                first = field[int(a.x), int(a.y)]
                second = field[int(b.x), int(b.y)]
                if (first < 0) != (second < 0):
                    point = _crossing(a, b, first, second)
                    points[count, 0] = point.x
                    points[count, 1] = point.y
                    count += 1
            for piece in range(count // 2):
                a = vec2(points[2 * piece, 0], points[2 * piece, 1])
                b = vec2(points[2 * piece + 1, 0], points[2 * piece + 1, 1])
                for m in range(ti.max(i - 1, 0), ti.min(i + 3, field.shape[0])):
                    for n in range(ti.max(j - 1, 0), ti.min(j + 3, field.shape[1])):
                        out[m, n] = ti.min(out[m, n], _to_segment(vec2(m, n), a, b))
                        if i <= m <= i + 1 and j <= n <= j + 1:
                            fixed[m, n] = 1


@ti.kernel
def _sweep(out: Map, fixed: Flags):
    ti.loop_config(serialize=True)
    for turn in range(4):
        for step in range(out.shape[0]):
            i = step if turn < 2 else out.shape[0] - 1 - step
            for other in range(out.shape[1]):
                j = other if turn % 2 == 0 else out.shape[1] - 1 - other
                if fixed[i, j] == 0:
                    a = ti.min(out[ti.max(i - 1, 0), j], out[ti.min(i + 1, out.shape[0] - 1), j])
                    b = ti.min(out[i, ti.max(j - 1, 0)], out[i, ti.min(j + 1, out.shape[1] - 1)])
                    new = ti.min(a, b) + 1.0
                    if ti.abs(a - b) < 1:
                        new = 0.5 * (a + b + ti.sqrt(2 - (a - b) * (a - b)))
                    out[i, j] = ti.min(out[i, j], new)
