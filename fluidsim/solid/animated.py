"""Animated meshes: shapes that deform as the frames of a sequence of mesh files say."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fluidsim.solid.lattice import Lattice, near_surface, places, signed_distance
from fluidsim.solid.mesh_sequence import MeshSequence, frame_files, read_sequence
from fluidsim.solid.movement import Deformation, Samples
from fluidsim.solid.polygons import upright
from fluidsim.solid.shapes import Vector
from fluidsim.solid.surface_samples import areas_of, in_parts, in_plane, slice_of
from fluidsim.solid.values import settle

SAMPLES = 64  # cells along the longest side of the mesh, of the lattice that holds the distance
MARGIN = 3  # cells of it around the mesh
EARLY = 1e-6  # frames: what a step reaches into a frame by rounding
ROUNDING = 1e-3  # cells of it: what sides may be longer by
KEPT = 3  # times of which the distance is kept: solids, inflows and pictures ask in turn


@dataclass(frozen=True)
class AnimatedMesh(Deformation):
    """The inside of a closed triangle surface that deforms: one mesh file a frame, or USD.

    Between frames the vertices move on straight lines at constant velocity; the surface moves as
    its vertices do. Before the first frame and after the last one it rests, or it begins again. All
    frames must have the same vertices and faces. In 2D it is the slice through the middle of the
    first frame's depth. What is inside and how surfaces are repaired is as for `Mesh`; the files
    are read when the object is made.

    Parameters
    ----------
    path : str or PathLike
        A folder of OBJ, STL, PLY or OFF files whose names end with the numbers of their frames, or
        a pattern for their names: ``creature_*.obj``, or ``creature_####.obj`` for four digits. Or
        a USD file with one mesh, whose time samples are the frames.
    rate : float, optional
        Frames a second; by default 24, or what a USD file says.
    base : tuple of dim floats, optional
        Where the centre of the bottom of the first frame's bounding box stands, m. By default the
        places in the files count, in metres.
    height : float, optional
        Height of the first frame's bounding box, m; goes with `base`.
    turn : float
        Turn about the up axis, rad; counter-clockwise from above.
    up : str
        The axis that points up in the files, "z" or "y".
    start : float
        Time of the first frame, s.
    loops : bool
        Whether the first frame follows the last one, for ever.

    Raises
    ------
    ValueError
        With one line, if a value is out of its range, a frame is missing, or the files hold no
        closed surfaces of one topology.
    OSError
        If a file cannot be opened.
    """

    path: str | os.PathLike[str]
    rate: float | None = None
    base: Vector | None = None
    height: float | None = None
    turn: float = 0.0
    up: str = "z"
    start: float = 0.0
    loops: bool = False
    _course: ClassVar[_Course]  # of this object

    def __post_init__(self) -> None:
        settle(self)
        if self.rate is not None and not (self.rate > 0 and math.isfinite(self.rate)):
            raise ValueError(f"the rate of an animation must be positive, not {self.rate}")
        if (self.base is None) != (self.height is None):
            raise ValueError("an animated mesh needs both base and height, or none of them")
        if self.height is not None and not self.height > 0:
            raise ValueError(f"the height of a mesh must be positive, not {self.height}")
        if self.up not in ("y", "z"):
            raise ValueError(f"up must be y or z, not {self.up}")
        frames = read_sequence(frame_files(Path(self.path)))
        rate = self.rate or frames.rate
        course = _Course(self._placed(frames), frames.triangles, rate, self.start, self.loops)
        object.__setattr__(self, "_course", course)

    def distance(self, points: Tensor, time: float) -> Tensor:
        lattice = self._course.lattice(time, points.shape[-1])
        return lattice.at(_in_space(points, self._course.slice))

    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        import igl  # here: most scenes have no mesh

        dim, course = points.shape[-1], self._course
        rows = _in_space(points, course.slice).reshape(-1, 3).double().cpu().numpy()
        if len(rows) == 0:
            return torch.zeros_like(points)
        vertices, velocities = course.at(time)
        _, which, closest = igl.point_mesh_squared_distance(rows, vertices, course.triangles)
        corners = course.triangles[np.asarray(which)]
        weights = _weights(np.asarray(closest), vertices[corners])
        found = (weights[..., None] * velocities[corners]).sum(1)
        if dim == 2:
            a, b, c = (vertices[corners[:, k]] for k in range(3))
            found = in_plane(found, np.cross(b - a, c - a))
        return torch.from_numpy(found).to(points).reshape(points.shape)

    def top_speed(self, time: float, seconds: float, reach: float) -> float:
        return self._course.top_speed(time, time + seconds)

    def surface(self, since: float, until: float, spacing: float, dim: int) -> Samples:
        course = self._course
        vertices, velocities = course.at(until)
        ahead = 0.0
        if until > since:
            before, _ = course.at(since)
            velocities = (vertices - before) / (until - since)
            vertices, ahead = (before + vertices) / 2, (until - since) / 2
        corners = np.concatenate((vertices, velocities), 1)[course.triangles]
        parts = in_parts(slice_of(corners, course.slice) if dim == 2 else corners, spacing)
        middles = parts.mean(1)
        moves = middles[:, dim:]
        found = middles[:, :dim] + ahead * moves, areas_of(parts), moves
        return Samples(*(torch.from_numpy(each) for each in found))

    def _placed(self, frames: MeshSequence) -> np.ndarray:
        """The vertices (frames, n, 3) float32 in the scene, m."""
        turned = upright(frames.vertices.reshape(-1, 3), self.up, self.turn)
        vertices = turned.reshape(frames.vertices.shape)
        if self.base is not None and self.height is not None:
            low, high = vertices[0].min(0), vertices[0].max(0)
            bottom = np.array(((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]))
            x, *y, z = self.base
            vertices = (vertices - bottom) * (self.height / (high[2] - low[2]))
            vertices += np.array((x, *(y or (0.0,)), z))
        return vertices.astype(np.float32)


class _Course:
    """vertices (frames, n, 3) float32, m, at times `start` + k / `rate`, s; triangles (m, 3).
    slice: y of the plane for 2D, m."""

    def __init__(
        self, vertices: np.ndarray, triangles: np.ndarray, rate: float, start: float, loops: bool
    ) -> None:
        self.vertices, self.triangles = vertices, triangles
        self.rate, self.start, self.loops = rate, start, loops
        self.slice = float(vertices[0, :, 1].min() + vertices[0, :, 1].max()) / 2
        low, high = vertices.min(1), vertices.max(1)
        self._spacing = float((high - low).max()) / SAMPLES
        following = np.roll(vertices, -1, 0) if loops else vertices[1:]
        before = vertices if loops else vertices[:-1]
        moves = (np.linalg.norm(b - a, axis=1).max() for a, b in zip(before, following))  # noqa: B905
        self._speeds = [rate * float(way) for way in moves]  # of each interval
        self._lattices: OrderedDict[tuple[int, float, int], Lattice] = OrderedDict()

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Vertices, m, and velocities, m/s, (n, 3) float64; at a frame those before it."""
        moment = self._moment(time)
        first, second = (self.vertices[k].astype(float) for k in (moment.before, moment.after))
        way = second - first
        return first + moment.share * way, self.rate * moment.moves * way

    def top_speed(self, since: float, until: float) -> float:
        first = math.floor((since - self.start) * self.rate + EARLY)
        last = math.ceil((until - self.start) * self.rate - EARLY)
        count = len(self._speeds)
        if self.loops:
            return max(
                (self._speeds[k % count] for k in range(first, min(last, first + count))),
                default=0.0,
            )
        return max(self._speeds[max(first, 0) : max(last, 0)], default=0.0)

    def lattice(self, time: float, dim: int) -> Lattice:
        """The distance at a time; in 2D of the plane of the slice."""
        moment = self._moment(time)
        key = moment.before, moment.share, dim
        found = self._lattices.get(key)
        if found is None:
            found = self._lattices[key] = self._sampled(time, dim)
            if len(self._lattices) > KEPT:
                self._lattices.popitem(last=False)
        return found

    def _sampled(self, time: float, dim: int) -> Lattice:
        vertices, _ = self.at(time)
        spacing = self._spacing
        low, high = vertices.min(0), vertices.max(0)
        counts = np.ceil((high - low) / spacing - ROUNDING).astype(int) + 2 * MARGIN + 1
        lower = low - MARGIN * spacing
        if dim == 3:
            return near_surface(vertices, self.triangles, lower, spacing, counts)
        lower[1], counts[1] = self.slice, 1
        found = signed_distance(places(lower, spacing, counts), vertices, self.triangles)
        samples = torch.from_numpy(found.reshape(counts).astype(np.float32))
        samples = samples.expand(-1, 2, -1).contiguous()  # between two planes that are the same
        return Lattice(samples, tuple(float(x) for x in lower), spacing)

    def _moment(self, time: float) -> _Moment:
        frames, count = (time - self.start) * self.rate, len(self.vertices)
        before = math.ceil(frames - EARLY) - 1
        share = frames - before
        if self.loops:
            return _Moment(before % count, (before + 1) % count, share, True)
        if before < 0:
            return _Moment(0, 0, 0.0, False)
        if before > count - 2:
            return _Moment(count - 1, count - 1, 0.0, False)
        return _Moment(before, before + 1, share, True)


class _Moment(NamedTuple):
    """The frames before and after a time, the share of the way between them, and whether there is
    any motion."""

    before: int
    after: int
    share: float
    moves: bool


def _in_space(points: Tensor, y: float) -> Tensor:
    """Points (..., dim) as (..., 3); a plane is at `y`."""
    if points.shape[-1] == 3:
        return points
    depth = torch.full_like(points[..., :1], y)
    return torch.cat((points[..., :1], depth, points[..., 1:]), dim=-1)


def _weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric coordinates (n, 3) of points (n, 3) in triangles (n, 3, 3); those of a triangle
    without an area are 1/3."""
    a, b, c = (corners[:, k] for k in range(3))
    normal = np.cross(b - a, c - a)
    square = (normal**2).sum(1)
    parts = [
        (np.cross(second - first, points - first) * normal).sum(1)
        for first, second in ((b, c), (c, a))
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.stack(parts, 1) / square[:, None]
    weights = np.where(square[:, None] > 0, weights, 1 / 3)
    return np.column_stack((weights, 1 - weights.sum(1)))
