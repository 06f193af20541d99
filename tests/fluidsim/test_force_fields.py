"""Force fields against their formulas."""

import json
import math

import pytest
import torch

from fluidsim import SmokeScene
from fluidsim.flow.forces import Attractor, Noise, Vortex, Wind
from fluidsim.scene.plain import as_json
from fluidsim.solid.shapes import Box


def points(dim, count=4000, side=10.0):
    numbers = torch.Generator().manual_seed(1)
    return side * torch.rand(count, dim, generator=numbers, dtype=torch.float64)


@pytest.mark.parametrize("dim", [2, 3])
def test_wind_blows_within_its_shape_and_in_gusts(dim):
    lower, upper, push = (2.0,) * dim, (6.0,) * dim, (3.0, 0.0, -1.0)[:dim]
    wind = Wind(push, within=Box(lower, upper), gusts=0.5, period=2.0)
    at = torch.tensor([[4.0] * dim, [7.0] * dim], dtype=torch.float64)
    for time, share in ((0.0, 1.0), (0.5, 1.5), (1.5, 0.5)):
        inside, outside = wind(at, time)
        assert inside.tolist() == pytest.approx([share * part for part in push])
        assert not outside.any()
    assert (Wind(push)(at, 0.3) == at.new_tensor(push)).all()


def test_a_vortex_turns_around_its_axis():
    vortex = Vortex((1.0, 2.0, 3.0), strength=5.0, radius=0.5, axis=(0.0, 0.0, 2.0))
    at = torch.tensor([[1.0, 2.0, 9.0], [1.5, 2.0, -4.0], [1.0, 3.0, 3.0]])
    on_axis, at_radius, farther = vortex(at, 0.0)
    assert not on_axis.any()
    torch.testing.assert_close(at_radius, torch.tensor([0.0, 5.0, 0.0]))
    torch.testing.assert_close(farther, torch.tensor([-10 * math.exp(-1.5), 0.0, 0.0]))
    flat = Vortex((1.0, 2.0), strength=5.0, radius=0.5)
    assert flat(torch.tensor([1.5, 2.0]), 0.0).tolist() == [0.0, 5.0]


@pytest.mark.parametrize("dim", [2, 3])
def test_an_attractor_is_the_slope_of_a_bell(dim):
    centre = torch.full((dim,), 5.0, dtype=torch.float64)
    field = Attractor(tuple(centre.tolist()), strength=2.0, radius=1.5)
    at = points(dim).requires_grad_()
    bell = 2.0 * 1.5 * torch.exp((1 - ((at - centre) / 1.5).square().sum(-1)) / 2)
    (slope,) = torch.autograd.grad(bell.sum(), at)
    torch.testing.assert_close(field(at, 0.0).detach(), slope)
    strongest = field(at, 0.0).norm(dim=-1).max().item()
    assert strongest == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize("dim", [2, 3])
def test_noise_has_its_strength_no_divergence_and_its_seed(dim):
    noise, at = Noise(strength=3.0, size=0.7, period=2.0, seed=4), points(dim).requires_grad_()
    values = noise(at, 0.8)
    assert values.square().sum(-1).mean().sqrt().item() == pytest.approx(3.0, rel=0.05)
    assert values.mean(0).abs().max() < 0.3
    slopes = [torch.autograd.grad(values[:, k].sum(), at, retain_graph=True)[0] for k in range(dim)]
    divergence = sum(slopes[k][:, k] for k in range(dim))
    assert divergence.abs().max() < 1e-9 < 1 < slopes[0].abs().max()
    assert (values == Noise(3.0, 0.7, 2.0, seed=4)(at, 0.8)).all()
    for other in (Noise(3.0, 0.7, 2.0, seed=5)(at, 0.8), noise(at, 2.3)):
        likeness = (values * other).sum(-1).mean() / 9
        assert abs(likeness) < 0.5


def test_sums_add_and_are_written_down():
    wind, whirl = Wind((1.0, 0.0)), Vortex((5.0, 5.0), 1.0, 2.0)
    both, at = wind + whirl + Noise(1.0, 1.0), points(2)
    total = wind(at, 0.5) + whirl(at, 0.5) + Noise(1.0, 1.0)(at, 0.5)
    torch.testing.assert_close(both(at, 0.5), total)
    stored = json.dumps(as_json(SmokeScene(size=(1.0, 1.0), body_force=both)))
    assert '"Vortex"' in stored and '"Noise"' in stored


@pytest.mark.parametrize(
    "make",
    [
        lambda: Wind((1.0, 0.0), period=0.0),
        lambda: Vortex((0.0, 0.0), 1.0, radius=0.0),
        lambda: Vortex((0.0,) * 3, 1.0, 1.0, axis=(0.0,) * 3),
        lambda: Attractor((0.0, 0.0), 1.0, radius=-1.0),
        lambda: Noise(1.0, size=0.0),
    ],
)
def test_lengths_and_periods_are_positive(make):
    with pytest.raises(ValueError, match="must be positive"):
        make()
