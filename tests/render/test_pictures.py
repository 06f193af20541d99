import imageio.v3 as iio
import numpy as np
import pytest

from fluidsim.render import Style, picture, pictures, save_picture
from fluidsim.render.frame import WhitewaterParticles
from tests.render.worlds import ball_solid, jittered, liquid_frame, smoke_frame

EMPTY = smoke_frame(np.zeros((8, 8), np.float32), number=3, time=1.0, caption="title")


def test_caption_changes_the_upper_corners_only():
    plain, titled = (
        picture(EMPTY, (200, 200), style=Style(caption=c)).astype(int) for c in (False, True)
    )
    changed = np.abs(titled - plain).max(-1) > 0
    changed = changed[(plain != plain[0, 0]).any((1, 2))]  # without the bars above and below
    assert changed[:20, :60].any() and changed[:20, -60:].any()
    assert not changed[20:].any()


def test_supersampled_picture_is_the_mean_of_a_larger_one():
    density = np.zeros((8, 8, 8), np.float32)
    density[3:6, 3:6, 2:7] = 1
    puff = smoke_frame(density)
    large = picture(puff, (96, 64), style=Style(caption=False)).astype(float)
    small = picture(puff, (48, 32), style=Style(supersample=2, caption=False))
    assert np.abs(small - large.reshape(32, 2, 48, 2, 3).mean((1, 3))).max() <= 0.5


@pytest.mark.parametrize("exposure", [0.0, 0.02])
def test_air_above_a_liquid_is_left_out_and_not_missed(exposure, monkeypatch):
    pool = jittered((24, 24, 5), 1 / 24)
    frame = liquid_frame(pool, np.full_like(pool, 0.2), (24, 24, 24), 1 / 24)
    style = Style(caption=False, exposure=exposure)
    made = []
    water = pictures.water.water_picture
    monkeypatch.setattr(
        pictures.water, "water_picture", lambda *given: [made.append(given[1]), water(*given)][1]
    )
    cut = picture(frame, (160, 90), style=style).astype(int)
    monkeypatch.setattr(pictures, "_AIR", 24)
    whole = picture(frame, (160, 90), style=style).astype(int)
    assert [each.distance.shape[2] for each in made] == [2 * (5 + 8) + 1, 49]
    different = np.abs(cut - whole).max(-1) > 3
    assert different.mean() < 0.01 and whole.std() > 10


OTHERS = {
    "solids": ball_solid((24, 24, 24), 1 / 24, (0.5, 0.5, 0.8), 0.1),
    "whitewater": WhitewaterParticles.none(3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_air_beside_what_else_is_looked_at_is_kept(name):
    positions = jittered((24, 24, 5), 1 / 24)
    frame = liquid_frame(positions, None, (24, 24, 24), 1 / 24, **{name: OTHERS[name]})
    assert pictures._liquid(frame)[0].distance.shape == (49, 49, 49)


@pytest.mark.parametrize(
    "wrong", [{"supersample": 0}, {"preset": "night"}, {"liquid": "milk"}], ids=str
)
def test_a_style_names_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Style(**wrong)


def test_saved_picture_reads_back(tmp_path):
    image = picture(EMPTY, (64, 64))
    path = save_picture(tmp_path / "new" / "a.png", image)
    assert np.array_equal(iio.imread(path), image)
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


def test_failed_save_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_picture(tmp_path / "a.png", picture(EMPTY, (64, 64)))
    assert list(tmp_path.iterdir()) == []
