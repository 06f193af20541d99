"""Where to start the next solve of a run: from the best combination of the last solutions.

Of all combinations of solutions q_i the one nearest to the next solution x in the A-norm is found
without x (Fischer 1998, "Projection techniques for iterative solution of Ax = b with successive
right-hand sides"): its coefficients c solve (q_i, A q_j) c_j = (q_i, b), and (q_i, A q_j) are the
same (q_i, b) of earlier solves, as long as the system stays.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import torch
from torch import Tensor

from solvers import kernel_cache  # noqa: F401
from solvers.marks import mark
from solvers.system import PoissonSystem

FEW = 4  # solutions: more save hardly any iteration
_FEWEST = 2  # that are combined: one alone is no better than what is extrapolated
_ALIKE = 1e-7  # part of the largest eigenvalue below which combinations are but rounding
_CHUNK = 4096  # cells that are summed by one thread, so that sums are the same for any number


class History:
    """The last solutions of a run.

    Solves come in turns of `guess` and `learn`. Results do not depend on the number of threads.

    Parameters
    ----------
    most : int, optional
        Solutions that are kept, also from one system to the next, which then takes a product with
        its matrix each. By default `FEW` of the same system: where it changes with every solve,
        none.

    Raises
    ------
    ValueError
        If `most` is negative.
    """

    def __init__(self, most: int | None = None) -> None:
        if most is not None and most < 0:
            raise ValueError(f"a history keeps 0 solutions or more, not {most}")
        self._most = FEW if most is None else most
        self._carried = most is not None
        self._solutions: list[Tensor] = []
        self._energies = np.zeros((0, 0))  # (q_i, A q_j), in the order of the solutions
        self._products = np.zeros(0)  # (q_i, b) of the present solve
        self._system: PoissonSystem | None = None
        self._mark: Tensor | None = None
        self._stays = False

    @torch.no_grad()
    def guess(self, system: PoissonSystem, rhs: Tensor) -> Tensor | None:
        """The combination of the solutions that is nearest to the next one in the A-norm.

        Parameters
        ----------
        system : PoissonSystem
            The system.
        rhs : Tensor, float64, shape of the grid
            Right-hand side, 0 in inactive cells.

        Returns
        -------
        Tensor or None
            float64, shape of the grid; None as long as there are not two solutions.
        """
        if self._most == 0:
            return None
        self._turn_to(system)
        self._products = np.array([_dot(q, rhs) for q in self._solutions])
        if len(self._solutions) < _FEWEST:
            return None
        combined = torch.zeros_like(self._solutions[0])
        for share, q in zip(_projected(self._energies, self._products), self._solutions,
                            strict=True):  # fmt: skip
            combined.add_(q, alpha=float(share))
        return combined

    @torch.no_grad()
    def learn(self, rhs: Tensor, solution: Tensor) -> None:
        """Keep what the system and right-hand side of the last `guess` have led to.

        Parameters
        ----------
        rhs : Tensor, float64, shape of the grid
            As for `guess`.
        solution : Tensor, float64, shape of the grid
            0 in inactive cells, with zero mean on floating components.
        """
        energy = _dot(solution, rhs) if self._most and (self._stays or self._carried) else 0.0
        if not energy > 0:
            return
        first = max(0, len(self._solutions) + 1 - self._most)
        column = self._products[first:, None]
        above = np.hstack((self._energies[first:, first:], column))
        self._energies = np.vstack((above, [*column[:, 0], energy]))
        self._solutions = [*self._solutions[first:], solution.clone()]

    def fit(self, fitted: Callable[[Tensor], Tensor]) -> None:
        """Bring the solutions to another grid, whose systems are others."""
        self._solutions = [fitted(q) for q in self._solutions]
        self._system, self._mark = None, torch.zeros(4, dtype=torch.int64)

    def memory(self) -> dict[str, Tensor]:
        """All that later guesses depend on, by name; {} before the first one.

        Returns
        -------
        dict of str to Tensor
            Tensors that do not change later. `solutions`: (k, *grid) float64; `energies`: (k, k);
            `system`: a mark of the system that they are of.
        """
        if self._system is not None and self._mark is None:
            self._mark = mark(self._system)
        if self._mark is None:
            return {}
        energies = torch.from_numpy(self._energies.copy())
        kept = {"solutions": torch.stack(self._solutions)} if self._solutions else {}
        return {**kept, "energies": energies, "system": self._mark}

    def recall(self, memory: dict[str, Tensor], like: Tensor) -> None:
        """Go on with a memory; with none where that is of another grid.

        Parameters
        ----------
        memory : dict of str to Tensor
            What `memory` returned.
        like : Tensor, float64, shape of the grid
            A tensor on the device of the run.
        """
        self._solutions, self._energies, self._system = [], np.zeros((0, 0)), None
        self._mark = memory["system"].cpu().clone() if "system" in memory else None
        found = list(memory.get("solutions", ()))
        if all(q.shape == like.shape for q in found):
            first = max(0, len(found) - self._most)
            self._solutions = [q.to(like, copy=True) for q in found[first:]]
            if found:
                self._energies = memory["energies"].cpu().numpy()[first:, first:].copy()

    def _turn_to(self, system: PoissonSystem) -> None:
        """Make this system the present one."""
        self._stays = system is self._system
        if self._stays:
            return
        if self._system is None and self._mark is not None:  # recalled, or of another grid
            own = mark(system)
            self._stays, self._mark = torch.equal(own, self._mark), own
        else:
            self._mark = None
        self._system = system
        if not self._stays:
            self._solutions = self._solutions if self._carried else []
            self._bring_along(system)

    def _bring_along(self, system: PoissonSystem) -> None:
        """Take the solutions of another system for directions of this one."""
        kept = [
            system.floating.remove_means(torch.where(system.active, q, 0.0))
            for q in self._solutions
        ]
        products = [system.apply(q) for q in kept]
        energies = np.array([[_dot(p, q) for p in products] for q in kept])
        useful = [k for k in range(len(kept)) if energies[k, k] > 0]
        self._solutions = [kept[k] for k in useful]
        self._energies = energies.reshape(len(kept), len(kept))[np.ix_(useful, useful)]


def _projected(energies: np.ndarray, products: np.ndarray) -> np.ndarray:
    """The coefficients, without directions that solutions have in common but for rounding."""
    scale = 1.0 / np.sqrt(np.diagonal(energies))
    values, vectors = np.linalg.eigh(0.5 * (energies + energies.T) * np.outer(scale, scale))
    kept = values > _ALIKE * values[-1]
    return scale * (vectors[:, kept] @ ((vectors[:, kept].T @ (scale * products)) / values[kept]))


def _dot(a: Tensor, b: Tensor) -> float:
    if a.device.type != "cpu":
        return float((a * b).sum())
    flat = a.contiguous().numpy().ravel(), b.contiguous().numpy().ravel()
    sums = np.empty(-(-a.numel() // _CHUNK))
    _sum_chunks(*flat, sums)
    return float(sums.sum())


@numba.njit(cache=True, parallel=True)
def _sum_chunks(a, b, sums):
    """sums[i]: of the products in chunk i."""
    for chunk in numba.prange(len(sums)):
        part = slice(chunk * _CHUNK, (chunk + 1) * _CHUNK)
        sums[chunk] = _sum(a[part], b[part])


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def _sum(a, b):
    total = 0.0
    for cell in range(len(a)):
        total += a[cell] * b[cell]
    return total
