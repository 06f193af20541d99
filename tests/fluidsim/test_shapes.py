import math

import pytest
import torch

from fluidsim.solid.motion import Keyframe, Keyframed, Moving
from fluidsim.solid.shapes import (
    Box,
    Capsule,
    Cylinder,
    Ellipsoid,
    HalfSpace,
    SmoothUnion,
    Sphere,
    Torus,
)

POINTS_2D = torch.rand(4000, 2, generator=torch.Generator().manual_seed(1)) * 2 - 0.5
POINTS_3D = torch.rand(4000, 3, generator=torch.Generator().manual_seed(2)) * 2 - 0.5
SHAPES = {
    "box2": (Box((0.2, 0.1), (0.7, 0.5)), POINTS_2D),
    "box3": (Box((0.2, 0.1, 0.3), (0.7, 0.5, 0.6)), POINTS_3D),
    "disc": (Sphere((0.4, 0.6), 0.3), POINTS_2D),
    "ball": (Sphere((0.4, 0.6, 0.5), 0.3), POINTS_3D),
    "slab": (Cylinder((0.5, 0.1), 0.2, 0.6), POINTS_2D),
    "cylinder": (Cylinder((0.5, 0.5, 0.1), 0.2, 0.6), POINTS_3D),
    "stick": (Capsule((0.2, 0.3, 0.4), (0.6, 0.5, 0.4), 0.15), POINTS_3D),
    "rings": (Torus((0.5, 0.5), 0.3, 0.1), POINTS_2D),
    "torus": (Torus((0.5, 0.5, 0.5), 0.3, 0.1), POINTS_3D),
    "turned": (Box((0.2, 0.1), (0.7, 0.5)).rotated(0.4, (0.4, 0.4)), POINTS_2D),
    "turned3": (
        Box((0.2, 0.1, 0.3), (0.7, 0.5, 0.6)).rotated(0.7, (0.4, 0.4, 0.4), (1.0, 2.0, 3.0)),
        POINTS_3D,
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_distance_has_unit_gradient(name):
    shape, points = SHAPES[name]
    points = points.double().requires_grad_()
    distance = shape.distance(points)
    (gradient,) = torch.autograd.grad(distance.sum(), points)
    length = gradient.norm(dim=-1)
    assert float((length - 1).abs().quantile(0.99)) < 1e-6


@pytest.mark.parametrize("name", SHAPES)
def test_surface_point_along_the_gradient_has_distance_zero(name):
    shape, points = SHAPES[name]
    points = points.double().requires_grad_()
    distance = shape.distance(points)
    (gradient,) = torch.autograd.grad(distance.sum(), points)
    outside = distance > 1e-3
    foot = (points - distance[:, None] * gradient)[outside]
    assert float(shape.distance(foot).abs().amax()) < 1e-6


def test_volumes_by_counting_points():
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(400_000, 3, generator=generator)
    inside = {
        Sphere((0.5, 0.5, 0.5), 0.4): 4 / 3 * math.pi * 0.4**3,
        Cylinder((0.5, 0.5, 0.1), 0.3, 0.6): math.pi * 0.3**2 * 0.6,
        Torus((0.5, 0.5, 0.5), 0.3, 0.1): 2 * math.pi**2 * 0.3 * 0.1**2,
        HalfSpace(0.25): 0.25,
        Ellipsoid((0.5, 0.5, 0.5), (0.4, 0.2, 0.3)): 4 / 3 * math.pi * 0.4 * 0.2 * 0.3,
        Capsule((0.2, 0.5, 0.5), (0.8, 0.5, 0.5), 0.2, 0.1): math.pi * 0.6 * 0.07 / 3
        + 2 / 3 * math.pi * (0.2**3 + 0.1**3),
    }
    for shape, volume in inside.items():
        share = float((shape.distance(points) < 0).double().mean())
        assert abs(share - volume) < 4 * math.sqrt(volume / len(points))


def test_operators():
    first, second = Sphere((0.4, 0.5), 0.2), Sphere((0.6, 0.5), 0.2)
    a, b = first.distance(POINTS_2D) < 0, second.distance(POINTS_2D) < 0
    assert torch.equal((first | second).distance(POINTS_2D) < 0, a | b)
    assert torch.equal((first & second).distance(POINTS_2D) < 0, a & b)
    assert torch.equal((first - second).distance(POINTS_2D) < 0, a & ~b)
    shifted = first.moved((0.1, 0.2)).distance(POINTS_2D + torch.tensor([0.1, 0.2]))
    torch.testing.assert_close(shifted, first.distance(POINTS_2D))


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="radius"):
        Sphere((0.0, 0.0), -1.0)
    with pytest.raises(ValueError, match="lower < upper"):
        Box((0.0, 1.0), (1.0, 0.5))
    with pytest.raises(ValueError, match="axis"):
        Sphere((0.0, 0.0, 0.0), 1.0).rotated(1.0, (0.0, 0.0, 0.0)).distance(POINTS_3D)


@pytest.mark.parametrize("dim", [2, 3])
def test_velocity_of_a_moving_solid_is_the_rate_of_its_points(dim):
    if dim == 2:
        body = Moving(Box((0.2, 0.3), (0.8, 0.5)), (0.5, 0.4), (0.3, -0.2), spin=2.0)
        points = POINTS_2D.double()
    else:
        body = Moving(
            Box((0.2, 0.3, 0.1), (0.8, 0.5, 0.4)), (0.5, 0.4, 0.2), (0.3, -0.2, 0.1),
            spin=2.0, axis=(1.0, 2.0, 0.5),
        )  # fmt: skip
        points = POINTS_3D.double()
    time, step = 0.3, 1e-5
    carried = points + step * body.velocity_at(points, time)
    change = body.distance(carried, time + step) - body.distance(points, time)
    assert float(change.abs().quantile(0.99)) < 1e-8


def swing(dim):
    """A block that is shifted and turned along keyframes, and the times of these."""
    offsets = ((0.0, 0.0, 0.0), (0.2, 0.0, 0.1), (0.2, 0.1, 0.1))
    keys = tuple(
        Keyframe(time, offset[:dim], angle)
        for time, offset, angle in zip((0.2, 0.6, 1.0), offsets, (0.0, 0.7, 0.7), strict=True)
    )
    lower, upper = (0.3, 0.4, 0.45)[:dim], (0.6, 0.5, 0.55)[:dim]
    return Keyframed(Box(lower, upper), (0.4,) * dim, keys, axis=(0.0, 1.0, 1.0))


@pytest.mark.parametrize("dim", [2, 3])
def test_keyframes_are_met_without_overshooting_and_rates_fit(dim):
    body = swing(dim)
    points = (POINTS_2D if dim == 2 else POINTS_3D).double()
    for key in body.keys:
        pose = body.pose(key.time)
        assert pose.offset == pytest.approx(key.offset) and pose.angle == pytest.approx(key.angle)
    for time in torch.linspace(0, 1.2, 25).tolist():
        assert -1e-12 <= body.pose(time).angle <= 0.7 + 1e-12
    for time in (0.0, 0.45, 0.83, 1.1):
        step = 1e-5
        carried = points + step * body.velocity_at(points, time)
        change = body.distance(carried, time + step) - body.distance(points, time)
        assert float(change.abs().quantile(0.99)) < 1e-8
    assert body.pose(0.1).velocity == (0.0,) * dim


def test_keyframes_out_of_order_are_refused():
    with pytest.raises(ValueError, match="increase"):
        Keyframed(Sphere((0.5, 0.5), 0.1), (0.5, 0.5), (Keyframe(1, (0, 0)), Keyframe(1, (1, 0))))
    with pytest.raises(ValueError, match="2 components"):
        keys = (Keyframe(0, (0, 0, 0)), Keyframe(1, (1, 0, 0)))
        Keyframed(Sphere((0.5, 0.5), 0.1), (0.5, 0.5), keys)


def test_distance_of_an_ellipsoid_near_its_surface():
    generator = torch.Generator().manual_seed(4)
    radii = torch.tensor((0.4, 0.2, 0.3), dtype=torch.float64)
    on = torch.nn.functional.normalize(
        torch.randn(2000, 3, generator=generator, dtype=torch.float64), dim=-1
    )
    normal = torch.nn.functional.normalize(on / radii, dim=-1)
    egg = Ellipsoid((0.0, 0.0, 0.0), (0.4, 0.2, 0.3))
    errors = []
    for step in (0.02, 0.01):
        for side in (-1, 1):
            found = egg.distance(on * radii + side * step * normal)
            errors.append(float((found - side * step).abs().max()))
    assert max(errors[:2]) < 0.003
    assert max(errors[2:]) < 0.3 * max(errors[:2])  # of second order
    assert float(egg.distance(torch.zeros(1, 3))) == pytest.approx(-0.2)


def test_a_smooth_union_rounds_the_seam_only():
    left, right = Sphere((0.3, 0.5), 0.2), Sphere((0.6, 0.5), 0.2)
    sharp, round_ = left | right, SmoothUnion((left, right), 0.1)
    difference = sharp.distance(POINTS_2D) - round_.distance(POINTS_2D)
    apart = (left.distance(POINTS_2D) - right.distance(POINTS_2D)).abs() >= 0.1
    assert float(difference[apart].abs().max()) == 0
    assert 0.02 < float(difference.max()) <= 0.025 + 1e-6
