"""Every scene for two frames, what a run leaves behind, and that it repeats bit for bit."""

import json
import sys

import imageio.v3 as imageio
import numpy as np
import pytest
import scipy.io

import solvers
from fluidsim import LiquidScene, RunConfig, run
from fluidsim.cli import main
from fluidsim.liquid.particles import SEEDED
from fluidsim.runs import stopping
from fluidsim.runs.catalogue import scene_names
from fluidsim.solid.shapes import HalfSpace
from solvers.storage import load_system
from tests.fluidsim.test_scenes import PAPER

KEYS = {
    "frame", "time", "substeps", "unknowns", "solver", "iterations", "viscosity_iterations",
    "relative_residual", "max_divergence", "volume_error", "particles", "seconds",
}  # fmt: skip
SMALL = ["--resolution", "16", "--frames", "2", "--size", "160x120"]


def log_of(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return lines[0], lines[1:]


def without_times(folder):
    header, records = log_of(folder)
    for record in records:
        del record["seconds"]
    return header, records


def test_the_five_scenes_are_there():
    assert {"dam_break", "water_drop", "smoke_solid", "smoke_plume", "stirred_tank"} <= set(
        scene_names()
    )


# Those of the paper have two frames in test_scenes.py, without pictures.
DRAWN = [
    pytest.param(name, marks=pytest.mark.slow if name in PAPER else ()) for name in scene_names()
]


@pytest.mark.parametrize("dim", ["2", "3"])
@pytest.mark.parametrize("name", DRAWN)
def test_scene(name, dim, tmp_path):
    out = tmp_path / "run"
    assert main(["run", name, "--dim", dim, "--out", str(out), *SMALL]) == 0
    header, records = log_of(out)
    assert [record["frame"] for record in records] == [1, 2]
    for record in records:
        assert record.keys() >= KEYS
        assert record["relative_residual"] <= 1e-6
        cells = record["particles"] / SEEDED[int(dim)]
        assert abs(record["volume_error"]) * cells <= max(0.05 * cells, 2.5)  # of a thin rope
        assert all(seconds >= 0 for seconds in record["seconds"].values())
    assert header.keys() >= {"config", "versions", "machine", "threads", "commit"}
    assert json.loads((out / "config.json").read_text())["status"] == "done"
    video = imageio.imread(out / "video.mp4")
    assert len(video) == 2
    assert np.std(video[-1]) > 5
    assert not list(out.rglob(".*"))


# All solvers go on from a state in 3D too, in test_state.py.
@pytest.mark.parametrize("solver", solvers.available())
@pytest.mark.parametrize("dim", ["2", pytest.param("3", marks=pytest.mark.slow)])
def test_solver_flag(solver, dim, tmp_path):
    flags = ["--solver", solver, "--dim", dim, "--no-render", "--out", str(tmp_path / "a")]
    assert main(["run", "dam_break", *flags, *SMALL]) == 0
    _, records = log_of(tmp_path / "a")
    assert {record["solver"] for record in records} == {solver}
    assert not (tmp_path / "a" / "video.mp4").exists()
    assert not list((tmp_path / "a" / "frames").glob("*.png"))


@pytest.mark.parametrize("scene", ["dam_break", "smoke_solid"])
@pytest.mark.parametrize("dim", ["2", "3"])
def test_same_seed_same_log(scene, dim, tmp_path):
    for name in "ab":
        flags = ["--dim", dim, "--no-render", "--out", str(tmp_path / name)]
        assert main(["run", scene, *flags, *SMALL, "--frames", "5"]) == 0
    assert without_times(tmp_path / "a") == without_times(tmp_path / "b")
    flags = ["--dim", dim, "--no-render", "--out", str(tmp_path / "c"), "--seed", "1"]
    assert main(["run", scene, *flags, *SMALL, "--frames", "5"]) == 0
    assert without_times(tmp_path / "a")[1] != without_times(tmp_path / "c")[1]


@pytest.mark.parametrize("scene", ["dam_break", "smoke_solid"])
@pytest.mark.parametrize("dim", ["2", "3"])
def test_recorded_systems_are_those_of_the_run(scene, dim, tmp_path):
    out = tmp_path / "run"
    flags = ["--dim", dim, "--no-render", "--record-systems", "2", "--out", str(out)]
    assert main(["run", scene, *flags, *SMALL, "--frames", "3"]) == 0
    _, records = log_of(out)
    files = sorted((out / "systems").glob("*.npz"))
    substeps = sum(record["substeps"] for record in records)
    assert len(files) == (substeps + 1) // 2
    first = load_system(files[0])
    assert first.system.unknowns == records[0]["unknowns"]
    assert (first.guess is None) == (scene != "smoke_solid")  # smoke starts with a pressure
    assert first.notes["scene"] == scene
    solution = solvers.solve(first.system, first.rhs, guess=first.guess, rtol=1e-6)
    if records[0]["substeps"] == 1:
        assert solution.iterations == records[0]["iterations"]
    assert load_system(files[1]).guess is not None


def test_bench_of_a_run(tmp_path, capsys):
    out = tmp_path / "run"
    flags = ["--dim", "2", "--no-render", "--record-systems", "1", "--out", str(out)]
    assert main(["run", "dam_break", *flags, *SMALL]) == 0
    assert main(["bench", str(out), "--solvers", "cg", "direct", "--repeats", "1"]) == 0
    results = json.loads((out / "bench" / "results.json").read_text())
    assert results["threads"] >= 1
    assert {row["solver"] for row in results["results"]} == {"cg", "direct"}
    assert (out / "bench" / "residual_iterations.png").exists()
    assert f"again: fluidsim bench {out} --solvers cg direct" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["bench", str(tmp_path / "empty")]) == 1


def test_exported_system_is_read_by_scipy(tmp_path):
    out = tmp_path / "run"
    flags = ["--dim", "2", "--no-render", "--record-systems", "1", "--out", str(out)]
    assert main(["run", "smoke_solid", *flags, *SMALL]) == 0
    stored = out / "systems" / "000001.npz"
    assert main(["export-system", str(stored), str(tmp_path / "a.mtx")]) == 0
    matrix, rhs = scipy.io.mmread(tmp_path / "a.mtx"), scipy.io.mmread(tmp_path / "a_rhs.mtx")
    system = load_system(stored).system
    assert abs(matrix - system.to_scipy()[0]).max() < 1e-15
    assert rhs.shape == (system.unknowns, 1)
    assert main(["export-system", str(out / "log.jsonl"), str(tmp_path / "b.mtx")]) == 1
    assert not (tmp_path / "b.mtx").exists()


@pytest.mark.parametrize("scene", ["stirred_tank", "smoke_solid"])
def test_render_again_makes_the_same_pictures(scene, tmp_path):
    out = tmp_path / "run"
    assert main(["run", scene, "--dim", "3", "--out", str(out), *SMALL]) == 0
    pictures = sorted((out / "frames").glob("*.png"))
    assert len(pictures) == 2
    before = [imageio.imread(path) for path in pictures]
    for path in pictures:
        path.unlink()
    (out / "video.mp4").unlink()
    assert main(["render", str(out)]) == 0
    after = [imageio.imread(path) for path in pictures]
    for first, second in zip(before, after, strict=True):
        assert np.abs(first.astype(int) - second.astype(int)).mean() < 0.5
    assert (out / "video.mp4").exists()


def build(config: RunConfig) -> LiquidScene:
    return LiquidScene(size=config.point(1, 1, 1), liquid=HalfSpace(0.5), gravity=GRAVITY)


GRAVITY = 9.81


def test_a_script_of_ones_own(tmp_path):
    flags = ["--dim", "2", "--no-render", "--out", str(tmp_path / "own")]
    assert run(build, [*flags, *SMALL]) == 0
    config = json.loads((tmp_path / "own" / "config.json").read_text())
    assert config["config"]["scene"] == "test_run"
    assert config["scene"]["liquid"] == {"type": "HalfSpace", "height": 0.5}


def test_not_a_number_fails_with_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tests.fluidsim.test_run.GRAVITY", float("nan"))
    flags = ["--dim", "2", "--no-render", "--out", str(tmp_path / "run")]
    assert run(build, [*flags, *SMALL]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert "not finite" in lines[0] or "nan" in lines[0]


def test_a_solver_that_does_not_converge_fails_with_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "solvers.registry.create",
        lambda name, options: solvers.cg.ConjugateGradient(max_iterations=1),
    )
    flags = ["--dim", "2", "--out", str(tmp_path / "run")]
    assert run(build, [*flags, *SMALL]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "solver cg" in lines[0]
    status = json.loads((tmp_path / "run" / "config.json").read_text())["status"]
    assert status.startswith("failed")
    assert not (tmp_path / "run" / "video.mp4").exists()


def test_scene_values_are_checked():
    with pytest.raises(ValueError, match="flip"):
        LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), flip=1.5)
    with pytest.raises(ValueError, match="transfer must be flip or apic"):
        LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), transfer="mpm")
    with pytest.raises(ValueError, match="density"):
        LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), density=-1.0)
    with pytest.raises(ValueError, match="frame_seconds"):
        LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), frame_seconds=-0.1)
    with pytest.raises(ValueError, match="sides"):
        LiquidScene(size=(1.0, 0.0), liquid=HalfSpace(0.5))


def test_a_lost_interrupt_ends_the_run_at_the_next_frame(tmp_path, monkeypatch):
    module = sys.modules["fluidsim.runs.run"]
    monkeypatch.setattr(module, "warm_up", lambda *arguments: stopping._stop.set())
    flags = ["--dim", "2", "--resolution", "16", "--frames", "3", "--no-render"]
    assert main(["run", "dam_break", *flags, "--out", str(tmp_path / "r")]) == 130
    assert json.loads((tmp_path / "r" / "config.json").read_text())["status"] == "interrupted"


def test_the_transfer_is_the_scenes_unless_a_flag_says_otherwise(tmp_path):
    logs = {}
    for name, flags in (("scene", []), ("flip", ["flip"]), ("apic", ["apic"])):
        transfer = ["--transfer", *flags] if flags else []
        arguments = ["--dim", "2", "--no-render", *SMALL, *transfer, "--out", str(tmp_path / name)]
        assert main(["run", "water_drop", *arguments]) == 0
        logs[name] = without_times(tmp_path / name)[1]
    assert logs["flip"] == logs["scene"] != logs["apic"]
