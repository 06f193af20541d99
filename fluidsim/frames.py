"""Stored frames: particles as binary PLY, grids as VTK image data, solids beside them.

FOLDER/0001.ply  liquid: x y z vx vy vz, float32, m and m/s (2D: y = vy = 0)
FOLDER/0001.vti  smoke: cell data density, temperature (K above ambient), velocity (m/s)
FOLDER/0001-pressure.vti  2D, both: cell data pressure, Pa
FOLDER/solids.vti or 0001-solids.vti  signed distance of the solids on nodes, m
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvista

from fluidsim.files import replacing
from fluidsim.render.frame import Frame, SolidGrid

_PLY_NAMES = ("x", "y", "z", "vx", "vy", "vz")
_PLY_LIMIT = 4096  # bytes: a header longer than this is not ours


def save(frame: Frame, folder: Path) -> None:
    """Write the frame's fields; the solids only if no other frame has stored the same ones."""
    if frame.kind == "liquid":
        _write_ply(folder / f"{frame.number:04d}.ply", frame.positions, frame.velocities)
    else:
        fields = {
            "density": frame.density,
            "temperature": frame.temperature,
            "velocity": frame.velocity,
        }
        _write_grid(folder / f"{frame.number:04d}.vti", frame.shape, frame.dx, cells=fields)
    if frame.pressure is not None:
        path = folder / f"{frame.number:04d}-pressure.vti"
        _write_grid(path, frame.shape, frame.dx, cells={"pressure": frame.pressure})


def save_solids(solids: SolidGrid, folder: Path, number: int | None) -> None:
    """Write the solids of one frame, or of the whole run when `number` is None."""
    name = "solids.vti" if number is None else f"{number:04d}-solids.vti"
    shape = tuple(n - 1 for n in solids.distance.shape)
    _write_grid(folder / name, shape, solids.spacing, nodes={"distance": solids.distance})


def load(
    folder: Path, number: int, kind: str, shape: tuple[int, ...], dx: float, time: float,
    caption: str,
) -> Frame:  # fmt: skip
    """Read a frame back; kind, shape, dx, time and caption come from the run's config and log.

    Raises ValueError with one line when a file is not what it should be, and OSError.
    """
    dim = len(shape)
    fields: dict[str, np.ndarray | None] = dict.fromkeys(
        ("positions", "velocities", "density", "temperature", "velocity", "pressure")
    )
    if kind == "liquid":
        fields["positions"], fields["velocities"] = _read_ply(folder / f"{number:04d}.ply", dim)
    else:
        path = folder / f"{number:04d}.vti"
        grid = _read_grid(path)
        for name, vectors in (("density", 0), ("temperature", 0), ("velocity", dim)):
            fields[name] = _array(grid.cell_data, name, shape, vectors, path)
    path = folder / f"{number:04d}-pressure.vti"
    if path.exists():
        fields["pressure"] = _array(_read_grid(path).cell_data, "pressure", shape, 0, path)
    solids = None
    for path in (folder / f"{number:04d}-solids.vti", folder / "solids.vti"):
        if path.exists():
            solids = _read_solids(path, dim)
            break
    return Frame(
        kind=kind, number=number, time=time, shape=shape, dx=dx, solids=solids, caption=caption,
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def _write_ply(path: Path, positions: np.ndarray | None, velocities: np.ndarray | None) -> None:
    if positions is None or velocities is None:
        raise ValueError("a liquid frame needs positions and velocities")
    count, dim = positions.shape
    columns = (0, 1, 2) if dim == 3 else (0, 2)
    rows = np.zeros((count, 6), dtype="<f4")
    rows[:, columns] = positions
    rows[:, [c + 3 for c in columns]] = velocities
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    header += [f"property float {name}" for name in _PLY_NAMES] + ["end_header", ""]
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join(header).encode("ascii"))
        file.write(rows.tobytes())


def _read_ply(path: Path, dim: int) -> tuple[np.ndarray, np.ndarray]:
    with path.open("rb") as file:
        start = file.read(_PLY_LIMIT)
        head, found, _ = start.partition(b"end_header\n")
        lines = head.decode("ascii", "replace").split("\n")
        properties = [f"property float {name}" for name in _PLY_NAMES]
        if (
            not found
            or lines[:2] != ["ply", "format binary_little_endian 1.0"]
            or not lines[2].removeprefix("element vertex ").isdigit()
            or lines[3:] != [*properties, ""]
        ):
            raise ValueError(f"{path} is not a particle file of this program")
        count = int(lines[2].removeprefix("element vertex "))
        offset = len(head) + len(found)
        if path.stat().st_size != offset + count * 24:
            raise ValueError(f"{path} is damaged: its size does not fit its {count} particles")
        file.seek(offset)
        rows = np.fromfile(file, dtype="<f4").reshape(count, 6)
    columns = [0, 1, 2] if dim == 3 else [0, 2]
    return rows[:, columns].copy(), rows[:, [c + 3 for c in columns]].copy()


def _write_grid(
    path: Path,
    shape: tuple[int, ...],
    dx: float,
    cells: dict[str, np.ndarray | None] | None = None,
    nodes: dict[str, np.ndarray] | None = None,
) -> None:
    """shape: cells. A 2D grid becomes one node thick in y, so that z stays up."""
    counts = [n + 1 for n in shape]
    if len(shape) == 2:
        counts.insert(1, 1)
    grid = pyvista.ImageData(dimensions=tuple(counts), spacing=(dx,) * 3)
    for data, arrays in ((grid.cell_data, cells or {}), (grid.point_data, nodes or {})):
        for name, values in arrays.items():
            if values is None:
                raise ValueError(f"a smoke frame needs {name}")
            if values.ndim == len(shape):
                data[name] = values.ravel("F")
            else:
                data[name] = np.stack([part.ravel("F") for part in values], axis=-1)
    with replacing(path) as temporary:
        grid.save(temporary, compression="lz4")


def _read_grid(path: Path) -> pyvista.ImageData:
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    grid = pyvista.read(path)
    if not isinstance(grid, pyvista.ImageData):
        raise ValueError(f"{path} holds no image data")
    return grid


def _array(data, name: str, shape: tuple[int, ...], vectors: int, path: Path) -> np.ndarray:
    """One field of a grid file, (*shape) or (vectors, *shape)."""
    size = int(np.prod(shape))
    if name not in data or data[name].size != size * max(vectors, 1):
        raise ValueError(f"{path} is damaged: its field {name} does not fit the grid {shape}")
    values = np.asarray(data[name], dtype=np.float32)
    if not vectors:
        return values.reshape(shape, order="F")
    return np.stack([values[:, k].reshape(shape, order="F") for k in range(vectors)])


def _read_solids(path: Path, dim: int) -> SolidGrid:
    grid = _read_grid(path)
    nodes = tuple(grid.dimensions)
    if dim == 2:
        nodes = (nodes[0], nodes[2])
    distance = _array(grid.point_data, "distance", nodes, 0, path)
    return SolidGrid(distance, float(grid.spacing[0]))
