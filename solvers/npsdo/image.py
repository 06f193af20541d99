"""The image of a system that the networks see: where there is fluid, air and solid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from solvers.slicing import lower, upper
from solvers.system import PoissonSystem

COARSEST = 4  # cells: a grid with at most so many along each axis is not coarsened further


def image(system: PoissonSystem) -> Tensor:
    """Channels fluid and air, float32 (2, *shape + 2): the grid and a ring of one cell around it.

    Fluid: the active cells. Air: inactive cells of grid or ring that have a face of positive
    weight. All others are solid, (0, 0).
    """
    fluid = F.pad(system.active, (1, 1) * system.dim)
    air = torch.zeros_like(fluid)
    for axis, weights in enumerate(system.face_weights):
        sides = [(0, 0) if d == axis else (1, 1) for d in reversed(range(system.dim))]
        passable = F.pad(weights > 0, [n for side in sides for n in side])
        lower(air, axis).logical_or_(passable)
        upper(air, axis).logical_or_(passable)
    return torch.stack([fluid, air & ~fluid]).float()


def coarsen(image: Tensor) -> Tensor:
    """The image with half as many cells (rounded up) along each axis: means over blocks of cells.

    image: (2, *shape + 2). The ring stays one cell thick; if a size is odd, the ring at its upper
    end completes the last block.
    """
    shape = [n - 2 for n in image.shape[1:]]
    extra = [side for n in reversed(shape) for side in (1, 1 + n % 2)]
    pool = F.avg_pool2d if len(shape) == 2 else F.avg_pool3d
    return pool(F.pad(image[None], extra, mode="replicate"), 2)[0]


def pyramid(finest: Tensor) -> list[Tensor]:
    """Images from the finest to the first with at most COARSEST cells along each axis."""
    images = [finest]
    while max(images[-1].shape[1:]) - 2 > COARSEST:
        images.append(coarsen(images[-1]))
    return images
