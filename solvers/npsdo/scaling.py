"""How a network for weights 1 serves a system with any weights: z = S N(S r)."""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.slicing import interior, lower, upper
from solvers.system import PoissonSystem


def scaling(system: PoissonSystem) -> Tensor:
    """S in float64: what makes the weights of S A S about 1; 0 where the diagonal is 0.

    S^2 is one over the largest weight of a cell towards active neighbours: it follows the density,
    but leaves constants alone at cut cells, where a share of their faces is closed. Where weights
    towards air make the diagonal larger still, it is the number of open faces over the diagonal.
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
