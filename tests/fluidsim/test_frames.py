"""Stored frames come back as they were, and damaged ones are told apart."""

import numpy as np
import pytest
import torch

from fluidsim.render.frame import Frame, SolidGrid
from fluidsim.runs.snapshot import frame_of, solid_grid
from fluidsim.solid.shapes import Box, Cylinder, HalfSpace, Sphere
from fluidsim.store import frames
from tests.fluidsim.worlds import cubic, liquid, smoke, source

DIMS = pytest.mark.parametrize("dim", [2, 3])


def load_again(frame: Frame, folder) -> Frame:
    return frames.load(
        folder, frame.number, frame.kind, frame.shape, frame.dx, frame.time, frame.caption
    )


def same(first, second) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


@DIMS
def test_liquid_round_trip(dim, tmp_path):
    tank = liquid(cubic(dim, 12), HalfSpace(0.4), [Sphere((0.5,) * dim, 0.2)])
    tank.advance(1 / 60)
    frame = frame_of(tank, 7, "title", solid_grid(tank))
    frames.save(frame, tmp_path)
    assert frame.solids is not None
    frames.save_solids(frame.solids, tmp_path, None)
    back = load_again(frame, tmp_path)
    assert same(frame.positions, back.positions)
    assert same(frame.velocities, back.velocities)
    assert frame.pressure is not None and frame.pressure.max() > 1000
    assert same(frame.pressure, back.pressure)
    assert back.solids is not None
    assert same(frame.solids.distance, back.solids.distance)
    assert back.solids.spacing == pytest.approx(frame.solids.spacing)
    assert np.all(frame.positions <= 1.0)


@DIMS
def test_smoke_round_trip(dim, tmp_path):
    plume = smoke(cubic(dim, 12), [source(Box((0.3,) * dim, (0.6,) * dim))])
    plume.advance(1 / 30)
    frame = frame_of(plume, 1, "title", solid_grid(plume))
    assert frame.solids is None
    frames.save(frame, tmp_path)
    back = load_again(frame, tmp_path)
    for name in ("density", "temperature", "velocity", "pressure"):
        assert same(getattr(frame, name), getattr(back, name))
    assert (frame.pressure is None) == (dim == 3)
    assert frame.density is not None
    assert frame.density.max() > 0.5


def test_solids_of_a_frame_go_before_those_of_the_run(tmp_path):
    tank = liquid(cubic(2, 8), HalfSpace(0.4), [Sphere((0.5, 0.5), 0.2)])
    frame = frame_of(tank, 1, "", None)
    frames.save(frame, tmp_path)
    still = SolidGrid(np.zeros((9, 9), np.float32), 1 / 8)
    moved = SolidGrid(np.ones((9, 9), np.float32), 1 / 8)
    frames.save_solids(still, tmp_path, None)
    frames.save_solids(moved, tmp_path, 1)
    solids = load_again(frame, tmp_path).solids
    assert solids is not None
    assert solids.distance.min() == 1


def test_solid_grid_is_clamped_and_finer_than_the_cells():
    tank = liquid(cubic(3, 16), HalfSpace(0.2), [Cylinder((0.5, 0.5, 0.0), 0.1, 0.5)])
    solids = solid_grid(tank)
    assert solids is not None
    assert solids.distance.shape == (33, 33, 33)
    assert solids.spacing == pytest.approx(1 / 32)
    assert np.abs(solids.distance).max() <= 8 / 16 + 1e-6
    assert solids.distance.min() < 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-5], "damaged"),
        (lambda data: data.replace(b"ply", b"pla", 1), "not a particle file"),
        (lambda data: data.replace(b"vertex ", b"vertex 9", 1), "damaged"),
        (lambda data: data.replace(b"vertex ", b"vertex -", 1), "not a particle file"),
        (lambda data: b"", "not a particle file"),
    ],
)
def test_damaged_particles_are_refused(damage, said, tmp_path):
    tank = liquid(cubic(2, 8), HalfSpace(0.4))
    frame = frame_of(tank, 1, "", None)
    frames.save(frame, tmp_path)
    path = tmp_path / "0001.ply"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=said):
        load_again(frame, tmp_path)


def test_grid_of_another_size_is_refused(tmp_path):
    plume = smoke(cubic(2, 8))
    frame = frame_of(plume, 1, "", None)
    frames.save(frame, tmp_path)
    with pytest.raises(ValueError, match="does not fit"):
        frames.load(tmp_path, 1, "smoke", (9, 8), 0.1, 0.0, "")
    with pytest.raises(ValueError, match="missing"):
        frames.load(tmp_path, 2, "smoke", (8, 8), 0.1, 0.0, "")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace(b'"0 8 0 0 0 8"', b'"0 99999 0 99999 0 99999"'), "nodes"),
        (lambda text: text.replace(b'"0 8 0 0 0 8"', b'"0 9 0 0 0 8"'), "nodes|bytes"),
        (lambda text: text.replace(b"<VTKFile", b"<!DOCTYPE a []><VTKFile"), "document type"),
        (lambda text: text.replace(b'Components="3"', b'Components="99999999"'), "components"),
        (lambda text: text[:-200], "damaged"),
        (lambda text: text + b" " * 10**6, "too large"),
    ],
)
def test_damaged_grids_are_refused(damage, said, tmp_path):
    frame = frame_of(smoke(cubic(2, 8)), 1, "", None)
    frames.save(frame, tmp_path)
    path = tmp_path / "0001.vti"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=said):
        load_again(frame, tmp_path)


def test_frames_open_in_a_program_that_knows_nothing_of_us(tmp_path):
    import pyvista

    tank = liquid(cubic(3, 8), HalfSpace(0.4))
    frames.save(frame_of(tank, 1, "", None), tmp_path)
    points = pyvista.read(tmp_path / "0001.ply")
    torch.testing.assert_close(
        torch.tensor(np.asarray(points.points)), tank.particles.positions * tank.grid.dx
    )
    plume = smoke(cubic(3, 8))
    frames.save(frame_of(plume, 2, "", None), tmp_path)
    grid = pyvista.read(tmp_path / "0002.vti")
    assert sorted(grid.array_names) == ["density", "temperature", "velocity"]
