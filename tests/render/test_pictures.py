import imageio.v3 as iio
import numpy as np
import pytest

from fluidsim.render import Style, picture, save_picture
from tests.render.worlds import smoke_frame

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
