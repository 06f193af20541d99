"""The state of a simulation as a frame that can be stored, and as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fluidsim import render, taichi_runtime
from fluidsim.flow.simulation import Simulation
from fluidsim.grid.grid import Grid
from fluidsim.liquid.liquid import Liquid
from fluidsim.render.camera import Camera
from fluidsim.render.frame import Frame, LiquidFrame, SmokeFrame, SolidGrid
from fluidsim.smoke.smoke import Smoke

SOLID_BAND = 8.0  # cells: stored distances are clamped to this
SOLID_NODES = 129  # with at most so many nodes a side, solids are sampled at half the cell size


def draw(
    subject: Simulation | Frame,
    size: tuple[int, int] = (640, 360),
    camera: Camera | None = None,
    **style: Any,
) -> np.ndarray:
    """Draw the present state of a simulation, or a frame.

    Parameters
    ----------
    subject : Simulation, LiquidFrame or SmokeFrame
    size : (width, height)
        In pixels. A 2D picture keeps the aspect of the domain: bars fill the rest.
    camera : Camera, optional
        Of a 3D picture; by default the domain fills it.
    **style
        Fields of `fluidsim.render.Style`, such as ``preset="dark"`` or ``liquid="honey"``.

    Returns
    -------
    uint8, shape (height, width, 3)
        Rows from the top, then columns, then red, green and blue.

    Raises
    ------
    TypeError
        If `Style` has no such field.
    ValueError
        If a field has no such value.
    """
    chosen = render.Style(**style)
    taichi_runtime.ensure_started()
    if isinstance(subject, Simulation):
        subject = frame_of(subject, 0, "", solid_grid(subject))
    return render.picture(subject, size, camera, chosen)


def frame_of(simulation: Simulation, number: int, caption: str, solids: SolidGrid | None) -> Frame:
    """The present state, copied to the CPU; solids: its `solid_grid`."""
    grid = simulation.grid
    common: dict[str, Any] = {
        "number": number, "time": simulation.time, "shape": grid.shape, "dx": grid.dx,
        "solids": solids, "caption": caption,
    }  # fmt: skip
    if isinstance(simulation, Liquid):
        fields = simulation.fields()
        return LiquidFrame(
            positions=_array(fields["positions"]),
            velocities=_array(fields["velocities"]),
            pressure=_pressure(simulation),
            **common,
        )
    if isinstance(simulation, Smoke):
        smoke = simulation.smoke_cells()
        return SmokeFrame(
            density=_array(simulation.density * smoke),
            temperature=_array(simulation.temperature * smoke),
            velocity=_array(grid.centred(simulation.velocity)),
            pressure=_pressure(simulation) if grid.dim == 2 else None,
            **common,
        )
    raise TypeError(f"cannot make a frame of a {type(simulation).__name__}")


def _pressure(simulation: Simulation) -> np.ndarray | None:
    """None before the first step."""
    if simulation.pressure is None:
        return None
    return _array(simulation.grid.fitted(simulation.pressure, simulation.window, 0.0))


def solid_grid(simulation: Simulation) -> SolidGrid | None:
    """The signed distance of the solids, at half the cell size if that is cheap."""
    solids, grid = simulation.solids, simulation.grid
    if solids.static is None and not solids.moving:
        return None
    finer = 2 if max(grid.nodes) * 2 - 1 <= SOLID_NODES else 1
    fine = Grid(tuple(n * finer for n in grid.shape), grid.dx / finer)
    distance = solids.distance_at(fine.node_positions(simulation.device), simulation.time)
    band = SOLID_BAND * grid.dx
    return SolidGrid(_array(distance.clamp(-band, band)), fine.dx)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().to("cpu", torch.float32).contiguous().numpy().copy()
