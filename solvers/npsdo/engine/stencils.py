"""The learned affine maps in the form that the engine evaluates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from solvers.npsdo.networks import SymmetricCycle


@dataclass(frozen=True, eq=False)
class Stencils:
    """The maps of a SymmetricCycle, float32.

    slopes: (3^d, 2, width): by cell of the window and channel (fluid, air). biases: (width,). gain:
    factor of the coarse correction.
    width: coefficients of two stencils (smooth, transfer), each padded to a multiple of 4.
    """

    slopes: np.ndarray
    biases: np.ndarray
    gain: np.float32

    @classmethod
    def of(cls, network: SymmetricCycle) -> Stencils:
        """Take the maps from a network."""
        a, b = _slopes_and_biases(network.smooth), _slopes_and_biases(network.transfer)
        slopes = np.concatenate([a[0], b[0]], axis=-1)
        biases = np.concatenate([a[1], b[1]])
        return cls(slopes, biases, np.float32(network.log_gain.detach().exp().item()))


def _slopes_and_biases(affine: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (3^d, 2, width / 2) and biases (width / 2) of an `Affine`."""
    weight = affine.get_parameter("weight").detach().cpu().numpy()
    slopes = weight.reshape(len(weight), 2, -1).transpose(2, 1, 0)
    missing = -len(weight) % 4
    biases = np.pad(affine.get_parameter("bias").detach().cpu().numpy(), (0, missing))
    return np.pad(slopes, ((0, 0), (0, 0), (0, missing))), biases
