"""Compiled kernels serve every copy of the same sources, and none of others."""

import importlib.util
import os
import shutil
import sys
import time

import pytest
from numba.core import config

from solvers import kernel_cache

HELPER = "import numba\n@numba.njit(cache=True)\ndef twice(x):\n    return 2 * x\n"
KERNEL = """
import numba
from solvers.tried_helper import twice
@numba.njit(cache=True)
def kernel(x):
    return twice(x) + 1
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of two modules of `solvers`; kernels are kept in an empty folder."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    _forget(monkeypatch)
    sources = tmp_path / "one" / "solvers"
    sources.mkdir(parents=True)
    (sources / "tried_helper.py").write_text(HELPER)
    (sources / "tried_kernel.py").write_text(KERNEL)
    return sources


def _forget(monkeypatch):
    """As in a new process."""
    for remembered in (kernel_cache.folder_of, kernel_cache._source):
        remembered.cache_clear()
    for name in ("solvers.tried_helper", "solvers.tried_kernel"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def called(sources, monkeypatch):
    """What the kernel of a checkout gives for 10, and how often it was compiled."""
    _forget(monkeypatch)
    for name in ("tried_helper", "tried_kernel"):
        spec = importlib.util.spec_from_file_location(f"solvers.{name}", sources / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, f"solvers.{name}", module)
        spec.loader.exec_module(module)
    result = module.kernel(10)
    return result, module.kernel.stats.cache_misses.total()


def test_a_second_checkout_compiles_nothing(checkout, tmp_path, monkeypatch):
    assert called(checkout, monkeypatch) == (21, 1)
    other = shutil.copytree(checkout, tmp_path / "two" / "solvers")
    assert called(other, monkeypatch) == (21, 0)
    assert not list(tmp_path.glob("*/solvers/__pycache__/*.nb?"))


def test_a_change_of_a_function_in_another_file_is_seen(checkout, monkeypatch):
    before = os.stat(checkout / "tried_kernel.py")
    assert called(checkout, monkeypatch) == (21, 1)
    (checkout / "tried_helper.py").write_text(HELPER.replace("2 * x", "3 * x"))
    assert called(checkout, monkeypatch) == (31, 1)
    assert os.stat(checkout / "tried_kernel.py").st_mtime == before.st_mtime
    (checkout / "tried_helper.py").write_text(HELPER)
    assert called(checkout, monkeypatch) == (21, 0)


def test_kernels_of_older_sources_go_when_nobody_has_used_them(checkout, tmp_path, monkeypatch):
    kept = tmp_path / "cache"
    for factor, days in ((2, 8), (3, 1), (4, 0)):
        (checkout / "tried_helper.py").write_text(HELPER.replace("2", str(factor)))
        called(checkout, monkeypatch)
        for folder in set(kept.iterdir()) if days else ():
            if folder.stat().st_mtime > time.time() - 1000:
                os.utime(folder, (0, time.time() - days * 86400))
    assert len(list(kept.glob("solvers.tried_kernel-*"))) == 2


def test_kernels_run_where_none_can_be_kept(checkout, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("")
    assert called(checkout, monkeypatch) == (21, 1)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import solvers.a", "solvers.a"),
        ("from solvers import a as b, c", "solvers.a"),
        ("from solvers.a import (\n    F,  # one\n    G,\n)", "solvers.a"),
    ],
)
def test_every_way_to_import_is_followed(line, name, tmp_path):
    (tmp_path / "solvers").mkdir()
    for module in ("__init__", "a", "c"):
        (tmp_path / "solvers" / f"{module}.py").write_text("")
    found = kernel_cache._imported(f"import numba\n{line}\n", tmp_path)
    assert name in found and "solvers" not in found
