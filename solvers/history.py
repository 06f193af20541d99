"""Where to start the next solve of a run: from the best combination of the last solutions.

Of all combinations of solutions q_i the one nearest to the next solution x in the A-norm is found
without x (Fischer 1998, "Projection techniques for iterative solution of Ax = b with successive
right-hand sides"): its coefficients c solve (q_i, A q_j) c_j = (q_i, b), and (q_i, A q_j) are the
same (q_i, b) of earlier solves, as long as the system stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
_NO_SYSTEM = torch.zeros(4, dtype=torch.int64)  # a mark
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
        self._forget()

    def _forget(self) -> None:
        self._solutions: Tensor | None = None  # (most, *grid), of which the first `_count` are set
        self._count = self._turn = 0  # `_turn`: solutions that came so far
        self._energies = np.zeros((self._most, self._most))  # (q_i, A q_j)
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
        kept = self._kept()
        self._products = _products(kept, rhs) if self._count else np.zeros(0)
        if self._count < _FEWEST:
            return None
        energies = self._energies[: self._count, : self._count]
        return _combined(kept, _projected(energies, self._products))

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
        if not (self._stays or self._carried) or self._most == 0:
            return
        energy = float(_products(solution[None], rhs)[0])
        if not energy > 0:
            return
        if self._solutions is None:
            self._solutions = solution.new_empty((self._most, *solution.shape))
        place, self._turn = self._turn % self._most, self._turn + 1
        known = slice(0, self._count)
        self._energies[place, known] = self._energies[known, place] = self._products
        self._energies[place, place] = energy
        self._solutions[place] = solution
        self._count = max(self._count, place + 1)

    def fit(self, fitted: Callable[[Tensor], Tensor]) -> None:
        """Bring the solutions to another grid, whose systems are others.

        Parameters
        ----------
        fitted : callable
            Takes a solution, float64 of the shape of the old grid, to that of the new one.
        """
        kept = [fitted(q) for q in self._kept()]
        self._take(kept, self._energies)
        self._system, self._mark = None, _NO_SYSTEM if kept else None

    def memory(self) -> dict[str, Tensor]:
        """All that later guesses depend on, by name; {} before the first one.

        Returns
        -------
        dict of str to Tensor
            Tensors that do not change later. `solutions`: (k, *grid) float64; `energies`: (k, k);
            `turn`: how many came; `system`: a mark of the system that they are of.
        """
        if self._system is not None and self._mark is None:
            self._mark = mark(self._system)
        if self._mark is None:
            return {}
        energies = torch.from_numpy(self._energies[: self._count, : self._count].copy())
        kept = {"solutions": self._kept().clone()} if self._count else {}
        turn = torch.tensor(self._turn)
        return {**kept, "energies": energies, "turn": turn, "system": self._mark}

    def recall(self, memory: dict[str, Tensor], like: Tensor) -> None:
        """Go on with a memory; with none where that is of another grid.

        Parameters
        ----------
        memory : dict of str to Tensor
            What `memory` returned.
        like : Tensor, float64, shape of the grid
            A tensor on the device of the run.
        """
        self._forget()
        if "system" not in memory:
            return
        kept = memory.get("solutions", like[None][:0])
        if kept.shape[1:] == like.shape and len(kept) <= self._most:
            self._take([q.to(like) for q in kept], memory["energies"].cpu().numpy())
            self._turn = int(memory["turn"])
            self._mark = memory["system"].cpu().clone()

    def _kept(self) -> Tensor:
        return torch.zeros(0) if self._solutions is None else self._solutions[: self._count]

    def _take(self, solutions: Sequence[Tensor], energies: np.ndarray) -> None:
        """Keep these and no others. energies: of at least so many."""
        self._count = len(solutions)
        self._solutions = None
        if solutions:
            self._solutions = solutions[0].new_empty((self._most, *solutions[0].shape))
            torch.stack(tuple(solutions), out=self._solutions[: self._count])
        known = slice(0, self._count)
        self._energies[known, known] = energies[known, known]

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
            self._bring_along(system)

    def _bring_along(self, system: PoissonSystem) -> None:
        """Take the solutions of another system for directions of this one, or forget them."""
        kept = [
            system.floating.remove_means(torch.where(system.active, q, 0.0))
            for q in (self._kept() if self._carried else ())
        ]
        useful: list[int] = []
        energies = np.zeros((0, 0))
        if kept:
            stacked = torch.stack(kept)
            energies = np.array([_products(stacked, system.apply(q)) for q in kept])
            useful = [k for k in range(len(kept)) if energies[k, k] > 0]
        if len(useful) < self._count:
            self._turn = len(useful)
        self._take([kept[k] for k in useful], energies[np.ix_(useful, useful)])


def _projected(energies: np.ndarray, products: np.ndarray) -> np.ndarray:
    """The coefficients, without directions that solutions have in common but for rounding."""
    scale = 1.0 / np.sqrt(np.diagonal(energies))
    values, vectors = np.linalg.eigh(0.5 * (energies + energies.T) * np.outer(scale, scale))
    kept = values > _ALIKE * values[-1]
    return scale * (vectors[:, kept] @ ((vectors[:, kept].T @ (scale * products)) / values[kept]))


def _products(solutions: Tensor, rhs: Tensor) -> np.ndarray:
    """(q_i, b) of all solutions."""
    if rhs.device.type != "cpu":
        return (solutions * rhs).flatten(1).sum(1).cpu().numpy()
    sums = np.empty((-(-rhs.numel() // _CHUNK), len(solutions)))
    _sum_chunks(solutions.flatten(1).numpy(), rhs.contiguous().numpy().ravel(), sums)
    return sums.sum(0)


def _combined(solutions: Tensor, shares: np.ndarray) -> Tensor:
    if solutions.device.type != "cpu":
        return torch.tensordot(torch.from_numpy(shares).to(solutions), solutions, 1)
    result = torch.empty_like(solutions[0])
    _add_chunks(solutions.flatten(1).numpy(), shares, result.numpy().ravel())
    return result


@numba.njit(cache=True, parallel=True)
def _sum_chunks(solutions, b, sums):
    """sums[i]: of the products of each solution with b in chunk i."""
    for chunk in numba.prange(len(sums)):
        part = slice(chunk * _CHUNK, (chunk + 1) * _CHUNK)
        for number in range(len(solutions)):
            sums[chunk, number] = _sum(solutions[number, part], b[part])


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def _sum(a, b):
    total = 0.0
    for cell in range(len(a)):
        total += a[cell] * b[cell]
    return total


@numba.njit(cache=True, parallel=True)
def _add_chunks(solutions, shares, result):
    """The sum of the solutions' shares."""
    for chunk in numba.prange(-(-len(result) // _CHUNK)):
        part = slice(chunk * _CHUNK, (chunk + 1) * _CHUNK)
        _scale(solutions[0, part], shares[0], result[part])
        for number in range(1, len(solutions)):
            _add(solutions[number, part], shares[number], result[part])


@numba.njit(cache=True)
def _scale(a, share, result):
    for cell in range(len(a)):
        result[cell] = share * a[cell]


@numba.njit(cache=True, fastmath={"contract"})
def _add(a, share, result):
    for cell in range(len(a)):
        result[cell] += share * a[cell]
