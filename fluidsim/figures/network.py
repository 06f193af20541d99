"""What a learned first guess (`mgno`) leaves, beside the guesses that a run has for nothing."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

import solvers
from fluidsim.figures.report import markdown
from fluidsim.figures.sequences import Run, in_turn
from solvers.history import History
from solvers.npsdo.mgno import LearnedGuess, improved
from solvers.storage import StoredSystem

RUNS = (
    Run("karman_street", 2, 96),
    Run("smoke_solid", 2, 96),
    Run("dam_break", 2, 96),
    Run("smoke_solid", 3, 32),
    Run("dam_break", 3, 32),
)
FRAMES, STRIDE, LAST = 40, 4, 10  # frames; of their systems every STRIDE-th, the last ones
HISTORY = 8
TOLERANCES = 1e-2, 1e-4, 1e-6
EXACT = 1e-10
GUESSES = ("zero", "last pressure", "history", "network", "network after the last pressure",
           "network after the history")  # fmt: skip


def samples(
    systems: Iterable[StoredSystem],
) -> list[tuple[StoredSystem, Tensor, list[Tensor | None]]]:
    """Of some systems of a run the solution, and the guesses without the network: zero, the last
    pressure, the history."""
    history, found = History(HISTORY), []
    for stored, _ in in_turn(systems):
        system = stored.system
        rhs = system.floating.remove_means(torch.where(system.active, stored.rhs, 0.0))
        guess = history.guess(system, rhs)
        exact = solvers.solve(system, rhs, rtol=EXACT).pressure
        history.learn(rhs, exact)
        if guess is not None and stored.guess is not None:
            own = torch.where(system.active, stored.guess, 0.0).double()
            found.append((StoredSystem(system, rhs, None), exact, [None, own, guess]))
    return found[::-STRIDE][:LAST]


def row(stored: StoredSystem, exact: Tensor, guess: Tensor | None) -> list[float]:
    """Shares of error and residual left; iterations of `cg` to each tolerance, of `multigrid`."""
    system, rhs = stored.system, stored.rhs
    start = torch.zeros_like(rhs) if guess is None else guess

    def energy(p: Tensor) -> float:
        return float((p * system.apply(p)).sum())

    error = (energy(exact - start) / energy(exact)) ** 0.5
    residual = float((rhs - system.apply(start)).norm() / rhs.norm())
    least = min(TOLERANCES)
    history = solvers.solve(system, rhs, "cg", guess, least).residual_history
    counts = [next(n for n, left in enumerate(history) if left <= rtol) for rtol in TOLERANCES]
    fast = solvers.solve(system, rhs, "multigrid", guess, least).iterations
    return [error, residual, *counts, fast]


def network() -> str:
    """The section `network`."""
    titles = [f"`cg` to {rtol:.0e}" for rtol in TOLERANCES]
    last = f"`multigrid` to {min(TOLERANCES):.0e}"
    lines = [["run, guess", "error left", "residual left", *titles, last]]
    for run in RUNS:
        print(f"guesses of a network on {run.title}", flush=True)
        sums = torch.zeros(len(GUESSES), 3 + len(TOLERANCES), dtype=torch.float64)
        found = samples(run.systems(FRAMES, "--history", "0"))
        for stored, exact, plain in found:
            state = LearnedGuess().setup(stored.system)
            learned = [
                improved(stored.system, state.network, stored.rhs, guess)[0] for guess in plain
            ]
            for turn, guess in enumerate([*plain, *learned]):
                sums[turn] += torch.tensor(row(stored, exact, guess), dtype=torch.float64)
        for name, values in zip(GUESSES, (sums / len(found)).tolist(), strict=True):
            shares = (f"{100 * share:.0f} %" for share in values[:2])
            counts = (f"{count:.0f}" for count in values[2:-1])
            lines.append([f"{run.title}: {name}", *shares, *counts, f"{values[-1]:.1f}"])
    note = (
        f"Means over {LAST} systems, every {STRIDE}th, at the end of {FRAMES} frames. Error: in "
        f"the A-norm. History: the best combination of the last {HISTORY} pressures, also where "
        "the system changes."
    )
    return f"{markdown(lines)}\n\n{note}"
