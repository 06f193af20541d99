import copy
import json

import numpy as np
import pytest

from fluidsim import View
from fluidsim.cli import main
from fluidsim.errors import SimulationError
from fluidsim.render.open_air import thinned
from fluidsim.runs.drawing import Drawing
from fluidsim.scene.picture_options import PictureOptions
from fluidsim.store.stored_run import open_run
from tests.render.worlds import smoke_frame

SHAPE = (20, 20, 30)
SIDES = ("x-", "x+", "y-", "y+", "z-", "z+")


@pytest.mark.parametrize("side", SIDES)
def test_smoke_thins_out_before_an_open_side_only(side):
    field = np.full(SHAPE, 0.5, np.float32)
    axis, last = "xyz".index(side[0]), -1 if side[1] == "+" else 0
    lines = np.moveaxis(thinned(field, [side]), axis, -1)
    assert np.ptp(lines, axis=(0, 1)).max() == 0
    line = lines[0, 0] if last == 0 else lines[0, 0, ::-1]
    assert (np.diff(line) >= 0).all() and line[0] < 1e-3
    assert (line[9:] == 0.5).all()  # beyond half of the domain's shortest side


def test_a_plume_ends_round():
    x, y, z = np.meshgrid(*[np.arange(n) + 0.5 for n in (40, 40, 60)], indexing="ij")
    away = np.hypot(x - 20, y - 20)
    ends = thinned(np.exp(-((away / 8) ** 2)), ["z+"]) > 0.05
    heights = (ends * z).max(-1)
    assert heights[20, 20] > heights[20, 29] + 3
    faint = thinned(np.where(away < 8, 0.02, away == away.max()), ["z+"])[20, 20]
    assert np.abs(np.diff(faint)).max() < 0.45 * faint.max()  # and no wisp at an edge


def test_smoke_in_a_closed_room_stays_as_it_is():
    field = np.random.default_rng(0).random(SHAPE)
    assert np.array_equal(thinned(field, []), field)


def steepest(open_sides):
    """The largest step of brightness down the middle of a picture of smoke that reaches the top."""
    density = np.zeros(SHAPE, np.float32)
    density[7:13, 7:13] = 1.0
    frame = smoke_frame(density, time=1.0, dx=0.05)
    options = PictureOptions(size=(120, 160), caption=False)
    drawing = Drawing(options, "smoke", frame.extent, 1.0, View(), open_sides)
    image = copy.copy(drawing)(frame).astype(int).mean(-1)
    upper = image[:60, 60]
    assert upper.max() > 120
    return np.abs(np.diff(upper)).max()


def test_a_column_of_smoke_is_not_cut_off_at_an_open_top():
    assert steepest(["z+"]) < 0.4 * steepest([])


def test_a_run_tells_its_pictures_which_sides_are_open(tmp_path):
    out = tmp_path / "run"
    flags = ["--dim", "2", "--resolution", "8", "--frames", "1", "--no-render", "--out", str(out)]
    assert main(["run", "smoke_plume", *flags]) == 0
    assert open_run(out).open_sides == ("z+",)
    config = json.loads((out / "config.json").read_text())
    config["scene"]["open_sides"] = ["top"]
    (out / "config.json").write_text(json.dumps(config))
    with pytest.raises(SimulationError, match="top"):
        open_run(out)
