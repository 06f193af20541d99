"""Gradients of a liquid to the shape, the pose and the motion of solids, against finite differences
in double precision. The column begins on the solid, so its volume at the start depends on it."""

import math

import pytest
import torch

from fluidsim import LiquidScene
from fluidsim.differentiable import rollout
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.interface import Interface
from fluidsim.flow.pressure import PressureOptions, Projector
from fluidsim.liquid.beyond import continue_beyond
from fluidsim.liquid.contact_torch import kept_outside
from fluidsim.liquid.inflows import Inflow
from fluidsim.liquid.volume import filled_as_defined
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Capsule, Ellipsoid, HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from fluidsim.solid.splines import ClosedCurve, SplineArea
from solvers import registry
from tests.fluidsim.test_differentiable import SOLVERS, assert_slope, smooth
from tests.fluidsim.test_differentiable_liquid import GRIDS, outcome
from tests.fluidsim.test_differentiable_liquid_stages import DIMS, random, spoilt
from tests.fluidsim.worlds import CPU, liquid, ragged

MIDDLE, TURNED = (0.66, 0.14), (0.6, 0.1)
ANGLES = torch.arange(7).double() * (2 * math.pi / 7)
CONTROL = torch.stack((0.66 + 0.2 * ANGLES.cos(), 0.15 + 0.17 * ANGLES.sin()), 1)
KNOTS = torch.linspace(0, 1, 8) ** 1.1
OVAL = Ellipsoid(MIDDLE, (0.17, 0.11))

CASES = {
    "control points": (lambda of: SplineArea(ClosedCurve(of)), CONTROL),
    "weights": (lambda of: SplineArea(ClosedCurve(CONTROL, of)), torch.linspace(0.8, 1.3, 7)),
    "knots": (lambda of: SplineArea(ClosedCurve(CONTROL, knots=of)), KNOTS),
    "a shift": (lambda of: SplineArea(ClosedCurve(CONTROL)).moved(of), (0.01, 0.003)),
    "an angle": (lambda of: OVAL.rotated(of, TURNED), 0.3),
    "a centre": (lambda of: Sphere(of, 0.15), MIDDLE),
    "radii": (lambda of: Ellipsoid(MIDDLE, of), (0.17, 0.11)),
    "corners": (lambda of: Box((0.532, -0.2), of), (0.743, 0.267)),
    "an end": (lambda of: Capsule((0.6, 0.05), of, 0.09), (0.82, 0.23)),
    "a height": (HalfSpace, 0.137),
    "a velocity": (lambda of: Moving(OVAL, MIDDLE, of), (-0.3, 0.2)),
    "a spin": (lambda of: Moving(OVAL, MIDDLE, spin=of), 1.7),
    "a ball in 3D": (lambda of: Sphere(of, 0.14), (0.43, 0.33, 0.1)),
}  # fmt: skip


def tank_with(solid, dim=2, flip=0.95, solver="direct", **more):
    """A column of liquid that stands beside a solid or on it."""
    column = Box((-1.0,) * dim, (0.42, 2.0, 0.42) if dim == 3 else (0.57, 0.62))
    more = {"flip": flip, "rtol": 1e-12, "solver": solver, **more}
    return liquid(GRIDS[dim], column, [solid], **more)


def end_of(solid, steps, dim=2, flip=0.95, **more):
    """A number that depends on particles, surface and pressure at the end, and on the force on the
    solid."""
    tank = tank_with(solid, dim, flip, **more)
    made = rollout(tank, steps, 0.02, None, lambda now: now.force_on_solids(), steps)
    total = outcome(made.state) + made.state["surface"].square().sum()
    total = total + 1e-3 * (made.state["pressure"] * smooth(5, *tank.grid.shape)).sum()
    return total + 1e-2 * made.observed[-1].sum()


def slope_of(case, steps, flip, rel, step=1e-7):
    solid, values = CASES[case]
    values = torch.as_tensor(values, dtype=torch.float64)
    dim = 3 if case.endswith("3D") else 2
    assert_slope(lambda of: end_of(solid(of), steps, dim, flip), values, rel, step)


QUICK = ("control points", "a centre", "corners", "a velocity", "a spin", "a ball in 3D")
SMALL = ("an angle", "a spin")  # slopes of which rounding leaves five digits
SLOWLY = [pytest.param(c, marks=() if c in QUICK else pytest.mark.slow) for c in CASES]


@pytest.mark.parametrize("case", SLOWLY)
def test_a_liquid_on_a_solid(case, doubles):
    slope_of(case, 3, 0.95, 1e-4 if case in SMALL else 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0.0, 0.95, None], ids=["pic", "flip", "apic"])
@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_on_a_solid(case, flip, doubles):
    slope_of(case, 20, flip, 1e-3, 1e-8)  # so close that no decision changes between


@pytest.mark.slow
@pytest.mark.parametrize("more", ["tension", "inflow"])
def test_what_else_acts_on_a_liquid_on_a_solid(more, doubles):
    def end(of):
        given = {
            "tension": {"surface_tension": 2.0},
            "inflow": {"inflows": [Inflow(Box((0.1, 0.65), (0.25, 0.85)), (0.9, -0.2))]},
        }[more]  # fmt: skip
        return end_of(Moving(OVAL, MIDDLE, of), 6, **given)

    assert_slope(end, torch.tensor((-0.3, 0.2), dtype=torch.float64), 1e-4, 1e-7)


# Each stage against differences.


@DIMS
def test_contact(dim, doubles):
    tank, x, _, _ = spoilt(dim)
    target = x + 0.8 * random(5, *x.shape)
    middle = torch.tensor((0.562, 0.7, 0.213)[:: 1 if dim == 3 else 2])

    def kept(of):
        return (kept_outside(x, target, Solids(tank.grid, [Sphere(of, 0.17)], [], CPU)) * x).sum()

    assert_slope(kept, middle, 1e-5)


@DIMS
def test_the_volume_beside_a_solid(dim, doubles):
    tank = ragged(dim)
    held, cells = tank.particles.held / 2**dim, tank.grid.cells(tank.surface.distance)
    middle = torch.tensor((0.562, 0.7, 0.213)[:: 1 if dim == 3 else 2])

    def filled(of):
        return filled_as_defined(cells, held, Solids(tank.grid, [Sphere(of, 0.17)], [], CPU))

    assert_slope(filled, middle, 1e-5)


@DIMS
def test_the_projection_beside_a_solid(dim, doubles):
    tank, _, _, flow = spoilt(dim)
    grid, distance = tank.grid, tank.grid.cells(tank.surface.distance)
    middle = torch.tensor((0.562, 0.7, 0.213)[:: 1 if dim == 3 else 2])

    def projected(of):
        body = Moving(Sphere(of, 0.17), (0.5,) * dim, of)
        solids, velocity = Solids(grid, [body], [], CPU), flow.clone()
        fluid = (distance < 0) & (grid.cells(solids.solid) == 0)
        interface = Interface.of(distance, fluid, grid)
        domain = FlowDomain(fluid, solids.open, solids.velocity, interface)
        projector = Projector(grid, PressureOptions(registry.create("direct", {}), 1e-12, 1000.0))
        pressure = projector.project(velocity, domain, 0.01).pressure
        continue_beyond(domain, velocity, solids, 0.01)
        solids.enforce(velocity, domain.open_faces)
        return (velocity * smooth(6, *flow.shape)).sum() + 1e-3 * pressure.square().sum() ** 0.5

    assert_slope(projected, middle, 1e-5)


# Runs.


@pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_every_solver_gives_the_same_gradient(dim, doubles):
    found = []
    for solver in SOLVERS:
        middle = torch.tensor((0.43, 0.33, 0.1)[:: 1 if dim == 3 else 2], requires_grad=True)
        tank = tank_with(Sphere(middle, 0.14), dim, solver=solver)
        start = tank.state()["positions"].clone().requires_grad_()
        end = outcome(rollout(tank, 2, 0.02, {"positions": start}).state)
        found.append(torch.cat([g.flatten() for g in torch.autograd.grad(end, (start, middle))]))
    for other in found[:-1]:
        assert float((other - found[-1]).norm() / found[-1].norm()) < 1e-6


def test_segments_know_of_solids(doubles):
    found = []
    for segment in (4, 2):
        middle = torch.tensor(MIDDLE, requires_grad=True)
        end = rollout(tank_with(Sphere(middle, 0.15)), 4, 0.02, segment=segment).state
        outcome(end).backward()
        found.append(middle.grad)
    assert float(found[0].norm()) > 1e-3
    torch.testing.assert_close(*found)


def test_segments_and_further_runs_know_of_windows(doubles):
    """Segments begin on other windows than the last one; a run may start where another has been."""
    middle = torch.tensor((0.7, 0.1), requires_grad=True)
    start = Box((0.0, 0.0), (0.4, 0.5))
    solids = [Sphere(middle, 0.2)]
    scene = LiquidScene(size=(4.8, 0.8), liquid=start, velocity=(3.0, 0.0), solids=solids)
    tank, found = scene.start(resolution=96, solver="direct", threads=1), []
    first = {name: values.detach().clone() for name, values in tank.state().items()}
    for segment in (8, 2):
        with torch.no_grad():
            tank.restore(first)
        before = tank.window
        end = rollout(tank, 8, 0.04, segment=segment).state
        assert tank.window != before
        found += torch.autograd.grad(end["positions"].square().sum(), middle)
    assert float(found[0].norm()) > 1e-3
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("place", [MIDDLE, (1.15, 0.14)], ids=["beside it", "away"])
def test_recorded_solids_are_those_of_a_run(place):
    ends = []
    for recorded in (False, True):
        middle = torch.tensor(place, requires_grad=recorded)
        tank = tank_with(Sphere(middle, 0.15), rtol=1e-7)
        state = rollout(tank, 3, 0.02).state
        ends.append({name: values.clone() for name, values in state.items()})
        assert not any(each.requires_grad for each in tank.state().values())
        tank.advance(0.02)
    assert ends[1]["positions"].requires_grad
    for name in ("positions", "velocities", "surface", "first_volume"):
        torch.testing.assert_close(ends[1][name].detach(), ends[0][name], rtol=1e-4, atol=1e-4)


def test_what_has_no_gradient_is_named():
    ball = Sphere(torch.tensor(MIDDLE, requires_grad=True), 0.15)
    with pytest.raises(ValueError, match="no gradients to solids in a viscous liquid"):
        rollout(tank_with(ball, viscosity=1.0), 1, 0.02)
    column = Box((0.0, 0.0), torch.tensor((0.5, 0.5), requires_grad=True))
    with pytest.raises(ValueError, match="no gradient for the liquid of a LiquidScene"):
        LiquidScene(size=(1.0, 1.0), liquid=column)
