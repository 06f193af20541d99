"""`fluidsim train npsdo`: writes weights and their card, resumes, and says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numba
import pytest
import torch

from fluidsim.cli import main
from fluidsim.commands.train import KINDS
from fluidsim.tools import recordings
from fluidsim.tools.budget import Budget
from fluidsim.tools.recordings import Recording
from fluidsim.tools.train import SIZES
from solvers.model_systems import model_system
from solvers.npsdo import card, weights
from solvers.npsdo.data import Split, load_recorded
from solvers.storage import save_system


@pytest.fixture
def flags(tmp_path: Path) -> Iterator[list[str]]:
    """Of a very small training on stored systems."""
    threads = numba.get_num_threads()
    for seed, name in enumerate(("systems", "held-out", "test")):
        (tmp_path / name).mkdir()
        save_system(tmp_path / name / "dam.npz", model_system("dam", (8, 8), seed))
    folders = [
        text
        for name in ("systems", "held-out", "test")
        for text in (f"--{name}", str(tmp_path / name))
    ]
    small = ["--sizes", "8", "--gate-sizes", "8", "--steps", "4", "--gates", "1", "--threads", "1"]
    yield ["train", "npsdo", *small, *folders, "--out", str(tmp_path / "npsdo_2d.safetensors")]
    numba.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(weights.KINDS))
def test_training_writes_weights_and_their_card(
    kind: str, flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "npsdo_2d.safetensors"
    assert main([*flags, "--kind", kind]) == 0
    notes = weights.notes(path)
    weights.load(path, kind, 2)
    said = capsys.readouterr().out
    assert "before training: 8: " in said and "gate at 4 steps" in said and "ETA" in said
    assert f"| test | {notes['test']} |" in (tmp_path / card.NAME).read_text()
    assert main([*flags, "--kind", kind, "--resume", "--steps", "6"]) == 0
    assert "gate at 6 steps" in capsys.readouterr().out
    assert main([*flags, "--kind", kind, "--start", str(path)]) == 0


def test_what_cannot_be_done_is_said_in_one_line(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for wrong, expected in (
        (["--resume"], "cannot be read"),
        (["--start", str(tmp_path / "none.safetensors")], "cannot be read"),
        (["--systems", str(tmp_path / "empty")], "holds no stored systems of dimension 2"),
        (["--out", str(tmp_path / "weights.pt")], "must end in .safetensors"),
    ):
        assert main([*flags, *wrong]) == 1
        error = capsys.readouterr().err
        assert expected in error and error.count("\n") == 1
    with pytest.raises(SystemExit) as stopped:
        main([*flags, "--dim", "4"])
    assert stopped.value.code == 2


def test_minutes_are_minutes_all_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on when it is asked to."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    budget = Budget(10)
    assert (budget.part(), budget.for_recording()) == (0.0, 150.0)
    now[0] += 120
    assert (budget.part(), budget.for_recording()) == (0.2, 30.0)
    assert budget.for_training(look=20, before=0) == 7.0  # 3 looks of 20 s are kept
    assert budget.for_training(look=1000, before=0) * 60 == pytest.approx(1.0)
    assert budget.judged(2.0, [64, 128, 256], 2) == [64, 128]  # 10 s of 30, 42 are too many
    assert budget.judged(99.0, [64, 128], 2) == [64]
    assert Budget(10, records=False).for_recording() == 0
    steps = Budget(None)
    assert steps.part() == 0 and steps.for_recording() == float("inf")
    assert steps.judged(99.0, [64, 512], 3) == [64, 512]


def test_a_training_of_minutes_ends_in_time(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = time.monotonic()
    assert main([*flags, "--steps", "0", "--minutes", "0.05"]) == 0
    assert time.monotonic() - before < 60
    said = capsys.readouterr().out
    assert "test, untrained" in said
    assert float(weights.notes(tmp_path / "npsdo_2d.safetensors")["minutes"]) <= 0.1


def test_what_does_not_fit_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first scene is stopped when its time is over; the others are not begun."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recordings, "MOST_RECORDED", 8)
    budget = Budget(60)
    asked: list[str] = []

    def stopped(recording: Recording, seconds: float) -> None:
        asked.append(recording.scene)
        assert seconds == pytest.approx(900, abs=5)
        store_system(recording)
        budget.seconds = 0.0

    monkeypatch.setattr(recordings, "record", stopped)
    said: list[str] = []
    some = recordings.planned(Split.TRAINING, 2, [16, 8], 0, None)
    recordings.record_here(some, budget, said.append)
    found = recordings.systems_of(some, 2, said.append)
    assert (asked, len(found)) == (["dam_break"], 1)
    assert said == [
        "recording training/dam_break-8-seed-0",
        *(f"no time for training/{name}-8-seed-0" for name in ("smoke_plume", "water_drop")),
    ]


def test_each_seed_has_recordings_of_its_own() -> None:
    """Those of another seed are not taken for them."""
    places = [
        {each.out for each in recordings.planned(Split.TRAINING, 2, [8], seed, None)}
        for seed in (0, 1)
    ]
    assert len(places[0]) == len(places[1]) == 3 and places[0].isdisjoint(places[1])


def store_system(recording: Recording) -> None:
    (recording.out / "systems").mkdir(parents=True)
    save_system(recording.out / "systems" / "000001.npz", model_system("dam", (8, 8), 0))


def drop(out: Path, frames: int) -> Recording:
    flags = {"dim": 2, "resolution": 8, "frames": frames, "record-systems": 1, "threads": 1}
    return Recording("water_drop", recordings.as_words(flags), out)


def test_a_recording_stops_when_its_time_is_over(tmp_path: Path) -> None:
    endless = drop(tmp_path / "drop", 10**6)
    recordings.record(endless, 1.0)
    assert not endless.is_done


def test_every_network_has_sizes() -> None:
    assert set(KINDS) == set(weights.KINDS)
    assert set(SIZES) == {(kind, dim) for kind in weights.KINDS for dim in (2, 3)}


def test_scenes_are_recorded(tmp_path: Path) -> None:
    short = drop(tmp_path / "drop", 3)
    recordings.record(short, 300.0)
    assert short.is_done
    stored = load_recorded([tmp_path], 2)
    assert len(stored) >= 3 and stored[0].notes["scene"] == "water_drop"


@pytest.mark.slow
def test_workers_record_the_same_systems_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so the same network is trained."""
    pytest.importorskip("distributed", reason="needs dask")
    few = {
        Split.TRAINING: (("dam_break", "smoke_plume"), 4, 2),
        Split.VALIDATION: (("stirred_tank",), 2, 2),
        Split.TEST: (("smoke_solid",), 2, 2),
    }
    monkeypatch.setattr(recordings, "SCENES", few)
    words = ["train", "npsdo", "--sizes", "8", "--gate-sizes", "12", "--steps", "3", "--gates", "1",
             "--threads", "1", "--out", "npsdo_2d.safetensors"]  # fmt: skip
    threads = numba.get_num_threads()
    for name, more in (("here", []), ("there", ["--cluster", "--workers", "2"])):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert main([*words, *more]) == 0
    numba.set_num_threads(threads)
    assert "recording training/dam_break-12-seed-0 done" in capsys.readouterr().out
    systems = [
        {path.relative_to(place): path.read_bytes() for path in sorted(place.rglob("*.npz"))}
        for place in (tmp_path / name / recordings.PLACE for name in ("here", "there"))
    ]
    assert len({path.parent for path in systems[0]}) == 4 and systems[0] == systems[1]
    one, other = (
        weights.load(tmp_path / name / "npsdo_2d.safetensors", "npsdo", 2).state_dict()
        for name in ("here", "there")
    )
    assert all(torch.equal(one[key], other[key]) for key in one)
