"""People are told, once, that kernels are being compiled."""

import numba
import pytest
from numba.core import event

from solvers import announcing


def compile_one(module):
    """Compile a function that says it is of this module."""

    def double(x):
        return 2 * x

    double.__module__ = module
    numba.njit(double)(1)


@pytest.fixture
def untold(monkeypatch):
    """As in a process that has solved nothing yet; what is registered is forgotten afterwards."""
    monkeypatch.setattr(announcing, "_told", False)
    listeners = event._registered["numba:compile"]
    before = list(listeners)
    listeners.clear()
    yield
    listeners[:] = before


def test_the_first_kernel_that_is_compiled_is_announced(untold, caplog):
    for _ in range(2):
        announcing.announce_compiling()
    compile_one("elsewhere")
    assert not caplog.records
    for _ in range(2):
        compile_one("solvers.some")
    assert [record.name for record in caplog.records] == ["solvers"]
    assert "compiling kernels" in caplog.text


def test_a_program_may_tell_people_itself(untold, caplog):
    announcing.say_nothing()
    announcing.announce_compiling()
    compile_one("solvers.some")
    assert not caplog.records
