"""Surfaces in small parts: triangles in 3D, and the segments in which a plane cuts them in 2D.

Each corner is a row of numbers, its place and then its velocity: (m, corners, 2 dim).
"""

from __future__ import annotations

import numpy as np

LEAST_SLANT = 0.2  # of a normal in the plane of a slice: what is flatter counts as this


def in_parts(simplices: np.ndarray, spacing: float) -> np.ndarray:
    """Triangles (m, 3, 6) or segments (m, 2, 4) cut in halves until no side is longer than
    `spacing`, m; they turn as before."""
    done = []
    while len(simplices):
        sides = np.roll(simplices, -1, 1) - simplices
        length = np.linalg.norm(sides[..., : simplices.shape[2] // 2], axis=2)
        longest = length.argmax(1)
        long = length.max(1) > spacing
        done.append(simplices[~long])
        simplices, longest = simplices[long], longest[long]
        order = (longest[:, None] + np.arange(simplices.shape[1])) % simplices.shape[1]
        first = np.take_along_axis(simplices, order[..., None], 1)
        second = first.copy()
        first[:, 1] = second[:, 0] = first[:, :2].mean(1)
        simplices = np.concatenate((first, second))
    return np.concatenate(done)


def areas_of(parts: np.ndarray) -> np.ndarray:
    """Normals times the area of triangles, or the length of segments, (m, dim)."""
    if parts.shape[1] == 3:
        a, b, c = (parts[:, k, :3] for k in range(3))
        return np.cross(b - a, c - a) / 2
    x, z = (parts[:, 1, :2] - parts[:, 0, :2]).T
    return np.stack((z, -x), 1)


def slice_of(corners: np.ndarray, y: float) -> np.ndarray:
    """The segments (m, 2, 4) in which a plane cuts triangles (n, 3, 6); they turn so that
    `areas_of` points the way of the triangles.

    Their velocity is that in the plane, and along the normal in it that of the cut, which also
    moves when the triangle moves across.
    """
    above = corners[:, :, 1] - y
    sides = above >= 0
    cut = sides.any(1) & ~sides.all(1)
    corners, above, sides = corners[cut], above[cut], sides[cut]
    alone = np.where(sides.sum(1) == 1, sides.argmax(1), sides.argmin(1))
    order = (alone[:, None] + np.arange(3)) % 3
    corners = np.take_along_axis(corners, order[..., None], 1)
    above = np.take_along_axis(above, order, 1)
    share = above[:, :1] / (above[:, :1] - above[:, 1:])
    ends = corners[:, :1] + share[..., None] * (corners[:, 1:] - corners[:, :1])
    a, b, c = (corners[:, k, :3] for k in range(3))
    normals = np.cross(b - a, c - a)
    velocities = in_plane(ends[..., 3:], normals[:, None])
    segments = np.concatenate((ends[..., :3:2], velocities), 2)
    backwards = (areas_of(segments) * normals[:, ::2]).sum(1) < 0
    segments[backwards] = segments[backwards, ::-1]
    return segments


def in_plane(velocities: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Velocities (..., 2) of the curve in which a plane y = constant cuts a surface with these
    velocities (..., 3) and normals (..., 3) of any length."""
    size = np.linalg.norm(normals, axis=-1, keepdims=True)
    unit = normals / np.maximum(size, 1e-30)
    across, along = unit[..., 1:2], unit[..., ::2]
    slant = np.maximum((along**2).sum(-1, keepdims=True), LEAST_SLANT**2)
    return velocities[..., ::2] + velocities[..., 1:2] * across / slant * along
