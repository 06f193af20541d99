# pyright: reportInvalidTypeForm=false
"""Dealing out the work of a parallel Taichi loop so that all threads are busy.

On the CPU Taichi gives each thread one contiguous part of a loop, in steps of at least 512
indices: a short loop, or one whose work lies at one end of the grid, runs on a single thread.
So each work item takes `spread` loop indices, all but one idle, and items are dealt like cards
to `lanes` hands. A GPU needs the plain loop: there both are 1.
"""

from dataclasses import dataclass

import taichi as ti
import torch


@dataclass(frozen=True)
class Schedule:
    """spread: loop indices per item. lanes: hands to which items are dealt."""

    spread: int
    lanes: int


CPU = Schedule(spread=32, lanes=64)
GPU = Schedule(spread=1, lanes=1)


def for_device(device: torch.device) -> Schedule:
    return GPU if device.type == "cuda" else CPU


@ti.func
def loop_length(items, schedule: ti.template()):
    """The number of indices to loop over for this many items."""
    return schedule.spread * schedule.lanes * ((items + schedule.lanes - 1) // schedule.lanes)


@ti.func
def dealt_item(index, items, schedule: ti.template()):
    """The item of a loop index; a number of at least `items` if the index is idle."""
    result = items
    if index % schedule.spread == 0:
        each = (items + schedule.lanes - 1) // schedule.lanes
        card = index // schedule.spread
        result = (card % each) * schedule.lanes + card // each
    return result
