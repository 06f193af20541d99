"""Smoke and liquids on a MAC grid, with interchangeable pressure solvers.

A scene script describes a `LiquidScene` or a `SmokeScene` and hands it to `run`.
"""

import os

# Taichi greets on standard output when it is imported, also where nobody asked it to compute.
os.environ.setdefault("ENABLE_TAICHI_HEADER_PRINT", "0")

from fluidsim.boundary import Inlet, Wall
from fluidsim.combustion import Combustion
from fluidsim.config import RunConfig
from fluidsim.probes import HeightProbe, PressureProbe
from fluidsim.render.camera import Camera
from fluidsim.run import run
from fluidsim.scene import LiquidScene, SmokeScene
from fluidsim.scene_view import View
from fluidsim.smoke_options import SmokeOptions, Source
from fluidsim.sources import Inflow, Outflow

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
