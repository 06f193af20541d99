# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Solids of a scene as the renderers take them."""

from functools import lru_cache

import numpy as np
import taichi as ti
from scipy.ndimage import convolve1d

from fluidsim.render.frame import SolidGrid
from fluidsim.render.rays import nearest, sample

_BLUNT = np.array([-1, 4, 10, 4, -1]) / 16  # keeps parabolas, nothing that differs node by node
SUN_RADIUS = 0.04  # of the sun's disc, rad: more than the real one's, as from a studio's lamp


def scaled_solid(solids: SolidGrid | None, scale: float) -> np.ndarray:
    """Distance to solids in scaled lengths; without solids a small grid that is all far away."""
    if solids is None:
        return np.full((2, 2, 2), 10.0, np.float32)
    return _rounded(solids) * np.float32(scale)


@lru_cache(maxsize=1)
def _rounded(solids: SolidGrid) -> np.ndarray:
    """Distance to solids with blunt edges: those between the nodes are seen as teeth otherwise."""
    result = np.asarray(solids.distance, np.float32)
    for axis in range(3):
        result = convolve1d(result, _BLUNT, axis, mode="nearest")
    return result


@ti.func
def solid_near(solid: ti.template(), point, upper):
    """Distance to solids from a point, which may lie outside of the domain [0, upper]."""
    inside = ti.math.clamp(point, 0.0, upper)
    spacing = upper[2] / (solid.shape[2] - 1)
    return sample(solid, inside / spacing) + (point - inside).norm()


@ti.func
def sun_share(solid: ti.template(), spacing, origin, sun, start, end):
    """Part of the sun's disc that no solid between `start` and `end` hides from a point.

    The least angle between the ray and a solid decides (Quilez, "Soft shadows in raymarched
    SDFs", 2010-2018, with penumbras on both sides of the edge).
    """
    angle = 1.0  # in radii of the disc
    t = start
    while t < end and angle > -1.0:
        place = (origin + sun * t) / spacing
        away = nearest(solid, place) - spacing  # enough where nothing is near
        if away < ti.max(SUN_RADIUS * t, spacing):
            away = sample(solid, place)
            angle = ti.min(angle, away / (SUN_RADIUS * t))
        t += ti.max(0.7 * ti.abs(away), 0.5 * spacing)
    angle = ti.max(angle, -1.0)
    return 0.25 * (1 + angle) * (1 + angle) * (2 - angle)
