import numba
import pytest
import torch

from solvers import row_layout as rows
from tests.solvers.systems import random_rhs, random_system


def test_kernels_equal_the_definition(case):
    p = torch.where(case.active, random_rhs(case), 0)
    b = torch.where(case.active, random_rhs(case, 1), 0)
    layout = rows.RowLayout.of(case)
    product = layout.zeros()
    dot = layout.product(layout.padded(p), product)
    expected = case.apply(p)
    scale = float(expected.abs().max()) + 1e-300
    assert (torch.from_numpy(product).reshape(case.shape) - expected).abs().max() <= 1e-14 * scale
    assert dot == pytest.approx(float((p * expected).sum()), rel=1e-13, abs=1e-13)
    assert (rows.residual(case, b, p) - (b - expected)).abs().max() <= 1e-14 * (scale + 10)


@pytest.mark.usefixtures("all_threads")
def test_sums_do_not_depend_on_threads(dim):
    system = random_system((40, 33) if dim == 2 else (12, 9, 17))
    p = torch.where(system.active, random_rhs(system), 0)
    layout = rows.RowLayout.of(system)
    padded, product = layout.padded(p), layout.zeros()
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = layout.product(padded, product)
    finally:
        numba.set_num_threads(threads)
    assert layout.product(padded, product) == alone
