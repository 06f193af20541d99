"""Solvers compute the same bits in the process that compiles their kernels and in later ones.

Not `npsdo`, whose kernels reorder terms.
"""

import os
import subprocess
import sys

import pytest

from fluidsim.runs import warm_up

COMPILED = ["cg", "ic", "multigrid", "schur"]
SOLVE = """
import hashlib, sys, solvers
from solvers import runtime
from solvers.model_systems import model_system
runtime.configure(1)
for shape in ((64, 64), (24, 24, 24)):
    stored = model_system("dam", shape, 0)
    pressure = solvers.solve(stored.system, stored.rhs, solver=sys.argv[1]).pressure
    print(hashlib.sha256(pressure.numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("solver", COMPILED)
def test_compiled_and_loaded_kernels_round_alike(solver, tmp_path):
    own = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SOLVE, solver]
    first, second = (
        subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second and len(first) > 100
    assert any(tmp_path.rglob("*.nbc"))


@pytest.mark.slow
def test_a_run_compiles_nothing_of_a_solver_that_was_compiled_ahead(tmp_path):
    own = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "solvers.warm_up", "multigrid", "2"], env=own, check=True)
    ahead = sorted(tmp_path.glob("solvers.*/*.nbc"))
    note = tmp_path / "fluidsim" / "compiled" / "multigrid-2d"
    note.parent.mkdir(parents=True)
    note.write_text(warm_up.sources_digest())
    flags = ["--dim", "2", "--resolution", "24", "--frames", "2", "--no-render"]
    command = [sys.executable, "-m", "fluidsim", "run", "dam_break", *flags]
    subprocess.run([*command, "--out", str(tmp_path / "run")], env=own, check=True)
    assert len(ahead) > 20 and sorted(tmp_path.glob("solvers.*/*.nbc")) == ahead
    assert len(list(tmp_path.glob("fluidsim/taichi/*.tic"))) > 5  # Taichi's kernels are kept too
