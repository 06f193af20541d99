"""A convolutional network that maps a residual to a pressure: that of FluidNet, scaled down.

It is nonlinear in the residual, so it serves steepest descent with orthogonalisation, not conjugate
gradients. A new one returns the residual over 2 d, a Jacobi sweep.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FluidNetwork(nn.Module):
    """The network of FluidNet: banks of convolutions at three resolutions, added up.

    It sees the residual, over its root mean square, and the image of the system. Tompson et al.
    (2017), Accelerating Eulerian Fluid Simulation With Convolutional Networks, ICML, section 3.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim, self.multiple = dim, 4
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # a new network is the same each time
            self._make(dim)

    def _make(self, dim: int) -> None:
        kind, width = (nn.Conv2d, 16) if dim == 2 else (nn.Conv3d, 8)
        self.first = _conv(kind, 3, width)
        self.banks = nn.ModuleList(
            nn.Sequential(
                _conv(kind, width, width), nn.ReLU(),
                _conv(kind, width, width), nn.ReLU(),
            )
            for _ in range(3)
        )  # fmt: skip
        self.mix = _conv(kind, width, width, 1)
        self.last = _silent(_conv(kind, width, 1, 1))

    def prepare(self, image: Tensor) -> Tensor:
        """Channels fluid and air (2, *shape), from an image with its ring."""
        return image[(slice(None), *(slice(1, -1),) * self.dim)]

    def forward(self, channels: Tensor, r: Tensor) -> Tensor:
        """Directions for residuals (batch, *shape)."""
        fluid = channels[0]
        axes = tuple(range(1, r.ndim))
        size = ((r * r).sum(axes, keepdim=True) / fluid.sum().clamp(min=1)).sqrt().clamp(min=1e-30)
        geometry = channels[None].expand(len(r), *channels.shape)
        x = F.relu(self.first(torch.cat(((r / size)[:, None], geometry), 1)))
        total = self.banks[0](x)
        for factor, bank in zip((2, 4), self.banks[1:], strict=True):
            x = _pooled(x)
            total = total + _interpolated(bank(x), factor)
        x = self.last(F.relu(self.mix(total)))[:, 0]
        return fluid * (size * x + r / (2 * self.dim))


def _conv(kind: type[nn.Module], before: int, after: int, width: int = 3) -> nn.Module:
    return kind(before, after, width, padding=width // 2)


def _silent(layer: nn.Module) -> nn.Module:
    """The layer with output 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _pooled(x: Tensor) -> Tensor:
    pool = F.avg_pool2d if x.ndim == 4 else F.avg_pool3d
    return pool(x, 2)


def _interpolated(x: Tensor, factor: int) -> Tensor:
    mode = "bilinear" if x.ndim == 4 else "trilinear"
    return F.interpolate(x, scale_factor=factor, mode=mode)
