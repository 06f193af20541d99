"""Files from anybody: readers answer damaged ones with one line, in bounded time and memory.

The bytes of valid files are flipped, cut, repeated and spliced, and their numbers are replaced by
hostile ones. The reader then returns, or raises ValueError, OSError or SimulationError with one
line. A new reader joins by a line in CASES.
"""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pyvista
import torch
from hypothesis import HealthCheck, given, settings

from fluidsim.render import Camera, LiquidFrame, SmokeFrame
from fluidsim.render.frame import SolidGrid
from fluidsim.runs.flags import parse_run
from fluidsim.scene.config import RunConfig
from fluidsim.scene.plain import as_json
from fluidsim.scene.view import View
from fluidsim.solid import mesh
from fluidsim.store import checkpoint, frames
from fluidsim.store.stored_run import open_run
from solvers.npsdo import weights
from solvers.storage import StoredSystem, load_system, save_system
from tests import fuzz
from tests.fuzz import Case
from tests.solvers.systems import CASES as SYSTEMS

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is limited by what Linux says of it"
)
SHAPE, DX = (6, 4), 0.25


def make_frame(folder: Path, kind: str) -> Path:
    (folder / "frames").mkdir()
    random = np.random.default_rng(0)
    if kind == "liquid":
        frame_class, fields = LiquidFrame, dict.fromkeys(("positions", "velocities"), (20, 2))
    else:
        frame_class = SmokeFrame
        fields = {"density": SHAPE, "temperature": SHAPE, "velocity": (2, *SHAPE)}
    arrays = {name: random.random(shape, np.float32) for name, shape in fields.items()}
    frame = frame_class(number=1, time=0.1, shape=SHAPE, dx=DX, **arrays)
    frames.save(frame, folder / "frames")
    return folder / "frames" / frames.name(1, ".ply" if kind == "liquid" else ".vti")


def make_solids(folder: Path) -> Path:
    make_frame(folder, "liquid")
    nodes = (SHAPE[0] + 1, SHAPE[1] + 1)
    distance = np.random.default_rng(0).random(nodes, np.float32)
    frames.save_solids(SolidGrid(distance, DX), folder / "frames", None)
    return folder / "frames" / "solids.vti"


def read_frame(path: Path, kind: str) -> object:
    return frames.load(path.parent, 1, kind, SHAPE, DX, 0.1, "")


def make_system(folder: Path) -> Path:
    system = SYSTEMS["obstacle"](2)
    rhs = torch.linspace(0, 1, system.active.numel()).double().reshape(system.shape)
    save_system(folder / "a.npz", StoredSystem(system, rhs, rhs, {"scene": "test"}))
    return folder / "a.npz"


def make_weights(folder: Path) -> Path:
    weights.save(folder / "a.safetensors", weights.untrained("npsdo", 2), {"seed": "0"})
    return folder / "a.safetensors"


def make_mesh(folder: Path, suffix: str = ".obj", **options: bool) -> Path:
    path = folder / f"ball{suffix}"
    ball = pyvista.Sphere(theta_resolution=6, phi_resolution=6)
    if suffix == ".off":
        faces = ball.regular_faces
        lines = ["OFF", f"{ball.n_points} {len(faces)} 0"]
        lines += [" ".join(f"{x:.4f}" for x in point) for point in ball.points]
        lines += ["3 " + " ".join(map(str, face)) for face in faces]
        path.write_text("\n".join(lines) + "\n")
    else:
        ball.save(path, **options)
    return path


def two_lines(path: Path) -> None:
    raise ValueError("one\ntwo")


def make_run(folder: Path, name: str) -> Path:
    grid = {"kind": "liquid", "shape": SHAPE, "dx": DX, "caption": "a"}
    flags = RunConfig("dam_break", dim=2, resolution=6, orbit=3.0)
    view = View(preset="dark", camera=Camera((1.0, -2.0, 1.0), (0.5, 0.5, 0.5)), orbit=3.0)
    config = {"config": flags.as_json(), "scene": {"view": as_json(view)}, "grid": grid}
    (folder / "config.json").write_text(json.dumps(config))
    lines = [{"version": 1}, *({"frame": n, "time": 0.1 * n} for n in (1, 2, 3))]
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return folder / name


def read_flags(path: Path) -> object:
    """What --resume takes from a folder; wrong flags end the program with status 2."""
    try:
        return parse_run("dam_break", ["--resume", str(path.parent)], "", "run")
    except SystemExit as exit:
        raise ValueError(f"exit status {exit.code}") from None


def make_checkpoint(folder: Path) -> Path:
    state = {"velocity": torch.rand(2, 3), "counts": torch.arange(4), "none": torch.zeros(0)}
    made = checkpoint.Checkpoint(3, state, {"frame": 3, "time": 0.1}, 5, {"config": {"dim": 2}})
    return checkpoint.save(folder, made)


def read_made_anew(path: Path) -> object:
    """As somebody would write it who knows the checksum."""
    tensors, about = weights.read(path)
    about.pop("sha256", None)
    about["sha256"] = checkpoint.checksum(tensors, about)
    weights.write(path, tensors, about)
    return checkpoint.load(path)


CASES = [
    Case("particles", partial(make_frame, kind="liquid"), partial(read_frame, kind="liquid")),
    Case("smoke", partial(make_frame, kind="smoke"), partial(read_frame, kind="smoke")),
    Case("solids", make_solids, partial(read_frame, kind="liquid")),
    Case("system", make_system, load_system),
    Case("weights", make_weights, partial(weights.load, kind="npsdo", dim=2)),
    Case("notes of weights", make_weights, weights.notes),
    Case("OBJ", partial(make_mesh, suffix=".obj"), mesh.read),
    Case("OFF", partial(make_mesh, suffix=".off"), mesh.read),
    Case("STL", partial(make_mesh, suffix=".stl"), mesh.read),
    Case("STL, text", partial(make_mesh, suffix=".stl", binary=False), mesh.read),
    Case("PLY", partial(make_mesh, suffix=".ply"), mesh.read),
    Case("PLY, text", partial(make_mesh, suffix=".ply", binary=False), mesh.read),
    Case("config of a run", partial(make_run, name="config.json"), lambda p: open_run(p.parent)),
    Case("log of a run", partial(make_run, name="log.jsonl"), lambda p: open_run(p.parent)),
    Case("flags of a run", partial(make_run, name="config.json"), read_flags),
    Case("checkpoint", make_checkpoint, checkpoint.load),
    Case("checkpoint, made anew", make_checkpoint, read_made_anew),
]
PROBES = [
    Case("takes memory", make_mesh, lambda path: np.ones(2**31)),
    Case("says two lines", make_mesh, two_lines),
    Case("crashes", make_mesh, lambda path: os.abort()),
]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def reader():
    process = fuzz.Reader(__name__)
    yield process
    process.stop()


def attack(case: Case, reader: fuzz.Reader, folder: Path, examples: int) -> None:
    path = case.make(folder)
    valid = path.read_bytes()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=fuzz.steps)
    def survives(steps):
        path.write_bytes(fuzz.changed(valid, steps))
        assert reader.read(case.name, path) == ""

    survives()


def test_the_process_sees_what_goes_wrong(reader, tmp_path):
    assert "MemoryError" in reader.read("takes memory", tmp_path)
    assert "not one line" in reader.read("says two lines", tmp_path)


@pytest.mark.slow
def test_the_process_outlives_a_crash(reader, tmp_path):
    assert "crash" in reader.read("crashes", tmp_path)
    assert "MemoryError" in reader.read("takes memory", tmp_path)


@EACH
def test_valid_files_are_read(case, reader, tmp_path):
    case.read(case.make(tmp_path))


@EACH
def test_damaged_files(case, reader, tmp_path):
    attack(case, reader, tmp_path, 40)


@pytest.mark.slow
@EACH
def test_many_damaged_files(case, reader, tmp_path):
    attack(case, reader, tmp_path, 3000)
