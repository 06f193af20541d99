"""Smoke and liquids on a MAC grid, with interchangeable pressure solvers.

A scene script describes a `LiquidScene` or a `SmokeScene` and hands it to `run`.
"""

from fluidsim.config import RunConfig
from fluidsim.run import run
from fluidsim.scene import LiquidScene, SmokeScene
from fluidsim.smoke import SmokeOptions, Source

__all__ = ["LiquidScene", "RunConfig", "SmokeOptions", "SmokeScene", "Source", "run"]
