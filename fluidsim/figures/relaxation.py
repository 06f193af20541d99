"""Over-relaxation that learns its omega in the course of a run, beside fixed ones.

After figure 1 of Khodak, Chow, Balcan & Talwalkar (2024), Learning to relax, ICLR.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np

from fluidsim.figures.report import markdown
from fluidsim.figures.sequences import Run, follow
from fluidsim.files import replacing
from solvers.sequence import begin
from solvers.sor import OverRelaxation
from solvers.sor.omegas import OMEGAS
from solvers.storage import StoredSystem

RUNS = (Run("dam_break", 2, 64), Run("water_drop", 2, 64))
FRAMES = 60
PICTURE = Path("docs/relaxation.webp")
FIXED = "1.5"
LEARNERS = ("learned", "contextual")
# A fixed omega is followed no further when, after so many systems, it is so many times the best.
_PATIENCE, _HOPELESS = 10, 2.0


def counts(systems: Iterable[StoredSystem]) -> dict[str, list[int]]:
    """Iterations on each system, by omega; shorter lists for those that fail or are hopeless."""
    texts = [FIXED, *(f"{omega:.3f}" for omega in OMEGAS)]
    named: dict[str, Any] = {text: OverRelaxation(omega=float(text)) for text in texts}
    named |= {name: begin(OverRelaxation(omega=name)) for name in LEARNERS}
    found: dict[str, list[int]] = {label: [] for label in named}
    for number, step in enumerate(follow(systems, named), start=1):
        for label, iterations in step.iterations.items():
            found[label].append(iterations)
        rivals = [label for label in named if label not in (FIXED, *LEARNERS)]
        sums = {label: sum(found[label]) for label in rivals}
        for label in rivals:
            late = number >= _PATIENCE and sums[label] > _HOPELESS * min(sums.values())
            if late or not step.iterations[label]:
                del named[label]
    return found


def best_fixed(found: dict[str, list[int]]) -> str:
    """The fixed omega with the fewest iterations in all."""
    whole = len(found[FIXED])
    rivals = [text for text in found if text not in LEARNERS and len(found[text]) == whole]
    return min(rivals, key=lambda text: sum(found[text]))


def relaxation() -> str:
    """The section `relaxation`; draws the picture beside it."""
    lines = [["iterations a solve", "systems", f"omega {FIXED}", "best fixed one", *LEARNERS,
              "above the best", "at the end"]]  # fmt: skip
    drawn = {}
    for run in RUNS:
        print(f"relaxation on {run.title}", flush=True)
        found = counts(run.systems(FRAMES))
        best = best_fixed(found)
        means = {label: float(np.mean(values)) for label, values in found.items()}
        late = len(found[best]) * 2 // 3
        ratios = [
            np.array([means[name] / means[best] for name in LEARNERS]),
            np.array([np.mean(found[name][late:]) / np.mean(found[best][late:])
                      for name in LEARNERS]),
        ]  # fmt: skip
        lines.append(
            [run.title, str(len(found[best])), f"{means[FIXED]:.0f}",
             f"{means[best]:.0f} ({best})", *(f"{means[name]:.0f}" for name in LEARNERS),
             *(", ".join(f"{ratio - 1:+.0%}" for ratio in pair) for pair in ratios)]
        )  # fmt: skip
        drawn[run.title] = {
            f"omega {FIXED}": found[FIXED], "best fixed omega in hindsight": found[best],
            **{f"omega={name}": found[name] for name in LEARNERS},
        }  # fmt: skip
    with replacing(PICTURE) as temporary:
        draw(drawn, temporary)
    note = (
        f"Red-black SOR to 1e-6 from the guess of the run, on each step of {FRAMES} "
        f"frames. The best fixed one, of {len(OMEGAS)} and {FIXED}, is known afterwards only. "
        "Above the best: of `learned`, of `contextual`, over all systems and over their last third."
    )
    return f"{markdown(lines)}\n\n{note}"


def draw(drawn: dict[str, dict[str, list[int]]], path: Path) -> None:
    """Iterations a solve, the mean so far, over the systems of each run, as WebP."""
    figure = matplotlib.figure.Figure(figsize=(4.2 * len(drawn), 3.9), layout="constrained")
    panels = figure.subplots(1, len(drawn), squeeze=False)[0]
    looks = itertools.cycle((("tab:gray", ":"), ("black", "--"), ("tab:blue", "-"),
                             ("tab:orange", "-")))  # fmt: skip
    for panel, (title, lines) in zip(panels, drawn.items(), strict=True):
        for label, values in lines.items():
            colour, style = next(looks)
            solves = np.arange(1, len(values) + 1)
            panel.plot(solves, np.cumsum(values) / solves, style, color=colour, label=label)
        panel.set(title=title, xlabel="systems so far", xscale="log", yscale="log")
        panel.grid(alpha=0.3)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter("{x:.0f}")
            axis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    panels[0].set_ylabel("iterations a solve, mean so far")
    names = panels[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=2, fontsize="small")
    figure.savefig(path, format="webp", dpi=110)
