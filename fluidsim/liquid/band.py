"""The narrow band: particles near the surface only, the inside of the liquid on the grid.

Ferstl, Ando, Wojtan, Westermann & Thuerey 2016, "Narrow band FLIP for liquid simulations". A cell
is deep if all cells within the band's width hold liquid or solids. Deep cells hold no particles;
the velocity of faces near them is that of the last step, carried along its own flow. The set of
deep cells is carried along too, so that liquid without particles and air differ.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from fluidsim.grid import scheduling
from fluidsim.grid.grid import Grid
from fluidsim.liquid.band_kernels import BandKernels, kernels
from fluidsim.solid.solids import Solids

LEAST_CELLS = 4  # along each axis: cubics need so many


class Band:
    """deep (*nodes) int8: 0 where particles are; in deep cells 1 more than the number of particles
    that would fill them. width: cells between the surface and the deep, or one more; `full`: the
    particles of a full cell."""

    def __init__(self, grid: Grid, device: torch.device, width: int, full: int):
        self.grid = grid
        self.width = width
        self.full = full
        self.deep = grid.zeros(device, dtype=torch.int8)
        self._other = torch.zeros_like(self.deep)
        self._traces = grid.zeros(device, grid.dim)
        self._old = grid.zeros(device, grid.dim)

    def moved(self, grid: Grid) -> Band:
        """The same band on another window of the domain."""
        band = Band(grid, self.deep.device, self.width, self.full)
        band.deep = grid.fitted(self.deep, self.grid, 0)
        return band

    @property
    def stands_for(self) -> Tensor:
        """The number of particles in the place of which the grid is, (*nodes) int32."""
        return (self.deep.int() - 1).clamp_(min=0)

    def carry(self, flow: Tensor, dt: float, solids: Solids) -> None:
        """Carry the deep cells along a flow for `dt` seconds; `choose` must follow.

        flow: flat, a pair for each stored face: its velocity, m/s, and a number that is not used.
        """
        program, shape, strides = self._program()
        program.carry(
            self.deep.view(-1), flow, self._other.view(-1), shape, strides, self.grid.node_count,
            dt / self.grid.dx,
        )  # fmt: skip
        self.deep, self._other = self._other, self.deep
        self._set(self.grid.cells(self.deep) > 0, solids)

    def restore(self, deep: Tensor) -> None:
        """Take the deep cells of a state; raises ValueError for those of another grid."""
        if (deep.shape, deep.dtype) != (self.deep.shape, self.deep.dtype):
            raise ValueError("the deep cells have another form")
        self.deep.copy_(deep)

    def choose(self, wanted: Tensor, wet: Tensor, solids: Solids) -> None:
        """Find the cells that are deep from now on.

        wanted: (*nodes) int32, the particles that each cell shall hold if it is not deep; 0 in deep
        cells afterwards. wet: (*shape) bool, cells inside the surface that may be deep.
        """
        grid = self.grid
        held, deep = grid.cells(wanted), grid.cells(self.deep) > 0
        solid, cut = grid.cells(solids.solid) != 0, grid.cells(solids.cut)
        full = solid | (cut == 2) | (wet & ((held > 0) | deep | (cut > 0)))
        for axis, n in enumerate(grid.shape):
            for place, upper in ((0, False), (n - 1, True)):
                if solids.is_open(axis, upper):
                    full.select(axis, place).fill_(False)
        near = shrunk(full, self.width)
        before, deep = deep, shrunk(near, 1) | (deep & near)
        rim = ~(deep | before | solid) & grown(before) & wet & (cut == 0)
        rim &= held < self.full // 2
        held.masked_fill_(rim, self.full).masked_fill_(deep, 0)
        self._set(deep, solids)

    def stand_ins(self, velocity: Tensor) -> tuple[Tensor, Tensor]:
        """Points in the place of particles in deep cells, (n, dim) in grid coordinates, in the
        middles of the parts of cells, and the velocity (dim, *nodes) there, (n, dim)."""
        grid, count = self.grid, self.stands_for
        found, parts = [], []
        for number, corner in enumerate(itertools.product((0.25, 0.75), repeat=grid.dim)):
            cells = (count > number).nonzero()
            found.append(cells)
            parts.append(velocity.new_tensor(corner).expand(len(cells), -1))
        cells, part = torch.cat(found), torch.cat(parts)
        speeds = []
        for axis in range(grid.dim):
            above = cells.clone()
            above[:, axis] += 1
            lower, upper = (velocity[axis][at.unbind(1)] for at in (cells, above))
            speeds.append(torch.lerp(lower, upper, part[:, axis]))
        return cells + part, torch.stack(speeds, 1)

    def _set(self, deep: Tensor, solids: Solids) -> None:
        """Let the cells (*shape) bool be deep.

        Mostly solid ones stand for no particles: these would be pushed out into the cells beside,
        again and again where a flow continued into the solid seems to renew what is deep.
        """
        room = (solids.room * self.full).round_().to(torch.int8)
        room *= self.grid.cells(solids.cut) < 2
        self.grid.cells(self.deep).copy_((1 + room) * deep)

    def remember(self, velocity: Tensor) -> None:
        """Keep a copy of the velocity (dim, *nodes) at the end of the last step, for `advect`."""
        self._old.copy_(velocity)

    def advect(self, velocity: Tensor, copy: Tensor, sums: Tensor, dt: float) -> None:
        """Set the velocity (dim, *nodes), m/s, of faces near deep cells, and its copy, to the
        remembered one, carried along its own flow for `dt` seconds.

        sums: flat, of particles, a pair for each stored face; the second becomes 1, their weight.
        """
        grid = self.grid
        near = grown(grid.cells(self.deep) > 1)
        marks = self._other
        grid.cells(marks).copy_(near.to(torch.int8) + grown(near))
        program, shape, strides = self._program()
        old, back = self._old.view(-1), self._traces.view(-1)
        program.trace(old, marks.view(-1), back, shape, strides, grid.node_count, dt / grid.dx)
        program.advect(
            old, marks.view(-1), back, sums, velocity.view(-1), copy.view(-1), shape, strides,
            grid.node_count,
        )  # fmt: skip

    def _program(self) -> tuple[BandKernels, Any, Any]:
        """The kernels, and the grid's shape and strides as they take them."""
        grid = self.grid
        program = kernels(grid.dim, scheduling.for_device(self.deep.device))
        return program, program.ivec(*grid.shape), program.ivec(*grid.strides)


def grown(cells: Tensor) -> Tensor:
    """Cells (*shape) bool that share a corner with one of `cells`, or are among them."""
    for axis, n in enumerate(cells.shape):
        result = cells.clone()
        result.narrow(axis, 0, n - 1).logical_or_(cells.narrow(axis, 1, n - 1))
        result.narrow(axis, 1, n - 1).logical_or_(cells.narrow(axis, 0, n - 1))
        cells = result
    return cells


def shrunk(cells: Tensor, layers: int) -> Tensor:
    """Cells (*shape) bool all of whose neighbours, up to so many layers, are among `cells`."""
    outside = ~cells
    for _ in range(layers):
        outside = grown(outside)
    return ~outside
