"""The liquid's surface as a level set: carried by the flow, and kept near the particles.

Where the flow is calm the surface stays smooth; particles alone would make it as rough as their
spacing. Where it tears and merges, the particles decide where the liquid is: the distance is kept
near theirs, |x - their mean position| (Zhu & Bridson 2005, "Animating sand as a fluid"). The
combination follows Enright, Fedkiw, Ferziger & Mitchell 2002, "A hybrid particle level set method".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fluidsim.flow.extrapolation import extrapolate, levels_of
from fluidsim.grid import scheduling
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.liquid import levelset_torch
from fluidsim.liquid.levelset_kernels import EMPTY, HIDDEN, OCCUPIED, LevelSetKernels, kernels
from fluidsim.liquid.particles import Particles
from fluidsim.liquid.wet import wet_cells
from fluidsim.solid.shapes import Shape
from fluidsim.solid.solids import Solids

HELD = 1.0  # cells by which the carried distance may differ from that of the particles
SMOOTHED = 3.0  # the same with surface tension: noise of the particles would excite waves
FAR = 5.0  # cells: larger distances are clamped; nothing moves that far in a step
SOLID_LAYERS = 3  # cells of a solid into which the distance is continued


class LevelSet:
    """distance (*nodes) float32: signed, in cells, at their centres, negative in the liquid."""

    def __init__(self, grid: Grid, distance: Tensor):
        """distance: (*shape), m, at the start."""
        self.grid = grid
        self.distance = grid.zeros(distance.device)
        grid.cells(self.distance).copy_((distance / grid.dx).clamp(-FAR, FAR))
        self._carried = torch.zeros_like(self.distance)

    @classmethod
    def of(cls, liquid: Shape, grid: Grid, device: torch.device) -> LevelSet:
        """The level set of a shape."""
        centres = grid.cells(grid.cell_positions(device).movedim(-1, 0)).movedim(0, -1)
        return cls(grid, liquid.distance(centres))

    def cover(self, grid: Grid) -> None:
        """Hold the distance on another window of the domain: air where there was none."""
        values = grid.fitted(self.grid.cells(self.distance), self.grid, FAR)
        self.grid = grid
        self.distance = grid.zeros(values.device)
        grid.cells(self.distance).copy_(values)
        self._carried = torch.zeros_like(self.distance)

    def unite(self, distance: Tensor) -> None:
        """Add the region whose signed distance (*shape), m, is given."""
        values = self.grid.cells(self.distance)
        united = torch.minimum(values, (distance / self.grid.dx).clamp(-FAR, FAR))
        self.distance = self.distance.clone()
        self.grid.cells(self.distance).copy_(united)

    def hold(self, particles: Particles, solids: Solids, held: float = HELD) -> None:
        """Keep the distance near the surface within `held` cells of that of the particles."""
        kinds = self._kinds(particles, solids)
        if are_plain(self.distance, particles.positions):
            program, shape, strides = self._program()
            program.hold(
                self.distance.view(-1), particles.positions.view(-1), particles.start, *kinds,
                shape, strides, held,
            )  # fmt: skip
        else:
            places = particles.positions, particles.start
            self.distance = levelset_torch.hold(self.distance, *places, *kinds, self.grid, held)
        if solids.static is not None or solids.moving:
            self._continue_into(solids)

    def carry(self, flow: Tensor, dt: float) -> None:
        """Carry the surface along a flow for `dt` seconds.

        flow: flat, a pair for each stored face: its velocity, m/s, and a number that is not used.
        """
        if not are_plain(self.distance, flow):
            faces = flow.view(self.grid.dim, *self.grid.nodes, 2)[..., 0]
            step = dt / self.grid.dx
            self.distance = levelset_torch.carry(self.distance, faces, self.grid, step)
            return
        program, shape, strides = self._program()
        program.carry(
            self.distance.view(-1), flow, self._carried.view(-1), shape, strides,
            self.grid.node_count, dt / self.grid.dx,
        )  # fmt: skip
        self.distance, self._carried = self._carried, self.distance

    def wet(self, held: Tensor, pulled: Tensor | None, solids: Solids) -> Tensor:
        """The cells with a pressure, see `wet_cells`."""
        return wet_cells(self.distance, held, pulled, solids)

    def _program(self) -> tuple[LevelSetKernels, Any, Any]:
        """The kernels, and the grid's shape and strides as they take them."""
        grid = self.grid
        program = kernels(grid.dim, scheduling.for_device(self.distance.device))
        return program, program.ivec(*grid.shape), program.ivec(*grid.strides)

    def _kinds(self, particles: Particles, solids: Solids) -> tuple[Tensor, Tensor]:
        """The kind of each cell, (node_count,) int8, 0 for points that belong to no cell, and those
        of all cells that share a corner with it, joined."""
        grid = self.grid
        kinds = grid.zeros(self.distance.device, dtype=torch.int8)
        occupied = grid.cells(particles.filling) > 0
        hidden = grid.cells((solids.solid != 0) | (solids.cut == 2))
        own = grid.cells(kinds)
        own.copy_(occupied).mul_(OCCUPIED - EMPTY).add_(EMPTY).masked_fill_(hidden, HIDDEN)
        kinds = kinds.view(-1)
        joined = kinds.clone()
        for stride in grid.strides:  # the points without a cell keep rows and planes apart
            before = joined.clone()
            joined[stride:] |= before[:-stride]
            joined[:-stride] |= before[stride:]
        return kinds, joined

    def _continue_into(self, solids: Solids) -> None:
        """Continue the distance into solids, so that the surface meets them at a right angle.

        Cells that are mostly solid keep the carried distance, within one cell of that of their open
        neighbours.
        """
        grid, distance = self.grid, self.distance
        mostly = grid.cells(solids.cut) == 2
        if mostly.any():
            values = grid.cells(distance).clone()
            low, high = [torch.full_like(values, -FAR)], [torch.full_like(values, FAR)]
            for axis, n in enumerate(grid.shape):
                opened = grid.faces(solids.open, axis).narrow(axis, 1, n - 1) > 0
                for here, there in ((0, 1), (1, 0)):
                    known = opened & ~mostly.narrow(axis, there, n - 1)
                    beside = values.narrow(axis, there, n - 1)
                    for bounds, step in ((low, -1), (high, 1)):
                        bound = bounds[0].clone()
                        own = bound.narrow(axis, here, n - 1)
                        own.copy_(torch.where(known, beside + step, own))
                        bounds.append(bound)
            kept = values.maximum(torch.stack(low).amax(0)).minimum(torch.stack(high).amin(0))
            grid.cells(distance).copy_(torch.where(mostly, kept, values))
        known = grid.cells(solids.solid) == 0
        extrapolate(distance[None], levels_of(known, 1, grid), SOLID_LAYERS, grid)
