"""Mesh files as other programs write them: what is read, and what is repaired."""

import math
import struct
import time

import numpy as np
import pytest
import torch

from fluidsim.solid.mesh import Mesh, read

CORNERS = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
TRIANGLES = [each for a, b, c, d in QUADS for each in ((a, b, c), (a, c, d))]


def spaced(values):
    return " ".join(map(str, values))


def obj(vertices, faces, first=1):
    lines = [f"v {spaced(place)}" for place in vertices]
    return lines + [f"f {spaced(k + first for k in face)}" for face in faces]


def off(vertices, faces):
    lines = ["OFF", "# a comment", f"{len(vertices)} {len(faces)} 0", *map(spaced, vertices)]
    return lines + [f"{len(face)} {spaced(face)} 255 0 0" for face in faces]


def ply(vertices, faces, form, extra=""):
    """PLY text, or bytes; `extra`: a property of the faces after their corners, 7 for all."""
    more = [f"property uchar {extra}"] if extra else []
    header = [
        "ply", f"format {form} 1.0", f"element vertex {len(vertices)}", "property double x",
        "property double y", "property double z", f"element face {len(faces)}",
        "property list uchar int vertex_indices", *more, "end_header",
    ]  # fmt: skip
    if form == "ascii":
        end = " 7" if extra else ""
        rows = [f"{len(face)} {spaced(face)}{end}" for face in faces]
        return "\n".join([*header, *map(spaced, vertices), *rows])
    order = "<" if "little" in form else ">"
    data = ("\n".join(header) + "\n").encode()
    data += b"".join(struct.pack(f"{order}3d", *place) for place in vertices)
    for face in faces:
        data += struct.pack(f"{order}B{len(face)}i", len(face), *face) + b"\x07" * bool(extra)
    return data


def volume(tmp_path, suffix, data):
    """Of the triangles of a file; it is that of the solid if they all look outwards."""
    path = tmp_path / f"a{suffix}"
    data = "\n".join(data) + "\n" if isinstance(data, list) else data
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    vertices, triangles = read(path)
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    assert len(np.unique(triangles)) == len(vertices)
    return float((a * np.cross(b, c)).sum() / 6)


def prism(ring, height=1):
    """Vertices and faces of an upright prism."""
    n = len(ring)
    vertices = [(x, y, z) for z in (0, height) for x, y in ring]
    sides = [(k, (k + 1) % n, (k + 1) % n + n, k + n) for k in range(n)]
    return vertices, [tuple(range(n - 1, -1, -1)), tuple(range(n, 2 * n)), *sides]


def circle(n):
    return [(math.cos(2 * math.pi * k / n), math.sin(2 * math.pi * k / n)) for k in range(n)]


MIXED = [*QUADS[:3], *TRIANGLES[6:]]
FORMS = ("ascii", "binary_little_endian", "binary_big_endian")


@pytest.mark.parametrize("faces", [TRIANGLES, QUADS, MIXED], ids=["triangles", "quads", "mixed"])
def test_polygons_of_all_kinds_of_files(tmp_path, faces):
    cases = [(".obj", obj(CORNERS, faces)), (".off", off(CORNERS, faces))]
    for form in FORMS:
        cases += [(".ply", ply(CORNERS, faces, form, extra)) for extra in ("", "flags")]
    for suffix, data in cases:
        assert volume(tmp_path, suffix, data) == pytest.approx(1)


def test_polygons_may_be_concave_and_have_many_corners(tmp_path):
    ell = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
    for suffix, text in ((".off", off), (".obj", obj)):
        assert volume(tmp_path, suffix, text(*prism(ell))) == pytest.approx(3)
    mesh = Mesh(tmp_path / "a.off", (1, 1, 0), 1)
    outside = mesh.distance(torch.tensor((1.5, 1.5, 0.9)))
    assert float(outside) == pytest.approx(math.hypot(0.5, 0), abs=0.03)
    begin = time.process_time()
    assert volume(tmp_path, ".obj", obj(*prism(circle(20_000)))) == pytest.approx(math.pi)
    assert time.process_time() - begin < 10


def test_obj_numbers_that_count_back_mean_where_the_face_stands(tmp_path):
    blocks = []
    for shift in (0, 1.5):
        blocks += obj([(x + shift, y, z) for x, y, z in CORNERS], QUADS, first=-8)
    assert volume(tmp_path, ".obj", blocks) == pytest.approx(2)
    folded = [line.replace(" ", " \\\n", 1) for line in blocks]
    assert volume(tmp_path, ".obj", folded) == pytest.approx(2)


def test_vertices_of_no_face_do_not_count(tmp_path):
    far = [*CORNERS, (0.5, 0.5, 9)]
    for suffix, data in ((".ply", ply(far, QUADS, "ascii")), (".obj", obj(far, QUADS))):
        assert volume(tmp_path, suffix, data) == pytest.approx(1)


def test_triangles_turn_the_way_of_their_neighbours(tmp_path):
    half = [t if k % 2 else t[::-1] for k, t in enumerate(TRIANGLES)]
    inside_out = [t[::-1] for t in TRIANGLES]
    both = TRIANGLES + inside_out
    for faces in (half, inside_out, both):
        assert volume(tmp_path, ".obj", obj(CORNERS, faces)) == pytest.approx(1)


def test_the_walls_of_cavities_go_on_looking_inwards(tmp_path):
    inner = [tuple(0.25 + x / 2 for x in place) for place in CORNERS]
    walls = [tuple(k + 8 for k in t[::-1]) for t in TRIANGLES]
    walls[0] = walls[0][::-1]  # one is the wrong way round
    hollow = obj([*CORNERS, *inner], TRIANGLES + walls)
    assert volume(tmp_path, ".obj", hollow) == pytest.approx(1 - 1 / 8)


def test_a_missing_triangle_is_closed_and_a_missing_side_is_refused(tmp_path):
    assert volume(tmp_path, ".obj", obj(CORNERS, TRIANGLES[1:])) == pytest.approx(1)
    with pytest.raises(ValueError, match="close it"):
        volume(tmp_path, ".obj", obj(CORNERS, QUADS[1:]))


def test_a_file_written_anew_has_its_new_shape(tmp_path):
    path = tmp_path / "a.obj"
    top = torch.tensor((0.0, 0.0, 0.45))
    for height, inside in ((1, True), (4, False)):  # at one height, the taller box is thinner
        path.write_text("\n".join(obj([(x, y, height * z) for x, y, z in CORNERS], QUADS)))
        mesh = Mesh(path, [0.0, 0.0, 0.0], 0.5)
        assert (float(mesh.distance(top + torch.tensor((0.2, 0, 0)))) < 0) == inside


def test_a_mesh_takes_lists_and_text(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text("\n".join(obj(CORNERS, QUADS)))
    mesh = Mesh(str(path), base=[0.5, 0.5, 0], height=1)
    assert mesh == Mesh(str(path), base=(0.5, 0.5, 0), height=1)
    assert hash(mesh) == hash(Mesh(str(path), base=np.array([0.5, 0.5, 0]), height=1))


@pytest.mark.slow
def test_a_polygon_of_very_many_corners_takes_seconds(tmp_path):
    begin = time.process_time()
    assert volume(tmp_path, ".obj", obj(*prism(circle(100_000)))) == pytest.approx(math.pi)
    assert time.process_time() - begin < 20
