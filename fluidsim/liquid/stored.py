"""What a liquid keeps from step to step beside the flow, as tensors by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fluidsim.flow.values import number, taken
from fluidsim.grid.plain import are_recorded
from fluidsim.liquid.inflows import Exchange
from fluidsim.liquid.particles import Changes

if TYPE_CHECKING:
    from fluidsim.liquid.liquid import Liquid


def state_of(liquid: Liquid) -> dict[str, Tensor]:
    """Window, particles, surface, sources and counts; the first also say on which cells."""
    lost, exchanged, window = liquid.lost, liquid.exchanged, liquid.window
    counts = (
        liquid.steps, lost.added, lost.removed, lost.left, exchanged.poured, exchanged.drained,
    )  # fmt: skip
    values = {
        **liquid.particles.state(),
        "window": torch.tensor((window.origin, window.end)),
        "counts": torch.tensor(counts),
        "first_volume": torch.as_tensor(liquid.first_volume, dtype=torch.float64),
        "surface": liquid.surface.distance,
        "dt_before": torch.tensor(liquid.dt_before, dtype=torch.float64),
    }
    if liquid.sources is not None:
        values["sources_random"] = liquid.sources.generator.get_state()
        values["sources_owed"] = torch.tensor(liquid.sources.owed)
    if liquid.bodies is not None:
        values |= liquid.bodies.state()
    return values


def restore(liquid: Liquid, state: dict[str, Tensor]) -> None:
    """Return to a state of the same window."""
    liquid.particles.restore(state)
    liquid.steps, added, removed, left, poured, drained = state["counts"].tolist()
    liquid.lost = Changes(added, removed, left)
    liquid.exchanged = Exchange(poured, drained)
    first = state["first_volume"]
    liquid.first_volume = first if are_recorded(first) else number(first)
    liquid.surface.distance = taken(liquid.surface.distance, state["surface"])
    liquid.dt_before = float(state["dt_before"])
    if liquid.sources is not None:
        liquid.sources.generator.set_state(state["sources_random"])
        liquid.sources.owed = int(state["sources_owed"])
