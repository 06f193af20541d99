"""What export writes, read back by libraries of the programs that it is for."""

import math
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import pyvista
import trimesh

from fluidsim.cli import main
from fluidsim.export.files import write_ply, write_vtp
from fluidsim.export.meshes import solid_mesh, surface_mesh
from fluidsim.render import LiquidFrame
from fluidsim.store import frames, paraview
from fluidsim.store.stored_run import open_run
from tests.render.worlds import ball_solid, jittered, liquid_frame

CELLS, DX = 24, 1 / 24
CENTRE, RADIUS = np.array((0.5, 0.52, 0.48)), 7 / 24
TINY = ["--resolution", "16", "--frames", "3", "--no-render"]


def ball(velocities=None) -> LiquidFrame:
    positions = jittered((CELLS,) * 3, DX)
    positions = positions[np.linalg.norm(positions - CENTRE, axis=1) < RADIUS]
    if velocities is None:
        velocities = np.zeros_like(positions) + np.float32((1, -2, 3))
    else:
        velocities = velocities(positions)
    return liquid_frame(positions, velocities, (CELLS,) * 3, DX)


def run(tmp_path_factory, scene, *flags):
    out = tmp_path_factory.mktemp("runs") / scene
    assert main(["run", scene, "--out", str(out), *TINY, *flags]) == 0
    return out


@pytest.fixture(scope="module")
def tank(tmp_path_factory):
    """A liquid in 3D with a solid that moves."""
    return run(tmp_path_factory, "stirred_tank")


@pytest.fixture(scope="module")
def plume(tmp_path_factory):
    return run(tmp_path_factory, "smoke_solid", "--dim", "2")


def test_a_ball_is_closed_has_its_volume_and_its_velocity(tmp_path):
    write_ply(tmp_path / "ball.ply", surface_mesh(ball()))
    mesh = trimesh.load(tmp_path / "ball.ply")
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * math.pi * RADIUS**3, rel=0.08)
    assert np.abs(np.linalg.norm(mesh.vertices - CENTRE, axis=1) - RADIUS).max() < 0.5 * DX
    raw = mesh.metadata["_ply_raw"]["vertex"]["data"]
    for name, value in (("vx", 1), ("vy", -2), ("vz", 3)):
        np.testing.assert_allclose(raw[name].reshape(-1), value, rtol=1e-5)


def test_velocities_of_a_spinning_ball():
    def spin(positions):
        return np.cross((0, 0, 2.0), positions - CENTRE).astype(np.float32)

    mesh = surface_mesh(ball(spin))
    assert mesh.velocities is not None
    error = np.linalg.norm(mesh.velocities - spin(mesh.points), axis=1)
    assert error.max() < 2.0 * DX  # of 2 rad/s: what is a cell away


def test_liquid_that_touches_all_walls_is_closed_by_them():
    positions = jittered((CELLS, CELLS, 10), DX)
    frame = liquid_frame(positions, positions, (CELLS,) * 3, DX)
    mesh = surface_mesh(frame)
    body = trimesh.Trimesh(mesh.points, mesh.triangles)
    assert body.is_watertight
    assert body.volume == pytest.approx(10 / CELLS, rel=0.02)
    np.testing.assert_allclose(body.bounds[:, :2], [[0, 0], [1, 1]], atol=1e-3)


def test_solids_are_closed():
    mesh = solid_mesh(ball_solid((CELLS,) * 3, DX, 0.5, 0.3))
    body = trimesh.Trimesh(mesh.points, mesh.triangles)
    assert body.is_watertight
    assert body.volume == pytest.approx(4 / 3 * math.pi * 0.3**3, rel=0.02)


def test_no_liquid_is_an_empty_mesh(tmp_path):
    none = np.zeros((0, 3), np.float32)
    mesh = surface_mesh(liquid_frame(none, none, (8,) * 3, 0.1))
    assert len(mesh.points) == len(mesh.triangles) == 0
    write_ply(tmp_path / "none.ply", mesh)
    write_vtp(tmp_path / "none.vtp", mesh)
    assert pyvista.read(tmp_path / "none.vtp").n_points == 0


def test_paraview_finds_particles_with_velocities_and_times(tank):
    stored = open_run(tank)
    reader = pyvista.XdmfReader(tank / "particles.xmf")
    assert reader.time_values == pytest.approx(list(stored.times.values()))
    for number, time in stored.times.items():
        reader.set_active_time_value(time)
        cloud, frame = reader.read(), stored.frame(number)
        np.testing.assert_array_equal(cloud.points, frame.positions)
        np.testing.assert_array_equal(cloud["velocity"], frame.velocities)
        assert cloud.n_cells == cloud.n_points


def test_paraview_finds_moving_solids_and_smoke(tank, plume):
    solids, smoke = (pyvista.get_reader(p) for p in (tank / "solids.pvd", plume / "smoke.pvd"))
    assert solids.time_values == pytest.approx(list(open_run(tank).times.values()))
    smoke.set_active_time_point(2)
    density = smoke.read()[0].cell_data["density"]
    frame = open_run(plume).frame(3)
    np.testing.assert_array_equal(density, frame.density.ravel("F"))
    velocity = smoke.read()[0].cell_data["velocity"]
    np.testing.assert_array_equal(velocity[:, 0], frame.velocity[0].ravel("F"))
    np.testing.assert_array_equal(velocity[:, 2], frame.velocity[1].ravel("F"))
    assert np.all(velocity[:, 1] == 0)
    pressure = pyvista.get_reader(plume / "pressure.pvd").read()[0].cell_data["pressure"]
    np.testing.assert_array_equal(pressure, open_run(plume).frame(1).pressure.ravel("F"))
    assert not (plume / "solids.pvd").exists()


def test_particles_in_2d_lie_in_a_plane(tmp_path):
    positions = np.random.default_rng(0).random((9, 2)).astype(np.float32)
    frame = liquid_frame(positions, -positions, (8, 8), 1 / 8)
    (tmp_path / "frames").mkdir()
    frames.save(frame, tmp_path / "frames")
    paraview.Indices(tmp_path).add(paraview.Entry(1, 0.5, 9))
    cloud = pyvista.XdmfReader(tmp_path / "particles.xmf").read()
    np.testing.assert_array_equal(cloud.points[:, [0, 2]], positions)
    np.testing.assert_array_equal(cloud["velocity"][:, [0, 2]], -positions)
    assert np.all(cloud.points[:, 1] == 0)


def test_surfaces_of_a_run(tank, tmp_path, capsys):
    assert main(["export", str(tank), "--to", "surface", "--out", str(tmp_path)]) == 0
    assert "ETA" in capsys.readouterr().out
    names = sorted(path.name for path in tmp_path.iterdir())
    expected = [f"{n:04d}{kind}.ply" for n in (1, 2, 3) for kind in ("-solids", "")]
    assert names == sorted(expected)
    assert pyvista.read(tmp_path / "0002.ply").is_manifold


def test_surfaces_for_paraview(tank, tmp_path):
    assert main(["export", str(tank), "--to", "vtp", "--out", str(tmp_path)]) == 0
    reader = pyvista.get_reader(tmp_path / "surface.pvd")
    assert reader.time_values == pytest.approx(list(open_run(tank).times.values()))
    reader.set_active_time_point(1)
    surface = reader.read()[0]
    mesh = surface_mesh(open_run(tank).frame(2))
    np.testing.assert_array_equal(surface.points, mesh.points)
    np.testing.assert_array_equal(surface["velocity"], mesh.velocities)


def test_usd_stage(tank, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdValidation

    path = tmp_path / "tank.usdc"
    assert main(["export", str(tank), "--to", "usd", "--out", str(path)]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["tank.usdc"]
    stored, stage = open_run(tank), Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.GetTimeCodesPerSecond() == pytest.approx(1 / stored.interval)
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (1, 3)
    points = UsdGeom.Points(stage.GetPrimAtPath("/run/particles"))
    surface = UsdGeom.Mesh(stage.GetPrimAtPath("/run/surface"))
    solids = UsdGeom.Mesh(stage.GetPrimAtPath("/run/solids"))
    for number in stored.times:
        frame = stored.frame(number)
        np.testing.assert_array_equal(points.GetPointsAttr().Get(number), frame.positions)
        np.testing.assert_array_equal(points.GetVelocitiesAttr().Get(number), frame.velocities)
        low, high = np.array(points.GetExtentAttr().Get(number))
        assert np.all(low < frame.positions.min(0)) and np.all(high > frame.positions.max(0))
        mesh = surface_mesh(frame)
        corners = surface.GetFaceVertexIndicesAttr().Get(number)
        np.testing.assert_array_equal(surface.GetPointsAttr().Get(number), mesh.points)
        np.testing.assert_array_equal(surface.GetVelocitiesAttr().Get(number), mesh.velocities)
        np.testing.assert_array_equal(corners, mesh.triangles.ravel())
    assert solids.GetPointsAttr().GetNumTimeSamples() == 3  # it turns
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert UsdValidation.ValidationContext(validators).Validate(stage) == []


def upright(vectors):
    """Vectors of Alembic, y up, with z up."""
    found = np.array([(v.x, v.y, v.z) for v in vectors], np.float32)
    return np.stack([found[:, 0], -found[:, 2], found[:, 1]], -1)


def test_alembic_archive(tank, tmp_path):
    abc = pytest.importorskip("alembic3d.Abc")
    from alembic3d import AbcGeom

    path = tmp_path / "tank.abc"
    assert main(["export", str(tank), "--to", "alembic", "--out", str(path)]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["tank.abc"]
    stored, top = open_run(tank), abc.IArchive(str(path)).getTop()
    points = AbcGeom.IPoints(top, "particles").getSchema()
    surface, solids = (AbcGeom.IPolyMesh(top, name).getSchema() for name in ("surface", "solids"))
    clock = surface.getTimeSampling()
    assert [clock.getSampleTime(k) for k in range(3)] == pytest.approx(list(stored.times.values()))
    assert points.getNumSamples() == surface.getNumSamples() == solids.getNumSamples() == 3
    frame = stored.frame(1)
    particles, mesh = points.getValue(), surface_mesh(frame)
    np.testing.assert_array_equal(upright(particles.getPositions()), frame.positions)
    np.testing.assert_array_equal(upright(particles.getVelocities()), frame.velocities)
    sample = surface.getValue()
    np.testing.assert_array_equal(upright(sample.getPositions()), mesh.points)
    np.testing.assert_array_equal(upright(sample.getVelocities()), mesh.velocities)
    corners = np.array(list(sample.getFaceIndices())).reshape(-1, 3)
    np.testing.assert_array_equal(corners[:, ::-1], mesh.triangles)


def test_what_cannot_be_exported_gets_one_line(plume, tank, tmp_path, capsys):
    for run, target, out, said in (
        (plume, "surface", tmp_path / "a", "liquids in 3D"),
        (plume, "usd", tmp_path / "a.usdc", "smoke.pvd"),
        (tank, "usd", tmp_path / "a.abc", "usda"),
        (plume, "alembic", tmp_path / "a.abc", "--to vdb"),
        (tank, "alembic", tmp_path / "a.usd", ".abc"),
        (tmp_path, "surface", tmp_path / "a", "no readable run"),
    ):
        library = {"usd": "pxr", "alembic": "alembic3d"}.get(target)
        if library and not find_spec(library):
            continue
        assert main(["export", str(run), "--to", target, "--out", str(out)]) == 1
        error = capsys.readouterr().err.strip()
        assert said in error and len(error.splitlines()) == 1
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "target, library, name", [("usd", "pxr", "a.usdc"), ("alembic", "alembic3d", "a.abc")]
)
def test_a_missing_library_is_named(target, library, name, tank, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"fluidsim.export.{target}", raising=False)
    assert main(["export", str(tank), "--to", target, "--out", str(tmp_path / name)]) == 1
    assert f"fluidsim-lab[{target}]" in capsys.readouterr().err
