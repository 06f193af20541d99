"""A closed domain that an inflow has filled."""

from fluidsim.liquid.inflows import Inflow
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Box, HalfSpace, Sphere


def frames(scene, resolution, count):
    box = scene.start(resolution, threads=1)
    reports, errors = [], []
    for _ in range(count):
        reports.append(box.advance(1 / 60))
        errors.append(box.volume_error())
    return box, reports, errors


def test_a_wild_jet_fills_a_closed_box_and_no_more():
    jet = Inflow(Sphere((0.05, 0.15), 0.02), (20.0, 0.0))
    scene = LiquidScene(size=(0.2, 0.2), liquid=HalfSpace(0.02), inflows=jet)
    box, reports, errors = frames(scene, 12, 4)
    assert min(each.particles_poured for each in reports) >= 0
    assert max(map(abs, errors)) < 0.3
    assert reports[-1].full and not reports[0].particles_drained
    assert int(box.state()["sources_owed"]) == box.sources.owed > 0


def test_a_tank_fills_up_and_its_inflow_ends():
    spout = Inflow(Box((0.0, 0.4), (0.2, 0.8)), (1.0, 0.0))
    full = LiquidScene(size=(1.0, 1.0), liquid=Box((-1, -1), (2, 2)), inflows=spout)
    box, reports, errors = frames(full, 16, 3)
    assert all(each.full for each in reports)
    assert sum(each.particles_poured for each in reports) == 0
    assert max(map(abs, errors)) < 0.02
    assert float(box.particles.velocities.abs().max()) < 0.1
    half = LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.3), inflows=spout)
    assert not any(each.full for each in frames(half, 16, 3)[1])
