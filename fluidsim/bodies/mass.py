"""Mass, centre of mass and inertia of a body, by quadrature; points on its surface."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.bodies.rigid_body import RigidBody
from fluidsim.grid.grid import Grid
from fluidsim.solid.shapes import Shape

CELLS = {2: 128, 3: 64}  # of the lattice, along the longest side of the body
SPACING = 0.75  # cells between points on the surface, at which contacts are looked for
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class MassProperties:
    """mass: kg (2D: kg for each metre of depth). centre: (dim,) float64, m. inertia: about the
    centre, kg m^2, (3, 3), in 2D (1, 1). surface: (n, dim) float64, points on the surface, m."""

    mass: float
    centre: np.ndarray
    inertia: np.ndarray
    surface: np.ndarray

    @classmethod
    def of(cls, body: RigidBody, grid: Grid) -> MassProperties:
        """grid: of the domain, on which the body is found and which its surface is sampled for.

        Raises ValueError if the body is not wholly inside the domain, or is too small for the grid.
        """
        lattice, corner = _lattice(body.shape, grid)
        shift = torch.tensor(corner, dtype=torch.float64)
        points = lattice.cells(lattice.cell_positions(CPU).double().movedim(-1, 0))
        points = points.movedim(0, -1).reshape(-1, grid.dim) + shift
        distance = body.shape.distance(points.float()).double()
        filled = (0.5 - distance / lattice.dx).clamp(0, 1)
        inside = filled > 0
        points, filled = points[inside], filled[inside]
        masses = filled * _density(body, points) * lattice.dx**grid.dim
        mass = float(masses.sum())
        if not 0 < mass < math.inf:
            raise ValueError(
                f"a rigid body has the mass {mass:.3g} kg: its density must be positive"
            )
        centre = (masses[:, None] * points).sum(0) / mass
        arms = points - centre
        square = (masses * arms.square().sum(1)).sum()
        if grid.dim == 2:
            inertia = square.view(1, 1)
        else:
            inertia = square * torch.eye(3) - torch.einsum("n,ni,nj->ij", masses, arms, arms)
        surface = _surface(body.shape, centre, lattice, shift, SPACING * grid.dx)
        return cls(mass, centre.numpy(), inertia.double().numpy(), surface.numpy())


def _lattice(shape: Shape, grid: Grid) -> tuple[Grid, tuple[float, ...]]:
    """A fine grid around a shape, and the place of its first corner, m."""
    distance = shape.distance(grid.node_positions(CPU))
    inside = (distance < 0).nonzero()
    if len(inside) == 0:
        raise ValueError(
            "a rigid body fills no corner of a cell: it lies outside of the domain, or is too "
            "small for this resolution"
        )
    low, high = inside.amin(0).tolist(), inside.amax(0).tolist()
    if any(a == 0 or b == n for a, b, n in zip(low, high, grid.shape, strict=True)):
        raise ValueError("a rigid body reaches out of the domain: it must begin wholly inside")
    sides = [(b - a + 2) * grid.dx for a, b in zip(low, high, strict=True)]
    dx = min(max(sides) / CELLS[grid.dim], grid.dx)
    lattice = Grid(tuple(math.ceil(side / dx - 1e-9) for side in sides), dx)
    return lattice, tuple((a - 1) * grid.dx for a in low)


def _density(body: RigidBody, points: Tensor) -> Tensor:
    """Density (n,) float64 at points (n, dim). Raises ValueError for values that are none."""
    if not callable(body.density):
        return points.new_full(points.shape[:1], body.density)
    values = torch.as_tensor(body.density(points.float())).double()
    if values.shape != points.shape[:1] or not bool((values >= 0).all()):
        raise ValueError(
            "the density of a rigid body must return one number >= 0 for each point, shape "
            f"{tuple(points.shape[:1])}, not {tuple(values.shape)}"
        )
    return values


def _surface(shape: Shape, centre: Tensor, lattice: Grid, shift: Tensor, spacing: float) -> Tensor:
    """Points (n, dim) on a surface, about one in each cube of side `spacing`: the outermost, so
    that corners and edges are among them."""
    points = lattice.node_positions(CPU).double().reshape(-1, lattice.dim) + shift
    points = points[shape.distance(points.float()).abs() < 1.5 * lattice.dx]
    for _ in range(3):  # the distance of some shapes is a bound only
        slopes = gradient(shape.distance, points.float(), 0.1 * lattice.dx).double()
        points = points - shape.distance(points.float()).double()[:, None] * slopes
    points = points[shape.distance(points.float()).abs() < 0.05 * lattice.dx]
    outermost = torch.argsort((points - centre).square().sum(1), descending=True, stable=True)
    points = points[outermost]
    cubes = torch.floor((points - shift) / spacing).long().numpy()
    first = np.unique(cubes, axis=0, return_index=True)[1]
    return points[torch.from_numpy(np.sort(first))]


def gradient(distance, points: Tensor, step: float) -> Tensor:
    """Unit vectors (n, dim) along the gradient of a distance, by central differences."""
    slopes = []
    for axis in range(points.shape[1]):
        way = torch.zeros(points.shape[1])
        way[axis] = step
        slopes.append(distance(points + way) - distance(points - way))
    return torch.nn.functional.normalize(torch.stack(slopes, dim=-1), dim=-1)
