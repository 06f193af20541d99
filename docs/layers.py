"""Draw the picture of the layers: python docs/layers.py writes docs/layers.svg.

What stands higher imports what stands lower, never the other way round.
"""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE / "layers.svg"
ABOUT = (  # the layers of fluidsim, from the top
    "the command fluidsim",
    "its subcommands, one a file",
    "flows with known answers",
    "tables and pictures of the documentation",
    "a window on a run",
    "sweeps, and pictures, on many workers",
    "other programs; compare, report, train; refine",
    "flags, the loop over frames, drawing, stopping",
    "run folders, frames, checkpoints, systems",
    "what a script says; probes, view",
    "gradients through a run",
    "spray, foam and bubbles from frames",
    "the two physics; pictures",
    "rigid bodies that float, sink and collide",
    "pressure, viscosity, forces, extrapolation",
    "shapes, motion, meshes, walls",
    "cells, faces, interpolation, sorting; splines",
    "what the machine does beside",
    "",
)


def layers() -> list[list[str]]:
    """The layers that import-linter checks, from the top; names side by side do not import each
    other."""
    project = (HERE.parent / "pyproject.toml").read_text(encoding="utf-8")
    contract = project[project.index('containers = ["fluidsim"]') :]
    block = contract[contract.index("layers = [") : contract.index("\n]")]
    return [line.split(" | ") for line in re.findall(r'"([^"]+)"', block)]


WIDTH, ROW, GAP, LEFT, RIGHT = 760, 26, 6, 20, 420
INK, PAPER = "#1f2937", "#ffffff"


def box(x: float, y: float, width: float, height: float, text: str, colour: str) -> str:
    """A box with a text in its middle."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" fill="{colour}" '
        f'stroke="{INK}" stroke-width="0.6"/>\n'
        f'<text x="{x + width / 2:g}" y="{y + height / 2 + 4.5:g}" text-anchor="middle">'
        f"{text}</text>"
    )


def arrow(y: float) -> str:
    """From what stands above to what stands below."""
    x = LEFT + (RIGHT - LEFT) / 2
    return (
        f'<path d="M{x:g} {y:g} v14 m-4 -5 l4 5 l4 -5" fill="none" stroke="{INK}" '
        'stroke-width="1.2"/>'
    )


def draw() -> str:
    """The picture as SVG."""
    parts, y = [], 14.0
    width = RIGHT - LEFT
    parts.append(box(LEFT, y, width, 32, "scenes", "#fde68a"))
    parts.append(f'<text x="{RIGHT + 16}" y="{y + 20:g}">scripts of one picture each</text>')
    y += 32
    parts.append(arrow(y + 2))
    y += 20
    rooms = layers()
    height = len(rooms) * (ROW + GAP) + GAP + 24
    parts.append(
        f'<rect x="{LEFT - 8}" y="{y:g}" width="{width + 16}" height="{height}" rx="6" '
        f'fill="#eff6ff" stroke="{INK}" stroke-width="0.6"/>'
    )
    parts.append(f'<text x="{LEFT}" y="{y + 18:g}" font-weight="bold">fluidsim</text>')
    y += 24 + GAP
    for names, about in zip(rooms, ABOUT, strict=True):
        letters = sum(len(name) + 3 for name in names)
        x = float(LEFT)
        for name in names:
            each = (width - GAP * (len(names) - 1)) * (len(name) + 3) / letters
            parts.append(box(x, y, each, ROW, name, "#bfdbfe"))
            x += each + GAP
        parts.append(f'<text x="{RIGHT + 16}" y="{y + 17:g}">{about}</text>')
        y += ROW + GAP
    parts.append(arrow(y + 2))
    y += 20
    parts.append(box(LEFT, y, width, 32, "solvers", "#bbf7d0"))
    parts.append(f'<text x="{RIGHT + 16}" y="{y + 20:g}">coefficients in, pressure out</text>')
    y += 32 + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:g}" '
        f'viewBox="0 0 {WIDTH} {y:g}" font-family="sans-serif" font-size="13" fill="{INK}">\n'
        f'<rect width="{WIDTH}" height="{y:g}" fill="{PAPER}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
