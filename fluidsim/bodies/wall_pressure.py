"""The pressure at the walls of bodies, instead of at the centres of the cells beside them.

The wall in a cell lies up to half a cell from its centre, and a box whose bottom falls between the
nodes would float that much too high or too deep. Along the normal n of a wall that slips the
pressure changes by

    dp/dn = density (g - a) . n,

a being the acceleration of the wall. g - a is what the pressure does to the body, up to the sign;
it is taken from the step before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fluidsim.bodies.body import Body, rows_of
from fluidsim.bodies.faces import BodyFaces
from fluidsim.bodies.mass import gradient


def wall_forces(
    faces: BodyFaces, bodies: Sequence[Body], fluid: Tensor, accelerations: np.ndarray,
    density: float,
) -> np.ndarray:  # fmt: skip
    """Forces and torques (n,), of all bodies in a row, that the difference makes, N and N m.

    fluid: (*shape) bool. accelerations: (n,), of the twists, by the pressure. density: kg/m^3.
    """
    wet = torch.nn.functional.pad(fluid.reshape(-1), (0, 1))
    sides = [
        (sign * faces.closed * wet[cells]).cpu().split(faces.counts)
        for sign, cells in ((1.0, faces.below), (-1.0, faces.above))
    ]
    places = [
        faces.centres(cells).cpu().split(faces.counts) for cells in (faces.below, faces.above)
    ]
    rows = faces.rows.cpu().split(faces.counts)
    total = []
    for number, (body, own) in enumerate(
        zip(bodies, accelerations.reshape(len(bodies), -1), strict=True)
    ):
        force = np.zeros_like(own)
        for areas, points in zip(sides, places, strict=True):
            area = areas[number]
            counts = area != 0
            drop = _drop(body, points[number][counts], own, faces.grid.dx)
            force += rows[number][counts].numpy().T @ (drop * area[counts].numpy())
        total.append(force)
    return density * np.concatenate(total) * faces.grid.dx ** (faces.grid.dim - 1)


def _drop(body: Body, points: Tensor, acceleration: np.ndarray, dx: float) -> np.ndarray:
    """The pressure at the wall less that at points (n, dim), over the density, (n,), m^2/s^2."""
    places = points.float()
    distance = body.distance(places, 0.0).double().clamp(-dx, dx).numpy()
    normals = gradient(lambda x: body.distance(x, 0.0), places, 0.1 * dx).double().numpy()
    along = rows_of(points.numpy() - body.centre, normals) @ acceleration
    return distance * along
