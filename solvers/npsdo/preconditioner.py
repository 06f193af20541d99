"""The networks as preconditioners of systems with any weights, in torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from solvers.npsdo.coarse import Ground
from solvers.npsdo.image import image
from solvers.npsdo.networks import SymmetricCycle
from solvers.npsdo.scaling import scaling, unlike
from solvers.npsdo.weights import Network
from solvers.system import PoissonSystem

# Damped Jacobi sweeps, before and after the network, over cells whose weights it does not know.
SWEEPS, DAMPING = 2, 0.7


class Preconditioner:
    """z = S N(S r), with the `scaling` S of the system and sweeps before and after where needed.

    The network N approximates the inverse of the operator with weights 1. It works in float32 on
    residuals of norm 1, whatever the scale of the system. Cells that are `unlike` what it knows are
    smoothed with the true operator before and after, which keeps z symmetric in r. This class
    defines what the engine computes.
    """

    def __init__(self, system: PoissonSystem, network: Network) -> None:
        self.network = network.to(system.device)
        self.system = system
        scale = scaling(system)
        band, diagonal = unlike(system, scale), system.diagonal()
        self.inverse = torch.where(band, DAMPING / diagonal, 0.0)
        self.sweeps = SWEEPS if bool(band.any()) else 0
        self.largest = float(scale.max()) or 1.0
        self.scale = (scale / self.largest).float()
        self.padding = [0, 0] * system.dim
        if isinstance(network, SymmetricCycle):
            self.levels = network.prepare(Ground.of(system, scale))
        else:
            missing = [-n % network.multiple for n in reversed(system.shape)]
            self.padding = [n for each in missing for n in (0, each)]
            self.levels = network.prepare(F.pad(image(system), self.padding))

    def __call__(self, r: Tensor) -> Tensor:
        """z of a residual (float64, shape of the grid) that is not 0."""
        if self.sweeps == 0:
            return self._network(r)
        z = self._smoothed(torch.zeros_like(r), r)
        z = z + self._network(r - self.system.apply(z))
        return self._smoothed(z, r)

    def _smoothed(self, z: Tensor, r: Tensor) -> Tensor:
        for _ in range(self.sweeps):
            z = z + self.inverse * (r - self.system.apply(z))
        return z

    def _network(self, r: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(r)
        scaled = self.scale * (r / norm).float()
        z = self.network(self.levels, F.pad(scaled, self.padding)[None])[0]
        z = z[tuple(slice(n) for n in r.shape)]
        return (self.scale * z).double() * (norm * self.largest**2)
