"""Checks that VTK can draw with OpenGL; without it, VTK would end the process."""

from __future__ import annotations

import os
import subprocess
import sys

from fluidsim import processes
from fluidsim.errors import SimulationError

_SECONDS = 120  # on a busy machine the first picture takes a while
_PICTURE = """
import pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=(64, 64))
plotter.add_mesh(pyvista.Sphere())
raise SystemExit(0 if plotter.screenshot(return_img=True).std() > 1 else 1)
"""


def check_opengl(window: bool) -> None:
    """Draw a ball in another process; raise SimulationError with one line of advice if that fails.

    window: a display is needed as well.
    """
    if window and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        raise SimulationError("no display here: use --save FILE.png, or fluidsim render")
    try:
        done = subprocess.run(processes.python(_PICTURE), capture_output=True, timeout=_SECONDS)
        drawn = done.returncode == 0
    except subprocess.TimeoutExpired:
        drawn = False
    if not drawn:
        raise SimulationError(
            "no OpenGL here: install libegl1 and libgl1-mesa-dri (or libosmesa6), "
            "or use fluidsim render, which needs none"
        )
