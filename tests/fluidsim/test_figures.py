import contextlib

import imageio.v3 as imageio
import numpy as np
import pytest

from fluidsim import taichi_runtime
from fluidsim.figures import (
    beside,
    cfl,
    cluster,
    gallery,
    gradients,
    memory,
    petsc,
    roofline,
    steps,
    stills,
    traffic,
)
from fluidsim.figures.__main__ import SECTIONS
from fluidsim.figures.pressure import solver_table
from fluidsim.figures.report import replace_section
from fluidsim.runs.catalogue import scene_names
from solvers import resident, runtime
from tests.documents import DOCS


def row(system, solver, iterations=7, failure=""):
    return {
        "system": system, "unknowns": 1234, "solver": solver, "iterations": iterations,
        "setup_seconds": 0.002, "solve_seconds": 1.5, "failure": failure,
    }  # fmt: skip


def test_only_the_named_section_is_replaced():
    text = "a\n<!-- x begin -->\nold\n<!-- x end -->\nb\n<!-- y begin -->\n<!-- y end -->\n"
    assert replace_section(text, "x", "new") == text.replace("old", "new")
    with pytest.raises(ValueError, match="there is no <!-- z begin -->"):
        replace_section(text, "z", "new")


def test_the_page_of_figures_has_every_section():
    text = (DOCS / "figures.md").read_text(encoding="utf-8")
    for name in SECTIONS:
        assert replace_section(text, name, "new") != text


def test_the_table_of_petsc_has_a_row_for_each_pair():
    ours = {
        "system": "dam-3d-64", "unknowns": 1000, "processes": 2, "iterations": 6,
        "setup_seconds": 0.5, "solve_seconds": 1.5, "update_seconds": float("nan"),
        "relative_residual": 1e-7, "difference": 0.0, "memory": [3e6],
    }  # fmt: skip
    theirs = {
        **ours, "setup_seconds": 20.0, "solve_seconds": 4.0, "update_seconds": 18.0,
        "iterations": 9, "difference": 3e-8, "memory": [10e6, 12e6],
    }  # fmt: skip
    row = petsc.table([ours, theirs]).splitlines()[2].strip("| ").split(" | ")
    assert row == [
        "dam 64^3, 2 ranks", "1,000", "0.50 + 1.50 (6)", "20.00 + 4.00 (9)", "12", "18.00",
        "1e-07", "3e-08", "3", "10 + 12",
    ]  # fmt: skip


def test_gradients_are_measured_beside_runs_without(monkeypatch):
    monkeypatch.setattr(gradients, "FRAMES", 4)
    monkeypatch.setattr(gradients, "SEGMENT", 2)
    monkeypatch.setattr(gradients, "REPEATS", 1)
    trials = (gradients.Trial("smoke", (8, 10)), gradients.Trial("liquid", (12, 8)))
    monkeypatch.setattr(gradients, "TRIALS", trials)
    lines = [line.strip("| ").split(" | ") for line in gradients.gradients().splitlines()]
    assert [row[0] for row in lines[2:4]] == ["smoke 8 x 10", "liquid 12 x 8"]
    for row in lines[2:4]:
        alone, step, kept, parts = (float(row[k]) for k in (1, 4, 6, 7))
        assert alone > 0 and step > 0 and parts <= kept
    once, again = (gradients.measure(trials[1]).records for _ in range(2))
    assert once == pytest.approx(again, rel=0.01)


def test_a_dam_break_is_compared_in_longer_and_longer_steps(monkeypatch):
    monkeypatch.setattr(cfl, "NUMBERS", (0.5, 3.0))
    monkeypatch.setattr(cfl, "GRIDS", ((2, 16),))
    monkeypatch.setattr(cfl, "FRAMES", 4)
    lines = [line.strip("| ").split(" | ") for line in cfl.cfl().splitlines()]
    short, long = lines[2:4]
    assert short[:2] == ["16^2", "0.5"] and int(short[2]) > int(long[2])
    for row in (short, long):
        assert 0.5 < float(row[3]) < 1.0 and 0.5 < float(row[5]) < float(row[4]) < 1.05
        assert float(row[6].rstrip("%")) < 5


def test_solver_table_has_a_row_a_system_and_says_what_failed():
    rows = [row("dam-3d-64", "cg"), row("dam-3d-64", "amg", failure="not converged")]
    lines = solver_table([*rows, row("smoke-2d-256", "cg")]).splitlines()
    assert lines[0] == "| ms to 1e-6 (iterations) | unknowns | cg | amg |"
    assert lines[2] == "| dam 64^3 | 1,234 | 2.0 + 1,500.0 (7) | not converged |"
    assert lines[3] == "| smoke 256^2 | 1,234 | 2.0 + 1,500.0 (7) |  |"


def test_work_is_measured_beside_busy_programs(monkeypatch):
    monkeypatch.setattr(beside, "SOLVERS", {})
    monkeypatch.setattr(beside, "STEPS", (steps.Trial("smoke", 2, 16),))
    monkeypatch.setattr(beside, "COUNTS", (0, 1))
    monkeypatch.setattr(beside, "REPEATS", 1)
    lines = beside.beside().splitlines()
    assert lines[0].endswith("| beside 0 | beside 1 | beside its like |")
    cells = lines[2].split(" | ")
    assert cells[0] == "| step of smoke 16^2" and cells[1].endswith("(1.0)")


def test_times_beside_busy_programs_are_compared_with_a_fair_share(monkeypatch):
    monkeypatch.setattr(beside, "COUNTS", (0, 2))
    monkeypatch.setattr(beside, "REPEATS", 1)
    monkeypatch.setattr(beside, "fair_slowdown", lambda threads, count: 1.0 if count == 0 else 2.0)
    seconds = iter([0.010, 0.050, 0.030])
    monkeypatch.setattr(beside, "_median", lambda work: next(seconds))
    monkeypatch.setattr(beside, "_its_like", lambda job: contextlib.nullcontext())
    cells = beside._cells(beside.Solve("cg", "dam", 8), runtime.configure())
    assert cells == ["10 (1.0)", "50 (2.5)", "30 (1.5)"]


def test_steps_are_measured_with_the_memory_of_their_state(monkeypatch):
    monkeypatch.setattr(steps, "WARM_UP", 1)
    monkeypatch.setattr(steps, "STEPS", 1)
    machine = runtime.configure()
    taichi_runtime.start(machine)
    trials = [steps.Trial("smoke", 2, 16), steps.Trial("flip", 2, 16, "0.5")]
    measured = {trial: steps.measure(trial, machine) for trial in trials}
    smoke, flip = measured.values()
    assert flip.particles == pytest.approx(0.27 * 16**2 * 4, rel=0.1)
    assert 0 < smoke.pressure < 1
    floats = 4 * (2 * (2 + 2) + 2 * 2 + 3 * 2)  # fields and spares, traces, work of the advection
    assert smoke.bytes_a_cell > floats
    room, particle = 1.2, 4 * (2 * 4 + 1)
    assert flip.bytes_a_particle == pytest.approx(room * particle, rel=0.05)
    lines = steps.steps_table(measured).splitlines()
    assert lines[2].startswith("| smoke 16^2 |") and lines[2].count("|") == lines[0].count("|")
    assert "| 0.5 |" in lines[3]


@pytest.mark.parametrize("kind", ["smoke", pytest.param("flip", marks=pytest.mark.slow)])
def test_every_stage_of_a_step_and_the_solver_have_a_bandwidth(monkeypatch, kind):
    monkeypatch.setattr(roofline, "WARM_UP", 1)
    monkeypatch.setattr(roofline, "STEPS", 1)
    monkeypatch.setattr(roofline, "REPEATS", 1)
    machine = runtime.configure()
    taichi_runtime.start(machine)
    rows = roofline.rows_of(steps.Trial(kind, 3, 16), machine)
    stages = [row.stage for row in rows]
    assert stages[:-3] == list(traffic.STAGES[kind])
    assert stages[-3:] == ["multigrid: setup", "multigrid: V-cycle", "multigrid: iteration"]
    assert all(row.bytes > 0 for row in rows)
    assert rows[-1].bytes > rows[-2].bytes
    assert roofline.Row("", "", 0.5, 4e9).cells(16e9)[-1] == "50%"


@pytest.mark.slow
@pytest.mark.skipif(not resident.can_measure(), reason="the peak cannot be set back here")
@pytest.mark.parametrize(
    "trial",
    [
        memory.Trial("multigrid", "smoke", 3, 64),
        memory.Trial("amg", "flip", 3, 64),
        memory.Trial("schur", "smoke", 3, 48),
        memory.Trial("direct", "smoke", 2, 512),
    ],
    ids=lambda trial: f"{trial.solver}, {trial.title}",
)
def test_runs_take_about_the_memory_that_they_are_told_to(trial):
    assert trial.measured() == pytest.approx(trial.told(), rel=0.3)


@pytest.mark.slow
@pytest.mark.skipif(not resident.can_measure(), reason="the peak cannot be set back here")
@pytest.mark.parametrize("solver", ["multigrid", "schur"])
def test_a_liquid_that_has_yet_to_spread_takes_less_than_it_is_told_to(solver):
    trial = memory.Trial(solver, "flip", 2, 512)
    assert trial.told() / 4 < trial.measured() < trial.told()


def test_a_contact_sheet_has_a_picture_a_scene(tmp_path, capsys):
    out = tmp_path / "sheet.jpg"
    flags = ["--dim", "2", "--resolution", "16", "--frames", "1", "--size", "96x64"]
    names = ["dam_break", "smoke_solid"]
    assert gallery.main([*flags, "--scenes", *names, "--out", str(out)]) == 0
    height, width, _ = imageio.imread(out).shape
    assert (height, width) == (64, 2 * 96 + gallery.GAP)
    assert set(gallery.FRAMES) <= set(scene_names())
    assert "sheet.jpg" in capsys.readouterr().out


def test_pictures_fill_the_rows_of_a_sheet():
    pictures = [np.full((4, 6, 3), value, np.uint8) for value in range(7)]
    sheet = gallery.contact_sheet(pictures)
    assert sheet.shape == (2 * 4 + gallery.GAP, 5 * 6 + 4 * gallery.GAP, 3)
    assert (sheet[0, :: 6 + gallery.GAP, 0] == range(5)).all()
    assert (sheet[-1, : 2 * (6 + gallery.GAP) : 6 + gallery.GAP, 0] == [5, 6]).all()
    assert (sheet[-1, -6:] == 255).all()


def test_the_stills_and_the_film_are_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stills, "GALLERY", tmp_path)
    monkeypatch.setattr(stills, "DEMO", tmp_path / "demo")
    monkeypatch.setattr(stills, "STILLS", {("smoke_solid", 2, 16): 1, ("water_drop", 3, 12): 1})
    assert stills.main() == 1
    assert "make demo" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

    frames = tmp_path / "demo" / "frames"
    frames.mkdir(parents=True)
    for number in range(1, 6):
        grey = np.full((90, 160, 3), 40 * number, np.uint8)
        imageio.imwrite(frames / f"{number:04d}.png", grey)
    assert stills.main() == 0
    film = imageio.imread(tmp_path / "dam_break.webp", index=..., plugin="pillow")
    assert film.shape == (3, 360, 640, 3)
    assert np.allclose(film.mean((1, 2, 3)), (40, 120, 200), atol=3)
    assert imageio.imread(tmp_path / "smoke_solid_2d.webp").shape[2] == 3


def test_the_gallery_shows_every_still():
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    for scene, dim, _ in stills.STILLS:
        assert f"renders/gallery/{scene}{'_2d' if dim == 2 else ''}.webp" in text


def test_frames_a_minute_of_workers_stand_beside_those_of_one_process(monkeypatch):
    """A clock on which a command takes 5 s and a picture 2 s, or 7 s and 1 s on workers."""
    clock, asked = [0.0], []

    def run(*words):
        asked.append(words)
        if words[0] == "render":
            first, last = map(int, words[words.index("--frames") + 1].split(":"))
            begin, each = (7, 1) if "--cluster" in words else (5, 2)
            clock[0] += begin + each * (last - first + 1)

    monkeypatch.setattr(cluster, "run_fluidsim", run)
    monkeypatch.setattr(cluster.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(cluster, "CASES", (("dam_break", 64),))
    monkeypatch.setattr(cluster, "available_threads", lambda: 2)
    lines = [line.strip("| ").split(" | ") for line in cluster.cluster().splitlines()]
    assert lines[0][1:] == ["one process of 2 threads", "2 workers of one thread"]
    assert lines[2] == ["dam_break 64^3", "30.0 (5)", "60.0 (7)"]
    assert [words[0] for words in asked] == ["run", *["render"] * 6]
