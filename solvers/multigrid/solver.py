"""Conjugate gradients with a geometric multigrid V-cycle as preconditioner."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers.engines import ENGINES, check_engine, uses_kernels
from solvers.krylov import pcg
from solvers.krylov.vector_space import VectorSpace, first_guess
from solvers.multigrid import torch_levels
from solvers.multigrid.judging import Costs, Judge
from solvers.multigrid.packed_levels import Hierarchy
from solvers.multigrid.packed_space import COARSEST_SWEEPS, PackedSpace
from solvers.multigrid.sequence import LearnedDivision
from solvers.protocol import Outcome
from solvers.row_layout import RowLayout
from solvers.system import PoissonSystem

Factors = tuple[tuple[tuple[float, float], ...], ...]

# Over-relaxation of each sweep (red, black), on the finest level and on all others; found by
# `python -m solvers.multigrid.tuning`. The first red factor of the finest level is 1 because red
# cells are eliminated; the last black ones are 1, which leaves black cells without a residual.
FACTORS = (((1.0, 1.219), (1.0, 1.0)), ((1.958, 1.567), (1.051, 1.0)))

PIECES = ("auto", "always", "never")


@dataclass(frozen=True, eq=False)
class State:
    """A system with its levels, as an engine wants them.

    engine: "numba", "triton" or "torch". levels: [RowLayout, Hierarchy], a TritonHierarchy, or a
    list of `torch_levels.Level`. A solve may put a better Hierarchy in place of the first one.
    """

    system: PoissonSystem
    engine: str
    levels: Any


@dataclass(frozen=True)
class Multigrid:
    """Geometric multigrid as preconditioner of CG: a handful of iterations at any resolution.

    The V-cycle works in float32 on aggregates of 2 x 2 (x 2) cells. A coarse coupling is the sum
    of the weights between two aggregates divided by the distance between the centroids of their
    active cells. Residuals are summed, corrections are copied, and red-black Gauss-Seidel sweeps
    run in opposite orders before and after, so the preconditioner is symmetric and positive for
    any geometry.

    Parameters
    ----------
    max_iterations : int, default 500
        Iterations after which the solver gives up.
    sweeps : int, default 2
        Gauss-Seidel sweeps before and after each coarse correction.
    engine : {"auto", "numba", "triton", "torch"}, default "auto"
        "numba" uses kernels for tensors on the CPU, "triton" such for tensors on an NVIDIA GPU,
        "torch" works on any device and defines what the kernels compute; "auto" takes the fastest
        one for the device.
    factors : nested tuple of floats, shape (2, n, 2)
        Over-relaxation of the sweeps, red and black, on the finest level and on all others. Of
        more than `sweeps` the last are used, of fewer the last one is repeated.
    pieces : {"auto", "always", "never"}, default "auto"
        Whether aggregates that walls part are divided into connected pieces, by the engine "numba"
        only. Few iterations in mazes and behind thin walls, of which each takes longer, as does the
        setup; "auto" divides them where that is estimated to take less work, in the course of a
        solve, or at once in a run whose solves have shown it.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Red-black elimination and aggregation: Braess (1995), Computing 55; McAdams, Sifakis & Teran
    (2010), SCA. Renewal of the residual: Clark et al. (2010), Comput. Phys. Commun. 181.
    """

    name: ClassVar[str] = "multigrid"
    rescued: ClassVar[bool] = True
    max_iterations: int = 500
    sweeps: int = 2
    engine: str = "auto"
    factors: Factors = FACTORS
    pieces: str = "auto"

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.sweeps < 1:
            raise ValueError("max_iterations and sweeps must be at least 1")
        check_engine(self.engine, (*ENGINES, "triton"))
        if self.pieces not in PIECES:
            raise ValueError(f"pieces must be one of {', '.join(PIECES)}, not {self.pieces}")
        table = np.array(self.factors)
        if table.shape[::2] != (2, 2) or not ((table > 0) & (table < 2)).all():
            raise ValueError("factors must be a table (2, sweeps, 2) of numbers between 0 and 2")
        if table[0, 0, 0] != 1 or (table[:, -1, 1] != 1).any():
            raise ValueError("factors must be 1 for the first red and the last black sweeps")

    def setup(self, system: PoissonSystem, divided: bool = False) -> State:
        """Build the levels; raises ValueError for an engine that the device does not have.

        divided: whether they are divided at once where `pieces` is "auto".
        """
        engine = _engine(self.engine, system.device)
        if engine == "numba":
            divided = self.pieces == "always" or (divided and self.pieces == "auto")
            hierarchy = Hierarchy.of(system, divided)
            return State(system, engine, [RowLayout.of(system), hierarchy])
        if engine == "triton":
            from solvers.multigrid.triton_levels import TritonHierarchy

            factors = tuple(
                tuple(map(tuple, rows)) for rows in relaxation(self.sweeps, self.factors).tolist()
            )
            return State(system, engine, TritonHierarchy.of(system, factors, COARSEST_SWEEPS))
        return State(system, engine, torch_levels.build(system))

    def sequence(self) -> Multigrid | LearnedDivision:
        """A solver for the systems of one run, which remembers whether walls are worth pieces."""
        return LearnedDivision(self) if self.pieces == "auto" else self

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        norm_b = float(torch.linalg.vector_norm(rhs))
        scale, target = 1.0 / norm_b, pcg.target(norm_b, rtol)
        if state.engine == "numba":
            judge = self.judge(state, rtol, None, 0.0)
            return self.solve_packed(state, rhs, guess, rtol, judge)
        if state.engine == "triton":
            from solvers.multigrid.triton_space import TritonSpace

            space = TritonSpace(state.system, state.levels, rhs, guess, scale, target)
        else:
            factors = relaxation(self.sweeps, self.factors)
            space = _TorchSpace(state, rhs, guess, factors, scale, target)
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        return Outcome(space.pressure(), iterations, history)

    def solve_packed(
        self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float, judge: Judge | None
    ) -> Outcome:
        """Solve on the CPU; the rest of a solve is done on divided levels where a judge says so."""
        norm_b = float(torch.linalg.vector_norm(rhs))
        factors = relaxation(self.sweeps, self.factors)
        floating, goal = state.system.floating, pcg.target(norm_b, rtol)

        def space(guess: Tensor | None) -> PackedSpace:
            layout, hierarchy = state.levels
            return PackedSpace(layout, hierarchy, floating, rhs, guess, factors, 1 / norm_b, goal)

        own, most = space(guess), self.max_iterations
        is_divided = state.levels[1].is_divided
        give_up = None if judge is None or is_divided else judge.divides
        iterations, history = pcg.iterate(own, norm_b, rtol, most, give_up)
        if judge is None or not judge.has_ended or iterations == most:
            return Outcome(own.pressure(), iterations, history)
        reached = own.pressure()
        del own
        state.levels[1] = Hierarchy.of(state.system, divided=True)
        own = space(reached)
        more, later = pcg.iterate(own, norm_b, rtol, most - iterations)
        return Outcome(own.pressure(), iterations + more, [*history[:-1], *later])

    def judge(self, state: State, rtol: float, costs: Costs | None, credit: float) -> Judge | None:
        """Of a solve; None where levels are not divided in the course of one."""
        if self.pieces != "auto" or state.engine != "numba" or state.levels[1].is_divided:
            return None
        system = state.system
        return Judge(state.levels[1], system.unknowns, system.dim, rtol, costs, credit)


def relaxation(sweeps: int, factors: Factors = FACTORS) -> np.ndarray:
    """Factors of this many sweeps, float32 (2, sweeps, 2): the last rows of the table.

    If the table has fewer, its last row is repeated.
    """
    table = np.array(factors, dtype=np.float32)
    known = table.shape[1]
    chosen = [min(max(known - sweeps, 0) + n, known - 1) for n in range(sweeps)]
    return np.ascontiguousarray(table[:, chosen])


def _engine(engine: str, device: torch.device) -> str:
    """The engine that the option means on a device."""
    has_triton = device.type == "cuda" and importlib.util.find_spec("triton") is not None
    if engine == "triton" and not has_triton:
        raise ValueError("engine triton needs the package triton and tensors on an NVIDIA GPU")
    if uses_kernels(engine, device):
        return "numba"
    return "triton" if has_triton and engine != "torch" else "torch"


class _TorchSpace(VectorSpace):
    """The vectors of the loop as torch expressions, on any device.

    scale: applied to residuals before the V-cycle. target: norm of the residual that ends the loop.
    """

    def __init__(
        self,
        state: State,
        rhs: Tensor,
        guess: Tensor | None,
        factors: np.ndarray,
        scale: float,
        target: float,
    ) -> None:
        def precondition(r: Tensor) -> Tensor:
            b = (scale * r).float().reshape(state.levels[0].inverse.shape)
            z = torch_levels.cycle(state.levels, b, factors.tolist(), COARSEST_SWEEPS)
            return z.double().reshape(r.shape)

        x, system = first_guess(rhs, guess), state.system
        super().__init__(system.apply, precondition, rhs, x, system.floating.remove_means, target)

    def pressure(self) -> Tensor:
        return self.x
