"""The sides of the domain where torch records the flow: one step for all of them.

Each write on a part of a recorded field costs a copy of its whole gradient on the way back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.solid.boundary import Boundary


def stop_recorded(velocity: Tensor, open_faces: Tensor, boundary: Boundary) -> None:
    """Give the closed faces of a velocity (dim, *nodes) that of walls and inlets, and stored points
    beyond the grid 0, in place.

    open_faces: (dim, *nodes), the open part of each face; faces with one are left alone.
    """
    grid = boundary.grid
    shut = torch.zeros_like(boundary.closed)
    held = torch.zeros_like(velocity)
    for side in boundary.sides:
        opened = side.faces(open_faces[side.axis])
        side.faces(shut[side.axis]).copy_(side.closed & (opened == 0))
        if bool(side.velocity.any()):
            side.faces(held[side.axis]).copy_(side.velocity[side.axis])
    for axis in range(grid.dim):
        for other, beyond in enumerate(grid.shape):
            if other != axis:
                shut[axis].select(other, beyond).fill_(True)
                held[axis].select(other, beyond).zero_()
    velocity.copy_(torch.where(shut, held, velocity))
