"""Mass of the smoke in a closed room after its source has stopped."""

from __future__ import annotations

import functools

from fluidsim.scene.scene import SmokeScene
from fluidsim.smoke.smoke import SmokeOptions, Source
from fluidsim.solid.shapes import Sphere
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import frames, smoke

STOP, FRAMES, FRAME = 0.5, 200, 1 / 40


def kept(dim: int, cells: int, solid: bool) -> Findings:
    middle = (0.5,) * (dim - 1)
    room = smoke(
        SmokeScene(
            size=(1.0,) * dim,
            sources=[Source(Sphere((*middle, 0.15), 0.1), until=STOP)],
            solids=[Sphere((*middle, 0.55), 0.12)] if solid else [],
            physics=SmokeOptions(cooling=0.0),
        ),
        cells,
    )

    def mass() -> float:
        return float((room.density.double() * room.solids.room).sum())

    for _ in frames(room, STOP + FRAME, FRAME):
        pass
    times, values = [0.0], [mass()]
    for time in frames(room, FRAMES * FRAME, FRAME):
        times.append(time - STOP)
        values.append(mass())
    ratios = [value / values[0] for value in values]
    return Findings(
        (Check("mass / initial mass", max(ratios, key=lambda r: abs(r - 1)), 1.0, 0.005),),
        (
            Plot(f"{dim}D, {'with a ball' if solid else 'empty'}", "s", "mass / initial mass", (
                Curve("kept", times, [1.0] * len(times), reference=True),
                Curve("measured", times, ratios),
            )),
        ),
    )  # fmt: skip


CASES = tuple(
    Case(
        f"mass-{dim}d-{'ball' if solid else 'empty'}",
        f"smoke in a closed {dim}D room, {cells} cells per metre, {FRAMES} frames without a source"
        + (", around a ball" if solid else ""),
        "conservation of mass",
        functools.partial(kept, dim, cells, solid),
        seconds,
    )
    for dim, cells, seconds in ((2, 64, 10), (3, 32, 20))
    for solid in (False, True)
)
