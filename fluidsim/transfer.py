# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Particles to faces and back: Taichi kernels without float atomics, one source for 2D and 3D.

Particles are sorted by cell, so particles of one block of cells are contiguous in memory.
Scattering runs over blocks in 2^dim colours: a particle reaches one cell beyond its own, hence
blocks of one colour never meet, and sums are repeatable bit for bit.

Positions are in grid coordinates (cells), velocities in m/s. Fields are flat over the nodes of
the grid (see grid.py); component a of a face field starts at a * node_count.
Weights are the (bi-, tri-)linear ones of Zhu & Bridson 2005, "Animating sand as a fluid".
"""

import functools
import itertools
from types import SimpleNamespace
from typing import Any

import taichi as ti

from fluidsim.cells import CellType
from fluidsim.scheduling import Schedule, dealt_item, loop_length

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
I32: Any = ti.types.ndarray(dtype=ti.i32, ndim=1)
I8: Any = ti.types.ndarray(dtype=ti.i8, ndim=1)

KEPT_FROM_WALL = 1e-3  # cells: particles stay at least this far inside the domain
KEPT_FROM_SOLID = 0.05  # cells: and this far outside a solid
NEAR_SOLID = 1.5  # cells: a node farther than this from solids excludes contact in its cell
BLOCKS = {2: (8, 32), 3: (2, 2, 8)}


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SimpleNamespace:
    """The transfer kernels for `dim` dimensions; compiled at their first call."""
    corners = list(itertools.product(*[(0, 1)] * dim))
    block = BLOCKS[dim]
    block_rows = 1
    for side in block[:-1]:
        block_rows *= side
    vec: Any = ti.types.vector(dim, ti.f32)
    ivec: Any = ti.types.vector(dim, ti.i32)

    @ti.func
    def load(array: ti.template(), p: ti.i32):
        value = vec(0.0)
        for k in ti.static(range(dim)):
            value[k] = array[p * dim + k]
        return value

    @ti.func
    def store(array: ti.template(), p: ti.i32, value: ti.template()):
        for k in ti.static(range(dim)):
            array[p * dim + k] = value[k]

    @ti.func
    def keep_inside(x: ti.template(), shape: ti.template()):
        return ti.max(KEPT_FROM_WALL, ti.min(x, ti.cast(shape, ti.f32) - KEPT_FROM_WALL))

    @ti.func
    def cell_of(x: ti.template(), strides: ti.template()):
        cell = 0
        for k in ti.static(range(dim)):
            cell += ti.cast(x[k], ti.i32) * strides[k]
        return cell

    @ti.func
    def stencil(x: ti.template(), shape: ti.template()):
        """Lower index and fraction of x on the faces normal to an axis, and along the others.

        Beyond the outermost centres a face's value holds up to the wall (clamped coordinates).
        """
        across = ti.cast(x, ti.i32)
        shifted = ti.max(0.0, ti.min(x - 0.5, ti.cast(shape - 1, ti.f32)))
        along = ti.cast(shifted, ti.i32)
        return across, x - across, along, shifted - along

    @ti.func
    def gather(faces: ti.template(), x: ti.template(), shape: ti.template(),
               strides: ti.template(), nodes: ti.i32, both: ti.template()):  # fmt: skip
        """Velocity at x from the first of the pairs on the faces, and change from the second.

        The change is 0 where it is not asked for by `both`.
        """
        across, across_part, along, along_part = stencil(x, shape)
        velocity = vec(0.0)
        change = vec(0.0)
        for a in ti.static(range(dim)):
            base = a * nodes
            for k in ti.static(range(dim)):
                base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
            total = 0.0
            total_change = 0.0
            for corner in ti.static(corners):
                weight = 1.0
                i = base
                for k in ti.static(range(dim)):
                    part = across_part[k] if ti.static(k == a) else along_part[k]
                    weight *= part if ti.static(corner[k] == 1) else 1.0 - part
                    if ti.static(corner[k] == 1):
                        i += strides[k]
                total += weight * faces[2 * i]
                if ti.static(both):
                    total_change += weight * faces[2 * i + 1]
            velocity[a] = total
            change[a] = total_change
        return velocity, change

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
        across, across_part, along, along_part = stencil(load(x, p), shape)
        for a in ti.static(range(dim)):
            velocity = v[p * dim + a]
            base = a * nodes
            for k in ti.static(range(dim)):
                base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
            for corner in ti.static(corners):
                weight = 1.0
                i = base
                for k in ti.static(range(dim)):
                    part = across_part[k] if ti.static(k == a) else along_part[k]
                    weight *= part if ti.static(corner[k] == 1) else 1.0 - part
                    if ti.static(corner[k] == 1):
                        i += strides[k]
                faces[2 * i] = faces[2 * i] + weight * velocity
                faces[2 * i + 1] = faces[2 * i + 1] + weight

    @ti.kernel
    def normalise(faces: F32, velocity: F32, copy: F32):
        """Velocities from the sums of `scatter`, twice; 0 where no particle is near."""
        for i in range(velocity.shape[0]):
            weight = faces[2 * i + 1]
            mean = faces[2 * i] / weight if weight > 0.0 else 0.0
            velocity[i] = mean
            copy[i] = mean

    @ti.kernel
    def classify(count: I32, solid: I8, cells: I8):
        """A cell with particles is fluid, unless it is solid."""
        for i in range(cells.shape[0]):
            kind = ti.cast(int(CellType.AIR), ti.i8)
            if solid[i] != 0:
                kind = ti.cast(int(CellType.SOLID), ti.i8)
            elif count[i] > 0:
                kind = ti.cast(int(CellType.FLUID), ti.i8)
            cells[i] = kind

    @ti.kernel
    def pair(new: F32, old: F32, faces: F32):
        """(new, new - old) side by side, as `move` reads them."""
        for i in range(new.shape[0]):
            faces[2 * i] = new[i]
            faces[2 * i + 1] = new[i] - old[i]

    @ti.kernel
    def move(x: F32, v: F32, faces: F32, distance: F32, key: I32, rank: I32, count: I32,
             particles: ti.i32, shape: ivec, strides: ivec, nodes: ti.i32, open_lower: ivec,
             open_upper: ivec, cells_per_metre: ti.f32, dt: ti.f32, flip: ti.f32):  # fmt: skip
        """Velocities from the faces, positions along the flow, and each particle's cell.

        v becomes flip * (v + change) + (1 - flip) * new (PIC/FLIP blend); x follows the new
        field by the midpoint rule; key is the cell (`nodes` for a particle that left through an
        open side), rank a place in it, count the number in each.
        """
        for p in range(particles):
            here = load(x, p)
            new, change = gather(faces, here, shape, strides, nodes, True)
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
            there = keep_inside(push_out(there, distance, shape, strides, cells_per_metre), shape)
            store(x, p, there)
            cell = nodes if gone else cell_of(there, strides)
            key[p] = cell
            rank[p] = ti.atomic_add(count[cell], 1)

    @ti.kernel
    def find_cells(x: F32, key: I32, rank: I32, count: I32, particles: ti.i32, strides: ivec):
        """Cell, place in the cell and number in each cell, of particles that do not move."""
        for p in range(particles):
            cell = cell_of(load(x, p), strides)
            key[p] = cell
            rank[p] = ti.atomic_add(count[cell], 1)

    @ti.kernel
    def place(key: I32, rank: I32, start: I32, order: I32, particles: ti.i32):
        """order[s] is the particle at place s when sorted by cell."""
        for p in range(particles):
            order[start[key[p]] + rank[p]] = p

    @ti.kernel
    def settle(start: I32, order: I32, nodes: ti.i32):
        """Each cell's particles in order of their index: repeatable whatever the atomics did."""
        items = (nodes + schedule.chunk - 1) // schedule.chunk
        for index in range(loop_length(items, schedule)):
            item = dealt_item(index, items, schedule)
            for cell in range(item * schedule.chunk, ti.min(nodes, (item + 1) * schedule.chunk)):
                first = start[cell]
                for s in range(first + 1, start[cell + 1]):
                    p = order[s]
                    hole = s
                    while hole > first and order[hole - 1] > p:
                        order[hole] = order[hole - 1]
                        hole -= 1
                    if hole != s:
                        order[hole] = p

    @ti.kernel
    def plan_counts(count: I32, cells: I8, wanted: I32, changes: I32, fewest: ti.i32,
                    full: ti.i32, most: ti.i32, shape: ivec, strides: ivec):  # fmt: skip
        """How many particles each cell shall hold: at most `most`, and at least `fewest` inside
        the liquid, that is where no face neighbour is air and they are half `full` on average
        (solids and walls count as full). changes: sums of what is added and removed."""
        for i in range(cells.shape[0]):
            have = count[i]
            want = ti.min(have, most)
            # Far from liquid one look at the neighbours in memory is enough.
            alone = have == 0 and i > 0 and count[i - 1] == 0 and count[i + 1] == 0
            if have < fewest and cells[i] != int(CellType.SOLID) and not alone:
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
                            if cells[j] != int(CellType.SOLID):
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
    def reorder(order: I32, key: I32, start: I32, new_start: I32, x: F32, v: F32, new_x: F32,
                new_v: F32, particles: ti.i32):  # fmt: skip
        """Particles in cell order; those beyond the number wanted in their cell are dropped."""
        for s in range(particles):
            p = order[s]
            cell = key[p]
            target = new_start[cell] + s - start[cell]
            if target < new_start[cell + 1]:
                store(new_x, target, load(x, p))
                store(new_v, target, load(v, p))

    @ti.kernel
    def fill(start: I32, new_start: I32, x: F32, v: F32, faces: F32, shape: ivec, strides: ivec,
             nodes: ti.i32, seed: ti.u32):  # fmt: skip
        """New particles at hashed places of the cells that want more, with the flow's velocity."""
        for cell in range(nodes):
            have = start[cell + 1] - start[cell]
            want = new_start[cell + 1] - new_start[cell]
            for number in range(have, want):
                position = vec(0.0)
                rest = cell
                for k in ti.static(range(dim)):
                    mixed = hashed(hashed(seed + ti.u32(cell)) + ti.u32(number * dim + k))
                    position[k] = rest // strides[k] + ti.cast(mixed >> 8, ti.f32) / 16777216.0
                    rest = rest % strides[k]
                position = keep_inside(position, shape)
                p = new_start[cell] + number
                store(x, p, position)
                velocity, _ = gather(faces, position, shape, strides, nodes, False)
                store(v, p, velocity)

    @ti.func
    def hashed(state: ti.u32):
        """PCG hash (Jarzynski & Olano 2020, Hash functions for GPU rendering)."""
        state = state * ti.u32(747796405) + ti.u32(2891336453)
        word = ((state >> ((state >> 28) + ti.u32(4))) ^ state) * ti.u32(277803737)
        return (word >> 22) ^ word

    return SimpleNamespace(
        ivec=ivec, colours=[ivec(*corner) for corner in corners], scatter=scatter,
        normalise=normalise, classify=classify, pair=pair, move=move, find_cells=find_cells,
        place=place, settle=settle, plan_counts=plan_counts, reorder=reorder, fill=fill,
    )  # fmt: skip
