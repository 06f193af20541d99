"""The scenes: those of the NPSDO paper, in both dimensions, short enough to be read; others."""

import ast
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

import scenes
from fluidsim import RunConfig
from fluidsim.render.fire import GLOWS
from fluidsim.runs.catalogue import scene_names
from fluidsim.timing import StageTimer

TESTING = [
    "smoke_solid", "smoke_bunny", "scooping", "waterflow_torus", "waterflow_ball",
    "dambreak_pillars", "dambreak_bunny",
]  # fmt: skip
TRAINING = [
    "dambreak", "dambreak_hill", "dambreak_dragons", "ball_cube", "ball_bowl",
    "standing_dipping_block", "standing_rotating_blade", "waterflow_pool", "waterflow_panels",
    "waterflow_rotating_cube", "smoke_moving_donuts",
]  # fmt: skip
PAPER = [*TESTING, *TRAINING]


def test_the_papers_scenes_are_there():
    assert set(PAPER) <= set(scene_names())


@pytest.mark.parametrize("name", scene_names())
def test_a_scene_is_short_and_says_in_a_line_what_it_shows(name):
    text = Path(scenes.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    said = ast.get_docstring(ast.parse(text))
    assert said and "\n" not in said and len(said) < 80


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", PAPER)
def test_two_frames_of_a_scene_of_the_paper(name, dim, machine):
    config = RunConfig(scene=name, dim=dim, resolution=12)
    scene = importlib.import_module(f"scenes.{name}").build(config)
    simulation = scene.simulate(config, machine, StageTimer(machine.device))
    for _ in range(2):
        report = simulation.advance(scene.frame_seconds)
        assert report.substeps >= 1
        assert report.unknowns > 0
        assert report.relative_residual <= config.rtol
    assert simulation.grid.shape[0] == 12
    assert torch.isfinite(simulation.velocity).all()
    if not getattr(scene, "inflows", ()):  # a stream of two cells has no well-defined volume
        assert abs(simulation.volume_error()) < 0.1


def test_the_flames_of_the_campfire_are_no_cone():
    """They lean and tear: what glows is little like its mirror image, and like itself a moment
    later."""
    config = RunConfig(scene="campfire", resolution=24)
    scene = importlib.import_module("scenes.campfire").build(config)
    fire = scene.start(24)
    shapes = []
    for _ in range(48):
        fire.advance(scene.frame_seconds)
        shapes.append((fire.temperature[:, :, 5:] > GLOWS).numpy())
    late = shapes[24:]
    mirrored = np.mean([overlap(shape, shape[:, ::-1]) for shape in late])
    later = np.mean([overlap(*pair) for pair in zip(late, late[4:], strict=False)])
    assert mirrored < 0.45 and later < 0.32


def overlap(one, other):
    """The part of what one or the other covers that both cover."""
    return (one & other).sum() / max((one | other).sum(), 1)
