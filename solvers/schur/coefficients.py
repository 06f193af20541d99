"""The coefficients of a pressure system on the nodes of a tree."""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.schur.tree import Tree
from solvers.slicing import interior, lower
from solvers.system import PoissonSystem


def definite_coefficients(system: PoissonSystem, tree: Tree) -> Tensor:
    """Diagonal and couplings to the upper neighbours of all nodes: float64, (1 + dim, nodes).

    They are those of `solvers.nullspace.definite_matrix`: one cell of each floating component is
    tied to 0. The diagonal is positive in all active cells and 0 in all other nodes.
    """
    device = system.device
    result = torch.zeros((1 + system.dim, *tree.nodes), dtype=torch.float64, device=device)
    cells = [part[tree.cells] for part in result]
    cells[0].copy_(system.diagonal())
    pinned = torch.zeros(system.shape, dtype=torch.bool, device=device)
    pinned.view(-1)[system.floating.pins.to(device)] = True
    tied = cells[0][pinned]
    cells[0][pinned] = torch.where(tied > 0, 2 * tied, 1.0)
    for axis, weights in enumerate(system.face_weights):
        passage = lower(system.active, axis) & system.active.narrow(axis, 1, system.shape[axis] - 1)
        inner = -interior(weights.detach(), axis).to(torch.float64)
        lower(cells[1 + axis], axis).copy_(torch.where(passage, inner, 0.0))
    return result.reshape(1 + system.dim, -1)
