"""The levels of the GPU multigrid; building them and a V-cycle are one CUDA graph each."""

# pyright: reportIndexIssue=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from solvers.multigrid import torch_levels
from solvers.multigrid import triton_kernels as kernels
from solvers.multigrid.torch_levels import Factors, Level
from solvers.pool import Pool
from solvers.slicing import interior, lower, upper
from solvers.system import PoissonSystem

# Cells of a tile along three axes, powers of two; flat grids have tiles of their own.
TILE, FLAT_TILE = (4, 4, 32), (8, 1, 64)
Couplings = tuple[Tensor, Tensor, Tensor]
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a level for the kernels.

    shape: along three axes. lower: couplings to the lower neighbours along each axis, (*shape).
    usual: those along each axis where most cells are, and in float32 the inverse diagonal there.
    tiles: int32, see `solvers.multigrid.triton_kernels`.
    """

    shape: tuple[int, ...]
    lower: Couplings
    usual: Tensor
    tiles: Tensor

    @property
    def programs(self) -> tuple[int]:
        """One for each tile."""
        return (len(self.tiles),)

    @property
    def tile(self) -> dict[str, int]:
        """The size of a tile, as kernels take it."""
        return dict(zip(("TX", "TY", "TZ"), _tile(self.shape), strict=True))


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A level of the V-cycle in float32, (*shape): inverse diagonal and the vectors x and b."""

    cells: Cells
    inverse: Tensor
    x: Tensor
    b: Tensor

    def begin(self, factor: float) -> None:
        cells = self.cells
        kernels.begin[cells.programs](
            self.x, self.b, self.inverse, cells.usual, cells.tiles, *cells.shape, factor,
            **cells.tile,
        )  # fmt: skip

    def relax(self, colour: int, factor: float) -> None:
        cells = self.cells
        kernels.relax[cells.programs](
            self.x, self.b, self.inverse, *cells.lower, cells.usual, cells.tiles, *cells.shape,
            factor, COLOUR=colour, **cells.tile,
        )  # fmt: skip

    def restrict(self, coarse: Smoothed) -> None:
        cells = self.cells
        kernels.restrict[coarse.cells.programs](
            self.x, self.b, self.inverse, *cells.lower, *cells.shape,
            coarse.b, coarse.cells.tiles, *coarse.cells.shape, **cells.tile,
        )  # fmt: skip

    def prolong(self, coarse: Smoothed) -> None:
        cells = self.cells
        kernels.prolong[cells.programs](
            self.x, self.inverse, cells.tiles, *cells.shape, coarse.x, *coarse.cells.shape[1:],
            **cells.tile,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Graphs:
    """The levels of one shape, in memory that stays where it is.

    active, weights: the system in three dimensions; float32 weights if that holds them exactly.
    build: fills all else from them. cells, held: the system for kernels in float64, its weights
    towards p = 0. levels: those of the V-cycle, finest first. cycle: x of the finest level becomes
    the V-cycle of its b.
    """

    active: Tensor
    weights: list[Tensor]
    build: Callable[[], None]
    cells: Cells
    held: Tensor
    levels: list[Smoothed]
    cycle: Callable[[], None]

    @classmethod
    def of(cls, key: Key) -> Graphs:
        """Record both works for a shape."""
        shape, dtype, device, factors, sweeps = key
        active = torch.ones(shape, dtype=torch.bool, device=device)
        sides = [[n + (axis == d) for d, n in enumerate(shape)] for axis in range(3)]
        weights = [torch.ones(side, dtype=dtype, device=device) for side in sides]
        build, (cells, held, levels) = _recorded(lambda: _built(active, weights))
        build()
        cycle, _ = _recorded(lambda: _cycle(levels, 0, factors, sweeps))
        return cls(active, weights, build, cells, held, levels, cycle)


# Shape, type of the weights, device, over-relaxation, sweeps on the coarsest level.
Key = tuple[tuple[int, ...], torch.dtype, torch.device, Factors, int]
_POOL: Pool[Key, Graphs] = Pool()


@dataclass(frozen=True, eq=False)
class TritonHierarchy:
    """The levels of a system; the next one of the same shape receives the graphs."""

    graphs: Graphs

    @classmethod
    def of(cls, system: PoissonSystem, factors: Factors, sweeps: int) -> TritonHierarchy:
        """Build all levels. factors: see `torch_levels`. sweeps: on the coarsest level."""
        active, weights = torch_levels.as_slab(system)
        exact = torch.stack([(w.float() == w).all() for w in weights]).all()
        dtype = torch.float32 if exact else torch.float64
        key = tuple(active.shape), dtype, system.device, factors, sweeps
        graphs = _POOL.take(key, lambda: Graphs.of(key))
        graphs.active.copy_(active)
        for target, w in zip(graphs.weights, weights, strict=True):
            target.copy_(w)
        graphs.build()
        hierarchy = cls(graphs)
        _POOL.give_back_after(hierarchy, key, graphs)
        return hierarchy


def _cycle(levels: list[Smoothed], index: int, factors: Factors, coarsest_sweeps: int) -> None:
    """The V-cycle of `torch_levels.cycle`."""
    level, deepest = levels[index], index == len(levels) - 1
    own = torch_levels.sweeps_of(index, deepest, factors, coarsest_sweeps)
    for number, (red, black) in enumerate(own):
        if number == 0:
            level.begin(red)
        else:
            level.relax(0, red)
        level.relax(1, black)
    if not deepest:
        level.restrict(levels[index + 1])
        _cycle(levels, index + 1, factors, coarsest_sweeps)
        level.prolong(levels[index + 1])
    for red, black in reversed(own):
        level.relax(1, black)
        level.relax(0, red)


def _recorded(work: Callable[[], Made]) -> tuple[Callable[[], Any], Made]:
    """Work on the GPU as one launch, and what it makes, which each launch fills anew.

    A hundred small kernels would wait for Python. Elsewhere it is called as it is.
    """
    made = work()  # compiles the kernels, which cannot be recorded
    if not torch.cuda.is_available():
        return work, made
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        graph.capture_begin(capture_error_mode="thread_local")
        made = work()
        graph.capture_end()
    torch.cuda.current_stream().wait_stream(stream)
    return graph.replay, made


def _built(active: Tensor, weights: list[Tensor]) -> tuple[Cells, Tensor, list[Smoothed]]:
    """The system for kernels in float64, its weights towards p = 0, and the levels."""
    cells, held = _finest(active, weights)
    levels = [
        _smoothed(level, cells.tiles if index == 0 else None)
        for index, level in enumerate(torch_levels.build_slab(active, weights))
    ]
    return cells, held, levels


def _finest(active: Tensor, weights: list[Tensor]) -> tuple[Cells, Tensor]:
    """The system itself, and its weights towards p = 0."""
    held = torch.zeros(active.shape, dtype=torch.float64, device=active.device)
    couplings = []
    for axis, w in enumerate(weights):
        between = torch.zeros(w.shape, dtype=torch.bool, device=active.device)
        interior(between, axis).copy_(lower(active, axis) & upper(active, axis))
        outward = torch.where(between, 0.0, w)
        held += lower(outward, axis)
        held += upper(outward, axis)
        couplings.append(torch.where(between, w, 0.0))
    held = torch.where(active, held, 0.0)
    alike, usual = _alike(couplings)
    tiles = _tiles(active, alike & (held == 0))
    return Cells(tuple(active.shape), _lower(couplings), usual.double(), tiles), held


def _smoothed(level: Level, tiles: Tensor | None) -> Smoothed:
    """tiles: those of the finest level, where they are known."""
    alike, usual = _alike(level.weights)
    inverse = torch.where(alike, level.inverse, 0.0).max()
    if tiles is None:
        tiles = _tiles(level.inverse > 0, alike & (level.inverse == inverse))
    numbers = torch.cat([usual, inverse[None]])
    cells = Cells(tuple(level.inverse.shape), _lower(level.weights), numbers, tiles)
    x, b = torch.zeros_like(level.inverse), torch.zeros_like(level.inverse)
    return Smoothed(cells, level.inverse, x, b)


def _lower(weights: list[Tensor]) -> Couplings:
    x, y, z = (lower(w, axis).contiguous() for axis, w in enumerate(weights))
    return x, y, z


def _alike(weights: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Where all couplings of a cell are the largest of their axis, and those three."""
    usual = torch.stack([w.max() for w in weights])
    alike = torch.ones((), dtype=torch.bool, device=usual.device)
    for axis, (w, most) in enumerate(zip(weights, usual, strict=True)):
        same = w == most
        alike = alike & lower(same, axis) & upper(same, axis)
    return alike, usual


def _tile(shape: Sequence[int]) -> tuple[int, int, int]:
    return FLAT_TILE if shape[1] == 1 else TILE


def _tiles(wanted: Tensor, alike: Tensor) -> Tensor:
    """The list of tiles with wanted cells: see `solvers.multigrid.triton_kernels`."""
    tile = _tile(wanted.shape)
    padding = [-n % t for n, t in zip(wanted.shape, tile, strict=True)]
    both = F.pad(torch.stack([wanted, wanted & alike]), [x for n in padding[::-1] for x in (0, n)])
    for axis, cells in enumerate(tile):
        both = both.unflatten(2 * axis + 1, (-1, cells))
    some, every = both[0].sum((1, 3, 5)).view(-1) > 0, both[1].all(5).all(3).all(1).view(-1)
    numbers = torch.arange(len(some), device=some.device)
    return torch.where(some, 2 * numbers + every, -1).int()
