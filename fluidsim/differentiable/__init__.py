"""Gradients through a run: the simulator itself on tensors that torch records."""

from fluidsim.differentiable.rollout import Rollout, rollout

__all__ = ["Rollout", "rollout"]
