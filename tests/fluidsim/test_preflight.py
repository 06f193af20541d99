"""What a run needs and what is wrong with it, said before its first step."""

import dataclasses
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from fluidsim import LiquidScene, RigidBody, RunConfig, SmokeScene, View, Whitewater, run
from fluidsim.liquid.inflows import Inflow, Outflow
from fluidsim.runs.plan import Plan
from fluidsim.runs.preflight import BYTES_OF_KERNELS, Needs, obstacles, warnings
from fluidsim.smoke.options import Source
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere

CONFIG = RunConfig(scene="any", resolution=32, frames=10)


def tank(**changes) -> LiquidScene:
    return LiquidScene(**{"size": (1.0, 1.0, 1.0), "liquid": HalfSpace(0.5), **changes})


def smoky(shape, **changes) -> SmokeScene:
    return SmokeScene(size=(1.0, 1.0, 1.0), sources=[Source(shape, **changes)])


def said(scene, config=CONFIG) -> list[str]:
    plan = Plan.of(scene, config)
    return list(obstacles(plan, Needs.of(plan), Path("not/there/yet")))


def test_a_scene_that_fits_has_no_obstacles():
    assert said(tank()) == []
    assert said(smoky(Sphere((0.5, 0.5, 0.1), 0.1))) == []


def test_needs_grow_with_cells_frames_and_pixels():
    deep = tank(liquid=HalfSpace(1.0))
    needs = Needs.of(Plan.of(deep, CONFIG))
    larger = Needs.of(Plan.of(deep, dataclasses.replace(CONFIG, resolution=64)))
    growth = larger.memory - needs.memory  # but for what any run takes
    assert growth == pytest.approx(7 * (needs.memory - BYTES_OF_KERNELS), rel=0.05)
    assert larger.disk > needs.disk and larger.seconds > needs.seconds
    longer = Needs.of(Plan.of(deep, dataclasses.replace(CONFIG, frames=20)))
    assert longer.seconds == pytest.approx(2 * needs.seconds)
    bare = Needs.of(Plan.of(deep, dataclasses.replace(CONFIG, render=False, checkpoint=0)))
    assert bare.disk < needs.disk and bare.seconds < needs.seconds


def test_whitewater_needs_disk():
    bare = dataclasses.replace(CONFIG, render=False)
    without, flagged, few = (
        Needs.of(Plan.of(tank(**given), config)).disk
        for given, config in (
            ({}, bare),
            ({}, dataclasses.replace(bare, whitewater=True)),
            ({"view": View(whitewater=Whitewater(most=1000))}, bare),
        )
    )
    assert 1.2 < flagged / without < 2
    assert few - without == 10 * 37 * 1000


def test_needs_are_those_of_the_water_and_not_of_the_room():
    fine = dataclasses.replace(CONFIG, resolution=128, render=False)
    pour = Inflow(Sphere((0.5, 0.5, 0.9), 0.1), (0, 0, -1))
    pool = HalfSpace(0.05)
    full, shallow, tilted, poured = (
        Needs.of(Plan.of(tank(**given), fine))
        for given in (
            {"liquid": HalfSpace(0.95)},
            {"liquid": pool},
            {"liquid": pool, "gravity": (1.0, 0.0, -9.81)},
            {"liquid": pool, "inflows": [pour]},
        )
    )
    assert shallow.memory < full.memory / 4 and shallow.seconds < full.seconds / 3
    assert shallow.memory < tilted.memory < poured.memory < full.memory


def test_a_big_room_with_little_water_runs_on_24_gib():
    config = dataclasses.replace(CONFIG, resolution=512)
    pool = tank(size=(1.0, 1.0, 0.5), liquid=HalfSpace(0.025))
    column = tank(size=(1.0, 1.0, 0.5), liquid=Box((0, 0, 0), (0.293, 0.293, 0.293)))
    plume = SmokeScene(size=(0.5, 0.5, 1.0), sources=[Source(Sphere((0.25, 0.25, 0.1), 0.1))])
    for scene in (pool, column, plume):
        assert Needs.of(Plan.of(scene, config)).memory < 0.9 * 24 * 2**30


def test_pictures_of_liquids_need_memory_for_what_is_looked_at():
    """Without solids a surface is drawn up to the top of the liquid, whatever the room."""
    fine = dataclasses.replace(CONFIG, resolution=128)
    bare = dataclasses.replace(fine, render=False)
    pool = tank(liquid=HalfSpace(0.05))
    pillar = tank(liquid=HalfSpace(0.05), solids=[Box((0.4, 0.4, 0), (0.6, 0.6, 1))])
    drawn, with_pillar, undrawn = (
        Needs.of(Plan.of(scene, config)).memory
        for scene, config in ((pool, fine), (pillar, fine), (pool, bare))
    )
    assert undrawn < drawn < 1.5 * undrawn and with_pillar > 1.3 * drawn


def little_memory(monkeypatch, scene, config, share) -> float:
    """Only that share of what the run needs is free."""
    memory = namedtuple("memory", "available")
    free = share * Needs.of(Plan.of(scene, config)).memory
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(free))
    return free


def test_too_little_memory_is_said_with_a_resolution_that_fits(monkeypatch):
    fine = dataclasses.replace(CONFIG, resolution=256)
    little_memory(monkeypatch, tank(), fine, 0.25)
    (line,) = said(tank(), fine)
    fits = int(line.partition("--resolution ")[2].split()[0])
    assert said(tank(), dataclasses.replace(fine, resolution=fits)) == []
    assert said(tank(), dataclasses.replace(fine, resolution=fits + 1)) != []
    assert fits > 128


def test_where_only_the_solver_is_too_large_another_is_named(monkeypatch):
    exact = dataclasses.replace(CONFIG, resolution=96, solver="schur")
    little_memory(monkeypatch, tank(), exact, 0.5)
    (line,) = said(tank(), exact)
    assert "with schur" in line and line.endswith("--solver multigrid would fit")
    assert said(tank(), dataclasses.replace(exact, solver="multigrid")) == []


def test_where_nothing_fits_that_is_said(monkeypatch):
    little_memory(monkeypatch, tank(), CONFIG, 0.01)
    (line,) = said(tank())
    assert line.endswith("no resolution would fit")


def test_a_full_box_needs_more_than_a_puddle_and_inflows_may_fill_half():
    def memory(scene) -> float:
        return Needs.of(Plan.of(scene, CONFIG)).memory

    puddle, half, full = (tank(liquid=HalfSpace(height)) for height in (0.1, 0.5, 1.0))
    assert memory(puddle) < memory(half) < memory(full)
    poured = tank(
        liquid=HalfSpace(0.1), inflows=[Inflow(Sphere((0.5, 0.5, 0.8), 0.1), (0.0, 0.0, -1.0))]
    )
    assert memory(poured) == pytest.approx(memory(half), rel=0.02)


def test_too_little_disk_is_said(monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(2**20))
    (line,) = said(tank())
    assert "choose another --out" in line


OUTSIDE = {
    "source 1": smoky(Sphere((0.5, 0.5, 3.0), 0.1)),
    "inflow 1": tank(inflows=[Inflow(Sphere((0.5, -0.5, 0.5), 0.1), (0.0, 0.0, -1.0))]),
    "outflow 1": tank(outflows=[Outflow(Moving(Sphere((9.0, 0.5, 0.5), 0.1), (9.0, 0.5, 0.5)))]),
    "the liquid": tank(liquid=Box((2.0, 2.0, 2.0), (3.0, 3.0, 3.0))),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_outside_of_the_domain_is_named(name):
    (line,) = said(OUTSIDE[name])
    assert line.startswith(f"{name} lies outside") and "(1, 1, 1) m" in line


def test_what_comes_in_later_is_not_outside():
    ball = Moving(Sphere((-1.0, 0.5, 0.5), 0.1), (-1.0, 0.5, 0.5), velocity=(9.0, 0.0, 0.0))
    scene = tank(outflows=[Outflow(ball)])
    assert said(scene, dataclasses.replace(CONFIG, frame_seconds=0.02)) == []


def test_fast_solids_are_warned_of(machine):
    for speed, count in ((1.0, 0), (100.0, 1)):
        ball = Sphere((0.5, 0.5, 0.5), 0.2)
        scene = tank(solids=[Moving(ball, (0.5, 0.5, 0.5), velocity=(speed, 0.0, 0.0))])
        plan = Plan.of(scene, CONFIG)
        lines = list(warnings(plan, plan.start(machine)))
        assert len(lines) == count
        assert all("substeps" in line for line in lines)


def test_friction_that_moves_no_body_is_warned_of(machine):
    for viscosity, count in ((0.0, 0), (1.0, 1)):
        ball = RigidBody(Sphere((0.5, 0.5, 0.5), 0.2), density=500)
        plan = Plan.of(tank(solids=[ball], viscosity=viscosity), CONFIG)
        lines = list(warnings(plan, plan.start(machine)))
        assert len(lines) == count
        assert all("friction" in line for line in lines)


def far_away(config: RunConfig) -> SmokeScene:
    ball = Sphere(config.point(0.5, 0.5, 5.0), 0.1)
    return SmokeScene(size=config.point(1, 1, 1), sources=[Source(ball)])


def test_an_obstacle_ends_the_run_before_it_begins_but_for_force(tmp_path, capsys):
    flags = ["--dim", "2", "--resolution", "16", "--frames", "1", "--no-render"]
    assert run(far_away, [*flags, "--out", str(tmp_path / "a")]) == 1
    captured = capsys.readouterr()
    assert len(captured.err.strip().splitlines()) == 1
    assert "source 1 lies outside" in captured.err and "--force" in captured.err
    assert not (tmp_path / "a").exists()
    assert run(far_away, [*flags, "--force", "--out", str(tmp_path / "a")]) == 0
    said = capsys.readouterr().out
    assert "warning: source 1" in said and "needs about" in said


ROCK = Sphere((0.5, 0.5, 0.5), 0.3)
CORE = Sphere((0.5, 0.5, 0.55), 0.2)
BURIED = {
    "source 1": SmokeScene(size=(1.0, 1.0, 1.0), sources=[Source(CORE)], solids=[ROCK]),
    "inflow 1": tank(solids=[ROCK], inflows=[Inflow(CORE, (0.0, 0.0, -1.0))]),
    "the liquid": tank(solids=[ROCK, Sphere((9.0, 9.0, 9.0), 0.1)], liquid=CORE),
}


@pytest.mark.parametrize("name", BURIED)
def test_what_lies_inside_of_solids_is_named(name):
    assert said(BURIED[name]) == [f"{name} lies inside of a solid"]


def test_what_reaches_out_of_a_solid_or_may_come_free_is_not_inside():
    assert said(tank(solids=[CORE], liquid=ROCK)) == []
    lifted = Moving(ROCK, (0.5, 0.5, 0.5), velocity=(0.0, 0.0, 1.0))
    assert said(tank(solids=[lifted], liquid=CORE)) == []


class Nowhere(Sphere):
    def distance(self, points):
        return super().distance(points) * float("nan")


def test_a_shape_that_has_no_distance_is_named():
    (line,) = said(tank(liquid=Nowhere((0.5, 0.5, 0.5), 0.2)))
    assert line == "the distance of the liquid is not a number (NaN)"


def test_a_domain_that_whole_cells_change_is_told_with_a_resolution_that_fits(machine):
    for size, resolution, told in (((100.0, 1.0), 48, 1), ((3.22, 1.0), 64, 0)):
        config = dataclasses.replace(CONFIG, dim=2, resolution=resolution)
        plan = Plan.of(LiquidScene(size=size, liquid=HalfSpace(0.5)), config)
        lines = [each for each in warnings(plan, plan.start(machine)) if "domain" in each]
        assert len(lines) == told
        for line in lines:
            assert "(100, 2.083) m in whole cells, not (100, 1) m" in line
            assert line.endswith("--resolution 96 fits better")
