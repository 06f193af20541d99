"""Gradients that are not finite end the backward pass and say where they came up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from fluidsim.errors import SimulationError
from fluidsim.flow.simulation import Simulation
from fluidsim.timing import StageTimer


class GradientWatch(StageTimer):
    """The timer of a simulation that looks at the gradients of its state before each stage."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation.device)
        self.simulation = simulation

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        time = self.simulation.time
        for name, values in self.simulation.carriers().items():
            if torch.is_grad_enabled() and values.requires_grad:
                values.register_hook(partial(_check, name, stage, time))
        with super().__call__(stage):
            yield


def _check(name: str, stage: str, time: float, gradient: Tensor) -> None:
    if not math.isfinite(gradient.sum()) and not bool(gradient.isfinite().all()):
        raise SimulationError(
            f"the gradient with respect to {name} is not finite: it comes from the stage "
            f"{stage!r} of the step at {time:.4g} s; try fewer frames or a smoother loss"
        )
