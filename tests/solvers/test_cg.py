import numba
import pytest
import torch

import solvers
from tests.solvers.systems import CASES, box, random_rhs


def test_engines_agree(case):
    rhs = random_rhs(case)
    kernels = solvers.solve(case, rhs, "cg", rtol=1e-8, engine="numba")
    definition = solvers.solve(case, rhs, "cg", rtol=1e-8, engine="torch")
    assert abs(kernels.iterations - definition.iterations) <= 1
    difference = torch.linalg.vector_norm(kernels.pressure - definition.pressure)
    assert difference <= 1e-6 * torch.linalg.vector_norm(definition.pressure)
    for engine in ("numba", "torch"):
        warm = solvers.solve(case, rhs, "cg", rtol=1e-8, guess=kernels.pressure, engine=engine)
        assert warm.iterations <= 1


@pytest.mark.parametrize(("shape", "most"), [((64, 64), 230), ((24, 24, 24), 125)])
def test_iterations_are_bounded(shape, most):
    system = box(shape)
    assert solvers.solve(system, random_rhs(system), "cg").iterations <= most


@pytest.mark.usefixtures("all_threads")
def test_result_does_not_depend_on_threads(dim):
    system = CASES["density_jump"](dim)
    threads = numba.get_num_threads()
    both = solvers.solve(system, random_rhs(system), "cg")
    try:
        numba.set_num_threads(1)
        alone = solvers.solve(system, random_rhs(system), "cg")
    finally:
        numba.set_num_threads(threads)
    assert torch.equal(alone.pressure, both.pressure)
    assert alone.residual_history == both.residual_history


def test_tight_tolerance_is_reached_by_restarts():
    system = CASES["density_jump"](2)
    solution = solvers.solve(system, random_rhs(system), "cg", rtol=1e-13)
    assert solution.relative_residual <= 1e-13


@pytest.mark.cuda
def test_cuda_agrees_with_cpu(case):
    rhs = random_rhs(case)
    on_cpu = solvers.solve(case, rhs, "cg", rtol=1e-8)
    weights = tuple(w.cuda() for w in case.face_weights)
    moved = solvers.PoissonSystem(weights, case.active.cuda())
    on_gpu = solvers.solve(moved, rhs.cuda(), "cg", rtol=1e-8)
    assert on_gpu.pressure.device.type == "cuda"
    assert abs(on_gpu.iterations - on_cpu.iterations) <= 1
    difference = torch.linalg.vector_norm(on_gpu.pressure.cpu() - on_cpu.pressure)
    assert difference <= 1e-6 * torch.linalg.vector_norm(on_cpu.pressure)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"max_iterations": 0}, "at least 1"), ({"engine": "fortran"}, "engine must be one of")],
)
def test_bad_options_are_rejected(options, message):
    system = box((2, 2))
    with pytest.raises(ValueError, match=message):
        solvers.solve(system, random_rhs(system), "cg", **options)


def test_asked_for_more_than_rounding_allows_it_stops_at_what_it_reached():
    """A smooth rhs on a closed box: the residual grows again where rounding rules."""
    system = box((256, 256))
    x = torch.linspace(0, 1, 256, dtype=torch.float64)
    rhs = torch.cos(2 * x)[:, None].expand(256, 256)
    solution = solvers.solve(system, rhs, "cg", rtol=1e-13, throw=False)
    assert solution.relative_residual <= 1e-10
    assert solution.iterations <= 3000
