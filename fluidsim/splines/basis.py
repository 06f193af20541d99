"""B-splines on knots that may require gradients.

A spline of degree p on knots t_0 <= t_1 <= ... has, on its span k from t_{k+p} to t_{k+p+1}, the
coefficients k to k + p. After Piegl & Tiller 1997, "The NURBS Book", chapters 2 and 3; Cho et al.
2021, "Differentiable Spline Approximations", equation 4. Within a span the functions are smooth in
the knots, too, and these derivatives are exact: no box function is smoothed.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def spans_of(knots: Tensor, degree: int, u: Tensor) -> Tensor:
    """The span (...), int64, that each parameter lies in; never an empty one.

    Parameters beyond the ends are in the first or the last span.
    """
    breaks = knots.detach()[degree : len(knots) - degree].contiguous()
    last = int(torch.searchsorted(breaks, breaks[-1])) - 1
    first = int(torch.searchsorted(breaks, breaks[0], right=True)) - 1
    return (torch.searchsorted(breaks, u.detach().contiguous(), right=True) - 1).clamp(first, last)


def basis_functions(knots: Tensor, degree: int, spans: Tensor, u: Tensor, order: int = 0) -> Tensor:
    """The degree + 1 functions that are not 0 on spans, or their derivatives, at parameters there.

    Parameters
    ----------
    knots : Tensor, (m,)
        Knots that do not decrease; they may require a gradient.
    degree : int
        Of the polynomials.
    spans, u : Tensor, (...)
        The span of each parameter, not an empty one, and the parameter.
    order : int
        Of the derivative by the parameter.

    Returns
    -------
    Tensor, (..., degree + 1)
        The functions add up to 1, their derivatives to 0.
    """
    if order > degree:
        return torch.zeros(*u.shape, degree + 1, dtype=u.dtype, device=u.device)
    if order:  # equation 2.7
        lower = basis_functions(knots[1:-1], degree - 1, spans, u, order - 1)
        first = spans[..., None] + torch.arange(1, degree + 1, device=u.device)
        slopes = degree * lower / (knots[first + degree] - knots[first])
        return pad(slopes, (1, 0)) - pad(slopes, (0, 1))
    here = spans + degree
    values = [torch.ones_like(u)]
    for number in range(1, degree + 1):  # algorithm A2.2
        saved, raised = torch.zeros_like(u), []
        for r in range(number):
            right, left = knots[here + r + 1] - u, u - knots[here + r + 1 - number]
            part = values[r] / (right + left)
            raised.append(saved + right * part)
            saved = left * part
        values = [*raised, saved]
    return torch.stack(values, -1)


def stacked_functions(knots: Tensor, degree: int, spans: Tensor, u: Tensor, orders: int) -> Tensor:
    """The functions and their derivatives up to `orders`: (..., orders + 1, degree + 1)."""
    found = [basis_functions(knots, degree, spans, u, order) for order in range(orders + 1)]
    return torch.stack(found, -2)


def active(spans: Tensor, degree: int) -> Tensor:
    """The coefficients (..., degree + 1) that count on spans (...)."""
    return spans[..., None] + torch.arange(degree + 1, device=spans.device)


def closed_knots(knots: Tensor, degree: int) -> Tensor:
    """The n + 1 knots of one period, continued by `degree` knots at both ends."""
    count = len(knots) - 1
    places = torch.arange(-degree, count + degree + 1, device=knots.device)
    period = knots[-1] - knots[0]
    return knots[places % count] + torch.div(places, count, rounding_mode="floor") * period


def clamped_knots(count: int, degree: int) -> Tensor:
    """Knots from 0 to 1 for `count` coefficients of a spline that begins and ends with the first
    and the last of them; evenly spaced within."""
    inner = torch.linspace(0, 1, count - degree + 1, dtype=torch.float64)
    return torch.cat((inner.new_zeros(degree), inner, inner.new_ones(degree)))
