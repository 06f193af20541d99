"""The multigrid V-cycle as torch expressions, for any device: the definition of the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from solvers.multigrid.packed_levels import DIRICHLET_FACTOR, LARGEST_HELD, level_shapes
from solvers.multigrid.setup import SMALLEST_DIAGONAL
from solvers.slicing import interior, lower, upper
from solvers.system import PoissonSystem

# Over-relaxation of the sweeps: finest level, all others; each sweep red and black.
Factors = Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True, eq=False)
class Level:
    """One level on a grid of three axes, float32.

    weights: couplings on the faces of each axis, one more along it; 0 on the rim.
    inverse: inverse diagonal, 0 where there is none. red: bool, where i + j + k is even.
    """

    weights: list[Tensor]
    inverse: Tensor
    red: Tensor

    def gather(self, x: Tensor) -> Tensor:
        """The sum of weight times value over the neighbours."""
        total = torch.zeros_like(x)
        for axis, weights in enumerate(self.weights):
            inner = interior(weights, axis)
            upper(total, axis).add_(inner * lower(x, axis))
            lower(total, axis).add_(inner * upper(x, axis))
        return total

    def relax(self, x: Tensor, b: Tensor, colour: int, factor: float) -> Tensor:
        """x with the cells of a colour (0 red, 1 black) relaxed."""
        change = factor * (self.inverse * (b + self.gather(x)) - x)
        return torch.where(self.red if colour == 0 else ~self.red, x + change, x)

    def residual(self, x: Tensor, b: Tensor) -> Tensor:
        """b - A x in red cells with a diagonal; black cells were relaxed last and have none."""
        known = self.inverse > 0
        diagonal = 1.0 / torch.where(known, self.inverse, 1.0)
        return torch.where(known & self.red, b + self.gather(x) - diagonal * x, 0.0)


def build(system: PoissonSystem) -> list[Level]:
    """All levels of a system, finest first; a 2D grid (nx, nz) is (nx, 1, nz)."""
    return build_slab(*as_slab(system))


def build_slab(active: Tensor, face_weights: Sequence[Tensor], scaled: bool = True) -> list[Level]:
    """The same of mask and weights in three dimensions; never waits for a GPU.

    scaled: whether weights are brought near 1 by a common factor.
    """
    shapes = level_shapes(active.shape)
    couplings, held, total = _finest(active, face_weights, scaled)
    mass = (_invert(total) > 0).float()
    centre = [torch.zeros_like(mass) for _ in range(3)]
    levels = [Level(couplings, _invert(total), _red(mass))]
    for index, shape in enumerate(shapes[1:], start=1):
        couplings = [_halve_faces(w, axis, shape) for axis, w in enumerate(couplings)]
        held = _halve(held * (mass > 0), shape)
        moments = [
            _halve(mass * (c + _offsets(mass, axis, 2.0 ** (index - 1))), shape)
            for axis, c in enumerate(centre)
        ]
        mass = _halve(mass, shape)
        centre = [moment / mass.clamp(min=1.0) for moment in moments]
        weights = []
        for axis, (w, c) in enumerate(zip(couplings, centre, strict=True)):
            apart = 2.0**index + upper(c, axis) - lower(c, axis)
            weights.append(torch.zeros_like(w))
            interior(weights[-1], axis).copy_(interior(w, axis) / apart.clamp(min=1.0))
        total = DIRICHLET_FACTOR**index * held
        for axis, w in enumerate(weights):
            total = total + lower(w, axis) + upper(w, axis)
        levels.append(Level(weights, _invert(total), _red(mass)))
    return levels


def cycle(levels: list[Level], b: Tensor, factors: Factors, coarsest_sweeps: int) -> Tensor:
    """V-cycle of b; see `solvers.multigrid.kernels.cycle`. b: float32 on the finest level."""
    return _cycle(levels, 0, b, factors, coarsest_sweeps)


def cycle_below(levels: list[Level], b: Tensor, factors: Factors, coarsest_sweeps: int) -> Tensor:
    """V-cycle of b on level 1 and those below it. b: float32, shape of level 1."""
    return _cycle(levels, 1, b, factors, coarsest_sweeps)


def sweeps_of(
    index: int, deepest: bool, factors: Factors, coarsest_sweeps: int
) -> list[Sequence[float]]:
    """Red and black factor of each sweep on a level; the coarsest one repeats the last."""
    own = list(factors[min(index, 1)])
    if deepest:
        own += [own[-1]] * (coarsest_sweeps - len(own))
        own = own[:coarsest_sweeps]
    return own


def as_slab(system: PoissonSystem) -> tuple[Tensor, list[Tensor]]:
    """Mask and weights, float64, in three dimensions: a 2D grid (nx, nz) is (nx, 1, nz)."""
    weights = [w.detach().double() for w in system.face_weights]
    if system.dim == 3:
        return system.active, weights
    nx, nz = system.shape
    wall = torch.zeros((nx, 2, nz), dtype=torch.float64, device=system.device)
    return system.active[:, None], [weights[0][:, None], wall, weights[1][:, None]]


def _cycle(
    levels: list[Level], index: int, b: Tensor, factors: Factors, coarsest_sweeps: int
) -> Tensor:
    level, deepest = levels[index], index == len(levels) - 1
    own = sweeps_of(index, deepest, factors, coarsest_sweeps)
    x = torch.zeros_like(b)
    for red, black in own:
        x = level.relax(level.relax(x, b, 0, red), b, 1, black)
    if not deepest:
        coarse = _halve(level.residual(x, b), tuple(levels[index + 1].inverse.shape))
        correction = _cycle(levels, index + 1, coarse, factors, coarsest_sweeps)
        for axis, n in enumerate(b.shape):
            correction = correction.repeat_interleave(2, dim=axis).narrow(axis, 0, n)
        x = x + torch.where(level.inverse > 0, correction, 0.0)
    for red, black in reversed(own):
        x = level.relax(level.relax(x, b, 1, black), b, 0, red)
    return x


def _finest(
    active: Tensor, face_weights: Sequence[Tensor], scaled: bool
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Couplings between active cells, weights towards p = 0 and diagonal, in float32."""
    weights = [w.double() for w in face_weights]
    if scaled:
        scale = _scale(weights, active)
        weights = [scale * w for w in weights]
    couplings = []
    held = torch.zeros(active.shape, dtype=torch.float64, device=active.device)
    total = torch.zeros_like(held)
    for axis, w in enumerate(weights):
        between = torch.zeros(w.shape, dtype=torch.bool, device=active.device)
        interior(between, axis).copy_(lower(active, axis) & upper(active, axis))
        couplings.append(torch.where(between, w, 0.0).float())
        outward = torch.where(between, 0.0, w)
        held += lower(outward, axis) + upper(outward, axis)
        total += lower(w, axis) + upper(w, axis)
    held, total = torch.where(active, held, 0.0), torch.where(active, total, 0.0)
    return couplings, held.float(), total.float()


def _scale(weights: Sequence[Tensor], active: Tensor) -> Tensor:
    """The factor that brings the weights near 1: `packed_levels.uniform_scale`, as tensors."""
    zero = weights[0].new_zeros(())
    around, least, most = [], [zero + torch.inf], [zero]
    for axis, w in enumerate(weights):
        around.append(torch.where(active, torch.maximum(lower(w, axis), upper(w, axis)), 0.0).max())
        if active.shape[axis] > 1:
            both = lower(active, axis) & upper(active, axis)
            least.append(torch.where(both, interior(w, axis), torch.inf).min())
            most.append(torch.where(both, interior(w, axis), 0.0).max())
    largest, between = torch.stack(around).max(), torch.stack(most).max()
    uniform = (torch.stack(least).min() == between) & (largest <= LARGEST_HELD * between)
    chosen = torch.where(uniform & (between > 0), between, largest)
    return 1.0 / torch.where(chosen > 0, chosen, 1.0)


def _halve(v: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sums over blocks of two cells along each axis; missing cells count as 0."""
    for axis, n in enumerate(shape):
        v = _pair(v, axis, n)
    return v


def _halve_faces(w: Tensor, axis: int, shape: tuple[int, ...]) -> Tensor:
    """Sums of the weights on the faces of blocks."""
    faces = torch.zeros_like(w.narrow(axis, 0, 1)).repeat_interleave(shape[axis] + 1, dim=axis)
    kept = w[(slice(None),) * axis + (slice(None, None, 2),)]
    faces.narrow(axis, 0, kept.shape[axis]).copy_(kept)
    for other, n in enumerate(shape):
        faces = faces if other == axis else _pair(faces, other, n)
    return faces


def _pair(v: Tensor, axis: int, n: int) -> Tensor:
    """Sums of entries 2 i and 2 i + 1 along an axis, for i < n."""
    missing = 2 * n - v.shape[axis]
    padding = [0, 0] * (v.ndim - 1 - axis) + [0, missing]
    v = F.pad(v, padding)
    return v.unflatten(axis, (n, 2)).sum(axis + 1)


def _offsets(like: Tensor, axis: int, spacing: float) -> Tensor:
    """Position of cell centres along an axis, relative to the centres of their blocks."""
    n = like.shape[axis]
    offsets = spacing * (torch.arange(n, device=like.device) % 2 - 0.5)
    return offsets.to(like.dtype).reshape([n if d == axis else 1 for d in range(3)])


def _red(like: Tensor) -> Tensor:
    i, j, k = (torch.arange(n, device=like.device) for n in like.shape)
    return (i[:, None, None] + j[:, None] + k) % 2 == 0


def _invert(diagonal: Tensor) -> Tensor:
    """1 / diagonal; 0 where the diagonal is 0 or too small to invert in float32."""
    known = diagonal > SMALLEST_DIAGONAL
    return torch.where(known, 1.0 / torch.where(known, diagonal, 1.0), 0.0)
