"""What a picture is made of: one stored frame of a liquid or of smoke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True, eq=False)
class SolidGrid:
    """The signed distance of all solids together, without the walls of the domain.

    Parameters
    ----------
    distance : float32, shape (n0 + 1, n1 + 1[, n2 + 1])
        Metres, negative inside, on the nodes ``i * spacing``; clamped to a band of a few cells.
    spacing : float
        Metres between nodes: the cell size, or half of it for crisper edges.
    """

    distance: np.ndarray
    spacing: float


SPRAY, FOAM, BUBBLE = 0, 1, 2  # kinds of whitewater


@dataclass(frozen=True, eq=False, kw_only=True)
class WhitewaterParticles:
    """Spray, foam and bubbles of a frame, n of them.

    Parameters
    ----------
    positions, velocities : float32, shape (n, dim)
        m and m/s.
    kind : uint8, shape (n,)
        SPRAY, FOAM or BUBBLE: above, on or below the surface of the liquid.
    id : uint32, shape (n,)
        Of each particle, the same in all frames.
    age : float32, shape (n,)
        Since it was made, s.
    life : float32, shape (n,)
        For which it still lasts as foam, s.
    issued : int
        Particles made so far: the next id.
    """

    positions: np.ndarray
    velocities: np.ndarray
    kind: np.ndarray
    id: np.ndarray
    age: np.ndarray
    life: np.ndarray
    issued: int

    @classmethod
    def none(cls, dim: int) -> WhitewaterParticles:
        """No particles, and none made yet."""
        no_vectors, nothing = np.zeros((0, dim), np.float32), np.zeros(0, np.float32)
        return cls(
            positions=no_vectors, velocities=no_vectors, kind=np.zeros(0, np.uint8),
            id=np.zeros(0, np.uint32), age=nothing, life=nothing, issued=0,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class _Frame:
    """What every frame has. The domain is the box [0, shape * dx]; the last axis points up."""

    kind: ClassVar[str]
    number: int
    time: float
    shape: tuple[int, ...]
    dx: float
    solids: SolidGrid | None = None
    caption: str = ""
    pressure: np.ndarray | None = None

    @property
    def extent(self) -> tuple[float, ...]:
        """Sides of the domain in metres."""
        return tuple(n * self.dx for n in self.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class LiquidFrame(_Frame):
    """One frame of a liquid in the domain [0, shape * dx], whose last axis points up.

    Parameters
    ----------
    number : int
        Of the frame in its run, from 1.
    time : float
        Simulated seconds since the start.
    shape : tuple of int
        Cells along each axis.
    dx : float
        Cell size, m.
    positions, velocities : float32, shape (n, dim)
        Of the particles, m and m/s.
    pressure : float32 of `shape`, optional
        Pa, for the panels of 2D pictures and for `fluidsim view`.
    solids : SolidGrid, optional
        None if there are none.
    caption : str
        Title of the picture, e.g. "dam_break 64x64x64  multigrid".
    whitewater : WhitewaterParticles, optional
        Spray, foam and bubbles; None if none were made.
    """

    kind: ClassVar[str] = "liquid"
    positions: np.ndarray
    velocities: np.ndarray
    whitewater: WhitewaterParticles | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class SmokeFrame(_Frame):
    """One frame of smoke in the domain [0, shape * dx], whose last axis points up.

    Parameters
    ----------
    number, time, shape, dx, solids, caption
        As of a `LiquidFrame`.
    density : float32 of `shape`
        Of the smoke, about 0 to 1.
    temperature : float32 of `shape`
        K above ambient.
    velocity : float32, shape (dim, *shape)
        At cell centres, m/s.
    pressure : float32 of `shape`, optional
        Pa, for the panels of 2D pictures and for `fluidsim view`.
    """

    kind: ClassVar[str] = "smoke"
    density: np.ndarray
    temperature: np.ndarray
    velocity: np.ndarray


Frame = LiquidFrame | SmokeFrame
