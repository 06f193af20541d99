"""Videos that play everywhere: H.264, 4:2:0, BT.709, with the index at the front."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

from fluidsim.files import replacing

# By itself, ffmpeg converts by BT.601 and does not tag the file; players guess, and colours shift.
_BT709 = [
    "-vf", "scale=out_color_matrix=bt709:out_range=tv",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
    "-color_range", "tv",
]  # fmt: skip
_UNWRITTEN = " cannot be written; is the disk full?"


def even(picture: np.ndarray) -> np.ndarray:
    """The picture with its last row and column repeated if 4:2:0 needs it: for even sizes."""
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
    """Write pictures as an mp4 file: H.264, 4:2:0, BT.709.

    The file appears at `path` only when it is complete. After an error or an interruption an
    older file is still there.

    Parameters
    ----------
    path : str or PathLike
        Missing folders are made.
    pictures : iterable of uint8, shape (height, width, 3)
        All of one size.
    fps : float
        Pictures per second.
    crf, preset
        Quality (lower is better) and speed of x264.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ValueError
        If there is no picture.
    OSError
        If the file cannot be written.
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
            ffmpeg_log_level="quiet",
            output_params=options,
        )
        try:
            for picture in pictures:
                try:
                    writer.append_data(even(picture))
                except OSError as error:  # which quotes the whole command of ffmpeg
                    raise OSError(f"{path}{_UNWRITTEN}") from error
                count += 1
        finally:
            writer.close()  # waits for ffmpeg, which `with writer` does not after an error
        if count == 0:
            raise ValueError("a video needs at least one picture")
        if not _is_whole(temporary):
            raise OSError(f"{path}{_UNWRITTEN}")
    return path


def _is_whole(video: Path) -> bool:
    """Whether ffmpeg can read a video to its end, without decoding it: it does not report
    to imageio that it could not write it."""
    reading = ["-v", "error", "-i", str(video), "-c", "copy", "-f", "null", "-"]
    done = subprocess.run([get_ffmpeg_exe(), *reading], capture_output=True)
    return done.returncode == 0 and not done.stderr
