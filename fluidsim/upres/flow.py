"""The flow of stored frames, from the centres of coarse cells to the faces of fine ones."""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.boundary import Boundary


def face_velocity(centred: np.ndarray, boundary: Boundary) -> Tensor:
    """The velocity on faces whose means at the centres of cells are known.

    Along a line the means leave open how much of +1, -1, +1, ... there is. The face at a wall or an
    inlet tells; without one, what makes the velocity smoothest is taken, where the ends of the line
    weigh nothing (Hann's window).

    Parameters
    ----------
    centred : float32, shape (dim, *shape)
        Of a frame, m/s.
    boundary : Boundary
        Of the frame's grid, which is not periodic.

    Returns
    -------
    Tensor
        float32 (dim, *nodes), m/s.
    """
    grid = boundary.grid
    result = grid.zeros(torch.device("cpu"), grid.dim)
    for axis, n in enumerate(grid.shape):
        means = np.moveaxis(centred[axis], axis, 0).astype(np.float64)
        signs = (-1.0) ** np.arange(n + 1).reshape(-1, *(1,) * (grid.dim - 1))
        faces = np.zeros((n + 1, *means.shape[1:]))
        faces[1:] = -signs[1:] * np.cumsum(2 * signs[:-1] * means, axis=0)
        window = np.sin(np.pi * np.arange(1, n) / n) ** 2
        bends = np.diff(faces, 2, axis=0) * signs[1:-1]
        missing = np.tensordot(window, bends, 1) / max(4 * window.sum(), 1e-30)
        within = tuple(slice(m) for k, m in enumerate(grid.shape) if k != axis)
        for side in boundary.of_axis(axis):
            last = n if side.upper else 0
            known = side.velocity[axis][within].numpy() - faces[last]
            missing = np.where(side.closed[within].numpy(), known * signs[last], missing)
        faces += signs * missing
        grid.faces(result, axis).copy_(torch.from_numpy(np.moveaxis(faces, 0, axis)))
    return result


class Refinement:
    """Takes velocities from the faces of a grid to those of one with cells `factor` times smaller.

    The mean over the parts of a face is its value, and the divergence in all parts of a cell is
    that of the cell (as Toth & Roe 2002, "Divergence- and curl-preserving prolongation and
    restriction formulas", have it for a factor of 2): parabolas across the faces, cubics from face
    to face, and within each cell the smallest change that sets the divergence right.
    """

    def __init__(self, coarse: Grid, factor: int) -> None:
        self.coarse = coarse
        self.factor = factor
        self.fine = Grid(tuple(n * factor for n in coarse.shape), coarse.dx / factor)

    def refine(self, velocity: Tensor) -> Tensor:
        """(dim, *nodes) of the coarse grid to (dim, *nodes) of the fine one."""
        coarse, fine = self.coarse, self.fine
        result = fine.zeros(velocity.device, fine.dim)
        for axis in range(fine.dim):
            values = coarse.faces(velocity, axis)
            for other in range(fine.dim):
                if other != axis:
                    values = self._across(values, other)
            fine.faces(result, axis).copy_(self._along(values, axis))
        self._set_divergence(result)
        return result

    def _across(self, values: Tensor, axis: int) -> Tensor:
        """Means over the parts of cells, by the parabola through three means."""
        n, f = values.shape[axis], self.factor
        before, after = _shifted(values, axis, -1), _shifted(values, axis, 1)
        slope, bend = (after - before) / 2, (after - 2 * values + before) / 2
        places = (torch.arange(f) + 0.5) / f - 0.5
        parts = [
            values + float(x) * slope + (float(x) ** 2 + 1 / (12 * f * f) - 1 / 12) * bend
            for x in places
        ]
        return torch.stack(parts, axis + 1).flatten(axis, axis + 1).narrow(axis, 0, n * f)

    def _along(self, values: Tensor, axis: int) -> Tensor:
        """Values between faces, by the cubic of Catmull & Rom."""
        n, f = values.shape[axis] - 1, self.factor
        first, second = values.narrow(axis, 0, n), values.narrow(axis, 1, n)
        before = _shifted(values, axis, -1).narrow(axis, 0, n)
        after = _shifted(values, axis, 1).narrow(axis, 1, n)
        parts = []
        for x in (k / f for k in range(f)):
            outer = x * x * (x - 1) / 2, -x * (1 - x) * (1 - x) / 2
            inner = 1 + x * x * (1.5 * x - 2.5), x * (0.5 + x * (2 - 1.5 * x))
            part = inner[0] * first + inner[1] * second
            parts.append(part + outer[0] * after + outer[1] * before)
        inside = torch.stack(parts, axis + 1).flatten(axis, axis + 1)
        return torch.cat((inside, values.narrow(axis, n, 1)), axis)

    def _set_divergence(self, velocity: Tensor) -> None:
        """Change faces within coarse cells so that the divergence in a cell is the same all over,
        in place."""
        fine, f, dim = self.fine, self.factor, self.fine.dim
        total = sum(torch.diff(fine.faces(velocity, axis), dim=axis) for axis in range(dim))
        assert isinstance(total, Tensor)
        blocks = total.view([part for n in self.coarse.shape for part in (n, f)])
        order = [*range(0, 2 * dim, 2), *range(1, 2 * dim, 2)]
        potential = blocks.permute(order).reshape(-1, f**dim) @ self._inverse
        back = [place for axis in range(dim) for place in (axis, dim + axis)]
        shape = [*self.coarse.shape, *(f,) * dim]
        potential = potential.view(shape).permute(back).reshape(fine.shape)
        for axis, n in enumerate(fine.shape):
            inside = (torch.arange(1, n) % f != 0).view(
                [-1 if other == axis else 1 for other in range(dim)]
            )
            change = torch.diff(potential, dim=axis) * inside
            fine.faces(velocity, axis).narrow(axis, 1, n - 1).sub_(change)

    @cached_property
    def _inverse(self) -> Tensor:
        """(f^dim, f^dim): the pressure in the parts of a closed cell for a divergence, less its
        mean, in them."""
        f, dim = self.factor, self.fine.dim
        places = list(itertools.product(range(f), repeat=dim))
        laplacian = np.zeros((len(places),) * 2)
        for row, one in enumerate(places):
            for column, other in enumerate(places):
                if sum(abs(a - b) for a, b in zip(one, other, strict=True)) == 1:
                    laplacian[row, column] += 1
                    laplacian[row, row] -= 1
        return torch.from_numpy(np.linalg.pinv(laplacian, hermitian=True).astype(np.float32))


def _shifted(values: Tensor, axis: int, step: int) -> Tensor:
    """The neighbours on one side; beyond the rim the values go on as a line."""
    n = values.shape[axis]
    if n == 1:
        return values
    rim, inner = (0, 1) if step < 0 else (n - 1, n - 2)
    beyond = 2 * values.narrow(axis, rim, 1) - values.narrow(axis, inner, 1)
    if step < 0:
        return torch.cat((beyond, values.narrow(axis, 0, n - 1)), axis)
    return torch.cat((values.narrow(axis, 1, n - 1), beyond), axis)
