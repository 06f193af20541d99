# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Solids of a scene as the renderers take them."""

import numpy as np
import taichi as ti

from fluidsim.render.frame import SolidGrid
from fluidsim.render.rays import sample


def scaled_solid(solids: SolidGrid | None, scale: float) -> np.ndarray:
    """Distance to solids in scaled lengths; without solids a small grid that is all far away."""
    if solids is None:
        return np.full((2, 2, 2), 10.0, np.float32)
    return np.ascontiguousarray(solids.distance, np.float32) * np.float32(scale)


@ti.func
def solid_near(solid: ti.template(), point, upper):
    """Distance to solids from a point, which may lie outside of the domain [0, upper]."""
    inside = ti.math.clamp(point, 0.0, upper)
    spacing = upper[2] / (solid.shape[2] - 1)
    return sample(solid, inside / spacing) + (point - inside).norm()
