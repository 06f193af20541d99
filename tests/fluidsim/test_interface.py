"""The pressure of the air at the interface, between cell centres."""

import dataclasses

import numpy as np
import pytest
import torch

import solvers
from fluidsim.flow import pressure
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.flux import divergence
from fluidsim.flow.interface import Interface
from fluidsim.solid.shapes import Sphere
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, cubic

DIMS = pytest.mark.parametrize("dim", [2, 3])


def centres(grid):
    return grid.cells(grid.cell_positions(CPU).movedim(-1, 0)).movedim(0, -1).double()


def order(sizes, errors):
    return -np.polyfit(np.log(sizes), np.log(errors), 1)[0]


def pressure_in(wet, interface, open_faces, rhs, grid):
    """The solution for density 1 and a time step of 1."""
    stretched = interface.stretched(open_faces)
    interface.add_inflow(rhs, stretched, 1 / grid.dx**2, 1.0)
    system = pressure.assemble(wet, stretched, grid, 1.0)
    return solvers.solve(system, rhs, "multigrid", rtol=1e-11).pressure


def drop_errors(dim, n, shift):
    """Rms and largest error of p = (R^2 - r^2) exp(x), which is 0 on a ball of radius R."""
    grid = cubic(dim, n)
    radius = 0.31
    arm = centres(grid) - torch.tensor((0.5 + shift, 0.5 - shift / 3, 0.5 + shift / 2)[:dim])
    cap = radius**2 - arm.square().sum(-1)
    wave = arm[..., 0].exp()
    wet = cap > 0
    interface = Interface.of(arm.norm(dim=-1) - radius, wet, grid)
    rhs = -(cap - 4 * arm[..., 0] - 2 * dim) * wave * wet
    found = pressure_in(wet, interface, torch.ones(dim, *grid.nodes), rhs, grid)
    wrong = (found - cap * wave)[wet]
    return float(wrong.square().mean().sqrt()), float(wrong.abs().max())


@DIMS
def test_pressure_in_a_drop_converges_with_second_order(dim):
    sizes = [32, 45, 64, 90, 128] if dim == 2 else [16, 23, 32, 45]
    shifts = [0.1 * k / sizes[0] for k in range(5 if dim == 2 else 2)]
    errors = [np.max([drop_errors(dim, n, shift) for shift in shifts], axis=0) for n in sizes]
    rms, largest = np.transpose(errors)
    assert order(sizes, rms) >= 1.9
    assert order(sizes, largest) >= (1.9 if dim == 2 else 1.7)  # rougher on coarse grids


def wave(points):
    return torch.exp(points[..., 0]) * torch.cos(2 * points[..., -1])


def slope(points, axis):
    """d wave / d axis."""
    if axis == 0:
        return wave(points)
    if axis == points.shape[-1] - 1:
        return -2 * torch.exp(points[..., 0]) * torch.sin(2 * points[..., -1])
    return torch.zeros_like(points[..., 0])


def error_around_a_ball(dim, n):
    """Rms error of the pressure that turns grad p + a rotation into that rotation.

    A solid ball at rest on the rotation's axis, which cuts cells at all angles, in a drop at whose
    surface the pressure is that of the wave.
    """
    grid = cubic(dim, n)
    middle = (0.52, 0.49, 0.505)[-dim:]
    ball = Sphere(middle, 0.17)
    solids = Solids(grid, [ball], [], CPU)
    x = centres(grid)
    distance = Sphere((0.5,) * dim, 0.39).distance(x)
    wet = (distance < 0) & (grid.cells(solids.solid) == 0)
    velocity = grid.zeros(CPU, dim).double()
    for axis in range(dim):
        points = grid.face_positions(axis, CPU).double()
        velocity[axis] = slope(points, axis)
        if axis in (0, dim - 1):
            other = dim - 1 - axis
            sign = 1 if axis else -1
            velocity[axis] += sign * (points[..., other] - middle[other])
    still = torch.zeros_like(solids.open)
    rhs = -divergence(velocity, solids.open, still, wet, grid)
    held = grid.zeros(CPU, dim).double()
    for axis, n in enumerate(grid.shape):
        inner = [x.narrow(axis, first, n - 1) for first in (0, 1)]
        ends = [distance.narrow(axis, first, n - 1) for first in (0, 1)]
        part = (ends[0] / (ends[0] - ends[1])).clamp(0, 1)[..., None]
        grid.faces(held, axis).narrow(axis, 1, n - 1).copy_(wave(torch.lerp(*inner, part)))
    interface = Interface.of(distance, wet, grid, held)
    found = pressure_in(wet, interface, solids.open, rhs, grid)
    kept = wet & (ball.distance(x) > 0)
    return float((found - wave(x))[kept].square().mean().sqrt())


@DIMS
def test_pressure_around_a_solid_ball_converges_with_second_order(dim):
    """With open parts of faces at its surface (Ng, Min & Gibou 2009)."""
    sizes = [24, 34, 48, 68, 96] if dim == 2 else [16, 23, 32, 45]
    errors = [error_around_a_ball(dim, n) for n in sizes]
    assert order(sizes, errors) >= 1.9


@DIMS
def test_conductance_is_the_open_part_over_theta_at_the_interface(dim):
    grid = cubic(dim, 8)
    solids = Solids(grid, [], [], CPU)
    distance = centres(grid)[..., -1] - 0.49  # between centres, a fraction of the way
    wet = distance < 0
    plain = FlowDomain(wet, solids.open, solids.velocity)
    assert plain.conductance() is solids.open
    interface = Interface.of(distance, wet, grid)
    stretched = dataclasses.replace(plain, interface=interface).conductance()
    changed = (stretched != solids.open).view(-1).nonzero()[:, 0]
    assert torch.equal(changed, interface.faces)
    assert stretched.view(-1)[changed] == pytest.approx((1 / interface.theta).numpy(), rel=1e-6)
