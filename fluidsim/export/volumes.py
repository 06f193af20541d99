"""Volumes of a frame: smoke as it was stored, and the liquid as a level set in a narrow band."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from fluidsim.export.meshes import closed, zero_level
from fluidsim.export.vdb import Grid
from fluidsim.render.fire import glow_of
from fluidsim.render.frame import Frame, LiquidFrame, SmokeFrame
from fluidsim.render.surface import liquid_surface

_LEAST = 1e-4  # of a field's largest value: what is smaller is left out
_BAND = 3  # voxels on either side of the surface


def volumes(frame: Frame) -> list[Grid]:
    """The grids of a frame: density, temperature, flame and velocity, or the liquid's surface.

    A plane of smoke is one voxel thick. Raises ValueError for liquids in 2D.
    """
    if isinstance(frame, SmokeFrame):
        return _smoke(frame)
    if len(frame.shape) != 3:
        raise ValueError("only runs of smoke, and of liquids in 3D, are volumes")
    return [_level_set(frame)]


def _smoke(frame: SmokeFrame) -> list[Grid]:
    fields = {"density": frame.density, "temperature": frame.temperature}
    flame = glow_of(frame.temperature)
    if flame.any():
        fields["flame"] = flame
    velocity = np.moveaxis(frame.velocity, 0, -1)
    if len(frame.shape) == 2:
        velocity = np.insert(velocity, 1, 0.0, axis=-1)[:, None]
        fields = {name: values[:, None] for name, values in fields.items()}
    fields["velocity"] = velocity
    first = (frame.dx / 2,) * 3
    return [
        Grid(name, values, _noticeable(values), frame.dx, first) for name, values in fields.items()
    ]


def _noticeable(values: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(values, axis=-1) if values.ndim == 4 else np.abs(values)
    return size > _LEAST * size.max()


def _level_set(frame: LiquidFrame) -> Grid:
    """The distance, m, to the closed surface of the liquid, exact within the band."""
    import igl  # here: it takes long to load

    found = liquid_surface(frame.positions, frame.velocities, frame.shape, frame.dx, frame.solids)
    spacing = found.spacing
    distance = closed(found.distance, spacing)
    points, triangles = zero_level(distance, spacing)
    within = np.pad(distance < 0, _BAND)
    size = 2 * _BAND + 1
    near = np.not_equal(maximum_filter(within, size), minimum_filter(within, size))
    background = _BAND * spacing
    values = np.where(within, -background, background).astype(np.float32)
    if len(triangles):
        places = (np.argwhere(near) - _BAND) * spacing
        squared = igl.point_mesh_squared_distance(places, points.astype(float), triangles)[0]
        away = np.minimum(np.sqrt(squared), background)
        values[near] = np.where(within[near], -away, away)
    return Grid(
        "surface", values, np.abs(values) < np.float32(background), spacing,
        (-_BAND * spacing,) * 3, background,
    )  # fmt: skip
