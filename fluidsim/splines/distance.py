"""Signed distances whose gradient is that of the closest point.

Where d = |x - C|, the closest point C(u) stays closest when the shape changes a little, as the
distance does not change with u to first order (the envelope theorem). So dd/dx = n and
dd/dp = -n . dC/dp at fixed u, for any parameter p of the shape and the outward normal n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

TOUCHING = 1e-10  # of the curve's extent: the direction from a point to the curve is unknown


def outward(
    offset: Tensor, normal: Callable[[Tensor], Tensor], extent: float
) -> tuple[Tensor, Tensor]:
    """Distance (n,) and unit direction (n, dim) from the closest points.

    offset: (n, dim), from there to the points, m. normal: gives a unit normal at some of them, by
    their numbers, for those that lie on the surface. extent: of the shape, m.
    """
    away = offset.norm(dim=-1)
    direction = offset / away.clamp(min=1e-300)[:, None]
    on = (away <= TOUCHING * extent).nonzero().squeeze(1)
    if len(on):
        direction[on] = normal(on)
    return away, direction


class Along(torch.autograd.Function):
    """The length of offsets along unit vectors that count as constant, (n,).

    It can be differentiated once: the second derivative would need how the unit vectors turn.
    """

    @staticmethod
    def forward(ctx: Any, unit: Tensor, offset: Tensor) -> Tensor:
        ctx.save_for_backward(unit)
        return (unit * offset).sum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor]:
        (unit,) = ctx.saved_tensors
        return None, grads[0][..., None] * unit
