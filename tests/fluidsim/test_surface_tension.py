"""Surface tension: drops at rest, and drops that swing with the period of theory."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from fluidsim.curvature import curvature
from fluidsim.shapes import Shape, Sphere
from tests.fluidsim.test_interface import centres, order
from tests.fluidsim.worlds import cubic, liquid

SIGMA = 1.0  # N/m, of drops of density 1000 kg/m^3
DIMS = pytest.mark.parametrize("dim", [2, 3])
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


def stretch(drop):
    """How much longer the drop is along the last axis than along the first, m^2."""
    arm = drop.particles.positions.double() * drop.grid.dx
    arm = arm - arm.mean(0)
    return float(arm[:, -1].square().mean() - arm[:, 0].square().mean())


def theory(dim):
    """Angular frequency of the second mode (Rayleigh 1879)."""
    return math.sqrt((6 if dim == 2 else 8) * SIGMA / 1000 / RADIUS**3)


def measured_frequency(dim, n):
    """Of the sinusoid that fits the stretch during a period best."""
    drop = liquid(
        cubic(dim, n), Bulged(0.08), gravity=0.0, flip=None, surface_tension=SIGMA, rtol=1e-6,
        solver="multigrid",
    )  # fmt: skip
    seconds = 2 * math.pi / theory(dim) / 64
    times, values = [0.0], [stretch(drop)]
    for _ in range(64):
        drop.advance(seconds)
        times.append(drop.time)
        values.append(stretch(drop))

    def misfit(frequency):
        phase = frequency * np.array(times)
        basis = np.stack([np.cos(phase), np.sin(phase), np.ones_like(phase)], axis=1)
        return np.linalg.lstsq(basis, np.array(values), rcond=None)[1][0]

    return min(theory(dim) * np.linspace(0.7, 1.3, 601), key=misfit)


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "n"), [(2, 32), (3, 24)])
def test_a_drop_swings_with_the_frequency_of_theory(dim, n):
    assert measured_frequency(dim, n) == pytest.approx(theory(dim), rel=0.05)


@DIMS
def test_curvature_of_a_ball_converges_with_second_order(dim):
    sizes = [20, 28, 40, 56]
    errors = []
    for n in sizes:
        grid = cubic(dim, n)
        arm = centres(grid) - torch.tensor((0.51, 0.47, 0.5)[:dim]).double()
        radius = arm.norm(dim=-1)
        distance = (radius - RADIUS) / grid.dx
        near = distance.abs() < 1
        wrong = curvature(distance, grid) - (dim - 1) / radius
        errors.append(float(wrong[near].abs().max()))
    assert order(sizes, errors) >= 1.9


def test_a_drop_at_rest_has_the_pressure_of_laplace_and_hardly_moves():
    """Speeds of capillary waves are sqrt(sigma / (rho R)); the particles' places are random."""
    drop = liquid(cubic(2, 24), Sphere((0.5, 0.5), RADIUS), gravity=0.0, surface_tension=SIGMA)
    wave = math.sqrt(SIGMA / 1000 / RADIUS)
    for _ in range(12):
        drop.advance(0.1)
        assert float(drop.particles.velocities.abs().max()) < 0.05 * wave
    assert drop.pressure is not None
    inside = drop.pressure[drop.fluid_cells()]
    assert float(inside.mean()) == pytest.approx(SIGMA / RADIUS, rel=0.02)
    assert drop.report.substeps >= 0.1 / drop.longest_step()
