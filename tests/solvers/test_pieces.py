"""Multigrid where walls part aggregates: they are divided into connected pieces."""

import numpy as np
import pytest
import torch

import solvers
from solvers.model_systems import SCENES, model_system
from solvers.multigrid import Multigrid, relaxation
from solvers.multigrid.packed_levels import Hierarchy
from solvers.multigrid.packed_space import COARSEST_SWEEPS
from solvers.sequence import begin
from solvers.walled_systems import KINDS, walled_system
from solvers.warm_up import walls_of
from tests.solvers.systems import box, random_rhs, random_system
from tests.solvers.test_multigrid import SHAPES, is_black, pack, unpack

SIZES = {2: (48, 40), 3: (18, 16, 14)}


def iterations(stored, **options):
    return solvers.solve(stored.system, stored.rhs, "multigrid", **options).iterations


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"maze", "corridors"}))
def test_iterations_behind_thin_walls(dim, kind):
    assert iterations(walled_system(kind, SIZES[dim]), pieces="always") <= 15


def test_mazes_are_solved_exactly(dim):
    """A maze of corridors one cell wide has no loops, so elimination costs next to nothing."""
    stored = walled_system("maze", SIZES[dim])
    assert iterations(stored, pieces="always") <= 3
    levels = Hierarchy.of(stored.system, divided=True)
    assert len(levels.table) == 1 and len(levels.extra[12]) == stored.system.unknowns - 1


def test_a_slow_solve_divides_its_aggregates():
    stored = walled_system("strips", (96, 96))
    plain = iterations(stored, pieces="never")
    assert iterations(stored) <= min(22, plain / 8)
    prepared = solvers.prepare(stored.system, "multigrid")
    first = solvers.solve(stored.system, stored.rhs, prepared)
    again = solvers.solve(stored.system, stored.rhs, prepared)
    assert first.iterations >= 10 + 3 and again.iterations <= 10
    reached = first.pressure - again.pressure
    assert torch.linalg.vector_norm(reached) <= 1e-3 * torch.linalg.vector_norm(again.pressure)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_run_behind_thin_walls_takes_few_iterations(dim, kind):
    """By default, as soon as walls have cost as much as dividing the levels."""
    stored = walled_system(kind, (96, 80) if dim == 2 else (20, 20, 20))
    prepared = solvers.prepare(stored.system, begin(Multigrid()))
    found = [solvers.solve(stored.system, stored.rhs, prepared).iterations for _ in range(14)]
    if max(found) > 22:  # others are not worth it
        assert found[-1] <= 12
    assert max(found) <= 100 and sum(found) <= 14 * 25


@pytest.mark.parametrize("kind", SCENES)
def test_a_run_without_walls_divides_nothing(dim, kind):
    stored = model_system(kind, (64, 64) if dim == 2 else (24, 24, 24))
    learning = begin(Multigrid())
    for _ in range(3):
        prepared = solvers.prepare(stored.system, learning)
        found = solvers.solve(stored.system, stored.rhs, prepared)
        assert not prepared.state.levels[1].is_divided
    assert torch.equal(found.pressure, solvers.solve(stored.system, stored.rhs).pressure)
    assert learning.memory() == {}


@pytest.mark.parametrize("is_kept", [True, False], ids=["one system", "new systems"])
@pytest.mark.parametrize("kind", ["corridors", "chambers", "rooms"])
def test_a_run_goes_on_bit_for_bit(kind, is_kept):
    """Stopped anywhere, with the memory handed on, it finds the same pressures."""
    stored = walled_system(kind, (64, 48))

    def steps(learning, count):
        prepared = None
        for _ in range(count):
            if prepared is None or not is_kept:
                prepared = solvers.prepare(stored.system, learning)
            yield solvers.solve(stored.system, stored.rhs, prepared)

    whole = [found.pressure for found in steps(begin(Multigrid()), 6)]
    for stop in range(1, 6):
        first, second = begin(Multigrid()), begin(Multigrid())
        for _ in steps(first, stop):
            memory = {name: values.clone() for name, values in first.memory().items()}
        second.recall(memory)
        for pressure, found in zip(whole[stop:], steps(second, 6 - stop), strict=True):
            assert torch.equal(pressure, found.pressure)


def test_a_run_forgets_walls_that_are_gone():
    walls, free = walled_system("corridors", (64, 48)), box((64, 48))
    learning = begin(Multigrid())
    for _ in range(2):
        solvers.solve(walls.system, walls.rhs, learning)
    assert learning.at_once
    for _ in range(2):
        prepared = solvers.prepare(free, learning)
        solvers.solve(free, random_rhs(free), prepared)
    assert not learning.at_once and not prepared.state.levels[1].is_divided
    learning.recall({"division": torch.zeros(3), "seen": torch.zeros(4)})
    assert learning.memory() == {}


@pytest.mark.parametrize("kind", SCENES)
def test_ordinary_systems_are_solved_as_without_pieces(dim, kind):
    stored = model_system(kind, (64, 64) if dim == 2 else (24, 24, 24))
    plain, own = (
        solvers.solve(stored.system, stored.rhs, "multigrid", pieces=pieces).pressure
        for pieces in ("never", "auto")
    )
    assert torch.equal(plain, own)


@pytest.mark.parametrize("kind", ["maze", "strips", "random"])
def test_preconditioner_is_symmetric_and_positive(dim, kind):
    """Its matrix, column by column, on the black cells that have a diagonal."""
    shape = SHAPES[dim]
    system = random_system(shape) if kind == "random" else walled_system(kind, shape).system
    hierarchy = Hierarchy.of(system, divided=True)
    assert hierarchy.has_pieces
    cells = (is_black(system.shape) & (system.diagonal() > 0)).nonzero()[:: 1 if dim == 2 else 3]
    columns = []
    for cell in cells:
        unit = torch.zeros(system.shape)
        unit[tuple(cell)] = 1.0
        pack(hierarchy, unit)
        hierarchy.cycle(relaxation(2), COARSEST_SWEEPS)
        columns.append(unpack(hierarchy, system.shape)[tuple(cells.T)].double())
    matrix = torch.stack(columns)
    assert (matrix - matrix.T).abs().max() <= 1e-4 * matrix.abs().max()
    assert torch.linalg.eigvalsh((matrix + matrix.T) / 2).min() > 0


def test_a_wall_within_blocks_makes_a_piece_of_each(dim):
    """Closed faces through the middle of a row of blocks: half of each is beside the grid."""
    shape = (10, 8) if dim == 2 else (10, 8, 6)
    system = box(shape)
    system.face_weights[0][5] = 0.0
    hierarchy = Hierarchy.of(system, divided=True)
    levels = np.diff(hierarchy.extra[7])
    assert levels[0] == 0 and levels[1] == np.prod([(n + 1) // 2 for n in shape[1:]])
    rhs = random_rhs(system)
    found = solvers.solve(system, rhs, "multigrid", pieces="always", rtol=1e-10)
    exact = solvers.solve(system, rhs, "direct", rtol=1e-12)
    assert found.iterations <= 11
    difference = torch.linalg.vector_norm(found.pressure - exact.pressure)
    assert difference <= 1e-7 * torch.linalg.vector_norm(exact.pressure)


def test_what_is_compiled_ahead_has_pieces_and_an_exact_level(dim):
    levels = Hierarchy.of(walls_of(dim).system, divided=True)
    assert len(levels.extra[0]) > 0 and len(levels.extra[10]) > 0


def test_an_unknown_kind_or_option_is_rejected():
    with pytest.raises(ValueError, match="no walled system 'tent'"):
        walled_system("tent", (8, 8))
    system = box((4, 4))
    with pytest.raises(ValueError, match="pieces must be one of auto, always, never"):
        solvers.solve(system, random_rhs(system), "multigrid", pieces="some")
