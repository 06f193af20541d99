import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from fluidsim.render import liquid_surface
from fluidsim.render.calm import calm_surface
from fluidsim.render.cells import FARTHEST, cell_distance, cell_numbers
from tests.render.worlds import ball_solid, jittered, on_nodes

CELLS = 24
DX = 1 / CELLS


def surface_of(positions, **options):
    dim = positions.shape[1]
    return liquid_surface(positions, np.ones_like(positions), (CELLS,) * dim, DX, **options)


def heights_of(distance):
    """The heights, in cells, of columns without holes and with nothing above."""
    columns = distance.reshape(-1, distance.shape[-1])
    first = (columns > 0).argmax(1)
    assert np.all((columns > 0).sum(1) + first == columns.shape[1])
    below, above = columns[range(len(columns)), first - 1], columns[range(len(columns)), first]
    return (first - 1 + below / (below - above)) / 2


@pytest.mark.parametrize("dim", [2, 3])
def test_ball_of_particles(dim):
    centre, radius = 0.5 + 0.01 * np.arange(dim), 7 * DX
    particles = jittered((CELLS,) * dim, DX)
    surface = surface_of(particles[np.linalg.norm(particles - centre, axis=1) < radius])
    assert surface.distance.shape == (2 * CELLS + 1,) * dim
    assert surface.distance.dtype == np.float32
    exact = np.linalg.norm(on_nodes(surface.distance.shape, DX / 2) - centre, axis=-1) - radius
    assert np.all(surface.distance[exact > 0.5 * DX] > 0)
    assert np.all(surface.distance[exact < -0.5 * DX] < 0)
    near = np.abs(exact) < 0.25 * DX
    assert np.abs(surface.distance - exact)[near].max() < 0.5 * DX
    volume = np.clip(0.5 - surface.distance / surface.spacing, 0, 1).mean()
    assert volume == pytest.approx(np.clip(0.5 - exact / surface.spacing, 0, 1).mean(), rel=0.08)


@pytest.mark.parametrize("dim", [2, 3])
def test_resting_liquid_is_flat_whole_and_meets_the_walls(dim):
    height = 10
    distance = surface_of(jittered((CELLS,) * (dim - 1) + (height,), DX)).distance
    heights = heights_of(distance)
    assert abs(heights.mean() - height) < 0.1
    assert np.abs(heights - height).max() < 0.25
    assert heights.std() < (0.015 if dim == 3 else 0.05)  # evener than the particles


@pytest.mark.parametrize("dim", [2, 3])
def test_a_lone_particle_is_a_drop(dim):
    for seed in range(8):
        place = 0.4 + 0.2 * np.random.default_rng(seed).random((1, dim))
        inside = surface_of(place.astype(np.float32)).distance < 0
        assert 1 <= inside.sum() <= 3**dim
        assert inside[tuple(np.round(place[0] / DX * 2).astype(int))]


def test_sheet_has_no_holes():
    particles = jittered((CELLS,) * 3, DX)
    sheet = particles[np.floor(particles[:, 2] / DX * 2) == CELLS]  # one layer of particles
    assert (surface_of(sheet).distance < 0).any(-1).all()


@pytest.mark.parametrize("length", [12, 16, 24])
def test_waves_keep_their_height(length):
    particles = jittered((2 * CELLS, 4, CELLS), DX)
    crest = (12 + np.cos(2 * np.pi * particles[:, 0] / (length * DX))) * DX
    wave = particles[particles[:, 2] < crest]
    surface = liquid_surface(wave, np.zeros_like(wave), (2 * CELLS, 4, CELLS), DX)
    heights = heights_of(surface.distance).reshape(surface.distance.shape[:2]).mean(1)
    wave = np.exp(2j * np.pi * np.arange(len(heights)) / 2 / length)
    periods = 2 * length * (2 * CELLS // length)
    assert 2 * abs((heights * wave)[:periods].mean()) == pytest.approx(1, abs=0.12)


def test_calm_water_bends_between_the_corners_of_cells_as_at_them():
    particles = jittered((2 * CELLS, 4, CELLS), DX)
    wave = particles[particles[:, 2] < (12 + 0.8 * np.cos(particles[:, 0] * np.pi)) * DX]
    surface = liquid_surface(wave, np.zeros_like(wave), (2 * CELLS, 4, CELLS), DX)
    heights = heights_of(surface.distance).reshape(surface.distance.shape[:2])
    bend = np.diff(heights, 2, axis=0)[4:-4].mean(1)  # of the means over the width
    between, at = (np.sqrt(np.mean(bend[first::2] ** 2)) for first in (0, 1))
    assert between == pytest.approx(at, rel=0.25)


def test_a_ball_is_round_although_its_particles_are_spread_unevenly():
    centre, radius = np.array((0.503, 0.497, 0.51)), 6.5 * DX
    particles = jittered((CELLS,) * 3, DX)
    ball = particles[np.linalg.norm(particles - centre, axis=1) < radius]
    distance = surface_of(ball).distance
    outward = on_nodes(distance.shape, DX / 2) - centre
    length = np.linalg.norm(outward, axis=-1)
    near = np.abs(length - radius) < 0.25 * DX
    normals = np.stack(np.gradient(distance), -1)[near]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    apart = normals - outward[near] / length[near][:, None]
    assert np.degrees(np.sqrt((apart**2).sum(1).mean())) < 1.5
    inside = np.abs(distance[near] - (length[near] - radius)).max()
    assert inside < 0.25 * DX


def calm_part(field):
    """The part of the smoother surface that is drawn where a field is zero."""
    _, share = calm_surface(field.astype(np.float32))
    return share[np.abs(field[::2, ::2, ::2]) < 0.2]


def test_only_flat_and_calm_surfaces_are_smoothed():
    x, y, z = np.moveaxis(on_nodes((49,) * 3, 0.5), -1, 0)
    noise = np.random.default_rng(0).normal(0, 0.02, x.shape)
    assert calm_part((z - 12) / 2 + noise).min() > 0.9
    drop = np.sqrt((x - 12) ** 2 + (y - 12) ** 2 + (z - 12) ** 2) - 3
    sheet = np.abs(z - 12) - 0.8
    edge = np.maximum(x - 12, z - 12)
    assert calm_part(drop / 2).max() == 0
    assert calm_part(sheet / 2).max() == 0
    assert calm_part(edge / 2)[:, None].min() == 0
    ripples = 0.3 * np.sin(2 * np.pi * (x + 0.5) / 4)
    assert calm_part((z - 12 - ripples) / 2).max() == 0


def test_no_particles_and_a_full_domain():
    assert np.all(surface_of(np.zeros((0, 3), np.float32)).distance > 0)
    assert np.all(surface_of(jittered((CELLS,) * 3, DX)).distance < 0)


def test_repeatable_bit_for_bit():
    particles = jittered((CELLS,) * 3, DX)
    particles = particles[np.linalg.norm(particles - 0.5, axis=1) < 0.3]
    one, two = surface_of(particles), surface_of(particles)
    assert np.array_equal(one.distance, two.distance)
    assert np.array_equal(one.speed, two.speed)


def test_speed_is_that_of_the_particles():
    particles = jittered((CELLS, CELLS, 10), DX)
    surface = surface_of(particles)
    assert surface.speed.shape == (CELLS,) * 3
    assert np.allclose(surface.speed[..., :10], np.sqrt(3), rtol=1e-4)
    assert np.all(surface.speed[..., 14:] == 0)


def test_liquid_reaches_into_solids():
    solid = ball_solid((CELLS,) * 3, DX, 0.5, 0.2)
    nodes = on_nodes((2 * CELLS + 1,) * 3, DX / 2)
    particles = jittered((CELLS,) * 3, DX)
    particles = particles[np.linalg.norm(particles - 0.5, axis=1) > 0.2 + 0.2 * DX]
    surface = surface_of(particles, solids=solid)
    outside = np.linalg.norm(nodes - 0.5, axis=-1) > 0.2
    assert np.all(surface.distance[outside] < 0)


def test_places_outside_belong_to_the_nearest_cell():
    place = np.array([[0.2, 4.9], [2.999, 0.0], [-1.0, 7.0], [9.0, -0.1]], np.float32)
    assert cell_numbers(place, (3, 5)).tolist() == [4, 10, 4, 10]


def test_distances_between_cells_are_exact_up_to_the_farthest():
    full = np.random.default_rng(0).random((21, 13, 17)) < 0.002
    full[:, 6:] = False
    outside = np.minimum(distance_transform_edt(~full), FARTHEST)
    inside = np.minimum(distance_transform_edt(full), FARTHEST)
    assert outside.max() == FARTHEST
    assert np.allclose(cell_distance(full), outside - inside, atol=1e-5)
