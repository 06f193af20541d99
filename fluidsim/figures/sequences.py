"""The systems of short runs in their order, and solvers that follow them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import solvers
from fluidsim.figures.report import run_fluidsim
from solvers.solve import Prepared
from solvers.storage import StoredSystem, load_system

RTOL = 1e-6


@dataclass(frozen=True)
class Run:
    """A scene, its dimension and its cells along the longest side."""

    scene: str
    dim: int
    cells: int

    @property
    def title(self) -> str:
        return f"{self.scene} {self.cells}^{self.dim}"

    def systems(self, frames: int, *flags: str) -> Iterator[StoredSystem]:
        """Run so many frames by `multigrid`; yields the systems of all steps."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            run_fluidsim(
                "run", self.scene, "--dim", str(self.dim), "--resolution", str(self.cells),
                "--frames", str(frames), "--record-systems", "1", "--no-render", "--out", str(out),
                *flags,
            )  # fmt: skip
            yield from map(load_system, sorted(out.glob("systems/*.npz")))


@dataclass(frozen=True, eq=False)
class Step:
    """A system that was solved: its unknowns, whether it differs from the one before, and of each
    solver the iterations, 0 where it failed, and the CPU time in s, with the setup of a new one."""

    unknowns: int
    is_new: bool
    iterations: dict[str, int]
    seconds: dict[str, float]


def follow(systems: Iterable[StoredSystem], named: Mapping[str, Any]) -> Iterator[Step]:
    """Solve each system by each solver, from the guess of the run, to 1e-6.

    named: solvers by label, as `solvers.sequence.begin` returns them; one that is taken out is not
    followed further. Setups are kept while the system stays the same.
    """
    prepared = {}
    for stored, is_new in in_turn(systems):
        if is_new:
            prepared = {}
        counts, seconds = {}, {}
        for label, solver in list(named.items()):
            begun = time.process_time()
            if label not in prepared:
                prepared[label] = solvers.prepare(stored.system, solver)
            counts[label] = _solved(prepared[label], stored)
            seconds[label] = time.process_time() - begun
        yield Step(stored.system.unknowns, is_new, counts, seconds)


def in_turn(systems: Iterable[StoredSystem]) -> Iterator[tuple[StoredSystem, bool]]:
    """Each with whether its system is new; one that is not is the object of the step before."""
    last = None
    for stored in systems:
        is_new = last is None or not last.equals(stored.system)
        last = stored.system if is_new or last is None else last
        yield replace(stored, system=last), is_new


def _solved(prepared: Prepared, stored: StoredSystem) -> int:
    found = solvers.solve(stored.system, stored.rhs, prepared, stored.guess, RTOL, throw=False)
    return found.iterations if found.converged else 0
