"""Surface tension: drops at rest, and drops that swing with the period of theory."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from fluidsim.liquid.averaging import ALIKE, averages, averages_as_defined
from fluidsim.liquid.curvature import FORESIGHT, crossings, curvature, foreseen_rise
from fluidsim.liquid.paraboloids import bends, bends_as_defined
from fluidsim.solid.shapes import HalfSpace, Shape, Sphere
from tests.fluidsim.test_interface import centres, order
from tests.fluidsim.worlds import cubic, liquid, oblong

SIGMA = 1.0  # N/m, of drops of density 1000 kg/m^3
DIMS = pytest.mark.parametrize("dim", [2, 3])
TRANSFERS = pytest.mark.parametrize("flip", [None, 0.99])
RADIUS = 0.25


@dataclass(frozen=True)
class Bulged(Shape):
    """A ball with r = R (1 + a cos 2 t) in 2D, R (1 + a P2(cos t)) in 3D; t from the last axis."""

    bulge: float

    def distance(self, points):
        arm = points - 0.5
        r = arm.norm(dim=-1).clamp(min=1e-9)
        cosine = arm[..., -1] / r
        mode = 2 * cosine**2 - 1 if points.shape[-1] == 2 else (3 * cosine**2 - 1) / 2
        return r - RADIUS * (1 + self.bulge * mode)


def theory(dim):
    """Angular frequency of the second mode (Rayleigh 1879)."""
    return math.sqrt((6 if dim == 2 else 8) * SIGMA / 1000 / RADIUS**3)


def places(drop):
    """Of the particles, m, from their centre; and that centre."""
    x = drop.particles.positions.double() * drop.grid.dx
    return x - x.mean(0), x.mean(0)


def stretch(drop):
    """How much longer the drop is along the last axis than along the first, m^2."""
    arm, _ = places(drop)
    return float(arm[:, -1].square().mean() - arm[:, 0].square().mean())


def kinetic(drop):
    """Mean energy of the particles over that of a capillary wave's speed, sigma / (rho R)."""
    return float(drop.particles.velocities.double().square().sum(1).mean()) / (
        SIGMA / 1000 / RADIUS
    )


def swing(dim, n, flip, periods, each=32):
    """The drop after so many periods of theory; times, stretches and kinetic energies."""
    drop = liquid(
        cubic(dim, n), Bulged(0.08), gravity=0.0, flip=flip, surface_tension=SIGMA, rtol=1e-6,
        solver="multigrid",
    )  # fmt: skip
    seconds = 2 * math.pi / theory(dim) / each
    seen = [(0.0, stretch(drop), 0.0)]
    for _ in range(round(periods * each)):
        drop.advance(seconds)
        seen.append((drop.time, stretch(drop), kinetic(drop)))
    return drop, *np.array(seen).T


def frequency(dim, times, values):
    """Of the sinusoid that fits best."""

    def misfit(frequency):
        phase = frequency * times
        basis = np.stack([np.cos(phase), np.sin(phase), np.ones_like(phase)], axis=1)
        return np.linalg.lstsq(basis, values, rcond=None)[1][0]

    return min(theory(dim) * np.linspace(0.7, 1.3, 601), key=misfit)


@pytest.mark.slow
@pytest.mark.parametrize("flip", [None, 0.99])
def test_a_small_drop_swings_on_without_gaining_energy_or_moving_away(flip):
    drop, times, stretches, energies = swing(2, 32, flip, 2)
    assert frequency(2, times, stretches) == pytest.approx(theory(2), rel=0.04)
    first, second = energies[1:33].max(), energies[33:].max()
    assert 0.8 * first < second < 1.01 * first
    assert float((places(drop)[1] - 0.5).norm()) < 0.1 * drop.grid.dx


@pytest.mark.slow
@TRANSFERS
@pytest.mark.parametrize(("dim", "n", "periods"), [(2, 32, 20), (2, 64, 20), (3, 32, 6)])
def test_a_drop_that_swings_for_long_never_gains_energy(dim, n, periods, flip):
    _, times, stretches, energies = swing(dim, n, flip, periods)
    first, later = energies[1:33].max(), energies[33:].max()
    assert later < 1.01 * first
    few = slice(0, 65)
    assert frequency(dim, times[few], stretches[few]) == pytest.approx(theory(dim), rel=0.04)


@DIMS
def test_curvature_of_a_ball_converges_with_second_order(dim):
    sizes = [20, 28, 40, 56] if dim == 2 else [20, 28, 40]
    errors = []
    for n in sizes:
        grid = cubic(dim, n)
        arm = centres(grid) - torch.tensor((0.51, 0.47, 0.5)[:dim]).double()
        values = curvature((arm.norm(dim=-1) - RADIUS) / grid.dx, grid)
        errors.append(float((values[values != 0] - (dim - 1) / RADIUS).abs().max()))
    assert order(sizes, errors) >= 1.9


@DIMS
def test_curvature_does_not_depend_on_the_level_set_away_from_the_surface(dim):
    """Only on where the surface is: here a function that is no distance."""
    grid = cubic(dim, 32)
    distance = (centres(grid) - 0.49).norm(dim=-1) - RADIUS
    steep = distance * (1 + 5 * distance)
    values = curvature(steep, grid)[curvature(distance, grid) != 0]
    assert float((values * RADIUS / (dim - 1) - 1).abs().max()) < 0.03


@DIMS
def test_curvature_ahead_is_that_of_the_surface_moved(dim):
    """A ball against a side that grows by half a cell; the faces stay those of the ball now."""
    grid = cubic(dim, 32)
    centre = torch.tensor((0.0, 0.51, 0.48)[:dim]).double()
    distance = (centres(grid) - centre).norm(dim=-1) - RADIUS
    now = curvature(distance, grid)
    ahead = curvature(distance, grid, torch.full_like(distance, 0.5))
    assert torch.equal(ahead != 0, now != 0)
    grown = (dim - 1) / (RADIUS + 0.5 * grid.dx)
    assert float((ahead[ahead != 0] / grown - 1).abs().max()) < 0.02


@DIMS
def test_the_foreseen_rise_is_the_velocity_across_the_surface(dim):
    """Of a ball that moves with a velocity that is the same everywhere."""
    grid, dt = cubic(dim, 32), 0.02
    velocity = torch.tensor((0.3, -0.5, 0.4)[:dim]).double()
    arm = centres(grid) - 0.49
    distance = arm.norm(dim=-1) - RADIUS
    faces = velocity.view(-1, *(1,) * dim).expand(dim, *grid.nodes)
    rise = foreseen_rise(distance, faces, grid, dt)
    expected = (arm @ velocity) / arm.norm(dim=-1) * FORESIGHT * dt / grid.dx
    near = distance.abs() < 2 * grid.dx
    assert float(expected[near].max()) > 0.02
    assert torch.allclose(rise[near], expected[near], atol=5e-4)


@pytest.mark.slow
def test_foresight_damps_waves_at_the_rate_of_theory(monkeypatch):
    """What it takes from the energy of a drop until the second peak of it."""
    energies = []
    for foresight in (0.0, 0.5):
        monkeypatch.setattr("fluidsim.liquid.curvature.FORESIGHT", foresight)
        drop, _, _, energy = swing(2, 32, None, 0.875)
        energies.append(energy[16:].max())
    dt = 2 * math.pi / theory(2) / 32 / drop.report.substeps
    lost = 0.5 * theory(2) ** 2 * dt * 0.75 * 2 * math.pi / theory(2)
    assert lost > 0.15
    assert math.log(energies[0] / energies[1]) == pytest.approx(lost, rel=0.15)


@DIMS
def test_a_surface_square_to_the_sides_is_as_its_mirror_image(dim):
    grid = cubic(dim, 24)
    corner = curvature((centres(grid).norm(dim=-1) - RADIUS) / grid.dx, grid)
    values = corner[corner != 0]
    assert float((values * RADIUS / (dim - 1) - 1).abs().max()) < 0.04
    flat = curvature(HalfSpace(0.3).distance(centres(grid)), grid)
    assert float(flat.abs().max()) < 1e-9


@DIMS
def test_fits_on_the_processor_are_those_defined(dim):
    grid = cubic(dim, 14)
    shape = Sphere((0.05, 0.5, 0.4)[:dim], 0.3) | Sphere((0.6, 0.45, 0.6)[:dim], 0.15)
    found = crossings(shape.distance(centres(grid)), grid)
    parts = found.points, found.normals, found.cells, found.numbers, len(found.faces)
    assert torch.allclose(bends(*parts), bends_as_defined(*parts), rtol=1e-9, atol=1e-9)


@DIMS
def test_averages_on_the_processor_are_those_defined(dim):
    grid = cubic(dim, 14)
    shape = Sphere((0.05, 0.5, 0.4)[:dim], 0.3) | Sphere((0.6, 0.45, 0.6)[:dim], 0.15)
    found = crossings(shape.distance(centres(grid)), grid)
    assert len(found.faces) < found.near < len(found.points)
    places = found.points, found.normals, found.cells, found.numbers, len(found.faces)
    values = torch.rand(found.near, generator=torch.Generator().manual_seed(0)).double()
    values *= 2 * ALIKE
    mean = averages(values, *places)
    assert torch.allclose(mean, averages_as_defined(values, *places), rtol=1e-12)
    assert torch.allclose(averages(torch.ones_like(values), *places), torch.ones(1).double())
    assert 0.1 < float(mean.std() / values.std()) < 0.9
    ragged = values * 1e3
    assert torch.allclose(averages(ragged, *places), ragged[: len(found.faces)], atol=ALIKE)


def test_no_surface_has_no_curvature():
    grid = oblong(2)
    assert not curvature(torch.ones(grid.shape), grid).any()


def test_a_drop_at_rest_has_the_pressure_of_laplace_and_hardly_moves():
    """Speeds of capillary waves are sqrt(sigma / (rho R)); the particles' places are random."""
    drop = liquid(cubic(2, 24), Sphere((0.5, 0.5), RADIUS), gravity=0.0, surface_tension=SIGMA)
    for _ in range(12):
        drop.advance(0.1)
        assert kinetic(drop) < 0.005**2
    assert drop.pressure is not None
    inside = drop.pressure[drop.fluid_cells()]
    assert float(inside.mean()) == pytest.approx(SIGMA / RADIUS, rel=0.02)
    assert drop.report.substeps >= 0.1 / drop.longest_step()
