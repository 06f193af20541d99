"""What a resume finds: frames, pictures and lines of the log that are missing, or not its own."""

import json
import shutil
from pathlib import Path

import imageio.v3 as imageio
import pytest

from fluidsim.cli import main
from fluidsim.runs.health import Health
from fluidsim.runs.loop import FrameLoop
from fluidsim.store.run_folder import read_config, read_records

FLAGS = ["--dim", "2", "--resolution", "16", "--size", "96x64", "--checkpoint", "1"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run of three frames with pictures; its checkpoints are those after frames 2 and 3."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main(["run", "dam_break", *FLAGS, "--frames", "3", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(whole, tmp_path, monkeypatch) -> Path:
    """Such a run that has ended before its video was written; resumed, it compiles nothing."""
    shutil.copytree(whole, tmp_path / "run")
    end_as(tmp_path / "run", "interrupted")
    (tmp_path / "run" / "video.mp4").unlink()
    monkeypatch.setattr("fluidsim.runs.run.warm_up", lambda *given: None)
    return tmp_path / "run"


def end_as(folder: Path, status: str, **config) -> None:
    """Change how a run has ended, or its flags."""
    about = read_config(folder)
    about["config"].update(config)
    (folder / "config.json").write_text(json.dumps({**about, "status": status}))


def resume(place: Path, *flags: str) -> int:
    try:
        return main(["run", "dam_break", "--resume", str(place), *flags])
    except SystemExit as exit:
        return int(exit.code or 0)


def refused(capsys, place: Path, *flags: str) -> str:
    """The one line of a resume that fails."""
    assert resume(place, *flags) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "frames").glob("*.png"))


def test_missing_pictures_and_the_video_are_made_when_all_frames_are_there(run, capsys):
    (run / "frames" / "0002.png").unlink()
    (run / "frames" / "0003.png").unlink()
    assert resume(run) == 0
    assert pictures(run) == ["0001.png", "0002.png", "0003.png"]
    assert len(imageio.imread(run / "video.mp4")) == 3
    assert read_config(run)["status"] == "done"
    assert "--frames N asks for more" in refused(capsys, run)


def test_pictures_that_were_drawn_by_other_flags_are_drawn_again(run):
    assert resume(run, "--frames", "4", "--size", "64x48") == 0
    video = imageio.imread(run / "video.mp4")
    assert len(video) == 4 and video.shape[1] <= 48


def test_a_run_without_a_checkpoint_starts_over_with_its_own_flags(run, whole):
    shutil.rmtree(run / "checkpoints")
    (run / "log.jsonl").write_text('{"version": 1}\n{"fra')
    assert resume(run) == 0
    assert len(read_records(run / "log.jsonl")) == 3
    for picture in pictures(whole):
        assert (run / "frames" / picture).read_bytes() == (whole / "frames" / picture).read_bytes()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: [], "lacks frame 1; start the run anew"),
        (lambda lines: lines[:1] + lines[2:], "lacks frame 1; start the run anew"),
        (lambda lines: lines[:2] + lines[3:], "lacks frame 2; go on before it with --resume"),
        (lambda lines: [*lines[:2], lines[2][:40] + "\n", lines[3]], "line 3 is damaged"),
        (lambda lines: [*lines[:2], lines[2].replace('"time"', '"tame"')], "no frame of a log"),
    ],
)
def test_lines_that_the_log_lacks_are_noticed(damage, said, run, capsys):
    log = run / "log.jsonl"
    log.write_text("".join(damage(log.read_text().splitlines(keepends=True))))
    before = log.read_text()
    assert said in refused(capsys, run, "--frames", "4")
    assert log.read_text() == before


def test_text_in_place_of_numbers_does_not_reach_other_files(run, capsys):
    log = run / "log.jsonl"
    first, second, *rest = log.read_text().splitlines()
    line = {**json.loads(second), "time": "<b/>"}
    log.write_text("\n".join([first, json.dumps(line), *rest, ""]))
    assert "no frame of a log" in refused(capsys, run)
    assert "<b/>" not in (run / "particles.xmf").read_text()


@pytest.mark.parametrize("name", ["0002.ply", "0002-pressure.vti"])
def test_damaged_frames_are_noticed_and_computed_again_from_before(name, run, whole, capsys):
    path = run / "frames" / name
    path.write_bytes(path.read_bytes()[:-20])
    said = refused(capsys, run)
    assert f"{name} is damaged" in said
    older = run / "checkpoints" / "000002.safetensors"
    assert said.endswith(f"--resume {older}")
    assert resume(older) == 0
    assert path.read_bytes() == (whole / "frames" / name).read_bytes()


def test_a_frame_that_is_gone_is_named(run, capsys):
    (run / "frames" / "0001.ply").unlink()
    assert "0001.ply is missing" in refused(capsys, run)


def test_files_of_others_among_the_checkpoints_are_let_alone(run):
    other = run / "checkpoints" / "000003 (copy).safetensors"
    other.write_text("mine")
    assert resume(run) == 0
    assert other.read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:99], "config.json is damaged"),
        (lambda text: text.replace('"seed"', '"help": true, "seed"'), "help is no setting"),
        (lambda text: text.replace('"seed"', '"debug": true, "seed"'), "debug is no setting"),
        (lambda text: text.replace('"seed": 0', '"seed": "--help"'), "whole number"),
        (lambda text: text.replace('"seed": 0', '"seed": ' + "[" * 10**5), "nested too deeply"),
        (lambda text: text.replace('"scene": "dam_break"', '"skene": 1', 1), "no 'scene'"),
    ],
)
def test_a_damaged_configuration_is_no_wrong_argument(change, said, run, capsys):
    file = run / "config.json"
    file.write_text(change(file.read_text()))
    assert said in refused(capsys, run)


def test_warnings_that_were_given_are_not_given_again(run, monkeypatch):
    """Each frame of a run is looked at once more before it goes on."""
    seen = []
    look = Health.look
    monkeypatch.setattr(Health, "look", lambda self, one: (seen.append(one), look(self, one))[1])
    monkeypatch.setattr(FrameLoop, "run", lambda loop, console: [])
    assert resume(run) == 0
    assert seen == read_records(run / "log.jsonl") != []


@pytest.mark.parametrize("name", ["log.jsonl", "frames", "checkpoints"])
def test_what_is_left_of_a_run_is_not_written_over(name, whole, tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    if (whole / name).is_dir():
        shutil.copytree(whole / name, folder / name)
    else:
        shutil.copy(whole / name, folder / name)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(["run", "dam_break", *FLAGS, "--frames", "1", "--out", str(folder)]) == 1
    assert f"already holds {name}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
