"""A run of some frames as a differentiable torch function of its start and of its scene.

It is the simulator that runs. Where torch records, its steps have the adjoints of their kernels, or
take their torch definitions; the pressure has the adjoint of its solver
(`solvers.differentiable_solve`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from fluidsim.differentiable.gradient_watch import GradientWatch
from fluidsim.differentiable.support import refuse_unsupported, startable
from fluidsim.flow.simulation import Simulation

Observe = Callable[[Any], Tensor]


class Rollout(NamedTuple):
    """What came of a run.

    state: the simulation's `state` at the end, by name. observed: what `observe` returned after
    each frame. Both may be differentiated.
    """

    state: dict[str, Tensor]
    observed: list[Tensor]


def rollout(
    simulation: Simulation,
    frames: int,
    frame_seconds: float,
    start: Mapping[str, Tensor] | None = None,
    observe: Observe | None = None,
    segment: int | None = None,
) -> Rollout:
    """Advance a simulation by some frames, differentiably.

    Gradients reach the tensors of `start` that require them, and those among the numbers of the
    simulation's scene: weight and lift of `SmokeOptions`; density, temperature, fuel and velocity
    of a `Source`; density, temperature and velocity of an `Inlet`; the numbers of shapes and the
    control points, weights and knots of splines that bound solids; velocity and spin of `Moving`;
    gravity, viscosity and surface_tension of `LiquidOptions`; velocity of an `Inflow`.

    Parameters
    ----------
    simulation : Smoke or Liquid
        Where it starts from. Afterwards it is at the end of the run, without gradients.
    frames : int
        How many frames to advance.
    frame_seconds : float
        Their length, s. Steps are as long as in any run; their number is held fixed.
    start : mapping of str to Tensor, optional
        Values in the place of those that `simulation.state()` has at the start, by the same names:
        "velocity" (dim, *nodes), m/s; "scalars" (2, *nodes), density and temperature, K; of a
        liquid "positions" (n, dim), cells of its window; "velocities" (n, width), m/s, with APIC
        followed by slopes; "surface" (*nodes), signed distance in cells.
    observe : callable, optional
        Looks at the simulation after each frame and returns a tensor, such as a loss. It must not
        change the simulation.
    segment : int, optional
        Frames between states that are kept. The way between two of them is computed once more for
        the gradient, so that memory holds the records of one segment. By default the root of
        `frames`; with `frames` itself all is kept and nothing is computed twice.

    Returns
    -------
    Rollout

    Raises
    ------
    ValueError
        If `start` has an unknown name, a tensor of another shape or type, or one that has no
        gradient; if the simulation has something that has none.
    SimulationError
        As `advance` does. The backward pass raises it for a gradient that is not finite, with the
        step and its stage, and can raise `solvers.SolveError`.
    """
    refuse_unsupported(simulation)
    state = _started(simulation, start or {})
    length = segment or max(1, math.isqrt(frames - 1) + 1)
    observed: list[Tensor] = []
    with _watched(simulation):
        for first in range(0, frames, length):
            part = _Segment(simulation, min(length, frames - first), frame_seconds, observe)
            if length >= frames:
                state, seen = part(state)
            else:
                state, seen = checkpoint(part, state, use_reentrant=False, preserve_rng_state=False)
            observed += seen
    with torch.no_grad():
        simulation.restore(state)
    return Rollout(state, observed)


class _Segment:
    """Some frames from a given state; called again, it leaves the simulation as it was."""

    def __init__(
        self, simulation: Simulation, frames: int, seconds: float, observe: Observe | None
    ) -> None:
        self.simulation = simulation
        self.frames = frames
        self.seconds = seconds
        self.observe = observe
        self.done = False

    def __call__(self, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[Tensor]]:
        if not self.done:
            self.done = True
            return self._run(state)
        present = {name: values.clone() for name, values in self.simulation.state().items()}
        try:
            return self._run(state)
        finally:
            with torch.no_grad():
                self.simulation.restore(present)

    def _run(self, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[Tensor]]:
        self.simulation.restore(state)
        seen = []
        for _ in range(self.frames):
            self.simulation.advance(self.seconds)
            if self.observe is not None:
                seen.append(self.observe(self.simulation))
                self.simulation.velocity = self.simulation.velocity.clone()  # steps write on it
        return self.simulation.state(), seen


def _started(simulation: Simulation, start: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state to start from."""
    state = {name: values.clone() for name, values in simulation.state().items()}
    for name, values in start.items():
        if name not in state:
            raise ValueError(f"the state has no {name!r}; it has {', '.join(state)}")
        if values.requires_grad and name not in startable(simulation):
            raise ValueError(f"there is no gradient for {name!r} of the state")
        state[name] = values
    return state


@contextmanager
def _watched(simulation: Simulation) -> Iterator[None]:
    """With an eye on the gradients of each stage."""
    timer = simulation.timer
    simulation.timer = GradientWatch(simulation)
    try:
        yield
    finally:
        simulation.timer = timer
