"""The pressure projection: from the flow to a linear system, and from its solution to the flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

import solvers
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.flux import divergence, subtract_gradient
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_recorded
from solvers import sequence
from solvers.history import History
from solvers.pool import release_all

Observer = Callable[[solvers.PoissonSystem, Tensor, Tensor | None], None]
_HISTORY = "history/"  # of its tensors among those of a simulation


@dataclass(frozen=True)
class PressureOptions:
    """How the pressure of a run is sought.

    solver: the solver object. rtol: relative residual that each solve must reach. density: of the
    fluid, kg/m^3. history: see `solvers.history.History`.
    """

    solver: solvers.Solver
    rtol: float
    density: float
    history: int | None = None


@dataclass(frozen=True)
class Projection:
    """The result of a pressure step.

    pressure: (*shape), Pa, 0 outside the fluid.
    solution: of the system, whose unknown is the pressure times dt.
    guess: where the solver went on from: the "history", the "last" pressure, or "zero".
    setup_seconds: duration of the solver's setup, 0 if that of an earlier step was used.
    max_divergence: largest difference of the divergence from what was asked for, 1/s.
    """

    pressure: Tensor
    solution: solvers.Solution
    guess: str
    setup_seconds: float
    max_divergence: float


class Projector:
    """The pressure steps of a run, and what is learnt from one for the next.

    The system and the solver's setup for it are kept as long as no cell and no face changes. grid:
    the window of the domain that the fields cover.
    """

    def __init__(self, grid: Grid, options: PressureOptions) -> None:
        self.grid, self.density, self.rtol = grid, options.density, options.rtol
        self.solver = sequence.begin(options.solver)
        self._history = History(options.history)
        self._pressure: Tensor | None = None
        self._cells: tuple[Tensor, Tensor] | None = None
        self._prepared: solvers.Prepared | None = None
        release_all()

    def cover(self, grid: Grid) -> None:
        """Go on in another window of the domain."""
        self._history.fit(lambda pressure: grid.fitted(pressure, self.grid, 0.0))
        self.grid, self._prepared, self._pressure = grid, None, None
        release_all()

    def state(self) -> dict[str, Tensor]:
        """All that later steps depend on but the guess, by name."""
        history = {_HISTORY + name: values for name, values in self._history.memory().items()}
        return {**sequence.state_of(self.solver), **history}

    def restore(self, state: dict[str, Tensor], like: Tensor) -> None:
        """Return to a `state`, or one that holds it. like: float64, (*shape)."""
        sequence.restore(self.solver, state)
        mine = (name for name in state if name.startswith(_HISTORY))
        self._history.recall({name.removeprefix(_HISTORY): state[name] for name in mine}, like)

    def guess_from(self, pressure: Tensor | None) -> None:
        """Start the next solve from this pressure (*shape), Pa, if the history knows no better."""
        self._pressure = pressure

    def project(
        self,
        velocity: Tensor,
        domain: FlowDomain,
        dt: float,
        expansion: float | Tensor = 0.0,
        observer: Observer | None = None,
    ) -> Projection:
        """Give `velocity` (dim, *nodes) the divergence `expansion` in the fluid cells, in place.

        expansion: 1/s, one number or (*shape). observer: is shown the system, its right-hand side
        and the guess before the solve.
        Raises solvers.SolveError when the solver fails.
        """
        grid, fluid, interface = self.grid, domain.fluid, domain.interface
        setup_seconds = 0.0
        conductance = domain.conductance()
        if self._prepared is None or not self._are_same(fluid, conductance):
            self._prepared = None  # to free its memory for the next one
            system = assemble(fluid, conductance.detach(), grid, self.density)
            self._prepared = solvers.prepare(system, self.solver)
            self._cells = fluid, conductance.detach().clone()
            setup_seconds = self._prepared.setup_seconds
        prepared = self._prepared
        rhs = self._missing(velocity, domain, expansion)
        if interface is not None:
            interface.add_inflow(rhs, conductance, 1 / (self.density * grid.dx**2), dt)
        guess, source = self._history.guess(prepared.system, rhs.detach()), "history"
        if guess is None and self._pressure is not None:
            guess, source = self._pressure.detach() * dt, "last"
        if observer is not None:
            observer(prepared.system, rhs.detach(), guess)
        solution = self._solve(prepared, rhs, guess, conductance)
        source = source if solution.guessed else "zero"
        self._history.learn(rhs.detach(), solution.pressure.detach())
        if domain.bodies is not None:
            solution = domain.bodies.solve(prepared, rhs, solution, self.rtol)
        subtract_gradient(velocity, solution.pressure, domain.open_faces, self.density, grid)
        if interface is not None:
            slope = 1 / (self.density * grid.dx)
            interface.correct_gradient(velocity, solution.pressure, domain.open_faces, slope, dt)
        least, most = torch.aminmax(self._missing(velocity, domain, expansion).detach())
        self._pressure = solution.pressure / dt
        worst = max(-float(least), float(most))
        return Projection(self._pressure, solution, source, setup_seconds, worst)

    def _solve(
        self, prepared: solvers.Prepared, rhs: Tensor, guess: Tensor | None, conductance: Tensor
    ) -> solvers.Solution:
        """The solution, which is recorded where its right-hand side or its weights are."""
        if not are_recorded(rhs, conductance):
            return solvers.solve(prepared.system, rhs, prepared, guess, self.rtol)
        system = prepared.system
        if are_recorded(conductance):
            weights = face_weights(conductance, self.grid, self.density)
            system = replace(system, face_weights=weights)
        return solvers.differentiable_solution(system, rhs, prepared, guess, self.rtol)

    def _missing(self, velocity: Tensor, domain: FlowDomain, expansion: float | Tensor) -> Tensor:
        """The expansion minus the divergence, (*shape), 1/s; 0 outside the fluid."""
        opened, solid, fluid = domain.open_faces, domain.solid_velocity, domain.fluid
        missing = divergence(velocity, opened, solid, fluid, self.grid).neg_()
        if isinstance(expansion, Tensor):
            missing += expansion * fluid
        elif expansion != 0:
            missing.add_(fluid, alpha=expansion)
        return missing

    def _are_same(self, fluid: Tensor, open_faces: Tensor) -> bool:
        assert self._cells is not None
        return torch.equal(self._cells[0], fluid) and torch.equal(self._cells[1], open_faces)


def assemble(
    fluid: Tensor, open_faces: Tensor, grid: Grid, density: float
) -> solvers.PoissonSystem:
    """The system whose solution q makes velocity - grad q / density free of divergence.

    fluid: (*shape) bool. open_faces: (dim, *nodes) float32, the open part of each face.
    q is the pressure times dt, Pa s. The weights are open part / (density dx^2). q = 0 in air,
    outside open sides, and behind walls that the liquid leaves.
    """
    periodic = tuple(axis in grid.periodic for axis in range(grid.dim))
    return solvers.PoissonSystem(face_weights(open_faces, grid, density), fluid, periodic)


def face_weights(open_faces: Tensor, grid: Grid, density: float) -> tuple[Tensor, ...]:
    """The weights of that system, float64, one tensor an axis."""
    weight = 1.0 / (density * grid.dx**2)
    return tuple(
        grid.faces(open_faces, axis).to(torch.float64) * weight for axis in range(grid.dim)
    )
