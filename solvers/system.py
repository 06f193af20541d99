"""The pressure system: coefficients on the faces of a grid, and a mask of the unknowns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from solvers.floating import FloatingComponents, find_floating
from solvers.slicing import interior, lower, upper

if TYPE_CHECKING:
    import scipy.sparse as sp

LEAST_CELLS = 4  # along a periodic axis: both neighbours of a cell differ, and so do four cuts


@dataclass(frozen=True, eq=False)
class PoissonSystem:
    """A p = b on the active cells of a grid in two or three dimensions.

        (A p)_c = sum over the faces f of cell c of w_f (p_c - p_neighbour)

    with p = 0 in inactive neighbours and outside the grid. A is symmetric and positive
    (semi)definite as long as no weight is negative. Quantities derived from the tensors are cached:
    do not change the tensors in place.

    Parameters
    ----------
    face_weights : tuple or list of Tensor, float32 or float64
        One tensor per axis. Number d has the shape of the grid plus one along axis d, including the
        faces on the rim. In a fluid solver a weight is dt / (rho dx^2), in s m / kg, times the open
        fraction of the face. Weight 0 is a wall (Neumann condition); a positive weight towards an
        inactive cell or across the rim sets p = 0 there (Dirichlet condition: air, an open side).
    active : Tensor, bool, shape of the grid
        True where the pressure is unknown.
    periodic : tuple of bool, default ()
        For each axis whether the grid is periodic along it; () means no axis. The first and the
        last face of a periodic axis are one and the same, between its last and its first cell.

    Raises
    ------
    TypeError, ValueError
        If types, shapes or devices do not fit. `solvers.solve` checks the values of the weights.
    """

    face_weights: tuple[Tensor, ...]
    active: Tensor
    periodic: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.active, Tensor) or self.active.dtype != torch.bool:
            raise TypeError(f"active must be a bool tensor, not {_kind(self.active)}")
        if not isinstance(self.face_weights, tuple | list):
            kind = _kind(self.face_weights)
            raise TypeError(f"face_weights must be a tuple or a list, not {kind}")
        object.__setattr__(self, "face_weights", tuple(self.face_weights))
        if self.active.ndim not in (2, 3) or self.active.numel() == 0:
            raise ValueError(f"the grid must have 2 or 3 axes with cells, not shape {self.shape}")
        if len(self.face_weights) != self.dim:
            raise ValueError(
                f"face_weights needs one tensor per axis: {self.dim}, not {len(self.face_weights)}"
            )
        for axis, weights in enumerate(self.face_weights):
            self._check_weights(axis, weights)
        object.__setattr__(self, "periodic", tuple(self.periodic) or (False,) * self.dim)
        self._check_periodic()

    def _check_weights(self, axis: int, weights: Tensor) -> None:
        name = f"face_weights[{axis}]"
        if not isinstance(weights, Tensor) or weights.dtype not in (torch.float32, torch.float64):
            raise TypeError(f"{name} must be a float32 or float64 tensor, not {_kind(weights)}")
        if weights.dtype != self.face_weights[0].dtype:
            raise TypeError(f"{name} is {weights.dtype}, the first {self.face_weights[0].dtype}")
        expected = tuple(n + (d == axis) for d, n in enumerate(self.shape))
        if tuple(weights.shape) != expected:
            raise ValueError(f"{name} must have shape {expected}, not {tuple(weights.shape)}")
        if weights.device != self.device:
            raise ValueError(f"{name} is on {weights.device}, active on {self.device}")

    def _check_periodic(self) -> None:
        if len(self.periodic) != self.dim:
            raise ValueError(f"periodic needs a bool per axis: {self.dim}, not {self.periodic}")
        for axis, weights in enumerate(self.face_weights):
            if self.periodic[axis]:
                n = self.shape[axis]
                if n < LEAST_CELLS:
                    raise ValueError(
                        f"a periodic axis needs {LEAST_CELLS} cells, axis {axis} has {n}"
                    )
                if not torch.equal(weights.select(axis, 0), weights.select(axis, n)):
                    raise ValueError(
                        f"axis {axis} is periodic: its first and last faces must have equal weights"
                    )

    def equals(self, other: PoissonSystem) -> bool:
        """Whether another system has the same matrix.

        Parameters
        ----------
        other : PoissonSystem
            On the same device.

        Returns
        -------
        bool
            True for equal masks, weights and periodic axes.
        """
        if self.shape != other.shape or self.periodic != other.periodic:
            return False
        pairs = zip(
            (self.active, *self.face_weights), (other.active, *other.face_weights), strict=True
        )
        return all(torch.equal(ours, theirs) for ours, theirs in pairs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along each axis."""
        return tuple(self.active.shape)

    @property
    def dim(self) -> int:
        """Number of axes, 2 or 3."""
        return self.active.ndim

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self.active.device

    @cached_property
    def unknowns(self) -> int:
        """Number of active cells."""
        return int(self.active.sum())

    @cached_property
    def floating(self) -> FloatingComponents:
        """The parts of the grid where the pressure is defined only up to a constant."""
        return find_floating(self.active, self.face_weights, self.periodic)

    def apply(self, p: Tensor) -> Tensor:
        """The product A p.

        The flux form -div(w grad p) maps a constant on a floating component to exact zeros.

        Parameters
        ----------
        p : Tensor, shape of the grid
            Pressure; its values in inactive cells do not matter.

        Returns
        -------
        Tensor, dtype of p, shape of the grid
            Computed in float64; 0 in inactive cells.
        """
        pressure = torch.where(self.active, p, 0).to(torch.float64)
        total = torch.zeros_like(pressure)
        for axis, weights in enumerate(self.face_weights):
            total = total - torch.diff(weights * self.jump(pressure, axis), dim=axis)
        return torch.where(self.active, total, 0).to(p.dtype)

    def jump(self, p: Tensor, axis: int) -> Tensor:
        """Differences of p across all faces of an axis, with p = 0 outside the grid.

        Parameters
        ----------
        p : Tensor, shape of the grid
            Pressure.
        axis : int
            The axis.

        Returns
        -------
        Tensor
            Value above the face minus value below; shape of the grid plus one along the axis.
        """
        first, last = p.narrow(axis, 0, 1), p.narrow(axis, p.shape[axis] - 1, 1)
        if not self.periodic[axis]:
            first = last = torch.zeros_like(first)
        return torch.diff(p, dim=axis, prepend=last, append=first)

    def diagonal(self) -> Tensor:
        """The diagonal of A: the sum of the weights around each cell.

        Returns
        -------
        Tensor, float64, shape of the grid
            0 in inactive cells and in cells with walls on all sides.
        """
        total = torch.zeros(self.shape, dtype=torch.float64, device=self.device)
        for axis, weights in enumerate(self.face_weights):
            total += lower(weights, axis)
            total += upper(weights, axis)
        return torch.where(self.active, total, 0)

    def to_scipy(self) -> tuple[sp.csr_matrix, np.ndarray]:
        """The matrix A on the active cells.

        The result is cached: copy it before changing it.

        Returns
        -------
        matrix : scipy.sparse.csr_matrix, float64, (unknowns, unknowns)
            Rows follow the order of the cells in memory (last axis fastest). Column indices are
            sorted, couplings of weight 0 are left out, and the diagonal is always stored.
        cells : ndarray, int64, (unknowns, dim)
            The cell of each row.
        """
        return self._scipy

    def to_unknowns(self, v: Tensor) -> np.ndarray:
        """The values of active cells, in the order of the rows of `to_scipy`.

        Parameters
        ----------
        v : Tensor, shape of the grid
            A grid tensor.

        Returns
        -------
        ndarray, dtype of v, (unknowns,)
            A copy on the CPU.
        """
        return v[self.active].cpu().numpy()

    def from_unknowns(self, x: np.ndarray) -> Tensor:
        """The grid tensor with the given values in active cells.

        Parameters
        ----------
        x : ndarray, (unknowns,)
            Values in the order of the rows of `to_scipy`.

        Returns
        -------
        Tensor, float64, shape of the grid
            0 in inactive cells; on the device of the system.
        """
        result = torch.zeros(self.shape, dtype=torch.float64, device=self.device)
        result[self.active] = torch.from_numpy(x).to(self.device)
        return result

    @cached_property
    def _scipy(self) -> tuple[sp.csr_matrix, np.ndarray]:
        import scipy.sparse as sp

        active = self.active.cpu()
        count = int(active.sum())
        number = torch.full(self.shape, -1, dtype=torch.int32)
        number[active] = torch.arange(count, dtype=torch.int32)
        below, above = [], []
        for axis, weights in enumerate(self.face_weights):
            weights = -weights.detach().cpu().double()
            inner, n = interior(weights, axis), self.shape[axis]
            column, value = torch.full_like(number, -1), torch.zeros(self.shape).double()
            upper(column, axis).copy_(lower(number, axis))
            upper(value, axis).copy_(inner)
            below.append((column, value))
            column, value = torch.full_like(number, -1), torch.zeros(self.shape).double()
            lower(column, axis).copy_(upper(number, axis))
            lower(value, axis).copy_(inner)
            above.append((column, value))
            if self.periodic[axis]:
                for (column, value), here, there in ((below[-1], 0, n - 1), (above[-1], n - 1, 0)):
                    column.select(axis, here).copy_(number.select(axis, there))
                    value.select(axis, here).copy_(weights.select(axis, 0))
        entries = [*below, (number, self.diagonal().detach().cpu()), *reversed(above)]
        columns = torch.stack([column[active] for column, _ in entries], dim=1)
        values = torch.stack([value[active] for _, value in entries], dim=1)
        stored = (columns >= 0) & (values != 0)
        stored[:, self.dim] = True
        starts = torch.zeros(count + 1, dtype=torch.int32)
        starts[1:] = stored.sum(dim=1).cumsum(0)
        data = (values[stored].numpy(), columns[stored].numpy(), starts.numpy())
        matrix = sp.csr_matrix(data, shape=(count, count))
        if any(self.periodic):
            matrix.sort_indices()
        return matrix, active.nonzero().numpy()


def _kind(value: object) -> str:
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
