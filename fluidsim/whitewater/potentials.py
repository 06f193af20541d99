"""Where liquid makes spray, foam and bubbles: the potentials of Ihmsen et al. on cells.

Ihmsen, Akinci, Akinci & Teschner 2012, "Unified Spray, Foam and Air Bubbles for Particle-Based
Fluids", section 3, with cells in place of particles. Two things differ. Air is trapped by the part
of the velocities at which neighbours approach each other, so that liquid which turns as a whole
traps none, and only near the surface, where there is air. Speeds are measured by that of a fall
through the domain, so that the look does not depend on its size.
"""

from __future__ import annotations

import numba
import numpy as np

from fluidsim.whitewater.flow import DISTANCE, VELOCITY, WEIGHT, Flow
from solvers import kernel_cache  # noqa: F401

# Clamps: none below the first number, all above the second.
APPROACH = (0.01, 0.08)  # mean speed of approach of neighbours
CREST = (0.05, 0.3)  # mean over neighbours of the change of the normal
_OUTWARDS = 0.6  # least cosine between the velocity and the normal of a crest (equation 8)
_WET = 0.15  # least density of a cell that counts
_DEEP, _HIGH = 3.0, 1.0  # cells below and above the surface between which air is trapped
_REACH = 2.0  # cells to which neighbours count; those farther than a diagonal are left out


def fall_speed(height: float) -> float:
    """The speed, m/s, of a fall through a height, m."""
    return float(np.sqrt(2 * 9.81 * height))


def potentials(flow: Flow, least: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The potentials of trapped air and of wave crests, (*cells) float32, 0 .. 1.

    They are 0 where the liquid is slower than `least`, m/s.
    """
    air, crest = np.zeros(flow.cells, np.float32), np.zeros(flow.cells, np.float32)
    normals = _normals(flow)
    _potentials(air, crest, flow.values, normals, np.float32(flow.dx), np.float32(least))
    unit = fall_speed(flow.cells[2] * flow.dx)
    return clamped(air / np.float32(unit), *APPROACH), clamped(crest, *CREST)


def clamped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below low, 1 above high, linear between (equation 1)."""
    return np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)


def _normals(flow: Flow) -> np.ndarray:
    """The outward unit normals of the surface, (*cells, 3) float32."""
    distance = flow.values[..., DISTANCE]
    normals = np.zeros((*flow.cells, 3), np.float32)
    for axis in range(3 - flow.dim, 3):
        normals[..., axis] = np.gradient(distance, axis=axis)
    length = np.sqrt(np.einsum("ijka,ijka->ijk", normals, normals))
    return normals / np.maximum(length, np.float32(1e-9))[..., None]


@numba.njit(cache=True, parallel=True)
def _potentials(air, crest, values, normals, dx, least):  # pragma: no cover
    """Sums over the neighbours of each cell near the surface."""
    n0, n1, n2 = crest.shape
    for row in numba.prange(n0 * n1):
        i, j = row // n1, row % n1
        for k in range(n2):
            level = values[i, j, k, DISTANCE] / dx
            if values[i, j, k, WEIGHT] < _WET or level < -_DEEP or level > _HIGH:
                continue
            speed, outwards = 0.0, 0.0
            for axis in range(3):
                speed += values[i, j, k, VELOCITY + axis] ** 2
                outwards += values[i, j, k, VELOCITY + axis] * normals[i, j, k, axis]
            if speed < least * least:
                continue
            approach, total, bend = 0.0, 0.0, 0.0
            for a in range(max(i - 1, 0), min(i + 2, n0)):
                for b in range(max(j - 1, 0), min(j + 2, n1)):
                    for c in range(max(k - 1, 0), min(k + 2, n2)):
                        x, y, z = a - i, b - j, c - k
                        square = x * x + y * y + z * z
                        if square == 0 or values[a, b, c, WEIGHT] < _WET:
                            continue
                        away = np.sqrt(square)
                        near = 1 - away / _REACH
                        u = values[a, b, c, VELOCITY] - values[i, j, k, VELOCITY]
                        v = values[a, b, c, VELOCITY + 1] - values[i, j, k, VELOCITY + 1]
                        w = values[a, b, c, VELOCITY + 2] - values[i, j, k, VELOCITY + 2]
                        approach += near * max(-(u * x + v * y + w * z) / away, 0.0)
                        total += near
                        outside = x * normals[i, j, k, 0] + y * normals[i, j, k, 1]
                        outside += z * normals[i, j, k, 2]
                        if outside < 0:
                            along = normals[i, j, k, 0] * normals[a, b, c, 0]
                            along += normals[i, j, k, 1] * normals[a, b, c, 1]
                            along += normals[i, j, k, 2] * normals[a, b, c, 2]
                            bend += near * (1 - along)
            if total > 0:
                air[i, j, k] = approach / total
            if abs(level) < 1.0 and total > 0 and outwards >= _OUTWARDS * np.sqrt(speed) > 0:
                crest[i, j, k] = bend / total
