"""`--set NAME=VALUE`: other values for a scene, checked, kept by its run."""

import pytest

from fluidsim import RunConfig
from fluidsim.cli import main
from fluidsim.runs.flags import as_flags, parse_run
from fluidsim.runs.plan import Plan
from fluidsim.scene.changes import changed, names
from fluidsim.store.run_folder import read_config
from scenes import dam_break, smoke_solid, viscous_coil

CONFIG = RunConfig("any", dim=2)
DAM = dam_break.build(CONFIG)


def test_values_are_replaced_and_nothing_else():
    values = {
        "viscosity": "0.5",
        "gravity": "[0,-3]",
        "transfer": "apic",
        "liquid.upper": "[1,0.2]",
    }
    other = changed(DAM, values)
    assert (other.viscosity, other.gravity, other.transfer) == (0.5, (0, -3), "apic")
    assert other.liquid.upper == (1, 0.2) and other.liquid.lower == DAM.liquid.lower
    assert other.solids is DAM.solids and other.view is DAM.view
    assert changed(other, values) == other and changed(DAM, {}) is DAM
    coil = viscous_coil.build(RunConfig("any", dim=3))
    assert changed(coil, {"velocity": "null", "view.orbit": "30"}).view.orbit == 30
    assert changed(coil, {"velocity": "null"}).velocity is None


def test_the_physics_of_smoke_are_values_too():
    smoke = smoke_solid.build(CONFIG)
    assert changed(smoke, {"physics.combustion.heat": "7"}).physics.combustion.heat == 7
    assert "physics.viscosity" in names(smoke) and "sources" not in names(smoke)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("visc", "1", "no value visc to set, but size, density"),
        ("solids", "[]", "no value solids"),
        ("viscosity.x", "1", "no value viscosity.x"),
        ("viscosity", "thick", "cannot be thick: it is 0.0"),
        ("viscosity", "NaN", "cannot be NaN"),
        ("viscosity", "true", "cannot be true"),
        ("viscosity", "-1", "must not be negative"),
        ("narrow_band", "3.5", "cannot be 3.5"),
        ("gravity", "[0,1,2]", "2 components"),
        ("transfer", "pic", "apic"),
    ],
)
def test_what_cannot_be_set_is_said_in_one_line(name, value, said):
    with pytest.raises(ValueError, match=said.replace("[", r"\[")) as error:
        changed(DAM, {name: value})
    assert "\n" not in str(error.value)


def test_a_run_keeps_its_values_and_refuses_others(tmp_path, capsys):
    out = tmp_path / "run"
    flags = ["--dim", "2", "--resolution", "12", "--no-render", "--out", str(out)]
    flags += ["--set", "viscosity=1", "--set", "viscosity=0.5", "--set", "flip=0.9"]
    assert main(["run", "dam_break", *flags, "--frames", "1"]) == 0
    stored = read_config(out)
    assert stored["config"]["set"] == {"viscosity": "0.5", "flip": "0.9"}
    assert (stored["scene"]["viscosity"], stored["scene"]["flip"]) == (0.5, 0.9)
    again = ["run", "dam_break", "--resume", str(out), "--frames", "2"]
    with pytest.raises(SystemExit):
        main([*again, "--set", "viscosity=2"])
    assert "--set of the run is" in capsys.readouterr().err
    assert main([*again, "--set", "viscosity=0.5"]) == 0
    known = as_flags(stored["config"])
    assert parse_run("dam_break", known, "", "run").set == stored["config"]["set"]


@pytest.mark.parametrize("text", ["viscosity", "=1", "viscosity="])
def test_a_change_has_two_sides(text, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["run", "dam_break", "--set", text])
    assert exit.value.code == 2
    assert "not like viscosity=0.1" in capsys.readouterr().err


def test_a_plan_is_that_of_the_changed_scene():
    config = RunConfig("dam_break", dim=2, set={"frame_seconds": "0.5"})
    assert Plan.of(DAM, config).frame_seconds == 0.5
