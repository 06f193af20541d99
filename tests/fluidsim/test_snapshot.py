"""One picture from Python: of a simulation or of a frame, by its name and options."""

import numpy as np
import pytest

from fluidsim import Camera
from fluidsim.render import Style, picture
from fluidsim.runs.snapshot import draw, frame_of, solid_grid
from fluidsim.solid.shapes import Box, HalfSpace
from tests.fluidsim.worlds import cubic, liquid, smoke, source

SIZE = (96, 64)


def test_a_simulation_is_drawn_as_its_frame():
    tank = liquid(cubic(2, 12), HalfSpace(0.4))
    image = draw(tank, SIZE)
    assert image.dtype == np.uint8 and image.shape[2] == 3
    assert image.shape[0] <= 64 and image.shape[1] <= 96
    frame = frame_of(tank, 0, "", solid_grid(tank))
    assert np.array_equal(image, draw(frame, SIZE))
    assert not np.array_equal(image, draw(tank, SIZE, liquid="honey"))


def test_a_camera_and_a_style_are_used():
    plume = smoke(cubic(3, 8), [source(Box((0.3,) * 3, (0.6,) * 3))])
    plume.advance(1 / 30)
    camera = Camera((0.5, -4.0, 2.0), (0.5, 0.5, 0.5))
    image = draw(plume, SIZE, camera, preset="studio", caption=False)
    assert image.shape == (64, 96, 3)
    frame = frame_of(plume, 0, "", None)
    style = Style(preset="studio", caption=False)
    assert np.array_equal(image, picture(frame, SIZE, camera, style))


def test_wrong_options_are_refused():
    tank = liquid(cubic(2, 8), HalfSpace(0.4))
    with pytest.raises(TypeError, match="presets"):
        draw(tank, SIZE, presets="dark")
    with pytest.raises(ValueError, match="night"):
        draw(tank, SIZE, preset="night")
