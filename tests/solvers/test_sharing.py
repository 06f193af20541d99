"""Kernels have a thread for each core that other programs leave."""

import time

import numba
import pytest

from solvers import sharing
from solvers.runtime import available_threads


class Others(sharing.Neighbours):
    """Other programs that use so many cores."""

    def __init__(self, cores: float) -> None:
        self.cores = cores

    def look(self) -> float:
        return self.cores


@pytest.mark.usefixtures("all_threads")
@pytest.mark.parametrize("busy", [0.0, 0.3, 0.9, 50.0])
def test_threads_are_the_free_cores(busy, monkeypatch):
    monkeypatch.setattr(sharing, "_neighbours", Others(busy))
    most = numba.get_num_threads()
    with sharing.fair_threads():
        assert numba.get_num_threads() == max(1, min(most, round(available_threads() - busy)))
    assert numba.get_num_threads() == most


def test_one_thread_stays_one(monkeypatch):
    monkeypatch.setattr(sharing, "_neighbours", Others(0.0))
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        with sharing.fair_threads():
            assert numba.get_num_threads() == 1
    finally:
        numba.set_num_threads(before)


def test_a_program_is_no_neighbour_of_itself(monkeypatch):
    spent = iter([(0.0, 10.0, 1.0), (0.5, 11.0, 1.6), (0.55, 11.1, 1.7)])
    monkeypatch.setattr(sharing, "spent", lambda: next(spent))
    neighbours = sharing.Neighbours()
    assert neighbours.look() == pytest.approx((1.0 - 0.6) / 0.5)
    assert neighbours.look() == pytest.approx((1.0 - 0.6) / 0.5)  # too soon for another look


def test_own_work_is_seen():
    before = sharing.spent()
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        pass
    clock, busy, own = (b - a for a, b in zip(before, sharing.spent(), strict=True))
    assert own >= 0.08 and clock >= 0.08 and busy >= 0.05  # the kernel counts in 0.01 s
