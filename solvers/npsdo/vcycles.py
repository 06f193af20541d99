"""A network of multigrid V-cycles with learned convolutions: that of `mgno`, a guess of a pressure.

It is linear in the right-hand side and affine in the image of the system, level by level. A new one
is a few V-cycles of damped Jacobi sweeps for weights 1.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from solvers.npsdo.image import pyramid

CYCLES = 3
# Levels from this number on share their parameters, so that the network serves any size.
_OWN = 3
_WIDTH = {2: 8, 3: 6}
_DAMPING, _COARSEST_SWEEPS = 0.8, 4
# Of the numbers that tell the features of a new network apart.
_NOISE = 0.02


@dataclass(frozen=True, eq=False)
class Picture:
    """What a level of a cycle knows of a system.

    fluid: its share of a cell, and mask: 1 where there is any, (1, 1, *shape). diagonal: that of
    the operator; before, after, up: factors of the two smoothers and of the correction from the
    next level, (1, width, *shape).
    """

    fluid: Tensor
    mask: Tensor
    diagonal: Tensor
    before: Tensor
    after: Tensor
    up: Tensor


class MultigridNetwork(nn.Module):
    """V-cycles over several features of a cell, one after the other, each on what the others left.

    On each level u <- u + B (f - A u) before and after the correction P cycle(R (f - A u)). A, B, R
    and P are learned convolutions that mix the features; here A also has a diagonal, and B and P
    have factors, which are affine functions of the image, whose channels are fluid and air.

    He, Liu & Xu (2024), MgNO: Efficient Parameterization of Linear Operators via Multigrid, ICLR,
    section 3. Theirs has functions between the layers; a pressure is linear in the right-hand side.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim, self.multiple = dim, 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # a new network is the same each time
            width, middle = _WIDTH[dim], (slice(None), slice(None), *(1,) * dim)
            kind = nn.Conv2d if dim == 2 else nn.Conv3d
            self.first = kind(1, width, 3, padding=1, bias=False)
            self.last = kind(width, 1, 3, padding=1, bias=False)
            for layer, value in ((self.first, 1.0), (self.last, 1.0 / width)):
                nn.init.normal_(layer.weight, std=_NOISE * value)
                layer.weight.data[middle] += value
            self.cycles = nn.ModuleList(
                nn.ModuleList(_Level(dim, width) for _ in range(_OWN)) for _ in range(CYCLES)
            )

    def prepare(self, image: Tensor) -> list[list[Picture]]:
        """The levels of each cycle, from an image with its ring."""
        images = pyramid(image)
        return [
            [_level(cycle, number).picture(each) for number, each in enumerate(images)]
            for cycle in self.cycles
        ]

    def forward(self, pictures: list[list[Picture]], r: Tensor) -> Tensor:
        """Guesses for right-hand sides (batch, *shape)."""
        mask = pictures[0][0].mask
        f = mask * self.first((mask[0] * r)[:, None])
        u = torch.zeros_like(f)
        for cycle, levels in zip(self.cycles, pictures, strict=True):
            u = _cycled(cycle, levels, 0, f, u)
        return mask[0, 0] * self.last(u)[:, 0]


class _Level(nn.Module):
    """The convolutions of one level of a cycle."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        kind = nn.Conv2d if dim == 2 else nn.Conv3d
        across = nn.ConvTranspose2d if dim == 2 else nn.ConvTranspose3d
        self.dim, self.width = dim, width
        self.operator = kind(width, width, 3, padding=1, bias=False)
        self.before = kind(width, width, 3, padding=1, bias=False)
        self.after = kind(width, width, 3, padding=1, bias=False)
        self.down = kind(width, width, 2, stride=2, bias=False)
        self.up = across(width, width, 4, stride=2, padding=1, bias=False)
        self.factors = kind(2, 4 * width, 3)
        single = torch.zeros((3,) * dim)
        single[(1,) * dim] = 1.0
        linear = torch.tensor([0.25, 0.75, 0.75, 0.25])
        square = linear[:, None] * linear
        hat = square if dim == 2 else square[..., None] * linear
        # A coarse cell is twice as wide, so that its correction is four times as large.
        for layer, stencil in (
            (self.operator, -_neighbours(dim)),
            (self.before, single),
            (self.after, single),
            (self.down, torch.full((2,) * dim, 0.5**dim)),
            (self.up, 4.0 * hat),
        ):
            noise = _NOISE * float(stencil.abs().mean())
            nn.init.normal_(layer.weight, std=noise / width)
            for feature in range(width):
                layer.weight.data[feature, feature] += stencil
        # The diagonal counts the faces that are open, and the products with it and the operator the
        # flux: none into solid neighbours.
        nn.init.zeros_(self.factors.weight)
        self.factors.weight.data[:width] = _neighbours(dim)
        bias = torch.tensor([0.0, _DAMPING / (2 * dim), _DAMPING / (2 * dim), 1.0])
        assert self.factors.bias is not None
        self.factors.bias.data = bias.repeat_interleave(width)

    def picture(self, image: Tensor) -> Picture:
        inside = image[(slice(0, 1), *(slice(1, -1),) * self.dim)]
        fluid = inside[None]
        mask = (fluid > 0).float()
        diagonal, *others = self.factors(image[None]).split(self.width, 1)
        return Picture(fluid, mask, diagonal, *(mask * each for each in others))


def _level(cycle: nn.Module, number: int) -> _Level:
    assert isinstance(cycle, nn.ModuleList)
    level = cycle[min(number, len(cycle) - 1)]
    assert isinstance(level, _Level)
    return level


def _cycled(cycle: nn.Module, pictures: list[Picture], number: int, f: Tensor, u: Tensor) -> Tensor:
    """u after a cycle from a level downwards, both (batch, width, *shape)."""
    level, picture = _level(cycle, number), pictures[number]

    def left(u: Tensor) -> Tensor:
        return f - picture.mask * (level.operator(picture.fluid * u) + picture.diagonal * u)

    u = u + picture.before * level.before(left(u))
    if number + 1 == len(pictures):
        for _ in range(_COARSEST_SWEEPS):
            u = u + picture.after * level.after(left(u))
        return u
    shape = f.shape[2:]
    odd = [side for n in reversed(shape) for side in (0, n % 2)]
    coarse = pictures[number + 1].mask * level.down(F.pad(left(u), odd))
    correction = _cycled(cycle, pictures, number + 1, coarse, torch.zeros_like(coarse))
    fine = level.up(correction)[(..., *(slice(n) for n in shape))]
    u = u + picture.up * fine
    return u + picture.after * level.after(left(u))


def _neighbours(dim: int) -> Tensor:
    """1 at the neighbours across faces, (3,) * dim."""
    result = torch.zeros((3,) * dim)
    for axis, side in itertools.product(range(dim), (0, 2)):
        result[tuple(side if d == axis else 1 for d in range(dim))] = 1.0
    return result
