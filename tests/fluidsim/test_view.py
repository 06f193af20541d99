"""The technical viewer: what it draws, and what it says if it cannot."""

import subprocess
import sys
from dataclasses import replace

import imageio.v3 as imageio
import numpy as np
import pytest
from vtkmodules.vtkRenderingCore import vtkTextActor

from fluidsim import view
from fluidsim.cli import main
from fluidsim.errors import SimulationError
from fluidsim.render.frame import WhitewaterParticles
from fluidsim.store.stored_run import open_run
from fluidsim.view import opengl
from fluidsim.view.actors import add_particles, add_pressure, add_surface
from tests.render.worlds import jittered, liquid_frame

BACKGROUND = np.array((0x18, 0x20, 0x2B))
SIZE = ["--size", "320x240"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two frames each of scenes in 2D and 3D, by name and dimension."""
    folder = tmp_path_factory.mktemp("runs")
    for scene in ("stirred_tank", "smoke_solid"):
        for dim in ("2", "3"):
            flags = ["--dim", dim, "--resolution", "16", "--frames", "2", "--no-render"]
            assert main(["run", scene, *flags, "--out", str(folder / f"{scene}{dim}")]) == 0
    return folder


@pytest.fixture(scope="module")
def graphics():
    """Skip if VTK itself cannot draw; if it can, the program must find that it does."""
    draw = "import pyvista as pv; p = pv.Plotter(off_screen=True); p.screenshot(return_img=True)"
    if subprocess.run([sys.executable, "-c", draw], capture_output=True).returncode != 0:
        pytest.skip("VTK has no OpenGL here")
    opengl.check_opengl(window=False)


def drawn(picture):
    """Pixels that are not background."""
    return (np.abs(picture.astype(int) - BACKGROUND).max(-1) > 8).sum()


STILLS = [
    ("stirred_tank3", "surface"),
    ("stirred_tank3", "particles"),
    ("stirred_tank3", "pressure"),
    ("stirred_tank3", "slice"),
    ("stirred_tank3", "glyphs"),
    ("stirred_tank2", "particles"),
    ("stirred_tank2", "slice"),
    ("stirred_tank2", "pressure"),
    ("smoke_solid3", "volume"),
    ("smoke_solid3", "slice"),
    ("smoke_solid2", "slice"),
    ("smoke_solid2", "glyphs"),
]


def test_stills_show_more_than_the_empty_domain(runs, graphics):
    for name, what in STILLS:
        run = open_run(runs / name)
        viewer = view.Viewer(run, what, (320, 240), off_screen=True)
        viewer.show(2)
        picture = viewer.picture()
        assert picture.shape == (240, 320, 3)
        viewer._add = lambda plotter, frame: None
        viewer.show(2)
        assert drawn(picture) > drawn(viewer.picture()) + 100, (name, what)


class Meshes(list):
    """A plotter that keeps what is added to it."""

    def add_mesh(self, body, **style):
        self.append((body, style))


def test_pressure_on_the_surface_of_water_at_rest():
    shape, dx, level = (8, 6, 10), 0.1, 6
    depth = dx * (level - 0.5 - np.arange(shape[2]))
    pressure = np.broadcast_to(np.where(depth > 0, 9810 * depth, 0), shape).astype(np.float32)
    positions = jittered((*shape[:2], level), dx)
    frame = liquid_frame(positions, shape=shape, dx=dx)
    meshes = Meshes()
    add_pressure(meshes, replace(frame, pressure=pressure))
    [(body, style)] = meshes
    below = dx * level - body.points[:, 2]
    assert np.abs(body[style["scalars"]] - 9810 * below).max() < 9810 * dx
    assert below.max() > 5.5 * dx
    assert style["clim"][1] == pytest.approx(9810 * dx * (level - 0.5), rel=0.02)
    with pytest.raises(ValueError, match="hold no pressure"):
        add_pressure(meshes, frame)


def test_whitewater_is_shown_with_the_liquid():
    shape, dx = (8, 6, 10), 0.1
    frame = liquid_frame(jittered((8, 6, 5), dx), shape=shape, dx=dx)
    places = np.array([(0.2, 0.2, 0.7), (0.4, 0.3, 0.8)], np.float32)
    white = replace(WhitewaterParticles.none(3), positions=places, velocities=0 * places)
    for add in (add_surface, add_particles):
        bare, foaming = Meshes(), Meshes()
        add(bare, frame)
        add(foaming, replace(frame, whitewater=white))
        assert len(bare) == 1 and len(foaming) == 2
        assert np.array_equal(foaming[1][0].points, places)


def test_still_picture_from_the_command_line(runs, graphics, tmp_path, capsys):
    out = tmp_path / "a.png"
    assert main(["view", str(runs / "stirred_tank3"), "--save", str(out), *SIZE]) == 0
    assert imageio.imread(out).shape == (240, 320, 3)
    assert str(out) in capsys.readouterr().out


def test_the_slider_changes_the_frame(runs, graphics):
    viewer = view.Viewer(open_run(runs / "stirred_tank2"), None, (160, 120), off_screen=True)
    slider = vtkTextActor()
    viewer._plotter.add_actor(slider)
    viewer.show(1)
    first = viewer.picture()
    viewer.slide(1.9)
    assert viewer._plotter.renderer.HasViewProp(slider)
    assert viewer.number == 2
    second = viewer.picture()
    assert not np.array_equal(first, second)
    viewer.slide(1.2)
    assert np.array_equal(viewer.picture(), first)


WRONG = [
    (["--frame", "7"], "no frame 7, but 1 to 2"),
    (["--what", "volume"], "smoke in 3D"),
    (["--save", "a.jpg"], "PNG"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "said"), WRONG)
def test_what_cannot_be_shown_gets_one_line(flags, said, runs, graphics, tmp_path, capsys):
    save = [] if "--save" in flags else ["--save", str(tmp_path / "a.png")]
    assert main(["view", str(runs / "stirred_tank3"), *save, *flags]) == 1
    error = capsys.readouterr().err.strip()
    assert said in error and len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", ["import os; os.abort()", "raise SystemExit(1)", "while 1: pass"])
def test_without_opengl_one_line_says_what_to_do(code, runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(opengl, "_PICTURE", code)
    monkeypatch.setattr(opengl, "_SECONDS", 2)
    save = ["--save", str(tmp_path / "a.png")]
    assert main(["view", str(runs / "stirred_tank3"), *save]) == 1
    error = capsys.readouterr().err.strip()
    assert "libegl1" in error and "fluidsim render" in error and len(error.splitlines()) == 1


def test_without_a_display_a_window_is_refused(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SimulationError, match="--save"):
        opengl.check_opengl(window=True)
