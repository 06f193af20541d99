"""Gradients to the shape, the pose and the motion of solids, against finite differences."""

import math

import pytest
import torch

from fluidsim.differentiable import rollout
from fluidsim.grid.grid import Grid
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.solid.boundary import Inlet
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Ellipsoid, SmoothUnion, Sphere
from fluidsim.solid.splines import ClosedCurve, SplineArea
from tests.fluidsim.test_differentiable import assert_slope, smooth
from tests.fluidsim.worlds import smoke

GRIDS = {2: Grid((9, 10), 0.07), 3: Grid((5, 6, 6), 0.12)}
MIDDLE, TURNED = (0.31, 0.33), (0.29, 0.31)
ANGLES = torch.arange(7).double() * (2 * math.pi / 7)
CONTROL = torch.stack((0.31 + 0.14 * ANGLES.cos(), 0.33 + 0.11 * ANGLES.sin()), 1)
KNOTS = torch.linspace(0, 1, 8) ** 1.1
OVAL = Ellipsoid(MIDDLE, (0.15, 0.09))

CASES = {
    "control points": (lambda of: SplineArea(ClosedCurve(of)), CONTROL),
    "weights": (lambda of: SplineArea(ClosedCurve(CONTROL, of)), torch.linspace(0.8, 1.3, 7)),
    "knots": (lambda of: SplineArea(ClosedCurve(CONTROL, knots=of)), KNOTS),
    "a shift": (lambda of: SplineArea(ClosedCurve(CONTROL)).moved(of), (0.01, 0.003)),
    "an angle": (lambda of: OVAL.rotated(of, TURNED), 0.3),
    "a centre": (lambda of: Sphere(of, 0.13), MIDDLE),
    "radii": (lambda of: Ellipsoid(MIDDLE, of), (0.15, 0.09)),
    "corners": (lambda of: Box((0.2, 0.18), of), (0.43, 0.46)),
    "a velocity": (lambda of: Moving(OVAL, MIDDLE, of), (0.2, 0.1)),
    "a spin": (lambda of: Moving(OVAL, MIDDLE, spin=of), 0.7),
    "a ball in 3D": (lambda of: Sphere(of, 0.17), (0.31, 0.33, 0.35)),
}  # fmt: skip


def end_of(solid, dim):
    """A number that depends on all that smoke is after it has flowed past a solid."""
    grid = GRIDS[dim]
    inlet = Inlet("x-", (0.5, 0.1, 0.1)[:dim], density=0.5)
    physics = SmokeOptions(vorticity=0.0)
    world = smoke(grid, (), [solid], ["x+"], physics, 1e-12, solver="direct", inlets=[inlet])
    scalars = torch.cat((1 + 0.3 * smooth(3, 1, *grid.nodes), 10 * smooth(4, 1, *grid.nodes)))
    made = rollout(world, 2, 0.03, {"scalars": scalars}, lambda now: now.force_on_solids())
    scales = (("velocity", 1.0), ("scalars", 0.1), ("pressure", 1.0))
    fields = ((smooth(5, *made.state[name].shape) * made.state[name], k) for name, k in scales)
    return sum(field.sum() * k for field, k in fields) + made.observed[-1].sum()


@pytest.mark.parametrize("case", CASES)
def test_smoke_past_a_solid(case, doubles):
    solid, values = CASES[case]
    dim = 3 if case.endswith("3D") else 2
    values = torch.as_tensor(values, dtype=torch.float64)
    assert_slope(lambda of: end_of(solid(of), dim), values, 1e-5)


def test_segments_know_of_solids(doubles):
    """The gradient is that of a run in one piece, which finite differences confirm."""

    def end(of, segment):
        grid = GRIDS[2]
        world = smoke(grid, (), [Sphere(of, 0.13)], ["z+"], SmokeOptions(vorticity=0.0), 1e-12)
        start = {"scalars": torch.cat((smooth(3, 1, *grid.nodes), 50 * smooth(4, 1, *grid.nodes)))}
        return rollout(world, 4, 0.03, start, segment=segment).state["velocity"].square().sum()

    centres = [torch.tensor(MIDDLE, requires_grad=True) for _ in range(2)]
    for centre, segment in zip(centres, (4, 2), strict=True):
        end(centre, segment).backward()
    torch.testing.assert_close(centres[0].grad, centres[1].grad)
    assert float(centres[0].grad.norm()) > 1e-3


def test_recorded_solids_are_those_of_a_run():
    fields = []
    for recorded in (False, True):
        control = CONTROL.clone().requires_grad_(recorded)
        solid = SplineArea(ClosedCurve(control))
        world = smoke(GRIDS[2], (), [solid], ["z+"], SmokeOptions(vorticity=0.0), 1e-9)
        fields.append((world.solids.open.detach(), world.solids.room.detach()))
    for one, other in zip(*fields, strict=True):
        assert torch.equal(one, other)


def test_what_has_no_gradient_is_named():
    wanted = torch.tensor(0.1, requires_grad=True)
    ball = Sphere((0.3, 0.3), wanted)
    with pytest.raises(ValueError, match="no gradient for the blend of a SmoothUnion"):
        SmoothUnion((ball, ball), wanted)
    with pytest.raises(ValueError, match="no gradient for the shape of an Inlet"):
        Inlet("x-", (1.0, 0.0), ball)
    with pytest.raises(ValueError, match="no gradient for the shape of a Source with a velocity"):
        Source(ball, velocity=(1.0, 0.0))
