# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Faces to particles, and particles along the flow: Taichi kernels for 2D and 3D."""

import functools
from typing import NamedTuple

import taichi as ti

from fluidsim.grid.interpolation import functions
from fluidsim.grid.taichi_types import F32, I32, Kernel
from fluidsim.liquid.contact import NEAR_SOLID, contact_functions


class ToParticles(NamedTuple):
    """pair: lays out the faces for `move`. move: updates velocities, positions and cells."""

    pair: Kernel
    move: Kernel


@functools.cache
def to_particles(dim: int, width: int, affine: bool) -> ToParticles:
    """The kernels for `dim` dimensions and records of `width` numbers."""
    own = functions(dim)
    ivec, load, store, keep_inside = own.ivec, own.load, own.store, own.keep_inside
    cell_of, gather, gather_gradient = own.cell_of, own.gather, own.gather_gradient
    _, push_out, stop_in_solid = contact_functions(dim)

    @ti.kernel
    def pair(new: F32, old: F32, faces: F32):
        """Stores (new, new - old) side by side, as `move` reads them."""
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
        """Takes velocities from the faces, moves the particles, and finds their cells.

        v becomes flip * (v + change) + (1 - flip) * new (PIC/FLIP blend), or new and its slopes
        (APIC). x follows the new field by the midpoint rule. key becomes the cell, or `nodes` for a
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
            # Far from solids one sample is enough: a distance changes no more than the point moves.
            clear = distance[cell_of(here + 0.5, strides)] * cells_per_metre - dim
            for k in ti.static(range(dim)):
                clear -= ti.abs(there[k] - here[k])
            if clear < NEAR_SOLID:
                there = stop_in_solid(here, there, distance, strides, cells_per_metre)
                there = push_out(there, distance, shape, strides, cells_per_metre)
                there = keep_inside(there, shape)
            store(x, p, there)
            key[p] = nodes if gone else cell_of(there, strides)

    return ToParticles(pair, move)
