"""Scenes step on a GPU as they do on the CPU: each kernel and each stage takes part in some."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

STEPS = Path(__file__).with_name("steps.py")
SCENES = [
    ("dam_break", 2), ("dam_break", 3), ("stirred_tank", 3), ("viscous_coil", 2),
    ("viscous_coil", 3), ("water_drop", 3), ("waterflow_pool", 3), ("kleefsman", 3),
    ("ball_bowl", 3), ("smoke_solid", 2), ("smoke_solid", 3), ("campfire", 3),
    ("karman_street", 2), ("smoke_moving_donuts", 3),
]  # fmt: skip


@pytest.mark.cuda
@pytest.mark.parametrize(("name", "dim"), SCENES)
def test_a_scene_steps_as_on_the_cpu(name, dim, tmp_path):
    ours, theirs = (_fields(name, dim, device, tmp_path) for device in ("cuda", "cpu"))
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        apart, size = np.linalg.norm(ours[key] - values), np.linalg.norm(values)
        assert apart <= 1e-4 * size, (key, apart / size)


def _fields(name: str, dim: int, device: str, folder: Path) -> dict[str, np.ndarray]:
    file = folder / f"{device}.npz"
    command = [sys.executable, str(STEPS), name, str(dim), device, str(file)]
    subprocess.run(command, check=True, timeout=300)
    return dict(np.load(file))
