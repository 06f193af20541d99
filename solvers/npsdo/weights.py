"""Weights of the networks in files: safetensors, checked when read.

A file holds the parameters in float32 and metadata that describe them: format, version, kind of
network, dimension, a sha256 over the tensors, and notes on their origin.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from solvers.npsdo.convolutional import FluidNetwork
from solvers.npsdo.directions import DirectionNetwork
from solvers.npsdo.networks import PaperNetwork, SymmetricCycle
from solvers.npsdo.vcycles import MultigridNetwork
from solvers.tensor_files import digest, one_line, read, write

Network = SymmetricCycle | PaperNetwork | FluidNetwork | DirectionNetwork | MultigridNetwork
KINDS: dict[str, type[Network]] = {
    "npsdo": SymmetricCycle,
    "npsdo-paper": PaperNetwork,
    "fluidnet": FluidNetwork,
    "dcdm": DirectionNetwork,
    "mgno": MultigridNetwork,
}
# Tensors with a number for each level, in networks of any number of levels.
COUNTED: dict[type[Network], str] = {PaperNetwork: "keep_bias"}
FORMAT = "fluidsim-npsdo"
VERSION = "1"
MOST_LEVELS = 32


def shipped(kind: str, dim: int) -> Path:
    """The file of the weights that come with the program."""
    return Path(__file__).parent / "weights" / f"{kind}_{dim}d.safetensors"


def untrained(kind: str, dim: int) -> Network:
    """A new network of a kind in KINDS, in evaluation mode and without gradients."""
    return _at_rest(KINDS[kind](dim))


def save(path: str | os.PathLike[str], network: Network, notes: dict[str, str]) -> None:
    """Write a network of a kind in KINDS; the file is complete or absent."""
    kind = next(name for name, cls in KINDS.items() if type(network) is cls)
    tensors = _tensors(network)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "dim": str(network.dim),
        "sha256": digest(tensors),
        "notes": json.dumps(notes),
    }
    write(path, tensors, about)


def load(path: str | os.PathLike[str], kind: str, dim: int) -> Network:
    """The network of a file, on the CPU, in evaluation mode and without gradients.

    Raises ValueError with one line that names the file if it is missing or damaged, if its kind,
    dimension or version differs, or if its tensors do not fit the network.
    """
    tensors, about = read(path)
    expected = {"format": FORMAT, "version": VERSION, "kind": kind, "dim": str(dim)}
    for key, value in expected.items():
        if about.get(key) != value:
            raise ValueError(f"{path} has {key} {about.get(key)}, not {value}")
    if about.get("sha256") != digest(tensors):
        raise ValueError(f"{path} is damaged: its tensors do not match their checksum")
    network = _new(path, kind, dim, tensors)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the network {kind}: {one_line(error)}") from error
    if not all(values.isfinite().all() for values in tensors.values()):
        raise ValueError(f"{path} holds parameters that are not finite")
    return _at_rest(network)


def notes(path: str | os.PathLike[str]) -> dict[str, str]:
    """The notes of a file; raises ValueError as `load` does."""
    try:
        found = json.loads(read(path)[1].get("notes", "{}"))
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} has notes that are not a table")
    return found


def _new(path: str | os.PathLike[str], kind: str, dim: int, tensors: dict[str, Tensor]) -> Network:
    """A network with as many levels of parameters as there are in the tensors."""
    cls = KINDS[kind]
    if cls not in COUNTED:
        return cls(dim)
    counted = COUNTED[cls]
    if counted not in tensors or tensors[counted].ndim != 1:
        raise ValueError(f"{path} does not fit the network {kind}: it has no {counted}")
    count = len(tensors[counted])
    if count > MOST_LEVELS:
        raise ValueError(f"{path} has {count} levels; at most {MOST_LEVELS} are allowed")
    return PaperNetwork(dim, count + 1)


def _tensors(network: Network) -> dict[str, Tensor]:
    state: dict[str, Any] = network.state_dict()
    return {name: values.detach().cpu().float().contiguous() for name, values in state.items()}


def _at_rest(network: Network) -> Network:
    network.eval().requires_grad_(False)
    return network
