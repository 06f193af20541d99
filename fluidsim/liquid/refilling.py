"""Filling cells that lack particles, with or without gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.grid.plain import are_plain
from fluidsim.liquid import resampling, transfer
from fluidsim.liquid.transfer_torch import poured_in
from fluidsim.solid.solids import Solids


@dataclass(frozen=True)
class Changes:
    """Particles that a sort added, removed as surplus, or lost through open sides."""

    added: int = 0
    removed: int = 0
    left: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.added + other.added, self.removed + other.removed, self.left + other.left
        )


def fill(
    x: Tensor, v: Tensor, starts: tuple[Tensor, Tensor], flow: Tensor, solids: Solids, seed: int,
    step: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Add the particles that are missing, at hashed places; return positions and records, flat.

    x, v: flat, positions in cells and records, which plain ones are written into. starts: (nodes +
    2,) int32, the first particle of each cell before and now. flow: from `Particles.move`. step:
    dt / dx, s/m. Gradients go through the velocities; the places are held.
    """
    grid, plain = solids.grid, are_plain(x, v)
    dim, nodes = grid.dim, grid.node_count
    width = len(v) * dim // len(x)
    places, records = (x, v) if plain else (x.detach().float(), v.detach().float())
    kernels, ivec = resampling.kernels(dim, width), transfer.functions(dim).ivec
    kernels.fill(
        *starts, places, records, flow.detach().float(), solids.distance.detach().float().view(-1),
        ivec(*grid.shape), ivec(*grid.strides), nodes, seed & 0xFFFFFFFF, step,
    )  # fmt: skip
    if plain:
        return x, v
    before, after = (each[: nodes + 1].diff().long() for each in starts)
    cells = torch.arange(nodes, device=x.device).repeat_interleave(after)
    number = torch.arange(len(cells), device=x.device) - starts[1][cells]
    new = (number >= before[cells]).nonzero()[:, 0]
    positions = places.view(-1, dim)[new].to(x.dtype)
    faces = flow.view(dim, *grid.nodes, 2)[..., 0]
    own = poured_in(positions, faces, step, width > dim, grid)
    x = x.view(-1, dim).index_put((new,), positions).flatten()
    return x, v.view(-1, width).index_put((new,), own).flatten()
