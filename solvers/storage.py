"""Pressure systems in files: compact, versioned, read without pickle.

A file is a compressed npz: `version`, `active` (bits), `shape`, `rhs`, `guess` (empty for none),
`notes` (JSON text) and, for each axis, the face weights as `values_d` (the distinct ones, at most
256 of them) and `codes_d` (uint8) where so few occur, else as `weights_d`.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from solvers.system import PoissonSystem

VERSION = 1
_MOST_VALUES = 256


@dataclass(frozen=True, eq=False)
class StoredSystem:
    """A system with its right-hand side, the guess of the run (or None) and notes on its origin."""

    system: PoissonSystem
    rhs: Tensor
    guess: Tensor | None
    notes: dict[str, Any] = field(default_factory=dict)


def save_system(path: Path, stored: StoredSystem) -> None:
    """Write a system; `path` ends in .npz."""
    system = stored.system
    arrays: dict[str, np.ndarray] = {
        "version": np.array(VERSION),
        "shape": np.array(system.shape),
        "active": np.packbits(system.active.cpu().numpy()),
        "rhs": _on_cpu(stored.rhs),
        "guess": np.zeros(0) if stored.guess is None else _on_cpu(stored.guess),
        "notes": np.array(json.dumps(stored.notes)),
    }
    for axis, weights in enumerate(system.face_weights):
        values, codes = np.unique(weights.cpu().numpy(), return_inverse=True)
        if len(values) <= _MOST_VALUES:
            arrays[f"values_{axis}"] = values
            arrays[f"codes_{axis}"] = codes.reshape(weights.shape).astype(np.uint8)
        else:
            arrays[f"weights_{axis}"] = weights.cpu().numpy()
    np.savez_compressed(path, allow_pickle=False, **arrays)  # pyright: ignore


def load_system(path: Path) -> StoredSystem:
    """Read a system back, on the CPU.

    Raises ValueError with one line when the file is damaged or not of this version, and OSError.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _unpacked(file, path)
    except (zipfile.BadZipFile, KeyError, TypeError, EOFError, IndexError) as error:
        raise ValueError(f"{path} is not a whole pressure system: {error}") from error


def _unpacked(file: Any, path: Path) -> StoredSystem:
    version = int(file["version"])
    if version != VERSION:
        raise ValueError(f"{path} has version {version}, this program reads version {VERSION}")
    shape = tuple(int(n) for n in file["shape"])
    count = int(np.prod(shape))
    active = torch.from_numpy(np.unpackbits(file["active"], count=count).astype(bool))
    weights = []
    for axis in range(len(shape)):
        if f"weights_{axis}" in file:
            weights.append(torch.from_numpy(file[f"weights_{axis}"]))
        else:
            weights.append(torch.from_numpy(file[f"values_{axis}"][file[f"codes_{axis}"]]))
    guess = file["guess"]
    try:
        return StoredSystem(
            PoissonSystem(tuple(weights), active.reshape(shape)),
            torch.from_numpy(file["rhs"]).reshape(shape),
            torch.from_numpy(guess).reshape(shape) if guess.size else None,
            json.loads(str(file["notes"])),
        )
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path} is not a whole pressure system: {error}") from error


def _on_cpu(values: Tensor) -> np.ndarray:
    return values.detach().cpu().contiguous().numpy()
