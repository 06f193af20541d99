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
    """A factored stencil, for any number of right-hand sides; made by `factorize`.

    Attributes
    ----------
    stencil : Tensor, (*batch, 5 or 9, H, W)
        What was factored.
    tree : Tree
        The nested boxes of the image.
    batches : tuple of Batch
        Boxes of equal size, deepest first.
    panels : list of LUPanel
        The factor, one panel per batch.
    """

    stencil: Tensor
    tree: Tree
    batches: tuple[batched.Batch, ...]
    panels: list[LUPanel]

    @torch.no_grad()
    def solve(self, rhs: Tensor, transpose: bool = False, refinements: int = 1) -> Tensor:
        """Solve A x = rhs, or A^T x = rhs (not conjugated).

        Parameters
        ----------
        rhs : Tensor, (*batch, *any, H, W)
            With the batch of the stencil; the axes in between are independent right-hand sides.
        transpose : bool, default False
            Whether to solve with the transpose.
        refinements : int, default 1
            Steps of iterative refinement, which recover the accuracy that small pivots cost. A step
            that does not reduce the residual is discarded.

        Returns
        -------
        Tensor, dtype of the stencil, shape of rhs
            The solution x.

        Raises
        ------
        ValueError
            If the shape of rhs does not fit.
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

    Rows are exchanged only among the pivots of a box.

    Parameters
    ----------
    stencil : Tensor, float or complex, (*batch, 5 or 9, H, W)
        Coefficients, one system per element of the batch, on any device. The 9 neighbours are in
        reading order, (-1, -1), (-1, 0), ..., (1, 1), with the pixel itself in the middle; the 5
        are those without the diagonal ones. x is 0 outside the image (Dirichlet condition); for a
        Neumann condition, add the coefficients that lead outside to the one in the middle.
    patch : int, default 8
        Side of the smallest boxes, in pixels.

    Returns
    -------
    Factor
        The factored systems.

    Raises
    ------
    ValueError
        If shape, type or patch are not supported.
    MemoryError
        If the factor would not fit.

    References
    ----------
    "Schwarz-Schur Involution: Lightspeed Differentiable Sparse Linear Solvers" (ICML 2025).
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
    """The pixels that have a neighbour at this offset, and these neighbours."""
    here, there = [], []
    for n, step in zip(image, (down, right), strict=True):
        here.append(slice(max(0, -step), n - max(0, step)))
        there.append(slice(max(0, step), n - max(0, -step)))
    return (..., *here), (..., *there)
