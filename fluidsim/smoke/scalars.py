"""What smoke carries: density, temperature and fuel, and where they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fluidsim.smoke.cut_cells import CutCells, touched
from fluidsim.smoke.emission import PATCH, Emitter, let_in
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.transport import Transport
from fluidsim.solid.images import repeated
from fluidsim.solid.solids import Solids

DENSITY, TEMPERATURE, FUEL = range(3)


class Burnt(NamedTuple):
    """expansion: the divergence by the fire, 1/s, (*shape) or 0. smoke: what came of it, m^dim."""

    expansion: Tensor | float
    smoke: float


class Scalars:
    """values (2, *nodes): density and temperature in the cells; (3, *nodes) with the fuel where a
    source has some. patch: cells over which sources flicker alike."""

    def __init__(
        self, solids: Solids, sources: Sequence[Source], physics: SmokeOptions, seed: int,
        patch: int = PATCH,
    ) -> None:  # fmt: skip
        self.grid = solids.grid
        self.solids = solids
        self.sources = tuple(sources)
        self.physics = physics
        self.burns = any(source.fuel > 0 for source in self.sources)
        self.values = self.grid.zeros(solids.device, 3 if self.burns else 2)
        self.transport = Transport(self.grid)
        self._seed = seed
        self._cut: CutCells | None = None
        self._patch = patch
        self._emitters = [self._emitter(*each) for each in enumerate(self.sources)]

    @property
    def density(self) -> Tensor:
        """(*shape), 1."""
        return self.grid.cells(self.values[DENSITY])

    @property
    def temperature(self) -> Tensor:
        """(*shape), K above ambient."""
        return self.grid.cells(self.values[TEMPERATURE])

    def fields(self) -> dict[str, Tensor]:
        """density, temperature and, if it is carried, fuel: (*shape), 0 in solids."""
        names, smoke = ("density", "temperature", "fuel"), self.smoke_cells()
        cells = (self.grid.cells(values) * smoke for values in self.values)
        return dict(zip(names, cells, strict=False))

    def smoke_cells(self) -> Tensor:
        """Cells with room outside of solids, (*shape) bool."""
        return self.grid.cells(self.solids.solid) == 0

    def room(self) -> Tensor:
        """The part of each cell that smoke can fill, (*shape)."""
        return self.solids.room * self.smoke_cells()

    def mass(self) -> float:
        """The density over the volume outside of solids, m^dim."""
        return self._amount(self.density * self.room())

    def change_source(self, number: int, source: Source) -> None:
        """Put another source in the place of one, from now on."""
        if source.fuel > 0 and not self.burns:
            raise ValueError("no fuel is carried here: some source must have fuel from the start")
        sources = list(self.sources)
        sources[number] = source
        self.sources = tuple(sources)
        self._emitters[number] = self._emitter(number, source)

    def forget_solids(self) -> None:
        """Find anew what depends on where solids are."""
        self._cut = None

    def carry(self, flux: Tensor, room: Tensor, flowing: Tensor) -> float:
        """Carry all by the `flux` through faces, (dim, *nodes), in cells; the smoke that left by
        open sides, m^dim.

        room (*shape) and flowing (*shape) bool: the room and the smoke's cells before the solids
        moved.
        """
        solids = self.solids
        if self._cut is None or solids.moving:
            flowing = flowing | self.smoke_cells() | touched(flux, self.grid)
            self._cut = CutCells(room, self.room(), flowing, solids.open, self.grid)
        before, after = self.values, self.values.clone()
        volume, left = self.transport.carry(after, flux)
        right = [
            self._cut.set_right(values, old, volume, number != TEMPERATURE)
            for number, (values, old) in enumerate(zip(after, before, strict=True))
        ]
        self.values = torch.stack(right)
        return float(left[0]) * self.grid.dx**self.grid.dim

    def fade(self, dt: float) -> float:
        """Let smoke dissolve and cool; the smoke that is gone, m^dim."""
        faded = 0.0
        rates = self.physics.dissipation, self.physics.cooling
        if rates[DENSITY] != 0:
            faded = -self.mass() * math.expm1(-rates[DENSITY] * dt)
        for number, rate in enumerate(rates):
            if rate != 0:
                self.values[number] *= math.exp(-rate * dt)
        return faded

    def feed(self, time: float, dt: float) -> float:
        """Fill the sources that act at `time`, s, and cells at inlets, as they are after a step of
        dt; the smoke added, m^dim."""
        added = 0.0
        for source, emitter in zip(self.sources, self._emitters, strict=True):
            if source.acts(time):
                levels = (source.density, source.temperature, source.fuel)[: len(self.values)]
                density = self.density[emitter.places]
                emitter.feed(self.values, levels, time + dt)
                rise = (self.density[emitter.places] - density) * self.room()[emitter.places]
                added += self._amount(rise)
        if self.solids.boundary.inlets:
            before = self.mass()
            let_in(self.values, self.solids.boundary, dt, self.grid)
            added += self.mass() - before
        return added

    def burn(self, dt: float) -> Burnt:
        """Burn fuel; in a closed room the pressure gives way to its expansion."""
        if not self.burns:
            return Burnt(0.0, 0.0)
        before = self.mass()
        expansion = self.physics.combustion.burn(self.values, dt, self.grid)
        return Burnt(expansion, self.mass() - before)

    def _emitter(self, number: int, source: Source) -> Emitter:
        shape, seed = repeated(source.shape, self.grid), (self._seed, number)
        return Emitter(shape, source.roughness, self.grid, self.solids.device, seed, self._patch)

    def _amount(self, values: Tensor) -> float:
        return float(values.detach().sum(dtype=torch.float64)) * self.grid.dx**self.grid.dim
