"""Stored whitewater: RUN_DIR/whitewater/0001.ply, and the numbers that it was made by.

Binary PLY: x y z vx vy vz (float32, m and m/s; 2D: y = vy = 0), kind (uint8: 0 spray, 1 foam, 2
bubble), id (uint32), age and life (float32, s). A comment tells how many were made so far.
numbers.json holds what the particles depend on beside the frames.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from fluidsim.files import replacing, write_json
from fluidsim.render.frame import BUBBLE, WhitewaterParticles

FOLDER, NUMBERS = "whitewater", "numbers.json"  # in a run's folder, and in that
_ROW = np.dtype(
    [("place", "<f4", 3), ("velocity", "<f4", 3), ("kind", "u1"), ("id", "<u4"), ("age", "<f4"),
     ("life", "<f4")]
)  # fmt: skip
_PROPERTIES = [
    *(f"float {name}" for name in ("x", "y", "z", "vx", "vy", "vz")),
    "uchar kind", "uint id", "float age", "float life",
]  # fmt: skip
_LIMIT = 4096  # bytes: a header longer than this is not ours
_COUNTS = re.compile(rb"\ncomment issued ([0-9]{1,10})\nelement vertex ([0-9]{1,10})\n")
_MOST_BYTES = 2**16  # of numbers.json


def path_of(run: Path, number: int) -> Path:
    """The file of a frame of the run in a folder."""
    return run / FOLDER / f"{number:04d}.ply"


def write(path: Path, particles: WhitewaterParticles) -> None:
    """Write the whitewater of a frame. Raises OSError."""
    count, dim = particles.positions.shape
    columns = [0, 1, 2] if dim == 3 else [0, 2]
    rows = np.zeros(count, _ROW)
    rows["place"][:, columns] = particles.positions
    rows["velocity"][:, columns] = particles.velocities
    for name in ("kind", "id", "age", "life"):
        rows[name] = getattr(particles, name)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(_header(particles.issued, count))
        file.write(rows.tobytes())


def read(path: Path, shape: tuple[int, ...], dx: float) -> WhitewaterParticles | None:
    """The whitewater of a frame of a domain; None where there is no file.

    Raises ValueError with one line when the file is not what it should be, and OSError.
    """
    if not path.exists():
        return None
    issued, count = check(path)
    with path.open("rb") as file:
        file.seek(len(_header(issued, count)))
        rows = np.fromfile(file, dtype=_ROW)
    columns = [0, 1, 2] if len(shape) == 3 else [0, 2]
    positions, velocities = rows["place"][:, columns], rows["velocity"][:, columns]
    upper = np.array(shape) * dx
    finite = all(np.isfinite(rows[name]).all() for name in ("velocity", "age", "life"))
    inside = bool(((positions > -dx) & (positions < upper + dx)).all())
    if not (finite and inside and (rows["kind"] <= BUBBLE).all() and (rows["id"] < issued).all()):
        raise ValueError(f"{path} is damaged: its particles are impossible; delete it")
    return WhitewaterParticles(
        positions=positions.copy(), velocities=velocities.copy(), issued=issued,
        **{name: rows[name].copy() for name in ("kind", "id", "age", "life")},
    )  # fmt: skip


def check(path: Path) -> tuple[int, int]:
    """How many particles were made so far, and how many a file has the size for.

    Raises ValueError with one line when the file is cut or no such file, and OSError.
    """
    with path.open("rb") as file:
        start = file.read(_LIMIT)
    named = _COUNTS.search(start)
    issued, count = (int(named[1]), int(named[2])) if named else (0, 0)
    header = _header(issued, count)
    if not start.startswith(header):
        raise ValueError(f"{path} is not a file of whitewater of this program; delete it")
    if path.stat().st_size != len(header) + count * _ROW.itemsize:
        raise ValueError(
            f"{path} is damaged: its size does not fit its {count} particles; delete it"
        )
    return issued, count


def _header(issued: int, count: int) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", f"comment issued {issued}"]
    lines += [f"element vertex {count}", *(f"property {each}" for each in _PROPERTIES)]
    return "\n".join([*lines, "end_header", ""]).encode("ascii")


def prepare(run: Path, made_by: dict[str, Any], frames: Iterable[int]) -> int:
    """Make the folder ready for whitewater that is `made_by` these numbers; return the last of the
    `frames`, from the first on, whose files are whole and were made by them; 0 if none.

    All other files of whitewater there are deleted. Raises OSError.
    """
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    last = 0
    if _made_by(folder / NUMBERS) == json.loads(json.dumps(made_by)):
        for number in frames:
            try:
                check(path_of(run, number))
            except (OSError, ValueError):
                break
            last = number
    for path in folder.glob("[0-9]*.ply"):
        if not path.stem.isdigit() or int(path.stem) > last:
            path.unlink()
    write_json(folder / NUMBERS, made_by)
    return last


def _made_by(path: Path) -> Any:
    """What a file of numbers says; None if there is none that can be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
