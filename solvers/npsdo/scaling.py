"""A scaling S of cells with which a network for weights 1 serves systems with any weights."""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.slicing import interior, lower, upper
from solvers.system import PoissonSystem

# A weight counts as 1 if it differs from 1 by no more than this.
UNLIKE = 1e-3


def scaling(system: PoissonSystem) -> Tensor:
    """S in float64, such that the weights of S A S are about 1; 0 where the diagonal is 0.

    S^2 is one over the largest weight of a cell towards active neighbours. It thus follows the
    density, but keeps constants unchanged at cut cells, whose faces are partly closed. Where
    weights towards air make the diagonal larger still, S^2 is the number of open faces divided by
    the diagonal.
    """
    active, diagonal = system.active, system.diagonal()
    largest, faces = torch.zeros_like(diagonal), torch.zeros_like(diagonal)
    for axis, weights in enumerate(system.face_weights):
        shared = interior(weights, axis) * (lower(active, axis) & upper(active, axis))
        for view in (lower(largest, axis), upper(largest, axis)):
            torch.maximum(view, shared.double(), out=view)
        faces += (lower(weights, axis) > 0).double() + (upper(weights, axis) > 0).double()
    square = torch.where(diagonal > 0, faces / diagonal, 0.0)
    return torch.where(largest > 0, torch.minimum(square, 1.0 / largest), square).sqrt()


def scaled_weights(system: PoissonSystem, scale: Tensor) -> tuple[Tensor, ...]:
    """The weights of S A S; S of an active cell counts on both sides of its other faces.

    scale: S.
    """
    result = []
    for axis, weights in enumerate(system.face_weights):
        rim = torch.zeros_like(scale.narrow(axis, 0, 1))
        around = torch.cat((rim, scale, rim), axis)
        below, above = lower(around, axis), upper(around, axis)
        result.append(
            weights * torch.where(below > 0, below, above) * torch.where(above > 0, above, below)
        )
    return tuple(result)


def unlike(system: PoissonSystem, scale: Tensor) -> Tensor:
    """Active cells with a weight that the scaling does not bring to 1: (*shape) bool.

    The network knows only weights of 1. Cut cells, surfaces and the two sides of a density jump are
    among these cells. scale: S.
    """
    found = torch.zeros_like(system.active)
    for axis, scaled in enumerate(scaled_weights(system, scale)):
        odd = (scaled > 0) & ((scaled - 1).abs() > UNLIKE)
        found |= lower(odd, axis) | upper(odd, axis)
    return found & system.active
