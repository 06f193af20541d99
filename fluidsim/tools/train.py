"""`fluidsim train`: weights of a learned solver, from the project's own scenes."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numba
import rich.progress
import torch
from rich.console import Console

from fluidsim.store.claim import claimed
from fluidsim.tools.budget import Budget
from fluidsim.tools.recordings import PLACE, Record, planned, systems_of
from solvers import runtime
from solvers.npsdo import card, gate, weights
from solvers.npsdo.data import Split, TrainingData, held_out, load_recorded
from solvers.npsdo.training import Training, TrainingOptions
from solvers.storage import StoredSystem

# Sizes of random geometries in training, a size as often as it counts; sizes that are judged.
SIZES = {
    ("npsdo", 2): ((64, 64, 64, 128, 128, 128, 256, 256, 512), (64, 128, 256, 512)),
    ("npsdo", 3): ((24, 32, 32, 32, 40, 48), (32, 48, 64)),
    ("npsdo-paper", 2): ((64,), (64,)),
    ("npsdo-paper", 3): ((32,), (32,)),
    ("fluidnet", 2): ((64, 96, 128), (64, 128)),
    ("fluidnet", 3): ((24, 32, 40), (32,)),
    ("dcdm", 2): ((64, 96, 128), (64, 128)),
    ("dcdm", 3): ((24, 32, 40), (32,)),
    ("mgno", 2): ((32, 48, 64), (64,)),
    ("mgno", 3): ((16, 16, 24), (16,)),
}
RATES = {2: 1e-3, 3: 3e-4}
LOSSES = {"fluidnet": "residual", "dcdm": "direction"}  # of others the energy
BATCHES = {"mgno": 6}  # right-hand sides of a system; of others 2


def train(options: argparse.Namespace, record: Record) -> None:
    """Record scenes unless folders are given, train, test, write weights and their card.

    record: makes the recordings. All of it takes the minutes that are asked for; what does not fit
    is left out, and said.
    """
    budget = Budget(None if options.steps else options.minutes, not options.resume)
    machine = runtime.configure(options.threads, options.device)
    kind, dim = options.solver, options.dim
    out = options.out or Path("renders/npsdo") / f"{kind}_{dim}d.safetensors"
    out.parent.mkdir(parents=True, exist_ok=True)
    sizes, judged = SIZES[kind, dim]
    sizes, judged = options.sizes or sizes, sorted(set(options.gate_sizes or judged))
    network = weights.untrained(kind, dim)
    if options.start is not None:
        network = weights.load(options.start, kind, dim)
    console = Console(file=sys.stdout, highlight=False, markup=False)
    with _Bar(console, budget) as bar:
        found = _found(options, judged, budget, record, bar.say)
        runtime.configure(options.threads, options.device)  # a recorded scene has set its own
        data = TrainingData(
            dim, sizes, found[Split.TRAINING], options.seed, batch=BATCHES.get(kind, 2)
        )
        problems = held_out(Split.VALIDATION, dim, judged, found[Split.VALIDATION], options.seed)
        settings = TrainingOptions(
            seed=options.seed, steps=options.steps, minutes=options.minutes,
            loss=options.loss or LOSSES.get(kind, "energy"), rate=options.rate or RATES[dim],
            gates=options.gates,
        )  # fmt: skip
        training = Training(
            network.to(machine.device), data, problems, settings, console.print, bar.show
        )
        checkpoint = out.with_name(f"{out.stem}.checkpoint.safetensors")
        if options.resume:
            training.restore(checkpoint)
        kept = _fit(training, judged, budget, bar.say)
        notes = {
            "trained on": f"random geometries of {_listed(sizes)} cells a side; "
            f"{_origins(found[Split.TRAINING])}",
            "gate": f"model systems and random geometries of {_listed(kept)} cells a side; "
            f"{_origins(found[Split.VALIDATION])}",
            "versions": f"torch {torch.__version__}, numba {numba.__version__}, "
            f"Python {platform.python_version()}",
            "date": datetime.date.today().isoformat(),
        }
        training.run(out, notes, checkpoint)
        bar.say("testing")
        best = weights.load(out, kind, dim).to(machine.device)
        test = held_out(Split.TEST, dim, kept, found[Split.TEST], options.seed)
        last = [problem.to(machine.device) for problem in test if problem.size in kept]
        new = weights.untrained(kind, dim).to(machine.device)
        scores = {
            "test, untrained": gate.table(gate.judge(last, new)),
            "test": gate.table(gate.judge(last, best)),
        }
    for name, score in scores.items():
        console.print(f"{name}: {score}")
    scores["test problems"] = (
        f"model systems and random geometries of other seeds; {_origins(found[Split.TEST])}"
    )
    weights.save(out, best, {**weights.notes(out), **scores})
    console.print(f"{out}\n{card.write(out.parent)}")


def _found(
    options: argparse.Namespace, sizes: Sequence[int], budget: Budget, record: Record,
    say: Callable[[str], None],
) -> dict[Split, list[StoredSystem]]:  # fmt: skip
    """The systems of each split: those of its folders, or those of its scenes, recorded."""
    dim = options.dim
    given = {
        Split.TRAINING: options.systems,
        Split.VALIDATION: options.held_out,
        Split.TEST: options.test,
    }
    stored = {split: load_recorded(folders, dim) for split, folders in given.items() if folders}
    asked = {
        split: planned(split, dim, sizes, options.seed, options.threads)
        for split in given if split not in stored
    }  # fmt: skip
    if asked:
        with claimed(PLACE / f"{dim}d", "training", "wait for its end"):
            record([each for some in asked.values() for each in some], budget, say)
    return stored | {split: systems_of(some, dim, say) for split, some in asked.items()}


def _fit(
    training: Training, judged: list[int], budget: Budget, say: Callable[[str], None]
) -> list[int]:
    """Make a training fit the minutes that are left; returns the sizes that are judged."""
    kept = judged
    if training.progress.initial is not None:
        kept = sorted(training.progress.initial)
        if not set(kept) <= set(judged):
            raise ValueError(f"the training judged {_listed(kept)}; give the same --gate-sizes")
    if budget.is_limited:
        smallest = [each for each in training.held_out if each.size == kept[0]]
        begin = time.monotonic()
        gate.judge(smallest, training.average)
        first = time.monotonic() - begin
        if training.progress.initial is None:
            kept = budget.judged(first, judged, training.network.dim)
        if kept != judged:
            left_out = sorted(set(judged) - set(kept))
            say(f"not judged, as the minutes are few: {_listed(left_out)} cells")
        look = first * sum((size / kept[0]) ** training.network.dim for size in kept)
        before = training.progress.seconds
        minutes = budget.for_training(look, before)
        training.options = dataclasses.replace(training.options, minutes=minutes)
    training.held_out = [each for each in training.held_out if each.size in kept]
    return kept


class _Bar:
    """A bar with ETA on a terminal; a context."""

    def __init__(self, console: Console, budget: Budget) -> None:
        self._console, self._budget = console, budget
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("training"),
            rich.progress.BarColumn(),
            rich.progress.TaskProgressColumn(),
            rich.progress.TimeElapsedColumn(),
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
        """part: of the training that is done, where its minutes are not limited."""
        done = self._budget.part() if self._budget.is_limited else part
        self._bar.update(self._task, completed=done, note=note)

    def say(self, line: str) -> None:
        """A line that stays, and the note beside the bar."""
        self._console.print(line)
        self.show(0.0, line)


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
