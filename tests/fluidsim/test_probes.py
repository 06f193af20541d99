"""Gauges: exact for water at rest, on walls and on solids too, and logged by every substep once."""

import csv
import dataclasses
import errno
import os
from pathlib import Path

import pytest
import torch

from fluidsim import (
    HeightProbe,
    LiquidScene,
    PressureProbe,
    RunConfig,
    SmokeOptions,
    SmokeScene,
    Source,
    run,
)
from fluidsim.scene.probes import Gauges, wetted
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.store import frames
from fluidsim.store.run_folder import read_log
from fluidsim.timing import StageTimer

DIMS = pytest.mark.parametrize("dim", [2, 3])
LEVEL = 0.523
BLOCK = Box((0.7, 0.2, -0.1), (0.92, 0.8, 0.213))


def at(dim, x, z):
    return (x, 0.5, z)[3 - dim :] if dim == 3 else (x, z)


def pool(dim, probes, liquid=None):
    block = BLOCK if dim == 3 else Box((0.7, -0.1), (0.92, 0.213))
    return LiquidScene(
        size=(1.0,) * dim, liquid=liquid or HalfSpace(LEVEL), solids=[block], probes=probes
    )


def readings(scene, resolution, machine):
    config = RunConfig(scene="x", dim=len(scene.size), resolution=resolution, rtol=1e-8)
    simulation = scene.simulate(config, machine, StageTimer(machine.device))
    simulation.advance(1 / 60)
    gauges = Gauges(scene.probes, simulation)
    return dict(zip(gauges.names, gauges.read(), strict=True))


@DIMS
def test_pressure_at_rest_is_exact_within_the_water_on_walls_and_on_solids(dim, machine):
    places = {
        "inside": (0.31, 0.2), "floor": (0.3, 0.0), "wall": (0.0, 0.17), "corner": (1.0, 0.0),
        "surface": (0.4, LEVEL - 0.01), "face": (0.7, 0.1), "top": (0.8, 0.213),
        "air": (0.4, 0.8),
    }  # fmt: skip
    probes = {name: PressureProbe(at(dim, *place)) for name, place in places.items()}
    found = readings(pool(dim, probes), 24 if dim == 2 else 16, machine)
    for name, (_, z) in places.items():
        exact = max(0.0, 1000 * 9.81 * (LEVEL - z))
        assert found[name] == pytest.approx(exact, abs=0.5), name


@DIMS
def test_height_of_a_flat_surface_is_exact_over_the_floor_and_over_a_solid(dim, machine):
    probes = {
        name: HeightProbe(at(dim, x, 0)[:-1])
        for name, x in {"rim": 0.0, "floor": 0.33, "block": 0.8, "end": 1.0}.items()
    }
    found = readings(pool(dim, probes), 24 if dim == 2 else 16, machine)
    assert all(height == pytest.approx(LEVEL, abs=1e-4) for height in found.values()), found
    low = readings(pool(dim, probes, HalfSpace(0.1)), 24 if dim == 2 else 16, machine)
    assert low["floor"] == pytest.approx(0.1, abs=1e-4)
    assert low["block"] == 0


def test_length_of_water_in_columns():
    far = torch.full((1, 6), 9.0, dtype=torch.float64)

    def length(*distances):
        return float(wetted(torch.tensor([distances], dtype=torch.float64), far))

    assert length(-2.3, -1.3, -0.3, 0.7, 1.7, 2.7) == pytest.approx(2.8)
    assert length(0.3, 1.3, 2.3, 3.3, 4.3, 5.3) == pytest.approx(0.2)  # a film
    assert length(2.0, 1.0, 0.0, 1.0, 2.0, 3.0) == 0
    assert length(2.5, 1.5, 0.5, -0.5, 0.5, 1.5) == pytest.approx(1.0)  # a drop
    assert length(-5.0, -4.0, -3.0, -2.0, -1.0, 0.0) == pytest.approx(5.5)
    assert length(*[-5.0] * 6) == pytest.approx(6.0)


def test_pressure_in_smoke_is_that_of_its_last_projection(machine):
    """Smoke in the lower half of a closed room weighs b more: p falls by rho b times the height."""
    lower = Box((-1.0, -1.0), (2.0, 0.5))
    scene = SmokeScene(
        size=(1.0, 1.0), sources=[Source(lower, temperature=0.0, roughness=0.0)],
        physics=SmokeOptions(weight=2.0, lift=0.0, vorticity=0.0),
        probes={"low": PressureProbe((0.5, 0.0)), "middle": PressureProbe((0.5, 0.375))},
    )  # fmt: skip
    found = readings(scene, 16, machine)
    assert found["low"] - found["middle"] == pytest.approx(1.2 * 2.0 * 0.375, rel=1e-3)


@pytest.mark.parametrize(
    ("probes", "said"),
    [
        ({"P": PressureProbe((0.8, 0.1))}, "inside of a solid"),
        ({"P": PressureProbe((0.3, 0.6))}, "inside of a solid"),
        ({"P": PressureProbe((1.2, 0.1))}, "outside of the domain"),
        ({"P": PressureProbe((0.5, 0.5, 0.5))}, "needs 2 coordinates"),
        ({"H": HeightProbe((0.5, 0.5))}, "needs 1 coordinates"),
        ({"H": HeightProbe((-0.1,))}, "outside of the domain"),
        ({"time": HeightProbe((0.1,))}, "no name"),
        ({"a,b": HeightProbe((0.1,))}, "no name"),
    ],
)
def test_a_probe_that_cannot_be_is_refused_in_a_line(probes, said):
    turning = Moving(Sphere((0.3, 0.6), 0.1), (0.3, 0.6), spin=1.0)
    with pytest.raises(ValueError, match=said) as caught:
        dataclasses.replace(pool(2, probes), solids=[*pool(2, {}).solids, turning], probes=probes)
    assert "\n" not in str(caught.value)


def test_smoke_has_no_height():
    with pytest.raises(ValueError, match="smoke has no height"):
        SmokeScene(size=(1.0, 1.0), sources=[], probes={"H": HeightProbe((0.5,))})


def build(config):
    """A dam break with two gauges."""
    return LiquidScene(
        size=(1.0, 1.0), liquid=Box((0.0, 0.0), (0.4, 0.6)),
        probes={"P": PressureProbe((1.0, 0.0)), "H": HeightProbe((0.2,))}, frame_seconds=0.05,
    )  # fmt: skip


FLAGS = ["--dim", "2", "--resolution", "16", "--no-render", "--checkpoint", "2"]


def logged(folder: Path) -> list[list[float]]:
    with (folder / "probes.csv").open(newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading == ["time", "P", "H"]
    return [[float(value) for value in row] for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probes") / "run"
    assert run(build, [*FLAGS, "--frames", "6", "--out", str(folder)]) == 0
    return folder


def test_every_substep_has_a_line(whole):
    rows = logged(whole)
    lines = [line for line in read_log(whole / "log.jsonl") if "frame" in line]
    assert len(rows) == sum(line["substeps"] for line in lines) > len(lines)
    times = [row[0] for row in rows]
    assert times == sorted(set(times))
    assert {line["time"] for line in lines} <= set(times)
    assert rows[0][2] == pytest.approx(0.6, abs=0.03)
    assert rows[-1][1] > 0 or rows[-1][2] < 0.5


def test_a_resumed_run_has_the_lines_of_one_that_did_not_end(whole, tmp_path):
    folder = tmp_path / "run"
    assert run(build, [*FLAGS, "--frames", "3", "--out", str(folder)]) == 0
    (folder / "checkpoints" / "000003.safetensors").unlink()
    with (folder / "probes.csv").open("a") as file:
        file.write("0.17,1.0")  # cut off
    assert run(build, ["--resume", str(folder), "--frames", "6"]) == 0
    assert (folder / "probes.csv").read_bytes() == (whole / "probes.csv").read_bytes()


def test_lines_that_a_full_disk_refused_are_kept_with_the_state(whole, tmp_path, monkeypatch):
    save = frames.save

    def full(frame, folder):
        if frame.number == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(frame, folder)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(frames, "save", full)
        assert run(build, [*FLAGS, "--frames", "6", "--out", str(folder)]) == 1
    assert run(build, ["--resume", str(folder)]) == 0
    assert (folder / "probes.csv").read_bytes() == (whole / "probes.csv").read_bytes()


def test_a_scene_without_probes_writes_no_file(tmp_path):
    def plain(config):
        return dataclasses.replace(build(config), probes={})

    assert run(plain, [*FLAGS, "--frames", "1", "--out", str(tmp_path / "run")]) == 0
    assert not (tmp_path / "run" / "probes.csv").exists()
