"""What refining a run needs, found before it begins."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import psutil

from fluidsim.errors import SimulationError
from fluidsim.runs.preflight import SHARE_OF_MEMORY, Needs, existing, size_said
from fluidsim.upres.fine_smoke import CFL
from fluidsim.upres.source import Source

BYTES_A_CELL = {2: 230, 3: 250}  # of the fine grid, at the peak
BYTES_OF_KERNELS = 200 * 2**20
FRAME_BYTES_A_CELL = {2: 12, 3: 12}  # velocities in 3D are those of the smoke alone
SECONDS_A_CELL = {2: 1.5e-7, 3: 3e-7}  # and substep, on two cores


def needs_of(source: Source) -> Needs:
    """Estimates, within a factor of two for disk and time."""
    fine = source.refinement.fine
    substeps = sum(
        max(each.substeps, math.ceil(each.top_speed * source.plan.frame_seconds / (fine.dx * CFL)))
        for each in source.records
    )
    return Needs(
        BYTES_OF_KERNELS + BYTES_A_CELL[fine.dim] * fine.cell_count,
        len(source.records) * FRAME_BYTES_A_CELL[fine.dim] * fine.cell_count,
        SECONDS_A_CELL[fine.dim] * fine.cell_count * substeps,
    )


def check_needs(source: Source, place: Path, force: bool) -> list[str]:
    """Lines to print before it begins; raises SimulationError where there is less, but for `force`.

    place: where the refined run goes.
    """
    needs = needs_of(source)
    memory = psutil.virtual_memory().available * SHARE_OF_MEMORY
    disk = shutil.disk_usage(existing(place)).free
    obstacles = []
    if needs.memory > memory:
        obstacles.append(
            f"a factor of {source.factor} needs about {size_said(needs.memory)} of memory and "
            f"{size_said(memory)} are free; choose a smaller --factor"
        )
    if needs.disk > disk:
        obstacles.append(
            f"{len(source.records)} frames need about {size_said(needs.disk)} in {place} and "
            f"{size_said(disk)} are free; choose another --out or a smaller --factor"
        )
    for obstacle in obstacles:
        if not force:
            raise SimulationError(f"{obstacle} (--force starts all the same)")
    return [*(f"warning: {each}" for each in obstacles), f"needs about {needs}"]
