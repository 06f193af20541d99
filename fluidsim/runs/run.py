"""A run from the command line: flags, what it needs, frames, video, closing table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from fluidsim import taichi_runtime
from fluidsim.errors import SimulationError
from fluidsim.output import forgiving
from fluidsim.runs import preflight
from fluidsim.runs.drawing import Drawing
from fluidsim.runs.easel import easel
from fluidsim.runs.flags import file_name, parse_run, run_folder
from fluidsim.runs.loop import FrameLoop
from fluidsim.runs.plan import Plan
from fluidsim.runs.preflight import Needs
from fluidsim.runs.progress import closing_table
from fluidsim.runs.resuming import Start, draw_missing, drop_other_pictures, start_of
from fluidsim.runs.stopping import guarded
from fluidsim.runs.video import make_video
from fluidsim.runs.warm_up import warm_up
from fluidsim.scene.config import RunConfig
from fluidsim.scene.figurines import check_mesh_is_used
from fluidsim.scene.scene import Scene
from fluidsim.store import checkpoint
from fluidsim.store.claim import claimed
from fluidsim.store.run_folder import RunFolder, header
from solvers import runtime

Build = Callable[[RunConfig], Scene]


def run(build: Build, argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run a scene as its script does: simulate, log, store and draw it.

    Parameters
    ----------
    build : callable
        Takes a `RunConfig` and returns a `LiquidScene` or a `SmokeScene`.
    argv : sequence of str, optional
        The flags; by default those of the command line.
    prog : str, optional
        Name of the program in messages; by default that of the script.

    Returns
    -------
    int
        Exit status: 0 done, 1 failed with one line, 130 interrupted.

    Raises
    ------
    SystemExit
        With 2 if a flag is wrong, with 0 after `--help`.
    """
    file = Path(inspect.getsourcefile(build) or "scene.py")
    description = (inspect.getmodule(build).__doc__ or "").strip()  # pyright: ignore
    config = parse_run(file.stem, argv, description, prog or file.name)
    with forgiving():
        return guarded(lambda: _run(build, config), config.debug)


def _run(build: Build, config: RunConfig) -> None:
    console = Console(highlight=False, markup=False)
    machine = runtime.configure(config.threads, config.device)
    plan = Plan.of(build(config), config)
    check_mesh_is_used(plan.scene, config)
    drawing = plan.drawing() if config.render else None
    path = _out(config)
    _check_needs(plan, path, console)
    with claimed(path):
        _write_run(path, plan, drawing, build, machine, console)


def _write_run(
    path: Path, plan: Plan, drawing: Drawing | None, build: Build, machine: runtime.Runtime,
    console: Console,
) -> None:  # fmt: skip
    """The run, into a folder that this process holds."""
    config, about = plan.config, plan.about()
    if config.resume is None:
        start, folder = Start(None, []), RunFolder.new(path, about)
    else:
        start = start_of(config.resume, plan)
        drop_other_pictures(path, plan)
        folder = RunFolder.again(path, about, len(start.stored), start.frame)
    try:
        taichi_runtime.start(machine)
        warm_up(build, config, machine, console)
        simulation = plan.start(machine)
        for warning in preflight.warnings(plan, simulation):
            console.print(f"warning: {warning}", soft_wrap=True)
        console.print(
            f"{config.scene}  {plan.cells} cells  solver {config.solver}  "
            f"{machine.threads} threads on {machine.device}  -> {folder.path}"
        )
        folder.write_header({"config": config.as_json(), **header(machine.threads, config.device)})
        with easel(drawing, folder.frames, machine) as draw:
            loop = FrameLoop(simulation, plan, folder, draw)
            if start.state is None:
                loop.begin()
            else:
                loop.go_on_from(start.state, start.stored)
                console.print(f"going on after frame {start.frame}")
                missing = 0 if draw is None else draw_missing(folder, plan, draw)
                if missing:
                    console.print(f"drawing {missing} pictures that were missing")
            records = loop.run(console)
        video = _video(plan, folder) if config.render else None
    except BaseException as error:
        _tell_end(folder, error, console)
        raise
    folder.set_status("done")
    if records:
        console.print(closing_table(records))
    for line in loop.health.summary():
        console.print(f"warning: {line}", soft_wrap=True)
    console.print(f"log {folder.log}" + (f"\nvideo {video}" if video else ""), soft_wrap=True)


def _check_needs(plan: Plan, path: Path, console: Console) -> None:
    """Say what the run needs; raises SimulationError when there is less, but for --force."""
    needs = Needs.of(plan)
    for obstacle in preflight.obstacles(plan, needs, path):
        if not plan.config.force:
            raise SimulationError(f"{obstacle} (--force starts all the same)")
        console.print(f"warning: {obstacle}", soft_wrap=True)
    console.print(f"needs about {needs}")


def _tell_end(folder: RunFolder, error: BaseException, console: Console) -> None:
    """Note how the run ended, as far as the disk lets us."""
    stopped = isinstance(error, KeyboardInterrupt)
    try:
        folder.set_status("interrupted" if stopped else f"failed: {error}")
    except OSError as unwritten:
        console.print(f"config.json still says running: {unwritten}", soft_wrap=True)
    kept = checkpoint.stored(folder.checkpoints)
    if stopped:
        how = f"goes on after frame {int(kept[-1].stem)}" if kept else "starts over"
        console.print(f"stopped; --resume {folder.path} {how}", soft_wrap=True)


def _video(plan: Plan, folder: RunFolder) -> str:
    numbers = range(1, plan.config.frames + 1)
    return make_video(folder.path, numbers, plan.config.fps, plan.frame_seconds)


def _out(config: RunConfig) -> Path:
    """The folder asked for or resumed, or a new one below renders/."""
    if config.resume is not None:
        return run_folder(config.resume)
    if config.out is not None:
        return config.out
    name = f"{config.scene}-{config.dim}d-{config.resolution}-{file_name(config.solver)}"
    path = Path("renders") / name
    number = 2
    while path.exists():
        path = Path("renders") / f"{name}-{number}"
        number += 1
    return path
