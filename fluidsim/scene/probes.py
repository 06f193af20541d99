"""Gauges in a scene: pressure at a point, height of the water at a place, after every substep."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fluidsim.bodies.rigid_body import RigidBody
from fluidsim.files import replacing
from fluidsim.flow.simulation import Simulation
from fluidsim.grid.grid import Grid
from fluidsim.liquid.levelset import FAR
from fluidsim.liquid.liquid import Liquid
from fluidsim.solid.movement import Movement
from fluidsim.solid.shapes import Shape, Vector
from fluidsim.solid.values import settle

REACH = 2  # cells: those with a centre nearer than this along each axis tell the pressure
ON_SURFACE = 1e-5  # of the longest side: a point so deep in a solid is one on its surface


@dataclass(frozen=True)
class PressureProbe:
    """A gauge of the pressure at a point, Pa above that of the air.

    It reads 0 where there is air. On a wall the pressure is extrapolated linearly from the fluid in
    front of it. In smoke without an open side only differences count: the mean pressure is 0 there.

    Parameters
    ----------
    point : tuple of float
        In the fluid, on a wall or on a solid, m.
    """

    point: Vector

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class HeightProbe:
    """A gauge of the height of the water above the floor, m; 0 where it is dry.

    It measures the wet length of an upright wire through the place, by the level set between the
    cells. Air under drops and crests does not count; solids under the water do.

    Parameters
    ----------
    place : tuple of float
        (x, y), in 2D (x,), m.
    """

    place: Vector

    def __post_init__(self) -> None:
        settle(self)


Probe = PressureProbe | HeightProbe


def check_probes(
    probes: Mapping[str, Probe],
    size: Vector,
    solids: Iterable[Shape | Movement | RigidBody],
    kind: str,
) -> None:
    """Raises ValueError with one line for a probe that the scene cannot have.

    size: sides of the domain, m. solids: as they are at time 0.
    """
    near = ON_SURFACE * max(size)
    for name, probe in probes.items():
        if not name or name == "time" or not name.isprintable() or set(name) & set(',"'):
            raise ValueError(f"{name!r} is no name for a probe: it is to be a column's")
        if isinstance(probe, HeightProbe):
            if kind != "liquid":
                raise ValueError(f"probe {name}: smoke has no height; take a PressureProbe")
            at, sides = probe.place, size[:-1]
        else:
            at, sides = probe.point, size
        if len(at) != len(sides):
            raise ValueError(f"probe {name} needs {len(sides)} coordinates, not {at}")
        if not all(-near <= x <= side + near for x, side in zip(at, sides, strict=True)):
            raise ValueError(f"probe {name} at {at} m lies outside of the domain, {size} m")
        if isinstance(probe, PressureProbe):
            point = torch.tensor(at)
            for solid in solids:
                own = solid.shape if isinstance(solid, RigidBody) else solid
                moves = isinstance(own, Movement)
                inside = own.distance(point, 0.0) if moves else own.distance(point)
                if float(inside) < -near:
                    raise ValueError(f"probe {name} at {at} m lies inside of a solid")


class Gauges:
    """The probes of a scene, in a simulation of it."""

    def __init__(self, probes: Mapping[str, Probe], simulation: Simulation):
        grid = simulation.grid
        self._simulation = simulation
        self._pressures = {
            name: _Point(probe.point, grid)
            for name, probe in probes.items()
            if isinstance(probe, PressureProbe)
        }
        places = [each.place for each in probes.values() if isinstance(each, HeightProbe)]
        self._columns = Columns(np.array(places).reshape(-1, grid.dim - 1), simulation)
        self.names = tuple(probes)

    def read(self) -> list[float]:
        """Pressures (Pa) and heights (m), in the order of the names."""
        heights = iter(self._columns.heights(self._simulation).tolist())
        return [
            self._pressures[name].pressure(self._simulation)
            if name in self._pressures
            else next(heights)
            for name in self.names
        ]


class _Point:
    """Where the pressure is asked for, and the cells around."""

    def __init__(self, point: Vector, grid: Grid):
        """point: m; a point beyond the grid, which ends with whole cells, moves to its rim."""
        self._grid = grid
        at = np.clip(np.array(point) / grid.dx, 0, grid.shape)
        lowest = np.floor(at - 0.5).astype(int) - REACH + 1
        ranges = [np.arange(low, low + 2 * REACH) for low in lowest]
        for axis, n in enumerate(grid.shape):
            if axis not in grid.periodic:
                ranges[axis] = ranges[axis][(ranges[axis] >= 0) & (ranges[axis] < n)]
        places = np.ix_(*(each % n for each, n in zip(ranges, grid.shape, strict=True)))
        self._cells = tuple(torch.from_numpy(each) for each in places)
        ways = [each + 0.5 - x for each, x in zip(ranges, at, strict=True)]
        self._arms = np.stack(np.meshgrid(*ways, indexing="ij"), -1)
        near = np.prod(np.clip(1 - np.abs(self._arms), 0, None), -1)
        self._linear = near / near.sum()

    def pressure(self, simulation: Simulation) -> float:
        """The pressure of the last projection, Pa, by the plane that best fits the fluid around.

        Where the surface passes between them and no tension curves it, it counts as p = 0 there.
        """
        if simulation.pressure is None:
            return 0.0
        window = simulation.window
        values = window.at(simulation.pressure, self._cells, 0.0).cpu().numpy()
        fluid = values != 0  # the solve leaves 0 where there is no unknown
        arms, known = [self._arms[fluid]], [values[fluid]]
        if isinstance(simulation, Liquid):
            distance = window.cells(simulation.surface.distance)
            distance = window.at(distance, self._cells, FAR).cpu().numpy()
            if (distance * self._linear).sum() >= 0:
                return 0.0
            if simulation.physics.surface_tension == 0:
                arms += list(_crossings(self._arms, distance, fluid))
                known += [np.zeros(len(each)) for each in arms[1:]]
        arm, value = np.concatenate(arms), np.concatenate(known)
        if not fluid.any():
            return 0.0
        weight = np.prod(np.clip(1 - np.abs(arm) / REACH, 1e-6, None), -1)
        plane = np.column_stack([np.ones(len(arm)), arm]) * weight[:, None]
        return float(np.linalg.lstsq(plane, value * weight, rcond=1e-6)[0][0])


def _crossings(arms: np.ndarray, distance: np.ndarray, fluid: np.ndarray) -> Iterator[np.ndarray]:
    """Where the surface passes between a cell of the fluid and one without, (n, dim) in cells."""
    for axis in range(distance.ndim):
        here = [np.moveaxis(each, axis, 0) for each in (arms, distance, fluid)]
        for low, high in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
            start, end = here[0][low], here[0][high]
            inner, outer = here[1][low], here[1][high]
            found = here[2][low] & ~here[2][high] & (inner < 0) & (outer > 0)
            part = (inner[found] / (inner[found] - outer[found]))[:, None]
            yield start[found] + part * (end[found] - start[found])


class Columns:
    """The columns of a liquid over places, for their heights."""

    def __init__(self, places: np.ndarray, simulation: Simulation):
        """places: (n, dim - 1), m."""
        grid = self._grid = simulation.grid
        sides = np.array(grid.shape[:-1])
        at = np.clip(places / grid.dx - 0.5, 0, sides - 1)
        base = np.clip(np.floor(at).astype(int), 0, np.maximum(sides - 2, 0))
        self._corners = []
        for corner in itertools.product((0, 1), repeat=grid.dim - 1):
            index = np.minimum(base + corner, sides - 1)
            weight = np.prod(np.where(corner, at - base, 1 - (at - base)), -1)
            columns = (torch.from_numpy(each)[:, None] for each in index.T)
            cells = (*columns, torch.arange(grid.shape[-1])[None])
            self._corners.append((cells, torch.from_numpy(weight)))
        centres = (torch.arange(grid.shape[-1]) + 0.5) * grid.dx
        upright = torch.from_numpy(places).float()[:, None].expand(-1, len(centres), -1)
        rising = centres[None, :, None].expand(len(places), -1, 1)
        self._points = torch.cat([upright, rising], -1).to(simulation.device)

    def heights(self, tank: Simulation) -> Tensor:
        """(n,) float64, m."""
        if not len(self._points) or not isinstance(tank, Liquid):
            return torch.zeros(len(self._points), dtype=torch.float64)
        window = tank.window
        distance = window.cells(tank.surface.distance)
        device = distance.device
        column = torch.zeros(self._points.shape[:2], dtype=torch.float64, device=device)
        for index, weight in self._corners:
            part = window.at(distance, [each.to(device) for each in index], FAR).double()
            column += weight.to(device)[:, None] * part
        solid = tank.solids.distance_at(self._points, tank.solids.time).double() / self._grid.dx
        return wetted(column, solid).cpu() * self._grid.dx


def wetted(liquid: Tensor, solid: Tensor) -> Tensor:
    """Length of what is liquid, or solid under liquid, in columns, (n,), in cells.

    liquid, solid: (n, cells) signed distances at the centres of the cells, in cells.
    """
    open_water = (liquid < 0) & (solid >= 0)
    under = open_water.flip(1).cumsum(1).flip(1) > 0
    inside = torch.where(solid < 0, torch.where(under, solid, -solid), liquid)
    first = inside[:, :1] - (inside[:, 1:2] - inside[:, :1]) / 2
    last = inside[:, -1:] + (inside[:, -1:] - inside[:, -2:-1]) / 2
    ends = torch.cat([first, inside, last], 1)
    below, above = ends[:, :-1], ends[:, 1:]
    wet = below.clamp(max=0) + above.clamp(max=0)
    part = wet.abs() / (below.abs() + above.abs()).clamp(min=1e-12)
    lengths = torch.ones_like(part)
    lengths[:, 0] = lengths[:, -1] = 0.5
    return (part * lengths).sum(1)


class ProbeLog:
    """RUN_DIR/probes.csv: a line a substep, time (s) and a column a probe.

    Lines are written at the ends of frames.
    """

    def __init__(self, path: Path, gauges: Gauges, simulation: Simulation):
        self.path = path
        self._gauges = gauges
        self._simulation = simulation
        self._waiting: list[list[float]] = []
        simulation.after_substep = self._note

    def begin(self) -> None:
        """A new file with its heading."""
        self._rewrite([])

    def go_on_from(self, waiting: Tensor | None) -> None:
        """Delete the lines after the simulation's time, and those that are in `waiting`."""
        self._waiting = [] if waiting is None else waiting.tolist()
        end = (
            self._waiting[0][0]
            if self._waiting
            else math.nextafter(self._simulation.time, math.inf)
        )
        lines = self.path.read_text(encoding="utf-8").split("\n")[1:-1]
        self._rewrite([line for line in lines if float(line.partition(",")[0]) < end])

    def waiting(self) -> Tensor | None:
        """Lines that are not in the file yet, (n, columns) float64."""
        return torch.tensor(self._waiting, dtype=torch.float64) if self._waiting else None

    def write(self) -> None:
        """Append the lines since the last call."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(",".join(map(repr, line)) + "\n" for line in self._waiting)
        self._waiting = []

    def _note(self) -> None:
        self._waiting.append([self._simulation.time, *self._gauges.read()])

    def _rewrite(self, lines: list[str]) -> None:
        heading = ",".join(["time", *self._gauges.names])
        with replacing(self.path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in [heading, *lines]), "utf-8")
