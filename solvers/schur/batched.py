"""Fronts of equal size as batches of dense matrices, by torch: any device, any element type.

The boxes of a level that have the same number of rows, and whose halves lie in the same batches,
form a batch: each step of the elimination is one call for all of them. Inactive nodes are kept,
with a diagonal of 1, so that the index tensors depend only on the shape of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from solvers.schur.memory import require
from solvers.schur.panels import AnyPanel, CholeskyPanel, Elimination, Panel, cholesky
from solvers.schur.tree import Tree


@dataclass(frozen=True, eq=False)
class Half:
    """Where the Schur complements of halves lie.

    batch: their batch. places: (boxes,), positions in it. rows: (boxes, rows), the rows of the
    parent that their rows become.
    """

    batch: int
    places: Tensor
    rows: Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Boxes with equal numbers of rows.

    pivots: number of rows that are eliminated; they come first. nodes: (boxes, rows).
    halves: two, none for patches.
    targets, sources: flat positions of the coefficients in the fronts (boxes, rows, rows), and in
        the coefficients (1 + kinds, nodes).
    """

    pivots: int
    nodes: Tensor
    halves: tuple[Half, ...]
    targets: Tensor
    sources: Tensor

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of boxes, of rows that are eliminated, and of rows that remain."""
        boxes, rows = self.nodes.shape
        return boxes, self.pivots, rows - self.pivots


@lru_cache(maxsize=4)
def batches(tree: Tree, device: torch.device) -> tuple[Batch, ...]:
    """The batches of a tree, deepest first."""
    result: list[Batch] = []
    batch_of = np.full(len(tree.base), -1)
    place_of = np.zeros(len(tree.base), dtype=np.int64)
    pivots, remaining = tree.sizes
    for first, last in zip(tree.levels[:-1], tree.levels[1:], strict=True):
        boxes = np.arange(first, last)
        below = np.where(tree.children[boxes] >= 0, batch_of[tree.children[boxes]], -1)
        keys = np.column_stack([pivots[boxes], remaining[boxes], below])
        kinds, which = np.unique(keys, axis=0, return_inverse=True)
        for kind in range(len(kinds)):
            own = boxes[which.ravel() == kind]
            batch_of[own], place_of[own] = len(result), np.arange(len(own))
            result.append(_batch(tree, own, kinds[kind, 2:], remaining, place_of, device))
    return tuple(result)


def _batch(
    tree: Tree,
    boxes: np.ndarray,
    below: np.ndarray,
    remaining: np.ndarray,
    place_of: np.ndarray,
    device: torch.device,
) -> Batch:
    classes, base = tree.classes[boxes], tree.base[boxes]
    starts = tree.row_starts[classes]
    rows = int(tree.row_starts[classes[0] + 1] - starts[0])
    halves = []
    for side, batch in enumerate(below.tolist()):
        if batch >= 0:
            children = tree.children[boxes, side]
            mapped = (
                np.arange(int(remaining[children[0]])) + tree.map_starts[classes, side][:, None]
            )
            places = torch.from_numpy(place_of[children]).to(device)
            halves.append(Half(batch, places, torch.from_numpy(tree.maps[mapped]).to(device)))
    counts = tree.entry_starts[classes + 1] - tree.entry_starts[classes]
    owner = np.repeat(np.arange(len(boxes)), counts)
    number = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column, kind, node = tree.entries[tree.entry_starts[classes][owner] + number].T
    return Batch(
        pivots=int(tree.pivots[classes[0]]),
        nodes=torch.from_numpy(tree.rows[np.arange(rows) + starts[:, None]] + base[:, None]).to(
            device
        ),
        halves=tuple(halves),
        targets=torch.from_numpy((owner * rows + row) * rows + column).to(device),
        sources=torch.from_numpy(kind * int(np.prod(tree.nodes)) + base[owner] + node).to(device),
    )


def bytes_needed(parts: tuple[Batch, ...], systems: int, itemsize: int) -> int:
    """Memory for the panels and for the fronts that exist at the same time, at most two levels."""
    panels = sum(b * p * (p + 2 * r) for b, p, r in (part.sizes for part in parts))
    fronts = max(b * (p + r) ** 2 for b, p, r in (part.sizes for part in parts))
    return itemsize * systems * (panels + 4 * fronts)


def eliminate(
    parts: tuple[Batch, ...], coefficients: Tensor, rule: Elimination[AnyPanel]
) -> list[AnyPanel]:
    """Eliminate all boxes. coefficients: (systems, 1 + kinds, nodes)."""
    systems = len(coefficients)
    flat = coefficients.reshape(systems, -1)
    panels: list[AnyPanel] = []
    complements: list[Tensor | None] = []
    last_use = {half.batch: index for index, part in enumerate(parts) for half in part.halves}
    for index, part in enumerate(parts):
        boxes, rows = part.nodes.shape
        fronts = flat.new_zeros(systems, boxes * rows * rows)
        fronts.index_add_(1, part.targets, flat[:, part.sources])
        fronts = fronts.reshape(systems, boxes, rows, rows)
        each = torch.arange(boxes, device=flat.device)[:, None, None]
        for half in part.halves:
            source = complements[half.batch]
            assert source is not None
            at = (slice(None), each, half.rows[:, :, None], half.rows[:, None, :])
            fronts[at] += source[:, half.places]
        for half in part.halves:
            if last_use[half.batch] == index:
                complements[half.batch] = None
        panel, complement = rule(fronts, part.pivots)
        panels.append(panel)
        complements.append(complement)
    return panels


def substitute(
    parts: tuple[Batch, ...], panels: Sequence[Panel], v: Tensor, transpose: bool = False
) -> None:
    """Replace the right-hand sides v (systems, nodes, right-hand sides) by the solutions."""
    handed: list[Tensor] = []
    for part, panel in zip(parts, panels, strict=True):
        boxes, pivots, remaining = part.sizes
        x = v.new_zeros(len(v), boxes, pivots + remaining, v.shape[2])
        own = part.nodes[:, :pivots]
        x[:, :, :pivots] = v[:, own]
        each = torch.arange(boxes, device=v.device)[:, None]
        for half in part.halves:
            x[:, each, half.rows] += handed[half.batch][:, half.places]
        panel.forward(x, transpose)
        v[:, own] = x[:, :, :pivots]
        handed.append(x[:, :, pivots:])
    for part, panel in zip(reversed(parts), reversed(panels), strict=True):
        x = v[:, part.nodes]
        panel.backward(x, transpose)
        v[:, part.nodes[:, : part.pivots]] = x[:, :, : part.pivots]


@dataclass(frozen=True, eq=False)
class BatchedCholesky:
    """A = L L^T of a pressure system in float64 or float32, on any device.

    active: nodes with a diagonal. scale: power of two by which the matrix was multiplied.
    doubtful: number of boxes that rounding made indefinite; if any, the factor only approximates A.
    """

    tree: Tree
    batches: tuple[Batch, ...]
    panels: list[CholeskyPanel]
    active: Tensor
    scale: float

    @classmethod
    def of(cls, tree: Tree, coefficients: Tensor, dtype: torch.dtype) -> BatchedCholesky:
        """Factor a definite matrix: coefficients float64 (1 + dim, nodes), diagonal first.

        Raises MemoryError if the factor would not fit.
        """
        parts = batches(tree, coefficients.device)
        require(bytes_needed(parts, 1, dtype.itemsize), coefficients.device)
        active = coefficients[0] > 0
        scale = 2.0 ** -math.floor(math.log2(float(coefficients[0].max())))
        values = (coefficients * scale).to(dtype)
        values[0] += (~active).to(dtype)
        return cls(tree, parts, eliminate(parts, values[None], cholesky), active, scale)

    @property
    def doubtful(self) -> int:
        return sum(panel.doubtful for panel in self.panels)

    def solve(self, rhs: Tensor) -> Tensor:
        """A^-1 rhs: float64, the shape of the grid, 0 in inactive cells."""
        largest = float(rhs.abs().max())
        if largest == 0.0:
            return torch.zeros_like(rhs)
        v = torch.zeros(self.tree.nodes, dtype=self.panels[0].below.dtype, device=rhs.device)
        v[self.tree.cells] = (rhs * (1.0 / largest)).to(v.dtype)
        flat = v.reshape(1, -1, 1)
        substitute(self.batches, self.panels, flat)
        return v[self.tree.cells].double() * (self.scale * largest)
