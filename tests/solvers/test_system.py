import dataclasses

import numpy as np
import pytest
import torch

import solvers
from solvers import PoissonSystem
from tests.solvers.systems import box, face_shape, random_rhs, random_system

SHAPES = {2: (9, 14), 3: (6, 5, 8)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_apply_equals_matrix(dim, seed, dtype):
    system = random_system(SHAPES[dim], seed, dtype)
    matrix, index = system.to_scipy()
    p = random_rhs(system, seed)
    result = system.apply(p)
    assert np.array_equal(index, system.active.nonzero().numpy())
    assert np.allclose(result[system.active].numpy(), matrix @ p[system.active].numpy(), 1e-13)
    assert (result[~system.active] == 0).all()


def test_matrix_is_exactly_symmetric_with_sorted_columns(case):
    matrix, index = case.to_scipy()
    assert matrix.shape == (case.unknowns, case.unknowns)
    assert index.shape == (case.unknowns, case.dim)
    assert (matrix != matrix.T).nnz == 0
    assert matrix.has_sorted_indices


def test_diagonal_equals_that_of_the_matrix(case):
    diagonal = case.diagonal()
    assert np.allclose(diagonal[case.active].numpy(), case.to_scipy()[0].diagonal(), 1e-14)
    assert (diagonal[~case.active] == 0).all()


def test_apply_ignores_inactive_values_and_keeps_the_dtype(dim):
    system = random_system(SHAPES[dim])
    p = random_rhs(system)
    spoilt = torch.where(system.active, p, torch.nan)
    assert torch.equal(system.apply(spoilt), system.apply(p))
    assert system.apply(p.float()).dtype == torch.float32


def test_apply_is_differentiable(dim):
    shape = (3, 4, 2)[:dim]
    active = random_system(shape).active
    p = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weights = [
        torch.rand(face_shape(shape, axis), dtype=torch.float64, requires_grad=True)
        for axis in range(dim)
    ]
    torch.autograd.gradcheck(lambda p, *w: PoissonSystem(w, active).apply(p), (p, *weights))


def test_solution_converges_with_second_order(dim):
    sizes = [8, 16, 32]
    errors = [_discretisation_error(dim, n) for n in sizes]
    order = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert 1.9 < order < 2.1


def _discretisation_error(dim: int, n: int) -> float:
    """Largest error for -div(a grad u) = f on the unit square or cube.

    a = 1 + x/2 and u = sin(pi x) cos(pi y) (cos(pi z)): u = 0 at both ends in x, walls elsewhere.
    """
    h = 1.0 / n
    shape = (n,) * dim
    centres = (torch.arange(n, dtype=torch.float64) + 0.5) * h
    faces = torch.arange(n + 1, dtype=torch.float64) * h
    grids = torch.meshgrid(*[centres] * dim, indexing="ij")
    weights = []
    for axis in range(dim):
        x = (faces if axis == 0 else centres).reshape(-1, *[1] * (dim - 1))
        w = ((1 + x / 2) / h**2).expand(face_shape(shape, axis)).clone()
        # p = 0 at the rim in x is half a cell away; the other sides are walls.
        w.select(axis, 0).mul_(2.0 if axis == 0 else 0.0)
        w.select(axis, n).mul_(2.0 if axis == 0 else 0.0)
        weights.append(w)
    system = PoissonSystem(tuple(weights), torch.ones(shape, dtype=torch.bool))
    x = grids[0]
    across = torch.ones(shape, dtype=torch.float64)
    for y in grids[1:]:
        across = across * torch.cos(torch.pi * y)
    exact = torch.sin(torch.pi * x) * across
    slope = torch.pi * torch.cos(torch.pi * x) * across
    rhs = (1 + x / 2) * dim * torch.pi**2 * exact - 0.5 * slope
    return float((solvers.solve(system, rhs, rtol=1e-10).pressure - exact).abs().max())


def test_unknowns_go_to_the_grid_and_back(case):
    v = torch.where(case.active, random_rhs(case), 0)
    assert torch.equal(case.from_unknowns(case.to_unknowns(v)), v)
    matrix, _ = case.to_scipy()
    assert torch.allclose(case.from_unknowns(matrix @ case.to_unknowns(v)), case.apply(v))


def test_equal_systems_have_the_same_numbers():
    system = box((5, 4), rim=1.0)
    same = dataclasses.replace(system, active=system.active.clone())
    fewer = system.active.clone()
    fewer[2, 2] = False
    others = [
        box((5, 4)),
        box((4, 5), rim=1.0),
        box((5, 4, 3), rim=1.0),
        dataclasses.replace(system, active=fewer),
        dataclasses.replace(system, periodic=(True, False)),
    ]
    assert system.equals(same) and same.equals(system)
    assert system.equals(box((5, 4), rim=1.0, dtype=torch.float32))
    assert not any(system.equals(other) for other in others)


def test_properties():
    system = box((3, 4, 5))
    assert (system.shape, system.dim, system.unknowns) == ((3, 4, 5), 3, 60)
    assert system.device == torch.device("cpu")


ACTIVE = torch.ones(3, 4, dtype=torch.bool)
WEIGHTS = (torch.ones(4, 4), torch.ones(3, 5))


@pytest.mark.parametrize(
    ("weights", "active", "error", "message"),
    [
        (WEIGHTS, ACTIVE.float(), TypeError, "active must be a bool tensor"),
        (WEIGHTS[0], ACTIVE, TypeError, "must be a tuple or a list"),
        (
            (WEIGHTS[0].half(), WEIGHTS[1]),
            ACTIVE,
            TypeError,
            r"face_weights\[0\] must be a float32",
        ),
        ((WEIGHTS[0], WEIGHTS[1].double()), ACTIVE, TypeError, r"face_weights\[1\] is"),
        (WEIGHTS[:1], ACTIVE, ValueError, "one tensor per axis: 2, not 1"),
        (WEIGHTS[::-1], ACTIVE, ValueError, r"must have shape \(4, 4\), not \(3, 5\)"),
        ((torch.ones(4),), torch.ones(3, dtype=torch.bool), ValueError, "2 or 3 axes"),
        (WEIGHTS, torch.ones(3, 0, dtype=torch.bool), ValueError, "2 or 3 axes"),
        ((WEIGHTS[0].to("meta"), WEIGHTS[1]), ACTIVE, ValueError, "is on meta, active on cpu"),
    ],
)
def test_bad_tensors_are_rejected(weights, active, error, message):
    with pytest.raises(error, match=message):
        PoissonSystem(weights, active)
