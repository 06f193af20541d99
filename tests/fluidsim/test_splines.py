"""Curves and surfaces of splines as solids: distances, gradients, and what is refused."""

import math

import numpy as np
import pytest
import torch
from matplotlib.path import Path
from scipy.interpolate import BSpline

from fluidsim import RunConfig
from fluidsim.grid.grid import Grid
from fluidsim.scene.plain import as_json
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.openings import room
from fluidsim.solid.shapes import Box
from fluidsim.solid.splines import (
    ClosedCurve,
    ClosedSurface,
    Extruded,
    Revolved,
    SplineArea,
    SplineSolid,
)
from fluidsim.splines.basis import basis_functions, clamped_knots, closed_knots, spans_of
from tests.fluidsim.shapes_of_splines import ball, blob, circle, pebble, ring

FAR = torch.tensor(((40.0, -30.0), (0.0, 30.0)), dtype=torch.float64)


def points(count, dim, half=0.6):
    generator = torch.Generator().manual_seed(5)
    return half * (2 * torch.rand(count, dim, generator=generator, dtype=torch.float64) - 1)


def hooked():
    """Two arms whose ends are 0.02 m apart, a corner, and a bend pulled sharp by its weight."""
    control = (
        (0.5, 0.0), (0.4, 0.4), (0.0, 0.5), (-0.4, 0.4), (-0.5, 0.0), (-0.4, -0.4), (0.0, -0.5),
        (0.4, -0.4), (0.5, -0.02), (0.4, -0.02), (0.3, -0.3), (0.0, -0.4), (-0.3, -0.3),
        (-0.4, 0.0), (-0.3, 0.3), (0.0, 0.4), (0.3, 0.3), (0.4, 0.0),
    )  # fmt: skip
    weights = [1.0] * len(control)
    weights[2] = 60.0
    knots = [0.0, 1, 2, 3, 4, 4, 4, *range(5, 17)]
    return ClosedCurve(control, weights, knots)


CURVES = {
    "smooth": blob(),
    "hooked": hooked(),
    "polygon": ClosedCurve(((-0.4, -0.4), (0.5, -0.3), (0.0, 0.0), (0.1, 0.5)), degree=1),
    "quintic": ClosedCurve(blob(3).control_points, degree=5),
}


@pytest.mark.parametrize("order", range(4))
def test_functions_and_derivatives_are_those_of_scipy(order):
    curve = blob()
    knots = closed_knots(curve.knots, 3)
    u = torch.linspace(*curve.span, 200, dtype=torch.float64)[:-1]
    spans = spans_of(knots, 3, u)
    found = torch.zeros(len(u), len(knots) - 4, dtype=torch.float64)
    found.scatter_(1, spans[:, None] + torch.arange(4), basis_functions(knots, 3, spans, u, order))
    for k in range(found.shape[1]):
        one = BSpline(knots.numpy(), np.eye(found.shape[1])[k], 3).derivative(order)
        np.testing.assert_allclose(found[:, k], one(u.numpy()), atol=1e-9)


@pytest.mark.parametrize("name", CURVES)
def test_the_distance_is_that_to_a_dense_polygon(name):
    curve = CURVES[name]
    x = torch.cat((points(300, 2), FAR))
    dense = curve.at(torch.linspace(*curve.span, 8001, dtype=torch.float64)[:-1])
    found = SplineArea(curve).distance(x)
    over = torch.cdist(x, dense).amin(1) - found.abs()
    step = float((dense - dense.roll(1, 0)).norm(dim=1).max())
    assert float(over.min()) > -1e-13  # no place of the curve is closer
    assert float(over.max()) < step
    assert float(over[(found.abs() > 0.05) & (found.abs() < 1)].max()) < 20 * step**2
    inside = torch.from_numpy(Path(dense.numpy()).contains_points(x.numpy()))
    assert torch.equal(found < 0, inside) and inside.any()


def test_a_circle_a_ball_and_a_ring_are_exact_whatever_their_orientation():
    x, y = points(1000, 2), points(700, 3)
    disc = circle(middle=(0.0, 0.0))
    back = ClosedCurve(disc.control_points.flip(0), disc.weights.flip(0), 4 - disc.knots.flip(0), 2)
    exact = x.norm(dim=1) - 0.3
    for curve in (disc, back):
        assert float((SplineArea(curve).distance(x) - exact).abs().max()) < 1e-14
    tube = torch.hypot(y[:, :2].norm(dim=1) - 0.3, y[:, 2]) - 0.1
    for surface, truth in ((ball(), y.norm(dim=1) - 0.3), (ring(), tube)):
        assert float((SplineSolid(surface).distance(y) - truth).abs().max()) < 1e-13
    swept = Revolved(SplineArea(circle(0.1, (0.3, 0.0))), (0.0, 0.0, 0.0))
    assert float((swept.distance(y) - tube).abs().max()) < 1e-14
    rod = Extruded(SplineArea(disc), -0.2, 0.3)
    radial, axial = y[:, ::2].norm(dim=1) - 0.3, (y[:, 1] - 0.05).abs() - 0.25
    out = torch.stack((radial, axial), 1)
    exact = out.clamp(min=0).norm(dim=1) + out.amax(1).clamp(max=0)
    assert float((rod.distance(y) - exact).abs().max()) < 1e-14
    assert rod.distance(x.float()).dtype == torch.float32


def test_a_pebble_is_as_far_as_its_dense_points():
    surface, x = pebble(), points(150, 3)
    lines = [torch.linspace(0, 1, 301, dtype=torch.float64)] * 2
    dense = surface.at(*torch.meshgrid(*lines, indexing="ij")).reshape(-1, 3)
    over = torch.cdist(x, dense).amin(1) - SplineSolid(surface).distance(x).abs()
    assert float(over.min()) > -1e-12 and float(over.max()) < 6e-3


def numeric(distance, parts, which, way):
    """The derivative of a sum of distances along `way` by central differences."""
    step, sums = 1e-5, []
    for sign in (1, -1):
        moved = [part.detach() for part in parts]
        moved[which] = moved[which] + sign * step * way
        sums.append(distance(*moved))
    return (sums[0] - sums[1]) / (2 * step)


def curve_sum(x, control, weights, knots):
    distance = SplineArea(ClosedCurve(control, weights, knots)).distance(x)
    return distance @ torch.linspace(1, 2, len(x), dtype=torch.float64)


@pytest.mark.parametrize("which", range(4), ids=["points", "control", "weights", "knots"])
def test_gradients_of_a_curve_are_those_of_differences(which):
    curve = blob(1, requires_grad=True)
    x = points(60, 2).requires_grad_()
    parts = [x, curve.control_points, curve.weights, curve.knots]
    (found,) = torch.autograd.grad(curve_sum(*parts), parts[which])
    way = torch.randn(found.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    wanted = numeric(curve_sum, parts, which, way).item()
    assert (found * way).sum().item() == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("which", range(4), ids=["points", "control", "weights", "knots"])
def test_gradients_of_a_surface_are_those_of_differences(which):
    surface = pebble(1)
    keep = torch.ones(6, 6, 1, dtype=torch.float64)
    keep[:, [0, -1]] = 0  # poles stay closed

    def total(x, moves, weights, knots):
        shape = ClosedSurface(surface.control_points + keep * moves, weights, knots)
        return SplineSolid(shape).distance(x).square().sum()

    parts = [
        points(60, 3), torch.zeros(6, 6, 3).double(), surface.weights, surface.around_knots.clone()
    ]  # fmt: skip
    for part in parts:
        part.requires_grad_()
    (found,) = torch.autograd.grad(total(*parts), parts[which])
    way = torch.randn(found.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    if which == 3:
        way = 0.02 * way
    wanted = numeric(total, parts, which, way).item()
    assert (found * way).sum().item() == pytest.approx(wanted, rel=1e-6, abs=1e-8)


def test_on_the_curve_the_gradient_is_the_outward_normal_and_there_is_no_second_one():
    curve = circle(middle=(0.0, 0.0))
    x = 0.3 * torch.tensor(((1, 0), (0.6, -0.8), (-math.sqrt(0.5),) * 2), dtype=torch.float64)
    x.requires_grad_()
    distance = SplineArea(curve).distance(x)
    (normal,) = torch.autograd.grad(distance.sum(), x)
    torch.testing.assert_close(normal, (x / 0.3).detach(), atol=1e-7, rtol=0)
    with pytest.raises(RuntimeError, match="differentiate"):
        distance = SplineArea(curve).distance(x)
        (slope,) = torch.autograd.grad(distance.square().sum(), x, create_graph=True)
        slope.sum().backward()


def test_area_converges_with_the_square_of_the_spacing():
    curve = blob(2)
    truth = float(curve.area(400))
    shape = SplineArea(ClosedCurve(curve.control_points + 0.61, curve.weights, curve.knots))
    errors = []
    for cells in (16, 32, 64):
        grid = Grid((cells, cells), 1.3 / cells)
        whole = torch.ones(grid.shape, dtype=torch.bool)
        open_part = room(whole, grid, shape.distance)
        errors.append(abs(float((1 - open_part).sum()) * grid.dx**2 - truth))
    assert errors[2] < errors[0] / 10 and errors[2] < 3e-4 * truth


def test_the_gradient_of_the_area_turns_the_curve_outwards():
    curve = blob(1, requires_grad=True)
    area = curve.area(50)
    (slope,) = torch.autograd.grad(area, curve.control_points)
    assert (slope * curve.control_points).sum().item() == pytest.approx(2 * area.item(), rel=1e-12)


def test_a_scene_with_splines_is_plain_data_and_steps():
    section = SplineArea(circle(0.15, (0.5, 0.2)))
    for dim in (2, 3):
        at = RunConfig(scene="", dim=dim).point
        scene = LiquidScene(
            size=at(1, 0.5, 1),
            liquid=Box(at(0, 0, 0), at(0.3, 0.5, 0.5)),
            solids=[Extruded(section, 0.0, 0.5)],
        )
        described = as_json(scene)["solids"][0]["profile"]["curve"]
        assert described["type"] == "ClosedCurve" and len(described["control_points"]) == 8
        tank = scene.start(12, threads=1)
        tank.advance(1 / 60)
        assert abs(tank.volume_error()) < 0.1


FEW, FLAT = ((0, 0), (1, 0), (0, 1)), ((0, 0), (1, 1), (2, 2), (3, 3))
GOOD = ((0, 0), (1, 0), (1, 1), (0, 1))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"control_points": FEW}, "degree 3 needs 4 control points, not 3"),
        ({"control_points": FLAT}, "lie on a line"),
        ({"control_points": ((1, 1),) * 5}, "lie on a line"),
        ({"control_points": (*GOOD, (math.nan, 0))}, "must be finite"),
        ({"control_points": (*GOOD, (1,))}, "numbers in equal rows"),
        ({"control_points": torch.zeros(5, 3)}, "any x 2 numbers, not 5 x 3"),
        ({"control_points": GOOD, "weights": (1, 1, 0, 1)}, "must be positive, not 0"),
        ({"control_points": GOOD, "weights": (1, 1)}, "4 numbers, not 2"),
        ({"control_points": GOOD, "knots": (0, 2, 1, 3, 4)}, "must not decrease"),
        ({"control_points": GOOD, "knots": (0, 0, 0, 0, 1)}, "3 times"),
        ({"control_points": GOOD, "degree": 6}, "degree of a spline must be 1 to 5"),
    ],
)
def test_what_is_no_curve_gets_one_line(arguments, said):
    with pytest.raises(ValueError, match=said) as caught:
        ClosedCurve(**arguments)
    assert "\n" not in str(caught.value)


def test_what_is_no_surface_gets_one_line():
    rows = pebble().control_points
    for arguments, said in (
        ({"control_points": rows + torch.arange(6)[:, None, None]}, "one point, a pole"),
        ({"control_points": rows * torch.tensor((1.0, 1.0, 0.0))}, "in a plane"),
        ({"control_points": rows[:3]}, "needs 4 control points"),
        ({"control_points": rows, "along_knots": torch.arange(10)}, "must be there 4 times"),
    ):
        with pytest.raises(ValueError, match=said):
            ClosedSurface(**arguments)
    with pytest.raises(ValueError, match="flat"):
        SplineArea(blob()).distance(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="must end after"):
        Extruded(SplineArea(blob()), 1.0, 1.0)
    assert clamped_knots(5, 3).tolist() == [0, 0, 0, 0, 0.5, 1, 1, 1, 1]
