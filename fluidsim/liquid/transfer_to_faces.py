# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Particles to faces: Taichi kernels without float atomics, one source for 2D and 3D.

Scattering runs over blocks of cells in 2^dim colours. A particle reaches one cell beyond its own,
so blocks of one colour never write to the same face, and sums are repeatable bit for bit.
"""

import functools
from typing import Any, NamedTuple

import taichi as ti

from fluidsim.grid.interpolation import functions
from fluidsim.grid.scheduling import Schedule, dealt_item, loop_length
from fluidsim.grid.taichi_types import F32, I32, Kernel, VectorType

BLOCKS = {2: (8, 32), 3: (2, 2, 8)}  # cells on each axis


class ToFaces(NamedTuple):
    """colours: arguments of `scatter`, one a call. scatter: adds up the particles of one colour.
    normalise: turns sums into velocities."""

    colours: list[VectorType]
    scatter: Kernel
    normalise: Kernel


@functools.cache
def to_faces(dim: int, schedule: Schedule, width: int, affine: bool) -> ToFaces:
    """The kernels for `dim` dimensions and records of `width` numbers."""
    own = functions(dim)
    corners, ivec, load, stencil = own.corners, own.ivec, own.load, own.stencil
    corner_vec: Any = ti.types.vector(len(corners), ti.f32)
    corner_ivec: Any = ti.types.vector(len(corners), ti.i32)
    block = BLOCKS[dim]
    block_rows = 1
    for side in block[:-1]:
        block_rows *= side

    @ti.kernel
    def scatter(x: F32, v: F32, start: I32, faces: F32, shape: ivec, strides: ivec,
                nodes: ti.i32, colour: ivec):  # fmt: skip
        """Adds the pairs (sum of weight * velocity, sum of weight) of one colour to `faces`.

        start[c] is the first particle of cell c, start[c + 1] is one past its last. The colour is
        an argument because an unrolled loop would take eight times as long to compile.
        """
        blocks = ivec(0)
        items = 1
        for k in ti.static(range(dim)):
            across = (shape[k] + block[k] - 1) // block[k]
            blocks[k] = (across + 1 - colour[k]) // 2
            items *= blocks[k]
        for index in range(loop_length(items, schedule)):
            item = dealt_item(index, items, schedule)
            if item >= items:
                continue
            corner_cell = ivec(0)
            for kk in ti.static(range(dim)):
                k = ti.static(dim - 1 - kk)
                corner_cell[k] = (2 * (item % blocks[k]) + colour[k]) * block[k]
                item = item // blocks[k]
            length = ti.min(block[dim - 1], shape[dim - 1] - corner_cell[dim - 1])
            for row in range(block_rows):
                cell = corner_cell[dim - 1] * strides[dim - 1]
                inside = True
                rest = row
                for kk in ti.static(range(1, dim)):
                    k = ti.static(dim - 1 - kk)
                    y = corner_cell[k] + rest % block[k]
                    rest = rest // block[k]
                    inside = inside and y < shape[k]
                    cell += y * strides[k]
                if inside:
                    for p in range(start[cell], start[cell + length]):
                        splat(x, v, faces, p, shape, strides, nodes)

    @ti.func
    def splat(x: ti.template(), v: ti.template(), faces: ti.template(), p: ti.i32,
              shape: ti.template(), strides: ti.template(), nodes: ti.i32):  # fmt: skip
        here = load(x, p)
        across, across_part, along, along_part = stencil(here, shape)
        for a in ti.static(range(dim)):
            velocity = v[p * width + a]
            base = a * nodes
            for k in ti.static(range(dim)):
                base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
            # All are read before any is written; otherwise the compiler could keep nothing in
            # registers from one corner to the next.
            sums, weights, places = corner_vec(0.0), corner_vec(0.0), corner_ivec(0)
            for c in ti.static(range(len(corners))):
                corner = ti.static(corners[c])
                weight = 1.0
                i = base
                value = velocity
                for k in ti.static(range(dim)):
                    if ti.static(affine):
                        face = (across[k] if ti.static(k == a) else along[k] + 0.5) + corner[k]
                        value += v[p * width + (1 + a) * dim + k] * (face - here[k])
                    part = across_part[k] if ti.static(k == a) else along_part[k]
                    weight *= part if ti.static(corner[k] == 1) else 1.0 - part
                    if ti.static(corner[k] == 1):
                        i += strides[k]
                places[c] = i
                sums[c] = faces[2 * i] + weight * value
                weights[c] = faces[2 * i + 1] + weight
            for c in ti.static(range(len(corners))):
                faces[2 * places[c]] = sums[c]
                faces[2 * places[c] + 1] = weights[c]

    @ti.kernel
    def normalise(faces: F32, velocity: F32, copy: F32):
        """Velocities from the sums of `scatter`, in two copies; 0 where no particle is near."""
        for i in range(velocity.shape[0]):
            weight = faces[2 * i + 1]
            mean = faces[2 * i] / weight if weight > 0.0 else 0.0
            velocity[i] = mean
            copy[i] = mean

    return ToFaces([ivec(*corner) for corner in corners], scatter, normalise)
