"""Will the run fit into memory? Asked before the first allocation."""

from __future__ import annotations

import psutil

from fluidsim.config import RunConfig
from fluidsim.particles import SEEDED
from fluidsim.scene import LiquidScene, Scene

BYTES_A_CELL = {2: 250, 3: 350}  # measured: fields, solver work arrays, weights
BYTES_A_PARTICLE = {2: 50, 3: 70}
SHARE_OF_MEMORY = 0.9


def check_memory(scene: Scene, config: RunConfig) -> None:
    """Raises ValueError with a suggestion when the run would not fit."""
    cells = scene.grid(config).cell_count
    need = cells * BYTES_A_CELL[config.dim]
    if isinstance(scene, LiquidScene):
        need += cells * SEEDED[config.dim] * BYTES_A_PARTICLE[config.dim] / 2
    have = psutil.virtual_memory().available * SHARE_OF_MEMORY
    if need > have:
        fits = int(config.resolution * (have / need) ** (1 / config.dim))
        raise ValueError(
            f"resolution {config.resolution} in {config.dim}D needs about {need / 2**30:.0f} GiB "
            f"of memory and {have / 2**30:.0f} GiB are free; --resolution {fits} would fit"
        )
