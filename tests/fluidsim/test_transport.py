"""Conservative transport: exact amounts, no new extremes, sharp; the kernel is its definition."""

import math

import pytest
import torch

from fluidsim.grid.grid import Grid
from fluidsim.smoke import transport_kernels, transport_torch
from fluidsim.smoke.transport import Transport
from tests.fluidsim.worlds import CPU, cubic

DIMS = pytest.mark.parametrize("dim", [2, 3])
SHAPES = [(9, 7), (1, 12), (5, 6, 8), (4, 1, 18)]
AXES = [(shape, axis) for shape in SHAPES for axis in range(len(shape))]


@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_the_kernel_does_what_the_definition_says(shape, axis):
    grid = Grid(shape, 0.1)
    generator = torch.Generator().manual_seed(axis)
    start = torch.rand((3, *grid.nodes), generator=generator)
    start[2] += 0.5  # volumes
    flux = 0.3 * torch.randn(grid.nodes, generator=generator) + 1.5
    made = start.repeat(2, *(1 for _ in start.shape)).view(2, *start.shape)
    forms = transport_kernels, transport_torch
    left = [
        form.sweep(fields[:2], fields[2], flux, axis, grid)
        for form, fields in zip(forms, made, strict=True)
    ]
    assert not torch.equal(made[0], start)
    torch.testing.assert_close(*made, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(*left, rtol=1e-6, atol=1e-6)


def swirl(grid, turn):
    """Flux (dim, *nodes) of eddies, free of divergence, 0 at the rim: `turn` cells at most."""
    flux = grid.zeros(CPU, grid.dim)
    corners = grid.node_positions(CPU)
    n = grid.shape[0]
    wave = torch.sin(2 * math.pi * corners[..., 0]) * torch.sin(2 * math.pi * corners[..., -1])
    wave *= turn * n / (2 * math.pi)
    flux[0].narrow(grid.up, 0, n).copy_(torch.diff(wave, dim=grid.up))
    flux[grid.up].narrow(0, 0, n).copy_(-torch.diff(wave, dim=0))
    return flux


@DIMS
def test_the_order_of_the_sweeps_alternates(dim):
    """The second step in a world is the first one in the world with its axes in reverse."""
    grid, around = cubic(dim, 16), (0, *range(dim, 0, -1))
    field = torch.rand((1, *grid.nodes), generator=torch.Generator().manual_seed(3))
    turned, flux = field.permute(around).contiguous(), swirl(grid, 0.3)
    flux_turned = flux.flip(0).permute(around).contiguous()
    first, second = Transport(grid), Transport(grid)
    second.carry(field.clone(), flux)

    def carried(transport, values, flow):
        transport.carry(values, flow)
        return grid.cells(values[0])

    mirrored = carried(first, turned, flux_turned)
    then = carried(second, field.clone(), flux)
    at_first = carried(Transport(grid), field, flux)
    mirrored = mirrored.permute(tuple(range(dim - 1, -1, -1)))
    torch.testing.assert_close(mirrored, then, rtol=0, atol=1e-5)
    assert float((mirrored - at_first).abs().max()) > 1e-3


@DIMS
def test_amounts_are_kept_and_no_value_is_new(dim):
    grid = cubic(dim, 20)
    field = torch.rand((2, *grid.nodes), generator=torch.Generator().manual_seed(2))
    field[1] = 0.3
    before = grid.cells(field).double().sum(tuple(range(1, dim + 1)))
    low, high = grid.cells(field[0]).min(), grid.cells(field[0]).max()
    transport = Transport(grid)
    for _ in range(10):
        volume, left = transport.carry(field, swirl(grid, 2.5))
        assert float(left.abs().max()) < 1e-3
        torch.testing.assert_close(grid.cells(volume), torch.ones(grid.shape), rtol=0, atol=1e-5)
    after = grid.cells(field).double().sum(tuple(range(1, dim + 1)))
    torch.testing.assert_close(after, before, rtol=1e-5, atol=0)
    assert float(grid.cells(field[0]).min()) >= low - 1e-6
    assert float(grid.cells(field[0]).max()) <= high + 1e-6
    torch.testing.assert_close(grid.cells(field[1]), torch.full(grid.shape, 0.3))


@DIMS
def test_a_blob_comes_to_its_place(dim):
    grid = cubic(dim, 32)
    flux = grid.zeros(CPU, dim)
    flux[0] = 0.64
    points = grid.cell_positions(CPU)

    def blob(x):
        centre = torch.tensor((x,) + (0.5,) * (dim - 1))
        return torch.exp(-((points - centre) ** 2).sum(-1) / 0.02)[None].contiguous()

    field, transport = blob(0.3), Transport(grid)
    for _ in range(20):
        transport.carry(field, flux)
    error = grid.cells(field - blob(0.7))
    assert float(error.abs().max()) < 0.04


def test_notched_disc_keeps_its_shape_in_a_turn():
    """Zalesak 1979: the share of the disc that lies wrong after one turn."""
    grid = cubic(2, 64)
    turn = grid.zeros(CPU, 2)
    turn[0] = -2 * math.pi * (grid.face_positions(0, CPU)[..., 1] - 0.5)
    turn[1] = 2 * math.pi * (grid.face_positions(1, CPU)[..., 0] - 0.5)
    x, z = grid.cell_positions(CPU).unbind(-1)
    disc = (x - 0.5) ** 2 + (z - 0.75) ** 2 < 0.15**2
    notch = ((x - 0.5).abs() < 0.025) & (z < 0.85)
    start = (disc & ~notch).to(torch.float32)[None]
    field, transport = start.clone(), Transport(grid)
    for _ in range(100):
        transport.carry(field, turn * (0.01 * 64))
    assert float(grid.cells(field - start).abs().sum() / start.sum()) < 0.42
    assert float(grid.cells(field).min()) >= 0
    assert float(grid.cells(field).max()) <= 1 + 1e-5


@DIMS
def test_what_comes_in_from_outside_is_clear_and_what_leaves_is_counted(dim):
    grid = cubic(dim, 16)
    flux = grid.zeros(CPU, dim)
    flux[0] = 3.0
    field = grid.zeros(CPU, 1) + 1
    _, left = Transport(grid).carry(field, flux)
    inside = grid.cells(field[0])
    assert float(inside[:3].abs().max()) == 0
    assert float(inside[3:].min()) == pytest.approx(1.0)
    assert float(left[0]) == pytest.approx(3 * 16 ** (dim - 1))
