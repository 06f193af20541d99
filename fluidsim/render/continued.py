"""Fields on cells, continued into solids.

The cells in a solid hold nothing. Interpolated with the cells beside them, that would show around
the solid as rings in the steps of the grid.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from fluidsim.render.cells import at_centres
from fluidsim.render.frame import SolidGrid


def continued(field: np.ndarray, solids: SolidGrid | None, dx: float) -> np.ndarray:
    """The field on cells of size dx; in cells whose centres solids hold, a smooth mean of what is
    nearest to them."""
    if solids is None:
        return field
    held = at_centres(solids, dx) < 0
    if not held.any() or held.all():
        return field
    nearest = distance_transform_edt(held, return_distances=False, return_indices=True)
    filled = field[tuple(np.asarray(nearest))]
    return np.where(held, gaussian_filter(filled, 1.0, mode="nearest"), field)
