"""Deflated CG over a sequence: it agrees, it learns, and only what it is handed counts."""

import pytest
import torch

import solvers
from solvers.krylov.deflated import Directions, Subspace, slowest
from solvers.model_systems import model_system
from solvers.recycling import Recycling
from tests.solvers.systems import CASES, box


def nothing(system):
    return torch.zeros(0, *system.shape)


def random_rhs(system, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(system.shape, dtype=torch.float64, generator=generator)


def solved_in_turn(system, solver, count=4, rtol=1e-8):
    """The solutions of a sequence of right-hand sides."""
    memory, found = nothing(system), []
    prepared = solvers.prepare(system, solver)
    for seed in range(count):
        rhs = random_rhs(system, seed)
        found.append(solvers.solve(system, rhs, prepared, rtol=rtol, memory=memory))
        memory = found[-1].memory
    return found


@pytest.mark.parametrize("inner", ["ic", "cg", "amg"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_agrees_with_the_direct_solver_at_every_place_of_a_sequence(name, dim, inner):
    system = CASES[name](dim)
    for seed, found in enumerate(solved_in_turn(system, Recycling(inner=inner), 3, 1e-10)):
        exact = solvers.solve(system, random_rhs(system, seed), "direct", rtol=1e-12).pressure
        scale = max(float(exact.abs().max()), 1e-30)
        torch.testing.assert_close(found.pressure, exact, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize(("inner", "most"), [("ic", 0.8), ("cg", 0.7)])
def test_a_sequence_takes_fewer_iterations(inner, most):
    system = box((48, 48), rim=1.0)
    counts = [found.iterations for found in solved_in_turn(system, Recycling(inner=inner), 6)]
    assert counts[-1] < most * counts[0]


def test_without_a_memory_it_is_the_inner_solver():
    stored = model_system("dam", (24, 24))
    found = solvers.solve(stored.system, stored.rhs, "recycling")
    plain = solvers.solve(stored.system, stored.rhs, "ic")
    assert found.iterations == plain.iterations and found.memory is None
    torch.testing.assert_close(found.pressure, plain.pressure)


def test_a_solve_depends_on_its_memory_alone():
    """What one prepared solver has solved before leaves no trace: runs resume bit for bit."""
    system = box((24, 24), rim=1.0)
    memory = solved_in_turn(system, Recycling())[-1].memory
    rhs, prepared = random_rhs(system, 9), solvers.prepare(system, "recycling")
    solvers.solve(system, random_rhs(system, 8), prepared, memory=memory)
    later = solvers.solve(system, rhs, prepared, memory=memory)
    fresh = solvers.solve(system, rhs, "recycling", memory=memory.clone())
    assert torch.equal(later.pressure, fresh.pressure)
    assert later.memory is not None and fresh.memory is not None
    assert torch.equal(later.memory, fresh.memory) and not torch.equal(later.memory, memory)


def test_directions_of_a_mask_serve_another_with_closed_pockets():
    first, second = box((32, 32), rim=1.0), CASES["random_mask"](2)
    second = solvers.PoissonSystem(
        tuple(w[tuple(slice(0, n) for n in w.shape)] for w in second.face_weights), second.active
    )
    memory = torch.nn.functional.interpolate(
        solved_in_turn(first, Recycling())[-1].memory[None], second.shape
    )[0]
    memory[0] = 1.0  # a constant, which A maps to 0 in the pockets
    memory[1] = memory[2]
    rhs = random_rhs(second, 0)
    found = solvers.solve(second, rhs, "recycling", rtol=1e-9, memory=memory)
    assert found.converged and found.memory is not None
    assert not found.memory[:, ~second.active].any()


def test_a_memory_of_another_grid_is_refused_in_one_line():
    system = box((8, 8), rim=1.0)
    for memory in (torch.zeros(2, 9, 8), torch.zeros(2, 8, 8).double()):
        with pytest.raises(ValueError, match=r"memory must be float32 of shape \('k', 8, 8\)"):
            solvers.solve(system, random_rhs(system, 0), "recycling", memory=memory)
    with pytest.raises(ValueError, match="NaN"):
        memory = torch.full((2, 8, 8), torch.nan)
        solvers.solve(system, random_rhs(system, 0), "recycling", memory=memory)


def test_other_solvers_hand_a_memory_on():
    system = box((8, 8), rim=1.0)
    memory = torch.ones(2, 8, 8)
    assert solvers.solve(system, random_rhs(system, 0), "cg", memory=memory).memory is memory


def test_the_slowest_directions_of_the_whole_space_are_eigenvectors():
    system = box((7, 6), rim=1.0)
    matrix = torch.from_numpy(system.to_scipy()[0].toarray())
    found = slowest(torch.eye(42).double(), matrix, torch.ones(42).double(), 3)
    values, vectors = torch.linalg.eigh(matrix)
    assert values[3] > 1.05 * values[2]
    exact = vectors[:, :3] @ vectors[:, :3].T
    basis = torch.linalg.qr(found.double().T)[0]
    torch.testing.assert_close(basis @ basis.T, exact, atol=1e-4, rtol=0)


def test_directions_are_spread_over_the_solve():
    directions = Directions(4)
    for n in range(23):
        directions.add(torch.tensor([n]), float(n))
    assert [int(row) for row in directions.rows] == [0, 8, 16]
    assert directions.energies == [0.0, 8.0, 16.0]


def test_rows_that_depend_on_others_do_no_harm():
    matrix = torch.diag(torch.tensor([0.0, 1.0, 2.0, 3.0]).double())
    rows = torch.tensor([[1, 0, 0, 0], [0, 1, 1, 0], [0, 2, 2, 0.0]]).double()
    subspace = Subspace.of(rows, lambda p: matrix @ p)
    z, image = subspace.correction(torch.ones(4).double())
    torch.testing.assert_close(rows @ (1 - image), torch.tensor([1.0, 0, 0]).double())
    torch.testing.assert_close(image, matrix @ z)


@pytest.mark.parametrize("option", [{"inner": "magic"}, {"kept": 0}, {"learned": 1}])
def test_options_are_checked(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        Recycling(**option)
