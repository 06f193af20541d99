"""Wavelet noise: random fields that hold one octave of wavelengths.

Cook & DeRose 2005, "Wavelet noise": a random spline less what the spline on every second point can
hold of it. The splines are quadratic and periodic.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

TILE = 64  # points after which the noise repeats
_REFINED = (0.25, 0.75, 0.75, 0.25)  # a spline on every second point, as one on all points
_GRAM = np.array((1, 26, 66, 26, 1)) / 120  # products of quadratic splines 2 points apart to none


def tiles(dim: int, seed: int) -> np.ndarray:
    """Spline coefficients of a vector potential of one octave.

    Parameters
    ----------
    dim : int
        2 or 3.
    seed : int
        Of the random numbers.

    Returns
    -------
    float32, shape (components, n, n[, n])
        Three components in 3D, one in 2D; n is `TILE`. The curl, at one point a unit of length, has
        a mean square of 1.
    """
    components = 3 if dim == 3 else 1
    random = np.random.Generator(np.random.PCG64(seed))
    noise = random.standard_normal((components,) + (TILE,) * dim)
    coarse, keeps = noise, _projection()
    for axis in range(1, dim + 1):
        coarse = np.moveaxis(np.tensordot(keeps, coarse, (1, axis)), 0, axis)
    noise -= coarse
    return (noise / _speed(noise)).astype(np.float32)


def _projection() -> np.ndarray:
    """(n, n): the best approximation of a spline by one on every second point."""
    points = np.arange(TILE)
    gram, refine = np.zeros((TILE, TILE)), np.zeros((TILE, TILE // 2))
    for shift, product in enumerate(_GRAM, start=-2):
        gram[points, (points + shift) % TILE] = product
    for shift, part in enumerate(_REFINED, start=-1):
        refine[(2 * points[: TILE // 2] + shift) % TILE, points[: TILE // 2]] = part
    return refine @ np.linalg.solve(refine.T @ gram @ refine, refine.T @ gram)


def _speed(potential: np.ndarray) -> float:
    """The root of the mean square of the curl of splines (components, *tile)."""
    dim = potential[0].ndim
    small, total = 0.05, 0.0
    places = np.stack(np.meshgrid(*[np.arange(0, TILE, 2) + 0.3] * dim, indexing="ij"))
    for component, spline in enumerate(potential):
        for axis in range(dim):
            if len(potential) == 1 or axis != component:
                step = np.zeros((dim,) + (1,) * dim)
                step[axis] = small
                after, before = (
                    map_coordinates(spline, each, order=2, prefilter=False, mode="grid-wrap")
                    for each in (places + step, places - step)
                )
                total += float(np.mean(((after - before) / (2 * small)) ** 2))
    return total**0.5
