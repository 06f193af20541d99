"""Periodic axes for solvers that support only grids with ends: the ring is cut open in turns.

A ring of cells without one layer is a grid with ends, where p = 0 in the layer left out. Two such
cuts, half a period apart and used alternately (the alternating method of Schwarz; Smith, Bjorstad &
Gropp 1996, "Domain decomposition", section 1.1), precondition the iteration on the ring: each cut
corrects the error that the other one makes at its layer, so the number of turns does not grow with
the number of cells. With k periodic axes there are k + 1 cuts, each through all of these axes at
once, and no cell lies in a layer of every cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from solvers.krylov import gcr
from solvers.protocol import Outcome, Solver
from solvers.system import PoissonSystem

if TYPE_CHECKING:
    from solvers.row_layout import RowLayout

INNER_RTOL = 0.3  # asked of the solver in each cut
MOST_TURNS = 100


@dataclass(frozen=True, eq=False)
class Cut:
    """A system cut open, and the solver's state for it.

    starts: for each axis the layer that is left out, which is the first in the grid of the cut; 0
    along axes that are not periodic.
    """

    starts: tuple[int, ...]
    system: PoissonSystem
    state: Any


@dataclass(frozen=True, eq=False)
class State:
    """A system, its rows on the CPU, and its cuts."""

    system: PoissonSystem
    layout: RowLayout | None
    cuts: tuple[Cut, ...]


@dataclass(frozen=True)
class Unrolled:
    """Generalised conjugate residuals for periodic axes.

    The preconditioner is a turn: a solve of each cut, one after the other. The iterations of the
    outcome are those of the solver in all cuts together.
    """

    solver: Solver

    @property
    def name(self) -> str:
        return self.solver.name

    def setup(self, system: PoissonSystem) -> State:
        """Set the solver up for all cuts."""
        cuts, count = [], 1 + sum(system.periodic)
        for number in range(count):
            starts = tuple(
                number * n // count if wraps else 0
                for n, wraps in zip(system.shape, system.periodic, strict=True)
            )
            cut = opened(system, starts)
            cuts.append(Cut(starts, cut, self.solver.setup(cut) if cut.unknowns else None))
        return State(system, _rows(system), tuple(cuts))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        turns = _Turns(self.solver, state)
        x, steps, history = gcr.iterate(rhs, guess, turns.product, turns.turn, rtol, MOST_TURNS)
        return Outcome(x, steps, history, "; ".join(turns.notes), turns.choice)


class _Turns:
    """Turns of the solver over all cuts."""

    def __init__(self, solver: Solver, state: State) -> None:
        self.solver, self.state = solver, state
        self.notes: list[str] = []
        self.choice = ""

    def turn(self, r: Tensor) -> tuple[Tensor, Tensor, int]:
        """A correction z for the residual r, A z, and the iterations that it took."""
        z, rest, steps = torch.zeros_like(r), r, 0
        for cut in self.state.cuts:
            b = torch.where(cut.system.active, _turned(rest, cut.starts), 0.0)
            b = cut.system.floating.remove_means(b)
            if float(torch.linalg.vector_norm(b)) > 0:
                outcome = self.solver.solve(cut.state, b, None, INNER_RTOL)
                steps, self.choice = steps + outcome.iterations, outcome.choice
                if outcome.notes and outcome.notes not in self.notes:
                    self.notes.append(outcome.notes)
                change = _turned_back(outcome.pressure, cut.starts)
                z, rest = z + change, rest - self.product(change)
        return z, r - rest, steps

    def product(self, p: Tensor) -> Tensor:
        """A p: by the kernels over rows on the CPU, else as defined."""
        layout = self.state.layout
        if layout is None:
            return self.state.system.apply(p)
        result = layout.zeros()
        layout.product(layout.padded(p), result)
        return torch.from_numpy(result.reshape(layout.shape))


def _rows(system: PoissonSystem) -> RowLayout | None:
    """The rows of a system on the CPU, None on other devices."""
    if system.device.type != "cpu":
        return None
    from solvers.row_layout import RowLayout

    return RowLayout.of(system)


def opened(system: PoissonSystem, starts: tuple[int, ...]) -> PoissonSystem:
    """The system without periodic axes: A restricted to the cells outside the layers `starts`.

    These layers are the first in its grid, and inactive.
    """
    active, weights = _turned(system.active, starts).clone(), []
    for axis, faces in enumerate(system.face_weights):
        n, wraps = system.shape[axis], system.periodic[axis]
        turned = _turned(faces.narrow(axis, 0, n) if wraps else faces, starts)
        if wraps:
            turned = torch.cat((turned, turned.narrow(axis, 0, 1)), axis)
            active.select(axis, 0).fill_(False)
        weights.append(turned.contiguous())
    return replace(system, face_weights=tuple(weights), active=active, periodic=())


def _turned(field: Tensor, starts: tuple[int, ...]) -> Tensor:
    """The field rolled so that the layers `starts` come first."""
    return _turned_back(field, tuple(-start for start in starts))


def _turned_back(field: Tensor, starts: tuple[int, ...]) -> Tensor:
    return field.roll(starts, tuple(range(len(starts)))) if any(starts) else field
