"""The sizes that keep the code readable, and that help stays quick."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for room in ("fluidsim", "solvers") for path in (ROOT / room).rglob("*.py"))
KERNEL = ("kernel", "func", "njit", "jit")  # decorators of what may need flat arguments


def parameters(function: ast.FunctionDef) -> int:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def is_kernel(function: ast.FunctionDef) -> bool:
    return any(
        part in KERNEL
        for decorator in function.decorator_list
        for part in ast.unparse(decorator).replace("(", ".").split(".")
    )


def test_files_and_functions_are_small():
    large = []
    for path in FILES:
        text = path.read_text()
        if text.count("\n") > 300:
            large.append(str(path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and not is_kernel(node) and parameters(node) > 8:
                large.append(f"{path}: {node.name}")
    assert not large


def test_compiled_kernels_are_kept_for_the_user():
    kernels = [path for path in FILES if "\n@numba.njit" in path.read_text()]
    line = "\nfrom solvers import kernel_cache"
    assert len(kernels) > 20 and all(line in path.read_text() for path in kernels)


def test_help_imports_neither_torch_nor_taichi():
    code = (
        "import sys, fluidsim.cli\n"
        "try: fluidsim.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'taichi', 'numba', 'scipy', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "export-system" in done.stdout


REFUSED = [
    ["run", "nowhere"],
    ["run", "dam_break", "--solver", "magic"],
    ["run", "dam_break", "--frames", "0"],
    ["compare", "dam_break", "--speed", "3"],
    ["compare", "nowhere.py"],
    ["bench", "run", "--solvers", "magic"],
    ["render", "run", "--frames", "5:2"],
    ["train", "npsdo", "--dim", "4"],
]


def test_refusals_come_before_anything_slow_is_loaded():
    code = (
        "import sys, fluidsim.cli\n"
        f"for words in {REFUSED}:\n"
        "    try: fluidsim.cli.main(words)\n"
        "    except SystemExit as exit: assert exit.code == 2\n"
        "    else: raise AssertionError(words)\n"
        "slow = {'taichi', 'numba', 'scipy', 'matplotlib', 'pyvista', 'imageio', 'igl'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == len(REFUSED)
