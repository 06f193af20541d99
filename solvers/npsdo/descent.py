"""Recorded solves with a network as preconditioner, for several right-hand sides at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from solvers.npsdo.coarse import Ground
from solvers.npsdo.image import image
from solvers.npsdo.networks import SymmetricCycle
from solvers.npsdo.scaling import scaling
from solvers.npsdo.weights import Network
from solvers.slicing import lower, upper
from solvers.system import PoissonSystem


class ScaledOperator:
    """B = S A S on batches of vectors, (batch, *shape) of any float type, 0 in inactive cells.

    S is the `scaling` of the system, so the weights of B are near 1, as the networks expect. The
    solution of B x = S b is x = S^-1 p.
    """

    def __init__(self, system: PoissonSystem) -> None:
        self.scale = scaling(system)
        self._weights = {torch.float64: tuple(w.double() for w in system.face_weights)}
        self._weights[torch.float32] = tuple(w.float() for w in system.face_weights)
        self._scales = {torch.float64: self.scale, torch.float32: self.scale.float()}

    def __call__(self, x: Tensor) -> Tensor:
        """B x; differentiable."""
        return _Product.apply(x, self)  # pyright: ignore

    def product(self, x: Tensor) -> Tensor:
        scale = self._scales[x.dtype]
        p = scale * x
        total = torch.zeros_like(p)
        for axis, weights in enumerate(self._weights[x.dtype], start=1):
            outside = torch.zeros_like(p.narrow(axis, 0, 1))
            flux = weights * torch.diff(p, dim=axis, prepend=outside, append=outside)
            total += lower(flux, axis) - upper(flux, axis)
        return scale * total


class _Product(torch.autograd.Function):
    """B x; B is its own adjoint."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, operator: ScaledOperator) -> Tensor:
        ctx.operator = operator
        return operator.product(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.operator.product(gradients[0]), None


class Fitted:
    """What a network needs to know of a system; compute `levels` again when parameters change."""

    def __init__(self, system: PoissonSystem, network: Network) -> None:
        self.shape = system.shape
        if isinstance(network, SymmetricCycle):
            self.missing = [0] * system.dim
            self.seen: Any = Ground.of(system, scaling(system))
        else:
            self.missing = [-n % network.multiple for n in system.shape]
            pads = [side for n in reversed(self.missing) for side in (0, n)]
            self.seen = nn.functional.pad(image(system), pads)

    def levels(self, network: Any) -> Any:
        return network.prepare(self.seen)

    def apply(self, network: Any, levels: Any, r: Tensor) -> Tensor:
        """Apply the network to (batch, *shape) float32, padded to a size that it supports."""
        pads = [side for n in reversed(self.missing) for side in (0, n)]
        x = network(levels, nn.functional.pad(r, pads))
        return x[(slice(None), *(slice(n) for n in self.shape))]


@dataclass(frozen=True, eq=False)
class Descent:
    """The record of a solve of B x = b.

    residuals, iterates: before each iteration and after the last, float64 (batch, *shape); empty
    unless they were asked for. norms: relative residual norms, (iterations + 1, batch).
    """

    residuals: list[Tensor]
    iterates: list[Tensor]
    norms: Tensor

    def iterations(self, rtol: float) -> list[int | None]:
        """For each right-hand side the iterations to reach rtol; None if it was not reached."""
        reached = self.norms <= rtol
        found = reached.any(0)
        first = reached.int().argmax(0)
        return [int(n) if ok else None for n, ok in zip(first, found, strict=True)]


@torch.no_grad()
def descend(
    operator: ScaledOperator, precondition: Any, b: Tensor, directions: int, rtol: float,
    limit: int, keep: bool = False,
) -> Descent:  # fmt: skip
    """Preconditioned steepest descent, made A-orthogonal to the last `directions` directions.

    Lane et al. (2024), algorithm 1. With a symmetric preconditioner and one direction it is the
    conjugate gradient method. precondition: maps residuals of norm 1, float32 (batch, *shape).
    keep: whether to keep residuals and iterates. The solve ends when all right-hand sides have
    reached rtol, or after `limit` iterations.
    """
    x, r = torch.zeros_like(b), b.clone()
    start = _norm(b)
    norms, residuals, iterates = [start], [], []
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(limit):
        if keep:
            residuals.append(r.clone())
            iterates.append(x.clone())
        norm = norms[-1].clamp(min=1e-300)
        d = precondition((r / norm).float()).double() * norm
        for p, q, pq in kept:
            d = d - _dot(d, q) / pq * p
        q = operator.product(d)
        dq = _dot(d, q)
        step = _dot(r, d) / dq
        usable = (dq > 0) & step.isfinite()
        step = torch.where(usable, step, 0.0)
        x += step * d
        r -= step * q
        norms.append(_norm(r))
        if not usable.any() or (norms[-1] <= rtol * start).all():
            break
        if directions:
            kept = [*kept, (d, q, torch.where(usable, dq, 1.0))][-directions:]
    if keep:
        residuals.append(r)
        iterates.append(x)
    history = torch.stack(norms) / start
    return Descent(residuals, iterates, history.flatten(1))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of each pair in a batch, (batch, 1, ...)."""
    axes = tuple(range(1, a.ndim))
    return (a * b).sum(axes, keepdim=True)


def _norm(a: Tensor) -> Tensor:
    return _dot(a, a).sqrt()
