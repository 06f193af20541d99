"""Every test runs on one runtime: Taichi can be initialised once a process."""

import pytest

from fluidsim import taichi_runtime
from solvers import runtime


@pytest.fixture(scope="session", autouse=True)
def machine() -> runtime.Runtime:
    machine = runtime.configure()
    taichi_runtime.start(machine)
    return machine
