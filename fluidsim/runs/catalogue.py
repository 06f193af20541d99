"""The scenes that come with the program, and those in files of their own."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import scenes
from fluidsim.errors import SimulationError


def scene_names() -> list[str]:
    """Names of the scenes, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(scenes.__path__))


def scene_module(name: str) -> ModuleType:
    """The script of a scene; its `build` makes the scene of a configuration."""
    return importlib.import_module(f"scenes.{name}")


def description(text: str) -> str:
    """What the script of a scene, named or in a file, says of itself, without running it."""
    path = Path(text) if text.endswith(".py") else Path(scenes.__path__[0]) / f"{text}.py"
    try:
        return ast.get_docstring(ast.parse(path.read_bytes())) or ""
    except (SyntaxError, ValueError):
        return ""


def scene(text: str) -> str:
    """A scene on a command line: a name, or a file that is there."""
    if text.endswith(".py") and not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    if not text.endswith(".py") and text not in scene_names():
        names = ", ".join(scene_names())
        raise argparse.ArgumentTypeError(f"no scene {text!r}; a .py file, or one of {names}")
    return text


def scene_build(text: str) -> Callable[..., Any]:
    """What builds the scene of this name or file.

    Raises SimulationError with one line when a file cannot be loaded.
    """
    module = _loaded(Path(text)) if text.endswith(".py") else scene_module(text)
    if not callable(getattr(module, "build", None)):
        raise SimulationError(f"{text} has no function build(config)")
    return module.build


def _loaded(path: Path) -> ModuleType:
    """The module in a file, which may import what lies beside it."""
    name = f"scene_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and inspect look for it
    beside = str(path.resolve().parent)
    if beside not in sys.path:
        sys.path.append(beside)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise SimulationError(f"{path}: {type(error).__name__}: {error}") from error
    return module
