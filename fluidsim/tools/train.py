"""`fluidsim train npsdo`: weights of a neural preconditioner, from the project's own scenes."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import platform
from collections.abc import Sequence
from pathlib import Path

import numba
import rich.progress
import torch
from rich.console import Console

from fluidsim.errors import SimulationError
from fluidsim.parsing import place, positive, whole
from fluidsim.runs.catalogue import scene_module
from fluidsim.runs.run import run
from fluidsim.runs.stopping import DONE, INTERRUPTED
from solvers import runtime
from solvers.npsdo import card, gate, weights
from solvers.npsdo.data import Split, TrainingData, held_out, load_recorded
from solvers.npsdo.training import Training, TrainingOptions
from solvers.storage import StoredSystem

# Which scenes are recorded for what: frames, and every how many steps a system is stored.
SCENES = {
    Split.TRAINING: (("dam_break", "smoke_plume", "water_drop"), 50, 12),
    Split.VALIDATION: (("stirred_tank",), 40, 20),
    Split.TEST: (("smoke_solid",), 40, 20),
}
# Sizes of random geometries in training, a size as often as it counts; sizes that are judged.
SIZES = {
    ("npsdo", 2): ((64, 64, 64, 128, 128, 128, 256, 256, 512), (64, 128, 256, 512)),
    ("npsdo", 3): ((24, 32, 32, 32, 40, 48), (32, 48, 64)),
    ("npsdo-paper", 2): ((64,), (64,)),
    ("npsdo-paper", 3): ((32,), (32,)),
}
# Scenes are recorded at the sizes that are judged, up to this one.
MOST_RECORDED = 256
RATES = {2: 1e-3, 3: 3e-4}


def add_train_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--kind", choices=list(weights.KINDS), default="npsdo", help="which network (npsdo)")
    add("--dim", type=int, choices=(2, 3), default=2, help="of the systems (2)")
    add(
        "--sizes", nargs="+", type=whole(8, 1024), metavar="CELLS",
        help="along the sides of random geometries; one named twice counts twice",
    )  # fmt: skip
    add("--gate-sizes", nargs="+", type=whole(8, 1024), metavar="CELLS", help="that are judged")
    add("--minutes", type=positive, default=30.0, help="how long (30)")
    add("--steps", type=whole(0, 10**7), default=0, help="how long, in steps, instead of minutes")
    add("--rate", type=positive, default=None, help="learning rate (2D 0.001, 3D 0.0003)")
    add("--loss", choices=("energy", "residual"), default="energy", help="(energy)")
    add("--gates", type=whole(1, 1000), default=6, help="looks at held-out problems (6)")
    add("--seed", type=whole(0, 2**31 - 1), default=0, help="of all random numbers (0)")
    add("--systems", nargs="+", type=place, metavar="DIR", help="stored systems to train on")
    add("--held-out", nargs="+", type=place, metavar="DIR", help="stored systems to judge on")
    add("--test", nargs="+", type=place, metavar="DIR", help="stored systems for the last table")
    add("--start", type=place, metavar="FILE", help="weights to start from")
    add("--out", type=place, metavar="FILE", help="(renders/npsdo/KIND_DIMd.safetensors)")
    add("--resume", action="store_true", help="continue where the training of this file stopped")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (cpu)")
    add("--threads", type=whole(1, 1024), default=None, metavar="N", help="CPU threads (all)")
    add("--debug", action="store_true", help="show the traceback of an error")


def train(options: argparse.Namespace) -> None:
    """Record scenes unless folders are given, train, test, write weights and their card."""
    machine = runtime.configure(options.threads, options.device)
    kind, dim = options.kind, options.dim
    out = options.out or Path("renders/npsdo") / f"{kind}_{dim}d.safetensors"
    if out.suffix != ".safetensors":
        raise ValueError(f"{out} must end in .safetensors")
    out.parent.mkdir(parents=True, exist_ok=True)
    sizes, judged = SIZES[kind, dim]
    sizes, judged = options.sizes or sizes, sorted(set(options.gate_sizes or judged))
    network = weights.untrained(kind, dim)
    if options.start is not None:
        network = weights.load(options.start, kind, dim)
    console = Console(highlight=False, markup=False)
    training_systems = _systems(Split.TRAINING, dim, judged, options, options.systems, console)
    validation_systems = _systems(Split.VALIDATION, dim, judged, options, options.held_out, console)
    settings = TrainingOptions(
        seed=options.seed, steps=options.steps, minutes=options.minutes, loss=options.loss,
        rate=options.rate or RATES[dim], gates=options.gates,
    )  # fmt: skip
    data = TrainingData(dim, sizes, training_systems, options.seed)
    validation = held_out(Split.VALIDATION, dim, judged, validation_systems, options.seed)
    notes = {
        "trained on": f"random geometries of {_listed(sizes)} cells a side; "
        f"{_origins(training_systems)}",
        "gate": f"model systems and random geometries of {_listed(judged)} cells a side; "
        f"{_origins(validation_systems)}",
        "versions": f"torch {torch.__version__}, numba {numba.__version__}, "
        f"Python {platform.python_version()}",
        "date": datetime.date.today().isoformat(),
    }
    checkpoint = out.with_name(f"{out.stem}.checkpoint.safetensors")
    runtime.configure(options.threads, options.device)  # a recorded scene has set its own
    with _Bar(console) as bar:
        training = Training(
            network.to(machine.device), data, validation, settings, console.print, bar.show
        )
        if options.resume:
            training.restore(checkpoint)
        training.run(out, notes, checkpoint)
    best = weights.load(out, kind, dim).to(machine.device)
    test_systems = _systems(Split.TEST, dim, judged, options, options.test, console)
    test = held_out(Split.TEST, dim, judged, test_systems, options.seed)
    problems = [problem.to(machine.device) for problem in test]
    new = weights.untrained(kind, dim).to(machine.device)
    scores = {
        "test, untrained": gate.table(gate.judge(problems, new)),
        "test": gate.table(gate.judge(problems, best)),
    }
    for name, score in scores.items():
        console.print(f"{name}: {score}")
    scores["test problems"] = (
        f"model systems and random geometries of other seeds; {_origins(test_systems)}"
    )
    weights.save(out, best, {**weights.notes(out), **scores})
    console.print(f"{out}\n{card.write(out.parent)}")


class _Bar:
    """A bar with ETA on a terminal; a context."""

    def __init__(self, console: Console) -> None:
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("training"),
            rich.progress.BarColumn(),
            rich.progress.TaskProgressColumn(),
            rich.progress.TextColumn("ETA"),
            rich.progress.TimeRemainingColumn(),
            rich.progress.TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, note="")

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, part: float, note: str) -> None:
        self._bar.update(self._task, completed=part, note=note)


def _systems(
    split: Split, dim: int, sizes: Sequence[int], options: argparse.Namespace,
    folders: Sequence[Path] | None, console: Console,
) -> list[StoredSystem]:  # fmt: skip
    """The stored systems of a split: of the given folders, else recorded in renders/npsdo."""
    if folders is not None:
        return load_recorded(folders, dim)
    root = Path("renders/npsdo/systems") / f"{dim}d" / split.name.lower()
    scenes, frames, every = SCENES[split]
    runs = []
    recorded = [size for size in sizes if size <= MOST_RECORDED]
    for scene, size in [(scene, size) for scene in scenes for size in recorded]:
        runs.append(root / f"{scene}-{size}")
        if not (runs[-1] / "done").exists():
            console.print(f"recording {scene} at {size} cells")
            _record(scene, dim, size, frames, every, options.seed, runs[-1])
    return load_recorded(runs, dim)


def _record(scene: str, dim: int, size: int, frames: int, every: int, seed: int, out: Path) -> None:
    """Run a scene for its systems; raises SimulationError with one line when it fails."""
    flags = {
        "dim": dim, "resolution": size, "frames": frames, "record-systems": every, "seed": seed,
        "out": out,
    }  # fmt: skip
    argv = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        build = scene_module(scene).build
        status = run(build, [*argv, "--no-render"])
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    if status != DONE:
        raise SimulationError(f"recording {scene}: {said.getvalue().strip().splitlines()[-1]}")
    (out / "done").touch()


def _origins(recorded: Sequence[StoredSystem]) -> str:
    """The scenes that systems come from, and how many of each."""
    counts: dict[str, int] = {}
    for stored in recorded:
        name = f"{stored.notes.get('scene', 'others')}-{max(stored.system.shape)}"
        counts[name] = counts.get(name, 0) + 1
    named = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    return f"recorded systems: {named}" if named else "no recorded systems"


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))
