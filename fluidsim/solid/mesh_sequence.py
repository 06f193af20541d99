"""Animated meshes from files: one mesh file a frame, of one topology."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fluidsim.solid.mesh_files import READERS, polygons_of
from fluidsim.solid.mesh_repair import MOST_CLOSED, areas, closed, single_sided, turned, volumes
from fluidsim.solid.polygons import Polygons
from fluidsim.solid.usd_frames import SUFFIXES, usd_frames

RATE = 24.0  # frames a second, where files do not say it
_NUMBER = re.compile(r"(\d+)$")  # at the end of a file's name, before its suffix


@dataclass(frozen=True, eq=False)
class MeshSequence:
    """vertices (frames, n, 3) float32, as in the files. triangles (m, 3) int64, of every frame,
    which turn outwards and close the surface. rate: frames a second."""

    vertices: np.ndarray
    triangles: np.ndarray
    rate: float


def is_sequence(path: Path) -> bool:
    """Whether a path names frames, as for `frame_files`, and not one mesh file."""
    name, usd = path.name, path.suffix.lower() in SUFFIXES
    return usd or path.is_dir() or (bool(set("*#") & set(name)) and not path.is_file())


def frame_files(path: Path) -> list[Path]:
    """The files of a folder, or of a pattern with * or #, by the numbers at the ends of their
    names; or a USD file, which has all frames.

    Raises ValueError with one line if there are fewer than two, or a number is missing or occurs
    twice; OSError if the folder does not exist.
    """
    if path.is_dir():
        found = [each for each in path.iterdir() if each.suffix.lower() in READERS]
    elif set("*#") & set(path.name):
        folder = path.parent
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}")
        pattern = re.sub(r"#+|\*|[^#*]+", _meaning, path.name)
        found = [each for each in folder.iterdir() if re.fullmatch(pattern, each.name)]
        found = [each for each in found if each.suffix.lower() in READERS]
    elif path.suffix.lower() in SUFFIXES:
        return [path]
    else:
        raise ValueError(f"{path}: frames are a folder, or a pattern such as name_####.obj")
    numbers: dict[int, Path] = {}
    for each in sorted(found):
        number = _NUMBER.search(each.stem)
        if number is None:
            raise ValueError(f"{each}: its name does not end with the number of a frame")
        first = numbers.setdefault(int(number[1]), each)
        if first != each:
            raise ValueError(f"{first.name} and {each.name} in {each.parent} are the same frame")
    if len(numbers) < 2:
        raise ValueError(f"{path}: an animation needs two or more mesh files, not {len(numbers)}")
    order = sorted(numbers)
    for before, after in itertools.pairwise(order):
        if after > before + 1:
            names = f"{numbers[before].name} and {numbers[after].name}"
            raise ValueError(f"{path}: frame {before + 1} is missing between {names}")
    return [numbers[number] for number in order]


def read_sequence(files: Sequence[Path]) -> MeshSequence:
    """Read the frames of an animation.

    Parameters
    ----------
    files : sequence of Path
        OBJ, STL, PLY or OFF files, one a frame, or one USD file.

    Returns
    -------
    MeshSequence
        Vertices that lie in one place in all frames are one.

    Raises
    ------
    ValueError
        With one line, if a file cannot be read as a mesh, has another topology than the first, or
        a surface that is open or encloses nothing.
    OSError
        If a file cannot be opened.
    """
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"there is no mesh file {file}")
    stamps = tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    return _read(tuple(files), stamps)


@functools.lru_cache(maxsize=4)
def _read(files: tuple[Path, ...], stamps: tuple[tuple[int, int], ...]) -> MeshSequence:
    """stamps: change with the files."""
    if len(files) == 1:
        found = usd_frames(files[0])
        return _joined(iter(found.frames), found.names, found.rate)
    return _joined(map(polygons_of, files), [str(file) for file in files], RATE)


def _joined(found: Iterator[Polygons], names: Sequence[str], rate: float) -> MeshSequence:
    """The sequence of frames with these names, of which errors tell."""
    first = next(found)
    used, corners = np.unique(first.corners, return_inverse=True)
    frames = [first.vertices[used]]
    for other, name in zip(found, names[1:], strict=True):
        _refuse_another_topology(first, other, names[0], name)
        frames.append(other.vertices[used])
    fanned, triangles = Polygons(frames[0], first.counts, corners.reshape(-1)).cut()
    label, kept = _together(frames)
    fans = len(fanned) - len(used)
    triangles = np.concatenate((label, len(kept) + np.arange(fans)))[triangles]
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)]
    start = _with_tops(frames[0][kept], triangles, fans)
    try:
        if not (len(triangles) and (np.ptp(start[triangles.reshape(-1)], axis=0) > 0).all()):
            raise ValueError("the surface is flat and encloses nothing")
        triangles = turned(start, single_sided(start, triangles))
        known = len(triangles)
        filled, triangles = closed(start, triangles)
    except ValueError as error:
        parted = _parted(frames)
        if parted is None:
            raise ValueError(f"{names[0]}: {error}") from error
        raise ValueError(
            f"{names[parted]}: the surface of {names[0]} is torn open here; close it"
        ) from error
    used, corners = np.unique(triangles, return_inverse=True)
    corners = corners.reshape(triangles.shape)
    vertices = np.empty((len(frames), len(used), 3), np.float32)
    for number, (frame, name) in enumerate(zip(frames, names, strict=True)):
        places = _with_tops(frame[kept], triangles[:known], fans)
        places = _with_tops(places, triangles, len(filled) - len(start))
        size = areas(places, triangles)
        if size[known:].sum() > MOST_CLOSED * size[:known].sum():
            raise ValueError(f"{name}: the surface is torn open here; close it")
        if not volumes(places, triangles).sum() > 0:
            raise ValueError(f"{name}: the surface encloses nothing here, or is inside out")
        vertices[number] = places[used]
    return MeshSequence(vertices, corners, rate)


def _meaning(piece: re.Match[str]) -> str:
    """A piece of a pattern for names as a regular expression."""
    text = piece[0]
    if text == "*":
        return ".*"
    return rf"\d{{{len(text)}}}" if text[0] == "#" else re.escape(text)


def _refuse_another_topology(first: Polygons, other: Polygons, start: str, file: str) -> None:
    counts = [(len(each.vertices), len(each.counts)) for each in (first, other)]
    if counts[0] != counts[1]:
        (vertices, faces), (others, more) = counts
        raise ValueError(
            f"{file} has {others} vertices and {more} faces, {start} has {vertices} and {faces}: "
            "the frames of an animation must not change them"
        )
    same = np.array_equal(first.counts, other.counts)
    if not (same and np.array_equal(first.corners, other.corners)):
        raise ValueError(
            f"the faces of {file} join other vertices than those of {start}: the frames of an "
            "animation must not change them"
        )


def _together(frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The number of the group of each vertex, of those that lie in one place in all frames; and one
    vertex of each group."""
    label = np.zeros(len(frames[0]))
    for frame in frames:
        _, label = np.unique(np.column_stack((label, frame)), axis=0, return_inverse=True)
        label = label.reshape(-1)
        if label.max() + 1 == len(label):
            break
    _, kept = np.unique(label, return_index=True)
    return label, kept


def _parted(frames: Sequence[np.ndarray]) -> int | None:
    """The first frame in which vertices are apart that are in one place in the first one."""
    _, first = np.unique(frames[0], axis=0, return_inverse=True)
    groups = first.max() + 1
    for number, frame in enumerate(frames):
        rows = np.column_stack((first.reshape(-1), frame))
        if len(np.unique(rows, axis=0)) > groups:
            return number
    return None


def _with_tops(vertices: np.ndarray, triangles: np.ndarray, tops: int) -> np.ndarray:
    """Vertices (n, 3) and those that follow them, of which only the triangles (m, 3) are known: the
    tops of cones, over the mean of the sides across from them."""
    if tops == 0:
        return vertices
    count = len(vertices)
    cones = triangles[(triangles >= count).any(1)]
    is_top = cones >= count
    sides = cones[~is_top].reshape(-1, 2)
    which, middles = cones[is_top] - count, vertices[sides].mean(1)
    share = np.maximum(np.bincount(which, minlength=tops), 1)
    means = [np.bincount(which, middles[:, k], tops) / share for k in range(3)]
    return np.concatenate((vertices, np.stack(means, 1)))
