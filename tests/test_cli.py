"""The command line as a user meets it: a process, one clear line, an exit status."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from fluidsim import run
from fluidsim.cli import main
from fluidsim.runs.flags import as_flags, parse_run
from scenes import water_drop

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["--dim", "2", "--resolution", "16", "--frames", "2", "--no-render"]


def failure(capsys, *arguments):
    """The one line of a command that fails."""
    assert main(list(map(str, arguments))) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.slow
def test_script_runs_from_anywhere(tmp_path):
    command = [sys.executable, str(ROOT / "scenes" / "dam_break.py"), *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    folder = tmp_path / "renders" / "dam_break-2d-16-multigrid"
    assert (folder / "log.jsonl").exists()
    assert "pressure_solve" in done.stdout
    assert "worst volume error" in done.stdout
    assert "Taichi" not in done.stdout


def test_listings(capsys):
    assert main(["scenes"]) == 0
    assert "dam_break" in capsys.readouterr().out
    assert main(["solvers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == sorted(names)
    assert {"amg", "cg", "direct", "ic", "multigrid"} <= set(names)
    assert all(len(line.split()) > 3 for line in lines)


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out.strip() == f"fluidsim {version('fluidsim-lab')}"


def test_the_help_of_a_run_tells_defaults_of_values_alone(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["run", "dam_break", "--help"])
    assert exit.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "A column of water breaks loose" in said
    assert "(default: multigrid)" in said and "(default: 64)" in said
    assert "default: True" not in said and "default: None" not in said


WRONG = [
    (["compare", "dam_break", "--resume", "run"], "resume"),
    (["run", "nowhere"], "nowhere"),
    (["run", "dam_break", "--solver", "magic"], "magic"),
    (["run", "dam_break", "--solver", "cg:speed=3"], "no option speed"),
    (["bench", "run", "--solvers", "cg:speed=3"], "no option speed"),
    (["run", "dam_break", "--speed", "3"], "--speed"),
    (["run", "dam_break", "--resolution", "0"], "between"),
    (["run", "dam_break", "--resolution", "-3"], "between"),
    (["run", "dam_break", "--resolution", "1e9"], "whole number"),
    (["run", "dam_break", "--resolution", "1000000000"], "between"),
    (["run", "dam_break", "--frame-seconds", "-1"], "positive"),
    (["run", "dam_break", "--frames", "0"], "between"),
    (["run", "dam_break", "--size", "7x7"], "between 16 and 8192"),
    (["run", "dam_break", "--transfer", "pic"], "apic"),
    (["run", "dam_break", "--narrow-band", "2"], "at least 3 cells, not 2"),
    (["run", "dam_break", "--preset", "neon"], "studio"),
    (["run", "dam_break", "--orbit", "far"], "number"),
    (["run", "dam_break", "--orbit", "nan"], "finite"),
    (["run", "dam_break", "--orbit", "90", "--camera", "a.json"], "not allowed"),
    (["run", "dam_break", "--supersample", "0"], "between"),
    (["run", "dam_break", "--exposure", "-0.1"], "between"),
    (["render", "run", "--supersample", "99"], "between"),
    (["render", "run", "--frames", "1:5"], "--out"),
    (["render", "run", "--frames", "5:1"], "comes before"),
    (["render", "run", "--frames", "a:b"], "10:20"),
    (["render", "run", "--frames", ":"], "10:20"),
    (["fly"], "fly"),
    ([], "COMMAND"),
    (["render"], "RUN_DIR"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=lambda v: " ".join(v) or "nothing")
def test_wrong_arguments_exit_with_2_and_one_line(arguments, said, capsys):
    try:
        status = main(arguments)
    except SystemExit as exit:
        status = exit.code
    output = capsys.readouterr()
    assert status == 2
    assert len(output.err.strip().splitlines()) == 1
    assert said in output.err


def test_wrong_flag_of_a_script_exits_with_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        run(water_drop.build, ["--solver", "magic"])
    assert exit.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


FAILING = {
    "file in the way": (lambda p: p.write_text("x"), lambda p: p / "run"),
    "run already there": (lambda p: (p.mkdir(), (p / "config.json").write_text("{}")), lambda p: p),
}


@pytest.mark.parametrize("name", FAILING)
def test_folder_that_cannot_be_used_fails_with_one_line(name, tmp_path, capsys):
    prepare, out = FAILING[name]
    prepare(tmp_path / "place")
    said = failure(capsys, "run", "dam_break", *SMALL, "--out", out(tmp_path / "place"))
    assert str(tmp_path / "place") in said


def test_more_cells_than_memory_fails_with_advice(tmp_path, capsys):
    flags = ["--resolution", "4000", "--out", tmp_path / "big"]
    assert "--resolution" in failure(capsys, "run", "dam_break", *flags)
    assert not (tmp_path / "big").exists()


def test_render_of_something_else_fails_with_one_line(tmp_path, capsys):
    assert "no readable run" in failure(capsys, "render", tmp_path)


def test_interrupted_run_exits_with_130_and_says_so_in_its_folder(tmp_path):
    out = tmp_path / "run"
    flags = ["--dim", "2", "--resolution", "16", "--frames", "100000", "--no-render"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fluidsim", "run", "dam_break", *flags, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = out / "log.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.exists() and log.stat().st_size > 3000):
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == "interrupted"
    assert json.loads((out / "config.json").read_text())["status"] == "interrupted"
    assert not (out / "video.mp4").exists()
    lines = log.read_text().splitlines()
    assert all(json.loads(line) for line in lines)


def test_a_run_takes_a_solver_with_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "dam_break", *SMALL, "--solver", "ic:modification=0.9"]) == 0
    (folder,) = (tmp_path / "renders").iterdir()
    assert folder.name == "dam_break-2d-16-ic-modification=0.9"
    config = json.loads((folder / "config.json").read_text())["config"]
    assert config["solver"] == "ic:modification=0.9"


def test_model_systems_are_stored_for_bench(tmp_path):
    out = tmp_path / "models"
    flags = ["--kinds", "dam", "splash", "--dim", "2", "--resolution", "24"]
    assert main(["model-systems", str(out), *flags]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["dam-2d-24.npz", "splash-2d-24.npz"]
    command = ["bench", str(out), "--solvers", "multigrid", "cg", "--repeats", "1", "--sort"]
    assert main(command) == 0
    results = json.loads((out / "bench" / "results.json").read_text())
    assert results["command"].endswith("--sort")
    rows = results["results"]
    assert [row["failure"] for row in rows] == [""] * 4


def test_a_file_that_is_not_there_is_named_first(tmp_path, capsys):
    missing = tmp_path / "none.obj"
    flags = [*SMALL, "--mesh", missing, "--out", tmp_path / "run"]
    said = failure(capsys, "run", "dambreak_bunny", *flags)
    assert str(missing) in said and "Errno" not in said
    missing.with_suffix(".json").write_text("[" * 10**5)
    camera = ["--dim", "3", "--camera", missing.with_suffix(".json")]
    assert "nested too deeply" in failure(capsys, "run", "dam_break", *camera)


def test_the_home_folder_and_the_place_of_a_file_are_flags_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = parse_run("dam_break", ["--out", "~/run", "--mesh", "cube.obj"], "", "run")
    assert (config.out, config.mesh) == (tmp_path / "run", tmp_path / "cube.obj")
    monkeypatch.chdir("/")
    stored = as_flags(json.loads(json.dumps(config.as_json())))
    assert parse_run("dam_break", stored, "", "run").mesh == config.mesh
