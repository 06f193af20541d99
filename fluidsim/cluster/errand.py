"""What a worker does for a sweep: a run, in a process of its own, from where it stands."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Worker, get_worker
from distributed.core import Status

from fluidsim import processes
from fluidsim.errors import SimulationError, said
from fluidsim.store.claim import claimed

COMMAND = "import sys\nfrom fluidsim.cli import main\nsys.exit(main())"
PATIENCE = 60.0  # s, until a process that still holds the run has ended
LOOK = 0.1  # s, between looks at the process
LONGEST = 300  # characters of a line that is passed on


@dataclass(frozen=True)
class Errand:
    """A run: its scene, its flags as a command line has them, its folder."""

    scene: str
    flags: Sequence[str]
    folder: Path


@dataclass(frozen=True)
class Ending:
    """Of a run. worker: its address. failure: the last line of the run, "" if it is done."""

    worker: str
    failure: str


def status_of(folder: Path) -> str:
    """What config.json says of how the run ended; "" where there is none."""
    return str(about(folder).get("status", ""))


def about(folder: Path) -> Mapping[str, Any]:
    """config.json of a run, empty where there is none that can be read."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def make(errand: Errand) -> Ending:
    """Bring a run to its end, on a worker: begin it, or go on from its last checkpoint.

    Its process ends when the worker does, or when the run is not wanted any more. What it prints
    is added to a file beside its folder.
    """
    worker = get_worker()
    try:
        return Ending(worker.address, _failure(errand, worker))
    except OSError as error:
        return Ending(worker.address, said(error))


def _failure(errand: Errand, worker: Worker) -> str:
    """The last line of a run that fails, "" of one that is done."""
    wait_until_free(errand.folder)
    status = status_of(errand.folder)
    if status == "done":
        return ""
    words = ["run", errand.scene, *errand.flags, "--out", str(errand.folder)]
    if status:
        force = [flag for flag in errand.flags if flag == "--force"]
        words = ["run", errand.scene, "--resume", str(errand.folder), *force]
    environment = {**os.environ, "NUMBA_NUM_THREADS": _threads(errand)}  # the cores it may use
    with errand.folder.with_name(f"{errand.folder.name}.txt").open("a+b") as output:
        begin = output.seek(0, os.SEEK_END)
        code = _ended(processes.tethered(COMMAND, *words), output, environment, worker)
        output.seek(begin)
        lines = output.read().decode(errors="replace").strip().splitlines()
    if code < 0:
        return f"ended by signal {-code}, maybe for lack of memory"
    last = lines[-1] if lines else f"ended with status {code}"
    return last.removeprefix("error: ")[:LONGEST] if code else ""


def _ended(command: list[str], output: Any, environment: dict[str, str], worker: Worker) -> int:
    """The exit status of a process; it is killed when nobody waits for this task any more."""
    key = worker.get_current_task()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            while (code := process.poll()) is None:
                task = worker.state.tasks.get(key)
                if worker.status != Status.running or task is None or task.state != "executing":
                    raise SimulationError("not wanted any more")
                time.sleep(LOOK)
            return code
        finally:
            process.kill()


def _threads(errand: Errand) -> str:
    """Of a run that has begun, or of its flags."""
    stored = about(errand.folder).get("config", {}).get("threads")
    flags = [flag.partition("=")[2] for flag in errand.flags if flag.startswith("--threads=")]
    return str(stored or flags[-1])


def wait_until_free(folder: Path) -> None:
    """A worker that is lost, but not gone, ends its run when it notices."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with claimed(folder):
                return
        except SimulationError:
            time.sleep(1.0)
