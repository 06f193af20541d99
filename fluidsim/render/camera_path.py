"""Cameras that move: around the domain, or through the keyframes of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from fluidsim.render.camera import Camera

CameraPath = Callable[[float], Camera]  # of the frame's time in s

_ANGLES = 48  # of an orbit at which the domain is made to fit into the picture
_FILL = 0.98  # part of the picture that the domain may take
_CHECKED = 16  # points between two keyframes
_LARGEST = 10**6  # bytes of a file
_FIELDS = {"time": 1, "eye": 3, "look_at": 3, "field_of_view": 1}  # numbers of each


def orbit(start: Camera, extent: tuple[float, ...], aspect: float, degrees: float,
          seconds: float) -> CameraPath:  # fmt: skip
    """Around the middle of the domain [0, extent] by `degrees` in `seconds`, evenly.

    It begins in the direction of `start`; the height and the distance, at which the domain fits
    into pictures of width / height `aspect` from all sides that are seen, stay.
    """
    middle = np.asarray(extent) / 2
    corners = np.array(list(np.ndindex(2, 2, 2))) * extent

    def towards(angle: float, distance: float) -> Camera:
        forward, _, _ = start.axes()
        cosine, sine = np.cos(angle), np.sin(angle)
        x, y, z = -distance * forward
        eye = middle + np.array((cosine * x - sine * y, sine * x + cosine * y, z))
        return replace(start, eye=tuple(eye), look_at=tuple(middle))

    distance = 2 * float(np.linalg.norm(extent))
    for _ in range(8):  # a fixed point, as in Camera.framing
        cameras = [towards(a, distance) for a in np.radians(np.linspace(0, degrees, _ANGLES))]
        distance *= max(np.abs(each.project(corners, aspect)).max() for each in cameras) / _FILL
    return lambda time: towards(np.radians(degrees * time / seconds), distance)


def through_keyframes(path: Path) -> CameraPath:
    """Through the keyframes of a file, smoothly and without overshooting; held at both ends.

    The file is JSON, a list of {"time": s, "eye": [x, y, z], "look_at": [x, y, z],
    "field_of_view": degrees}: metres, the vertical angle may be left out (28). Monotone cubic
    interpolation: Fritsch & Carlson 1980, SIAM J. Numer. Anal. 17.
    Raises ValueError with one line that names the file, and OSError.
    """
    try:
        rows = _rows(path)
    except ValueError as error:
        raise ValueError(f"camera file {path}: {error}") from error
    times, values = rows[:, 0], rows[:, 1:]
    curve = PchipInterpolator(times, values) if len(times) > 1 else None

    def at(time: float) -> Camera:
        now = values[0] if curve is None else curve(np.clip(time, times[0], times[-1]))
        eye, look_at = (tuple(part.tolist()) for part in (now[:3], now[3:6]))
        return Camera(eye, look_at, float(now[6]))

    checked = np.interp(np.arange(_CHECKED * len(times)) / _CHECKED, np.arange(len(times)), times)
    for time in checked:
        try:
            at(float(time))
        except ValueError as error:
            raise ValueError(f"camera file {path}: at {time:g} s {error}") from error
    return at


def _rows(path: Path) -> np.ndarray:
    """The keyframes (n, 8): time, eye, look_at, field of view."""
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST} bytes")
    keys = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(keys, list) or not keys:
        raise ValueError("it must hold a list of keyframes")
    rows = np.array([_row(key, number) for number, key in enumerate(keys, start=1)])
    if not np.all(np.diff(rows[:, 0]) > 0):
        raise ValueError("the times of keyframes must increase")
    return rows


def _row(key: Any, number: int) -> list[float]:
    if not isinstance(key, dict) or not key.keys() <= _FIELDS.keys():
        raise ValueError(f"keyframe {number} may have {', '.join(_FIELDS)} only")
    key = {"field_of_view": Camera.field_of_view, **key}
    row: list[float] = []
    for name, count in _FIELDS.items():
        values = key.get(name)
        values = [values] if count == 1 else values
        if not isinstance(values, list) or len(values) != count or not all(map(_real, values)):
            raise ValueError(f"keyframe {number}: {name} must be {count} finite number(s)")
        row += values
    return row


def _real(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9
