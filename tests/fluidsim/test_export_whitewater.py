"""Whitewater as other programs get it, with ids, ages and kinds."""

import dataclasses

import numpy as np
import pytest
import pyvista
import trimesh

from fluidsim.export.files import write_points
from fluidsim.render.frame import WhitewaterParticles
from tests.render.worlds import jittered, liquid_frame

COUNT = 5


@pytest.fixture
def white():
    rows = np.arange(3 * COUNT, dtype=np.float32).reshape(COUNT, 3) / 20
    return WhitewaterParticles(
        positions=rows, velocities=rows + 1, kind=np.array([0, 1, 2, 1, 0], np.uint8),
        id=np.arange(COUNT, dtype=np.uint32) + 7, age=rows[:, 0] / 2, life=rows[:, 1], issued=20,
    )  # fmt: skip


@pytest.fixture
def frame(white):
    return liquid_frame(jittered((8, 8, 4), 1 / 8), shape=(8, 8, 8), dx=1 / 8, whitewater=white)


def upright(vectors):
    """y up becomes z up."""
    return np.stack([vectors[:, 0], -vectors[:, 2], vectors[:, 1]], -1)


def test_points_for_paraview(white, tmp_path):
    write_points(tmp_path / "a.vtp", white)
    back = pyvista.read(tmp_path / "a.vtp")
    np.testing.assert_array_equal(back.points, white.positions)
    np.testing.assert_array_equal(back["velocity"], white.velocities)
    for name in ("kind", "id", "age", "life"):
        np.testing.assert_array_equal(back[name], getattr(white, name))
    write_points(tmp_path / "none.vtp", WhitewaterParticles.none(3))
    assert pyvista.read(tmp_path / "none.vtp").n_points == 0


def test_points_as_ply(white, tmp_path):
    write_points(tmp_path / "a.ply", white)
    back = trimesh.load(tmp_path / "a.ply")
    np.testing.assert_array_equal(np.asarray(back.vertices, np.float32), white.positions)
    raw = back.metadata["_ply_raw"]["vertex"]["data"]
    for name in ("kind", "id", "age", "life"):
        np.testing.assert_array_equal(raw[name].reshape(-1), getattr(white, name))


def test_points_in_usd(frame, white, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom

    from fluidsim.export.usd import UsdWriter

    writer = UsdWriter(tmp_path / "a.usdc", 0.1)
    for number in (1, 2):
        writer.add(dataclasses.replace(frame, number=number))
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    points = UsdGeom.Points(stage.GetPrimAtPath("/run/whitewater"))
    np.testing.assert_array_equal(points.GetPointsAttr().Get(2), white.positions)
    np.testing.assert_array_equal(points.GetVelocitiesAttr().Get(2), white.velocities)
    np.testing.assert_array_equal(points.GetIdsAttr().Get(2), white.id)
    variables = UsdGeom.PrimvarsAPI(points)
    for name in ("age", "kind"):
        np.testing.assert_array_equal(variables.GetPrimvar(name).Get(2), getattr(white, name))


def test_points_in_alembic(frame, white, tmp_path):
    abc = pytest.importorskip("alembic3d.Abc")
    from alembic3d import AbcGeom

    from fluidsim.export.alembic import AlembicWriter

    writer = AlembicWriter(tmp_path / "a.abc", 0.1, 0.1)
    for number in (1, 2):
        writer.add(dataclasses.replace(frame, number=number))
    writer.close()
    top = abc.IArchive(str(tmp_path / "a.abc")).getTop()
    schema = AbcGeom.IPoints(top, "whitewater").getSchema()
    assert schema.getNumSamples() == 2
    sample = schema.getValue(abc.ISampleSelector(1))
    places = np.array([tuple(each) for each in sample.getPositions()])
    np.testing.assert_allclose(upright(places), white.positions, atol=1e-6)
    assert list(sample.getIds()) == white.id.tolist()
    about = schema.getArbGeomParams()
    for name, kind in (("age", AbcGeom.IFloatGeomParam), ("kind", AbcGeom.IInt32GeomParam)):
        values = kind(about, name).getExpandedValue(abc.ISampleSelector(1)).getVals()
        np.testing.assert_allclose(list(values), getattr(white, name))
