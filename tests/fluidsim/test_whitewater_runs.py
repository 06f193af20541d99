"""Whitewater in the folder of a run: during it, afterwards, again, and damaged."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fluidsim.cli import main
from fluidsim.store import whitewater
from fluidsim.store.stored_run import open_run

SCENE = """
from fluidsim import LiquidScene, View, Whitewater
from fluidsim.solid.shapes import Box

def build(config):
    at = config.point
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=Box(at(0.3, 0, 0), at(0.9, 1, 0.3)),
        velocity=at(4, 0, 0),
        open_sides=["z+"],
        view=View(whitewater=Whitewater(trapped_air=500, wave_crests=500)) if WITH else View(),
    )
"""
FLAGS = ["--dim", "2", "--resolution", "16", "--checkpoint", "2", "--no-render"]


def scene(folder: Path, with_whitewater: bool) -> str:
    path = folder / "splash.py"
    path.write_text(SCENE.replace("WITH", str(with_whitewater)), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run of six frames of a scene that asks for whitewater."""
    folder = tmp_path_factory.mktemp("whole")
    flags = [*FLAGS, "--frames", "6", "--out", str(folder / "run")]
    assert main(["run", scene(folder, True), *flags]) == 0
    return folder / "run"


@pytest.fixture
def run(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "whitewater").glob("*.ply")}


def made(folder: Path, *flags: str) -> int:
    return main(["whitewater", str(folder), *flags])


def test_a_run_stores_it_with_its_frames(whole):
    assert sorted(files(whole)) == [f"{number:04d}.ply" for number in range(1, 7)]
    stored = open_run(whole)
    last = stored.frame(6).whitewater
    assert len(last.id) > 100 and set(last.kind) >= {0, 1} and last.age.max() > 0.02
    assert stored.frame(1).whitewater.issued == 0
    kept = np.isin(stored.frame(5).whitewater.id, last.id)
    assert kept.mean() > 0.5
    *_, line = (whole / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["seconds"]["whitewater"] > 0


def test_the_command_makes_the_same_from_the_frames(run):
    before = files(run)
    shutil.rmtree(run / "whitewater")
    assert open_run(run).frame(6).whitewater is None
    assert made(run) == 0
    assert files(run) == before


@pytest.mark.parametrize("left", [b"", b"ply\n"], ids=["empty", "cut"])
def test_the_command_goes_on_where_it_was_interrupted(run, left):
    before = files(run)
    (run / "whitewater" / "0006.ply").unlink()
    (run / "whitewater" / "0005.ply").write_bytes(left)
    kept = (run / "whitewater" / "0003.ply").stat().st_mtime_ns
    assert made(run) == 0
    assert files(run) == before
    assert (run / "whitewater" / "0003.ply").stat().st_mtime_ns == kept


def test_other_numbers_start_over(run, capsys):
    before = files(run)
    assert made(run, "--lifetime", "0.02", "--seed", "3") == 0
    after = files(run)
    assert after["0001.ply"] == before["0001.ply"] and after["0003.ply"] != before["0003.ply"]
    assert json.loads((run / "whitewater" / "numbers.json").read_text())["numbers"]["seed"] == 3
    assert "particles in the last frame" in capsys.readouterr().out
    assert made(run) == 0
    assert files(run) == before


def test_a_resumed_run_goes_on_bit_for_bit(tmp_path, whole, monkeypatch):
    monkeypatch.setattr("fluidsim.runs.run.warm_up", lambda *given: None)
    file, out = scene(tmp_path, True), str(tmp_path / "run")
    assert main(["run", file, *FLAGS, "--frames", "4", "--out", out]) == 0
    (tmp_path / "run" / "whitewater" / "0004.ply").unlink()
    assert main(["run", file, "--resume", out, "--frames", "6"]) == 0
    assert files(tmp_path / "run") == files(whole)


def test_the_flag_adds_it_to_a_run_that_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("fluidsim.runs.run.warm_up", lambda *given: None)
    file, out = scene(tmp_path, False), tmp_path / "run"
    assert main(["run", file, *FLAGS, "--frames", "4", "--out", str(out)]) == 0
    assert files(out) == {}
    assert main(["run", file, "--resume", str(out), "--frames", "6", "--whitewater"]) == 0
    during = files(out)
    assert len(during) == 6
    shutil.rmtree(out / "whitewater")
    assert made(out) == 0
    assert files(out) == during
    assert main(["run", file, "--resume", str(out), "--frames", "7"]) == 0
    assert len(files(out)) == 7


def test_smoke_has_none(tmp_path, capsys):
    out = str(tmp_path / "run")
    flags = ["--dim", "2", "--resolution", "12", "--frames", "1", "--no-render", "--out", out]
    assert main(["run", "smoke_plume", *flags, "--whitewater"]) == 1
    assert capsys.readouterr().err == "error: whitewater is for liquids: smoke has none\n"
    assert not Path(out).exists()
    assert main(["run", "smoke_plume", *flags]) == 0
    capsys.readouterr()
    assert made(Path(out)) == 1
    assert capsys.readouterr().err.startswith("error: whitewater is for liquids")


def test_wrong_numbers_are_refused(run, capsys):
    with pytest.raises(SystemExit) as refused:
        made(run, "--slow", "0.9")
    assert refused.value.code == 2
    assert "slow of whitewater, 0.9, must be below fast" in capsys.readouterr().err


def test_damaged_files_are_told_apart(run):
    path = run / "whitewater" / "0006.ply"
    good = path.read_bytes()
    begin = good.index(b"end_header\n") + len(b"end_header\n")
    assert whitewater.read(path, (16, 16), 1 / 16) is not None
    huge = good.replace(b"element vertex ", b"element vertex 9999")
    kind = good[: begin + 24] + b"\7" + good[begin + 25 :]
    far = good[:begin] + np.float32(1e30).tobytes() + good[begin + 4 :]
    nan = good[: begin + 29] + np.float32("nan").tobytes() + good[begin + 33 :]
    for bad in (good[:-1], good + b"x", b"", b"obj", huge, kind, far, nan):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=r"0006.ply is .*; delete it"):
            whitewater.read(path, (16, 16), 1 / 16)


def test_a_damaged_list_of_numbers_starts_over(run):
    before = files(run)
    for bad in (b"{", b"[" * 10**5, b"0" * 10**5, b"\xff"):
        (run / "whitewater" / "numbers.json").write_bytes(bad)
        assert whitewater.prepare(run, {"numbers": 1}, [1, 2, 3]) == 0
        assert files(run) == {}
    assert made(run) == 0
    assert files(run) == before
