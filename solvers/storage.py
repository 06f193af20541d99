"""Pressure systems in files: compact, versioned, read without pickle.

A file is a compressed npz archive with `version`, `active` (bits), `shape`, `rhs`, `guess` (empty
if there is none), `notes` (JSON text) and, in version 2, `periodic` (0 or 1 per axis). The face
weights of axis d are stored as `values_d` (the distinct values) and `codes_d` (uint8) if there are
at most 256 distinct values, otherwise as `weights_d`.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from solvers import npz
from solvers.system import PoissonSystem

VERSION, PERIODIC = 1, 2  # of files without and with periodic axes
_MOST_VALUES = 256
_MOST_NOTES = 2**20  # bytes
# Unpacked bytes that are accepted: the larger of this number and this multiple of the file size.
# Deflate packs up to 1032 to 1, and 20 bytes are asked for a cell of which a file may hold 11.
_MOST_BYTES, _MOST_RATIO = 2**28, 2000


@dataclass(frozen=True, eq=False)
class StoredSystem:
    """A pressure system with its right-hand side.

    Attributes
    ----------
    system : PoissonSystem
        The system.
    rhs : Tensor, shape of the grid
        Right-hand side, in the units of face weight times pressure.
    guess : Tensor, shape of the grid, or None
        Pressure from which the run started its solve, if any.
    notes : dict
        Where the system comes from; anything that JSON can hold.
    """

    system: PoissonSystem
    rhs: Tensor
    guess: Tensor | None
    notes: dict[str, Any] = field(default_factory=dict)


def save_system(path: str | os.PathLike[str], stored: StoredSystem) -> None:
    """Write a system to a file.

    Parameters
    ----------
    path : str or os.PathLike
        File to write; it should end in .npz, and an existing file is replaced.
    stored : StoredSystem
        System, right-hand side, guess and notes; tensors may be on any device.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    system = stored.system
    arrays: dict[str, np.ndarray] = {
        "version": np.array(PERIODIC if any(system.periodic) else VERSION),
        "shape": np.array(system.shape),
        "active": np.packbits(system.active.cpu().numpy()),
        "rhs": _on_cpu(stored.rhs),
        "guess": np.zeros(0) if stored.guess is None else _on_cpu(stored.guess),
        "notes": np.array(json.dumps(stored.notes)),
    }
    if any(system.periodic):
        arrays["periodic"] = np.array(system.periodic, dtype=np.uint8)
    for axis, weights in enumerate(system.face_weights):
        values, codes = np.unique(weights.cpu().numpy(), return_inverse=True)
        if len(values) <= _MOST_VALUES:
            arrays[f"values_{axis}"] = values
            arrays[f"codes_{axis}"] = codes.reshape(weights.shape).astype(np.uint8)
        else:
            arrays[f"weights_{axis}"] = weights.cpu().numpy()
    np.savez_compressed(path, allow_pickle=False, **arrays)  # pyright: ignore


def load_system(path: str | os.PathLike[str]) -> StoredSystem:
    """Read a system that `save_system` wrote.

    Parameters
    ----------
    path : str or os.PathLike
        File to read.

    Returns
    -------
    StoredSystem
        Its tensors are on the CPU.

    Raises
    ------
    ValueError
        If the file is damaged, is of an unknown version, or claims to unpack to an implausible
        size.
    OSError
        If the file cannot be opened.
    """
    path = Path(path)
    with npz.opened(path, "pressure system") as archive:
        return _unpacked(archive, max(_MOST_BYTES, _MOST_RATIO * path.stat().st_size))


def _unpacked(archive: npz.Archive, most: int) -> StoredSystem:
    """most: upper bound on the bytes of all arrays together."""
    version = int(archive.read("version", "iu", 8))
    if version not in (VERSION, PERIODIC):
        raise ValueError(
            f"it has version {version}, this program reads versions {VERSION} and {PERIODIC}"
        )
    shape = tuple(int(n) for n in archive.read("shape", "iu", 8 * 3))
    count = math.prod(shape)
    if len(shape) not in (2, 3) or min(shape) < 1 or 20 * count > most:
        raise ValueError(f"its grid is {shape}")
    bits = archive.read("active", "u", -(-count // 8))
    active = torch.from_numpy(np.unpackbits(bits, count=count).astype(bool)).reshape(shape)
    weights = tuple(_weights(archive, axis, shape) for axis in range(len(shape)))
    wraps = archive.read("periodic", "u", 3) if version == PERIODIC else ()
    guess = _floats(archive, "guess", count)
    return StoredSystem(
        PoissonSystem(weights, active, tuple(bool(flag) for flag in wraps)),
        _floats(archive, "rhs", count).reshape(shape),
        guess.reshape(shape) if guess.numel() else None,
        _notes(str(archive.read("notes", "U", _MOST_NOTES))),
    )


def _weights(archive: npz.Archive, axis: int, shape: tuple[int, ...]) -> Tensor:
    faces = math.prod(n + (d == axis) for d, n in enumerate(shape))
    if f"weights_{axis}" in archive.names:
        return _floats(archive, f"weights_{axis}", faces)
    values = _floats(archive, f"values_{axis}", _MOST_VALUES).numpy()
    return torch.from_numpy(values[archive.read(f"codes_{axis}", "u", faces)])


def _floats(archive: npz.Archive, name: str, most: int) -> Tensor:
    """An array of at most `most` float32 or float64 numbers."""
    values = torch.from_numpy(archive.read(name, "f", 8 * most))
    if values.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{name} is {values.dtype}")
    return values


def _notes(text: str) -> dict[str, Any]:
    try:
        notes = json.loads(text)
    except RecursionError:
        notes = None
    if not isinstance(notes, dict):
        raise ValueError("its notes are not a table")
    return notes


def _on_cpu(values: Tensor) -> np.ndarray:
    return values.detach().cpu().contiguous().numpy()
