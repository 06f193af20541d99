"""What `import solvers` loads."""

import subprocess
import sys


def test_import_loads_neither_kernels_nor_sparse_matrices():
    heavy = ["numba", "scipy", "pyamg", "matplotlib", "threadpoolctl", "safetensors"]
    program = f"import sys, solvers; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
