"""Bytes that each stage of a step in 3D has to move between memory and cores.

Counted by hand from what the stages need: an array of the simulation that a stage reads or writes
counts once, one that it changes twice. Arrays that live within a stage do not count, so the shares
of the bandwidth say how far a stage is from the least that memory allows.
"""

from __future__ import annotations

FACES, CELLS, DOUBLES, FLAGS = 12, 4, 8, 1  # bytes a cell of a field
PLACES = 12  # bytes a particle of its position, and of its velocity
KEY = 4  # bytes a particle of the cell that it is in

# Rows of weights and vectors in float64 that the gate of the solvers and the assembly go through.
_WEIGHTS = 3 * DOUBLES
_CHECK = _WEIGHTS + 2 * DOUBLES  # of a residual
_DIVERGENCE = 3 * FACES + FLAGS  # velocity, open parts, velocity of solids, mask
_PROJECT = (
    2 * FACES  # whether the weights are those of the step before
    + _DIVERGENCE + DOUBLES  # right-hand side
    + 2 * _CHECK  # whether the guess helps, and the verdict
    + 3 * FACES + DOUBLES  # the gradient changes the velocity
    + _DIVERGENCE  # what is left
    + 2 * DOUBLES  # pressure and next guess
)  # fmt: skip
_NEW_SYSTEM = 3 * FACES + _WEIGHTS  # weights from open parts, kept and handed over

# Bytes a cell of the grid, and bytes a particle. "rest": what decides about the length of a step,
# and what stands between the stages.
LIQUID = {
    "transfer": (
        # starts; velocity, its copy, sums of weights; distance, counts, open parts, pressure
        CELLS + 3 * FACES + 2 * CELLS + FACES + DOUBLES + CELLS + 3 * FLAGS,
        2 * PLACES,
    ),
    "forces": (
        # gravity; faces that the liquid leaves; interface; filling
        2 * CELLS + 3 * FACES + DOUBLES + 3 * FLAGS + 2 * CELLS, 0,
    ),
    "project": (_PROJECT + _NEW_SYSTEM, 0),
    "extrapolate": (3 * FACES + 4 * FLAGS, 0),
    "move": (
        # velocities after and before, solids, the flow that is followed as pairs
        2 * FACES + CELLS + 2 * FACES, 4 * PLACES + KEY,
    ),
    "sort": (4 * CELLS + 2 * FLAGS, 4 * PLACES + 2 * KEY),
    "surface": (2 * CELLS + 2 * FACES + CELLS + 2 * FLAGS, PLACES),
    "rest": (3 * FACES + CELLS + 2 * FLAGS, 2 * PLACES),
}  # fmt: skip
SMOKE = {
    "advect": (
        # velocity from old to new, flow of the middle, acceleration; scalars, their flux
        2 * FACES + 2 * FACES + FACES + 4 * CELLS + FACES, 0,
    ),
    "forces": (3 * FACES + 4 * CELLS, 0),
    "project": (_PROJECT, 0),
    "solids": (3 * FACES + 3 * FLAGS, 0),
    "rest": (
        # flux of the middle from the last two; pressures and what they push
        5 * FACES + 5 * DOUBLES + 3 * FACES, 0,
    ),
}  # fmt: skip
STAGES = {"flip": LIQUID, "smoke": SMOKE}


REPEATED = "project", "advect"  # once for each projection of a step


def stage_bytes(
    kind: str, stage: str, cells: int, particles: int, projections: float = 1.0
) -> float:
    """Bytes that a stage of a step with so many projections moves; kind: "flip" or "smoke"."""
    of_cell, of_particle = STAGES[kind][stage]
    times = projections if stage in REPEATED else 1.0
    return times * of_cell * cells + of_particle * particles
