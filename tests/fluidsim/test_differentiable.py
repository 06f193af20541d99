"""Gradients through runs of smoke, against finite differences in double precision."""

from functools import partial

import pytest
import torch

from fluidsim.differentiable import rollout
from fluidsim.errors import SimulationError
from fluidsim.grid.grid import Grid
from fluidsim.smoke import advection_adjoint, advection_torch, transport_adjoint, transport_torch
from fluidsim.smoke.combustion import Combustion
from fluidsim.smoke.confinement import acceleration_as_defined
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.solid.boundary import Inlet
from fluidsim.solid.shapes import Box, Sphere
from tests.fluidsim.worlds import smoke

GRIDS = {2: Grid((9, 11), 0.1), 3: Grid((5, 6, 7), 0.1)}
DIMS = pytest.mark.parametrize("dim", [2, 3])
SOLVERS = ("multigrid", "cg", "schur", "npsdo", "direct")


def smooth(seed, *shape):
    """Random numbers (components, *shape), averaged over neighbours in space."""
    field = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    for _ in range(3):
        for axis in range(1, len(shape)):
            field = (field + field.roll(1, axis) + field.roll(-1, axis)) / 3
    return field / field.std()


def assert_slope(function, values, rel, step=1e-6):
    """The slope along a random way by autograd is that by differences."""
    values = values.detach().clone().requires_grad_()
    way = torch.randn(values.shape, generator=torch.Generator().manual_seed(9))
    (gradient,) = torch.autograd.grad(function(values), values)
    with torch.no_grad():
        ahead, behind = function(values + step * way), function(values - step * way)
    assert float((gradient * way).sum()) == pytest.approx(float(ahead - behind) / (2 * step), rel)


def assert_same(some, others):
    for one, other in zip(some, others, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12 * float(other.abs().max()))


def room(dim, solver="direct", **physics):
    """A room with a ball in it, open above, without confinement unless `physics` has some."""
    options = SmokeOptions(**{"vorticity": 0.0, **physics})
    ball = Sphere((0.41, 0.32, 0.37)[:dim], 0.17)
    return smoke(GRIDS[dim], (), [ball], ["z+"], options, 1e-11, solver=solver)


def start(dim):
    nodes = GRIDS[dim].nodes
    scalars = torch.cat((1 + 0.2 * smooth(2, 1, *nodes), 20 + 5 * smooth(3, 1, *nodes)))
    return {"velocity": 0.2 * smooth(1, dim, *nodes), "scalars": scalars}


def outcome(simulation, frames, values, segment=None):
    """A number that depends on all that the smoke is at the end."""
    end = rollout(simulation, frames, 0.04, values, segment=segment).state
    return sum(
        (smooth(5, *end[name].shape) * end[name]).sum() * scale
        for name, scale in (("velocity", 1.0), ("scalars", 0.1))
    )


def slopes(function, *inputs):
    """What a function returns, and its gradients, along a fixed way."""
    inputs = [each.detach().clone().requires_grad_() for each in inputs]
    found = function(*inputs)
    total = sum((smooth(7, *each.shape) * each).sum() for each in found)
    return [*(each.detach() for each in found), *torch.autograd.grad(total, inputs)]


def carried_as_defined(field, back, grid, sharp):
    out = torch.zeros_like(field)
    for axis in range(grid.dim):
        carry = advection_torch.carry_sharply if sharp else advection_torch.carry
        carry(field[axis], back, out[axis], axis, grid)
    return out


@DIMS
@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("form", [carried_as_defined, advection_adjoint.faces])
def test_advection(dim, sharp, form, doubles):
    grid = GRIDS[dim]
    field, back, weights = (smooth(seed, dim, *grid.nodes) for seed in range(3))
    assert_slope(lambda each: (form(each, back, grid, sharp) * weights).sum(), field, 1e-5)
    assert_slope(lambda each: (form(field, each, grid, sharp) * weights).sum(), back, 1e-5)


@DIMS
@pytest.mark.parametrize("sharp", [False, True])
def test_the_adjoint_of_advection_is_that_of_its_definition(dim, sharp, doubles):
    grid = GRIDS[dim]
    inputs = smooth(1, dim, *grid.nodes), 2 * smooth(2, dim, *grid.nodes)
    forms = carried_as_defined, advection_adjoint.faces
    found = [slopes(lambda *each, f=form: (f(*each, grid, sharp),), *inputs) for form in forms]
    assert_same(*found)


@DIMS
def test_traces(dim, doubles):
    grid = GRIDS[dim]

    def traced(velocity, form=advection_adjoint):
        back = torch.zeros_like(velocity)
        form.trace(velocity, back, grid, 0.7)
        return (back,)

    velocity = smooth(1, dim, *grid.nodes)
    assert_slope(lambda each: (traced(each)[0] * smooth(2, *each.shape)).sum(), velocity, 1e-5)
    assert_same(
        slopes(traced, velocity), slopes(lambda each: traced(each, advection_torch), velocity)
    )


def swept(form, grid, values, volume, flux):
    """Values and volume after a sweep along each axis."""
    values, volume = values.clone(), volume.clone()
    for axis in range(grid.dim):
        form.sweep(values, volume, flux[axis], axis, grid)
    return values, volume


@DIMS
@pytest.mark.parametrize("of", range(3))
def test_transport(dim, of, doubles):
    grid = GRIDS[dim]
    inputs = [smooth(2, 2, *grid.nodes), torch.ones(grid.nodes), 0.2 * smooth(1, dim, *grid.nodes)]

    def end(changed):
        inputs[of] = changed
        values, volume = swept(transport_adjoint, grid, *inputs)
        return (values * smooth(4, *values.shape)).sum() + (volume * volume).sum()

    assert_slope(end, inputs[of], 1e-5)


@DIMS
@pytest.mark.parametrize("speed", [0.0, 0.3, 1.5])
def test_the_adjoint_of_transport_is_that_of_its_definition(dim, speed, doubles):
    """In still and in fast flow, through several cells, beside empty cells and at ties."""
    grid = GRIDS[dim]
    values, volume = smooth(2, 2, *grid.nodes).clamp(min=0), 1 + 0.1 * smooth(7, 1, *grid.nodes)[0]
    flux = speed * smooth(1, dim, *grid.nodes)
    forms = transport_torch, transport_adjoint
    assert_same(*(slopes(partial(swept, form, grid), values, volume, flux) for form in forms))


@DIMS
def test_confinement(dim, doubles):
    grid = GRIDS[dim]

    def pushed(velocity):
        force = acceleration_as_defined(velocity, 0.3, grid)
        return (force * smooth(4, *force.shape)).sum()

    assert_slope(pushed, smooth(1, dim, *grid.nodes), 1e-5)


def test_confinement_of_a_still_room_has_a_gradient(doubles):
    velocity = GRIDS[2].zeros(torch.device("cpu"), 2).requires_grad_()
    force = acceleration_as_defined(velocity, 0.3, GRIDS[2])
    (gradient,) = torch.autograd.grad(force.sum(), velocity)
    assert gradient.isfinite().all()


@DIMS
@pytest.mark.parametrize("name", ["velocity", "scalars"])
def test_a_run_of_twenty_steps(dim, name, doubles):
    def end(values):
        return outcome(room(dim), 20, {**start(dim), name: values})

    assert_slope(end, start(dim)[name], 1e-3)


def test_every_solver_gives_the_same_gradient(doubles):
    gradients = []
    for solver in SOLVERS:
        values = {name: each.requires_grad_() for name, each in start(2).items()}
        end = outcome(room(2, solver), 2, values)
        found = torch.autograd.grad(end, list(values.values()))
        gradients.append(torch.cat([each.flatten() for each in found]))
    for other in gradients[:-1]:
        assert float((other - gradients[-1]).norm() / gradients[-1].norm()) < 1e-6


@pytest.mark.parametrize("number", range(5))
def test_numbers_of_the_scene(number, doubles):
    def end(*changed):
        values = [torch.tensor(each) for each in (0.3, 0.05, 0.8, 0.5, 0.4)]
        values[number] = changed[0]
        weight, lift, density, wind, inflow = values
        blown = torch.stack((0.3 * wind, wind))
        fan = Source(Box((0.3, 0.2), (0.6, 0.4)), density, 40.0, blown, roughness=0.0)
        inlet = Inlet("x-", torch.stack((inflow, 0 * inflow)), Box((-1, 0.5), (1, 0.9)), 0.3)
        physics = SmokeOptions(weight=weight, lift=lift, vorticity=0.0)
        world = smoke(GRIDS[2], [fan], (), ["z+"], physics, 1e-11, solver="direct", inlets=[inlet])
        seen = rollout(world, 6, 0.05, observe=lambda now: now.density.square().sum())
        return torch.stack(seen.observed).sum() + seen.state["velocity"].square().sum()

    assert_slope(end, torch.tensor((0.3, 0.05, 0.8, 0.5, 0.4)[number]), 1e-5)


def test_segments_give_the_same_gradient_and_hold_less(doubles):
    found, held = [], []
    for segment in (12, 3):
        values = {name: each.requires_grad_() for name, each in start(2).items()}
        saved = []

        def keep(tensor, saved=saved):
            saved.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            end = outcome(room(2), 12, values, segment)
        found.append(torch.autograd.grad(end, list(values.values())))
        held.append(sum(saved))
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
    assert held[1] < 0.1 * held[0]


@DIMS
def test_recorded_smoke_is_that_of_the_simulator(dim):
    values = {name: each.float() for name, each in start(dim).items()}
    ends = []
    for recorded in (False, True):
        world = room(dim, "cg", vorticity=0.2)
        begun = {name: each.clone().requires_grad_(recorded) for name, each in values.items()}
        ends.append(rollout(world, 5, 0.04, begun).state)
    assert ends[1]["velocity"].requires_grad and not ends[0]["velocity"].requires_grad
    for name in ("velocity", "scalars"):
        torch.testing.assert_close(ends[1][name].detach(), ends[0][name], rtol=1e-3, atol=2e-4)


def test_the_simulation_goes_on_from_the_end(doubles):
    plain, recorded = room(2), room(2)
    with torch.no_grad():
        rollout(plain, 4, 0.04, start(2))
    values = {name: each.requires_grad_() for name, each in start(2).items()}
    outcome(recorded, 4, values).backward()
    assert not recorded.velocity.requires_grad
    for each in (plain, recorded):
        each.advance(0.04)
    torch.testing.assert_close(recorded.velocity, plain.velocity)


def test_a_gradient_that_is_not_finite_names_its_stage_and_step(doubles):
    values = {name: each.requires_grad_() for name, each in start(2).items()}

    def loss(now):
        return (now.density - now.density.detach()).sum().sqrt()

    made = rollout(room(2), 3, 0.04, values, loss)
    with pytest.raises(SimulationError, match=r"stage '\w+' of the step at 0\.08 s"):
        made.observed[-1].backward()


def test_what_has_no_gradient_is_named():
    wanted = torch.tensor(0.3, requires_grad=True)
    with pytest.raises(ValueError, match="no gradient for the cooling of a SmokeOptions"):
        SmokeOptions(cooling=wanted)
    with pytest.raises(ValueError, match="no gradient for the roughness of a Source"):
        Source(Sphere((0.5, 0.5), 0.1), roughness=wanted)
    with pytest.raises(ValueError, match="no gradient for the heat of a Combustion"):
        Combustion(heat=wanted)
    with pytest.raises(ValueError, match="the state has no 'heat'"):
        rollout(room(2), 1, 0.04, {"heat": wanted})
    with pytest.raises(ValueError, match="no gradient for 'time'"):
        rollout(room(2), 1, 0.04, {"time": wanted.double()})
    with pytest.raises(ValueError, match="viscosity"):
        rollout(room(2, viscosity=0.1), 1, 0.04)


def test_smoke_at_rest_has_a_gradient_to_its_velocity(doubles):
    velocity = GRIDS[2].zeros(torch.device("cpu"), 2).requires_grad_()
    physics = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0)
    world = smoke(GRIDS[2], (), (), ["z+"], physics, 1e-11, solver="direct")
    values = {"velocity": velocity, "scalars": start(2)["scalars"]}
    end = rollout(world, 1, 0.04, values).state["scalars"][:1]
    (gradient,) = torch.autograd.grad((end * smooth(5, *end.shape)).sum(), velocity)
    assert float(gradient.abs().max()) > 0.01
