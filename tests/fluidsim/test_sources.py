"""Inflows and outflows: what they pour and drain is what their flow carries, and is counted."""

import pytest
import torch

from fluidsim.liquid.inflows import Inflow, Outflow
from fluidsim.liquid.particles import SEEDED
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from tests.fluidsim.worlds import cubic, liquid, volume_of

DIMS = pytest.mark.parametrize("dim", [2, 3])


def nozzle(dim, x=0.25):
    """At the wall x = 0, half as high and deep as the domain."""
    return Box((-1.0,) + (0.25,) * (dim - 1), (x,) + (0.75,) * (dim - 1))


def poured_volume(water):
    return water.exchanged.poured / SEEDED[water.grid.dim] * water.grid.dx**water.grid.dim


def nothing(dim):
    return Sphere((9.0,) * dim, 0.1)


@DIMS
def test_a_jet_carries_what_its_nozzle_pours(dim):
    grid = cubic(dim, 16)
    inflow = Inflow(nozzle(dim), (1.0, 0.0, 0.0)[:dim])
    jet = liquid(grid, nothing(dim), gravity=0.0, inflows=[inflow])
    for _ in range(12):
        report = jet.advance(1 / 60)
    assert report.particles_poured > 0
    # the first step fills the nozzle and carries on what is in it
    expected = 0.5 ** (dim - 1) * (0.25 + 11 / 60)
    assert poured_volume(jet) == pytest.approx(expected, rel=0.03)
    assert abs(jet.volume_error()) < 0.04
    x = jet.particles.positions * grid.dx
    assert float(x[:, 0].max()) == pytest.approx(0.25 + 12 / 60, abs=grid.dx)
    assert jet.particles.velocities[x[:, 0] > 0.3, 0].mean() == pytest.approx(1.0, abs=0.03)
    assert float(jet.particles.velocities[:, 1:].abs().mean()) < 0.05


def test_a_tank_fills_at_the_rate_of_its_submerged_inflow():
    grid = cubic(2, 32)
    inflow = Inflow(nozzle(2, 0.125) & HalfSpace(0.5), (0.5, 0.0), until=0.4)
    tank = liquid(grid, HalfSpace(0.5), inflows=[inflow])
    before = volume_of(tank)
    for _ in range(28):
        tank.advance(1 / 60)
    expected = 0.4 * 0.5 * 0.25
    assert poured_volume(tank) == pytest.approx(expected, rel=0.15)
    after = volume_of(tank)
    assert after - before == pytest.approx(expected, rel=0.2)
    assert abs(tank.volume_error()) < 0.02
    assert tank.advance(1 / 60).particles_poured == 0


@DIMS
def test_an_outflow_empties_its_shape_and_all_particles_are_counted(dim):
    grid = cubic(dim, 16)
    drain = Box((0.75,) + (-1.0,) * (dim - 1), (2.0,) * (dim - 1) + (0.2,))
    inflow = Inflow(Sphere((0.3,) * (dim - 1) + (0.7,), 0.12), (0.0, 0.0, -1.0)[-dim:])
    tank = liquid(grid, HalfSpace(0.4), inflows=[inflow], outflows=[Outflow(drain)])
    before = tank.particles.count
    totals = dict.fromkeys(("added", "removed", "left", "poured", "drained"), 0)
    for _ in range(10):
        report = tank.advance(1 / 60)
        for name in totals:
            totals[name] += getattr(report, f"particles_{name}")
    assert totals["drained"] > 0 and totals["poured"] > 0
    change = totals["added"] + totals["poured"]
    change -= totals["removed"] + totals["left"] + totals["drained"]
    assert tank.particles.count == before + change
    assert tank.particles.positions.shape == (tank.particles.count, dim)
    assert abs(tank.volume_error()) < 0.05


def test_a_moving_inflow_draws_a_line():
    grid = cubic(2, 32)
    pen = Moving(Sphere((0.2, 0.5), 0.06), (0.2, 0.5), (1.0, 0.0))
    pens = liquid(grid, nothing(2), gravity=0.0, inflows=[Inflow(pen, (0.0, 0.0))])
    for _ in range(30):
        pens.advance(1 / 60)
    x = pens.particles.positions[:, 0] * grid.dx
    assert float(x.min()) < 0.2 and float(x.max()) > 0.7
    held, _ = torch.histogram(x, bins=8, range=(0.2, 0.7))
    assert (held > 0).all()


def test_an_inflow_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match="2 components"):
        liquid(cubic(2, 8), nothing(2), inflows=[Inflow(Sphere((0.5, 0.5), 0.2), (0.0, 0.0, 1.0))])


def test_a_scene_takes_them():
    scene = LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.2), outflows=[Outflow(nothing(2))])
    assert scene.inflows == ()
