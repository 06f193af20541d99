"""The gate: every solve is checked, timed and judged here, whatever the solver."""

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

# A right-hand side that shrinks by more than this factor when its means are removed was constant
# up to rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True, eq=False)
class Solution:
    """The result of one solve.

    Attributes
    ----------
    pressure : Tensor, float64, shape of the grid
        Pressure in Pa: 0 in inactive cells, zero mean on each floating component.
    converged : bool
        Whether relative_residual <= rtol.
    iterations : int
        Iterations of the solver.
    relative_residual : float
        ||b - A p|| / ||b||, computed from the pressure in float64. b is the right-hand side on
        active cells minus its mean on each floating component. 0 if b is 0.
    setup_seconds, solve_seconds : float
        Wall time of the solver's two parts, without the checks.
    residual_history : list of float
        Relative residuals as the solver computed them, entry i after i iterations.
    solver : str
        Name of the solver.
    notes : str
        One line that the solver reports about the solve, "" if there is nothing to report.
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
    """Raised when a solve misses its tolerance.

    Attributes
    ----------
    solution : Solution
        What was reached.
    """

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
    """A solver that has been set up for a system; pass it to `solve` for each right-hand side.

    Attributes
    ----------
    system : PoissonSystem
        The system.
    solver : Solver
        The solver, wrapped for periodic axes if necessary.
    state : Any
        What its setup returned.
    setup_seconds : float
        Wall time of the setup.
    """

    system: PoissonSystem
    solver: Solver | Unrolled
    state: Any
    setup_seconds: float


@torch.no_grad()
def prepare(system: PoissonSystem, solver: str | Solver = "multigrid", **options: Any) -> Prepared:
    """Set up a solver for a system, once for many right-hand sides.

    Parameters
    ----------
    system : PoissonSystem
        The system.
    solver : str or Solver, default "multigrid"
        A name from `available()`, or a solver object.
    **options
        Options of a solver given by name.

    Returns
    -------
    Prepared
        Pass it to `solve` as the solver.

    Raises
    ------
    ValueError
        If a name or an option is unknown, or a weight is negative or not finite.
    MemoryError
        If the solver would need more memory than there is.
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

    Parameters
    ----------
    system : PoissonSystem
        The system; it fixes grid and device.
    rhs : Tensor, any float dtype, shape of the grid
        Right-hand side, in the units of face weight times pressure. Values in inactive cells are
        ignored, and the mean on every floating component is removed first.
    solver : str, Solver or Prepared, default "multigrid"
        A name from `available()`, a solver object, or what `prepare` returned for this system,
        which spares its setup.
    guess : Tensor, any float dtype, shape of the grid, optional
        Where to start from, for example the pressure of the previous time step.
    rtol : float, default 1e-6
        Relative residual ||b - A p|| / ||b|| to reach, in float64.
    throw : bool, default True
        Whether to raise SolveError if the tolerance is missed, instead of returning what was
        reached.
    **options
        Options of a solver given by name.

    Returns
    -------
    Solution
        Pressure, verdict, residuals and times.

    Raises
    ------
    SolveError
        If the tolerance is missed and `throw` is true.
    ValueError
        If the input cannot be solved: wrong shapes or devices, values that are not finite,
        negative weights, unknown names or options.
    MemoryError
        If the solver would need more memory than there is.
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
    """||b - A p|| for the verdict: by kernels on the CPU, by torch elsewhere."""
    if system.device.type != "cpu":
        return float(torch.linalg.vector_norm(b - system.apply(p)))
    from solvers.row_layout import residual_norm

    return residual_norm(system, b, p)


def _float64_on_active(system: PoissonSystem, values: Tensor, name: str) -> Tensor:
    """The values in float64, 0 in inactive cells; checked for shape, device, type and finiteness.

    Values in inactive cells are dropped, NaN included.
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
