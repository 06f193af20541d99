# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Particles to faces and back: Taichi kernels without float atomics, one source for 2D and 3D.

Particles are sorted by cell, so particles of one block of cells are contiguous in memory.
Scattering runs over blocks in 2^dim colours: a particle reaches one cell beyond its own, hence
blocks of one colour never meet, and sums are repeatable bit for bit.

A particle's record is its velocity; with `affine` also the slopes of the velocity around it (APIC:
Jiang, Schroeder, Selle, Teran & Stomakhin 2015, "The affine particle-in-cell method"), [a, m] of
component a along m in m/s a cell. See interpolation.py for units and layouts.
"""

import functools
from types import SimpleNamespace
from typing import Any

import taichi as ti

from fluidsim.grid.interpolation import F32, I32, functions
from fluidsim.grid.scheduling import Schedule, dealt_item, loop_length

KEPT_FROM_SOLID = 0.05  # cells: particles stay this far outside a solid
NEAR_SOLID = 1.5  # cells: a node farther than this from solids excludes contact in its cell
LOOK = 0.5  # cells between looks for a solid in a particle's way
BLOCKS = {2: (8, 32), 3: (2, 2, 8)}


def velocity_width(dim: int, affine: bool) -> int:
    """Numbers in a particle's record."""
    return dim * (1 + dim) if affine else dim


@functools.cache
def kernels(dim: int, schedule: Schedule, affine: bool) -> SimpleNamespace:
    """The transfer kernels for `dim` dimensions; compiled at their first call."""
    own = functions(dim)
    corners, vec, ivec = own.corners, own.vec, own.ivec
    load, store, keep_inside, cell_of = own.load, own.store, own.keep_inside, own.cell_of
    stencil, gather, gather_gradient = own.stencil, own.gather, own.gather_gradient
    corner_vec: Any = ti.types.vector(len(corners), ti.f32)
    corner_ivec: Any = ti.types.vector(len(corners), ti.i32)
    width = velocity_width(dim, affine)
    block = BLOCKS[dim]
    block_rows = 1
    for side in block[:-1]:
        block_rows *= side

    @ti.func
    def push_out(x: ti.template(), distance: ti.template(), shape: ti.template(),
                 strides: ti.template(), cells_per_metre: ti.f32):  # fmt: skip
        """x moved along the gradient of the solids' distance until it is outside of them."""
        result = x
        if distance[cell_of(x + 0.5, strides)] * cells_per_metre < NEAR_SOLID:
            base = ti.cast(x, ti.i32)
            part = x - base
            depth = 0.0
            normal = vec(0.0)
            for corner in ti.static(corners):
                i = 0
                weight = 1.0
                for k in ti.static(range(dim)):
                    i += (base[k] + corner[k]) * strides[k]
                    weight *= part[k] if ti.static(corner[k] == 1) else 1.0 - part[k]
                phi = distance[i] * cells_per_metre
                depth += weight * phi
                for m in ti.static(range(dim)):
                    slope = 1.0 if ti.static(corner[m] == 1) else -1.0
                    for k in ti.static(range(dim)):
                        if ti.static(k != m):
                            slope *= part[k] if ti.static(corner[k] == 1) else 1.0 - part[k]
                    normal[m] += slope * phi
            if depth < KEPT_FROM_SOLID:
                result = x + (KEPT_FROM_SOLID - depth) * normal / ti.max(normal.norm(), 1e-6)
        return result

    @ti.func
    def depth_at(x: ti.template(), distance: ti.template(), strides: ti.template()):
        """Signed distance of solids at x, m."""
        base = ti.cast(x, ti.i32)
        part = x - base
        depth = 0.0
        for corner in ti.static(corners):
            i = 0
            weight = 1.0
            for k in ti.static(range(dim)):
                i += (base[k] + corner[k]) * strides[k]
                weight *= part[k] if ti.static(corner[k] == 1) else 1.0 - part[k]
            depth += weight * distance[i]
        return depth

    @ti.func
    def stop_in_solid(x: ti.template(), target: ti.template(), distance: ti.template(),
                      strides: ti.template(), cells_per_metre: ti.f32):  # fmt: skip
        """The first place inside of a solid on the way from x, outside, to the target, else that:
        a wall stops a particle that would be beyond it after the step."""
        result = target
        way = target - x
        near = distance[cell_of(x + 0.5, strides)] * cells_per_metre < NEAR_SOLID + way.norm()
        if near and depth_at(x, distance, strides) > 0.0:
            looks = ti.cast(way.norm() / LOOK, ti.i32) + 1
            look = 1
            while look < looks:
                place = x + way * (ti.cast(look, ti.f32) / looks)
                if depth_at(place, distance, strides) < 0.0:
                    result = place
                    look = looks
                look += 1
        return result

    @ti.kernel
    def scatter(x: F32, v: F32, start: I32, faces: F32, shape: ivec, strides: ivec,
                nodes: ti.i32, colour: ivec):  # fmt: skip
        """Adds to `faces` the pairs (sum of weight * velocity, sum of weight), one colour.

        start[c] is the first particle of cell c, start[c + 1] one past its last. The colour is an
        argument, not an unrolled loop: that would take eight times as long to compile.
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
            # All are read before any is written: what lies between a write and the next read
            # could not be kept in registers.
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
        """Velocities from the sums of `scatter`, twice; 0 where no particle is near."""
        for i in range(velocity.shape[0]):
            weight = faces[2 * i + 1]
            mean = faces[2 * i] / weight if weight > 0.0 else 0.0
            velocity[i] = mean
            copy[i] = mean

    @ti.kernel
    def pair(new: F32, old: F32, faces: F32):
        """(new, new - old) side by side, as `move` reads them."""
        for i in range(new.shape[0]):
            faces[2 * i] = new[i]
            faces[2 * i + 1] = new[i] - old[i]

    @ti.func
    def store_affine(v: ti.template(), p: ti.i32, velocity: ti.template(), slopes: ti.template()):
        for a in ti.static(range(dim)):
            v[p * width + a] = velocity[a]
            for m in ti.static(range(dim)):
                v[p * width + (1 + a) * dim + m] = slopes[a, m]

    @ti.kernel
    def move(x: F32, v: F32, faces: F32, distance: F32, key: I32, particles: ti.i32,
             shape: ivec, strides: ivec, nodes: ti.i32, open_lower: ivec,
             open_upper: ivec, cells_per_metre: ti.f32, dt: ti.f32, flip: ti.f32):  # fmt: skip
        """Velocities from the faces, positions along the flow, and each particle's cell.

        v becomes flip * (v + change) + (1 - flip) * new (PIC/FLIP blend), or new and its slopes
        (APIC); x follows the new field by the midpoint rule; key is the cell, `nodes` for a
        particle that left through an open side.
        """
        for p in range(particles):
            here = load(x, p)
            new, change = gather(faces, here, shape, strides, nodes, ti.static(not affine))
            if ti.static(affine):
                store_affine(v, p, new, gather_gradient(faces, here, shape, strides, nodes))
            else:
                store(v, p, flip * (load(v, p) + change) + (1.0 - flip) * new)
            step = dt * cells_per_metre
            middle = keep_inside(here + 0.5 * step * new, shape)
            halfway, _ = gather(faces, middle, shape, strides, nodes, False)
            target = here + step * halfway
            gone = False
            for k in ti.static(range(dim)):
                if target[k] < 0.0 and open_lower[k] == 1:
                    gone = True
                if target[k] > shape[k] and open_upper[k] == 1:
                    gone = True
            there = keep_inside(target, shape)
            # Far from solids one look is enough: no distance changes by more than the way to it.
            clear = distance[cell_of(here + 0.5, strides)] * cells_per_metre - dim
            for k in ti.static(range(dim)):
                clear -= ti.abs(there[k] - here[k])
            if clear < NEAR_SOLID:
                there = stop_in_solid(here, there, distance, strides, cells_per_metre)
                there = push_out(there, distance, shape, strides, cells_per_metre)
                there = keep_inside(there, shape)
            store(x, p, there)
            key[p] = nodes if gone else cell_of(there, strides)

    return SimpleNamespace(
        ivec=ivec, colours=[ivec(*corner) for corner in corners], scatter=scatter,
        normalise=normalise, pair=pair, move=move,
    )  # fmt: skip
