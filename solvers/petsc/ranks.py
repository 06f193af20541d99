"""PETSc on the ranks of MPI: the first asks, all of them solve, each with the rows of a slab.

Rank 0 holds the system and a solver `Ranks`; the others `serve` until rank 0 calls `dismiss`. What
goes between them are arrays: orders, rows of the matrix, parts of vectors. There is one matrix at a
time: each setup frees that of the setup before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers import resident
from solvers.petsc.library import load
from solvers.petsc.rows import Rows
from solvers.petsc.slabs import Slabs
from solvers.petsc.solver import PRECONDITIONERS, Petsc
from solvers.system import PoissonSystem

_NAP = 1e-3  # s, between two looks of an idle rank for its orders
_KINDS = np.int32, np.int32, np.float64  # of the arrays of a sparse matrix


class Order(IntEnum):
    """What rank 0 asks of all."""

    END = 0
    SET_UP = 1
    UPDATE = 2
    SOLVE = 3
    COUNT_MEMORY = 4


@dataclass(frozen=True, eq=False)
class Share:
    """The rows of this rank, the first row of each and the number of all, (ranks + 1,), and the
    bytes that the process had in use before."""

    rows: Rows
    starts: np.ndarray
    before: int

    def solve(self, b: np.ndarray | None, target: float) -> tuple[np.ndarray, list[float]]:
        """As `Rows.solve`, with a vector of all rows on rank 0 and None elsewhere.

        The vector that is found is that of all rows on rank 0, and empty elsewhere.
        """
        part, result = np.zeros(self.rows.own), np.zeros(0 if b is None else len(b))
        _world().Scatterv(self._dealt(b), part, root=0)
        found, norms = self.rows.solve(part, target)
        _world().Gatherv(found, self._dealt(None if b is None else result), root=0)
        return result, norms

    def _dealt(self, whole: np.ndarray | None) -> Any:
        """A vector of all rows with how it is dealt, as mpi4py takes it."""
        if whole is None:
            return None
        return [whole, (np.diff(self.starts), self.starts[:-1])]


@dataclass(frozen=True)
class Ranks(Petsc):
    """As `Petsc`, on all processes that `mpiexec` started: for rank 0, while the others serve."""

    def _rows(self, system: PoissonSystem) -> Share:
        slabs = Slabs.of(system, size())
        _order(Order.SET_UP)
        return _set_up(slabs, self)

    def _free(self, rows: Any) -> None:
        """The next setup frees them, on all ranks."""

    def _update(self, rows: Any, system: PoissonSystem) -> None:
        _check(rows)
        slabs = Slabs.of(system, size())
        _order(Order.UPDATE)
        rows.rows.update(_send(slabs))

    def _iterate(self, rows: Any, b: np.ndarray, target: float) -> tuple[np.ndarray, list[float]]:
        _check(rows)
        _order(Order.SOLVE, target)
        return rows.solve(b, target)

    def memory(self) -> list[int]:
        """Bytes by which the memory of each rank has grown at its peak since the setup began."""
        _order(Order.COUNT_MEMORY)
        return _grown()


def serve() -> None:
    """Do what rank 0 asks, until it dismisses this rank."""
    while True:
        order, target = _order()
        if order == Order.END:
            return
        if order == Order.SET_UP:
            _set_up()
        elif order == Order.UPDATE:
            _share().rows.update(_receive())
        elif order == Order.SOLVE:
            _share().solve(None, target)
        else:
            _grown()


def dismiss() -> None:
    """Let the ranks that serve go."""
    _order(Order.END)


def rank() -> int:
    """The number of this process among those that `mpiexec` started; 0 if it did not."""
    return _world().Get_rank()


def size() -> int:
    """How many processes `mpiexec` started; 1 if it did not."""
    return _world().Get_size()


def abort() -> None:
    """End all ranks with status 1."""
    _world().Abort(1)


_held: list[Share] = []  # what this rank has of the matrix of now


def _share() -> Share:
    return _held[0]


def _check(share: Share) -> None:
    if share not in _held:
        raise ValueError("the ranks have the rows of another system by now: set it up again")


def _world() -> Any:
    return load().COMM_WORLD.tompi4py()


def _order(order: Order = Order.END, target: float = 0.0) -> tuple[Order, float]:
    """What rank 0 says here, on all ranks. The others wait at rest: it may have work of its own."""
    words = np.array([order, target], dtype=np.float64)
    request = _world().Ibcast(words, root=0)
    while not request.Test():
        time.sleep(_NAP)
    return Order(int(words[0])), float(words[1])


def _set_up(slabs: Slabs | None = None, options: Petsc | None = None) -> Share:
    """Share a system, which rank 0 has, in place of the one before."""
    if _held:
        _held.pop().rows.destroy()
    before = resident.begin() if resident.can_measure() else 0
    words = np.zeros(size() + 3, dtype=np.int64)
    if slabs is not None and options is not None:
        chosen = PRECONDITIONERS.index(options.preconditioner)
        words[:] = [*slabs.rows, chosen, options.max_iterations]
    _world().Bcast(words, root=0)
    *starts, chosen, most = words.tolist()
    own = _receive() if slabs is None else _send(slabs)
    rows = Rows(own, PRECONDITIONERS[chosen], most, load().COMM_WORLD)
    _held.append(Share(rows, np.array(starts), before))
    return _share()


def _send(slabs: Slabs) -> sp.csr_matrix:
    """Send the other ranks their rows; those of this one."""
    for other in range(1, size()):
        rows = slabs.matrix(other)
        shape: Any = rows.shape
        _world().Send(np.array([*shape, rows.nnz], dtype=np.int64), dest=other)
        for array, kind in zip((rows.indptr, rows.indices, rows.data), _KINDS, strict=True):
            _world().Send(array.astype(kind, copy=False), dest=other)
    return slabs.matrix(0)


def _receive() -> sp.csr_matrix:
    """The rows that `_send` sends to this rank."""
    sizes = np.zeros(3, dtype=np.int64)
    _world().Recv(sizes, source=0)
    own, whole, entries = sizes.tolist()
    lengths = own + 1, entries, entries
    arrays = [np.zeros(n, dtype=kind) for n, kind in zip(lengths, _KINDS, strict=True)]
    for array in arrays:
        _world().Recv(array, source=0)
    starts, columns, values = arrays
    return sp.csr_matrix((values, columns, starts), shape=(own, whole))


def _grown() -> list[int]:
    own = resident.peak() - _share().before if resident.can_measure() else 0
    all_of_them = np.zeros(size(), dtype=np.int64)
    _world().Allgather(np.array([own], dtype=np.int64), all_of_them)
    return all_of_them.tolist()
