"""Nearly closed parts: regions whose pressure level hangs on faces of tiny weight.

A room with a slit, two tanks joined by a leak: the level of the pressure in such a part is a
hundred or a thousand million times the variation within it, and iterations that see both at once
lose the smaller one to rounding. Here the tiny faces are closed. What remains are ordinary systems
with closed parts, which every solver solves; the levels follow from the balance of flows through
the tiny faces, a small system with one unknown for each part. Corrections of both kinds alternate
(deflation of subdomains; Nicolaides 1987, Vuik, Segal & Meijerink 1999).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu
from torch import Tensor

from solvers.floating import as_slab
from solvers.floating_kernels import label_floating
from solvers.gate.periodic import Unrolled
from solvers.gate.rescue import Rescued
from solvers.gate.weight_kernels import close_tiny
from solvers.gate.weights import TINY, WeightRange
from solvers.krylov import gcr
from solvers.protocol import Outcome, Solver
from solvers.slicing import lower, upper
from solvers.system import PoissonSystem

MOST_TURNS = 20
_TIGHTEST, _LOOSEST = 1e-10, 0.1  # asked of the solver in a turn
_UNSEEN = 0.05  # part of the tolerance that unbalanced flows may have


@dataclass(frozen=True, eq=False)
class Leaks:
    """A system with its tiny faces closed, and these faces.

    closed: the system with walls in their place. ends: int64 (leaks, 2), the closed part on either
    side of each tiny face, numbered from 0, or -1 for p = 0 and for parts that are not closed.
    weights: float64 (leaks,), theirs.
    """

    closed: PoissonSystem
    ends: np.ndarray
    weights: np.ndarray

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest weight of a tiny face."""
        return float(self.weights.min()), float(self.weights.max())

    @cached_property
    def balance(self) -> Callable[[np.ndarray], np.ndarray]:
        """Maps net outflows of the parts to their levels; one of parts that only leak into each
        other is held at 0."""
        parts = self.closed.floating.count
        here, there = self.ends.T % (parts + 1)  # the last place stands for -1
        rows, columns = np.concatenate((here, there)), np.concatenate((there, here))
        links = sp.csr_matrix((np.tile(self.weights, 2), (rows, columns)), shape=(parts + 1,) * 2)
        links.setdiag(0.0)
        diagonal = np.asarray(links.sum(axis=1)).ravel()
        diagonal = np.where(diagonal > 0, diagonal, 1.0)
        component = connected_components(links, directed=False)[1]
        held = np.unique(component, return_index=True)[1]
        diagonal[held[component[held] != component[parts]]] *= 2.0
        matrix = (sp.diags(diagonal) - links).tocsc()[:parts, :parts]
        scale = np.maximum(diagonal[:parts], np.finfo(float).tiny) ** -0.5
        scaled = (sp.diags(scale) @ matrix @ sp.diags(scale)).tocsc()
        factor = splu(scaled, diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        return lambda flows: scale * factor.solve(scale * flows)

    def lift(self, flows: np.ndarray) -> Tensor:
        """The pressure, constant on each part, that sends these flows out of the parts."""
        with np.errstate(over="ignore", invalid="ignore"):  # through a weight of 1e-310
            levels = self.balance(flows)
        return self.closed.floating.spread(torch.from_numpy(np.append(0.0, levels)))


def find_leaks(system: PoissonSystem, largest_weight: float) -> Leaks | None:
    """The tiny faces of a system; None unless they close parts that are otherwise connected.

    Also None if one of them has more weight than a face that stays: the flow through it may then
    matter within a part.
    """
    if system.device.type == "cpu" and not _may_leak(system, largest_weight):
        return None
    strongest = torch.zeros_like(system.active, dtype=system.face_weights[0].dtype)
    for axis, weights in enumerate(system.face_weights):
        for side in (lower(weights, axis), upper(weights, axis)):
            torch.maximum(strongest, side, out=strongest)
    strongest *= system.active
    tiny = []
    for axis, weights in enumerate(system.face_weights):
        below, above = _beside(system, strongest, axis)
        below, above = torch.where(below > 0, below, above), torch.where(above > 0, above, below)
        tiny.append((weights > 0) & (weights < TINY * torch.minimum(below, above)))
    pairs = zip(system.face_weights, tiny, strict=True)
    walls = tuple(torch.where(faces, 0.0, weights) for weights, faces in pairs)
    closed = replace(system, face_weights=walls)
    most = max(float((w * faces).max()) for w, faces in zip(system.face_weights, tiny, strict=True))
    if not most < WeightRange.of(closed).least or closed.floating.count == system.floating.count:
        return None
    ends, values = [], []
    for axis, (weights, faces) in enumerate(zip(system.face_weights, tiny, strict=True)):
        if system.periodic[axis]:
            faces.select(axis, system.shape[axis]).fill_(False)  # it is the first one
        sides = _beside(system, closed.floating.labels + 1, axis)
        ends.append(torch.stack([side[faces].long() - 1 for side in sides], dim=1))
        values.append(weights[faces].double())
    return Leaks(closed, torch.cat(ends).cpu().numpy(), torch.cat(values).cpu().numpy())


def _may_leak(system: PoissonSystem, largest_weight: float) -> bool:
    """Whether `find_leaks` finds some, by kernels: it is slower."""
    active, wraps, *weights = as_slab(system.active, system.face_weights, system.periodic)
    w0, w1, w2 = (w.copy() for w in weights)
    largest, least = close_tiny(active, wraps, w0, w1, w2, TINY, largest_weight)
    if not 0 < largest < least:
        return False
    return label_floating(active, wraps, w0, w1, w2)[1] > system.floating.count


def _beside(system: PoissonSystem, values: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The values in the cells below and above each face of an axis, 0 outside the grid."""
    n = system.shape[axis]
    first, last = values.narrow(axis, 0, 1), values.narrow(axis, n - 1, 1)
    if not system.periodic[axis]:
        first = last = torch.zeros_like(first)
    return torch.cat((last, values), axis), torch.cat((values, first), axis)


@dataclass(frozen=True, eq=False)
class State:
    """A system with leaks, and the solver's state for the system without them."""

    system: PoissonSystem
    leaks: Leaks
    state: Any


@dataclass(frozen=True)
class Deflated:
    """Generalised conjugate residuals around a solver for systems with nearly closed parts.

    The iterations of the outcome are those of the solver in all turns together.
    """

    solver: Solver | Unrolled | Rescued
    leaks: Leaks

    @property
    def name(self) -> str:
        return self.solver.name

    def setup(self, system: PoissonSystem) -> State:
        """Set the solver up for the system without leaks."""
        return State(system, self.leaks, self.solver.setup(self.leaks.closed))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        norm_b = float(torch.linalg.vector_norm(rhs))
        floating, product = state.leaks.closed.floating, state.system.apply
        notes: list[str] = []
        sizes = floating.sums(torch.ones_like(rhs))
        enough = _UNSEEN * rtol * norm_b * (sizes / max(floating.count, 1)).sqrt()

        def turn(r: Tensor) -> tuple[Tensor, Tensor, int]:
            flows = floating.sums(r)
            # A level for flows that rtol does not see would swamp the variation within the part.
            level = state.leaks.lift(torch.where(flows.abs() <= enough, 0.0, flows).numpy())
            flow = product(level)
            rest = floating.remove_means(r - flow)
            norm = float(torch.linalg.vector_norm(rest))
            if not 0 < norm < np.inf:
                return level, flow, 0
            asked = min(max(0.5 * rtol * norm_b / norm, _TIGHTEST), _LOOSEST)
            outcome = self.solver.solve(state.state, rest, None, asked)
            notes.extend([outcome.notes] * bool(outcome.notes and outcome.notes not in notes))
            z = outcome.pressure
            return level + z, flow + product(z), outcome.iterations

        x, steps, history = gcr.iterate(rhs, guess, product, turn, rtol, MOST_TURNS)
        return Outcome(x, steps, history, "; ".join(notes))
