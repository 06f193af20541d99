"""Repair of triangle surfaces: doubled sides, triangles the wrong way round, and missing ones."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

CLEAR = 0.25  # of the triangles of a patch: fewer are the wrong way round
MOST_TORN = 0.5  # diagonals of the mesh: a rim that is longer is closed, or refused:
MOST_CLOSED = 0.125  # of the surface: if more is missing, it is open


def merged(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices in one place as one, as STL files repeat them; those of no triangle are left out."""
    places, inverse = np.unique(vertices[triangles.reshape(-1)], axis=0, return_inverse=True)
    triangles = inverse.reshape(-1, 3)
    a, b, c = triangles.T
    return places, triangles[(a != b) & (b != c) & (c != a)]


def single_sided(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """One triangle for each pair of equal ones, in those connected parts that consist of pairs."""
    _, first, twins = np.unique(
        np.sort(triangles, axis=1), axis=0, return_index=True, return_inverse=True
    )
    twins = twins.reshape(-1)
    part = _parts(triangles, len(vertices))[triangles[:, 0]]
    lonely = np.bincount(twins)[twins] == 1
    doubled = np.bincount(part, lonely)[part] == 0
    kept = ~doubled
    kept[first[np.bincount(twins)[twins[first]] > 1]] = True
    return triangles[kept]


def turned(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Triangles the same way round as their neighbours.

    A patch looks the way of most of its triangles, as the walls of cavities look inwards, or
    outwards where those are no clear majority. A surface that is inside out on the whole is turned.
    """
    import igl  # here: most scenes have no mesh

    same, patch = (np.asarray(each) for each in igl.bfs_orient(triangles))
    flipped = (same != triangles).any(1)
    patches = int(patch.max()) + 1
    share = np.bincount(patch, flipped, patches) / np.bincount(patch, minlength=patches)
    volume = np.bincount(patch, volumes(vertices, same), patches)
    unclear = (share > CLEAR) & (share < 1 - CLEAR)
    back = np.where(unclear, volume < 0, share > 0.5)
    result = np.where(back[patch, None], same[:, ::-1], same)
    return result if volumes(vertices, result).sum() >= 0 else result[:, ::-1]


def closed(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With a cone over each long rim; short ones do no harm to winding numbers.

    Raises ValueError if that would be a large part of the surface.
    """
    sides = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    _, edge, counts = np.unique(
        np.sort(sides, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    rim = sides[counts[edge.reshape(-1)] == 1]
    ends = vertices[rim]
    part = _parts(rim, len(vertices))[rim[:, 0]]
    length = np.bincount(part, np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1))
    long = length[part] > MOST_TORN * np.linalg.norm(np.ptp(vertices, axis=0))
    if not long.any():
        return vertices, triangles
    place = np.unique(part[long], return_inverse=True)[1]
    middles = np.stack([
        np.bincount(place, ends[long].mean(1)[:, axis]) / np.bincount(place) for axis in range(3)
    ], 1)  # fmt: skip
    cones = np.column_stack((rim[long][:, ::-1], len(vertices) + place.reshape(-1)))
    filled = np.concatenate((vertices, middles))
    if areas(filled, cones).sum() > MOST_CLOSED * areas(vertices, triangles).sum():
        what = f"{len(rim)} of {len(counts)} edges have one triangle"
        raise ValueError(f"the surface is open ({what}); close it")
    return filled, np.concatenate((triangles, cones))


def _parts(simplices: np.ndarray, count: int) -> np.ndarray:
    """The number of the connected part that each of `count` vertices belongs to."""
    first = np.repeat(simplices[:, 0], simplices.shape[1] - 1)
    other = simplices[:, 1:].reshape(-1)
    graph = sp.coo_matrix((np.ones(len(first)), (first, other)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def volumes(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Of the tetrahedra between triangles and the middle of the mesh, m^3, positive if seen from
    outside."""
    a, b, c = (vertices[triangles[:, k]] - vertices.mean(0) for k in range(3))
    return (a * np.cross(b, c)).sum(1) / 6


def areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
