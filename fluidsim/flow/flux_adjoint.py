"""The way back of the divergence and of the subtraction of a gradient, where torch records them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid


class Divergence(torch.autograd.Function):
    """`flux.divergence`, which is the first argument, recorded."""

    @staticmethod
    def forward(
        ctx: Any,
        diverge: Callable[..., Tensor],
        velocity: Tensor,
        open_faces: Tensor,
        solid: Tensor,
        fluid: Tensor,
        grid: Grid,
    ) -> Tensor:
        flow = velocity.clone() if ctx.needs_input_grad[2] else None  # steps write on it
        ctx.save_for_backward(flow, open_faces, solid, fluid)
        ctx.grid = grid
        return diverge(velocity, open_faces, solid, fluid, grid)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        flow, open_faces, solid, fluid = ctx.saved_tensors
        grid: Grid = ctx.grid
        given = torch.zeros(open_faces.shape, dtype=torch.float64, device=open_faces.device)
        total = grads[0] * fluid / grid.dx
        for axis, n in enumerate(grid.shape):
            faces = grid.faces(given, axis)
            faces.narrow(axis, 1, n).copy_(total)
            faces.narrow(axis, 0, n).sub_(total)
        given = given.to(open_faces.dtype)
        _, needs_flow, needs_open, needs_solid, *_ = ctx.needs_input_grad
        return (
            None,
            given * open_faces if needs_flow else None,
            given * (flow - solid) if needs_open else None,
            given * (1 - open_faces) if needs_solid else None,
            None,
            None,
        )


class Subtraction(torch.autograd.Function):
    """The velocity after `flux.subtract_gradient`, which is the first argument, recorded."""

    @staticmethod
    def forward(
        ctx: Any,
        subtract: Callable[..., None],
        velocity: Tensor,
        impulse: Tensor,
        open_faces: Tensor,
        slope: float,
        grid: Grid,
    ) -> Tensor:
        subtract(velocity, impulse, open_faces)
        ctx.mark_dirty(velocity)
        ctx.save_for_backward(open_faces > 0)
        ctx.what = slope, grid, impulse.dtype
        return velocity

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (opened,) = ctx.saved_tensors
        slope, grid, dtype = ctx.what
        of_impulse = None
        if ctx.needs_input_grad[2]:
            of_impulse = torch.zeros(grid.shape, dtype=dtype, device=opened.device)
            given = grads[0].to(dtype) * opened * slope
            for axis, n in enumerate(grid.shape):
                faces = grid.faces(given, axis)
                of_impulse += torch.diff(faces, dim=axis)
                if axis in grid.periodic:
                    of_impulse.select(axis, 0).sub_(faces.select(axis, n))
                    of_impulse.select(axis, n - 1).add_(faces.select(axis, 0))
        return None, grads[0], of_impulse, None, None, None
