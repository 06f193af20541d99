"""Steps a scene of the program on one device and keeps its fields: steps.py SCENE DIM DEVICE OUT.

A process of its own, because Taichi serves one device a process.
"""

import sys

import numpy as np

from fluidsim import RunConfig
from fluidsim.runs.catalogue import scene_module

FRAMES = 2


def main(name: str, dim: str, device: str, out: str) -> None:
    config = RunConfig(name, dim=int(dim), resolution=24, device=device)
    scene = scene_module(name).build(config)
    simulation = scene.start(config.resolution, device=device, rtol=1e-8)
    for _ in range(FRAMES):
        simulation.advance(scene.frame_seconds)
    np.savez(out, **{key: values.cpu().numpy() for key, values in simulation.fields().items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
