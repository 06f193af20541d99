"""The bunny and the dragon, and the mesh that takes their place."""

import math

import pytest
import pyvista
import scipy.ndimage
import torch

from fluidsim import RunConfig
from fluidsim.cli import main
from fluidsim.grid.grid import Grid
from fluidsim.scene.figurines import bunny, dragon
from fluidsim.solid.animated import AnimatedMesh
from fluidsim.solid.mesh import Mesh
from tests.fluidsim.moving_meshes import balls

FIGURES = pytest.mark.parametrize("figure", [bunny, dragon])
GRID = Grid((72, 48, 48), 1 / 48)
FLAT = Grid((72, 48), 1 / 48)


def inside(shape, grid):
    points = grid.cells(grid.cell_positions(torch.device("cpu")).movedim(-1, 0)).movedim(0, -1)
    return (shape.distance(points) < 0).numpy()


@FIGURES
def test_a_figure_stands_on_its_base_in_one_piece(figure):
    config = RunConfig(scene="", dim=3)
    held = inside(figure(config, (0.75, 0.5, 0.1), 0.7), GRID)
    heights = held.any((0, 1)).nonzero()[0]
    assert heights[0] / 48 == pytest.approx(0.1, abs=1.5 / 48)
    assert (heights[-1] + 1) / 48 == pytest.approx(0.8, abs=2 / 48)
    assert scipy.ndimage.label(held)[1] == 1
    assert (held == held[:, ::-1]).all()  # left and right
    assert not held[0].any() and not held[-1].any()


@FIGURES
def test_in_2d_a_figure_is_its_outline(figure):
    flat = inside(figure(RunConfig(scene="", dim=2), (0.75, 0.1), 0.7), FLAT)
    solid = inside(figure(RunConfig(scene="", dim=3), (0.75, 0.5, 0.1), 0.7), GRID)
    assert (flat != solid.any(1)).sum() < 0.15 * flat.sum()
    back = inside(figure(RunConfig(scene="", dim=2), (0.75, 0.1), 0.7, math.pi), FLAT)
    assert (back == flat[::-1]).all()


@pytest.fixture
def post(tmp_path):
    path = tmp_path / "post.obj"
    pyvista.Box((0.0, 0.1, 0.0, 0.1, 0.0, 1.0)).triangulate().save(path)
    return path


def test_a_mesh_takes_the_place_of_a_figure(post):
    shape = bunny(RunConfig(scene="", dim=3, mesh=post), (0.75, 0.5, 0.1), 0.7)
    assert shape == Mesh(post, (0.75, 0.5, 0.1), 0.7)


def test_the_way_up_of_the_mesh(post, capsys):
    lying = bunny(RunConfig(scene="", dim=3, mesh=post, mesh_up="y"), (0.75, 0.5, 0.1), 0.7)
    assert lying == Mesh(post, (0.75, 0.5, 0.1), 0.7, up="y")
    assert main(["run", "dambreak_bunny", "--dim", "2", "--mesh-up", "y"]) == 1
    assert "no --mesh FILE" in capsys.readouterr().err


def test_the_mesh_flag(post, tmp_path, capsys):
    flags = ["--dim", "2", "--resolution", "16", "--frames", "1", "--no-render"]
    out = ["--out", str(tmp_path / "run")]
    assert main(["run", "dambreak_bunny", *flags, *out, "--mesh", str(post)]) == 0
    assert '"type": "Mesh"' in (tmp_path / "run" / "config.json").read_text()
    capsys.readouterr()
    empty = tmp_path / "empty.obj"
    empty.write_text("")
    for scene, mesh, said in (
        ("water_drop", post, "water_drop has no mesh"),
        ("dambreak_bunny", empty, "empty.obj"),
        ("dambreak_bunny", tmp_path / "nowhere.obj", "nowhere.obj"),
    ):
        folder = tmp_path / "failed"
        arguments = ["run", scene, *flags, "--out", str(folder), "--mesh", str(mesh)]
        assert main(arguments) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line
        assert not folder.exists()


@pytest.mark.parametrize("name", ["ball_*.obj", "ball_###.obj", ""])
def test_frames_take_the_place_of_a_figure(name, tmp_path):
    folder = balls(tmp_path / "frames", (0.3, 0.4), [(0.0, 0.0, 0.0)] * 2)
    config = RunConfig(scene="", dim=3, mesh=folder / name, mesh_up="y")
    base = (0.75, 0.5, 0.1)
    shape = dragon(config, base, 0.7, 1.0)
    assert shape == AnimatedMesh(folder / name, None, base, 0.7, 1.0, "y")


def test_the_mesh_flag_takes_a_pattern(tmp_path, capsys):
    folder = balls(tmp_path / "frames", (0.3, 0.35, 0.4), [(0.0, 0.0, 0.0)] * 3)
    flags = ["--dim", "2", "--resolution", "16", "--frames", "2", "--no-render"]
    mesh = ["--mesh", str(folder / "ball_*.obj")]
    assert main(["run", "dambreak_bunny", *flags, *mesh, "--out", str(tmp_path / "run")]) == 0
    assert '"type": "AnimatedMesh"' in (tmp_path / "run" / "config.json").read_text()
    capsys.readouterr()
    for scene, pattern, said in (
        ("dambreak_bunny", "cube_*.obj", "needs two or more mesh files, not 0"),
        ("water_drop", "ball_*.obj", "water_drop has no mesh"),
        ("ducks", "ball_*.obj", "what floats here is rigid"),
    ):
        out = ["--out", str(tmp_path / "failed")]
        assert main(["run", scene, *flags, *out, "--mesh", str(folder / pattern)]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line
