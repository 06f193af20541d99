"""How fast the turbulence is that the cells of the stored flow were too large for.

Two measures, the larger of which counts. The smallest scale of the flow tells how much turbulence
there is already: a wavelet decomposition that does not depend on the place (the a trous algorithm,
Holschneider et al. 1989, with cubic splines) in place of the decimated one of Kim et al. 2008,
section 4.1. Shear tells how much must come: the stem of a plume on few cells is smooth, has next
to nothing at the smallest scale, and yet turns over where it is sheared. Turbulence that is slow
beside the shear is drawn out to strands. So its speed is at least in proportion to the shear over
a cell (Smagorinsky 1963, "General circulation experiments with the primitive equations").
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from fluidsim.upres.slopes import strain

SHEARED = 0.5  # speed, of the shear over a cell: as in a plume whose cap has curled up
_SPLINE = np.array((1, 4, 6, 4, 1)) / 16


def unresolved(velocity: np.ndarray) -> np.ndarray:
    """The speed of the turbulence that a strength of 1 is measured by.

    Parameters
    ----------
    velocity : float32, shape (dim, *shape)
        At the centres of cells, m/s.

    Returns
    -------
    float32, shape shape
        m/s.
    """
    sheared = _smoothed(np.sqrt(2 * strain(velocity)))
    return np.maximum(smallest_scale(velocity), np.float32(SHEARED) * sheared)


def smallest_scale(velocity: np.ndarray) -> np.ndarray:
    """The speed of the part of a flow that a grid of twice the cells could not hold.

    Parameters
    ----------
    velocity : float32, shape (dim, *shape)
        At the centres of cells, m/s.

    Returns
    -------
    float32, shape shape
        Root of the mean square of that part over the cells around, m/s.
    """
    fine = velocity - np.stack([_smoothed(each) for each in velocity])
    return np.sqrt(_smoothed((fine**2).sum(0))).astype(np.float32)


def _smoothed(values: np.ndarray) -> np.ndarray:
    for axis in range(values.ndim):
        values = correlate1d(values, _SPLINE, axis, mode="nearest")
    return values
