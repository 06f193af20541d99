"""Stencils on images that are hard in other ways than pressure: for `solvers.schur.factorize`.

The cases of table 3 of "Schwarz-Schur Involution: Lightspeed Differentiable Sparse Linear Solvers"
(ICML 2025): a strongly anisotropic Laplacian with a small multiple of the identity, the Helmholtz
equation at three wave numbers, and deconvolution with random kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import scipy.ndimage
import scipy.sparse as sp
import torch
from torch import Tensor

from solvers.slicing import lower, upper

# Ratio of the conductivities across and along the grain of the anisotropic case.
_ANISOTROPY = 1e-3
# Width of the features of the grain, in pixels.
_GRAIN = 12.0


def anisotropic(image: tuple[int, int], shift: float, seed: int = 0) -> Tensor:
    """-div(C grad u) + shift u with natural boundary conditions, float64 (9, H, W), symmetric.

    C conducts along a random smooth grain, and 1000 times less across it; discretised by bilinear
    finite elements on the squares between four pixels.
    """
    random = torch.Generator().manual_seed(seed)
    squares = [n - 1 for n in image]
    angle = torch.randn(squares, generator=random, dtype=torch.float64).numpy()
    angle = torch.from_numpy(scipy.ndimage.gaussian_filter(angle, _GRAIN, mode="nearest"))
    angle = math.pi * angle / angle.std()
    along, across = torch.cos(angle), torch.sin(angle)
    c00 = along**2 + _ANISOTROPY * across**2
    c11 = across**2 + _ANISOTROPY * along**2
    c01 = (1.0 - _ANISOTROPY) * along * across
    stencil = torch.zeros(3, 3, *image, dtype=torch.float64)
    corners = [(i, j) for i in (0, 1) for j in (0, 1)]
    for i, j in corners:
        for k, m in corners:
            # Integrals over the unit square of products of derivatives of the shape functions.
            vertical = (1.0 if i == k else -1.0) * (1.0 / 3.0 if j == m else 1.0 / 6.0)
            horizontal = (1.0 if j == m else -1.0) * (1.0 / 3.0 if i == k else 1.0 / 6.0)
            mixed = 0.25 * ((2 * i - 1) * (2 * m - 1) + (2 * j - 1) * (2 * k - 1))
            entry = vertical * c00 + horizontal * c11 + mixed * c01
            plane = stencil[1 + k - i, 1 + m - j]
            side = (upper if j else lower)((upper if i else lower)(plane, 0), 1)
            side += entry
    stencil[1, 1] += shift
    return stencil.flatten(0, 1)


def helmholtz(image: tuple[int, int], wave_number_squared: float) -> Tensor:
    """-laplace u - k^2 u with u = 0 outside, float64 (5, H, W), indefinite; k per pixel."""
    stencil = -torch.ones(5, *image, dtype=torch.float64)
    stencil[2] = 4.0 - wave_number_squared
    return stencil


def random_kernels(image: tuple[int, int], seed: int = 0) -> Tensor:
    """Nine numbers per pixel, uniform in [-1, 1], float64 (9, H, W).

    The matrix is neither symmetric nor definite.
    """
    random = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(9, *image, generator=random, dtype=torch.float64) - 1.0


CASES: dict[str, Callable[[tuple[int, int]], Tensor]] = {
    "anisotropic + 0.01": lambda image: anisotropic(image, 1e-2),
    "anisotropic + 0.0001": lambda image: anisotropic(image, 1e-4),
    "Helmholtz, k^2 = 0.01/64": lambda image: helmholtz(image, 0.01 / 64),
    "Helmholtz, k^2 = 0.1/64": lambda image: helmholtz(image, 0.1 / 64),
    "Helmholtz, k^2 = 1/64": lambda image: helmholtz(image, 1.0 / 64),
    "random kernels": random_kernels,
}


def to_scipy(stencil: Tensor) -> sp.csr_matrix:
    """The matrix (pixels, pixels) of a stencil (5 or 9, H, W), pixels in memory order."""
    planes, height, width = stencil.shape
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if planes == 9 or 0 in (i, j)]
    number = torch.arange(height * width).reshape(height, width)
    rows, columns, values = [], [], []
    for plane, (i, j) in zip(stencil, steps, strict=True):
        here = (slice(max(0, -i), height - max(0, i)), slice(max(0, -j), width - max(0, j)))
        there = (slice(max(0, i), height - max(0, -i)), slice(max(0, j), width - max(0, -j)))
        rows.append(number[here].reshape(-1))
        columns.append(number[there].reshape(-1))
        values.append(plane[here].reshape(-1))
    place = (torch.cat(rows).numpy(), torch.cat(columns).numpy())
    return sp.csr_matrix((torch.cat(values).numpy(), place), shape=(number.numel(),) * 2)
