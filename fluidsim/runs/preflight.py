"""What a run will need, and what looks wrong with it, found before its first step."""

from __future__ import annotations

import bisect
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch

from fluidsim.bodies.rigid_body import RigidBody
from fluidsim.flow.accelerations import gravity_vector
from fluidsim.flow.simulation import SOLID_CELLS, Simulation
from fluidsim.grid.grid import MOST_CELLS_A_SIDE, Grid
from fluidsim.liquid.particles import SEEDED
from fluidsim.runs.plan import Plan
from fluidsim.scene.scene import LiquidScene, Scene, SmokeScene
from fluidsim.solid.images import repeated
from fluidsim.solid.movement import Movement
from fluidsim.solid.shapes import Shape, Union
from fluidsim.solid.thin_walls import wall_warnings
from fluidsim.store.checkpoint import KEPT
from solvers.memory import needed

# Growth of the resident memory of runs without their solver, at 512^2 and 64^3, and what kernels
# and libraries take in any run. Solvers: `solvers.memory`.
BYTES_A_CELL = {("liquid", 2): 200, ("liquid", 3): 280, ("smoke", 2): 290, ("smoke", 3): 370}
BYTES_A_PARTICLE = 80
BYTES_OF_KERNELS = 140 * 2**20
# Drawing a liquid in 3D, measured at 128^3, and the part of a run's memory that it needs besides.
DRAWN_BYTES_A_CELL, DRAWN_BYTES_A_PARTICLE, BETWEEN_STEPS = 110, 70, 0.6
SHARE_OF_MEMORY = 0.9
POURED = 0.5  # of the box, that inflows may fill
# Of a stored frame: positions, velocities and pressure; LZ4 of smoke's fields; a picture's share of
# its pixels. Of a checkpoint: float32 velocities, float64 pressures, what is carried.
FRAME_BYTES_A_PARTICLE, FRAME_BYTES_A_CELL, FRAME_BYTES_A_PIXEL = 25, 10, 1.5
STATE_BYTES_A_PARTICLE, STATE_BYTES_A_CELL = 24, {"liquid": 28, "smoke": 100}
# Whitewater: as much as a dam break makes in the mean of 2 s, for each particle of the liquid.
WHITE_BYTES_A_PARTICLE, WHITE_A_PARTICLE = 37, 0.3
# Seconds of 2 threads of a server core: the table of steps in docs/figures.md.
SECONDS_A_CELL = {("liquid", 2): 5.5e-7, ("liquid", 3): 7.3e-7, ("smoke", 2): 3.5e-7,
                  ("smoke", 3): 4.4e-7}  # fmt: skip
SECONDS_A_PIXEL = {2: 2e-7, 3: 1.3e-6}
FALL = 4.43  # m/s after falling for 1 m
LOOKS = 9  # times in the run at which a moving region is looked for in the domain
LOOK_CELLS = 40  # a side, of the grid on which it is
ROUNDED = 0.05  # of a side: whole cells that change it by more are worth a word
MANY_SUBSTEPS = 20  # for solids, in a frame


@dataclass(frozen=True)
class Needs:
    """Estimates: memory within 30 %, of a liquid when it has spread over the floor; bytes on disk
    and seconds within a factor of two or three."""

    memory: float
    disk: float
    seconds: float

    @staticmethod
    def of(plan: Plan) -> Needs:
        scene, config = plan.scene, plan.config
        cells, filled = _covered(plan), _filled(plan)
        particles = _particles(plan, filled)
        pixels = config.size[0] * config.size[1] if config.render else 0
        frame = FRAME_BYTES_A_PIXEL * pixels + (
            FRAME_BYTES_A_PARTICLE * particles if particles else FRAME_BYTES_A_CELL * cells
        )
        if numbers := plan.white_numbers():
            frame += WHITE_BYTES_A_PARTICLE * min(WHITE_A_PARTICLE * particles, numbers.most)
        state = STATE_BYTES_A_PARTICLE * particles + STATE_BYTES_A_CELL[scene.kind] * cells
        checkpoints = (KEPT + 1) * state if config.checkpoint else 0
        step = SECONDS_A_CELL[scene.kind, config.dim] * cells
        steps = _substeps(plan) * step + SECONDS_A_PIXEL[config.dim] * pixels
        return Needs(
            _memory(plan, filled),
            config.frames * frame + checkpoints,
            config.frames * steps,
        )

    def __str__(self) -> str:
        return (
            f"{size_said(self.memory)} of memory, {size_said(self.disk)} of disk, "
            f"{_duration(self.seconds)} on two cores"
        )


def obstacles(plan: Plan, needs: Needs, place: Path) -> Iterator[str]:
    """Reasons not to start, one line each, with advice. place: where the run would go."""
    config = plan.config
    memory = psutil.virtual_memory().available * SHARE_OF_MEMORY
    if needs.memory > memory:
        yield (
            f"resolution {config.resolution} in {config.dim}D with {config.solver} needs about "
            f"{size_said(needs.memory)} of memory and {size_said(memory)} are free; "
            f"{_advice(plan, memory)}"
        )
    disk = shutil.disk_usage(existing(place)).free
    if needs.disk > disk:
        yield (
            f"{config.frames} frames need about {size_said(needs.disk)} in {place} and "
            f"{size_said(disk)} are free; choose another --out, fewer --frames or a smaller --size"
        )
    yield from _idle(plan)


def warnings(plan: Plan, simulation: Simulation) -> Iterator[str]:
    """What may spoil the result, each in one line. simulation: of the scene, at its start."""
    yield from _rounded(plan)
    solids = [s.shape if isinstance(s, RigidBody) else s for s in plan.scene.solids]
    viscosity = plan.scene.viscosity if isinstance(plan.scene, LiquidScene) else 0.0
    if viscosity > 0 and any(isinstance(each, RigidBody) for each in plan.scene.solids):
        yield "the friction of viscous liquid does not move rigid bodies, only its pressure does"
    yield from wall_warnings(solids, plan.grid, plan.config.resolution)
    seconds = plan.frame_seconds
    speed = simulation.solids.top_speed_during(0.0, plan.seconds)
    cells = speed * seconds / simulation.grid.dx
    if cells > MANY_SUBSTEPS * SOLID_CELLS:
        yield (
            f"solids move by up to {cells:.0f} cells a frame, which takes "
            f"{math.ceil(cells / SOLID_CELLS)} substeps; let them move slower or lower "
            "--resolution"
        )


def _memory(plan: Plan, filled: float) -> float:
    """Bytes of a run whose liquid has this share of the box."""
    dim, cells = plan.config.dim, _covered(plan)
    state = BYTES_A_CELL[plan.scene.kind, dim] * cells
    state += BYTES_A_PARTICLE * _particles(plan, filled)
    solver = needed(plan.config.solver, dim, cells, round(filled * plan.grid.cell_count))
    step = state + solver
    return BYTES_OF_KERNELS + max(step, BETWEEN_STEPS * step + _drawing(plan, filled))


def _drawing(plan: Plan, filled: float) -> float:
    """Bytes of a picture of a liquid in 3D: with nothing else in it, it ends above the liquid."""
    scene, config = plan.scene, plan.config
    if not config.render or scene.kind != "liquid" or config.dim < 3:
        return 0.0
    others = scene.solids or plan.white_numbers() is not None
    cells = plan.grid.cell_count if others else _covered(plan)
    return DRAWN_BYTES_A_CELL * cells + DRAWN_BYTES_A_PARTICLE * _particles(plan, filled)


def _particles(plan: Plan, filled: float) -> float:
    some = plan.scene.kind == "liquid"
    return filled * plan.grid.cell_count * SEEDED[plan.config.dim] if some else 0.0


def _covered(plan: Plan) -> int:
    """The cells that the fields of a run cover at most: those of its domain or, of a liquid that
    falls straight down, the floor up to where the liquid begins."""
    scene, grid = plan.scene, plan.grid
    if not isinstance(scene, LiquidScene) or scene.body_force:
        return grid.cell_count
    *across, up = gravity_vector(scene.gravity, grid.dim)
    if any(across) or not up < 0:
        return grid.cell_count
    height = scene.first_window(grid).end[-1]
    return grid.cell_count // grid.shape[-1] * height


def _filled(plan: Plan) -> float:
    """The share of the box that has a pressure; at least half where liquid flows in."""
    scene = plan.scene
    if not isinstance(scene, LiquidScene):
        return 1.0
    grid = _coarse(plan)
    distance = repeated(scene.liquid, grid).distance(grid.cell_positions(torch.device("cpu")))
    share = float((grid.cells(distance) < 0).double().mean())
    return max(share, POURED) if scene.inflows else share


def _advice(plan: Plan, free: float) -> str:
    """What would fit into so many bytes."""
    filled = _filled(plan)

    def memory(**changes: Any) -> float:
        return _memory(Plan.of(plan.scene, replace(plan.config, **changes)), filled)

    if memory(solver="multigrid") <= free:
        return "--solver multigrid would fit"
    sizes = range(1, plan.config.resolution)
    fits = bisect.bisect_right(sizes, free, key=lambda size: memory(resolution=size))
    return f"--resolution {fits} would fit" if fits else "no resolution would fit"


def _coarse(plan: Plan) -> Grid:
    """A grid on which regions are looked at."""
    return plan.scene.grid(replace(plan.config, resolution=min(plan.config.resolution, LOOK_CELLS)))


def _substeps(plan: Plan) -> float:
    """Substeps per frame if things move as fast as after falling half the domain's height."""
    speed = FALL * math.sqrt(plan.scene.size[-1] / 2)
    return max(1.0, plan.frame_seconds * speed / (plan.scene.cfl * plan.grid.dx))


def _idle(plan: Plan) -> Iterator[str]:
    """What is said of sources and sinks that can never act, one line each."""
    grid = _coarse(plan)
    points = grid.node_positions(torch.device("cpu"))
    reach = grid.dx * grid.dim**0.5 / 2
    end = plan.seconds
    for name, region in _regions(plan.scene):
        if isinstance(region, Movement):
            times = [end * look / (LOOKS - 1) for look in range(LOOKS)]
            nearest = min(float(region.distance(points, time).min()) for time in times)
        else:
            nearest = float(repeated(region, grid).distance(points).min())
        if math.isnan(nearest):
            yield f"the distance of {name} is not a number (NaN)"
        elif nearest > reach:
            yield (
                f"{name} lies outside of the domain, which spans 0 to {_point(plan.grid.extent)} m"
            )
        elif isinstance(region, Shape) and _is_buried(region, plan):
            yield f"{name} lies inside of a solid"


def _regions(scene: Scene) -> Iterator[tuple[str, Shape | Movement]]:
    """Sources and sinks with their names, and the liquid where nothing flows in."""
    if isinstance(scene, SmokeScene):
        yield from ((f"source {k}", each.shape) for k, each in enumerate(scene.sources, start=1))
    if isinstance(scene, LiquidScene):
        yield from ((f"inflow {k}", each.shape) for k, each in enumerate(scene.inflows, start=1))
        yield from ((f"outflow {k}", each.shape) for k, each in enumerate(scene.outflows, start=1))
        if not scene.inflows:
            yield "the liquid", scene.liquid


def _is_buried(region: Shape, plan: Plan) -> bool:
    """Whether solids, none of which move, cover all points of a region on a lattice of half
    cells."""
    solids = [each for each in plan.scene.solids if isinstance(each, Shape)]
    if not solids or len(solids) < len(plan.scene.solids):
        return False
    fine = Grid(tuple(2 * n for n in plan.grid.shape), plan.grid.dx / 2, plan.grid.periodic)
    points = fine.cell_positions(torch.device("cpu"))
    points = fine.cells(points.movedim(-1, 0)).movedim(0, -1)
    inside = points[repeated(region, fine).distance(points) < 0]
    covered = repeated(Union(tuple(solids)), fine).distance(inside) < 0
    return len(inside) > 0 and bool(covered.all())


def _rounded(plan: Plan) -> Iterator[str]:
    """A line if whole cells make another domain of that of the scene."""
    size, grid = plan.scene.size, plan.grid

    def off(extent: tuple[float, ...]) -> float:
        return max(abs(got / side - 1) for got, side in zip(extent, size, strict=True))

    if off(grid.extent) <= ROUNDED:
        return
    finer = range(plan.config.resolution, MOST_CELLS_A_SIDE + 1)
    fits = (n for n in finer if off(Grid.covering(size, n).extent) <= ROUNDED)
    number = next(fits, None)
    advice = "" if number is None else f"; --resolution {number} fits better"
    yield (f"the domain is {_point(grid.extent)} m in whole cells, not {_point(size)} m{advice}")


def existing(place: Path) -> Path:
    """The folder above a place that is to be made, or the place itself."""
    return next(path for path in (place, *place.absolute().parents) if path.is_dir())


def size_said(count: float) -> str:
    """Bytes, such as 1.5 GiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**29 else f"{max(1.0, count / 2**20):.0f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _point(size: tuple[float, ...]) -> str:
    return f"({', '.join(f'{side:.4g}' for side in size)})"
