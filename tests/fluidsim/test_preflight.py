"""What a run needs and what is wrong with it, said before its first step."""

import dataclasses
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from fluidsim import LiquidScene, RunConfig, SmokeScene, run
from fluidsim.liquid.inflows import Inflow, Outflow
from fluidsim.runs.preflight import Needs, obstacles, warnings
from fluidsim.smoke.options import Source
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.timing import StageTimer

CONFIG = RunConfig(scene="any", resolution=32, frames=10)


def tank(**changes) -> LiquidScene:
    return LiquidScene(**{"size": (1.0, 1.0, 1.0), "liquid": HalfSpace(0.5), **changes})


def smoky(shape, **changes) -> SmokeScene:
    return SmokeScene(size=(1.0, 1.0, 1.0), sources=[Source(shape, **changes)])


def said(scene, config=CONFIG) -> list[str]:
    return list(obstacles(scene, config, Needs.of(scene, config), Path("not/there/yet")))


def test_a_scene_that_fits_has_no_obstacles():
    assert said(tank()) == []
    assert said(smoky(Sphere((0.5, 0.5, 0.1), 0.1))) == []


def test_needs_grow_with_cells_frames_and_pixels():
    needs = Needs.of(tank(), CONFIG)
    larger = Needs.of(tank(), dataclasses.replace(CONFIG, resolution=64))
    assert larger.memory == pytest.approx(8 * needs.memory)
    assert larger.disk > needs.disk and larger.seconds > needs.seconds
    longer = Needs.of(tank(), dataclasses.replace(CONFIG, frames=20))
    assert longer.seconds == pytest.approx(2 * needs.seconds)
    bare = Needs.of(tank(), dataclasses.replace(CONFIG, render=False, checkpoint=0))
    assert bare.disk < needs.disk and bare.seconds < needs.seconds


def test_too_little_memory_is_said_with_a_resolution_that_fits(monkeypatch):
    memory = namedtuple("memory", "available")
    need = Needs.of(tank(), CONFIG).memory
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(need / 4))
    (line,) = said(tank())
    fits = int(line.partition("--resolution ")[2].split()[0])
    assert said(tank(), dataclasses.replace(CONFIG, resolution=fits)) == []
    assert fits > 16


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
        simulation = scene.simulate(CONFIG, machine, StageTimer(machine.device))
        lines = list(warnings(scene, CONFIG, simulation))
        assert len(lines) == count
        assert all("substeps" in line for line in lines)


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
