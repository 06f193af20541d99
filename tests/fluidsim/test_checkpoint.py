"""Runs that go on after whatever ended them, and checkpoints that are refused."""

import errno
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from fluidsim.cli import main
from fluidsim.runs import stopping
from fluidsim.runs.loop import FrameLoop
from fluidsim.store import checkpoint, frames
from fluidsim.store.checkpoint import Checkpoint
from fluidsim.store.claim import claimed
from fluidsim.store.run_folder import read_log

SMALL = ["--resolution", "16", "--no-render", "--checkpoint", "2"]


def lines_of(folder: Path) -> list[dict]:
    """The frames of a log without their times."""
    lines = [line for line in read_log(folder / "log.jsonl") if "frame" in line]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "frames").iterdir()}


def check_same(one: Path, other: Path) -> None:
    assert lines_of(one) == lines_of(other)
    assert files_of(one) == files_of(other)


def start(scene: str, folder: Path, *flags: str) -> int:
    return main(["run", scene, *SMALL, "--out", str(folder), *flags])


def resume(scene: str, place: Path, *flags: str) -> int:
    return main(["run", scene, "--resume", str(place), *flags])


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert start("dam_break", folder, "--dim", "2", "--frames", "7") == 0
    return folder


@pytest.mark.parametrize(
    ("scene", "dim"),
    [
        ("stirred_tank", "2"),
        ("smoke_solid", "2"),
        pytest.param("stirred_tank", "3", marks=pytest.mark.slow),
        pytest.param("smoke_solid", "3", marks=pytest.mark.slow),
    ],
)
def test_a_finished_run_is_extended_as_if_it_had_never_ended(scene, dim, tmp_path):
    recording = ["--dim", dim, "--record-systems", "2"]
    assert start(scene, tmp_path / "a", *recording, "--frames", "5") == 0
    assert start(scene, tmp_path / "b", *recording, "--frames", "3") == 0
    assert resume(scene, tmp_path / "b", "--frames", "5") == 0
    check_same(tmp_path / "a", tmp_path / "b")
    systems = [
        {path.name: path.stat().st_size for path in (tmp_path / name / "systems").iterdir()}
        for name in "ab"
    ]
    assert systems[0] == systems[1]
    assert json.loads((tmp_path / "b" / "config.json").read_text())["config"]["frames"] == 5
    assert len(checkpoint.stored(tmp_path / "b" / "checkpoints")) == 2


def test_a_stopped_run_keeps_its_last_frame(whole, tmp_path, monkeypatch, capsys):
    advance = FrameLoop._advance

    def stopped(loop):
        if loop.frame == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return advance(loop)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(FrameLoop, "_advance", stopped)
        status = start("dam_break", folder, "--dim", "2", "--frames", "7")
    assert status == stopping.INTERRUPTED
    assert f"--resume {folder} goes on after frame 3" in capsys.readouterr().out
    assert [line["frame"] for line in lines_of(folder)] == [1, 2, 3]
    assert resume("dam_break", folder) == 0
    check_same(folder, whole)


def test_a_full_disk_ends_the_run_with_its_state_kept(whole, tmp_path, monkeypatch, capsys):
    save = frames.save

    def full(frame, folder):
        if frame.number == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        save(frame, folder)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(frames, "save", full)
        assert start("dam_break", folder, "--dim", "2", "--frames", "7") == 1
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert "No space left" in errors[0]
    assert str(folder / "checkpoints" / "000005.safetensors") in errors[0]
    assert json.loads((folder / "config.json").read_text())["status"].startswith("failed")
    assert resume("dam_break", folder) == 0
    check_same(folder, whole)


def test_no_room_for_the_state_either(tmp_path, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    save = checkpoint.save
    monkeypatch.setattr(frames, "save_solids", full)
    monkeypatch.setattr(checkpoint, "save", full)
    assert start("dam_break", tmp_path / "a", "--dim", "2", "--frames", "2") == 1
    assert "cannot write frame 1" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr(checkpoint, "save", lambda *a: save(*a) if a[1].frame < 4 else full())
    assert start("dam_break", tmp_path / "b", "--dim", "2", "--frames", "5") == 1
    assert "--resume" in (said := capsys.readouterr().err) and "000002.safetensors" in said


def test_a_damaged_checkpoint_is_refused_and_the_older_one_offered(whole, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    older, newest = checkpoint.stored(folder / "checkpoints")
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    assert resume("dam_break", folder, "--frames", "9") == 1
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert "damaged" in said and f"--resume {older}" in said
    assert resume("dam_break", older) == 0
    check_same(folder, whole)


def test_flags_of_another_run_are_refused(whole, capsys):
    for flags, said in (
        (["--resolution", "32"], "--resolution of the run is 16"),
        (["--out", "elsewhere"], "leave out --out"),
        ([], "--frames N asks for more"),
    ):
        try:
            assert resume("dam_break", whole, *flags) == 1
        except SystemExit as exit:
            assert exit.code == 2
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        resume("water_drop", whole)
    assert "scene dam_break" in capsys.readouterr().err


def test_a_checkpoint_of_another_run_is_refused(whole, tmp_path, capsys):
    folder = tmp_path / "run"
    assert start("dam_break", folder, "--dim", "2", "--frames", "2", "--seed", "1") == 0
    shutil.copy(whole / "checkpoints" / "000007.safetensors", folder / "checkpoints")
    assert resume("dam_break", folder, "--frames", "9") == 1
    assert "config seed is 0 there and 1 here" in capsys.readouterr().err


def test_a_run_without_checkpoints_says_so(tmp_path, capsys):
    assert (
        start("dam_break", tmp_path / "a", "--dim", "2", "--frames", "1", "--checkpoint", "0") == 0
    )
    assert not (tmp_path / "a" / "checkpoints").exists()
    assert resume("dam_break", tmp_path / "a", "--frames", "2") == 1
    assert "no checkpoint" in capsys.readouterr().err


def test_every_byte_of_a_checkpoint_is_checked(tmp_path):
    state = {"velocity": torch.rand(2, 3), "counts": torch.arange(4)}
    path = checkpoint.save(tmp_path / "c", Checkpoint(3, state, {"frame": 3}, 5, {"a": [1, 2]}))
    back = checkpoint.load(path)
    assert (back.frame, back.record, back.systems, back.identity) == (
        3,
        {"frame": 3},
        5,
        {"a": [1, 2]},
    )
    assert all(torch.equal(values, back.state[name]) for name, values in state.items())
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        assert not checkpoint.is_whole(path)
    for size in range(0, len(data), 7):
        path.write_bytes(data[:size])
        assert not checkpoint.is_whole(path)


def test_a_folder_belongs_to_one_run_at_a_time(whole, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with claimed(folder):
        for begin, flags in ((resume, ["--frames", "9"]), (start, ["--dim", "2"])):
            assert begin("dam_break", folder, *flags) == 1
            said = capsys.readouterr().err
            assert len(said.strip().splitlines()) == 1
            assert "a run that has not ended" in said
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert resume("dam_break", folder, "--frames", "8") == 0


def test_another_version_is_refused(tmp_path, monkeypatch):
    made = Checkpoint(3, {"counts": torch.arange(4)}, {}, 0, {})
    monkeypatch.setattr(checkpoint, "VERSION", "0")
    path = checkpoint.save(tmp_path, made)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="has version 0, this program reads 1"):
        checkpoint.load(path)
