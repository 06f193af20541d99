"""Which fields the kernels serve: those of another kind go through the torch definitions."""

from __future__ import annotations

import torch
from torch import Tensor


def are_recorded(*fields: Tensor) -> bool:
    """Whether torch records for gradients what is done with one of these fields."""
    return torch.is_grad_enabled() and any(field.requires_grad for field in fields)


def are_plain(*fields: Tensor) -> bool:
    """Whether kernels that know nothing but float32 numbers may have these fields."""
    return not are_recorded(*fields) and all(field.dtype == torch.float32 for field in fields)
