"""What people write for vectors and lists, as the tuples that the program computes with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from typing import Any

import numpy as np
from torch import Tensor


def settle(described: Any, several: Collection[str] = ()) -> None:
    """Turn lists and arrays among the fields of a frozen dataclass into tuples, in place.

    several: names of fields, if there are such, in which one thing alone becomes a tuple, too.
    Raises ValueError, which names the field, for a number that is not one (NaN).
    """
    for each in filter(lambda each: each.init, dataclasses.fields(described)):
        value = getattr(described, each.name)
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


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
