"""Pressure systems for the tests: small, and each hard in its own way. 2D and 3D."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from solvers import PoissonSystem, interior, lower, upper


def face_shape(shape: tuple[int, ...], axis: int) -> list[int]:
    return [n + (d == axis) for d, n in enumerate(shape)]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_rhs(system: PoissonSystem, seed: int = 0) -> Tensor:
    return torch.randn(system.shape, dtype=torch.float64, generator=generator(seed))


def random_system(
    shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64
) -> PoissonSystem:
    """Random mask and weights; a third of all faces, rims included, are walls."""
    random = generator(seed)
    weights = []
    for axis in range(len(shape)):
        faces = face_shape(shape, axis)
        open_faces = torch.rand(faces, generator=random) > 1 / 3
        weights.append(torch.rand(faces, generator=random, dtype=dtype) * open_faces)
    return PoissonSystem(tuple(weights), torch.rand(shape, generator=random) > 0.3)


def from_cells(
    solid: Tensor, air: Tensor, dtype: torch.dtype = torch.float64, density: Tensor | None = None
) -> PoissonSystem:
    """Walls at solids and on the rim, p = 0 in air; weights are 1 over the mean density."""
    density = torch.ones(solid.shape, dtype=torch.float64) if density is None else density
    weights = []
    for axis in range(solid.ndim):
        w = torch.zeros(face_shape(tuple(solid.shape), axis), dtype=dtype)
        passage = ~(lower(solid, axis) | upper(solid, axis))
        interior(w, axis).copy_(2.0 * passage / (lower(density, axis) + upper(density, axis)))
        weights.append(w)
    return PoissonSystem(tuple(weights), ~(solid | air))


def box(shape: tuple[int, ...], rim: float = 0.0, dtype=torch.float64) -> PoissonSystem:
    """All cells active; rim: the weight of all faces on the rim, 0 for a closed box."""
    weights = []
    for axis in range(len(shape)):
        w = torch.ones(face_shape(shape, axis), dtype=dtype)
        w.select(axis, 0).fill_(rim)
        w.select(axis, -1).fill_(rim)
        weights.append(w)
    return PoissonSystem(tuple(weights), torch.ones(shape, dtype=torch.bool))


@dataclass(frozen=True)
class Cells:
    """Solid and air masks to draw on, all fluid at first."""

    solid: Tensor
    air: Tensor

    @classmethod
    def fluid(cls, *shape: int) -> Cells:
        none = torch.zeros(shape, dtype=torch.bool)
        return cls(none, none.clone())

    def system(self, density: Tensor | None = None, dtype=torch.float64) -> PoissonSystem:
        return from_cells(self.solid, self.air, dtype, density)


def _size(dim: int) -> tuple[int, ...]:
    """An odd size, different along each axis."""
    return (17, 13) if dim == 2 else (9, 7, 11)


def closed_box(dim: int) -> PoissonSystem:
    return box(_size(dim))


def open_box_float32(dim: int) -> PoissonSystem:
    return box(_size(dim), rim=2.0, dtype=torch.float32)


def obstacle(dim: int) -> PoissonSystem:
    cells = Cells.fluid(*_size(dim))
    cells.solid[3:6, 2:5] = True
    return cells.system(dtype=torch.float32)


def free_surface(dim: int) -> PoissonSystem:
    cells = Cells.fluid(*_size(dim))
    for column in range(_size(dim)[0]):
        cells.air[column, ..., 4 + column % 3 :] = True
    return cells.system()


def closed_pocket(dim: int) -> PoissonSystem:
    """A closed chamber beside a tank that is open to air."""
    cells = Cells.fluid(*_size(dim))
    cells.solid[5] = True
    cells.air[:5, ..., -2:] = True
    return cells.system()


def many_pockets(dim: int) -> PoissonSystem:
    """Chambers of two cells a side and of a single cell, all closed."""
    cells = Cells.fluid(*_size(dim))
    for axis, n in enumerate(_size(dim)):
        cells.solid.index_fill_(axis, torch.arange(2, n, 3), True)
    return cells.system()


def thin_sheets(dim: int) -> PoissonSystem:
    """Sheets of fluid one cell thick, between air and between walls in turns."""
    cells = Cells.fluid(*_size(dim))
    cells.air[1::4] = True
    cells.solid[3::4] = True
    return cells.system()


def serpentine(dim: int) -> PoissonSystem:
    """One channel, one cell wide, to and fro through the whole grid."""
    cells = Cells.fluid(*_size(dim))
    cells.solid[1::2] = True
    cells.solid[1::4, ..., -1] = False
    cells.solid[3::4, ..., 0] = False
    if dim == 3:
        cells.solid[:, 1:] = True
    return cells.system()


def one_cell(dim: int) -> PoissonSystem:
    return box((1,) * dim, rim=1.0)


def isolated_cell(dim: int) -> PoissonSystem:
    """A cell without any open face, alone in the grid."""
    return box((1,) * dim)


def no_fluid(dim: int) -> PoissonSystem:
    cells = Cells.fluid(*_size(dim))
    cells.solid.fill_(True)
    return cells.system()


def thin_grid(dim: int) -> PoissonSystem:
    return box((1, 12) if dim == 2 else (9, 1, 6), rim=1.0)


def thin_last_axis(dim: int) -> PoissonSystem:
    return box((12, 1) if dim == 2 else (9, 6, 1))


def density_jump(dim: int) -> PoissonSystem:
    """A drop of density 1000 in a gas of density 1, in a closed box."""
    density = torch.ones(_size(dim), dtype=torch.float64)
    density[3:7, 2:5] = 1000.0
    return Cells.fluid(*_size(dim)).system(density)


def random_mask(dim: int) -> PoissonSystem:
    return random_system(_size(dim), seed=7)


CASES: dict[str, Callable[[int], PoissonSystem]] = {
    case.__name__: case
    for case in (
        closed_box,
        open_box_float32,
        obstacle,
        free_surface,
        closed_pocket,
        many_pockets,
        thin_sheets,
        serpentine,
        one_cell,
        isolated_cell,
        no_fluid,
        thin_grid,
        thin_last_axis,
        density_jump,
        random_mask,
    )
}
