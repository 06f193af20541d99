import numba
import numpy as np
import psutil
import pytest
import scipy.sparse.linalg
import torch

import solvers
from solvers import PoissonSystem, SolveError
from solvers.nullspace import definite_matrix
from solvers.schur import Schur
from solvers.schur.batched import BatchedCholesky
from solvers.schur.cholesky import CholeskyFactor
from solvers.schur.coefficients import definite_coefficients
from solvers.schur.tree import build, faces
from tests.solvers.systems import (
    CASES,
    Cells,
    box,
    face_shape,
    from_cells,
    generator,
    random_rhs,
    random_system,
)

KINDS = [
    Schur(precision=precision, engine=engine)
    for engine in ("numba", "torch")
    for precision in ("float64", "float32")
]
IDS = [f"{kind.engine}-{kind.precision}" for kind in KINDS]
# Smaller than a patch, one cell thick, primes, multiples of a patch and beside.
SHAPES = [
    *((2, 2), (3, 1), (1, 29), (4, 8), (5, 17), (31, 23), (48, 37)),
    *((1, 1, 2), (3, 2, 3), (1, 19, 7), (13, 1, 4), (7, 11, 13), (8, 12, 9)),
]
# Operations of a symmetric factorisation by the tree may not exceed these.
COUNTS = {(257, 257): 3.5e8, (513, 513): 2.6e9, (1025, 1025): 2.08e10}
COUNTS |= {(32, 32, 32): 6.9e9, (48, 48, 48): 8.5e10, (64, 64, 64): 4.3e11}


def random_box(shape: tuple[int, ...], rim: float, seed: int) -> PoissonSystem:
    """Random weights in all faces, those of the rim times `rim`."""
    random = generator(seed)
    weights = []
    for axis in range(len(shape)):
        w = torch.rand(face_shape(shape, axis), generator=random, dtype=torch.float64) + 0.1
        w.select(axis, 0).mul_(rim)
        w.select(axis, -1).mul_(rim)
        weights.append(w)
    return PoissonSystem(tuple(weights), torch.ones(shape, dtype=torch.bool))


def random_geometry(seed: int) -> PoissonSystem:
    """Solids, air and fluid cell by cell on a grid of random shape."""
    random = np.random.default_rng(seed)
    dim = int(random.integers(2, 4))
    shape = tuple(random.integers(1, 40 if dim == 2 else 14, dim).tolist())
    kind = torch.from_numpy(random.random(shape))
    share = random.uniform(0.0, 0.2, 2)
    return from_cells(kind < share[0], kind > 1 - share[1])


def check_residual(system: PoissonSystem, kind: Schur, rtol: float) -> None:
    solution = solvers.solve(system, random_rhs(system), kind, rtol=rtol)
    assert solution.converged and solution.relative_residual <= rtol


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_true_residual_on_hard_systems(case, kind):
    check_residual(case, kind, 1e-12 if kind.precision == "float32" else 1e-13)


@pytest.mark.parametrize("kind", KINDS[:2], ids=IDS[:2])
@pytest.mark.parametrize("seed", range(30))
def test_true_residual_on_random_masks(kind, seed):
    check_residual(random_geometry(seed), kind, 1e-12 if kind.precision == "float32" else 1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("seed", range(200))
def test_true_residual_on_many_random_masks(kind, seed):
    check_residual(random_geometry(seed), kind, 1e-12 if kind.precision == "float32" else 1e-13)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rim", [None, 0.0, 1.0], ids=["mask", "closed", "open"])
@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_pressure_is_that_of_scipy(shape, rim, engine):
    seed = sum(shape)
    system = random_system(shape, seed) if rim is None else random_box(shape, rim, seed)
    rhs = system.floating.remove_means(torch.where(system.active, random_rhs(system), 0))
    exact = scipy.sparse.linalg.spsolve(definite_matrix(system).tocsc(), system.to_unknowns(rhs))
    exact = system.floating.remove_means(system.from_unknowns(np.atleast_1d(exact)))
    found = solvers.solve(system, rhs, Schur(engine=engine), rtol=1e-12).pressure
    assert torch.linalg.vector_norm(found - exact) <= 1e-9 * torch.linalg.vector_norm(exact)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_mirrored_and_turned_grids_give_mirrored_and_turned_answers(dim, engine):
    system = random_system((21, 14) if dim == 2 else (9, 6, 11), seed=5)
    rhs = random_rhs(system)
    expected = solvers.solve(system, rhs, Schur(engine=engine), rtol=1e-12).pressure
    for axis in range(dim):
        flipped = PoissonSystem(
            tuple(w.flip(axis) for w in system.face_weights), system.active.flip(axis)
        )
        found = solvers.solve(flipped, rhs.flip(axis), Schur(engine=engine), rtol=1e-12).pressure
        assert torch.allclose(found.flip(axis), expected, rtol=1e-10, atol=1e-11)
    order = (*range(1, dim), 0)
    turned = PoissonSystem(
        tuple(system.face_weights[axis].permute(order).contiguous() for axis in order),
        system.active.permute(order).contiguous(),
    )
    found = solvers.solve(turned, rhs.permute(order), Schur(engine=engine), rtol=1e-12).pressure
    assert torch.allclose(found, expected.permute(order), rtol=1e-10, atol=1e-11)


def test_pressure_is_linear_in_the_rhs(dim):
    system = CASES["free_surface"](dim)
    prepared = solvers.prepare(system, Schur())
    first, second = random_rhs(system, 1), random_rhs(system, 2)
    both, one, other = (
        solvers.solve(system, rhs, prepared).pressure
        for rhs in (2.0 * first - 3.0 * second, first, second)
    )
    assert torch.allclose(both, 2.0 * one - 3.0 * other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shape", COUNTS, ids=str)
def test_operations_stay_below_the_count(shape):
    tree = build(shape, 4, faces(len(shape)))
    assert tree.flops <= COUNTS[shape]
    assert (tree.maps >= 0).all()
    pivots, _ = tree.sizes
    assert pivots.sum() == np.prod(shape)


def test_one_tree_serves_all_systems_of_a_shape():
    assert build((13, 9), 4, faces(2)) is build((13, 9), 4, faces(2))


def panels(system: PoissonSystem) -> int:
    tree = build(system.shape, 4, faces(system.dim))
    coefficients = definite_coefficients(system, tree)
    return CholeskyFactor.of(tree, coefficients, torch.float64).fronts.panel_size


def test_equal_boxes_share_a_factor_and_empty_ones_have_none(dim):
    shape = (70, 70) if dim == 2 else (28, 28, 28)
    full = panels(random_box(shape, 1.0, 0))
    assert panels(box(shape, rim=1.0)) < 0.8 * full
    cells = Cells.fluid(*shape)
    cells.air[shape[0] // 3 :] = True
    random = PoissonSystem(random_box(shape, 1.0, 0).face_weights, ~cells.air)
    assert panels(random) < (0.4 if dim == 2 else 0.3) * full


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_factor_serves_many_rhs_bitwise(dim, kind):
    system = random_system((40, 33) if dim == 2 else (12, 10, 14), seed=3)
    prepared = solvers.prepare(system, kind)
    for seed in (0, 1, 0):
        rhs = random_rhs(system, seed)
        again = solvers.solve(system, rhs, kind).pressure
        assert torch.equal(solvers.solve(system, rhs, prepared).pressure, again)


def test_factors_live_side_by_side():
    systems = [box((30, 20), rim) for rim in (0.0, 1.0)]
    prepared = [solvers.prepare(system, Schur()) for system in systems]
    for system, factor in zip(systems, prepared, strict=True):
        assert solvers.solve(system, random_rhs(system), factor, rtol=1e-13).converged


@pytest.mark.usefixtures("all_threads")
def test_answers_do_not_depend_on_the_number_of_threads():
    system = random_box((18, 17, 19), 1.0, seed=2)
    rhs, before = random_rhs(system), numba.get_num_threads()
    many = solvers.solve(system, rhs, Schur()).pressure
    numba.set_num_threads(1)
    try:
        one = solvers.solve(system, rhs, Schur()).pressure
    finally:
        numba.set_num_threads(before)
    assert torch.equal(one, many)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_many_floating_components(dim, kind):
    cells = Cells.fluid(*((41, 38) if dim == 2 else (14, 13, 12)))
    for axis in range(dim):
        cells.solid.index_fill_(axis, torch.arange(4, cells.solid.shape[axis], 5), True)
    system = cells.system()
    assert system.floating.count > 20
    check_residual(system, kind, 1e-12 if kind.precision == "float32" else 1e-13)


@pytest.mark.parametrize(
    "kind",
    [KINDS[0], pytest.param(KINDS[1], marks=pytest.mark.slow), *KINDS[2:]],
    ids=IDS,
)
def test_fronts_of_several_tiles(kind):
    """Large enough for the kernel that eliminates one box with all threads (slow to compile)."""
    check_residual(random_box((30, 26, 23), 1.0, 4), kind, 1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("hold", [1e-8, 1e-13, 1e-20, 1e-40])
def test_component_that_hardly_holds_a_pressure(kind, hold):
    """A solve without mean succeeds; any other is solved or refused with its residual."""
    system = box((21, 18))
    weights = tuple(w.clone() for w in system.face_weights)
    weights[0][0, 3] = hold
    system = PoissonSystem(weights, system.active)
    assert system.floating.count == 0
    rhs = random_rhs(system)
    solution = solvers.solve(system, rhs - rhs.mean(), kind, rtol=1e-8)
    assert solution.converged
    try:
        assert torch.isfinite(solvers.solve(system, rhs, kind, rtol=1e-8).pressure).all()
    except SolveError as error:
        assert "above rtol" in str(error)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_float32_gives_way_to_float64_where_it_fails(engine):
    class Useless:
        def solve(self, rhs):
            return torch.zeros_like(rhs)

    system = box((21, 18))
    prepared = solvers.prepare(system, Schur(precision="float32", engine=engine))
    assert prepared.state.dtype == torch.float32
    prepared.state.factor = Useless()
    assert solvers.solve(system, random_rhs(system), prepared, rtol=1e-12).converged
    assert prepared.state.dtype == torch.float64


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_pivots_lost_to_rounding_are_counted(engine):
    """A closed box whose diagonal falls short of the sum of its couplings is indefinite."""
    system = random_box((9, 8), 0.0, 1)
    tree = build(system.shape, 4, faces(2))
    coefficients = definite_coefficients(system, tree)
    kind = {"numba": CholeskyFactor, "torch": BatchedCholesky}[engine]
    assert kind.of(tree, coefficients, torch.float32).doubtful == 0
    coefficients[0] *= 0.9
    assert kind.of(tree, coefficients, torch.float32).doubtful > 0


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_factor_that_would_not_fit_is_refused(monkeypatch, engine):
    system = box((64, 64))
    memory = type("Memory", (), {"available": 2**17})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(MemoryError, match=r"schur needs 0\.0\d* GiB .* use solver multigrid"):
        solvers.solve(system, random_rhs(system), Schur(engine=engine))


def test_unknown_options_are_rejected():
    with pytest.raises(ValueError, match="precision must be one of float64, float32, not half"):
        Schur(precision="half")
    with pytest.raises(ValueError, match="engine must be one of auto, numba, torch, not magic"):
        Schur(engine="magic")
