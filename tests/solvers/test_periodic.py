"""Systems with periodic axes: every solver, against SciPy and exact solutions."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import scipy.sparse.linalg
import torch

import solvers
from solvers import PoissonSystem
from solvers.storage import StoredSystem, load_system, save_system
from tests.solvers.systems import CASES, random_rhs, random_system

ALL = solvers.available()
AXES = {
    2: [(True, False), (False, True), (True, True)],
    3: [(True, False, False), (False, False, True), (True, True, False), (True, True, True)],
}
RINGS = [(dim, periodic) for dim in AXES for periodic in AXES[dim]]


def closed(system: PoissonSystem, periodic: tuple[bool, ...]) -> PoissonSystem:
    """The system with these axes closed to rings: their last faces become the first ones."""
    weights = [w.clone() for w in system.face_weights]
    for axis, wraps in enumerate(periodic):
        if wraps:
            weights[axis].select(axis, -1).copy_(weights[axis].select(axis, 0))
    return PoissonSystem(tuple(weights), system.active, periodic)


def ugly(dim: int, periodic: tuple[bool, ...], dtype=torch.float64) -> PoissonSystem:
    """Random mask and weights with walls, and a pocket that crosses the seams."""
    return closed(random_system((17, 13) if dim == 2 else (9, 8, 11), 3, dtype), periodic)


def ring(shape: tuple[int, ...], periodic: tuple[bool, ...]) -> PoissonSystem:
    """All cells active, walls at the ends of other axes, weights 1 over the square of the cell."""
    weights = []
    for axis, n in enumerate(shape):
        faces = torch.full([m + (d == axis) for d, m in enumerate(shape)], float(n) ** 2)
        if not periodic[axis]:
            faces.select(axis, 0).zero_()
            faces.select(axis, n).zero_()
        weights.append(faces.double())
    return PoissonSystem(tuple(weights), torch.ones(shape, dtype=torch.bool), periodic)


@pytest.mark.parametrize(("dim", "periodic"), RINGS)
def test_apply_matches_the_matrix_and_both_are_symmetric(dim, periodic):
    system = ugly(dim, periodic)
    matrix, cells = system.to_scipy()
    assert (matrix != matrix.T).nnz == 0 and matrix.has_sorted_indices
    p = torch.where(system.active, random_rhs(system, 1), 0)
    applied = system.to_unknowns(system.apply(p))
    np.testing.assert_allclose(applied, matrix @ system.to_unknowns(p), atol=1e-13)
    dense = np.zeros((system.unknowns, system.unknowns))
    number = {tuple(cell): k for k, cell in enumerate(cells.tolist())}
    for axis, weights in enumerate(system.face_weights):
        for cell, k in number.items():
            for up in (0, 1):
                face = list(cell)
                face[axis] += up
                other = list(cell)
                other[axis] += 2 * up - 1
                if periodic[axis]:
                    other[axis] %= system.shape[axis]
                weight = float(weights[tuple(face)])
                dense[k, k] += weight
                if tuple(other) in number:
                    dense[k, number[tuple(other)]] -= weight
    np.testing.assert_allclose(matrix.toarray(), dense, atol=1e-14)


@pytest.mark.parametrize(("dim", "periodic"), RINGS)
@pytest.mark.parametrize("name", ALL)
def test_every_solver_agrees_with_scipy(name, dim, periodic):
    system = ugly(dim, periodic)
    b = system.floating.remove_means(torch.where(system.active, random_rhs(system), 0))
    solution = solvers.solve(system, b, name, rtol=1e-10)
    assert solution.solver == name and solution.relative_residual <= 1e-10
    assert len(solution.residual_history) == solution.iterations + 1
    matrix = solvers.nullspace.definite_matrix(system)
    exact = scipy.sparse.linalg.spsolve(matrix.tocsc(), system.to_unknowns(b))
    exact = system.floating.remove_means(system.from_unknowns(exact))
    difference = torch.linalg.vector_norm(solution.pressure - exact)
    assert difference <= 1e-8 * torch.linalg.vector_norm(exact)


@pytest.mark.parametrize("name", ["multigrid", "cg", "schur"])
def test_solvers_take_float32_weights_and_the_torch_engine(name):
    system = ugly(2, (True, True), torch.float32)
    rhs = random_rhs(system)
    reference = solvers.solve(system, rhs, "direct", rtol=1e-10).pressure
    for engine in ("numba", "torch"):
        found = solvers.solve(system, rhs, name, rtol=1e-10, engine=engine).pressure
        assert (found - reference).norm() <= 1e-7 * reference.norm()


def test_manufactured_solution_is_of_second_order():
    errors, sizes = [], (16, 32, 64)
    for n in sizes:
        system = ring((n, n), (True, False))
        x, z = torch.meshgrid(*[(torch.arange(n).double() + 0.5) / n] * 2, indexing="ij")
        exact = torch.exp(torch.sin(2 * math.pi * x)) * torch.cos(math.pi * z)
        s, c = torch.sin(2 * math.pi * x), torch.cos(2 * math.pi * x)
        rhs = exact * (math.pi**2 + 4 * math.pi**2 * (s - c**2))
        exact = exact - exact.mean()
        found = solvers.solve(system, rhs, rtol=1e-10).pressure
        errors.append(float((found - exact).abs().max()))
    orders = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert min(orders) > 1.9


@pytest.mark.parametrize("periodic", AXES[2])
def test_iterations_of_multigrid_hardly_grow_with_the_grid(periodic):
    counts = []
    for n in (16, 64, 256):
        system = ring((n, n), periodic)
        counts.append(solvers.solve(system, random_rhs(system), rtol=1e-6).iterations)
    assert max(counts) <= 8 * (1 + sum(periodic)) and counts[2] <= counts[0] + 4


@pytest.mark.parametrize(("dim", "periodic"), RINGS)
def test_a_shift_along_the_ring_shifts_the_solution(dim, periodic):
    system, rhs = ugly(dim, periodic), random_rhs(ugly(dim, periodic))
    axis = periodic.index(True)
    weights = []
    for d, w in enumerate(system.face_weights):
        turned = (w.narrow(d, 0, system.shape[d]) if d == axis else w).roll(4, axis)
        weights.append(torch.cat((turned, turned.narrow(d, 0, 1)), d) if d == axis else turned)
    moved = PoissonSystem(tuple(weights), system.active.roll(4, axis), periodic)
    first = solvers.solve(system, rhs, rtol=1e-11).pressure
    second = solvers.solve(moved, rhs.roll(4, axis), rtol=1e-11).pressure
    assert (first.roll(4, axis) - second).norm() <= 1e-8 * first.norm()


def test_a_ring_without_ends_floats_and_an_inactive_neighbour_over_the_seam_holds_it():
    system = ring((5, 4), (True, False))
    assert system.floating.count == 1
    active = system.active.clone()
    active[0, 1] = False
    held = dataclasses.replace(system, active=active)
    assert held.floating.count == 0
    halves = system.active.clone()
    halves[2] = False
    weights = (system.face_weights[0].clone(), system.face_weights[1])
    weights[0][2:4] = 0
    joined = PoissonSystem(weights, halves, (True, False))
    assert joined.floating.count == 1  # by the seam
    assert dataclasses.replace(joined, periodic=()).floating.count == 0  # held over the rims


def test_guess_and_preparation_serve(tmp_path):
    system, rhs = ring((24, 20), (True, True)), random_rhs(ring((24, 20), (True, True)))
    prepared = solvers.prepare(system)
    first = solvers.solve(system, rhs, prepared, rtol=1e-8)
    again = solvers.solve(system, rhs, prepared, guess=first.pressure, rtol=1e-6)
    assert again.iterations == 0
    repeated = solvers.solve(system, rhs, prepared, rtol=1e-8)
    assert torch.equal(first.pressure, repeated.pressure)


@pytest.mark.parametrize(("dim", "periodic"), RINGS)
def test_stored_systems_keep_their_periodic_axes(dim, periodic, tmp_path):
    system = ugly(dim, periodic)
    save_system(tmp_path / "a.npz", StoredSystem(system, random_rhs(system), None))
    assert load_system(tmp_path / "a.npz").system.periodic == periodic
    plain = CASES["obstacle"](dim)
    save_system(tmp_path / "b.npz", StoredSystem(plain, random_rhs(plain), None))
    with np.load(tmp_path / "b.npz") as stored:
        assert stored["version"] == 1 and "periodic" not in stored


def test_gradients_of_weights_on_the_seam():
    system = ugly(2, (True, False))
    rhs = random_rhs(system)
    seam = system.face_weights[0][0].clone().requires_grad_()

    def energy(seam):
        first = system.face_weights[0]
        faces = torch.cat((seam[None], first[1:-1], seam[None]))
        ring = dataclasses.replace(system, face_weights=(faces, system.face_weights[1]))
        return (solvers.differentiable_solve(ring, rhs, "direct") ** 2).sum()

    (gradient,) = torch.autograd.grad(energy(seam), seam)
    place = int(torch.where(system.face_weights[0][0] > 0, gradient.abs(), 0).argmax())
    step = 1e-6 * torch.nn.functional.one_hot(torch.tensor(place), len(seam))
    with torch.no_grad():
        slope = float(energy(seam + step) - energy(seam - step)) / 2e-6
    assert slope == pytest.approx(float(gradient[place]), rel=1e-4)
    assert slope != 0


def test_bad_periodic_axes_are_refused():
    system = ring((5, 4), (True, False))
    with pytest.raises(ValueError, match="a bool per axis"):
        dataclasses.replace(system, periodic=(True,))
    with pytest.raises(ValueError, match="needs 4 cells"):
        ring((3, 4), (True, False))
    uneven = (system.face_weights[0].clone(), system.face_weights[1])
    uneven[0][0, 1] += 1
    with pytest.raises(ValueError, match="equal weights"):
        PoissonSystem(uneven, system.active, (True, False))
