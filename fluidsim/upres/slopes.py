"""Derivatives of fields on the centres of cells."""

from __future__ import annotations

import numpy as np


def gradient(fields: np.ndarray) -> np.ndarray:
    """(*shape, n, dim): derivatives of fields (n, *shape), a cell."""
    axes = range(1, fields.ndim)
    parts = [
        np.gradient(fields, axis=axis) if fields.shape[axis] > 1 else np.zeros_like(fields)
        for axis in axes
    ]
    return np.moveaxis(np.stack(parts, 1), (0, 1), (-2, -1))


def strain(velocity: np.ndarray) -> np.ndarray:
    """(*shape): the squared norm of the rate of strain of (dim, *shape), a cell."""
    slopes = gradient(velocity)
    return (((slopes + np.swapaxes(slopes, -1, -2)) / 2) ** 2).sum((-1, -2))
