"""`fluidsim export`: stored frames in file formats that other programs open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fluidsim import taichi_runtime
from fluidsim.export.files import write_ply, write_points, write_vtp
from fluidsim.export.meshes import TriangleMesh, solid_mesh, surface_mesh
from fluidsim.export.vdb import write_vdb
from fluidsim.export.volumes import volumes
from fluidsim.files import replacing
from fluidsim.render.frame import Frame, LiquidFrame
from fluidsim.runs.progress import Progress
from fluidsim.store import frames
from fluidsim.store.paraview import write_pvd
from fluidsim.store.stored_run import StoredRun, open_run
from solvers import runtime

USD_SUFFIXES = (".usd", ".usdc", ".usda")


def export(folder: Path, target: str, out: Path | None, half: bool = False) -> Path:
    """Write the frames of the run in `folder` for another program; return where they are.

    target: a key of TARGETS. out: a folder, or a file for USD and Alembic; None: a place in
    `folder`. half: with 16 bits a number, in VDB files. Raises SimulationError or ValueError with
    one line, and OSError.
    """
    if half and target != "vdb":
        raise ValueError("--half is for --to vdb: the other formats have no numbers of 16 bits")
    run = open_run(folder)
    taichi_runtime.start(runtime.configure())
    return _vdb(run, out, half) if half else TARGETS[target](run, out)


def _shown(run: StoredRun) -> Iterator[Frame]:
    """The frames of a run, with a progress bar."""
    with Progress(len(run.times)) as progress:
        for number in run.times:
            yield run.frame(number)
            progress.step()


def _meshes(
    run: StoredRun, out: Path | None, suffix: str, write: Callable[[Path, TriangleMesh], None]
) -> Path:
    """Write the surface of each frame, its whitewater, and the solids where they have moved."""
    folder = out or run.folder / "surface"
    surfaces, solids, whites = [], [], []
    last: np.ndarray | None = None
    for frame in _shown(run):
        mesh = surface_mesh(frame)
        folder.mkdir(parents=True, exist_ok=True)
        surfaces.append((frame.time, frames.name(frame.number, suffix)))
        write(folder / surfaces[-1][1], mesh)
        white = frame.whitewater if isinstance(frame, LiquidFrame) else None
        if white is not None:
            whites.append((frame.time, frames.name(frame.number, f"-whitewater{suffix}")))
            write_points(folder / whites[-1][1], white)
        if frame.solids and (last is None or not np.array_equal(last, frame.solids.distance)):
            last = frame.solids.distance
            solids.append((frame.time, frames.name(frame.number, f"-solids{suffix}")))
            write(folder / solids[-1][1], solid_mesh(frame.solids))
    if suffix == ".vtp":
        write_pvd(folder / "surface.pvd", surfaces)
        write_pvd(folder / "solids.pvd", solids)
        if whites:
            write_pvd(folder / "whitewater.pvd", whites)
    return folder


def _vdb(run: StoredRun, out: Path | None, half: bool = False) -> Path:
    """Write the volumes of each frame."""
    folder = out or run.folder / "vdb"
    for frame in _shown(run):
        grids = volumes(frame)
        folder.mkdir(parents=True, exist_ok=True)
        about = {"creator": "fluidsim", "frame": frame.number, "time": frame.time}
        write_vdb(folder / frames.name(frame.number, ".vdb"), grids, about, half)
    return folder


def _usd(run: StoredRun, out: Path | None) -> Path:
    from fluidsim.export.usd import UsdWriter

    path = out or run.folder / "run.usdc"
    if path.suffix not in USD_SUFFIXES:
        raise ValueError(
            f"{path}: the name of a USD file must end in one of {', '.join(USD_SUFFIXES)}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        writer = UsdWriter(temporary, run.interval)
        for frame in _shown(run):
            writer.add(frame)
    return path


def _alembic(run: StoredRun, out: Path | None) -> Path:
    from fluidsim.export.alembic import AlembicWriter

    path = out or run.folder / "run.abc"
    if path.suffix != ".abc":
        raise ValueError(f"{path}: the name of an Alembic file must end in .abc")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        writer = AlembicWriter(temporary, run.interval, min(run.times.values()))
        for frame in _shown(run):
            writer.add(frame)
        writer.close()
    return path


TARGETS: dict[str, Callable[[StoredRun, Path | None], Path]] = {
    "surface": lambda run, out: _meshes(run, out, ".ply", write_ply),
    "vtp": lambda run, out: _meshes(run, out, ".vtp", write_vtp),
    "usd": _usd,
    "vdb": _vdb,
    "alembic": _alembic,
}
