"""How much turbulence there is at the smallest scale of the stored flow.

A wavelet decomposition that does not depend on the place (the a trous algorithm, Holschneider et
al. 1989, with cubic splines) in place of the decimated one of Kim et al. 2008, section 4.1.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

_SPLINE = np.array((1, 4, 6, 4, 1)) / 16


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
