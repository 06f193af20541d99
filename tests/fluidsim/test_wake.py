"""Flow past a cylinder: forces and the vortices that it sheds."""

import numpy as np
import pytest
import torch

from fluidsim import RunConfig
from fluidsim.grid.grid import Grid
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.timing import StageTimer
from scenes import karman_street
from tests.fluidsim.worlds import CPU, smoke

DENSITY = 1.2  # kg/m^3, of the smoke in worlds.py; diameter and wind are 1


def wind_past_cylinder(cells, length, height, reynolds):
    """A disc of `cells` across in a channel with sticking walls, the wind at speed everywhere."""
    grid = Grid((length * cells, height * cells), 1 / cells)
    inlet = Source(Box((-1.0, -1.0), (2 / cells, 99.0)), 0.0, 0.0, velocity=(1.0, 0.0))
    physics = SmokeOptions(weight=0, lift=0, vorticity=0, viscosity=DENSITY / reynolds)
    disc = Sphere((0.25 * length, height / 2), 0.5)
    flow = smoke(grid, [inlet], [disc], ["x-", "x+"], physics, rtol=1e-5, solver="multigrid")
    flow.velocity[0] = 1.0
    return flow


def coefficients(flow):
    """Drag and lift over rho U^2 D / 2."""
    return (flow.force_on_solids() / (0.5 * DENSITY)).tolist()


@pytest.mark.slow
def test_drag_of_a_steady_wake_is_along_the_wind_and_falls_with_the_reynolds_number():
    drags = []
    for reynolds in (5.0, 20.0):
        flow = wind_past_cylinder(4, 8, 6, reynolds)
        for _ in range(15):
            flow.step(0.2)
        drag, lift = coefficients(flow)
        assert abs(lift) < 1e-3 * drag
        assert flow.viscosity is not None
        friction = float(flow.viscosity.friction(flow.solids)[0]) / (0.5 * DENSITY)
        assert 0.25 * drag < friction < 0.7 * drag
        drags.append(drag)
    assert drags[1] < 0.7 * drags[0]
    assert drags[1] == pytest.approx(3.85, rel=0.1)  # at 12 cells across


@pytest.mark.slow
def test_vortices_are_shed_at_the_known_frequency():
    """At Re 100 an unbounded wake has Strouhal number 0.165; walls at 8 diameters raise it."""
    cells, height = 8, 8
    flow = wind_past_cylinder(cells, 15, height, 100.0)
    at = flow.grid.face_positions(1, CPU)
    flow.velocity[1] += 0.5 * torch.exp(-((at[..., 0] - 6) ** 2) - (at[..., 1] - 4) ** 2)
    dt = 0.6 / cells
    history = []
    for _ in range(round(55 / dt)):
        flow.step(dt)
        through = float(flow.grid.faces(flow.velocity, 0)[2 * cells].mean())
        history.append([*coefficients(flow), through])
    drag, lift, wind = np.array(history[len(history) // 2 :]).T
    assert abs(lift.mean()) < 0.02 * drag.mean()
    assert 0.15 < lift.std() < 0.4
    assert 1.3 < drag.mean() / wind.mean() ** 2 < 2.1
    rises = np.flatnonzero((lift[:-1] < 0) & (lift[1:] >= 0))
    assert len(rises) >= 4
    frequency = 1 / (np.diff(rises).mean() * dt)
    assert 0.16 < frequency / wind.mean() < 0.22


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [32, 64])
def test_the_street_of_the_scene_swings_within_its_frames(resolution, machine):
    """The air 5 radii behind the cylinder goes up and down in turn, as often as vortices do."""
    config = RunConfig("karman_street", dim=2, resolution=resolution)
    scene = karman_street.build(config)
    flow = scene.simulate(config, machine, StageTimer(machine.device))
    diameter, wind = 2 * karman_street.RADIUS, karman_street.WIND
    cell = tuple(int(x / flow.grid.dx) for x in (0.4 + 2.5 * diameter, 0.5))
    history = []
    for _ in range(config.frames):
        flow.advance(scene.frame_seconds)
        history.append(float(flow.grid.faces(flow.velocity, 1)[cell]))
    across = np.array(history[config.frames // 2 :]) / wind
    assert across.std() > 0.35 and abs(across.mean()) < 0.3 * across.std()
    rises = np.flatnonzero((across[:-1] < 0) & (across[1:] >= 0))
    assert len(rises) >= 2
    strouhal = diameter / (np.diff(rises).mean() * scene.frame_seconds * wind)
    assert 0.13 < strouhal < 0.25
