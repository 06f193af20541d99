"""The range of a system's weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from solvers.system import PoissonSystem

# A face is tiny if its weight is below this part of the largest weights of both cells beside it.
TINY = 1e-5
# Weights of a system are of very different size if the ratio of the smallest to the largest is
# below this.
UNLIKE = 1e-6


@dataclass(frozen=True)
class WeightRange:
    """The smallest weight that is not 0, and the largest; inf and 0 if all are 0."""

    least: float
    most: float

    @property
    def range(self) -> tuple[float, float]:
        """Both."""
        return self.least, self.most

    @classmethod
    def of(cls, system: PoissonSystem) -> WeightRange:
        """Raises ValueError with one line if a weight is negative or not finite."""
        smallest, largest = math.inf, 0.0
        for axis, weights in enumerate(system.face_weights):
            least, most = (float(end) for end in torch.aminmax(weights))
            if not (least >= 0 and most < math.inf):
                raise ValueError(
                    f"face_weights[{axis}] must be finite and not negative, "
                    f"but run from {least:.3g} to {most:.3g}"
                )
            smallest = min(smallest, least if least > 0 else _least_positive(weights))
            largest = max(largest, most)
        return cls(smallest, largest)


def _least_positive(weights: Tensor) -> float:
    """By a kernel on the CPU, by torch elsewhere; inf if there is none."""
    if weights.device.type != "cpu":
        return float(torch.where(weights > 0, weights, math.inf).min())
    from solvers.gate.weight_kernels import least_positive

    return float(least_positive(weights.detach().contiguous().numpy().ravel()))
