"""What a picture is made of: the state of one stored frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SolidGrid:
    """Signed distance of all solids, without the walls of the domain.

    distance: float32, on the nodes i * spacing, shape (n0 + 1, n1 + 1[, n2 + 1]); metres,
    negative inside, clamped to a band of a few cells. spacing: dx, or a whole part of it for
    crisper edges.
    """

    distance: np.ndarray
    spacing: float


@dataclass(frozen=True)
class Frame:
    """One frame of a run. The domain is the box [0, shape * dx], up is the last axis.

    kind "liquid" needs `positions` and `velocities`; kind "smoke" needs `density`, and in 2D
    `velocity`. `pressure` is for panels beside 2D pictures and for the technical viewer. Arrays
    that a kind does not need are None.
    """

    kind: str  # "liquid" or "smoke"
    number: int
    time: float  # s
    shape: tuple[int, ...]  # cells
    dx: float  # m
    solids: SolidGrid | None
    caption: str  # e.g. "dam_break 64x64x64  multigrid"
    positions: np.ndarray | None = None  # (n, dim) float32, m
    velocities: np.ndarray | None = None  # (n, dim) float32, m/s
    density: np.ndarray | None = None  # shape, float32, about 0 .. 1
    temperature: np.ndarray | None = None  # shape, float32, K above ambient
    velocity: np.ndarray | None = None  # (dim, *shape) float32, m/s, at cell centres
    pressure: np.ndarray | None = None  # shape, float32, Pa

    @property
    def extent(self) -> tuple[float, ...]:
        """Sides of the domain in metres."""
        return tuple(n * self.dx for n in self.shape)
