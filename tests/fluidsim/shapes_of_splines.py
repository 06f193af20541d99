"""Curves and surfaces with known answers."""

import math

import torch

from fluidsim.solid.splines import ClosedCurve, ClosedSurface

ROOT = math.sqrt(0.5)
CORNERS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
TWICE = (0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0)  # the points 1, 3, 5, 7 are on the curve


def circle(radius=0.3, middle=(0.5, 0.5)):
    """An exact circle: a rational spline of degree 2."""
    points = radius * torch.tensor(CORNERS, dtype=torch.float64).roll(1, 0)
    weights = torch.tensor([1.0, ROOT] * 4, dtype=torch.float64).roll(1)
    return ClosedCurve(points + torch.tensor(middle, dtype=torch.float64), weights, TWICE, 2)


def blob(seed=0, count=9, requires_grad=False):
    """A star with random radii, weights and knots."""
    generator = torch.Generator().manual_seed(seed)
    angles = 2 * math.pi * torch.arange(count, dtype=torch.float64) / count
    radii = 0.3 + 0.2 * torch.rand(count, 1, generator=generator, dtype=torch.float64)
    points = radii * torch.stack((angles.cos(), angles.sin()), 1)
    weights = 0.5 + torch.rand(count, generator=generator, dtype=torch.float64)
    steps = 0.5 + torch.rand(count, generator=generator, dtype=torch.float64)
    knots = torch.cat((steps.new_zeros(1), steps.cumsum(0)))
    parts = [each.requires_grad_(requires_grad) for each in (points, weights, knots)]
    return ClosedCurve(*parts)


def ball(radius=0.3):
    """An exact ball of rational patches."""
    around = torch.tensor(CORNERS, dtype=torch.float64).roll(1, 0)
    weights = torch.tensor([1.0, ROOT] * 4, dtype=torch.float64).roll(1)
    half = torch.tensor(((0, -1), (1, -1), (1, 0), (1, 1), (0, 1)), dtype=torch.float64)
    along = torch.tensor((1, ROOT, 1, ROOT, 1), dtype=torch.float64)
    rows = torch.cat(
        (
            around[:, None] * half[None, :, :1],
            half[None, :, 1:].expand(len(around), -1, -1),
        ),
        -1,
    )
    knots = (0, 0, 0, 1, 1, 2, 2, 2)
    return ClosedSurface(radius * rows, weights[:, None] * along, TWICE, knots, degree=2)


def ring(far=0.3, near=0.1):
    """An exact torus."""
    around = torch.tensor(CORNERS, dtype=torch.float64).roll(1, 0)
    weights = torch.tensor([1.0, ROOT] * 4, dtype=torch.float64).roll(1)
    radii, heights = far + near * around[:, 0], near * around[:, 1]
    rows = torch.cat(
        (around[:, None] * radii[None, :, None], heights[None, :, None].expand(8, 8, 1)), -1
    )
    return ClosedSurface(rows, weights[:, None] * weights, TWICE, TWICE, degree=2, ring=True)


def pebble(seed=0, requires_grad=False):
    """A cubic surface from pole to pole, with random radii and weights."""
    generator = torch.Generator().manual_seed(seed)
    u = 2 * math.pi * torch.arange(6, dtype=torch.float64)[:, None] / 6
    v = math.pi * torch.arange(6, dtype=torch.float64) / 5
    rows = torch.stack((u.cos() * v.sin(), u.sin() * v.sin(), -v.cos().expand(6, 6)), -1)
    radii = 0.3 + 0.15 * torch.rand(6, 6, 1, generator=generator, dtype=torch.float64)
    radii[:, [0, -1]] = 0.35
    weights = 0.7 + torch.rand(6, 6, generator=generator, dtype=torch.float64)
    weights[:, [0, -1]] = 1.0
    rows = rows * radii
    rows[:, [0, -1], :2] = 0.0
    parts = [each.requires_grad_(requires_grad) for each in (rows, weights)]
    return ClosedSurface(*parts)
