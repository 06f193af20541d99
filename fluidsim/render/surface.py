# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""The surface of a liquid from its particles: a signed distance on nodes half a cell apart.

Near the surface the distance of a node is |x - mean particle position| - radius (Zhu & Bridson,
"Animating Sand as a Fluid", 2005), smoothed lightly where the liquid is dense and more where it is
calm. Far from it only the sign counts. Each node gathers its particles in the order of their cells,
so no two threads add to one node and the result is bitwise repeatable. A plane is a volume that is
one node thick.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import taichi as ti
from scipy.ndimage import gaussian_filter

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Volume
from fluidsim.render.calm import calm_surface
from fluidsim.render.cells import cell_distance, cell_numbers
from fluidsim.render.frame import SolidGrid
from fluidsim.render.half_cells import around, cubic_between

# Lengths in cells, tuned with jittered particles, 4 per cell in 2D and 8 in 3D.
_REACH = 1.5  # of a particle's influence
_FLAT_RADIUS = 0.46  # the surface of liquid at rest is then where the filled cells end
_DROP_RADIUS = 0.52  # of a lone particle; a smaller one would slip between the nodes
_OUTER, _INNER = 2.1, -1.8  # nodes between these cell distances gather particles
_CALM = 1.5  # the distance to the calm surface is reliable up to this
_WETTING = 0.5  # how far the liquid reaches into solids, so that no gap shows
_PAD = 2  # cells around the domain for mirrored particles, at least _REACH

Starts: Any = ti.types.ndarray(dtype=ti.i32, ndim=1)
Points: Any = ti.types.ndarray(dtype=ti.f32, ndim=2)


@dataclass(frozen=True)
class Surface:
    """Where the liquid is.

    Parameters
    ----------
    distance : float32, shape 2 n + 1 along each axis
        Metres, negative inside, on the nodes ``i * spacing``. The zero level is the surface, which
        does not follow the walls of the domain. Farther from it than about a cell only the sign
        counts.
    spacing : float
        Half a cell, m.
    speed : float32, shape n along each axis
        Smoothed, on the cells, m/s; 0 far from particles.
    """

    distance: np.ndarray
    spacing: float
    speed: np.ndarray


def liquid_surface(
    positions: np.ndarray,
    velocities: np.ndarray,
    shape: tuple[int, ...],
    dx: float,
    solids: SolidGrid | None = None,
) -> Surface:
    """Find the surface of the liquid that particles sample.

    Parameters
    ----------
    positions, velocities : shape (n, dim)
        m and m/s, in the domain [0, shape * dx].
    shape : tuple of int
        Cells along each axis.
    dx : float
        Cell size, m.
    solids : SolidGrid, optional
        The liquid wets them: its surface reaches a little into them.

    Returns
    -------
    Surface

    References
    ----------
    Zhu & Bridson, "Animating Sand as a Fluid", 2005.
    """
    dim = len(shape)
    cells = (1,) * (3 - dim) + tuple(shape)
    place = np.zeros((len(positions), 3), np.float32)  # in cells
    place[:, 3 - dim :] = np.asarray(positions, np.float32) / np.float32(dx)
    key = cell_numbers(place, cells)
    count = np.bincount(key, minlength=int(np.prod(cells))).reshape(cells)

    density, speed = _smooth_cells(key, count, velocities, dim)
    depth = cell_distance(count > 0)
    # Particles that no node of the band can reach need not be sorted.
    place = place[depth.ravel()[key] > _INNER - _REACH - 2]
    del key, count, velocities  # as large as the arrays below
    place, starts = _sort(_mirror(place, cells, dim), cells, dim)

    nodes = (1,) * (3 - dim) + tuple(2 * n + 1 for n in shape)
    raw = np.empty(nodes, np.float32)
    _gather(raw, depth, density, place, starts, _PAD if dim == 3 else 0)
    smooth, other = np.empty_like(raw), np.empty_like(raw)
    _smooth(smooth, raw, depth, 3 - dim)
    for axis in range(4 - dim, 3):
        smooth, other = other, smooth
        _smooth(smooth, other, depth, axis)
    del other, place
    solid = _solid_nodes(solids, dim, dx)
    calm, share = calm_surface(smooth)
    _merge(raw, smooth, calm, share, depth, density, solid, dx)
    return Surface(raw.reshape(nodes[3 - dim :]), dx / 2, speed.reshape(shape))


def _smooth_cells(
    key: np.ndarray, count: np.ndarray, velocities: np.ndarray, dim: int
) -> tuple[np.ndarray, np.ndarray]:
    """The smoothed density of particles (1 at rest) and their mean speed, on the cells."""
    velocities = np.asarray(velocities, np.float32)
    magnitude = np.sqrt(np.einsum("ij,ij->i", velocities, velocities))
    total = np.bincount(key, weights=magnitude, minlength=count.size).reshape(count.shape)
    axes = tuple(range(3 - dim, 3))  # walls reflect
    density = gaussian_filter(count.astype(np.float32), 1.0, truncate=2.5, axes=axes)
    speed = gaussian_filter(total.astype(np.float32), 1.0, truncate=2.5, axes=axes)
    speed = np.divide(speed, density, out=np.zeros_like(speed), where=density > 1e-3)
    return density / 2**dim, speed


def _mirror(place: np.ndarray, cells: tuple[int, ...], dim: int) -> np.ndarray:
    """The particles and their images behind the walls: the surface meets walls at right angles."""
    for axis in range(3 - dim, 3):
        images = [place]
        for wall in (0.0, float(cells[axis])):
            image = place[np.abs(place[:, axis] - wall) < _REACH]
            image[:, axis] = 2 * wall - image[:, axis]
            images.append(image)
        place = np.concatenate(images)
    return place


def _sort(place: np.ndarray, cells: tuple[int, ...], dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The particles (3, n) in the order of the cells of the padded grid, and the first of each
    cell."""
    pads = (0,) * (3 - dim) + (_PAD,) * dim
    padded = [count + 2 * pad for count, pad in zip(cells, pads, strict=True)]
    key = cell_numbers(place + np.array(pads, np.float32), padded)
    order = np.argsort(key, kind="stable")
    starts = np.zeros(int(np.prod(padded)) + 1, np.int32)
    np.cumsum(np.bincount(key, minlength=len(starts) - 1), out=starts[1:])
    return np.ascontiguousarray(place[order].T), starts


def _solid_nodes(solids: SolidGrid | None, dim: int, dx: float) -> np.ndarray:
    """The distance to solids in cells, on the corners of cells; a single node without solids."""
    if solids is None:
        return np.full((1, 1, 1), 1e3, np.float32)
    every = (slice(None, None, max(1, round(dx / solids.spacing))),) * dim
    distance = np.ascontiguousarray(solids.distance[every], np.float32) / np.float32(dx)
    return distance.reshape((1,) * (3 - dim) + distance.shape)


@ti.func
def _depth_at(depth: ti.template(), i, j, k):
    """The distance of the cell that the node (i, j, k) belongs to."""
    return depth[
        ti.min(i // 2, depth.shape[0] - 1),
        ti.min(j // 2, depth.shape[1] - 1),
        ti.min(k // 2, depth.shape[2] - 1),
    ]


@ti.kernel
def _gather(
    out: Volume, depth: Volume, density: Volume, place: Points, starts: Starts, first_pad: int
):
    """The Zhu-Bridson distance in cells within the band; constants of the right sign elsewhere."""
    rows = out.shape[0] * out.shape[1]
    pad = ti.Vector([first_pad, _PAD, _PAD])
    cells = ti.Vector([depth.shape[0], depth.shape[1], depth.shape[2]]) + 2 * pad
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // out.shape[1], row % out.shape[1]
            for k in range(out.shape[2]):
                away = _depth_at(depth, i, j, k)
                result = _REACH if away > 0 else -_FLAT_RADIUS
                if _INNER <= away <= _OUTER:
                    node = ti.Vector([i, j, k]) * 0.5
                    low = ti.max(ti.cast(ti.floor(node - _REACH), ti.i32) + pad, 0)
                    high = ti.min(ti.cast(ti.ceil(node + _REACH), ti.i32) - 1 + pad, cells - 1)
                    weight = 0.0
                    mean = ti.Vector([0.0, 0.0, 0.0])
                    for a in range(low[0], high[0] + 1):
                        for b in range(low[1], high[1] + 1):
                            line = (a * cells[1] + b) * cells[2]
                            for p in range(starts[line + low[2]], starts[line + high[2] + 1]):
                                away_p = ti.Vector([place[0, p], place[1, p], place[2, p]]) - node
                                s = ti.max(1.0 - away_p.norm_sqr() / (_REACH * _REACH), 0.0)
                                weight += s * s * s
                                mean += s * s * s * away_p
                    radius = _FLAT_RADIUS
                    if weight > 1e-6:
                        dense = ti.math.smoothstep(0.1, 0.4, around(density, i, j, k, -1))
                        radius += (_DROP_RADIUS - _FLAT_RADIUS) * (1 - dense)
                        result = (mean / weight).norm() - radius
                    else:
                        result = _REACH - radius
                out[i, j, k] = result


@ti.kernel
def _smooth(out: Volume, field: Volume, depth: Volume, axis: ti.template()):
    """A binomial filter of variance 1.5 nodes along an axis, within the band; walls reflect."""
    rows = out.shape[0] * out.shape[1]
    last = ti.Vector([out.shape[0], out.shape[1], out.shape[2]]) - 1
    weights = ti.Vector([20.0, 15.0, 6.0, 1.0]) / 64
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // out.shape[1], row % out.shape[1]
            for k in range(out.shape[2]):
                total = field[i, j, k]
                if _INNER <= _depth_at(depth, i, j, k) <= _OUTER:
                    total *= weights[0]
                    for step in ti.static((1, 2, 3)):
                        for side in ti.static((-1, 1)):
                            node = ti.Vector([i, j, k])
                            node[axis] = ti.abs(node[axis] + side * step)
                            node[axis] = last[axis] - ti.abs(last[axis] - node[axis])
                            total += weights[step] * field[node]
                out[i, j, k] = total


@ti.kernel
def _merge(
    field: Volume, smooth: Volume, calm: Volume, share: Volume, depth: Volume, density: Volume,
    solid: Volume, dx: float,
):  # fmt: skip
    """The raw distance in cells becomes that in metres, in place: smooth where the liquid is
    dense, calm where it is, wetting solids.

    The arguments are flat because a Taichi kernel takes arrays one by one.
    """
    rows = field.shape[0] * field.shape[1]
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // field.shape[1], row % field.shape[1]
            for k in range(field.shape[2]):
                away = _depth_at(depth, i, j, k)
                result = field[i, j, k]
                if _INNER <= away <= _OUTER:
                    dense = ti.math.smoothstep(0.15, 0.4, around(density, i, j, k, -1))
                    result += dense * (smooth[i, j, k] - result)
                    level = cubic_between(calm, i, j, k)
                    near = ti.math.clamp(2 * (_CALM - ti.abs(level)), 0.0, 1.0)
                    near *= ti.math.clamp(cubic_between(share, i, j, k), 0.0, 1.0)
                    result += near * (level - result)
                    if solid.shape[1] > 1:
                        gap = around(solid, i, j, k, 1)
                        result -= ti.math.clamp(_WETTING - gap, 0.0, 2 * _WETTING)
                field[i, j, k] = dx * result
