# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Fire: the light of hot gas.

Planck's law at the wavelengths of red, green and blue, for an eye adapted to daylight (Nguyen,
Fedkiw & Jensen, "Physically based modeling and animation of fire", 2002). The gas of a scene is
cooler than a flame; it is shown as hot as one.
"""

from dataclasses import dataclass

import numpy as np
import taichi as ti

from fluidsim.render.arrays import vec3

GLOWS, HOTTEST = 180.0, 900.0  # K above ambient: the light begins here, and is brightest here
_SHOWN = (1200.0, 2200.0)  # K: the temperatures shown for these two; cooler gas is far dimmer
_WHITE = 6500.0  # K: light of this temperature looks white
_WAVES = np.array((610.0, 549.0, 468.0))  # nm
_SECOND_RADIATION = 1.4388e7  # nm K
_STRENGTH = 100.0  # light that the hottest gas emits along the unit of length; more hides shades
_CAST = 4.0  # times brighter it lights its surroundings: flames are shown darker, for their shades
_SHADES = 256


@dataclass(frozen=True)
class Fire:
    """Glowing gas, in scaled lengths.

    glow: float32 on the cells, 0 .. 1. colours: float32 (_SHADES, 3), the light that glows from 0
    to 1 emit along the unit of length. place, light: of the whole fire as one point; the light is
    that on a white surface at distance 1.
    """

    glow: np.ndarray
    colours: np.ndarray
    place: np.ndarray
    light: np.ndarray


def glow_of(temperature: np.ndarray) -> np.ndarray:
    """How brightly gas glows, float32 from 0 to 1, at a temperature in K above ambient."""
    return np.clip((temperature - GLOWS) / (HOTTEST - GLOWS), 0, 1).astype(np.float32)


def fire_of(temperature: np.ndarray, upper: np.ndarray) -> Fire | None:
    """The fire in a domain [0, upper], None if nothing is hot; temperature: K above ambient."""
    glow = glow_of(temperature)
    hot = np.argwhere(glow > 0)
    if not len(hot):
        return None
    colours = _colours()
    emitted = colours[(glow[tuple(hot.T)] * (_SHADES - 1)).astype(int)]
    if not emitted.any():
        return None
    share = emitted.sum(1) / emitted.sum()
    place = ((hot + 0.5) * share[:, None]).sum(0) / glow.shape * upper
    volume = float(np.prod(upper)) / glow.size
    return Fire(glow, colours, place, emitted.sum(0) * (_CAST * volume / np.pi))


def _colours() -> np.ndarray:
    amount = np.linspace(0, 1, _SHADES)[:, None]
    kelvin = _SHOWN[0] + (_SHOWN[1] - _SHOWN[0]) * amount
    light = np.exp(-_SECOND_RADIATION / _WAVES * (1 / kelvin - 1 / _WHITE))
    light *= _STRENGTH / light.max() * np.minimum(amount / 0.1, 1)  # from zero, without a rim
    return light.astype(np.float32)


@ti.func
def emitted(colours: ti.template(), glow):
    """The light that gas emits along the unit of length."""
    shade = int(ti.math.clamp(glow, 0.0, 1.0) * (_SHADES - 1) + 0.5)
    return vec3(colours[shade, 0], colours[shade, 1], colours[shade, 2])
