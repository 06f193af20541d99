"""Compile every kernel on a tiny version of a scene, so that no frame has to wait for it.

Compiled kernels are cached. The first time, which takes longest, a second process compiles the
solver's kernels at the same time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.console import Console

import solvers
from fluidsim import processes, taichi_runtime
from fluidsim.runs.flags import file_name
from fluidsim.runs.plan import Plan
from fluidsim.runs.snapshot import frame_of, solid_grid
from fluidsim.scene.config import RunConfig
from fluidsim.scene.scene import Scene
from solvers import announcing, caches
from solvers.runtime import Runtime, available_threads

CELLS, FRAMES = 16, 3
COMPILE = "from solvers.warm_up import main; main()"
MEANWHILE = "cg:engine=torch"  # solver of the tiny scene while that of the run is compiled


def warm_up(
    build: Callable[[RunConfig], Scene], config: RunConfig, machine: Runtime, console: Console
) -> None:
    """Simulate and draw the scene of `build` with few cells."""
    if caches.are_kept():
        when = "the first run on a machine compiles them, later ones load"
    else:
        when = "each run compiles them: XDG_CACHE_HOME names no folder that can be written"
    console.print(f"preparing kernels ({when})", soft_wrap=True)
    announcing.say_nothing()
    begin = time.perf_counter()
    small = dataclasses.replace(config, resolution=CELLS, size=(64, 48))
    if machine.device.type == "cpu" and available_threads() > 1 and is_first_use(config):
        command = processes.python(COMPILE, config.solver, str(config.dim))
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as beside:
            try:
                _try(build, dataclasses.replace(small, solver=MEANWHILE), machine)
                beside.wait()
            finally:
                beside.kill()
        with suppress(OSError):
            _note(config).parent.mkdir(parents=True, exist_ok=True)
            _note(config).write_text(sources_digest(), encoding="utf-8")
    _try(build, small, machine)
    console.print(f"kernels ready after {time.perf_counter() - begin:.1f} s")


def is_first_use(config: RunConfig) -> bool:
    """Whether the solver, as its sources are now, has not been compiled for this user."""
    try:
        return _note(config).read_text(encoding="utf-8") != sources_digest()
    except OSError:
        return True


def sources_digest() -> str:
    """A digest of all sources of the solvers."""
    digest = hashlib.blake2b(digest_size=10)
    for file in sorted(Path(solvers.__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _note(config: RunConfig) -> Path:
    """A file with the digest of the sources that were compiled last."""
    return (
        taichi_runtime.cache_folder().parent
        / "compiled"
        / f"{file_name(config.solver)}-{config.dim}d"
    )


def _try(build: Callable[[RunConfig], Scene], config: RunConfig, machine: Runtime) -> None:
    plan = Plan.of(build(config), config)
    simulation = plan.start(machine)
    for _ in range(FRAMES):
        simulation.advance(plan.scene.frame_seconds)
    if config.render:
        frame = frame_of(simulation, 0, plan.caption, solid_grid(simulation))
        plan.drawing()(frame)
