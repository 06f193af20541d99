"""Looks of 3D pictures: background, floor and light.

This module loads without Taichi: flags and scenes name presets before anything is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Preset:
    """A look: colours are linear light.

    Parameters
    ----------
    sun : (x, y, z)
        Direction towards the sun, of any length.
    sunlight, skylight : colour
        What a white surface that faces the sun, or the sky above, reflects of each.
    horizon, zenith : colour
        Of the sky.
    glare : float
        Strength of the sun's glow in the sky.
    floor, solid : colour
        Of the floor and of solids.
    tiles : float
        Contrast of the floor's tiles, 0 to 1.
    """

    sun: tuple[float, float, float]
    sunlight: Colour
    skylight: Colour
    horizon: Colour
    zenith: Colour
    glare: float
    floor: Colour
    tiles: float
    solid: Colour

    @property
    def towards_sun(self) -> np.ndarray:
        """Unit vector towards the sun."""
        return np.array(self.sun) / np.linalg.norm(self.sun)


PRESETS = {
    "studio": Preset(
        sun=(0.55, 0.35, 0.75),
        sunlight=(1.40, 1.30, 1.15),
        skylight=(0.18, 0.22, 0.27),
        horizon=(0.64, 0.69, 0.74),
        zenith=(0.16, 0.32, 0.58),
        glare=1.0,
        floor=(0.50, 0.51, 0.53),
        tiles=0.20,
        solid=(0.78, 0.30, 0.08),
    ),
    "dark": Preset(
        sun=(0.80, -0.10, 0.62),
        sunlight=(1.90, 1.67, 1.37),
        skylight=(0.075, 0.123, 0.212),
        horizon=(0.045, 0.054, 0.071),
        zenith=(0.008, 0.012, 0.022),
        glare=0.3,
        floor=(0.085, 0.089, 0.097),
        tiles=0.14,
        solid=(0.55, 0.17, 0.07),
    ),
}
