"""A simulation goes on from a stored state bit for bit, whatever moves and whoever solves."""

import importlib

import pytest
import torch

import solvers
from fluidsim import RunConfig
from fluidsim.flow.simulation import Simulation
from fluidsim.timing import StageTimer
from solvers.runtime import Runtime

# Each keeps something that the others do not.
SCENES = [
    "dam_break", "stirred_tank", "waterflow_torus", "viscous_coil", "smoke_solid", "campfire",
    "scooping",
]  # fmt: skip


def started(name: str, machine: Runtime, **flags) -> tuple[Simulation, float]:
    config = RunConfig(scene=name, **{"resolution": 16, **flags})
    scene = importlib.import_module(f"scenes.{name}").build(config)
    return scene.simulate(config, machine, StageTimer(machine.device)), scene.frame_seconds


def copied(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: values.clone() for name, values in state.items()}


def check(name: str, machine: Runtime, **flags) -> None:
    simulation, seconds = started(name, machine, **flags)
    for _ in range(4):
        simulation.advance(seconds)
    state = copied(simulation.state())
    again, _ = started(name, machine, **flags)
    again.restore(state)
    assert again.volume_error() == simulation.volume_error()
    for _ in range(3):
        reports = [each.advance(seconds) for each in (simulation, again)]
        assert reports[0] == reports[1]
    ends = [each.state() for each in (simulation, again)]
    assert ends[0].keys() == ends[1].keys()
    for key, values in ends[0].items():
        assert torch.equal(values, ends[1][key]), key
    assert not torch.equal(ends[0]["velocity"], state["velocity"])


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", SCENES)
def test_scene_goes_on_as_if_nothing_had_happened(name, dim, machine):
    check(name, machine, dim=dim)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("solver", solvers.available())
def test_solver_goes_on_as_if_nothing_had_happened(solver, dim, machine):
    check("dam_break", machine, dim=dim, solver=solver)


@pytest.mark.parametrize("scene", ["dam_break", "smoke_solid"])
def test_what_a_solver_recalls_is_part_of_the_state(scene, machine):
    """On masks that change, in a window that moves, and on one that does not."""
    check(scene, machine, dim=2, resolution=32, solver="recycling")
    simulation, seconds = started(scene, machine, dim=2, solver="recycling")
    simulation.advance(seconds)
    assert len(simulation.state()["solver/directions"]) > 0


@pytest.mark.parametrize("history", [0, 3])
@pytest.mark.parametrize("scene", ["dam_break", "smoke_solid", "stirred_tank"])
def test_the_last_pressures_are_part_of_the_state(scene, history, machine):
    """Where the window moves, where nothing does, and where a solid does."""
    check(scene, machine, dim=2, resolution=32, history=history)
    simulation, seconds = started(scene, machine, dim=2, history=history)
    reports = [simulation.advance(seconds) for _ in range(3)]
    assert len(simulation.state().get("history/solutions", ())) == history
    assert ("history" in reports[-1].guesses) == (history > 0)


def test_apic_keeps_its_slopes(machine):
    check("water_drop", machine, dim=2, transfer="apic")


@pytest.mark.parametrize("name", ["waterflow_pool", "standing_rotating_blade"])
def test_a_narrow_band_keeps_what_is_deep(name, machine):
    check(name, machine, dim=2, resolution=32, narrow_band=3)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("positions", lambda values: values + 100),
        ("positions", lambda values: values * float("nan")),
        ("velocities", lambda values: values[:, :1]),
        ("surface", lambda values: values[1:]),
        ("velocity", lambda values: values.double()),
    ],
)
def test_a_state_of_another_simulation_is_refused(key, change, machine):
    simulation, _ = started("dam_break", machine, dim=2)
    state = copied(simulation.state())
    state[key] = change(state[key])
    with pytest.raises(ValueError):
        simulation.restore(state)
