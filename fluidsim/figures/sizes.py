"""What large grids would need: memory and time of a step, and what machines would have to exchange.

Arithmetic on what `docs/figures.md` measures: `python -m fluidsim.figures.sizes docs/sizes.md`
writes the tables of that page anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fluidsim.figures.report import markdown, replace_section
from fluidsim.files import replacing
from fluidsim.liquid.particles import SEEDED
from fluidsim.runs.preflight import (
    BYTES_A_CELL,
    BYTES_A_PARTICLE,
    FRAME_BYTES_A_CELL,
    FRAME_BYTES_A_PARTICLE,
)
from solvers.memory import needed
from solvers.multigrid.traffic import DOUBLE, SINGLE

SIDES = 256, 512, 1024, 2048  # cells
MACHINES = 2, 8, 64
SWEEPS = 2  # of multigrid


@dataclass(frozen=True)
class Kind:
    """What is measured of a simulation in 3D, at 128^3 but for the pressure, at 256^3.

    kind: as in the table of needs. filled: share of the box that has a pressure.
    pressure: s an unknown, of setup and solve. rest: s a cell, of the rest of a step.
    """

    kind: str
    filled: float
    pressure: float
    rest: float

    def cells(self, side: int) -> float:
        return float(side) ** 3

    def memory(self, side: int, solver: str) -> float:
        """Bytes."""
        cells = self.cells(side)
        particles = SEEDED[3] * self.filled if self.kind == "liquid" else 0.0
        state = BYTES_A_CELL[self.kind, 3] + BYTES_A_PARTICLE * particles
        return state * cells + needed(solver, 3, int(cells), int(self.filled * cells))

    def frame(self, side: int) -> float:
        """Bytes of a stored frame, without its picture."""
        of_cell = FRAME_BYTES_A_CELL
        if self.kind == "liquid":
            of_cell = FRAME_BYTES_A_PARTICLE * SEEDED[3] * self.filled
        return of_cell * self.cells(side)

    def seconds(self, side: int, machine: Machine) -> float:
        """Of a step: the pressure goes with the bandwidth, the rest with the threads."""
        pressure = self.pressure * self.filled * MEASURED.bandwidth / machine.bandwidth
        return self.cells(side) * (pressure + self.rest * MEASURED.threads / machine.threads)


@dataclass(frozen=True)
class Machine:
    """threads; bandwidth: bytes read and written a second by a copy."""

    threads: int
    bandwidth: float


MEASURED = Machine(2, 29.3e9)
SERVER = Machine(64, 400e9)

SMOKE = Kind("smoke", 1.0, (0.243 + 0.936) / 16_295_432, 0.79 * 0.390 / 128**3)
LIQUID = Kind("liquid", 4_532_667 / SEEDED[3] / 128**3, (0.197 + 1.133) / 6_589_886,
              0.83 * 0.940 / 128**3)  # fmt: skip

# Bytes that an iteration of CG with a V-cycle and the V-cycle alone move, a cell: smoke at 128^3.
ITERATION, CYCLE = 346e6 / 128**3, 228e6 / 128**3


@dataclass(frozen=True)
class Network:
    """name; bandwidth: bytes a second of each machine; latency: s of an exchange."""

    name: str
    bandwidth: float
    latency: float


NETWORKS = [
    Network("10 Gbit/s", 1.25e9, 30e-6),
    Network("100 Gbit/s", 12.5e9, 5e-6),
    Network("200 Gbit/s", 25e9, 2e-6),
]


@dataclass(frozen=True)
class Level:
    """Of the V-cycle: cells a side; half sweeps and corrections, after each of which the cells of
    one colour on both sides of a cut have to be exchanged."""

    side: int
    exchanges: int

    def sent(self, faces: float) -> float:
        """Bytes, of a part with as many faces to others as so many cross-sections of the grid."""
        return faces * self.exchanges * SINGLE * self.side**2 / 2


def levels(side: int) -> list[Level]:
    """The finest begins with zeros, which spares two half sweeps. A correction counts for two."""
    found, exchanges = [], 4 * SWEEPS - 2 + 2
    while side > 2:
        found.append(Level(side, exchanges))
        side, exchanges = side // 2, 4 * SWEEPS + 2
    return found


def faces(machines: int, cubes: bool) -> float:
    """The faces of a part in the middle, in cross-sections of the grid. Fewer than 8 parts are
    slabs."""
    if not cubes or machines < 8:
        return min(2.0, machines - 1.0)
    along = machines ** (1 / 3)
    return 3 * min(2.0, along - 1) / along**2


def sent(side: int, faces: float) -> float:
    """Bytes that a machine sends in an iteration: those of the V-cycle and of the product, whose
    directions and residuals are in double precision, one colour each."""
    return sum(level.sent(faces) for level in levels(side)) + faces * DOUBLE * side**2


def exchanges(side: int) -> int:
    """Of an iteration, with its two exchanges for the product and its three sums."""
    return sum(level.exchanges for level in levels(side)) + 5


def times(side: int, machines: int, cubes: bool, network: Network) -> tuple[float, float]:
    """Seconds of an iteration in the memory of each machine, and between them."""
    inside = ITERATION * float(side) ** 3 / machines / SERVER.bandwidth
    between = sent(side, faces(machines, cubes)) / network.bandwidth
    return inside, between + exchanges(side) * network.latency


def most_machines(side: int, cubes: bool, network: Network) -> int:
    """The largest power of two for which the exchange takes no longer than the work."""
    powers = (2**power for power in range(1, 20))
    pays = {m: times(side, m, cubes, network) for m in powers}
    return max((m for m, (inside, between) in pays.items() if between <= inside), default=1)


def one_machine() -> str:
    """The section `one`."""
    lines = [[
        "grid", "smoke, GB", "with petsc", "liquid, GB", "with petsc", "smoke, s a step",
        "64 threads", "liquid, s a step", "64 threads", "smoke, GB a frame", "liquid, GB a frame",
    ]]  # fmt: skip
    for side in SIDES:
        memory = [
            kind.memory(side, solver)
            for kind in (SMOKE, LIQUID)
            for solver in ("multigrid", "petsc")
        ]
        seconds = [
            kind.seconds(side, machine)
            for kind in (SMOKE, LIQUID)
            for machine in (MEASURED, SERVER)
        ]
        frames = [kind.frame(side) for kind in (SMOKE, LIQUID)]
        lines.append([
            f"{side}^3", *(_short(each / 1e9) for each in memory), *map(_short, seconds),
            *(_short(each / 1e9) for each in frames),
        ])  # fmt: skip
    return markdown(lines)


def one_cycle(side: int = 1024, machines: int = 8) -> str:
    """The section `cycle`."""
    lines = [["level", "exchanges", "MB moved", "MB sent, slabs", "MB sent, cubes", "moved / sent"]]
    whole = CYCLE * float(side) ** 3 / machines
    parts = [8.0**-index for index in range(len(levels(side)))]
    for level, part in zip(levels(side), parts, strict=True):
        moved = whole * part / sum(parts)
        both = [level.sent(faces(machines, cubes)) for cubes in (False, True)]
        lines.append([
            f"{level.side}^3", str(level.exchanges), _short(moved / 1e6),
            *(_short(each / 1e6) for each in both), _short(moved / both[0]),
        ])  # fmt: skip
    return markdown(lines)


def many_machines() -> str:
    """The section `many`."""
    head = ["grid, machines", "GB each", "ms in memory", "MB sent, slabs", "cubes"]
    lines = [[*head, *(f"ms at {network.name}" for network in NETWORKS)]]
    for side in SIDES:
        for machines in MACHINES:
            inside = times(side, machines, False, NETWORKS[0])[0]
            both = [sent(side, faces(machines, cubes)) for cubes in (False, True)]
            lines.append([
                f"{side}^3, {machines}", _short(SMOKE.memory(side, "multigrid") / machines / 1e9),
                _short(1e3 * inside), *(_short(each / 1e6) for each in both),
                *(_pair(side, machines, network) for network in NETWORKS),
            ])  # fmt: skip
    return markdown(lines)


def _pair(side: int, machines: int, network: Network) -> str:
    both = (times(side, machines, cubes, network)[1] for cubes in (False, True))
    return " / ".join(_short(1e3 * each) for each in both)


def no_more() -> str:
    """The section `most`."""
    lines = [["grid", *(f"{network.name}, slabs / cubes" for network in NETWORKS)]]
    for side in SIDES:
        most = [[most_machines(side, cubes, net) for cubes in (False, True)] for net in NETWORKS]
        lines.append([f"{side}^3", *(f"{slabs:,} / {cubes:,}" for slabs, cubes in most)])
    return markdown(lines)


def _short(value: float) -> str:
    """Two or three digits that matter."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.2g}"


SECTIONS = {"one": one_machine, "cycle": one_cycle, "many": many_machines, "most": no_more}


def pages(text: str) -> Iterator[str]:
    """The text of the page, section after section written anew."""
    for name, content in SECTIONS.items():
        text = replace_section(text, name, content())
        yield text


if __name__ == "__main__":
    try:
        *_, whole = pages(Path(sys.argv[1]).read_text(encoding="utf-8"))
        with replacing(Path(sys.argv[1])) as temporary:
            temporary.write_text(whole, encoding="utf-8")
    except (IndexError, OSError, ValueError) as error:
        raise SystemExit(f"error: {error}; python -m fluidsim.figures.sizes FILE.md") from error
