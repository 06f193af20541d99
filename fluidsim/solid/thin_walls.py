"""Warnings, before the first step, of solids whose walls are too thin for the grid."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.animated import AnimatedMesh
from fluidsim.solid.mesh import Mesh
from fluidsim.solid.motion import RigidMotion
from fluidsim.solid.movement import Movement, Still
from fluidsim.solid.shapes import Shape

THIN = 1.5  # cells: thinner walls may let liquid through
STEP = 1 / 16  # cells between samples of the depth of a wall
SHARE = 0.2  # of the surface; fewer thin places are edges, ears and tails, which do not leak
MOST_POINTS = 20_000  # sampled on the surface


def wall_warnings(solids: Sequence[Shape | Movement], grid: Grid, resolution: int) -> Iterator[str]:
    """A line for each solid with walls thinner than 1.5 cells.

    resolution: cells along the longest side of the domain; the line tells how many would do.
    """
    for solid in solids:
        shape = solid.shape if isinstance(solid, RigidMotion) else solid
        if isinstance(shape, Movement):
            shape = Still(shape, 0.0)
        thickness = wall_thickness(shape, grid)
        if thickness is not None:
            enough = math.ceil(resolution * THIN / thickness)
            yield (
                f"the walls of {_name(shape)} are about {thickness:.1f} cells thick at this "
                f"resolution: liquid may leak; use --resolution {enough}"
            )


def wall_thickness(shape: Shape, grid: Grid) -> float | None:
    """Median thickness, cells, of those walls of a shape that are thinner than 1.5 cells.

    Returns None if there are hardly any. It looks inwards from points of the surface, which it
    finds from nodes near by, until the signed distance becomes positive again.
    """
    dx = grid.dx
    nodes = grid.node_positions(torch.device("cpu")).reshape(-1, grid.dim)
    points = nodes[shape.distance(nodes).abs() < dx]
    points = points[:: len(points) // MOST_POINTS + 1]
    outward = _gradient(shape, points, 0.05 * dx)
    surface = points - shape.distance(points)[:, None] * outward
    on = shape.distance(surface).abs() < 0.1 * dx
    surface = surface[on]
    outward = _gradient(shape, surface, 0.05 * dx)
    passed = torch.full((len(surface),), math.inf)
    for look in range(round(THIN / STEP), 1, -1):
        depth = look * STEP
        beyond = shape.distance(surface - depth * dx * outward) > 0
        passed[beyond] = depth
    thin = passed[passed < math.inf]
    if len(thin) < max(1, SHARE * len(surface)):
        return None
    return float(thin.median())


def _gradient(shape: Shape, points: Tensor, step: float) -> Tensor:
    """Unit vectors (n, dim) along the gradient of the distance."""
    slopes = []
    for axis in range(points.shape[1]):
        offset = torch.zeros(points.shape[1])
        offset[axis] = step
        slopes.append(shape.distance(points + offset) - shape.distance(points - offset))
    return torch.nn.functional.normalize(torch.stack(slopes, dim=-1), dim=-1)


def _name(shape: Shape) -> str:
    """The file of a mesh, or the kind of another shape."""
    named = shape.movement if isinstance(shape, Still) else shape
    if isinstance(named, (Mesh, AnimatedMesh)):
        return Path(named.path).name
    return f"a solid ({re.sub('(?<=[a-z])(?=[A-Z])', ' ', type(shape).__name__).lower()})"
