import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import connected_components

from solvers import PoissonSystem, floating_torch
from solvers.nullspace import definite_matrix
from tests.solvers.systems import CASES, Cells, box, random_rhs, random_system


def reference_labels(system: PoissonSystem) -> np.ndarray:
    """Labels of the floating components by graph search, -1 elsewhere."""
    count, component = connected_components(system.to_scipy()[0], directed=False)
    cells = np.full(system.shape, -1)
    cells[system.active.numpy()] = component
    labels = np.full(system.shape, -1)
    floating = 0
    for number in range(count):
        inside = torch.from_numpy(cells == number)
        if system.apply(inside.double()).abs().max() < 1e-12:
            labels[inside.numpy()] = floating
            floating += 1
    return labels


@pytest.mark.parametrize("seed", range(8))
def test_labels_of_random_systems_equal_graph_search(dim, seed):
    shape = (13, 11) if dim == 2 else (6, 7, 5)
    system = random_system(shape, seed)
    if seed % 2:
        # Fewer contacts to known pressures: larger parts float.
        system = PoissonSystem(system.face_weights, torch.ones(shape, dtype=torch.bool))
        for axis, w in enumerate(system.face_weights):
            w.select(axis, 0).zero_()
            w.select(axis, -1).zero_()
    reference = reference_labels(system)
    assert np.array_equal(system.floating.labels.numpy(), reference)
    assert system.floating.count == reference.max() + 1
    assert_torch_finds_the_same(system)


def assert_torch_finds_the_same(system: PoissonSystem) -> None:
    labels, count = floating_torch.label_floating(
        system.active, system.face_weights, system.periodic
    )
    assert count == system.floating.count
    assert torch.equal(labels, system.floating.labels)


def test_labels_of_the_cases_equal_graph_search(case):
    assert np.array_equal(case.floating.labels.numpy(), reference_labels(case))
    assert_torch_finds_the_same(case)


@pytest.mark.parametrize("seed", range(4))
def test_torch_labels_periodic_grids(dim, seed):
    system = random_system((13, 11) if dim == 2 else (6, 7, 5), seed)
    for axis, w in enumerate(system.face_weights):
        w.select(axis, -1).copy_(w.select(axis, 0))
    axes = tuple(axis != seed % dim for axis in range(dim))
    assert_torch_finds_the_same(PoissonSystem(system.face_weights, system.active, periodic=axes))


@pytest.mark.parametrize(
    ("name", "count"),
    [("closed_box", 1), ("free_surface", 0), ("closed_pocket", 1), ("isolated_cell", 1)],
)
def test_number_of_floating_components(dim, name, count):
    assert CASES[name](dim).floating.count == count


def test_a_wall_between_two_active_cells_separates_them():
    system = box((4, 3))
    system.face_weights[0][2].zero_()
    assert system.floating.count == 2
    assert system.floating.labels.tolist() == [[0] * 3] * 2 + [[1] * 3] * 2


def test_a_cell_without_open_faces_floats_alone():
    cells = Cells.fluid(3, 3)
    cells.solid[1] = True
    cells.solid[:, 1] = True
    assert cells.system().floating.count == 4


def test_remove_means(case):
    v = torch.where(case.active, random_rhs(case) + 3.0, 0.0)
    result = case.floating.remove_means(v)
    labels = case.floating.labels
    for label in range(case.floating.count):
        inside = labels == label
        assert abs(result[inside].mean()) < 1e-15
        assert torch.allclose(result[inside], v[inside] - v[inside].mean(), atol=1e-14)
    assert torch.equal(result[labels < 0], v[labels < 0])


def test_remove_means_of_many_components_equals_its_definition():
    cells = Cells.fluid(9, 9)
    cells.solid[1::2] = True
    cells.solid[:, 1::2] = True
    system = cells.system()
    assert system.floating.count == 25
    v = random_rhs(system)
    expected = system.floating._remove_means_by_torch(v)
    assert torch.allclose(system.floating.remove_means(v), expected, rtol=0, atol=1e-15)


def test_remove_means_equals_its_definition(case):
    v = random_rhs(case)
    if case.floating.count:
        expected = case.floating._remove_means_by_torch(v)
        assert torch.allclose(case.floating.remove_means(v), expected, rtol=0, atol=1e-15)
    else:
        assert case.floating.remove_means(v) is v


def test_definite_matrix_is_positive_definite(case):
    if case.unknowns:
        matrix = definite_matrix(case)
        assert np.linalg.eigvalsh(matrix.toarray()).min() > 0
        changed = (matrix != case.to_scipy()[0]).nnz
        assert changed == case.floating.count


def test_pins_are_the_first_cells(case):
    labels = case.floating.labels.reshape(-1)
    first = [int((labels == label).nonzero()[0]) for label in range(case.floating.count)]
    assert case.floating.pins.tolist() == first
