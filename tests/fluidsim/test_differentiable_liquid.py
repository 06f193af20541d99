"""Gradients through runs of liquids, against finite differences in double precision."""

import pytest
import torch

from fluidsim.differentiable import rollout
from fluidsim.errors import SimulationError
from fluidsim.grid.grid import Grid
from fluidsim.liquid.inflows import Inflow
from fluidsim.liquid.options import LiquidOptions
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Box, Sphere
from tests.fluidsim.test_differentiable import SOLVERS, assert_slope, smooth
from tests.fluidsim.worlds import liquid

GRIDS = {2: Grid((12, 10), 0.1), 3: Grid((7, 6, 6), 0.1)}
TRANSFERS = pytest.mark.parametrize("flip", [0.95, None], ids=["flip", "apic"])


def dam(dim, flip=0.95, solver="direct", **more):
    """A column of liquid beside a ball on the floor."""
    grid = GRIDS[dim]
    far = (0.42, 2.0, 0.42) if dim == 3 else (0.57, 0.62)
    ball = Sphere((0.7 * grid.extent[0], 0.3, 0.1)[:: 1 if dim == 3 else 2], 0.15)
    column = Box((-1.0,) * dim, far)
    return liquid(grid, column, [ball], flip=flip, rtol=1e-12, solver=solver, **more)


def outcome(end):
    """A number that depends on all particles."""
    x, v = end["positions"], end["velocities"]
    return x.square().sum() + (smooth(3, 1, *v.shape)[0] * v).sum()


@pytest.mark.parametrize(
    ("flip", "name"),
    [
        (0.95, "positions"),
        pytest.param(None, "velocities", marks=pytest.mark.slow),
        pytest.param(None, "positions", marks=pytest.mark.slow),
        pytest.param(0.95, "velocities", marks=pytest.mark.slow),
        pytest.param(0.95, "surface", marks=pytest.mark.slow),
        pytest.param(None, "surface", marks=pytest.mark.slow),
    ],
)
def test_a_run_of_twenty_steps(flip, name, doubles):
    def end(values):
        return outcome(rollout(dam(2, flip), 20, 0.02, {name: values}).state)

    start = dam(2, flip).state()[name].clone()
    assert_slope(end, start, 1e-3, 1e-6)


def test_a_run_in_space(doubles):
    def end(values):
        return outcome(rollout(dam(3), 4, 0.02, {"positions": values}, segment=4).state)

    assert_slope(end, dam(3).state()["positions"].clone(), 1e-3, 1e-6)


@pytest.mark.slow
@TRANSFERS
@pytest.mark.parametrize("name", ["positions", "velocities"])
def test_a_run_of_twenty_steps_in_space(flip, name, doubles):
    def end(values):
        return outcome(rollout(dam(3, flip), 20, 0.02, {name: values}).state)

    start = dam(3, flip).state()[name].clone()
    if name == "velocities":  # rest is a kink: there differences are the mean of both sides
        start += 0.05 * torch.randn(start.shape, generator=torch.Generator().manual_seed(2))
    assert_slope(end, start, 1e-3, 1e-7)


def test_every_solver_gives_the_same_gradient(doubles):
    found = []
    for solver in SOLVERS:
        x = dam(2).state()["positions"].clone().requires_grad_()
        end = outcome(rollout(dam(2, solver=solver), 2, 0.02, {"positions": x}).state)
        found.append(torch.autograd.grad(end, x)[0])
    for other in found[:-1]:
        assert float((other - found[-1]).norm() / found[-1].norm()) < 1e-6


def test_doubles_without_a_gradient_are_the_recorded_numbers(doubles):
    ends = []
    for recorded in (False, True):
        x = dam(2).state()["positions"].clone().requires_grad_(recorded)
        ends.append(rollout(dam(2), 6, 0.02, {"positions": x}).state)
    for name in ("positions", "velocities", "surface"):
        assert float((ends[0][name] - ends[1][name].detach()).abs().max()) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", ["positions", "surface"])
def test_a_run_with_surface_tension(name, doubles):
    def drop():
        ball = Sphere((0.62, 0.52), 0.27)
        return liquid(GRIDS[2], ball, gravity=0.0, rtol=1e-12, solver="direct", surface_tension=2.0)

    def end(values):
        return outcome(rollout(drop(), 10, 0.02, {name: values}).state)

    assert_slope(end, drop().state()[name].clone(), 1e-3, 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["positions", "velocities"])
def test_a_viscous_run(name, doubles):
    def end(values):
        return outcome(rollout(dam(2, viscosity=20.0), 10, 0.02, {name: values}).state)

    assert_slope(end, dam(2).state()[name].clone(), 1e-4, 1e-6)


@pytest.mark.parametrize(
    "of",
    [
        "gravity",
        "inflow",
        "viscosity",
        pytest.param("pull", marks=pytest.mark.slow),
        pytest.param("force", marks=pytest.mark.slow),
        pytest.param("tension", marks=pytest.mark.slow),
    ],
)
def test_numbers_of_the_scene(of, doubles):
    start = {
        "gravity": torch.tensor((1.0, -9.0)), "pull": torch.tensor(9.0),
        "inflow": torch.tensor((0.9, -0.2)), "force": torch.tensor((2.0, 1.0)),
        "viscosity": torch.tensor(30.0), "tension": torch.tensor(1.0),
    }[of]  # fmt: skip

    def end(values):
        more = {"gravity": values if of in ("gravity", "pull") else 9.81}
        if of == "tension":
            more["surface_tension"] = values
        if of == "viscosity":
            more["viscosity"] = values
        if of == "inflow":
            more["inflows"] = [Inflow(Box((0.1, 0.65), (0.25, 0.85)), values)]
        if of == "force":
            more["body_force"] = lambda points, time: values.expand(points.shape)
        made = rollout(dam(2, **more), 6, 0.02)
        return outcome(made.state) + made.state["surface"].square().sum()

    small = of in ("viscosity", "tension")  # slopes, for which the differences are rounded
    assert_slope(end, start, 1e-5, 1e-4 if small else 1e-6)


def test_particles_that_are_added_and_taken_away_are_held(doubles):
    def end(values):
        tank = dam(2)
        crowd = torch.cat((values, values[:40] + 0.01, values[60:61].expand(30, 2)))
        crowd = torch.cat((crowd[:40], crowd[56:]))
        tank.particles._put(crowd, torch.zeros_like(crowd))
        made = rollout(tank, 3, 0.02)
        assert tank.lost.added > 0 and tank.lost.removed > 0
        return outcome(made.state)

    assert_slope(end, dam(2).state()["positions"].clone(), 1e-3, 1e-7)


def test_segments_give_the_same_gradient_and_hold_less(doubles):
    found, held = [], []
    for segment in (9, 3):
        x = dam(2).state()["positions"].clone().requires_grad_()
        saved = []

        def keep(tensor, saved=saved):
            saved.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            end = outcome(rollout(dam(2), 9, 0.02, {"positions": x}, segment=segment).state)
        found.append(torch.autograd.grad(end, x)[0])
        held.append(sum(saved))
    assert torch.equal(*found)
    assert held[1] < 0.1 * held[0]


def test_the_simulation_goes_on_from_the_end():
    tanks = dam(2), dam(2)
    with torch.no_grad():
        rollout(tanks[0], 3, 0.02)
    x = dam(2).state()["positions"].clone().requires_grad_()
    outcome(rollout(tanks[1], 3, 0.02, {"positions": x}).state).backward()
    assert not any(each.requires_grad for each in tanks[1].state().values())
    for tank in tanks:
        tank.advance(0.02)
    torch.testing.assert_close(*(tank.particles.positions for tank in tanks), rtol=0, atol=1e-3)


def test_a_gradient_that_is_not_finite_names_its_stage_and_step(doubles):
    x = dam(2).state()["positions"].clone().requires_grad_()

    def loss(now):
        here = now.particles.positions
        return (here - here.detach()).sum().sqrt()

    made = rollout(dam(2), 3, 0.02, {"positions": x}, loss)
    with pytest.raises(SimulationError, match=r"stage '\w+' of the step at 0\.04 s"):
        made.observed[-1].backward()


def test_what_has_no_gradient_is_named():
    wanted = torch.tensor(0.3, requires_grad=True)
    column = Box((0.0, 0.0), (0.5, 0.5))
    with pytest.raises(ValueError, match="no gradient for the flip of a LiquidOptions"):
        LiquidOptions(flip=wanted)
    with pytest.raises(ValueError, match="no gradient for the density of a LiquidScene"):
        LiquidScene(size=(1.0, 1.0), liquid=column, density=wanted)
    for name in ("velocity", "time", "window"):
        values = dam(2).state()[name].double().requires_grad_()
        with pytest.raises(ValueError, match=f"no gradient for '{name}'"):
            rollout(dam(2), 1, 0.02, {name: values})
    for match, more in (("narrow band", {"narrow_band": 2}),):
        with pytest.raises(ValueError, match=match):
            rollout(dam(2, **more), 1, 0.02)
