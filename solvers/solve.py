"""The one gate: every solve is checked, timed and judged here, whatever the solver."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from solvers import registry
from solvers.periodic import Unrolled
from solvers.protocol import Outcome, Solver
from solvers.runtime import synchronize
from solvers.system import PoissonSystem

# A rhs that shrinks below this factor when its means are removed was constant but for rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True, eq=False)
class Solution:
    """Result of one solve.

    pressure: float64, the shape of the grid, 0 in inactive cells, zero mean on each floating
        component.
    converged: relative_residual <= rtol.
    iterations: steps of the solver.
    relative_residual: ||b - A p|| / ||b|| in float64, computed from the pressure; b is the rhs
        on active cells less its mean on each floating component. 0 when b is 0.
    setup_seconds, solve_seconds: wall time of the solver's two parts, without the checks.
    residual_history: relative residuals as the solver saw them, entry i after i steps.
    solver: its name.
    notes: what it tells of how it got there, in one line; "" when all went well.
    """

    pressure: Tensor
    converged: bool
    iterations: int
    relative_residual: float
    setup_seconds: float
    solve_seconds: float
    residual_history: list[float]
    solver: str
    notes: str = ""


class SolveError(RuntimeError):
    """A solve that missed its tolerance; `solution` holds what was reached."""

    def __init__(self, solution: Solution, rtol: float) -> None:
        reached = solution.relative_residual
        fault = (
            f"reached relative residual {reached:.2e}, above rtol {rtol:.2e}"
            if math.isfinite(reached)
            else "ran into values that are not finite"
        )
        super().__init__(
            f"solver {solution.solver} {fault} after {solution.iterations} iterations; "
            "allow more iterations, a larger rtol, or choose another solver"
        )
        self.solution = solution


@dataclass(frozen=True, eq=False)
class Prepared:
    """A solver set up for a system; hand it to `solve` to use the setup for many rhs."""

    system: PoissonSystem
    solver: Solver | Unrolled
    state: Any
    setup_seconds: float


@torch.no_grad()
def prepare(system: PoissonSystem, solver: str | Solver = "multigrid", **options: Any) -> Prepared:
    """Set up a solver for a system, once for many right-hand sides.

    solver: a name out of `available()` with its options, or a solver object.
    Raises ValueError for unknown names and options and for weights that are negative or not
    finite.
    """
    if isinstance(solver, str):
        solver = registry.create(solver, options)
    elif options:
        raise ValueError(f"options go with a solver's name, not with an object: {list(options)}")
    _check_weights(system)
    wraps = getattr(solver, "wraps", False) or not any(system.periodic)
    chosen = solver if wraps else Unrolled(solver)
    synchronize(system.device)
    begin = time.perf_counter()
    state = chosen.setup(system) if system.unknowns else None
    synchronize(system.device)
    return Prepared(system, chosen, state, time.perf_counter() - begin)


@torch.no_grad()
def solve(
    system: PoissonSystem,
    rhs: Tensor,
    solver: str | Solver | Prepared = "multigrid",
    guess: Tensor | None = None,
    rtol: float = 1e-6,
    throw: bool = True,
    **options: Any,
) -> Solution:
    """Solve A p = rhs on the active cells to a true relative residual of rtol.

    rhs: the shape of the grid, any float dtype; its values in inactive cells do not count, and
        its mean on every floating component is removed first.
    solver: a name out of `available()` with its options, a solver object, or what `prepare`
        returned for this system (its setup then costs nothing here).
    guess: where to start from, for example the pressure of the previous step.
    throw: raise SolveError when the tolerance is missed; otherwise return what was reached.
    Raises ValueError for input that cannot be solved: shapes, devices, values that are not
    finite, negative weights, unknown names and options.
    """
    if not rtol > 0:
        raise ValueError(f"rtol must be positive, not {rtol}")
    b = _float64_on_active(system, rhs, "rhs")
    start = None if guess is None else _float64_on_active(system, guess, "guess")
    if isinstance(solver, Prepared):
        if options:
            raise ValueError(f"options go to prepare, not with a prepared solver: {list(options)}")
        if solver.system is not system:
            raise ValueError("the solver was prepared for another system")
        prepared, setup_seconds = solver, 0.0
    else:
        prepared = prepare(system, solver, **options)
        setup_seconds = prepared.setup_seconds
    norm_raw = float(torch.linalg.vector_norm(b))
    b = system.floating.remove_means(b)
    start = None if start is None else system.floating.remove_means(start)
    norm_b = float(torch.linalg.vector_norm(b))
    if norm_b <= _ROUNDING * norm_raw:
        outcome, solve_seconds, residual = Outcome(torch.zeros_like(b), 0, [0.0]), 0.0, 0.0
    else:
        synchronize(system.device)
        begin = time.perf_counter()
        outcome = prepared.solver.solve(prepared.state, b, start, rtol)
        synchronize(system.device)
        solve_seconds = time.perf_counter() - begin
        residual = _residual_norm(system, b, outcome.pressure) / norm_b
    solution = Solution(
        pressure=system.floating.remove_means(outcome.pressure),
        converged=residual <= rtol,
        iterations=outcome.iterations,
        relative_residual=residual,
        setup_seconds=setup_seconds,
        solve_seconds=solve_seconds,
        residual_history=outcome.history,
        solver=prepared.solver.name,
        notes=outcome.notes,
    )
    if throw and not solution.converged:
        raise SolveError(solution, rtol)
    return solution


def _residual_norm(system: PoissonSystem, b: Tensor, p: Tensor) -> float:
    """||b - A p|| for the verdict: by the kernels over rows on the CPU, else as defined."""
    if system.device.type != "cpu":
        return float(torch.linalg.vector_norm(b - system.apply(p)))
    from solvers.row_layout import residual_norm

    return residual_norm(system, b, p)


def _float64_on_active(system: PoissonSystem, values: Tensor, name: str) -> Tensor:
    """The values in float64, 0 in inactive cells; checked for shape, device, type and finiteness.

    Only active cells count: what stands elsewhere, NaN included, is dropped.
    """
    if not isinstance(values, Tensor) or not values.is_floating_point():
        raise ValueError(f"{name} must be a tensor of floats")
    if tuple(values.shape) != system.shape:
        raise ValueError(f"{name} must have shape {system.shape}, not {tuple(values.shape)}")
    if values.device != system.device:
        raise ValueError(f"{name} is on {values.device}, the system on {system.device}")
    result = torch.where(system.active, values, 0).to(torch.float64).contiguous()
    if not math.isfinite(torch.linalg.vector_norm(result)):
        raise ValueError(f"{name} holds NaN, Inf or values too large to square in active cells")
    return result


def _check_weights(system: PoissonSystem) -> None:
    for axis, weights in enumerate(system.face_weights):
        least, most = torch.aminmax(weights)
        if not (least >= 0 and most < math.inf):
            raise ValueError(
                f"face_weights[{axis}] must be finite and not negative, "
                f"but run from {float(least):.3g} to {float(most):.3g}"
            )
