"""Deflated CG over a sequence: it agrees, it learns, and only what it is handed counts."""

import pytest
import torch

import solvers
from solvers.krylov.deflated import Directions, Subspace, slowest
from solvers.model_systems import model_system
from solvers.recycling import Recycling
from tests.solvers.systems import CASES, box


def random_rhs(system, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(system.shape, dtype=torch.float64, generator=generator)


def solved_in_turn(system, sequence, count=4, rtol=1e-8):
    """The solutions of a sequence of right-hand sides."""
    prepared = solvers.prepare(system, sequence)
    return [
        solvers.solve(system, random_rhs(system, seed), prepared, rtol=rtol)
        for seed in range(count)
    ]


def learned(system, count=4):
    """A sequence that has solved some."""
    sequence = Recycling().sequence()
    solved_in_turn(system, sequence, count)
    return sequence


@pytest.mark.parametrize("inner", ["ic", "cg", "amg"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_agrees_with_the_direct_solver_at_every_place_of_a_sequence(name, dim, inner):
    system = CASES[name](dim)
    for seed, found in enumerate(
        solved_in_turn(system, Recycling(inner=inner).sequence(), 3, 1e-10)
    ):
        exact = solvers.solve(system, random_rhs(system, seed), "direct", rtol=1e-12).pressure
        scale = max(float(exact.abs().max()), 1e-30)
        torch.testing.assert_close(found.pressure, exact, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize(("inner", "most"), [("ic", 0.8), ("cg", 0.7)])
def test_a_sequence_takes_fewer_iterations(inner, most):
    system = box((48, 48), rim=1.0)
    counts = [
        found.iterations for found in solved_in_turn(system, Recycling(inner=inner).sequence(), 6)
    ]
    assert counts[-1] < most * counts[0]


def test_outside_of_a_sequence_it_is_the_inner_solver():
    stored = model_system("dam", (24, 24))
    found = solvers.solve(stored.system, stored.rhs, "recycling")
    plain = solvers.solve(stored.system, stored.rhs, "ic")
    assert found.iterations == plain.iterations
    torch.testing.assert_close(found.pressure, plain.pressure)


def test_a_solve_depends_on_its_memory_alone():
    """What one prepared solver has solved before leaves no trace: runs resume bit for bit."""
    system = box((24, 24), rim=1.0)
    one, other = learned(system), Recycling().sequence()
    memory = {name: values.clone() for name, values in one.memory().items()}
    rhs, prepared = random_rhs(system, 9), solvers.prepare(system, one)
    solvers.solve(system, random_rhs(system, 8), prepared)
    assert not torch.equal(one.memory()["directions"], memory["directions"])
    one.recall(memory)
    other.recall(memory)
    later, fresh = solvers.solve(system, rhs, prepared), solvers.solve(system, rhs, other)
    assert torch.equal(later.pressure, fresh.pressure)
    assert torch.equal(one.memory()["directions"], other.memory()["directions"])


def test_directions_of_a_mask_serve_another_with_closed_pockets():
    first, second = box((32, 32), rim=1.0), CASES["random_mask"](2)
    directions = torch.nn.functional.interpolate(
        learned(first).memory()["directions"][None], second.shape
    )[0]
    directions[0] = 1.0  # a constant, which A maps to 0 in the pockets
    directions[1] = directions[2]
    sequence = Recycling().sequence()
    sequence.recall({"directions": directions})
    assert solvers.solve(second, random_rhs(second, 0), sequence, rtol=1e-9).converged
    assert not sequence.memory()["directions"][:, ~second.active].any()


def test_directions_of_another_grid_are_forgotten():
    sequence = learned(box((8, 8), rim=1.0))
    system = box((9, 8), rim=1.0)
    assert solvers.solve(system, random_rhs(system, 0), sequence).converged
    assert sequence.memory()["directions"].shape[1:] == (9, 8)


@pytest.mark.parametrize(
    "directions",
    [torch.zeros(2, 8, 8).double(), torch.zeros(9, 8, 8), torch.full((2, 8, 8), torch.nan)],
)
def test_a_memory_of_other_options_is_dropped_in_one_line(directions):
    system = box((8, 8), rim=1.0)
    sequence = Recycling().sequence()
    sequence.recall({"directions": directions})
    found = solvers.solve(system, random_rhs(system, 0), sequence)
    assert found.notes == "the stored directions are not of these options; they are found anew"
    assert solvers.solve(system, random_rhs(system, 0), sequence).notes == ""


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
