"""Views of neighbours on a grid, with which a stencil is written once for 2D and 3D."""

from __future__ import annotations

from torch import Tensor


def lower(a: Tensor, axis: int) -> Tensor:
    """All but the last layer along an axis; of a face field, the faces below the cells.

    Parameters
    ----------
    a : Tensor
        A field with n layers along the axis.
    axis : int
        The axis.

    Returns
    -------
    Tensor
        A view with n - 1 layers.
    """
    return a.narrow(axis, 0, a.shape[axis] - 1)


def upper(a: Tensor, axis: int) -> Tensor:
    """All but the first layer along an axis; of a face field, the faces above the cells.

    Parameters
    ----------
    a : Tensor
        A field with n layers along the axis.
    axis : int
        The axis.

    Returns
    -------
    Tensor
        A view with n - 1 layers.
    """
    return a.narrow(axis, 1, a.shape[axis] - 1)


def interior(a: Tensor, axis: int) -> Tensor:
    """All but the first and the last layer along an axis; of a face field, all but the rim.

    Parameters
    ----------
    a : Tensor
        A field with n layers along the axis.
    axis : int
        The axis.

    Returns
    -------
    Tensor
        A view with n - 2 layers.
    """
    return a.narrow(axis, 1, a.shape[axis] - 2)
