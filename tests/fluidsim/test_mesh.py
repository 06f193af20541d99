"""Meshes as shapes: their distance, their place, and what is refused."""

import math

import numpy as np
import pytest
import pyvista
import torch

from fluidsim.solid import mesh as meshes
from fluidsim.solid.mesh import Mesh, read

SAMPLES = 40  # half as many as in use: they take most of a test's time
BALL = pyvista.Sphere(radius=2.0, center=(5.0, -3.0, 1.0), theta_resolution=48, phi_resolution=48)


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(meshes, "SAMPLES", SAMPLES)


@pytest.fixture(params=[".obj", ".stl", ".ply"])
def ball(request, tmp_path):
    path = tmp_path / f"ball{request.param}"
    BALL.save(path)
    return path


def points(count, dim, low=-0.2, high=1.2):
    generator = torch.Generator().manual_seed(1)
    return low + (high - low) * torch.rand(count, dim, generator=generator)


def test_a_ball_has_the_distance_of_a_ball_where_it_stands(ball):
    mesh = Mesh(ball, base=(0.5, 0.4, 0.1), height=0.6)
    x = points(4000, 3)
    exact = (x - torch.tensor((0.5, 0.4, 0.4))).norm(dim=-1) - 0.3
    near = exact.abs() < 0.1
    assert float((mesh.distance(x) - exact)[near].abs().max()) < 0.6 / SAMPLES
    assert ((mesh.distance(x) < 0) == (exact < 0))[exact.abs() > 0.005].all()
    assert (mesh.distance(x)[exact > 0.2] > 0.15).all()


def test_in_2d_it_is_a_slice(ball):
    mesh = Mesh(str(ball), base=(0.5, 0.1), height=0.6)
    x = points(2000, 2)
    exact = (x - torch.tensor((0.5, 0.4))).norm(dim=-1) - 0.3
    assert ((mesh.distance(x) < 0) == (exact < 0))[exact.abs() > 0.005].all()


def test_turn_and_up_axis(tmp_path):
    path = tmp_path / "bar.obj"
    pyvista.Box((0.0, 4.0, 0.0, 1.0, 0.0, 2.0)).triangulate().save(path)
    x = points(4000, 3, 0.0, 1.0)
    turned = Mesh(path, (0.5, 0.5, 0.0), 0.4, turn=math.pi / 2)
    size = torch.tensor((0.2, 0.8, 0.4)) / 2
    outside = (x - torch.tensor((0.5, 0.5, 0.2))).abs() - size
    inside = (outside < 0).all(-1)
    clear = outside.amax(-1).abs() > 0.01
    assert torch.equal((turned.distance(x) < 0)[clear], inside[clear])
    lying = Mesh(path, (0.5, 0.5, 0.0), 0.2, up="y")
    size = torch.tensor((0.8, 0.4, 0.2)) / 2
    outside = (x - torch.tensor((0.5, 0.5, 0.1))).abs() - size
    clear = outside.amax(-1).abs() > 0.01
    assert torch.equal((lying.distance(x) < 0)[clear], (outside < 0).all(-1)[clear])


def test_triangles_the_wrong_way_round_and_small_holes_do_no_harm(tmp_path):
    faces = BALL.regular_faces.copy()
    kept = np.ones(len(faces), dtype=bool)
    kept[np.random.default_rng(0).choice(len(faces), 8, replace=False)] = False
    path = tmp_path / "torn.ply"
    pyvista.PolyData.from_regular_faces(BALL.points, faces[kept]).save(path)
    x = points(4000, 3)
    exact = (x - torch.tensor((0.5, 0.5, 0.3))).norm(dim=-1) - 0.3
    found = Mesh(path, (0.5, 0.5, 0.0), 0.6).distance(x) < 0
    assert (found == (exact < 0))[exact.abs() > 0.02].all()


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_what_is_no_closed_surface_gets_one_line(tmp_path):
    half = BALL.clip("z", origin=(5.0, -3.0, 1.0))
    half.extract_surface(algorithm="dataset_surface").triangulate().save(tmp_path / "half.ply")
    pyvista.Plane(i_resolution=2, j_resolution=2).triangulate().save(tmp_path / "flat.stl")
    garbage = np.random.default_rng(3).bytes(3000)
    for path, said in (
        (written(tmp_path / "empty.obj", ""), "mesh|triangles"),
        (written(tmp_path / "points.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\n"), "mesh|triangles"),
        (written(tmp_path / "noise.stl", garbage), "mesh|triangles|finite|flat"),
        (written(tmp_path / "noise.ply", garbage), "mesh|triangles"),
        (
            written(tmp_path / "beyond.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n"),
            "do not exist",
        ),
        (written(tmp_path / "other.txt", "v 0 0 0"), "must be one of"),
        (tmp_path / "flat.stl", "flat"),
        (tmp_path / "half.ply", "open"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            Mesh(path, (0.5, 0.5, 0.0), 0.5)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(OSError):
        Mesh(tmp_path / "nowhere.obj", (0.5, 0.5, 0.0), 0.5)
    with pytest.raises(ValueError, match="height"):
        Mesh(tmp_path / "half.ply", (0.5, 0.5, 0.0), 0.0)


def test_polygons_objects_and_counting_from_the_end_in_obj(tmp_path):
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    first = ["1 2 4 3", "5/1/1 7/1/1 8/1/1 6/1/1", "1 5 6 2"]
    second = ["3 4 8 7", "-8 -6 -2 -4", "2 6 8 4"]
    lines = ["mtllib none.mtl", *(f"v {x} {y} {z}" for x, y, z in corners)]
    lines += ["o one", *(f"f {face}" for face in first)]
    lines += ["o two", "usemtl blue", *(f"f {face}" for face in second)]
    vertices, triangles = read(written(tmp_path / "cube.obj", "\n".join(lines) + "\n"))
    assert len(vertices) == 8 and len(triangles) == 12
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(6)
