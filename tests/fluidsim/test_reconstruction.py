"""Curves found from points by the gradients of their distance."""

import numpy as np
import scipy.optimize
import torch

from fluidsim.solid.splines import ClosedCurve, SplineArea
from tests.fluidsim.shapes_of_splines import blob


def start(count=9):
    """A circle's control points, and points on the curve to be found."""
    target = blob(4, count)
    places = target.at(torch.linspace(*target.span, 121, dtype=torch.float64)[:-1])
    angles = 2 * torch.pi * torch.arange(count, dtype=torch.float64) / count
    control = 0.4 * torch.stack((angles.cos(), angles.sin()), 1)
    return control, places


def misfit(control, logs, places):
    return SplineArea(ClosedCurve(control, logs.exp())).distance(places).square().mean()


def test_torch_optim_finds_the_curve():
    control, places = start()
    logs = torch.zeros(len(control), dtype=torch.float64)
    before = misfit(control, logs, places)
    parts = [control.requires_grad_(), logs.requires_grad_()]
    optimizer = torch.optim.LBFGS(parts, max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = misfit(*parts, places)
        value.backward()
        return value

    optimizer.step(closure)
    assert float(misfit(*parts, places).detach()) < 5e-4 * float(before)


def test_scipy_optimize_finds_the_curve():
    control, places = start()
    logs = torch.zeros(len(control), dtype=torch.float64)

    def value_and_slope(flat):
        moved = torch.from_numpy(flat).view_as(control).requires_grad_()
        value = misfit(moved, logs, places)
        value.backward()
        return value.item(), moved.grad.numpy().ravel()

    first = np.ascontiguousarray(control.numpy().ravel())
    found = scipy.optimize.minimize(
        value_and_slope, first, jac=True, method="L-BFGS-B", options={"maxiter": 60, "ftol": 1e-14}
    )
    assert found.fun < 1e-2 * value_and_slope(first)[0]
