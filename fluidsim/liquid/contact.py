# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Particles that would enter a solid: Taichi functions that keep them outside, in 2D and 3D.

Points are in grid coordinates (cells); the solids' distance is in m, flat over the nodes.
"""

import functools
from typing import NamedTuple

import taichi as ti

from fluidsim.grid.interpolation import functions
from fluidsim.grid.taichi_types import Function

KEPT_FROM_SOLID = 0.05  # cells: particles stay this far outside a solid
NEAR_SOLID = 1.5  # cells: a node farther than this from solids excludes contact in its cell
LOOK = 0.5  # cells between samples of the distance along a particle's way


class ContactFunctions(NamedTuple):
    """depth_at: the distance of solids. push_out: moves a point out of a solid. stop_in_solid:
    ends its way in the first solid."""

    depth_at: Function
    push_out: Function
    stop_in_solid: Function


@functools.cache
def contact_functions(dim: int) -> ContactFunctions:
    """The functions for `dim` dimensions."""
    own = functions(dim)
    corners, vec, cell_of = own.corners, own.vec, own.cell_of

    @ti.func
    def push_out(x: ti.template(), distance: ti.template(), shape: ti.template(),
                 strides: ti.template(), cells_per_metre: ti.f32):  # fmt: skip
        """x, moved out of solids along the gradient of their distance."""
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
        """Signed distance of the solids at x, m."""
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
        """The first sample inside a solid on the way from x, which is outside, to the target; the
        target if there is none. So a wall stops a particle that would step over it."""
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

    return ContactFunctions(depth_at, push_out, stop_in_solid)
