"""Rough sources: what they emit is a function of place and time, whatever the steps of a run."""

import numpy as np
import pytest
import torch

from fluidsim.smoke.emission import SPELL, Emitter, Flicker
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.scalars import Scalars
from fluidsim.solid.shapes import Box
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import cubic

CPU = torch.device("cpu")
LATTICE = (40, 50)


def emitted(emitter, grid, time):
    """The density that an emitter gives clear air, in the cells that it covers."""
    scalars = grid.zeros(CPU, 2)
    emitter.feed(scalars, (1.0, 0.0), time)
    return grid.cells(scalars[0])[emitter.places]


def emitter(grid, roughness=0.5, seed=(0, 0), patch=4):
    whole = Box((-1.0,) * grid.dim, (2.0,) * grid.dim)
    return Emitter(whole, roughness, grid, CPU, seed, patch)


def test_numbers_are_the_same_at_the_same_time_in_any_order():
    times = [0.0, 0.3 * SPELL, 2.7 * SPELL, 0.9 * SPELL, 1.0]
    one, other = Flicker(LATTICE, (3, 1)), Flicker(LATTICE, (3, 1))
    forward = [one.at(time) for time in times]
    back = [other.at(time) for time in reversed(times)]
    assert all(map(torch.equal, forward, reversed(back)))
    assert not torch.equal(forward[0], Flicker(LATTICE, (3, 2)).at(0.0))


def test_numbers_change_smoothly_and_are_new_after_two_spells():
    flicker = Flicker(LATTICE, (0, 0))
    small = 1e-3 * SPELL
    for time in (0.0, 0.5 * SPELL, SPELL - small / 2, 1.7 * SPELL):
        change = (flicker.at(time + small) - flicker.at(time)).abs().max()
        assert change <= 1.51 * 2 * small / SPELL  # the slope of the cubic between draws
    draws = [flicker.at(number * SPELL).flatten().numpy() for number in range(3)]
    assert np.abs(np.corrcoef(draws) - np.eye(3)).max() < 0.1
    for draw in draws:
        assert abs(draw.mean()) < 0.05 and draw.std() == pytest.approx(3**-0.5, rel=0.05)


def test_levels_vary_by_the_roughness():
    grid = cubic(2, 64)
    rough = torch.stack([emitted(emitter(grid), grid, 0.1 * number) for number in range(20)])
    assert (rough.min() > 0.5) and (rough.max() < 1.5) and rough.std() > 0.1
    assert float(rough.mean()) == pytest.approx(1.0, abs=0.02)
    assert torch.equal(emitted(emitter(grid, 0.0), grid, 0.3), torch.ones(64 * 64))


def test_a_finer_grid_flickers_as_a_coarse_one():
    coarse, fine = cubic(2, 32), cubic(2, 64)
    rough = emitted(emitter(coarse), coarse, 0.12).view(32, 32)
    refined = emitted(emitter(fine, patch=8), fine, 0.12).view(64, 64)
    means = refined.view(32, 2, 32, 2).mean((1, 3))
    assert (means - rough).abs().mean() < 0.05 * rough.std()


def after(seconds, steps, roughness=0.8):
    """The density of smoke that a wind carries out of a source, (n, n)."""
    grid = cubic(2, 32)
    source = Source(Box((0.1, 0.2), (0.3, 0.8)), temperature=0.0, roughness=roughness)
    solids = Solids(grid, [], ["x+"], CPU)
    carried = Scalars(solids, [source], SmokeOptions(), seed=0)
    dt = seconds / steps
    flux = grid.zeros(CPU, 2)
    flux[0] = 1.0 * dt / grid.dx
    carried.feed(0.0, 0.0)
    for number in range(steps):
        carried.carry(flux, carried.room(), carried.smoke_cells())
        carried.feed(number * dt, dt)
    return carried.density


def test_what_a_rough_source_emits_converges_with_the_step():
    """A fan of steps towards the finest: what is left falls with the step, and is small."""
    finest = after(0.2, 320)
    errors = [float((after(0.2, steps) - finest).abs().mean()) for steps in (20, 40, 80)]
    spread = float((finest - after(0.2, 320, 0.0)).abs().mean())
    assert errors[1] < 0.75 * errors[0] and errors[2] < 0.75 * errors[1]
    assert errors[2] < 0.1 * spread
