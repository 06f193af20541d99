"""`fluidsim train npsdo`: writes weights and their card, resumes, and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numba
import pytest

from fluidsim.cli import main
from fluidsim.tools.train import SIZES, _record
from solvers.model_systems import model_system
from solvers.npsdo import card, weights
from solvers.npsdo.data import load_recorded
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


def test_every_network_has_sizes() -> None:
    assert set(SIZES) == {(kind, dim) for kind in weights.KINDS for dim in (2, 3)}


def test_scenes_are_recorded(tmp_path: Path) -> None:
    out = tmp_path / "drop"
    _record("water_drop", 2, 8, 3, 1, 0, out)
    assert (out / "done").exists()
    stored = load_recorded([tmp_path], 2)
    assert len(stored) >= 3 and stored[0].notes["scene"] == "water_drop"
