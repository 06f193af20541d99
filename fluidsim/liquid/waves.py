"""Steps that are short enough for the shortest waves on a liquid."""

from __future__ import annotations

import math

WAVE_STEP = 0.6  # of sqrt(dx / g); from about twice that on the shortest waves blow up
CAPILLARY_STEP = 3.0  # of Brackbill's: his waves of two cells are damped; at 4 jets spray


def longest_step(dx: float, gravity: float, tension_over_density: float) -> float:
    """The longest stable time step, s; infinite without gravity and surface tension.

    dx: m. gravity: its size, m/s^2. tension_over_density: m^3/s^2. Capillary waves: Brackbill,
    Kothe & Zemach 1992, "A continuum method for modeling surface tension", eq. 61, without air,
    times CAPILLARY_STEP.
    """
    longest = math.inf
    if gravity > 0:
        longest = WAVE_STEP * math.sqrt(dx / gravity)
    if tension_over_density > 0:
        capillary = dx**3 / (4 * math.pi * tension_over_density)
        longest = min(longest, CAPILLARY_STEP * math.sqrt(capillary))
    return longest
