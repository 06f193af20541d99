"""Smoke that leaves through an open side of the domain fades out before it, without a hard edge."""

from collections.abc import Sequence

import numpy as np

_REACH = 0.35  # length over which smoke fades, as a part of the domain's shortest side
_POWER = 5  # dense smoke looks dense until little of it is left


def thinned(field: np.ndarray, open_sides: Sequence[str]) -> np.ndarray:
    """The field on the cells (n0, n1, n2), made to fall smoothly to 0 towards the open sides.

    open_sides: any of "x-", "x+", "y-", "y+", "z-", "z+".
    """
    for side in open_sides:
        axis = "xyz".index(side[0])
        away = np.arange(field.shape[axis], dtype=np.float32) + 0.5
        kept = np.clip(away / (_REACH * min(field.shape)), 0, 1) ** _POWER
        if side[1] == "+":
            kept = kept[::-1]
        field = np.moveaxis(np.moveaxis(field, axis, -1) * kept, -1, axis)
    return field
