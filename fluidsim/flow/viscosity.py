"""Viscosity, implicit in time: steps of any size, no traction at free surfaces, no slip at walls.

The new velocity minimises the kinetic energy of the change plus dt times the energy that the full
stress mu (grad u + grad u^T) dissipates, so fluid may rotate as a rigid body: Batty & Bridson 2008,
"Accurate viscous free surfaces for buckling, coiling, and rotating liquids".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fluidsim.flow import values
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.strain import Strain
from fluidsim.flow.stress import ViscousOperator
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_recorded
from fluidsim.solid.solids import Solids
from solvers.krylov import pcg
from solvers.krylov.vector_space import VectorSpace

MAX_ITERATIONS = 5000


@dataclass(frozen=True)
class Outcome:
    """How a solve ended; the residual may be larger than the tolerance."""

    iterations: int
    relative_residual: float


class Viscosity:
    """viscosity: dynamic, Pa s. density: kg/m^3. rtol: relative residual asked of each solve."""

    def __init__(self, grid: Grid, viscosity: float | Tensor, density: float, rtol: float) -> None:
        self.grid = grid
        self.viscosity = viscosity
        self.density = density
        self.rtol = rtol
        self._last: tuple[ViscousOperator, Tensor, Tensor, Tensor] | None = None

    def apply(
        self,
        velocity: Tensor,
        domain: FlowDomain,
        solids: Solids,
        dt: float,
        whole: float | None = None,
        pushed: Tensor | None = None,
    ) -> Outcome:
        """One implicit Euler step on `velocity` (dim, *nodes), in place.

        Faces inside solids and walls take the velocity of these; faces that are held keep theirs
        and drag the fluid along, as at a spout. whole: the whole step, s, if dt is only its
        implicit part. pushed: (dim, *nodes), m/s, what forces have added during the step: open
        faces that stick keep it for the pressure to answer, or fluid at rest would not stay so.
        """
        grid, open_faces, held = self.grid, domain.open_faces, domain.held
        strain = Strain.of(domain, solids, grid)
        number = self.viscosity * dt / (self.density * grid.dx**2)
        operator = ViscousOperator(strain, number, grid)
        b = operator.mass * operator.gather(velocity)
        fixed = strain.solid
        if held is not None:
            fixed = torch.where(held & (strain.mass > 0) & ~strain.stuck, velocity, fixed)
        if strain.drive is not None or held is not None:
            b = b + operator.number * operator.gather(operator.forces(fixed))
        plain = ViscousOperator(strain.detached(), values.number(number), grid)
        x, iterations, residual = self._solve(plain, b.detach(), plain.gather(velocity.detach()))
        if isinstance(number, Tensor) or are_recorded(b, operator.mass):
            # Of this value 0, whose gradient is that of the solution of A x = b.
            x = x + _Inverse.apply(b - operator.apply(x), lambda g: self._solve(plain, g, g)[0])
        before = velocity.clone()
        stopped = strain.solid if pushed is None else strain.solid + pushed * (open_faces > 0)
        velocity[strain.stuck] = stopped[strain.stuck]
        velocity.view(-1)[operator.faces] = x.to(velocity.dtype)
        for axis in grid.periodic:  # where the last faces are the free ones
            velocity[axis].select(axis, 0).copy_(velocity[axis].select(axis, grid.shape[axis]))
        seconds = torch.where(strain.stuck, dt if whole is None else whole, dt)
        braking = strain.mass * (before - velocity) / seconds
        cut = (open_faces - strain.free.float()) * ~solids.walls
        for axis in grid.periodic:  # each face once
            cut[axis].select(axis, 0).zero_()
        cut_off = (cut * braking.detach()).flatten(1).double().sum(1)
        self._last = plain, x.detach(), fixed.detach(), cut_off
        return Outcome(iterations, residual)

    def _solve(self, operator: ViscousOperator, b: Tensor, x: Tensor) -> tuple[Tensor, int, float]:
        """The solution of A x = b from a guess, the iterations and the relative residual."""
        space = _Space(operator, b, x.clone())
        norm_b = float(torch.linalg.vector_norm(b))
        if norm_b == 0:
            return space.x, 0, 0.0
        iterations, history = pcg.iterate(space, norm_b, self.rtol, MAX_ITERATIONS)
        return space.x, iterations, history[-1]

    def explicit_share(self, dt: float) -> float:
        """The part of a step that may be explicit, by the stress at its beginning.

        One half, which is of second order in time, unless that would change the sign of a velocity;
        less in long steps, so that the stiffest mode reverses to no more than half its size.
        """
        viscosity = values.number(self.viscosity)
        stiffness = 4 * self.grid.dim * viscosity * dt / (self.density * self.grid.dx**2)
        return min(0.5, (1 + 2 / stiffness) / 3)

    @property
    def stuck(self) -> Tensor:
        """Faces (dim, *nodes) bool that the last `apply` gave the velocity of solids and walls."""
        assert self._last is not None
        return self._last[0].strain.stuck

    def friction(self, solids: Solids) -> Tensor:
        """Force (dim,) float64, N, of friction in the last step on solids, without the domain's
        walls; in 2D per metre of depth.

        Together with `pressure_force` it is the momentum that the flow loses. The pressure acts on
        the open part of a face. Friction acts on the whole face or, if its centre is inside a
        solid, stops it; the difference counts as a force on the solid, too.
        """
        grid = self.grid
        if self._last is None:
            return torch.zeros(grid.dim, dtype=torch.float64, device=solids.device)
        operator, x, fixed, cut = self._last
        velocity = fixed.to(torch.float64, copy=True)
        velocity.view(-1)[operator.faces] = x
        on_solids = operator.strain.stuck & ~solids.walls
        for axis in grid.periodic:  # each face once
            on_solids[axis].select(axis, 0).fill_(False)
        forces = operator.forces(velocity) * on_solids
        stress = (
            forces.flatten(1).sum(1) * values.number(self.viscosity) * grid.dx ** (grid.dim - 2)
        )
        return stress + cut * self.density * grid.dx**grid.dim


class _Inverse(torch.autograd.Function):
    """0, with the gradient of A^-1 r, for a symmetric A."""

    @staticmethod
    def forward(ctx: Any, r: Tensor, solve: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.solve = solve
        return torch.zeros_like(r)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return ctx.solve(grads[0]), None


class _Space(VectorSpace):
    """Vectors of the free faces with a Jacobi preconditioner; x, r and p are updated in place."""

    def __init__(self, operator: ViscousOperator, b: Tensor, x: Tensor) -> None:
        self.inverse = 1 / operator.diagonal()
        # A is definite: there are no means to remove.
        super().__init__(operator.apply, lambda r: self.inverse * r, b, x, lambda x: x)

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x.add_(self.p, alpha=alpha)
        self.r.sub_(self.q, alpha=alpha)
        return self.preconditioned()

    def turn(self, beta: float) -> None:
        self.p.mul_(beta).addcmul_(self.inverse, self.r)

    def dot(self, a: Tensor, b: Tensor) -> float:
        return float(torch.dot(a, b))
