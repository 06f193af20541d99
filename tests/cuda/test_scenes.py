"""Scenes step on a GPU as they do on the CPU: each kernel and each stage takes part in some."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

STEPS = Path(__file__).with_name("steps.py")
SCENES = [
    ("dam_break", 2, 0), ("dam_break", 3, 0), ("stirred_tank", 3, 0), ("viscous_coil", 2, 0),
    ("viscous_coil", 3, 0), ("water_drop", 3, 0), ("waterflow_pool", 3, 0), ("kleefsman", 3, 0),
    ("ball_bowl", 3, 0), ("waterflow_pool", 3, 4), ("dam_break", 2, 4), ("ducks", 3, 0),
    ("raft", 2, 0), ("smoke_solid", 2, 0), ("smoke_solid", 3, 0), ("campfire", 3, 0),
    ("karman_street", 2, 0), ("smoke_moving_donuts", 3, 0), ("whirlwind", 3, 0),
]  # fmt: skip


@pytest.mark.cuda
@pytest.mark.parametrize(("name", "dim", "band"), SCENES)
def test_a_scene_steps_as_on_the_cpu(name, dim, band, tmp_path):
    ours, theirs = (_fields(name, dim, band, device, tmp_path) for device in ("cuda", "cpu"))
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        apart, size = np.linalg.norm(ours[key] - values), np.linalg.norm(values)
        assert apart <= 1e-4 * size, (key, apart / size)


def _fields(name: str, dim: int, band: int, device: str, folder: Path) -> dict[str, np.ndarray]:
    file = folder / f"{device}.npz"
    command = [sys.executable, str(STEPS), name, str(dim), device, str(file), str(band)]
    subprocess.run(command, check=True, timeout=300)
    return dict(np.load(file))
