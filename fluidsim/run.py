"""A run from the command line: flags, progress, log, frames, video, closing table."""

from __future__ import annotations

import dataclasses
import inspect
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

import solvers
from fluidsim import frames, taichi_runtime
from fluidsim.config import RunConfig, parse_run
from fluidsim.figurines import check_mesh_is_used
from fluidsim.memory import check_memory
from fluidsim.progress import Progress, closing_table
from fluidsim.record import FrameRecord, RunFolder, header
from fluidsim.recorder import SystemRecorder
from fluidsim.scene import Scene, as_json
from fluidsim.series import Indices
from fluidsim.simulation import Simulation, SimulationError
from fluidsim.snapshot import frame_of, solid_grid
from fluidsim.timing import StageTimer
from fluidsim.walls import wall_warnings
from solvers import runtime

Build = Callable[[RunConfig], Scene]
WARM_UP_CELLS, WARM_UP_FRAMES = 16, 3
DONE, FAILED, INTERRUPTED = 0, 1, 130

# Set by a signal to stop: what a handler raises is lost where it meets a finalizer, so that the
# loop over the frames looks here as well.
_stop = threading.Event()


def run(build: Build, argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the scene that `build` describes with flags from `argv` (the command line).

    Returns the exit status: 0 done, 1 failed with one line, 130 interrupted; wrong flags exit
    with 2.
    """
    file = Path(inspect.getsourcefile(build) or "scene.py")
    description = (inspect.getmodule(build).__doc__ or "").strip()  # pyright: ignore
    config = parse_run(file.stem, argv, description, prog or file.name)
    return guarded(lambda: _run(build, config), config.debug)


def guarded(action: Callable[[], object], debug: bool) -> int:
    """Exit status of an action, its errors told in one line; `debug` lets them through."""
    _stop.clear()
    previous = {each: signal.signal(each, _interrupt) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        action()
        return DONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        known = isinstance(error, (SimulationError, solvers.SolveError, ValueError, OSError))
        what = str(error) if known else f"{type(error).__name__}: {error}"
        hint = "" if known else " (--debug shows where)"
        print(f"error: {' '.join(what.split())}{hint}", file=sys.stderr)
        return FAILED
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def _interrupt(number: int, stack: object) -> None:
    _stop.set()
    raise KeyboardInterrupt


def _run(build: Build, config: RunConfig) -> None:
    console = Console(highlight=False, markup=False)
    machine = runtime.configure(config.threads, config.device)
    scene = build(config)
    check_mesh_is_used(scene, config)
    check_memory(scene, config)
    grid = scene.grid(config)
    for warning in wall_warnings(scene.solids, grid, config.resolution):
        console.print(f"warning: {warning}", soft_wrap=True)
    shape = "x".join(map(str, grid.shape))
    caption = f"{config.scene}  {shape}  {config.solver}"
    stored = {"kind": scene.kind, "shape": grid.shape, "dx": grid.dx, "caption": caption}
    folder = RunFolder(_out(config), config.as_json(), as_json(scene), stored)
    try:
        taichi_runtime.start(machine)
        _warm_up(build, config, machine, console)
        timer = StageTimer(machine.device)
        simulation = scene.start(config, machine, timer)
        console.print(
            f"{config.scene}  {shape} cells  solver {config.solver}  "
            f"{machine.threads} threads on {machine.device}  -> {folder.path}"
        )
        folder.write_header({"config": config.as_json(), **header(machine.threads, config.device)})
        if config.record_systems:
            simulation.observer = SystemRecorder(folder.path / "systems", config, simulation)
        seconds = config.frame_seconds or scene.frame_seconds
        records = _frames(simulation, seconds, config, folder, timer, caption)
        video = _video(config, folder) if config.render else None
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        folder.set_status("interrupted" if stopped else f"failed: {error}")
        raise
    folder.set_status("done")
    console.print(closing_table(records))
    console.print(f"log {folder.log}" + (f"\nvideo {video}" if video else ""), soft_wrap=True)


def _frames(
    simulation: Simulation,
    seconds: float,
    config: RunConfig,
    folder: RunFolder,
    timer: StageTimer,
    caption: str,
) -> list[FrameRecord]:
    records = []
    indices = Indices(folder.path)
    timer.take()
    solids = solid_grid(simulation)
    if solids and not simulation.solids.moving:
        frames.save_solids(solids, folder.frames, None)
    with Progress(config.frames) as progress:
        for number in range(1, config.frames + 1):
            if _stop.is_set():
                raise KeyboardInterrupt
            report = simulation.advance(seconds)
            with timer("output"):
                if simulation.solids.moving and (solids := solid_grid(simulation)):
                    frames.save_solids(solids, folder.frames, number)
                frame = frame_of(simulation, number, caption, solids)
                frames.save(frame, folder.frames)
            if config.render:
                with timer("render"):
                    draw(frame, folder.frames, config.size)
            with timer("volume"):
                error = simulation.volume_error()
            record = FrameRecord.of(
                number, simulation.time, config.solver, report, error, simulation.particle_count,
                timer.take(),
            )  # fmt: skip
            folder.write_record(record)
            records.append(record)
            indices.add(record)
            progress.advance(record)
    return records


def draw(frame, folder: Path, size: tuple[int, int]) -> None:
    """Write the frame's picture beside its data."""
    from fluidsim import render

    render.save_picture(folder / f"{frame.number:04d}.png", render.picture(frame, size))


def _video(config: RunConfig, folder: RunFolder) -> Path:
    return make_video(folder.path, range(1, config.frames + 1), config.fps)


def make_video(path: Path, numbers: Sequence[int], fps: int) -> Path:
    """video.mp4 of the pictures of a run."""
    import imageio.v3 as imageio

    from fluidsim import render

    pictures = (imageio.imread(path / "frames" / f"{number:04d}.png") for number in numbers)
    return render.write_video(path / "video.mp4", pictures, fps)


def _warm_up(build: Build, config: RunConfig, machine: runtime.Runtime, console: Console) -> None:
    """Compile every kernel on a tiny version of the scene, so that no frame pays for it."""
    console.print("preparing kernels (the first run on a machine compiles them, later ones load)")
    begin = time.perf_counter()
    small = dataclasses.replace(config, resolution=WARM_UP_CELLS, size=(64, 48))
    scene = build(small)
    simulation = scene.start(small, machine, StageTimer(machine.device))
    for _ in range(WARM_UP_FRAMES):
        simulation.advance(scene.frame_seconds)
    if config.render:
        from fluidsim import render

        render.picture(frame_of(simulation, 0, "", solid_grid(simulation)), small.size)
    console.print(f"kernels ready after {time.perf_counter() - begin:.1f} s")


def _out(config: RunConfig) -> Path:
    """The folder asked for, or a new one below renders/."""
    if config.out is not None:
        return config.out
    name = f"{config.scene}-{config.dim}d-{config.resolution}-{config.solver}"
    path = Path("renders") / name
    number = 2
    while path.exists():
        path = Path("renders") / f"{name}-{number}"
        number += 1
    return path
