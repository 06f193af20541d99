"""A whale's tail rises from the water and slaps it: an animated mesh."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.animated import AnimatedMesh
from fluidsim.solid.shapes import HalfSpace

RATE, SECONDS = 30, 1.6
RINGS, CORNERS = 36, 20
TIMES = (0.0, 0.1, 0.6, 0.7, 0.95, 1.2, SECONDS)  # s
BENDS = (-0.1, -0.1, 1.2, 1.25, -0.2, -0.15, -0.1)  # rad, of the tip; upwards


def tail(bend: float) -> np.ndarray:
    """Vertices: rings of corners from the root to the tip."""
    along = np.linspace(0.0, 1.0, RINGS)
    angle = bend * along**1.5
    step = 0.95 / (RINGS - 1)
    x = 0.3 + step * np.cumsum(np.cos(angle))
    z = 0.24 + step * np.cumsum(np.sin(angle))
    thick = 0.05 + 0.05 * (1 - along) - 0.02 * along**8
    wide = 0.09 + 0.18 * np.exp(-(((along - 0.86) / 0.11) ** 2))
    turn = np.linspace(0.0, 2 * np.pi, CORNERS, endpoint=False)
    up = thick[:, None] * np.sin(turn)
    y = 0.4 + wide[:, None] * np.cos(turn)
    lean, rise = (up * part(angle)[:, None] for part in (np.sin, np.cos))
    return np.stack((x[:, None] - lean, y, z[:, None] + rise), -1).reshape(-1, 3)


def write(folder: Path) -> None:
    """One OBJ file a frame, of squares between the rings and a polygon at each end."""
    corner = np.arange(RINGS * CORNERS).reshape(RINGS, CORNERS) + 1
    after = np.roll(corner, -1, 1)
    sides = np.stack((corner[:-1], after[:-1], after[1:], corner[1:]), -1).reshape(-1, 4)
    faces = [*sides, corner[0][::-1], corner[-1]]
    rings = "".join("f " + " ".join(map(str, face)) + "\n" for face in faces)
    bends = PchipInterpolator(TIMES, BENDS)(np.arange(0, SECONDS, 1 / RATE))
    for number, bend in enumerate(bends):
        places = "".join("v {:.6f} {:.6f} {:.6f}\n".format(*row) for row in tail(bend))
        (folder / f"tail_{number:03d}.obj").write_text(places + rings, encoding="utf-8")


def build(config: RunConfig) -> LiquidScene:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        slap = AnimatedMesh(folder, rate=RATE)  # it has read the files when they go
    return LiquidScene(size=config.point(1.8, 0.8, 1.0), liquid=HalfSpace(0.38), solids=[slap])


if __name__ == "__main__":
    sys.exit(run(build))
