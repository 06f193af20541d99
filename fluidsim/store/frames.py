"""Stored frames: particles as binary PLY, grids as VTK image data, solids beside them.

FOLDER/0001.ply  liquid: x y z vx vy vz, float32, m and m/s (2D: y = vy = 0)
FOLDER/0001.vti  smoke: cell data density, temperature (K above ambient), velocity (m/s; 2D: y = 0)
FOLDER/0001-pressure.vti  liquid, and smoke in 2D: cell data pressure, Pa
../whitewater/0001.ply  spray, foam and bubbles of a liquid, where they were made
FOLDER/solids.vti or 0001-solids.vti  signed distance of the solids on nodes, m
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fluidsim.files import replacing
from fluidsim.render.frame import Frame, LiquidFrame, SmokeFrame, SolidGrid
from fluidsim.store import vti, whitewater

_PLY_NAMES = ("x", "y", "z", "vx", "vy", "vz")
_PLY_LIMIT = 4096  # bytes: a header longer than this is not ours
_PLY_COUNT = re.compile(rb"\nelement vertex ([0-9]{1,15})\n")


def name(number: int, suffix: str) -> str:
    """The file of a frame."""
    return f"{number:04d}{suffix}"


def solids_name(number: int) -> str:
    """The file of the solids of one frame."""
    return name(number, "-solids.vti")


def pressure_name(number: int) -> str:
    """The file of the pressure of one frame."""
    return name(number, "-pressure.vti")


def save(frame: Frame, folder: Path) -> None:
    """Write the frame's fields, without its solids."""
    if isinstance(frame, LiquidFrame):
        _write_ply(folder / name(frame.number, ".ply"), frame.positions, frame.velocities)
    else:
        fields = {
            "density": frame.density,
            "temperature": frame.temperature,
            "velocity": frame.velocity,
        }
        _write_grid(folder / name(frame.number, ".vti"), frame.shape, frame.dx, cells=fields)
    if frame.pressure is not None:
        path = folder / pressure_name(frame.number)
        _write_grid(path, frame.shape, frame.dx, cells={"pressure": frame.pressure})


def save_solids(solids: SolidGrid, folder: Path, number: int | None) -> None:
    """Write the solids of one frame, or of the whole run when `number` is None."""
    file = "solids.vti" if number is None else solids_name(number)
    shape = tuple(n - 1 for n in solids.distance.shape)
    _write_grid(folder / file, shape, solids.spacing, nodes={"distance": solids.distance})


def load(
    folder: Path, number: int, kind: str, shape: tuple[int, ...], dx: float, time: float,
    caption: str,
) -> Frame:  # fmt: skip
    """Read a frame back; kind, shape, dx, time and caption come from the run's config and log.

    Raises ValueError with one line when a file is not what it should be, and OSError.
    """
    common: dict[str, Any] = {
        "number": number, "time": time, "shape": shape, "dx": dx, "caption": caption,
        "pressure": _read_pressure(folder / pressure_name(number), shape),
        "solids": _first_solids((folder / solids_name(number), folder / "solids.vti"), shape, dx),
    }  # fmt: skip
    if kind == "liquid":
        path = folder / name(number, ".ply")
        positions, velocities = _read_ply(path, len(shape))
        if not ((positions > -dx) & (positions < (np.array(shape) + 1) * dx)).all():
            raise ValueError(f"{path} is damaged: its particles are outside of the domain")
        white = whitewater.read(whitewater.path_of(folder.parent, number), shape, dx)
        return LiquidFrame(positions=positions, velocities=velocities, whitewater=white, **common)
    path = folder / name(number, ".vti")
    cells = vti.read(path, math.prod(_nodes(shape))).cells
    return SmokeFrame(
        density=_array(cells, "density", shape, path),
        temperature=_array(cells, "temperature", shape, path),
        velocity=_vectors(cells, "velocity", shape, path),
        **common,
    )


def check(folder: Path, number: int, kind: str) -> None:
    """Raise ValueError with one line if a frame's files are missing or cut; they are not read."""
    main = folder / name(number, ".ply" if kind == "liquid" else ".vti")
    others = (folder / pressure_name(number), folder / solids_name(number))
    for path in (main, *(each for each in others if each.exists())):
        if not path.is_file():
            raise ValueError(f"{path} is missing")
        if path.suffix == ".vti":
            vti.check(path)
        else:
            with path.open("rb") as file:
                _ply_count(file, path)


def _read_pressure(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The pressure of a frame; None if it was not stored."""
    if not path.exists():
        return None
    return _array(vti.read(path, math.prod(_nodes(shape))).cells, "pressure", shape, path)


def _first_solids(paths: Iterable[Path], shape: tuple[int, ...], dx: float) -> SolidGrid | None:
    """The solids in the first of these files that exists."""
    for path in paths:
        if path.exists():
            return _read_solids(path, shape, dx)
    return None


def _write_ply(path: Path, positions: np.ndarray, velocities: np.ndarray) -> None:
    count, dim = positions.shape
    columns = _axes(dim)
    rows = np.zeros((count, 6), dtype="<f4")
    rows[:, columns] = positions
    rows[:, [c + 3 for c in columns]] = velocities
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(_ply_header(count))
        file.write(rows.tobytes())


def _ply_header(count: int) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    lines += [f"property float {name}" for name in _PLY_NAMES]
    return "\n".join([*lines, "end_header", ""]).encode("ascii")


def particles_begin(count: int) -> int:
    """Bytes before the rows x y z vx vy vz in a .ply of `count` particles."""
    return len(_ply_header(count))


def _read_ply(path: Path, dim: int) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    with path.open("rb") as file:
        count = _ply_count(file, path)
        file.seek(particles_begin(count))
        rows = np.fromfile(file, dtype="<f4").reshape(count, 6)
    if not np.isfinite(rows).all():
        raise ValueError(f"{path} is damaged: its particles are not finite")
    columns = list(_axes(dim))
    return rows[:, columns].copy(), rows[:, [c + 3 for c in columns]].copy()


def _ply_count(file: BinaryIO, path: Path) -> int:
    """The particles in a file, which has the size for them."""
    start = file.read(_PLY_LIMIT)
    named = _PLY_COUNT.search(start)
    if not named or not start.startswith(_ply_header(int(named[1]))):
        raise ValueError(f"{path} is not a particle file of this program")
    count = int(named[1])
    if path.stat().st_size != particles_begin(count) + count * 24:
        raise ValueError(f"{path} is damaged: its size does not fit its {count} particles")
    return count


def _write_grid(
    path: Path,
    shape: tuple[int, ...],
    dx: float,
    cells: dict[str, np.ndarray] | None = None,
    nodes: dict[str, np.ndarray] | None = None,
) -> None:
    """shape: cells. A 2D grid becomes one node thick in y, so that z stays up."""
    fields: tuple[dict[str, np.ndarray], ...] = ({}, {})
    for columns, arrays in zip(fields, (cells or {}, nodes or {}), strict=True):
        for field, values in arrays.items():
            if values.ndim == len(shape):
                columns[field] = values.ravel("F")
            else:
                columns[field] = np.zeros((values[0].size, 3), np.float32)
                for axis, part in zip(_axes(len(shape)), values, strict=True):
                    columns[field][:, axis] = part.ravel("F")
    vti.write(path, _nodes(shape), dx, *fields)


def _nodes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Nodes of a file for a grid of these cells."""
    counts = [n + 1 for n in shape]
    return (counts[0], 1 if len(shape) == 2 else counts[1], counts[-1])


def _axes(dim: int) -> tuple[int, ...]:
    """The indices of the axes among x, y, z; a 2D grid lies in the plane y = 0."""
    return (0, 1, 2) if dim == 3 else (0, 2)


def _array(
    fields: Mapping[str, np.ndarray],
    name: str,
    shape: tuple[int, ...],
    path: Path,
    vectors: int = 0,
) -> np.ndarray:
    """One field of a grid file: (*shape), of vectors (cells, vectors)."""
    values = fields.get(name)
    wanted = (math.prod(shape), vectors) if vectors else (math.prod(shape),)
    if values is None or values.shape != wanted:
        raise ValueError(f"{path} is damaged: its field {name} does not fit the grid {shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{path} is damaged: its field {name} is not finite")
    return values if vectors else values.reshape(shape, order="F")


def _vectors(
    fields: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...], path: Path
) -> np.ndarray:
    """One field of vectors, (dim, *shape)."""
    values = _array(fields, name, shape, path, vectors=3)
    return np.stack([values[:, k].reshape(shape, order="F") for k in _axes(len(shape))])


def _read_solids(path: Path, shape: tuple[int, ...], dx: float) -> SolidGrid:
    """Solids on the corners of the cells, or of cells half as large."""
    finest = tuple(2 * n for n in shape)
    file = vti.read(path, math.prod(_nodes(finest)))
    for finer in (1, 2):
        cells = tuple(finer * n for n in shape)
        if file.nodes == _nodes(cells):
            nodes = tuple(n + 1 for n in cells)
            return SolidGrid(_array(file.points, "distance", nodes, path), dx / finer)
    raise ValueError(f"{path} is damaged: its nodes {file.nodes} do not fit the grid {shape}")
