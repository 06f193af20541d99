"""What `import solvers` loads."""

import subprocess
import sys


def test_import_loads_neither_kernels_nor_sparse_matrices_until_they_are_used():
    heavy = ["numba", "scipy", "pyamg", "matplotlib", "threadpoolctl", "safetensors", "petsc4py"]
    program = (
        f"import sys, solvers; print([name for name in {heavy} if name in sys.modules])\n"
        "print(solvers.storage.load_system.__name__, solvers.schur.factorize.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["[]", "load_system factorize"], done.stderr
