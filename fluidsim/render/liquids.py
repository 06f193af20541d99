"""What liquids look like."""

from __future__ import annotations

from dataclasses import dataclass

from fluidsim.render.stage import Colour


@dataclass(frozen=True)
class LiquidLook:
    """absorption: of red, green and blue along the longest side of the domain. scattered: colour
    of a deep liquid in the light of the stage. shallow, deep: its colours in 2D, 0 ... 255."""

    absorption: Colour
    scattered: Colour
    shallow: Colour
    deep: Colour


LIQUIDS = {
    "water": LiquidLook(
        absorption=(7.9, 2.2, 1.25),
        scattered=(0.035, 0.283, 0.368),
        shallow=(112, 203, 232),
        deep=(13, 66, 130),
    ),
    "honey": LiquidLook(
        absorption=(5.0, 36.0, 140.0),
        scattered=(0.80, 0.26, 0.01),
        shallow=(246, 184, 66),
        deep=(158, 82, 10),
    ),
}
