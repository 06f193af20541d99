"""Videos that play everywhere: H.264, 4:2:0, BT.709, index at the front."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import imageio.v2 as imageio
import numpy as np

from fluidsim.files import replacing

# ffmpeg would convert by BT.601 and leave the file untagged: players then guess, and colours shift.
_BT709 = [
    "-vf", "scale=out_color_matrix=bt709:out_range=tv",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
    "-color_range", "tv",
]  # fmt: skip


def even(picture: np.ndarray) -> np.ndarray:
    """The picture with its last row and column repeated where 4:2:0 needs even sizes."""
    rows, columns = picture.shape[:2]
    if rows % 2 == 0 and columns % 2 == 0:
        return picture
    return np.pad(picture, ((0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")


def write_video(
    path: str | os.PathLike[str],
    pictures: Iterable[np.ndarray],
    fps: float = 30.0,
    crf: int = 18,
    preset: str = "medium",
) -> Path:
    """Write uint8 pictures (height, width, 3), all of one size, as an mp4 file.

    The file appears at `path` only when it is complete; on an error or an interruption nothing
    is left and an older file stays. Raises ValueError when there is no picture.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = ["-crf", str(crf), "-preset", preset, "-movflags", "+faststart", *_BT709]
    count = 0
    with replacing(path) as temporary:
        writer = imageio.get_writer(
            temporary,
            format="FFMPEG",  # pyright: ignore[reportArgumentType]
            fps=fps,
            codec="libx264",
            pixelformat="yuv420p",
            macro_block_size=2,
            ffmpeg_log_level="error",
            output_params=options,
        )
        try:
            for picture in pictures:
                writer.append_data(even(picture))
                count += 1
        finally:
            writer.close()  # waits for ffmpeg; `with writer` would not, after an error
        if count == 0:
            raise ValueError("a video needs at least one picture")
    return path
