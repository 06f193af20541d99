"""Neighbours on a grid as views: the way to write a stencil once for 2D and 3D."""

from __future__ import annotations

from torch import Tensor


def lower(a: Tensor, axis: int) -> Tensor:
    """View of all but the last layer along the axis; of face fields: the faces below the cells."""
    return a.narrow(axis, 0, a.shape[axis] - 1)


def upper(a: Tensor, axis: int) -> Tensor:
    """View of all but the first layer along the axis; of face fields: faces above the cells."""
    return a.narrow(axis, 1, a.shape[axis] - 1)


def interior(a: Tensor, axis: int) -> Tensor:
    """View without the first and last layers along the axis; of face fields: no rim faces."""
    return a.narrow(axis, 1, a.shape[axis] - 2)
