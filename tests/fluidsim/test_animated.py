"""Animated meshes: their files, and how they are between frames."""

import math

import numpy as np
import pytest
import pyvista
import torch

from fluidsim.solid import animated
from fluidsim.solid.animated import AnimatedMesh
from fluidsim.solid.shapes import Sphere
from tests.fluidsim.moving_meshes import BALL, balls, write

RADII, CENTRES = (0.2, 0.25, 0.2), ((0.5, 0.5, 0.5), (0.6, 0.5, 0.5), (0.6, 0.55, 0.5))


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(animated, "SAMPLES", 32)


@pytest.fixture
def ball(tmp_path):
    """A ball that grows and moves, then shrinks and moves another way; ten frames a second."""
    return AnimatedMesh(balls(tmp_path, RADII, CENTRES), rate=10, start=0.1)


def at(values, time):
    """A value between those of the frames."""
    return np.array([np.interp(time, (0.1, 0.2, 0.3), part) for part in np.transpose(values)])


def places(dim, count=400):
    return torch.rand(count, dim, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("time", [0.0, 0.1, 0.13, 0.2, 0.27, 0.3, 0.5])
@pytest.mark.parametrize("dim", [2, 3])
def test_between_frames_it_is_on_the_way(ball, dim, time):
    x = places(dim)
    centre = torch.tensor(at(CENTRES, time), dtype=torch.float32)
    centre = centre[::2] if dim == 2 else centre
    radius = float(np.interp(time, (0.1, 0.2, 0.3), RADII))
    shift = float(at(CENTRES, time)[1]) - 0.5  # out of the plane of the slice
    radius = math.sqrt(radius**2 - shift**2) if dim == 2 else radius
    exact = (x - centre).norm(dim=-1) - radius
    near = exact.abs() < 0.04
    assert float((ball.distance(x, time) - exact)[near].abs().max()) < 0.006
    assert ((ball.distance(x, time) < 0) == (exact < 0))[exact.abs() > 0.005].all()


@pytest.mark.parametrize("dim", [2, 3])
def test_its_velocity_is_that_of_its_vertices(ball, dim):
    x = places(dim)
    centre = torch.tensor((0.55, 0.5, 0.5)[:: 4 - dim])
    near = ((x - centre).norm(dim=-1) - 0.225).abs() < 0.03
    outward = torch.nn.functional.normalize(x[near] - centre, dim=-1)
    expected = 0.5 * outward + torch.tensor((1.0, 0.0, 0.0)[:: 4 - dim])
    assert float((ball.velocity_at(x[near], 0.15) - expected).abs().max()) < 0.02
    for time in (0.05, 0.35):
        assert not ball.velocity_at(x, time).any()
        assert not ball.surface(time, time, 0.1, dim).velocities.any()
    assert ball.top_speed(0.1, 0.05, 0.0) == pytest.approx(1.5, rel=1e-3)
    assert ball.top_speed(0.0, 0.1, 0.0) == 0 == ball.top_speed(0.3, 1.0, 0.0)


@pytest.mark.parametrize("since, until", [(0.11, 0.16), (0.16, 0.24), (0.25, 0.31)])
@pytest.mark.parametrize("dim", [2, 3])
def test_its_surface_sweeps_what_its_volume_changes_by(ball, dim, since, until):
    points, areas, velocities = ball.surface(since, until, 0.03, dim)
    assert float(areas.sum(0).abs().max()) < 1e-6
    swept = float((areas * velocities).sum()) * (until - since)

    def volume(time):
        return float((ball.surface(time, time, 0.03, dim)[0] * outward(time)).sum() / dim)

    def outward(time):
        return ball.surface(time, time, 0.03, dim).areas

    assert swept == pytest.approx(volume(until) - volume(since), rel=0.02)
    assert float(ball.distance(points.float(), until).abs().max()) < 0.005  # it is carried on


def test_a_loop_has_no_end(tmp_path):
    endless = AnimatedMesh(balls(tmp_path, RADII, CENTRES), rate=10, loops=True)
    x = places(2)
    for time, later in ((0.04, 0.34), (0.25, 3.25)):
        torch.testing.assert_close(endless.distance(x, later), endless.distance(x, time))
        torch.testing.assert_close(
            endless.velocity_at(x, later), endless.velocity_at(x, time), atol=1e-4, rtol=1e-4
        )
    assert endless.top_speed(0.25, 0.01, 0.0) == pytest.approx(math.hypot(1.0, 0.5), rel=1e-3)


def test_the_first_frame_stands_where_it_is_put(tmp_path):
    folder = balls(tmp_path, (2.0, 2.0), ((5, -3, 1), (6, -3, 1)))
    mesh = AnimatedMesh(folder, rate=1, base=(0.3, 0.5, 0.1), height=0.4, turn=math.pi / 2)
    for time, centre in ((0.0, (0.3, 0.5, 0.3)), (1.0, (0.3, 0.6, 0.3))):
        x = places(3)
        inside = Sphere(centre, 0.2).distance(x)
        clear = inside.abs() > 0.005
        assert torch.equal((mesh.distance(x, time) < 0)[clear], (inside < 0)[clear])
    lying = AnimatedMesh(folder, rate=1, base=(0.3, 0.1), height=0.4, up="y")
    assert float(lying.distance(torch.tensor([[0.3, 0.3]]), 0.0)) == pytest.approx(-0.2, abs=0.02)


@pytest.mark.parametrize("suffix", [".stl", ".ply", ".off"])
def test_all_formats_say_the_same(tmp_path, suffix):
    one = AnimatedMesh(balls(tmp_path / "obj", RADII, CENTRES), rate=10)
    other = AnimatedMesh(balls(tmp_path / "other", RADII, CENTRES, suffix), rate=10)
    x = places(2)
    torch.testing.assert_close(one.distance(x, 0.13), other.distance(x, 0.13), atol=1e-5, rtol=0)


def test_squares_and_large_polygons_are_cut_alike_in_all_frames(tmp_path):
    """Also polygons without a triangulation, which become fans."""
    box = pyvista.Box((0.2, 0.8, 0.2, 0.8, 0.2, 0.8))
    corners, faces = np.asarray(box.points), np.asarray(box.regular_faces)
    for number in (1, 2):
        write(tmp_path / f"box{number}.obj", corners * (1, 1, number), faces)
    mesh = AnimatedMesh(tmp_path, rate=1)
    volume = [float((s.points * s.areas).sum() / 3) for s in (surface(mesh, t) for t in (0, 0.5))]
    assert volume == pytest.approx([0.6**3, 0.6**3 * 1.5], rel=1e-6)


def surface(mesh, time):
    return mesh.surface(time, time, 0.2, 3)


def test_numbers_order_the_frames_not_names(tmp_path):
    for number in range(8, 12):
        write(tmp_path / f"b{number}.obj", BALL.points * 0.1 * number, BALL.regular_faces)
    for pattern in ("", "b*.obj", "b*"):
        mesh = AnimatedMesh(tmp_path / pattern, rate=1)
        size = [float(surface(mesh, time).points[:, 2].max()) for time in range(4)]
        assert size == sorted(size) and size[-1] > 1.3 * size[0]


def first(tmp_path):
    write(tmp_path / "b_001.obj", BALL.points, BALL.regular_faces)


def missing_frame(tmp_path):
    first(tmp_path)
    write(tmp_path / "b_003.obj", BALL.points, BALL.regular_faces)
    return tmp_path, "frame 2 is missing between b_001.obj and b_003.obj"


def one_frame(tmp_path):
    first(tmp_path)
    return tmp_path / "b_###.obj", "two or more mesh files, not 1"


def another_pattern(tmp_path):
    first(tmp_path)
    return tmp_path / "b_####.obj", "two or more mesh files, not 0"


def the_same_frame(tmp_path):
    first(tmp_path)
    write(tmp_path / "b_1.obj", BALL.points, BALL.regular_faces)
    return tmp_path, "b_001.obj and b_1.obj in .* are the same frame"


def no_number(tmp_path):
    first(tmp_path)
    write(tmp_path / "ball.obj", BALL.points, BALL.regular_faces)
    return tmp_path, "ball.obj: its name does not end with the number"


def a_file(tmp_path):
    first(tmp_path)
    return tmp_path / "b_001.obj", "frames are a folder, or a pattern"


def more_vertices(tmp_path):
    first(tmp_path)
    finer = pyvista.Sphere(theta_resolution=30, phi_resolution=30)
    write(tmp_path / "b_002.obj", finer.points, finer.regular_faces)
    known = f"has 842 vertices and 1680 faces, .*b_001.obj has {BALL.n_points} "
    return tmp_path, f"b_002.obj {known}and {BALL.n_cells}: the frames"


def other_faces(tmp_path):
    first(tmp_path)
    write(tmp_path / "b_002.obj", BALL.points, BALL.regular_faces[:, [1, 2, 0]])
    return tmp_path, "faces of .*b_002.obj join other vertices than those of .*b_001.obj"


def torn(tmp_path):
    soup = BALL.points[BALL.regular_faces]
    for number, gap in enumerate((0.0, 1.5)):
        opened = soup + gap * np.sign(soup.mean(1, keepdims=True)) * (1, 0, 0)
        triangles = np.arange(opened.size // 3).reshape(-1, 3)
        write(tmp_path / f"b_{number}.stl", opened.reshape(-1, 3), triangles)
    return tmp_path, "b_1.stl: the surface of .*b_0.stl is torn open here"


def inside_out(tmp_path):
    first(tmp_path)
    write(tmp_path / "b_002.obj", -np.asarray(BALL.points), BALL.regular_faces)
    return tmp_path, "b_002.obj: the surface encloses nothing here, or is inside out"


def no_mesh(tmp_path):
    first(tmp_path)
    (tmp_path / "b_002.obj").write_text("nothing")
    return tmp_path, "b_002.obj: the file has no triangles"


@pytest.mark.parametrize(
    "case",
    [
        missing_frame, one_frame, another_pattern, the_same_frame, no_number, a_file, more_vertices,
        other_faces, torn, inside_out, no_mesh,
    ],
)  # fmt: skip
def test_what_is_no_animation_is_refused_in_one_line(tmp_path, case):
    path, line = case(tmp_path)
    with pytest.raises(ValueError, match=line) as error:
        AnimatedMesh(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "given, line",
    [
        ({"rate": 0.0}, "the rate of an animation must be positive, not 0.0"),
        ({"height": 1.0}, "needs both base and height"),
        ({"base": (0, 0, 0), "height": -1.0}, "height of a mesh must be positive"),
        ({"up": "x"}, "up must be y or z"),
        ({"path": "there/is/nothing_#.obj"}, "there is no folder"),
        ({"path": "nothing"}, "frames are a folder, or a pattern"),
    ],
)
def test_impossible_values_are_refused(tmp_path, given, line):
    folder = balls(tmp_path, RADII, CENTRES)
    with pytest.raises((ValueError, OSError), match=line):
        AnimatedMesh(**{"path": folder, **given})


def usd_file(path, radii=RADII, meshes=1, codes=(1, 3, 5), cut=0):
    """A ball at three time codes, in centimetres, shifted by a transform that is animated."""
    pxr = pytest.importorskip("pxr")
    Usd, UsdGeom, Gf, Vt = (
        __import__(f"pxr.{name}", fromlist=[name]) for name in ("Usd", "UsdGeom", "Gf", "Vt")
    )
    assert pxr is not None
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    stage.SetTimeCodesPerSecond(20.0)
    for number in range(meshes):
        mesh = UsdGeom.Mesh.Define(stage, f"/mesh{number}")
        shift = mesh.AddTranslateOp()
        for code, radius, centre in zip(codes, radii, CENTRES, strict=True):
            points = np.asarray(BALL.points, np.float32) * 100 * radius
            faces = BALL.regular_faces if code == codes[0] else BALL.regular_faces[cut:]
            mesh.GetPointsAttr().Set(Vt.Vec3fArray.FromNumpy(points), code)
            mesh.GetFaceVertexCountsAttr().Set([3] * len(faces), code)
            mesh.GetFaceVertexIndicesAttr().Set(faces.reshape(-1).tolist(), code)
            shift.Set(Gf.Vec3d(*(100 * x for x in centre)), code)
    stage.Save()
    return path


def test_time_samples_of_usd_are_frames(tmp_path):
    films = [
        AnimatedMesh(usd_file(tmp_path / "ball.usda")),
        AnimatedMesh(balls(tmp_path / "obj", RADII, CENTRES), rate=10),
    ]
    x = places(2)
    for time in (0.05, 0.13):
        one, other = (film.distance(x, time) for film in films)
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "given, line",
    [
        ({"meshes": 2}, "needs one mesh, this file has 2"),
        ({"codes": (1, 2, 5)}, "the time samples of its mesh are not evenly spaced"),
        ({"cut": 5}, "time code 3 has 642 vertices and 1275 faces, .* at time code 1 has 642 and"),
    ],
)
def test_unfit_usd_is_refused(tmp_path, given, line):
    with pytest.raises(ValueError, match=line):
        AnimatedMesh(usd_file(tmp_path / "ball.usda", **given))


def test_a_damaged_usd_file_is_refused(tmp_path):
    pytest.importorskip("pxr")
    (tmp_path / "ball.usda").write_text("nothing")
    with pytest.raises(ValueError, match="cannot be read as USD"):
        AnimatedMesh(tmp_path / "ball.usda")
    with pytest.raises(OSError, match="there is no mesh file"):
        AnimatedMesh(tmp_path / "none.usda")
