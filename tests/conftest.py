"""The runtime that tests start on; those of the command line set their own, on all threads."""

import os

import numba
import pytest
import torch

from fluidsim import taichi_runtime
from fluidsim.runs import warm_up
from solvers import runtime

first_use = warm_up.is_first_use


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session", autouse=True)
def machine() -> runtime.Runtime:
    """One thread where tests run in several processes: pools would wait for each other."""
    machine = runtime.configure(1 if "PYTEST_XDIST_WORKER" in os.environ else None)
    taichi_runtime.start(machine)
    warm_up.is_first_use = lambda config: False  # no processes beside those of the tests
    return machine


@pytest.fixture
def two_threads():
    """Skips on a machine with a single core."""
    if runtime.available_threads() < 2:
        pytest.skip("needs two threads")


@pytest.fixture
def all_threads(two_threads):
    """Kernels of the solvers run on all threads."""
    before = numba.get_num_threads()
    numba.set_num_threads(runtime.available_threads())
    yield
    numba.set_num_threads(before)


@pytest.fixture
def doubles():
    """Fields of doubles, as a program asks for them."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
