"""Steps a scene of the program on a device, keeps its fields: steps.py SCENE DIM DEVICE OUT BAND.

BAND is the width of a narrow band of particles, in cells, and 0 for none.
"""

import sys
from dataclasses import replace

import numpy as np

from fluidsim import LiquidScene, RunConfig
from fluidsim.runs.catalogue import scene_module

FRAMES = 2


def main(name: str, dim: str, device: str, out: str, band: str) -> None:
    config = RunConfig(name, dim=int(dim), resolution=24, device=device)
    scene = scene_module(name).build(config)
    if isinstance(scene, LiquidScene):
        scene = replace(scene, narrow_band=int(band))
    simulation = scene.start(config.resolution, device=device, rtol=1e-8)
    for _ in range(FRAMES):
        if not simulation.window.is_whole:  # the next step takes it back
            simulation.cover(simulation.window.whole)
        simulation.advance(scene.frame_seconds)
    np.savez(out, **{key: values.cpu().numpy() for key, values in simulation.fields().items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
