"""Copying stored values, and the largest of some."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def fill(values: Tensor, stored: Tensor) -> None:
    """Copy stored values of the same shape and type; raises ValueError for others."""
    if values.shape != stored.shape or values.dtype != stored.dtype:
        raise ValueError(f"{tuple(stored.shape)} {stored.dtype} in place of {tuple(values.shape)}")
    values.copy_(stored)


def top_component(values: Tensor) -> float:
    """Largest absolute value, 0 for an empty tensor; NaN and infinity come through."""
    if values.numel() == 0:
        return 0.0
    low, high = torch.aminmax(values)
    return max(abs(float(low)), abs(float(high)), key=lambda v: (math.isnan(v), v))
