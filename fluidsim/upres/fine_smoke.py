"""The smoke of a run on a finer grid, carried by its stored flow and by turbulence."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from fluidsim.bodies.rigid_body import RigidBody
from fluidsim.flow.report import FrameReport
from fluidsim.flow.values import fill, top_component
from fluidsim.render.frame import SmokeFrame, SolidGrid
from fluidsim.runs.snapshot import SOLID_BAND
from fluidsim.scene.scene import SmokeScene
from fluidsim.smoke.driving import through_faces
from fluidsim.smoke.emission import PATCH
from fluidsim.smoke.inside_solids import InsideSolids
from fluidsim.smoke.scalars import Scalars
from fluidsim.solid.boundary import Boundary
from fluidsim.solid.solids import Solids
from fluidsim.upres.flow import Refinement, face_velocity
from fluidsim.upres.turbulence import Turbulence

CFL = 3.0  # fine cells that smoke may move in a substep
CPU = torch.device("cpu")
WARM = 100.0  # K: counts as much as a density of 1
LEAST = 1e-3  # of both; less counts as clear air


class FineSmoke:
    """Scalars on cells `factor` times smaller than those of the stored frames.

    carried: density and the like. solids: on the fine grid. flow (dim, *nodes), m/s: through the
    faces in the last substep. time: s. report: of the last frame.
    """

    def __init__(
        self, scene: SmokeScene, refinement: Refinement, strength: float, seed: int
    ) -> None:
        coarse, fine = refinement.coarse, refinement.fine
        ends = scene.open_sides, CPU, scene.walls, scene.inlets
        solids = [each for each in scene.solids if not isinstance(each, RigidBody)]  # no smoke has
        self.solids = Solids(fine, solids, *ends)
        patch = PATCH * refinement.factor
        self.carried = Scalars(self.solids, scene.sources, scene.physics, seed, patch)
        self.turbulence = Turbulence(coarse, fine, strength, seed)
        self.flow = fine.zeros(CPU, fine.dim)
        self.time = 0.0
        self.report = FrameReport()
        self._boundary = Boundary(coarse, CPU, scene.open_sides, scene.walls, scene.inlets)
        self._refinement = refinement
        self._inside = InsideSolids(self.solids)

    def begin(self) -> None:
        """Fill the sources at time 0."""
        self.report.smoke_added += self.carried.feed(0.0, 0.0)

    def state(self) -> dict[str, Tensor]:
        """What `restore` needs."""
        texture = self.turbulence.texture
        clocks = self.time, texture.clock, self.carried.transport.turns
        return {
            "scalars": self.carried.values,
            "way": torch.from_numpy(texture.way),
            "clocks": torch.tensor(clocks, dtype=torch.float64),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Return to a `state`. Raises ValueError, KeyError or RuntimeError if it does not fit."""
        texture = self.turbulence.texture
        fill(self.carried.values, state["scalars"])
        fill(torch.from_numpy(texture.way), state["way"])
        self.time, texture.clock, turns = state["clocks"].tolist()
        self.carried.transport.turns = int(turns)
        self._move_solids(self.time)

    def advance(self, before: SmokeFrame, after: SmokeFrame, steps: int) -> None:
        """Go on to the time of a frame; the flow changes linearly from the frame before.

        steps: of the run itself, each of which is made in equal parts.
        """
        start, seconds = self.time, after.time - self.time
        if start:
            self.report = FrameReport()
        first, last = (face_velocity(each.velocity, self._boundary) for each in (before, after))
        fastest = max(top_component(first), top_component(last))
        cells = seconds * fastest / self._refinement.fine.dx
        parts = max(1, math.ceil(cells / (CFL * steps)))
        self.report.substeps = parts * steps
        for number in range(parts * steps):
            part = (number + 0.5) / (parts * steps)
            centred = (1 - part) * before.velocity + part * after.velocity
            self._step(torch.lerp(first, last, part), centred, seconds / (parts * steps))
            self.time = start + (number + 1) * seconds / (parts * steps)
        self.time = after.time

    def frame(self, number: int, caption: str) -> SmokeFrame:
        """The present state. In 3D the velocity is stored where there is smoke, as elsewhere it is
        the stored flow and would fill the disk."""
        grid, smoke = self._refinement.fine, self.carried.smoke_cells()
        velocity = grid.centred(self.flow)
        if grid.dim == 3:
            velocity = velocity * (self._amount() > LEAST)
        solids = None
        if self.solids.static is not None or self.solids.moving:
            band = SOLID_BAND * grid.dx
            solids = SolidGrid(self.solids.distance.clamp(-band, band).numpy(), grid.dx)
        return SmokeFrame(
            number=number, time=self.time, shape=grid.shape, dx=grid.dx, solids=solids,
            caption=caption, density=(self.carried.density * smoke).numpy(),
            temperature=(self.carried.temperature * smoke).numpy(), velocity=velocity.numpy(),
        )  # fmt: skip

    def _step(self, coarse: Tensor, centred: np.ndarray, dt: float) -> None:
        carried, solids, grid = self.carried, self.solids, self._refinement.fine
        smoke = self._coarse_smoke()
        self.turbulence.carry(centred, dt, smoke)
        self.flow = through_faces(self._refinement.refine(coarse), solids)
        self.turbulence.add(self.flow, centred, smoke, solids)
        room, flowing = carried.room(), carried.smoke_cells()
        self._move_solids(self.time + dt)
        left = carried.carry(self.flow * (dt / grid.dx), room, flowing)
        self.report.smoke_left += left
        self.report.smoke_faded += carried.fade(dt)
        self.report.smoke_added += carried.feed(self.time, dt)
        self.report.smoke_burnt += carried.burn(dt).smoke
        for values in carried.values:
            self._inside.fill_cells(values)
        self.report.top_speed = max(self.report.top_speed, top_component(self.flow))

    def _move_solids(self, time: float) -> None:
        if self.solids.moving:
            self.solids.update(time)
            self._inside.forget()
            self.carried.forget_solids()

    def _amount(self) -> Tensor:
        """(*shape): how much smoke or heat there is."""
        return torch.maximum(self.carried.density, self.carried.temperature.abs() / WARM)

    def _coarse_smoke(self) -> np.ndarray:
        """The coarse cells with smoke or heat, bool."""
        f, coarse = self._refinement.factor, self._refinement.coarse
        blocks = self._amount().view([part for n in coarse.shape for part in (n, f)])
        return (blocks.amax(tuple(range(1, 2 * coarse.dim, 2))) > LEAST).numpy()
