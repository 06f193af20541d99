"""The networks: linear maps of a residual by 3^d stencils that are affine in an image of a system.

They define what the engine computes, and they are what is trained. A stencil is a tensor of
coefficients (3^d, *shape): entry k belongs to the neighbour at `offsets(dim)[k]`. The affine blocks
and `PaperNetwork` are from Lane et al., "A Neural-Preconditioned Poisson Solver for Mixed Dirichlet
and Neumann Boundary Conditions" (ICML 2024); `SymmetricCycle` is our own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from solvers.npsdo.coarse import Ground
from solvers.npsdo.stencils import affine, convolve, offsets, transpose

# Damping of the sweeps of a new SymmetricCycle, relative to 1 over the largest diagonal.
_DAMPING = 0.85


class Affine(nn.Module):
    """A stencil whose coefficients are affine in the 3^d window of the image around a cell."""

    def __init__(self, dim: int, channels: int) -> None:
        super().__init__()
        count = 3**dim
        self.weight = nn.Parameter(torch.zeros(count, channels, *(3,) * dim))
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, image: Tensor) -> Tensor:
        """image: (channels, *shape + 2); returns (3^d, *shape)."""
        return affine(image, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class CycleLevel:
    """SymmetricCycle for one system.

    mask: 1 where there is fluid. smooth, down, up: stencils; smooth is symmetric, up is the adjoint
    of down. gain: factor of the coarse correction. ground: what lies below.
    """

    mask: Tensor
    smooth: Tensor
    down: Tensor
    up: Tensor
    gain: Tensor
    ground: Ground


class SymmetricCycle(nn.Module):
    """A V-cycle with a learned finest level; symmetric by construction.

        x = S r + (gain) T^T P V(P^T T r)

    with S symmetrised, P linear interpolation that leaves solids out, and V the V-cycle of
    multigrid on the levels below. A new network is a V-cycle with damped Richardson sweeps on the
    finest level. It approximates the inverse of the operator with weights 1.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.smooth, self.transfer = Affine(dim, 2), Affine(dim, 2)
        self.log_gain = nn.Parameter(torch.zeros(()))
        _start_as_damped(self.smooth, self.transfer, dim)

    def prepare(self, ground: Ground) -> CycleLevel:
        """The level for a system."""
        image = ground.finest
        mask = (_inside(image[0], self.dim) > 0).float()
        smooth, down = self.smooth(image), self.transfer(image)
        symmetric = 0.5 * (smooth + transpose(smooth))
        return CycleLevel(mask, symmetric, down, transpose(down), self.log_gain.exp(), ground)

    def forward(self, level: CycleLevel, r: Tensor) -> Tensor:
        """Apply the cycle to residuals (batch, *shape)."""
        r = level.mask * r
        interpolation = level.ground.interpolation
        coarse = interpolation.adjoint(convolve(level.down, r))
        correction = interpolation(level.ground.solve(coarse))
        x = convolve(level.smooth, r) + level.gain * convolve(level.up, correction)
        return level.mask * x


@dataclass(frozen=True, eq=False)
class PaperLevel:
    """A level of PaperNetwork for one image: two stencils and two numbers."""

    before: Tensor
    after: Tensor
    keep: Tensor
    gain: Tensor


class PaperNetwork(nn.Module):
    """The network of the paper: L levels, neither symmetric nor masked.

        x = keep * before(r) + gain * after(up(next level of pool(before(r))))

    pool: means over blocks of 2^d cells; up: linear interpolation; keep and gain: means over all
    cells of an affine function of the image. Its image has the channels air, fluid, and not solid.
    The shape must be divisible by 2^(L - 1): pad it with solid.
    """

    def __init__(self, dim: int, levels: int = 5) -> None:
        super().__init__()
        self.dim = dim
        above = levels - 1
        self.before = nn.ModuleList(Affine(dim, 3) for _ in range(above))
        self.after = nn.ModuleList(Affine(dim, 3) for _ in range(above))
        self.coarsest = Affine(dim, 3)
        window = (3, *(3,) * dim)
        self.keep_weight = nn.Parameter(torch.zeros(above, *window))
        self.keep_bias = nn.Parameter(torch.full((above,), 0.8 / (2 * dim)))
        self.gain_weight = nn.Parameter(torch.zeros(above, *window))
        self.gain_bias = nn.Parameter(torch.full((above,), 2.8))
        # A new network is additive multigrid: identities, and Jacobi on the coarsest level.
        middle = 3**dim // 2
        for block in itertools.chain(self.before, self.after):
            block.get_parameter("bias").data[middle] = 1.0
        self.coarsest.bias.data[middle] = 1.0 / dim

    @property
    def multiple(self) -> int:
        """The number by which the shape must be divisible."""
        return 2 ** len(self.before)

    def prepare(self, image: Tensor) -> list[PaperLevel | Tensor]:
        """The levels for an `image`; the last one is just a stencil."""
        fluid, air = image
        image = torch.stack([air, fluid, air + fluid])
        pool = F.avg_pool2d if self.dim == 2 else F.avg_pool3d
        levels: list[PaperLevel | Tensor] = []
        for n, (before, after) in enumerate(zip(self.before, self.after, strict=True)):
            keep = _mean(image, self.keep_weight[n], self.keep_bias[n])
            gain = _mean(image, self.gain_weight[n], self.gain_bias[n])
            levels.append(PaperLevel(before(image), after(image), keep, gain))
            # The ring beyond the padding is solid on every level.
            image = F.pad(pool(_inside(image, self.dim), 2), (1, 1) * self.dim)
        return [*levels, self.coarsest(image)]

    def forward(self, levels: list[PaperLevel | Tensor], r: Tensor) -> Tensor:
        """Apply the network to residuals (batch, *shape)."""
        level = levels[0]
        if isinstance(level, Tensor):
            return convolve(level, r)
        x = convolve(level.before, r)
        pool = F.avg_pool2d if self.dim == 2 else F.avg_pool3d
        coarse = self(levels[1:], pool(x[:, None], 2)[:, 0])
        mode = "bilinear" if self.dim == 2 else "trilinear"
        fine = F.interpolate(coarse[:, None], scale_factor=2, mode=mode)[:, 0]
        return level.keep * x + level.gain * convolve(level.after, fine)


def _start_as_damped(smooth: Affine, transfer: Affine, dim: int) -> None:
    """S = 2 w - w^2 A and T = 1 - w A, affine in the image, with w = damping / (2 dim)."""
    weight = _DAMPING / (2 * dim)
    centre = 3**dim // 2
    smooth.bias.data[centre] = 2 * weight
    transfer.bias.data[centre] = 1.0
    for k, offset in enumerate(offsets(dim)):
        if sum(abs(step) for step in offset) == 1:
            at = tuple(step + 1 for step in offset)
            smooth.weight.data[(centre, slice(None), *at)] = -(weight**2)
            smooth.weight.data[(k, 0, *at)] = weight**2
            transfer.weight.data[(centre, slice(None), *at)] = -weight
            transfer.weight.data[(k, 0, *at)] = weight


def _mean(image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    convolution = F.conv2d if image.ndim == 3 else F.conv3d
    return convolution(image[None], weight[None], bias[None]).mean()


def _inside(padded: Tensor, dim: int) -> Tensor:
    """A view without the ring of one cell along the last axes."""
    return padded[(..., *(slice(1, -1),) * dim)]
