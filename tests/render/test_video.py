import re
import struct
import subprocess

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest

from fluidsim.render import write_video

COLOURS = [(200, 40, 30), (30, 160, 60), (40, 60, 210), (235, 235, 235), (128, 90, 20)]


def pictures(rows=66, columns=98):
    for colour in COLOURS:
        yield np.full((rows, columns, 3), colour, np.uint8)


def boxes(path):
    """The names of the top-level boxes of an mp4 file, in order."""
    data, place, names = path.read_bytes(), 0, []
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        if size == 1:
            size = struct.unpack(">Q", data[place + 8 : place + 16])[0]
        names.append(name.decode())
        place += size
    return names


def stream_line(path):
    """How ffmpeg describes the video."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return next(line for line in text.splitlines() if "Video:" in line)


def test_plays_everywhere(tmp_path):
    path = write_video(tmp_path / "new" / "a.mp4", pictures(), fps=25)
    line = stream_line(path)
    assert "h264" in line and "yuv420p(tv, bt709" in line and "25 fps" in line
    names = boxes(path)
    assert names.index("moov") < names.index("mdat")
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]


def test_odd_sizes_become_even(tmp_path):
    path = write_video(tmp_path / "a.mp4", pictures(rows=65, columns=97))
    assert re.search(r"\b98x66\b", stream_line(path))


def test_frames_and_colours_read_back(tmp_path):
    path = write_video(tmp_path / "a.mp4", pictures(), preset="veryfast")
    with imageio.get_reader(path) as reader:
        frames = [np.asarray(frame).astype(int) for frame in reader.iter_data()]
    assert len(frames) == len(COLOURS)
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert np.abs(frame - colour).max() <= 6


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_no_file(tmp_path, error):
    def failing():
        yield from pictures()
        raise error

    with pytest.raises(error):
        write_video(tmp_path / "a.mp4", failing())
    assert list(tmp_path.iterdir()) == []


def test_failure_keeps_the_older_video(tmp_path):
    path = write_video(tmp_path / "a.mp4", pictures())
    before = path.read_bytes()
    with pytest.raises(ValueError, match="at least one"):
        write_video(path, [])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
