"""The scenes that come with the program."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import scenes


def scene_names() -> list[str]:
    """Names of the scenes, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(scenes.__path__))


def scene_module(name: str) -> ModuleType:
    """The script of a scene; its `build` makes the scene of a configuration."""
    return importlib.import_module(f"scenes.{name}")
