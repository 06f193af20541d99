"""The implicit coupling of rigid bodies and an incompressible flow.

Batty, Bertails & Bridson 2007, "A fast variational framework for accurate solid-fluid coupling",
section 5. The pressure system of the flow around moving solids is

    A q = b - C V,    M (V - V*) = h C^T q,

with q the pressure times the time step, V the twists of the bodies, V* without the pressure, M
their mass matrix, C V the flow that the bodies displace from each cell, and h the volume of a cell.
Both rows have the same C: energy and momentum that the flow loses are what the bodies win. To
eliminate V from the first row would change the system; to eliminate q leaves one of a few numbers,

    (M + h C^T A^-1 C) (V - V*) = h C^T A^-1 (b - C V*),

in which h C^T A^-1 C is the added mass of the bodies (Kirchhoff 1869). Conjugate gradients,
preconditioned by M, solve it: each of their few iterations is a solve of the flow's own system, by
whatever solver it has been prepared for. The eigenvalues of M^-1 times the matrix lie between 1 and
1 + the density of the fluid over that of the body, roughly, however many bodies there are.

A body may shut in a part of the flow, such as under a bell or in a full tank. The pressure there is
known up to a constant, and C must not change its volume: linear conditions for V, on which the
search directions are projected; the constants follow from what is left of the equations of V.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

import solvers
from fluidsim.bodies.faces import BodyFaces
from fluidsim.flow.domain import FlowDomain

SHUT_IN = 0.01  # of what a body displaces: with less net flow, a part does not hold it up
TIGHTEST = 1e-12  # tolerance of the equations of the bodies


class Coupled:
    """Bodies in one projection of the flow around them.

    twists: (n,) float64, those of all bodies in a row; at first as the right-hand side assumes
    them, then the solution, after contacts. pushed: (n,), what the pressure did to them.
    """

    def __init__(
        self, faces: BodyFaces, domain: FlowDomain, mass: np.ndarray, wanted: np.ndarray,
        assumed: np.ndarray, known: np.ndarray, touch: Callable[[np.ndarray], np.ndarray],
    ) -> None:  # fmt: skip
        """domain: its `solid_velocity` on the bodies' faces is kept at that of `twists`. mass:
        (n, n), of all bodies. wanted, assumed: (n,), the twists without the pressure and those of
        the right-hand side. known: (n,), impulses beside those of the pressures of cells. touch:
        returns twists after contacts."""
        self.faces, self.domain, self.mass = faces, domain, mass
        self.wanted, self.twists = wanted, assumed
        self.known = known
        self.pushed = np.zeros_like(wanted)
        self._touch = touch
        faces.set_speeds(domain.solid_velocity, assumed)

    def solve(
        self, prepared: solvers.Prepared, rhs: Tensor, solution: solvers.Solution, rtol: float
    ) -> solvers.Solution:
        """The pressure of flow and bodies together.

        rhs: of the flow, for the twists assumed. solution: of its system. rtol: of each solve, and
        of the equations of the bodies, relative to the impulses that act on them.
        """
        flow = _Flow(self.faces, self.domain.fluid, prepared, solution, rtol)
        shut = _ShutIn.of(self.faces, prepared, rhs, self.mass)
        impulse = self.faces.impulses(flow.q) + self.known
        rest = impulse - self.mass @ (self.twists - self.wanted)
        scale = max(self._size(impulse), self._size(rest))
        if shut is not None:
            first = shut.least_change()
            rest = rest - self.mass @ first - self._move(flow, first)
        p, before = np.zeros_like(rest), 0.0
        for _ in range(2 * rest.size):
            free = rest if shut is None else shut.freed(rest)
            if self._size(free) <= max(rtol, TIGHTEST) * scale:
                break
            z = np.linalg.solve(self.mass, free)
            now = float(free @ z)
            p = z + (now / before if before > 0 else 0.0) * p
            change = flow.response(p)
            product = self.mass @ p + change.impulse
            alpha = now / float(p @ product)
            flow.take(change, alpha)
            self.twists = self.twists + alpha * p
            rest = rest - alpha * product
            before = now
        if shut is not None:
            flow.q = flow.q + shut.levels(rest)
        self.pushed = self.twists - self.wanted
        after = self._touch(self.twists)
        if not np.array_equal(after, self.twists):
            self._move(flow, after - self.twists)
        self.faces.set_speeds(self.domain.solid_velocity, self.twists)
        return flow.solution()

    def _move(self, flow: _Flow, change: np.ndarray) -> np.ndarray:
        """Change the twists; the impulse (n,) that the flow loses to the bodies by that."""
        response = flow.response(change)
        flow.take(response, 1.0)
        self.twists = self.twists + change
        return response.impulse

    def _size(self, impulse: np.ndarray) -> float:
        """Norm of an impulse (n,): that of the velocity which it gives, weighted by mass."""
        return float(np.sqrt(impulse @ np.linalg.solve(self.mass, impulse)))


@dataclass(frozen=True, eq=False)
class _Change:
    """What a twist of the bodies does: q (*shape), Pa s, and the impulse (n,) against it."""

    q: Tensor
    impulse: np.ndarray


class _Flow:
    """The pressure of a flow, and how it answers to bodies that move."""

    def __init__(
        self, faces: BodyFaces, fluid: Tensor, prepared: solvers.Prepared,
        solution: solvers.Solution, rtol: float,
    ) -> None:  # fmt: skip
        self.faces, self.fluid, self.prepared, self.rtol = faces, fluid, prepared, rtol
        self.q = solution.pressure
        self.solved = [solution]

    def response(self, twists: np.ndarray) -> _Change:
        """A^-1 C V and h C^T A^-1 C V."""
        displaced = self.faces.displaced(twists, self.fluid)
        system, prepared = self.prepared.system, self.prepared
        done = solvers.solve(system, displaced, prepared, None, self.rtol)
        self.solved.append(done)
        return _Change(done.pressure, self.faces.impulses(done.pressure))

    def take(self, change: _Change, factor: float) -> None:
        """Let the bodies move by so many times the twist of a change."""
        self.q = self.q - factor * change.q

    def solution(self) -> solvers.Solution:
        """That of the flow alone, with the pressure of both and the cost of all solves."""
        first = self.solved[0]
        notes = dict.fromkeys(each.notes for each in self.solved if each.notes)
        return replace(
            first,
            pressure=self.q,
            iterations=sum(each.iterations for each in self.solved),
            relative_residual=max(each.relative_residual for each in self.solved),
            solve_seconds=sum(each.solve_seconds for each in self.solved),
            notes="; ".join(notes),
        )


@dataclass(frozen=True, eq=False)
class _ShutIn:
    """Conditions `rows` V = `missing` (m,) on a change V of the twists: that it keeps the volume of
    the parts that bodies shut in.

    parts: (m, *shape) float64, 1 in the cells of each. weighted: M^-1 rows^T. inverse: of rows
    M^-1 rows^T. volume: of a cell.
    """

    parts: Tensor
    rows: np.ndarray
    missing: np.ndarray
    weighted: np.ndarray
    inverse: np.ndarray
    volume: float

    @classmethod
    def of(
        cls, faces: BodyFaces, prepared: solvers.Prepared, rhs: Tensor, mass: np.ndarray
    ) -> _ShutIn | None:
        """None if the bodies shut nothing in."""
        floating = prepared.system.floating
        if floating.count == 0:
            return None
        volume = faces.grid.dx**faces.grid.dim
        most = faces.displaced_at_most()
        parts, rows = [], []
        for label in faces.labels_beside(floating.labels):
            part = (floating.labels == label).double()
            row = faces.impulses(part) / volume
            if (np.abs(row) > SHUT_IN * most / volume).any():
                parts.append(part)
                rows.append(row)
        if not parts:
            return None
        every, matrix = torch.stack(parts), np.stack(rows)
        missing = (every * rhs).flatten(1).sum(1).cpu().numpy()
        weighted = np.linalg.solve(mass, matrix.T)
        inverse = np.linalg.pinv(matrix @ weighted, rcond=1e-10)
        return cls(every, matrix, missing, weighted, inverse, volume)

    def least_change(self) -> np.ndarray:
        """The twist of least energy that meets the conditions."""
        return self.weighted @ (self.inverse @ self.missing)

    def freed(self, rest: np.ndarray) -> np.ndarray:
        """An impulse (n,) without what constant pressures of the parts can give."""
        return rest - self.rows.T @ (self.inverse @ (self.weighted.T @ rest))

    def levels(self, rest: np.ndarray) -> Tensor:
        """These constant pressures, (*shape), Pa s."""
        levels = -(self.inverse @ (self.weighted.T @ rest)) / self.volume
        return torch.einsum("m,m...->...", torch.from_numpy(levels).to(self.parts), self.parts)
