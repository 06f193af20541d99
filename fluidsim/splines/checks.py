"""What control points, weights and knots must be like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fluidsim.splines.basis import clamped_knots


def settled(name: str, values: Any, shape: Sequence[int | None]) -> Tensor:
    """Values as float64, with their gradient if they have one.

    shape: sizes, None where any will do. Raises ValueError, which names the values, if they are not
    finite numbers in such a shape.
    """
    try:
        found = torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"the {name} of a spline must be numbers in equal rows") from None
    fits = found.ndim == len(shape) and all(
        size in (None, have) for size, have in zip(shape, found.shape, strict=True)
    )
    if not fits:
        wanted = " x ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"the {name} of a spline must be {wanted} numbers, not {_size(found)}")
    if not torch.isfinite(found).all():
        raise ValueError(f"the {name} of a spline must be finite")
    return found


def settled_weights(values: Any, shape: Sequence[int]) -> Tensor:
    """Positive weights; 1 if none are given."""
    if values is None:
        return torch.ones(*shape, dtype=torch.float64)
    weights = settled("weights", values, shape)
    if not (weights > 0).all():
        raise ValueError(f"the weights of a spline must be positive, not {float(weights.min()):g}")
    return weights


def settled_knots(values: Any, count: int, degree: int, closed: bool = True) -> Tensor:
    """Knots: of one period of a closed spline, evenly spaced from 0 to 1 if none are given; or all
    of one that ends with its first and last points, clamped and evenly spaced within.
    """
    if values is None:
        even = torch.linspace(0, 1, count + 1, dtype=torch.float64)
        return even if closed else clamped_knots(count, degree)
    knots = settled("knots", values, (count + (1 if closed else degree + 1),))
    if (knots.diff() < 0).any() or not knots[-1] > knots[0]:
        raise ValueError("the knots of a spline must not decrease, and not all be equal")
    held = knots.detach()
    if closed:
        inner = torch.cat((held[:-1], held[: degree + 1] + held[-1] - held[0]))
    else:
        inner = held[1:-1]
        if held[0] != held[degree] or held[-1] != held[-degree - 1]:
            raise ValueError(f"the first and last knots must be there {degree + 1} times")
    if (inner[degree:] - inner[:-degree] <= 0).any():
        raise ValueError(f"a knot may be there {degree} times: more would tear the spline apart")
    return knots


def check_degree(degree: int, count: int) -> None:
    """Raises ValueError unless the degree is 1 to 5 and there are more control points than that."""
    if type(degree) is not int or not 1 <= degree <= 5:
        raise ValueError(f"the degree of a spline must be 1 to 5, not {degree}")
    least = max(degree + 1, 3)
    if count < least:
        raise ValueError(
            f"a closed spline of degree {degree} needs {least} control points, not {count}"
        )


def _size(values: Tensor) -> str:
    return " x ".join(map(str, values.shape)) or "one"
