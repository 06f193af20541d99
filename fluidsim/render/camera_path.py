"""Cameras that move: around the domain, or through the keyframes of a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from fluidsim.render.camera import Camera

CameraPath = Callable[[float], Camera]  # its argument is the time of the frame, s

_ANGLES = 48  # the domain is fitted into the picture at so many angles of an orbit
_FILL = 0.98  # part of the picture that the domain may take
_CHECKED = 16  # times between two keyframes at which the camera is checked
_LARGEST = 10**6  # bytes of a camera file
_FIELDS = {"time": 1, "eye": 3, "look_at": 3, "field_of_view": 1}  # numbers in each


def orbit(start: Camera, extent: tuple[float, ...], aspect: float, degrees: float,
          seconds: float) -> CameraPath:  # fmt: skip
    """Return a camera path around the middle of the domain [0, extent], at a constant speed.

    Parameters
    ----------
    start : Camera
        Its direction is that of the first picture. The height and the distance stay the same,
        such that the domain fits into the picture from all sides.
    extent : tuple of 3 float
        Sides of the domain, m.
    aspect : float
        Width / height of the picture.
    degrees, seconds : float
        Angle of the whole turn, and the simulated time that it takes.

    Returns
    -------
    CameraPath
        A function from the time of a frame, s, to a `Camera`.
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


def through_keyframes(path: str | os.PathLike[str]) -> CameraPath:
    """Return a camera path through the keyframes of a file, smooth and without overshooting.

    The camera stands still before the first and after the last keyframe.

    Parameters
    ----------
    path : str or PathLike
        A JSON file: a list of ``{"time": s, "eye": [x, y, z], "look_at": [x, y, z],
        "field_of_view": degrees}`` with lengths in metres. The vertical angle is optional (28).

    Returns
    -------
    CameraPath
        A function from the time of a frame, s, to a `Camera`.

    Raises
    ------
    ValueError
        One line that names the file, if it holds no such list.
    OSError
        If it cannot be read.

    References
    ----------
    Monotone cubic interpolation: Fritsch & Carlson 1980, SIAM J. Numer. Anal. 17.
    """
    path = Path(path)
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
    """The keyframes (n, 8): time, eye, look_at and field of view."""
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST} bytes")
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(keys, list) or not keys:
        raise ValueError("it must hold a list of keyframes")
    rows = np.array([_row(key, number) for number, key in enumerate(keys, start=1)])
    if not np.all(np.diff(rows[:, 0]) > 0):
        raise ValueError("the times of its keyframes must increase")
    return rows


def _row(key: Any, number: int) -> list[float]:
    if not isinstance(key, dict) or not key.keys() <= _FIELDS.keys():
        raise ValueError(f"keyframe {number} may only have {', '.join(_FIELDS)}")
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
