"""Smoke that leaves through an open side of the domain thins out before it, without a hard edge."""

from collections.abc import Sequence

import numpy as np

_REACH = 0.45  # length over which smoke fades, as a part of the domain's shortest side
_POWER = 2  # dense smoke looks dense until little of it is left
_WISPS = 2.0  # how much sooner thin smoke goes than dense smoke


def thinned(field: np.ndarray, open_sides: Sequence[str]) -> np.ndarray:
    """The field on the cells (n0, n1, n2), made to fall smoothly to 0 towards the open sides.

    What is thin goes first, so that a plume ends in the shape of its own billows; if all faded
    alike, it would end at a plane. open_sides: any of "x-", "x+", "y-", "y+", "z-", "z+".
    """
    most = max(float(np.max(field, initial=0.0)), 1e-6)
    for side in open_sides:
        axis = "xyz".index(side[0])
        away = np.arange(field.shape[axis], dtype=np.float32) + 0.5
        part = np.clip(away / (_REACH * min(field.shape)), 0, 1)
        if side[1] == "+":
            part = part[::-1]
        halved = most * _WISPS * (1 - part) ** 2 / part  # of so much only a half stays
        lines = np.moveaxis(field, axis, -1)
        dense = np.maximum(lines, 1e-6 * most)
        kept = np.where(part < 1, part**_POWER * dense / (dense + halved), 1)
        field = np.moveaxis(lines * kept, -1, axis)
    return field
