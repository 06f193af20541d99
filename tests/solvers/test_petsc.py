"""PETSc as a solver, in one process and on the ranks of MPI; the dealing of rows needs neither."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import solvers
from solvers import registry
from solvers.model_systems import model_system
from solvers.nullspace import definite_matrix
from solvers.petsc import Petsc
from solvers.petsc.rows import has
from solvers.petsc.slabs import Slabs
from solvers.petsc.solver import is_alike
from solvers.storage import save_system
from tests.solvers.generated import generated
from tests.solvers.systems import box, random_rhs, random_system

is_installed = "petsc" in solvers.available()
needs_petsc = pytest.mark.skipif(not is_installed, reason="needs petsc4py")
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
needs_ranks = pytest.mark.skipif(not (is_installed and MPIEXEC), reason="needs petsc4py and MPI")


def command(*words, ranks=1):
    start = [MPIEXEC, "-n", str(ranks)] if ranks > 1 else []
    whole = [*start, sys.executable, "-m", "solvers.petsc", *map(str, words)]
    return subprocess.run(whole, capture_output=True, text=True)


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
def test_the_rows_of_all_slabs_are_the_definite_matrix(case, ranks):
    slabs, whole = Slabs.of(case, ranks), definite_matrix(case)
    parts = [slabs.matrix(rank) for rank in range(ranks)]
    dealt = sp.vstack(parts).tocsr()
    assert [part.shape[0] for part in parts] == np.diff(slabs.rows).tolist()
    assert (dealt != whole).nnz == 0 and np.array_equal(dealt.indices, whole.indices)


@pytest.mark.parametrize("kind", ["periodic", "periodic closed"])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_slabs_close_the_ring_of_a_periodic_axis(kind, ranks):
    system = generated(kind, 0)[0]
    assert system.periodic[0]
    slabs, whole = Slabs.of(system, ranks), definite_matrix(system)
    dealt = sp.vstack([slabs.matrix(rank) for rank in range(ranks)])
    assert (dealt.tocsr() != whole).nnz == 0


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_slabs_are_equal_up_to_a_plane(ranks, dim):
    system = random_system((40, 9, 8)[:dim])
    slabs = Slabs.of(system, ranks)
    plane = int(np.diff(slabs.starts).max())
    shares = np.diff(slabs.rows)
    assert shares.sum() == system.unknowns
    assert np.abs(shares - system.unknowns / ranks).max() <= plane


@needs_petsc
def test_it_solves_to_the_true_residual_with_a_history_of_every_iteration(case):
    solution = solvers.solve(case, random_rhs(case), "petsc", rtol=1e-9)
    assert len(solution.residual_history) == solution.iterations + 1
    reference = solvers.solve(case, random_rhs(case), "direct", rtol=1e-10).pressure
    assert torch.linalg.vector_norm(solution.pressure - reference) <= 1e-6 * reference.norm()


@needs_petsc
def test_iterations_hardly_grow_with_the_grid():
    counts = []
    for n in (16, 32):
        stored = model_system("smoke", (n,) * 3)
        counts.append(solvers.solve(stored.system, stored.rhs, "petsc").iterations)
    assert counts[1] <= counts[0] + 3 and counts[1] <= 12


@needs_petsc
def test_a_good_guess_needs_no_iteration_and_a_fair_one_fewer(dim):
    system = box((60, 50) if dim == 2 else (18, 16, 14))
    rhs = random_rhs(system)
    cold = solvers.solve(system, rhs, "petsc", rtol=1e-9)
    again = solvers.solve(system, rhs, "petsc", rtol=1e-8, guess=cold.pressure)
    assert again.iterations == 0
    near = cold.pressure * (1 + 1e-4)
    assert solvers.solve(system, rhs, "petsc", rtol=1e-9, guess=near).iterations < cold.iterations


def test_matrices_are_alike_where_mask_and_open_faces_are(dim):
    first = random_system((12, 10, 9)[:dim])
    active = first.active.clone()
    active[0] = ~active[0]
    closed = tuple(w.clone() for w in first.face_weights)
    closed[0][first.face_weights[0] > 0] = 0.0
    double = tuple(2 * w for w in first.face_weights)
    assert is_alike(first, solvers.PoissonSystem(double, first.active))
    assert not is_alike(first, solvers.PoissonSystem(closed, first.active))
    assert not is_alike(first, solvers.PoissonSystem(first.face_weights, active))


@needs_petsc
def test_values_set_anew_give_the_bits_of_a_matrix_made_anew(dim):
    first = random_system((24, 20, 9)[:dim])
    varied = tuple(w * (1 + torch.rand_like(w)) for w in first.face_weights)
    second = solvers.PoissonSystem(varied, first.active)
    other = random_system((24, 20, 9)[:dim], seed=1)
    assert is_alike(first, second) and not is_alike(second, other)
    kept, matrices = Petsc().sequence(), []
    for system in (first, second, other):
        prepared = solvers.prepare(system, kept)
        matrices.append(kept.setup(system).rows.matrix)
        rhs = random_rhs(system)
        known = solvers.solve(system, rhs, prepared, rtol=1e-8)
        assert torch.equal(known.pressure, solvers.solve(system, rhs, "petsc", rtol=1e-8).pressure)
    assert matrices[0] is matrices[1] and matrices[1] is not matrices[2]
    assert kept.memory() == {}


@needs_petsc
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iterations": 0}, "max_iterations must be at least 1"),
        ({"preconditioner": "magic"}, "preconditioner must be one of gamg, hypre, not magic"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        registry.create("petsc", options)


@needs_petsc
def test_hypre_solves_or_the_build_is_said_to_lack_it():
    system = box((16, 12, 10), rim=1.0)
    if has("hypre"):
        assert solvers.solve(system, random_rhs(system), "petsc:preconditioner=hypre").converged
    else:
        with pytest.raises(ValueError, match="this build of PETSc has no hypre; use gamg"):
            registry.create("petsc:preconditioner=hypre", {})


@needs_ranks
@pytest.mark.parametrize(
    "ranks", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_ranks_agree_with_multigrid(ranks, tmp_path):
    for kind in ("dam", "splash"):
        for dim in (2, 3):
            stored = model_system(kind, ((48, 16)[dim - 2],) * dim)
            save_system(tmp_path / f"{kind}-{dim}d.npz", stored)
    done = command(tmp_path, "--rtol", "1e-9", "--repeats", "1", "--json", ranks=ranks)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["solver"] for row in rows] == ["multigrid", "petsc"] * 4
    for row in rows:
        assert row["converged"] and row["relative_residual"] <= 1e-9
        assert row["difference"] <= 1e-6
        if row["solver"] == "petsc":
            assert row["processes"] == ranks and len(row["memory"]) == ranks
            assert row["difference"] > 0


@needs_ranks
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["nowhere.npz"], 1, "error: nowhere.npz: No such file or directory"),
        (["--rtol", "small"], 2, "argument --rtol: invalid float value"),
        ([".", "--max-iterations", "0"], 1, "error: max_iterations must be at least 1, not 0"),
    ],
)
def test_an_error_is_one_line_of_one_rank(words, status, message):
    done = command(*words, ranks=2)
    assert done.returncode == status
    assert done.stderr.count("error:") == 1 and message in done.stderr


@pytest.mark.skipif(is_installed, reason="petsc4py is installed")
def test_without_the_package_errors_say_what_to_install(tmp_path):
    with pytest.raises(ValueError, match=r"needs the package petsc4py: pip install .*\[petsc\]"):
        registry.create("petsc", {})
    done = command(tmp_path)
    assert done.returncode == 1 and not done.stdout
    line = 'solver petsc needs the package petsc4py: pip install "fluidsim-lab[petsc]"'
    assert done.stderr == f"error: {line}\n"
