"""The video of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as imageio

from fluidsim import render


def make_video(path: Path, numbers: Sequence[int], fps: int) -> Path:
    """Write video.mp4 from the pictures of the run in `path`; returns where it is."""
    pictures = (imageio.imread(path / "frames" / f"{number:04d}.png") for number in numbers)
    return render.write_video(path / "video.mp4", pictures, fps)
