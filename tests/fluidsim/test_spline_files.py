"""Splines from files: what they say, where they stand, and what is refused."""

import json
import math

import pytest
import torch

from fluidsim import RunConfig
from fluidsim.cli import main
from fluidsim.scene.figurines import bunny
from fluidsim.solid.spline_files import SplineFigure, SplineFile, read, write
from tests.fluidsim.shapes_of_splines import ball, blob, circle, pebble

SECTION = {"control_points": [[0, 0], [2, 0], [2, 1], [0, 4]], "degree": 1}


def points(dim):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2000, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    "file",
    [SplineFile(blob(), extruded=0.3), SplineFile(circle(), revolved=True), SplineFile(pebble())],
    ids=["extruded", "revolved", "surface"],
)
def test_a_file_is_read_as_it_was_written_bit_for_bit(file, tmp_path):
    write(tmp_path / "it.json", file)
    again = read(tmp_path / "it.json")
    assert (again.extruded, again.revolved) == (file.extruded, file.revolved)
    for name, value in vars(file.spline).items():
        other = getattr(again.spline, name)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other


def test_figures_stand_on_their_base_at_their_height(tmp_path):
    path = tmp_path / "it.json"
    write(path, SplineFile(ball(7.0)))
    x = points(3)
    exact = (x - torch.tensor((0.5, 0.4, 0.4))).norm(dim=1) - 0.3
    for up in ("z", "y"):
        found = SplineFigure(path, (0.5, 0.4, 0.1), 0.6, turn=0.3, up=up).distance(x)
        assert float((found - exact).abs().max()) < 1e-4
    y = points(2)
    flat = SplineFigure(path, (0.5, 0.1), 0.6).distance(y)
    exact = (y - torch.tensor((0.5, 0.4))).norm(dim=1) - 0.3
    assert float((flat - exact).abs().max()) < 1e-4
    path.write_text(json.dumps({"curve": SECTION, "extruded": 1.0}))
    wedge = SplineFigure(path, (0.5, 0.5, 0.1), 0.8)  # scaled by a fifth
    places = torch.tensor(
        ((0.31, 0.41, 0.3), (0.31, 0.39, 0.3), (0.69, 0.5, 0.3), (0.5, 0.5, 0.05))
    )
    assert (wedge.distance(places) < 0).tolist() == [True, False, True, False]
    turned = SplineFigure(path, (0.5, 0.5, 0.1), 0.8, turn=math.pi)
    mirrored = SplineFigure(path, (0.5, 0.1), 0.8, turn=math.pi)
    straight = SplineFigure(path, (0.5, 0.1), 0.8)
    back = torch.stack((1 - y[:, 0], y[:, 1]), 1)
    torch.testing.assert_close(mirrored.distance(y), straight.distance(back), atol=1e-7, rtol=0)
    slab = torch.stack((y[:, 0], torch.full_like(y[:, 0], 0.5), y[:, 1]), 1)
    assert torch.equal(turned.distance(slab) < 0, mirrored.distance(y) < 0)
    path.write_text(json.dumps({"curve": SECTION, "revolved": True}))
    cone = SplineFigure(path, (0.5, 0.5, 0.1), 0.8).distance(torch.tensor(((0.5, 0.8, 0.2),)))
    assert -0.11 < float(cone) < 0


def test_the_mesh_flag_takes_a_spline(tmp_path, capsys):
    path = tmp_path / "it.json"
    path.write_text(json.dumps({"curve": SECTION, "extruded": 1.0}))
    figure = bunny(RunConfig(scene="", dim=3, mesh=path), (0.75, 0.5, 0.1), 0.7)
    assert figure == SplineFigure(path, (0.75, 0.5, 0.1), 0.7)
    flags = ["--dim", "2", "--resolution", "16", "--frames", "1", "--no-render"]
    out = tmp_path / "run"
    assert main(["run", "dambreak_bunny", *flags, "--out", str(out), "--mesh", str(path)]) == 0
    path.write_text("{")
    capsys.readouterr()
    for scene, said in (("water_drop", "no mesh"), ("dambreak_bunny", "it.json")):
        assert main(["run", scene, *flags, "--out", str(out) + "2", "--mesh", str(path)]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line


BAD = [
    ("{", "not a file of JSON"),
    ("[" * 100_000, "nested too deeply"),
    ("[]", '"curve" or a "surface"'),
    ({"curve": SECTION}, 'either "extruded" or "revolved"'),
    ({"curve": SECTION, "extruded": 1, "revolved": True}, 'either "extruded" or "revolved"'),
    ({"curve": SECTION, "extruded": -1}, "positive width"),
    ({"curve": SECTION, "extruded": "wide"}, "positive width"),
    ({"curve": SECTION, "revolved": 1}, "true or false"),
    ({"curve": SECTION, "colour": 1}, 'may not hold "colour"'),
    ({"curve": {**SECTION, "colour": 1}, "extruded": 1}, 'needs "control_points"'),
    ({"curve": {**SECTION, "degree": 2.0}, "extruded": 1}, "degree of a spline"),
    ({"curve": {"control_points": [[0, 0], [1, 1]]}, "extruded": 1}, "needs 4 control points"),
    ({"curve": {"control_points": [[0, 1e999], [1, 1], [2, 5], [0, 4]]}, "extruded": 1}, "finite"),
    ({"curve": {"control_points": [[0, 10**400], [1, 1]]}, "extruded": 1}, "equal rows"),
    ({"surface": {"control_points": "everywhere"}}, "equal rows"),
]


@pytest.mark.parametrize("said, error", BAD, ids=[error for _, error in BAD])
def test_a_bad_file_gets_one_line_that_names_it(said, error, tmp_path):
    path = tmp_path / "it.json"
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    with pytest.raises(ValueError, match=error) as caught:
        read(path)
    assert "it.json" in str(caught.value) and "\n" not in str(caught.value)


def test_a_figure_that_cannot_stand_is_refused(tmp_path):
    write(tmp_path / "it.json", SplineFile(ball()))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        SplineFigure(tmp_path / "nowhere.json", (0, 0, 0), 1.0)
    with pytest.raises(ValueError, match="height"):
        SplineFigure(tmp_path / "it.json", (0, 0, 0), 0.0)
    with pytest.raises(ValueError, match="y or z"):
        SplineFigure(tmp_path / "it.json", (0, 0, 0), 1.0, up="x")
