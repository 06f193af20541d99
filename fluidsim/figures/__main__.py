"""Measure the tables of figures anew: `python -m fluidsim.figures docs/figures.md`.

Run it on an idle machine. `timings`: each scene without pictures, medians over its frames after the
first ones. `steps`: seconds a step. `roofline`: how near the stages of a step come to the bandwidth
of the memory. `memory`: what runs with each solver take, and what they were told to. `solvers`:
each solver on model systems, as `fluidsim bench` measures them. `schur`: direct solvers on boxes.
`stencils`: direct solution of other equations. `pictures`: the drawing of single frames. `cluster`:
the drawing of a run by workers. `beside`: solves and steps beside busy programs. `cfl`: a dam break
in longer and longer steps. `relaxation`: omegas of `sor` that are learnt along runs, and a picture
of them. `auto`: what it chose, beside the best in hindsight. `guesses`: what the last pressures of
a run save in the next solve, and `network`: what a learned guess does. `order`: `recycling` on
systems in no order. `walls`: iterations of `multigrid` behind thin walls. `petsc`: that
library on ranks of MPI, where it is installed. `gradients`: time and memory of gradients through
runs. All of them unless some are named after the file, in which each table stands between two
marks, `<!-- timings begin -->` and `<!-- timings end -->`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import solvers
from fluidsim.figures.beside import beside
from fluidsim.figures.cfl import cfl
from fluidsim.figures.choice import auto
from fluidsim.figures.cluster import cluster
from fluidsim.figures.direct import schur, stencils
from fluidsim.figures.gradients import gradients
from fluidsim.figures.guesses import guesses
from fluidsim.figures.memory import memory
from fluidsim.figures.network import network
from fluidsim.figures.order import order
from fluidsim.figures.petsc import petsc
from fluidsim.figures.pictures import pictures
from fluidsim.figures.pressure import pressure
from fluidsim.figures.relaxation import relaxation
from fluidsim.figures.report import replace_section
from fluidsim.figures.roofline import roofline
from fluidsim.figures.scenes import scenes
from fluidsim.figures.steps import steps
from fluidsim.figures.walls import walls
from fluidsim.files import replacing

SECTIONS = {
    "timings": scenes, "steps": steps, "roofline": roofline, "memory": memory, "beside": beside,
    "solvers": pressure, "schur": schur, "stencils": stencils, "pictures": pictures, "cfl": cfl,
    "cluster": cluster, "relaxation": relaxation, "auto": auto, "walls": walls, "petsc": petsc,
    "guesses": guesses, "network": network, "order": order, "gradients": gradients,
}  # fmt: skip


def main(page: Path, names: Sequence[str]) -> None:
    for name in names:
        replace_section(page.read_text(encoding="utf-8"), name, "")
        content = SECTIONS[name]()
        with replacing(page) as temporary:
            text = replace_section(page.read_text(encoding="utf-8"), name, content)
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(SECTIONS):
        raise SystemExit(f"usage: python -m fluidsim.figures FILE.md [{' | '.join(SECTIONS)}]")
    try:
        possible = [name for name in SECTIONS if name != "petsc" or name in solvers.available()]
        main(Path(sys.argv[1]), sys.argv[2:] or possible)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
