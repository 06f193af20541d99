"""Two ways to step smoke in time: with one projection per step, and by advection and reflection,
with two.

A reflecting step costs up to twice as much: see the CPU seconds. At CFL numbers around 1, one
projection is both cheaper and more accurate, because the field is interpolated half as often; in
long steps reflection is more accurate, also at equal cost.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import replace

from fluidsim.scene.scene import SmokeScene
from fluidsim.smoke.smoke import Smoke
from fluidsim.verification.case import Case, Check, Findings
from fluidsim.verification.vortices import (
    BOX,
    IDEAL,
    TUNNEL,
    steady_cells,
    vortex_in_wind,
)
from fluidsim.verification.worlds import smoke

CELLS = 128
NUMBERS = (1.0, 2.0, 4.0)
SOURCE = (
    "Zehnder, Narain & Thomaszewski 2018, An advection-reflection solver for detail-preserving "
    "fluid simulation, with traces along velocities extrapolated in time"
)


class OneProjection(Smoke):
    """Smoke that steps with one projection, however long a step is."""

    def _goes_far(self, dt: float) -> bool:
        return False


class Reflecting(Smoke):
    """Smoke that steps by reflection, however short a step is."""

    def _goes_far(self, dt: float) -> bool:
        return True


SCHEMES = {"one projection": OneProjection, "reflection": Reflecting}


def compared(scene: SmokeScene, measure: Callable[[Smoke], tuple[float, float]]) -> Findings:
    """A flow of the suite by both; `measure` returns the remaining energy and the error."""
    rows = [("CFL number", "scheme", "CPU, s", "energy left", "error of the speed")]
    errors = {}
    for cfl, (name, scheme) in itertools.product(NUMBERS, SCHEMES.items()):
        like = smoke(scene, round(max(scene.size)) * CELLS)
        room = scheme(replace(like.setup, cfl=cfl), (), IDEAL)
        begin = time.process_time()
        left, error = measure(room)
        seconds = time.process_time() - begin
        errors[name, cfl] = error
        rows.append((f"{cfl:g}", name, f"{seconds:.1f}", f"{left:.5f}", f"{error:.3%}"))
    gain = errors["reflection", NUMBERS[0]] / errors["one projection", NUMBERS[0]]
    return Findings(
        (Check("error by reflection / by one projection, CFL 1", gain, 1.0, 0.0, at_least=True),),
        table=tuple(rows),
    )


CASES = tuple(
    Case(
        f"scheme-{name}",
        f"{what}, {CELLS} cells per metre: one projection per step against advection-reflection",
        SOURCE,
        functools.partial(compared, scene, measure),
        20,
    )
    for name, what, scene, measure in (
        ("taylor_green", "Taylor-Green vortices", BOX, steady_cells),
        ("carried", "vortex carried by the wind", TUNNEL, vortex_in_wind),
    )
)
