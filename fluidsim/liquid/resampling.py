# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Resampling: Taichi kernels that keep the number of particles in each cell within limits.

See interpolation.py for units and layouts.
"""

import functools
from typing import NamedTuple

import taichi as ti

from fluidsim.grid.cells import CellType
from fluidsim.grid.interpolation import functions
from fluidsim.grid.taichi_types import F32, I8, I32, Kernel
from fluidsim.liquid.contact import contact_functions

TRIES = 8  # places looked at for one that is outside of solids


class ResamplingKernels(NamedTuple):
    """plan_counts: decides how many particles each cell shall hold. fill: adds the missing ones."""

    plan_counts: Kernel
    fill: Kernel


@functools.cache
def kernels(dim: int, width: int) -> ResamplingKernels:
    """The kernels for `dim` dimensions and records of `width` numbers, the velocity first.

    They take flat arguments, all passed by `Particles.sort_and_resample`.
    """
    own = functions(dim)
    vec, ivec = own.vec, own.ivec
    store, keep_inside = own.store, own.keep_inside
    gather, gather_gradient = own.gather, own.gather_gradient
    depth_at = contact_functions(dim).depth_at

    @ti.kernel
    def plan_counts(count: I32, cells: I8, cut: I8, wanted: I32, changes: I32, fewest: ti.i32,
                    full: ti.i32, most: ti.i32, shape: ivec, strides: ivec):  # fmt: skip
        """Decides how many particles each cell shall hold.

        At most `most`, and at least `fewest` inside the liquid: in cells that no solid reaches
        into, none of whose face neighbours is empty, and whose neighbours are half `full` on
        average. Solids, mostly solid cells and walls count as full. changes: the numbers of
        particles to be added and removed.
        """
        for i in range(cells.shape[0]):
            have = count[i]
            want = ti.min(have, most)
            # Far from the liquid it is enough to check the neighbours in memory.
            alone = have == 0 and i > 0 and count[i - 1] == 0 and count[i + 1] == 0
            may_grow = have < fewest and cells[i] != int(CellType.SOLID) and cut[i] == 0
            if may_grow and not alone:
                enclosed = True
                around = 0
                rest = i
                for k in ti.static(range(dim)):
                    at = rest // strides[k]
                    rest = rest % strides[k]
                    enclosed = enclosed and at < shape[k]
                    for side in ti.static((-1, 1)):
                        held = full
                        if at + side >= 0 and at + side < shape[k]:
                            j = i + side * strides[k]
                            if cells[j] != int(CellType.SOLID) and cut[j] < 2:
                                held = count[j]
                        enclosed = enclosed and held > 0
                        around += held
                if enclosed and around >= dim * full:
                    want = fewest
                    ti.atomic_add(changes[0], want - have)
            elif have > most:
                ti.atomic_add(changes[1], have - most)
            wanted[i] = want

    @ti.kernel
    def fill(start: I32, new_start: I32, x: F32, v: F32, faces: F32, distance: F32, shape: ivec,
             strides: ivec, nodes: ti.i32, seed: ti.u32, step: ti.f32):  # fmt: skip
        """Adds particles at hashed places, outside of solids, of cells that lack some.

        They have the velocity of the flow where it was before the step, as those that moved. A
        whole filling has one particle in each of the 2^dim parts of a cell.
        """
        for cell in range(nodes):
            have = start[cell + 1] - start[cell]
            want = new_start[cell + 1] - new_start[cell]
            for number in range(have, want):
                p = new_start[cell] + number
                position = place(cell, number, want - have == 2**dim, shape, strides, seed, 0)
                for again in range(1, TRIES):
                    if depth_at(position, distance, strides) < 0.0:
                        position = place(cell, number, False, shape, strides, seed, again)
                store(x, p, position)
                here, _ = gather(faces, position, shape, strides, nodes, False)
                middle = keep_inside(position - 0.5 * step * here, shape)
                halfway, _ = gather(faces, middle, shape, strides, nodes, False)
                origin = keep_inside(position - step * halfway, shape)
                velocity, _ = gather(faces, origin, shape, strides, nodes, False)
                for k in ti.static(range(dim)):
                    v[p * width + k] = velocity[k]
                if ti.static(width > dim):
                    slopes = gather_gradient(faces, origin, shape, strides, nodes)
                    for a in ti.static(range(dim)):
                        for m in ti.static(range(dim)):
                            v[p * width + (1 + a) * dim + m] = slopes[a, m]

    @ti.func
    def place(cell: ti.i32, number: ti.i32, parted: ti.i32, shape: ti.template(),
              strides: ti.template(), seed: ti.u32, again: ti.i32):  # fmt: skip
        """A hashed point of the cell, or of part `number` of it."""
        position = vec(0.0)
        rest = cell
        for k in ti.static(range(dim)):
            mixed = hashed(hashed(seed + ti.u32(cell)) + ti.u32(number * dim + k))
            for _ in range(again):
                mixed = hashed(mixed)
            part = ti.cast(mixed >> 8, ti.f32) / 16777216.0
            if parted:
                part = 0.5 * (part + ti.cast((number >> k) & 1, ti.f32))
            position[k] = rest // strides[k] + part
            rest = rest % strides[k]
        return keep_inside(position, shape)

    @ti.func
    def hashed(state: ti.u32):
        """PCG hash: Jarzynski & Olano 2020, "Hash functions for GPU rendering"."""
        state = state * ti.u32(747796405) + ti.u32(2891336453)
        word = ((state >> ((state >> 28) + ti.u32(4))) ^ state) * ti.u32(277803737)
        return (word >> 22) ^ word

    return ResamplingKernels(plan_counts, fill)
