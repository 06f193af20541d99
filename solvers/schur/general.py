"""Direct solution of general stencils on images: nonsymmetric, indefinite, complex."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from solvers.schur import batched
from solvers.schur.memory import require
from solvers.schur.panels import LUPanel, lu
from solvers.schur.tree import Tree, build

# Steps along an image from a pixel to its neighbours, in reading order: the order of the planes.
_SQUARE = tuple(product((-1, 0, 1), repeat=2))
_CROSS = tuple(step for step in _SQUARE if 0 in step)
_OFFSETS = {5: _CROSS, 9: _SQUARE}
_TYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)


@dataclass(frozen=True, eq=False)
class Factor:
    """A factored stencil, for any number of right-hand sides; made by `factorize`."""

    stencil: Tensor
    tree: Tree
    batches: tuple[batched.Batch, ...]
    panels: list[LUPanel]

    @torch.no_grad()
    def solve(self, rhs: Tensor, transpose: bool = False, refinements: int = 1) -> Tensor:
        """x with A x = rhs, or A^T x = rhs (not conjugated).

        rhs: (*batch, *any, H, W) with the batch of the stencil; any further axes in between are
            independent right-hand sides. x has the same shape, in the dtype of the stencil.
        refinements: steps of iterative refinement, which win back what a small pivot costs; a step
            that does not lessen the residual is not taken.
        Raises ValueError for shapes that do not fit.
        """
        batch, image = self.stencil.shape[:-3], self.stencil.shape[-2:]
        if rhs.shape[: len(batch)] != batch or rhs.shape[-2:] != image or rhs.ndim < len(batch) + 2:
            expected = f"({', '.join(map(str, (*batch, '...', *image)))})"
            raise ValueError(f"rhs must have shape {expected}, not {tuple(rhs.shape)}")
        b = rhs.to(self.stencil.dtype).reshape(*batch, -1, *image)
        x = self._solve(b, transpose)
        residual = b - self._apply(x, transpose)
        for _ in range(refinements):
            refined = x + self._solve(residual, transpose)
            left = b - self._apply(refined, transpose)
            is_better = _norm(left) < _norm(residual)
            x = torch.where(is_better, refined, x)
            residual = torch.where(is_better, left, residual)
        return x.reshape(rhs.shape)

    def _solve(self, b: Tensor, transpose: bool) -> Tensor:
        systems, many = math.prod(b.shape[:-3]), b.shape[-3]
        v = b.new_zeros(systems, *self.tree.nodes, many)
        cells = (slice(None), *self.tree.cells)
        v[cells] = b.reshape(systems, *b.shape[-3:]).movedim(1, -1)
        batched.substitute(self.batches, self.panels, v.flatten(1, -2), transpose)
        return v[cells].movedim(-1, 1).reshape(b.shape)

    def _apply(self, x: Tensor, transpose: bool) -> Tensor:
        """A x or A^T x, for x (*batch, many, H, W)."""
        result = torch.zeros_like(x)
        for plane, (down, right) in enumerate(_OFFSETS[self.stencil.shape[-3]]):
            weights = self.stencil[..., plane, :, :].unsqueeze(-3)
            here, there = _overlap(x.shape[-2:], down, right)
            if transpose:
                result[there] += weights[here] * x[here]
            else:
                result[here] += weights[here] * x[there]
        return result


@torch.no_grad()
def factorize(stencil: Tensor, patch: int = 8) -> Factor:
    """Factor A with (A x)[i, j] = sum over k of stencil[k, i, j] x[i + di_k, j + dj_k].

    stencil: (*batch, 5 or 9, H, W), float or complex, on any device; one system for each element
        of the batch. The 9 neighbours come in reading order, (-1, -1), (-1, 0), ... (1, 1), with
        the pixel itself in the middle; the 5 are those of them without diagonal steps. x is 0
        outside the image (Dirichlet); a Neumann rim is a matter of coefficients: add those that
        lead outside to the one in the middle.
    patch: side of the smallest boxes, in pixels.

    Pivots are exchanged within a box only. Raises ValueError for other shapes and types,
    MemoryError when the factor would not fit.
    """
    if stencil.ndim < 3 or stencil.shape[-3] not in _OFFSETS or 0 in stencil.shape:
        shape = tuple(stencil.shape)
        raise ValueError(f"stencil must have shape (..., 5 or 9, H, W), not {shape}")
    if stencil.dtype not in _TYPES:
        raise ValueError(f"stencil must be float or complex, not {stencil.dtype}")
    if patch < 2:
        raise ValueError(f"patch must be at least 2, not {patch}")
    stencil = stencil.detach()
    planes, image = stencil.shape[-3], tuple(stencil.shape[-2:])
    offsets = _OFFSETS[planes]
    middle = planes // 2
    tree = build(image, patch, offsets[:middle] + offsets[middle + 1 :], symmetric=False)
    parts = batched.batches(tree, stencil.device)
    flat = stencil.reshape(-1, planes, *image)
    require(batched.bytes_needed(parts, len(flat), stencil.element_size()), stencil.device)
    coefficients = flat.new_zeros(len(flat), planes, *tree.nodes)
    order = [middle, *range(middle), *range(middle + 1, planes)]
    coefficients[(slice(None), slice(None), *tree.cells)] = flat[:, order]
    panels = batched.eliminate(parts, coefficients, lu)
    return Factor(stencil, tree, parts, panels)


def _norm(v: Tensor) -> Tensor:
    return torch.linalg.vector_norm(v, dim=(-2, -1), keepdim=True)


def _overlap(image: torch.Size, down: int, right: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Pixels with a neighbour at this offset, and these neighbours."""
    here, there = [], []
    for n, step in zip(image, (down, right), strict=True):
        here.append(slice(max(0, -step), n - max(0, step)))
        there.append(slice(max(0, step), n - max(0, -step)))
    return (..., *here), (..., *there)
