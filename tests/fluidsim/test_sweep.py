"""`fluidsim sweep`: which runs it plans, what it refuses, and what it makes of them."""

import csv
import importlib.util
import json
import os

import pytest
from PIL import Image

from fluidsim.cli import main
from fluidsim.cluster import plan
from fluidsim.cluster.plan import Question, varied
from fluidsim.store.claim import claimed

HAVE_DASK = importlib.util.find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not HAVE_DASK, reason="needs dask")
TOML = """
scene = "dam_break"
[flags]
dim = 2
render = false
gravity = 3
[vary]
solver = ["cg", "amg"]
viscosity = [0, 0.5]
[[runs]]
name = "fine"
resolution = 48
gravity = [0, -9.81]
"""


def planned(*arguments, **named):
    return Question(*arguments, **named).planned("fluidsim sweep")


def wrong(capsys, *arguments) -> str:
    """The one line of a command line that is refused."""
    with pytest.raises(SystemExit) as exit:
        main(["sweep", *map(str, arguments)])
    lines = capsys.readouterr().err.strip().splitlines()
    assert exit.value.code == 2 and len(lines) == 1
    return lines[0]


def failed(capsys, *arguments) -> str:
    """The one line of a sweep that fails."""
    assert main(["sweep", *map(str, arguments)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_each_value_goes_with_each():
    vary = {"resolution": [16, 32, 16], "viscosity": ["0", "0.5"]}
    runs = planned("dam_break", ["--dim", "2"], vary)
    assert [run.name for run in runs] == [
        f"resolution={n},viscosity={v}" for n in (16, 32) for v in ("0", "0.5")
    ]
    assert [run.config.resolution for run in runs] == [16, 16, 32, 32]
    assert [run.config.set for run in runs] == [{"viscosity": v} for v in ("0", "0.5")] * 2
    assert all(run.config.dim == 2 for run in runs)


def test_a_file_has_a_grid_and_a_list(tmp_path):
    (tmp_path / "sweep.toml").write_text(TOML)
    question = plan.read(tmp_path / "sweep.toml")
    runs = question.planned("fluidsim sweep")
    assert [run.name for run in runs] == [
        f"solver={s},viscosity={v}" for s in ("cg", "amg") for v in ("0", "0.5")
    ] + ["fine"]
    assert not any(run.config.render for run in runs)
    assert runs[1].config.set == {"gravity": "3", "viscosity": "0.5"}
    assert (runs[4].config.resolution, runs[4].config.set) == (48, {"gravity": "[0,-9.81]"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scene = 3", "scene is not"),
        ("flags = {}", "names no scene"),
        ('scene = "dam_break"\nspeed = 3', "speed is not"),
        ('scene = "dam_break"\n[vary]\nresolution = 32', "needs lists"),
        ('scene = "dam_break"\nruns = [3]', "needs tables"),
        ("scene = ", "sweep.toml"),
        ("x = " + "[" * 10000, "sweep.toml"),
        ('scene = "nowhere"', "no scene 'nowhere'"),
        ('scene = "dam_break"', "nothing varies"),
    ],
)
def test_a_file_that_is_none_is_refused(text, said, tmp_path, capsys):
    (tmp_path / "sweep.toml").write_text(text)
    assert said in wrong(capsys, tmp_path / "sweep.toml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing varies"),
        (["--vary", "resolution"], "not like resolution=32,64"),
        (["--vary", "resolution=32,,64"], "not like resolution=32,64"),
        (["--vary", "resolution=32,many"], "'many' is not a whole number"),
        (["--vary", "threads=1,2"], "no value threads"),
        (["--vary", "solver=cg", "--solvers", "magic"], "magic"),
        (["--vary", "viscosity=1,2", "--resume", "run"], "leave out --resume"),
        (["--vary", "viscosity=1,2", "--cluster", "tcp://a:1", "--workers", "2"], "--workers"),
        (["--vary", f"seed={','.join(map(str, range(10001)))}"], "10001 runs"),
        (["--vary", "transfer=flip", "--vary", f"gravity={'1' * 200}"], "1 to 150 letters"),
        (["--vary", "gravity=[0],0"], "two runs have the name gravity=0"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(words, said, capsys, tmp_path):
    pytest.importorskip("distributed") if "threads" in said else None
    if said.startswith("no value"):
        assert said in failed(capsys, "dam_break", *words, "--out", tmp_path / "out")
    else:
        assert said in wrong(capsys, "dam_break", *words)


def test_commas_in_brackets_separate_nothing():
    assert varied("gravity=[0,-9.81],3") == ("gravity", ["[0,-9.81]", "3"])


def test_without_dask_a_line_says_what_to_install(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    words = ["dam_break", "--vary", "viscosity=1,2", "--out", tmp_path]
    assert "fluidsim-lab[cluster]" in failed(capsys, *words)


@needs_dask
def test_a_scene_that_cannot_be_built_is_named_before_anything_runs(capsys, tmp_path, monkeypatch):
    words = ["dam_break", "--dim", "2", "--vary", "viscosity=0,-1", "--out", tmp_path / "out"]
    assert "viscosity=-1: viscosity must not be negative" in failed(capsys, *words)
    words[-3] = "resolution=16,20"
    monkeypatch.setattr("fluidsim.cluster.workers.MEMORY_LIMIT", 2**20)
    assert "resolution=16 needs about" in (line := failed(capsys, *words))
    assert "no worker has more than 921.60 kiB; fewer --workers" in line
    assert not list((tmp_path / "out").iterdir())


@needs_dask
def test_a_folder_of_something_else_is_left_alone(capsys, tmp_path):
    words = ["dam_break", "--vary", "resolution=16,20", "--dim", "2", "--out", tmp_path]
    with claimed(tmp_path, "sweep"):
        assert "written by a sweep that has not ended" in failed(capsys, *words)
    (tmp_path / "resolution=20").mkdir()
    about = {
        "status": "done",
        "config": {**planned("dam_break", [], {"seed": [1]})[0].config.as_json()},
    }
    (tmp_path / "resolution=20" / "config.json").write_text(json.dumps(about))
    assert "holds a run with dim 3, not 2; choose" in failed(capsys, *words)
    (tmp_path / "config.json").write_text("{}")
    assert "holds a run of its own" in failed(capsys, *words)


@pytest.mark.slow
@needs_dask
def test_two_runs_are_made_once_and_told_in_a_table_a_sheet_and_a_page(capsys, tmp_path):
    words = ["sweep", "dam_break", "--dim", "2", "--frames", "2", "--size", "96x64"]
    words += ["--vary", "resolution=8,12", "--workers", "2", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert "0 of them done" in capsys.readouterr().out
    names = ["resolution=8", "resolution=12"]
    logs = [tmp_path / "out" / name / "log.jsonl" for name in names]
    for log in logs:
        header, *frames = map(json.loads, log.read_text().splitlines())
        assert header["threads"] == max(1, len(os.sched_getaffinity(0)) // 2)
        assert [frame["frame"] for frame in frames] == [1, 2]
        assert (log.parent / "video.mp4").exists()
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["cells"]) for row in rows] == [
        (names[0], "8x8"), (names[1], "12x12"),
    ]  # fmt: skip
    assert {row["status"] for row in rows} == {"done"} and float(rows[0]["seconds"]) > 0
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert sheet.width > 4 * 320 and sheet.height > 2 * 213
    page = (tmp_path / "out" / "report.html").read_text()
    assert (
        "fluidsim sweep dam_break --vary resolution=8,12" in page and 'href="resolution=8/' in page
    )
    before = [log.stat().st_mtime_ns for log in logs]
    assert main(words) == 0
    assert "2 of them done" in capsys.readouterr().out
    assert [log.stat().st_mtime_ns for log in logs] == before
