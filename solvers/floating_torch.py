"""Finds floating components with torch, on any device: the definition of `floating_kernels`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from solvers.slicing import interior, lower, upper

# Views of the two sides of some faces, and which of these faces connect active cells.
Links = list[tuple[int, int, int, Tensor]]


def label_floating(
    active: Tensor, face_weights: Sequence[Tensor], periodic: Sequence[bool]
) -> tuple[Tensor, int]:
    """Labels of the floating components, int32 (-1 elsewhere), and their number.

    Each cell points to a cell of its component with a smaller number; the roots are hooked to the
    least number next to their trees, and paths are halved, in rounds whose number grows as the
    logarithm of the grid: Zhang, Azad & Hu (2020), "FastSV".
    """
    links, grounded = _links(active, face_weights, periodic)
    number = torch.arange(active.numel(), device=active.device)
    parent, before = number, None
    while before is None or not torch.equal(parent, before):
        before = parent
        least = _least_nearby(parent.view(active.shape), links).view(-1)
        parent = torch.minimum(parent.scatter_reduce(0, parent, least, "amin"), least)
        parent = parent[parent]
        parent = parent[parent]
    known = torch.zeros_like(number, dtype=torch.bool)
    known[parent[grounded.view(-1)]] = True
    floats = active.reshape(-1) & ~known[parent]
    roots = floats & (parent == number)
    rank = roots.cumsum(0) - 1
    labels = torch.where(floats, rank[parent], -1).int().view(active.shape)
    return labels, int(roots.sum())


def _links(
    active: Tensor, face_weights: Sequence[Tensor], periodic: Sequence[bool]
) -> tuple[Links, Tensor]:
    """The faces between active cells, and the cells with a face towards p = 0."""
    links: Links = []
    grounded = torch.zeros_like(active)
    for axis, weights in enumerate(face_weights):
        n, crossed = active.shape[axis], weights > 0
        between = torch.zeros_like(crossed)
        interior(between, axis).copy_(lower(active, axis) & upper(active, axis))
        if periodic[axis]:
            seam = active.narrow(axis, 0, 1) & active.narrow(axis, n - 1, 1)
            between.narrow(axis, 0, 1).copy_(seam)
            between.narrow(axis, n, 1).copy_(seam)
            links.append((axis, n - 1, 0, (crossed & between).narrow(axis, 0, 1)))
        links.append((axis, 0, 1, interior(crossed & between, axis)))
        outward = crossed & ~between
        grounded |= lower(outward, axis) | upper(outward, axis)
    return links, grounded & active


def _least_nearby(labels: Tensor, links: Links) -> Tensor:
    """The least label of a cell and of the cells that are linked with it."""
    least = labels.clone()
    for axis, below, above, open_ in links:
        count = open_.shape[axis]
        for here, there in ((below, above), (above, below)):
            own = least.narrow(axis, here, count)
            own.copy_(torch.where(open_, own.minimum(labels.narrow(axis, there, count)), own))
    return least
