"""The flags of pictures: what they ask for is what is drawn, now and by `fluidsim render`."""

import json
from dataclasses import replace
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from fluidsim import Camera, RunConfig, View
from fluidsim.cli import main
from fluidsim.runs.drawing import Drawing
from fluidsim.runs.video import frames_a_second, tempo
from fluidsim.scene.picture_options import PictureOptions
from fluidsim.store import frames
from fluidsim.store.stored_run import open_run
from scenes import viscous_coil
from solvers.runtime import available_threads
from tests.render.worlds import smoke_frame

SMALL = ["--resolution", "12", "--frames", "2", "--size", "96x64"]
FLAT = [*SMALL, "--dim", "2"]
KEY = {"time": 0, "eye": [0.5, -4, 2], "look_at": [0.5, 0.5, 0.5]}
FRAME = smoke_frame(np.full((8, 8, 8), 0.1, np.float32), dx=1 / 8, time=0.5, caption="title")

PLAIN = View()


def draw(time=0.5, density=FRAME.density, view=PLAIN, **settings):
    options = PictureOptions(**{"size": (96, 64), **settings})
    drawing = Drawing(options, "smoke", (1.0, 1.0, 1.0), 1.0, view)
    return drawing(replace(FRAME, time=time, density=density)).astype(int)


def test_every_flag_changes_the_picture():
    plain = draw()
    assert plain.shape == (64, 96, 3)
    assert draw(size=(64, 48)).shape == (48, 64, 3)
    for settings in ({"preset": "studio"}, {"orbit": 90.0}, {"supersample": 2}, {"caption": False}):
        assert np.abs(draw(**settings) - plain).max() > 3
    assert np.array_equal(draw(preset="dark", orbit=None, camera=None, supersample=1), plain)


def test_orbit_turns_over_the_video():
    first, half, last = (draw(time, orbit=360.0, caption=False) for time in (0.0, 0.5, 1.0))
    assert np.abs(first - last).mean() < 0.5 < np.abs(first - half).mean()


def test_camera_file(tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(json.dumps([KEY, {**KEY, "time": 1, "field_of_view": 14}]))
    clear = np.zeros_like(FRAME.density)
    smoky = [
        np.abs(draw(time, camera=path) - draw(time, clear, camera=path)).sum(-1) > 30
        for time in (0.0, 1.0)
    ]
    assert smoky[1].sum() > 2 * smoky[0].sum()  # half the angle


def test_what_a_scene_asks_for_holds_where_no_flag_does(tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(json.dumps([KEY]))
    seen = View(camera=Camera(tuple(KEY["eye"]), tuple(KEY["look_at"])))
    turned = View(orbit=90.0, preset="studio")
    assert np.array_equal(draw(view=seen), draw(camera=path))
    assert np.array_equal(draw(view=turned), draw(orbit=90.0, preset="studio"))
    assert np.array_equal(draw(view=turned, preset="dark"), draw(orbit=90.0))
    assert np.array_equal(draw(view=turned, preset="dark", camera=path), draw(camera=path))
    assert not np.array_equal(draw(view=turned, orbit=0.0), draw(view=turned))


def test_a_run_keeps_what_its_scene_asks_for(tmp_path):
    out = tmp_path / "run"
    assert main(["run", "viscous_coil", *FLAT, "--out", str(out)]) == 0
    config = RunConfig("viscous_coil", dim=2)
    assert open_run(out).view == viscous_coil.build(config).view != PLAIN
    amber = imageio.imread(out / "frames" / "0002.png").astype(int)
    assert (amber[..., 0] - amber[..., 2]).max() > 80
    assert main(["render", str(out)]) == 0
    assert np.array_equal(imageio.imread(out / "frames" / "0002.png"), amber)


def test_a_run_goes_on_when_its_scene_is_seen_otherwise(tmp_path, monkeypatch):
    flags = ["--dim", "2", "--no-render", "--checkpoint", "1", "--out", str(tmp_path / "run")]
    assert main(["run", "viscous_coil", *SMALL, *flags]) == 0
    monkeypatch.setattr(viscous_coil, "View", lambda **asked: PLAIN)
    again = ["--resume", str(tmp_path / "run"), "--frames", "3"]
    assert main(["run", "viscous_coil", *again]) == 0
    assert open_run(tmp_path / "run").view == PLAIN


@pytest.mark.parametrize(
    "wrong", [{"preset": "bright"}, {"liquid": "mercury"}, {"orbit": float("nan")}]
)
def test_a_view_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"unknown preset|unknown liquid|orbit of nan"):
        View(**wrong)


@pytest.mark.parametrize("settings", [{"orbit": 10.0}, {"camera": Path("x.json")}])
def test_flat_pictures_have_no_camera(settings):
    with pytest.raises(ValueError, match="3D"):
        Drawing(PictureOptions(size=(96, 64), **settings), "smoke", (1.0, 1.0), 1.0, PLAIN)


@pytest.mark.parametrize(("kind", "dim"), [("smoke", 3), ("liquid", 2), ("smoke", 2)])
def test_only_liquids_in_3d_are_exposed(kind, dim):
    options = PictureOptions(size=(96, 64), exposure=0.01)
    with pytest.raises(ValueError, match="3D pictures of liquids"):
        Drawing(options, kind, (1.0,) * dim, 1.0, PLAIN)
    Drawing(replace(options, exposure=0.0), kind, (1.0,) * dim, 1.0, PLAIN)


def test_exposure_blurs_the_pictures_of_a_run(tmp_path):
    out = tmp_path / "run"
    assert main(["run", "dam_break", *SMALL, "--exposure", "1", "--out", str(out)]) == 0
    picture = out / "frames" / "0002.png"
    blurred = imageio.imread(picture).astype(int)
    assert main(["render", str(out)]) == 0
    assert np.array_equal(imageio.imread(picture), blurred)
    assert main(["render", str(out), "--exposure", "0"]) == 0
    assert np.abs(imageio.imread(picture) - blurred).max() > 5


def test_a_missing_camera_file_stops_the_run_before_it_begins(tmp_path, capsys):
    out = tmp_path / "run"
    flags = [*SMALL, "--camera", str(tmp_path / "none.json"), "--out", str(out)]
    assert main(["run", "dam_break", *flags]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "none.json" in lines[0]
    assert not out.exists()


def test_render_takes_the_flags_of_the_run_and_others(tmp_path):
    out = tmp_path / "run"
    flags = [*SMALL, "--orbit", "90", "--preset", "dark", "--no-caption", "--out", str(out)]
    assert main(["run", "dam_break", *flags]) == 0
    config = json.loads((out / "config.json").read_text())["config"]
    assert (config["orbit"], config["preset"], config["caption"]) == (90.0, "dark", False)
    assert config["supersample"] == 1 and config["camera"] is None

    def picture():
        return imageio.imread(out / "frames" / "0002.png").astype(int)

    dark = picture()
    assert main(["render", str(out)]) == 0
    assert np.array_equal(picture(), dark)
    path = tmp_path / "camera.json"
    path.write_text(json.dumps([KEY]))
    assert main(["render", str(out), "--camera", str(path), "--preset", "studio"]) == 0
    assert picture().mean() > 1.5 * dark.mean()
    assert (out / "video.mp4").stat().st_size > 0


def test_a_part_of_a_run_is_drawn_elsewhere(tmp_path, capsys):
    out, part = tmp_path / "run", tmp_path / "part"
    assert main(["run", "dam_break", *FLAT, "--out", str(out)]) == 0
    assert "60 frames a second: real time" in capsys.readouterr().out
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    flags = ["--out", str(part), "--threads", "1", "--fps", "24"]
    assert main(["render", str(out), "--frames", "2:", *flags]) == 0
    assert f"{part / 'video.mp4'}, 24 frames a second: 2.5x slow motion" in capsys.readouterr().out
    assert [path.name for path in (part / "frames").iterdir()] == ["0002.png"]
    assert len(imageio.imread(part / "video.mp4", index=None)) == 1
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert main(["render", str(out), "--frames", "3:9", *flags]) == 1
    assert "has frames 1 to 2" in capsys.readouterr().err
    (part / "config.json").write_text("{}")
    assert main(["render", str(out), *flags]) == 1
    assert "a run of its own" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fps", "interval", "rate", "said"),
    [
        (None, 1 / 60, 60, "real time"),
        (None, 1 / 40, 40, "real time"),
        (None, 1 / 1000, 30, "33.3x slow motion"),
        (None, 10, 30, "300x fast motion"),
        (24, 1 / 60, 24, "2.5x slow motion"),
    ],
)
def test_videos_play_in_real_time_or_say_how_fast(fps, interval, rate, said):
    assert frames_a_second(fps, interval) == rate
    assert tempo(frames_a_second(fps, interval), interval) == said


@pytest.mark.usefixtures("two_threads")
def test_a_run_that_leaves_a_core_has_its_pictures_drawn_there(tmp_path, monkeypatch):
    drawn = []
    save = Drawing.save
    monkeypatch.setattr(Drawing, "save", lambda *given: (drawn.append(1), save(*given)))
    for name, threads in (("a", "1"), ("b", str(available_threads()))):
        flags = [*FLAT, "--no-caption", "--threads", threads, "--out", str(tmp_path / name)]
        assert main(["run", "dam_break", *flags]) == 0
        assert (len(drawn) > 0) == (name == "b")
    one, other = (sorted((tmp_path / name / "frames").glob("*.png")) for name in "ab")
    assert len(one) == len(other) == 2
    for first, second in zip(one, other, strict=True):
        assert np.array_equal(imageio.imread(first), imageio.imread(second))
    assert (tmp_path / "a" / "video.mp4").stat().st_size > 0


@pytest.mark.usefixtures("two_threads")
def test_a_picture_that_cannot_be_drawn_elsewhere_fails_the_run(tmp_path, monkeypatch, capsys):
    write = frames.save

    def torn(frame, folder):
        write(frame, folder)
        (folder / f"{frame.number:04d}.ply").write_bytes(b"ply")

    monkeypatch.setattr(frames, "save", torn)
    flags = [*FLAT, "--threads", "1", "--out", str(tmp_path / "run")]
    assert main(["run", "dam_break", *flags]) == 1
    assert "0001.ply" in capsys.readouterr().err
