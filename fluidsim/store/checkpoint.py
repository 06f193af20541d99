"""The state of a run in files, from which the run can be resumed.

RUN_DIR/checkpoints/000030.safetensors is the state after frame 30, and the newest two are kept.
Its metadata hold format, version, the frame's line of the log, how many pressure systems there
were, what the run is (`identity`), and a sha256 over all of this and the tensors.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from fluidsim.files import replacing
from solvers.tensor_files import digest, one_line, read

FORMAT = "fluidsim-checkpoint"
VERSION = "1"
KEPT = 2
_NAME = re.compile(r"[0-9]{6,18}\.safetensors")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """State after a frame. record: that frame's line of the log. systems: solved so far.

    identity: flags, scene and grid, as in config.json; the state fits no other run.
    """

    frame: int
    state: dict[str, Tensor]
    record: dict[str, Any]
    systems: int
    identity: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint into `folder` and delete old ones; it is safely on disk on return."""
    folder.mkdir(exist_ok=True)
    tensors = {name: values.cpu().contiguous() for name, values in checkpoint.state.items()}
    about = {
        "format": FORMAT,
        "version": VERSION,
        "frame": str(checkpoint.frame),
        "systems": str(checkpoint.systems),
        "record": json.dumps(checkpoint.record),
        "identity": json.dumps(checkpoint.identity),
    }
    about["sha256"] = checksum(tensors, about)
    path = folder / f"{checkpoint.frame:06d}.safetensors"
    with replacing(path) as temporary:
        try:
            safetensors.torch.save_file(tensors, temporary, about)
        except safetensors.SafetensorError as error:
            raise OSError(f"{path}: {one_line(error)}") from error
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
    for old in stored(folder)[:-KEPT]:
        old.unlink()
    return path


def stored(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    numbered = [path for path in folder.glob("*.safetensors") if _NAME.fullmatch(path.name)]
    return sorted(numbered, key=lambda path: int(path.stem))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint, its tensors on the CPU.

    Raises ValueError with one line when it is damaged or not of this format and version.
    """
    tensors, about = read(path)
    for key, value in (("format", FORMAT), ("version", VERSION)):
        if about.get(key) != value:
            raise ValueError(f"{path} has {key} {about.get(key)}, this program reads {value}")
    if about.pop("sha256", None) != checksum(tensors, about):
        raise ValueError(f"{path} is damaged: its contents do not match their checksum")
    try:
        record, identity = json.loads(about["record"]), json.loads(about["identity"])
        if not isinstance(record, dict) or not isinstance(identity, dict):
            raise ValueError("its metadata are no records")
        return Checkpoint(int(about["frame"]), tensors, record, int(about["systems"]), identity)
    except (KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no checkpoint: {type(error).__name__} {error}") from error


def choose(place: Path) -> Checkpoint:
    """The newest checkpoint in a run's folder, or the one in the file `place`.

    Raises ValueError with one line, which names an older one that is whole if there is one.
    """
    paths = [place] if place.is_file() else stored(place / "checkpoints")
    if not paths:
        raise ValueError(f"{place} has no checkpoint to go on from")
    try:
        return load(paths[-1])
    except ValueError as error:
        beside = stored(paths[-1].parent)
        for path in reversed(beside[: beside.index(paths[-1])]):
            if is_whole(path):
                raise ValueError(f"{error}; the one before is whole: --resume {path}") from error
        raise


def is_whole(path: Path) -> bool:
    try:
        load(path)
    except ValueError:
        return False
    return True


def checksum(tensors: dict[str, Tensor], about: dict[str, str]) -> str:
    """sha256 over the tensors and the other metadata."""
    text = json.dumps(about, sort_keys=True) + digest(tensors)
    return hashlib.sha256(text.encode()).hexdigest()
