"""The vector work of the outer iterations as torch expressions: CG, and PSDO of the paper."""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.npsdo.preconditioner import Preconditioner
from solvers.npsdo.safeguards import Watch
from solvers.system import PoissonSystem


class TorchSpace:
    """A `pcg.Workspace` on any device: conjugate gradients with a network as preconditioner."""

    def __init__(
        self,
        system: PoissonSystem,
        precondition: Preconditioner,
        rhs: Tensor,
        guess: Tensor | None,
        watch: Watch,
    ) -> None:
        self.system, self.precondition, self.b, self.watch = system, precondition, rhs, watch
        self.x = torch.zeros_like(rhs) if guess is None else guess.clone()

    def start(self) -> tuple[float, float]:
        self.r = self.b - self.system.apply(self.x)
        self.z = torch.zeros_like(self.r)
        norm = float(torch.linalg.vector_norm(self.r))
        self.watch.restart(norm)
        sums = self._precondition(norm)
        self.p = self.z
        return sums

    def product(self) -> float:
        self.q = self.system.apply(self.p)
        return float((self.p * self.q).sum())

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x += alpha * self.p
        self.r -= alpha * self.q
        return self._precondition(float(torch.linalg.vector_norm(self.r)))

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def remove_means(self) -> None:
        self.x = self.system.floating.remove_means(self.x)

    def keep(self) -> None:
        self.kept = self.x.clone()

    def revert(self) -> None:
        self.x = self.kept

    def pressure(self) -> Tensor:
        return self.x

    def _precondition(self, norm: float) -> tuple[float, float]:
        if self.watch.is_over(norm):
            return 0.0, norm
        self.z = self.precondition(self.r)
        return self.watch.checked(float((self.r * self.z).sum())), norm


class DescentSpace(TorchSpace):
    """Preconditioned steepest descent with A-orthogonalisation (PSDO), algorithm 1 of the paper.

    Every direction is made A-orthogonal to the last `kept_directions`; none are kept beyond.
    Along a direction it takes the best step whichever way that points, so that z may be turned.
    The residual is orthogonal to the directions kept, hence (r, p) = (r, z).
    """

    def __init__(self, *args, kept_directions: int) -> None:
        super().__init__(*args)
        self.kept_directions = kept_directions
        self.directions: list[tuple[Tensor, Tensor, float]] = []

    def start(self) -> tuple[float, float]:
        self.directions = []
        return super().start()

    def product(self) -> float:
        pq = super().product()
        self.directions.append((self.p, self.q, pq))
        return pq

    def turn(self, beta: float) -> None:
        self.directions = self.directions[max(len(self.directions) - self.kept_directions, 0) :]
        p = self.z
        for direction, product, square in self.directions:
            p = p - float((p * product).sum()) / square * direction
        self.p = p

    def _precondition(self, norm: float) -> tuple[float, float]:
        if self.watch.is_over(norm):
            return 0.0, norm
        z = self.precondition(self.r)
        rz = float((self.r * z).sum())
        self.z = z if rz >= 0 else -z
        return self.watch.checked(abs(rz)), norm
