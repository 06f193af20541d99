"""What people write for vectors and lists, as the tuples that the program computes with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor


def settle(described: Any, several: Collection[str] = (), recorded: Collection[str] = ()) -> None:
    """Turn lists and arrays among the fields of a frozen dataclass into tuples, in place.

    several: names of fields, if there are such, in which one thing alone becomes a tuple, too.
    recorded: names of fields that stay tensors where these require gradients.
    Raises ValueError, which names the field, for a number that is not one (NaN), and for a tensor
    that requires a gradient where there is none.
    """
    refuse_gradients(described, recorded)
    for each in filter(lambda each: each.init, dataclasses.fields(described)):
        value = getattr(described, each.name)
        if isinstance(value, Tensor) and value.requires_grad:
            continue
        if isinstance(value, (np.ndarray, Tensor)):
            value = value.tolist()
        if isinstance(value, list):
            value = tuple(value)
        if each.name in several and not isinstance(value, tuple):
            value = (value,)
        if any(isinstance(part, float) and math.isnan(part) for part in _parts(value)):
            raise ValueError(
                f"{each.name} of a {type(described).__name__} is {value}: not a number"
            )
        object.__setattr__(described, each.name, value)


def refuse_gradients(described: Any, recorded: Collection[str]) -> None:
    """Raise ValueError if a field of a dataclass, but for those that may be `recorded`, is a tensor
    that requires a gradient."""
    for each in dataclasses.fields(described):
        value = getattr(described, each.name, None)
        if isinstance(value, Tensor) and value.requires_grad and each.name not in recorded:
            those = f"; there are for {', '.join(recorded)}" if recorded else ""
            raise ValueError(
                f"there is no gradient for the {each.name} of a {type(described).__name__}{those}"
            )


def vector(values: Any, points: Tensor) -> Tensor:
    """A vector of numbers, any of which may be a recorded tensor, in the type of `points`, on their
    device."""
    if isinstance(values, Tensor):
        return values.to(points)
    if any(isinstance(value, Tensor) for value in values):
        return torch.stack([torch.as_tensor(value).to(points) for value in values])
    return points.new_tensor(values)


def records(described: Any) -> bool:
    """Whether something, or a part of it, is a tensor that requires a gradient."""
    if isinstance(described, Tensor):
        return described.requires_grad
    if dataclasses.is_dataclass(described):
        parts = [getattr(described, each.name) for each in dataclasses.fields(described)]
    else:
        parts = described if isinstance(described, (tuple, list)) else ()
    return any(records(part) for part in parts)


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
