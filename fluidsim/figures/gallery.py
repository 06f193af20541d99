"""A contact sheet of the scenes: `python -m fluidsim.figures.gallery` (or `make gallery`).

One frame of every scene, the one that shows best what happens, side by side with its name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fluidsim import taichi_runtime
from fluidsim.files import replacing
from fluidsim.parsing import OneLineParser, picture_size, whole
from fluidsim.render import Frame
from fluidsim.render.captions import add_caption
from fluidsim.runs.catalogue import scene_module, scene_names
from fluidsim.runs.plan import Plan
from fluidsim.runs.snapshot import frame_of, solid_grid
from fluidsim.runs.stopping import guarded
from fluidsim.scene.config import RunConfig
from solvers import runtime

FRAME = 30  # shown of a scene that is not named here
FRAMES = {
    "ball_bowl": 30,
    "ball_cube": 18,
    "boat": 36,
    "campfire": 44,
    "dam_break": 24,
    "dambreak": 36,
    "dambreak_bunny": 30,
    "dambreak_dragons": 30,
    "ducks": 50,
    "karman_street": 104,
    "raft": 48,
    "rising_ring": 45,
    "scooping": 88,
    "smoke_bunny": 65,
    "smoke_moving_donuts": 66,
    "smoke_plume": 74,
    "smoke_solid": 66,
    "standing_dipping_block": 40,
    "viscous_coil": 80,
    "waterflow_ball": 60,
    "waterflow_panels": 80,
    "waterflow_pool": 60,
    "waterflow_rotating_cube": 50,
    "waterflow_torus": 45,
    "whirlwind": 60,
}
COLUMNS, GAP = 5, 4  # pictures side by side, pixels between them
QUALITY = 82


def scene_frame(config: RunConfig, number: int, machine: runtime.Runtime) -> tuple[Frame, Plan]:
    """A frame of a scene, simulated up to there, and the plan of its run."""
    plan = Plan.of(scene_module(config.scene).build(config), config)
    simulation = plan.start(machine)
    for _ in range(number):
        simulation.advance(plan.scene.frame_seconds)
    return frame_of(simulation, number, plan.caption, solid_grid(simulation)), plan


def scene_picture(config: RunConfig, number: int, machine: runtime.Runtime) -> np.ndarray:
    """The picture (height, width, 3) uint8 of a frame of a scene, with its name."""
    frame, plan = scene_frame(config, number, machine)
    image = Image.fromarray(plan.drawing()(frame))
    size = config.size
    sheet = Image.new("RGB", size, (208, 217, 227))  # flat pictures keep the domain's aspect
    sheet.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return add_caption(np.asarray(sheet), config.scene)


def contact_sheet(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one size (height, width, 3) in rows of COLUMNS."""
    height, width, _ = pictures[0].shape
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    shape = (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3)
    sheet = np.full(shape, 255, np.uint8)
    for number, image in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = row * (height + GAP), column * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet


def gallery(options: argparse.Namespace) -> None:
    """Simulate and draw the scenes, and write the sheet as JPEG."""
    machine = runtime.configure()
    taichi_runtime.start(machine)
    pictures = []
    for name in options.scenes:
        number = options.frames or FRAMES.get(name, FRAME)
        print(f"{name}, frame {number}", flush=True)
        config = RunConfig(
            scene=name, dim=options.dim, resolution=options.resolution, size=options.size,
            caption=False,
        )  # fmt: skip
        pictures.append(scene_picture(config, number, machine))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(options.out) as temporary:
        sheet = Image.fromarray(contact_sheet(pictures))
        sheet.save(temporary, "JPEG", quality=QUALITY, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = OneLineParser(prog="gallery", description=__doc__)
    add = parser.add_argument
    names = scene_names()
    add("--scenes", nargs="+", choices=names, default=names, metavar="NAME", help="(all)")
    add("--dim", type=int, choices=(2, 3), default=3)
    add("--resolution", type=whole(4, 4096), default=48, metavar="CELLS", help="(48)")
    add("--frames", type=whole(1, 10**6), default=None, help="the frame shown (the scene's best)")
    add("--size", type=picture_size, default=(384, 216), metavar="WxH", help="of each picture")
    add("--out", type=Path, default=Path("renders/gallery/scenes.jpg"), metavar="FILE")
    options = parser.parse_args(argv)
    return guarded(lambda: gallery(options), False)


if __name__ == "__main__":
    sys.exit(main())
