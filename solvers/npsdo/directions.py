"""A convolutional U-net that maps a residual to a direction: the network of `dcdm`.

It has no biases in the path of the residual and sees the geometry only as factors, so a residual
twice as large gives a direction twice as long, and 0 gives 0. A new one returns the residual over
2 d, a Jacobi sweep.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 5
_WIDTH = {2: 12, 3: 8}


class DirectionNetwork(nn.Module):
    """Two residual blocks on each of 5 resolutions, one on the way down and one on the way up.

    Kaneda et al. (2023), A Deep Conjugate Direction Method for Iteratively Solving Linear Systems,
    ICML, section 5, scaled down; theirs serves one geometry. Here the features are multiplied by
    affine functions of the image of the system, whose channels are fluid and air.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim, self.multiple = dim, 2 ** (LEVELS - 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # a new network is the same each time
            self._make(dim, _WIDTH[dim])

    def _make(self, dim: int, width: int) -> None:
        kind = nn.Conv2d if dim == 2 else nn.Conv3d
        self.first = kind(1, width, 3, padding=1, bias=False)
        self.down = nn.ModuleList(_Block(kind, width) for _ in range(LEVELS))
        self.up = nn.ModuleList(_Block(kind, width) for _ in range(LEVELS - 1))
        # A coarse cell is twice as wide, so that its correction is four times as large.
        self.log_gain = nn.Parameter(torch.full((LEVELS - 1,), math.log(4.0)))
        self.last = kind(width, 1, 3, padding=1, bias=False)
        nn.init.zeros_(self.last.weight)

    def prepare(self, image: Tensor) -> list[Tensor]:
        """Channels fluid and air on each level, (1, 2, *shape), from an image with its ring."""
        found = [image[(None, slice(None), *(slice(1, -1),) * self.dim)]]
        while len(found) < LEVELS:
            found.append(_pooled(found[-1]))
        return found

    def forward(self, pictures: list[Tensor], r: Tensor) -> Tensor:
        """Directions for residuals (batch, *shape)."""
        fluid = pictures[0][:, 0]
        x = self.first((fluid * r)[:, None])
        kept = []
        for level, block in enumerate(self.down):
            x = block(_pooled(x) if level else x, pictures[level])
            kept.append(x)
        for level in reversed(range(LEVELS - 1)):
            x = kept[level] + self.log_gain[level].exp() * _interpolated(x)
            x = self.up[level](x, pictures[level])
        return fluid * (self.last(x)[:, 0] + r / (2 * self.dim))


class _Block(nn.Module):
    """x + b relu(a x), each convolution times an affine function of the picture."""

    def __init__(self, kind: type[nn.Module], width: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            kind(width, width, 3, padding=1, bias=False) for _ in range(2)
        )
        self.factors = nn.ModuleList(kind(2, width, 3, padding=1) for _ in range(2))
        for factor in self.factors:
            nn.init.zeros_(factor.get_parameter("weight"))
            nn.init.ones_(factor.get_parameter("bias"))

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        y = self.factors[0](picture) * self.convolutions[0](x)
        return x + self.factors[1](picture) * self.convolutions[1](F.relu(y))


def _pooled(x: Tensor) -> Tensor:
    pool = F.avg_pool2d if x.ndim == 4 else F.avg_pool3d
    return pool(x, 2)


def _interpolated(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear" if x.ndim == 4 else "trilinear")
