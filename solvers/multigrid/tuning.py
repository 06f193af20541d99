"""Finds the over-relaxation of the multigrid sweeps: `python -m solvers.multigrid.tuning`.

A Nelder-Mead search for the four free numbers of `multigrid.FACTORS` that minimise the mean number
of iterations to 1e-6 over model systems of several sizes, followed by a test on systems that the
search has not seen. Iterations are fractional, interpolated in the logarithm of the residual.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.optimize

from solvers import runtime
from solvers.model_systems import SCENES, model_system
from solvers.multigrid import FACTORS, Factors, Multigrid
from solvers.solve import solve
from solvers.storage import StoredSystem

RTOL = 1e-6
TRAINING = [((48, 48, 48), 1), ((64, 64, 64), 2), ((128, 128), 3), ((256, 256), 4)]
TEST = [((40, 56, 48), 11), ((96, 96, 96), 12), ((200, 150), 13), ((512, 512), 14)]


def factors(free: np.ndarray) -> Factors:
    """The table `multigrid.FACTORS` with these four free numbers."""
    fine, red, black, last_red = map(float, free)
    return (((1.0, fine), (1.0, 1.0)), ((red, black), (last_red, 1.0)))


def iterations(stored: StoredSystem, table: Factors) -> float:
    """Iterations to RTOL; of the last one only the fraction that was needed counts."""
    solution = solve(stored.system, stored.rhs, Multigrid(factors=table), rtol=RTOL, throw=False)
    before, last = solution.residual_history[-2:]
    spared = math.log(RTOL / last) / math.log(before / last) if last < RTOL else 0.0
    return solution.iterations - spared


def mean_iterations(systems: list[StoredSystem], table: Factors) -> float:
    return float(np.mean([iterations(stored, table) for stored in systems]))


def _systems(sizes: list[tuple[tuple[int, ...], int]]) -> list[StoredSystem]:
    return [model_system(kind, shape, seed) for shape, seed in sizes for kind in SCENES]


def main() -> None:
    runtime.configure()
    training, test = _systems(TRAINING), _systems(TEST)
    found = scipy.optimize.minimize(
        lambda free: mean_iterations(training, factors(free)),
        x0=np.ones(4),
        method="Nelder-Mead",
        options={"initial_simplex": 1.0 + 0.2 * np.eye(5, 4, k=-1), "maxfev": 160, "xatol": 2e-3},
    )
    learned = factors(np.round(found.x, 3))
    print(f"learned: {learned}, {found.nfev} evaluations")
    print("mean iterations to 1e-6     training    test")
    for name, table in (("all 1", factors(np.ones(4))), ("FACTORS", FACTORS), ("learned", learned)):
        own, unseen = mean_iterations(training, table), mean_iterations(test, table)
        print(f"{name:26} {own:9.2f} {unseen:7.2f}")


if __name__ == "__main__":
    main()
