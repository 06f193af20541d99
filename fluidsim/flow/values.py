"""Copying stored values, and the largest of some."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def fill(values: Tensor, stored: Tensor) -> None:
    """Copy stored values of the same shape and type; raises ValueError for others."""
    _check(values, stored)
    values.copy_(stored)


def taken(values: Tensor, stored: Tensor) -> Tensor:
    """A copy of stored values that are to be in the place of others of the same shape and type,
    on their device; raises ValueError for other ones."""
    _check(values, stored)
    return stored.to(values.device, copy=True)


def number(value: float | Tensor) -> float:
    """A number that may be a tensor whose gradient is asked for, as a plain one."""
    return float(value.detach()) if isinstance(value, Tensor) else value


def top_component(values: Tensor) -> float:
    """Largest absolute value, 0 for an empty tensor; NaN and infinity come through."""
    if values.numel() == 0:
        return 0.0
    low, high = torch.aminmax(values.detach())
    return max(abs(float(low)), abs(float(high)), key=lambda v: (math.isnan(v), v))


def _check(values: Tensor, stored: Tensor) -> None:
    if values.shape != stored.shape or values.dtype != stored.dtype:
        raise ValueError(f"{tuple(stored.shape)} {stored.dtype} in place of {tuple(values.shape)}")
