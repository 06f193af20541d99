"""Particles to faces and back: the kernels of PIC, FLIP and APIC.

Particles are sorted by cell, so particles of one block of cells are contiguous in memory.

A particle's record is its velocity; with `affine` also the slopes of the velocity around it (APIC:
Jiang, Schroeder, Selle, Teran & Stomakhin 2015, "The affine particle-in-cell method"), [a, m] of
component a along m in m/s a cell. See interpolation.py for units and layouts.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from fluidsim.grid.interpolation import functions
from fluidsim.grid.scheduling import Schedule
from fluidsim.grid.taichi_types import Kernel, VectorType
from fluidsim.liquid.transfer_to_faces import to_faces
from fluidsim.liquid.transfer_to_particles import to_particles


class TransferKernels(NamedTuple):
    """What `to_faces` and `to_particles` make. The kernels take flat arguments, all passed by
    `Particles`; ivec makes those that are integer vectors, such as the grid's shape."""

    ivec: VectorType
    colours: list[VectorType]
    scatter: Kernel
    normalise: Kernel
    pair: Kernel
    move: Kernel


def velocity_width(dim: int, affine: bool) -> int:
    """Numbers in a particle's record."""
    return dim * (1 + dim) if affine else dim


@functools.cache
def kernels(dim: int, schedule: Schedule, affine: bool) -> TransferKernels:
    """The transfer kernels for `dim` dimensions; compiled at their first call."""
    width = velocity_width(dim, affine)
    faces, particles = to_faces(dim, schedule, width, affine), to_particles(dim, width, affine)
    return TransferKernels(functions(dim).ivec, *faces, *particles)
