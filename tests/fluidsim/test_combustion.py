"""Burning: what goes in comes out, as heat, smoke and gas."""

import math

import pytest

from fluidsim.flow.flux import divergence
from fluidsim.smoke.combustion import Combustion
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.solid.shapes import Box
from tests.fluidsim.worlds import cubic, smoke

DIMS = pytest.mark.parametrize("dim", [2, 3])


def room(dim, n, open_sides=(), **combustion):
    """Still air; its source has stopped before the start."""
    physics = SmokeOptions(
        weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0, combustion=Combustion(**combustion)
    )
    stopped = Source(Box((0.0,) * dim, (1.0,) * dim), fuel=1.0, until=0.0)
    return smoke(cubic(dim, n), [stopped], open_sides=open_sides, physics=physics)


@DIMS
def test_fuel_turns_into_heat_and_smoke_where_it_is_hot(dim):
    fire = room(dim, 8, ignition=80.0, rate=3.0, heat=1000.0, smoke=0.7, expansion=0.0)
    density, temperature, fuel = fire.scalars
    fuel.fill_(0.5)
    temperature[:4].fill_(100.0)
    for _ in range(4):
        fire.step(0.05)
    burnt = 0.5 * (1 - math.exp(-3.0 * 0.2))
    density, temperature, fuel = (fire.grid.cells(values) for values in fire.scalars)
    hot, cold = slice(0, 4), slice(4, None)
    assert fuel[hot].flatten().tolist() == pytest.approx([0.5 - burnt] * fuel[hot].numel())
    assert float(temperature[hot].mean()) == pytest.approx(100 + 1000 * burnt, rel=1e-5)
    assert float(density[hot].mean()) == pytest.approx(0.7 * burnt, rel=1e-5)
    assert float(fuel[cold].min()) == 0.5
    assert float(temperature[cold].abs().max()) == float(density[cold].abs().max()) == 0


@DIMS
def test_the_gas_of_burning_leaves_through_the_open_side(dim):
    fire = room(dim, 12, ["z+"], rate=2.0, expansion=3.0)
    grid = fire.grid
    middle = (slice(4, 8),) * dim
    fire.scalars[1].fill_(200.0)
    fire.scalars[2][middle] = 0.4
    fire.step(0.01)
    gas = 3.0 * 0.4 * -math.expm1(-2.0 * 0.01) / 0.01
    everywhere = fire.smoke_cells()
    made = divergence(fire.velocity, fire.solids.open, fire.solids.velocity, everywhere, grid)
    assert float(made[middle].mean()) == pytest.approx(gas, rel=1e-4)
    outside = made.clone()
    outside[middle] = 0
    assert float(outside.abs().max()) < 1e-4 * gas
    top = grid.faces(fire.velocity, grid.up).select(grid.up, 12)
    leaving = float(top.sum()) * grid.dx ** (dim - 1)
    assert leaving == pytest.approx(gas * (4 * grid.dx) ** dim, rel=1e-4)


def test_fuel_takes_nothing_where_no_source_has_some():
    assert len(smoke(cubic(2, 8), [Source(Box((0.1, 0.1), (0.5, 0.5)))]).scalars) == 2


def test_impossible_burning_is_refused():
    with pytest.raises(ValueError, match="rate"):
        Combustion(rate=-1.0)
