"""Tensors with text metadata in safetensors files."""

from __future__ import annotations

import hashlib
import os
import textwrap
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor


def write(path: str | os.PathLike[str], tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    """Write tensors with metadata; the file is complete or absent."""
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        temporary.write_bytes(safetensors.torch.save(tensors, about))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata; raises ValueError with one line that names the file."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise ValueError(f"{path} cannot be read as safetensors: {one_line(error)}") from error


def digest(tensors: dict[str, Tensor]) -> str:
    """sha256 over the names, types, shapes and values of tensors."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = tensors[name].contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)};".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def one_line(error: Exception) -> str:
    """The message of an error without line breaks, its end left out if it is long."""
    return textwrap.shorten(str(error), 200, placeholder=" ...")
