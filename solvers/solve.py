"""The gate: every solve is checked, timed and judged here, whatever the solver."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from solvers import registry
from solvers.announcing import announce_compiling
from solvers.gate.periodic import Unrolled
from solvers.gate.problem import Problem, far_exponent, times_power
from solvers.gate.rescue import Rescued
from solvers.gate.rounds import Rounds
from solvers.gate.weights import TINY, UNLIKE, WeightRange
from solvers.protocol import Solver
from solvers.runtime import check_fork, synchronize
from solvers.sharing import fair_threads
from solvers.solution import Solution, SolveError
from solvers.system import PoissonSystem

if TYPE_CHECKING:
    from solvers.gate.leaks import Deflated

# Kernels, factorisations and the buffers of states serve one solve at a time.
_TURN = threading.RLock()


@dataclass(frozen=True, eq=False)
class Prepared:
    """A solver that has been set up for a system; pass it to `solve` for each right-hand side.

    Attributes
    ----------
    system : PoissonSystem
        The system.
    solver : Solver
        The solver, wrapped for periodic axes and for nearly closed parts if necessary.
    state : Any
        What its setup returned.
    setup_seconds : float
        Wall time of the setup.
    scaled : PoissonSystem
        The system that the solver was set up for: with weights of a very large or small scale, the
        system with its weights over 2^exponent.
    exponent : int
        0 for ordinary weights.
    weights : WeightRange
        Range of the weights of `scaled`.
    """

    system: PoissonSystem
    solver: Solver | Unrolled | Rescued | Deflated
    state: Any
    setup_seconds: float
    scaled: PoissonSystem
    exponent: int
    weights: WeightRange


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
    check_fork(system.device)
    announce_compiling()
    with _TURN, fair_threads():
        weights = WeightRange.of(system)
        exponent = far_exponent(weights.most)
        scaled = system
        if exponent:
            scaled_weights = tuple(times_power(w, -exponent) for w in system.face_weights)
            scaled = replace(system, face_weights=scaled_weights)
            weights = WeightRange.of(scaled)
        chosen = _wrapped(solver, scaled, weights)
        synchronize(system.device)
        begin = time.perf_counter()
        state = chosen.setup(scaled) if system.unknowns else None
        synchronize(system.device)
        seconds = time.perf_counter() - begin
    return Prepared(system, chosen, state, seconds, scaled, exponent, weights)


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
        which spares its setup. Solves from several threads take turns.
    guess : Tensor, any float dtype, shape of the grid, optional
        Where to start from, for example the pressure of the previous time step. It is dropped where
        less than a tenth of it would be nearest to the pressure, in the A-norm.
    rtol : float, default 1e-6
        Relative residual ||b - A p|| / ||b|| to reach, in float64, on every floating component and
        on the rest of the grid.
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
    RuntimeError
        In a process that was forked from one that had solved.
    """
    if not rtol > 0:
        raise ValueError(f"rtol must be positive, not {rtol}")
    b = _float64_on_active(system, rhs, "rhs")
    start = None if guess is None else _float64_on_active(system, guess, "guess")
    check_fork(system.device)
    with _TURN, fair_threads():
        if isinstance(solver, Prepared):
            if options:
                raise ValueError(
                    f"options go to prepare, not with a prepared solver: {list(options)}"
                )
            if solver.system is not system:
                raise ValueError("the solver was prepared for another system")
            prepared, setup_seconds = solver, 0.0
        else:
            prepared = prepare(system, solver, **options)
            setup_seconds = prepared.setup_seconds
        return _solve(prepared, b, start, rtol, throw, setup_seconds)


def _solve(
    prepared: Prepared,
    b: Tensor,
    guess: Tensor | None,
    rtol: float,
    throw: bool,
    setup_seconds: float,
) -> Solution:
    exponent = far_exponent(max(map(abs, torch.stack(torch.aminmax(b)).tolist())))
    problem = Problem.of(prepared.scaled, times_power(b, -exponent))
    shift = exponent - prepared.exponent  # of pressures
    start = None if guess is None else times_power(guess, -shift)
    rounds = Rounds(prepared.solver, prepared.state, problem, prepared.weights.most)
    judged = rounds.run(start, rtol)
    pressure, residual = times_power(judged.outcome.pressure, shift), judged.worst
    if shift:  # judge what is left of the pressure after over- and underflow
        back = times_power(pressure, -shift)
        residual = float(problem.relative_residuals(back, rtol, prepared.weights.most).max())
    solution = Solution(
        pressure=pressure,
        converged=residual <= rtol,
        iterations=judged.outcome.iterations,
        relative_residual=residual,
        setup_seconds=setup_seconds,
        solve_seconds=rounds.seconds,
        residual_history=judged.outcome.history,
        solver=prepared.solver.name,
        notes=judged.outcome.notes,
        choice=judged.outcome.choice,
        guessed=rounds.guessed,
    )
    if throw and not solution.converged:
        raise SolveError(solution, rtol, _difficulty(prepared))
    return solution


def _wrapped(
    solver: Solver, system: PoissonSystem, weights: WeightRange
) -> Solver | Unrolled | Rescued | Deflated:
    """The solver, with what periodic axes and nearly closed parts need around it."""
    wraps = getattr(solver, "wraps", False) or not any(system.periodic)
    chosen = solver if wraps else Unrolled(solver)
    if getattr(solver, "rescued", False) and weights.least < UNLIKE * weights.most:
        chosen = Rescued(chosen)
    if weights.least >= TINY * weights.most:
        return chosen
    from solvers.gate.leaks import Deflated, find_leaks

    leaks = find_leaks(system, weights.most)
    return chosen if leaks is None else Deflated(chosen, leaks)


def _difficulty(prepared: Prepared) -> str:
    """Why float64 may not be enough, or ""."""
    leaks = getattr(prepared.solver, "leaks", None)
    if leaks is not None:
        least, most = (math.ldexp(w, prepared.exponent) for w in leaks.range)
        return f"it is nearly singular: parts joined by weights of {least:.1e} to {most:.1e}; "
    least, most = (math.ldexp(w, prepared.exponent) for w in prepared.weights.range)
    if least < UNLIKE * most:
        return f"it is nearly singular: weights from {least:.1e} to {most:.1e}; "
    return ""


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
    finite = bool(torch.isfinite(result.sum())) or bool(torch.isfinite(result).all())
    if not finite:  # a sum of finite values may overflow, but not the other way round
        raise ValueError(f"{name} holds NaN or Inf in active cells")
    return result
