"""The pictures of the gallery: `python -m fluidsim.figures.stills` (or `make gallery`).

Frames of scenes, simulated up to there, and a short film of what `make demo` draws.
"""

from __future__ import annotations

import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image

from fluidsim import taichi_runtime
from fluidsim.figures.gallery import scene_frame
from fluidsim.files import replacing
from fluidsim.runs.stopping import guarded
from fluidsim.scene.config import RunConfig
from solvers import runtime

GALLERY = Path("renders/gallery")
SIZE = (960, 540)
STILLS = {  # of scene, dimension, cells: the frame shown
    ("stirred_tank", 3, 64): 40,
    ("water_drop", 3, 64): 70,
    ("smoke_solid", 3, 96): 62,
    ("campfire", 3, 96): 44,
    ("double_dam", 2, 128): 30,
    ("smoke_solid", 2, 128): 110,
}
QUALITY = 80  # of WebP

DEMO = Path("renders/demo")
EVERY, FILM_SIZE, SECONDS = 2, (640, 360), 1 / 12  # pictures kept of the demo, and their length


def draw_stills(machine: runtime.Runtime) -> None:
    """Write the stills, each beside the film: SCENE.webp, or SCENE_2d.webp."""
    for (scene, dim, cells), number in STILLS.items():
        print(f"{scene} {cells}^{dim}, frame {number}", flush=True)
        config = RunConfig(scene=scene, dim=dim, resolution=cells, size=SIZE)
        frame, plan = scene_frame(config, number, machine)
        picture = plan.drawing()(frame)
        save(GALLERY / f"{scene}{'_2d' if dim == 2 else ''}.webp", [picture])


def film(pictures: list[Path]) -> list[np.ndarray]:
    """A selection of the pictures, smaller. Raises FileNotFoundError if there are none."""
    if not pictures:
        raise FileNotFoundError(f"no pictures in {DEMO}: run `make demo` first")
    small = [Image.open(path).resize(FILM_SIZE, Image.Resampling.LANCZOS) for path in pictures]
    return [np.asarray(picture) for picture in small]


def save(path: Path, pictures: list[np.ndarray]) -> None:
    """Write pictures as WebP; several become an endless animation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        iio.imwrite(
            temporary, np.stack(pictures), plugin="pillow", extension=".webp", is_batch=True,
            quality=QUALITY, method=6, duration=1000 * SECONDS, loop=0,
        )  # fmt: skip
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def draw() -> None:
    save(GALLERY / "dam_break.webp", film(sorted(DEMO.glob("frames/[0-9]*.png"))[::EVERY]))
    machine = runtime.configure()
    taichi_runtime.start(machine)
    draw_stills(machine)


def main() -> int:
    """Returns the exit status."""
    return guarded(draw, False)


if __name__ == "__main__":
    sys.exit(main())
