"""Trouble in a run is told when it begins, and summed up."""

import pytest

import solvers
from fluidsim.cli import main
from fluidsim.errors import SimulationError
from fluidsim.runs.health import Health
from fluidsim.solid.shapes import HalfSpace
from fluidsim.store.run_folder import FrameRecord, read_log
from tests.fluidsim.worlds import cubic, liquid

CALM = {
    "time": 0.0, "substeps": 1, "unknowns": 9, "solver": "cg", "iterations": 5,
    "viscosity_iterations": 0, "relative_residual": 1e-7, "max_divergence": 1e-7,
    "top_speed": 1.0, "volume_error": 0.0, "holes": 0, "particles": 1000, "particles_added": 0,
    "particles_removed": 0, "particles_left": 0, "particles_poured": 0, "particles_drained": 0,
    "smoke_mass": 0.5, "smoke_added": 0.2, "smoke_left": 0.1, "smoke_faded": 0.15,
    "smoke_burnt": 0.05, "notes": "",
}  # fmt: skip
TROUBLE = {
    "less liquid": {"volume_error": -0.07},
    "more liquid": {"volume_error": 0.07},
    "2 cells of air": {"holes": 2},
    "particles are gone": {"particles": 0},
    "cost 20%": {"particles_removed": 200},
    "1.3% less smoke": {"smoke_mass": 0.49},
    "speeds rose to 50 m/s": {"top_speed": 50.0, "substeps": 20},
    "51 substeps": {"substeps": 51},
    "domain is full": {"full": True},
    "solver cg: fell back": {"notes": "fell back"},
}


def looked(health: Health, frame: int, **changes) -> list[str]:
    return health.look(FrameRecord(frame=frame, **{**CALM, **changes}))


def calm(health: Health, frames: range) -> None:
    for frame in frames:
        assert looked(health, frame) == []


@pytest.mark.parametrize("text", TROUBLE)
def test_trouble_is_told_once_and_summed_up(text):
    health = Health()
    calm(health, range(1, 6))
    assert health.summary() == []
    (warning,) = looked(health, 6, **TROUBLE[text])
    assert text in warning
    (line,) = health.summary()
    assert text in line and "worst in frame 6" in line


def test_trouble_is_told_again_when_it_is_twice_as_bad():
    health = Health()
    told = [looked(health, frame, volume_error=-0.01 * frame) != [] for frame in range(1, 26)]
    assert [frame for frame, said in enumerate(told, start=1) if said] == [6, 12, 24]
    assert health.summary()[0].startswith("20 frames with trouble, worst in frame 25: 25.0% less")


def test_what_flows_out_is_no_trouble():
    health = Health()
    calm(health, range(1, 6))
    assert looked(health, 6, particles=0, particles_left=600, particles_drained=400) == []


def test_crowding_is_judged_by_all_that_was_poured():
    health = Health()
    calm(health, range(1, 6))
    assert looked(health, 6, particles_poured=1500, particles_removed=200) == []
    assert "cost 14%" in looked(health, 7, particles_removed=150)[0]


def test_many_substeps_are_no_trouble_in_a_long_frame():
    health = Health()
    assert looked(health, 1, time=1.0, substeps=300) == []
    assert "60 substeps" in looked(health, 2, time=1.1, substeps=60)[0]


@pytest.mark.parametrize("seconds", [1 / 60, 0.5])
def test_still_water_has_no_speed_and_does_not_explode(seconds):
    tank = liquid(cubic(2, 12), HalfSpace(0.5))
    report = tank.advance(seconds)
    assert report.top_speed < 1e-3
    assert tank.time == pytest.approx(seconds)


def test_speeds_that_explode_end_a_frame_of_any_length():
    tank = liquid(cubic(2, 12), HalfSpace(0.5))
    for seconds in (1 / 60, 10.0):
        tank.particles.velocities.fill_(1e6)
        with pytest.raises(SimulationError, match="speeds exploded"):
            tank.advance(seconds)


def test_a_solver_that_falls_back_is_in_the_log(tmp_path, monkeypatch, capsys):
    solve = solvers.solve

    def noted(*arguments, **options):
        solution = solve(*arguments, **options)
        object.__setattr__(solution, "notes", "fell back to cg")
        return solution

    monkeypatch.setattr(solvers, "solve", noted)
    flags = ["--dim", "2", "--resolution", "16", "--frames", "3", "--no-render"]
    assert main(["run", "smoke_solid", *flags, "--out", str(tmp_path / "run")]) == 0
    lines = [line for line in read_log(tmp_path / "run" / "log.jsonl") if "frame" in line]
    assert [line["warnings"] for line in lines] == [
        ["solver multigrid: fell back to cg"], [], [],
    ]  # fmt: skip
    said = capsys.readouterr().out
    assert "warning: frame 1: solver multigrid: fell back to cg" in said
    assert "3 frames with trouble" in said
