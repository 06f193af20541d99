"""The networks: linear maps of a residual by 3^d stencils that are affine in an image of a system.

They define what the engine computes, and they are what is trained. A stencil is a tensor of
coefficients (3^d, *shape): entry k belongs to the neighbour at `offsets(dim)[k]`. The affine blocks
and `PaperNetwork` are from Lane et al., "A Neural-Preconditioned Poisson Solver for Mixed Dirichlet
and Neumann Boundary Conditions" (ICML 2024); `SymmetricCycle` is our own.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from solvers.npsdo.stencils import affine, convolve, offsets, shifted, transpose
from solvers.slicing import lower, upper

# Damping of the Jacobi sweeps that a new SymmetricCycle consists of.
_DAMPING = 0.85
# Weights of the nearer and the farther coarse cell along an axis in an interpolated value.
_NEAR, _FAR = 0.75, 0.25
# Smaller eigenvalues of the coarsest operator, relative to the largest, count as 0: these belong to
# constants on components.
_NULL = 1e-6


def prolong(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Linear interpolation to a grid of twice as many cells; x: (batch, *coarse), 0 outside."""
    for axis, cells in enumerate(shape, start=1):
        near = _NEAR * x
        below, above = _below(x, axis), _above(x, axis)
        pairs = torch.stack([near + _FAR * below, near + _FAR * above], axis + 1)
        x = pairs.flatten(axis, axis + 1).narrow(axis, 0, cells)
    return x


def restrict(x: Tensor) -> Tensor:
    """The adjoint of `prolong`, to half as many cells (rounded up); x: (batch, *shape)."""
    for axis, cells in enumerate(x.shape[1:], start=1):
        if cells % 2:
            x = torch.cat([x, torch.zeros_like(x.narrow(axis, 0, 1))], axis)
        first, second = x.unflatten(axis, (-1, 2)).unbind(axis + 1)
        far = _above(first, axis) + _below(second, axis)
        x = _NEAR * (first + second) + _FAR * far
    return x


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
    """A level of SymmetricCycle for one image.

    mask: 1 where there is fluid. smooth, down, up: stencils; smooth is symmetric, up is the adjoint
    of down. share: factor of interpolated values, so that solids do not pull them towards 0. gain:
    factor of the coarse correction.
    """

    mask: Tensor
    smooth: Tensor
    down: Tensor
    up: Tensor
    share: Tensor
    gain: Tensor


@dataclass(frozen=True, eq=False)
class CycleEnd:
    """The coarsest level of SymmetricCycle: a dense matrix (cells, cells)."""

    mask: Tensor
    inverse: Tensor


class SymmetricCycle(nn.Module):
    """A multigrid V-cycle whose smoother and transfers are learned; symmetric by construction.

        x = S r + T^T P (gain) cycle(P^T T r)

    with S symmetrised, and P linear interpolation that leaves solids out. Levels from number
    `shared` - 1 on have the same parameters, so the network serves any size. A new network is a
    V-cycle of damped Jacobi sweeps. It approximates the inverse of the operator with weights 1.
    """

    def __init__(self, dim: int, shared: int = 3) -> None:
        super().__init__()
        self.dim = dim
        self.smooth = nn.ModuleList(Affine(dim, 2) for _ in range(shared))
        self.transfer = nn.ModuleList(Affine(dim, 2) for _ in range(shared))
        self.log_gain = nn.Parameter(torch.full((shared,), math.log(4.0)))
        for smooth, transfer in zip(self.smooth, self.transfer, strict=True):
            assert isinstance(smooth, Affine) and isinstance(transfer, Affine)
            _start_as_jacobi(smooth, transfer, dim)

    def prepare(self, images: list[Tensor]) -> list[CycleLevel | CycleEnd]:
        """The levels for the images of a `pyramid`."""
        levels: list[CycleLevel | CycleEnd] = []
        for index, (image, coarse) in enumerate(itertools.pairwise(images)):
            number = min(index, len(self.smooth) - 1)
            mask = (_inside(image[0], self.dim) > 0).float()
            smooth, down = self.smooth[number](image), self.transfer[number](image)
            levels.append(
                CycleLevel(
                    mask,
                    smooth=0.5 * (smooth + transpose(smooth)),
                    down=down,
                    up=transpose(down),
                    share=mask / _coverage(coarse, tuple(mask.shape)),
                    gain=self.log_gain[number].exp(),
                )
            )
        coarsest = images[-1]
        mask = (_inside(coarsest[0], self.dim) > 0).float()
        return [*levels, CycleEnd(mask, coarsest_inverse(coarsest))]

    def forward(self, levels: list[CycleLevel | CycleEnd], r: Tensor) -> Tensor:
        """Apply the cycle to residuals (batch, *shape)."""
        level = levels[0]
        r = level.mask * r
        if not isinstance(level, CycleLevel):
            return (r.flatten(1) @ level.inverse).reshape(r.shape)
        coarse = restrict(level.share * convolve(level.down, r)) / 2**self.dim
        correction = level.share * prolong(self(levels[1:], coarse), tuple(r.shape[1:]))
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


def coarsest_inverse(image: Tensor) -> Tensor:
    """Dense pseudo-inverse, float32 (cells, cells), of the operator of the coarsest image.

    The coupling of two cells is the smaller of their fluid fractions; a cell is coupled to p = 0 by
    the air beside it and by twice the air within it. Its unit is that of the level.
    """
    fluid, air = (channel.double() for channel in image)
    dim = fluid.ndim
    shape = _inside(fluid, dim).shape
    cells = math.prod(shape)
    counted = torch.arange(cells, device=image.device).reshape(shape)
    number = F.pad(counted, (1, 1) * dim, value=-1)
    matrix = torch.zeros(cells, cells, dtype=torch.float64, device=image.device)
    own = _inside(number, dim).reshape(-1)
    matrix[own, own] += 2.0 * torch.minimum(_inside(fluid, dim), _inside(air, dim)).reshape(-1)
    for offset in offsets(dim):
        if sum(abs(step) for step in offset) != 1:
            continue
        there = shifted(number, offset, shape).reshape(-1)
        coupling = torch.minimum(_inside(fluid, dim), shifted(fluid, offset, shape)).reshape(-1)
        held = torch.minimum(_inside(fluid, dim), shifted(air, offset, shape)).reshape(-1)
        known = there >= 0
        matrix[own, own] += held + torch.where(known, coupling, 0.0)
        matrix[own[known], there[known]] -= coupling[known]
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > _NULL * values.max().clamp(min=1e-30)
    vectors = vectors[:, kept]
    return ((vectors / values[kept]) @ vectors.T).float()


def _start_as_jacobi(smooth: Affine, transfer: Affine, dim: int) -> None:
    """S = 2 w D^-1 - w^2 D^-1 A D^-1 and T = 1 - w A D^-1, with 1/D linear about D = 2 dim."""
    most = 2 * dim
    slope = 1.0 / (most - 1) - 1.0 / most
    centre = 3**dim // 2
    scale = 2 * _DAMPING - _DAMPING**2
    smooth.bias.data[centre] = scale * (1.0 / most + slope * most)
    transfer.bias.data[centre] = 1.0 - _DAMPING
    for k, offset in enumerate(offsets(dim)):
        if sum(abs(step) for step in offset) == 1:
            at = tuple(step + 1 for step in offset)
            smooth.weight.data[(centre, slice(None), *at)] = -scale * slope
            smooth.weight.data[(k, 0, *at)] = _DAMPING**2 / most**2
            transfer.weight.data[(k, 0, *at)] = _DAMPING / most


def _coverage(coarse: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Share of an interpolated value that comes from non-solid coarse cells, at least 0.001.

    coarse: image (2, *coarse + 2), ring included.
    """
    present = (coarse.sum(0) > 0).float()
    around = prolong(present[None], tuple(2 * n for n in present.shape))[0]
    return around[tuple(slice(2, 2 + n) for n in shape)].clamp(min=1e-3)


def _mean(image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    convolution = F.conv2d if image.ndim == 3 else F.conv3d
    return convolution(image[None], weight[None], bias[None]).mean()


def _inside(padded: Tensor, dim: int) -> Tensor:
    """A view without the ring of one cell along the last axes."""
    return padded[(..., *(slice(1, -1),) * dim)]


def _below(x: Tensor, axis: int) -> Tensor:
    """For each cell the value of the cell below it, 0 for the first."""
    return torch.cat([torch.zeros_like(x.narrow(axis, 0, 1)), lower(x, axis)], axis)


def _above(x: Tensor, axis: int) -> Tensor:
    """For each cell the value of the cell above it, 0 for the last."""
    return torch.cat([upper(x, axis), torch.zeros_like(x.narrow(axis, 0, 1))], axis)
