"""`fluidsim view`: stored frames in VTK, in a window with a slider or as a still picture.

Made for measuring: speeds in numbers, slices, arrows. `fluidsim render` makes pictures for the eye.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyvista
from vtkmodules.vtkCommonCore import vtkLogger

from fluidsim import taichi_runtime
from fluidsim.render.camera import Camera
from fluidsim.render.pictures import save_picture
from fluidsim.store.stored_run import StoredRun, open_run
from fluidsim.view.actors import TEXT, WHAT, add_solids, box, usual
from fluidsim.view.opengl import check_opengl
from solvers import runtime

__all__ = ["WHAT", "Viewer", "view"]
_BACKGROUND = "#18202b"


def view(
    folder: Path, what: str | None, number: int | None, save: Path | None, size: tuple[int, int]
) -> None:
    """Show the run in `folder`: in a window, or one frame in the PNG file `save`.

    what: a key of WHAT; None: what suits the run. number: of the first frame to show; None: the
    last. Raises SimulationError or ValueError with one line, and OSError.
    """
    run = open_run(folder)
    number = max(run.times) if number is None else number
    if save is not None and save.suffix.lower() != ".png":
        raise ValueError(f"{save}: pictures are PNG files")
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)  # no messages about missing displays
    check_opengl(window=save is None)
    taichi_runtime.start(runtime.configure())
    viewer = Viewer(run, what, size, off_screen=save is not None)
    viewer.show(number)
    if save is None:
        viewer.open_window()
    else:
        save_picture(save, viewer.picture())
        print(save)


class Viewer:
    """A plotter that shows one frame of a run at a time."""

    def __init__(self, run: StoredRun, what: str | None, size: tuple[int, int], off_screen: bool):
        self.number = 0  # of the frame that is shown
        self._drawn: set[str] = set()
        self._run = run
        what = what or usual(run.kind, len(run.shape))
        self._add = WHAT[what]
        self._flat = what == "slice" or len(run.shape) == 2
        self._plotter: Any = pyvista.Plotter(off_screen=off_screen, window_size=list(size))
        self._plotter.set_background(_BACKGROUND)
        self._plotter.render_window.SetMultiSamples(0)  # otherwise VTK drops what is translucent
        self._look(size[0] / size[1])

    def show(self, number: int) -> None:
        """Show the frame of this number instead; for errors see `StoredRun.frame`."""
        frame = self._run.frame(number)
        plotter = self._plotter
        for title in list(plotter.scalar_bars.keys()):
            plotter.remove_scalar_bar(title, render=False)
        for name in self._drawn:
            plotter.remove_actor(name, render=False)
        others = set(plotter.actors)  # such as the slider
        plotter.add_mesh(box(frame), color="gray", lighting=False)
        self._add(plotter, frame)
        add_solids(plotter, frame, self._flat)
        title = f"{frame.caption}\nframe {number}   t = {frame.time:.3f} s"
        plotter.add_text(title, font_size=10, color=TEXT)
        self._drawn = set(plotter.actors) - others
        self.number = number

    def picture(self) -> np.ndarray:
        """uint8 (height, width, 3)."""
        return np.asarray(self._plotter.screenshot(return_img=True))

    def open_window(self) -> None:
        """Show a window, with a slider through the frames, until it is closed."""
        numbers = sorted(self._run.times)
        if len(numbers) > 1:
            self._plotter.add_slider_widget(
                self.slide, (numbers[0], numbers[-1]), value=self.number, title="frame",
                pointa=(0.1, 0.08), pointb=(0.8, 0.08), fmt="%.0f", color=TEXT, style="modern",
            )  # fmt: skip
        self._plotter.show()

    def slide(self, value: float) -> None:
        """Show the stored frame nearest to a value of the slider."""
        number = min(self._run.times, key=lambda each: abs(each - value))
        if number == self.number:
            return
        try:
            self.show(number)
        except (ValueError, OSError) as error:  # the window goes on showing its frame
            print(f"error: {error}", file=sys.stderr)

    def _look(self, aspect: float) -> None:
        """Look at the whole domain: as in ray-traced pictures, or at a plane from the front."""
        camera = self._plotter.camera
        extent = tuple(n * self._run.dx for n in self._run.shape)
        if not self._flat:
            view = Camera.framing(extent, aspect, fill=0.85)
            camera.position, camera.focal_point = view.eye, view.look_at
            camera.view_angle = view.field_of_view
        else:
            width, height = extent[0], extent[-1]
            camera.focal_point = (width / 2, 0, height / 2)
            camera.position = (width / 2, -2 * max(extent), height / 2)
            camera.parallel_projection = True
            camera.parallel_scale = max(height, width / aspect) / 2 / 0.85
        camera.up = (0, 0, 1)
