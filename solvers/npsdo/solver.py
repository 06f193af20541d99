"""Conjugate gradients with a learned V-cycle, and the solver of the paper."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from solvers.cg import ConjugateGradient
from solvers.engines import check_engine, uses_kernels
from solvers.krylov import pcg
from solvers.npsdo import weights
from solvers.npsdo.engine.engine import Engine
from solvers.npsdo.engine.space import EngineSpace
from solvers.npsdo.engine.stencils import Stencils
from solvers.npsdo.networks import SymmetricCycle
from solvers.npsdo.preconditioner import Preconditioner
from solvers.npsdo.safeguards import Attempt, Attempter, Watch, attempt, in_turns
from solvers.npsdo.torch_space import DescentSpace, TorchSpace
from solvers.protocol import Outcome
from solvers.row_layout import RowLayout
from solvers.system import PoissonSystem

# Iterations within which the residual must be halved, with trained and with untrained weights.
_PATIENCE, _UNTRAINED_PATIENCE = 20, 100


@dataclass(frozen=True, eq=False)
class State:
    """A system with its preconditioner: an engine, or torch expressions."""

    system: PoissonSystem
    preconditioner: Engine | Preconditioner


@dataclass(frozen=True)
class NeuralCycle:
    """Conjugate gradients with a V-cycle whose smoothers and transfers are learned.

    If the learned cycle stalls or fails, the untrained cycle takes over, then plain conjugate
    gradients; the notes of the solution say so.

    Parameters
    ----------
    weights : str or os.PathLike, optional
        File of trained weights; None for those that come with the program.
    max_iterations : int, default 5000
        Iterations after which the solver gives up, counted over everything that takes over.
    engine : {"auto", "numba", "torch"}, default "auto"
        "numba" uses kernels for tensors on the CPU, "torch" works on any device and defines what
        the kernels compute; "auto" takes the faster one for the device.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Lane et al. (2024), A Neural-Preconditioned Poisson Solver for Mixed Dirichlet and Neumann
    Boundary Conditions, ICML, for stencils that are affine in an image of the system.
    """

    name: ClassVar[str] = "npsdo"
    rescued: ClassVar[bool] = True
    weights: str | os.PathLike[str] | None = None
    max_iterations: int = 5000
    engine: str = "auto"

    def __post_init__(self) -> None:
        _check(self.max_iterations, self.engine)

    def setup(self, system: PoissonSystem) -> State:
        """Evaluate the stencils.

        Raises ValueError for weights that cannot be read, and for numba kernels on a device without
        them.
        """
        network, stencils = _loaded(self.weights, self.name, system.dim)
        return _prepared(system, self.engine, network, stencils)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        ladder = _Ladder(state.system, self.engine, rhs, rtol)
        turns = ladder.turns("trained cycle", ladder.cycle(state, _PATIENCE))
        return in_turns(turns, state.system, guess, rtol, self.max_iterations)


@dataclass(frozen=True)
class NeuralDescent:
    """NPSDO of Lane et al. (ICML 2024): steepest descent preconditioned by their network.

    If it stalls or fails, an untrained V-cycle takes over, then plain conjugate gradients; the
    notes of the solution say so.

    Parameters
    ----------
    weights : str or os.PathLike, optional
        File of trained weights; None for those that come with the program.
    max_iterations : int, default 5000
        Iterations after which the solver gives up, counted over everything that takes over.
    engine : {"auto", "numba", "torch"}, default "auto"
        As for npsdo, for what takes over; the network itself is evaluated by torch.
    n_ortho : int, default 2
        Number of previous directions to which each new one is made A-orthogonal.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Lane et al. (2024), A Neural-Preconditioned Poisson Solver for Mixed Dirichlet and Neumann
    Boundary Conditions, ICML, algorithm 1. PSDO: Kaneda et al. (2023), A Deep Conjugate Direction
    Method for Iteratively Solving Linear Systems, ICML.
    """

    name: ClassVar[str] = "npsdo-paper"
    rescued: ClassVar[bool] = True
    weights: str | os.PathLike[str] | None = None
    max_iterations: int = 5000
    engine: str = "auto"
    n_ortho: int = 2

    def __post_init__(self) -> None:
        _check(self.max_iterations, self.engine)
        if self.n_ortho < 0:
            raise ValueError(f"n_ortho must not be negative, but is {self.n_ortho}")

    def setup(self, system: PoissonSystem) -> State:
        """Evaluate the stencils; raises ValueError for weights that cannot be read."""
        network, _ = _loaded(self.weights, self.name, system.dim)
        assert not isinstance(network, SymmetricCycle)
        return State(system, Preconditioner(system, network))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        ladder = _Ladder(state.system, self.engine, rhs, rtol)
        turns = ladder.turns("network", ladder.descent(state, self.n_ortho))
        return in_turns(turns, state.system, guess, rtol, self.max_iterations)


@dataclass(frozen=True, eq=False)
class _Ladder:
    """The iterations that take over one from the other, for one right-hand side."""

    system: PoissonSystem
    engine: str
    rhs: Tensor
    rtol: float

    def turns(self, name: str, first: Attempter) -> Iterator[tuple[str, Attempter]]:
        yield name, first
        untrained = weights.untrained("npsdo", self.system.dim)
        assert isinstance(untrained, SymmetricCycle)
        state = _prepared(self.system, self.engine, untrained, Stencils.of(untrained))
        yield "untrained cycle", self.cycle(state, _UNTRAINED_PATIENCE)
        yield "plain CG", self.plain

    def cycle(self, state: State, patience: int) -> Attempter:
        def run(guess: Tensor | None, most: int) -> Attempt:
            watch = self._watch(patience)
            if isinstance(state.preconditioner, Engine):
                space = EngineSpace(self.system, state.preconditioner, self.rhs, guess, watch)
            else:
                space = TorchSpace(self.system, state.preconditioner, self.rhs, guess, watch)
            return attempt(space, self._norm, self.rtol, most)

        return run

    def descent(self, state: State, n_ortho: int) -> Attempter:
        def run(guess: Tensor | None, most: int) -> Attempt:
            assert isinstance(state.preconditioner, Preconditioner)
            fixed = (self.system, state.preconditioner, self.rhs, guess, self._watch(_PATIENCE))
            space = DescentSpace(*fixed, kept_directions=n_ortho)
            return attempt(space, self._norm, self.rtol, most)

        return run

    def plain(self, guess: Tensor | None, most: int) -> Attempt:
        solver = ConjugateGradient(most, "torch" if self.engine == "torch" else "auto")
        outcome = solver.solve(solver.setup(self.system), self.rhs, guess, self.rtol)
        return Attempt(outcome.pressure, outcome.iterations, outcome.history, "ended")

    @property
    def _norm(self) -> float:
        return float(torch.linalg.vector_norm(self.rhs))

    def _watch(self, patience: int) -> Watch:
        return Watch(pcg.target(self._norm, self.rtol), patience)


def _check(max_iterations: int, engine: str) -> None:
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, not {max_iterations}")
    check_engine(engine)


def _prepared(
    system: PoissonSystem, engine: str, network: nn.Module, stencils: Stencils | None
) -> State:
    assert isinstance(network, SymmetricCycle) and stencils is not None
    if uses_kernels(engine, system.device):
        return State(system, Engine.of(RowLayout.of(system), stencils))
    return State(system, Preconditioner(system, network))


def network_of(path: str | os.PathLike[str] | None, kind: str, dim: int) -> weights.Network:
    """The network of a file, None for the one that comes with the program; read once.

    Raises ValueError with one line for weights that cannot be read.
    """
    return _loaded(path, kind, dim)[0]


def _loaded(
    path: str | os.PathLike[str] | None, kind: str, dim: int
) -> tuple[weights.Network, Stencils | None]:
    """The network of a file and, for a SymmetricCycle, its stencils in the form of the engine."""
    place = weights.shipped(kind, dim) if path is None else Path(path)
    try:
        changed = place.stat().st_mtime_ns
    except OSError as error:
        raise ValueError(f"weights {place} cannot be read: {error.strerror}") from error
    return _read(place, kind, dim, changed)


@lru_cache(maxsize=8)
def _read(path: Path, kind: str, dim: int, changed: int) -> tuple[weights.Network, Stencils | None]:
    """As `_loaded`. changed: time of the file's last change, so that the cache notices it."""
    network = weights.load(path, kind, dim)
    return network, Stencils.of(network) if isinstance(network, SymmetricCycle) else None
