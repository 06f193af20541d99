"""Seconds a picture of frames that are simulated first, by stage."""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time
from collections.abc import Callable

from fluidsim import taichi_runtime
from fluidsim.figures.gallery import scene_frame
from fluidsim.figures.report import machine, markdown
from fluidsim.render import Frame, flat, floor_light, sampling, smoke_light, spray, surface
from fluidsim.render.drops import draw_spray
from fluidsim.render.pictures import picture
from fluidsim.scene.config import RunConfig
from solvers import runtime

PICTURES = 6  # of a frame, the first for warm-up
SIZE = (1280, 720)
CASES = {  # scene, dimension, cells, frame
    ("dam_break", 3, 64): 30,
    ("smoke_solid", 3, 64): 90,
    ("dam_break", 2, 128): 34,
    ("smoke_solid", 2, 128): 110,
}
STAGES: dict[str, tuple[Callable, ...]] = {
    "surface": (spray.separated, surface.liquid_surface),
    "light": (floor_light.through_water, smoke_light.light_of),
    "tracing": (sampling.trace_picture,),
    "drops": (draw_spray,),
    "2D": (flat.liquid_picture, flat.smoke_picture),
}


def measure(frame: Frame) -> dict[str, float]:
    """Medians in seconds of the stages of a picture, and `whole`; stages without work are 0."""
    rounds = []
    for _ in range(PICTURES):
        profile = cProfile.Profile()
        begin = time.perf_counter()
        profile.runcall(picture, frame, SIZE)
        rounds.append({"whole": time.perf_counter() - begin, **_stages(profile)})
    return {name: statistics.median(row[name] for row in rounds[1:]) for name in rounds[0]}


def _stages(profile: cProfile.Profile) -> dict[str, float]:
    """Seconds inside of the functions of each stage."""
    inside = {key: row[3] for key, row in pstats.Stats(profile).stats.items()}  # type: ignore[attr-defined]

    def spent(function: Callable) -> float:
        code = function.__code__
        return inside.get((code.co_filename, code.co_firstlineno, code.co_name), 0.0)

    return {name: sum(map(spent, functions)) for name, functions in STAGES.items()}


def pictures_table(measured: dict[str, dict[str, float]]) -> str:
    """A Markdown table: a column a frame, a row a stage, ms; the last row in seconds."""
    rows = [["ms a picture", *measured]]
    for stage in STAGES:
        rows.append(
            [stage, *(f"{1e3 * row[stage]:.0f}" if row[stage] else "" for row in measured.values())]
        )
    rest = [row["whole"] - sum(row[stage] for stage in STAGES) for row in measured.values()]
    rows.append(["rest", *(f"{1e3 * value:.0f}" for value in rest)])
    rows.append(
        ["**seconds a picture**", *(f"**{row['whole']:.2f}**" for row in measured.values())]
    )
    return markdown(rows)


def pictures() -> str:
    """The section `pictures`."""
    threads = runtime.configure()
    taichi_runtime.start(threads)
    measured = {}
    for (scene, dim, cells), number in CASES.items():
        title = f"{scene} {cells}^{dim}"
        print(f"pictures of {title}", flush=True)
        config = RunConfig(scene=scene, dim=dim, resolution=cells)
        measured[title] = measure(scene_frame(config, number, threads)[0])
    numbers = ", ".join(map(str, CASES.values()))
    note = (
        f"Frames {numbers} at {SIZE[0]}x{SIZE[1]} with default settings, medians of "
        f"{PICTURES - 1} pictures after one for warm-up. Machine: {machine()}."
    )
    return f"{pictures_table(measured)}\n\n{note}"
