import json

import numpy as np
import pytest

from fluidsim.render import Camera, default_camera, orbit, through_keyframes

CORNERS = np.array(list(np.ndindex(2, 2, 2)))
KEYS = [
    {"time": 0, "eye": [3, 0, 1], "look_at": [0, 0, 0]},
    {"time": 1, "eye": [0, 3, 2], "look_at": [0, 0, 1], "field_of_view": 40},
    {"time": 3, "eye": [-3, 0, 1], "look_at": [0, 0, 0], "field_of_view": 20},
]


def stored(tmp_path, keys):
    path = tmp_path / "camera.json"
    path.write_text(keys if isinstance(keys, str) else json.dumps(keys))
    return path


@pytest.mark.parametrize("extent", [(1, 1, 1), (2, 1, 1), (0.5, 0.5, 2)])
@pytest.mark.parametrize("kind", ["liquid", "smoke"])
def test_orbit_holds_the_domain_at_one_height_and_distance(extent, kind):
    start = default_camera(kind, extent, 16 / 9)
    path = orbit(start, extent, 16 / 9, 360.0, 4.0)
    cameras = [path(time) for time in np.linspace(0, 4, 41)]
    seen = np.array([each.project(CORNERS * extent, 16 / 9) for each in cameras])
    assert 0.9 < np.abs(seen).max() < 1
    assert np.ptp([each.distance for each in cameras]) < 1e-9
    assert np.ptp([each.eye[2] for each in cameras]) < 1e-9
    assert np.allclose(cameras[0].eye, cameras[-1].eye)  # a loop


def test_orbit_turns_evenly_by_its_angle():
    path = orbit(default_camera("liquid", (1, 1, 1), 1.0), (1, 1, 1), 1.0, -90.0, 2.0)
    eyes = np.array([path(time).eye for time in np.linspace(0, 2, 9)]) - 0.5
    angles = np.degrees(np.unwrap(np.arctan2(eyes[:, 1], eyes[:, 0])))
    assert np.allclose(np.diff(angles), -90 / 8)


def test_keyframes_are_reached_held_and_joined_smoothly(tmp_path):
    path = through_keyframes(stored(tmp_path, KEYS))
    for key in KEYS:
        camera = path(key["time"])
        assert np.allclose(camera.eye, key["eye"]) and np.allclose(camera.look_at, key["look_at"])
        assert camera.field_of_view == pytest.approx(key.get("field_of_view", 28))
    assert path(-5) == path(0) and path(99) == path(3)
    times = np.linspace(0, 3, 3001)
    eyes = np.array([path(time).eye for time in times])
    speed = np.diff(eyes, axis=0) / np.diff(times)[:, None]
    assert np.abs(np.diff(speed, axis=0)).max() < 0.03  # no jump of the velocity
    assert eyes[:, 0].min() >= -3 and eyes[:, 0].max() <= 3 and eyes[:, 2].max() <= 2


def test_one_keyframe_is_a_view_that_stays(tmp_path):
    path = through_keyframes(stored(tmp_path, KEYS[:1]))
    assert path(0.0) == path(7.0) == Camera((3, 0, 1), (0, 0, 0))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("{", "camera.json"),
        ("[" * 100_000, "nested too deeply"),
        ({}, "list of keyframes"),
        ([], "list of keyframes"),
        ([{"time": 0, "eye": [1, 2], "look_at": [0, 0, 0]}], "keyframe 1: eye"),
        ([{"time": 0, "eye": [1, 2, "3"], "look_at": [0, 0, 0]}], "keyframe 1: eye"),
        ([{"time": 0, "eye": [1, 2, 3]}], "keyframe 1: look_at"),
        ([{"eye": [1, 2, 3], "look_at": [0, 0, 0]}], "keyframe 1: time"),
        ([{**KEYS[0], "zoom": 1}], "keyframe 1 may only have"),
        ('[{"time": 0, "eye": [1, 2, NaN], "look_at": [0, 0, 0]}]', "keyframe 1: eye"),
        ([KEYS[1], KEYS[0]], "must increase"),
        ([{**KEYS[0], "look_at": KEYS[0]["eye"]}], "own place"),
        ([{**KEYS[0], "look_at": [3, 0, 9]}], "straight up"),
        ([{**KEYS[0], "field_of_view": 180}], "field of view"),
    ],
)
def test_wrong_files_are_named_in_one_line(tmp_path, keys, message):
    path = stored(tmp_path, keys)
    with pytest.raises(ValueError, match=message) as error:
        through_keyframes(path)
    assert "camera.json" in str(error.value) and "\n" not in str(error.value)


def test_a_camera_that_passes_through_its_target_is_found(tmp_path):
    keys = [{**KEYS[0], "eye": [-1, 0, 0]}, {**KEYS[0], "eye": [1, 0, 0], "time": 1}]
    with pytest.raises(ValueError, match=r"at 0.5 s .*own place"):
        through_keyframes(stored(tmp_path, keys))
