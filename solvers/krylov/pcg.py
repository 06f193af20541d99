"""The loop of preconditioned conjugate gradients, over any implementation of its vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

# The loop aims slightly below the tolerance: the final check sums the residual in another order.
_MARGIN = 0.99
# A cycle trusts the recurrence for r down to this factor; below it, rounding may dominate x.
_MOST_REDUCTION = 1e-12
# A cycle ends when its residual has grown by this factor: rounding has spoilt the directions.
_MOST_GROWTH = 1e4
# The loop ends after a cycle that has not at least halved the true residual.
_PROGRESS = 0.5


class Workspace(Protocol):
    """The vectors x, r, z, p and q = A p of one solve, and the operations of the loop on them."""

    def start(self) -> tuple[float, float]:
        """r = b - A x, z = M^-1 r, p = z; returns (r, z) and the norm of r."""
        ...

    def product(self) -> float:
        """q = A p; returns (p, q)."""
        ...

    def advance(self, alpha: float) -> tuple[float, float]:
        """x += alpha p, r -= alpha q, z = M^-1 r; returns (r, z) and the norm of r."""
        ...

    def turn(self, beta: float) -> None:
        """p = z + beta p."""
        ...

    def remove_means(self) -> None:
        """Remove from x the constants on floating components, whose rounding errors swamp r."""
        ...

    def keep(self) -> None:
        """Save x."""
        ...

    def revert(self) -> None:
        """Restore the saved x."""
        ...


def target(norm_b: float, rtol: float) -> float:
    """Norm of the residual at which `iterate` ends; once it is reached, (r, z) is not needed."""
    return _MARGIN * rtol * norm_b


def iterate(
    space: Workspace,
    norm_b: float,
    rtol: float,
    max_iterations: int,
    give_up: Callable[[list[float]], bool] | None = None,
) -> tuple[int, list[float]]:
    """Run CG until the true residual norm is at most rtol * norm_b.

    Saad, Iterative Methods for Sparse Linear Systems (2003), algorithm 9.1, in cycles: once the
    recurrence for r has reached its aim, r is recomputed from x, and another cycle starts if
    rounding has made the two differ. The loop also ends when max_iterations is reached, when
    (p, A p) or (r, z) is not positive and finite, and when cycles no longer help; x is never left
    worse than it was at the start of a cycle. give_up is asked after each iteration, with the
    relative norms so far, whether to end the loop.
    Returns the number of iterations and the relative residual norms from the start to the end;
    the last one is the true norm.
    """
    goal = target(norm_b, rtol)
    rz, norm = space.start()
    history = [norm / norm_b]
    iterations, ends = 0, False
    while norm > goal and iterations < max_iterations and not ends:
        norm_at_start = least = norm
        aim = max(goal, _MOST_REDUCTION * norm)
        # A later cycle only repairs: it may not take longer than all cycles before it.
        limit = min(max_iterations, 2 * iterations + 10) if iterations else max_iterations
        space.keep()
        while norm > aim and iterations < limit and norm < _MOST_GROWTH * least:
            pq = space.product()
            if not (_is_positive(pq) and _is_positive(rz)):
                break
            rz_old = rz
            rz, norm = space.advance(rz / pq)
            least = min(least, norm)
            space.turn(rz / rz_old)
            iterations += 1
            history.append(norm / norm_b)
            if give_up is not None and norm > goal and give_up(history):
                ends = True
                break
        rz, norm = space.start()
        if norm > goal:
            space.remove_means()
            rz, norm = space.start()
        if not norm <= norm_at_start:
            space.revert()
            norm = norm_at_start
        history[-1] = norm / norm_b
        if norm > _PROGRESS * norm_at_start:
            break
    return iterations, history


def _is_positive(value: float) -> bool:
    return 0.0 < value < math.inf
