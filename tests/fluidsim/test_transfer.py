"""Particles to faces and back: partition of unity, linear fields, momentum, repeatability."""

import pytest
import torch

from fluidsim.grid import sorting
from fluidsim.liquid.particles import FEWEST, MOST, SEEDED, Changes, Particles
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, cubic, oblong, particles_in

DIMS = pytest.mark.parametrize("dim", [2, 3])


def everything(grid):
    return Box((-1.0,) * grid.dim, tuple(side + 1 for side in grid.extent))


def empty(grid):
    """Cells without solids, and no solids."""
    return grid.zeros(CPU, dtype=torch.int8), Solids(grid, [], [], CPU)


def sums(particles):
    """The pairs (weighted velocity, weight) on the faces, (2, dim, nodes)."""
    particles._pairs.zero_()
    for colour in particles.kernels.colours:
        particles.kernels.scatter(
            particles._x, particles._v, particles.start, particles._pairs, particles._shape,
            particles._strides, particles.grid.node_count, colour,
        )  # fmt: skip
    return particles._pairs.view(particles.grid.dim, -1, 2).permute(2, 0, 1).double()


@DIMS
def test_weights_sum_to_one_and_momentum_is_kept(dim):
    particles = particles_in(oblong(dim), everything(oblong(dim)))
    particles.velocities.copy_(torch.randn(particles.count, dim))
    momentum, weight = sums(particles)
    for axis in range(dim):
        assert float(weight[axis].sum()) == pytest.approx(particles.count, rel=1e-6)
        expected = float(particles.velocities[:, axis].double().sum())
        scale = float(particles.velocities[:, axis].abs().sum())
        assert abs(float(momentum[axis].sum()) - expected) < 1e-6 * scale


@DIMS
def test_nothing_is_written_outside_the_faces(dim):
    grid = oblong(dim)
    particles = particles_in(grid, everything(grid))
    weight = sums(particles)[1].view(dim, *grid.nodes)
    inside = sum(float(grid.faces(weight, axis).sum()) for axis in range(dim))
    assert inside == pytest.approx(float(weight.sum()))


@DIMS
def test_a_linear_field_comes_back_exactly(dim):
    grid = cubic(dim, 10)
    particles = particles_in(grid, Box((0.15,) * dim, (0.85,) * dim))
    gradient = torch.randn(dim, dim, generator=torch.Generator().manual_seed(4))
    field = torch.stack(
        [grid.face_positions(axis, CPU) @ gradient[axis] + axis for axis in range(dim)]
    )
    before = particles.positions.clone() * grid.dx
    solids = Solids(grid, [], [], CPU)
    particles.move(field, field, solids, 0.0, 0.0)
    expected = before @ gradient.T + torch.arange(dim)
    torch.testing.assert_close(particles.velocities, expected, atol=2e-6, rtol=1e-5)


@DIMS
def test_flip_adds_only_the_change(dim):
    grid = cubic(dim, 10)
    particles = particles_in(grid, Box((0.15,) * dim, (0.85,) * dim))
    noise = torch.randn(particles.count, dim)
    particles.velocities.copy_(noise)
    old = grid.zeros(CPU, dim)
    new = old + 1.5
    particles.move(new, old, Solids(grid, [], [], CPU), 0.0, 1.0)
    torch.testing.assert_close(particles.velocities, noise + 1.5)


@DIMS
def test_midpoint_rule_is_exact_on_its_own_terms(dim):
    grid = cubic(dim, 12)
    particles = particles_in(grid, Box((0.3,) * dim, (0.7,) * dim))
    gradient = torch.randn(dim, dim, generator=torch.Generator().manual_seed(5))
    field = torch.stack([grid.face_positions(a, CPU) @ gradient[a] for a in range(dim)])
    x = particles.positions.clone() * grid.dx
    particles.move(field, field, Solids(grid, [], [], CPU), 0.05, 0.0)
    middle = x + 0.025 * x @ gradient.T
    expected = x + 0.05 * middle @ gradient.T
    torch.testing.assert_close(particles.positions * grid.dx, expected, atol=2e-6, rtol=1e-5)


@DIMS
def test_sorting_is_complete_and_stable(dim):
    grid = oblong(dim)
    particles = particles_in(grid, everything(grid))
    marks = torch.arange(particles.count, dtype=torch.float32)
    particles.velocities[:, 0] = marks
    solids = Solids(grid, [], [], CPU)
    field = torch.randn(grid.zeros(CPU, dim).shape) * 0.1
    flow = particles.move(field, field, solids, 0.02, 1.0)
    strides = torch.tensor(grid.strides)
    key = (particles.positions.long() * strides).sum(1)
    expected = marks[key.argsort(stable=True)]
    changes = particles.sort_and_resample(*empty(grid), flow, 0)
    assert (changes.added, changes.removed) == (0, 0)
    assert torch.equal(particles.velocities[:, 0], expected)
    sorted_key = (particles.positions.long() * strides).sum(1)
    assert (sorted_key.diff() >= 0).all()
    count = torch.bincount(sorted_key, minlength=grid.node_count)
    assert torch.equal(count.int(), particles.cell_counts[:-1])
    assert torch.equal(particles.start[1:-1] - particles.start[:-2], particles.cell_counts[:-1])


@pytest.mark.parametrize("width", [2, 3, 6, 12])
def test_particles_of_any_order_are_sorted_as_defined(width):
    cells, n = 501, 5000
    generator = torch.Generator().manual_seed(8)
    key = torch.randint(cells, (n,), generator=generator, dtype=torch.int32)
    values = torch.randn(n, width, generator=generator), torch.randn(n, 3, generator=generator)
    counts = torch.empty(cells, dtype=torch.int32)
    sorting.count(key, counts)
    assert torch.equal(counts, torch.bincount(key, minlength=cells).int())
    room = counts.clamp(max=9)  # the others are left out
    room[100:120] += 3  # to be filled
    start, new = (torch.nn.functional.pad(c.cumsum(0).int(), (1, 0)) for c in (counts, room))
    made, defined = (
        tuple(torch.zeros(int(new[-1]), each.shape[1]) for each in values) for _ in range(2)
    )
    sorting.reorder(key, values, made, start, new)
    sorting.reorder_as_defined(key, values, defined, start, new)
    for mine, right in zip(made, defined, strict=True):
        assert torch.equal(mine, right)
        assert int((right != 0).any(1).sum()) == int(torch.minimum(counts, room).sum())


@DIMS
def test_resampling_keeps_the_limits_inside_the_liquid(dim):
    grid = cubic(dim, 12)
    particles = particles_in(grid, everything(grid))
    low = particles.positions[particles.positions[:, 0] < 3].repeat(2, 1)
    none = torch.zeros(particles.count, dtype=torch.bool)
    particles.exchange(none, low, torch.zeros_like(low))  # crowds cells beside crowded ones
    pulled = particles.positions
    pulled += {2: 0.35, 3: 0.22}[dim] * torch.sin(pulled)  # thins out others
    pulled.clamp_(0.01, 11.99)
    still = grid.zeros(CPU, dim)
    flow = particles.move(still, still, Solids(grid, [], [], CPU), 0.0, 1.0)
    before = particles.count
    changes = particles.sort_and_resample(*empty(grid), flow, 1)
    assert changes.added > 0
    assert changes.removed > 0
    assert particles.count == before + changes.added - changes.removed
    held = grid.cells(particles.cell_counts[:-1].view(grid.nodes))
    assert int(held.max()) <= MOST[dim]
    assert int(held.min()) >= FEWEST[dim]
    assert torch.isfinite(particles.positions).all()


@DIMS
def test_no_particle_is_removed_while_a_cell_beside_a_crowded_one_has_room(dim):
    grid = cubic(dim, 7)
    crowd = torch.rand(MOST[dim] + SEEDED[dim], dim, generator=torch.Generator().manual_seed(3)) + 3
    particles = Particles(crowd, torch.zeros(dim), grid, CPU, False)
    still = grid.zeros(CPU, dim)
    flow = particles.move(still, still, Solids(grid, [], [], CPU), 0.0, 1.0)
    assert particles.sort_and_resample(*empty(grid), flow, 1) == Changes(0, 0, 0)
    assert particles.count == len(crowd)


@DIMS
def test_particles_leave_through_open_sides_only(dim):
    grid = cubic(dim, 8)
    particles = particles_in(grid, everything(grid))
    solids = Solids(grid, [], ["x+"], CPU)
    wind = grid.zeros(CPU, dim)
    wind[0] = 1.0
    before = particles.count
    flow = particles.move(wind, wind, solids, 2 * grid.dx, 1.0)
    changes = particles.sort_and_resample(*empty(grid), flow, 0)
    assert changes.left == before * 2 // 8
    flow = particles.move(-wind, -wind, solids, 2 * grid.dx, 1.0)
    assert particles.sort_and_resample(*empty(grid), flow, 0).left == 0


@DIMS
def test_particles_stay_out_of_solids(dim):
    grid = cubic(dim, 16)
    ball = Sphere((0.5,) * dim, 0.2)
    particles = particles_in(grid, everything(grid))
    solids = Solids(grid, [ball], [], CPU)
    wind = torch.randn(dim, 1, 1, 1, generator=torch.Generator().manual_seed(6))
    wind = wind.view(dim, *(1,) * dim).expand(dim, *grid.nodes).contiguous()
    for _ in range(5):
        particles.move(wind, wind, solids, 0.5 * grid.dx, 1.0)
    depth = ball.distance(particles.positions * grid.dx) / grid.dx
    near = depth[(depth > -1.0)]
    assert float(near.min()) > -0.3


@DIMS
def test_bitwise_repeatable(dim):
    def end_state():
        grid = cubic(dim, 16)
        particles = particles_in(grid, Box((0.1,) * dim, (0.8,) * dim))
        solids = Solids(grid, [Sphere((0.6,) * dim, 0.1)], [], CPU)
        generator = torch.Generator().manual_seed(7)
        velocity = grid.zeros(CPU, dim)
        for step in range(4):
            particles.to_faces(velocity, torch.empty_like(velocity))
            new = velocity + torch.randn(velocity.shape, generator=generator)
            flow = particles.move(new, velocity, solids, 0.3 * grid.dx, 0.95)
            particles.sort_and_resample(*empty(grid), flow, step)
        return particles.positions, particles.velocities

    first, second = end_state(), end_state()
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def linear_flow(grid, seed):
    """A velocity with constant slopes [a, m] per metre, on the faces and as a function."""
    gradient = torch.randn(grid.dim, grid.dim, generator=torch.Generator().manual_seed(seed))
    faces = torch.stack(
        [grid.face_positions(axis, CPU) @ gradient[axis] + axis for axis in range(grid.dim)]
    )
    return gradient, faces, lambda x: x @ gradient.T + torch.arange(grid.dim)


@DIMS
def test_affine_particles_carry_a_linear_field_to_the_faces_and_back(dim):
    grid = cubic(dim, 10)
    particles = particles_in(grid, Box((0.15,) * dim, (0.85,) * dim), affine=True)
    gradient, faces, flow = linear_flow(grid, 4)
    before = particles.positions.clone() * grid.dx
    particles.move(faces, faces, Solids(grid, [], [], CPU), 0.0, 0.0)
    torch.testing.assert_close(particles.velocities, flow(before), atol=2e-6, rtol=1e-5)
    expected = (gradient * grid.dx).expand(particles.count, dim, dim)
    torch.testing.assert_close(particles.slopes, expected, atol=2e-6, rtol=1e-4)
    back, copy = grid.zeros(CPU, dim), grid.zeros(CPU, dim)
    particles.to_faces(back, copy)
    near = sums(particles)[1].view(dim, *grid.nodes) > 0
    assert near.any()
    torch.testing.assert_close(back[near], faces[near], atol=5e-6, rtol=1e-4)
    assert torch.equal(back, copy)


@DIMS
def test_slopes_vanish_where_values_hold_up_to_the_wall(dim):
    grid = cubic(dim, 6)
    particles = particles_in(grid, everything(grid), affine=True)
    _, faces, _ = linear_flow(grid, 7)
    x = particles.positions.clone()
    particles.move(faces, faces, Solids(grid, [], [], CPU), 0.0, 0.0)
    for along in range(dim):
        beside = (x[:, along] < 0.5) | (x[:, along] > 5.5)
        for axis in range(dim):
            is_zero = particles.slopes[:, axis, along].abs() < 1e-9
            assert bool((is_zero == (beside & (axis != along))).all())


@DIMS
def test_sorting_keeps_slopes_with_their_particles(dim):
    grid = oblong(dim)
    particles = particles_in(grid, everything(grid), affine=True)
    still = grid.zeros(CPU, dim)
    solids = Solids(grid, [], [], CPU)
    flow = particles.move(still, still, solids, 0.0, 0.0)
    marks = torch.arange(particles.count, dtype=torch.float32)
    particles.velocities[:, 0] = marks
    particles.slopes[:, dim - 1, dim - 1] = marks
    particles.sort_and_resample(*empty(grid), flow, 0)
    assert torch.equal(particles.velocities[:, 0], particles.slopes[:, dim - 1, dim - 1])
