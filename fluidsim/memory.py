"""Will the run fit into memory? Asked before the first allocation."""

from __future__ import annotations

import psutil

from fluidsim.config import RunConfig
from fluidsim.particles import SEEDED
from fluidsim.scene import LiquidScene, Scene

# Growth of the resident memory of runs with `multigrid` at 1024^2 and 128^3, rounded up; the other
# solvers have not been measured.
BYTES_A_CELL = 400
BYTES_A_PARTICLE = 90
SHARE_OF_MEMORY = 0.9


def check_memory(scene: Scene, config: RunConfig) -> None:
    """Raises ValueError with a suggestion when the run would not fit."""
    cells = scene.grid(config).cell_count
    need = cells * BYTES_A_CELL
    if isinstance(scene, LiquidScene):
        need += cells * SEEDED[config.dim] / 2 * BYTES_A_PARTICLE  # half full
    have = psutil.virtual_memory().available * SHARE_OF_MEMORY
    if need > have:
        fits = int(config.resolution * (have / need) ** (1 / config.dim))
        raise ValueError(
            f"resolution {config.resolution} in {config.dim}D needs about {need / 2**30:.0f} GiB "
            f"of memory and {have / 2**30:.0f} GiB are free; --resolution {fits} would fit"
        )
