"""The video of a run, and how fast it plays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as imageio

from fluidsim import render

USUAL, SLOWEST, FASTEST = 30.0, 10.0, 60.0  # frames a second: where real time is out of range


def make_video(folder: Path, numbers: Sequence[int], fps: int | None, interval: float) -> str:
    """Write video.mp4 from the pictures in `folder`; returns where it is and how fast it plays.

    interval: simulated seconds between the frames.
    """
    pictures = (imageio.imread(folder / "frames" / f"{number:04d}.png") for number in numbers)
    rate = frames_a_second(fps, interval)
    path = render.write_video(folder / "video.mp4", pictures, rate)
    return f"{path}, {rate:g} frames a second: {tempo(rate, interval)}"


def frames_a_second(fps: int | None, interval: float) -> float:
    """Those asked for, else those of real time where players manage them, else 30."""
    if fps is not None:
        return float(fps)
    real = round(1 / interval, 3)
    return real if SLOWEST <= real <= FASTEST else USUAL


def tempo(rate: float, interval: float) -> str:
    """Such as "2.5x slow motion"."""
    slower = 1 / (rate * interval)
    if abs(slower - 1) < 0.01:
        return "real time"
    return f"{slower:.3g}x slow motion" if slower > 1 else f"{1 / slower:.3g}x fast motion"
