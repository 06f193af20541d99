"""Deflated conjugate gradients over a sequence of systems that resemble each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from solvers.amg import AlgebraicMultigrid
from solvers.cg import ConjugateGradient
from solvers.ic import IncompleteCholesky
from solvers.krylov import pcg
from solvers.krylov.deflated import DeflatedSpace, Directions, Map, Subspace, slowest
from solvers.protocol import Outcome
from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class State:
    """A system, the flat indices of its unknowns, its diagonal (1 for 0) and its preconditioner on
    them."""

    system: PoissonSystem
    cells: Tensor
    diagonal: Tensor
    precondition: Map

    def product(self, p: Tensor) -> Tensor:
        """A p: by the sparse matrix on the CPU, by fluxes on the grid elsewhere."""
        if p.device.type == "cpu":
            return torch.from_numpy(self.system.to_scipy()[0] @ p.numpy())
        return self.unknowns(self.system.apply(self.on_grid(p)))

    def remove_means(self, v: Tensor) -> Tensor:
        """v (n,) without constants on floating components."""
        floating = self.system.floating
        if not floating.count:
            return v
        return self.unknowns(floating.remove_means(self.on_grid(v)))

    def on_grid(self, v: Tensor) -> Tensor:
        """v (..., n) on the grid, 0 in inactive cells."""
        result = v.new_zeros((*v.shape[:-1], self.system.active.numel()))
        result[..., self.cells] = v
        return result.reshape(*v.shape[:-1], *self.system.shape)

    def unknowns(self, v: Tensor) -> Tensor:
        """The values (..., n) of a field (..., *shape) in the unknowns."""
        return v.flatten(-self.system.dim)[..., self.cells]


@dataclass(frozen=True)
class Recycling:
    """CG that keeps the slowest directions from system to system; ic, cg or amg inside.

    The slow directions are the Ritz vectors of smallest value among those kept so far and search
    directions spread over the last solve. The next solve finds their part of the solution directly
    and keeps its search directions A-orthogonal to them, in cells that are still active; the
    products with A are formed anew, so the systems may differ. Outside of a run's `sequence` the
    solver is CG with the inner preconditioner.

    Parameters
    ----------
    max_iterations : int, default 5000
        Iterations after which the solver gives up.
    inner : {"ic", "cg", "amg"}, default "ic"
        The solver whose preconditioner is used.
    kept : int, default 8
        Directions that go from system to system.
    learned : int, default 12
        Search directions of a solve among which, and those kept, the next ones are found.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Saad, Yeung, Erhel & Guyomarc'h (2000), A deflated version of the conjugate gradient algorithm,
    SIAM J. Sci. Comput. 21. Parks et al. (2006), Recycling Krylov subspaces for sequences of linear
    systems, SIAM J. Sci. Comput. 28.
    """

    name: ClassVar[str] = "recycling"
    wraps: ClassVar[bool] = True
    max_iterations: int = 5000
    inner: str = "ic"
    kept: int = 8
    learned: int = 12

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")
        if self.inner not in _INNER:
            raise ValueError(f"inner must be one of {', '.join(_INNER)}, not {self.inner}")
        if not (1 <= self.kept <= 64 and 2 <= self.learned <= 256):
            raise ValueError("kept must lie in 1..64 and learned in 2..256")

    def setup(self, system: PoissonSystem) -> State:
        """Set up the preconditioner."""
        cells = system.active.reshape(-1).nonzero().reshape(-1)
        diagonal = system.diagonal()[system.active]
        diagonal = torch.where(diagonal > 0, diagonal, 1.0)
        return State(system, cells, diagonal, _INNER[self.inner](system))

    def sequence(self) -> RecycledDirections:
        """A solver for the systems of one run."""
        return RecycledDirections(self)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        return self.iterate(state, rhs, guess, rtol, None)[0]

    def iterate(
        self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float, memory: Tensor | None
    ) -> tuple[Outcome, Tensor | None]:
        """As `solve`, with directions to deflate, float32 (k, *shape), k <= kept.

        Returns the outcome and the directions for the next system, None where none were given.
        """
        b = state.unknowns(rhs)
        x = torch.zeros_like(b) if guess is None else state.unknowns(guess)
        norm_b = float(torch.linalg.vector_norm(b))
        rows = b.new_zeros(0, len(b)) if memory is None else _recalled(state, memory)
        subspace = Subspace.of(rows, state.product)
        directions = Directions(0 if memory is None else self.learned)
        target = pcg.target(norm_b, rtol)
        space = DeflatedSpace(
            state.product, state.precondition, b, x, state.remove_means, target
        ).deflate(subspace, directions)
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        if memory is not None:
            memory = self._learned(state, subspace, directions)
        return Outcome(state.on_grid(space.x), iterations, history), memory

    def _learned(self, state: State, subspace: Subspace, directions: Directions) -> Tensor:
        """The memory after a solve."""
        found = [state.remove_means(row) for row in directions.rows]
        rows = torch.stack([*subspace.rows, *found]) if found else subspace.rows
        known = subspace.energy.new_tensor(directions.energies)
        # Exact in theory: the search directions are A-orthogonal to each other and to the rest.
        energy = torch.block_diag(subspace.energy, known.diag())
        return state.on_grid(slowest(rows, energy, state.diagonal, self.kept))


class RecycledDirections:
    """A `solvers.sequence.Sequence`: `Recycling` with the directions of the systems so far."""

    name, wraps = "recycling", True

    def __init__(self, options: Recycling) -> None:
        self.options = options
        self._directions: Tensor | None = None
        self._note = ""

    def setup(self, system: PoissonSystem) -> State:
        """As `Recycling.setup`."""
        return self.options.setup(system)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """As `Recycling.solve`, with the directions; those of another grid are forgotten."""
        known = self._directions
        if known is None or known.shape[1:] != rhs.shape or known.device != rhs.device:
            known = rhs.new_zeros((0, *rhs.shape), dtype=torch.float32)
        outcome, self._directions = self.options.iterate(state, rhs, guess, rtol, known)
        note, self._note = self._note, ""
        return replace(outcome, notes=note)

    def memory(self) -> dict[str, Tensor]:
        """The directions."""
        return {} if self._directions is None else {"directions": self._directions}

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Take directions that were kept; what is none is forgotten."""
        found = memory.get("directions")
        fits = found is None or (
            found.dtype == torch.float32
            and len(found) <= self.options.kept
            and bool(torch.isfinite(found).all())
        )
        if not fits:
            self._note = "the stored directions are not of these options; they are found anew"
        self._directions = found if fits else None


def _recalled(state: State, memory: Tensor) -> Tensor:
    """The rows of a memory on the unknowns of a system, (k, n), without constants."""
    rows = state.unknowns(memory).double()
    if state.system.floating.count and len(rows):
        return torch.stack([state.remove_means(row) for row in rows])
    return rows


def _by_diagonal(system: PoissonSystem) -> Map:
    inverse = ConjugateGradient(engine="torch").setup(system).inverse[system.active]
    return lambda r: inverse * r


def _by_factor(system: PoissonSystem) -> Map:
    state = IncompleteCholesky().setup(system)
    return lambda r: torch.from_numpy(state.precondition(r.cpu().numpy())).to(r.device)


def _by_hierarchy(system: PoissonSystem) -> Map:
    state = AlgebraicMultigrid().setup(system)
    return lambda r: torch.from_numpy(state.precondition(r.cpu().numpy())).to(r.device)


_INNER: dict[str, Callable[[PoissonSystem], Map]] = {
    "ic": _by_factor,
    "cg": _by_diagonal,
    "amg": _by_hierarchy,
}
