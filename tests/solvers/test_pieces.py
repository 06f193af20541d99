"""Multigrid where walls part aggregates: they are divided into connected pieces."""

import numpy as np
import pytest
import torch

import solvers
from solvers.model_systems import SCENES, model_system
from solvers.multigrid import relaxation
from solvers.multigrid.packed_levels import Hierarchy
from solvers.multigrid.packed_space import COARSEST_SWEEPS
from solvers.walled_systems import KINDS, walled_system
from tests.solvers.systems import box, random_rhs, random_system
from tests.solvers.test_multigrid import SHAPES, is_black, pack, unpack

SIZES = {2: (48, 40), 3: (18, 16, 14)}


def iterations(stored, **options):
    return solvers.solve(stored.system, stored.rhs, "multigrid", **options).iterations


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"maze", "corridors"}))
def test_iterations_behind_thin_walls(dim, kind):
    assert iterations(walled_system(kind, SIZES[dim]), pieces="always") <= 15


def test_a_slow_solve_divides_its_aggregates():
    stored = walled_system("strips", (96, 96))
    plain = iterations(stored, pieces="never")
    assert 30 < iterations(stored) <= plain / 4
    prepared = solvers.prepare(stored.system, "multigrid")
    first = solvers.solve(stored.system, stored.rhs, prepared)
    again = solvers.solve(stored.system, stored.rhs, prepared)
    assert first.iterations == again.iterations + 30  # those before
    reached = first.pressure - again.pressure
    assert torch.linalg.vector_norm(reached) <= 1e-3 * torch.linalg.vector_norm(again.pressure)


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


def test_an_unknown_kind_or_option_is_rejected():
    with pytest.raises(ValueError, match="no walled system 'tent'"):
        walled_system("tent", (8, 8))
    system = box((4, 4))
    with pytest.raises(ValueError, match="pieces must be one of auto, always, never"):
        solvers.solve(system, random_rhs(system), "multigrid", pieces="some")
