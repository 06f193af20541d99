import numpy as np
import pytest

from fluidsim.render import Camera, SolidGrid, Style, picture
from fluidsim.render.floor_light import through_water
from fluidsim.render.leaps import leaps_over
from fluidsim.render.presets import PRESETS
from tests.render.worlds import ball_solid, jittered, liquid_frame, on_nodes

SHAPE, DX = (16, 16, 16), 1 / 16
SIZE = (160, 120)
SUN = PRESETS["studio"].towards_sun
NONE = np.zeros((0, 3), np.float32)
FAR = np.full((3, 3, 3), 10.0, np.float32)


def draw(positions=NONE, solids=None, scale=1, **look):
    """The picture of liquid at rest, all lengths times `scale`."""
    if solids is not None:
        solids = SolidGrid(solids.distance * scale, solids.spacing * scale)
    frame = liquid_frame(positions * scale, dx=DX * scale, solids=solids)
    return picture(frame, SIZE, style=Style(caption=False, **look)).astype(int)


def blueness(image):
    return image[..., 2] - image[..., 0]


@pytest.fixture(scope="module")
def empty():
    return draw()


@pytest.fixture(scope="module")
def dam():
    positions = jittered(SHAPE, DX)
    return positions[(positions[:, 0] < 0.5) & (positions[:, 2] < 0.5)]


def silhouette(box, margin):
    """Pixels (height, width) within the bounding rectangle of a box."""
    width, height = SIZE
    aspect = width / height
    corners = np.array(list(np.ndindex(2, 2, 2))) * box
    seen = Camera.framing((1.0, 1.0, 1.0), aspect).project(corners, aspect)
    x, y = (seen[:, 0] + 1) / 2 * width, (1 - seen[:, 1]) / 2 * height
    rows, columns = np.indices((height, width))
    across = (columns > x.min() - margin) & (columns < x.max() + margin)
    return across & (rows > y.min() - margin) & (rows < y.max() + margin)


def test_empty_scene_shows_only_sky_and_floor(empty):
    assert empty.shape == (120, 160, 3)
    assert np.abs(blueness(empty)).max() < 60
    assert empty.min() > 90


def test_water_colours_its_silhouette_only(empty, dam):
    image = draw(dam)
    water = blueness(image) > 60
    assert water[silhouette((0.5, 1, 0.5), 0)].mean() > 0.3
    assert not water[~silhouette((0.5, 1, 0.5), 2)].any()
    sky = np.s_[:20]
    assert np.abs(image[sky] - empty[sky]).max() <= 1


def test_look_does_not_depend_on_the_unit_of_length(dam):
    assert np.abs(draw(dam) - draw(dam, scale=8)).mean() < 0.5


def test_repeatable(dam):
    assert np.array_equal(draw(dam), draw(dam))


def test_solid_stands_at_its_projected_place(empty):
    centre, radius = np.array((0.4, 0.6, 0.55)), 0.2
    image = draw(solids=ball_solid(SHAPE, DX, centre, radius))
    orange = image[..., 0] - image[..., 2] > 35
    seen = Camera.framing((1.0, 1.0, 1.0), 4 / 3).project(centre[None], 4 / 3)[0]
    rows, columns = np.nonzero(orange)
    assert (columns.mean() + 0.5) / 160 * 2 - 1 == pytest.approx(seen[0], abs=0.05)
    assert 1 - (rows.mean() + 0.5) / 120 * 2 == pytest.approx(seen[1], abs=0.07)
    # Round, whole and of the right size.
    distance = Camera.framing((1.0, 1.0, 1.0), 4 / 3).distance
    expected = radius / (distance * np.tan(np.radians(14))) * 60
    assert np.sqrt(orange.sum() / np.pi) == pytest.approx(expected, rel=0.12)
    changed = np.abs(image - empty).max(-1) > 20
    assert changed.sum() > 1.3 * orange.sum()  # it throws a shadow


def light_through(water, solid, absorption):
    """The light on the floor below distances on the nodes of the unit cube."""
    leaps = leaps_over(water, solid, 1 / (len(water) - 1))
    return through_water(water, solid, leaps, np.ones(3), SUN, absorption)


def test_calm_water_refracts_the_light_evenly():
    level = on_nodes((17, 17, 17), 1 / 16)[..., 2].astype(np.float32) - 0.5
    light = light_through(level, FAR, 0.5)
    columns, rows = light.values.shape
    x = light.lower[0] + np.arange(columns) * light.spacing
    y = light.lower[1] + np.arange(rows) * light.spacing
    # Where no light arrives through the sides.
    under = light.values[np.ix_((x > 0.26) & (x < 0.285), (y > 0.18) & (y < 0.35))]
    path = 0.5 / np.sqrt(1 - (1 - SUN[2] ** 2) / 1.33**2)
    assert under.mean() == pytest.approx(0.98 * np.exp(-0.5 * path), rel=0.03)
    assert light.values[x > 1.02].min() > 0.99  # nothing between the sun and the floor there


def test_clear_water_only_moves_the_light():
    level = on_nodes((17, 17, 17), 1 / 16)[..., 2].astype(np.float32) - 0.5
    light = light_through(level, FAR, 0.0)
    shaded = light.spacing**2 * np.maximum(1 - light.values, 0).sum()
    gained = light.spacing**2 * np.maximum(light.values - 1, 0).sum()
    assert shaded > 0.3
    assert gained == pytest.approx(shaded, rel=0.15)


def test_the_shadow_of_a_pool_does_not_blur_into_it():
    """Else a dark line runs along the foot of its walls."""
    level = on_nodes((17, 17, 17), 1 / 16)[..., 2].astype(np.float32) - 0.5
    light = light_through(level, FAR, 0.5)
    columns = np.arange(light.values.shape[0]) * light.spacing + light.lower[0]
    row = light.values[:, int((0.5 - light.lower[1]) / light.spacing)]
    inside, outside = row[(columns > 0) & (columns < 0.05)], row[(columns < 0) & (columns > -0.05)]
    assert outside.max() < 0.01 and inside.min() > 0.85 * inside.max() > 0.5


def test_shadows_of_solids_are_soft_and_softer_farther_away():
    def penumbra(height):
        """Metres over which the shadow of a plate at this height fades at its edge."""
        shape = (33, 33, 33)
        x, _, z = np.moveaxis(on_nodes(shape, 1 / 32), -1, 0)
        plate = np.maximum(np.abs(z - height) - 0.1, x - 0.5).astype(np.float32)
        light = light_through(FAR, plate, 0.0)
        row = light.values[:, int((0.3 - light.lower[1]) / light.spacing)]
        assert row.min() < 0.01 and row.max() > 0.99
        return ((row > 0.05) & (row < 0.95)).sum() * light.spacing / 2  # two edges

    near, far = penumbra(0.2), penumbra(0.7)
    assert 0.005 < near < 0.5 * far < 0.1


def test_the_dark_preset_is_darker(empty, dam):
    assert draw(preset="dark").mean() < 0.6 * empty.mean()
    water = draw(dam, preset="dark")
    assert (blueness(water) > 40)[silhouette((0.5, 1, 0.5), 0)].mean() > 0.3


def test_honey_is_amber(dam):
    image = draw(dam, liquid="honey")
    red, green, blue = image[silhouette((0.5, 1, 0.5), 0)].mean(0)
    assert red > green + 30 and green > blue + 30


def test_no_light_is_lost_in_torn_water():
    places = np.random.default_rng(0).random((6000, 3)).astype(np.float32)
    torn = places[np.sin(23 * places).prod(1) > 0.1]
    assert draw(torn).max(-1).min() > 60
