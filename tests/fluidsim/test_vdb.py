"""VDB files, read back by a reader of others, and what the grids of a frame hold."""

import numpy as np
import pytest

from fluidsim.cli import main
from fluidsim.export.vdb import Grid, write_vdb
from fluidsim.export.volumes import volumes
from fluidsim.render import LiquidFrame, SmokeFrame
from fluidsim.render.fire import GLOWS, HOTTEST
from tests.render.worlds import jittered, liquid_frame

CELLS, DX, RADIUS = 24, 1 / 24, 0.3


def opened(path):
    tinyvdb = pytest.importorskip("tinyvdb")
    file = tinyvdb.open(str(path))
    file.read_grids()
    return {file.grid_name(k): file.grid(k) for k in range(file.grid_count)}


def voxels(grid, shape):
    """Active voxels of a scalar grid of few leaves as an array, NaN where there is none."""
    found = grid.to_sparse()
    values = np.full(shape, np.nan, np.float32)
    places = np.frombuffer(found["coords"], np.int32).reshape(-1, 3)
    values[tuple(places.T)] = np.frombuffer(found["values"], np.float32)
    return values


def leaves(grid, width):
    """What the leaves hold in their order, inactive voxels too, (n, 512, width)."""
    nodes = (grid.tree.node(k) for k in range(grid.tree.num_nodes))
    data = [np.frombuffer(node.data, np.float32) for node in nodes if node.type == "leaf"]
    return np.array(data).reshape(-1, 512, width)


def scattered(shape):
    """Values of which few blocks of 8^3 voxels hold some, in several nodes above the leaves."""
    values = np.zeros(shape, np.float32)
    numbers = np.random.default_rng(3)
    for place in ((0, 0, 0), (3, 30, 125), (18, 5, 131), (9, 32, 60)):
        here = tuple(slice(k, k + 6) for k in place)
        values[here] = numbers.normal(size=values[here].shape)
    return values


@pytest.mark.parametrize("half", [False, True])
def test_sparse_values_come_back_where_they_were(tmp_path, half):
    values = scattered((21, 35, 140))
    grid = Grid("density", values, values != 0, 0.25, (0.125, 1.0, -2.0))
    write_vdb(tmp_path / "a.vdb", [grid], {"time": 0.5}, half)
    read = opened(tmp_path / "a.vdb")["density"]
    stored = values.astype(np.float16) if half else values
    np.testing.assert_array_equal(
        voxels(read, values.shape), np.where(values != 0, stored.astype(np.float32), np.nan)
    )
    assert read.transform["translation"] == (0.125, 1.0, -2.0)
    assert read.transform["voxel_size"] == (0.25,) * 3
    about = read.metadata
    assert (about["class"], about["is_saved_as_half_float"]) == ("fog volume", half)
    assert about["file_voxel_count"] == np.count_nonzero(values)
    assert (about["file_bbox_min"], about["file_bbox_max"]) == ((0, 0, 0), (20, 34, 136))


def test_a_grid_beyond_one_root_node_and_one_without_voxels(tmp_path):
    values = np.zeros((2, 3, 4200), np.float32)
    values[1, 2, [7, 4100]] = 1, 2
    grids = [Grid("long", values, values != 0, 1.0, (0.0,) * 3)]
    grids.append(Grid("none", values * 0, values * 0 != 0, 1.0, (0.0,) * 3))
    write_vdb(tmp_path / "a.vdb", grids, {})
    read = opened(tmp_path / "a.vdb")
    assert np.nansum(voxels(read["long"], values.shape)) == 3
    assert voxels(read["long"], values.shape)[1, 2, 4100] == 2
    assert read["none"].active_voxel_count() == 0


def test_vectors_come_back(tmp_path):
    values = np.random.default_rng(0).normal(size=(8, 8, 16, 3)).astype(np.float32)
    grid = Grid("velocity", values, np.ones((8, 8, 16), bool), 1.0, (0.0,) * 3)
    write_vdb(tmp_path / "a.vdb", [grid], {})
    read = opened(tmp_path / "a.vdb")["velocity"]
    blocks = [values[:, :, :8].reshape(512, 3), values[:, :, 8:].reshape(512, 3)]
    np.testing.assert_array_equal(leaves(read, 3), np.array(blocks))
    assert read.metadata["vector_type"] == "contravariant relative"


def ball() -> LiquidFrame:
    positions = jittered((CELLS,) * 3, DX)
    positions = positions[np.linalg.norm(positions - 0.5, axis=1) < RADIUS]
    return liquid_frame(positions, np.zeros_like(positions), (CELLS,) * 3, DX)


def centres(grid):
    index = np.stack(np.indices(grid.values.shape), -1)
    return np.array(grid.first) + index * grid.spacing


def test_the_level_set_of_a_ball_is_its_distance_in_a_band():
    (grid,) = volumes(ball())
    distance = np.linalg.norm(centres(grid) - 0.5, axis=-1) - RADIUS
    assert np.abs(grid.values - distance)[grid.active].max() < 0.6 * DX
    slopes = np.gradient(grid.values, grid.spacing)
    band = np.abs(grid.values) < 0.6 * grid.background  # whose neighbours are active as well
    steepness = np.sqrt(sum(slope**2 for slope in slopes))[band]
    assert np.abs(steepness - 1).mean() < 0.03
    beyond = np.abs(distance) > grid.background + DX
    assert not grid.active[beyond].any()
    np.testing.assert_array_equal(
        grid.values[beyond], np.copysign(np.float32(grid.background), distance[beyond])
    )


def test_inside_of_a_stored_level_set_is_the_negative_background(tmp_path):
    (grid,) = volumes(ball())
    write_vdb(tmp_path / "a.vdb", [grid], {})
    read = opened(tmp_path / "a.vdb")["surface"]
    assert read.metadata["class"] == "level set"
    assert read.float_background() == pytest.approx(1.5 * DX)
    stored = leaves(read, 1)
    assert stored.min() == -np.float32(grid.background)
    assert stored.max() == np.float32(grid.background)
    active = np.abs(stored) < np.float32(grid.background)
    assert np.count_nonzero(active) == np.count_nonzero(grid.active)
    assert stored[active].sum() == pytest.approx(grid.values[grid.active].sum(), rel=1e-3)
    assert stored[..., 0].min(axis=1).max() < grid.background  # no leaf without the surface


def test_liquid_at_the_walls_is_closed_by_them():
    positions = jittered((CELLS, CELLS, 10), DX)
    (grid,) = volumes(liquid_frame(positions, positions, (CELLS,) * 3, DX))
    inside = centres(grid)[grid.values < 0]
    assert inside.min() > 0 and inside[:, :2].max() < 1
    assert np.count_nonzero(grid.values < 0) * grid.spacing**3 == pytest.approx(10 / 24, rel=0.1)


def test_no_liquid_is_a_grid_without_voxels():
    none = np.zeros((0, 3), np.float32)
    (grid,) = volumes(liquid_frame(none, none, (8,) * 3, 0.1))
    assert not grid.active.any() and (grid.values > 0).all()


def smoke(shape) -> SmokeFrame:
    numbers = np.random.default_rng(1)
    density = (numbers.random(shape) * (numbers.random(shape) < 0.1)).astype(np.float32)
    velocity = numbers.normal(size=(len(shape), *shape)).astype(np.float32)
    heat = density * np.float32(HOTTEST + GLOWS)
    return SmokeFrame(
        number=1, time=0.1, shape=shape, dx=0.5, density=density, temperature=heat,
        velocity=velocity,
    )  # fmt: skip


def test_smoke_is_at_the_centres_of_cells():
    frame = smoke((9, 10, 11))
    grids = {grid.name: grid for grid in volumes(frame)}
    assert list(grids) == ["density", "temperature", "flame", "velocity"]
    assert all(grid.first == (0.25,) * 3 and grid.spacing == 0.5 for grid in grids.values())
    np.testing.assert_array_equal(grids["density"].values, frame.density)
    np.testing.assert_array_equal(grids["velocity"].values[..., 2], frame.velocity[2])
    flame = grids["flame"].values
    assert flame[frame.temperature <= GLOWS].max() == 0
    assert flame[frame.temperature >= HOTTEST].min() == 1
    kept = frame.density > 1e-4 * frame.density.max()
    np.testing.assert_array_equal(grids["density"].active, kept)
    cold = SmokeFrame(**{**frame.__dict__, "temperature": 0 * frame.temperature})
    assert "flame" not in [grid.name for grid in volumes(cold)]


def test_smoke_in_2d_is_one_voxel_thick_and_upright():
    frame = smoke((9, 10))
    grids = {grid.name: grid for grid in volumes(frame)}
    assert grids["density"].values.shape == (9, 1, 10)
    velocity = grids["velocity"].values
    assert velocity.shape == (9, 1, 10, 3) and not velocity[..., 1].any()
    np.testing.assert_array_equal(velocity[:, 0, :, 2], frame.velocity[1])


def test_volumes_of_a_run(tmp_path, capsys):
    run, flags = tmp_path / "run", ["--dim", "2", "--resolution", "12", "--frames", "2"]
    assert main(["run", "smoke_solid", "--out", str(run), *flags, "--no-render"]) == 0
    assert main(["export", str(run), "--to", "vdb"]) == 0
    assert main(["export", str(run), "--to", "vdb", "--half", "--out", str(tmp_path / "h")]) == 0
    names = ["0001.vdb", "0002.vdb"]
    assert sorted(path.name for path in (run / "vdb").iterdir()) == names
    assert sorted(path.name for path in (tmp_path / "h").iterdir()) == names
    whole, half = ((folder / "0002.vdb").stat().st_size for folder in (run / "vdb", tmp_path / "h"))
    assert half < whole
    capsys.readouterr()
    assert main(["export", str(run), "--to", "vtp", "--half"]) == 1
    assert "--half is for --to vdb" in capsys.readouterr().err
    assert "velocity" in opened(run / "vdb" / "0002.vdb")


def test_liquids_in_2d_are_no_volumes():
    none = np.zeros((0, 2), np.float32)
    with pytest.raises(ValueError, match="3D"):
        volumes(liquid_frame(none, none, (8, 8), 0.1))
