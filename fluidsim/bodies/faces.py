"""The faces that rigid bodies close, and what flows and forces pass between bodies and cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.bodies.body import Body, rows_of
from fluidsim.grid.grid import Grid


@dataclass(frozen=True, eq=False)
class BodyFaces:
    """The faces beside fluid that rigid bodies close in whole or in part.

    faces (n,) int64: flat index in a face field, each once. closed (n,) float64: the closed part.
    below, above (n,) int64: flat index of the cells on both sides, the number of cells outside of
    the grid. rows (n, size) float64: what takes a body's twist to its velocity across the face.
    counts: faces of each body; they stand in the order of the bodies.
    """

    grid: Grid
    faces: Tensor
    closed: Tensor
    below: Tensor
    above: Tensor
    rows: Tensor
    counts: tuple[int, ...]

    @classmethod
    def of(
        cls, owned: Sequence[Tensor], bodies: Sequence[Body], open_faces: Tensor, grid: Grid
    ) -> BodyFaces:
        """owned: for each body the places (n, 1 + dim) int64 of its faces: axis, then index."""
        places = torch.cat(tuple(owned))
        axes, index = places[:, 0], places[:, 1:]
        unit = torch.eye(grid.dim, dtype=torch.int64, device=places.device)[axes]
        strides = torch.tensor(grid.strides, device=places.device)
        faces = axes * grid.node_count + (index * strides).sum(1)
        middles = (index + 0.5 * (1 - unit)).double()
        middles = (middles + middles.new_tensor(grid.origin)) * grid.dx
        counts = tuple(map(len, owned))
        rows = [
            rows_of(points.numpy() - body.centre, ways.double().numpy())
            for body, points, ways in zip(
                bodies, middles.cpu().split(counts), unit.cpu().split(counts), strict=True
            )
        ]
        closed = 1.0 - open_faces.reshape(-1)[faces].double()
        sides = _cells(index - unit, grid), _cells(index, grid)
        return cls(
            grid, faces, closed, *sides, torch.from_numpy(np.concatenate(rows)).to(closed), counts
        )

    def centres(self, cells: Tensor) -> Tensor:
        """The centres (n, dim) float64, m, of cells by flat index; any place for those outside."""
        index, rest = [], cells
        for n in reversed(self.grid.shape):
            index.append(rest % n)
            rest = rest // n
        return self.grid.metres(torch.stack(index[::-1], dim=1).double() + 0.5)

    def speeds(self, twists: np.ndarray) -> Tensor:
        """The bodies' velocity across their faces, (n,) float64, m/s; twists: those of all bodies
        in a row."""
        each = torch.from_numpy(twists.reshape(len(self.counts), -1)).to(self.rows)
        return (self.rows * torch.repeat_interleave(each, self._repeats(), dim=0)).sum(1)

    def set_speeds(self, velocity: Tensor, twists: np.ndarray) -> None:
        """Set the faces of a velocity (dim, *nodes) to those of the bodies, in place."""
        velocity.view(-1)[self.faces] = self.speeds(twists).to(velocity.dtype)

    def displaced(self, twists: np.ndarray, fluid: Tensor) -> Tensor:
        """C V (*shape) float64, 1/s: what the bodies push out of each cell, over its volume."""
        grid = self.grid
        flow = grid.zeros(self.closed.device, grid.dim, dtype=torch.float64)
        flow.view(-1)[self.faces] = self.closed * self.speeds(twists)
        total = torch.zeros(grid.shape, dtype=torch.float64, device=flow.device)
        for axis in range(grid.dim):
            total += torch.diff(grid.faces(flow, axis), dim=axis)
        return total * fluid / grid.dx

    def impulses(self, q: Tensor) -> np.ndarray:
        """h C^T q (all twists,): what the pressure times the time step does to the bodies, N s.

        q: (*shape) float64, Pa s, 0 outside of the fluid.
        """
        values = torch.nn.functional.pad(q.reshape(-1), (0, 1))
        jump = self.closed * (values[self.below] - values[self.above])
        parts = (self.rows * jump[:, None]).split(self.counts)
        total = torch.stack([part.sum(0) for part in parts])
        return total.cpu().numpy().ravel() * self.grid.dx ** (self.grid.dim - 1)

    def displaced_at_most(self) -> np.ndarray:
        """For each number in the twists, the volume that it would displace at rate 1 if all faces
        faced it, halved: those that suck do so too."""
        parts = (self.rows.abs() * self.closed[:, None]).split(self.counts)
        total = torch.stack([part.sum(0) for part in parts])
        return total.cpu().numpy().ravel() * self.grid.dx ** (self.grid.dim - 1) / 2

    def labels_beside(self, labels: Tensor) -> list[int]:
        """Those of cells beside the faces, out of labels (*shape) that are -1 elsewhere."""
        values = torch.nn.functional.pad(labels.reshape(-1), (0, 1), value=-1)
        found = torch.unique(torch.cat((values[self.below], values[self.above])))
        return [label for label in found.tolist() if label >= 0]

    def _repeats(self) -> Tensor:
        return torch.tensor(self.counts, device=self.rows.device)


def _cells(index: Tensor, grid: Grid) -> Tensor:
    """Flat index of cells (n, dim), the number of cells for those outside of the grid."""
    shape = torch.tensor(grid.shape, device=index.device)
    inside = ((index >= 0) & (index < shape)).all(1)
    flat = torch.zeros_like(index[:, 0])
    for axis, n in enumerate(grid.shape):
        flat = flat * n + index[:, axis]
    return torch.where(inside, flat, grid.cell_count)
