"""Poisson's equation on the unit square, as in Cho et al. 2021, "Differentiable Spline
Approximations", table 5; the error is the root mean square over its 128 x 128 nodes, rims included,
as the authors' program measures it."""

import math

import numpy as np
import pytest
import torch
from scipy.interpolate import RectBivariateSpline

import solvers

NODES = 128
PAPER = {1: 3.32e-5, 2: 2.16e-5, 3: 2.37e-5}  # by the degree of the Lagrange polynomials


@pytest.mark.parametrize("solver", ["multigrid", "direct"])
def test_the_error_is_below_that_of_the_paper(solver):
    line = np.linspace(0, 1, NODES)
    exact = np.sin(math.pi * line)[:, None] * np.sin(math.pi * line)
    force = 2 * math.pi**2 * exact
    inner = NODES - 2
    weight = float(NODES - 1) ** 2
    weights = (
        torch.full((inner + 1, inner), weight, dtype=torch.float64),
        torch.full((inner, inner + 1), weight, dtype=torch.float64),
    )
    system = solvers.PoissonSystem(weights, torch.ones(inner, inner, dtype=torch.bool))

    def solved(values):
        rhs = torch.from_numpy(np.ascontiguousarray(values[1:-1, 1:-1]))
        return np.pad(solvers.solve(system, rhs, solver=solver, rtol=1e-10).pressure.numpy(), 1)

    def error(values):
        return np.linalg.norm(values - exact) / NODES

    first = solved(force)
    assert error(first) < PAPER[1]
    spline = RectBivariateSpline(line, line, first, kx=5, ky=5)  # deferred correction
    bends = spline(line, line, dx=2) + spline(line, line, dy=2)
    assert error(first + solved(force + bends)) < min(PAPER.values()) / 100
