"""No file that could not be written whole gets its name.

A limit to the size of files stands for a full disk.
"""

import numpy as np
import pytest
import torch

from fluidsim.render.frame import SolidGrid
from fluidsim.render.pictures import save_picture
from fluidsim.render.video import write_video
from fluidsim.runs.snapshot import frame_of
from fluidsim.solid.shapes import HalfSpace
from fluidsim.store import checkpoint, frames
from fluidsim.store.checkpoint import Checkpoint
from tests.fluidsim.worlds import cubic, liquid, smoke

resource = pytest.importorskip("resource", reason="files have no limits on Windows")
NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
STATE = {"velocity": torch.rand(3, 1000)}
SOLIDS = SolidGrid(np.random.default_rng(0).random((40, 40), np.float32), 0.1)


def write_mesh(folder):
    import pyvista

    from fluidsim.export.files import write_vtp
    from fluidsim.export.meshes import TriangleMesh

    ball = pyvista.Sphere()
    write_vtp(folder / "a.vtp", TriangleMesh(np.array(ball.points), ball.regular_faces, None))


WRITERS = {
    "particles": lambda folder: frames.save(
        frame_of(liquid(cubic(2, 16), HalfSpace(0.5)), 1, "", None), folder
    ),
    "smoke": lambda folder: frames.save(frame_of(smoke(cubic(3, 12)), 1, "", None), folder),
    "solids": lambda folder: frames.save_solids(SOLIDS, folder, None),
    "surface": write_mesh,
    "picture": lambda folder: save_picture(folder / "a.png", NOISE),
    "video": lambda folder: write_video(folder / "a.mp4", [NOISE] * 9),
    "checkpoint": lambda folder: checkpoint.save(folder, Checkpoint(3, STATE, {}, 0, {})),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_has_no_room_is_an_error_and_leaves_nothing(name, tmp_path):
    WRITERS[name](tmp_path)
    (written,) = tmp_path.iterdir()
    room = written.stat().st_size - 30
    written.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OSError):
            WRITERS[name](tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
