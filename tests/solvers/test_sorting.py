"""The order in which systems resemble their neighbours."""

import numpy as np
import pytest
import torch

import solvers
from solvers import PoissonSystem
from solvers.recycling import Recycling
from solvers.sequence import begin
from solvers.sorting import alike_in_turn, nearest_next, sketch
from solvers.storage import StoredSystem

SIZE, COUNT = 32, 8


def pool(number, deep):
    """A liquid in a tank, its surface a little higher with each number, beside one wall or not."""
    active = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    active[:, : 12 + number] = True
    if not deep:
        active[12 + number :] = False
    weights = (torch.ones(SIZE + 1, SIZE), torch.ones(SIZE, SIZE + 1))
    weights[0][0] = weights[0][-1] = weights[1][:, 0] = 0.0
    generator = torch.Generator().manual_seed(number)
    rhs = torch.randn(SIZE, SIZE, dtype=torch.float64, generator=generator) * active
    return StoredSystem(PoissonSystem(weights, active), rhs, None)


@pytest.fixture(scope="module")
def shuffled():
    """Two runs shuffled into each other, by name."""
    runs = [pool(number, deep) for deep in (False, True) for number in range(COUNT)]
    order = np.random.default_rng(3).permutation(len(runs))
    return {f"{place:06d}": runs[number] for place, number in enumerate(order)}


def iterations(systems):
    sequence = begin(Recycling())
    return sum(
        solvers.solve(each.system, each.rhs, sequence).iterations for each in systems.values()
    )


def test_each_system_comes_once_and_the_order_is_always_the_same(shuffled):
    found = alike_in_turn(shuffled)
    assert sorted(found) == list(shuffled) and list(found) != list(shuffled)
    assert all(found[name] is shuffled[name] for name in found)
    assert next(iter(found)) == next(iter(shuffled))
    assert list(alike_in_turn(dict(shuffled))) == list(found)


def test_sorting_saves_iterations_of_recycling(shuffled):
    assert iterations(alike_in_turn(shuffled)) < 0.95 * iterations(shuffled)


def test_runs_and_shapes_stay_together():
    systems = {f"{run}/{number}": pool(number, run == "b") for number in (1, 3, 2) for run in "ab"}
    assert [name[0] for name in alike_in_turn(systems)] == list("aaabbb")
    assert alike_in_turn({}) == {}


def test_the_path_goes_on_to_the_nearest_point():
    points = np.array([[4.0], [0.0], [5.0], [1.0], [5.0]])
    assert nearest_next(points) == [0, 2, 4, 3, 1]


def test_distances_are_about_those_of_the_coefficients():
    base = pool(3, True).system
    near, far = pool(4, True).system, pool(7, True).system
    distances = [float(np.linalg.norm(sketch(base) - sketch(each))) for each in (base, near, far)]
    assert distances[0] == 0.0 and 0 < distances[1] < distances[2]
    exact = [float((base.active ^ each.active).sum()) for each in (near, far)]
    assert exact[0] <= distances[1] ** 2  # the faces count, too
    large = PoissonSystem(tuple(1e6 * w for w in base.face_weights), base.active)
    assert np.allclose(sketch(large), sketch(base))
