"""Smoke and liquids on a MAC grid, with interchangeable pressure solvers.

A scene script describes a `LiquidScene` or a `SmokeScene` and hands it to `run`.
"""

import os

# Taichi greets on standard output when it is imported, also where nobody asked it to compute.
os.environ.setdefault("ENABLE_TAICHI_HEADER_PRINT", "0")

from fluidsim.liquid.inflows import Inflow, Outflow
from fluidsim.render.camera import Camera
from fluidsim.runs.run import run
from fluidsim.scene.config import RunConfig
from fluidsim.scene.probes import HeightProbe, PressureProbe
from fluidsim.scene.scene import LiquidScene, SmokeScene
from fluidsim.scene.view import View
from fluidsim.smoke.combustion import Combustion
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.solid.boundary import Inlet, Wall

__all__ = [
    "Camera",
    "Combustion",
    "HeightProbe",
    "Inflow",
    "Inlet",
    "LiquidScene",
    "Outflow",
    "PressureProbe",
    "RunConfig",
    "SmokeOptions",
    "SmokeScene",
    "Source",
    "View",
    "Wall",
    "run",
]
