"""What the gate does around every solver: scales, parts, guesses, threads, forks."""

import multiprocessing
import sys
import threading

import pytest
import torch

import solvers
from solvers import PoissonSystem, SolveError
from tests.solvers.generated import generated
from tests.solvers.judge import independent_residual
from tests.solvers.systems import CASES, Cells, box, random_rhs

ALL = solvers.available()


@pytest.mark.parametrize("scale", [1e-150, 1e-160, 1e-170, 1e-300, 1e200, 1e300])
@pytest.mark.parametrize("name", ALL)
def test_pressure_scales_with_the_rhs(name, scale):
    system = box((12, 9), rim=1.0)
    rhs = random_rhs(system)
    solution = solvers.solve(system, scale * rhs, name)
    assert independent_residual(system, rhs, solution.pressure / scale) <= 1.1e-6


@pytest.mark.parametrize("name", ALL)
def test_pressure_scales_with_the_weights(name):
    system = box((12, 9), rim=1.0)
    tiny = PoissonSystem(tuple(1e-250 * w for w in system.face_weights), system.active)
    rhs = random_rhs(system)
    solution = solvers.solve(tiny, 1e-50 * rhs, name)
    assert independent_residual(system, rhs, solution.pressure * 1e-200) <= 1.1e-6


def test_an_ordinary_rhs_keeps_its_last_bits():
    system, power = box((12, 9), rim=1.0), 2.0**-300
    rhs = random_rhs(system)
    small = solvers.solve(system, power * rhs).pressure
    assert torch.equal(small, power * solvers.solve(system, rhs).pressure)


def open_and_closed() -> PoissonSystem:
    """Two rooms: the left one open to air, the right one closed."""
    cells = Cells.fluid(21, 12)
    cells.solid[10] = True
    cells.air[:10, -1] = True
    return cells.system()


@pytest.mark.parametrize("name", ALL)
def test_a_closed_part_with_a_huge_constant_hides_nothing(name):
    system = open_and_closed()
    rhs = torch.ones(system.shape).double()
    rhs[11:] = 2.0**50
    solution = solvers.solve(system, rhs, name)
    assert independent_residual(system, rhs, solution.pressure) <= 1.1e-6
    assert (solution.pressure[11:] == 0).all() and (solution.pressure[:10, :-1] != 0).all()


@pytest.mark.parametrize("large", ["open", "closed"])
@pytest.mark.parametrize("name", ALL)
def test_every_part_meets_the_tolerance_by_itself(name, large):
    system = open_and_closed()
    rhs = random_rhs(system)
    rhs[:10] *= 1e12 if large == "open" else 1.0
    rhs[11:] *= 1e12 if large == "closed" else 1.0
    solution = solvers.solve(system, rhs, name)
    truth = independent_residual(system, rhs, solution.pressure)
    assert truth == pytest.approx(solution.relative_residual, rel=1e-3, abs=1e-13)
    assert truth <= 1.1e-6
    assert len(solution.residual_history) == solution.iterations + 1


@pytest.mark.parametrize("name", ["multigrid", "cg", "amg"])
def test_a_guess_that_is_worse_than_none_is_dropped(name):
    system = CASES["closed_pocket"](2)
    rhs = random_rhs(system)
    plain = solvers.solve(system, rhs, name)
    for size in (10.0, 1e50, 1e300):
        solution = solvers.solve(system, rhs, name, guess=size * random_rhs(system, 1))
        assert torch.equal(solution.pressure, plain.pressure)


def test_a_solve_that_a_guess_spoils_is_repeated_without():
    class Spoilt(solvers.cg.ConjugateGradient):
        def solve(self, state, rhs, guess, rtol):
            if guess is not None:
                return solvers.Outcome(guess, 0, [1.0])
            return super().solve(state, rhs, None, rtol)

    system = box((12, 9), rim=1.0)
    rhs = random_rhs(system)
    near = 0.9 * solvers.solve(system, rhs).pressure
    assert solvers.solve(system, rhs, Spoilt(), guess=near).converged


def test_means_are_removed_to_rounding_beside_a_huge_constant():
    floating = box((40, 30)).floating
    v = 1e10 / 3 + random_rhs(box((40, 30)))
    for result in (floating.remove_means(v), floating._remove_means_by_torch(v)):
        assert abs(result.mean()) <= 1e-15 * result.abs().max()


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_means_that_are_only_rounding_stay(size):
    floating = box((40, 30)).floating
    v = floating.remove_means(size * random_rhs(box((40, 30))))
    again = floating.remove_means(v)
    assert float((again - v).abs().max()) <= 1e-15 * size
    if size == 1.0:
        assert torch.equal(again, v)
        assert not torch.equal(floating.remove_means(v + 1e-14), v + 1e-14)


def many_rooms() -> PoissonSystem:
    """More closed cells than are summed one by one."""
    cells = Cells.fluid(9, 9)
    cells.solid[1::2] = True
    cells.solid[:, 1::2] = True
    return cells.system()


def check_norms(system: PoissonSystem) -> None:
    """Squares of the values are out of range."""
    floating = system.floating
    v = torch.where(system.active, random_rhs(system), 0)
    for norms in (floating.norms(1e-200 * v), floating._norms_by_torch(1e-200 * v)):
        assert len(norms) == floating.count + 1
        for label, norm in enumerate(norms, start=-1):
            part = v[(floating.labels == label) & system.active]
            assert float(norm) * 1e200 == pytest.approx(float(part.norm()), rel=1e-13)
    w = random_rhs(system, 1)
    parts = [floating.labels == label for label in range(-1, floating.count)]
    expected = [float((v * w)[part].sum()) for part in parts]
    for found in (floating.products(v, w), floating._products_by_torch(v, w)):
        assert found.tolist() == pytest.approx(expected, abs=1e-13)
    expected = [float(v[part].sum()) for part in parts[1:]]
    assert floating.sums(v).tolist() == pytest.approx(expected, abs=1e-13)


def test_norms_and_sums_of_parts(case):
    check_norms(case)


def test_norms_and_sums_of_many_parts():
    assert many_rooms().floating.count == 25
    check_norms(many_rooms())


@pytest.mark.parametrize("name", ["multigrid", "direct"])
def test_threads_may_share_a_prepared_solver(name):
    system = box((24, 20), rim=1.0)
    prepared, pressures = solvers.prepare(system, name), {}

    def work(seed: int) -> None:
        pressures[seed] = solvers.solve(system, random_rhs(system, seed), prepared).pressure

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(8):
        expected = solvers.solve(system, random_rhs(system, seed), prepared).pressure
        assert torch.equal(pressures[seed], expected)


def _solve_in_a_worker(connection) -> None:
    try:
        solvers.solve(box((4, 4), rim=1.0), torch.ones(4, 4))
        connection.send("solved")
    except RuntimeError as error:
        connection.send(str(error))


@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP")
def test_a_worker_that_was_forked_after_a_solve_says_so():
    import numba

    solvers.solve(box((4, 4), rim=1.0), torch.ones(4, 4))
    if numba.threading_layer() != "omp":
        pytest.skip("this threading layer survives forks")
    here, there = multiprocessing.Pipe()
    worker = multiprocessing.get_context("fork").Process(target=_solve_in_a_worker, args=(there,))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0
    assert "start workers by spawn" in here.recv()


def test_modules_are_there_after_import_solvers():
    assert "storage" in dir(solvers)
    with pytest.raises(AttributeError, match="has no attribute 'magic'"):
        solvers.magic  # noqa: B018


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("weight", [1e-6, 1e-8])
def test_a_room_with_a_slit(name, weight):
    """Closed but for one face; float64 allows residuals of 1e-8 and 1e-6."""
    system = box((50, 50))
    system.face_weights[0][0, 0] = weight
    rhs = random_rhs(system)
    solution = solvers.solve(system, rhs, name, rtol=1e-4)
    assert independent_residual(system, rhs, solution.pressure) <= 1.1e-4


def test_rooms_joined_by_leaks():
    """In a row: closed, leaking into each other, the last one open."""
    system = box((16, 9, 8), rim=0.0)
    for k, weight in ((4, 1e-6), (8, 1e-8), (12, 1e-7)):
        system.face_weights[0][k] = 0.0
        system.face_weights[0][k, 2, 3] = weight
    system.face_weights[0][16] = 1.0
    rhs = random_rhs(system)
    for name in ("multigrid", "cg", "schur"):
        solution = solvers.solve(system, rhs, name, rtol=1e-5)
        assert independent_residual(system, rhs, solution.pressure) <= 1.1e-5
        assert solution.iterations < 150


@pytest.mark.parametrize("weight", [1e-14, 1e-200])
def test_what_float64_cannot_solve_is_called_nearly_singular(weight):
    system = box((20, 20))
    system.face_weights[0][20, 3] = weight
    with pytest.raises(SolveError, match=r"nearly singular: parts joined by weights of 1.0e-"):
        solvers.solve(system, random_rhs(system), "direct")


def test_a_wide_range_of_weights_is_named():
    system, rhs, _ = generated("lognormal 8", 3)
    with pytest.raises(SolveError, match=r"nearly singular: weights from 3\.2e-14 to 2\.4e\+12"):
        solvers.solve(system, rhs, "cg")


def test_a_factorisation_takes_over_from_the_default():
    density = torch.ones(16, 14).double()
    density[7] = 1e8
    system = Cells.fluid(16, 14).system(density)
    solution = solvers.solve(system, random_rhs(system), rtol=1e-6)
    assert "direct took over" in solution.notes
    assert len(solution.residual_history) == solution.iterations + 1
