# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""The solids of a scene, as the renderers take them."""

from functools import lru_cache

import numpy as np
import taichi as ti
from scipy.ndimage import convolve1d

from fluidsim.render.frame import SolidGrid
from fluidsim.render.rays import Ray, Sdf, box_span, nearest, sample, spacing_of

_BLUNT = np.array([-1, 4, 10, 4, -1]) / 16  # keeps parabolas, removes what alternates by node
SUN_RADIUS = 0.04  # rad: larger than the real sun, like a lamp in a studio


def scaled_solid(solids: SolidGrid | None, scale: float) -> np.ndarray:
    """The scaled distance to solids on nodes; without solids, a few nodes that are all far away."""
    if solids is None:
        return np.full((2, 2, 2), 10.0, np.float32)
    return _rounded(solids) * np.float32(scale)


@lru_cache(maxsize=1)
def _rounded(solids: SolidGrid) -> np.ndarray:
    """The distance to solids with blunt edges: sharp ones between the nodes would look serrated."""
    result = np.asarray(solids.distance, np.float32)
    for axis in range(3):
        result = convolve1d(result, _BLUNT, axis, mode="nearest")
    return result


@ti.func
def solid_near(solid: ti.template(), point, upper):
    """The distance to solids from a point, which may be outside the domain [0, upper]."""
    inside = ti.math.clamp(point, 0.0, upper)
    return sample(solid, inside / spacing_of(solid, upper)) + (point - inside).norm()


@ti.func
def sun_share(solid: ti.template(), ray, start, end):
    """The part of the sun's disc that no solid between `start` and `end` on a ray to it hides.

    The least angle between the ray and a solid decides (Quilez, "Soft shadows in raymarched
    SDFs", 2010-2018, with penumbras on both sides of the edge). solid: `Sdf`.
    """
    angle = 1.0  # in radii of the disc
    t = start
    while t < end and angle > -1.0:
        place = (ray.origin + ray.direction * t) / solid.spacing
        away = nearest(solid.values, place) - solid.spacing  # enough where nothing is near
        if away < ti.max(SUN_RADIUS * t, solid.spacing):
            away = sample(solid.values, place)
            angle = ti.min(angle, away / (SUN_RADIUS * t))
        t += ti.max(0.7 * ti.abs(away), 0.5 * solid.spacing)
    angle = ti.max(angle, -1.0)
    return 0.25 * (1 + angle) * (1 + angle) * (2 - angle)


@ti.func
def sunlit(solid: ti.template(), hit, sun, upper):
    """The part of the sunlight that reaches a place that a ray hits on a solid."""
    result = 0.0
    if hit.outward.dot(sun) > 0:
        spacing = spacing_of(solid, upper)
        shades = ti.static(Sdf(solid, spacing))
        start = hit.point + hit.outward * spacing
        near, far = box_span(start, sun, upper)
        ray = Ray(origin=start, direction=sun)
        result = sun_share(shades, ray, ti.max(near, spacing), far)
    return result
