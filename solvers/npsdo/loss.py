"""The distance of a network's output d for a residual r = B e from the error e, per sample."""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.npsdo.descent import ScaledOperator

# Larger losses are clipped to this and have no gradient, so that no outlier dominates a step.
_MOST = 3.0


def energy_loss(operator: ScaledOperator, r: Tensor, e: Tensor, d: Tensor) -> Tensor:
    """||e - d||_B / ||e||_B: the norm that conjugate gradients reduce."""
    missing = _sum((e - d) * (r - operator(d)))
    return (missing / _sum(e * r).clamp(min=1e-20)).clamp(min=1e-8, max=_MOST**2).sqrt()


def residual_loss(operator: ScaledOperator, r: Tensor, e: Tensor, d: Tensor) -> Tensor:
    """||r - B d|| / ||r||: the loss of the paper."""
    missing = r - operator(d)
    return (_sum(missing * missing) / _sum(r * r)).clamp(min=1e-8, max=_MOST**2).sqrt()


def direction_loss(operator: ScaledOperator, r: Tensor, e: Tensor, d: Tensor) -> Tensor:
    """min over t of ||e - t d||_B / ||e||_B: what the best step along d leaves."""
    reached = _sum(r * d) ** 2 / (_sum(d * operator(d)) * _sum(e * r)).clamp(min=1e-30)
    return (1.0 - reached).clamp(min=1e-8).sqrt()


LOSSES = {"energy": energy_loss, "residual": residual_loss, "direction": direction_loss}


def _sum(a: Tensor) -> Tensor:
    return a.flatten(1).sum(1, dtype=torch.float64)
