"""Smoke and liquids on a MAC grid, with interchangeable pressure solvers.

A scene script describes a `LiquidScene` or a `SmokeScene` and hands it to `run`.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Taichi greets on standard output when it is imported, also where nobody asked it to compute.
os.environ.setdefault("ENABLE_TAICHI_HEADER_PRINT", "0")

if TYPE_CHECKING:
    from fluidsim.bodies.rigid_body import RigidBody
    from fluidsim.liquid.inflows import Inflow, Outflow
    from fluidsim.render.camera import Camera
    from fluidsim.runs.run import run
    from fluidsim.runs.snapshot import draw
    from fluidsim.scene.config import RunConfig
    from fluidsim.scene.probes import HeightProbe, PressureProbe
    from fluidsim.scene.scene import LiquidScene, SmokeScene
    from fluidsim.scene.view import View
    from fluidsim.smoke.combustion import Combustion
    from fluidsim.smoke.options import SmokeOptions, Source
    from fluidsim.solid.boundary import Inlet, Wall
    from fluidsim.whitewater.numbers import Whitewater

_HOMES = {
    "Camera": "render.camera",
    "Combustion": "smoke.combustion",
    "HeightProbe": "scene.probes",
    "Inflow": "liquid.inflows",
    "Inlet": "solid.boundary",
    "LiquidScene": "scene.scene",
    "Outflow": "liquid.inflows",
    "PressureProbe": "scene.probes",
    "RigidBody": "bodies.rigid_body",
    "RunConfig": "scene.config",
    "SmokeOptions": "smoke.options",
    "SmokeScene": "scene.scene",
    "Source": "smoke.options",
    "View": "scene.view",
    "Wall": "solid.boundary",
    "Whitewater": "whitewater.numbers",
    "draw": "runs.snapshot",
    "run": "runs.run",
}

__all__ = [
    "Camera",
    "Combustion",
    "HeightProbe",
    "Inflow",
    "Inlet",
    "LiquidScene",
    "Outflow",
    "PressureProbe",
    "RigidBody",
    "RunConfig",
    "SmokeOptions",
    "SmokeScene",
    "Source",
    "View",
    "Wall",
    "Whitewater",
    "draw",
    "run",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: most uses need few of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fluidsim' has no attribute {name!r}")
    importlib.import_module("solvers")  # it finds a place for the kernels of both
    value = getattr(importlib.import_module(f"fluidsim.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
