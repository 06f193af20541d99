"""A sweep of conservative transport as torch expressions: for any device, and the definition of the
kernel.

The contents of a line of cells are laid out over the volumes of the cells, one after the other, and
through each face goes what lies in the volume that flows through it, which may span several cells:
Lin & Rood 1996, "Multidimensional flux-form semi-Lagrangian transport schemes", with the parabolas
of Colella & Woodward 1984 (PPM, eqs. 1.9, 1.10) in each cell. Volumes are transported, too, so the
new concentrations are means of the old ones and stay within their range.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

LEAST_VOLUME = 0.1  # of a cell, which keeps it even where an unbalanced flow would empty it


def sweep(values: Tensor, volume: Tensor, flux: Tensor, axis: int, grid: Grid) -> Tensor:
    """Transport `values` and `volume` along an axis, in place.

    values: (components, *nodes), concentrations. volume: (*nodes), in cells. flux: (*nodes), the
    volume through the faces normal to `axis`, in cells. Empty air enters from outside.
    Returns what leaves at each end of the lines, (components, 2) float64, in values times cells.
    """
    cells = torch.stack([grid.cells(field) for field in (*values, volume)]).movedim(axis + 1, -1)
    field, full = cells[:-1].double(), cells[-1].double()
    through = flux
    for k, n in enumerate(grid.shape):
        through = through.narrow(k, 0, n + (k == axis))
    through = through.movedim(axis, -1).double()
    moved = _amounts_through(field, full, through)
    new = (full - torch.diff(through)).clamp(min=LEAST_VOLUME).to(volume.dtype)
    amounts = field * full - torch.diff(moved)
    result = torch.cat((amounts / new, new[None].to(amounts))).movedim(-1, axis + 1)
    grid.cells(values).copy_(result[:-1])
    grid.cells(volume).copy_(result[-1])
    ends = torch.stack((-moved[..., 0], moved[..., -1]))
    return ends.flatten(2).sum(2).T


def _amounts_through(field: Tensor, volume: Tensor, flux: Tensor) -> Tensor:
    """The amounts that flow through the faces, (components, *lines, n + 1), positive upwards."""
    n = volume.shape[-1]
    left, right = _edges(field)
    upwards = flux > 0
    place = torch.arange(n + 1, device=flux.device).expand_as(flux) - upwards.long()
    rest = torch.where(upwards, flux, -flux)  # its slope at 0 is that of one side, not 0
    total = torch.zeros_like(field[..., :1]).repeat_interleave(n + 1, -1)
    step = torch.where(upwards, -1, 1)
    while True:
        inside = (place >= 0) & (place < n)
        at = place.clamp(0, n - 1)
        size = volume.gather(-1, at)
        whole = inside & (rest >= size)
        if not bool(whole.any()):
            break
        total = total + torch.where(whole, size * _taken(field, at), 0.0)
        rest = torch.where(whole, rest - size, rest)
        place = place + torch.where(whole, step, 0)
    share = rest / size
    low, high, mean = (_taken(part, at) for part in (left, right, field))
    bend = 6 * mean - 3 * (low + high)
    slope = high - low
    tilt = 1 - share * (2 / 3)
    part = torch.where(
        upwards,
        high - 0.5 * share * (slope - tilt * bend),
        low + 0.5 * share * (slope + tilt * bend),
    )
    total = total + torch.where(inside, rest * part, 0.0)
    return torch.where(upwards, total, -total)


def _taken(field: Tensor, place: Tensor) -> Tensor:
    return field.gather(-1, place.expand(len(field), *place.shape))


def _edges(field: Tensor) -> tuple[Tensor, Tensor]:
    """Values (..., n) of monotone parabolas at the lower and upper ends of the cells."""
    padded = torch.cat(
        (field[..., :1], field[..., :1], field, field[..., -1:], field[..., -1:]), -1
    )
    low, high = padded[..., 1:-2], padded[..., 2:-1]
    edge = (7 * (low + high) - padded[..., :-3] - padded[..., 3:]) / 12
    edge = torch.maximum(torch.minimum(low, high), torch.minimum(edge, torch.maximum(low, high)))
    left, right = edge[..., :-1], edge[..., 1:]
    slope, off = right - left, 6 * field - 3 * (left + right)
    peak = (right - field) * (field - left) <= 0
    steep_left, steep_right = slope * off > slope**2, slope * off < -(slope**2)
    left, right = (
        torch.where(peak, field, torch.where(steep_left, 3 * field - 2 * right, left)),
        torch.where(peak, field, torch.where(steep_right, 3 * field - 2 * left, right)),
    )
    return left, right
